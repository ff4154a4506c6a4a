"""Tracks to people: the same whether they fit into one table or not."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from videoswap.detection.recognition import euclidean_distances
from videoswap.errors import NoFaceError
from videoswap.people import clustering
from videoswap.people.clustering import cluster_tracks, group_alike, people_of
from videoswap.records import Track


def vector(*numbers):
    return np.array(numbers, np.float32)


def track(number, first, last, embedding, count=None, screen_time=0, size=0.0):
    count = last - first + 1 if count is None else count
    return Track(number, 0, first, last, count, embedding, first, screen_time, size)


ANN, BOB = vector(0, 0), vector(1, 0)
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
    persons = cluster_tracks(tracks, 0.5, euclidean_distances)
    assert [person.track_ids for person in persons] == expected
    assert [person.id for person in persons] == list(range(len(expected)))


def test_a_person_sums_up_its_tracks():
    tracks = [track(0, 0, 9, ANN), track(1, 20, 49, ANN + 0.2)]
    (person,) = cluster_tracks(tracks, 0.5, euclidean_distances)
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
        persons = cluster_tracks(tracks, 0.8, euclidean_distances)
        assert sorted(n for person in persons for n in person.track_ids) == list(range(30))
        for person in persons:
            members = [by_id[number] for number in person.track_ids]
            for one, other in pairwise(members):
                assert one.last_pts < other.first_pts


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"screen_time": 9, "count": 2}, {"screen_time": 8, "count": 90}),
        ({"count": 9, "first": 8}, {"count": 8, "first": 0}),
        ({"first": 3, "size": 10.0}, {"first": 4, "size": 90.0}),
        ({"size": 20.0}, {"size": 10.0}),
    ],
)
def test_people_come_by_screen_time_then_first_seen_then_size(one, other):
    for order in ((0, 1), (1, 0)):
        traits = {"first": 0, "count": 9, **one}, {"first": 0, "count": 9, **other}
        tracks = [track(n, last=99, embedding=(ANN, BOB)[n], **traits[n]) for n in order]
        persons = cluster_tracks(tracks, 0.5, euclidean_distances)
        assert [person.track_ids for person in persons] == [(0,), (1,)]


def test_photos_are_grouped_the_largest_group_first():
    vectors = np.array([[9, 0], [0, 0], [5, 5], [0.1, 0], [9, 0.1], [0, 0.1]], np.float32)
    assert group_alike(vectors, 0.5, euclidean_distances) == [[1, 3, 5], [0, 4], [2]]


RECOGNIZER = SimpleNamespace(cluster_threshold=0.5, distances=euclidean_distances)


@pytest.mark.parametrize("kind", ["video", "picture"])
def test_where_nobody_is_that_is_said(kind):
    with pytest.raises(NoFaceError) as caught:
        people_of(Path("film.mp4"), [track(0, 0, 9, None)], RECOGNIZER, kind)
    assert caught.value.code == f"no_face_in_{kind}"
    assert "film.mp4" in caught.value.message and "--min_face" in caught.value.hint


def linked_pair_by_pair(tracks, threshold):
    """Cluster as it was done first: one table, a loop over pairs. Returns sets of track numbers."""
    costs = np.full((len(tracks), len(tracks)), np.inf)
    for row, one in enumerate(tracks):
        for column, other in enumerate(tracks):
            apart = one.last_pts < other.first_pts or other.last_pts < one.first_pts
            if row != column and apart:
                costs[row, column] = float(np.linalg.norm(one.embedding - other.embedding))
    groups = [[one.id] for one in tracks]
    while True:
        one, other = np.unravel_index(int(costs.argmin()), costs.shape)
        if not costs[one, other] <= threshold:
            return {frozenset(group) for group in groups if group}
        sizes = len(groups[one]), len(groups[other])
        merged = (costs[one] * sizes[0] + costs[other] * sizes[1]) / sum(sizes)
        merged[[one, other]] = np.inf
        costs[one], costs[:, one] = merged, merged
        costs[other], costs[:, other] = np.inf, np.inf
        groups[one], groups[other] = groups[one] + groups[other], []


def random_tracks(rng, count, people, spread, times, dims=8):
    """Return tracks of some people whose faces are ``spread`` as far from their middle."""
    middles = rng.normal(size=(people, dims)) * 0.5
    who = rng.integers(0, people, count)
    vectors = (middles[who] + rng.normal(size=(count, dims)) * spread).astype(np.float32)
    first = rng.integers(0, times, count)
    last = first + rng.integers(0, 20, count)
    return [track(k, int(first[k]), int(last[k]), vectors[k]) for k in range(count)]


@pytest.mark.parametrize("most", [10**9, 60, 20, 1])
@pytest.mark.parametrize("people", [1, 4, 30])
def test_people_are_the_same_as_pair_by_pair(monkeypatch, most, people):
    monkeypatch.setattr(clustering, "MAX_TABLE_GROUPS", most)
    monkeypatch.setattr(clustering, "BLOCK_ROWS", 16)
    rng = np.random.default_rng(people)
    for spread, times in ((0.05, 4000), (0.15, 4000), (0.25, 400), (0.15, 60)):
        tracks = random_tracks(rng, 120, people, spread, times)
        found = cluster_tracks(tracks, 0.6, euclidean_distances)
        grouped = {frozenset(person.track_ids) for person in found}
        assert grouped == linked_pair_by_pair(tracks, 0.6)


def test_faces_that_are_all_the_same_are_one_person_without_a_table(monkeypatch):
    monkeypatch.setattr(clustering, "MAX_TABLE_GROUPS", 4)
    tracks = [track(k, 10 * k, 10 * k + 5, vector(0.3, 0.3)) for k in range(40)]
    (person,) = cluster_tracks(tracks, 0.5, euclidean_distances)
    assert len(person.track_ids) == 40


@pytest.mark.slow
def test_twenty_thousand_tracks_need_neither_an_hour_nor_gigabytes():
    tracks = random_tracks(np.random.default_rng(3), 20_000, 300, 0.02, 2_000_000, dims=128)
    tracemalloc.start()
    persons = cluster_tracks(tracks, 0.5, euclidean_distances)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sum(len(person.track_ids) for person in persons) == 20_000
    assert 250 <= len(persons) < 1000
    assert most < 800e6
