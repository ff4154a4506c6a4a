"""A photo in the chart: detail that it has in one direction alone is no streak."""

import numpy as np
import pytest

from tests.engines.test_chart import SIZE, head
from videoswap.engines.mesh.photo_sampling import CHART_SIDE, sample_photo
from videoswap.geometry.face_mesh import CHART, MESH_POINTS

LEFT, RIGHT = 50, 280  # points of the mesh on the cheeks, as in the picture


def stubble(seed=5):
    """Return skin (SIZE, SIZE, 3) uint8 with stubble."""
    noise = np.random.default_rng(seed).normal(0.0, 30.0, (SIZE, SIZE, 1))
    return np.clip(140.0 + np.repeat(noise, 3, axis=2), 0, 255).astype(np.uint8)


def steps(degrees, point):
    """Return how much a turned photo in the chart changes along a row and across, at a point."""
    texture, _ = sample_photo(stubble(), head(degrees)[:MESH_POINTS], None)
    column, row = (CHART[point] * CHART_SIDE).astype(int)
    part = texture[row - 16 : row + 16, column - 12 : column + 12, 0]
    return np.abs(np.diff(part, axis=1)).mean(), np.abs(np.diff(part, axis=0)).mean()


@pytest.mark.parametrize(("degrees", "point"), [(35, LEFT), (45, LEFT), (-45, RIGHT)])
def test_the_side_that_is_seen_aslant_has_no_streaks(degrees, point):
    along, across = steps(degrees, point)
    assert across < 1.6 * along  # 2 to 4 times as it is sampled


@pytest.mark.parametrize(("degrees", "point"), [(0, LEFT), (0, RIGHT), (30, RIGHT), (-45, LEFT)])
def test_the_side_that_is_seen_in_full_keeps_its_detail(degrees, point):
    assert min(steps(degrees, point)) > 8.0
