"""What is kept between runs, shown and deleted."""

from __future__ import annotations

import shutil
from pathlib import Path


def listing(folder: Path) -> list[str]:
    """Return a line for everything in the cache, and one with the sum."""
    if not folder.is_dir():
        return [f"{folder}: nothing is kept"]
    lines = []
    total = 0
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        size = path.stat().st_size
        total += size
        lines.append(f"{size / 1e6:9.1f} MB  {path.relative_to(folder)}")
    return [*lines, f"{total / 1e6:9.1f} MB  in {folder}"]


def clear(folder: Path) -> list[str]:
    """Delete the cache; returns what was deleted."""
    lines = listing(folder)
    if folder.is_dir():
        shutil.rmtree(folder)
    return [f"deleted: {lines[-1].strip()}"]
