"""The whole table, in the order in which it is read."""

from __future__ import annotations

from collections import Counter

from tests.hostile import (
    rows_flags,
    rows_folders,
    rows_moments,
    rows_names,
    rows_numbered,
    rows_outputs,
    rows_photos,
    rows_surroundings,
    rows_tools,
    rows_unwritable,
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
    "numbered pictures": rows_numbered.ROWS,
    "results": (*rows_outputs.ROWS, *rows_unwritable.ROWS),
    "folders": rows_folders.ROWS,
    "flags": rows_flags.ROWS,
    "surroundings": rows_surroundings.ROWS,
    "moments": rows_moments.ROWS,
    "other commands": rows_tools.ROWS,
}
ROWS = tuple(case for rows in CHAPTERS.values() for case in rows)
# The most telling rows, of about two seconds each: the form of the table for every day.
_SHORT = (
    "no bytes",
    "MP4 without its table (moov)",
    "playlist of /etc/passwd",
    "a pipe that nobody writes into",
    "a terabyte of nothing",
    "MP4 cut at 60 %",
    "three rotten packets",
    "screen recorder's uneven times to MKV",
    "two transport streams joined, to mkv",
    "photo cut at 30 %",
    "EPS named .jpg",
    "PNG that says 50000 x 50000",
    "strip of 8 x 2000",
    "a name with a line break",
    "a report about a name that is not UTF-8",
    "result is the video by a link",
    "picture's result is the source photo",
    "report is a device",
    "no room for the result",
    "an ffmpeg that finds fault with everything",
    "results that would have one name",
    "bad files among good ones",
    "--start '1e99'",
    "--crf '99'",
    "a flag with a letter missing",
    "a generator that is missing",
    "stdout closed",
    "a user without name and HOME",
    "help without any package",
    "a swap without any package",
    "weights of random bytes",
    "SIGTERM in the render",
    "what faces found, as one target face",
)
SHORT = tuple(case for case in ROWS if case.id in _SHORT)
assert len(SHORT) == len(_SHORT), "a row of the short form has another name now"
_TWICE = [id for id, count in Counter(case.id for case in ROWS).items() if count > 1]
assert not _TWICE, f"rows of one name: {_TWICE}"
