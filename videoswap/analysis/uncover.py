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
from ..brightness import brightened, log_ratio
from ..finding.appearance import FRAMING, SIDE, Appearance
from ..finding.geometry import warp
from ..finding.landmarks import Landmarker
from ..finding.views import FramePicture
from ..occlusion.own import load_network
from ..occlusion.reference import Look
from ..records import Array, Face
from .store import Store

#: Pictures of the analysis between two pts, both included.
Pictures = Callable[[int, int], Iterator[FramePicture]]
#: Returns, or raises if the user wants to stop.
CarryOn = Callable[[], None]

MEAN_FACE = Path(__file__).with_name("mean_face.npz")
HIDDEN = 0.025  # share of a face from which on something is before it
GONE = 0.85  # share from which on nothing is left to go by
SMALLEST = 40.0  # pixels; landmarks of smaller faces are not worth it
SURE = 0.4  # what the network has to say of a pixel that is taken away
ROUNDS = 2
ENOUGH = 0.004  # of the region's side: where they moved by less, another round would find no more
REGION = 288  # pixels of the surroundings in which landmarks are found again
WIDE = 0.5 + (FRAMING - 0.5) * 0.62  # framing of these
FAINT = 0.02  # weight of a hidden landmark against a visible one
_LIGHT = 14.0  # pixels of the framed face over which light is compared
_GRID = 32  # side at which that is done, since light is smooth


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

    @classmethod
    def kept(cls, one: Appearance) -> Clean:
        """Take a picture that the analysis kept."""
        return cls(one.pts, one.picture().astype(np.float32), one.landmarks.astype(np.float64))


@dataclass(frozen=True, slots=True)
class Hidden:
    """A track with something before its face.

    Attributes:
        track: Its number.
        spans: First and last pts, both included, of the times at which something may be there.
        free: The pts of its pictures with nothing before the face.
    """

    track: int
    spans: tuple[tuple[int, int], ...]
    free: tuple[int, ...]


def uncover(store: Store, pictures: Pictures, landmarker: Landmarker, carry_on: CarryOn) -> None:
    """Find the landmarks again wherever something is before a face.

    Args:
        store: The analysis, with all frames in and not finished; its landmarks are replaced, all
            or none of them.
        pictures: Gives frames again.
        landmarker: Finds landmarks.
        carry_on: Called often; raises to end early.
    """
    look = load_network()
    hidden = []
    for track, first, last, _ in store.spans():
        carry_on()
        one = _sorted_out(store, track, first, last, look)
        if one.spans:
            hidden.append(one)
    store.replace_landmarks(_all_found_again(store, hidden, pictures, landmarker, look, carry_on))


def _sorted_out(store: Store, track: int, first: int, last: int, look: Look) -> Hidden:
    """Look at the pictures of a track for something before the face."""
    kept = store.appearance_pts(track)
    if not kept or store.faces(track, kept[0], kept[0])[0].size < SMALLEST:
        return Hidden(track, (), ())
    free, doubtful = [], []
    times = [first, *kept, last]
    for before, pts, after in zip(times, kept, times[2:], strict=False):
        clean = Clean.kept(store.appearance(track, pts))
        if hidden_share(look(clean.picture, clean.picture), clean.landmarks) < HIDDEN:
            free.append(pts)
        else:
            doubtful.append((before, after))
    return Hidden(track, tuple(_merged(doubtful)), tuple(free))


def _all_found_again(
    store: Store,
    hidden: Sequence[Hidden],
    pictures: Pictures,
    landmarker: Landmarker,
    look: Look,
    carry_on: CarryOn,
) -> Iterator[tuple[int, int, Array, Array]]:
    """Yield track, pts, landmarks and which of them are hidden; see ``Store.replace_landmarks``."""
    latest: dict[int, Clean] = {}  # a free face of each track that is seen just now
    for begin, end in _merged([span for one in hidden for span in one.spans]):
        here = [one for one in hidden if any(s <= end and begin <= e for s, e in one.spans)]
        for frame in pictures(begin, end):
            carry_on()
            for one in here:
                if not any(first <= frame.pts <= last for first, last in one.spans):
                    latest.pop(one.track, None)
                    continue
                for face in store.faces(one.track, frame.pts, frame.pts):
                    free = nearest_free(store, one, frame.pts, latest.get(one.track))
                    latest[one.track] = free
                    made = _found_again(frame, face, free, landmarker, look)
                    if made is not None:
                        yield one.track, frame.pts, *made
        latest.clear()


def nearest_free(store: Store, hidden: Hidden, pts: int, latest: Clean | None) -> Clean:
    """Return the free face of a track that is nearest in time, an average one if it has none."""
    if not hidden.free:
        return latest or Clean.average()
    nearest = min(hidden.free, key=lambda free: abs(free - pts))
    if latest is not None and latest.pts == nearest:
        return latest
    return Clean.kept(store.appearance(hidden.track, nearest))


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
    frame: FramePicture, face: Face, free: Clean, landmarker: Landmarker, look: Look
) -> tuple[Array, Array] | None:
    """Return landmarks and which are hidden; None if nothing is before the face, or all of it."""
    assert face.landmarks is not None  # the store always has them
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
        before = points
        points = landmarker.landmarks(filled, five_points(placed).astype(np.float32))
        points = points.astype(np.float64)
        if np.linalg.norm(points - before, axis=1).mean() < ENOUGH * REGION:
            break
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
    seen = np.dstack([log_ratio(picture, bare) * visible, visible])
    coarse = cv2.resize(seen, (_GRID, _GRID), interpolation=cv2.INTER_AREA)
    coarse = cv2.GaussianBlur(coarse, (0, 0), _LIGHT * _GRID / SIDE)
    light = cv2.resize(coarse[..., :3] / (coarse[..., 3:] + 0.02), (SIDE, SIDE))
    lit = brightened(bare, np.exp(light))
    there = cv2.dilate((front > SURE).astype(np.float32), np.ones((5, 5), np.uint8))
    soft = cv2.GaussianBlur(there, (0, 0), 1.2)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    laid, share = (
        cv2.warpAffine(one, matrix, (REGION, REGION), flags=flags) for one in (lit, soft)
    )
    both = cv2.blendLinear(region.astype(np.float32), laid, 1 - share, share)
    return np.rint(both).clip(0, 255).astype(np.uint8)
