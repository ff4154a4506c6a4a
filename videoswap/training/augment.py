"""Random changes that leave a face the face it is: framing, light, color, grain, compression.

A crop goes through them as float32 in [0, 1]. Each function takes its random numbers as an
argument, so that a sample depends on nothing but its place in the training.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..errors import UsageError
from ..fieldtypes import conform
from ..geometry.resample import warp
from ..records import Array
from .shards import decode_jpeg, encode_jpeg

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How often and how much a crop is changed; chances are 0 to 1, spreads standard deviations.

    Attributes:
        roll: Spread of the angle in radians.
        zoom: Spread of the logarithm of the size.
        shift: Spread of the position as a share of the side.
        mirror: Chance to be mirrored.
        small: Chance to be made smaller and enlarged again.
        blur: Chance to be blurred.
        jpeg: Chance to be compressed.
        tone: Chance of another gamma and gain, partly by channel.
        slope: Chance of light from one side.
        contrast: Chance of another contrast and brightness.
        grey: Chance to lose all color.
        saturation: Chance of another saturation.
        grain: Chance of noise.
        occluder: Chance that a rectangle of one color lies over a part.
    """

    roll: float = 0.06
    zoom: float = 0.05
    shift: float = 0.018
    mirror: float = 0.5
    small: float = 0.2
    blur: float = 0.12
    jpeg: float = 0.25
    tone: float = 0.8
    slope: float = 0.5
    contrast: float = 0.3
    grey: float = 0.2
    saturation: float = 0.2
    grain: float = 0.2
    occluder: float = 0.15

    def __post_init__(self) -> None:
        conform(self)
        for name in self.__slots__:
            if not 0 <= getattr(self, name) <= 1:
                raise UsageError("wrong_setting", f"augmentation.{name} must be from 0 to 1.")


def frame(picture: Array, side: int, turn: float, zoom: float, shift: Array) -> Array:
    """Cut the middle of a square picture in another framing.

    Args:
        picture: (S, S, 3) uint8.
        side: Of the result.
        turn: Angle in radians.
        zoom: Factor on the size; 1 shows all of it.
        shift: (2,) in pixels of the result.

    Returns:
        (side, side, 3) uint8; outside of the picture its border is continued.
    """
    scale = zoom * side / picture.shape[0]
    cos, sin = scale * np.cos(turn), scale * np.sin(turn)
    linear = np.array([[cos, -sin], [sin, cos]])
    middle = np.full(2, (picture.shape[0] - 1) / 2)
    offset = (side - 1) / 2 + shift - linear @ middle
    matrix = np.column_stack([linear, offset])
    return warp(picture, matrix, side)


def augment(
    picture: Array, side: int, settings: Augmentation, random: np.random.Generator
) -> Array:
    """Change a crop at random.

    Args:
        picture: (S, S, 3) uint8 RGB.
        side: Of the result.
        settings: How often and how much.
        random: The sample's random numbers.

    Returns:
        (side, side, 3) float32 in [0, 1].
    """
    framed = frame(
        picture,
        side,
        random.normal() * settings.roll,
        float(np.exp(random.normal() * settings.zoom)),
        random.normal(size=2) * settings.shift * side,
    )
    if random.random() < settings.mirror:
        framed = framed[:, ::-1]
    level = change_look(np.ascontiguousarray(framed), settings, random)
    if random.random() < settings.occluder:
        width, height = random.integers(side // 10, side // 2, size=2)
        x, y = random.integers(0, side - width), random.integers(0, side - height)
        level[y : y + height, x : x + width] = random.random(3)
    return np.clip(level, 0, 1)


def change_look(picture: Array, settings: Augmentation, random: np.random.Generator) -> Array:
    """Change sharpness, compression, light, color and grain, and nothing's place.

    Args:
        picture: (S, S, 3) uint8 RGB.
        settings: How often and how much.
        random: The sample's random numbers.

    Returns:
        (S, S, 3) float32, about 0 to 1, not clipped.
    """
    level = _resampled(picture, settings, random).astype(np.float32) / 255
    level = _relit(level, settings, random)
    level = _recolored(level, settings, random)
    if random.random() < settings.grain:
        noise = random.standard_normal(level.shape, np.float32)
        level = level + noise * np.float32(random.uniform(0.01, 0.07))
    return np.asarray(level, np.float32)


def _resampled(picture: Array, settings: Augmentation, random: np.random.Generator) -> Array:
    """Lose detail: by size, blur or compression."""
    side = picture.shape[0]
    chance = random.random()
    if chance < settings.small:
        less = int(random.integers(side // 5, side * 3 // 4))
        picture = cv2.resize(picture, (less, less), interpolation=cv2.INTER_AREA)
        picture = cv2.resize(picture, (side, side), interpolation=cv2.INTER_LINEAR)
    elif chance < settings.small + settings.blur:
        picture = cv2.GaussianBlur(picture, (0, 0), random.uniform(0.4, 1.8))
    if random.random() < settings.jpeg:
        picture = decode_jpeg(encode_jpeg(picture, int(random.integers(15, 80))), "A crop")
    return picture


def _relit(level: Array, settings: Augmentation, random: np.random.Generator) -> Array:
    """Change exposure, white balance, the direction of light, and contrast."""
    if random.random() < settings.tone:
        gamma = np.exp(random.normal() * 0.35 + random.normal(size=3) * 0.08)
        gain = np.exp(random.normal() * 0.2 + random.normal(size=3) * 0.12)
        level = np.power(level, gamma.astype(np.float32)) * gain.astype(np.float32)
    if random.random() < settings.slope:
        line = np.linspace(-1, 1, len(level), dtype=np.float32)
        angle, strength = random.uniform(0, 2 * np.pi), random.normal() * 0.45
        slope = np.cos(angle) * line[None] + np.sin(angle) * line[:, None]
        if random.random() < 0.4:  # the border of a shadow
            slope = np.tanh(4 * slope + random.normal() * 0.5)
        level = level * np.exp(slope * strength).astype(np.float32)[..., None]
    if random.random() < settings.contrast:
        mean = level.mean()
        level = (level - mean) * np.exp(random.normal() * 0.3) + mean + random.normal() * 0.08
    return level.astype(np.float32)


def _recolored(level: Array, settings: Augmentation, random: np.random.Generator) -> Array:
    """Change the saturation, in part down to grey."""
    chance = random.random()
    if chance < settings.grey:
        return np.repeat((level @ _LUMA)[..., None], 3, axis=2)
    if chance < settings.grey + settings.saturation:
        grey = (level @ _LUMA)[..., None]
        return np.asarray(level + (grey - level) * np.float32(random.uniform(-0.5, 0.9)))
    return level
