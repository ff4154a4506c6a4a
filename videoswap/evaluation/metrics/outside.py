"""Changes outside of the masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np

from ...records import Array
from ...video.pixel_formats import layout, samples
from ..face_pair import FacePair
from ..frame_pairs import FramePair
from .columns import largest, mean, total
from .metric import GoodRange, Metric, at_most

BLOCK_SIZE = 8  # pixels, side of the squares in which encoder noise averages out
#: Codecs that give every sample back as it was.
LOSSLESS_CODECS = frozenset(
    [
        "ffv1",
        "huffyuv",
        "ffvhuff",
        "utvideo",
        "magicyuv",
        "rawvideo",
        "v210",
        "png",
        "apng",
        "qtrle",
    ]
)
MIN_BLOCK_DIFFERENCE = 3.0  # levels by which the mean of a square must differ
# Times the usual difference of a square of the frame (robust standard deviation).
NOISE_FACTOR = 8.0


class OutsideFamily:
    """What changed outside the masks.

    Definition: samples of the frames as they are coded, where the mask is 0 (a chroma sample
    counts where all luma samples it covers have mask 0). Frames of different pixel formats are
    compared as RGB. Reported, in levels of 0 to 255:

    - changed samples: how many differ at all; judged where the encoder is one of
      ``LOSSLESS_CODECS`` (good: 0), since others change samples everywhere,
    - the mean and the largest absolute difference: with a lossy encoder, its noise,
    - changed places: the share of squares of ``BLOCK_SIZE`` pixels whose mean luma differs by more
      than re-encoding explains: by ``MIN_BLOCK_DIFFERENCE`` levels and by ``NOISE_FACTOR`` times
      the usual difference of the squares of this frame (0 to 1, good: 0).

    Needs masks. Own definition.
    """

    columns = ("outside_changed", "outside_mean", "outside_largest", "outside_places")
    metrics = (
        # Squares that changed by more than re-encoding explains: one of a thousand may be bad luck.
        Metric("outside_places", "changed places outside the masks", "",
               mean("outside_places"), needs_masks=True, plot=("outside_mean",),
               worst="outside_places", good=at_most(0.001)),
        # An encoder with loss changes samples everywhere, so this is only asked of one without.
        Metric("outside_changed", "changed samples outside", "samples",
               total("outside_changed"), needs_masks=True,
               good=GoodRange("0 if lossless", 0.0, 0.0, lossless=True)),
        Metric("outside_mean", "mean difference outside", "levels", mean("outside_mean"),
               needs_masks=True),
        Metric("outside_largest", "largest difference outside", "levels",
               largest("outside_largest"), needs_masks=True),
    )  # fmt: skip

    def measure(self, pair: FramePair, face_pairs: Sequence[FacePair]) -> Mapping[str, float]:
        """See FrameFamily."""
        if pair.mask is None or pair.coded_mask is None:
            return {}
        changed, summed, count, top = 0, 0.0, 0, 0.0
        for apart, free, unit in _differences(pair):
            values = apart[free]
            changed += int(np.count_nonzero(values))
            summed += float(values.sum(dtype=np.float64)) * unit
            count += values.size
            top = max(top, float(values.max(initial=0)) * unit)
        return {
            "outside_changed": float(changed),
            "outside_mean": summed / count if count else float("nan"),
            "outside_largest": top,
            "outside_places": _places(pair.original, pair.result, pair.mask),
        }


def _differences(pair: FramePair) -> list[tuple[Array, Array, float]]:
    """Return for every plane the absolute differences, where to look, and levels a unit."""
    form = layout(pair.before.format.name)
    assert pair.coded_mask is not None
    if form is None or pair.before.format.name != pair.after.format.name:
        assert pair.mask is not None
        return [(cv2.absdiff(pair.original, pair.result), pair.mask == 0, 1.0)]
    found = []
    unit = 255.0 / ((1 << form.depth) - 1)
    planes = list(zip(pair.before.planes, pair.after.planes, strict=True))
    for index, (before, after) in enumerate(planes):
        one, two = (samples(plane, form.depth)[:, : plane.width] for plane in (before, after))
        whole = index == 0 or form.model != "yuv" or index == 3
        free = pair.coded_mask == 0 if whole else _coarse(pair.coded_mask, form, one.shape)
        found.append(
            (cv2.absdiff(np.ascontiguousarray(one), np.ascontiguousarray(two)), free, unit)
        )
    return found


def _coarse(mask: Array, form: Any, shape: tuple[int, ...]) -> Array:
    """Return which chroma samples cover only luma samples with mask 0."""
    rows, columns = shape
    padded = np.zeros((rows * form.sub_y, columns * form.sub_x), np.uint8)
    padded[: mask.shape[0], : mask.shape[1]] = mask
    return np.asarray(padded.reshape(rows, form.sub_y, columns, form.sub_x).max((1, 3)) == 0)


def _places(original: Array, result: Array, mask: Array) -> float:
    """Return the share of squares without any mask that changed more than encoding explains."""
    luma = [cv2.cvtColor(one, cv2.COLOR_RGB2GRAY).astype(np.float32) for one in (original, result)]
    apart = np.abs(_blocks(luma[1] - luma[0]))
    free = _blocks((mask > 0).astype(np.float32)) == 0
    if not free.any():
        return float("nan")
    usual = 1.4826 * float(np.median(apart[free]))
    return float((apart[free] > max(MIN_BLOCK_DIFFERENCE, NOISE_FACTOR * usual)).mean())


def _blocks(values: Array) -> Array:
    """Return the means of the whole squares of an (H, W) picture."""
    rows, columns = (size // BLOCK_SIZE for size in values.shape)
    if not rows or not columns:
        return values
    whole = values[: rows * BLOCK_SIZE, : columns * BLOCK_SIZE]
    return np.asarray(whole.reshape(rows, BLOCK_SIZE, columns, BLOCK_SIZE).mean(axis=(1, 3)))
