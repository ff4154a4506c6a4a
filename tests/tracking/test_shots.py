"""Cuts are found where they are, and nowhere else."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from videoswap.tracking.shots import ShotDetector


def texture(seed: int, tint: tuple[int, int, int]) -> np.ndarray:
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 120, (12, 20, 3)) + np.array(tint)
    return cv2.resize(small.astype(np.uint8), (640, 360), interpolation=cv2.INTER_CUBIC)


ONE, OTHER = texture(1, (0, 40, 90)), texture(2, (110, 60, 20))
SAME_COLOURS = texture(3, (0, 40, 90))


def pan(step: int, count: int) -> list[np.ndarray]:
    wide = np.concatenate([ONE, SAME_COLOURS, ONE], axis=1)
    return [wide[:, step * place : step * place + 480] for place in range(count)]


def lit(picture: np.ndarray, gain: float) -> np.ndarray:
    return np.clip(picture * gain + 255 * (gain - 1) * 0.4, 0, 255).astype(np.uint8)


def noisy(picture: np.ndarray, count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(5)
    return [
        np.clip(picture + rng.normal(0, 12, picture.shape), 0, 255).astype(np.uint8)
        for _ in range(count)
    ]


FADE = [cv2.addWeighted(ONE, 1 - k / 30, OTHER, k / 30, 0) for k in range(31)]
CASES = {
    "still": ([ONE] * 12, [0]),
    "noise": (noisy(ONE, 10), [0]),
    "hard cut": ([ONE] * 9 + [OTHER] * 9, [0, 9]),
    "hard cut, same colors": ([ONE] * 9 + [SAME_COLOURS] * 9, [0, 9]),
    "two cuts": ([ONE] * 5 + [OTHER] * 5 + [SAME_COLOURS] * 5, [0, 5, 10]),
    "cut after a pan": (pan(20, 12) + [OTHER[:, :480]] * 6, [0, 12]),
    "fast pan": (pan(30, 20), [0]),
    "flash of one frame": ([ONE] * 8 + [lit(ONE, 1.9)] + [ONE] * 8, [0]),
    "flash of two frames": ([ONE] * 8 + [lit(ONE, 1.9), lit(ONE, 1.5)] + [ONE] * 8, [0]),
    "slow fade": (FADE, [0]),
    "one frame": ([ONE], [0]),
    "nothing": ([], []),
}


@pytest.mark.parametrize("name", CASES)
def test_cuts(name):
    pictures, expected = CASES[name]
    marked = list(ShotDetector().mark(pictures, lambda image: image))
    assert len(marked) == len(pictures)
    assert [index for index, (_, begins) in enumerate(marked) if begins] == expected


@pytest.mark.parametrize("name", CASES)
def test_shot_starts_are_the_same_cuts(name):
    pictures, expected = CASES[name]
    assert list(ShotDetector().shot_starts(pictures)) == expected


def test_without_later_frames_a_cut_is_found_at_once_and_a_flash_counts_as_one():
    detector = ShotDetector()
    pictures = [ONE] * 4 + [OTHER] * 4
    assert [detector.begins_shot(one) for one in pictures] == [k in (0, 4) for k in range(8)]
    detector, flash = ShotDetector(), np.full_like(ONE, 255)
    pictures = [ONE] * 4 + [flash] + [ONE] * 4
    assert sum(detector.begins_shot(one) for one in pictures) > 1
    assert list(ShotDetector().shot_starts(pictures)) == [0]


def test_the_state_between_two_runs_makes_no_difference():
    pictures = CASES["cut after a pan"][0]
    detector = ShotDetector()
    whole = [(begins, detector.state) for _, begins in detector.mark(pictures, lambda image: image)]
    for place in (1, 6, 11, 12):
        again = ShotDetector()
        again.state = whole[place - 1][1]
        marked = again.mark(pictures[place:], lambda image: image)
        assert [begins for _, begins in marked] == [begins for begins, _ in whole[place:]]
