"""Things that are put before faces by ``occluders.py``: pictures with a known soft alpha.

The hands are real ones, cut out of ``dance.mp4``; the rest is drawn. Nothing here is shared with
the drawings that ``videoswap train occlusion`` trains on, so that the figures say what happens with
objects the network has not seen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import skimage.data
from numpy.typing import NDArray

Array = NDArray[Any]

SIDE = 384  # pixels of a drawn object's picture
#: Outlines of two hands in dance.mp4, in pixels of frames 0 and 65.
HANDS = {
    0: "307,302 315,305 323,321 331,331 337,325 338,306 338,298 341,277 342,257 346,254 351,257 "
    "353,254 355,247 359,244 364,248 366,255 371,254 375,257 377,277 378,292 381,299 383,296 "
    "384,279 388,275 393,280 395,292 393,312 391,327 392,339 391,356 365,360 350,364 338,368 "
    "329,364 323,351 314,333 310,321 307,309",
    65: "85,280 89,270 94,273 100,271 101,259 106,251 113,249 119,242 125,240 130,247 137,247 "
    "141,252 144,277 148,298 157,298 161,305 170,306 168,318 161,327 160,340 157,353 145,365 "
    "119,363 98,356 95,345 89,318 85,298",
}


@dataclass(frozen=True, slots=True, eq=False)
class Thing:
    """An object.

    Attributes:
        pixels: (H, W, 3) float32 RGB, 0 to 255, defined also where alpha is 0.
        alpha: (H, W) float32, 0 to 1.
        size: Length of the longer side in heights of a face (nose bridge to chin).
    """

    pixels: Array
    alpha: Array
    size: float


Maker = Callable[[np.random.Generator, Array, Path], Thing]


def _hand(frame: int, recolored: bool) -> Maker:
    def make(rng: np.random.Generator, skin: Array, media: Path) -> Thing:
        with av.open(str(media / "dance.mp4")) as container:
            picture = next(islice(container.decode(video=0), frame, None))
        rgb = picture.to_ndarray(format="rgb24").astype(np.float32)
        points = np.array([[float(v) for v in pair.split(",")] for pair in HANDS[frame].split()])
        low = points.min(axis=0).astype(int) - 8
        high = points.max(axis=0).astype(int) + 9
        part = rgb[low[1] : high[1], low[0] : high[0]]
        scale = SIDE / max(part.shape[:2])
        part = cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        mask = np.zeros(part.shape[:2], np.uint8)
        outline = ((points - low + 0.5) * scale - 0.5).round().astype(np.int32)
        cv2.fillPoly(mask, [outline], 255)
        # The colors of the wall come with a hand's soft edge: go inwards, then continue the skin.
        inner = cv2.erode(mask, np.ones((9, 9), np.uint8))
        filled = cv2.inpaint(
            np.clip(part, 0, 255).astype(np.uint8),
            cv2.dilate(255 - inner, np.ones((3, 3), np.uint8))
            & cv2.dilate(mask, np.ones((25, 25), np.uint8)),
            5,
            cv2.INPAINT_TELEA,
        ).astype(np.float32)
        alpha = cv2.GaussianBlur(inner.astype(np.float32) / 255.0, (0, 0), 2.0)
        if recolored:
            own = np.median(filled[inner > 0], axis=0)
            filled = filled * (skin * rng.uniform(0.85, 1.15) / own)
        pixels = np.clip(filled, 0, 255).astype(np.float32)
        return _turned(Thing(pixels, alpha, float(rng.uniform(1.0, 1.6))), rng, 0.7)

    return make


def _microphone(foam: bool) -> Maker:
    def make(rng: np.random.Generator, skin: Array, media: Path) -> Thing:
        y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32) / SIDE - 0.5
        radius = 0.17 if not foam else 0.21
        dx, dy = x, y + 0.25
        inside = np.sqrt(dx**2 + (dy / (1.0 if not foam else 1.25)) ** 2)
        ball = np.clip((radius - inside) * SIDE / 1.5 + 0.5, 0, 1)
        width = 0.075 + 0.05 * np.clip(y + 0.5, 0, 1) * (-1 if foam else 0.4)
        stick = np.clip((width - np.abs(x)) * SIDE / 1.5 + 0.5, 0, 1) * (y > -0.2)
        facing = np.sqrt(np.clip(1 - (inside / radius) ** 2, 0, 1))
        light = 0.3 + 0.7 * np.clip(0.7 * facing - 0.9 * dx / radius - 0.5 * dy / radius, 0, 1)
        if foam:
            grain = cv2.GaussianBlur(rng.normal(0, 1, x.shape).astype(np.float32), (0, 0), 2.0)
            head = rng.uniform(15, 90, 3) * light[..., None] * (1 + 1.2 * grain[..., None])
        else:
            mesh = 0.65 + 0.35 * np.cos(x * 260) * np.cos(y * 260)
            head = (190.0 * light * mesh)[..., None] * np.array([1.0, 1.0, 1.04])
            band = np.exp(-((dy / 0.018) ** 2))
            head = head * (1 - 0.5 * band[..., None]) + 60 * band[..., None] * light[..., None]
        across = x / np.maximum(width, 1e-3)
        metal = 28 + 120 * np.exp(-(((across + 0.35) / 0.22) ** 2)) + 30 * np.abs(across) ** 3
        body = metal[..., None] * np.array([1.0, 1.0, 1.05])
        pixels = head * ball[..., None] + body * (1 - ball[..., None])
        alpha = np.maximum(ball, stick).astype(np.float32)
        made = Thing(
            np.clip(pixels, 0, 255).astype(np.float32), alpha, float(rng.uniform(1.1, 1.8))
        )
        return _turned(made, rng, 0.5)

    return make


def _stripe(color: Callable[[np.random.Generator, Array], Array]) -> Maker:
    def make(rng: np.random.Generator, skin: Array, media: Path) -> Thing:
        y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32) / SIDE - 0.5
        alpha = np.clip((rng.uniform(0.04, 0.09) - np.abs(x)) * SIDE / 2 + 0.5, 0, 1)
        pixels = np.broadcast_to(color(rng, skin).astype(np.float32), (SIDE, SIDE, 3)).copy()
        pixels *= 1.0 + 0.12 * y[..., None]
        thing = Thing(np.clip(pixels, 0, 255), alpha.astype(np.float32), 4.0)
        return _turned(thing, rng, 3.2)

    return make


def _card(picture: Callable[[np.random.Generator], Array]) -> Maker:
    def make(rng: np.random.Generator, skin: Array, media: Path) -> Thing:
        rgb = picture(rng).astype(np.float32)
        if rgb.ndim == 2:
            rgb = np.repeat(rgb[..., None], 3, axis=2)
        rgb = cv2.resize(rgb, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32) / SIDE - 0.5
        half = rng.uniform(0.22, 0.33, 2)
        apart = np.maximum(np.abs(x) - half[0], np.abs(y) - half[1])
        alpha = np.clip(0.5 - apart * SIDE / 2, 0, 1).astype(np.float32)
        return _turned(Thing(rgb, alpha, float(rng.uniform(1.0, 1.7))), rng, 3.2)

    return make


def _noise(rng: np.random.Generator) -> Array:
    cells = cv2.resize(rng.uniform(0, 255, (48, 48, 3)).astype(np.float32), (SIDE, SIDE))
    return np.asarray(cells)


def _pen(rng: np.random.Generator, skin: Array, media: Path) -> Thing:
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32) / SIDE - 0.5
    width = 0.05
    alpha = np.clip((width - np.abs(x)) * SIDE / 2 + 0.5, 0, 1) * (np.abs(y) < 0.46)
    light = 0.45 + 0.8 * np.exp(-(((x / width + 0.3) / 0.4) ** 2))
    color = np.where((y > 0.2)[..., None], [205.0, 190.0, 60.0], [30.0, 60.0, 160.0])
    pixels = np.clip(color * light[..., None], 0, 255).astype(np.float32)
    return _turned(Thing(pixels, alpha.astype(np.float32), 2.0), rng, 3.2)


def _cup(rng: np.random.Generator, skin: Array, media: Path) -> Thing:
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32) / SIDE - 0.5
    half = 0.24 - 0.08 * (y + 0.5)
    wall = np.clip((half - np.abs(x)) * SIDE / 2 + 0.5, 0, 1) * (np.abs(y) < 0.36)
    ring = np.abs(np.hypot((x - 0.24) / 1.0, y / 1.4) - 0.12) < 0.03
    alpha = cv2.GaussianBlur(np.maximum(wall, ring).astype(np.float32), (0, 0), 1.2)
    light = 0.5 + 0.55 * np.cos(x / 0.26 * 1.4 + 0.4)
    pixels = np.broadcast_to(np.array([236.0, 232.0, 224.0]), (SIDE, SIDE, 3)) * light[..., None]
    band = (np.abs(y - 0.02) < 0.08)[..., None]
    pixels = np.where(band, np.array([190.0, 50.0, 40.0]) * light[..., None], pixels)
    return _turned(Thing(np.clip(pixels, 0, 255).astype(np.float32), alpha, 1.4), rng, 0.4)


def _turned(thing: Thing, rng: np.random.Generator, most: float) -> Thing:
    """Turn an object by up to ``most`` radians about its centre."""
    height, width = thing.alpha.shape
    side = int(np.ceil(np.hypot(height, width))) if most < 3.0 else max(height, width)
    matrix = cv2.getRotationMatrix2D(
        ((width - 1) / 2, (height - 1) / 2), float(np.degrees(rng.uniform(-most, most))), 1.0
    )
    matrix[:, 2] += [(side - width) / 2, (side - height) / 2]
    # A stripe goes on beyond its picture; everything else ends inside it.
    border = cv2.BORDER_REPLICATE
    pixels = cv2.warpAffine(thing.pixels, matrix, (side, side), borderMode=border)
    endless = thing.size >= 4.0
    alpha = cv2.warpAffine(
        thing.alpha, matrix, (side, side), borderMode=border if endless else cv2.BORDER_CONSTANT
    )
    return Thing(pixels, alpha, thing.size * side / max(height, width))


def _fixed(*rgb: float) -> Callable[[np.random.Generator, Array], Array]:
    return lambda rng, skin: np.array(rgb)


#: What the masks were tuned on.
TUNED: dict[str, Maker] = {
    "hand": _hand(0, recolored=False),
    "hand in the face's tone": _hand(0, recolored=True),
    "microphone": _microphone(foam=False),
    "black stripe": _stripe(_fixed(15, 15, 18)),
    "stripe in the face's tone": _stripe(lambda rng, skin: skin * rng.uniform(0.9, 1.1)),
    "red stripe": _stripe(_fixed(200, 30, 40)),
    "noise card": _card(_noise),
    "photo card": _card(lambda rng: skimage.data.coffee()),
}
#: What they were not tuned on.
HELD_OUT: dict[str, Maker] = {
    "other hand": _hand(65, recolored=False),
    "other hand in the face's tone": _hand(65, recolored=True),
    "foam microphone": _microphone(foam=True),
    "stripe in a light skin tone": _stripe(lambda rng, skin: skin * 1.25 + 20),
    "stripe in a brown skin tone": _stripe(_fixed(140, 95, 70)),
    "white stripe": _stripe(_fixed(235, 235, 230)),
    "cat card": _card(lambda rng: skimage.data.chelsea()),
    "pen": _pen,
    "cup": _cup,
}
