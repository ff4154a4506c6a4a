"""The filter over time and the border's tone on tensors are those of numpy."""

import cv2
import numpy as np
import pytest
import torch

from tests.engines.test_engines import landmarks
from videoswap.compositing import border_tone, grain, temporal_filter
from videoswap.geometry.face_masks import inner_face_mask
from videoswap.on_tensors import finishing
from videoswap.records import Crop, FrameSwap, SwappedCrop

SIZE = 128


def picture(seed, shade=0.0):
    coarse = (np.random.default_rng(seed).random((6, 6, 3)) * 200 + shade).astype(np.float32)
    return cv2.resize(coarse, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC).clip(0, 255)


def up(*pictures):
    made = [np.atleast_3d(one).transpose(2, 0, 1) for one in pictures]
    return torch.from_numpy(np.ascontiguousarray(np.stack(made)))


@pytest.mark.parametrize("occluded", [True, False])
def test_the_tone_along_the_border(occluded):
    points = landmarks(SIZE)
    mask = inner_face_mask(points, SIZE)
    swap, target = picture(1), picture(1, 30.0) + np.float32([4, -6, 9])
    front = np.zeros((SIZE, SIZE), np.float32)
    front[:, :50] = 1.0
    occluder = front if occluded else None
    wanted = border_tone.match_border_tone(swap, target, mask, occluder, points)
    brows = border_tone.brow_mask(points * (border_tone.TONE_SIZE / SIZE))
    made = finishing.match_border_tone(
        up(swap), up(target), up(mask), up(brows), up(front) if occluded else None
    )
    difference = np.abs(made[0].permute(1, 2, 0).numpy() - wanted)
    assert np.abs(wanted - swap).max() > 5  # there was something to do
    assert difference.mean() < 0.05
    assert difference.max() < 0.5


def test_a_swap_over_time():
    mask = inner_face_mask(landmarks(SIZE), SIZE)
    target, swap = picture(2), picture(3)
    swaps = []
    for number, (change, flicker) in enumerate([(0.0, 6.0), (0.0, -5.0), (25.0, 4.0)]):
        moved = target.copy()
        moved[:60] += np.float32(change)
        swaps.append(
            FrameSwap(
                Crop(moved, np.eye(2, 3), landmarks(SIZE), number, 0, 0),
                SwappedCrop(swap + np.float32(flicker), mask * np.float32(1 - 0.1 * number)),
                number,
            )
        )
    index = 1
    wanted = temporal_filter.temporal_filter(swaps, index)
    around = finishing.Neighbors([1, 0], {-1: [0, -1], 1: [2, 1], 2: [-1, 2]})
    pixels, soft = finishing.temporal_filter(
        up(*(one.crop.quarter for one in swaps)),
        up(*(one.swapped.pixels for one in swaps)),
        up(*(one.swapped.mask for one in swaps)),
        around,
    )
    first = temporal_filter.temporal_filter(swaps, 0)
    assert np.abs(pixels[1].permute(1, 2, 0).numpy() - first.pixels)[mask > 0.01].max() < 0.5
    covered = mask > 0.01
    difference = np.abs(pixels[0].permute(1, 2, 0).numpy() - wanted.pixels)[covered]
    assert np.abs(wanted.pixels - swaps[index].swapped.pixels)[covered].max() > 1.0
    assert difference.mean() < 0.05
    assert difference.max() < 0.5
    assert np.abs(soft[0, 0].numpy() - wanted.mask).max() < 0.01


@pytest.mark.parametrize(("own", "film"), [(0.5, 4.0), (4.0, 0.5), (2.0, 2.05), (1.0, 8.0)])
def test_grain_is_added_and_taken_away(own, film):
    random = np.random.default_rng(6)
    swap, target = (
        (picture(seed) * 0.5 + 60 + random.normal(0, spread, (SIZE, SIZE, 1))).astype(np.float32)
        for seed, spread in ((1, own), (2, film))
    )
    face = inner_face_mask(landmarks(SIZE), SIZE)
    wanted = grain.match_grain(swap, target, face)
    made = finishing.match_grain(up(swap, swap), up(target, target), up(face, np.zeros_like(face)))
    difference = np.abs(made[0].permute(1, 2, 0).numpy() - wanted)
    assert difference.mean() < 0.05
    assert difference.max() < 1.0
    assert np.array_equal(made[1].permute(1, 2, 0).numpy(), swap)  # no face, no grain
