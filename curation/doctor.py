"""What a machine has for a run: Python, packages, models, memory, disk, GPUs. Nothing is changed, nothing sent."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from packaging.requirements import Requirement

_PROJECT = "ml-embed-curation"
_OLDEST = (3, 11)
_GB = 1 << 30
# A worker holds a part of 32 MB of text and what becomes of it; see docs/scale.md.
_WORKER_GB = 1.5
_FREE_GB = 10
_TESTERS = ("test", "lint", "maintain")

State = Literal["ok", "absent", "wrong"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        subject: what.
        state: `absent` is something that only some runs need; `wrong` keeps a run from working.
        detail: what was found.
        hint: what to do, empty where there is nothing to do.
    """

    subject: str
    state: State
    detail: str
    hint: str = ""


def look_around(folder: Path) -> Iterator[Finding]:
    """Yield what there is on this machine.

    Args:
        folder: where runs are to be made; its disk is looked at.
    """
    yield _python()
    yield from packages()
    yield _language_model()
    yield _kernels()
    yield _processors()
    yield _disk(folder)
    yield _gpus()


def packages() -> Iterator[Finding]:
    """Yield whether what the project, and each of its extras, requires is installed in a version that fits."""
    required: dict[str, list[Requirement]] = {"": []}
    metadata = importlib.metadata.metadata(_PROJECT)
    for extra in metadata.get_all("Provides-Extra") or []:
        if extra not in _TESTERS:
            required[extra] = []
    for line in importlib.metadata.requires(_PROJECT) or []:
        requirement = Requirement(line)
        for extra in required:
            if requirement.marker is None:
                needed = not extra
            else:
                needed = requirement.marker.evaluate({"extra": extra}) and not (
                    extra and requirement.marker.evaluate({"extra": ""})
                )
            if needed:
                required[extra].append(requirement)
    for extra, requirements in required.items():
        yield _extra(extra, requirements)


def _extra(extra: str, requirements: list[Requirement]) -> Finding:
    found = {requirement.name: _version(requirement.name) for requirement in requirements}
    missing = [str(each) for each in requirements if not found[each.name]]
    unfit = [
        f"{each.name} {found[each.name]}, not {each.specifier}"
        for each in requirements
        if found[each.name] and not each.specifier.contains(found[each.name], prereleases=True)
    ]
    subject = f"extra {extra}" if extra else "packages"
    hint = f"pip install '{_PROJECT}[{extra}]'" if extra else f"pip install --upgrade {_PROJECT}"
    if unfit:
        return Finding(subject, "wrong", "; ".join(unfit), hint)
    if missing:
        return Finding(subject, "absent" if extra else "wrong", f"without {', '.join(missing)}", hint)
    return Finding(subject, "ok", ", ".join(f"{name} {version}" for name, version in sorted(found.items())))


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _python() -> Finding:
    detail = f"{platform.python_version()} on {platform.system()} {platform.machine()}, {sys.executable}"
    if sys.version_info < _OLDEST:
        return Finding("python", "wrong", detail, "install Python 3.11 or later")
    return Finding("python", "ok", detail)


def _language_model() -> Finding:
    from curation.langid.fetch import PUBLISHED

    kept = sorted(name for name, published in PUBLISHED.items() if published.path.is_file())
    detail = f"lid.176 (comes along){''.join(f', {name}' for name in kept)}"
    return Finding("language identification", "ok", detail)


def _kernels() -> Finding:
    if not _version("numba"):
        hint = "pip install numba, where there is one for this machine"
        return Finding("compiled kernels", "absent", "no numba: the portable kernels are several times slower", hint)
    return Finding("compiled kernels", "ok", "numba; a minute of compiling at the first run of each installation")


def _processors() -> Finding:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    gigabytes = _memory_gb()
    fit = max(1, min(cores, int(gigabytes / _WORKER_GB)))
    detail = f"{cores} cores, {gigabytes:.1f} GB of memory: room for --workers {fit}"
    if gigabytes < _WORKER_GB:
        return Finding("processors and memory", "wrong", detail, f"a worker needs about {_WORKER_GB} GB")
    return Finding("processors and memory", "ok", detail)


def _memory_gb() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / _GB


def _disk(folder: Path) -> Finding:
    place = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(place).free / _GB
    detail = f"{free:,.0f} GB free in {place}"
    if not os.access(place, os.W_OK):
        return Finding("disk", "wrong", f"{place} cannot be written", "name another folder with --out")
    if free < 1:
        return Finding("disk", "wrong", detail, "make room: work/ takes three to four times the text")
    if free < _FREE_GB:
        return Finding(
            "disk", "absent", detail, "room for a small run only; `curate plan CONFIG` says what yours takes"
        )
    return Finding("disk", "ok", detail)


def _gpus() -> Finding:
    import torch

    names = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    if not names:
        return Finding("gpu", "absent", "none: teachers other than the lexical one, and training, take longer")
    return Finding("gpu", "ok", ", ".join(names))
