"""Proportions of faces: the same in any pose, and what changes with them."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from videoswap.geometry import face_proportions
from videoswap.geometry.face_mesh import MEAN_SHAPE, MIRRORED
from videoswap.geometry.face_proportions import difference, mesh_pose, proportions


def person(seed, size=0.05):
    """Return the shape (468, 3) of somebody who differs as people do."""
    random = np.random.default_rng(seed)
    directions, share = face_proportions._directions()
    made = share @ random.normal(size=len(directions)) @ directions
    made = made.reshape(-1, 3)
    return MEAN_SHAPE + made * size / np.abs(made).max()


def posed(shape, angles=(0, 0, 0), scale=80.0):
    turn = Rotation.from_euler("ZXY", angles, degrees=True).as_matrix()
    return scale * shape @ turn.T + [300, 200, 10]


def difference_of(source, target):
    source, target = proportions(np.stack([source, target]))
    return difference(source, target)


@pytest.mark.parametrize("angles", [(30, 0, 0), (0, 15, 0), (-10, 10, 25)])
def test_pose_and_scale_are_no_proportions(angles):
    shape = person(1)
    apart = difference_of(posed(shape), posed(shape, angles, 45.0))
    assert np.abs(apart).max() < 1e-9


def test_one_face_gets_the_proportions_of_another():
    source, target = person(1), person(2)
    moved = MEAN_SHAPE + (target - MEAN_SHAPE) + difference_of(posed(source), posed(target))
    assert np.abs(source - target).max() > 0.04
    assert np.abs(moved - source).max() < 0.012
    again = difference_of(posed(source), posed(moved))
    assert np.abs(again).max() < 0.12 * np.abs(source - target).max()


def test_proportions_are_symmetric():
    apart = difference_of(posed(person(1)), posed(person(2)))
    np.testing.assert_allclose(apart[MIRRORED] * [-1, 1, 1], apart, atol=1e-12)


def test_shut_lids_count_by_less_than_half():
    shape = MEAN_SHAPE.copy()
    for lower, upper in ((145, 159), (144, 160), (153, 158), (374, 386), (373, 387), (380, 385)):
        shape[upper] = shape[lower]
    lids = [159, 160, 158, 386, 387, 385]
    apart = difference_of(posed(MEAN_SHAPE), posed(shape))
    assert np.abs(apart[lids]).max() < 0.5 * np.abs(shape - MEAN_SHAPE).max()


def test_the_pose_of_a_mesh_is_found_and_taken_out_again():
    points = posed(MEAN_SHAPE, (20, 5, -15), 60.0)[None]
    pose = mesh_pose(points)
    assert pose.scale[0] == pytest.approx(60.0)
    np.testing.assert_allclose(pose.unposed(points)[0], MEAN_SHAPE, atol=1e-9)
    turned = pose.turned(MEAN_SHAPE)[0] + pose.place
    np.testing.assert_allclose(turned, points[0], atol=1e-9)
