import json
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from tests.helpers.packed_faces import pack_group
from videoswap import networks
from videoswap.errors import InputError, UsageError
from videoswap.networks.reliableswap import MOUTH_BOX
from videoswap.training.checkpoint import NAME
from videoswap.training.faces.dataset import FaceShards
from videoswap.training.fixernet.recipe import FixerNetRecipe
from videoswap.training.fixernet.settings import FixerNetSettings
from videoswap.training.loop import train
from videoswap.training.loop_settings import LoopSettings
from videoswap.training.progress import HISTORY


@pytest.fixture(scope="module")
def data(tmp_path_factory, group, face_models):
    """Four people to learn, two held out, two pictures of each."""
    folder = tmp_path_factory.mktemp("packed")
    return pack_group(folder, group, face_models, framing="arcface", held=2)


@pytest.fixture
def settings(data):
    loop = LoopSettings(
        steps=4, batch=8, precision="float32", log_every=2, checkpoint_every=2, evaluate_every=4,
        threads=1, ema_decay=0, clip_norm=5,
    )  # fmt: skip
    return FixerNetSettings(data=data, depth=(1, 1, 1, 1), widths=(8, 8, 8, 16, 16), loop=loop)


def history(folder):
    return [json.loads(line) for line in (folder / HISTORY).read_text().splitlines()]


def test_it_learns_a_batch_of_eight_by_heart(settings, tmp_path):
    loop = replace(settings.loop, steps=30, evaluate_every=0, log_every=5)
    train(FixerNetRecipe(replace(settings, mirror=0.0, rate=2.0, loop=loop)), tmp_path)
    lines = history(tmp_path)
    assert lines[0]["total"] > 3
    assert lines[-1]["total"] < 0.5 and lines[-1]["right"] == 1.0


def test_a_killed_run_goes_on_with_the_numbers_of_an_unbroken_one(settings, tmp_path):
    train(FixerNetRecipe(settings), tmp_path / "unbroken")
    train(FixerNetRecipe(settings), tmp_path / "broken", minutes=0)
    train(FixerNetRecipe(settings), tmp_path / "broken")
    one, other = (
        torch.load(tmp_path / run / NAME, weights_only=True) for run in ("unbroken", "broken")
    )
    for name, state in one["networks"].items():
        for key, tensor in state.items():
            assert torch.equal(tensor, other["networks"][name][key]), (name, key)


def test_held_out_people_have_no_center_and_are_measured(settings, tmp_path):
    recipe = FixerNetRecipe(settings)
    assert recipe.networks["people"].weight.shape == (4, 128)
    assert set(recipe.batch(0, 0, 1)["person"].tolist()) == {0, 1, 2, 3}
    train(recipe, tmp_path)
    (measured,) = (line for line in history(tmp_path) if line["kind"] == "evaluate")
    assert 0 <= measured["auc"] <= 1 and measured["found"] in (0.0, 0.25, 0.5, 0.75, 1.0)
    side = MOUTH_BOX[2] - MOUTH_BOX[0]
    with torch.no_grad():
        sheet = recipe.sheet({name: one.eval() for name, one in recipe.networks.items()})
    assert sheet.shape == (4 * (side + 2) - 2, 4 * (side + 2) - 2, 3)


def test_faces_are_given_in_arcface_framing(settings, data):
    recipe, faces = FixerNetRecipe(replace(settings, mirror=0.0)), FaceShards(data)
    batch = recipe.batch(0, 0, 1)
    given = {tuple(one.flatten()[:50].tolist()) for one in batch["face"]}
    known = [faces.cropped(int(row), "arcface", 112) for row in faces.training]
    inputs = {
        tuple((torch.from_numpy(one / 127.5 - 1).permute(2, 0, 1).float().flatten()[:50]).tolist())
        for one in map(np.asarray, known)
    }
    near = [min(np.abs(np.subtract(one, other)).max() for other in inputs) for one in given]
    assert len(given) == 8 and max(near) < 1e-5


@pytest.mark.parametrize(
    ("batch", "step", "rate"),
    [(512, 0, 0.1), (128, 0, 0.025), (512, 11, 0.01), (512, 17, 1e-3), (512, 22, 1e-4)],
)
def test_the_published_rate_and_schedule(settings, batch, step, rate):
    loop = replace(settings.loop, steps=25, batch=batch)
    (phase,) = FixerNetRecipe(replace(settings, loop=loop)).phases
    assert phase.optimizer.defaults["momentum"] == 0.9
    assert phase.optimizer.defaults["weight_decay"] == 5e-4
    for _ in range(step):
        phase.optimizer.step()
        phase.scheduler.step()
    assert phase.optimizer.param_groups[0]["lr"] == pytest.approx(rate)


def test_the_published_network_is_the_default_and_its_weights_load(tmp_path, settings):
    from safetensors.torch import load_file

    recipe = FixerNetRecipe(FixerNetSettings(data=settings.data))
    (path,) = recipe.export({"fixernet": recipe.networks["fixernet"]}, tmp_path)
    networks.build("reliableswap_fixernet").load_state_dict(load_file(path))


def test_data_without_known_people(tmp_path, group, face_models, settings):
    from tests.helpers.packed_faces import group_samples
    from videoswap.training.faces.dataset import pack_faces

    samples = [replace(one, identity="") for one in group_samples(group, face_models, 1)]
    pack_faces(tmp_path, samples, framing="arcface")
    with pytest.raises(InputError, match="two known people"):
        FixerNetRecipe(replace(settings, data=tmp_path))


@pytest.mark.parametrize(
    "wrong",
    [
        {"rate": 0.0},
        {"depth": (1, 2)},
        {"widths": (8, 8, 8, 8, 0)},
        {"mirror": 1.5},
        {"margin": -0.1},
    ],
)
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(UsageError, match="must"):
        FixerNetSettings(**wrong)
