"""The people of a video or picture in the report and in messages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from ..people.matching import Match, Matching
from ..people.sources import Source
from ..records import Person, counted, person_name
from ..report import PersonReport

MAX_LINES = 10  # about people who are swapped, one each
MAX_RANGES = 12  # of numbers in a line about the others


def person_reports(
    persons: Sequence[Person],
    matching: Matching,
    sources: Sequence[Source],
    start_pts: int,
    time_base: Fraction,
) -> tuple[PersonReport, ...]:
    """Tell for every person when it appears and which source it gets."""
    by_person: dict[int, list[Match]] = {}
    for one in matching.matches:
        by_person.setdefault(one.person, []).append(one)
    reports = []
    for person in persons:
        given = by_person.get(person.id, [])
        match = given[0] if given else None
        reports.append(
            PersonReport(
                person=person.id,
                source=", ".join(sources[one.source].label for one in given) or None,
                target=match.label if match is not None else None,
                distance=match.distance if match is not None else None,
                runner_up=match.runner_up if match is not None else None,
                first_seconds=(person.first_pts - start_pts) * time_base,
                frames=person.frames,
                tracks=len(person.track_ids),
            )
        )
    return tuple(reports)


def picture_reports(
    persons: Sequence[Person], matching: Matching, sources: Sequence[Source]
) -> tuple[PersonReport, ...]:
    """Tell for every person of a still picture which source it gets."""
    return person_reports(persons, matching, sources, 0, Fraction(1))


def describe(
    reports: Sequence[PersonReport], where: Callable[[PersonReport], str] | None = None
) -> list[str]:
    """Return a line about everybody who is swapped, and one about all the others.

    Args:
        reports: The people.
        where: Says where a person is in words; None tells the frames and when they begin.
    """
    where = where or _frames
    swapped = [one for one in reports if one.source is not None]
    alone = [one.person for one in reports if one.source is None]
    lines = [
        f"{person_name(one.person)}: {where(one)}, {_gets(one)}" for one in swapped[:MAX_LINES]
    ]
    rest = [one.person for one in swapped[MAX_LINES:]]
    if len(rest) == 1:
        lines.append(f"1 more is swapped: {person_name(rest[0])}")
    elif rest:
        lines.append(f"{len(rest)} more people are swapped: persons {_numbers(rest)}")
    if len(alone) == 1:
        lines.append(f"1 other is left alone: {person_name(alone[0])}")
    elif alone:
        lines.append(f"{len(alone)} others are left alone: persons {_numbers(alone)}")
    return lines


def ranges(numbers: Sequence[int]) -> str:
    """Return ascending numbers in few words: 1, 3-18."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    words = [f"{first}-{last}" if first < last else str(first) for first, last in spans]
    return ", ".join([*words[:MAX_RANGES], *(["..."] if len(words) > MAX_RANGES else [])])


def _numbers(people: Sequence[int]) -> str:
    return ranges([one + 1 for one in people])


def _frames(report: PersonReport) -> str:
    return f"{counted(report.frames, 'frame')} from {float(report.first_seconds):.2f} s on"


def _gets(report: PersonReport) -> str:
    if report.distance is None:
        return f"gets {report.source}"
    how = f"as {report.target}, distance {report.distance:.2f}"
    if report.runner_up is not None:
        how = (
            f"{how}, next {person_name(report.runner_up.person)} at {report.runner_up.distance:.2f}"
        )
    return f"gets {report.source} ({how})"
