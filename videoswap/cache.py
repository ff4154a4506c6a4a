"""What is kept between runs, shown and deleted; files that are not ours are never touched."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from .runtime.pieces import FOLDER

_ANALYSIS = re.compile(r"[0-9a-f]{40}\.(sqlite|sqlite-wal|sqlite-shm|sqlite-journal|damaged)")
_LOCK = re.compile(r"[0-9a-f]{40}\.lock")
_RENDER = re.compile(r"[0-9a-f]{32}")


def listing(folder: Path) -> list[str]:
    """Return a line for everything in the cache, and one with the sum."""
    lines, total = [], 0
    for path in _own(folder):
        size = _size(path)
        total += size
        lines.append(f"{size / 1e6:9.1f} MB  {path.relative_to(folder)}")
    if not lines:
        return [f"{folder}: nothing is kept"]
    return [*lines, f"{total / 1e6:9.1f} MB  in {folder}"]


def clear(folder: Path) -> list[str]:
    """Delete what is not in use by a running process; returns what happened."""
    deleted, kept = 0, []
    for path in _own(folder):
        size = _size(path)
        lock = path / "lock" if path.is_dir() else path.with_suffix(".lock")
        try:
            with FileLock(lock, timeout=0):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
                deleted += size
        except Timeout:
            kept.append(f"in use: {path.relative_to(folder)}")
    if not kept and folder.is_dir():
        for lock in folder.iterdir():
            if _LOCK.fullmatch(lock.name):
                lock.unlink()
    return [*kept, f"deleted: {deleted / 1e6:.1f} MB in {folder}"]


def _own(folder: Path) -> Iterator[Path]:
    """Yield the analyses and unfinished renders in a folder, whatever else is in it."""
    if folder.is_dir():
        yield from sorted(path for path in folder.iterdir() if _ANALYSIS.fullmatch(path.name))
    renders = folder / FOLDER
    if renders.is_dir():
        yield from sorted(path for path in renders.iterdir() if _RENDER.fullmatch(path.name))


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())
