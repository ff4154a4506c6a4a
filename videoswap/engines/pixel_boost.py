"""Engines with a fixed picture size on large faces: pixel boost.

A crop of k times the generator's side is taken apart into k x k interleaved sub-images: every
k-th pixel of every k-th row, from k x k starting points. Each shows the whole face; all are
swapped with the same identity and put back together. Source of the idea: FaceFusion's pixel
boost. Its known defect is a grid of k pixels where the sub-images are painted differently;
``without_grid`` takes that out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import cv2
import numpy as np

from ..crops import GENERATOR_SIZE
from ..geometry.affine import compose, transform
from ..geometry.face_masks import inner_face_mask
from ..records import (
    Array,
    Crop,
    Fallback,
    SwappedCrop,
)
from ..settings import DetailSettings
from .base import Engine, EngineWrapper
from .neural import resized

if TYPE_CHECKING:
    import torch
    from torch import Tensor

#: Counted up whenever results with pixel boost change.
SCHEMA = 1
#: Sides of large crops, in sides of the generator.
STEPS = (2, 3, 4)
#: Blur that a larger crop and more sub-images are not worth.
STRETCH = 1.25
#: Pixels of a sub-image over which its difference from the others is taken for the grid.
REACH = 1.0


#: Most sub-images a side by device, where nothing else is asked for: the cost is their square.
MOST = {"cpu": 2, "cuda": 4}


def boosted(engine: Engine, settings: DetailSettings, device: str) -> Engine:
    """Give an engine pixel boost where that makes sense.

    Args:
        engine: The engine.
        settings: What is wanted.
        device: cpu or cuda.

    Returns:
        The engine; its notes say why it does not do what was asked for.
    """
    reason = None
    if engine.as_is:
        reason = engine.as_is
    elif len(engine.spec.sizes) > 1:
        reason = f"{engine.name} paints faces of any size"
    if reason is None:
        wanted = settings.pixel_boost
        return PixelBoostEngine(engine, wanted or MOST[device], always=wanted is not None)
    if settings.pixel_boost in (None, 1):
        return engine
    note = Fallback(f"--pixel_boost {settings.pixel_boost}", "", reason)
    engine.notes = (*engine.notes, note)
    return engine


class PixelBoostEngine(EngineWrapper):
    """Lets an engine of one crop size take large crops.

    What exceeds the sub-images allowed is made smaller for the engine and larger again, so that
    what follows (grain, restorers) works at the size of the face in any case.

    Args:
        engine: The engine; crops of its own size are given to it as they are.
        most: Most sub-images a side.
        always: Whether every face, however small, is split into so many.
    """

    def __init__(self, engine: Engine, most: int, always: bool = False) -> None:
        super().__init__(engine)
        self.key = f"{engine.key} + pixel boost {SCHEMA} {most} {always}"
        sizes = tuple(GENERATOR_SIZE * step for step in STEPS if not always or step >= most)
        own = () if always and most > 1 else engine.spec.sizes
        larger = tuple(size for size in sizes if size > max(own, default=0))
        self.spec = replace(engine.spec, sizes=(*own, *larger), stretch=STRETCH, boost=most)

    def paint(self, crops: Sequence[Crop], people: Sequence[Any]) -> list[SwappedCrop]:
        """Swap crops of one size, in sub-images where they are large."""
        side = crops[0].pixels.shape[0]
        parts = self.spec.boost_for(side)
        if parts == 1 and side in self.engine.spec.sizes:
            return self.engine.paint(crops, people)
        if self.paints_tensors and self.tensor_device.type == "cuda":
            return self.paint_on_device(crops, people)
        small = [scaled(crop, parts * GENERATOR_SIZE) for crop in crops]
        pieces = [piece for crop in small for piece in taken_apart(crop, parts)]
        made: list[SwappedCrop] = []
        whose = [person for person in people for _ in range(parts**2)]
        for start in range(0, len(pieces), self.batch_size):
            batch = slice(start, start + self.batch_size)
            made += self.engine.paint(pieces[batch], whose[batch])
        return [
            _put_together(made[number * parts**2 : (number + 1) * parts**2], crop.pixels, side)
            for number, crop in enumerate(small)
        ]

    @property
    def paints_tensors(self) -> bool:
        """Whether the inner engine does."""
        return self.engine.paints_tensors

    @property
    def paints_masks(self) -> bool:
        """Whether the inner engine does."""
        return self.engine.paints_masks

    @property
    def tensor_device(self) -> torch.device:
        """Where the inner engine computes."""
        return cast("torch.device", self.engine.tensor_device)

    def paint_on_device(self, crops: Sequence[Crop], people: Sequence[Any]) -> list[SwappedCrop]:
        """Do the same on the device of an engine that paints tensors: only crops go up and down."""
        from ..on_tensors import conversions

        side = crops[0].pixels.shape[0]
        given = conversions.uploaded([crop.pixels for crop in crops], self.tensor_device)
        painted = self.paint_tensors(given, people)
        if self.paints_masks:
            return list(map(SwappedCrop, *conversions.downloaded_with_masks(painted)))
        made = conversions.downloaded(painted)
        masks = [self.mask_of_landmarks(crop.landmarks, side) for crop in crops]
        return [SwappedCrop(picture, mask) for picture, mask in zip(made, masks, strict=True)]

    def paint_tensors(self, pictures: Tensor, people: Sequence[Any]) -> Tensor:
        """Swap pictures (B, 3, S, S) float32 RGB, 0 to 255, of any of its sizes."""
        from torch import cat

        from ..on_tensors import conversions, resampling

        inner = self.engine
        side = pictures.shape[2]
        parts = self.spec.boost_for(side)
        if parts == 1 and side in inner.spec.sizes:
            return cast("Tensor", inner.paint_tensors(pictures, people))
        small = conversions.scaled_down(pictures, parts * GENERATOR_SIZE)
        pieces = conversions.taken_apart(small, parts)
        whose = [person for person in people for _ in range(parts**2)]
        made = cat(
            [
                inner.paint_tensors(
                    pieces[start : start + self.batch_size], whose[start : start + self.batch_size]
                )
                for start in range(0, len(pieces), self.batch_size)
            ]
        )
        whole = conversions.joined(made[:, :3], parts)
        whole = conversions.enlarged(conversions.without_grid(whole, small, parts), side)
        if not self.paints_masks:
            return whole
        # As in `_put_together`.
        masks = made[:, 3:].reshape(-1, parts**2, *made.shape[2:]).mean(dim=1, keepdim=True)
        return cat([whole, resampling.resized(masks, side, side)], dim=1)

    def mask_of_landmarks(self, landmarks: Array, side: int) -> Array:
        """Draw the mask (side, side) of a crop at the sub-images' size, in their middle.

        Args:
            landmarks: (68, 2) in pixels of the crop.
            side: Side of the crop.
        """
        share = GENERATOR_SIZE / side
        points = landmarks * np.float32(share) + np.float32(0.5 * share - 0.5)
        return resized(inner_face_mask(points, GENERATOR_SIZE), side)


def _put_together(pieces: Sequence[SwappedCrop], target: Array, size: int) -> SwappedCrop:
    """Make one swap of those of the sub-images.

    Args:
        pieces: The swapped sub-images.
        target: (S, S, 3) the crop that was taken apart.
        size: Side of the result, S or more.
    """
    pixels = joined([piece.pixels for piece in pieces])
    pixels = without_grid(pixels, target, round(len(pieces) ** 0.5))
    if size > len(pixels):
        pixels = cv2.resize(pixels, (size, size), interpolation=cv2.INTER_CUBIC)
        pixels = np.clip(pixels, 0.0, 255.0)
    # Their masks lie around the middle of a block each, so the mean shows no grid.
    mask = np.mean([piece.mask for piece in pieces], axis=0)
    return SwappedCrop(pixels, resized(mask, size))


def scaled(crop: Crop, size: int) -> Crop:
    """Make a crop smaller; the same crop if it has that size."""
    share = size / crop.pixels.shape[0]
    if share == 1.0:
        return crop
    pixels = cv2.resize(crop.pixels, (size, size), interpolation=cv2.INTER_AREA)
    shift = 0.5 * share - 0.5  # pixel centres lie at whole numbers
    return _resampled(crop, np.asarray(pixels), share, (shift, shift))


def taken_apart(crop: Crop, parts: int) -> list[Crop]:
    """Take a crop apart into ``parts`` x ``parts`` interleaved ones, row by row."""
    pictures = _interleaved(crop.pixels, parts)
    starts = [(-column / parts, -row / parts) for row in range(parts) for column in range(parts)]
    return [
        _resampled(crop, picture, 1.0 / parts, start)
        for picture, start in zip(pictures, starts, strict=True)
    ]


def _resampled(crop: Crop, pixels: Array, share: float, shift: tuple[float, float]) -> Crop:
    """Return a crop with other pixels, which lie at the old ones times ``share`` plus ``shift``.

    What is in front of the face is left out: engines of one size do not look at it.
    """
    move = np.array([[share, 0.0, shift[0]], [0.0, share, shift[1]]])
    landmarks, matrix = transform(move, crop.landmarks), compose(move, crop.matrix)
    return replace(
        crop, pixels=pixels, matrix=matrix, landmarks=landmarks, occluder_mask=None, unoccluded=None
    )


def _interleaved(picture: Array, parts: int) -> Array:
    """Take a picture (S, S, C) apart; returns (parts * parts, S / parts, S / parts, C)."""
    side, channels = picture.shape[0] // parts, picture.shape[2]
    blocks = picture.reshape(side, parts, side, parts, channels).transpose(1, 3, 0, 2, 4)
    return np.ascontiguousarray(blocks).reshape(parts * parts, side, side, channels)


def joined(pictures: Sequence[Array] | Array) -> Array:
    """Put interleaved pictures (side, side, C) back together, the inverse of taking apart."""
    parts = round(len(pictures) ** 0.5)
    side, channels = pictures[0].shape[0], pictures[0].shape[2]
    blocks = np.stack(list(pictures)).reshape(parts, parts, side, side, channels)
    whole = blocks.transpose(2, 0, 3, 1, 4)
    return np.ascontiguousarray(whole).reshape(side * parts, side * parts, channels)


def without_grid(picture: Array, target: Array, parts: int) -> Array:
    """Take out of a joined picture what comes from sub-images painted differently.

    A difference between sub-images that stays the same over some pixels lies, in the joined
    picture, close to the multiples of 1 / parts of the sampling frequency. All of it is taken
    out but what the target has there as well: a fine pattern that was painted as it is stays.

    Args:
        picture: (S, S, 3) float32 RGB, 0 to 255.
        target: (S, S, 3) float32 RGB, 0 to 255: the crop it was made of.
        parts: Sub-images a side.
    """
    if parts == 1:
        return picture
    grid, own = _grid(picture, parts), _grid(target, parts)
    alike = _around((grid * own).sum(axis=(0, 3))) / (_around((own**2).sum(axis=(0, 3))) + 1e-6)
    kept = own * np.clip(alike, 0.0, 1.0)[None, ..., None]
    return np.asarray(np.clip(picture - joined(grid - kept), 0.0, 255.0), np.float32)


def _around(values: Array) -> Array:
    """Average values (h, w) with those close by."""
    return np.asarray(cv2.GaussianBlur(values, (0, 0), 2.0 * REACH))


def _grid(picture: Array, parts: int) -> Array:
    """Return the part of a picture close to the grid's frequencies, by sub-images.

    A triangle of two blocks' width has zeros at exactly these frequencies and keeps slopes, so
    what it leaves over is free of the plain difference in place between the sub-images.
    """
    line = np.convolve(np.ones(parts), np.ones(parts)) / parts**2
    border = cv2.BORDER_REFLECT_101
    smooth = cv2.sepFilter2D(picture, -1, line, line, borderType=border)
    pieces = _interleaved(picture - smooth, parts)
    grid = np.stack([cv2.GaussianBlur(piece, (0, 0), REACH) for piece in pieces])
    return np.asarray(grid - grid.mean(axis=0))
