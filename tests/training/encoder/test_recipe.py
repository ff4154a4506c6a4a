import json
from dataclasses import replace

import numpy as np
import onnxruntime
import pytest

pytest.importorskip("torch")

import torch

from videoswap.errors import InputError
from videoswap.training.augment import Augmentation
from videoswap.training.checkpoint import NAME
from videoswap.training.encoder.recipe import EncoderRecipe
from videoswap.training.encoder.settings import EncoderSettings
from videoswap.training.loop import train
from videoswap.training.loop_settings import LoopSettings
from videoswap.training.progress import HISTORY

STILL = Augmentation(**dict.fromkeys(Augmentation.__slots__, 0.0))


@pytest.fixture
def settings(packed):
    loop = LoopSettings(
        steps=4, batch=8, precision="float32", log_every=2, checkpoint_every=2, evaluate_every=4,
        threads=1, ema_decay=0.9,
    )  # fmt: skip
    return EncoderSettings(data=packed, warmup=1, repeats=1, loop=loop)


def test_it_learns_a_batch_of_eight_by_heart(settings, tmp_path):
    loop = replace(settings.loop, steps=40, evaluate_every=0, log_every=5)
    train(EncoderRecipe(replace(settings, augmentation=STILL, loop=loop)), tmp_path)
    lines = [json.loads(line) for line in (tmp_path / HISTORY).read_text().splitlines()]
    assert lines[0]["cosine"] > 0.3
    assert lines[-1]["cosine"] < 0.02
    assert lines[-1]["people"] < 0.1 * lines[0]["people"]


def test_maps_are_imitated(settings, tmp_path):
    """The first weights know nothing of the large network's maps; the last ones do."""
    loop = replace(settings.loop, steps=30, evaluate_every=0, log_every=5)
    train(EncoderRecipe(replace(settings, augmentation=STILL, maps=2.0, loop=loop)), tmp_path)
    lines = [json.loads(line) for line in (tmp_path / HISTORY).read_text().splitlines()]
    assert lines[-1]["maps"] < 0.5 * lines[0]["maps"]
    assert "maps" not in EncoderRecipe(replace(settings, maps=0.0)).losses(
        "encoder", EncoderRecipe(settings).batch(0, 0, 1)
    )


def test_the_onnx_file_answers_as_the_network(settings, tmp_path):
    recipe = EncoderRecipe(replace(settings, calibration=8))
    faces = recipe.batch(0, 0, 1)["face"]
    recipe.networks["encoder"].train()(faces)
    recipe.networks["encoder"].eval()
    paths = recipe.export(recipe.networks, tmp_path)
    session = onnxruntime.InferenceSession(paths[1])
    found = session.run(["embedding"], {"face": faces.numpy()})[0]
    with torch.no_grad():
        expected = recipe.networks["encoder"](faces).numpy()
    assert (found * expected).sum(axis=1).min() > 0.9
    assert max(path.stat().st_size for path in paths) < 4e6


def test_a_killed_run_goes_on_with_the_numbers_of_an_unbroken_one(settings, tmp_path):
    train(EncoderRecipe(settings), tmp_path / "unbroken")
    train(EncoderRecipe(settings), tmp_path / "broken", minutes=0)
    train(EncoderRecipe(settings), tmp_path / "broken")
    one, other = (
        torch.load(tmp_path / run / NAME, weights_only=True) for run in ("unbroken", "broken")
    )
    for kind in ("networks", "averages"):
        for name, state in one[kind].items():
            for key, tensor in state.items():
                assert torch.equal(tensor, other[kind][name][key]), (kind, name, key)
    evaluations = [
        [line for line in map(json.loads, (tmp_path / run / HISTORY).read_text().splitlines())
         if line["kind"] == "evaluate" and line["step"] == 4]
        for run in ("unbroken", "broken")
    ]  # fmt: skip
    for first, second in zip(*evaluations, strict=True):
        assert {first[n] == second[n] for n in ("teacher", "relit", "found")} == {True}


def test_a_batch_depends_on_its_step_alone(settings):
    asked, other = EncoderRecipe(settings), EncoderRecipe(settings)
    asked.batch(0, 0, 1)
    ones, others = asked.batch(3, 1, 2).tensors, other.batch(3, 1, 2).tensors
    assert all(torch.equal(ones[name], others[name]) for name in ones)
    assert not torch.equal(ones["face"], other.batch(4, 1, 2)["face"])


def test_held_out_photos_are_not_learned(settings):
    recipe = EncoderRecipe(replace(settings, augmentation=STILL))
    unused = EncoderRecipe(settings)
    labels = np.concatenate([recipe.batch(step, 0, 1)["label"] for step in range(20)])
    assert len(np.unique(labels[:, 0])) == 8
    assert set(np.unique(labels[:, 0])) == {
        float(one) for one in unused.batch(0, 0, 1)["label"][:, 0]
    }


def test_labels_are_centred_and_of_length_one(settings):
    labels = EncoderRecipe(settings).batch(0, 0, 1)["label"]
    assert torch.allclose(labels.norm(dim=1), torch.ones(8), atol=1e-4)
    assert labels.mean(dim=0).norm() < 0.2


def test_people_are_known_by_their_names(settings):
    people = EncoderRecipe(settings).batch(0, 0, 1)["person"]
    assert sorted(people.tolist()) == [-1] * 4 + [0, 0, 1, 1]


def test_the_first_weights_may_be_given(settings, tmp_path):
    trained = EncoderRecipe(settings)
    outcome = train(trained, tmp_path)
    begun = EncoderRecipe(replace(settings, initial=outcome.files[0]))
    state = begun.networks["encoder"].state_dict()
    fresh = EncoderRecipe(settings).networks["encoder"].state_dict()
    assert not torch.equal(state["body.1.weight"], fresh["body.1.weight"])


def test_the_sheet_shows_each_photo_first_among_those_like_it(settings):
    recipe = EncoderRecipe(settings)
    networks = {name: one.eval() for name, one in recipe.networks.items()}
    with torch.no_grad():
        sheet = recipe.sheet(networks)
    assert sheet.dtype == np.uint8 and sheet.shape == (2 * 98 - 2, 2 * 98 - 2, 3)
    assert (sheet[:96, :96] == sheet[98:, 98:]).all()  # each is the other's only neighbour
    assert (sheet[:96, :96] != sheet[:96, 98:]).any()


def test_without_data(settings, tmp_path):
    with pytest.raises(InputError, match="videoswap train prepare"):
        EncoderRecipe(replace(settings, data=tmp_path))
