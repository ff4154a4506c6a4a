"""A photo sampled into the chart of the dense mesh, and how well it shows each place.

What the photo shows aslant has detail in one direction alone, which would be streaks on a face that
is seen from the front, so it keeps only what it has in both.
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from ...detection.face_parser import FaceParts
from ...geometry import face_masks as masks
from ...geometry.face_mesh import (
    CHART,
    EYES,
    MESH_POINTS,
    NOSE_TIP,
    Raster,
    normals,
    outwardness,
    rasterize,
    with_ring,
)
from ...geometry.resample import blur
from ...records import Array
from .eyes import eye_openings
from .source_parts import fill_holes, parts_in_chart

CHART_SIDE = 512
INSET = 0.06  # by which a source's outline is drawn towards its nose, so that no wall comes along
INSET_FROM = 0.35  # of the way from nose to outline
TURNED_AWAY, IN_FULL_VIEW = 0.12, 0.47  # cosine of a normal and the line of sight
SHUT, EYE_REGION = 0.045, 1.7  # height of an opening in its widths; size of the lids in openings
STRETCHED = 2.2, 3.5  # ratio of the photo's detail in both directions: it is as it is, blurred
STREAK = 0.6  # photo pixels of the poorer direction to which the better one is blurred
STREAK_SIZES = (1.0, 2.0, 4.0, 8.0)  # texels
_SOFT_SHARE = 0.02  # of the chart: how softly a photo passes into its mirror image


@cache
def chart_raster() -> Raster:
    """Return the mesh drawn into its own chart."""
    return rasterize(CHART * CHART_SIDE - 0.5, CHART_SIDE)


def sample_photo(pixels: Array, points: Array, parts: FaceParts | None) -> tuple[Array, Array]:
    """Return a photo in the chart (512, 512, 3) float32 and how well it shows each place.

    That is 0 where a place is turned away, 1 where it is seen in full, and more where it faces
    the viewer.
    """
    raster = chart_raster()
    inner = drawn_in(points)
    places = raster.interpolate(with_ring(inner))
    low = np.maximum(np.floor(inner.min(axis=0)) - 64, 0).astype(int)
    high = np.ceil(inner.max(axis=0)).astype(int) + 64
    part: Array = pixels[low[1] : high[1], low[0] : high[0]].astype(np.float32)
    in_photo = places.copy()
    places -= low.astype(np.float32)
    steps = np.linalg.norm(np.diff(places, axis=1), axis=2)[raster.face[:, 1:]]
    step = float(np.median(steps))
    if step > 1.3:  # the photo is finer than the chart
        part = cv2.GaussianBlur(part, (0, 0), 0.45 * step)
    columns, rows = cv2.split(places)
    made = cv2.remap(part, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    towards = np.clip(-normals(points.astype(np.float64))[:, 2:], -1.0, 1.0)
    view = raster.interpolate(with_ring(towards))[..., 0]
    weight: Array = np.maximum((view - TURNED_AWAY) / (IN_FULL_VIEW - TURNED_AWAY), 0.0)
    weight = blur(weight, _SOFT_SHARE * CHART_SIDE)
    for eye, opening in zip(EYES, eye_openings(points), strict=True):
        if opening < SHUT:  # lashes and lids of a shut eye are of no use on an open one
            weight = weight * (1.0 - _eye_region(eye))
    if parts is not None:
        in_chart = parts_in_chart(parts, in_photo, made)
        weight *= in_chart.shown
        made = fill_holes(made, in_chart.shown * (1.0 - in_chart.painted), in_chart.skin)
    made = _without_streaks(made, in_photo, np.clip(4.0 * weight, 0.02, 1.0).astype(np.float32))
    return made, weight.astype(np.float32)


def _without_streaks(texture: Array, places: Array, known: Array) -> Array:
    """Blur a texture where a photo shows it aslant: as much as the poorer direction is anyway.

    Args:
        texture: (512, 512, 3) float32 RGB, 0 to 255.
        places: (512, 512, 2) float32, where in the photo every place lies, in pixels.
        known: (512, 512) float32, above 0, to 1: how surely the photo shows it.
    """
    x, y = (cv2.Sobel(places, -1, *order, ksize=3, scale=0.125) for order in ((1, 0), (0, 1)))
    a, b, c = (blur((one * other).sum(axis=2), 3.0) for one, other in ((x, x), (x, y), (y, y)))
    middle, apart = 0.5 * (a + c), np.sqrt((0.5 * (a - c)) ** 2 + b**2)
    good, poor = (  # texels to a pixel of the photo
        np.maximum(1.0 / np.sqrt(np.maximum(square, 1e-4)), 1.0)
        for square in (middle + apart, middle - apart)
    )
    aslant = np.clip((poor / good - STRETCHED[0]) / (STRETCHED[1] - STRETCHED[0]), 0.0, 1.0)
    sigma = aslant * STREAK * np.sqrt(np.maximum(poor**2 - good**2, 0.0))
    made, finer = texture, 0.0
    for size in STREAK_SIZES:
        soft = blur(texture * known[..., None], size) / blur(known, size)[..., None]
        share = np.clip((sigma - finer) / (size - finer), 0.0, 1.0)
        made = made + (soft - made) * share[..., None]
        finer = size
    return np.asarray(made, np.float32)


def _eye_region(eye: Array) -> Array:
    """Return where an eye with its lids and lashes lies, (512, 512) float32, 0 to 1."""
    outline = masks.scale_points(CHART[eye] * CHART_SIDE - 0.5, EYE_REGION)
    soft = cv2.GaussianBlur(masks.fill_polygon(outline, CHART_SIDE), (0, 0), 0.01 * CHART_SIDE)
    return np.asarray(soft, np.float32)


def drawn_in(points: Array) -> Array:
    """Return the mesh (468, 2) of a source, its outline drawn in, from dense landmarks."""
    mesh = points[:MESH_POINTS, :2]
    inward = INSET * np.clip((outwardness() - INSET_FROM) / (1 - INSET_FROM), 0.0, 1.1) ** 2
    return np.asarray(mesh + inward[:, None] * (mesh[NOSE_TIP] - mesh))
