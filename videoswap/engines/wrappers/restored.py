"""An engine whose swaps are redrawn by a restorer."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ...crops import warped
from ...fingerprint import file_digest
from ...geometry.affine import crop_matrix, five_points, invert
from ...geometry.face_masks import fade_border
from ...records import (
    Array,
    Crop,
    Photo,
    SwappedCrop,
)
from ...settings import DetailSettings
from ..base import Identity, Swapper
from .restorer import Restorer, open_restorer

#: Share of its frame over which what a restorer adds fades out.
BORDER = 0.08
#: Light and colour are what is wider than this share of the crop; they stay the swap's.
TONE = 0.06
_COARSE = 64  # side at which they are compared


class Restored:
    """An engine and a restorer behind it.

    The restorer sees the swap on its target, so that it gets a whole face. Beyond the crop the
    border goes on, where FFHQ's framing reaches further than the engine's.

    Args:
        swapper: The engine.
        restorer: The restorer.
        blend: How much of what it draws is taken, 0 to 1.
        key: Text that changes when the restorer does.
    """

    def __init__(self, swapper: Swapper, restorer: Restorer, blend: float, key: str) -> None:
        self._swapper = swapper
        self._restorer = restorer
        self._blend = blend
        self.name = swapper.name
        self.key = f"{swapper.key} {key} {blend}"
        self.batch_size = swapper.batch_size
        self.spec = swapper.spec
        self.keeps = swapper.keeps
        self.as_is = swapper.as_is

    def identity(self, photos: Sequence[Photo]) -> Identity:
        """Prepare one person as the engine does."""
        return self._swapper.identity(photos)

    def swap(self, crops: Sequence[Crop], identities: Sequence[Identity]) -> list[SwappedCrop]:
        """Swap a batch of crops of one size and redraw the faces."""
        made = self._swapper.swap(crops, identities)
        if not made or self._blend == 0.0:
            return made
        seen = [
            crop.pixels + (swap.pixels - crop.pixels) * swap.mask[..., None]
            for crop, swap in zip(crops, made, strict=True)
        ]
        side = self._restorer.side
        matrices = [self._matrix(crop) for crop in crops]
        drawn = self._restorer(
            [warped(face, matrix, side) for face, matrix in zip(seen, matrices, strict=True)]
        )
        frame = fade_border(np.ones((side, side), np.float32), BORDER * side)
        results = []
        for swap, face, matrix, redrawn in zip(made, seen, matrices, drawn, strict=True):
            back, size = invert(matrix), len(face)
            share = warped(frame, back, size, black_outside=True)
            added = _detail(warped(redrawn, back, size) - face, share) * np.float32(self._blend)
            pixels = np.clip(swap.pixels + added, 0.0, 255.0)
            results.append(SwappedCrop(np.asarray(pixels, np.float32), swap.mask))
        return results

    def _matrix(self, crop: Crop) -> Array:
        """Return the (2, 3) matrix from the crop to the restorer's picture."""
        return crop_matrix(
            five_points(crop.landmarks), self._restorer.template, self._restorer.side
        )


def _detail(difference: Array, share: Array) -> Array:
    """Return a difference of two pictures without its light and colour.

    Args:
        difference: (S, S, 3) float32.
        share: (S, S) float32, 0 to 1: where it counts, and how much of it is wanted.
    """
    coarse = (_COARSE, _COARSE)
    counted = cv2.resize(difference * share[..., None], coarse, interpolation=cv2.INTER_AREA)
    weight = cv2.resize(share, coarse, interpolation=cv2.INTER_AREA)
    counted, weight = (cv2.GaussianBlur(one, (0, 0), TONE * _COARSE) for one in (counted, weight))
    tone = cv2.resize(counted / (weight + 1e-3)[..., None], share.shape[::-1])
    return np.asarray((difference - tone) * share[..., None])


def restored(swapper: Swapper, settings: DetailSettings, providers: Sequence[str]) -> Swapper:
    """Put a restorer behind an engine if one is wanted.

    Raises:
        InputError: If its file is missing, which says how to get it, or damaged.
    """
    if settings.restorer == "none":
        return swapper
    restorer, path = open_restorer(settings.restorer, providers)
    key = f"{settings.restorer} {file_digest(path)}"
    return Restored(swapper, restorer, settings.restorer_blend, key)
