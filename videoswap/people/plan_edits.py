"""Edits of a plan, as people make them: each returns a new plan, and the old one stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from ..errors import UsageError
from .plan import Plan, PlannedPerson, PlannedSource, Span

#: Facts about when a person is seen, which an edit of its tracks makes wrong.
_COUNTS = ("first_seconds", "seconds", "frames")


def with_source(plan: Plan, name: str, photos: Sequence[Path], advice: Sequence[str] = ()) -> Plan:
    """Add a source, or give one of that name other photos.

    Args:
        plan: The plan.
        name: How people name it.
        photos: Its photos.
        advice: What makes them poor sources.
    """
    source = PlannedSource(name, tuple(photos), tuple(advice))
    others = [source if one.name == name else one for one in plan.sources]
    if source not in others:
        others.append(source)
    return replace(plan, sources=tuple(others))


def without_source(plan: Plan, name: str) -> Plan:
    """Remove a source; who had it keeps the own face."""
    people = tuple(
        replace(one, sources=tuple(use for use in one.sources if use[0] != name))
        for one in plan.people
    )
    kept = tuple(one for one in plan.sources if one.name != name)
    return replace(plan, sources=kept, people=people)


def given(plan: Plan, person: int, source: str | None, span: Span = Span()) -> Plan:  # noqa: B008
    """Give a person a source for a time; what it had then ends or begins there.

    Args:
        plan: The plan.
        person: Number of the person.
        source: Name of the source; None leaves the person alone meanwhile.
        span: When; the whole video by default.

    Raises:
        UsageError: ``bad_edit``.
    """
    if source is not None and source not in {one.name for one in plan.sources}:
        raise UsageError("bad_edit", f"The plan has no source {source!r}.")
    uses = [(name, part) for name, old in _person(plan, person).sources for part in _cut(old, span)]
    if source is not None:
        uses.append((source, span))
    uses.sort(key=lambda use: use[1].start)
    return _with_person(plan, person, replace(_person(plan, person), sources=tuple(uses)))


def renamed(plan: Plan, person: int, name: str) -> Plan:
    """Give a person another name.

    Raises:
        UsageError: ``bad_edit``.
    """
    if not name.strip():
        raise UsageError("bad_edit", "A name needs a letter.")
    return _with_person(plan, person, replace(_person(plan, person), name=name.strip()))


def merged(plan: Plan, into: int, other: int) -> Plan:
    """Make one person of two; it has the name and the source of the first.

    Raises:
        UsageError: ``bad_edit``.
    """
    if into == other:
        raise UsageError("bad_edit", "A person cannot be merged with itself.")
    first, second = _person(plan, into), _person(plan, other)
    tracks = sorted((*first.tracks, *second.tracks), key=lambda one: (one[1].start, one[0]))
    whole = replace(first, tracks=_joined(tracks), facts=_uncounted(first))
    people = [whole if index == into else one for index, one in enumerate(plan.people)]
    del people[other]
    return replace(plan, people=tuple(people))


def divided(plan: Plan, person: int, time: Fraction) -> Plan:
    """Make two people of one: who is seen from a time on is another one, who follows in the list.

    Args:
        plan: The plan.
        person: Number of the person.
        time: Seconds from the first frame.

    Raises:
        UsageError: ``bad_edit`` if nothing would be left on one side.
    """
    one = _person(plan, person)
    before, after = Span(Fraction(0), time) if time > 0 else None, Span(time)
    early = tuple(
        (track, part)
        for track, span in one.tracks
        for part in ([] if before is None else _shared(span, before))
    )
    late = tuple((track, part) for track, span in one.tracks for part in _shared(span, after))
    if not early or not late:
        raise UsageError(
            "bad_edit",
            f"{one.name} is not seen on both sides of {float(time):g} s.",
            "Choose a moment between the first and the last of the person.",
        )
    first = replace(one, tracks=early, facts=_uncounted(one))
    return _followed(plan, person, first, PlannedPerson(f"{one.name} (2)", one.sources, late))


def hidden(plan: Plan, person: int, hide: bool = True) -> Plan:
    """Hide a person, who then keeps the own face, or show it again.

    Raises:
        UsageError: ``bad_edit``.
    """
    one = _person(plan, person)
    sources = () if hide else one.sources
    return _with_person(plan, person, replace(one, hidden=hide, sources=sources))


def taken_out(plan: Plan, person: int, entry: int) -> Plan:
    """Make a person of its own of an entry of somebody's tracks.

    Args:
        plan: The plan.
        person: Number of the person.
        entry: Which of its tracks.

    Raises:
        UsageError: ``bad_edit`` if it is the only one, or there is no such entry.
    """
    one = _person(plan, person)
    if not 0 <= entry < len(one.tracks) or len(one.tracks) == 1:
        raise UsageError("bad_edit", f"{one.name} has no further track {entry}.")
    rest = tuple(track for index, track in enumerate(one.tracks) if index != entry)
    first = replace(one, tracks=rest, facts=_uncounted(one))
    alone = PlannedPerson(f"{one.name} (2)", (), (one.tracks[entry],))
    return _followed(plan, person, first, alone)


def _person(plan: Plan, number: int) -> PlannedPerson:
    if not 0 <= number < len(plan.people):
        raise UsageError("bad_edit", f"The plan has no person {number}.")
    return plan.people[number]


def _with_person(plan: Plan, number: int, person: PlannedPerson) -> Plan:
    people = list(plan.people)
    people[number] = person
    return replace(plan, people=tuple(people))


def _followed(plan: Plan, number: int, first: PlannedPerson, second: PlannedPerson) -> Plan:
    people = [*plan.people[:number], first, second, *plan.people[number + 1 :]]
    return replace(plan, people=tuple(people))


def _uncounted(person: PlannedPerson) -> dict[str, object]:
    return {key: value for key, value in person.facts.items() if key not in _COUNTS}


def _shared(one: Span, other: Span) -> list[Span]:
    """Return what two spans share, as a list of none or one."""
    start = max(one.start, other.start)
    ends = [end for end in (one.end, other.end) if end is not None]
    end = min(ends) if ends else None
    return [Span(start, end)] if end is None or start < end else []


def _cut(one: Span, out: Span) -> list[Span]:
    """Return what is left of a span without another."""
    left = _shared(one, Span(Fraction(0), out.start)) if out.start > 0 else []
    return left + ([] if out.end is None else _shared(one, Span(out.end)))


def _joined(tracks: Sequence[tuple[int, Span]]) -> tuple[tuple[int, Span], ...]:
    """Join entries of one track that follow each other without a gap."""
    found: list[tuple[int, Span]] = []
    for track, span in tracks:
        for index, (number, earlier) in enumerate(found):
            if number == track and earlier.end == span.start:
                found[index] = (track, Span(earlier.start, span.end))
                break
        else:
            found.append((track, span))
    return tuple(found)
