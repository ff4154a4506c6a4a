"""Clips put together from heads of known people, with who is where in every frame.

A frame is a list of things, drawn in order, the later ones in front: heads and opaque covers. What
of a face is left to see is counted from the pixels that were drawn, so the truth needs no model.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import skimage.data

from videoswap.records import Array

WIDTH, HEIGHT = 640, 360
HEAD = 1.5  # cut-out over face box: hair and chin come along
GROUP = {  # face boxes in insightface's t1.jpg: left, top, right, bottom
    "ann": (58, 271, 169, 397),
    "bob": (463, 263, 573, 418),
    "cat": (1136, 273, 1228, 397),
    "dan": (268, 154, 370, 271),
}
ASTRONAUT = (182, 58, 270, 178)


@dataclass(frozen=True, slots=True)
class Head:
    """A head in a frame.

    Attributes:
        who: Name of the person.
        x: Middle of the face in pixels.
        y: Middle of the face in pixels.
        size: Height of the face in pixels.
        turn: Degrees it is turned to the side, as on a cylinder.
        light: Factor on its brightness.
        share: Opacity, for dissolves.
    """

    who: str
    x: float
    y: float
    size: float = 90.0
    turn: float = 0.0
    light: float = 1.0
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class Cover:
    """An opaque rectangle.

    Attributes:
        left: Left edge in pixels; the others likewise.
        color: RGB.
    """

    left: float
    top: float
    right: float
    bottom: float
    color: tuple[int, int, int] = (70, 110, 60)


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """A face that was drawn.

    Attributes:
        who: Name of the person.
        box: (4,) left, top, right, bottom.
        seen: Share of the face that is in the picture and not covered, 0 to 1.
        turn: Degrees it is turned.
    """

    who: str
    box: Array
    seen: float
    turn: float


@dataclass(frozen=True, slots=True, eq=False)
class CutOut:
    """A head from a photo.

    Attributes:
        pixels: (H, W, 3) uint8 RGB.
        alpha: (H, W) float32, 0 to 1.
        face: Width and height of the face in the middle of it.
    """

    pixels: Array
    alpha: Array
    face: tuple[float, float]


def cut_out(photo: Array, box: Sequence[float]) -> CutOut:
    """Cut a head out of a (H, W, 3) uint8 RGB photo by the box of its face."""
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    size = (round(HEAD * width), round(HEAD * height))
    middle = ((left + right) / 2, (top + bottom) / 2 - 0.05 * height)
    pixels = cv2.getRectSubPix(photo, size, middle)
    alpha = np.zeros(size[::-1], np.float32)
    axes = (round(size[0] * 0.46), round(size[1] * 0.46))
    cv2.ellipse(alpha, (size[0] // 2, size[1] // 2), axes, 0, 0, 360, 1.0, -1)
    return CutOut(pixels, cv2.GaussianBlur(alpha, (0, 0), 0.02 * size[1]), (width, height))


def everybody() -> dict[str, CutOut]:
    """Return the heads of the photos that the test packages carry, and a twin of one."""
    spec = importlib.util.find_spec("insightface")
    assert spec is not None and spec.submodule_search_locations
    path = Path(spec.submodule_search_locations[0]) / "data" / "images" / "t1.jpg"
    picture = cv2.imread(str(path))
    assert picture is not None
    group = np.ascontiguousarray(picture[:, :, ::-1])
    heads = {name: cut_out(group, box) for name, box in GROUP.items()}
    heads["eve"] = cut_out(skimage.data.astronaut(), ASTRONAUT)
    return heads | {"bob's twin": twin(heads["bob"])}


def twin(head: CutOut) -> CutOut:
    """Return the same head, a little broader and warmer."""
    warm = np.clip(head.pixels * np.array([1.06, 1.0, 0.92]), 0, 255).astype(np.uint8)
    return CutOut(warm, head.alpha, (head.face[0] * 1.04, head.face[1]))


def wall(tone: int = 0) -> Array:
    """Return a background: gravel, dimmed and tinted in one of several ways."""
    stones = cv2.resize(skimage.data.gravel(), (WIDTH, WIDTH))[:HEIGHT]
    tints = np.array([[0.5, 0.55, 0.7], [0.9, 0.7, 0.4], [0.3, 0.5, 0.35]])
    return np.asarray(60 + 0.35 * stones[:, :, None] * tints[tone] * 2, np.uint8)


def picture(
    things: Iterable[Head | Cover], background: Array, heads: Mapping[str, CutOut]
) -> tuple[Array, list[Truth]]:
    """Draw a frame.

    Args:
        things: What is in it, from back to front.
        background: (H, W, 3) uint8 RGB.
        heads: The people by name.

    Returns:
        The (H, W, 3) uint8 RGB picture and the faces in it, also hidden ones.
    """
    canvas = background.astype(np.float32)
    left: dict[int, Array] = {}  # what of each face is still to be seen
    faces: list[tuple[Head, Array, float]] = []
    for thing in things:
        color, alpha = _layer(thing, heads, canvas.shape[:2])
        canvas += (color - canvas) * alpha[:, :, None]
        for number in left:
            left[number] *= 1 - alpha
        if isinstance(thing, Head):
            box, area = _face_box(thing, heads[thing.who])
            left[len(faces)] = _inside(box, canvas.shape[:2]) * thing.share
            faces.append((thing, box, area))
    truth = [
        Truth(head.who, box, float(left[number].sum()) / area, head.turn)
        for number, (head, box, area) in enumerate(faces)
    ]
    return np.clip(np.rint(canvas), 0, 255).astype(np.uint8), truth


def _face_box(head: Head, cut: CutOut) -> tuple[Array, float]:
    half = np.array([cut.face[0] / cut.face[1], 1.0]) * head.size / 2
    # Turned, the face goes round with the front of the head.
    place = np.array([head.x - np.sin(np.radians(head.turn)) * half[0], head.y])
    return np.concatenate([place - half, place + half]), float(4 * half.prod())


def _inside(box: Array, shape: tuple[int, ...]) -> Array:
    """Return (H, W) float64, 1 inside the box, shares along its border."""
    low, high = box[:2] - 0.5, box[2:] - 0.5
    rows, columns = (
        np.clip(np.arange(n) + 0.5 - a, 0, 1) * np.clip(b - np.arange(n) + 0.5, 0, 1)
        for n, a, b in ((shape[0], low[1], high[1]), (shape[1], low[0], high[0]))
    )
    return np.asarray(rows[:, None] * columns[None])


def _layer(
    thing: Head | Cover, heads: Mapping[str, CutOut], shape: tuple[int, ...]
) -> tuple[Array, Array]:
    """Return the (H, W, 3) colors and (H, W) opacity of one thing."""
    if isinstance(thing, Cover):
        box = np.array([thing.left, thing.top, thing.right, thing.bottom])
        return np.broadcast_to(np.array(thing.color, np.float32), (*shape, 3)), _inside(box, shape)
    cut = heads[thing.who]
    scale = thing.size / cut.face[1]
    height, width = cut.alpha.shape
    middle = np.array([(width - 1) / 2, (height - 1) / 2 + 0.05 * cut.face[1]])
    shift = np.array([thing.x, thing.y]) - scale * middle
    matrix = np.column_stack([scale * np.eye(2), shift])
    pixels, alpha = _turned(cut, thing.turn)
    if scale < 0.7:  # linear interpolation alone would alias
        pixels = cv2.GaussianBlur(pixels, (0, 0), 0.4 / scale)
    size = (shape[1], shape[0])
    colors = cv2.warpAffine(pixels, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    opacity = cv2.warpAffine(alpha, matrix, size)
    return colors.astype(np.float32) * thing.light, opacity * thing.share


def _turned(cut: CutOut, degrees: float) -> tuple[Array, Array]:
    """Return pixels and alpha of a head turned like a cylinder; hair comes round from behind."""
    if not degrees:
        return cut.pixels, cut.alpha
    height, width = cut.alpha.shape
    across = np.clip((np.arange(width) - (width - 1) / 2) / (width / 2), -0.999, 0.999)
    angle = np.clip(np.arcsin(across) + np.radians(degrees), -np.pi / 2, np.pi / 2)
    columns = (np.sin(angle) * 0.92 * width / 2 + (width - 1) / 2).astype(np.float32)
    x = np.broadcast_to(columns, (height, width)).copy()
    y = np.broadcast_to(np.arange(height, dtype=np.float32)[:, None], (height, width)).copy()
    return cv2.remap(cut.pixels, x, y, cv2.INTER_LINEAR), cut.alpha
