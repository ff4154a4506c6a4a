"""People to references."""

from __future__ import annotations

import numpy as np
import pytest

from videoswap.detection.recognition import euclidean_distances
from videoswap.people.clustering import cluster_tracks
from videoswap.people.matching import assign
from videoswap.records import Track


def vector(*numbers):
    return np.array(numbers, np.float32)


def track(number, first, last, embedding, count=None):
    return Track(
        number, 0, first, last, last - first + 1 if count is None else count, embedding, first
    )


ANN, BOB, CAT = vector(0, 0), vector(1, 0), vector(0, 1)


def matched(tracks, references, threshold=0.6):
    persons = cluster_tracks(tracks, 0.5, euclidean_distances)
    return assign(persons, tracks, references, threshold, euclidean_distances)


TWO = [track(0, 0, 19, ANN), track(1, 0, 9, BOB)]


@pytest.mark.parametrize(
    ("tracks", "references", "sources", "missing"),
    [
        (TWO, [("a", ANN), ("b", BOB)], {0: 0, 1: 1}, ()),
        (TWO, [("b", BOB), ("a", ANN)], {0: 1, 1: 0}, ()),
        (TWO, [("b", BOB)], {1: 0}, ()),
        (TWO, [("c", CAT)], {}, (0,)),
        (TWO, [("c", CAT), ("b", BOB)], {1: 1}, (0,)),
        # The greedy choice (a takes ANN at 0.1) would leave "far" with nobody.
        (TWO, [("a", vector(0.45, 0)), ("far", vector(-0.55, 0))], {0: 1, 1: 0}, ()),
        ([], [("a", ANN)], {}, (0,)),
    ],
)
def test_assignment(tracks, references, sources, missing):
    matching = matched(tracks, references)
    assert matching.sources == sources and matching.missing == missing


def test_two_references_of_one_person_are_told_and_get_one_person_each_at_most():
    matching = matched(TWO, [("one.jpg", ANN), ("two.jpg", ANN + 0.1)])
    assert matching.sources == {0: 0} and matching.missing == (1,)
    assert any(
        "one.jpg and two.jpg show the same person" in note for note in map(str, matching.notes)
    )
    assert any(note.startswith("two.jpg matches only people") for note in map(str, matching.notes))


def test_a_reference_that_never_appears_is_told_with_its_distance():
    (note,) = map(str, matched(TWO, [("cat.jpg", CAT)]).notes)
    assert "cat.jpg does not appear" in note and "closest distance 1.00" in note


PROFILE = vector(0.42, 0.3)  # too far from ANN (0.52) to be put together with her


@pytest.mark.parametrize(
    ("first", "reference", "sources"),
    [
        (30, vector(0.1, 0.1), {0: 0, 1: 0}),  # clearly the reference, in another shot
        (10, vector(0.1, 0.1), {0: 0}),  # seen together with her
        (30, vector(-0.1, 0), {0: 0}),  # not clearly the reference
    ],
)
def test_another_view_of_a_matched_person(first, reference, sources):
    tracks = [track(0, 0, 19, ANN), track(1, first, first + 9, PROFILE)]
    assert matched(tracks, [("ann", reference)]).sources == sources
