"""Warps, sizes and blurs of batches are those of OpenCV, within a fraction of a level."""

import subprocess
import sys

import cv2
import numpy as np
import pytest
import torch

from videoswap.geometry import resample
from videoswap.geometry.affine import compose, resize_matrix
from videoswap.on_tensors import resampling


@pytest.fixture(scope="module")
def soft():
    """A smooth picture with some grain, (200, 240, 3) float32."""
    random = np.random.default_rng(1)
    coarse = (random.random((12, 14, 3)) * 255).astype(np.float32)
    return cv2.resize(coarse, (240, 200), interpolation=cv2.INTER_CUBIC).clip(0, 255)


def up(*pictures):
    made = [np.atleast_3d(one).transpose(2, 0, 1) for one in pictures]
    return torch.from_numpy(np.ascontiguousarray(np.stack(made)))


def down(tensor, number=0):
    return tensor[number].permute(1, 2, 0).squeeze(2).numpy()


def turned(scale, angle=13.0):
    matrix = cv2.getRotationMatrix2D((120.0, 100.0), angle, scale)
    matrix[:, 2] += np.array([64, 64]) - (120, 100)
    return matrix


@pytest.mark.parametrize("scale", [1.4, 0.8, 0.45, 0.2])
@pytest.mark.parametrize("black", [True, False])
def test_warps_are_those_of_one_picture(soft, scale, black):
    matrices = [turned(scale), compose(resize_matrix(0.9, 0.9), turned(scale, -40.0))]
    factor = int(1.0 / scale)
    made = resampling.warp(
        up(soft, soft[::-1]),
        torch.tensor(np.stack(matrices), dtype=torch.float32),
        128,
        factor,
        black_outside=black,
    )
    wanted = resample.warp(soft, matrices[0], 128, black_outside=black, average_all=True)
    difference = np.abs(down(made) - wanted)
    assert difference.mean() < 0.5
    assert (difference.max(axis=2) > 2.0).mean() < 0.005  # edges of the picture against black


@pytest.mark.parametrize("cubic", [True, False])
def test_the_way_back(soft, cubic):
    matrix = turned(0.6)
    crop = resample.warp(soft, matrix, 128)
    made = resampling.warp_back(
        up(crop), torch.tensor(matrix[None], dtype=torch.float32), 240, 200, cubic=cubic
    )
    wanted = resample.warp_back(crop, matrix, 240, 200, cubic=cubic)
    difference = np.abs(down(made) - wanted)
    assert difference.mean() < 0.1
    assert difference.max() < 2.0


@pytest.mark.parametrize("size", [(64, 64), (60, 50), (120, 100), (300, 260), (240, 200)])
def test_sizes(soft, size):
    difference = np.abs(down(resampling.resized(up(soft), *size)) - resample.resize(soft, *size))
    assert difference.max() < 0.05


@pytest.mark.parametrize("sigma", [0.7, 1.5, 2.24, 6.0])
def test_blurs(soft, sigma):
    difference = np.abs(
        down(resampling.blurred(up(soft), sigma)) - cv2.GaussianBlur(soft, (0, 0), sigma)
    )
    assert difference.max() < 0.01


def test_dilation_and_luma(soft):
    mask = (soft[..., 0] > 200).astype(np.float32)
    wide = cv2.dilate(mask, np.ones((9, 9), np.uint8))
    assert np.array_equal(down(resampling.dilated(up(mask), 9)), wide)
    assert (
        np.abs(down(resampling.gray(up(soft))) - cv2.cvtColor(soft, cv2.COLOR_RGB2GRAY)).max()
        < 1e-3
    )


def test_inverses():
    matrix = torch.tensor(np.stack([turned(0.7), turned(2.0, 80.0)]), dtype=torch.float32)
    both = resampling.inverted(resampling.inverted(matrix))
    assert torch.allclose(both, matrix, atol=1e-3)


def test_kornia_comes_when_it_is_needed_and_brings_no_torchvision():
    code = (
        "import sys, torch\n"
        "import videoswap.on_tensors.resampling as r\n"
        "assert not any(name.startswith('kornia') for name in sys.modules)\n"
        "r.blurred(torch.zeros(1, 1, 32, 32), 1.0)\n"
        "r.warp(torch.zeros(1, 1, 32, 32), torch.eye(2, 3)[None], 16)\n"
        "assert 'kornia' in sys.modules and 'torchvision' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)


RECTANGLES = {"inside": (3, 5, 20, 30), "up to the border": (0, 0, 40, 48), "nothing": (0, 0, 0, 0)}


def test_rectangles_that_masks_cover_are_found():
    masks = torch.zeros(len(RECTANGLES), 1, 48, 40)
    for mask, (x, y, width, height) in zip(masks, RECTANGLES.values(), strict=True):
        mask[0, y : y + height, x : x + width] = 0.01
    found = resampling.covered_rectangles(masks)
    assert [tuple(one) for one in found.tolist()] == list(RECTANGLES.values())
