"""Tracks become people: agglomerative clustering with average linkage.

Two tracks that share time are never one person. Some thousands of tracks have one table of
distances. Of more, first the parts that cannot have to do with each other are told apart, and
what is too large even then is merged in rounds that keep no table: in each, all pairs that are
each other's nearest come together. As a merged group is never nearer to a third one than its
parts were, the order of merges does not matter (Müllner, "Modern hierarchical, agglomerative
clustering algorithms", 2011), and all three ways find the same people.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Literal

import numpy as np

from ..detection.base import Recognizer
from ..errors import NoFaceError
from ..records import Array, Person, Track

#: Takes (n, D) and (m, D) embeddings, gives their (n, m) float64 distances.
Distances = Callable[[Array, Array], Array]

MAX_TABLE_GROUPS = 7000  # groups whose distances are kept in one table, 400 MB of float64
BLOCK_ROWS = 256  # of the table of all tracks, where that is only looked through


def people_of(
    path: Path,
    tracks: Sequence[Track],
    recognizer: Recognizer,
    kind: Literal["video", "picture"] = "video",
) -> tuple[Person, ...]:
    """Find the people of a video or picture, the one with most screen time first.

    Args:
        path: Where they are, for the message.
        tracks: Its tracks; in a picture every face is one of one frame.
        recognizer: Who compares them.
        kind: What ``path`` is.

    Raises:
        NoFaceError: ``no_face_in_video`` or ``no_face_in_picture``.
    """
    persons = cluster_tracks(tracks, recognizer.cluster_threshold, recognizer.distances)
    if not persons:
        raise NoFaceError(
            f"no_face_in_{kind}",
            f"No face was found in {path}.",
            "Smaller faces are found with --min_face 0.03.",
        )
    return persons


def cluster_tracks(
    tracks: Sequence[Track], threshold: float, distances: Distances
) -> tuple[Person, ...]:
    """Group tracks into people.

    Tracks without an embedding say nothing about who they are and stay out.

    Args:
        tracks: The tracks of a video.
        threshold: Largest mean distance between tracks of one person.
        distances: Of embeddings.

    Returns:
        The people: most screen time first; of equals who is seen first, then who is larger.
    """
    known = [track for track in tracks if track.embedding is not None]
    if not known:
        return ()
    vectors = np.stack([np.asarray(track.embedding) for track in known])
    first = np.array([track.first_pts for track in known])
    last = np.array([track.last_pts for track in known])
    groups = _grouped(_Points(vectors, first, last, distances), threshold)
    grouped = sorted(([known[index] for index in sorted(group)] for group in groups), key=_rank)
    return tuple(_person(number, group) for number, group in enumerate(grouped))


def group_alike(vectors: Array, threshold: float, distances: Distances) -> list[list[int]]:
    """Group embeddings that may all show one person, as those of photos.

    Args:
        vectors: (n, D) float32.
        threshold: Largest mean distance between those of one person.
        distances: Of embeddings.

    Returns:
        Their indices; the largest group first, of equals the one with the first embedding.
    """
    apart = np.arange(len(vectors))  # no two share time
    groups = _grouped(_Points(vectors, apart, apart, distances), threshold)
    return sorted(map(sorted, groups), key=lambda group: (-len(group), group[0]))


def share_time(first: Array, last: Array, other_first: Array, other_last: Array) -> Array:
    """Return (n, m) bool: whether spans from ``first`` to ``last`` overlap the others."""
    shares: Array = (first[:, None] <= other_last[None]) & (other_first[None] <= last[:, None])
    return shares


def _rank(tracks: Sequence[Track]) -> tuple[int, int, int, float, int]:
    return (
        -sum(track.screen_time for track in tracks),
        -sum(track.count for track in tracks),
        min(track.first_pts for track in tracks),
        -max(track.size for track in tracks),
        tracks[0].id,
    )


def _person(number: int, tracks: Sequence[Track]) -> Person:
    ordered = sorted(tracks, key=lambda track: (track.first_pts, track.id))
    weights = [float(track.count) for track in ordered]
    vectors = np.stack([np.asarray(track.embedding) for track in ordered])
    longest = max(ordered, key=lambda track: track.count)
    return Person(
        id=number,
        track_ids=tuple(track.id for track in ordered),
        embedding=np.average(vectors, axis=0, weights=weights).astype(np.float32),
        first_pts=ordered[0].first_pts,
        frames=sum(track.count for track in ordered),
        best_pts=longest.best_pts,
        best_track=longest.id,
        screen_time=sum(track.screen_time for track in ordered),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Points:
    """What is clustered.

    Attributes:
        vectors: (n, D) embeddings.
        first: (n,) begin of each one's time.
        last: (n,) its end.
        distances: Of embeddings.
    """

    vectors: Array
    first: Array
    last: Array
    distances: Distances

    def costs(self, rows: Array, columns: Array) -> Array:
        """Return (r, c) distances of points by index; inf where two share time."""
        table = self.distances(self.vectors[rows], self.vectors[columns])
        times = self.first[rows], self.last[rows], self.first[columns], self.last[columns]
        table[share_time(*times)] = np.inf
        return table


def _grouped(points: _Points, threshold: float) -> list[list[int]]:
    """Merge the nearest points and groups until none are nearer than the threshold."""
    count = len(points.vectors)
    parts = [np.arange(count)] if count <= MAX_TABLE_GROUPS else _connected(points, threshold)
    return list(chain.from_iterable(_linked(points, part, threshold) for part in parts))


def _connected(points: _Points, threshold: float) -> list[Array]:
    """Return the parts between which no two points are within the threshold.

    No mean distance across parts can be within it then, so each can be clustered on its own.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    count = len(points.vectors)
    everyone = np.arange(count)
    labels = everyone
    for start in range(0, count, BLOCK_ROWS):
        rows, columns = everyone[start : start + BLOCK_ROWS], everyone[start:]
        near_rows, near_columns = np.nonzero(points.costs(rows, columns) <= threshold)
        ends = labels[near_rows + start], labels[near_columns + start]
        news = ends[0] != ends[1]
        edges = np.unique(ends[0][news] * count + ends[1][news])
        ends = edges // count, edges % count
        graph = coo_matrix((np.ones(len(edges), bool), ends), (count, count))
        labels = connected_components(graph, directed=False)[1][labels].astype(np.int64)
    order = np.argsort(labels, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(labels[order])) + 1)


def _linked(points: _Points, part: Array, threshold: float) -> list[list[int]]:
    """Cluster some of the points."""
    groups = [[int(index)] for index in part]
    done: list[list[int]] = []
    if len(groups) > MAX_TABLE_GROUPS:
        groups, done = _rounds(points, groups, threshold)
    table = np.empty((len(groups), len(groups)))
    for rows in _blocks(groups, range(len(groups))):
        table[rows] = _mean_costs(points, [groups[row] for row in rows], groups)
    return [*done, *_merged(table, groups, threshold)]


def _merged(costs: Array, groups: list[list[int]], threshold: float) -> list[list[int]]:
    """Merge the nearest groups until none are nearer than the threshold.

    Args:
        costs: (n, n) mean distances, inf where two must not come together; is overwritten.
        groups: The n groups; are overwritten.
        threshold: Largest mean distance within a merge.
    """
    if not groups:
        return []
    np.fill_diagonal(costs, np.inf)
    gone = np.zeros(len(groups), bool)
    nearest, least = costs.argmin(axis=1), costs.min(axis=1)
    stale = np.zeros(len(groups), bool)  # its nearest was merged: ``least`` is only a bound
    while True:
        one = int(least.argmin())
        if not least[one] <= threshold:
            return [group for group in groups if group]
        if stale[one]:
            row = np.where(gone, np.inf, costs[one])
            nearest[one], least[one], stale[one] = row.argmin(), row.min(), False
            continue
        other = int(nearest[one])
        sizes = len(groups[one]), len(groups[other])
        merged = (costs[one] * sizes[0] + costs[other] * sizes[1]) / sum(sizes)
        gone[other], least[other] = True, np.inf
        merged[gone], merged[one] = np.inf, np.inf
        costs[one], costs[:, one] = merged, merged
        groups[one], groups[other] = groups[one] + groups[other], []
        stale |= (nearest == one) | (nearest == other)
        nearest[one], least[one], stale[one] = merged.argmin(), merged.min(), False


def _rounds(
    points: _Points, groups: list[list[int]], threshold: float
) -> tuple[list[list[int]], list[list[int]]]:
    """Merge pairs that are each other's nearest until few enough groups are left for a table.

    Returns:
        Groups to go on with, and groups that are nobody else's.
    """
    done: list[list[int]] = []
    nearest = np.zeros(len(groups), np.int64)
    least = np.full(len(groups), np.inf)
    stale = np.ones(len(groups), bool)
    while len(groups) > MAX_TABLE_GROUPS:
        for rows in _blocks(groups, np.flatnonzero(stale).tolist()):
            costs = _mean_costs(points, [groups[row] for row in rows], groups)
            costs[np.arange(len(rows)), rows] = np.inf
            nearest[rows], least[rows] = costs.argmin(axis=1), costs.min(axis=1)
        numbers = np.arange(len(groups))
        near = least <= threshold
        pairs = np.flatnonzero(near & (nearest[nearest] == numbers) & (numbers < nearest))
        if near.any() and not len(pairs):  # rounding can close a ring of equal distances
            pairs = np.array([least.argmin()])
        done += [groups[number] for number in numbers[~near]]
        stale = np.zeros(len(groups), bool)
        for one in pairs.tolist():
            groups[one] = groups[one] + groups[nearest[one]]
            stale[one] = stale[nearest[one]] = True
        near[nearest[pairs]] = False
        stale = stale | stale[nearest] | ~near[nearest]
        place = np.cumsum(near) - 1
        groups = [groups[number] for number in numbers[near]]
        nearest, least, stale = place[nearest[near]], least[near], stale[near]
    return groups, done


def _blocks(groups: Sequence[Sequence[int]], rows: Sequence[int]) -> Iterator[list[int]]:
    """Yield groups by number, so many at once that they hold about ``BLOCK_ROWS`` points."""
    block: list[int] = []
    size = 0
    for row in rows:
        block.append(row)
        size += len(groups[row])
        if size >= BLOCK_ROWS:
            yield block
            block, size = [], 0
    if block:
        yield block


def _mean_costs(
    points: _Points, rows: Sequence[Sequence[int]], columns: Sequence[Sequence[int]]
) -> Array:
    """Return (r, c) mean distances between groups; inf where members share time."""
    heights, widths = (np.array([len(group) for group in part]) for part in (rows, columns))
    down, across = (np.fromiter(chain.from_iterable(part), np.int64) for part in (rows, columns))
    owners = np.repeat(np.arange(len(rows)), heights)
    starts = np.concatenate([[0], np.cumsum(widths)[:-1]])
    sums = np.zeros((len(rows), len(columns)))
    for begin in range(0, len(down), BLOCK_ROWS):
        some, owner = down[begin : begin + BLOCK_ROWS], owners[begin : begin + BLOCK_ROWS]
        costs = points.costs(some, across)
        if len(across) > len(columns):
            costs = np.add.reduceat(costs, starts, axis=1)
        heads = np.flatnonzero(np.diff(owner, prepend=-1))
        sums[owner[heads]] += np.add.reduceat(costs, heads, axis=0)
    sums /= heights[:, None] * widths[None]
    return sums
