"""The table at the end of a run: who got what, how many frames, and where the time went."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..report import PersonReport, Report

WIDTH = 80  # columns
MAX_PEOPLE = 10  # rows
GLUE = "\N{NO-BREAK SPACE}"  # between what stays on one line
MIN_SECONDS = 0.05  # of a part that is worth a word
SWAP_PARTS = ("render", "all")  # parts of a run's time in which faces are swapped
HEAD = ("person", "gets", "frames", "first at", "distance")


def summary(report: Report) -> list[str]:
    """Return the lines of the table; none is wider than ``WIDTH``."""
    swapped = [one for one in report.people if one.source is not None]
    lines = _table([HEAD, *map(_row, swapped[:MAX_PEOPLE])]) if swapped else []
    more, alone = len(swapped) - MAX_PEOPLE, len(report.people) - len(swapped)
    rest = [f"{more} more swapped"] if more > 0 else []
    rest += [f"{alone} left alone"] if alone else []
    if rest:
        lines.append(f"{', '.join(rest)}")
    parts = [f"{name}_{time:.1f}_s" for name, time in report.seconds.items() if time > MIN_SECONDS]
    times = f"time    {', '.join(parts) or '0.0 s'}{_rate(report)}"
    glued = times.replace("_", GLUE)
    wrapped = textwrap.wrap(glued, WIDTH, subsequent_indent=8 * " ")
    lines += [line.replace(GLUE, " ") for line in wrapped]
    if report.notes:
        lines.append(f"notes   {len(report.notes)}, said above")
    return lines


def _rate(report: Report) -> str:
    """Return the frames a second of the render; nothing for a single picture."""
    seconds = sum(report.seconds.get(name, 0.0) for name in SWAP_PARTS)
    if report.frames < 2 or seconds < MIN_SECONDS:
        return ""
    return f"; {report.frames / seconds:.1f} frames/s rendered"


def _row(person: PersonReport) -> tuple[str, ...]:
    names = ", ".join(Path(name).name for name in str(person.source).split(", "))
    distance = "" if person.distance is None else f"{person.distance:.2f}"
    first = f"{float(person.first_seconds):.2f} s"
    return str(person.person + 1), names, str(person.frames), first, distance


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows as lines, the numbers to the right, the names cut where they are too long."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    widths[1] = min(widths[1], WIDTH - sum(widths) + widths[1] - 2 * (len(widths) - 1))
    lines = []
    for row in rows:
        name = _cut(row[1], widths[1]).ljust(widths[1])
        numbers = (row[column].rjust(widths[column]) for column in range(2, len(row)))
        lines.append("  ".join([row[0].ljust(widths[0]), name, *numbers]).rstrip())
    return lines


def _cut(text: str, width: int = WIDTH) -> str:
    return text if len(text) <= width else f"{text[: width - 3]}..."
