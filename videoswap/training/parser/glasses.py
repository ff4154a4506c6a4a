"""Glasses drawn onto faces by their dense landmarks: many frames, clear, tinted and dark lenses."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ...detection.face_parser import FacePart
from ...geometry.face_mesh import EYES
from ...records import Array

OVERSAMPLING = 3  # frames are thin: they are drawn at so many times the size
OPAQUE = 0.45  # cover from which on a pixel shows glasses and not what is behind
TEMPLES = (127, 356)  # where the arms reach the edge of the face
CORNERS = ((33, 133), (362, 263))
_STEPS = np.linspace(0, 2 * np.pi, 72, endpoint=False)


@dataclass(frozen=True, slots=True)
class _Style:
    """Shape and material of a pair of glasses; lengths in widths of an eye."""

    width: float
    height: float
    power: float  # of the superellipse: 2 is round, 5 nearly a box
    drop: float  # how much wider the lower half is: above 0 for aviators, below for cat eyes
    low: float
    tilt: float
    thick: float
    rim: str  # full, half, none
    color: Array
    gloss: float
    lens: float  # cover of the lens
    tint: Array
    fade: bool  # lighter below


def _style(random: np.random.Generator) -> _Style:
    metal = random.random() < 0.35
    rim = str(random.choice(["full", "half", "none"], p=[0.75, 0.15, 0.1]))
    kind = random.random()
    if metal:
        base = np.array([[190, 160, 90], [170, 170, 175], [90, 90, 95], [200, 140, 120]])
        color = base[random.integers(len(base))] * random.uniform(0.6, 1.1)
    elif kind < 0.6:
        color = np.full(3, random.uniform(5, 55)) + random.normal(size=3) * 4
    elif kind < 0.85:
        color = np.array([110, 70, 40]) * random.uniform(0.4, 1.4)
    else:
        color = random.uniform(20, 240, 3)
    lens = 0.0
    choice = random.random()
    if choice < 0.25:
        lens = random.uniform(0.75, 1.0)
    elif choice < 0.4:
        lens = random.uniform(0.1, 0.7)
    dark = random.random() < 0.75
    return _Style(
        width=random.uniform(0.75, 1.1),
        height=random.uniform(0.42, 0.95) * (1.0 if lens < 0.7 else 1.12),
        power=random.choice([2.0, 2.5, 3.5, 5.0]),
        drop=random.normal() * 0.08,
        low=random.uniform(0.0, 0.25),
        tilt=random.normal() * 0.05,
        thick=random.uniform(0.035, 0.08) if metal else random.uniform(0.06, 0.22),
        rim=rim if lens < 0.7 or rim == "full" else "full",
        color=np.clip(color, 0, 255),
        gloss=random.uniform(0, 0.5),
        lens=lens,
        tint=random.uniform(0, 40, 3) if dark else random.uniform(20, 160, 3),
        fade=bool(random.random() < 0.4),
    )


def draw_glasses(
    picture: Array, label: Array, points: Array, random: np.random.Generator
) -> tuple[Array, Array]:
    """Put glasses onto a face.

    Args:
        picture: (S, S, 3) uint8 RGB.
        label: (S, S) uint8 classes.
        points: (478, 2 or 3) dense landmarks in pixels.
        random: Decides shape and material.

    Returns:
        Picture and label with glasses, new arrays.
    """
    style, size = _style(random), len(picture)
    side = size * OVERSAMPLING
    place = (points[:, :2].astype(np.float64) + 0.5) * OVERSAMPLING - 0.5
    lenses = [_lens(place, eye, corner, style) for eye, corner in zip(EYES, CORNERS, strict=True)]
    unit = float(np.mean([np.ptp(place[list(c), 0]) for c in CORNERS])) + 1e-3
    thickness = max(2, round(style.thick * unit))
    frame = np.zeros((side, side), np.uint8)
    inner = np.zeros((side, side), np.uint8)
    for outline in lenses:
        cv2.fillPoly(inner, [outline.round().astype(np.int32)], 255)
        if style.rim == "full":
            _line(frame, outline, thickness, closed=True)
        elif style.rim == "half":
            _line(frame, outline[len(outline) // 2 :], thickness, closed=False)
        elif random.random() < 0.5:
            _line(frame, outline, max(1, thickness // 4), closed=True)
    _bridge(frame, lenses, thickness, random)
    _arms(frame, lenses, place, max(2, round(thickness * random.uniform(0.6, 1.3))), random)
    cover = _smaller(frame, size)
    glass = _smaller(inner, size) * (1 - cover)
    made = _with_shadow(picture.astype(np.float32), cover, unit / OVERSAMPLING, random)
    opaque = glass * style.lens
    if style.fade:
        rows = np.where(inner.any(axis=1))[0] / OVERSAMPLING
        span = max(float(np.ptp(rows)), 1.0)
        slope = np.clip(1.2 - (np.arange(size) - rows.min()) / span, 0.2, 1.0)
        opaque = opaque * slope[:, None]
    made = _mixed(made, style.tint, opaque)
    shine = _reflections(glass, size, random) if random.random() < 0.55 else np.zeros_like(glass)
    made = _mixed(made, random.uniform(150, 255, 3), shine)
    light = 1 + style.gloss * cv2.GaussianBlur(random.standard_normal((size, size)), (0, 0), 3) * 4
    made = (
        made * (1 - cover[..., None])
        + np.clip(style.color * light[..., None], 0, 255) * cover[..., None]
    )
    marked = label.copy()
    shown = 1 - (1 - cover) * (1 - opaque) * (1 - shine)
    marked[shown >= OPAQUE] = FacePart.GLASSES
    # A stroke of less than a pixel still lies somewhere.
    marked[(shown >= 0.3) & (shown < OPAQUE) & (cover > 0.2)] = FacePart.GLASSES
    return np.asarray(np.clip(made, 0, 255), np.uint8), marked


def _lens(place: Array, eye: Array, corners: tuple[int, int], style: _Style) -> Array:
    """Return the outline (72, 2) of a lens, from its left end over the top clockwise... below."""
    first, last = place[list(corners)]
    axis = last - first
    width = float(np.linalg.norm(axis))
    other = float(np.mean([np.linalg.norm(np.diff(place[list(c)], axis=0)) for c in CORNERS]))
    across = axis / max(width, 1e-6)
    down = np.array([-across[1], across[0]])
    cos, sin = np.cos(_STEPS), np.sin(_STEPS)
    power = 2 / style.power
    x = np.sign(cos) * np.abs(cos) ** power * (1 + style.drop * np.sign(sin) * np.abs(sin))
    y = np.sign(sin) * np.abs(sin) ** power
    center = (first + last) / 2 + down * style.low * other
    sign = 1.0 if corners == CORNERS[0] else -1.0
    y = y + style.tilt * sign * x
    made = center + (
        x[:, None] * across * style.width * width + y[:, None] * down * style.height * other
    )
    return np.asarray(made)


def _line(canvas: Array, outline: Array, thickness: int, *, closed: bool) -> None:
    points = (outline * 8).round().astype(np.int32)
    cv2.polylines(canvas, [points], closed, 255, thickness, cv2.LINE_AA, 3)


def _bridge(frame: Array, lenses: list[Array], thickness: int, random: np.random.Generator) -> None:
    ends = [lenses[0][np.argmax(lenses[0][:, 0])], lenses[1][np.argmin(lenses[1][:, 0])]]
    height = float(np.ptp(lenses[0][:, 1]))
    up = np.array([0.0, -random.uniform(0.0, 0.35) * height])
    first, last = ends[0] + up, ends[1] + up
    bow = (first + last) / 2 + [0, -random.uniform(0, 0.2) * height]
    t = np.linspace(0, 1, 12)[:, None]
    curve = (1 - t) ** 2 * first + 2 * t * (1 - t) * bow + t**2 * last
    _line(frame, curve, max(2, round(thickness * random.uniform(0.6, 1.1))), closed=False)


def _arms(
    frame: Array, lenses: list[Array], place: Array, thickness: int, random: np.random.Generator
) -> None:
    lift = random.uniform(0.1, 0.4)
    for outline, temple, low in zip(lenses, TEMPLES, (True, False), strict=True):
        end = outline[np.argmin(outline[:, 0]) if low else np.argmax(outline[:, 0])]
        start = end - [0, lift * float(np.ptp(outline[:, 1]))]
        goal = place[temple]
        if (goal[0] < start[0]) == low:  # else the head is turned and hides it
            _line(frame, np.stack([start, goal * 1.15 - start * 0.15]), thickness, closed=False)


def _smaller(mask: Array, size: int) -> Array:
    small = cv2.resize(mask, (size, size), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32) / 255


def _mixed(picture: Array, color: Array, cover: Array) -> Array:
    return picture + (np.asarray(color, np.float32) - picture) * cover[..., None]


def _with_shadow(picture: Array, cover: Array, unit: float, random: np.random.Generator) -> Array:
    shift = np.array([random.normal() * 0.1, abs(random.normal()) * 0.2]) * unit
    matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]])
    cast = cv2.GaussianBlur(cv2.warpAffine(cover, matrix, cover.shape[::-1]), (0, 0), 0.08 * unit)
    return np.asarray(picture * (1 - random.uniform(0, 0.5) * cast[..., None]))


def _reflections(glass: Array, size: int, random: np.random.Generator) -> Array:
    """Return the cover (S, S) of bands and blots of light on the lenses."""
    rows, columns = np.mgrid[:size, :size] / size
    angle = random.uniform(0, np.pi)
    along = np.cos(angle) * columns + np.sin(angle) * rows
    band = np.abs(along - random.uniform(0.2, 0.8)) < random.uniform(0.01, 0.08)
    if random.random() < 0.4:
        blot = cv2.GaussianBlur(random.standard_normal((size, size)), (0, 0), size / 18) * 20
        band = band | (blot > 0.9)
    soft = cv2.GaussianBlur(band.astype(np.float32), (0, 0), random.uniform(0.4, 2.0))
    return np.asarray(soft * glass * random.uniform(0.2, 0.95), np.float32)
