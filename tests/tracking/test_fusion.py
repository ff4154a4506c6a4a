import numpy as np
import pytest

from videoswap.tracking.smoothing import smooth_with_flow

SIZE = 200.0
FRAMES = 60


def path(wave=0.0):
    """Return (60, 68, 2): a face that moves, with a sudden start in the middle."""
    shape = np.random.default_rng(1).uniform(0, SIZE, (68, 2))
    time = np.arange(FRAMES)
    way = np.maximum(time - 30, 0) * 3.0
    true = shape[None] + np.stack([way, 0.5 * way], axis=1)[:, None]
    true[:, :20, 1] += wave * np.sin(time / 2.0)[:, None]  # a mouth that talks
    return true


def motions_of(true, noise=0.1, seed=3):
    steps = np.diff(true, axis=0) + np.random.default_rng(seed).normal(0, noise, true[1:].shape)
    return np.concatenate([steps, np.full((*steps.shape[:2], 1), 0.05)], axis=2)


def found_of(true, noise=2.0, seed=4):
    return true + np.random.default_rng(seed).normal(0, noise, true.shape)


def jitter(points, true):
    """Return the error of the motion from frame to frame."""
    return float(np.abs(np.diff(points - true, axis=0)).mean())


@pytest.mark.parametrize("wave", [0.0, 6.0])
def test_jitter_goes_and_motion_stays_without_lag(wave):
    true = path(wave)
    found = found_of(true)
    fused = smooth_with_flow(found, motions_of(true), SIZE)
    assert jitter(fused, true) < 0.12 * jitter(found, true)
    assert np.abs(fused - true).mean() < 0.5 * np.abs(found - true).mean()
    # At the sudden start too.
    assert (
        np.abs(fused[28:34] - true[28:34]).mean() < 0.5 * np.abs(found[28:34] - true[28:34]).mean()
    )


def test_without_motions_places_stay_as_they_were_found():
    found = found_of(path())
    unknown = np.full((FRAMES - 1, 68, 3), np.nan)
    np.testing.assert_allclose(smooth_with_flow(found, unknown, SIZE), found)
    np.testing.assert_array_equal(smooth_with_flow(found[:1], unknown[:0], SIZE), found[:1])


def test_a_missing_motion_does_not_tear_the_rest():
    true = path()
    motions = motions_of(true)
    motions[20] = np.nan
    fused = smooth_with_flow(found_of(true), motions, SIZE)
    assert np.abs(fused - true).mean() < 1.0


def test_motions_with_large_errors_count_little():
    true = path()
    motions = motions_of(true)
    motions[:, :, 0] += 15.0
    motions[:, :, 2] = 30.0
    found = found_of(true)
    np.testing.assert_allclose(smooth_with_flow(found, motions, SIZE), found, atol=1.5)


def test_a_hand_that_wanders_over_the_face_does_not_take_it_along():
    true = path()
    motions = motions_of(true)
    motions[10:25, :25, 0] = 8.0  # a third of the points see the hand, clearly
    fused = smooth_with_flow(found_of(true), motions, SIZE)
    assert np.abs(fused - true)[8:28, :25].mean() < 2.5
    assert np.abs(fused - true)[:, 25:].mean() < 1.0
