"""How much of each pixel of a photo is hair or a frame over the skin: two-color alpha matting.

The parser sees a face at 128 pixels, so strands, soft ends of a fringe and thin frames are lost to
it. Around what it is sure of, a pixel's color is taken for a mixture of the thing's color and the
skin's, both averaged nearby: its share of the thing is where it lies on the line between both
(the compositing equation of alpha matting: Porter and Duff, 1984). Only what touches the thing
counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ...geometry.brightness import RATIO_FLOOR
from ...records import Array
from .light import LUMA, spread_out

SURE_THING, SURE_SKIN, SEED = 0.75, 0.8, 0.5  # probabilities of the parser
COLOR_NOISE = 0.8  # pixels over which a color is averaged
NEAR, FAR = 0.04, 0.2  # of the side: over which colors of things and skin are averaged
APART = 0.03  # of the side: skin closer to a thing may be in its shade
COLOR_WEIGHT = 2.0  # of the color against the luminance
LEAST_CONTRAST = 0.25  # log units between thing and skin, under which they are not told apart
REACH = 0.06  # of the side: by which the parser may fall short of a thing
STRAND_REACH = 0.15  # of the side: by which the parser may fall short of a strand
MIXED = 0.5  # share of the thing from which a pixel shows it
STRAND_WIDTH = 0.025  # of the side: what is thinner stands out by its surroundings
LEAST_STRAND, STRAND_NOISE = 0.12, 5.0  # share of the thing; the same in the skin's own deviation
FIRM = 0.25, 0.6  # shares of the thing: nothing is covered, all is
LEAST_SEED = 30.0  # pixels of a thing


@dataclass(frozen=True, slots=True, eq=False)
class Matte:
    """Where a thing covers the skin, each (S, S) float32, 0 to 1.

    Attributes:
        whole: All of it.
        strands: What of it is thinner than `STRAND_WIDTH` and only found by its color.
    """

    whole: Array
    strands: Array

    @property
    def wide(self) -> Array:
        """Return it without strands."""
        return np.asarray(self.whole - self.strands)


def matte(picture: Array, thing: Array, skin: Array, *, free: Array) -> Matte:
    """Find how much of each pixel a thing covers.

    Args:
        picture: (S, S, 3) float32 RGB, 0 to 255.
        thing: (S, S) float32, 0 to 1: probability of the thing.
        skin: (S, S) float32, 0 to 1: probability of plain skin.
        free: (S, S) float32, 0 to 1: where it can be, beyond where it is known to be.
    """
    side = len(picture)
    seed = (thing > SEED).astype(np.uint8)
    sure = (thing > SURE_THING).astype(np.float32)
    bare = (skin > SURE_SKIN) & ~_within(thing > 1.0 - SURE_SKIN, APART)
    bare = bare.astype(np.float32)
    if min(float(sure.sum()), float(bare.sum())) < LEAST_SEED:
        return _matte(thing, thing)
    color = np.log(cv2.GaussianBlur(np.maximum(picture, 0.0), (0, 0), COLOR_NOISE) + RATIO_FLOOR)
    luma = (color @ LUMA)[..., None]
    color = np.concatenate([luma, COLOR_WEIGHT * (color - luma)], axis=2).astype(np.float32)
    skin_color = _nearby(color, bare)
    axis = _nearby(color, sure) - skin_color
    squared = (axis**2).sum(axis=2)
    share = ((color - skin_color) * axis).sum(axis=2) / np.maximum(squared, 1e-4)
    share = np.clip(share, -0.5, 1.5).astype(np.float32)
    free = free * (np.sqrt(squared) > LEAST_CONTRAST)
    kernel = disc(STRAND_WIDTH * side)
    rise = share - cv2.morphologyEx(share, cv2.MORPH_OPEN, kernel)
    # Strands in the light shine whatever color the hair has in the mean.
    shine = luma[..., 0] - cv2.morphologyEx(luma[..., 0], cv2.MORPH_OPEN, kernel)
    plain = (skin > SURE_SKIN) & (seed == 0)
    line = np.maximum(*(_outstanding(one, plain) for one in (rise, shine)))
    near = _within(seed, REACH)
    like = ((line > 1.0) & _within(seed, STRAND_REACH)) | ((share > MIXED) & near)
    like &= free > 0.5
    joined = cv2.dilate((like | (seed > 0)).astype(np.uint8), np.ones((3, 3), np.uint8))
    _, numbers = cv2.connectedComponents(joined)
    touching = np.isin(numbers, np.unique(numbers[seed > 0])) & (numbers > 0) & (free > 0.5)
    area = (share - FIRM[0]) / (FIRM[1] - FIRM[0]) * near
    found = np.clip(np.maximum(area, 0.5 * line), 0.0, 1.0) * touching
    return _matte(np.maximum(found, thing), thing)


def _nearby(color: Array, weight: Array) -> Array:
    """Average colors (S, S, C) around every place by weight, from further away where it is 0."""
    side, channels = len(color), color.shape[2]
    mean = weight.reshape(-1) @ color.reshape(-1, channels) / weight.sum()
    wide = spread_out(color, weight, FAR * side, mean, 1e-3)
    return spread_out(color, weight, NEAR * side, wide, 0.01)


def _outstanding(rise: Array, plain: Array) -> Array:
    """Return by how many of the least that count lines rise over what is plain."""
    noise = float(np.median(rise[plain])) if plain.any() else 0.0
    return np.asarray(rise / max(LEAST_STRAND, STRAND_NOISE * noise))


def _matte(whole: Array, thing: Array) -> Matte:
    whole = np.asarray(np.clip(whole, 0.0, 1.0), np.float32)
    wide = cv2.morphologyEx(whole, cv2.MORPH_OPEN, disc(STRAND_WIDTH * len(whole)))
    return Matte(whole, (whole - wide) * np.clip(1.0 - 2.0 * thing, 0.0, 1.0))


def _within(seed: Array, reach: float) -> Array:
    """Return what is no further from a seed than a share of the side, (S, S) bool."""
    if not seed.any():
        return np.zeros(seed.shape, bool)
    distance = cv2.distanceTransform((seed == 0).astype(np.uint8), cv2.DIST_L2, 5)
    return np.asarray(distance <= reach * len(seed))


def disc(diameter: float) -> Array:
    """Return a round structuring element of about this diameter in pixels."""
    size = 2 * max(1, round(0.5 * diameter)) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))
