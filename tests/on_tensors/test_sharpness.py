"""Blur is measured and put on by tensors as by numpy."""

import cv2
import numpy as np
import pytest
import torch

from tests.helpers.portraits import oval, portrait
from videoswap.compositing import sharpness as reference
from videoswap.on_tensors import sharpness

BLURS = [(1.0, 1.0), (2.0, 2.0), (3.0, 1.0), (1.0, 3.0)]


def up(*pictures):
    made = [np.atleast_3d(one).transpose(2, 0, 1) for one in pictures]
    return torch.from_numpy(np.ascontiguousarray(np.stack(made), np.float32))


@pytest.fixture(scope="module")
def pictures():
    sharp = portrait().astype(np.float32)
    return [cv2.GaussianBlur(sharp, (0, 0), sigmaX=x, sigmaY=y) for x, y in BLURS]


def test_measured_blur(pictures):
    face = oval().astype(np.float32)
    wanted = np.stack([reference.measure_blur(one, face) for one in pictures])
    nobody = np.zeros_like(face)
    made = sharpness.measure_blur(up(*pictures, pictures[0]), up(*[face] * len(BLURS), nobody))
    assert np.abs(wanted).max() > 4.0
    np.testing.assert_allclose(made[:-1].numpy(), wanted, rtol=0.02, atol=0.03)
    assert not made[-1].any()


#: xx, xy, yy: nothing, sharpened, all directions alike, along one, slanted.
MISSING = [(0.0, 0.0, 0.0), (-1.0, 0.0, -0.8), (4.0, 0.0, 4.0), (6.0, 0.0, 0.0), (5.0, 3.0, 5.0)]


def test_pictures_are_softened_each_by_its_own(pictures):
    sharp = pictures[0]
    made = sharpness.soften(up(*[sharp] * len(MISSING)), np.array(MISSING))
    for one, missing in zip(made, MISSING, strict=True):
        wanted = reference.soften(sharp, np.array(missing))
        assert np.abs(one.permute(1, 2, 0).numpy() - wanted).max() < 0.1


def test_nothing_missing_is_no_work(pictures):
    given = up(pictures[0])
    assert sharpness.soften(given, np.zeros((1, 3))) is given
