"""Refines the landmarks of occluded faces, with the occlusion known.

A hand in front of a face moves the landmarks, also those that it does not cover, and with them the
outline that is swapped. After the scan it is known what every face looks like unoccluded, so
occlusions can be segmented, and a network that is given them corrects the landmarks. Its mean error
on unoccluded pictures of the same face is subtracted. This is done for swapped tracks alone.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

import cv2
import numpy as np

from ..detection.appearance import FRAMED_SIZE, FRAMING, Appearance
from ..detection.face_models import FaceModels
from ..detection.face_view import FramePicture
from ..detection.occluded_landmarks import (
    SURROUNDINGS,
    OccludedLandmarker,
    load_occluded_landmarker,
)
from ..geometry.affine import compose, crop_matrix, five_points, invert, similarity, transform
from ..geometry.resample import warp
from ..occlusion.builtin import load_networks
from ..occlusion.reference import OcclusionNetwork
from ..occlusion.segmenter import occluded_fraction
from ..records import Array, Face
from .dense_smoothing import spread
from .store import RefinedLandmarks, Store

#: ReadFrames of the analysis between two pts, both included.
ReadFrames = Callable[[int, int], Iterator[FramePicture]]
#: Returns, or raises if the user wants to stop.
CarryOn = Callable[[], None]

T = TypeVar("T")
R = TypeVar("R")

OCCLUDED_FRACTION = 0.025  # share of a face from which on something is before it
HIDDEN_FRACTION = 0.85  # share from which on nothing is left to go by
# See `in_profile`: all but one in 200 of the faces the network knows are turned less, and of the
# rest 19 in 20 have a nose that lies further aside.
PROFILE_JAW, PROFILE_NOSE = 0.9, 0.55
MIN_FACE_SIZE = 40.0  # pixels; landmarks of smaller faces are not worth it
SURE_OCCLUDED = 0.4  # what the network has to say of a pixel for a landmark there to be hidden
ROUNDS = 3
ERROR_PICTURES = 12  # free pictures that tell what the network is wrong by
WORKERS = 4  # threads at most
TRACKS_PER_COMMIT = 64  # tracks of which either all or none are kept


@dataclass(frozen=True, slots=True, eq=False)
class UnoccludedView:
    """A face with nothing before it.

    Attributes:
        pts: The frame.
        picture: (FRAMED_SIZE, FRAMED_SIZE, 3) float32 RGB, 0 to 255.
        landmarks: (68, 2) float64 in its pixels.
    """

    pts: int
    picture: Array
    landmarks: Array

    @classmethod
    def kept(cls, one: Appearance) -> UnoccludedView:
        """Take a picture that the analysis kept."""
        return cls(one.pts, one.picture().astype(np.float32), one.landmarks.astype(np.float64))


@dataclass(frozen=True, slots=True)
class OcclusionModels:
    """What looks at faces here.

    Attributes:
        coarse_model: Says roughly what is in front of a face.
        look: Says it well, at four times the cost.
        faces: Say where landmarks seem to be.
        place: Says where they are.
    """

    coarse_model: OcclusionNetwork
    look: OcclusionNetwork
    faces: FaceModels
    place: OccludedLandmarker


@dataclass(frozen=True, slots=True, eq=False)
class OccludedTrack:
    """A track with something before its face.

    Attributes:
        number: Its number.
        spans: First and last pts, both included, of the times at which something may be there.
        free: The pts of its pictures with nothing before the face.
        error: (68, 2) what the network is wrong by on these, in pixels of its pictures; 0 where
            that is not known.
    """

    number: int
    spans: tuple[tuple[int, int], ...]
    free: tuple[int, ...]
    error: Array


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """A face that may have something before it.

    Attributes:
        track: Its track.
        frame: The frame.
        face: The face as it was found.
        free: The same face with nothing before it; None if there is none.
    """

    track: OccludedTrack
    frame: FramePicture
    face: Face
    free: UnoccludedView | None


def refine_occluded_landmarks(
    store: Store,
    tracks: Sequence[int],
    pictures: ReadFrames,
    coarse_model: OcclusionNetwork,
    faces: FaceModels,
    carry_on: CarryOn,
    expect: Callable[[int], None] | None = None,
) -> None:
    """Find the landmarks of some tracks again wherever something is before the face.

    Args:
        store: A finished analysis; gets what is found, see `with_refined_landmarks`.
        tracks: Their numbers. What was found for some of them is kept if it ends early.
        pictures: Gives frames again.
        coarse_model: Says roughly what is in front of a face.
        faces: Find landmarks.
        carry_on: Called often; raises to end early.
        expect: Told how often more, once that is known for some tracks.
    """
    spans = {track: (first, last) for track, first, last, _ in store.spans()}
    models: OcclusionModels | None = None
    with ThreadPoolExecutor(min(WORKERS, os.cpu_count() or 1)) as pool:
        for begin in range(0, len(tracks), TRACKS_PER_COMMIT):
            some = tracks[begin : begin + TRACKS_PER_COMMIT]
            asked = ((track, *spans[track]) for track in _checked(carry_on, some))
            occluded = _in_order(
                pool, lambda track: _occluded_track(store, *track, coarse_model), asked
            )
            hidden = [one for one in occluded if one is not None]
            if hidden and models is None:
                models = OcclusionModels(
                    coarse_model,
                    load_networks(coarse_model),
                    faces,
                    load_occluded_landmarker(),
                )
            if expect is not None:
                doubtful = sum(
                    store.count_faces(one.number, *span) for one in hidden for span in one.spans
                )
                expect(len(hidden) + doubtful + len(tracks) - begin - len(some))
            found = _refined(store, hidden, pictures, models, pool, carry_on) if models else ()
            store.add_refined(some, found)


def with_refined_landmarks(
    faces: Sequence[Face], motions: Mapping[int, Array], found: Sequence[RefinedLandmarks]
) -> tuple[list[Face], dict[int, Array]]:
    """Return faces and motions with what was found again; what is hidden did not move as seen."""
    by_pts = {one.pts: one for one in found}
    right = [
        _with_landmarks(face, by_pts[face.pts].landmarks) if face.pts in by_pts else face
        for face in faces
    ]
    moved = {
        pts: np.where(by_pts[pts].hidden[:, None], np.float32(np.nan), motion)
        if pts in by_pts
        else motion
        for pts, motion in motions.items()
    }
    return right, moved


def _with_landmarks(face: Face, landmarks: Array) -> Face:
    """Return a face with other landmarks; the dense ones move with those near them."""
    dense = face.dense_landmarks
    if dense is not None:
        assert face.landmarks is not None  # the store always has them
        dense = dense.copy()
        dense[:, :2] += spread(landmarks - face.landmarks)
    return replace(face, landmarks=landmarks, dense_landmarks=dense)


def framed_by_refined_landmarks(
    store: Store, track: int, looks: Iterable[Appearance]
) -> Iterator[Appearance]:
    """Yield the pictures of a track; framed by refined landmarks where there are any."""
    for look in looks:
        for one in store.refined(track, look.pts, look.pts):
            face = store.faces(track, look.pts, look.pts)[0]
            assert face.landmarks is not None  # the store always has them
            onto = similarity(face.landmarks, look.landmarks)
            look = look.with_landmarks(transform(onto, one.landmarks.astype(np.float64)))
        yield look


def _refined(
    store: Store,
    hidden: Sequence[OccludedTrack],
    pictures: ReadFrames,
    models: OcclusionModels,
    pool: ThreadPoolExecutor,
    carry_on: CarryOn,
) -> Iterator[RefinedLandmarks]:
    """Yield what is found of tracks with something before the face."""
    known = _in_order(
        pool, lambda one: _known(store, one, models.place), _checked(carry_on, hidden)
    )
    tasks = _checked(carry_on, _tasks(store, list(known), pictures))
    found = _in_order(pool, lambda task: _refine_face(task, models), tasks)
    return (one for one in found if one is not None)


def _checked(carry_on: CarryOn, items: Iterable[T]) -> Iterator[T]:
    """Yield the items, and ask before each whether to go on."""
    for item in items:
        carry_on()
        yield item


def _in_order(pool: ThreadPoolExecutor, work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """Yield what becomes of the items, in their order; a few are worked on at a time."""
    running: deque[Future[R]] = deque()
    for item in items:
        running.append(pool.submit(work, item))
        if len(running) > 2 * WORKERS:
            yield running.popleft().result()
    while running:
        yield running.popleft().result()


def _occluded_track(
    store: Store, track: int, first: int, last: int, coarse_model: OcclusionNetwork
) -> OccludedTrack | None:
    """Search the pictures of a track for occlusions; None if there are none."""
    kept = store.appearance_pts(track)
    if not kept or store.faces(track, kept[0], kept[0])[0].size < MIN_FACE_SIZE:
        return None
    free, doubtful = [], []
    times = [first, *kept, last]
    for before, pts, after in zip(times, kept, times[2:], strict=False):
        one = UnoccludedView.kept(store.appearance(track, pts))
        if (
            occluded_fraction(coarse_model(one.picture, one.picture), one.landmarks)
            < OCCLUDED_FRACTION
        ):
            free.append(pts)
        else:
            doubtful.append((before, after))
    if not doubtful:
        return None
    return OccludedTrack(track, tuple(_merged(doubtful)), tuple(free), np.zeros((68, 2)))


def _known(store: Store, hidden: OccludedTrack, place: OccludedLandmarker) -> OccludedTrack:
    """Return the track with what the network is wrong by."""
    some = hidden.free[:: 1 + len(hidden.free) // ERROR_PICTURES]
    if not some:
        return hidden
    faces = (UnoccludedView.kept(store.appearance(hidden.number, pts)) for pts in some)
    return replace(hidden, error=np.mean([error_on(face, place) for face in faces], axis=0))


def error_on(free: UnoccludedView, place: OccludedLandmarker) -> Array:
    """Return what the network is wrong by on a free face, (68, 2) in pixels of its pictures."""
    matrix = crop_matrix(five_points(free.landmarks), SURROUNDINGS, FRAMED_SIZE)
    size = (FRAMED_SIZE, FRAMED_SIZE)
    picture = cv2.warpAffine(free.picture, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    right = transform(matrix, free.landmarks)
    found, _ = place(picture, np.zeros(size, np.float32), right)
    return np.asarray(found - right)


def _tasks(store: Store, hidden: Sequence[OccludedTrack], pictures: ReadFrames) -> Iterator[Task]:
    """Yield every face that may have something before it."""
    latest: dict[int, UnoccludedView] = {}  # a free face of each track that is seen just now
    for begin, end in _merged([span for one in hidden for span in one.spans]):
        here = [one for one in hidden if any(s <= end and begin <= e for s, e in one.spans)]
        for frame in pictures(begin, end):
            for one in here:
                if not any(first <= frame.pts <= last for first, last in one.spans):
                    latest.pop(one.number, None)
                    continue
                for face in store.faces(one.number, frame.pts, frame.pts):
                    free = nearest_free(store, one, frame.pts, latest.get(one.number))
                    if free is not None:
                        latest[one.number] = free
                    yield Task(one, frame, face, free)
        latest.clear()


def nearest_free(
    store: Store, hidden: OccludedTrack, pts: int, latest: UnoccludedView | None
) -> UnoccludedView | None:
    """Return the free face of a track that is nearest in time, None if it has none."""
    if not hidden.free:
        return None
    nearest = min(hidden.free, key=lambda free: abs(free - pts))
    if latest is not None and latest.pts == nearest:
        return latest
    return UnoccludedView.kept(store.appearance(hidden.number, nearest))


def in_profile(landmarks: Array, points5: Array) -> bool:
    """Tell whether a head is turned to the side.

    The tip of the nose lies near one end of the jaw then, and far from the middle between eyes and
    corners of the mouth. A thing before a face can lead the landmarks so far astray too; the
    detector, which found the five points, is hardly ever led astray like that.

    Args:
        landmarks: (68, 2) in the iBUG-68 order.
        points5: (5, 2) as the detector found them, in any similar coordinates.
    """
    left, right, nose = landmarks[0], landmarks[16], landmarks[30]
    by_jaw = _aside(nose - (left + right) / 2, right - left)
    eye, other, tip = points5[:3]
    by_eyes = _aside(tip - points5[[0, 1, 3, 4]].mean(axis=0), other - eye)
    return by_jaw > PROFILE_JAW and by_eyes > PROFILE_NOSE


def _aside(off: Array, across: Array) -> float:
    """Return how far something lies along a line, of half its length."""
    return 2 * abs(float(off @ across)) / max(float(across @ across), 1e-6)


def _merged(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the union of spans of time."""
    merged: list[tuple[int, int]] = []
    for begin, end in sorted(spans):
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((begin, end))
    return merged


def _refine_face(task: Task, models: OcclusionModels) -> RefinedLandmarks | None:
    """Return the landmarks of a face with what is before it known.

    None if nothing is before the face, or before all of it, or if it is seen in profile.
    """
    frame, face, free = task.frame, task.face, task.free
    assert face.landmarks is not None  # the store always has them
    points = guess = transform(frame.matrix, face.landmarks.astype(np.float64))
    if in_profile(points, face.points5):
        return None
    for turn in range(ROUNDS):
        matrix = crop_matrix(five_points(points), FRAMING, FRAMED_SIZE)
        look = models.look if turn == ROUNDS - 1 else models.coarse_model
        front = _front(frame, matrix, transform(matrix, points), free, look)
        if (
            turn == 0
            and not OCCLUDED_FRACTION
            < occluded_fraction(front, transform(matrix, points))
            < HIDDEN_FRACTION
        ):
            return None
        if turn > 0:  # where the face is known better now
            found, _ = models.faces.landmarks(frame.picture, five_points(points).astype(np.float32))
            guess = found.astype(np.float64)
        around = crop_matrix(five_points(points), SURROUNDINGS, FRAMED_SIZE)
        picture = warp(frame.picture, around, FRAMED_SIZE).astype(np.float32)
        there = cv2.warpAffine(front, compose(around, invert(matrix)), (FRAMED_SIZE, FRAMED_SIZE))
        seen = transform(around, guess)
        own, trust = models.place(picture, there, seen)
        own = own - task.track.error
        points = transform(invert(around), own + trust[:, None] * (seen - own))
    hidden = _covered(front, transform(matrix, points))
    full = transform(invert(frame.matrix), points).astype(np.float32)
    return RefinedLandmarks(task.track.number, frame.pts, full, hidden)


def _front(
    frame: FramePicture,
    matrix: Array,
    points: Array,
    free: UnoccludedView | None,
    look: OcclusionNetwork,
) -> Array:
    """Return what is in front of a face, (FRAMED_SIZE, FRAMED_SIZE) float32, framed by a matrix."""
    picture = warp(frame.picture, matrix, FRAMED_SIZE).astype(np.float32)
    if free is None:
        return look(picture, picture)
    onto = similarity(free.landmarks, points)
    size = (FRAMED_SIZE, FRAMED_SIZE)
    bare = cv2.warpAffine(free.picture, onto, size, borderMode=cv2.BORDER_REPLICATE)
    return look(picture, bare)


def _covered(front: Array, points: Array) -> Array:
    """Return which landmarks lie under or close to something."""
    near = cv2.dilate((front > SURE_OCCLUDED).astype(np.uint8), np.ones((7, 7), np.uint8))
    x, y = np.clip(points.round().astype(int), 0, len(front) - 1).T
    return np.asarray(near[y, x] > 0)
