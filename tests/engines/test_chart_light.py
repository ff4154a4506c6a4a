"""The light of a film put onto a source, in the chart: known lights must come out right."""

import cv2
import numpy as np
import pytest

from tests.engines.test_chart import head
from videoswap.engines.mesh.chart import look_up
from videoswap.engines.mesh.chart_light import (
    LIGHT_SIDE,
    ChartLightSettings,
    film_in_chart,
    light_between,
    lit_by,
    regions,
    without_shine,
)
from videoswap.geometry import face_masks as masks
from videoswap.geometry.face_mesh import BROWS, CHART, EYES, NOSE_TIP, OUTER_LIPS

SHOWN = np.ones((LIGHT_SIDE, LIGHT_SIDE), np.float32)
ROWS, COLUMNS = np.mgrid[:LIGHT_SIDE, :LIGHT_SIDE] / (LIGHT_SIDE - 1)
SKIN = np.array([170.0, 130.0, 110.0])


def drawn_features():
    """Return where eyes, brows and lips are, (64, 64)."""
    outlines = [CHART[one] * LIGHT_SIDE - 0.5 for one in (*EYES, *BROWS, OUTER_LIPS)]
    return np.max([masks.fill_polygon(one, LIGHT_SIDE) for one in outlines], axis=0)


def face(skin=SKIN, features=0.4, seed=5):
    """Return a face (64, 64, 3) in the chart: skin with pores and dark features."""
    noise = cv2.GaussianBlur(np.random.default_rng(seed).normal(0, 12, (64, 64)), (0, 0), 0.8)
    dark = 1.0 - (1.0 - features) * drawn_features()
    return ((skin + noise[..., None]) * dark[..., None]).astype(np.float32)


def lit(source, gain):
    return np.clip((source + 12.0) * gain - 12.0, 0, 255).astype(np.float32)


def matched(source, film, shown=SHOWN, **settings):
    """Return the lit source and the agreement."""
    light = light_between(source, film, SHOWN, shown, ChartLightSettings(**settings))
    return lit_by(source.copy(), *light)


def error(one, other, where=None):
    where = regions().skin > 0.9 if where is None else where
    return float(np.abs(one - other)[where].mean())


def edge(at, level):
    """Return a cast shadow's (64, 64, 1) gain, one pixel soft."""
    return 1.0 - (1.0 - level) * np.clip((COLUMNS - at) * LIGHT_SIDE + 0.5, 0, 1)[..., None]


def spot(strength):
    away = (COLUMNS - 0.35) ** 2 + (ROWS - 0.5) ** 2
    return 1.0 + strength * np.exp(-away / 0.003)[..., None]


LIGHTS = {
    "darker": np.full((64, 64, 1), 0.5),
    "red": np.ones((64, 64, 3)) * [1.2, 0.5, 0.4],
    "from the side": np.exp(-0.8 * (COLUMNS - 0.5))[..., None],
    "two colors": np.exp((COLUMNS - 0.5)[..., None] * [0.8, 0.0, -0.8]),
    "cast shadow": edge(0.55, 0.3),
    "hard light": edge(0.5, 0.35) * np.exp(0.5 * (ROWS - 0.5))[..., None],
    "highlight": spot(0.4),
}


CLOSELY = {"veil": 0.0, "fine": 0.03, "wide": 0.04}  # closer than by default, which keeps likeness


@pytest.mark.parametrize("name", list(LIGHTS))
def test_a_known_light_is_followed(name):
    source = face()
    film = lit(source, LIGHTS[name])
    result, agreement = matched(source, film, **CLOSELY)
    assert error(result, film) < 0.13 * error(source, film) + 1.0
    assert agreement[regions().skin > 0.9].mean() > 0.8


@pytest.mark.parametrize("name", list(LIGHTS))
def test_and_the_light_of_the_photo_is_not_kept(name):
    plain = face()
    source = lit(plain, 0.9 * LIGHTS[name])
    result, _ = matched(source, plain, **CLOSELY)
    assert error(result, plain) < 0.15 * error(source, plain) + 1.0


def test_by_default_what_is_finer_than_light_stays_the_photos():
    """Hollow cheeks are a person's, although they look like soft shadows on both sides."""
    plain = face()
    away = (np.abs(COLUMNS - 0.5) - 0.17) ** 2 + (ROWS - 0.55) ** 2
    hollow = np.exp(-away / 0.003)
    source = lit(plain, (1.0 - 0.4 * hollow)[..., None])
    kept = []
    for settings in ({"veil": 0.0}, CLOSELY):
        result, _ = matched(source, plain, **settings)
        lost = error(result, source, hollow > 0.5)
        kept.append(1.0 - lost / error(plain, source, hollow > 0.5))
    assert kept[0] > 0.6
    assert kept[0] > 1.5 * kept[1]


def small_spot(strength):
    away = (COLUMNS - 0.33) ** 2 + (ROWS - 0.55) ** 2
    return 1.0 + strength * np.exp(-away / 0.0012)[..., None]


@pytest.mark.parametrize("strength", [0.5, -0.4])
def test_the_films_own_small_highlights_and_shadows_are_put_on(strength):
    plain = cv2.GaussianBlur(face(features=1.0), (0, 0), 1.5)
    film = lit(plain, small_spot(strength))
    where = np.abs(small_spot(strength)[..., 0] - 1.0) > 0.5 * abs(strength)
    without, _ = matched(plain, film, veil=0.0, shine=0.0, shade=0.0)
    result, _ = matched(plain, film, veil=0.0)
    assert error(result, film, where) < 0.7 * error(without, film, where)


def test_and_none_is_where_the_film_has_none():
    source = lit(face(features=1.0), small_spot(-0.4))
    plain = face(features=1.0)
    put_on, without = (
        matched(source, plain, veil=0.0, **settings)[0]
        for settings in ({}, {"shine": 0.0, "shade": 0.0})
    )
    assert error(put_on, without, small_spot(-0.4)[..., 0] < 0.8) < 2.0


def test_a_socket_in_the_shade_is_as_dark_on_the_source():
    source = face(features=1.0)
    film = source.copy()
    place = CHART[EYES[0]] * LIGHT_SIDE - 0.5
    film[masks.fill_polygon(masks.scale_points(place, 1.9), LIGHT_SIDE) > 0.5] *= 0.6
    lids = masks.fill_polygon(place, LIGHT_SIDE) > 0.5
    shaded, without = (
        matched(source, film, veil=0.0, **settings)[0][lids].mean()
        for settings in ({}, {"socket": 0.0})
    )
    assert shaded < 0.9 * without
    other = masks.fill_polygon(CHART[EYES[1]] * LIGHT_SIDE - 0.5, LIGHT_SIDE) > 0.5
    assert error(matched(source, film, veil=0.0)[0], source, other) < 6.0


def test_the_films_brows_and_lips_leave_no_trace():
    source, film = face(features=1.0), face(features=0.2)
    film[regions().lips > 0.5] = [190, 20, 40]
    result, _ = matched(source, film, veil=0.0)
    assert error(result, source, drawn_features() > 0.5) < 6.0


def test_the_films_beard_does_not_darken_the_skin_but_a_shadow_does():
    source = face()
    beard = regions().beard > 0.5
    film = source.copy()
    film[beard] *= 0.2
    result, _ = matched(source, film)
    middle = (regions().skin > 0.9) & (cv2.erode(regions().beard, np.ones((5, 5))) > 0.5)
    assert result[middle].mean() > 0.8 * source[middle].mean()
    shaded = source.copy()
    half = beard & (COLUMNS > 0.5)
    shaded[half] *= 0.45
    result, _ = matched(source, shaded)
    assert result[middle & half].mean() < 0.6 * source[middle & half].mean()


def test_a_thing_in_front_does_not_count():
    source = face()
    film, shown = lit(source, LIGHTS["from the side"]), SHOWN.copy()
    wanted, _ = matched(source, film)
    film[20:44, 10:26], shown[20:44, 10:26] = 250.0, 0.0
    result, _ = matched(source, film, shown)
    where = (regions().skin > 0.9) & (shown > 0)
    assert error(result, wanted, where) < 1.5
    assert error(matched(source, film)[0], wanted, where) > 2.0


def test_without_skin_nothing_is_changed():
    source = face()
    result, agreement = matched(source, 0 * source, 0 * SHOWN)
    np.testing.assert_allclose(result, source, atol=1e-3)
    assert agreement.min() == 1.0


def test_a_photos_shine_is_taken_off_and_its_shading_is_not():
    skin = np.broadcast_to(SKIN, (128, 128, 3)).astype(np.float32)
    place = (CHART[50] * 128).astype(int)
    shining = skin.copy()
    cv2.circle(shining, tuple(int(one) for one in place), 3, (240, 238, 236), -1)
    shining = cv2.GaussianBlur(shining, (0, 0), 1.0)
    spot = np.s_[place[1] - 2 : place[1] + 3, place[0] - 2 : place[0] + 3]
    left = np.abs(without_shine(shining)[spot] - skin[spot]).mean()
    assert left < 0.5 * np.abs(shining[spot] - skin[spot]).mean()
    slope = skin * np.linspace(0.5, 1.2, 128)[None, :, None].astype(np.float32)
    where = cv2.resize(regions().skin, (128, 128)) > 0.99
    assert np.abs(without_shine(slope) - slope)[where].mean() < 3.0


def test_the_chart_is_found_in_the_film():
    points = head()
    places, facing = film_in_chart(points, 256)
    nose = CHART[None, None, NOSE_TIP].astype(np.float32)
    np.testing.assert_allclose(
        look_up(places, nose)[0, 0] * 256, points[NOSE_TIP, :2] + 0.5, atol=1.5
    )
    assert look_up(facing, nose)[0, 0] == 1.0
    turned = film_in_chart(head(60), 256)[1]
    left, right = (CHART[[234, 454]] * LIGHT_SIDE - 0.5).round().astype(int)
    ends = sorted(float(turned[one[1], one[0]]) for one in (left, right))
    assert ends[0] == 0.0 < 0.9 < ends[1]
