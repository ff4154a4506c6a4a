import numpy as np
import pytest

from tests.helpers.portraits import oval, portrait
from videoswap.compositing.correction import apply_correction, steady_maps
from videoswap.compositing.finisher import Finisher
from videoswap.records import Crop, FrameSwap, SwappedCrop
from videoswap.settings import BlendSettings

PLAIN = BlendSettings(grain=False, steady=False)


def still_maps():
    maps = np.zeros((8, 48, 48), np.float32)
    maps[:3] = 1.0
    return maps


def frame_swap(maps, frame=0):
    face = portrait()
    crop = Crop(face, np.eye(2, 3), np.zeros((68, 2), np.float32), frame, 0, 0)
    return FrameSwap(crop, SwappedCrop(face, oval(), correction=maps), frame)


def test_maps_that_say_nothing_change_nothing():
    pixels = apply_correction(portrait(), oval(), still_maps())
    np.testing.assert_allclose(pixels, portrait(), atol=1e-3)


def test_gain_and_offset_do_what_they_say():
    maps = still_maps()
    maps[0], maps[4] = 0.5, 0.1
    pixels = apply_correction(portrait(), oval(), maps)
    inside, face = oval() > 0, portrait()
    np.testing.assert_allclose(pixels[inside, 0], 0.5 * face[inside, 0], atol=0.01)
    wanted = np.minimum(face[inside, 1] + 25.5, 255)
    np.testing.assert_allclose(pixels[inside, 1], wanted, atol=0.01)
    np.testing.assert_allclose(pixels[inside, 2], face[inside, 2], atol=0.01)
    assert portrait()[0, 0].tolist() == pixels[0, 0].tolist()  # nothing outside


def test_motion_takes_what_lies_there():
    maps = still_maps()
    maps[6], maps[7] = 6 / 192, -3 / 192
    pixels = apply_correction(portrait(), oval(), maps)
    assert pixels[90, 90].tolist() == pytest.approx(portrait()[87, 96].tolist(), abs=0.01)


def test_it_does_what_the_training_does():
    torch = pytest.importorskip("torch")
    from videoswap.networks.correction import corrected

    random = np.random.default_rng(0)
    maps = still_maps() + 0.02 * random.normal(size=(8, 48, 48)).astype(np.float32)
    face = 40 + 0.6 * portrait()
    pixels = apply_correction(face, oval(), maps)
    swap = torch.from_numpy(face).permute(2, 0, 1)[None] / 127.5 - 1
    made = corrected(swap, torch.from_numpy(maps)[None])
    wanted = (made[0].permute(1, 2, 0).numpy() + 1) * 127.5
    inside = oval() > 0
    assert np.abs(pixels - wanted)[inside].mean() < 0.2  # OpenCV places pixels in steps of 1/32


def test_an_empty_mask_is_left_alone():
    pixels = apply_correction(portrait(), 0 * oval(), still_maps() + 1)
    np.testing.assert_array_equal(pixels, portrait())


def test_maps_of_the_frames_around_steady_those_of_a_frame():
    random = np.random.default_rng(0)
    noisy = [still_maps() + 0.1 * random.normal(size=(8, 48, 48)) for _ in range(5)]
    swaps = [frame_swap(maps.astype(np.float32), frame) for frame, maps in enumerate(noisy)]
    found = steady_maps(swaps, 2)
    assert np.abs(found - still_maps()).mean() < 0.55 * np.abs(noisy[2] - still_maps()).mean()
    # Frames count by their distance in time, whatever is missing in between.
    far = [swaps[0], frame_swap(noisy[2].astype(np.float32), 9)]
    np.testing.assert_array_equal(steady_maps(far, 0), swaps[0].swapped.correction)
    assert steady_maps([frame_swap(None)], 0) is None


def test_a_frame_without_maps_gets_what_lies_between_its_neighbors():
    low, high = still_maps(), 4 * still_maps()
    told = {0: low, 3: high}
    swaps = [frame_swap(told.get(frame), frame) for frame in range(4)]
    for frame, wanted in ((0, low), (1, 2 * low), (2, 3 * low), (3, high)):
        np.testing.assert_allclose(steady_maps(swaps, frame), wanted, rtol=1e-6)
    assert steady_maps([*swaps[1:3], frame_swap(low, 9)], 0) is None  # too far away


def test_the_finisher_applies_them():
    maps = still_maps()
    maps[3:6] = 0.1
    plain, changed = (Finisher(PLAIN).finish([frame_swap(one)]) for one in (None, maps))
    np.testing.assert_array_equal(plain.mask, changed.mask)
    middle = np.s_[80:100, 80:100]
    assert (changed.pixels[middle] - plain.pixels[middle]).mean() > 5
