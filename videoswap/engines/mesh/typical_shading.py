"""What shading faces have in photos, and a face in hard light brought nearer to it.

Sockets in the noon sun, the shadow beside a nose and a lock's on a forehead are the photo's light
and not the person. The film's light cannot replace them: it is known at larger sizes only. But on
many faces each place has its usual shading and its usual spread: what a photo has far beyond them
is compressed, all of it where the light is hard, single places anywhere. Fine detail is left as it
is, and so are beards.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from ...geometry import face_masks as masks
from ...geometry.brightness import RATIO_FLOOR
from ...geometry.face_mesh import CHART, OUTLINE
from ...records import Array
from .light import LUMA, spread_out
from .light_edges import along_edges

SIDE = 128
#: Mean and spread (2, 128, 128) float16 in log units; `scripts/make_typical_shading.py` made it.
FILE = Path(__file__).with_name("typical_shading.npy")
FINE, AROUND = 0.006, 0.12  # of the chart: shading has sizes between these
HARD = 0.8  # spreads by which a face in common light differs from the mean face, at most
USUAL, ROOM = 0.8, 0.6  # spreads that a place may differ by, and those into which more is pressed
FARTHEST = 3.0  # spreads that one place counts for in a whole face at most


@dataclass(frozen=True, slots=True, eq=False)
class TypicalShading:
    """The shading of many faces in the chart.

    Attributes:
        mean: (128, 128) float32, log units.
        spread: (128, 128) float32, log units, above 0.
    """

    mean: Array
    spread: Array


@cache
def typical_shading() -> TypicalShading:
    """Read it from its file."""
    mean, spread = np.load(FILE, allow_pickle=False).astype(np.float32)
    return TypicalShading(mean, spread)


def shading_of(texture: Array) -> Array:
    """Return the shading of a face: its luminance without fine detail, against its surroundings.

    Args:
        texture: (S, S, 3) float32 RGB, 0 to 255, in the chart.

    Returns:
        (128, 128) float32, log units; 0 outside the face.
    """
    small = cv2.resize(texture, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    luma = (np.log(np.maximum(small, 0.0) + RATIO_FLOOR) @ LUMA)[..., None]
    face = _face()
    fine, around = (
        spread_out(luma, face, size * SIDE, 0.0, 1e-3)[..., 0] for size in (FINE, AROUND)
    )
    return np.asarray((fine - around) * face, np.float32)


def with_typical_shading(texture: Array, seen: Array, beard: Array | None) -> Array:
    """Compress the shading of a face where it is far from what faces have.

    Args:
        texture: (S, S, 3) float32 RGB, 0 to 255, in the chart.
        seen: (S, S) float32, 0 to 1: how well the photo shows a place.
        beard: (N, N) float32, 0 to 1: where a beard is; None where there is none.
    """
    typical, shading = typical_shading(), shading_of(texture)
    bare = 1.0 if beard is None else 1.0 - np.clip(2.0 * _small(beard), 0.0, 1.0)
    counts = _face() * bare * _small(seen)
    apart = (shading - typical.mean) / typical.spread
    square = float((counts * np.minimum(apart**2, FARTHEST**2)).sum()) / max(counts.sum(), 1.0)
    kept = apart * min(1.0, HARD / max(square, 1e-6) ** 0.5)
    beyond = np.maximum(np.abs(kept) - USUAL, 0.0)
    kept = np.sign(kept) * (np.minimum(np.abs(kept), USUAL) + ROOM * np.tanh(beyond / ROOM))
    change = ((kept - apart) * typical.spread * bare).astype(np.float32)
    large = cv2.resize(cv2.GaussianBlur(change, (0, 0), 0.8), texture.shape[1::-1])
    logarithm = np.log(np.maximum(texture, 0.0) + RATIO_FLOOR)
    large = along_edges(large, logarithm @ LUMA)
    return np.asarray(np.exp(logarithm + large[..., None]) - RATIO_FLOOR, np.float32)


def _small(values: Array) -> Array:
    return np.asarray(cv2.resize(values, (SIDE, SIDE), interpolation=cv2.INTER_AREA))


@cache
def _face() -> Array:
    return masks.fill_polygon(CHART[OUTLINE] * SIDE - 0.5, SIDE)
