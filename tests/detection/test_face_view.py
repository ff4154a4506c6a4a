"""A look says whether a face is still the same picture."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data

from videoswap.detection.face_view import face_thumbnail, ncc

EYES_AND_MOUTH = np.array([[205, 112], [242, 112], [224, 132], [208, 146], [242, 146]], np.float32)
FACE = skimage.data.astronaut()


def seen(picture, points=EYES_AND_MOUTH):
    return face_thumbnail(picture, points)


def noisy(picture):
    noise = np.random.default_rng(0).normal(0, 8, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("picture", "points", "least", "most"),
    [
        (FACE, EYES_AND_MOUTH, 1.0, 1.0),
        (noisy(FACE), EYES_AND_MOUTH, 0.97, 1.0),
        ((FACE // 2 + 20).astype(np.uint8), EYES_AND_MOUTH, 0.97, 1.0),  # less light
        (FACE, EYES_AND_MOUTH + 1, 0.9, 1.0),
        (FACE, EYES_AND_MOUTH + np.array([120, 200]), -1.0, 0.6),  # her suit
        (np.full_like(FACE, 90), EYES_AND_MOUTH, 0.0, 0.0),
    ],
)
def test_likeness(picture, points, least, most):
    look = seen(picture, np.float32(points))
    assert look.shape == (16, 16) and look.dtype == np.int8
    assert least - 1e-9 <= ncc(seen(FACE), look) <= most + 1e-9
