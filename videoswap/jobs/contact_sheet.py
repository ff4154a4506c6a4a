"""Everybody on one picture, with numbers and a few words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..records import Array

CELL = 200  # columns of a person
PICTURE = 180  # pixels a side of their picture
LINE = 19  # rows of a line of text
EDGE = 10  # pixels around
MOST_COLUMNS, MOST_PEOPLE = 8, 200
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
        entries: The people; no more than ``MOST_PEOPLE`` are shown, and the rest is told.
        heading: A line above all.
    """
    shown = entries[:MOST_PEOPLE]
    hidden = len(entries) - len(shown)
    columns = max(2, min(MOST_COLUMNS, len(shown)))  # the heading needs some room
    rows = -(-len(shown) // columns)
    height = PICTURE + (2 + max(len(one.lines) for one in shown)) * LINE
    top = EDGE + 2 * LINE
    size = (columns * CELL + 2 * EDGE, top + rows * height + (2 * LINE if hidden else 0) + EDGE)
    sheet = Image.new("RGB", size, BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    large, small = ImageFont.load_default(17), ImageFont.load_default(13)
    draw.text((EDGE, EDGE), _fitted(draw, heading, small, size[0] - 2 * EDGE), PALE, small)
    for index, entry in enumerate(shown):
        x, y = EDGE + index % columns * CELL, top + index // columns * height
        sheet.paste(Image.fromarray(entry.pixels).resize((PICTURE, PICTURE)), (x, y))
        y += PICTURE + 4
        draw.text((x, y), _fitted(draw, entry.title, large, PICTURE), BRIGHT, large)
        for number, line in enumerate(entry.lines):
            place = (x, y + LINE * (1 + number) + 2)
            draw.text(place, _fitted(draw, line, small, PICTURE + EDGE), PALE, small)
    if hidden:
        text = f"and {hidden} more people: see people.json"
        draw.text((EDGE, size[1] - EDGE - LINE), text, PALE, small)
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
