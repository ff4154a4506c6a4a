"""Samples of what is in front of a face: faces with and without things before them, as filmed.

The second picture of a sample, the reference, is of the same photo in another light and with
another expression, as another frame of a film would show it. Sometimes it is the first picture
itself, which says that there is none, and sometimes it has the same thing before it, or another
one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from ...networks.occlusion import OCCLUSION_SIZE
from ...occlusion.reference import match_brightness
from ...records import Array
from . import shapes
from .photos import COARSE, FacePhoto, Pool
from .shapes import between
from .things import any_color, any_thing, field, smear

_SIZE = (OCCLUSION_SIZE, OCCLUSION_SIZE)  # of a sample, columns and rows
SCALE = 0.6  # mean size of a 256-pixel photo in a sample
CENTER = np.array([127.5, 141.0])  # of a face in its photo
REFERENCES = ("same", "dirty", "clean")
REFERENCE_SHARES = (0.25, 0.08, 0.67)
COUNTS = (0.30, 0.55, 0.15)  # how often a face has no thing, one, two before it
SHADOWS = 0.3  # share of the things that throw one


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """A sample.

    Attributes:
        picture: (S, S, 3) uint8 RGB.
        reference: (S, S, 3) uint8 RGB.
        front: (S, S) float32, what is in front.
        weight: (S, S) float32, how much each pixel counts.
    """

    picture: Array
    reference: Array
    front: Array
    weight: Array


def make_sample(
    rng: np.random.Generator,
    pool: Pool,
    row: int,
    kind: str | None = None,
    *,
    bare: bool = False,
    reference: str | None = None,
) -> Sample:
    """Make a sample of a photo.

    Args:
        rng: Source of chance.
        pool: Photos and hands.
        row: The photo.
        kind: What to put before it, see ``things.KINDS``; None for anything or nothing.
        bare: Put nothing before it.
        reference: One of ``REFERENCES``; None for any.
    """
    photo = pool.photo(row)
    linear, shift = _framing(rng)
    matrix = np.hstack([linear, shift[:, None]])
    shown = cv2.warpAffine(photo.picture, matrix, _SIZE, borderMode=cv2.BORDER_REPLICATE)
    plain = np.asarray(shown, np.float32)
    step = 256 / COARSE
    coarse = np.hstack([linear * step, (shift + linear @ np.full(2, (step - 1) / 2))[:, None]])
    face, sure = (
        cv2.warpAffine(one, coarse, _SIZE).astype(np.float32) / 255
        for one in (photo.face, photo.sure)
    )
    points = photo.landmarks @ linear.T + shift
    lit = relit(rng, plain, points)
    count = 0 if bare else 1 if kind else int(rng.choice(3, p=COUNTS))
    picture, front = with_things(rng, pool, photo, lit, points, count, kind)
    tone = tone_of_film(rng)
    shown = filmed(rng, tone(picture))
    reference = reference or str(rng.choice(REFERENCES, p=REFERENCE_SHARES))
    other = shown
    if reference != "same":
        before = picture
        if reference == "clean":
            before = lit if rng.random() < 0.6 else relit(rng, plain, points)
            before, _ = with_things(rng, pool, photo, before, points, int(rng.random() < 0.12))
        other = _at_another_time(rng, before, tone, points)
        other = match_brightness(shown, other).astype(np.uint8)
    weight = face * np.maximum(sure, np.clip(2 * front, 0, 1))
    return Sample(shown, other, front, weight)


def _at_another_time(
    rng: np.random.Generator, picture: Array, tone: Callable[[Array], Array], points: Array
) -> Array:
    """Return a picture as another frame of the same film, or the mean of several, shows it."""
    if rng.random() < 0.5:
        picture = picture * np.exp(rng.normal(0, 0.12)) * np.exp(rng.normal(0, 0.03, 3))
    picture = tone(picture)
    if rng.random() < 0.85:
        picture = _moved(rng, picture, points)
    if rng.random() < 0.5:
        return filmed(rng, picture)
    if rng.random() < 0.6:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 1.6))
    return np.clip(picture, 0, 255).astype(np.uint8)


def _moved(rng: np.random.Generator, picture: Array, points: Array) -> Array:
    """Warp a face as another expression and another pose would, and landmarks that err."""
    way = rng.normal(0, 0.6, (68, 2))
    if rng.random() < 0.6:  # the mouth
        opening, width, smile = rng.uniform(-8, 9), rng.uniform(-5, 5), rng.uniform(-4, 4)
        way[[55, 56, 57, 58, 59, 64, 65, 66, 67], 1] += opening
        way[5:12, 1] += 0.8 * opening
        way[[3, 4, 12, 13, 48, 54, 60], 1] += 0.4 * opening
        way[[48, 60], 0] -= width
        way[[54, 64], 0] += width
        way[[48, 54, 60, 64], 1] += smile
    if rng.random() < 0.4:  # the brows
        way[17:27, 1] += rng.uniform(-5, 4)
    if rng.random() < 0.4:  # the lids
        shut = rng.uniform(-0.4, 1)
        for upper, lower in ((37, 41), (38, 40), (43, 47), (44, 46)):
            way[upper] += shut * (points[lower] - points[upper])
    if rng.random() < 0.6:  # the nose goes further than the ears when a head turns
        near = np.clip(1 - ((points - points[30]) / 48) ** 2, 0, 1).prod(axis=1)
        way += near[:, None] * rng.uniform(-8, 8, 2) * [1, 0.7]
    ends = np.array([[x, y] for x in (0, 32, 64, 96, 127) for y in (0, 127)])
    ends = np.vstack([ends, [[x, y] for x in (0, 127) for y in (32, 64, 96)]])
    sources = np.vstack([points, ends])
    ways = np.vstack([way, np.zeros((len(ends), 2))])
    cells = np.arange(16) * 8 + 4
    grid = np.stack(np.meshgrid(cells, cells), axis=-1).reshape(-1, 1, 2)
    near = np.exp(-((grid - sources) ** 2).sum(axis=2) / (2 * 7.0**2))
    flow = (near @ ways) / (near.sum(axis=1, keepdims=True) + 0.15)
    flow = cv2.resize(flow.reshape(16, 16, 2).astype(np.float32), _SIZE)
    turn, size, shift = rng.normal(0, 0.04), np.exp(rng.normal(0, 0.025)), rng.normal(0, 1.5, 2)
    y, x = (np.mgrid[0:OCCLUSION_SIZE, 0:OCCLUSION_SIZE] - 64.0) * size
    source = np.stack([x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)], 2)
    source = (source + 64 + shift - flow).astype(np.float32)
    at_x, at_y = (np.ascontiguousarray(one) for one in (source[..., 0], source[..., 1]))
    made = cv2.remap(picture, at_x, at_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(made)


def _framing(rng: np.random.Generator) -> tuple[Array, Array]:
    """Return a random map (2, 2), (2,) from photo to sample, as landmarks err and heads turn."""
    scale, angle = SCALE * np.exp(rng.normal(0, 0.1)), rng.normal(0, 0.1)
    wide, lean = np.exp(rng.normal(0, 0.05)), rng.normal(0, 0.03)
    mirror = rng.choice([-1.0, 1.0])
    linear = scale * shapes.turned(np.eye(2), angle).T
    linear = linear @ np.array([[mirror * wide, lean], [0.0, 1 / wide]])
    return linear, np.array([63.5, 64.0]) + rng.normal(0, 4, 2) - linear @ CENTER


def shadow_of(rng: np.random.Generator, alpha: Array) -> Array:
    """Return what a thing's shadow takes from the face, (S, S, 1)."""
    move = np.hstack([np.eye(2), rng.normal(0, 4, (2, 1))])
    moved = cv2.warpAffine(alpha, move, _SIZE)
    return cv2.GaussianBlur(moved, (0, 0), rng.uniform(1, 6))[..., None] * rng.uniform(0.05, 0.5)


def with_things(
    rng: np.random.Generator,
    pool: Pool,
    photo: FacePhoto,
    picture: Array,
    points: Array,
    count: int,
    kind: str | None = None,
) -> tuple[Array, Array]:
    """Put things before a face.

    Args:
        rng: Source of chance.
        pool: Photos and hands.
        photo: The face's photo.
        picture: (S, S, 3) float32 RGB, the face.
        points: (68, 2) its landmarks.
        count: How many things.
        kind: What things, see ``things.KINDS``; None for any.

    Returns:
        The picture, and what is in front, (S, S) float32.
    """
    front = np.zeros(_SIZE, np.float32)
    for _ in range(count):
        thing = any_thing(rng, pool, photo, points, kind)
        if thing is None:
            continue
        colors, alpha = thing
        if rng.random() < SHADOWS:
            picture = picture * (1 - shadow_of(rng, alpha))
        picture = picture * (1 - alpha[..., None]) + colors * alpha[..., None]
        front = 1 - (1 - front) * (1 - alpha)
    return picture, front


def relit(rng: np.random.Generator, picture: Array, points: Array) -> Array:
    """Change the light on a face: these are not in front of it.

    Args:
        rng: Source of chance.
        picture: (S, S, 3) float32 RGB.
        points: (68, 2) landmarks in its pixels.
    """
    if rng.random() < 0.35:
        picture = picture * np.exp(field(rng, int(rng.integers(2, 5))) * rng.uniform(0, 0.35))
    if rng.random() < 0.15:
        outlines = [shapes.PLAIN[name] for name in ("blob", "stripe", "half", "card")]
        cast = cv2.GaussianBlur(outlines[rng.integers(4)](rng), (0, 0), between(rng, 0.6, 8))
        cast = cast[..., None]
        picture = picture * (1 - (1 - rng.uniform(0.35, 0.9)) * cast)
        picture = picture * np.exp(cast * rng.normal(0, 0.04, 3))
    if rng.random() < 0.22:  # a colored light from one side
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
    """Put a colored light behind one side of a head: it grazes cheek, temple and jaw."""
    side = points[0:9] if rng.random() < 0.5 else points[8:17]
    first = rng.integers(0, 5)
    line = side[first : first + rng.integers(4, 10)]
    line = line + (points[30] - line) * rng.uniform(0.0, 0.25) + rng.normal(0, 1.5, (1, 2))
    canvas = np.zeros(_SIZE, np.uint8)
    shapes.polyline(canvas, line, round(between(rng, 3, 22)))
    rim = cv2.GaussianBlur(canvas.astype(np.float32) / 255, (0, 0), between(rng, 1.0, 6))
    rim = rim * np.clip(1 + 0.6 * field(rng, 6)[..., 0], 0, 1.5)
    light = any_color(rng) * rng.uniform(0.3, 1.2)
    shape = picture.mean(axis=2, keepdims=True) / max(float(picture.mean()), 1.0)
    share = np.clip(rim, 0, 1)[..., None] * rng.uniform(0.2, 0.75)
    return np.asarray(picture * (1 - 0.5 * share) + light * np.clip(shape, 0.3, 2) * share)


def tone_of_film(rng: np.random.Generator) -> Callable[[Array], Array]:
    """Choose how a film shows tones and colors."""
    gamma, contrast = np.exp(rng.normal(0, 0.25)), np.exp(rng.normal(0, 0.18))
    level, tint = 128 + rng.normal(0, 14), np.exp(rng.normal(0, 0.09, 3))
    changed = rng.random() < 0.7
    strength = rng.uniform(0, 1.3) if rng.random() < 0.2 else 1.0

    def tone(picture: Array) -> Array:
        if changed:
            picture = 255 * np.clip(picture / 255, 0, 1) ** gamma
            picture = ((picture - 128) * contrast + level) * tint
        gray = picture.mean(axis=2, keepdims=True)
        return np.asarray((gray + (picture - gray) * strength).astype(np.float32))

    return tone


def filmed(rng: np.random.Generator, picture: Array) -> Array:
    """Put a sample through a camera and a codec: blur, grain, JPEG."""
    picture = _focused(rng, picture)
    if rng.random() < 0.5:
        grain: Array = rng.normal(0, 1, picture.shape).astype(np.float32)
        if rng.random() < 0.4:
            grain = 2 * cv2.GaussianBlur(grain, (0, 0), rng.uniform(0.5, 1.2))
        picture = picture + grain[..., : 3 if rng.random() < 0.5 else 1] * rng.uniform(0, 9)
    made: Array = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
    if rng.random() < 0.55:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 95))]
        data = cv2.imencode(".jpg", made, quality)[1]
        made = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))
    return made


def _focused(rng: np.random.Generator, picture: Array) -> Array:
    """Make a picture softer or sharper, or leave it."""
    kind = rng.random()
    if kind < 0.3:
        side = int(OCCLUSION_SIZE * rng.uniform(0.3, 0.95))
        way = cv2.INTER_LINEAR if rng.random() < 0.6 else cv2.INTER_CUBIC
        small = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
        return cv2.resize(small, _SIZE, interpolation=way)
    if kind < 0.45:
        return cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.3, 1.8))
    if kind < 0.60:
        return cv2.filter2D(picture, -1, smear(rng, 16), borderType=cv2.BORDER_REPLICATE)
    if kind < 0.67:
        return np.asarray(
            picture + (picture - cv2.GaussianBlur(picture, (0, 0), 1.2)) * rng.uniform(0.2, 1.2)
        )
    return picture
