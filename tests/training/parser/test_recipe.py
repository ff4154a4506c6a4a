import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from tests.helpers.mesh_faces import mesh_face, pack_mesh_faces
from videoswap.detection.face_parser import FaceParser, FacePart
from videoswap.errors import UsageError
from videoswap.geometry.affine import five_points
from videoswap.networks.parser import ParserNetwork
from videoswap.training.augment import Augmentation
from videoswap.training.checkpoint import NAME
from videoswap.training.loop import train
from videoswap.training.loop_settings import LoopSettings
from videoswap.training.parser.export import write_parser_onnx
from videoswap.training.parser.labels import IGNORED
from videoswap.training.parser.recipe import ParserRecipe, class_ious
from videoswap.training.parser.settings import ParserSettings
from videoswap.training.progress import HISTORY
from videoswap.training.shards import pack

STILL = Augmentation(**dict.fromkeys(Augmentation.__slots__, 0.0))


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    loop = LoopSettings(
        steps=4, batch=4, precision="float32", log_every=2, checkpoint_every=2, evaluate_every=4,
        threads=1, ema_decay=0.9,
    )  # fmt: skip
    packed = pack_mesh_faces(tmp_path_factory.mktemp("packed"))
    return ParserSettings(data=packed, warmup=1, loop=loop)


def test_it_learns_drawn_faces_and_knows_held_out_ones(settings, tmp_path):
    loop = replace(settings.loop, steps=44, evaluate_every=44)
    plain = replace(settings, augmentation=STILL, glasses=0.0, beard=0.0, smoothing=0.0, loop=loop)
    train(ParserRecipe(plain), tmp_path)
    lines = [json.loads(line) for line in (tmp_path / HISTORY).read_text().splitlines()]
    assert lines[0]["right"] < 0.8
    found = next(line for line in lines if line["kind"] == "evaluate")
    assert found["iou"] > 0.6 and found["skin"] > 0.9 and found["hair"] > 0.8


def test_a_killed_run_goes_on_with_the_numbers_of_an_unbroken_one(settings, tmp_path):
    train(ParserRecipe(settings), tmp_path / "unbroken")
    train(ParserRecipe(settings), tmp_path / "broken", minutes=0)
    train(ParserRecipe(settings), tmp_path / "broken")
    one, other = (
        torch.load(tmp_path / run / NAME, weights_only=True) for run in ("unbroken", "broken")
    )
    for kind in ("networks", "averages"):
        for key, tensor in one[kind]["parser"].items():
            assert torch.equal(tensor, other[kind]["parser"][key]), (kind, key)


def test_samples_move_with_their_labels(settings):
    still = replace(
        settings, glasses=0.0, beard=0.0,
        augmentation=replace(STILL, roll=0.3, zoom=0.2, shift=0.1, mirror=0.5),
    )  # fmt: skip
    batch = ParserRecipe(still).batch(0, 0, 1)
    picture = batch["face"].permute(0, 2, 3, 1).numpy()
    label = batch["label"].numpy()
    inside = cv2.erode((label == FacePart.SKIN).astype(np.uint8)[0], np.ones((3, 3))) > 0
    hair = cv2.erode((label == FacePart.HAIR).astype(np.uint8)[0], np.ones((3, 3))) > 0
    assert picture[0][inside].mean(axis=1).min() > picture[0][hair].mean(axis=1).max()
    assert (label == IGNORED).any()  # what lies outside of the crop


def test_the_onnx_file_computes_what_the_network_does(tmp_path):
    torch.manual_seed(0)
    network = ParserNetwork().eval()
    for name, buffer in network.named_buffers():
        if "running" in name:
            buffer.copy_(torch.rand_like(buffer) + 0.5)
    write_parser_onnx(network, tmp_path / "parser.onnx")
    assert (tmp_path / "parser.onnx").stat().st_size < 4_000_000
    random = np.random.default_rng(0)
    picture = random.integers(0, 256, (128, 128, 3)).astype(np.float32)
    points = mesh_points5()
    parser = FaceParser(tmp_path / "parser.onnx")
    found = parser.parse_framed(picture[None])
    face = torch.from_numpy(picture[None]).permute(0, 3, 1, 2) / 127.5 - 1
    with torch.no_grad():
        wanted = torch.softmax(network(face), 1).numpy()
    np.testing.assert_allclose(found, wanted, atol=2e-3)
    assert parser.parse(picture, points).probabilities.shape == (10, 128, 128)


def mesh_points5():
    points = mesh_face(128)[2]
    from videoswap.detection.dense_landmarks import IBUG_68

    return five_points(points[IBUG_68]).astype(np.float32)


def test_ious_leave_out_what_is_in_doubt():
    labels = np.array([[[1, 1, 6, IGNORED]]])
    answers = np.array([[[1, 6, 6, 3]]])
    assert class_ious(answers, labels) == {"iou": 0.5, "skin": 0.5, "hair": 0.5}


@pytest.mark.parametrize("wrong", [{"glasses": 1.5}, {"rate": 0.0}, {"warmup": -1}])
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(UsageError, match=r"must|from 0"):
        ParserSettings(**wrong)


def test_faces_with_real_beards_come_more_often(tmp_path):
    def fill(name, shard):
        for person, kind in enumerate(("beard", *["plain"] * 9)):
            picture, label, points = mesh_face(person=person)
            shard.add(
                np.full_like(picture, 255 if kind == "beard" else 0),
                name=f"p{person}",
                identity="",
                kind=kind,
                label=label,
                points=((points + 0.5) / len(picture)).astype(np.float16),
                glasses=True,
                beard=True,
                held=False,
            )

    pack(tmp_path, ["faces-0"], fill)

    def bright(bearded):
        settings = ParserSettings(
            data=tmp_path,
            bearded=bearded,
            augmentation=STILL,
            loop=LoopSettings(steps=4, batch=10, threads=1),
        )
        faces = ParserRecipe(settings).batch(0, 0, 1).tensors["face"]
        return int((faces[:, 0, 64, 64] > 0).sum())

    assert bright(0.0) <= 1
    assert bright(1.0) == 10
