import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from tests.helpers.packed_faces import group_samples, pack_group
from tests.helpers.processes import in_two_processes
from videoswap.detection.face_parser import FaceParser
from videoswap.errors import InputError, UsageError
from videoswap.evaluation.encoders import open_encoder
from videoswap.training.augment import Augmentation
from videoswap.training.blendface.pairs import (
    FacePaster,
    Pasted,
    PseudoPositive,
    measure_pairs,
    pseudo_positives,
)
from videoswap.training.blendface.recipe import BlendFaceRecipe
from videoswap.training.blendface.settings import BlendFaceSettings
from videoswap.training.checkpoint import NAME
from videoswap.training.faces.dataset import FaceShards, pack_faces
from videoswap.training.loop import train
from videoswap.training.loop_settings import LoopSettings
from videoswap.training.progress import HISTORY

IN_TWO = """
import sys
from pathlib import Path
from videoswap.training.blendface.recipe import BlendFaceRecipe
from videoswap.training.blendface.settings import BlendFaceSettings
from videoswap.training.loop import train
from videoswap.training.loop_settings import LoopSettings

loop = LoopSettings(
    steps=4, batch=8, precision="float32", log_every=2, checkpoint_every=2, evaluate_every=0,
    threads=1, ema_decay=0.0, clip_norm=1.0,
)
settings = BlendFaceSettings(
    data=Path(sys.argv[1]), network="lite", candidates=3, rate=0.002, sampled=0.75, loop=loop
)
for minutes in (0, None):  # stopped after a step, and gone on with
    recipe = BlendFaceRecipe(settings)
    assert len(recipe.networks["people"].weight) == 4
    train(recipe, Path(sys.argv[2]), device="cpu", minutes=minutes)
    assert len(recipe.networks["people"].weight) == 2
"""
STILL = Augmentation(**dict.fromkeys(Augmentation.__slots__, 0.0))


def with_parts(sample, parser):
    found = parser.parse(sample.picture, sample.landmarks)
    height, width = sample.picture.shape[:2]
    inverse = cv2.WARP_INVERSE_MAP | cv2.INTER_NEAREST
    parts = cv2.warpAffine(found.labels(), found.matrix, (width, height), flags=inverse)
    return replace(sample, parts=parts)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, group, face_models):
    """Six people, two pictures of each, with their parts; the last two people are held out."""
    folder, parser = tmp_path_factory.mktemp("faces"), FaceParser()
    samples = [with_parts(one, parser) for one in group_samples(group, face_models, held=2)]
    pack_faces(folder, samples, framing="ffhq", size=160)
    return folder


@pytest.fixture(scope="module")
def faces(folder):
    return FaceShards(folder)


@pytest.fixture
def settings(folder):
    loop = LoopSettings(
        steps=4, batch=8, precision="float32", log_every=2, checkpoint_every=2, evaluate_every=4,
        threads=1, ema_decay=0.0,
    )  # fmt: skip
    return BlendFaceSettings(data=folder, network="lite", candidates=3, rate=0.05, loop=loop)


def paster(faces, rows=None, **more):
    rows = np.arange(len(faces)) if rows is None else rows
    return FacePaster(faces, rows, faces.identities, candidates=3, **more)


def test_the_defaults_are_the_published_ones():
    settings = BlendFaceSettings()
    assert (settings.network, settings.p_augment, settings.scale) == ("iresnet100", 0.5, 64)
    assert (settings.rate, settings.momentum, settings.weight_decay) == (0.1, 0.9, 5e-4)
    assert (settings.loop.batch, settings.loop.steps, settings.loop.clip_norm) == (1024, 101160, 5)
    changes = {n: getattr(settings.augmentation, n) for n in Augmentation.__slots__}
    assert {name for name, value in changes.items() if value} == {"mirror"}


@pytest.mark.parametrize(
    "wrong",
    [{"network": "vgg"}, {"p_augment": 1.5}, {"candidates": 0}, {"rate": 0.0}, {"sampled": -0.1},
     {"search": -1}],
)  # fmt: skip
def test_settings_that_make_no_sense(wrong):
    with pytest.raises(UsageError):
        BlendFaceSettings(**wrong)


def test_a_batch_of_eight_is_learned_by_heart(settings, tmp_path):
    loop = replace(settings.loop, steps=20, evaluate_every=0, log_every=2)
    train(BlendFaceRecipe(replace(settings, augmentation=STILL, loop=loop)), tmp_path)
    lines = [json.loads(line) for line in (tmp_path / HISTORY).read_text().splitlines()]
    assert lines[0]["total"] > 15
    assert lines[-1]["total"] < 0.1 * lines[0]["total"]
    assert lines[-1]["right"] == 1
    assert 0.3 < np.mean([line["pasted"] for line in lines]) < 0.7


def test_a_killed_run_goes_on_with_the_numbers_of_an_unbroken_one(settings, tmp_path):
    settings = replace(settings, sampled=0.5)
    train(BlendFaceRecipe(settings), tmp_path / "unbroken")
    train(BlendFaceRecipe(settings), tmp_path / "broken", minutes=0)
    train(BlendFaceRecipe(settings), tmp_path / "broken")
    one, other = (
        torch.load(tmp_path / run / NAME, weights_only=True) for run in ("unbroken", "broken")
    )
    for name, state in one["networks"].items():
        for key, tensor in state.items():
            assert torch.equal(tensor, other["networks"][name][key]), (name, key)


def test_two_processes_with_a_part_of_the_people_each_learn_what_one_learns(settings, tmp_path):
    pytest.importorskip("accelerate")
    loop = replace(settings.loop, accumulate=2, evaluate_every=0, clip_norm=1.0)
    # Larger steps grow what rounding makes of it, through batch norm.
    settings = replace(settings, sampled=0.75, rate=0.002, loop=loop)
    train(BlendFaceRecipe(settings), tmp_path / "one", device="cpu")
    in_two_processes(IN_TWO, settings.data, tmp_path / "two")
    one, two = (torch.load(tmp_path / n / NAME, weights_only=True) for n in ("one", "two"))
    for name, network in BlendFaceRecipe(settings).networks.items():
        for key, begun in network.named_parameters():
            found, want = (run["networks"][name][key] for run in (two, one))
            assert torch.dist(found, want) < 0.001 * torch.dist(want, begun), (name, key)
    kept = [run["optimizers"]["encoder"]["state"] for run in (two, one)]
    for number, want in kept[1].items():
        found, want = kept[0][number]["momentum_buffer"], want["momentum_buffer"]
        assert torch.dist(found, want) < 0.001 * want.norm(), number


def test_a_batch_depends_on_its_step_alone(settings):
    asked, other = BlendFaceRecipe(settings), BlendFaceRecipe(settings)
    asked.batch(0, 0, 1)
    ones, others = asked.batch(3, 1, 2).tensors, other.batch(3, 1, 2).tensors
    assert all(torch.equal(ones[name], others[name]) for name in ones)
    assert not torch.equal(ones["face"], other.batch(4, 1, 2)["face"])


def test_plain_arcface_pastes_nothing_and_needs_no_parts(
    settings, tmp_path, group, face_models
):  # fmt: skip
    pack_group(tmp_path, group, face_models, size=112, framing="arcface")
    with pytest.raises(InputError, match="p_augment to 0"):
        BlendFaceRecipe(replace(settings, data=tmp_path))
    batch = BlendFaceRecipe(replace(settings, data=tmp_path, p_augment=0)).batch(0, 0, 1)
    assert set(batch["pasted"].tolist()) == {Pasted.NOT_ASKED}


def test_held_out_people_are_no_classes(settings, faces):
    recipe = BlendFaceRecipe(settings)
    assert recipe.networks["people"].weight.shape == (4, 128)
    labels = {int(one) for step in range(4) for one in recipe.batch(step, 0, 1)["person"]}
    assert labels == {0, 1, 2, 3}


def test_faces_of_nobody_known_are_people_only_if_that_is_asked_for(
    settings, tmp_path, group, face_models
):  # fmt: skip
    parser = FaceParser()
    samples = [with_parts(one, parser) for one in group_samples(group, face_models)]
    samples = [replace(one, identity="") if n >= 4 else one for n, one in enumerate(samples)]
    pack_faces(tmp_path, samples, framing="arcface")
    known = BlendFaceRecipe(replace(settings, data=tmp_path))
    every = BlendFaceRecipe(replace(settings, data=tmp_path, singles=True))
    assert len(known.networks["people"].weight) == 2
    assert len(every.networks["people"].weight) == 2 + 8


def test_one_person_is_too_few(settings, tmp_path, group, face_models):
    pack_faces(tmp_path, group_samples(group, face_models)[:2], framing="arcface")
    with pytest.raises(InputError, match="1 person"):
        BlendFaceRecipe(replace(settings, data=tmp_path, p_augment=0))


def test_a_batch_is_compared_with_a_share_of_the_people(settings):
    recipe = BlendFaceRecipe(replace(settings, sampled=0.5))
    for step in range(4):
        batch, whole = recipe.batch(step, 0, 1), BlendFaceRecipe(settings).batch(step, 0, 1)
        sampled, labels = batch["sampled"], batch["person"]
        assert torch.equal(sampled[labels], whole["person"])
        assert len(sampled) == max(2, len(set(whole["person"].tolist())))
        assert torch.equal(batch["face"], whole["face"])
    assert recipe.losses("encoder", batch)["total"].isfinite()


def test_a_pasted_face_has_a_partner_of_another_person(faces):
    paste, nearer = paster(faces), []
    for row in range(len(faces)):
        partner = paste.partner(row, np.random.default_rng(row))
        assert faces.identities[partner] != faces.identities[row]
        crop, became = paste.sample(row, np.random.default_rng(row))
        assert crop.shape == (112, 112, 3) and crop.dtype == np.uint8
        own, other = (faces.cropped(one, "arcface", 112) for one in (row, partner))
        if became == Pasted.REFUSED:
            assert np.array_equal(crop, own)
            continue
        assert np.array_equal(crop[:8, :8], other[:8, :8])
        # The change of color is linear in Lab.
        labs = [cv2.cvtColor(one, cv2.COLOR_RGB2LAB)[44:84, 40:72] for one in (crop, own, other)]
        to_own, to_other = np.corrcoef([one[..., 0].ravel() for one in labs])[0, 1:]
        nearer.append(to_own > to_other)
    assert np.mean(nearer) > 0.8


def test_most_pastes_are_made(faces):
    made = [paster(faces).sample(n % 12, np.random.default_rng(n))[1] for n in range(24)]
    assert made.count(Pasted.DONE) >= 12


def picture(red, green, blue=0):
    return np.full((112, 112, 3), (red, green, blue), np.uint8)


def test_the_gap_by_hand():
    # An encoder that gives back the color: the swapped face is 60 degrees from its source and
    # 30 from the partner.
    pair = PseudoPositive(
        picture(200, 0), picture(200, 0), picture(0, 200), picture(100, 173)
    )  # fmt: skip
    found = measure_pairs(lambda crops: crops[:, 0, 0].astype(float), [pair])
    want = {"positive": 1, "swapped": 0.5, "partner": 0.866, "negative": 0, "gap": 0.5,
            "scaled": 0.5, "source": 0}  # fmt: skip
    assert found == pytest.approx(want, abs=0.01)


def test_pseudo_positives_take_another_photo_of_the_person(faces):
    made = pseudo_positives(faces, range(12), paster(faces))
    assert len(made) >= 6
    for pair in made:
        assert not np.array_equal(pair.anchor, pair.other)
        assert not np.array_equal(pair.swapped, pair.partner)


def test_evaluation_and_sheet_show_held_out_faces(settings):
    recipe = BlendFaceRecipe(settings)
    ready = {name: one.eval() for name, one in recipe.networks.items()}
    with torch.no_grad():
        found, sheet = recipe.evaluate(ready), recipe.sheet(ready)
    assert -1 <= found["swapped"] <= 1 and found["gap"] == pytest.approx(
        found["positive"] - found["swapped"], abs=1e-5
    )
    assert sheet.shape[1] == 4 * 112 + 3 * 2


@pytest.mark.parametrize(("network", "reader"), [("lite", "lite"), ("iresnet18", "blendface")])
def test_what_is_exported_is_read_by_verify(settings, tmp_path, network, reader):
    recipe = BlendFaceRecipe(replace(settings, network=network))
    files = recipe.export({n: one.eval() for n, one in recipe.networks.items()}, tmp_path)
    crop = np.random.default_rng(0).integers(0, 256, (112, 112, 3)).astype(np.uint8)
    embedding = open_encoder(reader, files[-1]).embed(crop)
    with torch.no_grad():
        from videoswap.training.blendface.recipe import embedded

        both = embedded(recipe.networks["encoder"], np.stack([crop, crop[:, ::-1]]), 2)
    if network == "lite":
        expected = both.sum(axis=0)
        assert embedding @ expected / np.linalg.norm(expected) > 0.999
    else:
        expected = both.sum(axis=0)
        np.testing.assert_allclose(embedding, expected / np.linalg.norm(expected), atol=1e-4)


def test_the_first_weights_may_be_given(settings, tmp_path):
    outcome = train(BlendFaceRecipe(settings), tmp_path)
    begun = BlendFaceRecipe(replace(settings, initial=outcome.files[0], loop=settings.loop))
    fresh = BlendFaceRecipe(settings)
    states = [one.networks["encoder"].state_dict()["body.1.weight"] for one in (begun, fresh)]
    assert not torch.equal(*states)
