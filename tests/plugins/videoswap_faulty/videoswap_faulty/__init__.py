"""An engine whose network fails in the frames that are asked for, once or for good."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from videoswap import CropSpec, Engine, EnginePlugin, Identity, SwappedCrop, engine_key, option
from videoswap.errors import VideoswapError

TEMPLATE = np.array([[0.35, 0.4], [0.65, 0.4], [0.5, 0.55], [0.38, 0.7], [0.62, 0.7]])


@dataclass(frozen=True)
class FaultyOptions:
    """Options of the engine faulty.

    Attributes:
        way: nan, black, white, or raises, as torch engines do.
        first: pts of the first frame that fails.
        last: pts of the last one.
        cured: Whether the second try is right.
    """

    way: str = field(default="nan", metadata=option("how it fails"))
    first: int = field(default=0, metadata=option("first frame"))
    last: int = field(default=-1, metadata=option("last frame"))
    cured: bool = field(default=False, metadata=option("right at the second try"))


class FaultyEngine(Engine):
    """Paints faces grey, where it does not fail."""

    def __init__(self, options):
        spec = CropSpec(TEMPLATE, (128,))
        super().__init__("faulty", engine_key("faulty", 1, options), spec, batch_size=4)
        self.options = options
        self.tried = set()

    def identity(self, photos):
        return Identity(photos[0].label, None)

    def paint(self, crops, people):
        return [self._one(crop) for crop in crops]

    def _one(self, crop):
        size = len(crop.pixels)
        y, x = np.mgrid[:size, :size] / (size - 1) - 0.5
        mask = np.clip(8 * (0.45 - np.hypot(x, y)), 0, 1).astype(np.float32)
        pixels = np.full_like(crop.pixels, 120.0)
        again = crop.pts in self.tried
        if self.options.first <= crop.pts <= self.options.last and not (
            again and self.options.cured
        ):
            self.tried.add(crop.pts)
            if self.options.way == "raises":
                raise VideoswapError("not_finite", "The result has values that are no numbers.")
            pixels[:] = {"nan": np.nan, "black": 1.0, "white": 254.0}[self.options.way]
        return SwappedCrop(pixels, mask)


class FaultyPlugin(EnginePlugin):
    """An engine that fails."""

    name = "faulty"
    summary = "fails; only a test"
    options = FaultyOptions
    automatic = False

    def load(self, device, options):
        return FaultyEngine(options)
