"""A picture of when everybody is on screen, one row a person, with the shots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..records import Array
from .portraits import BACKGROUND, BRIGHT, PALE, clock

WIDTH = 1600  # columns of the picture
LABEL_WIDTH = 130  # columns left of the rows
ROW_HEIGHT, BAR_HEIGHT = 30, 18  # rows
MARGIN, AXIS_HEIGHT = 14, 30  # pixels
MAX_ROWS = 60  # people that are shown
TICK_PIXELS = 90  # columns between two times of the axis at least
STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)  # seconds
SHOT_COLOR, ROW_COLOR = (58, 58, 64), (34, 34, 38)
# Told apart also without colors: every row has its name.
BAR_COLORS = ((86, 180, 233), (230, 159, 0), (0, 158, 115), (204, 121, 167), (240, 228, 66))


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """When one person is on screen.

    Attributes:
        name: Its name.
        spans: From when to when, in seconds from the first frame.
    """

    name: str
    spans: tuple[tuple[Fraction, Fraction], ...]


def draw_timeline(
    rows: Sequence[TimelineRow], shots: Sequence[Fraction], start: Fraction, end: Fraction
) -> Array:
    """Draw who is on screen when.

    Args:
        rows: The people; no more than ``MAX_ROWS`` are shown, and the rest is told.
        shots: When each shot begins, in seconds from the first frame.
        start: When the first frame of the picture is shown.
        end: When its last frame ends.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    shown, hidden = rows[:MAX_ROWS], max(0, len(rows) - MAX_ROWS)
    bottom = MARGIN + AXIS_HEIGHT + len(shown) * ROW_HEIGHT
    sheet = Image.new("RGB", (WIDTH, bottom + MARGIN + (ROW_HEIGHT if hidden else 0)), BACKGROUND)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    left, right = LABEL_WIDTH, WIDTH - MARGIN
    length = max(end - start, Fraction(1, 1000))

    def column(time: Fraction) -> int:
        return round(left + (right - left) * (time - start) / length)

    top = MARGIN + AXIS_HEIGHT
    for number in range(len(shown)):
        y = top + number * ROW_HEIGHT
        draw.rectangle((left, y + 2, right, y + ROW_HEIGHT - 3), ROW_COLOR)
    for cut in shots[1:]:
        draw.line((column(cut), top, column(cut), bottom - 1), SHOT_COLOR)
    for time in _ticks(start, end, (right - left) // TICK_PIXELS):
        x = column(time)
        draw.line((x, top - 6, x, top - 1), PALE)
        text = clock(time)
        wide = draw.textlength(text, font)
        draw.text((min(x - wide / 2, WIDTH - MARGIN - wide), MARGIN), text, PALE, font)
    for number, row in enumerate(shown):
        y = top + number * ROW_HEIGHT
        draw.text((MARGIN, y + (ROW_HEIGHT - 16) // 2), row.name[:16], BRIGHT, font)
        color = BAR_COLORS[number % len(BAR_COLORS)]
        inset = (ROW_HEIGHT - BAR_HEIGHT) // 2
        for begin, finish in row.spans:
            x0 = column(begin)
            x1 = max(column(finish), x0 + 1)  # also a single frame is seen
            draw.rectangle((x0, y + inset, x1, y + inset + BAR_HEIGHT - 1), color)
    if hidden:
        draw.text((MARGIN, bottom + 4), f"and {hidden} more people: see people.json", PALE, font)
    return np.asarray(sheet)


def _ticks(start: Fraction, end: Fraction, most: int) -> list[Fraction]:
    """Return round times between two, few enough to be written beside each other."""
    step = next((one for one in STEPS if (end - start) / one <= most), STEPS[-1])
    while (end - start) / step > most:
        step *= 2
    first = -(-start // step)
    return [Fraction(step * number) for number in range(int(first), int(end // step) + 1)]
