"""Collects the numbers of faces and frames while the videos are read."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from ...records import Array
from ..face_pair import Look
from ..pairs import Pair
from .metric import Columns

# Columns that say which face of which frame a row is, and where: window in upright pixels.
PLACE = ("pts", "seconds", "track", "left", "top", "side")


class Collector:
    """Columns that grow row by row.

    These numbers, some hundred bytes a face and frame, are all that is kept of a frame.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._columns = {name: array("d") for name in (*PLACE, *names)}

    def add(self, pair: Pair, look: Look | None, values: Mapping[str, float]) -> None:
        """Add the row of a face, or of a whole frame; what is not named is NaN."""
        row = {"pts": float(pair.pts), "seconds": float(pair.seconds), **values}
        if look is not None:
            left, top, right, _ = look.window
            row |= {"track": look.track, "left": left, "top": top, "side": right - left}
        for name, column in self._columns.items():
            column.append(row.get(name, float("nan")))

    @property
    def columns(self) -> dict[str, Array]:
        """All columns, (n,) float64."""
        return {name: np.array(column, np.float64) for name, column in self._columns.items()}


def joined(parts: Sequence[Columns]) -> dict[str, Array]:
    """Put the rows of several people together, by time."""
    names = parts[0].keys() if parts else ()
    order = np.argsort(np.concatenate([part["pts"] for part in parts]), kind="stable")
    return {name: np.concatenate([part[name] for part in parts])[order] for name in names}
