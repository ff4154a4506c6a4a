"""Outlines of things before a face: alphas (S, S) float32, 0 to 1."""

from __future__ import annotations

import cv2
import numpy as np

from ...networks.occlusion import OCCLUSION_SIZE
from ...records import Array

_SIZE = (OCCLUSION_SIZE, OCCLUSION_SIZE)  # of a sample, columns and rows
_Y, _X = np.mgrid[0:OCCLUSION_SIZE, 0:OCCLUSION_SIZE].astype(np.float32)


def polygon(points: Array) -> Array:
    """Fill a closed polygon."""
    canvas = np.zeros(_SIZE, np.uint8)
    cv2.fillPoly(canvas, [np.round(points * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return canvas.astype(np.float32) / 255


def polyline(
    canvas: Array, points: Array, width: int, value: int = 255, closed: bool = False
) -> None:
    """Draw a line into a uint8 canvas."""
    fixed = [np.round(points * 16).astype(np.int32)]
    cv2.polylines(canvas, fixed, closed, value, max(1, width), cv2.LINE_AA, 4)


def somewhere(rng: np.random.Generator) -> Array:
    """Return a point (x, y), likely on the face."""
    return np.array([rng.normal(64, 28), rng.normal(68, 32)])


def turned(points: Array, angle: float) -> Array:
    """Turn points about the origin."""
    cos, sin = np.cos(angle), np.sin(angle)
    return np.asarray(points @ np.array([[cos, -sin], [sin, cos]]))


def between(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw a number whose logarithm is uniform."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def curve(rng: np.random.Generator, start: Array, end: Array, sway: float, count: int) -> Array:
    """Return points (count, 2) of a Bezier curve."""
    a = start + (end - start) / 3 + rng.normal(0, sway, 2)
    b = start + (end - start) * 2 / 3 + rng.normal(0, sway, 2)
    t = np.linspace(0, 1, count)[:, None]
    u = 1 - t
    return np.asarray(u**3 * start + 3 * u * u * t * a + 3 * u * t * t * b + t**3 * end)


def blob(rng: np.random.Generator) -> Array:
    """Draw a closed wavy outline."""
    t = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    radius = np.ones_like(t)
    for wave in range(1, rng.integers(2, 7)):
        radius += rng.normal(0, 0.25 / wave) * np.cos(wave * t + rng.uniform(0, 6))
    radius = np.maximum(radius, 0.15) * between(rng, 7, 60)
    stretch = np.exp(rng.normal(0, 0.35))
    points = np.stack([radius * np.cos(t) * stretch, radius * np.sin(t) / stretch], axis=1)
    return polygon(turned(points, rng.uniform(0, np.pi)) + somewhere(rng))


def stripe(rng: np.random.Generator) -> Array:
    """Draw one or more bands, straight or bent, some of which end."""
    angle = rng.uniform(0, np.pi)
    if rng.random() < 0.4:
        angle = rng.choice([0, np.pi / 2]) + rng.normal(0, 0.08)
    x, y = somewhere(rng)
    across = (_X - x) * np.cos(angle) + (_Y - y) * np.sin(angle)
    along = (_Y - y) * np.cos(angle) - (_X - x) * np.sin(angle)
    if rng.random() < 0.3:
        across = across + rng.normal(0, 0.006) * along**2
    half = between(rng, 3, 55) / 2
    count = 1 if rng.random() < 0.75 else rng.integers(2, 5)
    mask = np.zeros(_SIZE, np.float32)
    for number in range(count):
        shift = (number - (count - 1) / 2) * half * rng.uniform(3, 5)
        mask = np.maximum(mask, np.clip(half - np.abs(across - shift) + 0.5, 0, 1))
    if rng.random() < 0.25:
        mask = mask * np.clip(along + rng.uniform(-20, 40), 0, 1)
    return mask.astype(np.float32)


def card(rng: np.random.Generator) -> Array:
    """Draw a rectangle or another polygon with few corners."""
    if rng.random() < 0.6:
        w, h = between(rng, 10, 90) / 2, between(rng, 10, 90) / 2
        points = np.array([[-w, -h], [w, -h], [w, h], [-w, h]]) + rng.normal(0, 2, (4, 2))
    else:
        t = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 7)))
        points = np.stack([np.cos(t), np.sin(t)], axis=1) * between(rng, 10, 60)
    return polygon(turned(points, rng.uniform(0, np.pi)) + somewhere(rng))


def arm(rng: np.random.Generator) -> Array:
    """Draw something long and bent that comes from outside: an arm, a cable, a branch."""

    def outside() -> Array:
        angle = rng.uniform(0, 2 * np.pi)
        return 64 + 110 * np.array([np.cos(angle), np.sin(angle)])

    end = somewhere(rng) if rng.random() < 0.5 else outside()
    points = curve(rng, outside(), end, 25, 24)
    widths = between(rng, 2, 40) * np.linspace(1, rng.uniform(0.5, 1.3), len(points))
    canvas = np.zeros(_SIZE, np.uint8)
    for number, width in enumerate(widths[:-1]):
        polyline(canvas, points[number : number + 2], round(width))
    return canvas.astype(np.float32) / 255


def half(rng: np.random.Generator) -> Array:
    """Draw everything beyond a wavy line."""
    angle = rng.uniform(0, 2 * np.pi)
    waves = cv2.resize(rng.normal(0, 1, (4, 4)).astype(np.float32), _SIZE, None, 0, 0, 2)
    across = (_X - 64) * np.cos(angle) + (_Y - 66) * np.sin(angle) + waves * rng.uniform(0, 8)
    return np.asarray(np.clip(across - rng.uniform(0, 45) + 0.5, 0, 1).astype(np.float32))


def only_rim(rng: np.random.Generator, alpha: Array) -> Array:
    """Leave only the rim of a thing, as of a handle, a loop or a frame."""
    depth = cv2.distanceTransform((alpha > 0.5).astype(np.uint8), cv2.DIST_L2, 3)
    return np.asarray(alpha * np.clip(between(rng, 2, 12) - depth + 0.5, 0, 1), np.float32)


#: Outlines that any texture may fill.
PLAIN = {"blob": blob, "stripe": stripe, "card": card, "arm": arm, "half": half}
