"""Drawn hands: fingers, palm and arm as a height field of capsules, lit, with creases and nails."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

SIDE = 192
NOTHING = -9.0  # height where there is no hand
KNUCKLES = np.array([[0.37, 0.50], [0.455, 0.475], [0.54, 0.485], [0.62, 0.52]])
LENGTHS = np.array([0.27, 0.31, 0.29, 0.22])
RADII = np.array([0.043, 0.045, 0.043, 0.037])
PHALANGES = (0.45, 0.3, 0.25)
WRIST = np.array([0.5, 0.82])
THUMB = np.array([0.40, 0.74])


@dataclass(frozen=True, slots=True, eq=False)
class Hand:
    """A hand without colour; its fingers point up, its arm leaves at the bottom.

    Attributes:
        shade: (S, S) float32 around 1.
        tint: (S, S) float32, how much redder than the mean.
        alpha: (S, S) float32, 0 or 1.
    """

    shade: Array
    tint: Array
    alpha: Array


class _Shape:
    """Collects capsules, creases and nails; lengths in sides of the picture."""

    def __init__(self) -> None:
        axis = (np.arange(SIDE) + 0.5) / SIDE
        self.x, self.y = np.meshgrid(axis, axis)
        self.heights: list[Array] = []
        self.creases: list[tuple[Array, Array]] = []
        self.nails: list[tuple[Array, Array, float]] = []

    def capsule(self, a: Array, b: Array, za: float, zb: float, ra: float, rb: float) -> None:
        """Add a capsule from a to b (x, y), at heights za and zb, with radii ra and rb."""
        d = b - a
        along = ((self.x - a[0]) * d[0] + (self.y - a[1]) * d[1]) / max(float(d @ d), 1e-6)
        along = np.clip(along, 0.0, 1.0)
        apart = np.hypot(self.x - a[0] - along * d[0], self.y - a[1] - along * d[1])
        under = (ra + (rb - ra) * along) ** 2 - apart**2
        top = np.sqrt(np.maximum(under, 0.0)) + za + (zb - za) * along
        self.heights.append(np.where(under > 0, top, NOTHING).astype(np.float32))

    def crease(self, at: Array, across: Array, half: float) -> None:
        """Add a crease across a joint."""
        self.creases.append((at - across * half, at + across * half))


def draw_hand(rng: np.random.Generator) -> Hand:
    """Draw a hand in a random pose, from its back or its palm."""
    shape = _Shape()
    fat = rng.uniform(0.85, 1.2)
    back = rng.random() < 0.5
    _draw_fingers(shape, rng, fat, back)
    if rng.random() < 0.85:
        _draw_thumb(shape, rng, fat, back)
    arm = WRIST + np.array([rng.uniform(-0.15, 0.15), 0.5])
    shape.capsule(WRIST, arm, -0.01, 0.0, 0.1 * fat, 0.12 * fat)
    stack = np.stack(shape.heights)
    top = stack.max(axis=0)
    alpha = (top > NOTHING / 2).astype(np.float32)
    smooth = 0.012 * np.log(np.exp((stack - top) / 0.012).sum(axis=0)) + top
    height = cv2.GaussianBlur(np.where(alpha > 0, smooth, 0).astype(np.float32), (0, 0), 1.15)
    shade = _lit(height, rng) * (1.0 - rng.uniform(0.1, 0.4) * _lines(shape, rng, back))
    blotches = rng.normal(0, 1, (SIDE // 8, SIDE // 8)).astype(np.float32)
    blotches = cv2.GaussianBlur(blotches, (0, 0), 1.5)
    tint = 0.06 * cv2.resize(blotches, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    for where, along, size in shape.nails:
        nail = np.zeros((SIDE, SIDE), np.float32)
        axes = (max(1, int(0.8 * size * SIDE)), max(1, int(size * SIDE)))
        turn = float(np.degrees(np.arctan2(along[0], -along[1])))
        centre = (int(where[0] * SIDE), int(where[1] * SIDE))
        cv2.ellipse(nail, centre, axes, turn, 0, 360, 1.0, -1, cv2.LINE_AA)
        shade = shade * (1 + 0.15 * nail)
        tint = tint + 0.05 * nail
    return Hand(shade.astype(np.float32), tint.astype(np.float32), alpha)


def _draw_fingers(shape: _Shape, rng: np.random.Generator, fat: float, back: bool) -> None:
    curl = rng.uniform(0.0, 1.0) * (rng.random() < 0.6)
    spread = rng.uniform(0.02, 0.3)
    lengths = LENGTHS * rng.uniform(0.9, 1.1)
    hidden = rng.random(4) < (0.25 if rng.random() < 0.5 else 0.0)
    for finger, radius in enumerate(RADII * fat):
        knuckle = KNUCKLES[finger]
        root = WRIST + np.array([(finger - 1.5) * 0.045, 0.0])
        shape.capsule(root, knuckle, 0.0, 0.0, 0.075 * fat, 0.058 * fat)
        angle = (finger - 1.5) * spread * 0.6 + rng.normal(0, 0.05)
        along = np.array([np.sin(angle), -np.cos(angle)])
        bend = 1.0 if hidden[finger] else np.clip(curl + rng.normal(0, 0.12), 0, 1)
        point, z = knuckle, 0.0
        for joint, share in enumerate(PHALANGES):
            flex = min(bend * (0.5 + 0.6 * joint), 1.45)
            after = point + along * lengths[finger] * share * np.cos(flex)
            up = z + lengths[finger] * share * np.sin(flex) * (-0.4 if back else 0.5)
            ra, rb = radius * (1 - 0.07 * joint), radius * (0.95 - 0.09 * joint)
            shape.capsule(point, after, z, up, ra, rb)
            shape.crease(point, np.array([along[1], -along[0]]), ra * rng.uniform(0.6, 1.0))
            point, z = after, up
        if back:
            shape.nails.append((point - along * radius * 0.2, along, radius * 0.6))


def _draw_thumb(shape: _Shape, rng: np.random.Generator, fat: float, back: bool) -> None:
    angle = -rng.uniform(0.3, 1.1)
    middle = THUMB + 0.16 * np.array([np.sin(angle), -np.cos(angle)])
    angle += rng.uniform(-0.3, 0.5)
    along = np.array([np.sin(angle), -np.cos(angle)])
    tip = middle + 0.11 * along
    shape.capsule(THUMB, middle, 0.02, 0.03, 0.07 * fat, 0.05 * fat)
    shape.capsule(middle, tip, 0.03, 0.03, 0.049 * fat, 0.042 * fat)
    shape.crease(middle, np.array([along[1], -along[0]]), 0.04)
    if back:
        shape.nails.append((tip, along, 0.028))


def _lit(height: Array, rng: np.random.Generator) -> Array:
    """Light a height field from one side; what lies deeper than its surroundings is darker."""
    gy, gx = np.gradient(height * SIDE)
    light = np.array([rng.normal(), rng.normal(), rng.uniform(0.8, 2.0)])
    light /= np.linalg.norm(light)
    facing = (light[2] - gx * light[0] - gy * light[1]) / np.sqrt(gx * gx + gy * gy + 1.0)
    ambient = rng.uniform(0.35, 0.75)
    shade = ambient + (1 - ambient) * np.maximum(facing, 0.0) / max(float(light[2]), 0.5)
    hollow = cv2.GaussianBlur(height, (0, 0), 0.03 * SIDE) - height
    return np.asarray(shade * np.exp(-np.maximum(hollow, 0.0) * rng.uniform(2.0, 8.0)))


def _lines(shape: _Shape, rng: np.random.Generator, back: bool) -> Array:
    """Draw creases at the joints, and the lines of a palm."""
    canvas = np.zeros((SIDE, SIDE), np.float32)

    def line(a: Array, b: Array, strength: float) -> None:
        ends = [(int(p[0] * SIDE), int(p[1] * SIDE)) for p in (a, b)]
        cv2.line(canvas, ends[0], ends[1], strength, 1, cv2.LINE_AA)

    for a, b in shape.creases:
        for _ in range(rng.integers(1, 4)):
            shift = rng.normal(0, 0.008, 2)
            line(a + shift, b + shift, float(rng.uniform(0.4, 1.0)))
    for _ in range(0 if back else rng.integers(2, 5)):
        a = np.array([rng.uniform(0.35, 0.45), rng.uniform(0.55, 0.75)])
        b = np.array([rng.uniform(0.5, 0.66), rng.uniform(0.52, 0.75)])
        line(a, b, float(rng.uniform(0.3, 0.8)))
    return np.asarray(cv2.GaussianBlur(canvas, (0, 0), SIDE / 220))


def coloured(rng: np.random.Generator, shade: Array, tint: Array, tone: Array) -> Array:
    """Colour a hand in a skin tone (3,) RGB, 0 to 255; its shadows are redder than its light."""
    red = np.stack([1 + 0.35 * tint, 1 - 0.6 * tint, 1 - 0.7 * tint], axis=-1)
    dark = np.minimum(shade, 1.2)[..., None] ** np.array([0.9, 1.1, 1.2], np.float32)
    fine = cv2.GaussianBlur(rng.normal(0, 1, shade.shape).astype(np.float32), (0, 0), 0.8)
    fine = 1 + fine[..., None] * rng.uniform(0.0, 0.05)
    return np.clip(tone * red * dark * fine, 0, 255).astype(np.float32)
