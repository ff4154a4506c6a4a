"""Beards, moustaches and stubble drawn onto faces by their dense landmarks."""

from __future__ import annotations

import cv2
import numpy as np

from ...detection.face_parser import FacePart
from ...geometry import face_masks as masks
from ...geometry.face_mesh import OUTER_LIPS, OUTLINE
from ...records import Array
from .labels import IGNORED

# Left half of the outlines, image left; the mesh's mirror image gives the right one.
_CHEEK_LINE = (93, 177, 207, 165)  # from the ear to the corner of the moustache
_CHEEK_LINE_RIGHT = (323, 401, 427, 391)
_JAW = (93, 132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361, 323)
_MOUSTACHE = (216, 206, 165, 97, 2, 326, 391, 426, 436, 291, 0, 61)
_GOATEE = (212, 202, 176, 152, 400, 422, 432, 291, 17, 61)
COVERED, DOUBTFUL = 0.35, 0.12  # cover from which a pixel shows a beard, or perhaps one
_COLORS = np.array(
    [[25, 20, 18], [50, 36, 28], [85, 58, 40], [120, 85, 55], [140, 130, 120], [190, 185, 180]],
    np.float32,
)


def draw_beard(
    picture: Array, label: Array, points: Array, random: np.random.Generator
) -> tuple[Array, Array]:
    """Put a beard onto a face.

    Args:
        picture: (S, S, 3) uint8 RGB.
        label: (S, S) uint8 classes.
        points: (478, 2 or 3) dense landmarks in pixels.
        random: Decides shape, color and density.

    Returns:
        Picture and label with the beard, new arrays.
    """
    size, place = len(picture), points[:, :2].astype(np.float64)
    unit = float(np.linalg.norm(place[152] - place[10]))
    shape = _shape(place, size, unit, random)
    stubble = random.random() < 0.3
    soft = cv2.GaussianBlur(shape, (0, 0), unit * random.uniform(0.01, 0.03))
    edge = cv2.GaussianBlur(random.standard_normal((size, size)), (0, 0), unit * 0.02)
    edge = edge / (edge.std() + 1e-6)
    soft = np.clip(soft * 1.15 + 0.15 * edge * soft * (1 - soft) * 4, 0, 1)
    strands = _strands(size, unit, random)
    if stubble:
        grain = random.standard_normal((size, size))
        density = random.uniform(0.25, 0.6)
        cover = soft * np.clip(density + 0.12 * grain, 0, 1)
    else:
        cover = soft * np.clip(random.uniform(0.75, 1.1) + 0.25 * strands, 0, 1)
    lips = masks.fill_polygon(masks.scale_points(place[OUTER_LIPS], 1.04), size)
    allowed = np.isin(label, (FacePart.SKIN, FacePart.NECK, FacePart.BACKGROUND, IGNORED))
    cover = cover * allowed * (1 - lips)
    color = _color(picture, label, random)
    light = _light(picture, unit)
    hair = color * np.clip(1 + 0.45 * strands[..., None], 0.2, 2.2) * light[..., None]
    made = picture + (np.clip(hair, 0, 255) - picture) * cover[..., None]
    marked = label.copy()
    smooth = cv2.GaussianBlur(cover, (0, 0), max(0.8, unit * 0.008))
    marked[(smooth > DOUBTFUL) & allowed] = IGNORED
    marked[(smooth > (0.2 if stubble else COVERED)) & allowed & (lips < 0.5)] = FacePart.BEARD
    return np.asarray(np.clip(made, 0, 255), np.uint8), marked


def _shape(place: Array, size: int, unit: float, random: np.random.Generator) -> Array:
    """Return the region of a beard (S, S) float32, 0 to 1."""
    kind = random.choice(["full", "moustache", "goatee", "jaw"], p=[0.55, 0.15, 0.2, 0.1])
    region = np.zeros((size, size), np.float32)
    middle = place[OUTLINE].mean(axis=0)
    if kind in ("full", "jaw"):
        long = 1.0 + max(0.0, random.normal() * 0.1 + 0.05)
        jaw = middle + (place[list(_JAW)] - middle) * [min(long, 1.06), long]
        drop = random.uniform(0.0, 0.05) * unit if kind == "full" else 0.10 * unit
        down = np.array([0.0, drop])
        left = place[list(_CHEEK_LINE)] + down
        right = place[list(_CHEEK_LINE_RIGHT)][::-1] + down
        region = masks.fill_polygon(np.concatenate([jaw, right, left[::-1]]), size)
        if kind == "jaw":
            inner = masks.scale_points(place[list(_GOATEE)], 1.3)
            region = region * (1 - masks.fill_hull(inner, size) * (random.random() < 0.5))
    if kind in ("goatee", "full"):
        longer = place[list(_GOATEE)].copy()
        longer[2:5, 1] += random.uniform(0.0, 0.12) * unit
        region = np.maximum(region, masks.fill_polygon(longer, size))
    if kind in ("moustache", "goatee", "full") and (kind == "moustache" or random.random() < 0.85):
        moustache = place[list(_MOUSTACHE)]
        shrunk = masks.scale_points(moustache, random.uniform(0.8, 1.05))
        region = np.maximum(region, masks.fill_polygon(shrunk, size))
    return region


def _strands(size: int, unit: float, random: np.random.Generator) -> Array:
    """Return noise (S, S) drawn out along hair that hangs, of unit variance."""
    noise = random.standard_normal((size, size)).astype(np.float32)
    length = max(3, round(unit * random.uniform(0.02, 0.06)))
    angle = random.normal() * 0.35 + np.pi / 2
    kernel = np.zeros((2 * length + 1,) * 2, np.float32)
    way = np.array([np.cos(angle), np.sin(angle)]) * length
    start, end = (np.array([length, length]) + sign * way for sign in (-1, 1))
    cv2.line(kernel, start.round().astype(int).tolist(), end.round().astype(int).tolist(), 1.0)
    drawn = cv2.filter2D(noise, -1, kernel / kernel.sum())
    if random.random() < 0.5:
        drawn = drawn + 0.5 * cv2.GaussianBlur(noise, (0, 0), 2) * 4
    return np.asarray((drawn - drawn.mean()) / (drawn.std() + 1e-6), np.float32)


def _color(picture: Array, label: Array, random: np.random.Generator) -> Array:
    """Return the hair's or brows' own color, or any that beards have."""
    for part in (FacePart.HAIR, FacePart.BROWS):
        own = label == part
        if own.sum() > 60 and random.random() < 0.5:
            shade = np.percentile(picture[own], random.uniform(20, 60), axis=0)
            return np.asarray(shade * random.uniform(0.7, 1.15), np.float32)
    color = _COLORS[random.integers(len(_COLORS))] * random.uniform(0.6, 1.3)
    return np.asarray(color + random.normal(size=3) * 4, np.float32)


def _light(picture: Array, unit: float) -> Array:
    """Return how bright a place of the face is, 1 in the mean."""
    gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    soft = cv2.GaussianBlur(gray, (0, 0), 0.06 * unit)
    middle = soft[len(soft) // 4 : -len(soft) // 4, len(soft) // 4 : -len(soft) // 4].mean()
    return np.asarray(np.clip(soft / (middle + 1e-3), 0.4, 1.6) ** 0.7, np.float32)
