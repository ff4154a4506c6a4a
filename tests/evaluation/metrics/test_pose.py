import numpy as np
import pytest

from tests.helpers.face_pairs import SIDE, face_pair, flat, history
from videoswap.evaluation.metrics.pose import PoseFamily
from videoswap.geometry.head_pose import HEAD, camera_matrix, head_angles

MIRROR = [*range(16, -1, -1), *range(26, 16, -1), *range(27, 31), *range(35, 30, -1)]
MIRROR += [45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40, *range(54, 47, -1), *range(59, 54, -1)]
MIRROR += [*range(64, 59, -1), *range(67, 64, -1)]


def turned(yaw=0.0, pitch=0.0, roll=0.0, size=640):
    """Photograph the average head after turning it."""
    y, x, z = np.radians([-yaw, pitch, roll])  # z leads away from the viewer
    about_x = [[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]]
    about_y = [[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]]
    about_z = [[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]]
    solid = HEAD @ (np.array(about_z) @ about_y @ about_x).T + [30, -20, 900]
    flat_points = solid @ camera_matrix(size, size).T
    return (flat_points[:, :2] / flat_points[:, 2:]).astype(np.float32)


def test_the_head_is_symmetric_and_in_the_order_of_the_landmarks():
    np.testing.assert_array_equal(HEAD[MIRROR] * [-1, 1, 1], HEAD)
    assert HEAD[8, 1] == HEAD[:, 1].max()  # the chin is lowest
    assert HEAD[30, 2] == HEAD[:, 2].min()  # the tip of the nose is nearest
    assert (np.diff(HEAD[[0, 36, 39, 42, 45, 16], 0]) > 0).all()


@pytest.mark.parametrize(
    ("yaw", "pitch", "roll"),
    [(0, 0, 0), (25, 0, 0), (-25, 0, 0), (0, 15, 0), (0, -15, 0), (0, 0, 30), (20, -10, 8)],
)
def test_a_turned_head_has_the_angles_it_was_turned_by(yaw, pitch, roll):
    found = head_angles(turned(yaw, pitch, roll), 640, 640)
    np.testing.assert_allclose(found, [yaw, pitch, roll], atol=0.05)


def test_the_signs_are_those_of_the_picture():
    assert turned(yaw=20)[30, 0] - turned(yaw=20)[27, 0] > 0  # the nose points right
    assert turned(pitch=20)[30, 1] > turned()[30, 1]  # it sinks
    left, right = turned(roll=20)[[36, 45]]
    assert right[1] > left[1]  # clockwise


def test_the_pose_difference_is_the_turn_between_them():
    fresh = tuple(points_in_small(yaw) for yaw in (5, 12))
    found = PoseFamily().measure(history(face_pair(flat(), flat(), fresh=fresh)))
    assert found["pose"] == pytest.approx(7, abs=0.1)
    assert found["yaw_result"] - found["yaw_original"] == pytest.approx(7, abs=0.1)


def points_in_small(yaw):
    return turned(yaw, size=SIDE)
