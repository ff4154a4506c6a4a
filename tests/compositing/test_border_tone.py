import cv2
import numpy as np
import pytest

from tests.helpers.portraits import oval, portrait
from videoswap.compositing.border_tone import match_border_tone

#: Landmarks of which only the brows count here, well above the oval.
NO_BROWS = np.zeros((68, 2), np.float32)


def soft_oval():
    return cv2.GaussianBlur(oval(), (0, 0), 4.0)


def tone(picture):
    return cv2.GaussianBlur(picture, (0, 0), 4.0)


def along_border(mask):
    return (mask > 0.3) & (mask < 0.7)


@pytest.mark.parametrize("shift", [(30, 30, 30), (-25, 0, 20), (0, 40, 0)])
def test_a_swap_of_another_tone_meets_its_target_at_the_border(shift):
    target, mask = portrait(), soft_oval()
    swap = np.clip(target + np.float32(shift), 0, 255)
    made = match_border_tone(swap, target, mask, None, NO_BROWS)
    ring = along_border(mask)
    before = np.abs(tone(swap) - tone(target))[ring].mean()
    assert np.abs(tone(made) - tone(target))[ring].mean() < 0.25 * before


def test_color_that_changes_along_the_border_is_followed_closer_than_luma():
    target, mask = np.full((192, 192, 3), 140, np.float32), soft_oval()
    rows, ring = np.arange(192)[:, None], along_border(mask)
    wave = np.sin(2 * np.pi * rows / 40).astype(np.float32)[..., None]

    def left(change):
        swap = np.broadcast_to(target + wave * np.float32(change), target.shape)
        made = match_border_tone(swap, target, mask, None, NO_BROWS)
        return np.abs(made - target)[ring].mean() / np.abs(swap - target)[ring].mean()

    assert left((30, 0, -78.7)) < 0.75 * left((30, 30, 30))  # luma 0.299 R + 0.114 B stays


def test_the_middle_of_the_face_and_its_texture_stay():
    target, mask = portrait(), soft_oval()
    swap = np.clip(target[:, ::-1] + 30.0, 0, 255)
    made = match_border_tone(swap, target, mask, None, NO_BROWS)
    np.testing.assert_allclose(made[80:110, 80:105], swap[80:110, 80:105], atol=3.0)
    change = made - swap
    fine = change - cv2.GaussianBlur(change, (0, 0), 1.5)
    assert np.abs(fine)[along_border(mask)].mean() < 0.5


def test_a_thing_at_the_border_does_not_color_the_swap():
    target, mask = np.full((192, 192, 3), 150, np.float32), soft_oval()
    target[150:] = 10.0  # a dark collar at the chin
    made = match_border_tone(np.full((192, 192, 3), 150, np.float32), target, mask, None, NO_BROWS)
    assert made[135:150, 85:100].min() > 115


def test_what_is_in_front_does_not_glow_on_the_face_around_it():
    target, mask = np.full((192, 192, 3), 150, np.float32), soft_oval()
    front = np.zeros((192, 192), np.float32)
    front[96:160, 60:124] = 1.0
    target[front > 0] = 190.0  # a paler hand over mouth and chin
    front = cv2.GaussianBlur(front, (0, 0), 3.0)
    swap = np.full((192, 192, 3), 150, np.float32)
    beside = np.s_[84:90, 68:116]  # between nose and hand
    glowing = match_border_tone(swap, target, mask * (1 - front), None, NO_BROWS)
    assert glowing[beside].min() > 153
    made = match_border_tone(swap, target, mask, front, NO_BROWS)
    np.testing.assert_allclose(made[beside], swap[beside], atol=0.5)


def test_without_a_mask_nothing_changes():
    swap = portrait()
    np.testing.assert_allclose(
        match_border_tone(swap, swap + 20, 0 * oval(), None, NO_BROWS), swap, atol=1e-3
    )


def test_the_brows_stay_the_sources():
    mask = soft_oval()
    brows = NO_BROWS.copy()
    brows[17:22] = [(55, 70), (60, 66), (65, 65), (70, 66), (75, 68)]
    swap = np.full((192, 192, 3), 150, np.float32)
    made = match_border_tone(swap, swap - 40.0, mask, None, brows)
    with_brow, without = made[67, 65, 0], made[67, 184 - 65, 0]
    assert without < 142
    assert 150 - with_brow < 0.3 * (150 - without)
