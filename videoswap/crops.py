"""Face crops: aligned squares cut out of frames and pictures of any pixel format."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import av
import numpy as np

from .geometry.affine import (
    TEMPLATES,
    compose,
    crop_matrix,
    five_points,
    invert,
    scale_of,
    shifted,
    transform,
    transform_dense,
)
from .geometry.resample import warp
from .records import Array, Crop, Face
from .video.planes import (
    Box,
    align_box,
    read_rgb,
    write_rgb,
)
from .video.probe import VideoInfo

GENERATOR_SIZE = 256  # side of the pictures that all generators take
BLEND_ROWS = 256  # rows of a picture that are blended at once: floats of all of it may not fit

#: Chooses the (5, 2) template in the unit square for (5, 2) points of a face.
TemplateRule = Callable[[Array], Array]
#: Smooths the faces of a track, given the pts of all frames and by pts the motion of its landmarks.
Smoother = Callable[[Sequence[Face], Array, Mapping[int, Array]], list[Face]]


@dataclass(frozen=True, slots=True, eq=False)
class CropSpec:
    """How an engine wants faces cut out.

    Attributes:
        template: (5, 2) float64, where the five points lie in the unit square, or the rule that
            gives it for a face; by default FFHQ's.
        sizes: Sides in pixels that the engine takes, ascending. The smallest that does not
            lose detail of the target is used, one for a whole track.
        points: Whether the five points come from the 68 landmarks or from the detector.
        black_outside: Whether what lies outside the picture is black; otherwise its border goes on.
        smoother: Smoothing of the tracks in place of the usual one.
        stretch: How much a face may be enlarged before the next size is taken.
        boost: Most sub-images a side that a crop is split into, see ``boosted``.
    """

    template: Array | TemplateRule = field(default_factory=lambda: TEMPLATES["ffhq_512"])
    sizes: tuple[int, ...] = (GENERATOR_SIZE, 2 * GENERATOR_SIZE)
    points: Literal["landmarks", "detector"] = "landmarks"
    black_outside: bool = False
    smoother: Smoother | None = None
    stretch: float = 1.0
    boost: int = 1

    def size_for(self, pixels: float) -> int:
        """Return the side for a face whose crop covers ``pixels`` of the frame."""
        fitting = (size for size in self.sizes if size * self.stretch >= pixels)
        return next(fitting, self.sizes[-1])

    def boost_for(self, size: int) -> int:
        """Return how many sub-images a side a crop of ``size`` is split into; 1 for none."""
        return max(1, min(self.boost, size // GENERATOR_SIZE))

    def points_of(self, face: Face) -> Array:
        """Return the five points (5, 2) of a face by which it is cut."""
        return np.asarray(self.points_of_all([face])[0])

    def points_of_all(self, faces: Sequence[Face]) -> Array:
        """Return `points_of` for some faces, (B, 5, 2)."""
        if self.points == "detector":
            return np.stack([face.points5 for face in faces])
        # The analysis always fills them.
        known = [face.landmarks for face in faces if face.landmarks is not None]
        return five_points(np.stack(known))

    def matrix(self, points5: Array, size: int | Array) -> Array:
        """Return the (..., 2, 3) matrix from picture pixels to a crop of ``size`` pixels a side.

        Args:
            points5: (5, 2) points of a face, or (B, 5, 2).
            size: Of the crop, or (B, 1, 1) one for each.
        """
        template = self.template
        if callable(template):
            rule = template
            stacked = points5.reshape(-1, 5, 2)
            template = np.stack([rule(one) for one in stacked]).reshape(points5.shape)
        return crop_matrix(points5, template, size)


class Surface(Protocol):
    """Something that faces are cut from and composited onto: a decoded frame or a picture."""

    @property
    def upright(self) -> Array:
        """The (2, 3) affine matrix from its own pixels to upright pixels."""

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in its own pixels."""

    def align(self, box: Box) -> Box:
        """Clip a box to the surface and widen it to what can be read."""

    def read(self, box: Box) -> Array:
        """Return a region as (h, w, 3) float32 RGB, 0 to 255."""

    def write(self, box: Box, rgb: Array, mask: Array) -> None:
        """Blend (h, w, 3) float32 RGB into a region by a (h, w) uint8 mask."""


class FrameSurface:
    """A decoded video frame in its own planes; changed in place.

    Args:
        frame: The frame, such as ``DecodedFrame.image``.
        info: The video that it is of.
    """

    def __init__(self, frame: av.VideoFrame, info: VideoInfo) -> None:
        self._frame = frame
        self._info = info
        self.upright = info.orientation.matrix
        self.shape = (info.height, info.width)

    def align(self, box: Box) -> Box:
        """See Surface."""
        return align_box(box, self._info)

    def read(self, box: Box) -> Array:
        """See Surface."""
        return read_rgb(self._frame, box, self._info.color)

    def write(self, box: Box, rgb: Array, mask: Array) -> None:
        """See Surface."""
        write_rgb(self._frame, box, rgb, mask, self._info.color)


class PictureSurface:
    """A still picture; changed in place.

    Args:
        pixels: (H, W, 3) uint8 RGB, upright.
    """

    def __init__(self, pixels: Array) -> None:
        self._pixels = pixels
        self.upright: Array = np.eye(2, 3)
        self.shape = (pixels.shape[0], pixels.shape[1])

    def align(self, box: Box) -> Box:
        """See Surface."""
        x0, y0, x1, y1 = box
        x0, y0 = max(0, x0), max(0, y0)
        return x0, y0, max(x0, min(self.shape[1], x1)), max(y0, min(self.shape[0], y1))

    def read(self, box: Box) -> Array:
        """See Surface."""
        return np.asarray(self._pixels[box[1] : box[3], box[0] : box[2]], np.float32)

    def write(self, box: Box, rgb: Array, mask: Array) -> None:
        """See Surface."""
        region = self._pixels[box[1] : box[3], box[0] : box[2]]
        for top in range(0, len(region), BLEND_ROWS):
            rows = np.s_[top : top + BLEND_ROWS]
            weight = mask[rows][..., None] * np.float32(1.0 / 255.0)
            blended = region[rows] + (rgb[rows] - region[rows]) * weight
            region[rows] = np.clip(np.rint(blended), 0, 255)


def covered_pixels(face: Face, spec: CropSpec) -> float:
    """Return the side in upright pixels of the square that a crop of this face covers."""
    return 1.0 / scale_of(spec.matrix(spec.points_of(face), 1))


def region_box(matrix: Array, x: int, y: int, width: int, height: int) -> Box:
    """Return the box on the surface around a rectangle of a crop.

    Args:
        matrix: (2, 3) from surface to crop pixels.
        x: First column of the rectangle.
        y: First row.
        width: Columns.
        height: Rows.
    """
    return region_boxes(matrix[None], [(x, y, width, height)])[0]


def region_boxes(matrices: Array, rectangles: Sequence[tuple[int, int, int, int]]) -> list[Box]:
    """Return the boxes on a surface around rectangles of crops.

    Args:
        matrices: (B, 2, 3) from surface to crop pixels.
        rectangles: x, y, width and height of each.
    """
    x, y, width, height = np.asarray(rectangles, np.float64).T - 0.5
    right, bottom = x + width + 0.5, y + height + 0.5
    corners = np.stack([x, y, right, y, x, bottom, right, bottom], axis=1).reshape(-1, 4, 2)
    points = transform(invert(matrices), corners)
    low, high = np.floor(points.min(axis=1)), np.ceil(points.max(axis=1)) + 1
    return [
        (x0, y0, x1, y1)
        for (x0, y0), (x1, y1) in zip(
            low.astype(int).tolist(), high.astype(int).tolist(), strict=True
        )
    ]


def crop_face(
    image: Surface | Array,
    face: Face | Array,
    spec: CropSpec,
    *,
    size: int | None = None,
    track: int = 0,
    source: int = 0,
) -> Crop | None:
    """Cut one face out of a picture or frame, aligned as an engine wants it.

    The five points of the face are taken to those of the template by the least-squares similarity
    transform (Umeyama), and the picture is resampled once, see ``geometry.resample.warp``.

    Args:
        image: The picture (H, W, 3) uint8 RGB, upright, or a surface such as ``FrameSurface``.
        face: The face in upright pixels, or its (68, 2) landmarks in the iBUG-68 order.
        spec: What the engine wants, such as ``engine.spec``.
        size: Side of the crop in pixels; by default the one that ``spec`` has for this face.
        track: Track that the face belongs to.
        source: Index of the source identity that it will get.

    Returns:
        The crop, or None if the face lies outside the picture or has no extent.

    Raises:
        ValueError: If the face has no landmarks.
    """
    surface = PictureSurface(image) if isinstance(image, np.ndarray) else image
    if isinstance(face, np.ndarray):
        face = _face_of(face)
    if face.landmarks is None:
        raise ValueError("a face without landmarks cannot be cut out")
    place = place_crop(surface, face, spec, size)
    if place is None:
        return None
    matrix, box, upright, size = place.matrix, place.box, place.upright, place.side
    moved = shifted(matrix, box[0], box[1])
    black = spec.black_outside
    pixels = warp(surface.read(box), moved, size, black_outside=black, average_all=True)
    landmarks = transform(upright, face.landmarks)
    dense = face.dense_landmarks
    if dense is not None:
        dense = transform_dense(upright, dense)
    return Crop(
        pixels,
        matrix,
        landmarks,
        face.pts,
        track,
        source,
        dense_landmarks=dense,
        proportions=face.proportions,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Where a crop is cut out.

    Attributes:
        matrix: (2, 3) float64 from the surface's own pixels to those of the crop.
        upright: The same from upright pixels.
        box: What is to be read of the surface.
        side: Of the crop, in pixels.
    """

    matrix: Array
    upright: Array
    box: Box
    side: int


def place_crop(
    surface: Surface, face: Face, spec: CropSpec, size: int | None = None
) -> Place | None:
    """Return where `crop_face` cuts a face out; None if it lies outside or has no extent."""
    if size is None:
        if not _extended(spec.points_of(face)):
            return None
        size = spec.size_for(covered_pixels(face, spec))
    return place_crops(surface, [face], spec, [size])[0]


def place_crops(
    surface: Surface, faces: Sequence[Face], spec: CropSpec, sizes: Sequence[int]
) -> list[Place | None]:
    """Return where faces are cut out, of one surface or of several that are alike.

    Args:
        surface: One of the surfaces, such as a frame of a video.
        faces: The faces.
        spec: What the engine wants.
        sizes: Sides of their crops in pixels.

    Returns:
        One place a face; None if it lies outside or has no extent.
    """
    places: list[Place | None] = [None] * len(faces)
    if not faces:
        return places
    points = spec.points_of_all(faces)
    good = np.flatnonzero(_extended(points)).tolist()
    if not good:
        return places
    sides = [sizes[k] for k in good]
    uprights = spec.matrix(points[good], np.reshape(sides, (-1, 1, 1)))
    matrices = compose(uprights, surface.upright)
    boxes = region_boxes(matrices, [(0, 0, side, side) for side in sides])
    for k, matrix, upright, found, side in zip(good, matrices, uprights, boxes, sides, strict=True):
        box = surface.align(found)
        if box[0] < box[2] and box[1] < box[3]:
            places[k] = Place(matrix, upright, box, side)
    return places


def _extended(points5: Array) -> Array:
    """Return which of (..., 5, 2) points are of a face that has some extent, (...) bool."""
    return np.asarray(np.ptp(points5, axis=-2).max(axis=-1) >= 2.0)


def _face_of(landmarks: Array) -> Face:
    """Return the face of (68, 2) landmarks in a still picture."""
    points = np.asarray(landmarks, np.float32)
    box = np.concatenate([points.min(axis=0), points.max(axis=0)])
    return Face(box, five_points(points), 1.0, landmarks=points)
