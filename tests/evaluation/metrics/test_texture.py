import cv2
import numpy as np
import pytest

from tests.helpers.face_pairs import SIDE, face_pair, flat, history, textured
from videoswap.evaluation.metrics.texture import TextureFamily, detail, noise

FAMILY = TextureFamily()
EVERYWHERE = np.ones((SIDE, SIDE), bool)


@pytest.mark.parametrize("sigma", [1.0, 4.0])
def test_noise_is_the_standard_deviation_that_was_put_in(sigma):
    ramp = np.tile(np.linspace(60, 180, SIDE, dtype=np.float32), (SIDE, 1))
    grain = np.random.default_rng(0).normal(0, sigma, ramp.shape).astype(np.float32)
    assert noise(ramp + grain, EVERYWHERE) == pytest.approx(sigma, rel=0.05)
    assert noise(ramp, EVERYWHERE) < 0.01


def test_detail_of_a_fine_wave_is_its_strength():
    fine = np.tile(10 * np.sin(np.arange(SIDE, dtype=np.float32) * 2), (SIDE, 1))
    assert detail(fine + 100, EVERYWHERE) == pytest.approx(10 / np.sqrt(2), rel=0.05)
    assert detail(np.full((SIDE, SIDE), 100, np.float32), EVERYWHERE) < 1e-4


def grainy(seed, sigma):
    grain = np.random.default_rng(seed).normal(0, sigma, (SIDE, SIDE, 1))
    return np.clip(textured() + grain, 0, 255).astype(np.uint8)


def face_of(picture, other):
    """Put the face of one picture into another."""
    inside = face_pair(picture, picture).pair, face_pair(picture, picture)
    x0, y0, x1, y1 = inside[1].window
    made = other.copy()
    window = made[max(0, y0) : y1, max(0, x0) : x1]
    source = picture[max(0, y0) : y1, max(0, x0) : x1]
    mask = inside[1].inside[max(0, -y0) :, max(0, -x0) :][: window.shape[0], : window.shape[1]]
    window[mask] = source[mask]
    return made


def test_the_same_picture_is_as_sharp_and_as_grainy():
    picture = grainy(0, 4)
    found = FAMILY.measure(history(face_pair(picture, picture)))
    assert found["sharpness"] == found["grain"] == found["softness_off"] == 0
    assert found["noise_result"] == pytest.approx(4, rel=0.2)


def test_a_softer_face_and_a_grainier_one_are_told_apart():
    film = grainy(0, 4)
    soft = face_of(cv2.GaussianBlur(film, (0, 0), 2), film)
    rough = face_of(grainy(0, 8), film)
    found = {name: FAMILY.measure(history(face_pair(film, one))) for name, one in
             (("soft", soft), ("rough", rough))}  # fmt: skip
    assert found["soft"]["sharpness"] < -0.5 and found["soft"]["grain"] < -1
    assert np.exp(found["rough"]["grain"]) == pytest.approx(2, rel=0.1)


def test_a_face_that_fills_the_window_has_no_ring():
    mask = np.full((SIDE, SIDE), 255, np.uint8)
    assert FAMILY.measure(history(face_pair(flat(), flat(), mask=mask))) == {}
