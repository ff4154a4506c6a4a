"""What is before a face, light on it, and what a camera and a codec make of a picture."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import shapes
from hands import Array
from photos import Pool
from shapes import SIDE, between
from things import any_colour, any_thing, field, smear

SHADOWS = 0.3  # share of the things that throw one


def shadow_of(rng: np.random.Generator, alpha: Array) -> Array:
    """Return what a thing's shadow takes from the face, (SIDE, SIDE, 1)."""
    move = np.hstack([np.eye(2), rng.normal(0, 4, (2, 1))])
    moved = cv2.warpAffine(alpha, move, (SIDE, SIDE))
    return cv2.GaussianBlur(moved, (0, 0), rng.uniform(1, 6))[..., None] * rng.uniform(0.05, 0.5)


def with_things(
    rng: np.random.Generator,
    pool: Pool,
    number: int,
    picture: Array,
    points: Array,
    count: int,
    kind: str | None = None,
) -> tuple[Array, Array]:
    """Put things before a face.

    Args:
        rng: Source of chance.
        pool: Photos and hands.
        number: The face's photo.
        picture: (SIDE, SIDE, 3) float32 RGB, the face.
        points: (68, 2) its landmarks.
        count: How many things.
        kind: What things, see ``things.KINDS``; None for any.

    Returns:
        The picture, and what is in front, (SIDE, SIDE) float32.
    """
    front = np.zeros((SIDE, SIDE), np.float32)
    for _ in range(count):
        thing = any_thing(rng, pool, pool.skin[number], pool.pictures[number], points, kind)
        if thing is None:
            continue
        colours, alpha = thing
        if rng.random() < SHADOWS:
            picture = picture * (1 - shadow_of(rng, alpha))
        picture = picture * (1 - alpha[..., None]) + colours * alpha[..., None]
        front = 1 - (1 - front) * (1 - alpha)
    return picture, front


def relit(rng: np.random.Generator, picture: Array, points: Array) -> Array:
    """Change the light on a face: these are not in front of it.

    Args:
        rng: Source of chance.
        picture: (SIDE, SIDE, 3) float32 RGB.
        points: (68, 2) landmarks in its pixels.
    """
    if rng.random() < 0.35:
        picture = picture * np.exp(field(rng, rng.integers(2, 5)) * rng.uniform(0, 0.35))
    if rng.random() < 0.15:
        outlines = [shapes.PLAIN[name] for name in ("blob", "stripe", "half", "card")]
        cast = cv2.GaussianBlur(outlines[rng.integers(4)](rng), (0, 0), between(rng, 0.6, 8))
        cast = cast[..., None]
        picture = picture * (1 - (1 - rng.uniform(0.35, 0.9)) * cast)
        picture = picture * np.exp(cast * rng.normal(0, 0.04, 3))
    if rng.random() < 0.22:  # a coloured light from one side
        side = shapes.blob(rng) if rng.random() < 0.33 else shapes.half(rng)
        side = cv2.GaussianBlur(side, (0, 0), between(rng, 0.8, 10))[..., None]
        picture = picture * np.exp(side * (rng.normal(0.1, 0.45) + rng.normal(0, 0.28, 3)))
    if rng.random() < 0.2:
        picture = _rim_lit(rng, picture, points)
    if rng.random() < 0.12:
        glow = cv2.GaussianBlur(shapes.blob(rng), (0, 0), rng.uniform(2, 8))
        picture = picture + (glow * rng.uniform(10, 110))[..., None]
    return picture


def _rim_lit(rng: np.random.Generator, picture: Array, points: Array) -> Array:
    """Put a coloured light behind one side of a head: it grazes cheek, temple and jaw."""
    side = points[0:9] if rng.random() < 0.5 else points[8:17]
    first = rng.integers(0, 5)
    line = side[first : first + rng.integers(4, 10)]
    line = line + (points[30] - line) * rng.uniform(0.0, 0.25) + rng.normal(0, 1.5, (1, 2))
    canvas = np.zeros((SIDE, SIDE), np.uint8)
    shapes.polyline(canvas, line, round(float(between(rng, 3, 22))))
    rim = cv2.GaussianBlur(canvas.astype(np.float32) / 255, (0, 0), between(rng, 1.0, 6))
    rim = rim * np.clip(1 + 0.6 * field(rng, 6)[..., 0], 0, 1.5)
    light = any_colour(rng) * rng.uniform(0.3, 1.2)
    shape = picture.mean(axis=2, keepdims=True) / max(float(picture.mean()), 1.0)
    share = np.clip(rim, 0, 1)[..., None] * rng.uniform(0.2, 0.75)
    return picture * (1 - 0.5 * share) + light * np.clip(shape, 0.3, 2) * share


def tone_of_film(rng: np.random.Generator) -> Callable[[Array], Array]:
    """Choose how a film shows tones and colours."""
    gamma, contrast = np.exp(rng.normal(0, 0.25)), np.exp(rng.normal(0, 0.18))
    level, tint = 128 + rng.normal(0, 14), np.exp(rng.normal(0, 0.09, 3))
    changed = rng.random() < 0.7
    strength = rng.uniform(0, 1.3) if rng.random() < 0.2 else 1.0

    def tone(picture: Array) -> Array:
        if changed:
            picture = 255 * np.clip(picture / 255, 0, 1) ** gamma
            picture = ((picture - 128) * contrast + level) * tint
        grey = picture.mean(axis=2, keepdims=True)
        return (grey + (picture - grey) * strength).astype(np.float32)

    return tone


def filmed(rng: np.random.Generator, picture: Array) -> Array:
    """Put a sample through a camera and a codec: blur, grain, JPEG."""
    picture = _focused(rng, picture)
    if rng.random() < 0.5:
        grain = rng.normal(0, 1, picture.shape).astype(np.float32)
        if rng.random() < 0.4:
            grain = 2 * cv2.GaussianBlur(grain, (0, 0), rng.uniform(0.5, 1.2))
        picture = picture + grain[..., : 3 if rng.random() < 0.5 else 1] * rng.uniform(0, 9)
    made = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
    if rng.random() < 0.55:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 95))]
        made = cv2.imdecode(cv2.imencode(".jpg", made, quality)[1], cv2.IMREAD_COLOR)
    return made


def _focused(rng: np.random.Generator, picture: Array) -> Array:
    """Make a picture softer or sharper, or leave it."""
    kind = rng.random()
    if kind < 0.3:
        side = int(SIDE * rng.uniform(0.3, 0.95))
        way = cv2.INTER_LINEAR if rng.random() < 0.6 else cv2.INTER_CUBIC
        small = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
        return cv2.resize(small, (SIDE, SIDE), interpolation=way)
    if kind < 0.45:
        return cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.3, 1.8))
    if kind < 0.60:
        return cv2.filter2D(picture, -1, smear(rng, 16), borderType=cv2.BORDER_REPLICATE)
    if kind < 0.67:
        return picture + (picture - cv2.GaussianBlur(picture, (0, 0), 1.2)) * rng.uniform(0.2, 1.2)
    return picture
