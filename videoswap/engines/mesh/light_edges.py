"""Where light ends: smooth changes of light made as sharp as the light that a picture shows.

A shadow that is lifted smoothly leaves its edge behind, and a rim of light that is put on smoothly
bleeds. Both follow the picture's brightness where that goes with them.
"""

from __future__ import annotations

import cv2
import numpy as np

from ...records import Array
from .light import LUMA, spread_out

_FINEST = 1.0  # pixels: no edge of a shadow is sharper
_REACH = 0.012  # of the side: half of the window in which a change follows the picture
_VARIANCE = 0.01  # log units squared: of a picture that varies by less it is not followed
_WIDE = 0.05  # of the chart: size of the surroundings in which light is compared with a film
_AROUND = 0.1  # of the chart: what is finer is detail
_FAINT = 0.006  # log units squared: a film whose brightness varies by less there has no hard light
_ALIKE = 0.25, 0.6  # change of the light in that of the film: the film's detail is not light, is
_STEEPEST = 1.0  # log units of a film's detail
_COMPARED = 32  # side at which light and film are compared
_LEAST = 0.02  # share of the film's detail that can be seen


def along_edges(change: Array, luma: Array) -> Array:
    """Let a smooth change of light end where the light ends that it changes.

    Without, a shadow that is lifted leaves its edge.

    Source: He, Sun and Tang, "Guided Image Filtering", PAMI 2013.

    Args:
        change: (S, S) float32, log units.
        luma: (S, S) float32, log units: the picture. Its finest detail is not followed.
    """
    window = (2 * round(_REACH * len(luma)) + 1,) * 2

    def mean(values: Array) -> Array:
        return np.asarray(cv2.blur(values, window))

    luma = cv2.GaussianBlur(luma, (0, 0), _FINEST)
    middle, level = mean(luma), mean(change)
    slope = (mean(luma * change) - middle * level) / (mean(luma**2) - middle**2 + _VARIANCE)
    return np.asarray(mean(slope) * luma + mean(level - slope * middle))


def share_of_edges(gains: Array, film: Array, weights: Array) -> Array | None:
    """Return where the detail of a film is light, as along the rim of a lamp behind a face.

    That is where the light that is put on goes with the film's brightness; of pores, folds and
    features it knows nothing.

    Args:
        gains: (N, N, 3) float32, log units: the light, which is smooth.
        film: (N, N, 3) float32, log units.
        weights: (N, N) float32, 0 to 1: where both show skin.

    Returns:
        (32, 32) float32, 0 to 1; None for nowhere.
    """
    tiny = (_COMPARED, _COMPARED)
    luma = (cv2.transform(one, LUMA[None]) for one in (film, gains))
    film, gains, weights = (
        cv2.resize(one, tiny, interpolation=cv2.INTER_AREA) for one in (*luma, weights)
    )
    sigma = _WIDE * _COMPARED
    smooth = spread_out(np.dstack([film, gains]), weights, sigma, 0.0, 1e-3)
    level, change = cv2.split(smooth)
    both = np.dstack([smooth, level * change, level**2])
    level, change, product, square = cv2.split(spread_out(both, weights, sigma, 0.0, 1e-3))
    slope = (product - level * change) / (np.maximum(square - level**2, 0.0) + _FAINT)
    share = np.clip((slope - _ALIKE[0]) / (_ALIKE[1] - _ALIKE[0]), 0.0, 1.0)
    share *= cv2.GaussianBlur(weights, (0, 0), 0.5)
    return np.asarray(share, np.float32) if share.max() > _LEAST else None


def with_edges(gains: Array, film: Array, weights: Array, share: Array) -> Array:
    """Let light end as sharply as in a film.

    Args:
        gains: (N, N, 3) float32, log units: the light, which is smooth.
        film: (M, M, 3) float32, log units: the film, larger.
        weights: (N, N) float32, 0 to 1: where both show skin.
        share: (S, S) float32, 0 to 1: of the film's detail, see `share_of_edges`.

    Returns:
        (M, M, 3) float32, log units.
    """
    side = len(film)
    gains, weights, share = (cv2.resize(one, (side, side)) for one in (gains, weights, share))
    film = cv2.GaussianBlur(film, (0, 0), _FINEST)
    both = np.concatenate([film, gains], axis=2)
    detail = both - spread_out(both, weights, _AROUND * side, 0.0, 1e-3)
    seen = np.clip(detail[..., :3], -_STEEPEST, _STEEPEST)
    return np.asarray(gains + share[..., None] * (seen - detail[..., 3:]), np.float32)
