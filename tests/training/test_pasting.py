"""Pasted faces: the golden of BlendFace's own code, and partners by hand."""

import numpy as np
import pytest

from videoswap.detection.face_parser import FacePart
from videoswap.training.pasting import PASTED_PARTS, Partners, match_color, paste_face

# Labels of BlendFace's parser (CelebAMask-HQ, 19 classes) that its code pastes.
PUBLISHED_LABELS = (1, 2, 3, 4, 5, 6, 10, 11, 12, 13)
RANDOM = np.random.default_rng(0)


@pytest.fixture
def pair(golden):
    """Picture and region of the labelled face, and those of the partner."""
    regions = [np.isin(golden[f"blend_parse_{one}"], PUBLISHED_LABELS) for one in "st"]
    return golden["blend_img_s"], golden["blend_img_t"], *regions


@pytest.mark.needs_shared
def test_the_golden_paste(golden, pair):
    found = paste_face(*pair)
    assert np.abs(found.astype(int) - golden["blend_out"]).max() <= 1


@pytest.mark.needs_shared
def test_the_golden_color(golden, pair):
    found = match_color(*pair)[::4, ::4]
    np.testing.assert_allclose(found, golden["blend_color_transfer_every4"], atol=0.05)


def test_what_is_pasted_is_the_face_and_neither_hair_nor_neck():
    apart = {FacePart.HAIR, FacePart.NECK, FacePart.BACKGROUND}
    assert set(FacePart) - set(PASTED_PARTS) == apart


def square(first, last):
    region = np.zeros((112, 112), bool)
    region[first:last, first:last] = True
    return region


@pytest.fixture(scope="module")
def noise():
    return [RANDOM.integers(low, low + 90, (112, 112, 3)).astype(np.uint8) for low in (20, 120)]


def test_the_middle_is_the_face_and_what_lies_outside_the_partner(noise):
    face, partner = noise
    made = paste_face(face, partner, square(20, 90), square(20, 90))
    inside, outside = square(32, 78), ~square(20, 90)
    assert np.array_equal(made[outside], partner[outside])
    expected = match_color(face, partner, square(20, 90), square(20, 90))
    assert np.abs(made[inside] - expected[inside]).max() <= 1
    assert np.abs(made[inside].mean() - partner[inside].mean()) < 3  # in the partner's color


@pytest.mark.parametrize(
    ("partner_region", "pasted"),
    [
        (square(20, 80), True),
        (square(20, 62), False),
        (square(20, 63), True),
        (square(90, 95), False),
        (np.zeros((112, 112), bool), False),
    ],
)
def test_more_than_half_of_the_larger_region_must_be_in_common(noise, partner_region, pasted):
    # 60 x 60 of the first: half of it is 1800, between 42 x 42 and 43 x 43.
    assert (paste_face(*noise, square(20, 80), partner_region) is not None) == pasted


def test_nothing_in_common_at_all(noise):
    nothing = np.zeros((112, 112), bool)
    assert paste_face(*noise, nothing, nothing) is None


def test_a_grey_partner_gives_a_grey_face(noise):
    grey = np.repeat(noise[1][..., :1], 3, axis=2)
    everywhere = square(0, 112)
    made = match_color(noise[0], grey, everywhere, everywhere)
    assert np.ptp(made, axis=2).max() < 1
    back = match_color(grey, noise[0], everywhere, everywhere)
    assert np.isfinite(back).all()


def test_limits_of_the_spread(noise):
    flat = (120 + (noise[1].astype(int) - 165) // 30).astype(np.uint8)
    everywhere = square(0, 112)
    free = match_color(noise[0], flat, everywhere, everywhere)
    held = match_color(noise[0], flat, everywhere, everywhere, limits=(0.5, 2.0))
    assert held.std() > 3 * free.std()


def line(*places):
    """Return landmarks of faces that lie on a line."""
    return np.array(places, float)[:, None, None].repeat(2, axis=2)


def chosen(partners, row, times=60):
    return {partners.choose(row, np.random.default_rng(n)) for n in range(times)}


def test_a_partner_is_one_of_the_nearest_of_other_people():
    landmarks, people = line(0, 0.1, 1, 2, 3, 9), np.array([0, 0, 1, 2, 3, 4])
    assert chosen(Partners(landmarks, people, nearest=2), 0) == {2, 3}
    assert chosen(Partners(landmarks, people, nearest=1), 5) == {4}
    assert chosen(Partners(landmarks, people, nearest=9), 1) == {2, 3, 4, 5}
    drawn = Partners(landmarks, people, nearest=1, among=2)
    assert {2, 3, 4, 5} <= chosen(drawn, 0) <= {None, 2, 3, 4, 5}


def test_without_another_person_there_is_no_partner():
    assert chosen(Partners(line(0, 1), np.array([7, 7]), nearest=3), 0) == {None}
