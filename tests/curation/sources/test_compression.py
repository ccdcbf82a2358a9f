from __future__ import annotations

import gzip
import io
from collections.abc import Callable

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from curation.sources import compression
from curation.sources.compression import DamagedError, decompressed

TEXT = "Сегодня море спокойно.\n這座山很高。\nمرحبا بالعالم\n".encode() * 5_000


def _zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


def _read(stored: bytes, name: str) -> bytes:
    return decompressed(io.BufferedReader(io.BytesIO(stored)), name).read()


def _read_in_blocks(stream: io.BufferedReader) -> int:
    return sum(len(block) for block in iter(lambda: stream.read(1 << 16), b""))


PACKERS = [pytest.param(gzip.compress, ".gz", id="gzip"), pytest.param(_zstd, ".zst", id="zstd")]


@pytest.mark.parametrize(("pack", "suffix"), PACKERS)
@pytest.mark.parametrize("name", ["x.txt", "x.txt{}"])
def test_bytes_come_back_whatever_the_name_promises_or_not(
    pack: Callable[[bytes], bytes], suffix: str, name: str
) -> None:
    assert _read(pack(TEXT), name.format(suffix)) == TEXT


@pytest.mark.parametrize(("pack", "suffix"), PACKERS)
def test_members_are_joined_and_padding_is_ignored(pack: Callable[[bytes], bytes], suffix: str) -> None:
    padding = b"\0" * 512 if suffix == ".gz" else b""
    assert _read(pack(TEXT) + pack(b"") + pack(b"end") + padding, "x" + suffix) == TEXT + b"end"


def test_a_skippable_zstd_frame_is_skipped() -> None:
    skippable = b"\x50\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"hello"
    assert _read(_zstd(b"a") + skippable + _zstd(b"b"), "x.zst") == b"ab"


@pytest.mark.parametrize(("pack", "suffix"), PACKERS)
@given(cut=st.floats(0.01, 0.999))
def test_every_cut_is_noticed(pack: Callable[[bytes], bytes], suffix: str, cut: float) -> None:
    stored = pack(TEXT)
    with pytest.raises(DamagedError):
        _read(stored[: int(len(stored) * cut)], "x" + suffix)


@pytest.mark.parametrize(("pack", "suffix"), PACKERS)
def test_a_flipped_byte_is_noticed(pack: Callable[[bytes], bytes], suffix: str) -> None:
    stored = bytearray(zstandard.ZstdCompressor(write_checksum=True).compress(TEXT) if suffix == ".zst" else pack(TEXT))
    stored[-6] ^= 0xFF
    with pytest.raises(DamagedError, match="damaged"):
        _read(bytes(stored), "x" + suffix)


@pytest.mark.parametrize("name", ["x.gz", "x.zst", "x.zip", "x.tar.gz", "x.bz2", "x.xz"])
def test_a_name_that_promises_what_the_bytes_are_not(name: str) -> None:
    with pytest.raises(DamagedError) as caught:
        _read(b"plain text", name)
    assert caught.value.hint


@pytest.mark.parametrize(("pack", "suffix"), PACKERS)
def test_a_bomb_is_refused(pack: Callable[[bytes], bytes], suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compression, "RATIO_FLOOR", 1_000_000)
    monkeypatch.setattr(compression, "MAX_RATIO", 100)
    stream = decompressed(io.BufferedReader(io.BytesIO(pack(bytes(50_000_000)))), "x" + suffix)
    with pytest.raises(DamagedError, match="bomb"):
        _read_in_blocks(stream)


def test_the_true_limits_refuse_a_bomb_of_zstd() -> None:
    stream = decompressed(io.BufferedReader(io.BytesIO(_zstd(bytes(300_000_000)))), "x.zst")
    with pytest.raises(DamagedError, match="1000:1"):
        _read_in_blocks(stream)


def test_repetitive_text_below_the_floor_is_no_bomb() -> None:
    assert len(_read(_zstd(b"a" * 20_000_000), "x.zst")) == 20_000_000
