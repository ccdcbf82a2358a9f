"""One small file a language, the schema of those files, and the way from any code to its language."""

from language_configs.loader import (
    UnknownLanguageError,
    by_label,
    by_lid176,
    confusable,
    in_all_scripts,
    resolve,
    resolve_program,
    variants,
)
from language_configs.read import LanguageFileError
from language_configs.schema import Language
from language_configs.table import explain, languages

__all__ = [
    "Language",
    "LanguageFileError",
    "UnknownLanguageError",
    "by_label",
    "by_lid176",
    "confusable",
    "explain",
    "in_all_scripts",
    "languages",
    "resolve",
    "resolve_program",
    "variants",
]
