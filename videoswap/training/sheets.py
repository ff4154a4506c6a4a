"""Sample sheets: grids of pictures that show what a network does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from ..errors import OutputError
from ..records import Array

FOLDER = "sheets"
_GAP = 2


def grid(rows: Sequence[Sequence[Array]], background: int = 255) -> Array:
    """Put pictures of one size into a grid.

    Args:
        rows: Pictures (H, W, 3) uint8 RGB; rows may have different lengths.
        background: Level of the gaps.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    height, width = rows[0][0].shape[:2]
    down, right = height + _GAP, width + _GAP
    shape = (len(rows) * down - _GAP, max(map(len, rows)) * right - _GAP, 3)
    sheet = np.full(shape, background, np.uint8)
    for y, row in enumerate(rows):
        for x, picture in enumerate(row):
            sheet[y * down : y * down + height, x * right : x * right + width] = picture
    return sheet


def write_sheet(folder: Path, step: int, sheet: Array) -> Path:
    """Write a sheet of a step as PNG.

    Args:
        folder: The run's folder.
        step: Steps done.
        sheet: (H, W, 3) uint8 RGB.

    Raises:
        OutputError: ``cannot_write_sheet``.
    """
    path = folder / FOLDER / f"{step:08d}.png"
    path.parent.mkdir(exist_ok=True)
    data = cv2.imencode(".png", cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))[1]
    try:
        path.write_bytes(data.tobytes())
    except OSError as error:
        raise OutputError("cannot_write_sheet", f"{path} cannot be written: {error}.") from None
    return path
