"""One training sample: a face with or without things before it, and what it looks like without.

The second picture, the reference, is of the same photo in another light and with another
expression, as another frame of a film would show it. Sometimes it is the first picture itself,
which says that there is none, and sometimes it has the same thing before it, or another one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import shapes
from film import filmed, relit, tone_of_film, with_things
from hands import Array
from photos import COARSE, Pool
from shapes import SIDE

from videoswap.occlusion.reference import match_brightness

SCALE = 0.6  # mean size of a 256-pixel photo in a sample
CENTRE = np.array([127.5, 141.0])  # of a face in its photo
REFERENCES = ("same", "dirty", "clean")
REFERENCE_SHARES = (0.25, 0.08, 0.67)
COUNTS = (0.30, 0.55, 0.15)  # how often a face has no thing, one, two before it


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """A sample.

    Attributes:
        picture: (SIDE, SIDE, 3) uint8 RGB.
        reference: (SIDE, SIDE, 3) uint8 RGB.
        front: (SIDE, SIDE) float32, what is in front.
        weight: (SIDE, SIDE) float32, how much each pixel counts.
    """

    picture: Array
    reference: Array
    front: Array
    weight: Array


def make_sample(
    rng: np.random.Generator,
    pool: Pool,
    number: int,
    kind: str | None = None,
    bare: bool = False,
    reference: str | None = None,
) -> Sample:
    """Make a sample of a photo.

    Args:
        rng: Source of chance.
        pool: Photos and hands.
        number: The photo.
        kind: What to put before it, see ``things.KINDS``; None for anything or nothing.
        bare: Put nothing before it.
        reference: One of ``REFERENCES``; None for any.
    """
    photo = pool.pictures[number]
    linear, shift = _framing(rng)
    matrix = np.hstack([linear, shift[:, None]])
    plain = cv2.warpAffine(photo, matrix, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)
    plain = plain.astype(np.float32)
    step = 256 / COARSE
    coarse = np.hstack([linear * step, (shift + linear @ np.full(2, (step - 1) / 2))[:, None]])
    face, sure = (
        cv2.warpAffine(one[number], coarse, (SIDE, SIDE)).astype(np.float32) / 255
        for one in (pool.face, pool.sure)
    )
    points = pool.landmarks[number] @ linear.T + shift
    lit = relit(rng, plain, points)
    count = 0 if bare else 1 if kind else int(rng.choice(3, p=COUNTS))
    picture, front = with_things(rng, pool, number, lit, points, count, kind)
    tone = tone_of_film(rng)
    shown = filmed(rng, tone(picture))
    reference = reference or str(rng.choice(REFERENCES, p=REFERENCE_SHARES))
    other = shown
    if reference != "same":
        before = picture
        if reference == "clean":
            before = lit if rng.random() < 0.6 else relit(rng, plain, points)
            before, _ = with_things(rng, pool, number, before, points, int(rng.random() < 0.12))
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
    flow = cv2.resize(flow.reshape(16, 16, 2).astype(np.float32), (SIDE, SIDE))
    turn, size, shift = rng.normal(0, 0.04), np.exp(rng.normal(0, 0.025)), rng.normal(0, 1.5, 2)
    y, x = (np.mgrid[0:SIDE, 0:SIDE] - 64.0) * size
    source = np.stack([x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)], 2)
    source = (source + 64 + shift - flow).astype(np.float32)
    return cv2.remap(picture, source, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _framing(rng: np.random.Generator) -> tuple[Array, Array]:
    """Return a random map (2, 2), (2,) from photo to sample, as landmarks err and heads turn."""
    scale, angle = SCALE * np.exp(rng.normal(0, 0.1)), rng.normal(0, 0.1)
    wide, lean = np.exp(rng.normal(0, 0.05)), rng.normal(0, 0.03)
    mirror = rng.choice([-1.0, 1.0])
    linear = scale * shapes.turned(np.eye(2), angle).T
    linear = linear @ np.array([[mirror * wide, lean], [0.0, 1 / wide]])
    return linear, np.array([63.5, 64.0]) + rng.normal(0, 4, 2) - linear @ CENTRE
