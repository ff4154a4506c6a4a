import cv2
import numpy as np
import pytest

from tests.helpers.drawn_faces import drawn
from videoswap.training.encoder.synthesis import KINDS, Synthesizer

SIZE = 256


def face(random):
    """Return 68 points that lie roughly like a face."""
    jaw = [(128 + 80 * np.cos(t), 120 + 100 * np.sin(t)) for t in np.linspace(np.pi, 0, 17)]
    inner = [(60 + 14 * (n % 10), 80 + 18 * (n // 10)) for n in range(51)]
    return np.array([*jaw, *inner], np.float32) + random.normal(scale=3, size=(68, 2))


@pytest.fixture(scope="module")
def synthesizer():
    random = np.random.default_rng(0)
    pictures = [drawn(person, size=SIZE) for person in range(5)]
    landmarks = np.stack([face(random) for _ in pictures]).astype(np.float32)
    return Synthesizer(pictures, landmarks), pictures, landmarks


@pytest.fixture(scope="module")
def made(synthesizer):
    return [synthesizer[0].make(np.random.default_rng(number)) for number in range(40)]


def test_all_kinds_are_made(made):
    assert {one.kind for one in made} == set(KINDS)
    for one in made:
        assert one.picture.shape == (SIZE, SIZE, 3) and one.picture.dtype == np.uint8
        assert one.landmarks.shape == (68, 2)


def test_the_same_numbers_make_the_same_face(synthesizer, made):
    again = synthesizer[0].make(np.random.default_rng(7))
    assert np.array_equal(again.picture, made[7].picture)
    assert not np.array_equal(made[8].picture, made[7].picture)


def test_nobody_is_pasted_onto_himself(made):
    assert all(one.first != one.second for one in made if one.is_pasted)


def test_a_pasted_face_leaves_its_surroundings_alone(synthesizer, made):
    pictures = synthesizer[1]
    for one in made:
        if one.is_pasted:
            partner = pictures[one.second].astype(int)
            hull = cv2.convexHull(one.landmarks.astype(np.float32))[:, 0]
            outside = np.ones((SIZE, SIZE), np.uint8)
            cv2.fillConvexPoly(outside, hull.astype(np.int32), 0)
            outside = cv2.erode(outside, np.ones((61, 61))) > 0
            assert np.array_equal(one.picture[outside], partner[outside])
            assert (one.picture != partner)[~outside].mean() > 0.1


def test_landmarks_of_a_bent_paste_are_those_of_the_partner(synthesizer, made):
    _, _, landmarks = synthesizer
    for one in made:
        owner = {"paste": one.first, "paste_bent": one.second}.get(one.kind)
        if owner is not None:
            assert np.array_equal(one.landmarks, landmarks[owner])


def test_a_morph_lies_between_the_two(synthesizer, made):
    _, _, landmarks = synthesizer
    for one in made:
        if one.kind == "morph":
            step = landmarks[one.second] - landmarks[one.first]
            share = ((one.landmarks - landmarks[one.first]) * step).sum()
            assert -1e-3 <= share / max((step**2).sum(), 1e-9) <= 1.001
