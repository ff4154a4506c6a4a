"""Does the mask hold still on the face?"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..face_motion import Moment
from .metric import Metric, mean

LEAST = 50.0  # pixels of mask, fully covered ones, in either frame


class MaskFlickerFamily:
    """Change of the mask from frame to frame, motion taken out.

    Definition: the mask of the frame before is moved by the optical flow of the original onto
    this one. With weights 0 to 1: overlap is ``sum(min) / sum(max)`` (intersection over union of
    soft masks, 0 to 1, good: near 1), change of area is ``|A - A'| / max(A, A')`` (0 to 1, good:
    near 0; the masks of a still face are 1 and 0). Needs masks. The frame-to-frame overlap
    under flow is the temporal stability of video segmentation (Perazzi et al., DAVIS, CVPR
    2016, in spirit).
    """

    over_time = True
    columns = ("mask_overlap", "mask_area_change", "mask_unsteady")
    metrics = (
        Metric("mask_overlap", "mask overlap frame to frame", "IoU",
               mean("mask_overlap"), needs_masks=True, plot=("mask_overlap",),
               worst="mask_unsteady"),
        Metric("mask_area_change", "mask area change", "", mean("mask_area_change"),
               needs_masks=True),
    )  # fmt: skip

    def measure(self, moment: Moment) -> Mapping[str, float]:
        """See Family."""
        masks = None if moment.motion is None else moment.motion.masks
        if masks is None:
            return {}
        now, then = (one.astype(np.float64) / 255 for one in masks)
        areas = now.sum(), then.sum()
        if max(areas) < LEAST:
            return {}
        overlap = float(np.minimum(now, then).sum() / np.maximum(now, then).sum())
        return {
            "mask_overlap": overlap,
            "mask_area_change": float(abs(areas[0] - areas[1]) / max(areas)),
            "mask_unsteady": 1 - overlap,
        }
