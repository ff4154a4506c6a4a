"""CenterFace on a photo of six people."""

from __future__ import annotations

import cv2
import numpy as np
import pytest


@pytest.mark.parametrize("width", [320, 333, 640])
def test_all_six_faces_are_found(detector, group, width):
    scale = width / group.shape[1]
    picture = cv2.resize(group, (width, round(group.shape[0] * scale)))
    found = detector.detect(picture)
    assert len(found) == 6
    for face in found:
        left, top, right, bottom = face.box
        eyes, mouth = face.points5[:2], face.points5[3:]
        assert eyes[0, 0] < eyes[1, 0] and mouth[0, 0] < mouth[1, 0]
        assert eyes[:, 1].max() < face.points5[2, 1] < mouth[:, 1].min()
        assert (face.points5 > [left, top]).all() and (face.points5 < [right, bottom]).all()


def test_nothing_is_found_in_noise(detector):
    noise = np.random.default_rng(0).integers(0, 255, (200, 300, 3), np.uint8)
    assert detector.detect(noise) == []
