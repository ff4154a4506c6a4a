"""The scripts that train the network which is part of the package."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import pytest
import skimage.data
import torch
from safetensors.torch import load_file

from tests.helpers.locations import ROOT
from videoswap.geometry.affine import (
    TEMPLATES,
    crop_matrix,
    five_points,
    transform,
)

FOLDER = ROOT / "scripts" / "occlusion"
sys.path.insert(0, str(FOLDER))

import landmark_network  # noqa: E402
import network  # noqa: E402
import train  # noqa: E402
import train_landmarks  # noqa: E402
from hands import draw_hand  # noqa: E402
from landmark_network import Landmarks  # noqa: E402
from landmark_samples import make_landmark_sample  # noqa: E402
from loop import save_weights  # noqa: E402
from network import InFront, highest  # noqa: E402
from photos import Pool  # noqa: E402
from samples import make_sample  # noqa: E402
from shapes import SIDE  # noqa: E402


def answer(graph, given):
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_inputs()]
    return session.run(None, dict(zip(names, given, strict=True)))


@pytest.mark.parametrize("reach", [1, 2, 6])
def test_the_highest_value_around_a_pixel_is_a_dilation(reach):
    picture = np.random.default_rng(1).random((16, 20)).astype(np.float32)
    found = highest(torch.from_numpy(picture)[None, None], reach)[0, 0].numpy()
    np.testing.assert_array_equal(found, cv2.dilate(picture, np.ones((2 * reach + 1,) * 2)))


@dataclass(frozen=True)
class Case:
    """A network, the class that is exported, how it is saved, its graph, its weights, inputs."""

    made: Callable
    exported: type
    save: Callable
    graph: Path
    weights: Path
    inputs: tuple[tuple[int, ...], ...]
    atol: float


CASES = {
    "in front": Case(
        InFront,
        network.Exported,
        train.save,
        ROOT / "videoswap" / "occlusion" / "own.onnx",
        FOLDER / "own.safetensors",
        ((1, 128, 128, 3), (1, 128, 128, 3)),
        2e-3,
    ),
    "in front, deep": Case(
        partial(InFront, deep=True),
        network.Exported,
        train.save,
        ROOT / "videoswap" / "occlusion" / "own_deep.onnx",
        FOLDER / "own_deep.safetensors",
        ((1, 128, 128, 3), (1, 128, 128, 3)),
        2e-3,
    ),
    "landmarks": Case(
        Landmarks,
        landmark_network.Exported,
        train_landmarks.save,
        ROOT / "videoswap" / "detection" / "hidden_landmarks.onnx",
        FOLDER / "landmarks.safetensors",
        ((1, 128, 128, 3), (1, 128, 128), (1, 68, 2)),
        0.05,  # pixels
    ),
}


def drawn(case):
    """Return random inputs: pictures and points to 255, maps to 1."""
    random = np.random.default_rng(2)
    ends = [1 if len(shape) == 3 and shape[2] == 128 else 255 for shape in case.inputs]
    return [
        random.uniform(0, end, shape).astype(np.float32)
        for shape, end in zip(case.inputs, ends, strict=True)
    ]


def compare(case, trained, graph):
    """Check that a graph answers as a network does."""
    given = drawn(case)
    with torch.no_grad():
        wanted = case.exported(trained)(*map(torch.from_numpy, given))
    wanted = wanted if isinstance(wanted, tuple) else (wanted,)
    for one, other in zip(answer(graph, given), wanted, strict=True):
        np.testing.assert_allclose(one, other.numpy(), atol=case.atol)


@pytest.mark.parametrize("name", CASES)
def test_weights_and_graph_come_out_as_they_were_trained(name, tmp_path):
    case = CASES[name]
    torch.manual_seed(0)
    trained = case.made().to(memory_format=torch.channels_last).eval()
    save_weights(trained, tmp_path / "made")
    again = case.made().eval()
    again.load_state_dict(load_file(tmp_path / "made.safetensors"))
    for one, other in zip(trained.parameters(), again.parameters(), strict=True):
        np.testing.assert_allclose(other.detach(), one.detach(), rtol=1e-3, atol=1e-6)
    case.save(again, tmp_path / "made")
    compare(case, again, tmp_path / "made.onnx")


def test_a_deep_network_starts_as_the_small_one():
    """What a trained network is given more changes nothing at first."""
    torch.manual_seed(0)
    small, deep = InFront().eval(), InFront(deep=True).eval()
    odd = deep.load_state_dict(small.state_dict(), strict=False)
    assert not odd.unexpected_keys
    assert {name[:2] for name in odd.missing_keys} == {"m2", "m3", "m4", "n2", "n3"}
    given = torch.rand(1, 6, SIDE, SIDE) * 2 - 1
    with torch.no_grad():
        torch.testing.assert_close(deep(given), small(given))


@pytest.mark.parametrize("name", CASES)
def test_the_packaged_graph_has_the_weights_to_go_on_from(name):
    case = CASES[name]
    trained = case.made().eval()
    trained.load_state_dict(load_file(case.weights))
    compare(case, trained, case.graph)


@pytest.fixture(scope="module")
def pool(detector, landmarker):
    """Return a pool of one photo, cut as those of ``../shared/faces`` are."""
    photo = skimage.data.astronaut()
    points = landmarker.landmarks(photo, detector.detect(photo)[0].points5).astype(np.float64)
    matrix = crop_matrix(five_points(points), TEMPLATES["arcface_112_v2"], 256)
    picture = cv2.warpAffine(photo, matrix, (256, 256))
    everywhere = np.full((1, 64, 64), 255, np.uint8)
    hands = [draw_hand(np.random.default_rng(1))]
    marks = transform(matrix, points).astype(np.float32)
    skin = np.float32([[190, 150, 130]])
    textures = skimage.data.brick()[None, :256, :256, None].repeat(3, axis=3)
    return Pool(picture[None], marks[None], skin, everywhere, everywhere, hands, textures)


def test_the_landmarks_of_samples_are_where_dlib_finds_them(pool, landmarker):
    rng = np.random.default_rng(4)
    errors = []
    for _ in range(12):
        one = make_landmark_sample(rng, pool, landmarker, 0, count=0)
        assert not one.front.any()
        unit = np.linalg.norm(one.landmarks[8] - one.landmarks[27])
        errors.append(np.linalg.norm(one.guess - one.landmarks, axis=1).mean() / unit)
    assert np.median(errors) < 0.04
    assert max(errors) < 0.15


def test_a_sample_differs_from_its_clean_reference_where_something_is_in_front(pool):
    rng = np.random.default_rng(6)
    inside, outside = [], []
    for _ in range(12):
        one = make_sample(rng, pool, 0, "card", reference="clean")
        apart = np.abs(one.picture.astype(float) - one.reference).mean(axis=2)
        covered = one.front > 0.5
        if covered.mean() > 0.02:
            inside.append(np.median(apart[covered]))
            outside.append(np.median(apart[~covered]))
    assert len(inside) >= 5
    assert np.median(inside) > 2 * np.median(outside)


@pytest.mark.parametrize("kind", ["hand", "stripe", "card"])
def test_samples_have_something_before_the_face(pool, landmarker, kind):
    rng = np.random.default_rng(5)
    samples = [make_landmark_sample(rng, pool, landmarker, 0, 1, kind) for _ in range(6)]
    for one in samples:
        assert one.picture.shape == (SIDE, SIDE, 3)
        assert one.picture.dtype == np.uint8
        assert 0 <= one.found.min() <= one.found.max() <= 1
    assert sum((one.front > 0.5).any() for one in samples) >= 4  # a few lie outside
