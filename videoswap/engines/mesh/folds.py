"""Folds and lid lines of the target on the face of the source: shading of one size, replaced."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from ...geometry import face_masks as masks
from ...geometry.brightness import RATIO_FLOOR
from ...geometry.face_mesh import CHART, OUTER_LIPS
from ...records import Array, Crop
from .light import spread_out

LIMIT, PATTERN_LIMIT = 0.6, 1.2  # log units by which shading and patterns may change a pixel
SMOOTH_SIGMA = 3.0  # pixels of a smaller picture, in which averages are found
FOLD_SIZES = 0.0025, 0.05  # sigmas of the finest and the coarsest, of the crop's side
# What a smile folds: from the wings of the nose over the cheeks to the chin; image left first.
AROUND_MOUTH = (
    *(2, 98, 129, 36, 205, 207, 214, 210, 169, 140, 171),
    *(175, 396, 369, 394, 430, 434, 427, 425, 266, 358, 327),
)
BESIDE_THING = np.ones((3, 3), np.uint8)  # in pixels of the raster
BESIDE_BEARD = np.ones((5, 5), np.uint8)  # in pixels of the raster
REGION_SIDE = 128
GROWTH = 1.12  # of the region
BORDER = 0.02  # sigma of its border, of the chart


@cache
def _region() -> Array:
    """Return where the chart has folds in any face, (128, 128) float32, 0 to 1."""
    place = CHART * REGION_SIDE - 0.5
    outline = masks.scale_points(place[list(AROUND_MOUTH)], GROWTH)
    region = masks.fill_polygon(outline, REGION_SIDE)
    region *= 1.0 - masks.fill_polygon(masks.scale_points(place[OUTER_LIPS], 1.1), REGION_SIDE)
    return np.asarray(cv2.GaussianBlur(region, (0, 0), BORDER * REGION_SIDE))


def take_folds(
    lit: Array, crop: Crop, places: Array, strength: float, beard: Array | None = None
) -> None:
    """Replace the folds between nose and mouth by the target's; changes ``lit``.

    Args:
        lit: (S, S, 3) float32 RGB, 0 to 255: the swap in the target's light.
        crop: The target; what is in front of it changes nothing.
        places: (R, R, 2) float32, smaller: where in the chart every pixel lies.
        strength: How much of them is replaced, 0 to 1.
        beard: (S, S) float32, 0 to 1: where either face has a beard, which is no fold.
    """
    across, along = cv2.split(places * REGION_SIDE - 0.5)
    weight = strength * cv2.remap(_region(), across, along, cv2.INTER_LINEAR)
    x, y, width, height = cv2.boundingRect((weight > 0.02).astype(np.uint8))
    if min(width, height) < 2:
        return
    # The part that changes, and around it what the coarsest size sees.
    fine, coarse = (share * len(weight) for share in FOLD_SIZES)
    margin = int(np.ceil(3.0 * coarse))
    rows, columns = (
        slice(max(first - margin, 0), min(first + extent + margin, len(weight)))
        for first, extent in ((y, height), (x, width))
    )
    weight = weight[rows, columns]
    small = weight.shape[::-1]
    step = len(lit) / len(places)
    part = tuple(slice(round(one.start * step), round(one.stop * step)) for one in (rows, columns))
    swap, target = (
        cv2.resize(one[part], small, interpolation=cv2.INTER_AREA) for one in (lit, crop.pixels)
    )
    free = None
    if crop.occluder_mask is not None:
        hidden = cv2.resize(crop.occluder_mask[part], small, interpolation=cv2.INTER_AREA)
        weight = weight * (1.0 - hidden)
        free = 1.0 - cv2.dilate(hidden, BESIDE_THING)
    if beard is not None:
        hair = cv2.resize(beard[part], small, interpolation=cv2.INTER_AREA)
        weight = weight * (1.0 - cv2.dilate(hair, BESIDE_BEARD))
    gain = shading_gain(swap, target, weight, fine, coarse, free)
    changed = lit[part]
    changed *= cv2.resize(gain, changed.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    np.minimum(changed, 255.0, out=changed)


def take_pattern(
    lit: Array,
    target: Array,
    weight: Array,
    around: Array,
    sigma: float,
    inside: tuple[Array, Array] | None = None,
) -> None:
    """Replace what a face shows by what the target does, in the light of the face; changes ``lit``.

    Args:
        lit: (H, W, 3) float32 RGB, 0 to 255.
        target: (H, W, 3) float32 RGB, 0 to 255.
        weight: (H, W), 0 to 1: how much of it is replaced.
        around: (H, W), 0 to 1: surroundings, by whose colors in both the target's are changed.
        sigma: Pixels over which those are averaged.
        inside: What has a mean color of its own that it keeps, and the part of it that is looked
            at, both (H, W), 0 to 1.
    """
    raised = lit + RATIO_FLOOR
    apart: Array = cv2.log(target + RATIO_FLOOR) - cv2.log(raised)
    around = around.astype(np.float32)
    mean = np.tensordot(around, apart, 2) / max(float(around.sum()), 1.0)
    # As smooth as it is, it is found at a fraction of the size.
    height, width = around.shape
    step = max(sigma / SMOOTH_SIGMA, 1.0)
    small = max(round(width / step), 1), max(round(height / step), 1)
    coarse, free = (cv2.resize(one, small, interpolation=cv2.INTER_AREA) for one in (apart, around))
    average = spread_out(coarse, free, sigma / step, mean, 1e-3).astype(np.float32)
    kept: Array = cv2.resize(average, (width, height), interpolation=cv2.INTER_LINEAR)
    if inside is not None:
        whole, looked_at = inside
        own = np.tensordot(looked_at, apart, 2) / max(float(looked_at.sum()), 1.0)
        own = own.astype(np.float32)  # half of the work of float64
        kept = kept + (own - kept) * whole[..., None]
    change = np.clip(apart - kept, -PATTERN_LIMIT, PATTERN_LIMIT) * weight[..., None]
    gain: Array = cv2.exp(change.astype(np.float32))
    np.clip(raised * gain - RATIO_FLOOR, 0.0, 255.0, out=lit)


def shading_gain(
    lit: Array,
    target: Array,
    weight: Array,
    fine: float,
    coarse: float,
    free: Array | None = None,
) -> Array:
    """Return by what a face is multiplied to get the target's shading between two sizes.

    Shading is the difference of two Gaussians of the logarithm of each channel.

    Args:
        lit: (H, W, 3) float32 RGB, 0 to 255.
        target: (H, W, 3) float32 RGB, 0 to 255.
        weight: (H, W) float32, 0 to 1: how much of it is replaced.
        fine: Sigma in pixels under which details stay as they are; 0 replaces them as well.
        coarse: Sigma in pixels over which light stays as it is.
        free: (H, W) float32, 0 to 1: where nothing is in front of the target's face; what is has
            no shading of its own, or it would glow on the skin beside it. None for everywhere.

    Returns:
        (H, W, 3) float32.
    """
    change: Array = cv2.log(target + RATIO_FLOOR) - cv2.log(lit + RATIO_FLOOR)
    if free is not None and free.min() < 1.0:
        around = spread_out(change, free, coarse, 0.0, 1e-3)
        change = np.asarray(around + (change - around) * free[..., None], np.float32)
    if fine > 0.0:
        change = np.asarray(cv2.GaussianBlur(change, (0, 0), fine))
    change = change - cv2.GaussianBlur(change, (0, 0), coarse)
    return np.asarray(np.exp(np.clip(change, -LIMIT, LIMIT) * weight[..., None]), np.float32)
