from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")

from tests.helpers.mesh_faces import mesh_face
from videoswap.detection.dense_landmarks import IBUG_68
from videoswap.detection.face_detector import FaceDetector
from videoswap.detection.face_models import FaceModels
from videoswap.detection.face_parser import FacePart
from videoswap.errors import UsageError
from videoswap.geometry.affine import TEMPLATES, crop_matrix, transform
from videoswap.geometry.resample import warp
from videoswap.training.augment import Augmentation
from videoswap.training.triplets.synthesis import (
    Fault,
    MeshSwapper,
    SwapChecks,
    changed_copy,
    checked_swap,
    occluded_alike,
    with_other_expression,
)

STILL = Augmentation(**dict.fromkeys(Augmentation.__slots__, 0.0))
SIDE = 192


def aligned(picture, face):
    matrix = crop_matrix(face.points5, TEMPLATES["arcface_112_v2"], SIDE)
    return warp(picture, matrix, SIDE), transform(matrix, face.points5)


@pytest.fixture(scope="module")
def people(swapper, group, face_models):
    """Two of the group photo who look ahead, as aligned crops."""
    return [
        swapper.person(swapper.read(f"p{number}", *aligned(group, face)))
        for number, face in enumerate(FaceDetector(face_models).detect(group)[:3:2])
    ]


@pytest.fixture(scope="module")
def swap(swapper, people):
    made = swapper.swap(people[0].identity, people[1].photo)
    assert made is not None
    return made


def test_a_swap_changes_the_face_and_nothing_else(people, swap):
    apart = np.abs(swap.pixels.astype(int) - people[1].photo.pixels).max(axis=2)
    assert (apart[swap.mask == 0] == 0).all()
    assert apart[swap.mask > 200].mean() > 4
    assert 0.1 < (swap.mask > 127).mean() < 0.5


def test_a_swap_looks_more_like_the_source_than_the_target_does(swapper, people, swap):
    made = swapper.embed(swapper.read_again(people[1].photo, swap.pixels))
    before = swapper.distance(people[0].embedding, people[1].embedding)
    assert swapper.distance(people[0].embedding, made) < before - 0.05


LENIENT = SwapChecks(turn=10, area=0.0, nearer=-1.0, geometry=1.0)


@pytest.mark.parametrize(
    ("limits", "fault"),
    [
        ({}, None),
        ({"turn": 1e-6}, Fault.TURNED),
        ({"area": 2.0}, Fault.SMALL),
        ({"geometry": 1e-6}, Fault.GEOMETRY),
        ({"nearer": 1.0}, Fault.IDENTITY),
    ],
)
def test_the_first_limit_that_is_not_kept_is_the_fault(swapper, people, limits, fault):
    found = checked_swap(swapper, people[0], people[1], replace(LENIENT, **limits))
    assert (found if isinstance(found, Fault) else None) is fault


@pytest.mark.parametrize(
    ("to_source", "to_target", "nearer", "fault"),
    [
        (0.4, 0.6, 0.0, None),
        (0.6, 0.4, 0.0, Fault.IDENTITY),
        (0.6, 0.4, -0.3, None),
        (0.4, 0.6, 0.3, Fault.IDENTITY),
    ],
)
def test_a_swap_must_be_nearer_to_its_source(to_source, to_target, nearer, fault):
    checks = SwapChecks(nearer=nearer)
    assert checks.identity(to_source, to_target, 0.8) is fault


def test_a_swap_whose_features_lie_elsewhere_has_bad_geometry(people, swap, swapper):
    target = people[1].photo
    read = swapper.read_again(target, swap.pixels)
    checks = SwapChecks(geometry=0.15)  # dlib's landmarks are not as steady as the dense ones
    assert checks.after(swap, read, target) is None
    moved = replace(read.face, landmarks=read.face.landmarks + np.float32(10))
    assert checks.after(swap, replace(read, face=moved), target) is Fault.GEOMETRY


@pytest.mark.needs_dense
def test_with_dense_landmarks_a_good_swap_passes_all_checks(group, face_models):
    swapper = MeshSwapper(models=FaceModels.load())
    one, other = (
        swapper.person(swapper.read("", *aligned(group, face)))
        for face in FaceDetector(face_models).detect(group)[:3:2]
    )
    made = checked_swap(swapper, one, other, SwapChecks(turn=4, nearer=-0.5))
    assert not isinstance(made, Fault)
    assert made.painted.reshaped is not None  # it has the source's proportions


def test_without_dense_landmarks_it_goes_by_the_68(swapper, people):
    plain = [
        replace(one.photo, face=replace(one.photo.face, dense_landmarks=None)) for one in people[:2]
    ]
    assert LENIENT.before(*plain) is None
    assert replace(LENIENT, turn=1e-6).before(*plain) is Fault.TURNED
    made = swapper.swap(swapper.identity(plain[0]), plain[1])
    assert made is not None and (made.mask > 127).mean() > 0.1


def test_a_changed_copy_is_the_mirrored_face_with_its_own_landmarks(swapper, people):
    photo = people[0].photo
    copy = changed_copy(swapper, photo, STILL, np.random.default_rng(1))
    assert copy.pixels.shape == photo.pixels.shape
    mirrored = photo.pixels[:, ::-1].astype(float)
    assert np.abs(copy.pixels - mirrored).mean() < np.abs(copy.pixels - photo.pixels).mean()
    assert swapper.distance(swapper.embed(copy), people[0].embedding) < swapper.distance(
        people[1].embedding, people[0].embedding
    )
    again = changed_copy(swapper, photo, STILL, np.random.default_rng(1))
    other = changed_copy(swapper, photo, STILL, np.random.default_rng(2))
    assert (copy.pixels == again.pixels).all() and (copy.pixels != other.pixels).any()


def test_another_expression_moves_the_mouth_and_not_the_border():
    picture, label, points = mesh_face(256)
    moved = with_other_expression(picture, points[IBUG_68], np.random.default_rng(1))
    assert moved.shape == picture.shape and moved.dtype == np.uint8
    changed = np.abs(moved.astype(float) - picture).max(axis=2) > 40
    assert changed[np.isin(label, [FacePart.LIPS, FacePart.MOUTH])].mean() > 0.05
    assert changed[:4].mean() < 0.01 and changed[:, :4].mean() < 0.01


def test_a_thing_lies_over_all_pictures_alike(people):
    photos = [one.photo.pixels for one in people[:2]]
    thing = np.full_like(photos[0], 7)
    made = occluded_alike(photos, people[0].photo.face.landmarks, thing, np.random.default_rng(0))
    covered = (made[0] == 7).all(axis=2)
    assert 0.005 < covered.mean() < 0.4
    assert (np.abs(made[1][covered].astype(int) - 7) <= 1).all()
    assert (made[0][:4] == photos[0][:4]).all()


@pytest.mark.parametrize("wrong", [{"turn": 0.0}, {"area": -0.1}, {"nearer": -2.0}])
def test_wrong_limits_are_refused(wrong):
    with pytest.raises(UsageError, match="must"):
        SwapChecks(**wrong)
