"""One face of one frame, in the original and in the result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

import cv2
import numpy as np

from ..detection.landmarks import Landmarker
from ..geometry.affine import similarity, transform
from ..geometry.face_masks import forehead, hull
from ..records import Array, Face
from ..video.planes import Box
from .pairs import Pair

AROUND = 1.9  # side of the window in face sizes: the face and a ring of its surroundings
LIFT = 0.16  # of the forehead that counts as face, see masks.forehead
READINGS = 4  # along x and along y, of the landmarks that are read again and again
SHIFT = 0.05  # eye distances by which the outermost of them are moved
GROWTH = 0.04  # share by which the largest and the smallest of them differ from the square


class Look:
    """What there is to see of one face in one frame; worked out when first asked for.

    Attributes:
        pair: The frame.
        track: Track of the face.
        source: Index of the source it should have; None for a face to be left alone.
        face: Where the analysis of the original saw it, smoothed, in upright pixels.
    """

    def __init__(
        self, pair: Pair, track: int, source: int | None, face: Face, landmarker: Landmarker
    ) -> None:
        self.pair = pair
        self.track = track
        self.source = source
        self.face = face
        self._landmarker = landmarker

    @cached_property
    def landmarks(self) -> tuple[Array, Array]:
        """Fresh landmarks (68, 2) float32 of original and result, upright pixels.

        Both are found by the same landmarker on the same square, that of the original's face,
        so that they differ by what the pictures show and by nothing else.
        """
        points = self.face.points5
        return (
            self._landmarker.landmarks(self.pair.original, points),
            self._landmarker.landmarks(self.pair.result, points),
        )

    @cached_property
    def reread(self) -> tuple[Array, Array]:
        """Landmarks (68, 2) float64 of original and result, means of ``READINGS ** 2`` readings.

        A landmarker answers a little otherwise when its square is moved by a pixel, which says
        nothing about the picture. The squares lie evenly around the one of ``landmarks``.
        """
        squares = list(_around(self.face.points5, self.eye_distance))
        original, result = (
            np.mean(
                [self._landmarker.landmarks(picture, one) for one in squares], axis=0, dtype=float
            )
            for picture in (self.pair.original, self.pair.result)
        )
        return original, result

    @property
    def smooth(self) -> Array:
        """Smoothed landmarks (68, 2) float32 of the original, upright pixels."""
        assert self.face.landmarks is not None  # the analysis always fills them
        return self.face.landmarks

    @cached_property
    def eye_distance(self) -> float:
        """Distance of the outer corners of the original's eyes in pixels."""
        return max(float(np.hypot(*(self.smooth[45] - self.smooth[36]))), 1.0)

    @cached_property
    def window(self) -> Box:
        """The square around face and surroundings in upright pixels; may leave the picture."""
        points = self.smooth
        low, high = points.min(axis=0), points.max(axis=0)
        side = max(16, round(AROUND * float((high - low).max())))
        left, top = np.round((low + high - side) / 2).astype(int)
        return int(left), int(top), int(left) + side, int(top) + side

    @cached_property
    def original(self) -> Array:
        """The window of the original, (S, S, 3) uint8 RGB."""
        return cut(self.pair.original, self.window)

    @cached_property
    def result(self) -> Array:
        """The window of the result, (S, S, 3) uint8 RGB."""
        return cut(self.pair.result, self.window)

    @cached_property
    def mask(self) -> Array | None:
        """The window of the mask, (S, S) uint8; None without masks."""
        return None if self.pair.mask is None else cut(self.pair.mask, self.window)

    @cached_property
    def inside(self) -> Array:
        """Where the original's face is, brows to chin, (S, S) bool."""
        return self.drawn_in(self.window)

    def drawn_in(self, window: Box) -> Array:
        """Return where the original's face is in a square window, (S, S) bool."""
        points = self.smooth - np.array(window[:2], np.float32)
        outline = np.vstack([points, forehead(points, LIFT)])
        return np.asarray(hull(outline, window[2] - window[0]) > 0.5)


def _around(points5: Array, unit: float) -> Iterator[Array]:
    """Yield points (5, 2) moved in a grid of ``READINGS`` a side; each row has every size once."""
    line = np.linspace(-1.0, 1.0, READINGS)
    centre = points5.mean(axis=0)
    for row, column in np.ndindex(READINGS, READINGS):
        size = 1.0 + GROWTH * line[(row + column) % READINGS]
        shift = SHIFT * unit * line[[column, row]]
        yield (centre + shift + size * (points5 - centre)).astype(np.float32)


def cut(picture: Array, box: Box) -> Array:
    """Return a box of a picture, whose border goes on where the box leaves it."""
    x0, y0, x1, y1 = box
    height, width = picture.shape[:2]
    inner = picture[max(0, y0) : max(0, y1), max(0, x0) : max(0, x1)]
    missing = max(0, -y0), max(0, y1 - height), max(0, -x0), max(0, x1 - width)
    if not any(missing):
        return inner
    if not inner.size:
        return np.zeros((y1 - y0, x1 - x0, *picture.shape[2:]), picture.dtype)
    return np.asarray(cv2.copyMakeBorder(inner, *missing, cv2.BORDER_REPLICATE))


FLOW_SIDE = 256  # pixels to which a window is brought for optical flow
LEAST_VISIBLE = 50  # pixels of the face that must be visible in both frames
AGREE = 1.0  # pixels by which forward and backward flow may differ where nothing is hidden


class Motion:
    """How the original moved around a face from the frame before to this one.

    Pictures are windows of this frame, brought to at most ``FLOW_SIDE`` pixels. The flow is
    OpenCV's DIS (Kroeger et al., "Fast Optical Flow using Dense Inverse Search", ECCV 2016).
    """

    def __init__(self, now: Look, then: Look) -> None:
        self._now, self._then = now, then

    @cached_property
    def originals(self) -> tuple[Array, Array]:
        """The original now, and before, moved to where it is now: (s, s, 3) uint8 RGB."""
        return self._small(self._now.pair.original), self._moved(self._then.pair.original)

    @cached_property
    def results(self) -> tuple[Array, Array]:
        """The result now, and before, moved by the motion of the original."""
        return self._small(self._now.pair.result), self._moved(self._then.pair.result)

    @cached_property
    def masks(self) -> tuple[Array, Array] | None:
        """The mask now, and before, moved by the motion of the original; (s, s) uint8."""
        now, then = self._now.pair.mask, self._then.pair.mask
        return None if now is None or then is None else (self._small(now), self._moved(then))

    @cached_property
    def visible(self) -> Array:
        """Where the face is and was seen in both frames, (s, s) bool.

        Flow there and back again must end where it began (Sundaram et al., ECCV 2010).
        """
        back, there = self._flows
        height, width = back.shape[:2]
        returned = self._remap(there, back)
        apart = np.hypot(*cv2.split(back + returned))
        inside = cv2.resize(
            self._now.inside.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST
        )
        return np.asarray((inside > 0) & (apart < AGREE))

    @cached_property
    def rigid(self) -> tuple[Array, float]:
        """The motion of the head in the plane, and what it does not explain.

        Returns:
            The (2, 3) float64 similarity transform from pixels of this frame to pixels of the one
            before that fits the flow of the visible face best, the worse half of it left out at
            the second try; and the mean distance between the two, in pixels: how much the head
            turned or the face changed.
        """
        rows, columns = np.nonzero(self.visible)
        if rows.size < LEAST_VISIBLE:
            return np.eye(2, 3), float("inf")
        left, top, right, _ = self._now.window
        scale = (right - left) / len(self.visible)
        here = (np.stack([columns, rows], axis=1) + 0.5) * scale - 0.5 + [left, top]
        there = here + self._flows[0][rows, columns] * scale
        apart = np.zeros(len(here))
        for _ in range(2):
            good = apart <= np.median(apart)
            fitted = similarity(here[good], there[good])
            apart = np.hypot(*(transform(fitted, here) - there).T)
        return fitted, float(apart.mean())

    @cached_property
    def _flows(self) -> tuple[Array, Array]:
        now = cv2.cvtColor(self._small(self._now.pair.original), cv2.COLOR_RGB2GRAY)
        then = cv2.cvtColor(self._small(self._then.pair.original), cv2.COLOR_RGB2GRAY)
        flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        start = np.zeros((*now.shape, 2), np.float32)
        return (
            np.asarray(flow.calc(now, then, start.copy())),
            np.asarray(flow.calc(then, now, start)),
        )

    def _small(self, picture: Array) -> Array:
        window = cut(picture, self._now.window)
        if len(window) <= FLOW_SIDE:
            return window
        return np.asarray(cv2.resize(window, (FLOW_SIDE, FLOW_SIDE), interpolation=cv2.INTER_AREA))

    def _moved(self, picture: Array) -> Array:
        return self._remap(self._small(picture), self._flows[0])

    def _remap(self, picture: Array, flow: Array) -> Array:
        rows, columns = np.mgrid[: flow.shape[0], : flow.shape[1]].astype(np.float32)
        return np.asarray(
            cv2.remap(
                picture,
                columns + flow[..., 0],
                rows + flow[..., 1],
                cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REPLICATE,
            )
        )


class Moment:
    """A look and the ones before it, newest first, in frames that follow each other.

    Attributes:
        now: The face in this frame.
        before: The same track in the frames just before, at most two; none after a gap.
        swapped: The other faces of this frame that should be swapped.
    """

    def __init__(
        self, now: Look, before: Sequence[Look] = (), swapped: Sequence[Look] = ()
    ) -> None:
        self.now = now
        self.before = tuple(before)
        self.swapped = tuple(swapped)

    @cached_property
    def motion(self) -> Motion | None:
        """The motion since the frame before; None if the face was not there."""
        return Motion(self.now, self.before[0]) if self.before else None
