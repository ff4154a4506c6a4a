"""What is said about the people of a film of hundreds."""

from fractions import Fraction

import pytest

from videoswap.jobs.people_report import describe, ranges
from videoswap.report import PersonReport


def person(number, source=None):
    return PersonReport(number, source, None, None, Fraction(number), 10, 1)


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ([], ""),
        ([4], "4"),
        ([1, 3, 4, 5, 9, 10], "1, 3-5, 9-10"),
        (range(0, 100, 2), "0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, ..."),
    ],
)
def test_ranges(numbers, words):
    assert ranges(list(numbers)) == words


def test_those_who_keep_their_faces_are_one_line():
    people = [person(n, "me.jpg" if n in (0, 2) else None) for n in range(19)]
    assert describe(people) == [
        "person 1: 10 frames from 0.00 s on, gets me.jpg",
        "person 3: 10 frames from 2.00 s on, gets me.jpg",
        "17 others are left alone: persons 2, 4-19",
    ]
    assert describe(people[:2])[-1] == "1 other is left alone: person 2"


def test_a_crowd_stays_short():
    lines = describe([person(n, "me.jpg") for n in range(500)], lambda one: "somewhere")
    assert len(lines) == 11
    assert lines[0] == "person 1: somewhere, gets me.jpg"
    assert lines[-1] == "490 more people are swapped: persons 11-500"
    lines = describe([person(n, "me.jpg") for n in range(11)])
    assert lines[-1] == "1 more is swapped: person 11"
