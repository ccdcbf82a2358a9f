"""One small file a language, the schema of those files, and the way from any code to its language."""

from language_configs.loader import (
    UnknownLanguageError,
    by_lid176,
    confusable,
    in_all_scripts,
    languages,
    resolve,
    variants,
)
from language_configs.schema import Language

__all__ = [
    "Language",
    "UnknownLanguageError",
    "by_lid176",
    "confusable",
    "in_all_scripts",
    "languages",
    "resolve",
    "variants",
]
