from dataclasses import replace

import numpy as np
import pytest

from tests.helpers.portraits import SIDE, oval, portrait
from videoswap.compositing.temporal_filter import temporal_filter
from videoswap.records import Crop, FrameSwap, SwappedCrop


def swaps(levels, targets=None, frames=None):
    """Return flat swaps of these brightnesses over the same or given targets."""
    targets = [portrait()] * len(levels) if targets is None else targets
    frames = range(len(levels)) if frames is None else frames
    return [
        FrameSwap(
            Crop(target, np.eye(2, 3), np.zeros((68, 2), np.float32), 0, 0, 0),
            SwappedCrop(np.full((SIDE, SIDE, 3), level, np.float32), oval()),
            frame,
        )
        for level, target, frame in zip(levels, targets, frames, strict=True)
    ]


def spread(window):
    values = [temporal_filter(window, place).pixels[96, 96, 0] for place in range(len(window))]
    return float(np.std(values))


def test_flicker_over_a_still_target_is_averaged_away():
    levels = [100.0, 110.0, 100.0, 110.0, 100.0]
    middle = temporal_filter(swaps(levels), 2).pixels[96, 96, 0]
    assert 102.0 < middle < 106.0
    assert spread(swaps(levels)) < 0.4 * np.std(levels)


@pytest.mark.parametrize("change", [40.0, -40.0])
def test_new_light_on_the_target_is_not_smeared(change):
    targets = [portrait()] * 2 + [portrait() + change] + [portrait()] * 2
    made = temporal_filter(swaps([100.0, 100.0, 180.0, 100.0, 100.0], targets), 2)
    np.testing.assert_allclose(made.pixels[96, 96], 180.0, atol=0.5)


def test_only_the_part_of_the_target_that_moves_counts_alone():
    moved = portrait()
    moved[110:150, 60:130] += 60.0  # the mouth opens
    window = swaps([100.0, 150.0, 100.0], [portrait(), moved, portrait()])
    made = temporal_filter(window, 1).pixels[..., 0]
    assert made[130, 95] == pytest.approx(150.0, abs=1.0)
    assert made[60, 95] < 135.0


def test_masks_are_filtered_and_stay_zero_along_the_border():
    window = swaps([100.0] * 3)
    window[1] = replace(window[1], swapped=SwappedCrop(window[1].swapped.pixels, 0.5 * oval()))
    mask = temporal_filter(window, 1).mask
    assert 0.6 < mask[96, 96] < 0.9
    for edge in (mask[0], mask[-1], mask[:, 0], mask[:, -1]):
        assert not edge.any()


def test_alike_frames_are_not_changed():
    made = temporal_filter(swaps([80.0] * 5), 2)
    np.testing.assert_allclose(made.pixels, 80.0, atol=1e-3)
    np.testing.assert_allclose(made.mask, oval(), atol=1e-5)


@pytest.mark.parametrize(
    ("frames", "weight"),
    # exp(-0.5 (frames apart / 1.5)^2) of a neighbour whose target looks the same
    [((7, 8), 0.801), ((7, 9), 0.411), ((9, 7), 0.411), ((0, 9), 0.0)],
)
def test_a_neighbour_beyond_a_hole_of_the_track_counts_for_its_distance_in_time(frames, weight):
    made = temporal_filter(swaps([100.0, 200.0], frames=frames), 0).pixels[96, 96, 0]
    assert made == pytest.approx((100.0 + weight * 200.0) / (1.0 + weight), abs=0.1)
