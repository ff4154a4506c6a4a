"""Dense landmarks over time: noise goes; motion, turns and a blink stay."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from videoswap.detection.dense_landmarks import IBUG_68, POINTS
from videoswap.geometry.face_mesh import MEAN_SHAPE
from videoswap.records import Face
from videoswap.tracking.dense_smoothing import smooth_dense, spread
from videoswap.tracking.smoothing import smooth_track

SIZE = 200.0
FRAMES = 60
UPPER_LID, LOWER_LID = [159, 158, 160, 161, 157], [145, 153, 144, 163, 154]


def head():
    """The mean face in pixels, irises at the middle of the eyes."""
    irises = [MEAN_SHAPE[[33, 133]].mean(axis=0), MEAN_SHAPE[[362, 263]].mean(axis=0)]
    points = np.vstack([MEAN_SHAPE, np.repeat(irises, 5, axis=0)])
    return points * SIZE / np.ptp(points[:, 1])


def filmed(angles, shapes=None):
    """The head over FRAMES frames, moving evenly, turned by (yaw, pitch, roll) in degrees."""
    time = np.linspace(0.0, 1.0, FRAMES)
    turn = Rotation.from_euler("YXZ", time[:, None] * np.array(angles), degrees=True).as_matrix()
    shapes = np.repeat(head()[None], FRAMES, axis=0) if shapes is None else shapes
    place = np.column_stack([300 + 120 * time, 200 - 40 * time, 0 * time])
    return shapes @ turn.transpose(0, 2, 1) + place[:, None]


def error(found, truth):
    return float(np.sqrt(((found - truth)[..., :2] ** 2).mean()))


TURNS = {
    "still": (0, 0, 0),
    "turning": (60, 0, 0),
    "nodding": (0, 25, 0),
    "cartwheel": (0, 0, 400),
}


@pytest.mark.parametrize("name", TURNS)
def test_noise_goes_and_motion_stays(name):
    truth = filmed(TURNS[name])
    noise = np.random.default_rng(0).normal(0, 0.004 * SIZE, truth.shape)
    smooth = smooth_dense((truth + noise).astype(np.float32), SIZE)
    assert error(smooth, truth) < 0.55 * error(truth + noise, truth)
    assert abs((smooth - truth)[..., :2].mean()) < 0.0005 * SIZE  # no lag


def test_without_noise_nothing_changes():
    truth = filmed((40, 10, 20))
    assert error(smooth_dense(truth.astype(np.float32), SIZE), truth) < 0.002 * SIZE


def test_a_blink_of_three_frames_stays():
    shapes = np.repeat(head()[None], FRAMES, axis=0)
    middle = (shapes[0, UPPER_LID] + shapes[0, LOWER_LID]) / 2
    for frame in (30, 31, 32):
        shapes[frame, UPPER_LID] = shapes[frame, LOWER_LID] = middle
    truth = filmed((0, 0, 0), shapes)
    noise = np.random.default_rng(1).normal(0, 0.002 * SIZE, truth.shape)
    smooth = smooth_dense((truth + noise).astype(np.float32), SIZE)
    opening = np.linalg.norm((smooth[:, UPPER_LID] - smooth[:, LOWER_LID])[..., :2], axis=2)
    assert opening[31].mean() < 0.25 * opening[10].mean()
    assert opening[28].mean() > 0.9 * opening[10].mean()


def test_points_move_with_the_landmarks_near_them():
    moves = np.zeros((1, 68, 2))
    moves[0, 36:42] = [3.0, 1.0]  # the left eye alone
    moved = spread(moves)[0]
    assert moved[IBUG_68[36:42]] == pytest.approx(np.tile([3.0, 1.0], (6, 1)), abs=1e-3)
    assert moved[468:473] == pytest.approx(np.tile([3.0, 1.0], (5, 1)))
    assert np.abs(moved[[*range(473, 478), *IBUG_68[48:68]]]).max() < 1e-3
    assert spread(np.ones((1, 68, 2)))[0] == pytest.approx(np.ones((POINTS, 2)))


def test_a_track_keeps_both_kinds_together():
    truth = filmed((30, 0, 0)).astype(np.float32)
    box = np.array([0, 0, SIZE, SIZE], np.float32)
    faces = [
        Face(
            box + np.tile(points[4, :2], 2),
            points[[33, 263, 4, 61, 291], :2],
            1.0,
            landmarks=np.ascontiguousarray(points[IBUG_68, :2]),
            pts=pts,
            dense_landmarks=None if pts in (20, 21) else points,
        )
        for pts, points in enumerate(truth)
    ]
    smooth = smooth_track(faces, np.arange(FRAMES), {})
    assert [face.pts for face in smooth if face.dense_landmarks is None] == [20, 21]
    for face, points in zip(smooth, truth, strict=True):
        assert np.abs(face.landmarks - points[IBUG_68, :2]).max() < 0.02 * SIZE
        if face.dense_landmarks is not None:
            apart = face.dense_landmarks[IBUG_68, :2] - face.landmarks
            assert np.abs(apart).max() < 0.001 * SIZE
