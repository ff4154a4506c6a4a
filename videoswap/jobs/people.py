"""What is said about the people of a video."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from ..matching import Matching
from ..records import Person
from ..report import PersonReport
from ..sources import Source


def person_reports(
    persons: Sequence[Person],
    matching: Matching,
    sources: Sequence[Source],
    start_pts: int,
    time_base: Fraction,
) -> tuple[PersonReport, ...]:
    """Tell for every person when it appears and which source it gets."""
    given = {match.person: match for match in matching.matches}
    reports = []
    for person in persons:
        match = given.get(person.id)
        reports.append(
            PersonReport(
                person=person.id,
                source=sources[match.source].label if match is not None else None,
                target=match.label if match is not None else None,
                distance=match.distance if match is not None else None,
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


def describe(report: PersonReport) -> str:
    """Return one line about a person."""
    first = float(report.first_seconds)
    seen = f"person {report.person}: {report.frames} frames from {first:.2f} s on"
    if report.source is None:
        return f"{seen}, left alone"
    if report.distance is None:
        return f"{seen}, gets {report.source}"
    return f"{seen}, gets {report.source} (as {report.target}, distance {report.distance:.2f})"
