"""The whole table, in the order in which it is read."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from tests.hostile import (
    rows_flags,
    rows_folders,
    rows_moments,
    rows_names,
    rows_outputs,
    rows_photos,
    rows_surroundings,
    rows_tools,
    rows_videos,
)
from tests.hostile.case import Case


def escaped(text: str) -> str:
    """Return a text as it is printed in a cell of the table."""
    return text.encode("unicode_escape").decode().replace("|", "\\|")


CHAPTERS: dict[str, tuple[Case, ...]] = {
    "videos": rows_videos.ROWS,
    "photos": rows_photos.ROWS,
    "names": rows_names.ROWS,
    "results": rows_outputs.ROWS,
    "folders": rows_folders.ROWS,
    "flags": rows_flags.ROWS,
    "surroundings": rows_surroundings.ROWS,
    "moments": rows_moments.ROWS,
    "other commands": rows_tools.ROWS,
}
ROWS = tuple(case for rows in CHAPTERS.values() for case in rows)
# Rows that wait for a change of the program; one name a line, escaped as in the printed table.
_PENDING = Path(__file__).with_name("pending.txt")
_WAITING = _PENDING.read_text().splitlines() if _PENDING.exists() else []
READY = tuple(case for case in ROWS if escaped(case.id) not in _WAITING)
_TWICE = [id for id, count in Counter(case.id for case in ROWS).items() if count > 1]
assert not _TWICE, f"rows of one name: {_TWICE}"
