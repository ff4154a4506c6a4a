"""A training sample for landmarks: a face, mostly with things before it, and where they are not.

The landmarks are those that dlib finds in the very same picture with nothing before the face, so
that the network continues what dlib finds, and learns which of dlib's a thing leaves alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import shapes
from film import filmed, relit, tone_of_film, with_things
from hands import Array
from photos import Pool
from shapes import SIDE

from videoswap.detection.base import Landmarker
from videoswap.geometry.affine import five_points
from videoswap.geometry.face_masks import MIRRORED_LANDMARKS

SCALE = 0.51  # mean size of a 256-pixel photo in a sample
CENTRE = np.array([127.5, 135.0])  # of a face in its photo
COUNTS = (0.20, 0.62, 0.18)  # how often a face has no thing, one, two before it
KEPT = 10.0  # pixels between this framing and that of the kept pictures


@dataclass(frozen=True, slots=True, eq=False)
class LandmarkSample:
    """A sample.

    Attributes:
        picture: (SIDE, SIDE, 3) uint8 RGB.
        front: (SIDE, SIDE) float32, what is in front.
        found: (SIDE, SIDE) float32, what a network may take to be in front.
        guess: (68, 2) float32, what dlib finds in the picture.
        landmarks: (68, 2) float32 in pixels.
    """

    picture: Array
    front: Array
    found: Array
    guess: Array
    landmarks: Array


def make_landmark_sample(
    rng: np.random.Generator,
    pool: Pool,
    landmarker: Landmarker,
    number: int,
    count: int | None = None,
    kind: str | None = None,
) -> LandmarkSample:
    """Make a sample of a photo.

    Args:
        rng: Source of chance.
        pool: Photos and hands.
        landmarker: dlib's.
        number: The photo.
        count: How many things to put before it; None for any number.
        kind: What things, see ``things.KINDS``; None for any.
    """
    photo = pool.pictures[number]
    linear, shift, mirrored = _framing(rng)
    matrix = np.hstack([linear, shift[:, None]])
    picture = cv2.warpAffine(photo, matrix, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)
    picture = picture.astype(np.float32)
    points = pool.landmarks[number] @ linear.T + shift
    if mirrored:
        points = points[MIRRORED_LANDMARKS]
    if rng.random() < 0.6:
        picture = relit(rng, picture, points)
    if count is None:
        count = int(rng.choice(3, p=COUNTS))
    free = picture
    picture, front = with_things(rng, pool, number, picture, points, count, kind)
    if rng.random() < 0.8:
        tone = tone_of_film(rng)
        picture, free = tone(picture), tone(free)
    camera, kept = rng.integers(2**32, size=2)
    picture, free = (filmed(np.random.default_rng(camera), one) for one in (picture, free))
    if rng.random() < 0.3:
        free, _ = _as_kept(np.random.default_rng(kept), free, front)
        picture, front = _as_kept(np.random.default_rng(kept), picture, front)
    wanted = landmarker.landmarks(free, five_points(points).astype(np.float32))
    guess = landmarker.landmarks(picture, _nearly(rng, wanted))
    return LandmarkSample(picture, front, _as_found(rng, front), guess, wanted)


def _framing(rng: np.random.Generator) -> tuple[Array, Array, bool]:
    """Return a random map (2, 2), (2,) from photo to sample, and whether it mirrors.

    Half of the faces lie as in the first round, in which landmarks err, half as in a later one.
    """
    loose = 1.0 if rng.random() < 0.5 else 0.35
    scale = SCALE * np.exp(rng.normal(0, 0.12) * loose)
    angle = rng.normal(0, 0.16) * loose
    wide, lean = np.exp(rng.normal(0, 0.06)), rng.normal(0, 0.03)
    mirror = rng.choice([-1.0, 1.0])
    linear = scale * shapes.turned(np.eye(2), angle).T
    linear = linear @ np.array([[mirror * wide, lean], [0.0, 1 / wide]])
    middle = np.full(2, (SIDE - 1) / 2) + rng.normal(0, 9, 2) * loose
    return linear, middle - linear @ CENTRE, mirror < 0


def _nearly(rng: np.random.Generator, points: Array) -> Array:
    """Return the five points (5, 2) float32 as they are known after a first round."""
    five = five_points(points)
    unit = float(np.linalg.norm(points[8] - points[27]))
    turn = rng.normal(0, 0.03)
    middle = five.mean(axis=0)
    five = middle + shapes.turned(five - middle, turn) * np.exp(rng.normal(0, 0.03))
    return (five + rng.normal(0, 0.015 * unit, 2)).astype(np.float32)


def _as_kept(rng: np.random.Generator, picture: Array, front: Array) -> tuple[Array, Array]:
    """Let a picture end near the face, as those do that the analysis keeps."""
    up, down, left, right = (int(v) for v in np.clip(rng.normal(KEPT, 2.5, 4), 0, 2 * KEPT))
    part = np.s_[up : SIDE - down, left : SIDE - right]
    edges = (up, down, left, right)
    return (
        cv2.copyMakeBorder(picture[part], *edges, cv2.BORDER_REPLICATE),
        cv2.copyMakeBorder(front[part], *edges, cv2.BORDER_CONSTANT),
    )


def _as_found(rng: np.random.Generator, front: Array) -> Array:
    """Return what a network makes of what is in front: not found, shifted borders, holes."""
    kind = rng.random()
    if kind < 0.12:
        return np.zeros_like(front)
    found = front
    if kind < 0.6:
        found = cv2.GaussianBlur(front, (0, 0), rng.uniform(0.5, 2))
        middle, steepness = rng.uniform(0.25, 0.75), rng.uniform(2, 8)
        found = np.clip((found - np.float32(middle)) * np.float32(steepness) + 0.5, 0, 1)
    if rng.random() < 0.15:
        other = cv2.GaussianBlur(shapes.blob(rng), (0, 0), 2)
        missed = rng.random() < 0.6
        found = found * (1 - other) if missed else np.maximum(found, other * rng.uniform(0.3, 1))
    return np.clip(found, 0, 1).astype(np.float32)
