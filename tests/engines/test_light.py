import cv2
import numpy as np
import pytest

from videoswap.engines.mesh.light import LightSettings, match_light

SIZE = 128
FREE = np.ones((SIZE, SIZE), np.float32)


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
    result, agreement = match_light(face, target, FREE, inside, LightSettings())
    assert error(result, target, inside) < 0.05 * error(face, target, inside) + 1.5
    assert agreement[inside > 0].mean() > 0.95


def test_a_dark_beard_of_the_target_does_not_darken_the_face(face, inside):
    target = face.copy()
    target[85:110, 40:88] *= 0.15
    result, agreement = match_light(face, target, FREE, inside, LightSettings())
    beard = (slice(88, 107), slice(45, 83))
    assert result[beard].mean() > 0.85 * face[beard].mean()
    assert result[40:80, 40:88].mean() == pytest.approx(face[40:80, 40:88].mean(), rel=0.03)
    assert agreement[beard].mean() < 0.1


def test_without_skin_nothing_is_changed(face, inside):
    result, agreement = match_light(face, 0 * face, FREE, 0 * inside, LightSettings())
    assert result is face
    assert agreement.min() == 1.0


def with_brows(picture):
    picture = picture.copy()
    picture[50:56, 35:55] = picture[50:56, 75:95] = 15.0
    return picture


@pytest.mark.parametrize("haze", [0.0, 40.0, 80.0])
def test_haze_over_the_target_lies_over_the_swap_too(face, inside, haze):
    clear = with_brows(face)
    target = clear * (1.0 - haze / 255.0) + haze
    skin = inside.copy()
    skin[48:58, 33:97] = 0.0
    result, _ = match_light(clear, target, FREE, skin, LightSettings(veil=1.0))
    np.testing.assert_allclose(result[53, 45], target[53, 45], atol=12)
    assert error(result, target, inside) < 4.0


@pytest.mark.parametrize("tone", [0.0, 250.0])
def test_a_thing_in_front_does_not_count(face, inside, tone):
    hazy = with_brows(face) * 0.75 + 60.0
    target, free = hazy.copy(), FREE.copy()
    target[76:104, 48:80], free[76:104, 48:80] = tone, 0.0  # a microphone
    result, _ = match_light(with_brows(face), target, free, inside, LightSettings(veil=1.0))
    wanted, _ = match_light(with_brows(face), hazy, free, inside, LightSettings(veil=1.0))
    assert error(result, wanted, inside) < 0.5
    counted, _ = match_light(with_brows(face), target, FREE, inside, LightSettings(veil=1.0))
    assert error(counted, wanted, inside) > 2.0
