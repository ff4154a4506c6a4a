import numpy as np
import pytest

from tests.helpers.mesh_faces import mesh_face
from videoswap.detection.face_parser import FacePart
from videoswap.training.parser.beards import draw_beard
from videoswap.training.parser.glasses import draw_glasses
from videoswap.training.parser.labels import IGNORED

SEEDS = range(12)


@pytest.mark.parametrize(
    ("draw", "part", "low", "high"),
    [(draw_glasses, FacePart.GLASSES, 0.15, 0.62), (draw_beard, FacePart.BEARD, 0.5, 1.0)],
)
def test_what_is_drawn_lies_where_it_belongs_and_changes_nothing_else(draw, part, low, high):
    picture, label, points = mesh_face()
    top, height = points[10, 1], np.ptp(points[[10, 152], 1])
    shares = []
    for seed in SEEDS:
        made, marked = draw(picture, label, points, np.random.default_rng(seed))
        drawn = marked == part
        rows = np.flatnonzero(drawn.any(axis=1))
        assert (rows > top + low * height).all() and (rows < top + (high + 0.2) * height).all()
        shares.append(drawn.mean())
        kept = (marked == label) & (marked != part)
        assert (kept | drawn | (marked == IGNORED)).all()
        moved = np.abs(made.astype(int) - picture).max(axis=2) > 120
        assert (drawn | (marked == IGNORED))[moved].mean() > 0.7
    assert min(shares) > 0.002 and max(shares) < 0.3
    assert len(np.unique(np.round(shares, 4))) > 6  # many shapes


@pytest.mark.parametrize("draw", [draw_glasses, draw_beard])
def test_the_same_random_numbers_draw_the_same(draw):
    picture, label, points = mesh_face()
    one, other = (draw(picture, label, points, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(one[0], other[0])
    np.testing.assert_array_equal(one[1], other[1])


def test_a_beard_leaves_lips_and_hair_alone():
    picture, label, points = mesh_face()
    for seed in SEEDS:
        _, marked = draw_beard(picture, label, points, np.random.default_rng(seed))
        for part in (FacePart.LIPS, FacePart.MOUTH, FacePart.HAIR, FacePart.EYES):
            assert (marked[label == part] == part).all()
