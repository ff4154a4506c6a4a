"""Edits of a plan."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from videoswap.errors import UsageError
from videoswap.people.plan import Plan, PlannedPerson, PlannedSource, Span
from videoswap.people.plan_edits import (
    divided,
    given,
    hidden,
    merged,
    renamed,
    taken_out,
    with_source,
    without_source,
)
from videoswap.settings import SwapSettings


def span(start, end=None):
    return Span(Fraction(start), None if end is None else Fraction(end))


FACTS = {"target": "t.png", "seconds": 5.0, "frames": 9, "first_seconds": 0.0}
ANN = PlannedPerson("Ann", (("a", Span()),), ((0, span(0, 4)), (2, span(6))), FACTS)
BOB = PlannedPerson("Bob", (), ((1, span(1, 3)),))
PLAN = Plan(
    Path("/film.mp4"),
    "1-x",
    "mesh",
    (PlannedSource("a", (Path("a.png"),)), PlannedSource("b", (Path("b.png"),))),
    (ANN, BOB),
    SwapSettings(),
)


def uses(plan, person=0):
    return [(name, float(one.start), one.end) for name, one in plan.people[person].sources]


@pytest.mark.parametrize(
    ("source", "when", "expected"),
    [
        ("b", Span(), [("b", 0, None)]),
        (None, Span(), []),
        ("b", span(2), [("a", 0, 2), ("b", 2, None)]),
        ("b", span(0, 2), [("b", 0, 2), ("a", 2, None)]),
        ("b", span(2, 3), [("a", 0, 2), ("b", 2, 3), ("a", 3, None)]),
        (None, span(2, 3), [("a", 0, 2), ("a", 3, None)]),
    ],
)
def test_a_source_for_a_time_ends_what_was_there(source, when, expected):
    assert uses(given(PLAN, 0, source, when)) == expected


def test_sources_by_time_one_after_the_other():
    plan = given(given(PLAN, 0, "b", span(2)), 0, "a", span(3, 4))
    assert uses(plan) == [("a", 0, 2), ("b", 2, 3), ("a", 3, 4), ("b", 4, None)]


def test_merging_and_what_no_longer_counts():
    (one,) = merged(PLAN, 0, 1).people
    assert one.name == "Ann" and one.sources == ANN.sources
    assert [track for track, _ in one.tracks] == [0, 1, 2]
    assert one.facts == {"target": "t.png"}
    (other,) = merged(PLAN, 1, 0).people
    assert other.name == "Bob" and not other.sources


@pytest.mark.parametrize(
    ("time", "early", "late"),
    [
        ("2", [(0, span(0, 2))], [(0, span(2, 4)), (2, span(6))]),
        ("4", [(0, span(0, 4))], [(2, span(6))]),
        ("7", [(0, span(0, 4)), (2, span(6, 7))], [(2, span(7))]),
    ],
)
def test_dividing_a_person_and_merging_again(time, early, late):
    plan = divided(PLAN, 0, Fraction(time))
    first, second, bob = plan.people
    assert list(first.tracks) == early and list(second.tracks) == late and bob == BOB
    assert second.sources == ANN.sources
    assert merged(plan, 0, 1).people[0].tracks == ANN.tracks


def test_a_track_taken_out_gets_nothing_yet():
    first, second, _ = taken_out(PLAN, 0, 1).people
    assert first.tracks == ANN.tracks[:1]
    assert (second.name, second.sources, second.tracks) == ("Ann (2)", (), ANN.tracks[1:])


def test_sources_come_and_go():
    plan = with_source(PLAN, "c", [Path("c1.png"), Path("c2.png")], ["the photo is small"])
    assert [one.name for one in plan.sources] == ["a", "b", "c"]
    again = with_source(plan, "c", [Path("d.png")])
    assert again.sources[2].photos == (Path("d.png"),) and len(again.sources) == 3
    left = without_source(PLAN, "a")
    assert [one.name for one in left.sources] == ["b"] and uses(left) == []


def test_who_is_hidden_keeps_the_own_face():
    plan = hidden(PLAN, 0)
    assert plan.people[0] == replace(ANN, hidden=True, sources=())
    assert hidden(plan, 0, False).people[0] == replace(ANN, sources=())


def test_names():
    assert renamed(PLAN, 1, " Cat ").people[1] == replace(BOB, name="Cat")


@pytest.mark.parametrize(
    "edit",
    [
        lambda: given(PLAN, 0, "z"),
        lambda: given(PLAN, 9, "a"),
        lambda: merged(PLAN, 0, 0),
        lambda: merged(PLAN, 0, 2),
        lambda: divided(PLAN, 0, Fraction(0)),
        lambda: divided(PLAN, 1, Fraction(5)),
        lambda: taken_out(PLAN, 1, 0),
        lambda: taken_out(PLAN, 0, 2),
        lambda: renamed(PLAN, 0, "  "),
        lambda: hidden(PLAN, 2),
    ],
)
def test_what_makes_no_sense_is_refused(edit):
    with pytest.raises(UsageError) as caught:
        edit()
    assert caught.value.code == "bad_edit"
