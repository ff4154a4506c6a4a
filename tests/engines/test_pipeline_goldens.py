"""The functions around the networks give what the references give (contracts/public/pipeline)."""

import json

import numpy as np
import pytest
import torch

from tests.helpers import fill
from videoswap.engines.ghost import masks as ghost
from videoswap.engines.ghost.engine import halved
from videoswap.engines.ghost.smoothing import smooth_points
from videoswap.engines.neural import resized, truncated
from videoswap.geometry.affine import (
    POSES,
    TEMPLATES,
    blended_pose,
    crop_matrix,
    nearest_pose,
    pose_errors,
)
from videoswap.tensors import from_planar, to_planar

pytestmark = pytest.mark.needs_shared


@pytest.fixture(scope="module")
def crop224(shared):
    """The 224 picture of the contract, (224, 224, 3) uint8, channels as given."""
    spec = json.loads((shared / "contracts" / "public" / "pipeline.json").read_text())
    picture = fill.image(spec["tag"] + "/crop224", 224).numpy()[0].transpose(1, 2, 0)
    return np.floor((picture + 1) * 127.5).astype(np.uint8)


@pytest.fixture(params=range(8))
def face(request, golden):
    names = ("align_kps", "align_M_pose5_224", "align_pose_index", "align_M_arcface_112")
    return [golden[name][request.param] for name in names]


def test_the_best_of_five_poses(face):
    points, matrix, index, _ = face
    assert int(np.argmin(pose_errors(points))) == index
    np.testing.assert_allclose(crop_matrix(points, nearest_pose(points), 224), matrix, atol=1e-4)


def test_the_mixed_pose_is_the_best_one_where_that_is_clear(face):
    points, _, index, _ = face
    assert np.abs(blended_pose(points) - POSES[index]).max() < 0.01


def test_arcface_framing(face):
    points, *_, matrix = face
    found = crop_matrix(points, TEMPLATES["arcface_112_v2"], 112)
    np.testing.assert_allclose(found, matrix, atol=1e-4)


def test_landmark_smoothing(golden):
    found = smooth_points(golden["smooth_in"])
    np.testing.assert_allclose(found, golden["smooth_out"], atol=1e-5)


@pytest.mark.parametrize("branch", ["gt6", "gt3", "mid", "ltm3"])
def test_masks(golden, branch):
    swapped, target, params, mask = (
        golden[f"mask_{branch}_{part}"] for part in ("lmk", "lmk_tgt", "params", "u8")
    )
    rule = ghost.choose_rule(swapped, target)
    assert (rule.erode, rule.sigma_x, rule.sigma_y) == tuple(params)
    found = ghost.draw_mask(swapped, rule)
    assert np.abs(found.astype(int) - mask).max() <= 1


def test_source_normalisation_and_halving(golden, crop224):
    found = halved(torch.from_numpy(to_planar([crop224], -1, 1))).numpy()
    np.testing.assert_allclose(found[:, :, ::4, ::4], golden["norm_half_every4"], atol=1e-6)


def test_resizing_and_target_tensor(golden, crop224):
    found = resized(crop224, 256)
    np.testing.assert_array_equal(found[::8, ::8], golden["resize256_every8"])
    # The reference's crop is BGR here and becomes RGB on the way; ours is RGB from the start.
    target = to_planar([found[:, :, ::-1]], -1, 1)
    np.testing.assert_allclose(target[:, :, ::8, ::8], golden["target_tensor_every8"], atol=1e-6)


def test_the_way_back_to_pixels(golden):
    found = truncated(from_planar(golden["post_Y"], -1, 1))
    np.testing.assert_array_equal(np.stack(found)[..., ::-1], golden["post_u8_bgr"])
