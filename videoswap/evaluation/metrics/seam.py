"""Seam: the step of luma and color across the mask's border."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from ...records import Array
from ..face_motion import FaceHistory
from .columns import mean, share_at_most
from .metric import GoodRange, Metric, at_least

ARCS = 24  # pieces of the border in which the step is looked for
MIN_ARC_PIXELS = 12  # pixels that an arc needs
BORDER_BLUR = 1.0  # pixels, of mask and picture before the derivative
MIN_BORDER_SLOPE = 0.004  # per pixel, slope of the mask from which a pixel belongs to its border
BORDER_WEIGHTS = 0.02, 0.9  # weights between which it does: dips inside the mask are no border


class SeamFamily:
    """Step of luma and color across the mask's border.

    Definition: the border is where the (slightly blurred) mask rises. There the derivative of
    luma, and of the two color differences, across the border is taken, and averaged with its
    sign over each of ``ARCS`` pieces of the border, so that texture cancels and a step that goes
    along the border stays. The step of a frame is the mean size over the pieces, in levels (0 to
    255) a pixel; the color step is the length of the two color derivatives. The original has a
    step of its own at the same pixels, and a gradient: the same without the sign, so that its
    texture counts as well, which is what a step must stay below to be lost in it. Reported:

    - the share of frames in which the result's step is not larger than the original's gradient
      (0 to 1, good: at least 0.95),
    - strictly: the share in which it is not larger than the original's step (0 to 1; a step that
      nobody sees can miss it, since texture does not count),
    - the means of all three, and the mean change of the step of luma with its sign, which also
      sees a seam that cancels an edge of the original (0 where nothing changed).

    Needs masks. Own definition.
    """

    over_time = False
    columns = (
        "seam_luma", "seam_luma_original", "seam_luma_gradient",
        "seam_color", "seam_color_original", "seam_color_gradient", "seam_change",
        "seam_excess",
    )  # fmt: skip
    metrics = (
        # A step below the gradient that the film has at the same place is lost in its texture; the
        # strict shares (below the film's own step) can miss what nobody sees and only inform.
        Metric("seam_luma_gradient_share", "frames without a seam of luma", "",
               share_at_most("seam_luma", "seam_luma_gradient"), needs_masks=True,
               plot=("seam_luma", "seam_luma_original", "seam_luma_gradient"),
               worst="seam_excess", good=at_least(0.95)),
        Metric("seam_color_gradient_share", "frames without a seam of color", "",
               share_at_most("seam_color", "seam_color_gradient"), needs_masks=True,
               plot=("seam_color", "seam_color_original", "seam_color_gradient"),
               good=at_least(0.95)),
        Metric("seam_luma_share", "strictly, luma", "",
               share_at_most("seam_luma", "seam_luma_original"), needs_masks=True),
        Metric("seam_color_share", "strictly, color", "",
               share_at_most("seam_color", "seam_color_original"), needs_masks=True),
        Metric("seam_luma", "step of luma at the border", "levels/pixel",
               mean("seam_luma"), needs_masks=True,
               good=GoodRange("<= gradient", below="seam_luma_gradient")),
        Metric("seam_luma_original", "the original's step", "levels/pixel",
               mean("seam_luma_original"), needs_masks=True),
        Metric("seam_luma_gradient", "the original's gradient", "levels/pixel",
               mean("seam_luma_gradient"), needs_masks=True),
        Metric("seam_color", "step of color at the border", "levels/pixel",
               mean("seam_color"), needs_masks=True,
               good=GoodRange("<= gradient", below="seam_color_gradient")),
        Metric("seam_color_original", "the original's step", "levels/pixel",
               mean("seam_color_original"), needs_masks=True),
        Metric("seam_color_gradient", "the original's gradient", "levels/pixel",
               mean("seam_color_gradient"), needs_masks=True),
        Metric("seam_change", "change of the step of luma", "levels/pixel",
               mean("seam_change"), needs_masks=True),
    )  # fmt: skip

    def measure(self, history: FaceHistory) -> Mapping[str, float]:
        """See Family."""
        now = history.now
        if now.mask is None:
            return {}
        border = Border(_own(now.mask, now.inside))
        if not border.pieces:
            return {}
        was, became = border.across(now.original), border.across(now.result)
        original, result = border.mean(was), border.mean(became)
        luma, color = (float(part.mean()) for part in _parts(result))
        own_luma, own_color = (float(part.mean()) for part in _parts(original))
        gradient = border.mean(np.stack(_parts(was), axis=1)).mean(axis=0)
        return {
            "seam_luma": luma,
            "seam_luma_original": own_luma,
            "seam_luma_gradient": float(gradient[0]),
            "seam_color": color,
            "seam_color_original": own_color,
            "seam_color_gradient": float(gradient[1]),
            "seam_change": float(np.abs(result[:, 0] - original[:, 0]).mean()),
            "seam_excess": max(luma - own_luma, color - own_color),
        }


def _own(mask: Array, face: Array) -> Array:
    """Leave only those parts of a mask (S, S) that touch the face: not the neighbours'."""
    _, parts = cv2.connectedComponents((mask > 0).astype(np.uint8))
    own = np.unique(parts[face])
    return np.where(np.isin(parts, own[own > 0]), mask, np.uint8(0))


class Border:
    """The border of a mask, in pieces.

    Attributes:
        pieces: Rows and columns of the pixels of each piece.
    """

    def __init__(self, mask: Array) -> None:
        """Find the border of an (S, S) uint8 mask."""
        soft = cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), BORDER_BLUR)
        x, y = _slopes(soft)
        steep = np.hypot(x, y)
        rows, columns = np.nonzero(
            (steep > MIN_BORDER_SLOPE) & (soft > BORDER_WEIGHTS[0]) & (soft < BORDER_WEIGHTS[1])
        )
        self._normal = np.stack([x[rows, columns], y[rows, columns]]) / steep[rows, columns]
        self._where = rows, columns
        angle = np.arctan2(rows - rows.mean(), columns - columns.mean()) if rows.size else rows
        arc = np.minimum((angle + np.pi) / (2 * np.pi) * ARCS, ARCS - 1).astype(int)
        found = [np.nonzero(arc == number)[0] for number in range(ARCS)]
        self.pieces = [piece for piece in found if piece.size >= MIN_ARC_PIXELS]

    def across(self, picture: Array) -> Array:
        """Return the derivative across the border at each of its pixels, inwards positive.

        Args:
            picture: (S, S, 3) uint8 RGB.

        Returns:
            (pixels, 3) float32: luma, red and blue color difference, levels a pixel.
        """
        sharp = cv2.cvtColor(picture, cv2.COLOR_RGB2YCrCb).astype(np.float32)
        x, y = _slopes(np.asarray(cv2.GaussianBlur(sharp, (0, 0), BORDER_BLUR)))
        normal = self._normal[:, :, None]
        return np.asarray(x[self._where] * normal[0] + y[self._where] * normal[1])

    def mean(self, values: Array) -> Array:
        """Return the means (pieces, n) of values (pixels, n) over each piece."""
        return np.array([values[piece].mean(axis=0) for piece in self.pieces], np.float64)


def _parts(across: Array) -> tuple[Array, Array]:
    """Return the sizes (n,) of the luma and of the color of derivatives (n, 3)."""
    return np.abs(across[:, 0]), np.hypot(across[:, 1], across[:, 2])


def _slopes(values: Array) -> tuple[Array, Array]:
    """Return central differences along x and y, a unit a pixel."""
    return (
        cv2.Sobel(values, cv2.CV_32F, 1, 0, ksize=1, scale=0.5),
        cv2.Sobel(values, cv2.CV_32F, 0, 1, ksize=1, scale=0.5),
    )
