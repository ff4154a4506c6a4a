"""Overlapping face boxes."""

from __future__ import annotations

import pytest

from tests.helpers.squares import square_face
from videoswap.detection.boxes import non_maximum_suppression


@pytest.mark.parametrize(
    ("faces", "kept"),
    [
        ([], []),
        ([(50, 0.9), (52, 0.8)], [0.9]),
        ([(50, 0.8), (52, 0.9)], [0.9]),
        ([(50, 0.7), (200, 0.9)], [0.9, 0.7]),
        ([(50, 0.9), (75, 0.8), (100, 0.7)], [0.9, 0.8, 0.7]),
    ],
)
def test_non_maximum_suppression(faces, kept):
    found = [square_face(x, 50, 40, score) for x, score in faces]
    assert [face.score for face in non_maximum_suppression(found)] == kept
