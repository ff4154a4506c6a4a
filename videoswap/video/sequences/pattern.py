"""Patterns of numbered pictures: frames/%04d.png or frames/####.exr names a whole sequence."""

from __future__ import annotations

import os
import re
from pathlib import Path

from ...paths import is_file

READABLE_SUFFIXES = (".png", ".tif", ".tiff", ".jpg", ".jpeg", ".exr", ".bmp", ".dpx")
WRITABLE_SUFFIXES = (".png", ".tif", ".tiff", ".jpg", ".jpeg", ".exr")
_PLACE = re.compile(r"%(?:0?(\d{1,2}))?d|(#+)")


def is_numbered(path: Path) -> bool:
    """Whether a path stands for numbered pictures; a file of just that name goes first."""
    if path.suffix.lower() not in READABLE_SUFFIXES or len(_PLACE.findall(path.name)) != 1:
        return False
    return not is_file(path)


def numbered_name(pattern: Path, number: int) -> Path:
    """Return the file of a number."""
    place = _place(pattern)
    return pattern.with_name(
        f"{pattern.name[: place.start()]}{number:0{_digits(place)}d}{pattern.name[place.end() :]}"
    )


def numbered_files(pattern: Path) -> dict[int, Path]:
    """Return the files that fit a pattern by their numbers, ascending."""
    place = _place(pattern)
    digits = _digits(place)
    before, after = pattern.name[: place.start()], pattern.name[place.end() :]
    found = {}
    try:
        names = [entry.name for entry in os.scandir(pattern.parent)]
    except (OSError, ValueError):  # the latter for a path with a zero character
        return {}
    for name in names:
        middle = name[len(before) : len(name) - len(after)]
        if f"{before}{middle}{after}" != name or not (middle.isascii() and middle.isdigit()):
            continue
        if len(middle) == digits or (len(middle) > digits and middle[0] != "0"):
            found[int(middle)] = pattern.with_name(name)
    return dict(sorted(found.items()))


def files_of(path: Path) -> tuple[Path, ...]:
    """Return the files that a path stands for: the numbered ones, or the path itself."""
    found = tuple(numbered_files(path).values()) if is_numbered(path) else ()
    return found or (path,)


def _place(pattern: Path) -> re.Match[str]:
    place = _PLACE.search(pattern.name)
    if place is None:
        raise ValueError(f"{pattern} has no place for a number")
    return place


def _digits(place: re.Match[str]) -> int:
    return len(place[2]) if place[2] else int(place[1] or 1)
