"""Hard light of a film: where it ends, and what is taken for it."""

import numpy as np
import pytest

from videoswap.engines.mesh.light import spread_out
from videoswap.engines.mesh.light_edges import share_of_edges, with_edges

N, M = 64, 128
SKIN = np.ones((N, N), np.float32)
COLORS = np.array([1.0, 1.1, 1.3], np.float32)  # a blue lamp


def rim(side, height):
    """Return a face (side, side, 3) in log units that is lit beyond a column."""
    lit = (np.arange(side) >= 0.7 * side) * np.float32(height)
    return 4.0 + np.broadcast_to(lit[:, None] * COLORS, (side, side, 3)).astype(np.float32)


def spots(side):
    """Return a face (side, side, 3) in log units with small dark spots: pores, folds."""
    rows, columns = np.mgrid[:side, :side] * (N / side)
    dark = (np.sin(2.1 * rows) * np.sin(2.1 * columns) > 0.8) * np.float32(-0.4)
    return 4.0 + np.repeat(dark[..., None], 3, axis=2).astype(np.float32)


def smooth(picture):
    return spread_out(picture - 4.0, SKIN, 0.06 * N, 0.0, 1e-3)


@pytest.mark.parametrize("height", [-1.5, -0.8, 0.8, 1.5])
def test_light_that_is_put_on_smoothly_ends_as_the_films(height):
    gains = smooth(rim(N, height))
    share = share_of_edges(gains, rim(N, height), SKIN)
    assert share is not None
    made = with_edges(gains, rim(M, height), SKIN, share)
    wanted = rim(M, height) - 4.0
    error, before = (
        np.abs(one - wanted)[20:-20, 70:110].mean()
        for one in (made, np.repeat(np.repeat(gains, 2, 0), 2, 1))
    )
    assert error < 0.45 * before
    far = np.s_[20:-20, :55]
    np.testing.assert_allclose(made[far], wanted[far], atol=0.05 * abs(height))


def test_a_film_without_hard_light_has_no_edges():
    gradient = np.linspace(0.0, 0.5, N, dtype=np.float32)[None, :, None]
    flat = 4.0 + np.broadcast_to(gradient, (N, N, 3)).astype(np.float32)
    assert share_of_edges(smooth(flat), flat, SKIN) is None
    assert share_of_edges(smooth(spots(N)), spots(N), SKIN) is None


def test_what_the_light_does_not_go_with_is_not_taken_for_light():
    # a dark brow that both faces have asks for no light
    film = rim(N, -1.2)
    assert share_of_edges(np.zeros((N, N, 3), np.float32), film, SKIN) is None
    # and where no skin is seen nothing is said
    assert share_of_edges(smooth(film), film, np.zeros((N, N), np.float32)) is None


def test_details_far_from_the_edge_stay_the_sources():
    height = 1.2
    gains = smooth(rim(N, height))
    share = share_of_edges(gains, rim(N, height), SKIN)
    assert share is not None
    plain = with_edges(gains, rim(M, height), SKIN, share)
    spotted = with_edges(gains, rim(M, height) + spots(M) - 4.0, SKIN, share)
    change = np.abs(spotted - plain)
    assert change[:, :40].max() < 0.02
    assert change[:, 80:100].max() > 0.05
