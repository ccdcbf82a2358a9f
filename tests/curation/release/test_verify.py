"""Re-checking a release file by file: cards with notices, verdicts, footers, whoever has written them."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_releases import TEXTS, make_release

from curation.release import Release, ReleaseFile, layout, open_release
from curation.release.notices import Notices, Yank, with_notices
from curation.release.shards import schema_digest
from curation.release.verify import check_file, check_footer, check_verdict, verify_release

SAID = Notices("v1.0.0", "we know", "fail", (Yank("v0.9.0", "半分 <!-- /notices -->"),))


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return make_release(tmp_path_factory.mktemp("sealed"), rows=2, verdict=None)


@pytest.fixture
def release(tmp_path: Path, sealed: Release) -> Release:
    return open_release(shutil.copytree(sealed.path, tmp_path / "release"))


def card_of(release: Release) -> ReleaseFile:
    return next(file for file in release.files if file.path == layout.CARD)


def problems(release: Release) -> list[tuple[str, str]]:
    return [(finding.path, finding.problem) for finding in verify_release(release.path)[1]]


BLOCK = b"<!-- notices -->\n> [!WARNING]\n> x\n<!-- /notices -->\n\n"


def injected(text: bytes) -> Callable[[bytes], bytes]:
    """Put something into the block of notices, as whoever may write to a repository could."""
    return lambda card: with_notices(card, SAID).replace(b"we know", text)


@pytest.mark.parametrize(
    ("change", "sound"),
    [
        (lambda card: card, True),
        (lambda card: with_notices(card, SAID), True),
        (lambda card: with_notices(with_notices(card, SAID), Notices(override="another")), True),
        (lambda card: with_notices(card, Notices(yanked=(Yank("v1.0.0", "x" * 500),) * 200)), True),
        (injected(b"another reason"), True),
        *(
            (injected(text), False)
            for text in (
                b"<img src=x>",
                b"[click](https://example.com)",
                b"![x](https://example.com/x.png)",
                b"x\n\n# A heading",
                b"x\nlazy continuation",
                b"x\n<!-- /notices -->\n\n# Mine",
                b"\\\\<b>",
                b"&lt;\\\n<b>",
            )
        ),
        (lambda card: with_notices(card, SAID) + b"\n", False),
        (lambda card: with_notices(card.replace(b"#", b"*", 1), SAID), False),
        (lambda card: with_notices(card, SAID).replace(b"license", b"licence", 1), False),
        (lambda card: card.replace(b"\n", b"\r\n"), False),
        (lambda card: BLOCK + card, False),
        (lambda card: card + BLOCK, False),
        (lambda card: with_notices(with_notices(card, SAID).replace(BLOCK[:16], BLOCK + BLOCK[:16]), SAID), False),
        (lambda card: with_notices(card, SAID).replace(b"<!-- /notices -->\n\n", b""), False),
        (lambda card: b"", False),
        (lambda card: with_notices(card, Notices(yanked=(Yank("v1.0.0", "x" * 500),) * 3_000)), False),
    ],
)
def test_a_card_may_hold_notices_and_nothing_else(
    release: Release, change: Callable[[bytes], bytes], sound: bool
) -> None:
    path = release.path / layout.CARD
    path.write_bytes(change(path.read_bytes()))
    assert problems(release) == ([] if sound else [(layout.CARD, "changed")])
    assert [finding.problem for finding in check_file(release, card_of(release))] == ([] if sound else ["changed"])


def test_no_other_file_may_hold_notices(release: Release) -> None:
    path = release.path / layout.CHANGELOG
    path.write_bytes(with_notices(path.read_bytes(), SAID))
    assert problems(release) == [(layout.CHANGELOG, "changed")]


def test_notices_are_no_file_of_the_manifest(release: Release) -> None:
    (release.path / layout.NOTICES).write_bytes(b"whatever")
    assert problems(release) == []


@pytest.mark.parametrize("name", [layout.CARD, layout.STATS])
@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (Path.unlink, "missing"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "changed"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1] + b"\0"), "changed"),
    ],
)
def test_one_file(release: Release, name: str, damage: Callable[[Path], object], problem: str) -> None:
    damage(release.path / name)
    file = next(each for each in release.files if each.path == name)
    found = list(check_file(release, file))
    assert [(finding.path, finding.problem) for finding in found] == [(name, problem)]
    assert "expected" in found[0].detail


def of(table: pa.Table) -> tuple[io.BytesIO, ReleaseFile]:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    digest = schema_digest(pq.ParquetFile(sink).schema_arrow)
    return sink, ReleaseFile("data/x.parquet", len(sink.getvalue()), "0" * 64, table.num_rows, digest)


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (pa.table({"a": list(TEXTS.values())}), []),
        (pa.table({"a": list(TEXTS.values())[1:]}), ["rows"]),
        (pa.table({"b": list(TEXTS.values())}), ["schema"]),
        (pa.table({"a": [text.encode() for text in TEXTS.values()]}), ["schema"]),
        (pa.table({"a": pa.nulls(1, pa.string()), "b": [1]}), ["rows", "schema"]),
    ],
)
@pytest.mark.parametrize("on_disk", [False, True])
def test_a_footer(tmp_path: Path, table: pa.Table, expected: list[str], on_disk: bool) -> None:
    _, file = of(pa.table({"a": list(TEXTS.values())}))
    shard, _ = of(table)
    (tmp_path / "shard").write_bytes(shard.getvalue())
    found = check_footer(tmp_path / "shard" if on_disk else shard, file)
    assert [finding.problem for finding in found] == expected
    assert {finding.path for finding in found} <= {"data/x.parquet"}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PAR1",
        b"PAR1PAR1",
        "これは表ではない".encode() * 9,
        b"PAR1" + b"\xff" * 60 + (60).to_bytes(4, "little") + b"PAR1",
        b"PAR1" + b"\x15" * 60 + (60).to_bytes(4, "little") + b"PAR1",
        b"PAR1" + b"\0" * 60 + (1 << 31).to_bytes(4, "little") + b"PAR1",
    ],
    ids=range(7),
)
def test_what_is_no_parquet(data: bytes) -> None:
    _, file = of(pa.table({"a": ["x"]}))
    assert [finding.problem for finding in check_footer(io.BytesIO(data), file)] == ["changed"]


def test_a_disk_that_fails_is_no_finding(tmp_path: Path) -> None:
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError(5, "Input/output error")

    _, file = of(pa.table({"a": ["x"]}))
    with pytest.raises(OSError, match="Input/output"):
        check_footer(Failing(b"x" * 100), file)
    with pytest.raises(FileNotFoundError):
        check_footer(tmp_path / "none", file)


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        (b"", "understood"),
        (b"{", "understood"),
        (b"[]", "not a JSON object"),
        (b"[" * 100_000, "understood"),
        (b"\xff", "understood"),
        (b"{}", "None"),
        (b'{"release": []}', "None"),
        (b'{"release": {"manifest_sha256": 7}}', "release 7"),
        (json.dumps({"release": {"manifest_sha256": "f" * 64}}).encode(), "f" * 64),
        (json.dumps({"release": {"manifest_sha256": "f" * 900_000}}).encode(), "f" * 64),
    ],
    ids=range(10),
)
def test_a_verdict_must_speak_about_the_release(release: Release, verdict: bytes, words: str) -> None:
    path = release.path / layout.VERDICT
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(verdict)
    found = list(check_verdict(release))
    assert [(finding.path, finding.problem) for finding in found] == [(layout.VERDICT, "verdict")]
    assert words in found[0].detail
    assert len(found[0].detail) < 400


def test_a_verdict_about_the_release(release: Release) -> None:
    assert list(check_verdict(release)) == []
    path = release.path / layout.VERDICT
    path.parent.mkdir(exist_ok=True)
    # Whether it has passed is not asked here.
    path.write_text(json.dumps({"status": "fail", "release": {"manifest_sha256": release.digest}}))
    assert list(check_verdict(release)) == []
    assert hashlib.sha256((release.path / layout.MANIFEST).read_bytes()).hexdigest() == release.digest
