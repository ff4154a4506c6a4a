"""The light of a photo taken off a source face in the chart, so that the film's can take its place.

Light from one side is averaged with its mirror image, shadows on the forehead are lifted to the
level of the other side, brows are kept darker than the skin, and a grey photo gets the hue of lips.
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from ...geometry import face_masks as masks
from ...geometry.brightness import RATIO_FLOOR
from ...geometry.face_mesh import BROWS, CHART, EYES, OUTER_LIPS, OUTLINE
from ...geometry.resample import blur
from ...records import Array
from .chart_light import regions
from .light import LUMA, spread_out
from .light_edges import along_edges

SIDE_LIGHT = 0.06  # of the chart: detail from this size on is averaged with its mirror image
SHADOW_SIZE = 0.012  # of the chart: a shadow is larger
#: Log units darker than its mirror image: a place is left as it is, is lifted all; most of it.
SHAPE, SHADOW, DEEPEST = 0.1, 0.2, 0.6
BROW_AROUND = 0.05  # of the chart: skin around a brow
LEAST_BROW = 0.04  # log units by which a brow is darker than the skin around it
BROW_HUE = 0.5  # share of a brow's own hue that is kept
UNEVEN_SIZES = 0.012, 0.08  # of the chart: color that differs between these sizes is evened
EVENED = 0.8  # share of it
PALEST = -0.1  # log units: skin paler than that is painted
GREY, COLORED = 0.02, 0.05  # mean saturation of a grey photo, and of one with color
LIP_HUE = np.array([0.14, -0.08, -0.06], np.float32)  # log units that lips differ from skin


def evenly_lit(texture: Array) -> Array:
    """Take light from one side, and shadows on the forehead, off a face.

    Args:
        texture: (S, S, 3) float32 RGB, 0 to 255, in the chart.

    Returns:
        (S, S, 3) float32.
    """
    side = len(texture)
    apart = np.ascontiguousarray(texture[:, ::-1]) - texture
    texture = texture + 0.5 * blur(apart, SIDE_LIGHT * side)
    # The shadow of a fringe on a forehead would pass for a brow. Elsewhere shape casts them too.
    logarithm = _log(texture)
    skin = _forehead(side)
    size = SHADOW_SIZE * side
    coarse = spread_out(logarithm @ LUMA[:, None], skin, size, 0.0, 1e-3)[..., 0]
    depth = np.clip(coarse[:, ::-1] - coarse, 0.0, DEEPEST) * skin
    depth *= np.clip((depth - SHAPE) / (SHADOW - SHAPE), 0.0, 1.0)
    lift = cv2.GaussianBlur(depth, (0, 0), 0.5 * size)
    lift = along_edges(lift, logarithm @ LUMA)
    return np.asarray(np.exp(logarithm + lift[..., None]) - RATIO_FLOOR, np.float32)


def with_dark_brows(texture: Array) -> Array:
    """Keep fair brows darker than the skin around them, and nearer to its hue.

    A brow as bright as the skin, but of less color, glows in colored light.

    Args:
        texture: (S, S, 3) float32 RGB, 0 to 255, in the chart.
    """
    side = len(texture)
    logarithm = _log(texture)
    around = spread_out(logarithm, _enlarged(regions().skin, side), BROW_AROUND * side, 0.0, 1e-3)
    for brow in BROWS:
        inside, soft = _brow(tuple(brow), side)
        apart = ((logarithm - around) * inside[..., None]).sum(axis=(0, 1)) / inside.sum()
        luma = float(apart @ LUMA)
        if luma <= -LEAST_BROW:
            continue
        change = -LEAST_BROW - luma - (1.0 - BROW_HUE) * (apart - luma)
        logarithm = logarithm + soft[..., None] * change.astype(np.float32)
    return np.asarray(np.exp(logarithm) - RATIO_FLOOR, np.float32)


def with_even_color(texture: Array) -> Array:
    """Make the color of a face's skin more even where neither freckles nor light are its reason.

    Shadows of a photo are more saturated than its skin, and stay so where they are lifted.

    Args:
        texture: (S, S, 3) float32 RGB, 0 to 255, in the chart.
    """
    side = len(texture)
    logarithm = _log(texture)
    color = logarithm - (logarithm @ LUMA)[..., None]
    skin = _between_features(side)
    fine, coarse = (size * side for size in UNEVEN_SIZES)
    hue = np.tensordot(skin, color, 2) / max(float(skin.sum()), 1.0)
    hue /= max(float(np.linalg.norm(hue)), 1e-3)
    # Along the skin's own hue only, so that paint on it stays.
    saturation = color @ hue
    around = spread_out(saturation[..., None], skin, coarse, 0.0, 1e-3)[..., 0]
    apart = np.maximum(blur(saturation, fine) - around, PALEST) * (EVENED * skin)
    logarithm = logarithm - apart[..., None] * hue
    return np.asarray(np.exp(logarithm) - RATIO_FLOOR, np.float32)


def greyness(texture: Array, seen: Array) -> float:
    """Return how grey a photo is, 0 (it has color) to 1.

    Args:
        texture: (S, S, 3) float32 RGB, 0 to 255, in the chart.
        seen: (S, S) float32, 0 to 1: where it shows the face.
    """
    span = (texture.max(axis=2) - texture.min(axis=2)) / (texture.mean(axis=2) + RATIO_FLOOR)
    mean = float((span * seen).sum()) / max(float(seen.sum()), 1.0)
    return float(np.clip((COLORED - mean) / (COLORED - GREY), 0.0, 1.0))


def with_red_lips(texture: Array, grey: float) -> Array:
    """Give the lips of a grey photo their hue; the skin gets the film's by the light.

    Args:
        texture: (S, S, 3) float32 RGB, 0 to 255, in the chart.
        grey: How grey the photo is, 0 to 1.
    """
    if grey == 0.0:
        return texture
    weight = grey * _lips(len(texture))[..., None]
    return np.asarray(np.exp(_log(texture) + weight * LIP_HUE) - RATIO_FLOOR, np.float32)


def _log(texture: Array) -> Array:
    return np.asarray(np.log(np.maximum(texture, 0.0) + RATIO_FLOOR), np.float32)


def _enlarged(region: Array, side: int) -> Array:
    soft = cv2.GaussianBlur(region, (0, 0), 0.8)
    return np.asarray(cv2.resize(soft, (side, side), interpolation=cv2.INTER_LINEAR))


@cache
def _forehead(side: int) -> Array:
    """Return the skin above the brows, alike on both sides, (S, S) float32."""
    face = masks.fill_polygon(CHART[OUTLINE] * side - 0.5, side)
    middle = float(np.mean([CHART[brow, 1].mean() for brow in BROWS])) * side
    above = np.clip((middle - np.arange(side)) / (0.02 * side), 0.0, 1.0)[:, None]
    brows = np.max([masks.fill_polygon(CHART[brow] * side - 0.5, side) for brow in BROWS], axis=0)
    skin = face * above * (1.0 - cv2.GaussianBlur(brows, (0, 0), 0.004 * side))
    return np.asarray(np.minimum(skin, skin[:, ::-1]), np.float32)


@cache
def _between_features(side: int) -> Array:
    """Return the face without eyes, brows and lips, with soft borders, (S, S) float32."""
    place = CHART * side - 0.5
    skin = masks.fill_polygon(place[OUTLINE], side)
    for outline in (*EYES, *BROWS, OUTER_LIPS):
        skin = skin * (1.0 - masks.fill_polygon(masks.scale_points(place[outline], 1.2), side))
    return np.asarray(cv2.GaussianBlur(skin, (0, 0), 0.006 * side), np.float32)


@cache
def _brow(outline: tuple[int, ...], side: int) -> tuple[Array, Array]:
    """Return the inside of a brow of the mesh, sharp and with a soft border, (S, S) float32."""
    inside = masks.fill_polygon(CHART[list(outline)] * side - 0.5, side)
    grown = masks.fill_polygon(masks.scale_points(CHART[list(outline)] * side - 0.5, 1.1), side)
    return inside, np.asarray(cv2.GaussianBlur(grown, (0, 0), 0.006 * side))


@cache
def _lips(side: int) -> Array:
    lips = masks.fill_polygon(CHART[OUTER_LIPS] * side - 0.5, side)
    return np.asarray(cv2.GaussianBlur(lips, (0, 0), 0.006 * side))
