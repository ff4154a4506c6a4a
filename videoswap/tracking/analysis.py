"""What was found in a video: its frames, shots and tracks, and the smoothed faces of tracks.

Landmarks of faces with something in front of them are refined once it is known whose faces are
rendered. `Analysis.refined` does that and returns the one object that has faces to render.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from types import TracebackType
from typing import Self

import numpy as np

from ..detection.appearance import Appearance
from ..detection.face_models import FaceModels
from ..errors import VideoswapError
from ..geometry.face_proportions import proportions
from ..occlusion.builtin import load_coarse_model
from ..records import Array, Face, Fallback, Track, counted
from ..video.damage import Damage
from ..watching import OnProgress, ProgressUpdate
from .occluded_tracks import (
    ReadFrames,
    framed_by_refined_landmarks,
    refine_occluded_landmarks,
    with_refined_landmarks,
)
from .samples import mean_embedding
from .smoothing import smooth_track
from .store import Store

BLOCK_FRAMES = 512  # of a track, smoothed at once: memory does not grow with its length
CONTEXT_FRAMES = 48  # more on both sides of a block
BLOCKS_KEPT = 8
SHARPEST = 25  # percentile of what was measured of a track, that counts as its blur
SHAPE_SAMPLES = 100  # faces of a track, at even steps, that tell its proportions

#: From the faces of a part of a track, the pts of all its frames, and by pts how the landmarks
#: moved since the frame before (see `flow`), to smoothed faces. It must not look further than
#: ``CONTEXT_FRAMES`` frames.
Smoother = Callable[[Sequence[Face], Array, Mapping[int, Array]], list[Face]]


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """All frames of the analyzed part.

    Attributes:
        pts: (n,) int64, ascending.
        scenes: (n,) int64, number of the shot each lies in, from 0.
    """

    pts: Array
    scenes: Array


class _Analyzed:
    """What can be asked of an analysis before and after refinement.

    Attributes:
        frames: All frames and their shots.
        tracks: All tracks, by first appearance.
        cached: Whether all of it came from an earlier run.
        damage: What was wrong with the video, by pts.
    """

    def __init__(
        self,
        store: Store,
        cached: bool,
        frames: Frames,
        tracks: tuple[Track, ...],
        damage: tuple[Damage, ...],
    ) -> None:
        self._store = store
        self.cached = cached
        self.frames = frames
        self.tracks = tracks
        self.damage = damage
        self._found = _SmoothedFaces(store, frames, tracks, frozenset(), smooth_track)

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

    def found_faces_between(
        self, first_pts: int, last_pts: int, tracks: Collection[int] | None = None
    ) -> dict[int, list[tuple[int, Face]]]:
        """Return (track, face) pairs by pts without refinement: who is where, not for rendering.

        Args:
            first_pts: First frame.
            last_pts: Last frame.
            tracks: The tracks that are wanted; None for all.
        """
        return self._found.between(first_pts, last_pts, tracks)

    def close(self) -> None:
        """Close the store; what was not kept is gone then."""
        self._store.close()


class Analysis(_Analyzed):
    """What was found in a video, read from the store piece by piece.

    Its faces are as they were found. Those that may be rendered are given by `refined`.

    Attributes:
        frames: All frames and their shots.
        tracks: All tracks, by first appearance.
        cached: Whether all of it came from an earlier run.
        damage: What was wrong with the video, by pts.
    """

    def __init__(
        self, store: Store, cached: bool, read_frames: ReadFrames, models: FaceModels
    ) -> None:
        frames = Frames(*store.frames())
        super().__init__(store, cached, frames, _tracks(store, frames), tuple(store.damage()))
        self._read_frames = read_frames
        self._models = models

    def refined(
        self,
        tracks: Collection[int] | None = None,
        *,
        smoother: Smoother = smooth_track,
        progress: OnProgress | None = None,
        cancel: threading.Event | None = None,
    ) -> RefinedAnalysis:
        """Refine the landmarks of occluded faces, and return the faces to render.

        What was refined by an earlier run is taken from the store.

        Args:
            tracks: Numbers of the tracks to refine; None for all. The result has no others.
            smoother: Smooths each track.
            progress: Called often with the number of tracks and faces seen so far, and the
                number of all of them once that is known.
            cancel: Set it to end early; what was done is kept.

        Raises:
            VideoswapError: ``interrupted``, after ``cancel`` was set.
            OutputError: ``cache_not_writable``.
        """
        chosen = [track.id for track in self.tracks if tracks is None or track.id in tracks]
        self._note_faces_without_dense(chosen)
        done = self._store.refined_tracks()
        missing = [track for track in chosen if track not in done]
        if missing:
            counter = _Counter(progress, cancel)
            refine_occluded_landmarks(
                self._store,
                missing,
                self._read_frames,
                load_coarse_model(),
                self._models,
                counter.step,
                counter.expect,
            )
        return RefinedAnalysis(self, self._store, frozenset(chosen), smoother)

    def _note_faces_without_dense(self, tracks: Collection[int]) -> None:
        """Say how many faces the dense landmarker did not read, if it read any."""
        without = sum(self._store.count_faces_without_dense(track) for track in tracks)
        faces = sum(track.count for track in self.tracks if track.id in tracks)
        if 0 < without < faces:
            used = f"dlib's 68 for {without} of {counted(faces, 'face')}"
            note = Fallback("478 dense landmarks", used, "their network sees no face there")
            self._store.fallbacks.append(note)


class RefinedAnalysis(_Analyzed):
    """An analysis whose landmarks are ready to be rendered; made by `Analysis.refined`.

    It shares the store of the analysis: closing either closes both.

    Attributes:
        frames: All frames and their shots.
        tracks: All tracks, by first appearance, also those that were not refined.
        cached: Whether all frames came from an earlier run.
        damage: What was wrong with the video, by pts.
    """

    def __init__(
        self, found: Analysis, store: Store, refined: frozenset[int], smoother: Smoother
    ) -> None:
        super().__init__(store, found.cached, found.frames, found.tracks, found.damage)
        shown = [track for track in self.tracks if track.id in refined]
        self._faces = _SmoothedFaces(store, self.frames, shown, refined, smoother)

    def faces(self, track_id: int) -> Iterator[Face]:
        """Yield the faces of a track, smoothed, by pts; score 0 where a gap was filled.

        Raises:
            KeyError: If there is no such track, or it was not refined.
        """
        return self._faces.of_track(track_id)

    def faces_between(
        self, first_pts: int, last_pts: int, tracks: Collection[int] | None = None
    ) -> dict[int, list[tuple[int, Face]]]:
        """Return (track, face) pairs of the frames with ``first_pts <= pts <= last_pts``.

        Faces are smoothed as in `faces`. Frames without faces are left out.

        Args:
            first_pts: First frame.
            last_pts: Last frame.
            tracks: The tracks that are wanted; None for all that were refined.
        """
        return self._faces.between(first_pts, last_pts, tracks)

    def appearances(self, track_id: int) -> list[Appearance]:
        """Return small pictures of the face of a track at some of its frames, by pts."""
        kept = self._store.appearances(track_id)
        return list(framed_by_refined_landmarks(self._store, track_id, kept))

    def blur(self, track_id: int) -> float:
        """Return how blurred the face of a track is where it is sharpest, in upright pixels.

        That is a standard deviation with the bias of ``compositing.sharpness.face_blur``; 0 where
        it is not known.
        """
        found = self._store.blurs(track_id)
        return float(np.percentile(found, SHARPEST)) if len(found) else 0.0


class _Counter:
    """Counts what is done, reports it, and ends the work when that is asked for."""

    def __init__(self, progress: OnProgress | None, cancel: threading.Event | None) -> None:
        self._progress = progress
        self._cancel = cancel
        self._done = 0
        self._total: int | None = None

    def step(self) -> None:
        """Count one more.

        Raises:
            VideoswapError: ``interrupted``.
        """
        raise_if_set(self._cancel)
        self._done += 1
        if self._progress is not None:
            stage = "refine landmarks"
            self._progress(ProgressUpdate(stage, self._done, self._total, unit="faces"))

    def expect(self, more: int) -> None:
        """Note how many more there will be."""
        self._total = self._done + more


def raise_if_set(cancel: threading.Event | None) -> None:
    """Raise ``interrupted`` once the event is set.

    Raises:
        VideoswapError: ``interrupted``.
    """
    if cancel is not None and cancel.is_set():
        raise VideoswapError("interrupted", "The analysis was stopped.", "Run it again to go on.")


class _SmoothedFaces:
    """Reads the faces of tracks block by block, and smooths each block with its surroundings."""

    def __init__(
        self,
        store: Store,
        frames: Frames,
        tracks: Collection[Track],
        refined: frozenset[int],
        smoother: Smoother,
    ) -> None:
        self._store = store
        self._pts = frames.pts
        self._refined = refined
        self._smoother = smoother
        self._spans = {track.id: self._span(track) for track in tracks}
        self._block = lru_cache(maxsize=BLOCKS_KEPT)(self._smooth_block)
        self._proportions = lru_cache(maxsize=None)(self._track_proportions)

    def of_track(self, track: int) -> Iterator[Face]:
        """Return the faces of a track by pts."""
        first, last = self._spans[track]
        blocks = range((last - first) // BLOCK_FRAMES + 1)
        return (face for block in blocks for face in self._block(track, block))

    def between(
        self, first_pts: int, last_pts: int, tracks: Collection[int] | None
    ) -> dict[int, list[tuple[int, Face]]]:
        """Return (track, face) pairs by pts, both ends included."""
        low = int(np.searchsorted(self._pts, first_pts))
        high = int(np.searchsorted(self._pts, last_pts, side="right")) - 1
        found: dict[int, list[tuple[int, Face]]] = {}
        for track, (first, last) in self._spans.items():
            if tracks is not None and track not in tracks:
                continue
            begin, end = max(low, first), min(high, last)
            if begin > end:
                continue
            for block in range((begin - first) // BLOCK_FRAMES, (end - first) // BLOCK_FRAMES + 1):
                for face in self._block(track, block):
                    if first_pts <= face.pts <= last_pts:
                        found.setdefault(face.pts, []).append((track, face))
        return dict(sorted(found.items()))

    def _span(self, track: Track) -> tuple[int, int]:
        """Return the first and last frame of a track, counted from the first of the video."""
        first, last = np.searchsorted(self._pts, [track.first_pts, track.last_pts])
        return int(first), int(last)

    def _smooth_block(self, track: int, block: int) -> tuple[Face, ...]:
        """Return the faces of a block of frames, counted from the track's first frame."""
        first, last = self._spans[track]
        begin = first + block * BLOCK_FRAMES
        end = min(begin + BLOCK_FRAMES - 1, last)
        pts = self._pts
        low, high = max(first, begin - CONTEXT_FRAMES), min(last, end + CONTEXT_FRAMES)
        part = track, int(pts[low]), int(pts[high])
        raw, motions = self._store.faces(*part), self._store.motions(*part)
        if track in self._refined:
            raw, motions = with_refined_landmarks(raw, motions, self._store.refined(*part))
        smooth = self._smoother(raw, pts[low : high + 1], motions)
        shape = self._proportions(track)
        return tuple(
            replace(face, proportions=None if face.dense_landmarks is None else shape)
            for face in smooth
            if pts[begin] <= face.pts <= pts[end]
        )

    def _track_proportions(self, track: int) -> Array | None:
        """Return the median proportions (D,) float32 of a track's faces; None if unknown."""
        first, last = self._spans[track]
        places = np.unique(np.linspace(first, last, SHAPE_SAMPLES).round().astype(int))
        dense = [
            face.dense_landmarks
            for pts in self._pts[places].tolist()
            for face in self._store.faces(track, pts, pts)
            if face.dense_landmarks is not None
        ]
        if not dense:
            return None
        return np.asarray(np.median(proportions(np.stack(dense)), axis=0), np.float32)


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
