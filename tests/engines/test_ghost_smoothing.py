import numpy as np

from videoswap.engines.ghost.smoothing import smooth_as_ghost
from videoswap.geometry.affine import five_points
from videoswap.records import Face


def face(pts, x):
    points = np.full((68, 2), 100.0, np.float32)
    points[36:42], points[30] = [90, 95], [100, 110]
    points[:, 0] += x
    box = np.array([60, 60, 140, 140], np.float32)
    return Face(box, five_points(points), 1.0, landmarks=points, pts=pts)


def shifts(faces):
    return [float(one.points5[0, 0]) - 90 for one in faces]


def test_ends_stay_and_the_middle_is_averaged():
    raw = [face(10 * k, x) for k, x in enumerate([0.0, 3.0, 0.0, 3.0, 0.0])]
    pts = np.arange(5) * 10
    np.testing.assert_allclose(shifts(smooth_as_ghost(raw, pts, {})), [0, 1, 1.2, 1, 0], atol=1e-4)


def test_gaps_and_jumps_break_a_run_and_gaps_are_not_filled():
    raw = [face(10 * k, x) for k, x in ((0, 0.0), (1, 3.0), (3, 0.0), (4, 3.0), (5, 20.0))]
    smooth = smooth_as_ghost(raw, np.arange(6) * 10, {})
    assert [one.pts for one in smooth] == [0, 10, 30, 40, 50]
    np.testing.assert_allclose(shifts(smooth), [0, 3, 0, 3, 20], atol=1e-4)
    assert all(one.score == 1.0 for one in smooth)


def test_landmarks_move_with_the_five_points():
    raw = [face(k, x) for k, x in enumerate([0.0, 3.0, 0.0])]
    smooth = smooth_as_ghost(raw, np.arange(3), {})
    np.testing.assert_allclose(five_points(smooth[1].landmarks), smooth[1].points5, atol=1e-4)
