"""The grain of the film on a swap: noise, compression, and how much fine skin it lets through.

In two fine bands of luma the swap gets the spread that its target has on plain skin. What it
lacks is the target's own, frame by frame, so it moves and is compressed like the rest of the
picture. What it has too much, pores of a sharp photo in a film that has none, is taken away.
Both touch only what is small: edges of brows, lids and wrinkles belong to the faces and not to
the film.
"""

from __future__ import annotations

import cv2
import numpy as np

from ..records import Array

#: Pixels; standard deviations of the Gaussians between which the bands lie, from 0 on.
BAND_SIGMAS = (1.2, 2.8)
INLIER, OUTLIER = 2.0, 4.0  # of the spread: up to the first all counts, from the second nothing
MAX_SAMPLES = 8192  # pixels of the face that are measured, if it has more
MIN_DIFFERENCE = 0.2  # of 255: a difference of spreads that is not worth the work


def match_grain(swap: Array, target: Array, face: Array) -> Array:
    """Give a swap the fine detail that its target's film has on skin, no less and no more.

    Args:
        swap: (S, S, 3) float32 RGB, 0 to 255.
        target: (S, S, 3) float32 RGB, 0 to 255.
        face: (S, S) float32, 0 to 1: where to measure.

    Returns:
        (S, S, 3) float32 RGB, 0 to 255; ``swap`` itself where nothing is to be done.
    """
    inside = np.flatnonzero(face > 0.5)
    if len(inside) < 64:
        return swap
    inside = inside[:: max(1, len(inside) // MAX_SAMPLES)]
    change = np.zeros(face.shape, np.float32)
    rest, film_rest = (cv2.cvtColor(one, cv2.COLOR_RGB2GRAY) for one in (swap, target))
    for sigma in BAND_SIGMAS:
        soft, film_soft = (cv2.GaussianBlur(one, (0, 0), sigma) for one in (rest, film_rest))
        own, film = rest - soft, film_rest - film_soft
        rest, film_rest = soft, film_soft
        have, want = _deviation(own.take(inside)), _deviation(film.take(inside))
        if abs(have - want) < MIN_DIFFERENCE:
            continue
        if want > have:
            part = _without_edges(film, want)
            change += part * _share_to_add(own.take(inside), part.take(inside), have / want)
        else:
            change += _without_edges(own, have) * np.float32(want / have - 1.0)
    if not change.any():
        return swap
    made = cv2.add(swap, cv2.merge([change, change, change]))
    return np.asarray(np.clip(made, 0.0, 255.0, out=made))


def _share_to_add(own: Array, film: Array, have: float) -> np.float32:
    """Return how much of a film's grain is to be added.

    Args:
        own: (N,) the swap's band.
        film: (N,) what can be added.
        have: The spread of ``own``, in spreads of the film, under 1.
    """
    # What the swap has of this very grain, worn by resampling, adds up in full and not as noise.
    power = max(float(np.dot(film, film)), 1e-6)
    shared = min(max(float(np.dot(own, film)) / power, 0.0), have)
    return np.float32(np.sqrt(shared**2 + 1.0 - have**2) - shared)


def _without_edges(band: Array, spread: float) -> Array:
    """Return what of a band is small against its spread; edges fade out."""
    fade = np.float32(1.0 / (OUTLIER - INLIER))
    share = np.float32(OUTLIER) * fade - np.abs(band) * np.float32(fade / spread)
    return np.asarray(band * np.clip(share, 0.0, 1.0, out=share))


def _deviation(values: Array) -> float:
    """Return the standard deviation that the middle of a band has, edges left aside."""
    middle = len(values) // 2
    return 1.4826 * float(np.partition(np.abs(values), middle)[middle])
