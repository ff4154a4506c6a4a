import numpy as np
import pytest

from videoswap.occlusion.temporal import stabilize_occlusion_mask, temporal_weight
from videoswap.records import Crop

SIDE = 128


def crop(level=100.0, front=None, pts=0, place=None):
    """Return a grey crop; ``place`` brightens a square where a thing is."""
    pixels = np.full((SIDE, SIDE, 3), level, np.float32)
    if place is not None:
        pixels[place] = 220.0
    return Crop(pixels, np.eye(2, 3), np.zeros((68, 2), np.float32), pts, 0, 0, front)


def square(first, last, value=1.0):
    front = np.zeros((SIDE, SIDE), np.float32)
    front[first:last, first:last] = value
    return front


def test_nothing_stays_nothing():
    assert stabilize_occlusion_mask([crop(), crop(), crop()], range(3), 1) is None


def test_one_picture_is_taken_as_it_is():
    front = stabilize_occlusion_mask([crop(front=square(40, 80))], [0], 0)
    assert front.shape == (SIDE, SIDE)
    assert front[60, 60] == 1.0
    assert front[20, 20] == 0.0


def test_a_flash_of_one_frame_over_a_still_picture_goes():
    quiet = [crop(pts=pts) for pts in range(5)]
    quiet[2] = crop(front=square(40, 80, 0.8), pts=2)
    assert stabilize_occlusion_mask(quiet, range(5), 2) is None


def test_a_hole_of_one_frame_over_a_still_picture_is_closed():
    frames = [crop(front=square(40, 80), pts=pts) for pts in range(5)]
    frames[2] = crop(front=square(40, 80, 0.3), pts=2)
    assert stabilize_occlusion_mask(frames, range(5), 2)[60, 60] > 0.9


@pytest.mark.parametrize(("frames", "closed"), [((0, 1, 2), True), ((0, 3, 6), False)])
def test_neighbours_beyond_holes_of_the_track_say_less(frames, closed):
    """Twice 0.8 of two sure neighbours make half a certainty sure, twice 0.13 of them do not."""
    sure = crop(front=square(40, 80))
    crops = [sure, crop(front=square(40, 80, 0.5)), sure]
    made = stabilize_occlusion_mask(crops, frames, 1)
    assert (made is not None and made[60, 60] > 0.5) == closed


def test_a_thing_that_moves_does_not_lag():
    frames = []
    for pts in range(5):
        place = np.s_[20:60, 16 + 20 * pts : 36 + 20 * pts]
        front = np.zeros((SIDE, SIDE), np.float32)
        front[place] = 1.0
        frames.append(crop(front=front, pts=pts, place=place))
    made = stabilize_occlusion_mask(frames, range(5), 2)
    truth = frames[2].occluder_mask > 0.5
    kept = made > 0.5
    assert (truth & kept).sum() / (truth | kept).sum() > 0.9


@pytest.mark.parametrize(
    ("front", "kept"),
    [
        (square(40, 43), False),  # too small
        (square(40, 80, 0.7), False),  # nowhere sure
        (square(40, 80, 0.9), True),
    ],
)
def test_regions_are_plausible_or_nothing(front, kept):
    made = stabilize_occlusion_mask([crop(front=front)], [0], 0)
    assert (made is not None) == kept


def test_a_doubtful_region_goes_and_a_sure_one_stays():
    front = np.maximum(square(10, 40, 0.65), square(70, 110))
    made = stabilize_occlusion_mask([crop(front=front)], [0], 0)
    assert made[25, 25] == 0.0
    assert made[90, 90] == 1.0


def weights(change=0.0, apart=0, tolerance=4.0):
    """Return the weights of a neighbor that differs by so much in the middle of the picture."""
    picture = np.random.default_rng(2).uniform(50, 150, (16, 16, 3)).astype(np.float32)
    other = picture.copy()
    other[6:10, 6:10, 1] += change
    return temporal_weight(picture, other, apart, tolerance)


def test_a_neighbor_counts_less_the_further_and_the_more_it_changed():
    assert (weights() == 1.0).all()
    by_time = [weights(apart=apart)[8, 8] for apart in (0, 1, 2, 3)]
    by_change = [weights(change)[8, 8] for change in (0, 2, 4, 8, 16)]
    assert by_time == sorted(by_time, reverse=True) and 0.05 < by_time[3] < 0.2
    assert by_change == sorted(by_change, reverse=True) and by_change[-1] < 0.01
    np.testing.assert_allclose(weights(3.0, -2), weights(-3.0, 2), rtol=1e-4)
    assert weights(4.0, tolerance=8.0)[8, 8] > weights(4.0)[8, 8] + 0.2


def test_a_change_reaches_one_place_further_and_no_more():
    changed = weights(50.0) < 0.5
    assert changed[5:11, 5:11].all() and changed.sum() == 36


@pytest.mark.parametrize(("apart", "least", "most"), [(1, 0.5, 0.62), (6, 0.98, 1.0)])
def test_a_flicker_of_the_mask_is_weighed_by_distance_in_time(apart, least, most):
    """Found in one frame and not in the other, of a picture that does not change."""
    crops = [crop(front=square(40, 80)), crop()]
    made = stabilize_occlusion_mask(crops, [0, apart], 0)
    raw = 1.0 / (1.0 + weights(apart=apart)[0, 0])
    assert least < raw < most
    assert (made is None) == (raw < 0.75)
