"""Landmarks of faces with something before them, found once more with that taken away.

A hand before a face leads the landmarks astray, also those that it does not cover, and with them
the outline that is swapped. After the pass over the frames it is known what every face looks like
when nothing is before it. Where something is, that look is laid over it, in the frame's light and
in the place that the visible landmarks tell, and the landmarks are found again. A face that is
never free gets an average one instead: still better than what a hand makes of a jaw.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ..alignment import compose, crop_matrix, five_points, invert, similarity, transform
from ..blending import masks
from ..occlusion.own import load_network
from ..occlusion.reference import Look
from ..records import Array, Face
from .appearance import FRAMING, SIDE
from .geometry import warp
from .landmarks import Landmarker
from .store import Store
from .views import FramePicture

#: Pictures of the analysis between two pts, both included.
Pictures = Callable[[int, int], Iterator[FramePicture]]

MEAN_FACE = Path(__file__).with_name("mean_face.npz")
HIDDEN = 0.025  # share of a face from which on something is before it
GONE = 0.85  # share from which on nothing is left to go by
SMALLEST = 40.0  # pixels; landmarks of smaller faces are not worth it
SURE = 0.4  # what the network has to say of a pixel that is taken away
ROUNDS = 2
REGION = 288  # pixels of the surroundings in which landmarks are found again
WIDE = 0.5 + (FRAMING - 0.5) * 0.62  # framing of these
FAINT = 0.02  # weight of a hidden landmark against a visible one
_FLOOR = 12.0  # of 255: below this a ratio of two pixels is noise
_LIGHT = 14.0  # pixels of the framed face over which light is compared


@dataclass(frozen=True, slots=True, eq=False)
class Clean:
    """A face with nothing before it.

    Attributes:
        pts: The frame; None for the average face, which is nobody's.
        picture: (SIDE, SIDE, 3) float32 RGB, 0 to 255.
        landmarks: (68, 2) float64 in its pixels.
    """

    pts: int | None
    picture: Array
    landmarks: Array

    @classmethod
    def average(cls) -> Clean:
        """Load the average face (``scripts/occlusion/mean_face.py``)."""
        with np.load(MEAN_FACE) as kept:
            return cls(
                None, kept["picture"].astype(np.float32), kept["landmarks"].astype(np.float64)
            )


@dataclass(frozen=True, slots=True, eq=False)
class Uncovered:
    """Landmarks found again.

    Attributes:
        track: The track.
        pts: The frame.
        landmarks: (68, 2) float32 in upright full-resolution pixels.
        hidden: (68,) bool, which of them something is before.
    """

    track: int
    pts: int
    landmarks: Array
    hidden: Array


def uncover(store: Store, pictures: Pictures, landmarker: Landmarker) -> None:
    """Find the landmarks again wherever something is before a face.

    Args:
        store: The analysis, with all frames in and not finished; its landmarks are replaced.
        pictures: Gives frames again.
        landmarker: Finds landmarks.
    """
    look = load_network()
    clean: dict[int, list[Clean]] = {}
    spans: list[tuple[int, int, int]] = []
    for track, first, last, _ in store.spans():
        free, doubtful = _sorted_out(store, track, first, last, look)
        if doubtful:
            clean[track] = free or [Clean.average()]
            spans += [(begin, end, track) for begin, end in doubtful]
    found: list[Uncovered] = []
    for begin, end in _merged([(begin, end) for begin, end, _ in spans]):
        for frame in pictures(begin, end):
            tracks = {track for low, high, track in spans if low <= frame.pts <= high}
            for track in sorted(tracks):
                for face in store.faces(track, frame.pts, frame.pts):
                    made = _found_again(frame, face, clean[track], landmarker, look)
                    if made is not None:
                        found.append(Uncovered(track, frame.pts, *made))
    store.replace_landmarks([(one.track, one.pts, one.landmarks, one.hidden) for one in found])


def _sorted_out(
    store: Store, track: int, first: int, last: int, look: Look
) -> tuple[list[Clean], list[tuple[int, int]]]:
    """Return the free faces among the pictures of a track, and the times between hidden ones."""
    free, doubtful = [], []
    kept = store.appearances(track)
    if kept and store.faces(track, kept[0].pts, kept[0].pts)[0].size < SMALLEST:
        return [], []
    times = [first, *(one.pts for one in kept), last]
    for number, one in enumerate(kept):
        picture = one.picture().astype(np.float32)
        if hidden_share(look(picture, picture), one.landmarks) < HIDDEN:
            free.append(Clean(one.pts, picture, one.landmarks.astype(np.float64)))
        else:
            doubtful.append((times[number], times[number + 2]))
    return free, doubtful


def hidden_share(front: Array, landmarks: Array) -> float:
    """Return how much of a face something is before.

    Args:
        front: (SIDE, SIDE) float32, 0 to 1, of the framed face.
        landmarks: (68, 2) in its pixels.
    """
    outline = np.vstack([landmarks, masks.forehead(landmarks, 0.1)])
    face = masks.hull(outline, len(front)) > 0.5
    return float((front[face] > 0.5).mean()) if face.any() else 0.0


def _merged(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the union of spans of time."""
    merged: list[tuple[int, int]] = []
    for begin, end in sorted(spans):
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((begin, end))
    return merged


def _found_again(
    frame: FramePicture, face: Face, clean: Sequence[Clean], landmarker: Landmarker, look: Look
) -> tuple[Array, Array] | None:
    """Return landmarks and which are hidden; None if nothing is before the face, or all of it."""
    assert face.landmarks is not None  # the store always has them
    free = min(clean, key=lambda one: 0 if one.pts is None else abs(one.pts - frame.pts))
    seen = transform(frame.matrix, face.landmarks.astype(np.float64))
    whole = crop_matrix(five_points(seen), WIDE, REGION)
    region = warp(frame.picture, whole, REGION)
    points = transform(whole, seen)
    hidden = np.zeros(68, bool)
    for turn in range(ROUNDS):
        matrix = crop_matrix(five_points(points), FRAMING, SIDE)
        picture = warp(region, matrix, SIDE).astype(np.float32)
        onto = similarity(free.landmarks, transform(matrix, points))
        size = (SIDE, SIDE)
        bare = cv2.warpAffine(free.picture, onto, size, borderMode=cv2.BORDER_REPLICATE)
        front = look(picture, picture if free.pts is None else bare)
        if turn == 0 and not HIDDEN < hidden_share(front, transform(matrix, points)) < GONE:
            return None
        hidden = _covered(front, transform(matrix, points))
        placed = fitted(free.landmarks, points, np.where(hidden, FAINT, 1.0))
        filled = _filled(region, matrix, front, free, placed)
        points = landmarker.landmarks(filled, five_points(placed).astype(np.float32))
        points = points.astype(np.float64)
    full = transform(compose(invert(frame.matrix), invert(whole)), points)
    return full.astype(np.float32), hidden


def _covered(front: Array, points: Array) -> Array:
    """Return which landmarks lie under or close to something."""
    near = cv2.dilate((front > SURE).astype(np.uint8), np.ones((7, 7), np.uint8))
    x, y = np.clip(points.round().astype(int), 0, len(front) - 1).T
    return np.asarray(near[y, x] > 0)


def fitted(shape: Array, points: Array, weights: Array) -> Array:
    """Place a shape (68, 2) on points (68, 2) by a similarity transform that odd ones do not move.

    Reweighted least squares with Tukey's biweight.
    """
    trust = weights
    placed = shape
    for _ in range(6):
        share = (trust / trust.sum())[:, None]
        a, b = shape - (share * shape).sum(axis=0), points - (share * points).sum(axis=0)
        norm = float((share * a * a).sum())
        cos = float((share * a * b).sum()) / norm
        sin = float((share[:, 0] * (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])).sum()) / norm
        placed = a @ np.array([[cos, sin], [-sin, cos]]) + (share * points).sum(axis=0)
        error = np.linalg.norm(placed - points, axis=1)
        width = 3 * 1.4826 * float(np.median(error)) + 1e-3
        trust = weights * np.maximum(1 - (error / width) ** 2, 0.0) ** 2 + 1e-6
    return np.asarray(placed)


def _filled(region: Array, matrix: Array, front: Array, free: Clean, placed: Array) -> Array:
    """Lay the free face over what is before the face.

    Args:
        region: (REGION, REGION, 3) uint8 RGB.
        matrix: (2, 3) from its pixels to those of ``front``.
        front: (SIDE, SIDE) float32, 0 to 1.
        free: The free face.
        placed: (68, 2) where its landmarks lie in the region.
    """
    picture = warp(region, matrix, SIDE).astype(np.float32)
    onto = similarity(free.landmarks, transform(matrix, placed))
    bare = cv2.warpAffine(free.picture, onto, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)
    visible = (front < 0.3).astype(np.float32)[..., None]
    ratio = np.log((picture + _FLOOR) / (bare + _FLOOR))
    weight = cv2.GaussianBlur(visible, (0, 0), _LIGHT)[..., None]
    light = cv2.GaussianBlur(ratio * visible, (0, 0), _LIGHT) / (weight + 0.02)
    lit = np.clip((bare + _FLOOR) * np.exp(light) - _FLOOR, 0, 255)
    there = cv2.dilate((front > SURE).astype(np.float32), np.ones((5, 5), np.uint8))
    both = np.dstack([lit, cv2.GaussianBlur(there, (0, 0), 1.2)]).astype(np.float32)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    laid = cv2.warpAffine(both, matrix, (REGION, REGION), flags=flags)
    share = laid[..., 3:]
    return np.clip(region * (1 - share) + laid[..., :3] * share, 0, 255).astype(np.uint8)
