"""A text that every frame shows, such as the word that it is synthetic."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..crops import Surface, region_box
from ..errors import UsageError
from ..geometry.affine import shifted
from ..geometry.resample import warp_back
from ..records import Array

MARGIN = 0.05  # of each side: what television calls title-safe is the inner 90 %
LETTERS_PER_SIDE = 22  # usual height of letters is the shorter side by this
LEAST_LETTERS = 8  # pixels, below which nobody reads
MOST_SHARE = 0.4  # of the picture's height that the text may take
BOX_OPACITY = 0.6  # of the black box behind the letters
_UNKNOWN = "\U0010ffff"  # no font has it


@dataclass(frozen=True, slots=True, eq=False)
class Label:
    """A text at the bottom left of a picture, white in a dark box.

    Attributes:
        text: The text.
        width: Width of the upright picture in pixels.
        height: Its height.

    Raises:
        UsageError: ``bad_label`` if the font lacks a letter, or the picture is too small for it.
    """

    text: str
    width: int
    height: int
    _corner: tuple[int, int] = field(init=False)
    _colors: Array = field(init=False)
    _weights: Array = field(init=False)

    def __post_init__(self) -> None:
        """Draw it once."""
        check_letters(self.text)
        letters = _letters(self.text, self.width, self.height)
        weights = 1.0 - (1.0 - BOX_OPACITY) * (1.0 - letters)
        gray = 255.0 * letters / weights
        left, bottom = round(self.width * MARGIN), round(self.height * (1.0 - MARGIN))
        object.__setattr__(self, "_corner", (left, max(0, bottom - len(letters))))
        object.__setattr__(self, "_colors", np.repeat(gray[..., None], 3, axis=2))
        object.__setattr__(self, "_weights", weights)

    def draw(self, surface: Surface, frame_mask: Array | None = None) -> None:
        """Draw it onto a frame or picture, in place.

        Args:
            surface: The frame or picture; upright it has the size that the label was made for.
            frame_mask: (H, W) uint8 or None: where it is given, the label is added to it.
        """
        rows, columns = self._weights.shape
        left, top = self._corner
        matrix = surface.upright - np.array([[0.0, 0.0, left], [0.0, 0.0, top]])
        x0, y0, x1, y1 = box = surface.align(region_box(matrix, 0, 0, columns, rows))
        moved = shifted(matrix, x0, y0)
        weight = warp_back(self._weights, moved, x1 - x0, y1 - y0, black_outside=True)
        weight = np.clip(weight * 255.0 + 0.5, 0, 255).astype(np.uint8)
        surface.write(box, warp_back(self._colors, moved, x1 - x0, y1 - y0), weight)
        if frame_mask is not None:
            np.maximum(frame_mask[y0:y1, x0:x1], weight, out=frame_mask[y0:y1, x0:x1])


def label_for(text: str | None, width: int, height: int) -> Label | None:
    """Return the label of upright pictures of a size; None without a text.

    Raises:
        UsageError: ``bad_label``.
    """
    return None if text is None else Label(text, width, height)


def check_letters(text: str) -> None:
    """Refuse a text that cannot be drawn.

    Raises:
        UsageError: ``bad_label``.
    """
    font = ImageFont.load_default(24)
    nothing = bytes(font.getmask(_UNKNOWN))
    lost = [one for one in text if not one.isspace() and bytes(font.getmask(one)) == nothing]
    if lost:
        raise UsageError(
            "bad_label", f"--label: the font has no {lost[0]!r}.", "Use Latin letters."
        )


def _letters(text: str, width: int, height: int) -> Array:
    """Return the share (h, w) float32, 0 to 1, of the letters in each pixel of the box."""
    most_wide, most_high = width * (1 - 2 * MARGIN), height * MOST_SHARE
    size = max(min(width, height) / LETTERS_PER_SIDE, LEAST_LETTERS)
    while True:
        font = ImageFont.load_default(size)
        pad = max(2, round(size / 3))
        lines = _wrapped(text, font, most_wide - 2 * pad)
        joined = "\n".join(lines)
        probe = ImageDraw.Draw(Image.new("L", (1, 1)))
        left, top, right, bottom = probe.multiline_textbbox((0, 0), joined, font=font)
        wide, high = round(right - left) + 2 * pad, round(bottom - top) + 2 * pad
        if wide <= most_wide and high <= most_high:
            break
        if size <= LEAST_LETTERS:
            raise UsageError(
                "bad_label",
                f"The label does not fit into a picture of {width} x {height} pixels.",
                "Say it shorter.",
            )
        size = max(size * 0.9, LEAST_LETTERS)
    image = Image.new("L", (wide, high))
    ImageDraw.Draw(image).multiline_text((pad - left, pad - top), joined, 255, font=font)
    return np.asarray(image, np.float32) / np.float32(255.0)


def _wrapped(
    text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, most: float
) -> list[str]:
    """Divide a text into lines between words, each as wide as it may be."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and font.getlength(longer) <= most:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
