"""Tracks to people, people to references."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from videoswap.errors import InputError, NoFaceError
from videoswap.matching import (
    Match,
    Matching,
    assign,
    cluster_tracks,
    match_people,
    people_of,
)
from videoswap.records import Track
from videoswap.sources import Reference


def distance(one, other):
    return float(np.linalg.norm(one - other))


def vector(*numbers):
    return np.array(numbers, np.float32)


def track(number, first, last, embedding, count=None):
    return Track(
        number, 0, first, last, last - first + 1 if count is None else count, embedding, first
    )


ANN, BOB, CAT = vector(0, 0), vector(1, 0), vector(0, 1)
CLUSTERS = {
    "nobody": ([], []),
    "without embedding": ([track(0, 0, 9, None)], []),
    "one": ([track(0, 0, 9, ANN)], [(0,)]),
    "one over three shots": (
        [track(0, 0, 9, ANN), track(1, 10, 19, ANN + 0.1), track(2, 20, 29, ANN - 0.1)],
        [(0, 1, 2)],
    ),
    "two, longest first": (
        [track(0, 0, 9, ANN), track(1, 0, 19, BOB), track(2, 20, 25, ANN + 0.1)],
        [(1,), (0, 2)],
    ),
    "twins in one frame": (
        [track(0, 0, 9, ANN), track(1, 5, 19, ANN + 0.01)],
        [(1,), (0,)],
    ),
    "the shared frame keeps groups apart": (
        # 2 is near to both 0 and 1, who are seen together.
        [track(0, 0, 9, ANN), track(1, 0, 9, vector(0.3, 0)), track(2, 10, 29, vector(0.2, 0))],
        [(1, 2), (0,)],
    ),
    "no chain": (
        # Each is near to the next, the ends are far apart: average linkage stops.
        [track(k, 10 * k, 10 * k + 9, vector(0.4 * k, 0)) for k in range(4)],
        [(0, 1), (2, 3)],
    ),
}


@pytest.mark.parametrize("name", CLUSTERS)
def test_clusters(name):
    tracks, expected = CLUSTERS[name]
    persons = cluster_tracks(tracks, 0.5, distance)
    assert [person.track_ids for person in persons] == expected
    assert [person.id for person in persons] == list(range(len(expected)))


def test_a_person_sums_up_its_tracks():
    tracks = [track(0, 0, 9, ANN), track(1, 20, 49, ANN + 0.2)]
    (person,) = cluster_tracks(tracks, 0.5, distance)
    assert (person.frames, person.first_pts, person.best_track, person.best_pts) == (40, 0, 1, 20)
    assert np.allclose(person.embedding, 0.15)


def test_random_clusters_never_hold_tracks_that_share_frames():
    rng = np.random.default_rng(7)
    for _ in range(20):
        starts = rng.integers(0, 100, 30)
        tracks = [
            track(k, int(first), int(first + rng.integers(0, 20)), vector(*rng.normal(size=2)))
            for k, first in enumerate(starts)
        ]
        by_id = {one.id: one for one in tracks}
        persons = cluster_tracks(tracks, 0.8, distance)
        assert sorted(n for person in persons for n in person.track_ids) == list(range(30))
        for person in persons:
            members = [by_id[number] for number in person.track_ids]
            for one, other in pairwise(members):
                assert one.last_pts < other.first_pts


def matched(tracks, references, threshold=0.6):
    persons = cluster_tracks(tracks, 0.5, distance)
    return assign(persons, tracks, references, threshold, distance)


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
    assert any("one.jpg and two.jpg show the same person" in note for note in matching.notes)
    assert any(note.startswith("two.jpg matches only people") for note in matching.notes)


def test_a_reference_that_never_appears_is_told_with_its_distance():
    (note,) = matched(TWO, [("cat.jpg", CAT)]).notes
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


@pytest.mark.parametrize(
    ("tracks", "sources", "words"),
    [
        ([track(0, 5, 9, ANN)], {0: 0}, "only person"),
        ([track(0, 5, 50, ANN), track(1, 0, 4, BOB)], {1: 0}, "person 1, the first one seen"),
        ([track(0, 0, 5, ANN), track(1, 0, 9, BOB)], {1: 0}, "person 0, the first one seen"),
        ([], {}, "nobody"),
    ],
)
def test_without_references(tracks, sources, words):
    matching = matched(tracks, [])
    assert matching.sources == sources and words in matching.notes[0]


def test_json_round_trip_and_edits():
    matching = matched(TWO, [("a", ANN), ("c", CAT)])
    assert Matching.from_json(matching.to_json()) == matching
    edited = matching.to_json().replace('"label": "a"', '"label": "edited"')
    assert Matching.from_json(edited).matches == (Match(0, "edited", 0, 0.0),)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"matches": [1]}', '{"matches": 3}'])
def test_bad_json_is_one_sentence(text):
    with pytest.raises(InputError) as caught:
        Matching.from_json(text)
    assert caught.value.code == "bad_matching"


RECOGNIZER = SimpleNamespace(cluster_threshold=0.5, distance=distance)
FILM = Path("film.mp4")


def test_people_and_who_gets_which_source():
    given = [Reference("a", ANN), Reference("b", BOB)]
    persons, matching = match_people(FILM, TWO, given, 0.5, RECOGNIZER, "hint")
    assert [one.track_ids for one in persons] == [(0,), (1,)]
    assert matching == matched(TWO, [("a", ANN), ("b", BOB)])


@pytest.mark.parametrize("kind", ["video", "picture"])
def test_where_nobody_is_that_is_said(kind):
    with pytest.raises(NoFaceError) as caught:
        people_of(FILM, [track(0, 0, 9, None)], RECOGNIZER, kind)
    assert caught.value.code == f"no_face_in_{kind}"
    assert "film.mp4" in caught.value.message and "--min_face" in caught.value.hint


def test_where_no_reference_is_found_the_notes_say_why():
    with pytest.raises(NoFaceError) as caught:
        match_people(FILM, TWO, [Reference("c", CAT * 9)], 0.5, RECOGNIZER, "Look again.")
    assert caught.value.code == "no_match" and caught.value.hint == "Look again."
    assert "film.mp4" in caught.value.message and "c does not appear" in caught.value.message
