"""Noise goes, motion and expressions stay."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from videoswap.records import Face
from videoswap.tracking.smoothing import smooth_track

SIZE = 100.0
EYES = ((37, 41), (38, 40), (43, 47), (44, 46))


def shape() -> np.ndarray:
    """Return a rough face: (68, 2) around (0, 0), as wide as SIZE."""
    points = np.random.default_rng(3).uniform(-0.45, 0.45, (68, 2)) * SIZE
    for upper, lower in EYES:
        points[lower] = points[upper] + [0, 0.045 * SIZE]
    return points


def face(pts: int, landmarks: np.ndarray, noise: np.ndarray | float = 0.0) -> Face:
    points = landmarks + noise
    middle = landmarks[:36].mean(axis=0)
    box = np.concatenate([middle - SIZE / 2, middle + SIZE / 2])
    points5 = np.stack([landmarks[place] for place in (36, 45, 30, 48, 54)])
    box, points5, points = (part.astype(np.float32) for part in (box, points5, points))
    return Face(box, points5, 0.9, landmarks=points, pts=pts)


def track(places: np.ndarray, noise: float = 0.0) -> list[Face]:
    rng = np.random.default_rng(0)
    return [
        face(pts, shape() + place, rng.normal(0, noise * SIZE, (68, 2)))
        for pts, place in enumerate(places)
    ]


def landmarks(faces: list[Face]) -> np.ndarray:
    return np.stack([np.asarray(one.landmarks) for one in faces])


def still(count: int) -> np.ndarray:
    return np.tile([200.0, 150.0], (count, 1))


def test_noise_at_rest_is_halved_at_least():
    raw = track(still(60), noise=0.003)
    smooth = landmarks(smooth_track(raw, np.arange(60), {}))
    assert smooth.std(axis=0).mean() < 0.45 * landmarks(raw).std(axis=0).mean()


K = np.arange(40.0)[:, None]
MOTIONS = {
    "even": np.hstack([100 + 6 * K, 100 + 0 * K]),
    "nodding": np.hstack([100 + 0 * K, 100 + 8 * np.sin(K * 2 * np.pi / 16)]),
    "start": np.hstack([100 + 7 * np.maximum(K - 20, 0), 100 + 0 * K]),
    "jerk": np.hstack([100 + 30 * (K > 20), 100 + 0 * K]),
}


@pytest.mark.parametrize("name", MOTIONS)
def test_motion_is_followed_without_lag(name):
    raw = track(MOTIONS[name])
    smooth = smooth_track(raw, np.arange(40), {})
    error = np.linalg.norm(landmarks(smooth) - landmarks(raw), axis=2)
    assert error.max() < 0.02 * SIZE


@pytest.mark.parametrize("closing", [(1, 1, 1), (0.6, 1, 0.6), (0.3, 1, 0.3)])
@pytest.mark.parametrize("noise", [0.0, 0.001, 0.002])
def test_a_blink_of_three_frames_keeps_four_fifths(closing, noise):
    raw = track(still(50), noise)
    for place, amount in zip((24, 25, 26), closing, strict=True):
        points = np.array(raw[place].landmarks)
        for upper, lower in EYES:
            points[upper] += (points[lower] - points[upper]) * 0.9 * amount
        raw[place] = face(place, points)

    def opening(faces: list[Face]) -> np.ndarray:
        points = landmarks(faces)
        gaps = [np.linalg.norm(points[:, low] - points[:, up], axis=1) for up, low in EYES]
        return np.mean(gaps, axis=0)

    before, after = opening(raw), opening(smooth_track(raw, np.arange(50), {}))
    assert np.median(after) - after[25] > 0.8 * (np.median(before) - before[25])


@pytest.mark.parametrize("missing", [1, 10])
def test_a_gap_stays_and_nothing_is_mixed_over_it(missing):
    places = np.hstack([100 + 50 * (K >= 15), 100 + 0 * K])
    there = [one for one in track(places) if not 15 <= one.pts < 15 + missing]
    smooth = smooth_track(there, np.arange(40), {})
    assert [one.pts for one in smooth] == [one.pts for one in there]
    assert np.abs(landmarks(smooth) - landmarks(there)).max() < 0.001 * SIZE


def test_a_filled_face_keeps_its_score():
    raw = track(still(9))
    raw[4] = replace(raw[4], score=0.0)
    assert [one.score for one in smooth_track(raw, np.arange(9), {})] == [one.score for one in raw]


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_short_tracks(count):
    raw = track(still(count))
    smooth = smooth_track(raw, np.arange(10), {})
    assert [one.pts for one in smooth] == list(range(count))
    for one, other in zip(raw, smooth, strict=True):
        assert np.allclose(one.landmarks, other.landmarks, atol=0.01)


def test_scale_and_turn_are_followed():
    faces = []
    for k in range(40):
        angle, scale = 0.02 * k, 1.02**k
        turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        faces.append(face(k, shape() @ turn.T + 300))
    smooth = landmarks(smooth_track(faces, np.arange(40), {}))
    assert np.linalg.norm(smooth - landmarks(faces), axis=2).max() < 0.02 * SIZE
