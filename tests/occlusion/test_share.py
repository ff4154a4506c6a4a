"""How much of a face something is before, on a face that is a circle."""

import numpy as np
import pytest

from videoswap.occlusion.segmenter import occluded_fraction

SIDE, RADIUS = 128, 40
ROWS, COLUMNS = np.mgrid[:SIDE, :SIDE]


def circle() -> np.ndarray:
    """Return 68 points around (64, 64)."""
    turn = np.linspace(0, 2 * np.pi, 68, endpoint=False)
    return np.stack([64 + RADIUS * np.cos(turn), 64 + RADIUS * np.sin(turn)], axis=1)


@pytest.mark.parametrize(
    ("hidden", "share"),
    [
        (COLUMNS < 0, 0.0),
        (COLUMNS >= 0, 1.0),
        (COLUMNS < 64, 0.5),
        (ROWS > 64, 0.5),
        ((COLUMNS < 64) & (ROWS > 64), 0.25),
        ((COLUMNS - 64) ** 2 + (ROWS - 64) ** 2 < (RADIUS / 2) ** 2, 0.25),
        ((COLUMNS - 64) ** 2 + (ROWS - 64) ** 2 > (RADIUS + 12) ** 2, 0.0),  # beside the face
    ],
    ids=["nothing", "all", "left", "below", "a quarter", "the middle", "beside it"],
)
def test_the_share_of_a_face_that_is_hidden(hidden, share):
    assert occluded_fraction(hidden.astype(np.float32), circle()) == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize(("sure", "share"), [(0.4, 0.0), (0.6, 1.0)])
def test_what_is_rather_not_there_hides_nothing(sure, share):
    assert occluded_fraction(np.full((SIDE, SIDE), sure, np.float32), circle()) == share


def test_a_face_outside_of_its_picture_is_not_hidden():
    assert occluded_fraction(np.ones((SIDE, SIDE), np.float32), circle() + 500) == 0.0
