"""A face pair: one face of one frame, in the original and in the result."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np

from ..detection.base import Landmarker
from ..geometry.face_masks import fill_hull, forehead_points
from ..geometry.resample import crop_box
from ..records import Array, Face
from ..video.planes import Box
from .frame_pairs import FramePair

WINDOW_FACTOR = 1.9  # side of the window in face sizes: the face and a ring of its surroundings
FOREHEAD_LIFT = 0.16  # of the forehead that counts as face, see masks.forehead
READINGS = 4  # along x and along y, of the landmarks that are read again and again
READING_SHIFT = 0.05  # eye distances by which the outermost of them are moved
READING_GROWTH = 0.04  # share by which the largest and the smallest of them differ from the square


class FacePair:
    """One face of one frame in the original and in the result.

    Everything but the attributes is computed when it is first asked for.


    Attributes:
        pair: The frame.
        track: Track of the face.
        source: Index of the source it should have; None for a face to be left alone.
        face: Where the analysis of the original saw it, smoothed, in upright pixels.
    """

    def __init__(
        self, pair: FramePair, track: int, source: int | None, face: Face, landmarker: Landmarker
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
        side = max(16, round(WINDOW_FACTOR * float((high - low).max())))
        left, top = np.round((low + high - side) / 2).astype(int)
        return int(left), int(top), int(left) + side, int(top) + side

    @cached_property
    def original(self) -> Array:
        """The window of the original, (S, S, 3) uint8 RGB."""
        return crop_box(self.pair.original, self.window)

    @cached_property
    def result(self) -> Array:
        """The window of the result, (S, S, 3) uint8 RGB."""
        return crop_box(self.pair.result, self.window)

    @cached_property
    def mask(self) -> Array | None:
        """The window of the mask, (S, S) uint8; None without masks."""
        return None if self.pair.mask is None else crop_box(self.pair.mask, self.window)

    @cached_property
    def inside(self) -> Array:
        """Where the original's face is, brows to chin, (S, S) bool."""
        return self.drawn_in(self.window)

    def drawn_in(self, window: Box) -> Array:
        """Return where the original's face is in a square window, (S, S) bool."""
        points = self.smooth - np.array(window[:2], np.float32)
        outline = np.vstack([points, forehead_points(points, FOREHEAD_LIFT)])
        return np.asarray(fill_hull(outline, window[2] - window[0]) > 0.5)


def _around(points5: Array, unit: float) -> Iterator[Array]:
    """Yield points (5, 2) moved in a grid of ``READINGS`` a side; each row has every size once."""
    line = np.linspace(-1.0, 1.0, READINGS)
    centre = points5.mean(axis=0)
    for row, column in np.ndindex(READINGS, READINGS):
        size = 1.0 + READING_GROWTH * line[(row + column) % READINGS]
        shift = READING_SHIFT * unit * line[[column, row]]
        yield (centre + shift + size * (points5 - centre)).astype(np.float32)
