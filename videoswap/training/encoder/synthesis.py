"""New faces made of two: more people than there are photos, and faces pasted onto others.

The teacher says who they are, so they need no label of their own:

- ``shape``: a face with its landmarks moved towards, past or away from another one's;
- ``morph``: the average of two faces, in shape and in color;
- ``paste``, ``paste_bent``: the inner face of one on a partner with near landmarks, in the
  partner's color; bent ones are warped onto the partner's landmarks first. The label is that of
  the pasted face, so that an encoder learns to look at the inner face alone.

Source of pasting: BlendFace (Shiohara et al., ICCV 2023, arXiv 2307.10854). Its partners are
chosen by landmarks too; its regions come from a parser, ours from landmarks.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ...engines.mesh.warp import warp_tps
from ...geometry.face_masks import fill_hull, forehead_points
from ...records import Array
from ..pasting import Partners, match_color

KINDS = ("shape", "morph", "paste", "paste_bent")
_SHAPE, _MORPH = 0.2, 0.4  # shares of the kinds; the rest is pasted, half of it bent
_CANDIDATES, _NEAREST = 400, 6  # a partner is one of the nearest of so many
_COLOR_LIMITS = (0.5, 2.0)  # of the factor on the spread of a pasted face's color
_FOREHEAD = 0.1
# Where the border of the crop stays when a face is warped.
_BORDER = np.array([[x, y] for x in (0, 0.5, 1) for y in (0, 0.5, 1) if (x, y) != (0.5, 0.5)])


@dataclass(frozen=True, slots=True, eq=False)
class Synthetic:
    """A made face.

    Attributes:
        picture: (S, S, 3) uint8 RGB.
        landmarks: (68, 2) float32 in its pixels.
        kind: One of ``KINDS``.
        first: Index of the face that was changed or pasted.
        second: Index of the other one.
    """

    picture: Array
    landmarks: Array
    kind: str
    first: int
    second: int

    @property
    def is_pasted(self) -> bool:
        """Whether it shows the inner face of ``first`` and nothing else of it."""
        return self.kind.startswith("paste")


class Synthesizer:
    """Makes new faces of those that are given.

    Args:
        pictures: Aligned crops (S, S, 3) uint8 RGB, all of one size.
        landmarks: (N, 68, 2) float32 in their pixels.
    """

    def __init__(self, pictures: list[Array], landmarks: Array) -> None:
        self._pictures, self._landmarks = pictures, landmarks
        people = np.arange(len(landmarks))
        self._partners = Partners(landmarks, people, nearest=_NEAREST, among=_CANDIDATES)

    def make(self, random: np.random.Generator) -> Synthetic:
        """Make one face from random numbers."""
        first = int(random.integers(len(self._pictures)))
        kind = random.random()
        if kind < _SHAPE:
            return self._reshaped(first, random)
        if kind < _SHAPE + _MORPH:
            return self._morphed(first, random)
        return self._pasted(first, random)

    def _reshaped(self, first: int, random: np.random.Generator) -> Synthetic:
        second = int(random.integers(len(self._pictures)))
        goal = self._between(first, second, random.uniform(-0.6, 1.1))
        picture = _moved(self._pictures[first], self._landmarks[first], goal)
        return Synthetic(_in_bytes(picture), goal, "shape", first, second)

    def _morphed(self, first: int, random: np.random.Generator) -> Synthetic:
        second = int(random.integers(len(self._pictures)))
        shape, color = random.uniform(0, 1), random.uniform(0.25, 0.75)
        goal = self._between(first, second, shape)
        one = _moved(self._pictures[first], self._landmarks[first], goal)
        other = _moved(self._pictures[second], self._landmarks[second], goal)
        return Synthetic(_in_bytes((1 - color) * one + color * other), goal, "morph", first, second)

    def _pasted(self, first: int, random: np.random.Generator) -> Synthetic:
        found = self._partners.choose(first, random)
        second = first if found is None else found
        bent = random.random() < 0.5
        partner, there = self._pictures[second], self._landmarks[second]
        size = len(partner)
        if bent:
            landmarks = there
            face = _moved(self._pictures[first], self._landmarks[first], there)
        else:
            landmarks = self._landmarks[first]
            face = self._pictures[first].astype(np.float32)
        mask = _inner(landmarks, size)
        if not bent:
            mask = np.minimum(mask, _inner(there, size))
        mask = cv2.GaussianBlur(cv2.erode(mask, np.ones((7, 7))), (15, 15), 0)[..., None]
        inside = mask[..., 0] > 0.5
        matched = match_color(face, partner, inside, inside, limits=_COLOR_LIMITS)
        face = face if matched is None else matched
        mixed = mask * face + (1 - mask) * partner
        kind = "paste_bent" if bent else "paste"
        return Synthetic(_in_bytes(mixed), landmarks, kind, first, second)

    def _between(self, first: int, second: int, share: float) -> Array:
        one, other = self._landmarks[first], self._landmarks[second]
        return np.asarray(one + share * (other - one), np.float32)


def _moved(picture: Array, landmarks: Array, goal: Array) -> Array:
    """Warp a square picture so that its landmarks come to others; returns float32."""
    size = len(picture)
    first, last = (np.vstack([points / size, _BORDER]) for points in (landmarks, goal))
    return warp_tps(picture, first, last, size)[0]


def _inner(landmarks: Array, size: int) -> Array:
    return fill_hull(np.vstack([landmarks, forehead_points(landmarks, _FOREHEAD)]), size)


def _in_bytes(picture: Array) -> Array:
    return np.clip(picture + 0.5, 0, 255).astype(np.uint8)
