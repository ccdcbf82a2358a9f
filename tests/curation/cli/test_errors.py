"""More than sixty ways to go wrong: what is said names what, where, why and what to do, and fits on a screen.

Each case is a command in a folder that holds a small sound config and its file, changed in one place.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_releases import TOKEN, hub, make_release

from curation.cli.main import run_command

GOOD = """\
name: pairs
sources:
  - name: news
    format: tsv
    path: news.tsv
    licence: CC-BY-4.0
    task: bitext
    query_language: en
    positive_language: sw
    columns: {query: english, positive: swahili}
mining: {num_negatives: 2}
gate: {enabled: false}
"""
LINES = "english\tswahili\nThe weather will be fine tomorrow\tKesho hali ya hewa itakuwa nzuri\n"
_MOST_LINES = 12


@dataclass(frozen=True)
class Case:
    """A way to go wrong.

    Attributes:
        name: what it is.
        argv: the command; `{c}` is the config, `{out}` a folder for the run, `{release}` a sound release.
        code: the exit code that is documented.
        words: all of them are said.
        old, new: what is changed in the config.
        prepare: what is done in the folder before.
    """

    name: str
    argv: str
    code: int
    words: tuple[str, ...]
    old: str = ""
    new: str = ""
    prepare: Callable[[Path], object] = lambda folder: None


def config(name: str, old: str, new: str, *words: str, code: int = 2) -> Case:
    """A config that cannot be, found by the plan."""
    return Case(name, "plan {c}", code, words, old, new)


def source(
    name: str, prepare: Callable[[Path], object], *words: str, old: str = "", new: str = "", code: int = 1
) -> Case:
    """A source that cannot be read, found by the run."""
    return Case(name, "run {c} --out {out} --workers 1", code, words, old, new, prepare)


def command(
    name: str, argv: str, code: int, *words: str, prepare: Callable[[Path], object] = lambda folder: None
) -> Case:
    return Case(name, argv, code, words, prepare=prepare)


def write(name: str, data: str | bytes) -> Callable[[Path], object]:
    content = data.encode() if isinstance(data, str) else data
    return lambda folder: (folder / name).write_bytes(content)


def write_table(name: str, **columns: list[object]) -> Callable[[Path], object]:
    return lambda folder: pq.write_table(pa.table(columns), folder / name)


def damaged(folder: Path) -> None:
    release = folder / "made" / "release"
    shard = next(release.glob("data/*/train-*.parquet"))
    shard.write_bytes(shard.read_bytes()[:-1] + b"x")


def without(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / "made" / "release" / name).unlink()


def replaced(name: str, data: str) -> Callable[[Path], object]:
    return lambda folder: (folder / "made" / "release" / name).write_text(data)


PARQUET = "    format: tsv\n    path: news.tsv", "    format: parquet\n    path: news.parquet"
JSONL = "    format: tsv\n    path: news.tsv", "    format: jsonl\n    path: news.jsonl"

CASES = (
    # The config.
    config("a misspelt key", "licence:", "lisence:", "lisence", "licence", "c.yml:6"),
    config("a misspelt section", "mining:", "minning:", "minning", "mining", "c.yml"),
    config("a key of a section misspelt", "num_negatives", "num_negative", "num_negative", "num_negatives", "c.yml:11"),
    config("a missing key", "    licence: CC-BY-4.0\n", "", "licence", "c.yml"),
    config("an unknown format", "format: tsv", "format: tvs", "tvs", "tsv", "c.yml:4"),
    config("an unknown task", "task: bitext", "task: translation", "translation", "bitext", "c.yml:7"),
    config("an unknown language", "query_language: en", "query_language: klingonish", "klingonish", "c.yml:8"),
    config("an unknown licence", "CC-BY-4.0", "CC-BY-SOMETHING", "CC-BY-SOMETHING", "c.yml:6"),
    config("a text for a number", "num_negatives: 2", "num_negatives: many", "many", "num_negatives", "c.yml:11"),
    config("a number that is too small", "num_negatives: 2", "num_negatives: -1", "-1", "c.yml:11"),
    config("a tab in YAML", "mining: {", "\tmining: {", "c.yml"),
    config("a bracket that is not closed", "{num_negatives: 2}", "{num_negatives: 2", "c.yml"),
    config("an alias", "{num_negatives: 2}", "&a {num_negatives: 2}\nbalance: *a", "aliases", "c.yml"),
    config("a Python object", "name: pairs", "name: !!python/object/apply:os.system [id]", "c.yml:1"),
    config("a key twice", "name: pairs", "name: pairs\nname: others", "name", "c.yml"),
    config(
        "two sources of one name",
        "mining:",
        "  - *\nmining:".replace("*", "{name: news, format: tsv, path: a, licence: CC0-1.0, task: bitext}"),
        "news",
    ),
    config("no sources", GOOD[GOOD.index("sources:") : GOOD.index("mining:")], "sources: []\n", "sources"),
    config("a version that is none", "mining:", "release: {version: one}\nmining:", "version", "c.yml:11"),
    config("a threshold above one", "mining:", "dedup: {threshold: 1.5}\nmining:", "threshold", "1.5"),
    config("shares of more than everything", "mining:", "split: {validation: 0.7, test: 0.7}\nmining:", "split"),
    config(
        "a teacher without a commit", "num_negatives: 2", "teacher: {model: intfloat/multilingual-e5-small}", "commit"
    ),
    config("licences that clash", "mining:", "release: {licence: CC0-1.0}\nmining:", "CC0-1.0", "CC-BY-4.0"),
    config("a path that leads nowhere", "path: news.tsv", "path: olds.tsv", "olds.tsv"),
    config("a glob that finds nothing", "path: news.tsv", "path: '*.tsvx'", "*.tsvx"),
    config("a package that is not installed", "path: news.tsv", "path: package:nowhere/x.tsv", "nowhere"),
    config(
        "a parent that is not there",
        "mining:",
        "release: {parent: earlier, version: 1.0.0}\nmining:",
        "earlier",
        code=1,
    ),
    command("no config", "plan nowhere.yml", 2, "nowhere.yml"),
    command("a folder for a config", "plan .", 2, "."),
    command(
        "a config that is not UTF-8",
        "plan latin.yml",
        2,
        "latin.yml",
        "UTF-8",
        prepare=write("latin.yml", "name: é".encode("latin1")),
    ),
    command("an empty config", "plan empty.yml", 2, "empty.yml", prepare=write("empty.yml", "")),
    command("a list for a config", "plan list.yml", 2, "list.yml", prepare=write("list.yml", "- a\n")),
    command("a setting that is not there", "plan {c} --set minig.top_k=3", 2, "minig", "mining"),
    command("a setting without a value", "plan {c} --set seed", 2, "seed"),
    command("a setting of another type", "plan {c} --set seed=often", 2, "seed", "often"),
    # Sources.
    source(
        "a column that is not there",
        write("news.tsv", LINES.replace("swahili", "kiswahili")),
        "swahili",
        "kiswahili",
        "news.tsv",
    ),
    source("a file without rows", write("news.tsv", "english\tswahili\n"), "news"),
    source("an empty file", write("news.tsv", ""), "news.tsv"),
    source("only rows that cannot be read", write("news.tsv", b"english\tswahili\n\xff\xfe\t\xff\n"), "news"),
    source(
        "a text for Parquet", write("news.parquet", "PAR1 not really"), "news.parquet", old=PARQUET[0], new=PARQUET[1]
    ),
    source(
        "Parquet without the column",
        write_table("news.parquet", english=["a"], text=["b"]),
        "swahili",
        "news.parquet",
        old=PARQUET[0],
        new=PARQUET[1],
    ),
    source(
        "Parquet with numbers for texts",
        write_table("news.parquet", english=[1], swahili=[2]),
        "news.parquet",
        old=PARQUET[0],
        new=PARQUET[1],
    ),
    source(
        "a gzip that ends early",
        write("news.tsv.gz", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x0bI"),
        "news.tsv.gz",
        old="path: news.tsv",
        new="path: news.tsv.gz",
    ),
    source(
        "a language in a column that is none",
        write("news.tsv", "english\tswahili\tlang\na\tb\tzzzzz\n"),
        "news",
        old="positive_language: sw",
        new="positive_language: {column: lang}",
    ),
    # Running.
    command("no place for the run", "run {c} --out file/run", 1, "file", prepare=write("file", "")),
    command("no workers", "run {c} --out {out} --workers 0", 2, "workers"),
    command("an unknown engine", "run {c} --out {out} --engine spark", 2, "spark", "beam"),
    command("an unknown launcher", "run {c} --out {out} -- --launcher pbs", 2, "pbs", "slurm"),
    command("an option that the engine does not have", "run {c} --out {out} -- --lancher ray", 2, "lancher"),
    command("a runner that loses data", "run {c} --out {out} --engine beam -- --runner DaskRunner", 2, "DaskRunner"),
    command("an unknown runner", "run {c} --out {out} --engine beam -- --runner NoRunner", 2, "NoRunner"),
    command("Dataflow without a store", "run {c} --out {out} --engine beam -- --runner DataflowRunner", 2, "Dataflow"),
    command("a store that is not known", "run {c} --out {out} --work nowhere://b/work", 2, "nowhere"),
    # Looking at runs and releases.
    command("the status of no run", "status --run nowhere", 1, "nowhere"),
    command("an explanation in no run", "explain abc --run nowhere", 1, "nowhere"),
    command("a report of nothing", "report nowhere", 1, "nowhere"),
    command("verifying nothing", "verify nowhere", 1, "nowhere", "manifest.json"),
    command("verifying a damaged release", "verify {release}", 1, "not what its manifest says", prepare=damaged),
    command(
        "verifying a broken manifest", "verify {release}", 1, "manifest.json", prepare=replaced("manifest.json", "{")
    ),
    command(
        "a manifest that leads outside",
        "verify {release}",
        1,
        "outside",
        prepare=replaced(
            "manifest.json",
            json.dumps(
                {
                    "name": "x",
                    "version": "1.0.0",
                    "config": {},
                    "sources": {},
                    "files": [{"path": "../../etc/passwd", "bytes": 1, "sha256": "0"}],
                }
            ),
        ),
    ),
    command("a reference that is none", "verify hf://datasets/one", 2, "hf://datasets/one"),
    command("the table of an unknown language", "langs klingonish", 2, "klingonish"),
    command("a view that is not known", "export {release} --view torch --out {out}", 2, "torch"),
    command("a difference to nothing", "diff {release} nowhere", 1, "nowhere"),
    command("a gate on nothing", "gate nowhere", 1, "nowhere"),
    command("training on nothing", "train nowhere --out {out}", 1, "nowhere"),
    command("calibrating with no lines", "calibrate sw --trusted nowhere.txt", 2, "nowhere.txt"),
    command("an unknown verb", "publsh", 2, "publsh"),
    command("an option that is not there", "verify {release} --deeep", 2, "deeep", "deep"),
    # Publishing.
    command("publishing without a token", "publish {release} --repo o/n --version v1.0.0", 5, "HF_TOKEN"),
    command(
        "publishing a damaged release",
        "publish {release} --repo o/n --version v1.0.0",
        1,
        "curate verify",
        prepare=damaged,
    ),
    command(
        "publishing what was not gated",
        "publish {release} --repo o/n --version v1.0.0",
        3,
        "curate gate",
        prepare=without("gate/verdict.json"),
    ),
    command("publishing under no version", "publish {release} --repo o/n --version 1.0", 2, "vX.Y.Z"),
    command("publishing under another version", "publish {release} --repo o/n --version v3.0.0", 2, "release.version"),
    command("publishing to no repository", "publish {release} --repo o --version v1.0.0", 2, "ORG/NAME"),
    command("triggering nowhere", "trigger {release} --backend cloud", 2, "cloud"),
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: Path) -> Path:
    """Return a folder with a sound config, its file and a release, which is the current one."""
    (tmp_path / "news.tsv").write_text(LINES, encoding="utf-8")
    shutil.copytree(made, tmp_path / "made" / "release")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    return tmp_path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_release(tmp_path_factory.mktemp("made"), texts={"swh_Latn": "Kesho hali ya hewa itakuwa nzuri"}).path


def test_there_are_many() -> None:
    assert len(CASES) >= 60
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_it_is_said_what_to_do(case: Case, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert case.old in GOOD
    (folder / "c.yml").write_text(GOOD.replace(case.old, case.new, 1) if case.old else GOOD, encoding="utf-8")
    case.prepare(folder)
    argv = case.argv.format(c="c.yml", out="out", release="made/release").split(" ")
    assert run_command(argv) == case.code, capfd.readouterr().err
    said = capfd.readouterr().err
    # Click's own errors of usage begin with the usage.
    message = said[said.index("Error: ") :] if "Error: " in said and "Usage: " not in said else said
    assert "Traceback" not in said
    for word in case.words:
        assert word in message, message
    lines = message.rstrip().splitlines()
    assert len(lines) <= _MOST_LINES, message
    assert max(map(len, lines)) <= 400, message
    assert "  next: " in message or "Try '" in message, message


def test_a_taken_version_says_what_to_do(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    other = make_release(tmp_path / "other", rows=3, texts={"swh_Latn": "Kesho hali ya hewa itakuwa nzuri"})
    with hub(tmp_path / "hub", monkeypatch):
        publish = ["--repo", "weather/sentences", "--version", "v1.0.0"]
        assert run_command(["publish", "made/release", *publish]) == 0
        capsys.readouterr()
        assert run_command(["publish", str(other.path), *publish]) == 4
    said = capsys.readouterr().err
    assert "is taken" in said
    assert "  next: " in said
    assert TOKEN not in said
