import cv2
import numpy as np
import pytest

from videoswap.occlusion.guided_filter import guided_filter_refine


def overlap(truth, found):
    return (truth & found).sum() / (truth | found).sum()


@pytest.mark.parametrize("size", [128, 256, 512])
def test_a_coarse_mask_meets_the_edge_of_the_thing(size):
    y, x = np.mgrid[0:size, 0:size] / size
    truth = np.hypot(x - 0.5, y - 0.5) < 0.2
    picture = np.where(truth[..., None], [60.0, 50.0, 140.0], [200.0, 150.0, 120.0])
    picture += np.random.default_rng(1).normal(0, 4, picture.shape)
    shifted = np.hypot(x - 0.515, y - 0.49) < 0.2
    coarse = cv2.GaussianBlur(shifted.astype(np.float32), (0, 0), size / 128)
    made = guided_filter_refine(coarse, picture.astype(np.float32))
    assert made.dtype == np.float32
    assert overlap(truth, coarse > 0.5) < 0.9
    assert overlap(truth, made > 0.5) > 0.97


def test_where_there_is_no_edge_the_mask_stays():
    mask = np.zeros((256, 256), np.float32)
    mask[60:200, 60:200] = 1.0
    flat = np.full((256, 256, 3), 120.0, np.float32)
    # Its corners get a little rounder.
    assert overlap(mask > 0.5, guided_filter_refine(mask, flat) > 0.5) > 0.95
