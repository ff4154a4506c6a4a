"""A swap as data: who is in a video or picture, who gets which source and when, and the settings.

A plan is a JSON file that people may edit; ``docs/plan.md`` describes it and ``plan.schema.json``
is its JSON Schema. ``plan_reading.py`` reads one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from .._version import __version__
from ..errors import InputError
from ..jsonfile import JsonDocument, plain
from ..plugins import plugin_named
from ..records import Array, Fallback, Person, RunnerUp, Track, TrackSource, observation
from ..settings import SwapSettings
from .matching import Match, Matching

KIND = "videoswap swap plan"
SCHEMA = 1  # goes up when a key is renamed or removed, or its meaning changes
#: Settings that do not shape the result, or whose place the plan's own keys take.
NOT_IN_PLANS = (
    *("people", "device", "cache_dir", "cache_limit", "overwrite", "marks"),
    *("swapper", "engine_options"),
)
MICROSECONDS = 10**6  # a second


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time in seconds from the video's first frame, with ``start <= t < end``.

    Attributes:
        start: Where it begins.
        end: Where it ends; None for the end of the video.
    """

    start: Fraction = Fraction(0)
    end: Fraction | None = None

    def __str__(self) -> str:
        """Return it in words."""
        end = "the end" if self.end is None else f"{float(self.end):g} s"
        return f"{float(self.start):g} s to {end}"

    def as_data(self) -> dict[str, Any]:
        """Return it as plain data."""
        end = {} if self.end is None else {"to": float(self.end)}
        return {"from": float(self.start), **end}


@dataclass(frozen=True, slots=True)
class PlannedSource:
    """A source person.

    Attributes:
        name: How the people of the plan name it.
        photos: Its photos; a single one may be a folder of photos.
        advice: What makes a photo of it a poor source, for whoever reads the plan.
    """

    name: str
    photos: tuple[Path, ...]
    advice: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlannedPerson:
    """A person of the video.

    Attributes:
        name: For whoever reads the plan.
        sources: (name of a source, when) pairs; none leave the person alone.
        tracks: (number of a track, when) pairs: what shows the person.
        facts: Why it gets the source and when it is seen, for whoever reads the plan.
        hidden: Whether the page shows no card of it.
    """

    name: str
    sources: tuple[tuple[str, Span], ...]
    tracks: tuple[tuple[int, Span], ...]
    facts: Mapping[str, Any] = field(default_factory=dict)
    hidden: bool = False

    def as_data(self) -> dict[str, Any]:
        """Return it as plain data."""
        source: Any = [{"source": name, **span.as_data()} for name, span in self.sources]
        if not self.sources:
            source = None
        elif len(self.sources) == 1 and self.sources[0][1] == Span():
            source = self.sources[0][0]
        tracks = [{"track": number, **span.as_data()} for number, span in self.tracks]
        hidden = {"hidden": True} if self.hidden else {}
        facts = plain(self.facts)
        return {"name": self.name, "source": source, **hidden, **facts, "tracks": tracks}


@dataclass(frozen=True, slots=True)
class Plan(JsonDocument):
    """A swap as data.

    Attributes:
        video: The video, or a picture, whose faces are tracks of one frame.
        digest: Of its content, see ``tracking.key.video_digest``.
        engine: Name of the engine.
        sources: The source people.
        people: The people of the video.
        settings: The settings; those of ``NOT_IN_PLANS`` say nothing.
        notes: What was said when the plan was made.
        file: Where it was read from, which nothing may be written over; None if it was not.
    """

    video: Path
    digest: str
    engine: str
    sources: tuple[PlannedSource, ...]
    people: tuple[PlannedPerson, ...]
    settings: SwapSettings
    notes: tuple[Fallback, ...] = ()
    file: Path | None = None

    def as_data(self) -> dict[str, Any]:
        """Return it as plain data."""
        options = self.settings.engine_options or plugin_named(self.engine).options()
        return {
            "kind": KIND,
            "schema": SCHEMA,
            "videoswap": __version__,
            "video": {"path": str(self.video), "digest": self.digest},
            "engine": {"name": self.engine, "options": _settings_data(options)},
            "sources": plain(self.sources),
            "people": plain(self.people),
            "settings": _settings_data(self.settings),
            "notes": [str(note) for note in self.notes],
        }

    def place(self, person: int, *keys: str | int) -> str:
        """Return the place of something of a person in the file."""
        return "".join(
            [f"people[{person}]", *(f"[{k}]" if isinstance(k, int) else f".{k}" for k in keys)]
        )


@dataclass(frozen=True, slots=True)
class FilmTime:
    """The frames of an analyzed video, to turn seconds into frames.

    Attributes:
        pts: (n,) int64, all frames, ascending.
        start_pts: Time of the first frame of the video.
        time_base: Of the times.
    """

    pts: Array
    start_pts: int
    time_base: Fraction

    def seconds(self, pts: int) -> Fraction:
        """Return a time of the stream as seconds from the video's first frame."""
        return (pts - self.start_pts) * self.time_base

    def index_at(self, seconds: Fraction) -> int:
        """Return the number of the frame that is shown at a time; -1 before the first."""
        tick = self.start_pts + seconds / self.time_base
        return int(np.searchsorted(self.pts, float(tick) + 1e-6, side="right")) - 1

    @classmethod
    def of_picture(cls) -> FilmTime:
        """Return the time of a picture: one frame, at 0."""
        return cls(np.zeros(1, np.int64), 0, Fraction(1))

    @property
    def end(self) -> Fraction:
        """When the last frame ends, in seconds; it is shown as long as the one before."""
        last = int(self.pts[-1])
        return self.seconds(last + (last - int(self.pts[-2]) if len(self.pts) > 1 else 1))

    def shots(self, scenes: Array) -> tuple[Fraction, ...]:
        """Return when each shot begins, in seconds, by the number of the shot of each frame."""
        firsts = np.unique(scenes, return_index=True)[1]
        return tuple(self.seconds(int(self.pts[one])) for one in firsts)

    def ticks(self, seconds: Fraction) -> int:
        """Return the first tick that does not lie before a time."""
        return self.start_pts + math.ceil(seconds / self.time_base)

    def span(self, first_pts: int, last_pts: int) -> Span:
        """Return the time from one frame to the end of another, rounded down to microseconds."""
        after = int(np.searchsorted(self.pts, last_pts, side="right"))
        end = self._rounded(int(self.pts[after])) if after < len(self.pts) else None
        return Span(self._rounded(first_pts), end)

    def frames(self, span: Span, track: Track) -> Array:
        """Return the pts of the frames that lie in a span and in a track."""
        inside = (self.pts >= track.first_pts) & (self.pts <= track.last_pts)
        inside &= self.pts >= self.ticks(span.start)
        if span.end is not None:
            inside &= self.pts < self.ticks(span.end)
        return self.pts[inside]

    def _rounded(self, pts: int) -> Fraction:
        return Fraction(math.floor(self.seconds(pts) * MICROSECONDS), MICROSECONDS)


def match_by_plan(
    plan: Plan, tracks: Sequence[Track], time: FilmTime
) -> tuple[tuple[Person, ...], Matching]:
    """Follow a plan: its people, and which tracks get which source when.

    Args:
        plan: The plan.
        tracks: The tracks of the video.
        time: Its frames.

    Raises:
        InputError: ``bad_plan`` where it does not fit the video, with the place in the file.
    """
    known = {track.id: track for track in tracks}
    _check_tracks(plan, known, time)
    numbers = {source.name: index for index, source in enumerate(plan.sources)}
    persons, given, matches = [], [], []
    for index, person in enumerate(plan.people):
        _check_sources(plan, index)
        persons.append(_person(index, person, known, time))
        for name, use in person.sources:
            matches.append(_match(numbers[name], index, person))
            for number, span in person.tracks:
                part = _part(known[number], numbers[name], (span, use), time)
                given += [] if part is None else [part]
    if not given:
        raise InputError(
            "bad_plan", "The plan gives nobody a source.", 'Name one as the "source" of a person.'
        )
    used = {one.source for one in given}
    notes = tuple(
        observation(f"the plan gives the source {source.name} to nobody")
        for index, source in enumerate(plan.sources)
        if index not in used
    )
    order = sorted(given, key=lambda one: (one.track, one.first_pts or 0))
    return tuple(persons), Matching(tuple(matches), tuple(order), (), notes)


def _match(source: int, number: int, person: PlannedPerson) -> Match:
    facts = person.facts
    next_one = facts.get("runner_up") or {}
    known = {"person", "distance"} <= set(next_one)
    return Match(
        source,
        str(facts.get("target") or person.name),
        number,
        facts.get("distance"),
        RunnerUp(next_one["person"], next_one["distance"]) if known else None,
    )


def _check_tracks(plan: Plan, known: Mapping[int, Track], time: FilmTime) -> None:
    """Refuse tracks that are not there, or whose frames are given twice or lie elsewhere."""
    taken: dict[int, list[tuple[Array, str]]] = {}
    for index, person in enumerate(plan.people):
        for place, (number, span) in enumerate(person.tracks):
            where = plan.place(index, "tracks", place)
            if number not in known:
                there = f"its tracks are 0 to {max(known)}" if known else "it has none"
                raise InputError(
                    "bad_plan",
                    f"{where}: the video has no track {number} ({there}).",
                    "`videoswap plan` writes the tracks that there are.",
                )
            track = known[number]
            frames = time.frames(span, track)
            if not len(frames):
                seen = time.span(track.first_pts, track.last_pts)
                raise InputError(
                    "bad_plan",
                    f"{where}: track {number} is seen from {seen}, and not from {span}.",
                    "Leave the entry out, or give it a time at which the track is seen.",
                )
            for others, other in taken.get(number, ()):
                if np.isin(frames, others).any():
                    raise InputError(
                        "bad_plan",
                        f"{where}: {other} has the track {number} at the same time.",
                        "Every moment of a track shows one person.",
                    )
            taken.setdefault(number, []).append((frames, where))


def _check_sources(plan: Plan, index: int) -> None:
    """Refuse two sources at one time."""
    spans = [span for _, span in plan.people[index].sources]
    order = sorted(range(len(spans)), key=lambda one: spans[one].start)
    for one, following in pairwise(order):
        end = spans[one].end
        if end is None or end > spans[following].start:
            raise InputError(
                "bad_plan",
                f"{plan.place(index, 'source', following)}: it begins at "
                f"{float(spans[following].start):g} s, when "
                f"{plan.place(index, 'source', one)} has not ended.",
                "A person gets one source at a time.",
            )


def _part(
    track: Track, source: int, spans: tuple[Span, Span], time: FilmTime
) -> TrackSource | None:
    """Return what a track gets in the time that two spans share; None for no frame."""
    shared = np.intersect1d(time.frames(spans[0], track), time.frames(spans[1], track))
    if not len(shared):
        return None
    first, last = int(shared[0]), int(shared[-1])
    after = int(np.searchsorted(time.pts, last, side="right"))
    return TrackSource(
        track.id,
        source,
        None if first <= track.first_pts else first,
        None if last >= track.last_pts else int(time.pts[after]),
    )


def _person(
    number: int, planned: PlannedPerson, known: Mapping[int, Track], time: FilmTime
) -> Person:
    """Return a person of the plan as a record; without tracks it is seen in no frame."""
    parts = [(known[track], time.frames(span, known[track])) for track, span in planned.tracks]
    seen = [track.embedding for track, _ in parts if track.embedding is not None]
    first = min((int(frames[0]) for _, frames in parts), default=int(time.pts[0]))
    best = max(parts, key=lambda part: len(part[1]), default=None)
    best_pts, best_track = first, -1
    if best is not None:
        track, frames = best
        best_track = track.id
        best_pts = track.best_pts if track.best_pts in frames else int(frames[len(frames) // 2])
    return Person(
        id=number,
        track_ids=tuple(sorted({track.id for track, _ in parts})),
        embedding=np.mean(seen, axis=0).astype(np.float32) if seen else np.zeros(0, np.float32),
        first_pts=first,
        frames=sum(min(track.count, len(frames)) for track, frames in parts),
        best_pts=best_pts,
        best_track=best_track,
        screen_time=sum(int(frames[-1] - frames[0]) for _, frames in parts),
    )


def _settings_data(record: Any) -> dict[str, Any]:
    """Return settings as plain data that reads back to the same settings."""
    return {
        one.name: _setting(getattr(record, one.name))
        for one in fields(record)
        if one.name not in NOT_IN_PLANS
    }


def _setting(value: Any) -> Any:
    if isinstance(value, Fraction):
        decimal = float(value)
        return decimal if Fraction(repr(decimal)) == value else str(value)
    return _settings_data(value) if hasattr(value, "__dataclass_fields__") else plain(value)
