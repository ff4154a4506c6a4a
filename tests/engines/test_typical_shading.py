"""Hard light is compressed, single shadows too; a usual face, fine detail and beards stay."""

import cv2
import numpy as np
import pytest

from videoswap.engines.mesh import typical_shading as typical
from videoswap.geometry.brightness import RATIO_FLOOR
from videoswap.geometry.face_mesh import BROWS, CHART, EYES

SIDE = 512
ALL = np.ones((SIDE, SIDE), np.float32)
FOREHEAD, CHEEK, OTHER_CHEEK, CHIN = (0.25, 0.5), (0.6, 0.32), (0.6, 0.68), (0.8, 0.5)


def face(shading, detail=0.0):
    """Return a texture whose luminance is that of some shading (128, 128) in log units."""
    large = cv2.resize(shading.astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    checks = detail * (1.0 - 2.0 * (np.indices((SIDE, SIDE)).sum(axis=0) % 2))
    grey = np.exp(np.log(120.0 + RATIO_FLOOR) + large + checks) - RATIO_FLOOR
    return np.repeat(grey[..., None], 3, axis=2).astype(np.float32)


def usual(times=0.0):
    """Return shading that differs from the mean by so many spreads, here more, there less."""
    random = cv2.GaussianBlur(np.random.default_rng(0).normal(size=(128, 128)), (0, 0), 4.0)
    one = typical.typical_shading()
    return one.mean + times * one.spread * random / random.std()


def apart(texture):
    one, inside = typical.typical_shading(), typical._face() > 0
    return ((typical.shading_of(texture) - one.mean) / one.spread)[inside]


def blob(place, size=0.02):
    rows, columns = (np.indices((128, 128)) + 0.5) / 128
    return np.exp(-((rows - place[0]) ** 2 + (columns - place[1]) ** 2) / (2 * size**2))


def at(values, place):
    row, column = (int(len(values) * value) for value in place)
    return values[row, column]


def test_the_file_shows_a_face():
    one = typical.typical_shading()
    assert one.mean.shape == one.spread.shape == (128, 128)
    assert np.allclose(one.mean, one.mean[:, ::-1], atol=2e-3)
    assert one.spread.min() > 0
    for part in (*EYES, *BROWS):
        column, row = CHART[list(part)].mean(axis=0)[:2]
        assert at(one.mean, (row, column)) < at(one.mean, CHEEK) - 0.1


def test_a_usual_face_stays():
    texture = face(usual(0.3))
    changed = typical.with_typical_shading(texture, ALL, None)
    assert np.abs(changed / texture - 1.0).max() < 0.03


@pytest.mark.parametrize("times", [2.0, 4.0])
def test_hard_light_is_compressed(times):
    texture = face(usual(times))
    before, after = apart(texture), apart(typical.with_typical_shading(texture, ALL, None))
    assert before.std() > 1.2
    assert after.std() < 0.75 * before.std()
    assert np.corrcoef(before, after)[0, 1] > 0.8  # less of it, and nothing else


def test_a_single_shadow_is_lifted_and_a_light_spot_dimmed():
    texture = face(usual() - 0.6 * blob(FOREHEAD) + 0.5 * blob(CHEEK))
    changed = np.log(typical.with_typical_shading(texture, ALL, None) / texture)[..., 0]
    assert at(changed, FOREHEAD) > 0.25
    assert at(changed, CHEEK) < -0.15
    assert abs(at(changed, OTHER_CHEEK)) < 0.03


def test_fine_detail_stays():
    shadow = usual() - 0.6 * blob(FOREHEAD)
    plain, detailed = (
        typical.with_typical_shading(face(shadow, one), ALL, None) for one in (0.0, 0.05)
    )
    ratio = np.log((detailed + RATIO_FLOOR) / (plain + RATIO_FLOOR))[120:136, 250:266]
    assert ratio.std() == pytest.approx(0.05, rel=0.1)


def test_beards_stay():
    beard = blob(CHIN, 0.05).astype(np.float32)
    texture = face(usual() - 0.8 * beard)
    bearded = typical.with_typical_shading(texture, ALL, beard)
    shaved = typical.with_typical_shading(texture, ALL, None)
    assert at(bearded, CHIN) == pytest.approx(at(texture, CHIN), rel=1e-3)
    assert (at(shaved, CHIN) > 1.1 * at(texture, CHIN)).all()


def test_what_the_photo_does_not_show_says_nothing_about_its_light():
    half = ALL.copy()
    half[:, SIDE // 2 :] = 0.0
    shading = usual(0.5)
    shading[:, 64:] = usual(5.0)[:, 64:]
    texture, left = face(shading), (slice(150, 350), slice(130, 230))
    some, every = (
        np.abs(typical.with_typical_shading(texture, one, None) / texture - 1)[left].mean()
        for one in (half, ALL)
    )
    assert some < 0.6 * every
