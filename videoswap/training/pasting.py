"""Faces pasted onto partners: who is a partner, which region is pasted, and in whose color.

Source: BlendFace (Shiohara et al., ICCV 2023, arXiv 2307.10854), by its published code
(mapooon/BlendFace). A picture that shows one person's inner face in another one's surroundings
keeps the name of the face, so that an encoder learns to look at nothing else.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from ..detection.face_parser import FacePart
from ..records import Array

#: Parts of the face that are pasted; BlendFace's parser counts beards as skin.
PASTED_PARTS = (
    *(FacePart.SKIN, FacePart.BROWS, FacePart.EYES, FacePart.LIPS, FacePart.MOUTH),
    *(FacePart.GLASSES, FacePart.BEARD),
)
_LEAST_OVERLAP = 0.5  # of the larger region
_BLUR = (11, 11)  # pixels of a crop of 112
_LEAST_PIXELS = 16  # whose color can be measured
_LEAST_SPREAD = 1e-3  # added to a standard deviation that is divided by


class Partners:
    """Finds partners of faces: other people whose landmarks are near.

    Args:
        landmarks: (N, K, 2), of all faces, in one framing.
        people: (N,) int64; nobody is a partner of himself.
        nearest: A partner is one of so many nearest faces.
        among: Out of so many that are drawn at random for each search; 0 searches all faces.
    """

    def __init__(self, landmarks: Array, people: Array, *, nearest: int, among: int = 0) -> None:
        self._flat = np.asarray(landmarks).reshape(len(landmarks), -1)
        self._people, self._nearest, self._among = people, nearest, among

    def choose(self, row: int, random: np.random.Generator) -> int | None:
        """Return a partner of a face, or None if there is nobody else.

        Args:
            row: The face.
            random: Draws the faces to search and one of the nearest.
        """
        some = np.arange(len(self._flat))
        if self._among:
            some = random.integers(len(self._flat), size=self._among)
        distance = np.square(self._flat[some] - self._flat[row]).sum(axis=1)
        distance[self._people[some] == self._people[row]] = np.inf
        number = int(random.integers(self._nearest))
        others = int(np.isfinite(distance).sum())
        if not others:
            return None
        return int(some[np.argsort(distance)[number % others]])


def paste_face(face: Array, partner: Array, region: Array, partner_region: Array) -> Array | None:
    """Paste the inner face of one crop onto another, in the other's color.

    The mask is where both regions overlap, eroded by the blur's reach and made soft.

    Args:
        face: (112, 112, 3) uint8 RGB, aligned.
        partner: (112, 112, 3) uint8 RGB, aligned.
        region: (112, 112) bool, the inner face of the first.
        partner_region: (112, 112) bool, that of the second.

    Returns:
        (112, 112, 3) uint8 RGB; None where the regions have no more than half of the larger one
        in common.
    """
    mask: Array = (region & partner_region).astype(np.float64)
    if mask.sum() <= _LEAST_OVERLAP * max(region.sum(), partner_region.sum()):
        return None
    matched = match_color(face, partner, region, partner_region)
    if matched is None:
        return None
    mask = cv2.GaussianBlur(mask, _BLUR, 0)
    mask = cv2.GaussianBlur((mask == mask.max()).astype(np.float64), _BLUR, 0)
    mask = (mask / mask.max())[..., None]
    return np.asarray(matched * mask + partner * (1 - mask)).astype(np.uint8)


def match_color(
    face: Array,
    partner: Array,
    inside: Array,
    partner_inside: Array,
    *,
    limits: tuple[float, float] = (0.0, math.inf),
) -> Array | None:
    """Give a face the mean and spread, in Lab, that its partner has.

    Source: Reinhard et al., "Color Transfer between Images", 2001, in CIE Lab.

    Args:
        face: (H, W, 3) RGB, 0 to 255.
        partner: (H, W, 3) RGB, 0 to 255.
        inside: (H, W) bool, where the face is measured.
        partner_inside: (H, W) bool, where the partner is.
        limits: Least and largest factor on the spread.

    Returns:
        (H, W, 3) float32, 0 to 255; None where less than 16 pixels are measured.
    """
    if min(inside.sum(), partner_inside.sum()) < _LEAST_PIXELS:
        return None
    lab, goal = _lab(np.clip(face, 0, 255)), _lab(partner)
    mine, theirs = lab[inside], goal[partner_inside]
    spread = np.clip(theirs.std(axis=0) / (mine.std(axis=0) + _LEAST_SPREAD), *limits)
    lab = (lab - mine.mean(axis=0)) * spread + theirs.mean(axis=0)
    level = cv2.cvtColor(lab.astype(np.float32), cv2.COLOR_LAB2RGB)
    return np.asarray(np.clip(level, 0, 1) * 255)


def _lab(picture: Array) -> Array:
    return cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
