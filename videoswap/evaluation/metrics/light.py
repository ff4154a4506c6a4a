"""Light: tone, contrast, highlights and shading of the face against film and source photo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ...geometry.face_masks import fill_hull
from ...geometry.resample import resize, warp
from ...records import Array, Photo
from ..face_motion import FaceHistory
from ..face_pair import WINDOW_FACTOR, FacePair
from .columns import geometric_mean, mean
from .metric import Metric, at_most, between

WINDOW_SIZE = 192  # pixels to which the window is brought
FACE_SIZE = WINDOW_SIZE / WINDOW_FACTOR  # of a face in it
COARSE_SIGMA = 0.03  # sigma in face sizes above which light counts as coarse
SHADING_SIGMAS = 0.03, 0.08  # sigmas in face sizes between which shading is compared
OUTLINE_INSIDE = 0.03, 0.14  # depth of the band along the outline, in face sizes
SECTORS = 12  # of the outline
# Depth of the bands on both sides of the mask's border, in face sizes: wide, so that cheeks and
# chin are held against neck and ears, and the forehead inside the mask against that above it.
ACROSS_INSIDE, ACROSS_OUTSIDE = (0.03, 0.25), (0.02, 0.2)
# How far the skin outside may be from that inside: levels of color, logarithm of luma.
SKIN_COLOR_DISTANCE, SKIN_LUMA_DISTANCE = 14.0, 0.7
MASKED_LEVEL = 128  # of a mask, from which a pixel counts as swapped
MIN_PIXELS = 40  # that a sector or the skin needs
CLIPPED_LEVEL = 250  # level from which a channel counts as clipped
LOG_OFFSET = 4.0  # levels added before the logarithm, so that noise in the dark does not count
# Landmarks of what is no skin, and by how much their hull is enlarged.
FEATURES = (
    (slice(17, 22), 1.5), (slice(22, 27), 1.5), (slice(36, 42), 1.8), (slice(42, 48), 1.8),
    (slice(48, 60), 1.25),
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Skin:
    """A face's window at one size.

    Attributes:
        original: (W, W, 3) float32 YCrCb of the original.
        result: The same of the result.
        face: Where the original's face is, (W, W) bool.
        skin: The same without brows, eyes and mouth.
        landmarks: (68, 2) float32 in pixels of the window.
        clipped: Shares of the face's pixels that are clipped, of result and original.
        swapped: Where the face was swapped, (W, W) bool: the mask, or the face without one.
    """

    original: Array
    result: Array
    face: Array
    skin: Array
    landmarks: Array
    clipped: tuple[float, float]
    swapped: Array

    @classmethod
    def of(cls, face_pair: FacePair) -> Skin:
        """Bring the window of a face to one size."""
        left, top, right, _ = face_pair.window
        scale = WINDOW_SIZE / (right - left)
        points = ((face_pair.smooth - (left, top) + 0.5) * scale - 0.5).astype(np.float32)
        original, result = (
            resize(one, WINDOW_SIZE, WINDOW_SIZE) for one in (face_pair.original, face_pair.result)
        )
        face = resize(face_pair.inside.astype(np.float32), WINDOW_SIZE, WINDOW_SIZE) > 0.5
        mask = face_pair.mask
        swapped = face if mask is None else resize(mask, WINDOW_SIZE, WINDOW_SIZE) >= MASKED_LEVEL
        skin = face.copy()
        for which, growth in FEATURES:
            middle = points[which].mean(axis=0)
            skin &= fill_hull(middle + growth * (points[which] - middle), WINDOW_SIZE) < 0.5
        return cls(
            _ycc(original),
            _ycc(result),
            face,
            skin,
            points,
            (_clipped(result, face), _clipped(original, face)),
            swapped,
        )


class LightFamily:
    """Light and tone of the swapped face against the film's and the photo's.

    Definition: the window of the face is brought to ``WINDOW_SIZE`` pixels; sizes are shares of
    the face. Reported are

    - tone along the outline: the band inside the outline, ``OUTLINE_INSIDE`` deep, is cut into
      ``SECTORS``. In each the median of the result is held against that of the original, which
      fits its forehead, ears and neck: the mean absolute difference in levels, of luma and of
      the color differences (good: small),
    - tone across the outline: in each sector the step from the swapped skin within
      ``ACROSS_INSIDE`` of the mask's border to the skin left alone within ``ACROSS_OUTSIDE`` of it
      (neck, ears, the forehead above the mask), medians of the result's less the original's own
      step: mean absolute difference of luma, and of color, in levels (good: at most 6 and 3, less
      than what is seen as two tones in one head). Sectors in which hair, clothes or background
      are outside do not count,
    - coarse contrast: the standard deviation of the face's luma above ``COARSE_SIGMA``, result to
      original (good: 0.9 to 1.15; a face with the shadows and highlights of a photo has 1.3),
    - clipped highlights: the share of the face's pixels with a channel from ``CLIPPED_LEVEL`` on,
      beyond the original's own (0 to 1, good: at most 0.002),
    - shading: correlation of the luma's logarithm between the two sigmas of ``SHADING_SIGMAS``,
      over the skin without brows, eyes and mouth, with the original's (-1 to 1, good: high) and
      with the source photo's, brought onto the face by the affine map that fits the landmarks best
      (good: lower than the former; the shape of a face is a part of its shading, so it is not 0).

    Own definitions.
    """

    over_time = False
    columns = (
        "tone_luma", "tone_color", "across_luma", "across_color", "coarse_contrast", "clipped",
        "shading_original", "shading_source",
    )  # fmt: skip
    metrics = (
        Metric("tone_luma", "tone along the outline, luma", "levels", mean("tone_luma"),
               worst="tone_luma", plot=("tone_luma", "tone_color")),
        Metric("tone_color", "tone along the outline, color", "levels", mean("tone_color")),
        Metric("tone_across_luma", "tone across the outline, luma", "levels",
               mean("across_luma"), worst="across_luma", plot=("across_luma", "across_color"),
               good=at_most(6)),
        Metric("tone_across_color", "tone across the outline, color", "levels",
               mean("across_color"), good=at_most(3)),
        # The shadows and highlights of another light make it 1.3 and more.
        Metric("coarse_contrast", "coarse contrast", "x original",
               geometric_mean("coarse_contrast"), good=between(0.9, 1.15)),
        Metric("clipped_highlights", "clipped highlights", "", mean("clipped"),
               good=at_most(0.002)),
        Metric("shading_original", "shading like the original's", "",
               mean("shading_original"), plot=("shading_original", "shading_source")),
        Metric("shading_source", "shading like the photo's", "", mean("shading_source")),
    )  # fmt: skip

    def __init__(self, photos: Sequence[Photo]) -> None:
        """Prepare.

        Args:
            photos: A photo of every source, in order.
        """
        self._photos = photos

    def measure(self, history: FaceHistory) -> Mapping[str, float]:
        """See Family."""
        face_pair = history.now
        skin = Skin.of(face_pair)
        if np.count_nonzero(skin.skin) < MIN_PIXELS:
            return {}
        contrast = [coarse_contrast(one[..., 0], skin.face) for one in (skin.result, skin.original)]
        bands = [shading(one[..., 0], skin.skin) for one in (skin.result, skin.original)]
        tone = outline_tone(skin)
        values = {
            "coarse_contrast": float(np.log(max(contrast[0], 0.1) / max(contrast[1], 0.1))),
            "clipped": max(0.0, skin.clipped[0] - skin.clipped[1]),
            "shading_original": _correlation(bands[0], bands[1], skin.skin),
        }
        if tone is not None:
            values |= {"tone_luma": tone[0], "tone_color": tone[1]}
        across = tone_across(skin)
        if across is not None:
            values |= {"across_luma": across[0], "across_color": across[1]}
        photo = None if face_pair.source is None else self._photos[face_pair.source]
        if photo is not None and photo.face.landmarks is not None:
            luma, seen = _aligned(photo, skin.landmarks)
            seen &= skin.skin
            if np.count_nonzero(seen) >= MIN_PIXELS:
                values["shading_source"] = _correlation(bands[0], shading(luma, seen), seen)
        return values


def outline_tone(skin: Skin) -> tuple[float, float] | None:
    """Return by how much the tone along the outline changed: luma and color, levels.

    None where no sector has enough pixels.
    """
    deep = cv2.distanceTransform(skin.face.astype(np.uint8), cv2.DIST_L2, 3) / FACE_SIZE
    band = (deep > OUTLINE_INSIDE[0]) & (deep < OUTLINE_INSIDE[1]) & skin.skin
    rows, columns = np.nonzero(band)
    if not rows.size:
        return None
    sector = _sectors(rows, columns, skin.landmarks)
    change = []
    for number in range(SECTORS):
        where = rows[sector == number], columns[sector == number]
        if where[0].size >= MIN_PIXELS:
            pictures = skin.result, skin.original
            result, original = (np.median(one[where], axis=0) for one in pictures)
            change.append(result - original)
    if not change:
        return None
    parts = np.array(change)
    return float(np.abs(parts[:, 0]).mean()), float(np.hypot(parts[:, 1], parts[:, 2]).mean())


def tone_across(skin: Skin) -> tuple[float, float] | None:
    """Return by how much the step across the mask's border changed: luma and color, levels.

    None where no sector has skin on both sides.
    """
    inside, outside = (
        cv2.distanceTransform(one.astype(np.uint8), cv2.DIST_L2, 3) / FACE_SIZE
        for one in (skin.swapped, ~skin.swapped)
    )
    near = (inside > ACROSS_INSIDE[0]) & (inside < ACROSS_INSIDE[1]) & skin.skin
    beyond = (outside > ACROSS_OUTSIDE[0]) & (outside < ACROSS_OUTSIDE[1])
    places = [np.nonzero(one) for one in (near, beyond)]
    sectors = [_sectors(one[0], one[1], skin.landmarks) for one in places]
    change = []
    for number in range(SECTORS):
        within, around = (
            (rows[which == number], columns[which == number])
            for (rows, columns), which in zip(places, sectors, strict=True)
        )
        if within[0].size < MIN_PIXELS:
            continue
        tone = np.median(skin.original[within], axis=0)
        found = skin.original[around]
        like = np.hypot(*(found[:, 1:] - tone[1:]).T) < SKIN_COLOR_DISTANCE
        like &= np.abs(np.log((found[:, 0] + 1) / (tone[0] + 1))) < SKIN_LUMA_DISTANCE
        if np.count_nonzero(like) < MIN_PIXELS:
            continue
        around = around[0][like], around[1][like]
        result, original = (
            np.median(one[within], axis=0) - np.median(one[around], axis=0)
            for one in (skin.result, skin.original)
        )
        change.append(result - original)
    if not change:
        return None
    parts = np.array(change)
    return float(np.abs(parts[:, 0]).mean()), float(np.hypot(parts[:, 1], parts[:, 2]).mean())


def _sectors(rows: Array, columns: Array, landmarks: Array) -> Array:
    """Return the numbers (N,) of the sectors, seen from the middle of the face."""
    middle = landmarks.mean(axis=0)
    angle = np.arctan2(rows - middle[1], columns - middle[0])
    return np.asarray(np.minimum((angle + np.pi) / (2 * np.pi) * SECTORS, SECTORS - 1), int)


def coarse_contrast(luma: Array, face: Array) -> float:
    """Return the standard deviation of (W, W) float32 luma above ``COARSE_SIGMA``, in levels."""
    return float(_blurred(luma, face, COARSE_SIGMA)[face].std())


def shading(luma: Array, where: Array) -> Array:
    """Return the logarithm of (W, W) float32 luma between the sigmas of ``SHADING_SIGMAS``."""
    logarithm = np.log(luma + LOG_OFFSET)
    return _blurred(logarithm, where, SHADING_SIGMAS[0]) - _blurred(
        logarithm, where, SHADING_SIGMAS[1]
    )


def _blurred(values: Array, where: Array, sigma: float) -> Array:
    """Blur values by a share of the face, by those at ``where`` alone (normalized convolution)."""
    weight = where.astype(np.float32)
    above = cv2.GaussianBlur(values * weight, (0, 0), sigma * FACE_SIZE)
    return np.asarray(above / np.maximum(cv2.GaussianBlur(weight, (0, 0), sigma * FACE_SIZE), 1e-3))


def _aligned(photo: Photo, landmarks: Array) -> tuple[Array, Array]:
    """Return a photo's luma (W, W) float32 brought onto landmarks, and where it has pixels."""
    assert photo.face.landmarks is not None
    source = np.column_stack([photo.face.landmarks, np.ones(len(landmarks))])
    matrix = np.linalg.lstsq(source, landmarks, rcond=None)[0].T
    picture = warp(photo.pixels, matrix, WINDOW_SIZE)
    covered = np.ones(photo.pixels.shape[:2], np.uint8)
    seen = warp(covered, matrix, WINDOW_SIZE, black_outside=True) > 0
    return _ycc(picture)[..., 0], seen


def _correlation(one: Array, two: Array, where: Array) -> float:
    first, second = one[where], two[where]
    if not first.std() or not second.std():
        return float("nan")
    return float(np.corrcoef(first, second)[0, 1])


def _clipped(picture: Array, face: Array) -> float:
    return float((picture.max(axis=2)[face] >= CLIPPED_LEVEL).mean()) if face.any() else 0.0


def _ycc(picture: Array) -> Array:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2YCrCb)).astype(np.float32)
