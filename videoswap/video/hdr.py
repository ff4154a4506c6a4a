"""PQ (SMPTE ST 2084) and half floats converted to SDR values and back, channel by channel.

Faces are processed as SDR: a PQ value becomes luminance in cd/m2, is divided by 1000 and raised
to 1/2.4, as on a display whose white is 1000 cd/m2. Each step is monotone, so the inverse is exact
up to rounding; luminance above 1000 cd/m2 inside a mask is clipped. Primaries stay as they are.
HLG is made for SDR displays too and is left as it is.

The half floats of EXR pictures (mapped to integers by ``sequences.exr``) are treated alike: values
up to 1, which is white, are raised to 1/2.4.
"""

from __future__ import annotations

import numpy as np

from ..records import Array
from .sequences.exr import HALF_TRANSFER, half_to_ordinal, ordinal_to_half

M1, M2 = 2610 / 16384, 2523 / 4096 * 128
C1, C2, C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
PQ_PEAK = 10_000.0
SDR_WHITE = 1000.0
SDR_GAMMA = 2.4
TABLE_STEPS = 65535


def pq_to_light(code: Array) -> Array:
    """Return cd/m2 for PQ values from 0 to 1."""
    power = np.power(np.clip(code, 0, 1), 1 / M2)
    light = np.maximum(power - C1, 0) / (C2 - C3 * power)
    return np.asarray(PQ_PEAK * np.power(light, 1 / M1))


def light_to_pq(light: Array) -> Array:
    """Return PQ values from 0 to 1 for cd/m2."""
    power = np.power(np.clip(light / PQ_PEAK, 0, 1), M1)
    return np.asarray(np.power((C1 + C2 * power) / (1 + C3 * power), M2))


def _view(code: Array) -> Array:
    return np.asarray(255 * np.power(np.minimum(pq_to_light(code) / SDR_WHITE, 1), 1 / SDR_GAMMA))


def _code(view: Array) -> Array:
    return np.asarray(255 * light_to_pq(SDR_WHITE * np.power(view / 255, SDR_GAMMA)))


_UNIT = np.linspace(0, 1, TABLE_STEPS + 1)
_TO_VIEW = _view(_UNIT).astype(np.float32)
_FROM_VIEW = _code(255 * _UNIT).astype(np.float32)
PQ_PREVIEW: Array = np.rint(_view(np.arange(256) / 255)).astype(np.uint8)


def _half_tables() -> tuple[Array, Array]:
    light = np.nan_to_num(ordinal_to_half(np.arange(TABLE_STEPS + 1)).astype(np.float64), nan=0.0)
    view = 255 * np.power(np.clip(light, 0, 1), 1 / SDR_GAMMA)
    numbers = half_to_ordinal(np.power(_UNIT, SDR_GAMMA).astype(np.float16))
    return view.astype(np.float32), (numbers * (255 / TABLE_STEPS)).astype(np.float32)


_HALF_TO_VIEW, _HALF_FROM_VIEW = _half_tables()
HALF_PREVIEW: Array = np.rint(_HALF_TO_VIEW).astype(np.uint8)  # by the number of a half float


def to_view(rgb: Array, transfer: str) -> Array:
    """Convert coded R'G'B' (float32, 0 to 255) of a transfer function to SDR values, 0 to 255."""
    tables = {"pq": _TO_VIEW, HALF_TRANSFER: _HALF_TO_VIEW}
    return _look_up(tables[transfer], rgb) if transfer in tables else rgb


def from_view(rgb: Array, transfer: str) -> Array:
    """Convert SDR values back: the inverse of `to_view`."""
    tables = {"pq": _FROM_VIEW, HALF_TRANSFER: _HALF_FROM_VIEW}
    return _look_up(tables[transfer], rgb) if transfer in tables else rgb


def _look_up(table: Array, rgb: Array) -> Array:
    index = np.clip(rgb * np.float32(TABLE_STEPS / 255) + np.float32(0.5), 0, TABLE_STEPS)
    return np.asarray(table[index.astype(np.uint16)])
