"""Who gets which face: people are found again in the target faces that were given.

A track keeps its person from its first to its last frame, and every decision is plain data that
can be read, edited and given back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..geometry.assignment import FORBIDDEN, cheapest_pairs
from ..records import Array, Fallback, Person, RunnerUp, Track, TrackSource, observation
from .clustering import Distances, share_time

# Of the threshold: two reference photos nearer than this are said to be one person, and more
# people of the video nearer than this to a reference that already has one are taken for it too.
SAME_PERSON_SHARE = 0.8


@dataclass(frozen=True, slots=True)
class Match:
    """A person that gets a source.

    Attributes:
        source: Index of the source and of its reference.
        label: Name of the reference.
        person: Number of the person.
        distance: Between reference and person; None if there was no reference.
        runner_up: Who is next nearest to the reference; None if there is nobody else, or was no
            reference.
    """

    source: int
    label: str
    person: int
    distance: float | None
    runner_up: RunnerUp | None = None


@dataclass(frozen=True, slots=True)
class Matching:
    """Which tracks get which source.

    Attributes:
        matches: By source; the main person of a source comes first.
        tracks: By track and time: what the rendering follows. One frame of a track gets one source.
        missing: Indices of references that were given to nobody.
        notes: What the user should know about it.
    """

    matches: tuple[Match, ...]
    tracks: tuple[TrackSource, ...]
    missing: tuple[int, ...] = ()
    notes: tuple[Fallback, ...] = ()

    def of_track(self, track: int) -> tuple[TrackSource, ...]:
        """Return what a track gets, by time."""
        return tuple(one for one in self.tracks if one.track == track)

    def source_at(self, track: int, pts: int) -> int | None:
        """Return what a track gets in a frame; None for nothing."""
        when = np.array([pts])
        found = (one.source for one in self.of_track(track) if one.covers(when)[0])
        return next(found, None)

    @property
    def sources(self) -> dict[int, int]:
        """Source index by track number; of a track with several sources the last."""
        return {one.track: one.source for one in self.tracks}


def assign(
    persons: Sequence[Person],
    tracks: Sequence[Track],
    references: Sequence[tuple[str, Array]],
    threshold: float,
    distances: Distances,
) -> Matching:
    """Give every reference at most one person, all together at least cost.

    A pair further apart than the threshold is never made. People who are clearly the same as a
    reference that already has one (a profile seen in another shot) and never seen together with
    it are added to it.

    Args:
        persons: The people of the video.
        tracks: Their tracks.
        references: Label and embedding of each reference face, in the order of the sources.
        threshold: Largest distance of a pair.
        distances: Of embeddings.
    """
    vectors = np.stack([vector for _, vector in references])
    table = np.zeros((len(references), len(persons)))
    if persons:
        table = distances(vectors, np.stack([person.embedding for person in persons]))
    pairs = cheapest_pairs(np.where(table <= threshold, table, FORBIDDEN))
    chosen = {row: [column] for row, column in pairs.items()}
    _add_clear_ones(chosen, table, persons, tracks, threshold * SAME_PERSON_SHARE)
    matches = tuple(
        Match(
            row,
            references[row][0],
            persons[column].id,
            float(table[row, column]),
            _runner_up(persons, table[row], chosen[row]),
        )
        for row in sorted(chosen)
        for column in chosen[row]
    )
    missing = tuple(row for row in range(len(references)) if row not in chosen)
    notes = [
        *_same_references(references, distances(vectors, vectors), threshold * SAME_PERSON_SHARE),
        *(_absence(references[row][0], table[row], threshold) for row in missing),
    ]
    return Matching(matches, track_sources(persons, matches), missing, tuple(notes))


def track_sources(persons: Sequence[Person], matches: Sequence[Match]) -> tuple[TrackSource, ...]:
    """Return what the tracks of the people get that get a source, by track."""
    members = {person.id: person.track_ids for person in persons}
    pairs = ((track, match.source) for match in matches for track in members[match.person])
    return tuple(TrackSource(track, source) for track, source in sorted(pairs))


def _runner_up(
    persons: Sequence[Person], distances: Array, taken: Sequence[int]
) -> RunnerUp | None:
    """Return who comes next after those that a reference was given to."""
    others = [column for column in range(len(persons)) if column not in taken]
    if not others:
        return None
    nearest = min(others, key=lambda column: float(distances[column]))
    return RunnerUp(persons[nearest].id, float(distances[nearest]))


def _add_clear_ones(
    chosen: dict[int, list[int]],
    table: Array,
    persons: Sequence[Person],
    tracks: Sequence[Track],
    limit: float,
) -> None:
    """Add further people to the reference they are nearest to, the nearest first."""
    by_id = {track.id: track for track in tracks}
    taken = {column for columns in chosen.values() for column in columns}
    near = ((table[row, column], row, column) for row, column in np.argwhere(table <= limit))
    for _, row, column in sorted(near):
        if row not in chosen or column in taken or row != int(table[:, column].argmin()):
            continue
        if not any(_together(persons[column], persons[one], by_id) for one in chosen[row]):
            chosen[row].append(int(column))
            taken.add(column)


def _together(one: Person, other: Person, tracks: Mapping[int, Track]) -> bool:
    """Tell whether two people are seen at the same time."""
    spans = [
        np.array([(tracks[number].first_pts, tracks[number].last_pts) for number in person])
        for person in (one.track_ids, other.track_ids)
    ]
    return bool(share_time(*spans[0].T, *spans[1].T).any())


def _same_references(
    references: Sequence[tuple[str, Array]], apart: Array, limit: float
) -> list[Fallback]:
    return [
        observation(
            f"{references[other][0]} and {label} show the same person "
            f"(distance {apart[row, other]:.2f})"
        )
        for row, (label, _) in enumerate(references)
        for other in range(row)
        if apart[row, other] <= limit
    ]


def _absence(label: str, distances: Array, threshold: float) -> Fallback:
    if not distances.size:
        return observation(f"{label} does not appear: there is nobody in the video")
    nearest = float(distances.min())
    if nearest <= threshold:
        return observation(
            f"{label} matches only people that another target face matches better "
            f"(closest distance {nearest:.2f})"
        )
    return observation(
        f"{label} does not appear in the video: closest distance {nearest:.2f}, "
        f"threshold {threshold:.2f}"
    )
