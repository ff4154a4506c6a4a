"""The records that flow between the rooms; frozen, and checked when they are made.

Coordinates are (x, y) pixels of the upright, displayed picture at full resolution, with the
centre of the first pixel at (0, 0), unless a docstring says otherwise. Pictures are RGB.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, replace
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural where there is not one."""
    plural = f"{noun[:-6]}people" if noun.endswith("person") else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"


def _check(name: str, value: Array, shape: tuple[int | None, ...], dtype: type) -> None:
    fits = value.ndim == len(shape) and all(
        want is None or want == have for want, have in zip(shape, value.shape, strict=True)
    )
    if not fits or value.dtype != dtype:
        raise ValueError(
            f"{name} must have shape {shape} and dtype {np.dtype(dtype)}, "
            f"not {value.shape} and {value.dtype}"
        )


def check_picture(image: Array) -> None:
    """Check a picture of a caller's.

    Raises:
        ValueError: If it is not (H, W, 3) uint8.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(f"(H, W, 3) uint8 expected, not {image.shape} {image.dtype}")


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """A face in a picture or in a frame, in pixels of that picture.

    Attributes:
        box: (4,) float32: left, top, right, bottom; may reach beyond the picture's border.
        points5: (5, 2) float32: eye, eye, nose, mouth corner, mouth corner; image left first.
        score: Confidence of the detector, 0 to 1; 0 where only a comparison of pictures shows it.
        landmarks: (68, 2) float32 in the iBUG 300-W order; None where they were not asked for.
        embedding: (D,) float32, see `Recognizer`; None where it was not asked for.
        pts: Presentation time of the frame in the stream's time base; 0 for a still picture.
        dense_landmarks: (478, 3) float32, MediaPipe's points with depth in the same scale, smaller
            is nearer; None where they are not known.
        proportions: (D,) float32, those of the whole track, see ``geometry.face_proportions``; None
            for a still picture, or where no dense landmarks are known.

    Raises:
        ValueError: If an array has another shape or dtype.
    """

    box: Array
    points5: Array
    score: float
    _: KW_ONLY
    landmarks: Array | None = None
    embedding: Array | None = None
    pts: int = 0
    dense_landmarks: Array | None = None
    proportions: Array | None = None

    def __post_init__(self) -> None:
        """Check shapes and dtypes."""
        _check("box", self.box, (4,), np.float32)
        _check("points5", self.points5, (5, 2), np.float32)
        if self.landmarks is not None:
            _check("landmarks", self.landmarks, (68, 2), np.float32)
        if self.dense_landmarks is not None:
            _check("dense_landmarks", self.dense_landmarks, (478, 3), np.float32)
        if self.embedding is not None:
            _check("embedding", self.embedding, (None,), np.float32)
        if self.proportions is not None:
            _check("proportions", self.proportions, (None,), np.float32)

    @property
    def size(self) -> float:
        """Larger side of the box in pixels."""
        return float(max(self.box[2] - self.box[0], self.box[3] - self.box[1]))

    def moved(self, scale: float, dx: float = 0.0, dy: float = 0.0) -> Face:
        """Return the same face after ``x' = x * scale + dx``, ``y' = y * scale + dy``."""
        shift = np.array([dx, dy], np.float32)
        dense = self.dense_landmarks
        if dense is not None:
            dense = dense * np.float32(scale) + np.array([dx, dy, 0.0], np.float32)

        def move(points: Array) -> Array:
            return (points * scale + shift).astype(np.float32)

        return replace(
            self,
            box=move(self.box.reshape(2, 2)).reshape(4),
            points5=move(self.points5),
            landmarks=None if self.landmarks is None else move(self.landmarks),
            dense_landmarks=dense,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """One face followed through one shot.

    Attributes:
        id: Number of the track, unique within a video, in order of appearance.
        scene: Number of the shot it lies in.
        first_pts: Presentation time of its first face.
        last_pts: Presentation time of its last face.
        count: Number of frames in which it was found.
        embedding: (D,) float32, mean embedding over the embedded faces; None if none could be.
        best_pts: Frame with the face best suited as a picture of this person.
        screen_time: How long it is seen, in ticks of the time base; 0 for a still picture.
        size: Larger side in pixels of the face at ``best_pts``.
    """

    id: int
    scene: int
    first_pts: int
    last_pts: int
    count: int
    embedding: Array | None
    best_pts: int
    screen_time: int = 0
    size: float = 0.0

    def __post_init__(self) -> None:
        """Check the order of times and the embedding."""
        if self.first_pts > self.last_pts:
            raise ValueError("a track ends before it begins")
        if self.embedding is not None:
            _check("embedding", self.embedding, (None,), np.float32)


@dataclass(frozen=True, slots=True)
class RunnerUp:
    """Who comes next nearest to a target face after the person that it was matched with.

    Attributes:
        person: Number of the person.
        distance: In the recognizer's unit.
    """

    person: int
    distance: float


def person_name(number: int) -> str:
    """Return how people read the number of a person: they count from 1, data from 0."""
    return f"person {number + 1}"


@dataclass(frozen=True, slots=True)
class TrackSource:
    """The source that a track gets, from one frame to another.

    Attributes:
        track: Number of the track.
        source: Index of the source.
        first_pts: First frame that gets it; None for the first of the track.
        end_pts: First frame after these; None for the end of the track.
    """

    track: int
    source: int
    first_pts: int | None = None
    end_pts: int | None = None

    def covers(self, pts: Array) -> Array:
        """Tell which frames get it.

        Args:
            pts: (n,) int64.

        Returns:
            (n,) bool.
        """
        inside = np.ones(len(pts), bool)
        if self.first_pts is not None:
            inside &= pts >= self.first_pts
        if self.end_pts is not None:
            inside &= pts < self.end_pts
        return inside


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """All tracks of one video that show the same human being.

    Attributes:
        id: Number of the person, 0 being the one with the longest screen time.
        track_ids: The tracks, in order of appearance.
        embedding: (D,) float32, mean over the tracks, weighted by their length.
        first_pts: First appearance.
        frames: Number of frames in which the person was found.
        best_pts: Frame with the face best suited as a picture of this person.
        best_track: The track that face belongs to.
        screen_time: How long the person is seen, in ticks of the time base.
    """

    id: int
    track_ids: tuple[int, ...]
    embedding: Array
    first_pts: int
    frames: int
    best_pts: int
    best_track: int
    screen_time: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Photo:
    """A still picture with the face that is meant in it.

    Attributes:
        label: Name to show, usually the path.
        pixels: (H, W, 3) uint8 RGB, upright.
        face: The face, with landmarks, in pixels of this picture.
        faces: How many faces it shows.
    """

    label: str
    pixels: Array
    face: Face
    faces: int = 1

    def __post_init__(self) -> None:
        """Check the picture and that the face carries landmarks."""
        _check("pixels", self.pixels, (None, None, 3), np.uint8)
        if self.face.landmarks is None:
            raise ValueError("the face of a photo needs landmarks")


@dataclass(frozen=True, slots=True, eq=False)
class Unoccluded:
    """What a face looks like behind what is in front of it, as other frames show it.

    Attributes:
        pixels: (B, B, 3) float32 RGB, 0 to 255: the crop, smaller, with nothing in front.
        known: (B, B) float32, 0 to 1: where that is known.
    """

    pixels: Array
    known: Array

    def __post_init__(self) -> None:
        """Check shapes and dtypes."""
        side = self.pixels.shape[0]
        _check("pixels", self.pixels, (side, side, 3), np.float32)
        _check("known", self.known, (side, side), np.float32)


@dataclass(frozen=True, eq=False)
class Crop:
    """An aligned face cut out of a frame, the input of an engine.

    Attributes:
        pixels: (S, S, 3) float32 RGB, 0 to 255.
        matrix: (2, 3) float64 affine matrix from coded frame pixels to crop pixels.
        landmarks: (68, 2) float32 in crop pixels.
        pts: Frame it was cut from.
        track: Track it belongs to.
        source: Index of the source identity to put on.
        occluder_mask: (S, S) float32, 0 (the face) to 1 (a hand, hair or thing in front of it),
            as this frame alone shows it; None where nothing is, or nobody looked.
        unoccluded: What is under that; None where nothing is in front, or nothing is known.
        dense_landmarks: (478, 3) float32 in crop pixels, with depth in the same scale, smaller is
            nearer; None where they are not known.
        proportions: (D,) float32, see `Face`.
        beard: (S, S) float32, 0 to 1: where the target's beard is; None where there is none, or
            nobody looked.
        frame: Number of its frame in the film, by which frames take turns in being looked at
            closely; None for a picture by itself.
        parts: (10, 128, 128) float32, what a face parser finds in this frame or in one beside it,
            see `FaceParts`; None where nobody looked.
    """

    pixels: Array
    matrix: Array
    landmarks: Array
    pts: int
    track: int
    source: int
    occluder_mask: Array | None = None
    unoccluded: Unoccluded | None = None
    dense_landmarks: Array | None = None
    proportions: Array | None = None
    beard: Array | None = None
    frame: int | None = None
    parts: Array | None = None

    def __post_init__(self) -> None:
        """Check shapes and dtypes."""
        side = self.pixels.shape[0]
        _check("pixels", self.pixels, (side, side, 3), np.float32)
        _check("matrix", self.matrix, (2, 3), np.float64)
        _check("landmarks", self.landmarks, (68, 2), np.float32)
        if self.occluder_mask is not None:
            _check("occluder_mask", self.occluder_mask, (side, side), np.float32)
        if self.dense_landmarks is not None:
            _check("dense_landmarks", self.dense_landmarks, (478, 3), np.float32)
        if self.proportions is not None:
            _check("proportions", self.proportions, (None,), np.float32)
        if self.beard is not None:
            _check("beard", self.beard, (side, side), np.float32)
        if self.parts is not None:
            _check("parts", self.parts, (10, 128, 128), np.float32)

    @cached_property
    def quarter(self) -> Array:
        """The pixels at a quarter of the size, (S / 4, S / 4, 3): free of most of the grain.

        Frames are compared by it, each with several others.
        """
        side = max(1, len(self.pixels) // 4)
        # Not geometry.resample, which needs these records.
        return np.asarray(cv2.resize(self.pixels, (side, side), interpolation=cv2.INTER_AREA))


@dataclass(frozen=True, slots=True, eq=False)
class SwappedCrop:
    """What an engine makes of a crop.

    Attributes:
        pixels: (S, S, 3) float32 RGB, 0 to 255.
        mask: (S, S) float32, 0 (keep the frame) to 1 (take the swap); 0 along the border.
        keeps: What the engine did not paint in this crop, besides what it never paints: regions of
            ``videoswap.compositing.kept_regions``, which the target keeps.
        beard: (S, S) float32, 0 to 1: where one of both faces shows a beard and the other none, so
            that their tones are not to be matched; None where nothing is.
        reshaped: The crop with the target's face in the source's proportions, where the engine
            gives it those: the swap is finished against it. None where the face keeps its own.
        around: (S, S) float32, 0 to 1, 0 along the border: where ``reshaped`` differs from the crop
            in and around the face and is to be seen instead of it; None where nothing around the
            face moved.
        correction: (8, N, N) float32, maps by which the finisher changes the swap, see
            ``videoswap.compositing.correction``; None changes nothing.
    """

    pixels: Array
    mask: Array
    keeps: frozenset[str] = frozenset()
    beard: Array | None = None
    reshaped: Crop | None = None
    around: Array | None = None
    correction: Array | None = None

    def __post_init__(self) -> None:
        """Check shapes and dtypes."""
        side = self.pixels.shape[0]
        _check("pixels", self.pixels, (side, side, 3), np.float32)
        _check("mask", self.mask, (side, side), np.float32)
        if self.around is not None:
            _check("around", self.around, (side, side), np.float32)
        if self.correction is not None:
            _check("correction", self.correction, (8, None, None), np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class FrameSwap:
    """A swap in its frame, for whatever looks at neighboring frames.

    Attributes:
        crop: The face as it was.
        swapped: What the engine made of it.
        frame: Number of its frame, counted in the video or from anywhere: only distances count.
    """

    crop: Crop
    swapped: SwappedCrop
    frame: int = 0


@dataclass(frozen=True, slots=True)
class Fallback:
    """Something was done in another way than asked or expected, and why.

    Attributes:
        wanted: What was asked or expected; empty for an ``observation``.
        used: What is done instead; empty where it is left out and nothing takes its place.
        reason: Why.
        faces: How many faces it was so for; 0 where it is not about single faces.
    """

    wanted: str
    used: str
    reason: str
    faces: int = 0

    @property
    def expected(self) -> str:
        """What was asked or expected, and for how many faces."""
        if not self.faces:
            return self.wanted
        return f"{self.wanted} for {counted(self.faces, 'face')}"

    def __str__(self) -> str:
        """Return one sentence, without the full stop."""
        if not self.wanted:
            return self.reason
        wanted = self.expected
        done = f"{self.used} instead of {wanted}" if self.used else f"without {wanted}"
        return f"{done}, because {self.reason}"

    def as_data(self) -> dict[str, str]:
        """Return it as plain data, with its sentence as ``text``."""
        return {
            "wanted": self.expected,
            "used": self.used,
            "reason": self.reason,
            "text": str(self),
        }


def observation(text: str) -> Fallback:
    """Return a note that tells something without an alternative, such as damage of the input.

    Args:
        text: One sentence, without the full stop.
    """
    return Fallback("", "", text)
