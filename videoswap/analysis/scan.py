"""The pass over the frames: cuts, faces, landmarks, tracks, samples, window by window.

Three threads share the work: one decodes and scales, one looks for cuts and faces, and the
caller's does landmarks, tracking and embedding. The two calls of dlib hold Python's lock, which
is why they share a thread; the others release it nearly all the time.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field

import cv2
import numpy as np

from ..alignment import invert, transform
from ..records import Array, Face
from ..settings import AnalysisSettings
from .detector import Detection, Detector
from .geometry import warp
from .landmarks import Landmarker, face_square
from .recognition import Recognizer
from .scenes import CutState, with_cuts
from .search import FaceSearch, Followed
from .threads import prefetched
from .tracker import Live, Sample, Split, Tracker

PICTURES_AHEAD = 12
WINDOWS_AHEAD = 2
UPRIGHT_NOSE = 0.6  # length of a nose over its distance to the chin, seen from the front
GOOD_SIZE = 120  # pixels above which a larger face gives no better embedding
SHARP = 60.0  # variance of the Laplacian of a 64-pixel face that counts as half sharp


@dataclass(frozen=True, slots=True, eq=False)
class FramePicture:
    """A frame as the analysis sees it.

    Attributes:
        pts: Presentation time in the stream's time base.
        picture: (H, W, 3) uint8 RGB, upright.
        matrix: (2, 3) float64 from upright full-resolution pixels to the picture's.
    """

    pts: int
    picture: Array
    matrix: Array


@dataclass(frozen=True, slots=True, eq=False)
class ScanState:
    """Everything the pass knows after a window; plain data.

    Attributes:
        cuts: The shot so far.
        followed: Faces to follow.
        live: Tracks that may go on.
        next_id: Number of the next track.
        scene: Number of the shot, -1 before the first frame.
    """

    cuts: CutState = field(default_factory=CutState)
    followed: tuple[Followed, ...] = ()
    live: tuple[Live, ...] = ()
    next_id: int = 0
    scene: int = -1


@dataclass(frozen=True, slots=True, eq=False)
class Scanned:
    """What a window gave.

    Attributes:
        scene: The shot it lies in.
        pts: Its frames.
        faces: (track, face) pairs with landmarks, in order of frames.
        samples: (track, sample) pairs.
        splits: Tracks to be split, after the faces and samples have been added.
        state: What is known after it.
    """

    scene: int
    pts: tuple[int, ...]
    faces: tuple[tuple[int, Face], ...]
    samples: tuple[tuple[int, Sample], ...]
    splits: tuple[Split, ...]
    state: ScanState


@dataclass(frozen=True, slots=True, eq=False)
class _Window:
    """Consecutive frames of one shot; the last one is a keyframe."""

    frames: tuple[FramePicture, ...]
    begins_scene: bool
    cuts: CutState


@dataclass(frozen=True, slots=True, eq=False)
class _Searched:
    window: _Window
    found: list[list[Detection]]
    followed: tuple[Followed, ...]


class Scanner:
    """Runs the pass.

    Args:
        detector: Finds faces.
        landmarker: Finds their landmarks.
        recognizer: Embeds them.
        settings: How faces are looked for.
    """

    def __init__(
        self,
        detector: Detector,
        landmarker: Landmarker,
        recognizer: Recognizer,
        settings: AnalysisSettings,
    ) -> None:
        self._search = FaceSearch(detector, settings)
        self._landmarker = landmarker
        self._recognizer = recognizer
        self._settings = settings

    def scan(
        self, pictures: Iterable[FramePicture], state: ScanState | None = None
    ) -> Generator[Scanned]:
        """Yield what every window of frames shows; close the generator to stop early.

        Args:
            pictures: The frames in order; another thread iterates them.
            state: The state after the last window that was kept, to go on from there.
        """
        state = ScanState() if state is None else state
        tracker = Tracker(self._recognizer, self._settings, state.live, state.next_id)
        scene = state.scene
        with prefetched(pictures, PICTURES_AHEAD) as ahead:
            searched = self._searched(ahead, state)
            with prefetched(searched, WINDOWS_AHEAD) as windows:
                for one in windows:
                    if one.window.begins_scene:
                        tracker.cut()
                        scene += 1
                    yield self._scanned(one, tracker, scene)

    def _searched(self, pictures: Iterable[FramePicture], state: ScanState) -> Iterator[_Searched]:
        followed: Sequence[Followed] = state.followed
        for window in _windows(pictures, state.cuts, self._settings.keyframe_interval):
            known = () if window.begins_scene else followed
            found, followed = self._search.window([frame.picture for frame in window.frames], known)
            yield _Searched(window, found, tuple(followed))

    def _scanned(self, one: _Searched, tracker: Tracker, scene: int) -> Scanned:
        """Landmarks, tracks and samples of one window."""
        faces: list[tuple[int, Face]] = []
        views: dict[int, list[_View]] = {}
        for frame, found in zip(one.window.frames, one.found, strict=True):
            seen = [_View(frame, face, self._landmarks(frame, face)) for face in found]

            def embed(index: int, seen: list[_View] = seen) -> Array:
                return self._embed(seen[index])

            for track, view in zip(tracker.step(frame.pts, found, embed), seen, strict=True):
                faces.append((track, view.face()))
                views.setdefault(track, []).append(view)
        samples, splits = self._samples(tracker, views)
        state = ScanState(
            one.window.cuts, one.followed, tuple(tracker.live), tracker.next_id, scene
        )
        pts = tuple(frame.pts for frame in one.window.frames)
        return Scanned(scene, pts, tuple(faces), tuple(samples), tuple(splits), state)

    def _samples(
        self, tracker: Tracker, views: dict[int, list[_View]]
    ) -> tuple[list[tuple[int, Sample]], list[Split]]:
        """Embed the best face of the window for every track that needs it."""
        samples: list[tuple[int, Sample]] = []
        splits: list[Split] = []
        for track in list(tracker.live):
            if track.id not in views:
                continue
            best = max(views[track.id], key=lambda view: view.rough_quality())
            quality = best.quality()
            if not tracker.wants_sample(track, quality):
                continue
            sample = Sample(best.frame.pts, self._embed(best), quality)
            samples.append((track.id, sample))
            split = tracker.add_sample(track, sample)
            if split is not None:
                splits.append(split)
        return samples, splits

    def _landmarks(self, frame: FramePicture, face: Detection) -> Array:
        return self._landmarker.landmarks(frame.picture, face.points5)

    def _embed(self, view: _View) -> Array:
        return self._recognizer.embed(view.frame.picture, view.landmarks)


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """A face in a frame; detection and landmarks in pixels of the analysis picture."""

    frame: FramePicture
    detection: Detection
    landmarks: Array

    def face(self) -> Face:
        """Return the face in upright full-resolution pixels."""
        back = invert(self.frame.matrix)
        return Face(
            pts=self.frame.pts,
            box=transform(back, self.detection.box.reshape(2, 2)).reshape(4).astype(np.float32),
            points5=transform(back, self.detection.points5).astype(np.float32),
            landmarks=transform(back, self.landmarks).astype(np.float32),
            score=min(self.detection.score, 1.0),
        )

    def rough_quality(self) -> float:
        """Return size, frontality and score as one number, 0 to 1."""
        size = min(1.0, self.detection.size / GOOD_SIZE)
        return size * frontality(self.landmarks) * self.detection.score

    def quality(self) -> float:
        """Return the rough quality, lowered for blurred faces."""
        square = face_square(self.detection.points5)
        crop = warp(self.frame.picture, square.to_region(64, 0.0), 64)
        grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
        sharpness = float(cv2.Laplacian(grey, cv2.CV_32F).var())
        return self.rough_quality() * sharpness / (sharpness + SHARP)


def frontality(landmarks: Array) -> float:
    """Return 1 for a face seen from the front, near 0 for a profile or a head thrown back.

    Args:
        landmarks: (68, 2) in the iBUG-68 order.
    """
    top, nose, chin = landmarks[27], landmarks[33], landmarks[8]
    sides = [float(np.linalg.norm(landmarks[index] - landmarks[30])) for index in (1, 15)]
    turned = 2 * min(sides) / max(sum(sides), 1e-6)
    upward = float(np.linalg.norm(nose - top)) / max(float(np.linalg.norm(chin - nose)), 1e-6)
    return turned * min(1.0, upward / UPRIGHT_NOSE)


def _windows(pictures: Iterable[FramePicture], cuts: CutState, interval: int) -> Iterator[_Window]:
    """Group frames: the first frame of a shot alone, then ``interval`` frames each."""
    group: list[FramePicture] = []
    begins = False
    known = cuts
    frames = with_cuts(pictures, lambda frame: frame.picture, cuts)
    with closing(frames):  # type: ignore[type-var]
        for frame, cut, after in frames:
            if group and cut:
                yield _Window(tuple(group), begins, known)
                group = []
            group.append(frame)
            begins, known = cut, after
            if cut or len(group) == interval:
                yield _Window(tuple(group), begins, known)
                group, begins = [], False
        if group:
            yield _Window(tuple(group), begins, known)
