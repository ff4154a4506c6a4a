"""The picture of when everybody is on screen."""

from fractions import Fraction

import numpy as np
import pytest

from videoswap.jobs.timeline import (
    BAR_COLORS,
    LABEL_WIDTH,
    MARGIN,
    MAX_ROWS,
    ROW_HEIGHT,
    SHOT_COLOR,
    WIDTH,
    TimelineRow,
    draw_timeline,
)

RIGHT = WIDTH - MARGIN


def where(picture, color):
    """Return the first and last row and column of a color."""
    rows, columns = np.nonzero((picture == color).all(axis=2))
    return rows.min(), rows.max(), columns.min(), columns.max()


@pytest.mark.parametrize(
    ("span", "share"),
    [
        ((0, 10), (0, 1)),
        ((5, 10), (0.5, 1)),
        ((Fraction(5, 2), 5), (0.25, 0.5)),
        ((9, 9), (0.9, 0.9)),
    ],
)
def test_a_bar_lies_where_the_person_is_seen(span, share):
    picture = draw_timeline(
        [TimelineRow("person 0", (span,))], [Fraction(0)], Fraction(0), Fraction(10)
    )
    _, _, left, right = where(picture, BAR_COLORS[0])
    wide = RIGHT - LABEL_WIDTH
    assert abs(left - (LABEL_WIDTH + share[0] * wide)) <= 1
    assert abs(right - (LABEL_WIDTH + share[1] * wide)) <= 1


def test_every_person_has_a_row_and_every_cut_a_line():
    rows = [TimelineRow(f"person {n}", ((Fraction(n), Fraction(n + 1)),)) for n in range(4)]
    picture = draw_timeline(rows, [Fraction(0), Fraction(6)], Fraction(0), Fraction(8))
    tops = [where(picture, color)[0] for color in BAR_COLORS[:4]]
    assert np.diff(tops).tolist() == [ROW_HEIGHT] * 3
    _, _, left, right = where(picture, SHOT_COLOR)
    assert left == right and abs(left - (LABEL_WIDTH + 0.75 * (RIGHT - LABEL_WIDTH))) <= 1


@pytest.mark.parametrize("people", [1, MAX_ROWS, MAX_ROWS + 9])
@pytest.mark.parametrize("end", [Fraction(1, 25), Fraction(7200), Fraction(10**9)])
def test_it_stays_of_a_size(people, end):
    rows = [TimelineRow("x" * 99, ((Fraction(0), end),))] * people
    picture = draw_timeline(rows, [Fraction(0)], Fraction(0), end)
    assert picture.shape[1:] == (WIDTH, 3) and picture.shape[0] <= (MAX_ROWS + 4) * ROW_HEIGHT
