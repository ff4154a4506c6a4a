import cv2
import numpy as np
import pytest
import skimage.data

from videoswap.blending.light import LightSettings, match_light, match_sharpness

SIZE = 128


@pytest.fixture(scope="module")
def face():
    random = np.random.default_rng(5)
    texture = cv2.GaussianBlur(random.normal(0, 30, (SIZE, SIZE, 3)), (0, 0), 1.2)
    return (np.array([150.0, 120.0, 100.0]) + texture).clip(20, 235).astype(np.float32)


@pytest.fixture(scope="module")
def inside():
    mask = np.zeros((SIZE, SIZE), np.float32)
    cv2.circle(mask, (SIZE // 2, SIZE // 2), 50, 1.0, -1)
    return mask


def lit(face, gain):
    return np.clip((face + 12.0) * gain - 12.0, 0, 255).astype(np.float32)


def error(result, wanted, inside):
    return float(np.abs(result - wanted)[inside > 0].mean())


def gains():
    x, y = np.meshgrid(np.linspace(-1, 1, SIZE), np.linspace(-1, 1, SIZE))
    side = np.exp(-0.5 * x + 0.1 * y)[..., None]
    return {
        "darker": np.full((SIZE, SIZE, 3), 0.5),
        "red light": np.ones((SIZE, SIZE, 3)) * [1.2, 0.5, 0.4],
        "from the side": np.repeat(side, 3, axis=2),
    }


@pytest.mark.parametrize("name", list(gains()))
def test_a_known_light_is_followed(face, inside, name):
    target = lit(face, gains()[name])
    result, agreement = match_light(face, target, inside, 0 * inside, LightSettings())
    assert error(result, target, inside) < 0.05 * error(face, target, inside) + 1.5
    assert agreement[inside > 0].mean() > 0.95


def test_a_dark_beard_of_the_target_does_not_darken_the_face(face, inside):
    target = face.copy()
    target[85:110, 40:88] *= 0.15
    result, agreement = match_light(face, target, inside, 0 * inside, LightSettings())
    beard = (slice(88, 107), slice(45, 83))
    assert result[beard].mean() > 0.85 * face[beard].mean()
    assert result[40:80, 40:88].mean() == pytest.approx(face[40:80, 40:88].mean(), rel=0.03)
    assert agreement[beard].mean() < 0.1


def test_the_border_meets_the_target(face, inside):
    target = lit(face, np.full((SIZE, SIZE, 3), 1.0))
    target[:, : SIZE // 2] *= 0.8
    ring = inside - cv2.erode(inside, np.ones((15, 15)))
    free, _ = match_light(face, target, inside, 0 * inside, LightSettings())
    bound, _ = match_light(face, target, inside, ring, LightSettings())
    assert error(bound, target, ring) < error(free, target, ring)


def test_without_skin_nothing_is_changed(face, inside):
    result, agreement = match_light(face, 0 * face, 0 * inside, 0 * inside, LightSettings())
    assert result is face
    assert agreement.min() == 1.0


@pytest.mark.parametrize("sigma", [0.7, 1.0, 1.5, 2.0])
def test_a_sharp_face_is_softened_as_much_as_the_picture_it_goes_into(sigma):
    photo = skimage.data.astronaut()[40:240, 120:320]  # the face
    sharp = cv2.resize(photo, (384, 384), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    soft = cv2.GaussianBlur(sharp, (0, 0), sigma)
    everywhere = np.ones((384, 384), np.float32)
    result = match_sharpness(sharp, soft, everywhere)

    def edges(picture):
        return np.abs(cv2.Laplacian(picture, cv2.CV_32F)).mean()

    assert edges(result) == pytest.approx(edges(soft), rel=0.35)
    assert match_sharpness(soft, sharp, everywhere) is soft
