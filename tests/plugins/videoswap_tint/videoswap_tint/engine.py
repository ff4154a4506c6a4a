"""The engine tint."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from videoswap import Crop, CropSpec, Engine, Identity, Photo, SwappedCrop, engine_key

from . import TintOptions

SCHEMA = 1
#: Where the eyes, the nose and the corners of the mouth lie in the unit square.
TEMPLATE = np.array([[0.35, 0.4], [0.65, 0.4], [0.5, 0.55], [0.38, 0.7], [0.62, 0.7]])
COLORS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}


class TintEngine(Engine):
    """Tints faces."""

    def __init__(self, options: TintOptions) -> None:
        key = engine_key("tint", SCHEMA, options)
        super().__init__("tint", key, CropSpec(TEMPLATE, (128, 256)), batch_size=4)
        self.options = options

    def identity(self, photos: Sequence[Photo]) -> Identity:
        """Keep the mean color of the photos' faces."""
        colors = []
        for photo in photos:
            left, top, right, bottom = photo.face.box.clip(0).astype(int)
            colors.append(photo.pixels[top:bottom, left:right].mean(axis=(0, 1)))
        return Identity(photos[0].label, np.mean(colors, axis=0))

    def paint(self, crops: Sequence[Crop], people: Sequence[object]) -> list[SwappedCrop]:
        """Mix every crop with a color, inside a circle."""
        results = []
        for crop, person in zip(crops, people, strict=True):
            size = crop.pixels.shape[0]
            color = (np.array(COLORS[self.options.color]) + np.asarray(person)) / 2
            tinted = crop.pixels + (color - crop.pixels) * self.options.strength
            y, x = np.mgrid[:size, :size] / (size - 1) - 0.5
            mask = np.clip(8 * (0.45 - np.hypot(x, y)), 0, 1)
            results.append(SwappedCrop(tinted.astype(np.float32), mask.astype(np.float32)))
        return results
