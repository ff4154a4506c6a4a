"""Finds and follows every face of a video, or takes that from the cache."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from ..detection.appearance import Appearance
from ..detection.base import Detector, Landmarker, Recognizer
from ..detection.face_view import FramePicture
from ..detection.occluded_landmarks import occluded_landmarks_key
from ..detection.search import search_height
from ..errors import VideoswapError
from ..occlusion.builtin import load_coarse_model, networks_key
from ..records import (
    Array,
    Face,
    Fallback,
    Track,
)
from ..settings import AnalysisSettings
from ..timerange import TimeRange
from ..video.probe import VideoInfo
from ..video.reader import AnalysisScaler, VideoReader
from .key import analysis_key
from .occluded_tracks import (
    Pictures,
    framed_by_refined_landmarks,
    refine_occluded_landmarks,
    with_refined_landmarks,
)
from .samples import mean_embedding
from .scan import Scanner
from .scan_state import ScannedGroup
from .smoothing import smooth_track
from .store import Store
from .store_opening import open_store
from .store_tables import SCHEMA as TABLES_SCHEMA

#: Goes up whenever the code of a stage gives other results; models speak for themselves.
SCHEMA = {"pass": 11, "uncover": 1}
PICTURE_HEIGHT = 720  # rows of the picture that crops are cut from
BATCH_SECONDS = 1.0  # between commits
BLOCK = 512  # frames of a track smoothed at once: memory does not grow with its length
CONTEXT = 48  # more frames on both sides of a block
BLOCKS_KEPT = 8

Progress = Callable[[int, int | None], None]
Smoother = Callable[[Sequence[Face], Array, Mapping[int, Array]], list[Face]]


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """All frames of the analysed part.

    Attributes:
        pts: (n,) int64, ascending.
        scenes: (n,) int64, number of the shot each lies in, from 0.
    """

    pts: Array
    scenes: Array


class Analysis:
    """What was found in a video; read from the store piece by piece.

    Attributes:
        frames: All frames and their shots.
        tracks: All tracks, by first appearance.
        cached: Whether all of it came from an earlier run.
        damage: What was wrong with the video, by pts.
    """

    def __init__(
        self, store: Store, cached: bool, pictures: Pictures, landmarker: Landmarker
    ) -> None:
        self.cached = cached
        self._store = store
        self._pictures = pictures
        self._landmarker = landmarker
        self._uncovered = store.uncovered_tracks()
        self.frames = Frames(*store.frames())
        self.damage = tuple(store.damage())
        self.tracks = _tracks(store, self.frames)
        self._spans = {track.id: self._span(track) for track in self.tracks}
        self.smooth_with(smooth_track)

    def __enter__(self) -> Self:
        """Return the analysis."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the store."""
        self.close()

    @property
    def key(self) -> str:
        """Changes with everything that could change the results; empty if nothing is kept."""
        return self._store.key

    @property
    def fallbacks(self) -> tuple[Fallback, ...]:
        """What was not done as wanted so far."""
        return tuple(self._store.fallbacks)

    def close(self) -> None:
        """Close the store; what was not kept is gone then."""
        self._store.close()

    def smooth_with(self, smoother: Smoother) -> None:
        """Smooth by another rule from now on.

        Args:
            smoother: Takes the faces of a part of a track, the pts of all its frames, and by pts
                how the landmarks moved since the frame before (see `motion`); must not look
                further than ``CONTEXT`` frames.
        """
        self._smoother = smoother
        self._block = lru_cache(maxsize=BLOCKS_KEPT)(self._smooth_block)

    def uncover(
        self,
        tracks: Collection[int] | None = None,
        progress: Progress | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        """Find the landmarks of faces with something before them once more (see `uncover`).

        Until that is done for a track, its landmarks are where they seem to be.

        Args:
            tracks: The tracks it is wanted for; None for all.
            progress: Told how many tracks and faces were looked at, and how many there are (None
                while that is unknown), often.
            stop: Set it to end early; it is gone on with when it is wanted again.

        Raises:
            VideoswapError: ``interrupted``, after ``stop`` was set.
            OutputError: ``cache_not_writable``.
        """
        wanted = [
            track.id
            for track in self.tracks
            if track.id not in self._uncovered and (tracks is None or track.id in tracks)
        ]
        if not wanted:
            return
        looked, expected = 0, None

        def carry_on() -> None:
            nonlocal looked
            _raise_if_set(stop)
            looked += 1
            if progress is not None:
                progress(looked, expected)

        def expect(more: int) -> None:
            nonlocal expected
            expected = looked + more

        store, landmarker = self._store, self._landmarker
        refine_occluded_landmarks(
            store, wanted, self._pictures, load_coarse_model(), landmarker, carry_on, expect
        )
        self._uncovered.update(wanted)
        self.smooth_with(self._smoother)

    def faces(self, track_id: int) -> Iterator[Face]:
        """Yield the faces of a track, smoothed, by pts; score 0 where a gap was filled."""
        first, last = self._spans[track_id]
        for block in range((last - first) // BLOCK + 1):
            yield from self._block(track_id, block)

    def appearances(self, track_id: int) -> list[Appearance]:
        """Return how the face of a track looks now and then, by pts."""
        return list(
            framed_by_refined_landmarks(self._store, track_id, self._store.appearances(track_id))
        )

    def faces_between(
        self, first_pts: int, last_pts: int, tracks: Collection[int] | None = None
    ) -> dict[int, list[tuple[int, Face]]]:
        """Return (track, face) pairs of the frames with ``first_pts <= pts <= last_pts``.

        Faces are smoothed as in `faces`. Frames without faces are left out.

        Args:
            first_pts: First frame.
            last_pts: Last frame.
            tracks: The tracks that are wanted; None for all.
        """
        low = int(np.searchsorted(self.frames.pts, first_pts))
        high = int(np.searchsorted(self.frames.pts, last_pts, side="right")) - 1
        found: dict[int, list[tuple[int, Face]]] = {}
        for track, (first, last) in self._spans.items():
            if tracks is not None and track not in tracks:
                continue
            begin, end = max(low, first), min(high, last)
            if begin > end:
                continue
            for block in range((begin - first) // BLOCK, (end - first) // BLOCK + 1):
                for face in self._block(track, block):
                    if first_pts <= face.pts <= last_pts:
                        found.setdefault(face.pts, []).append((track, face))
        return dict(sorted(found.items()))

    def _span(self, track: Track) -> tuple[int, int]:
        first, last = np.searchsorted(self.frames.pts, [track.first_pts, track.last_pts])
        return int(first), int(last)

    def _smooth_block(self, track: int, block: int) -> tuple[Face, ...]:
        """Return the faces of a block of frames, counted from the track's first frame."""
        first, last = self._spans[track]
        begin = first + block * BLOCK
        end = min(begin + BLOCK - 1, last)
        pts = self.frames.pts
        low, high = max(first, begin - CONTEXT), min(last, end + CONTEXT)
        part = track, int(pts[low]), int(pts[high])
        raw, motions = self._store.faces(*part), self._store.motions(*part)
        if track in self._uncovered:
            raw, motions = with_refined_landmarks(raw, motions, self._store.uncovered(*part))
        smooth = self._smoother(raw, pts[low : high + 1], motions)
        return tuple(face for face in smooth if pts[begin] <= face.pts <= pts[end])


def analyze_video(
    info: VideoInfo,
    settings: AnalysisSettings,
    time_range: TimeRange,
    cache_dir: Path | None,
    detector: Detector,
    landmarker: Landmarker,
    recognizer: Recognizer,
    progress: Progress | None = None,
    stop: threading.Event | None = None,
) -> Analysis:
    """Find and follow every face of a video.

    Args:
        info: The video.
        settings: How faces are looked for.
        time_range: Part of the video to look at.
        cache_dir: Folder of kept analyses; None keeps nothing.
        detector: Finds faces.
        landmarker: Finds their landmarks.
        recognizer: Embeds them.
        progress: Told the frames done and the frames expected (None if unknown), often.
        stop: Set it to end early; what was done is kept.

    Raises:
        VideoswapError: ``interrupted``, after ``stop`` was set.
        InputError: When the video cannot be read.
        OutputError: ``cache_not_writable`` if there is not even room for a temporary file.
    """
    span = pts_span(info, time_range)
    faces = (detector.key, landmarker.key, recognizer.key)
    parts = (*faces, networks_key(), occluded_landmarks_key(), SCHEMA, TABLES_SCHEMA)
    key = "" if cache_dir is None else analysis_key(info.path, settings, span, parts)
    store = open_store(cache_dir, key, info.path)
    try:
        cached = store.finished
        if not cached:
            scanner = Scanner(detector, landmarker, recognizer, load_coarse_model(), settings)
            _fill(store, scanner, info, settings, span, progress, stop)
            store.finish()
        return Analysis(store, cached, partial(_pictures, info, settings), landmarker)
    except BaseException:
        store.close()
        raise


def pts_span(info: VideoInfo, time_range: TimeRange) -> tuple[int | None, int | None]:
    """Return first and last pts that may lie in a time range; None where it is open."""
    start, end = time_range.start, time_range.end
    first = None if start is None else info.start_pts + math.ceil(start / info.time_base)
    last = None if end is None else info.start_pts + math.ceil(end / info.time_base) - 1
    return first, last


def _fill(
    store: Store,
    scanner: Scanner,
    info: VideoInfo,
    settings: AnalysisSettings,
    span: tuple[int | None, int | None],
    progress: Progress | None,
    stop: threading.Event | None,
) -> None:
    """Run the pass from where the store ends."""
    state = store.state()
    first = span[0] if state is None else state.recent[0].pts
    done = len(store.frames()[0])
    expected = info.frames_hint if span == (None, None) else None
    batch: list[ScannedGroup] = []
    committed = time.monotonic()
    kept = 0
    if progress is not None:
        progress(done, expected)
    with (
        VideoReader(info, threads=1) as reader,
        closing(_scaled(reader, settings, first, span[1])) as pictures,
        closing(scanner.scan(pictures, state)) as windows,
    ):
        for window in windows:
            batch.append(window)
            done += len(window.pts)
            stopped = stop is not None and stop.is_set()
            if stopped or time.monotonic() - committed > BATCH_SECONDS:
                damage = reader.problems.damage[kept:]
                store.add(batch, damage)
                kept += len(damage)
                batch, committed = [], time.monotonic()
            if stopped:
                _raise_if_set(stop)
            if progress is not None:
                progress(done, expected)
        store.add(batch, reader.problems.damage[kept:])


def _raise_if_set(stop: threading.Event | None) -> None:
    """Raise ``interrupted`` once the event is set."""
    if stop is not None and stop.is_set():
        raise VideoswapError("interrupted", "The analysis was stopped.", "Run it again to go on.")


def _pictures(
    info: VideoInfo, settings: AnalysisSettings, first: int | None, last: int | None
) -> Generator[FramePicture]:
    with VideoReader(info, threads=1) as reader:
        yield from _scaled(reader, settings, first, last)


def _scaled(
    reader: VideoReader, settings: AnalysisSettings, first: int | None, last: int | None
) -> Generator[FramePicture]:
    scaler = AnalysisScaler(reader.info, max(PICTURE_HEIGHT, search_height(settings)))
    for frame in reader.frames(first, last):
        yield FramePicture(frame.pts, scaler.picture(frame), scaler.matrix)


def _tracks(store: Store, frames: Frames) -> tuple[Track, ...]:
    tracks = []
    for number, first, last, count in store.spans():
        samples = store.samples(number)
        best = max(samples, key=lambda sample: sample.quality, default=None)
        best_pts = store.best_face(number) if best is None else best.pts
        tracks.append(
            Track(
                id=number,
                scene=int(frames.scenes[np.searchsorted(frames.pts, first)]),
                first_pts=first,
                last_pts=last,
                count=count,
                embedding=mean_embedding(samples) if samples else None,
                best_pts=best_pts,
                screen_time=_screen_time(frames.pts, first, last, count),
                size=max(
                    (face.size for face in store.faces(number, best_pts, best_pts)), default=0.0
                ),
            )
        )
    return tuple(sorted(tracks, key=lambda track: (track.first_pts, track.id)))


def _screen_time(pts: Array, first: int, last: int, count: int) -> int:
    """Return for how many ticks a face is seen: its span, less the share of frames without it."""
    begin, end = np.searchsorted(pts, [first, last])
    step = pts[end] - pts[end - 1] if end else 1  # the last frame is shown as long as the others
    after = pts[end + 1] if end + 1 < len(pts) else pts[end] + step
    return round(int(after - first) * count / int(end - begin + 1))
