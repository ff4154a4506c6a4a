"""The source's proportions in the target's face: where the points of its mesh go, and its pixels.

The difference of the two faces' proportions (`geometry.face_proportions`) is added to the mesh of
each crop in its pose. The target's are those of its whole track, so the difference is steady and
expressions stay the target's. Lids and lips that face each other move together, so eyes and mouth
close. The target's pixels are warped along, so light, eyes and mouth are taken from where they
belong in the new face.

The difference ends at the outline, so nothing around the face moves, unless the outline is wanted
as well: then what lies around the face (ears, neck, hair, background) moves with it, less and less,
and belongs to what is changed in the frame.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import cv2
import numpy as np

from ...detection.dense_landmarks import IBUG_68
from ...geometry import face_masks as masks
from ...geometry.face_mesh import (
    CHART,
    EYES,
    INNER_LIPS,
    MESH_POINTS,
    OUTER_LIPS,
    OUTLINE,
    Raster,
    outwardness,
)
from ...geometry.face_proportions import difference, mesh_pose, proportions, shape_of
from ...geometry.resample import resize
from ...records import Array, Crop, Unoccluded
from .chart import rasterize_face
from .expression import expression_change, read_expression

FARTHEST = 0.14  # that a point moves, in half widths at the ears: about a centimetre
FULL_TO = 0.55  # outwardness up to which points move in full
FIELD_SOFT = 1 / 64  # of the side by which motions at the edge of the nose pass into one another
OPENINGS = (*EYES, INNER_LIPS)
AROUND_OPENINGS = (0.05, 0.05, 0.08)  # of the chart: how far what is around lids and lips follows
AROUND_LIPS = 0.05  # of the chart: how far what is around the lips goes with them
IRIS_POINTS = 5  # of either eye, after the mesh's
# What lies around a face whose outline moves; shares of the crop's side.
AROUND, BORDER = 0.2, 0.08  # how far it moves along, and how wide it comes to rest at the border
FIELD_WIDTHS = (FIELD_SOFT, 0.05, 0.15, 0.4)  # by which motions are continued, from fine to coarse
MOVED_FROM = 0.15  # share of the outline's motion from which on a pixel counts as moved in full


def source_proportions(photos: list[Array]) -> Array:
    """Return the proportions (D,) of a person from the dense landmarks of one or more photos.

    Photos count by how frontal they are.
    """
    points = np.stack(photos)
    towards = np.clip(mesh_pose(points).turn[:, 2, 2], 0.1, 1.0) ** 4
    return np.asarray(np.average(proportions(points), axis=0, weights=towards))


def reshaped(
    crop: Crop, source: Array, amount: float, outline: float = 0.0
) -> tuple[Crop, Raster, Array | None]:
    """Give a target's face a source's proportions.

    Args:
        crop: The target, with dense landmarks.
        source: Proportions of the source.
        amount: How far inside the outline, 0 to 1.
        outline: How far the outline goes, 0 to 1.

    Returns:
        The crop with its pixels, landmarks, beard and occluders moved; its mesh, see
        `rasterize_face`; and where the picture moved, (S, S) float32, 0 to 1, None where nothing
        outside the face did.
    """
    assert crop.dense_landmarks is not None
    points = crop.dense_landmarks.astype(np.float64)
    target = proportions(points[None])[0] if crop.proportions is None else crop.proportions
    apart = difference(source, target)
    # A smile that the one shows and the other does not is more than the directions take out.
    smile = expression_change(*(read_expression(shape_of(one)) for one in (source, target)))
    moves = displacement(points, with_own_lips(apart, smile), amount, outline)
    moved = points + moves
    raster = rasterize_face(moved, len(crop.pixels))
    if outline:
        motion, around = _motion_around(raster, moves, len(crop.pixels))
    else:
        motion, around = _motion(raster, moves, len(crop.pixels)), None
    places = _places(motion, len(crop.pixels))
    hidden, behind = crop.occluder_mask, crop.unoccluded
    if hidden is not None:
        hidden = _warped(hidden, places, 1.0)
    if behind is not None:
        small = _places(motion, len(behind.known))
        behind = Unoccluded(_warped(behind.pixels, small, 255.0), _warped(behind.known, small, 1.0))
    beard = None if crop.beard is None else _warped(crop.beard, places, 1.0)
    made = replace(
        crop,
        beard=beard,
        pixels=_warped(crop.pixels, places, 255.0),
        landmarks=(crop.landmarks + moves[IBUG_68, :2]).astype(np.float32),
        occluder_mask=hidden,
        unoccluded=behind,
        dense_landmarks=moved.astype(np.float32),
    )
    return made, raster, around


def with_own_lips(apart: Array, share: float) -> Array:
    """Leave the lips of a target their own shape: they only go along as a whole.

    Args:
        apart: (468, 3) difference of the source's proportions.
        share: How far, 0 to 1.
    """
    if share == 0.0:
        return apart
    follows = share * _around_lips()[:, None]
    return np.asarray(apart + follows * (apart[OUTER_LIPS].mean(axis=0) - apart))


def displacement(points: Array, apart: Array, amount: float, outline: float = 0.0) -> Array:
    """Return how far the points (478, 3) of a target go, in its own pixels and depth.

    Args:
        points: Dense landmarks of the target.
        apart: (468, 3) difference of the source's proportions, see ``face_proportions.difference``.
        amount: How far inside the outline, 0 to 1.
        outline: How far the outline goes, 0 to 1.
    """
    moves = apart.copy()
    # What opens eyes or mouth is expression, for the skin and lips around them as well.
    for contour, near in zip(OPENINGS, _around_openings(), strict=True):
        moves += near @ (_closed(moves, contour) - moves[contour])
    length = np.linalg.norm(moves, axis=1, keepdims=True)
    moves *= np.minimum(1.0, FARTHEST / np.maximum(length, 1e-9))
    inside = _inside()[:, None]
    moves *= amount * inside + outline * (1.0 - inside)
    for contour in OPENINGS:
        moves[contour] = _closed(moves, contour)
    irises = np.repeat([moves[eye].mean(axis=0) for eye in EYES], IRIS_POINTS, axis=0)
    turned = mesh_pose(points[None]).turned(np.concatenate([moves, irises]))
    return np.asarray(turned[0])


def _closed(moves: Array, contour: Array) -> Array:
    """Return the moves (N, 3) of a contour whose points go as those that face them do."""
    return np.asarray((moves[contour] + moves[np.roll(contour[::-1], 1)]) / 2)


@cache
def _around_openings() -> tuple[Array, ...]:
    """Return how far each point (468,) follows each of an opening's contour, (468, N) apiece."""
    chart, found = CHART[:MESH_POINTS], []
    for contour, reach in zip(OPENINGS, AROUND_OPENINGS, strict=True):
        apart = np.linalg.norm(chart[:, None] - chart[contour], axis=2)
        nearest = apart.argmin(axis=1)
        follows = np.zeros(apart.shape)
        every = np.arange(MESH_POINTS)
        follows[every, nearest] = np.exp(-((apart[every, nearest] / reach) ** 2))
        found.append(follows)
    return tuple(found)


@cache
def _around_lips() -> Array:
    """Return how far each point (468,) goes with the lips: 1 for those in their outline."""
    chart = CHART[:MESH_POINTS].astype(np.float32)
    lips = chart[OUTER_LIPS]
    apart = np.array([-cv2.pointPolygonTest(lips, tuple(map(float, one)), True) for one in chart])
    return np.asarray(np.exp(-((np.maximum(apart, 0.0) / AROUND_LIPS) ** 2)))


@cache
def _inside() -> Array:
    """Return how far each point (468,) may move: 1 in the face, falling smoothly to 0 outside."""
    share = np.clip((1.0 - outwardness()) / (1.0 - FULL_TO), 0.0, 1.0)
    return np.asarray(share * share * (3.0 - 2.0 * share))


def _motion(raster: Raster, moves: Array, size: int) -> Array:
    """Return the motion that ends in each pixel of the new face, in sides, (R, R, 2) float32."""
    values = np.zeros((len(CHART), 2))
    values[:MESH_POINTS] = moves[:MESH_POINTS, :2] / size
    return np.asarray(
        cv2.GaussianBlur(raster.interpolate(values), (0, 0), FIELD_SOFT * len(raster.weights))
    )


def _motion_around(raster: Raster, moves: Array, size: int) -> tuple[Array, Array]:
    """Return the motion of `_motion` that goes on around the face, and where the picture moves.

    What is around the face moves as the outline beside it does, less and less with the distance,
    and not at all along the border of the crop.

    Returns:
        (R, R, 2) float32, in sides; (size, size) float32, 0 to 1.
    """
    values = np.zeros((len(CHART), 2))
    values[:MESH_POINTS] = moves[:MESH_POINTS, :2] / size
    values[MESH_POINTS:] = values[OUTLINE]  # the ring goes as the outline does
    side = len(raster.weights)
    total, held = raster.interpolate(values), (raster.triangles >= 0).astype(np.float32)
    motion, known = np.zeros_like(total), np.zeros_like(held)
    for width in FIELD_WIDTHS:  # the nearest that is known counts most
        share = cv2.GaussianBlur(held, (0, 0), width * side)
        near = cv2.GaussianBlur(total, (0, 0), width * side)
        new = (1.0 - known) * np.minimum(share / 0.5, 1.0)
        motion += near * (new / np.maximum(share, 1e-6))[..., None]
        known += new
    motion /= np.maximum(known, 1e-6)[..., None]
    outside = cv2.distanceTransform((~raster.face).astype(np.uint8), cv2.DIST_L2, 5) / side
    reach = np.clip(1.0 - outside / AROUND, 0.0, 1.0)
    share = masks.fade_border(
        (reach * reach * (3.0 - 2.0 * reach)).astype(np.float32), BORDER * side
    )
    share = cv2.GaussianBlur(share, (0, 0), FIELD_SOFT * side)
    share[0] = share[-1] = share[:, 0] = share[:, -1] = 0.0
    moved = np.minimum(share / MOVED_FROM, np.float32(1.0))
    return motion * share[..., None], resize(moved * moved * (3.0 - 2.0 * moved), size, size)


def _places(motion: Array, size: int) -> tuple[Array, Array]:
    """Return column and row, (size, size) each, from which every pixel of a picture comes."""
    line = np.arange(size, dtype=np.float32)
    across, along = (
        cv2.resize(one * -size, (size, size), interpolation=cv2.INTER_LINEAR)
        for one in cv2.split(motion)
    )
    return across + line, along + line[:, None]


def _warped(picture: Array, places: tuple[Array, Array], most: float) -> Array:
    """Move the pixels of a square picture, whose values lie between 0 and the most."""
    # Masks are soft anyway.
    kind = cv2.INTER_CUBIC if picture.ndim == 3 else cv2.INTER_LINEAR
    made = cv2.remap(picture, *places, kind, borderMode=cv2.BORDER_REPLICATE)
    return np.clip(made, 0.0, most, out=made)
