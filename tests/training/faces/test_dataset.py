"""Packed faces are read back as they were written."""

import tarfile
from dataclasses import replace

import cv2
import numpy as np
import pytest

from tests.helpers.packed_faces import group_samples, pack_group
from videoswap.errors import InputError, UsageError
from videoswap.geometry.affine import TEMPLATES, five_points, transform
from videoswap.geometry.resample import warp
from videoswap.training.faces.dataset import (
    UNKNOWN,
    FaceSample,
    FaceShards,
    framing_matrix,
    pack_faces,
)
from videoswap.training.shards import ShardWriter


@pytest.fixture(scope="session")
def folder(tmp_path_factory, group, face_models):
    return pack_group(tmp_path_factory.mktemp("faces"), group, face_models, size=160, held=1)


@pytest.fixture(scope="session")
def faces(folder):
    return FaceShards(folder)


def test_a_folder_says_what_it_holds(faces):
    assert len(faces) == 12 and (faces.framing, faces.size) == ("ffhq", 160)
    assert faces.people == tuple(f"person {number}" for number in range(6))
    assert faces.names[3] == "group.jpg#1/1" and faces.identities[3] == 1
    assert faces.of_person(4).tolist() == [8, 9] and faces.of_person(9).tolist() == []
    assert faces.held_out.tolist() == [10, 11] and faces.training.tolist() == list(range(10))
    assert faces.dense_landmarks(0) is None and faces.parts(0) is None


def test_landmarks_lie_on_the_crop(faces, group, face_models):
    sample = group_samples(group, face_models)[4]
    matrix = framing_matrix(five_points(sample.landmarks), "ffhq", 160)
    assert np.abs(faces.landmarks(4) - transform(matrix, sample.landmarks)).max() < 0.01
    assert np.abs(faces.points5(4) - five_points(faces.landmarks(4))).max() < 0.02
    error = faces.picture(4).astype(float) - warp(group, matrix, 160)
    assert np.abs(error).mean() < 2.5


@pytest.mark.parametrize("framing", ["arcface", "ghost", "ffhq"])
def test_a_face_in_another_framing_is_the_one_cut_out_of_the_photo(
    faces, group, face_models, framing
):
    sample = group_samples(group, face_models)[2]
    expected = warp(group, framing_matrix(five_points(sample.landmarks), framing, 96), 96)
    found = faces.cropped(2, framing, 96)
    assert found.shape == (96, 96, 3)
    assert np.abs(found[8:-8, 8:-8].astype(float) - expected[8:-8, 8:-8]).mean() < 4


def test_ghosts_framing_is_that_of_the_nearest_pose():
    points = (TEMPLATES["arcface_112_v1"] * 300 + 40).astype(np.float64)
    matrix = framing_matrix(points, "ghost", 224)
    assert np.abs(transform(matrix, points) - TEMPLATES["arcface_112_v1"] * 224).max() < 1e-6


def test_an_order_is_a_function_of_seed_and_step(faces):
    order, again = faces.order(4, 3), faces.order(4, 3)
    dealt = [order.rows(step) for step in range(5)]
    assert again.rows(3).tolist() == dealt[3].tolist()
    assert sorted(np.concatenate(dealt).tolist()) == sorted(faces.training.tolist() * 2)
    assert faces.order(4, 4).rows(0).tolist() != dealt[0].tolist()


def test_dense_landmarks_and_parts_are_stored_beside(tmp_path, group, face_models):
    sample = group_samples(group, face_models)[0]
    dense = np.random.default_rng(0).uniform(0, 80, (478, 3)).astype(np.float32)
    dense[:, :2] += sample.landmarks.mean(axis=0) - 40
    parts = np.zeros(group.shape[:2], np.uint8)
    cv2.fillPoly(parts, [sample.landmarks[:17].astype(np.int32)], 1)
    unknown = replace(sample, dense_landmarks=dense, parts=parts, identity="")
    pack_faces(tmp_path, [unknown], framing="arcface")
    faces = FaceShards(tmp_path)
    scale = np.linalg.norm(faces.matrix(0, "arcface", 112)[:, 0])
    assert scale == pytest.approx(1, abs=0.01) and faces.identities.tolist() == [UNKNOWN]
    found = faces.dense_landmarks(0)
    matrix = framing_matrix(five_points(sample.landmarks), "arcface", 112)
    assert np.abs(found[:, :2] - transform(matrix, dense[:, :2])).max() < 0.01
    assert np.ptp(found[:, 2]) == pytest.approx(
        np.ptp(dense[:, 2]) * np.linalg.norm(matrix[:, 0]), rel=0.01
    )
    nose = faces.landmarks(0)[30].round().astype(int)
    assert faces.parts(0)[nose[1], nose[0]] == 1 and faces.parts(0)[2, 2] == 0
    with tarfile.open(tmp_path / "faces-00000.tar") as archive:
        assert archive.getnames() == ["000000.jpg", "000000.parts.png"]


def test_shards_of_two_framings_are_refused(tmp_path, group, face_models):
    one, other = group_samples(group, face_models)[:2]
    pack_faces(tmp_path, [one], framing="arcface")
    pack_faces(tmp_path, [other], framing="ffhq", shard="faces-00001")
    with pytest.raises(InputError, match="one framing"):
        FaceShards(tmp_path)


def test_shards_of_something_else_are_refused(tmp_path):
    with ShardWriter(tmp_path, "a") as shard:
        shard.add(np.zeros((8, 8, 3), np.uint8), value=1)
    with pytest.raises(InputError, match="not faces"):
        FaceShards(tmp_path)


def test_nothing_to_train_on(tmp_path, group, face_models):
    sample = group_samples(group, face_models)[0]
    pack_faces(tmp_path, [replace(sample, held=True)], framing="arcface")
    with pytest.raises(InputError, match="held out"):
        FaceShards(tmp_path).order(4, 0)


def test_an_unknown_framing(tmp_path):
    sample = FaceSample(np.zeros((8, 8, 3), np.uint8), np.eye(68, 2, dtype=np.float32), "a")
    with pytest.raises(UsageError, match="arcface, ghost, ffhq"):
        pack_faces(tmp_path, [sample], framing="wide", size=8)
