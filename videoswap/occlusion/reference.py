"""What the face of a track looks like with nothing before it.

The analysis keeps framed pictures of every track. What the network finds in front of the face in
each of them is left out; for every picture the median over those of like pose that are left is a
reference. A thing that is there all the time is in the reference as well, and nothing is known
under a thing that never goes: the network is trained with both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from ..detection.appearance import FACE_REGION, Appearance
from ..geometry.brightness import brightened, log_ratio
from ..records import Array

#: From a picture and its reference, (S, S, 3) float32 RGB, 0 to 255, to what is in front (S, S).
Look = Callable[[Array, Array], Array]
Appearances = Callable[[int], Sequence[Appearance]]

LIKE = 7  # pictures of like pose that make a reference
HIDDEN = 0.3  # from there on a pixel of a picture is left out
TRACKS = 16  # whose references are kept


@dataclass(frozen=True, slots=True, eq=False)
class _Track:
    """The references of one track.

    Attributes:
        landmarks: (n, 68, 2) float32, by which the reference of like pose is chosen.
        pictures: (n, SIDE, SIDE, 3) float32 RGB, 0 to 255.
        known: (n, SIDE, SIDE) uint8, not 0 where they show the face.
    """

    landmarks: Array
    pictures: Array
    known: Array


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """What a face looks like with nothing before it.

    Attributes:
        picture: (SIDE, SIDE, 3) float32 RGB, 0 to 255; where nothing is known, the face as it is.
        known: (SIDE, SIDE) uint8, not 0 where something is.
    """

    picture: Array
    known: Array


class References:
    """Gives the reference of a track that is nearest in pose.

    Args:
        appearances: The pictures of a track by its number.
        look: The network.
    """

    def __init__(self, appearances: Appearances, look: Look) -> None:
        self._appearances = appearances
        self._look = look
        self._track = lru_cache(maxsize=TRACKS)(self._made)

    def __call__(self, track: int, picture: Array, landmarks: Array) -> Reference | None:
        """Return the reference for a framed picture, in its light; None if there is none.

        Args:
            track: Number of the track.
            picture: (SIDE, SIDE, 3) float32 RGB, 0 to 255.
            landmarks: (68, 2) float32 in its pixels.
        """
        made = self._track(track)
        if made is None:
            return None
        apart = np.abs(made.landmarks - landmarks).sum(axis=(1, 2))
        nearest = int(apart.argmin())
        reference, known = made.pictures[nearest], made.known[nearest]
        lit = cv2.copyTo(in_the_light_of(picture, reference), known, picture.copy())
        return Reference(lit, known)

    def _made(self, track: int) -> _Track | None:
        kept = self._appearances(track)
        if not kept:
            return None
        pictures = np.stack([one.picture() for one in kept])
        landmarks = np.stack([one.landmarks for one in kept])
        near = np.ones((5, 5), np.uint8)
        alone = [self._look(one, one) for one in pictures.astype(np.float32)]
        hidden = np.stack([cv2.dilate(front, near) > HIDDEN for front in alone])
        made = [
            _median(pictures, hidden, _nearest(landmarks, number)) for number in range(len(kept))
        ]
        return _Track(
            landmarks, np.stack([one for one, _ in made]), np.stack([known for _, known in made])
        )


def _nearest(landmarks: Array, number: int) -> Array:
    """Return which faces are of most like pose, the face itself among them."""
    apart = np.abs(landmarks - landmarks[number]).sum(axis=(1, 2))
    return np.argsort(apart, kind="stable")[:LIKE]


def _median(pictures: Array, hidden: Array, chosen: Array) -> tuple[Array, Array]:
    """Return the median of what is not hidden of uint8 pictures, and where there is any."""
    ranked = _sorted([np.where(hidden[k][..., None], np.uint8(255), pictures[k]) for k in chosen])
    count = (~hidden[chosen]).sum(axis=0)
    middle = np.maximum(count - 1, 0) // 2  # of those that are not hidden, which come first
    median = ranked[(len(chosen) - 1) // 2].copy()
    for place in range((len(chosen) - 1) // 2):
        fewer = middle == place
        median[fewer] = ranked[place][fewer]
    return median.astype(np.float32), count.astype(np.uint8)


def _sorted(pictures: Sequence[Array]) -> list[Array]:
    """Sort the pixels of some pictures, channel by channel; tens of times as fast as numpy.

    Neighbours change places until all is in order (odd-even transposition sort).
    """
    ranked = list(pictures)
    for turn in range(len(ranked)):
        for k in range(turn % 2, len(ranked) - 1, 2):
            one, other = ranked[k], ranked[k + 1]
            ranked[k], ranked[k + 1] = cv2.min(one, other), cv2.max(one, other)
    return ranked


def in_the_light_of(picture: Array, reference: Array, counts: Array | None = None) -> Array:
    """Make a reference as bright as its picture, by the median pixel of each channel.

    Args:
        picture: (SIDE, SIDE, 3) RGB, 0 to 255.
        reference: (SIDE, SIDE, 3) RGB, 0 to 255.
        counts: (SIDE, SIDE) bool, which pixels count; None for all.

    Returns:
        (SIDE, SIDE, 3) RGB, 0 to 255; float32 if the reference is.
    """
    ratio = log_ratio(picture[FACE_REGION][::2, ::2], reference[FACE_REGION][::2, ::2])
    ratio = ratio.reshape(-1, 3) if counts is None else ratio[counts[FACE_REGION][::2, ::2]]
    if not len(ratio):
        return reference
    gain = np.exp(np.clip(np.median(ratio, axis=0), -0.5, 0.5)).astype(np.float32)
    return brightened(reference, gain)
