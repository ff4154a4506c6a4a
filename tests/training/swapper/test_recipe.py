"""What holds for every swapper's training, held with GHOST's terms on drawn faces."""

import json
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
import torch.nn.functional as F

from tests.helpers.swapper_runs import LOOP, STILL, assert_same, checkpoint_of, small_settings
from videoswap.errors import InputError, UsageError
from videoswap.training import losses
from videoswap.training.loop import train
from videoswap.training.ordering import AUGMENTATION, generator
from videoswap.training.progress import HISTORY
from videoswap.training.sheets import FOLDER
from videoswap.training.swapper.recipe import SwapperRecipe
from videoswap.training.swapper.settings import IdentitySettings, SwapperSettings, SwapperWeights


class Plain(SwapperRecipe):
    name = "plain"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("swapper")


@pytest.fixture
def settings(folder):
    return small_settings(SwapperSettings, folder)


def history(folder, kind="train"):
    lines = [json.loads(line) for line in (folder / HISTORY).read_text().splitlines()]
    return [line for line in lines if line["kind"] == kind]


def test_a_killed_run_goes_on_with_the_numbers_of_an_unbroken_one(settings, tmp_path):
    settings = replace(settings, scheduler=True, scheduler_step=2)
    train(Plain(settings), tmp_path / "unbroken")
    train(Plain(settings), tmp_path / "broken", minutes=0)
    torch.manual_seed(99)  # another process has other random numbers
    train(Plain(settings), tmp_path / "broken")
    assert_same(checkpoint_of(tmp_path / "unbroken"), checkpoint_of(tmp_path / "broken"))


class OneBatch(Plain):
    def batch(self, step, part, parts):
        return super().batch(0, part, parts)


def test_it_overfits_a_batch_of_eight(settings, tmp_path):
    loop = replace(LOOP, steps=12, batch=8, log_every=2, ema_decay=0)
    weights = SwapperWeights(adversarial=0.02, attributes=0.1, identity=2, reconstruction=20)
    one = replace(
        settings, same_person=0.5, jitter=STILL, weights=weights, generator_rate=6e-3, loop=loop
    )
    train(OneBatch(one), tmp_path)
    lines = history(tmp_path)
    assert lines[-1]["reconstruction"] < 0.3 * lines[0]["reconstruction"]
    assert lines[-1]["identity"] < 0.3 * lines[0]["identity"]


def test_the_terms_are_those_of_the_paper(settings):
    recipe = Plain(settings)
    batch = recipe.batch(0, 0, 1)
    batch.tensors["same"] = torch.tensor([True, False, False, True])
    generator, discriminator = (recipe.networks[one] for one in ("generator", "discriminator"))
    found = recipe.losses("generator", batch)
    with torch.no_grad():
        z = recipe.identity.network(
            F.interpolate(batch["face"], (96, 96), mode="bilinear", align_corners=False)
        )
        result, maps = generator(batch["target"], z)
        shown = F.interpolate(result, (96, 96), mode="bilinear", align_corners=False)
        want = {
            "adversarial": sum(F.relu(1 - one).mean() for one in discriminator(result)),
            "attributes": sum(
                (one - other).square().mean() / 2
                for one, other in zip(maps, generator.attributes(result), strict=True)
            ),
            "identity": (1 - (z * recipe.identity.network(shown)).sum(dim=1)).mean(),
            "reconstruction": (result - batch["target"])[[0, 3]].square().mean() / 2,
        }
    for name, value in want.items():
        assert found[name].item() == pytest.approx(value.item(), rel=1e-4), name
    total = sum(weight * want[name] for name, weight in zip(want, (1, 10, 20, 10), strict=True))
    assert found["total"].item() == pytest.approx(total.item(), rel=1e-4)
    judged = recipe.losses("discriminator", batch)["total"]
    real, fake = discriminator(batch["source"]), discriminator(result)
    assert judged.item() == pytest.approx(losses.discriminator(real, fake).item(), rel=1e-4)


def test_mixed_precision_gives_nearly_the_same_losses(settings):
    recipe = Plain(settings)
    batch = recipe.batch(0, 0, 1)
    exact = recipe.losses("generator", batch)
    embedded = []
    recipe.identity.network.register_forward_hook(lambda _, given, out: embedded.append(out))
    with torch.autocast("cpu", torch.bfloat16):
        mixed = recipe.losses("generator", batch)
        judged = recipe.losses("discriminator", batch)["total"]
    assert all(one.dtype == torch.float32 for one in (*mixed.values(), judged, *embedded))
    for name, value in exact.items():
        assert mixed[name].item() == pytest.approx(value.item(), rel=0.05, abs=0.01), name
        assert name == "reconstruction" or mixed[name].item() != value.item()


def test_each_phase_teaches_its_own_network(settings):
    recipe = Plain(settings)
    batch = recipe.batch(0, 0, 1)
    recipe.losses("generator", batch)["total"].backward()
    assert all(one.grad is None for one in recipe.identity.parameters())
    assert any(one.grad.abs().sum() > 0 for one in recipe.networks["generator"].parameters())
    recipe.networks["generator"].zero_grad()
    recipe.losses("discriminator", batch)["total"].backward()
    assert all(one.grad is None for one in recipe.networks["generator"].parameters())


def test_a_term_without_weight_is_left_out(settings):
    weights = SwapperWeights(adversarial=0, attributes=0)
    recipe = Plain(replace(settings, weights=weights))
    assert recipe.losses("generator", recipe.batch(0, 0, 1)).keys() == {
        "total", "identity", "reconstruction",
    }  # fmt: skip


def test_the_same_pictures_in_other_colors(settings):
    batch = Plain(replace(settings, same_person=1.0, same_identity=False)).batch(0, 0, 1)
    assert batch["face"].shape == (4, 3, 192, 192)
    assert batch["source"].shape == batch["target"].shape == (4, 3, 32, 32)
    assert batch["same"].all()
    apart = (batch["source"] - batch["target"]).abs().mean(dim=(1, 2, 3))
    assert (apart > 0.005).all() and (apart < 0.5).all()


def test_the_encoder_sees_its_own_framing_of_targets_and_results(settings):
    own = IdentitySettings("lite_encoder", settings.identity.path, "arcface")
    wide = Plain(replace(settings, framing="ffhq", identity=own, size=64, jitter=STILL))
    batch = wide.batch(0, 0, 1)
    assert batch["placed"].shape == (4, 2, 3)
    seen = []
    wide.identity.network.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    wide.embedded(batch, batch["target"])
    rows = wide.pairs.rows(0, 0, 1)
    partners = [
        wide.pairs.partner(int(row), generator(AUGMENTATION, 0, 0, 0, number))[0]
        for number, row in enumerate(rows)
    ]
    for face, row in zip(seen[0], partners, strict=True):
        want = wide.pairs.picture(row, "arcface", 96) * 2 - 1
        error = (face.permute(1, 2, 0).numpy() - want)[8:-8, 8:-8]
        assert np.abs(error).mean() < 0.03
    plain = Plain(replace(settings, framing="ffhq"))
    assert "placed" not in plain.batch(0, 0, 1).tensors


def test_held_out_swaps_are_measured_and_drawn(settings, tmp_path):
    loop = replace(settings.loop, evaluate_every=4)
    train(Plain(replace(settings, loop=loop)), tmp_path)
    (found,) = history(tmp_path, "evaluate")
    names = ("identity", "target identity", "pose", "expression", "reconstruction")
    assert all(np.isfinite(found[name]) for name in names)
    assert found["reconstruction"] > 1
    assert len(list((tmp_path / FOLDER).iterdir())) == 1


def test_a_perfect_copy_of_the_target_measures_as_one(settings):
    recipe = Plain(settings)
    held = recipe._held_out
    found = held.measure(lambda faces, targets: (targets, []))
    assert found["reconstruction"] == found["pose"] == found["expression"] == 0
    assert found["target identity"] == 0  # dlib's negative distance
    swapped = held.measure(lambda faces, targets: (held._sources, []))
    assert swapped["identity"] == 0 > swapped["target identity"]


def test_what_it_writes_is_what_it_begins_with(settings, tmp_path):
    outcome = train(Plain(replace(settings, loop=replace(LOOP, ema_decay=0))), tmp_path)
    assert [one.name for one in outcome.files] == [
        "generator.safetensors", "generator.onnx", "discriminator.safetensors",
    ]  # fmt: skip
    again = Plain(
        replace(
            settings,
            initial_generator=tmp_path / "generator.safetensors",
            initial_discriminator=tmp_path / "discriminator.safetensors",
        )
    )
    kept = checkpoint_of(tmp_path)["networks"]
    for name, network in again.networks.items():
        for key, tensor in network.state_dict().items():
            assert torch.equal(tensor, kept[name][key]), key


def test_weights_of_another_shape_are_refused(settings, tmp_path):
    train(Plain(settings), tmp_path)
    with pytest.raises(InputError, match="does not fit generator"):
        Plain(replace(settings, width=0.25, initial_generator=tmp_path / "generator.safetensors"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"backbone": "vgg"}, {"size": 100}, {"same_person": 1.2}, {"num_blocks": 0},
        {"generator_rate": 0.0}, {"scheduler_step": 0},
    ],
)  # fmt: skip
def test_wrong_settings_are_refused(settings, wrong):
    with pytest.raises(UsageError, match="must"):
        replace(settings, **wrong)


@pytest.mark.parametrize(
    ("wrong", "match"), [({"network": "vgg"}, "one of"), ({"network": "lite_encoder"}, "path")]
)
def test_wrong_encoders_are_refused(wrong, match):
    with pytest.raises(UsageError, match=match):
        IdentitySettings(**wrong)


def test_weights_of_terms_are_not_negative():
    with pytest.raises(UsageError, match="negative"):
        SwapperWeights(identity=-1)
