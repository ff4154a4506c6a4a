import cv2
import numpy as np
import pytest

from tests.helpers.face_pairs import SIDE, face_pair, flat, history, points, textured
from videoswap.evaluation.metrics.light import LightFamily
from videoswap.geometry.affine import five_points
from videoswap.records import Face, Photo


def portrait(pixels, landmarks):
    box = np.concatenate([landmarks.min(axis=0), landmarks.max(axis=0)]).astype(np.float32)
    return Photo("photo", pixels, Face(box, five_points(landmarks), 0.9, landmarks=landmarks))


PHOTO = portrait(textured(7), points())


def measured(original, result, photo=PHOTO, mask=None):
    return LightFamily([photo]).measure(history(face_pair(original, result, mask)))


def oval():
    """Return a mask over the middle of the face, and where it is."""
    mask = np.zeros((SIDE, SIDE), np.uint8)
    middle = tuple(int(one) for one in points().mean(axis=0))
    cv2.ellipse(mask, middle, (40, 50), 0, 0, 360, 255, -1)
    return mask, mask > 0


def slopes(amount):
    """Return a picture that is lighter to the right, by so many levels over its width."""
    ramp = np.linspace(120 - amount / 2, 120 + amount / 2, SIDE)
    return np.dstack([np.tile(ramp, (SIDE, 1)).round().astype(np.uint8)] * 3)


def test_a_face_that_did_not_change_is_in_its_light():
    found = measured(textured(), textured())
    assert found["tone_luma"] == found["tone_color"] == found["coarse_contrast"] == 0
    assert found["clipped"] == 0
    assert found["shading_original"] == pytest.approx(1)
    assert abs(found["shading_source"]) < 0.4  # another texture


@pytest.mark.parametrize("levels", [-20, 7])
def test_the_tone_along_the_outline_is_what_was_added(levels):
    found = measured(flat(120), flat(120 + levels))
    assert found["tone_luma"] == pytest.approx(abs(levels), abs=0.01)
    assert found["tone_color"] == pytest.approx(0, abs=1)


@pytest.mark.parametrize("levels", [-12, 5])
def test_the_tone_across_the_outline_is_the_step_to_the_skin_around(levels):
    mask, where = oval()
    film, result = flat(120), flat(120)
    result[where] += np.uint8(levels % 256)
    found = measured(film, result, mask=mask)
    assert found["across_luma"] == pytest.approx(abs(levels), abs=0.01)
    assert found["across_color"] == pytest.approx(0, abs=0.5)


def test_a_step_that_the_film_has_itself_does_not_count():
    mask, where = oval()
    film = flat(120)
    film[where] += 20
    result = flat(110)
    result[where] += 23
    found = measured(film, result, mask=mask)
    assert found["across_luma"] == pytest.approx(3, abs=0.01)


def test_beside_what_is_no_skin_there_is_no_tone_across():
    mask, where = oval()
    film = flat(120)
    film[~where] = (20, 60, 200)
    result = film.copy()
    result[where] += 15
    assert "across_luma" not in measured(film, result, mask=mask)
    film[: SIDE // 2] = result[: SIDE // 2] = 120  # skin above, as far as the mask's middle
    result[where] = 135
    assert measured(film, result, mask=mask)["across_luma"] == pytest.approx(15, abs=0.01)


def test_a_tint_is_color_and_no_luma():
    tinted = flat(120)
    tinted[..., 0] += 30
    change = cv2.cvtColor(np.uint8([[[150, 120, 120]]]), cv2.COLOR_RGB2YCrCb)[0, 0].astype(float)
    found = measured(flat(120), tinted)
    assert found["tone_luma"] == pytest.approx(change[0] - 120, abs=0.01)
    assert found["tone_color"] == pytest.approx(np.hypot(*(change[1:] - 128)), abs=0.01)


@pytest.mark.parametrize("times", [0.5, 2.0])
def test_coarse_contrast_is_the_factor_of_a_slope(times):
    found = measured(slopes(60), slopes(60 * times))
    assert np.exp(found["coarse_contrast"]) == pytest.approx(times, rel=0.03)


def test_fine_texture_is_no_coarse_contrast():
    chequers = 20 * (np.indices((SIDE, SIDE)).sum(axis=0) % 2)[..., None]
    rough = slopes(60) + chequers.astype(np.uint8)
    assert np.exp(measured(slopes(60), rough)["coarse_contrast"]) == pytest.approx(1, rel=0.02)


def test_clipped_highlights_count_beyond_the_originals_own():
    burnt = flat(255)
    assert measured(flat(120), burnt)["clipped"] == 1
    assert measured(burnt, burnt)["clipped"] == 0


def test_shading_tells_the_photos_light_from_the_films():
    film, photo = textured(1), textured(2)
    kept = measured(film, film, portrait(photo, points()))
    brought = measured(film, photo, portrait(photo, points()))
    assert kept["shading_original"] == pytest.approx(1)
    assert brought["shading_source"] == pytest.approx(1, abs=0.01)
    assert brought["shading_original"] < 0.4 and kept["shading_source"] < 0.4


def test_the_photo_is_brought_onto_the_face_first():
    matrix = np.array([[1.5, 0.2, 10], [-0.2, 1.5, 60]])
    film = textured(3)
    large = cv2.warpAffine(film, matrix, (500, 500), flags=cv2.INTER_CUBIC)
    there = (points() @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
    assert measured(film, film, portrait(large, there))["shading_source"] > 0.95
