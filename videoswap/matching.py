"""Who is who: tracks become people, people get the reference faces.

A track keeps its person from its first to its last frame, and every decision is plain data that
can be read, edited and given back.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from .assignment import FORBIDDEN, cheapest_pairs
from .errors import InputError, NoFaceError
from .finding.recognition import Recognizer
from .records import Array, Person, Track
from .sources import Reference

Distance = Callable[[Array, Array], float]
# Of the threshold: two reference photos nearer than this are said to be one person, and more
# people of the video nearer than this to a reference that already has one are taken for it too.
SAME_PERSON = 0.8


@dataclass(frozen=True, slots=True)
class Match:
    """A person that gets a source.

    Attributes:
        source: Index of the source and of its reference.
        label: Name of the reference.
        person: Number of the person.
        distance: Between reference and person; None if there was no reference.
    """

    source: int
    label: str
    person: int
    distance: float | None


@dataclass(frozen=True, slots=True)
class Matching:
    """Which tracks get which source.

    Attributes:
        matches: By source; the main person of a source comes first.
        tracks: (track, source) pairs, by track: what the rendering follows.
        missing: Indices of references that were given to nobody.
        notes: Sentences for the user.
    """

    matches: tuple[Match, ...]
    tracks: tuple[tuple[int, int], ...]
    missing: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def sources(self) -> dict[int, int]:
        """Source index by track number."""
        return dict(self.tracks)

    def to_json(self) -> str:
        """Return it as text that can be edited."""
        return json.dumps(asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str) -> Matching:
        """Return a matching that was written, and perhaps edited.

        Raises:
            InputError: ``bad_matching``.
        """
        try:
            data = json.loads(text)
            return cls(
                matches=tuple(_match(one) for one in data["matches"]),
                tracks=tuple((int(track), int(source)) for track, source in data["tracks"]),
                missing=tuple(int(one) for one in data["missing"]),
                notes=tuple(str(one) for one in data["notes"]),
            )
        except (ValueError, TypeError, KeyError) as error:
            raise InputError(
                "bad_matching",
                f"This is not a matching of tracks and sources ({error}).",
                "Write one with --dry_run and change that.",
            ) from error


def _match(data: dict[str, Any]) -> Match:
    distance = data["distance"]
    return Match(
        int(data["source"]),
        str(data["label"]),
        int(data["person"]),
        None if distance is None else float(distance),
    )


def people_of(
    path: Path,
    tracks: Sequence[Track],
    recognizer: Recognizer,
    kind: Literal["video", "picture"] = "video",
) -> tuple[Person, ...]:
    """Find the people of a video or picture, the one with most frames first.

    Args:
        path: Where they are, for the message.
        tracks: Its tracks; in a picture every face is one of one frame.
        recognizer: Who compares them.
        kind: What ``path`` is.

    Raises:
        NoFaceError: ``no_face_in_video`` or ``no_face_in_picture``.
    """
    persons = cluster_tracks(tracks, recognizer.cluster_threshold, recognizer.distance)
    if not persons:
        raise NoFaceError(
            f"no_face_in_{kind}",
            f"No face was found in {path}.",
            "Smaller faces are found with --min_face 0.03.",
        )
    return persons


def match_people(
    path: Path,
    tracks: Sequence[Track],
    references: Sequence[Reference],
    threshold: float,
    recognizer: Recognizer,
    hint: str,
    kind: Literal["video", "picture"] = "video",
) -> tuple[tuple[Person, ...], Matching]:
    """Decide who is who and who gets which source.

    Args:
        path: Where the people are, for the messages.
        tracks: Its tracks; in a picture every face is one of one frame.
        references: The faces to look for, in the order of the sources.
        threshold: Largest distance between a reference and its person.
        recognizer: Who compares them.
        hint: What the user can do if none of the references is found.
        kind: What ``path`` is.

    Raises:
        NoFaceError: ``no_face_in_video``, ``no_face_in_picture`` or ``no_match``.
    """
    persons = people_of(path, tracks, recognizer, kind)
    labelled = [(one.label, one.embedding) for one in references]
    matching = assign(persons, tracks, labelled, threshold, recognizer.distance)
    if not matching.matches:
        notes = " ".join(matching.notes)
        raise NoFaceError(
            "no_match", f"None of the target faces was found in {path}. {notes}", hint
        )
    return persons, matching


def cluster_tracks(
    tracks: Sequence[Track], threshold: float, distance: Distance
) -> tuple[Person, ...]:
    """Group tracks into people.

    Agglomerative clustering with average linkage, under the rule that tracks which share time
    are different people. Tracks without an embedding say nothing about who they are and stay
    out.

    Args:
        tracks: The tracks of a video.
        threshold: Largest mean distance between tracks of one person.
        distance: Of two embeddings.

    Returns:
        The people, the one with most frames first.
    """
    known = [track for track in tracks if track.embedding is not None]
    if not known:
        return ()
    groups = _linked(_distances(known, distance), _exclusive(known), threshold)
    grouped = [[known[index] for index in group] for group in groups]
    grouped.sort(key=lambda group: (-sum(one.count for one in group), group[0].id))
    return tuple(_person(number, group) for number, group in enumerate(grouped))


def _distances(tracks: Sequence[Track], distance: Distance) -> Array:
    table = np.zeros((len(tracks), len(tracks)))
    for row, one in enumerate(tracks):
        for column in range(row):
            other = tracks[column]
            assert one.embedding is not None and other.embedding is not None
            table[row, column] = table[column, row] = distance(one.embedding, other.embedding)
    return table


def _exclusive(tracks: Sequence[Track]) -> Array:
    """Return (n, n) bool: whether two tracks share time."""
    first = np.array([track.first_pts for track in tracks])
    last = np.array([track.last_pts for track in tracks])
    shares: Array = (first[:, None] <= last[None]) & (first[None] <= last[:, None])
    return shares


def _linked(table: Array, apart: Array, threshold: float) -> list[list[int]]:
    """Merge the nearest groups until none are nearer than the threshold.

    Args:
        table: (n, n) distances.
        apart: (n, n) bool, pairs that must not come together.
        threshold: Largest mean distance within a merge.
    """
    costs = np.where(apart, np.inf, table)
    np.fill_diagonal(costs, np.inf)
    groups = [[index] for index in range(len(table))]
    nearest, nearest_cost = costs.argmin(axis=1), costs.min(axis=1)
    while True:
        one = int(nearest_cost.argmin())
        if not nearest_cost[one] <= threshold:
            return [sorted(group) for group in groups if group]
        other = int(nearest[one])
        sizes = len(groups[one]), len(groups[other])
        merged = (costs[one] * sizes[0] + costs[other] * sizes[1]) / sum(sizes)
        merged[[one, other]] = np.inf
        costs[one], costs[:, one] = merged, merged
        costs[other], costs[:, other] = np.inf, np.inf
        groups[one], groups[other] = groups[one] + groups[other], []
        stale = np.isin(nearest, (one, other)) | (costs[:, one] < nearest_cost)
        stale[[one, other]] = True
        nearest[stale] = costs[stale].argmin(axis=1)
        nearest_cost[stale] = costs[stale].min(axis=1)


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
    )


def assign(
    persons: Sequence[Person],
    tracks: Sequence[Track],
    references: Sequence[tuple[str, Array]],
    threshold: float,
    distance: Distance,
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
        distance: Of two embeddings.
    """
    if not references:
        return _without_references(persons)
    table = np.array(
        [[distance(vector, person.embedding) for person in persons] for _, vector in references]
    ).reshape(len(references), len(persons))
    pairs = cheapest_pairs(np.where(table <= threshold, table, FORBIDDEN))
    chosen = {row: [column] for row, column in pairs.items()}
    _add_clear_ones(chosen, table, _exclusive_people(persons, tracks), threshold * SAME_PERSON)
    matches = tuple(
        Match(row, references[row][0], persons[column].id, float(table[row, column]))
        for row in sorted(chosen)
        for column in chosen[row]
    )
    missing = tuple(row for row in range(len(references)) if row not in chosen)
    notes = [
        *_same_references(references, threshold * SAME_PERSON, distance),
        *(_absence(references[row][0], table[row], threshold) for row in missing),
    ]
    return Matching(matches, _track_sources(persons, matches), missing, tuple(notes))


def _add_clear_ones(chosen: dict[int, list[int]], table: Array, apart: Array, limit: float) -> None:
    """Add further people to the reference they are nearest to, the nearest first."""
    taken = {column for columns in chosen.values() for column in columns}
    pairs = sorted((table[row, column], row, column) for row, column in np.ndindex(*table.shape))
    for cost, row, column in pairs:
        free = row in chosen and column not in taken and row == int(table[:, column].argmin())
        if cost <= limit and free and not any(apart[column, one] for one in chosen[row]):
            chosen[row].append(column)
            taken.add(column)


def _exclusive_people(persons: Sequence[Person], tracks: Sequence[Track]) -> Array:
    """Return (n, n) bool: whether two people are seen at the same time."""
    place = {track.id: index for index, track in enumerate(tracks)}
    shares = _exclusive(tracks)
    members = [[place[number] for number in person.track_ids] for person in persons]
    return np.array([[shares[np.ix_(a, b)].any() for b in members] for a in members], bool).reshape(
        len(persons), len(persons)
    )


def _track_sources(
    persons: Sequence[Person], matches: Sequence[Match]
) -> tuple[tuple[int, int], ...]:
    members = {person.id: person.track_ids for person in persons}
    return tuple(
        sorted((track, match.source) for match in matches for track in members[match.person])
    )


def _without_references(persons: Sequence[Person]) -> Matching:
    """Take the only person, or else the first one seen."""
    if not persons:
        return Matching((), (), (0,), ("There is nobody in the video.",))
    first = min(persons, key=lambda person: (person.first_pts, -person.frames, person.id))
    note = "The only person is taken."
    if len(persons) > 1:
        note = (
            f"No target face was given and there are {len(persons)} people: person {first.id}, the "
            f"first one seen, is taken."
        )
    matches = (Match(0, f"person {first.id}", first.id, None),)
    return Matching(matches, _track_sources(persons, matches), (), (note,))


def _same_references(
    references: Sequence[tuple[str, Array]], limit: float, distance: Distance
) -> list[str]:
    notes = []
    for row, (label, vector) in enumerate(references):
        for other, another in references[:row]:
            apart = distance(vector, another)
            if apart <= limit:
                notes.append(f"{other} and {label} show the same person (distance {apart:.2f}).")
    return notes


def _absence(label: str, distances: Array, threshold: float) -> str:
    if not distances.size:
        return f"{label} does not appear: there is nobody in the video."
    nearest = float(distances.min())
    if nearest <= threshold:
        return (
            f"{label} matches only people that another target face matches better "
            f"(closest distance {nearest:.2f})."
        )
    return (
        f"{label} does not appear in the video: closest distance {nearest:.2f}, "
        f"threshold {threshold:.2f}."
    )
