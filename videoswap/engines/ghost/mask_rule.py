"""GHOST's mask, from 106 landmarks of the swapped and of the target face.

Source: ai-forever/ghost, utils/inference/masks.py, as described in the contract (PREPROCESS.md,
"GHOST video path"); landmarks in the order of insightface's 2d106det.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ...records import Array

#: Side of the crop that the rules' pixels mean.
SIDE = 224

_BROWS = np.array([43, 48, 49, 51, 50, 102, 103, 104, 105, 101])
_EYE_TOPS = np.array([35, 41, 40, 42, 39, 89, 95, 94, 96, 93])
_LEFT_JAW, _RIGHT_JAW = [1, 2, 13], [17, 18, 29]


@dataclass(frozen=True, slots=True)
class GhostMaskRule:
    """How a mask is drawn; lengths in pixels of a crop of 224.

    Attributes:
        erode: Side of the square by which the face is made smaller; larger where negative.
        sigma_x: Blur along the rows.
        sigma_y: Blur along the columns; twice this is kept free at every border.
    """

    erode: int
    sigma_x: int
    sigma_y: int

    @property
    def brow_factor(self) -> float:
        """How far the brows are raised, in halves of their height over the eyes."""
        if self.erode == 15:
            return 2.7
        return 0.5 if self.erode < 0 else 2.0


def choose_rule(swapped: Array, target: Array) -> GhostMaskRule:
    """Choose by how much wider the swapped face is than the target's.

    Args:
        swapped: (106, 2) landmarks of the swapped face in a crop of 224.
        target: (106, 2) landmarks of the target's face in the same crop.
    """
    left = float((swapped[_LEFT_JAW, 0] - target[_LEFT_JAW, 0]).sum())
    right = float((target[_RIGHT_JAW, 0] - swapped[_RIGHT_JAW, 0]).sum())
    offset = max(left, right)
    if offset > 6:
        return GhostMaskRule(15, 15, 10)
    if offset > 3:
        return GhostMaskRule(10, 10, 8)
    if offset < -3:
        return GhostMaskRule(-5, 5, 10)
    return GhostMaskRule(5, 5, 5)


def draw_mask(landmarks: Array, rule: GhostMaskRule) -> Array:
    """Draw the mask (224, 224) uint8, 0 to 255.

    Args:
        landmarks: (106, 2) landmarks of the swapped face in a crop of 224.
        rule: From ``choose_rule``.
    """
    points = landmarks.astype(np.int32)  # whole pixels, as in the reference
    lift = rule.brow_factor * 0.5 * (points[_BROWS] - points[_EYE_TOPS])
    points[_BROWS] = (points[_BROWS] + lift).astype(np.int32)
    mask = np.zeros((SIDE, SIDE), np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(points), 255)
    square = np.ones((abs(rule.erode), abs(rule.erode)), np.uint8)
    mask = np.asarray(cv2.erode(mask, square) if rule.erode > 0 else cv2.dilate(mask, square))
    edge = 2 * rule.sigma_y
    mask[:edge] = mask[-edge:] = 0
    mask[:, :edge] = mask[:, -edge:] = 0
    return np.asarray(
        cv2.GaussianBlur(mask, (0, 0), sigmaX=rule.sigma_x, sigmaY=rule.sigma_y), np.uint8
    )
