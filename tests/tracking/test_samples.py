"""Who a track shows, and where it goes over to somebody else."""

from __future__ import annotations

import numpy as np
import pytest

from videoswap.tracking.samples import (
    Sample,
    best_ncc,
    change_point,
    mean_embedding,
    settled,
    step_in,
)

RNG = np.random.default_rng(5)
ONE, OTHER, THIRD = RNG.integers(-127, 128, (3, 16, 16)).astype(np.int8)


def mixed(share):
    return np.rint(ONE * (1 - share) + OTHER * share).astype(np.int8)


def trail(looks):
    return tuple(enumerate(looks))


def sample(pts, look, vector=(1, 0)):
    return Sample(pts, np.array(vector, np.float32), 0.9, look)


DISSOLVE = [mixed(share) for share in np.linspace(0, 1, 12)]
TRAILS = {  # looks, whether the face has come to rest at their end, whether there is a step
    "still": ([ONE] * 12, True, False),
    "exchanged": ([ONE] * 6 + [OTHER] * 9, True, True),
    "exchanged, slow to settle": ([ONE] * 6 + [mixed(0.7)] + [OTHER] * 9, True, True),
    "one odd frame": ([ONE] * 6 + [THIRD] + [ONE] * 9, True, False),
    "dissolving": ([ONE] * 4 + DISSOLVE[:8], False, False),
    "dissolved": ([ONE] * 4 + DISSOLVE + [OTHER] * 9, True, False),
    "exchanged lately": ([ONE] * 9 + [OTHER] * 4, False, True),
    "just exchanged": ([ONE] * 9 + [OTHER] * 2, False, False),
    "short": ([ONE] * 3, False, False),
}


@pytest.mark.parametrize("name", TRAILS)
def test_rest_and_steps(name):
    looks, rests, steps = TRAILS[name]
    assert (settled(trail(looks)), step_in(trail(looks))) == (rests, steps)


@pytest.mark.parametrize("place", [1, 7, 19])
def test_the_frame_of_a_change_is_found(place):
    looks = [ONE] * place + [OTHER] * (24 - place)
    looks[3] = THIRD
    assert change_point(trail(looks), [sample(0, ONE)], [sample(20, OTHER)]) == place


def test_a_dissolve_changes_in_its_middle():
    looks = [ONE] * 5 + DISSOLVE + [OTHER] * 9
    assert change_point(trail(looks), [sample(0, ONE)], [sample(24, OTHER)]) in (10, 11)


def test_without_a_trail_the_change_is_at_the_first_other_sample():
    assert change_point((), [sample(0, ONE)], [sample(24, OTHER), sample(30, OTHER)]) == 24


def test_the_likest_sample_counts():
    assert best_ncc([sample(0, OTHER), sample(1, ONE)], ONE) == pytest.approx(1.0)
    assert best_ncc([], ONE) == -1.0


def test_mean_embedding_leaves_an_outlier_out():
    good = [sample(k, None, (1, 0)) for k in range(4)]
    assert np.allclose(mean_embedding([*good, sample(9, None, (0, 1))]), (1, 0))
    assert np.allclose(mean_embedding(good[:1]), (1, 0))
