"""A source face as the engine mesh keeps it: texture and control points, free of hair and wall."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from ...detection.face_parser import FacePart, FaceParts
from ...geometry import face_masks as masks
from ...geometry.affine import (
    crop_matrix,
    five_points,
    scale_of,
    transform,
)
from ...geometry.brightness import RATIO_FLOOR
from ...geometry.resample import blur, warp
from ...records import Array, Photo
from .chart import ChartTexture, make_chart_texture
from .shape import source_proportions
from .source_parts import FACE_PARTS
from .warp import warp_tps

SIDE, LARGE_SIDE = 512, 1024
COARSEST = 128
SIDE_LIGHT = 0.08  # of the side: detail from this size on is averaged with its mirror image
#: Which control point each one becomes in a mirror image: the landmarks, then the forehead.
MIRRORED = np.append(masks.MIRRORED_LANDMARKS, range(77, 67, -1))


@dataclass(frozen=True, slots=True)
class Outline:
    """How far control points reach.

    Attributes:
        forehead: Height over the brows, as a share of nose bridge to chin.
        inset: How far a source's outline is drawn towards its nose.
        lip_gap: Least distance of upper from lower lip, as a share of the crop's side.
    """

    forehead: float = 0.26
    inset: float = 0.08
    lip_gap: float = 0.012


@dataclass(frozen=True, slots=True, eq=False)
class Texture:
    """A source face in the engine's framing.

    Attributes:
        levels: (S, S, 3) uint8 RGB from fine to coarse, S = 512, 256, 128; from 1024 where the
            photo has more to give.
        controls: (78, 2) control points in the unit square.
        lifts: (10,) height of the forehead over the brows that the source has to give.
        chart: The same in the dense mesh's chart; None where no photo has dense landmarks.
        proportions: (D,) the face's proportions; None where no photo has dense landmarks.
        descriptor: (128,) float32, dlib's descriptor of the person; None where nobody asks.
    """

    levels: tuple[Array, ...]
    controls: Array
    lifts: Array
    chart: ChartTexture | None = None
    proportions: Array | None = None
    descriptor: Array | None = None

    def at_least(self, size: int) -> Array:
        """Return the coarsest level that is not coarser than a crop."""
        fine = (level for level in reversed(self.levels) if level.shape[0] >= size)
        return next(fine, self.levels[0])


def make_texture(
    photos: Sequence[Photo],
    template: Array,
    outline: Outline,
    *,
    parts: Sequence[FaceParts | None] = (),
) -> Texture:
    """Build a texture; the first photo leads, all of them give their tone.

    Args:
        photos: One or more photos of one person.
        template: (5, 2) framing in the unit square.
        outline: How far its control points reach.
        parts: Of each photo's face, where they are known: its hairline, hair and glasses.
    """
    every = [*parts, *([None] * (len(photos) - len(parts)))]
    side = _side(photos[0], template)
    pictures = [_aligned(photo, template, side) for photo in photos]
    lead, points = pictures[0]
    lead_parts, marks = every[0], photos[0].face.landmarks
    if lead_parts is None or marks is None:
        lifts = bare_forehead(lead, points, outline.forehead)
    else:
        lifts = parsed_forehead(lead_parts, marks, outline.forehead)
    controls = _inner_controls(points, lifts, outline)
    if len(pictures) > 1:
        bent = [
            warp_tps(picture, _inner_controls(marks, lifts, outline), controls, side)[0]
            for picture, marks in pictures[1:]
        ]
        sigma = 0.02 * side
        tone = np.mean([cv2.GaussianBlur(one, (0, 0), sigma) for one in (lead, *bent)], axis=0)
        lead = np.clip(lead + tone - cv2.GaussianBlur(lead, (0, 0), sigma), 0.0, 255.0)
    lead = _evenly_lit(lead, controls)
    levels: list[Array] = [np.round(lead).astype(np.uint8)]
    while levels[-1].shape[0] > COARSEST:
        levels.append(np.asarray(cv2.pyrDown(levels[-1])))
    texture = Texture(tuple(levels), controls, lifts)
    dense = [
        (photo.pixels, photo.face.dense_landmarks, one)
        for photo, one in zip(photos, every, strict=True)
        if photo.face.dense_landmarks is not None
    ]
    if dense:
        chart = make_chart_texture([one[:2] for one in dense], [one[2] for one in dense])
        shape = source_proportions([one[1] for one in dense])
        texture = replace(texture, chart=chart, proportions=shape)
    return texture


def controls_of(landmarks: Array, lift: float | Array, lip_gap: float) -> Array:
    """Return control points (78, 2): the landmarks, kept apart at the lips, and the forehead.

    Args:
        landmarks: (68, 2) in the unit square.
        lift: Height of the forehead, one or (10,).
        lip_gap: Least distance of upper from lower lip.
    """
    points = np.vstack([landmarks, masks.forehead_points(landmarks, lift)])
    down = masks.face_height(landmarks)
    down = down / max(float(np.linalg.norm(down)), 1e-6)
    for upper, lower in ((61, 67), (62, 66), (63, 65)):
        gap = float((points[lower] - points[upper]) @ down)
        push = max(0.0, lip_gap - gap) / 2.0
        points[upper] -= push * down
        points[lower] += push * down
    return np.asarray(points, np.float64)


def _inner_controls(landmarks: Array, lifts: Array, outline: Outline) -> Array:
    """Return the controls of a source: within its face, so that no background comes along."""
    inner = landmarks.copy()
    inner[masks.JAW] += outline.inset * (landmarks[30] - landmarks[masks.JAW])
    return controls_of(inner, lifts, outline.lip_gap)


def _evenly_lit(picture: Array, controls: Array) -> Array:
    """Take light from one side out of a face, which in the target comes from elsewhere.

    Coarse light and shade are averaged with those of its mirror image; what is finer is left as
    it is, since people are known by it.
    """
    mirrored = (controls * [-1.0, 1.0] + [1.0, 0.0])[MIRRORED]
    flipped = np.ascontiguousarray(picture[:, ::-1])
    apart = warp_tps(flipped, mirrored, controls, len(picture))[0] - picture
    coarse = blur(apart, SIDE_LIGHT * len(picture))
    return np.asarray(np.clip(picture + 0.5 * coarse, 0.0, 255.0))


def _side(photo: Photo, template: Array) -> int:
    """Return the side of the finest level that is worth it."""
    assert photo.face.landmarks is not None  # Photo's own check
    covered = 1.0 / scale_of(crop_matrix(five_points(photo.face.landmarks), template, 1))
    return LARGE_SIDE if covered > SIDE else SIDE


def _aligned(photo: Photo, template: Array, side: int) -> tuple[Array, Array]:
    """Cut the face out of a photo; returns the texture and its landmarks in the unit square."""
    assert photo.face.landmarks is not None  # Photo's own check
    matrix = crop_matrix(five_points(photo.face.landmarks), template, side)
    pixels = warp(photo.pixels.astype(np.float32), matrix, side, average_all=True)
    return pixels, transform(matrix, photo.face.landmarks) / side


def parsed_forehead(parts: FaceParts, landmarks: Array, lift: float) -> Array:
    """Measure how far the forehead of a source is free of hair, by its parts.

    Args:
        parts: Of the photo.
        landmarks: (68, 2) points in pixels of the photo.
        lift: The height wanted.

    Returns:
        (10,) heights, at most ``lift``, in the unit of ``masks.forehead``.
    """
    steps = np.linspace(0.0, 1.0, 27)[1:] * lift
    points = np.stack([masks.forehead_points(landmarks, float(step)) for step in steps])
    skin = parts.probability(*FACE_PARTS, FacePart.GLASSES)
    columns, rows = cv2.split(transform(parts.matrix, points).astype(np.float32))
    bare = cv2.remap(skin, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) > 0.5
    bare[steps < 0.05] = True  # the brows themselves
    free = np.logical_and.accumulate(bare, axis=0).sum(axis=0)
    # Where there is hair the skin ends a little before it shows.
    heights = np.where(free < len(steps), 0.9 * steps[free - 1], lift)
    return np.asarray(cv2.erode(heights.reshape(1, -1), np.ones((1, 3))).reshape(-1))


def bare_forehead(picture: Array, landmarks: Array, lift: float) -> Array:
    """Measure how far the forehead of a source is free of hair.

    Args:
        picture: (S, S, 3) float32 RGB, 0 to 255.
        landmarks: (68, 2) points in the unit square.
        lift: The height wanted.

    Returns:
        (10,) heights, at most ``lift``, in the unit of ``masks.forehead``.
    """
    size = picture.shape[0]
    sigma = size / 100.0
    soft = cv2.GaussianBlur(picture, (0, 0), sigma)
    rough = cv2.GaussianBlur(cv2.absdiff(picture, soft), (0, 0), 2.0 * sigma).mean(axis=2)
    tone = np.log(soft + RATIO_FLOOR)

    def look(values: Array, points: Array) -> Array:
        rows = np.clip((points * size).astype(int), 0, size - 1)
        return np.asarray(values[rows[..., 1], rows[..., 0]])

    cheeks = landmarks[[27, 28, 29, 30, 1, 2, 3, 13, 14, 15, 31, 35]]
    skin_tone = np.median(look(tone, cheeks), axis=0)
    skin_rough = float(np.median(look(rough, cheeks)))
    steps = np.linspace(0.25, 1.0, 12) * lift
    points = np.stack([masks.forehead_points(landmarks, float(step)) for step in steps])
    bare = np.abs(look(tone, points) - skin_tone).mean(axis=2) < 0.35
    bare &= look(rough, points) < 3.0 * skin_rough + 2.0
    bare[steps < 0.09] = True  # the brows themselves
    free = np.logical_and.accumulate(bare, axis=0).sum(axis=0)
    heights = steps[free - 1]
    # Where there is hair the skin ends a little before it shows.
    heights = np.where(heights < lift, 0.6 * heights, heights)
    return np.asarray(cv2.erode(heights.reshape(1, -1), np.ones((1, 5))).reshape(-1))
