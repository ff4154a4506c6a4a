import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from videoswap.geometry.mesh_pose import angles_of, fit_pose, turns_by


def some(count=50, seed=3):
    return Rotation.random(count, random_state=seed)


def test_angles_are_those_of_scipy():
    np.testing.assert_allclose(angles_of(some().as_matrix()), some().as_euler("ZXY"), atol=1e-9)


def test_a_rotation_comes_back_from_its_angles():
    turn = some().as_matrix()
    np.testing.assert_allclose(turns_by(angles_of(turn)), turn, atol=1e-9)


@pytest.mark.parametrize("angles", [(0.3, 0, 0), (0, 0.3, 0), (0, 0, 0.3)])
def test_each_angle_is_about_its_axis(angles):
    axis = ("z", "x", "y")[int(np.argmax(angles))]
    expected = Rotation.from_euler(axis, 0.3).as_matrix()
    np.testing.assert_allclose(turns_by(np.array([angles]))[0], expected, atol=1e-12)


def test_a_posed_shape_is_fitted():
    shape = np.random.default_rng(1).normal(size=(30, 3))
    turn = some(4).as_matrix()
    posed = 2.5 * shape @ turn.transpose(0, 2, 1) + [[[5.0, -3.0, 1.0]]]
    fitted = fit_pose(shape, posed)
    np.testing.assert_allclose(fitted.turn, turn, atol=1e-9)
    np.testing.assert_allclose(fitted.scale, 2.5)
    np.testing.assert_allclose(
        fitted.unposed(posed), np.broadcast_to(shape, posed.shape), atol=1e-9
    )
