import numpy as np
import pytest

from tests.evaluation.looks import SIDE, look, moment, points, textured
from videoswap.evaluation.face_pair import Moment
from videoswap.evaluation.metrics.presence import BystanderFamily, FallbackFamily, changed_share

FILM = textured()


def repainted(landmarks, change=12, noise=0):
    """The film with another tone on a face, and with the noise of another encoding."""
    seen = look(FILM, FILM, smooth=landmarks)
    whole = np.zeros((SIDE * 3, SIDE * 3), bool)
    x0, y0, x1, y1 = (value + SIDE for value in seen.window)
    whole[y0:y1, x0:x1] = seen.inside
    made = FILM.astype(int)
    made[whole[SIDE : 2 * SIDE, SIDE : 2 * SIDE]] += change
    made += np.random.default_rng(0).integers(-noise, noise + 1, made.shape)
    return np.clip(made, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(("change", "fallback"), [(12, 0.0), (0, 1.0)])
def test_a_face_that_shows_the_original_is_a_fallback(change, fallback):
    result = repainted(points(), change, noise=3)
    found = FallbackFamily().measure(moment(look(FILM, result)))
    assert found["fallback"] == fallback
    assert (found["changed"] > 0.6) == (change > 0)


def test_an_empty_mask_over_the_face_is_a_fallback():
    mask = np.zeros((SIDE, SIDE), np.uint8)
    result = repainted(points())
    found = FallbackFamily().measure(moment(look(FILM, result, mask=mask)))
    assert found["fallback"] == 1.0


def test_somebody_who_was_changed_without_being_asked_for():
    changed = look(FILM, repainted(points()), source=None)
    left = look(FILM, repainted(points(), 0, noise=3), source=None)
    assert BystanderFamily().measure(moment(changed))["disturbed"] == 1.0
    assert BystanderFamily().measure(moment(left))["disturbed"] == 0.0


@pytest.mark.parametrize("shift", [0, 50, 200])
def test_a_swapped_face_in_front_of_another_is_not_its_change(shift):
    swapped = points() + np.float32([shift, 0])
    result = repainted(swapped)
    front = look(FILM, result, smooth=swapped, source=0)
    behind = look(FILM, result, source=None)
    found = BystanderFamily().measure(Moment(behind, (), [front]))
    assert found.get("disturbed", 0.0) == 0.0
    assert np.isnan(changed_share(behind, [front])) == (shift == 0)
