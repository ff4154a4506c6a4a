"""The engine of a fresh machine: no learned generator, works offline.

The source photo is bent onto the target's landmarks, takes the target's light and colour, and
keeps the target's eyes and the inside of its mouth, so gaze, blinks and speech stay the
target's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ..alignment import TEMPLATES, crop_matrix, five_points, transform
from ..blending import masks
from ..blending.light import LightSettings, match_light, match_sharpness
from ..records import Array, Crop, Photo, SwappedCrop
from .base import CropSpec, Identity
from .keep import keep_eyes, keep_mouth, kept_mask
from .warp import ThinPlateSpline, dense_map

# FFHQ's framing without the hair: from the middle of the forehead to under an open mouth's chin.
_TEMPLATE = 0.5 + (TEMPLATES["ffhq_512"] - [0.5, 0.59]) * 1.5
_TEXTURE = 512
_SOFT = 64  # side at which masks without sharp edges are made


@dataclass(frozen=True, slots=True)
class MeshSettings:
    """The engine's few numbers; lengths are shares of the crop's side unless said otherwise.

    Attributes:
        knots: Grid on which the warp is computed exactly.
        ridge: Stiffness of the warp.
        forehead: Height of the swapped forehead over the brows (share of nose bridge to chin).
        feather: Width of the soft border.
        meet: Width of the zone along the border that takes over the target's tone.
        eye_growth: Size of the kept eye relative to the lid line.
        eye_shade: How much of the new sockets' shade the kept eyes take, 0 to 1.
        inset: How far the source's outline is drawn towards its nose.
        lip_gap: Least distance of upper from lower lip that the warp is asked to honour.
    """

    knots: int = 33
    ridge: float = 2e-4
    forehead: float = 0.26
    feather: float = 0.04
    meet: float = 0.07
    eye_growth: float = 1.05
    eye_shade: float = 0.8
    inset: float = 0.08
    lip_gap: float = 0.012


@dataclass(frozen=True, slots=True, eq=False)
class _Texture:
    """A source face in the engine's framing, as a pyramid from fine to coarse."""

    levels: tuple[Array, ...]  # (S, S, 3) uint8 RGB, S = 512, 256, 128
    controls: Array  # (N, 2) control points in the unit square


class MeshSwapper:
    """Swaps by landmarks; see the module's docstring."""

    name = "mesh"
    batch_size = 1
    spec = CropSpec(_TEMPLATE, (128, 160, 192, 224, 256, 320, 384, 448, 512))

    def __init__(self, settings: MeshSettings | None = None) -> None:
        self._settings = settings or MeshSettings()
        self._light = LightSettings()

    def identity(self, photos: Sequence[Photo]) -> Identity:
        """Build the texture; of several photos the largest face leads, all give their tone."""
        ordered = sorted(photos, key=lambda photo: photo.face.size, reverse=True)
        pictures = [_aligned(photo) for photo in ordered]
        lead, controls = pictures[0][0], self._source_controls(*pictures[0])
        if len(pictures) > 1:
            warped = [lead] + [
                self._bend(picture, self._source_controls(picture, points), controls, _TEXTURE)[0]
                for picture, points in pictures[1:]
            ]
            sigma = 0.02 * _TEXTURE
            tone = np.mean([cv2.GaussianBlur(picture, (0, 0), sigma) for picture in warped], axis=0)
            lead = np.clip(tone + lead - cv2.GaussianBlur(lead, (0, 0), sigma), 0.0, 255.0)
        levels: list[Array] = [np.round(lead).astype(np.uint8)]
        while levels[-1].shape[0] > 128:
            levels.append(np.asarray(cv2.pyrDown(levels[-1])))
        return Identity(ordered[0].label, _Texture(tuple(levels), controls))

    def swap(self, crops: Sequence[Crop], identities: Sequence[Identity]) -> list[SwappedCrop]:
        """Swap each crop; a batch brings nothing here."""
        return [self._swap_one(crop, identities[crop.source].data) for crop in crops]

    def _swap_one(self, crop: Crop, texture: _Texture) -> SwappedCrop:
        size = crop.pixels.shape[0]
        points = crop.landmarks
        level = next(
            (part for part in reversed(texture.levels) if part.shape[0] >= size),
            texture.levels[0],
        )
        bent, area = self._bend(
            level,
            texture.controls,
            self._controls(points / size, self._settings.forehead),
            size,
        )
        face = masks.hull(
            np.vstack([points[masks.JAW], masks.forehead(points, self._settings.forehead)]), size
        )
        sound = _unfolded(area)
        if sound.min() < 1.0:
            face *= cv2.resize(sound, (size, size), interpolation=cv2.INTER_LINEAR)
        depths = masks.depth(face)
        skin, border = self._regions(points * (_SOFT / size), face, depths)
        lit, agreement = match_light(bent, crop.pixels, skin, border, self._light)
        lit = match_sharpness(lit, crop.pixels, face)
        settings = self._settings
        keep_eyes(lit, crop.pixels, points, settings.eye_growth, settings.eye_shade)
        keep_mouth(lit, crop.pixels, points)
        face *= masks.feather(depths, settings.feather * size)
        hair = self._above_brows(points * (_SOFT / size)) * (1.0 - agreement)
        if hair.max() > 0.02:  # it stays in front
            face *= 1.0 - cv2.resize(hair, (size, size), interpolation=cv2.INTER_LINEAR)
        return SwappedCrop(lit, face)

    def _regions(self, points: Array, face: Array, depths: Array) -> tuple[Array, Array]:
        """Return plain skin and the zone along the border, (_SOFT, _SOFT) each."""
        small = cv2.resize(face, (_SOFT, _SOFT), interpolation=cv2.INTER_AREA)
        depth = cv2.resize(depths, (_SOFT, _SOFT), interpolation=cv2.INTER_AREA)
        border = small * (1.0 - masks.feather(depth, self._settings.meet * face.shape[0]))
        kept = kept_mask(points, _SOFT, self._settings.eye_growth)
        return _plain_skin(points, small, kept), border

    def _above_brows(self, points: Array) -> Array:
        """Return the soft mask (_SOFT, _SOFT) of the part of the forehead where hair may hang."""
        lifts = (0.6 * self._settings.forehead, 2.0 * self._settings.forehead)
        region = masks.hull(np.vstack([masks.forehead(points, lift) for lift in lifts]), _SOFT)
        return np.asarray(cv2.GaussianBlur(region, (0, 0), 0.03 * _SOFT))

    def _source_controls(self, picture: Array, landmarks: Array) -> Array:
        """Return the controls of a source: within its skin, so that no background comes along."""
        lifts = _bare_forehead(picture, landmarks, self._settings.forehead)
        inner = landmarks.copy()
        inner[masks.JAW] += self._settings.inset * (landmarks[30] - landmarks[masks.JAW])
        return self._controls(inner, lifts)

    def _controls(self, landmarks: Array, lift: float | Array) -> Array:
        """Return (78, 2) control points: the landmarks, kept apart at the lips, and forehead."""
        points = np.vstack([landmarks, masks.forehead(landmarks, lift)])
        down = masks.face_height(landmarks)
        down = down / max(float(np.linalg.norm(down)), 1e-6)
        for upper, lower in ((61, 67), (62, 66), (63, 65)):
            gap = float((points[lower] - points[upper]) @ down)
            push = max(0.0, self._settings.lip_gap - gap) / 2.0
            points[upper] -= push * down
            points[lower] += push * down
        return np.asarray(points, np.float64)

    def _bend(self, picture: Array, source: Array, target: Array, size: int) -> tuple[Array, Array]:
        """Warp a square picture so that its controls land on the target's (unit square).

        Returns the warped picture (size, size, 3) float32 and the warp's area factor.
        """
        spline = ThinPlateSpline(target, source, self._settings.ridge)
        dense, area = dense_map(spline, size, self._settings.knots)
        columns, rows = cv2.split(dense * picture.shape[0] - 0.5)
        warped = cv2.remap(
            picture, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
        )
        return warped.astype(np.float32), area


def _aligned(photo: Photo) -> tuple[Array, Array]:
    """Cut the face out of a photo; returns the texture and its landmarks in the unit square."""
    assert photo.face.landmarks is not None  # Photo's own check
    matrix = crop_matrix(five_points(photo.face.landmarks), _TEMPLATE, _TEXTURE)
    pixels = cv2.warpAffine(
        photo.pixels.astype(np.float32),
        matrix,
        (_TEXTURE, _TEXTURE),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return pixels, transform(matrix, photo.face.landmarks) / _TEXTURE


def _bare_forehead(picture: Array, landmarks: Array, lift: float) -> Array:
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
    tone = np.log(soft + 12.0)

    def look(values: Array, points: Array) -> Array:
        rows = np.clip((points * size).astype(int), 0, size - 1)
        return np.asarray(values[rows[..., 1], rows[..., 0]])

    cheeks = landmarks[[27, 28, 29, 30, 1, 2, 3, 13, 14, 15, 31, 35]]
    skin_tone = np.median(look(tone, cheeks), axis=0)
    skin_rough = float(np.median(look(rough, cheeks)))
    steps = np.linspace(0.25, 1.0, 12) * lift
    points = np.stack([masks.forehead(landmarks, float(step)) for step in steps])
    bare = np.abs(look(tone, points) - skin_tone).mean(axis=2) < 0.35
    bare &= look(rough, points) < 3.0 * skin_rough + 2.0
    bare[steps < 0.09] = True  # the brows themselves
    free = np.logical_and.accumulate(bare, axis=0).sum(axis=0)
    heights = steps[free - 1]
    # Where there is hair the skin ends a little before it shows.
    heights = np.where(heights < lift, 0.6 * heights, heights)
    return np.asarray(cv2.erode(heights, np.ones((3, 1))).reshape(-1))


def _unfolded(area: Array) -> Array:
    """Return 1 where the warp is sound, falling to 0 where it folds over."""
    return np.asarray(np.clip(area / 0.08, 0.0, 1.0), np.float32)


def _plain_skin(points: Array, face: Array, kept: Array) -> Array:
    """Return the weight of pixels that show plain skin in any face; all at side ``_SOFT``."""
    features = [
        masks.grown(points[17:22], 1.2),
        masks.grown(points[22:27], 1.2),
        points[48:60],
        masks.grown(points[masks.LEFT_EYE], 1.6),
        masks.grown(points[masks.RIGHT_EYE], 1.6),
    ]
    inside = cv2.erode(face, np.ones((3, 3), np.uint8))
    for feature in features:
        inside = inside * (1.0 - masks.hull(feature, _SOFT))
    return np.asarray(inside * (1.0 - kept), np.float32)
