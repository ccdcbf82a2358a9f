"""What the documents show as output is what the program says: word for word, or in form where figures are a run's."""

from __future__ import annotations

import contextlib
import fnmatch
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pyarrow as pa
import pytest
from markdown_blocks import BLOCKS, ROOT, Block
from small_release import TEXTS, row, write_ledger, write_release
from small_releases import make_release

from curation.alarms import Alarm
from curation.cli.main import cli, run_command
from curation.config import parse_config
from curation.config.balance import Balance
from curation.errors import CurationError


def words(text: str) -> str:
    """Return a text without its line breaks and widths of columns: a page wraps long lines."""
    return " ".join(text.split())


def form(text: str) -> str:
    """Return a text without its figures and names of languages."""
    without_ids = re.sub(r"\b[0-9a-f]{12,32}\b", "ID", text)
    return words(re.sub(r"-?\d[\d,.]*%?", "N", re.sub(r"\b[a-z]{3}_[A-Z][a-z]{3}\b", "LANGUAGE", without_ids)))


def error_of(function: Callable[[], Any]) -> str:
    with pytest.raises(CurationError) as caught:
        function()
    return f"Error: {caught.value}"


def config_above(block: Block) -> str:
    """Return the last whole config of a page before a block."""
    return [each.text for each in BLOCKS if each.page == block.page and each.language == "yaml"][-1]


def stage_names(config: str, *, everything: bool = False) -> list[str]:
    """Return the names of the stages of a config, in order, with all that it does not ask for if that is wanted."""
    from pipelines.graph import Inputs, build_graph

    teachers = SimpleNamespace(options={}, digests={})
    known = SimpleNamespace(releases=("old",) if everything else (), digests=(), withdrawn={})
    evaluation = [SimpleNamespace(fingerprints=())] if everything else []
    inputs = Inputs({}, {}, known, teachers, evaluation)  # type: ignore[arg-type]
    overrides = ["balance.budget=9"] if everything else []
    return [stage.name for stage in build_graph(parse_config(config, overrides=overrides), inputs).stages]


def summary(block: Block, tmp_path: Path) -> None:
    from curation.cli.run import _closing

    release = make_release(tmp_path)
    found = _closing(release, Path("quickstart")).replace(str(release.path), "quickstart/release")
    before, table, after = block.text.strip("\n").split("\n\n", 2)
    found_before, found_table, found_after = found.strip("\n").split("\n\n", 2)
    assert form(before) == form(found_before).replace("weather", "django-messages")
    assert form(re.sub(r"explain \S+", "explain ID", after)) == form(re.sub(r"explain \S+", "explain ID", found_after))
    header, *rows = table.splitlines()
    assert words(header) == words(found_table.splitlines()[0])
    quickstart = (ROOT / "curation" / "quickstart.yml").read_text(encoding="utf-8")
    assert [row.split()[0] for row in rows] == stage_names(quickstart)
    assert {len(row.split()) for row in rows} == {len(header.split())}


def alarm(block: Block, tmp_path: Path) -> None:
    from pipelines.alarms import AlarmFiles, _error

    shown = re.search(r"\n      (.*) \| (.*)  \(score", block.text)
    assert shown is not None
    sample = {"query": shown[1], "positive": shown[2], "score": 0.41, "threshold": 0.0, "detail": ""}
    rows = [sample | {"id": re.search("[0-9a-f]{32}", block.text)[0]}] * 2  # type: ignore[index]
    found = Alarm("filter", "max_mojibake_share", ("news",), "khm_Khmr", 1_200, 1_044, 0.5)
    text = f"Error: {_error([found], [rows], AlarmFiles(Path('runs/first')))}"
    first, second = (line for line in text.splitlines() if "score" in line)
    assert first == second
    assert text.replace(f"{first}\n{second}", f"{first}\n      ...") == block.text.rstrip("\n")


def picture(block: Block, tmp_path: Path) -> None:
    """The names from left to right, and, where the line turns, from right to left."""
    lines = [line for line in block.text.splitlines() if "stats" not in line and not line.startswith("DIR/")]
    shown: list[str] = []
    for line in lines:
        names = re.findall(r"[a-z_]+", line)
        shown += reversed(names) if "<-" in line else names
    quickstart = (ROOT / "curation" / "quickstart.yml").read_text(encoding="utf-8")
    assert [name for name in shown if name != "sources"] == stage_names(quickstart, everything=True)


def folders(block: Block, tmp_path: Path) -> None:
    """Packages and modules are where the tree has them: those at its left edge, and, further in, within these."""
    package = ROOT
    for line in block.text.splitlines():
        if not line.startswith(" "):
            package = ROOT / line.split()[0]
            assert package.is_dir()
        named = re.sub(r"\(\[.*", "", line).replace("3D-ML", "")
        for name in re.findall(r"\b([a-z_]+(?:/|\.py\b))", named):
            places = (ROOT / name, package / name, *package.glob(f"*/{name}"))
            assert any(place.exists() for place in places), f"{package.name}: {name}"


def store(block: Block, tmp_path: Path) -> None:
    """The page's names are the store's, where the page's dots stand for anything."""
    import hashlib

    import pyarrow.parquet as pq

    from curation.mining.embeddings.store import BLOCK_ROWS, EmbeddingStore
    from curation.mining.keys import KEY
    from curation.mining.teachers.load import load_teacher
    from curation.mining.teachers.options import TeacherOptions

    text = "船は正午に出ます。"
    hashes = [hashlib.blake2b(text.encode(), digest_size=16).hexdigest()]
    (tmp_path / "vectors").mkdir()
    pq.write_table(pa.table({"text_hash": hashes, "embedding": [[3.0, 4.0]]}), tmp_path / "vectors" / "v.parquet")
    teacher = load_teacher(TeacherOptions(f"vectors:{tmp_path / 'vectors'}"))
    EmbeddingStore(tmp_path / "STORE").embed(teacher, [text], "passage")
    shown = [re.sub(r"[0-9a-f]+\.\.\.", "*", line.split()[0].rstrip("/")) for line in block.text.splitlines()[1:]]
    made = [path.name for path in (tmp_path / "STORE").rglob("*")]
    assert len(made) == len(shown)
    assert all(fnmatch.filter(made, pattern) for pattern in shown), (shown, made)
    assert f"{BLOCK_ROWS:,} rows" in block.text
    assert f"{KEY.itemsize} bytes a row" in block.text


def synopsis(block: Block, tmp_path: Path) -> None:
    """Every option of the verb is there, and no other."""
    words_shown = block.text.replace("[", " ").replace("]", " ").split()
    command = cli.get_command(None, words_shown[1])  # type: ignore[arg-type]
    assert command is not None
    options = {each for parameter in command.params for each in (*parameter.opts, *parameter.secondary_opts)}
    shown = {option for word in words_shown for option in word.split("/") if option.startswith("--")}
    assert shown == {option for option in options if option.startswith("--")}


def usage(block: Block, tmp_path: Path) -> None:
    """A line of the reference: how click itself puts it."""
    context, command = click.Context(cli, info_name="curate"), cli  # type: ignore[var-annotated]
    for name in block.text.split()[1:]:
        child = command.get_command(context, name) if isinstance(command, click.Group) else None
        if child is None:
            break
        context, command = click.Context(child, info_name=name, parent=context), child
    assert block.text.rstrip("\n") == f"{context.command_path} {' '.join(command.collect_usage_pieces(context))}"


def container(block: Block, tmp_path: Path) -> None:
    """The folder that is copied is the one that the variable names, and the program reads the variable."""
    from language_configs.table import ENVIRONMENT

    base, copied, variable = block.text.splitlines()
    assert base == "FROM IMAGE"
    assert variable == f"ENV {ENVIRONMENT}={copied.split()[-1]}"


def heads(text: str) -> list[str]:
    """Return the first line of each paragraph in form: of a table its columns, of a list of changes its label."""
    firsts = [paragraph.splitlines()[0] for paragraph in text.strip("\n").split("\n\n")]
    return [first.split()[0] if first.startswith(("setting", "input", "file")) else form(first) for first in firsts]


def diff(block: Block, tmp_path: Path) -> None:
    from curation.cli.diff import _text
    from curation.release.diff import diff_releases

    of_django = [row(number, language, source="django") for number, language in enumerate(TEXTS)]
    digests = ["0" * 64, "1" * 64]
    old, new = (
        write_release(
            tmp_path / version,
            rows,
            others={"README.md": version},
            name="django-messages",
            version=version,
            config={"name": "django-messages", "dedup": {"threshold": threshold}},
            sources={"django": {"inputs": [{"file": "django.po", "bytes": 1, "sha256": digest}]}},
        )
        for version, rows, threshold, digest in (
            ("1.0.0", of_django[1:], 0.8, digests[0]),
            ("1.1.0", [*of_django[:5], *(each | {"split": "test"} for each in of_django[5:-1])], 0.7, digests[1]),
        )
    )
    ledger = write_ledger(tmp_path / "ledger", {"near_dedup": [(of_django[-1]["id"], "near_duplicate")]})
    found = _text(diff_releases(old, new, earlier_ledger=None, later_ledger=ledger), 4)
    assert heads(found) == heads(block.text)


def contamination(block: Block, tmp_path: Path) -> None:
    from curation.release.zero_shot import mteb_training_datasets

    config = parse_config(config_above(block))
    more = config.sources[0].model_copy(update={"name": "manuals", "mteb_tasks": None})
    shown = json.loads(block.text)["mteb_training_datasets"]
    assert mteb_training_datasets([*config.sources, more]) == shown


def said(tmp_path: Path, sources: dict[str, str]) -> str:
    """Return what `curate plan` says of sources with these licences."""
    lines = ["name: pairs", "sources:"]
    for name, licence in sources.items():
        lines += [f"  - name: {name}", "    format: tsv", f"    path: {name}.tsv", f"    licence: {licence}"]
        lines += ["    task: bitext"]
    (tmp_path / "config.yml").write_text("\n".join(lines), encoding="utf-8")
    stderr = io.StringIO()
    with contextlib.chdir(tmp_path), contextlib.redirect_stderr(stderr):
        assert run_command(["plan", "config.yml"]) == 2
    return stderr.getvalue()


def unknown_licence(block: Block, tmp_path: Path) -> None:
    assert said(tmp_path, {"films": "CC-BY-2.0-FR"}) == block.text


def clashing_licences(block: Block, tmp_path: Path) -> None:
    assert said(tmp_path, {"wiki": "CC-BY-SA-4.0", "films": "CC-BY-NC-4.0"}) == block.text


def _cells(**rows: int) -> pa.Table:
    from curation.quota.cells import CELLS_SCHEMA

    values = [(language, "bitext", "bible", count, count) for language, count in rows.items()]
    return pa.Table.from_pylist(
        [dict(zip(CELLS_SCHEMA.names, row, strict=True)) for row in values], schema=CELLS_SCHEMA
    )


def budget(block: Block, tmp_path: Path) -> None:
    from curation.quota.plan import plan

    options = Balance.model_validate({"budget": 950, "cap": 500})
    found = error_of(lambda: plan(_cells(deu_Latn=900, swh_Latn=100), options))
    assert words(found) == words(block.text)


def monoculture(block: Block, tmp_path: Path) -> None:
    from curation.quota.plan import plan

    options = Balance.model_validate({"max_source_share": 0.5})
    assert words(error_of(lambda: plan(_cells(swh_Latn=100), options))) == words(block.text)


def version(block: Block, tmp_path: Path) -> None:
    from curation.release.diff.compare import RecipeDiff
    from curation.release.parent import check_version

    diff = SimpleNamespace(
        earlier={"version": "1.3.0"},
        level="minor",
        next_version="1.4.0",
        schema=(),
        added={("a", "b", "c"): 350},
        removed={("a", "b", "c"): 204},
        changed={("a", "b"): 5_263},
        recipes=RecipeDiff(),
    )
    found = error_of(lambda: check_version("1.3.1", diff))  # type: ignore[arg-type]
    assert found == block.text.rstrip("\n")


# By the page and the beginning of the block.
CHECKS: dict[tuple[str, str], Callable[[Block, Path], None]] = {
    ("README.md", "django-messages 0.1.0"): summary,
    ("README.md", "read -> distinct"): picture,
    ("docs/alarms.md", "Error: A rule took more"): alarm,
    ("docs/architecture.md", "sources -> read"): picture,
    ("docs/architecture.md", "curation/"): folders,
    ("docs/decontamination.md", '{"mteb_training_datasets"'): contamination,
    ("docs/licences.md", "Error: sources.0.licence"): unknown_licence,
    ("docs/licences.md", "Error: The licences of the sources"): clashing_licences,
    ("docs/quotas.md", "Error: The budget cannot be spent"): budget,
    ("docs/quotas.md", "Error: In 1 language(s)"): monoculture,
    ("docs/reference/cli.md", "curate "): usage,
    ("docs/releases.md", "Error: release.version does not fit"): version,
    ("docs/releases.md", "django-messages 1.0.0 ->"): diff,
    ("docs/running.md", "FROM IMAGE"): container,
    ("docs/teachers.md", "STORE/"): store,
    ("docs/training.md", "curate train"): synopsis,
}


def check_of(block: Block) -> Callable[[Block, Path], None] | None:
    """Return what holds a block to what the program says, if anything does."""
    if block.language not in {"dockerfile", "json", "text"}:
        return None
    return next((c for (page, start), c in CHECKS.items() if page == block.page and block.text.startswith(start)), None)
