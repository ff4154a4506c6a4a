"""Pictures of people, cut out so that they can be given back as target faces."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..crops import PictureSurface, region_box
from ..detection.face_detector import FaceDetector, largest_face
from ..geometry.affine import shifted
from ..geometry.resample import warp
from ..records import Array, Face, Person

CROP_MARGINS = (
    0.6,
    0.3,
)  # of the face's size, on every side; the second one where somebody is near
MIN_CROP_SIZE, MAX_CROP_SIZE = 96, 512  # pixels a side; smaller faces are enlarged
MAX_SIGHTINGS = 3  # frames that are tried


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """A frame in which a person is seen.

    Attributes:
        pts: The frame; 0 for a still picture.
        pixels: (H, W, 3) uint8 RGB, the upright picture.
        face: The person's face in it.
        others: The boxes (4,) of the other faces in it.
    """

    pts: int
    pixels: Array
    face: Face
    others: Sequence[Array]


@dataclass(frozen=True, slots=True, eq=False)
class Portrait:
    """A picture of one person.

    Attributes:
        pixels: (S, S, 3) uint8 RGB.
        pts: The frame it was cut out of.
        box: (4,) left, top, right, bottom of the face there, in upright pixels.
        usable: Whether the person is found again by this picture as a target face.
    """

    pixels: Array
    pts: int
    box: Array
    usable: bool


def make_portrait(
    shots: Iterable[Sighting], person: Person, persons: Sequence[Person], detector: FaceDetector
) -> Portrait:
    """Cut a person out so that nobody else is found in the picture.

    Args:
        shots: Frames in which the person is seen, the best first; at least one.
        person: The person.
        persons: Everybody.
        detector: Finds the faces of the picture and tells whose they are.

    Returns:
        The first picture by which the person is found again, else the most alike one.
    """
    known = np.stack([one.embedding for one in persons])
    best: tuple[float, Portrait] | None = None
    for shot in islice(shots, MAX_SIGHTINGS):
        for pixels, margin in (
            (shot.pixels, CROP_MARGINS[0]),
            (shot.pixels, CROP_MARGINS[1]),
            (_alone(shot), CROP_MARGINS[0]),
        ):
            cut = crop_square(pixels, shot.face, margin)
            apart = _distances(cut, known, detector)
            mine = float(apart[person.id])
            usable = mine <= min(detector.models.recognizer.default_threshold, float(apart.min()))
            portrait = Portrait(cut, shot.pts, shot.face.box, usable)
            if usable:
                return portrait
            if best is None or mine < best[0]:
                best = mine, portrait
    assert best is not None  # there is a shot
    return best[1]


def crop_square(pixels: Array, face: Face, margin: float) -> Array:
    """Cut a square around a face; beyond the picture its border goes on.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        face: The face.
        margin: Room on every side, as a share of the face's size.

    Returns:
        (S, S, 3) uint8 RGB.
    """
    covered = face.size * (1 + 2 * margin)
    side = int(min(MAX_CROP_SIZE, max(MIN_CROP_SIZE, covered)))
    scale = side / covered
    centre = (face.box[:2] + face.box[2:]) / 2
    offset = (side - 1) / 2 - scale * centre
    matrix = np.array([[scale, 0.0, offset[0]], [0.0, scale, offset[1]]])
    surface = PictureSurface(pixels)
    box = surface.align(region_box(matrix, 0, 0, side, side))
    moved = shifted(matrix, box[0], box[1])
    cut = warp(surface.read(box), moved, side, average_all=True)
    return np.clip(np.rint(cut), 0, 255).astype(np.uint8)


def _distances(picture: Array, known: Array, detector: FaceDetector) -> Array:
    """Return how far the largest face of a picture is from everybody; infinity without one."""
    face = largest_face(detector.detect(picture))
    if face is None or face.landmarks is None:
        return np.full(len(known), np.inf)
    vector = detector.models.recognizer.embed(picture, face.landmarks)
    return np.asarray(detector.models.recognizer.distances(vector[None], known)[0])


def _alone(shot: Sighting) -> Array:
    """Return the picture with the other faces painted over, but not this one."""
    pixels = shot.pixels.copy()
    size = (pixels.shape[1], pixels.shape[0])
    for left, top, right, bottom in (_inside(box, size) for box in shot.others):
        if left < right and top < bottom:
            region = pixels[top:bottom, left:right]
            region[...] = region.reshape(-1, 3).mean(axis=0).astype(np.uint8)
    left, top, right, bottom = _inside(shot.face.box, size)
    pixels[top:bottom, left:right] = shot.pixels[top:bottom, left:right]
    return pixels


def _inside(box: Array, size: tuple[int, int]) -> tuple[int, int, int, int]:
    left, top = np.maximum(np.floor(box[:2]), 0).astype(int)
    right, bottom = np.minimum(np.ceil(box[2:]), size).astype(int)
    return int(left), int(top), int(right), int(bottom)


CELL_WIDTH = 200  # columns of a person
PORTRAIT_SIZE = 180  # pixels a side of their picture
LINE_HEIGHT = 19  # rows of a line of text
SHEET_MARGIN = 10  # pixels around
MAX_COLUMNS, MAX_PEOPLE = 8, 200
BACKGROUND, BRIGHT, PALE = (24, 24, 26), (240, 240, 240), (170, 170, 175)


@dataclass(frozen=True, slots=True, eq=False)
class SheetEntry:
    """One person on the sheet.

    Attributes:
        title: The number.
        lines: What is said about the person, in short lines.
        pixels: (S, S, 3) uint8 RGB.
    """

    title: str
    lines: tuple[str, ...]
    pixels: Array


def contact_sheet(entries: Sequence[SheetEntry], heading: str) -> Array:
    """Draw people side by side, (H, W, 3) uint8 RGB.

    Args:
        entries: The people; no more than ``MAX_PEOPLE`` are shown, and the rest is told.
        heading: A line above all.
    """
    shown = entries[:MAX_PEOPLE]
    hidden = len(entries) - len(shown)
    columns = max(2, min(MAX_COLUMNS, len(shown)))  # the heading needs some room
    rows = -(-len(shown) // columns)
    height = PORTRAIT_SIZE + (2 + max(len(one.lines) for one in shown)) * LINE_HEIGHT
    top = SHEET_MARGIN + 2 * LINE_HEIGHT
    size = (
        columns * CELL_WIDTH + 2 * SHEET_MARGIN,
        top + rows * height + (2 * LINE_HEIGHT if hidden else 0) + SHEET_MARGIN,
    )
    sheet = Image.new("RGB", size, BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    large, small = ImageFont.load_default(17), ImageFont.load_default(13)
    draw.text(
        (SHEET_MARGIN, SHEET_MARGIN),
        _fitted(draw, heading, small, size[0] - 2 * SHEET_MARGIN),
        PALE,
        small,
    )
    for index, entry in enumerate(shown):
        x, y = SHEET_MARGIN + index % columns * CELL_WIDTH, top + index // columns * height
        sheet.paste(Image.fromarray(entry.pixels).resize((PORTRAIT_SIZE, PORTRAIT_SIZE)), (x, y))
        y += PORTRAIT_SIZE + 4
        draw.text((x, y), _fitted(draw, entry.title, large, PORTRAIT_SIZE), BRIGHT, large)
        for number, line in enumerate(entry.lines):
            place = (x, y + LINE_HEIGHT * (1 + number) + 2)
            draw.text(place, _fitted(draw, line, small, PORTRAIT_SIZE + SHEET_MARGIN), PALE, small)
    if hidden:
        text = f"and {hidden} more people: see people.json"
        draw.text((SHEET_MARGIN, size[1] - SHEET_MARGIN - LINE_HEIGHT), text, PALE, small)
    return np.asarray(sheet)


def _fitted(
    draw: ImageDraw.ImageDraw,
    text: str,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    width: int,
) -> str:
    """Return a text of letters that the font has, with its end cut off where it is too wide."""
    plain = text.encode("latin-1", "replace").decode("latin-1")
    while len(plain) > 4 and draw.textlength(plain, font) > width:
        plain = f"{plain.removesuffix('...')[:-1]}..."
    return plain


def clock(seconds: Fraction) -> str:
    """Return a time as people read it: 1:02:03 or 2:03.5."""
    tenths = round(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02d}:{rest // 10:02d}"
    return f"{minutes}:{rest // 10:02d}.{rest % 10}"
