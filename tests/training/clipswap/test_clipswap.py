"""ClipSwap's terms by hand, its CLIP from both layouts, and a training with all of them."""

import json
import math
from dataclasses import replace

import pytest

pytest.importorskip("torch")

import torch
from safetensors.torch import save_file

from tests.helpers.clip_files import open_clip_layout, small_clip, transformers_layout
from tests.helpers.swapper_runs import LOOP, STILL, assert_same, checkpoint_of, small_settings
from videoswap.errors import InputError, UsageError
from videoswap.training.clipswap import losses
from videoswap.training.clipswap.recipe import ClipSwapRecipe, load_clip, viewed
from videoswap.training.clipswap.settings import (
    ClipSettings,
    ClipSwapSettings,
    ClipSwapWeights,
)
from videoswap.training.loop import train
from videoswap.training.progress import HISTORY


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clipswap")
    save_file(open_clip_layout(small_clip().state_dict()), folder / "clip.safetensors")
    return folder


@pytest.fixture
def settings(folder):
    return small_settings(
        ClipSwapSettings, folder, clip=ClipSettings(folder / "clip.safetensors", heads=4)
    )


def test_both_layouts_give_the_same_answers_from_files(tmp_path):
    network = small_clip()
    state = network.state_dict()
    save_file(open_clip_layout(state), tmp_path / "open_clip_model.safetensors")
    save_file(transformers_layout(state), tmp_path / "model.safetensors")
    torch.save(transformers_layout(state), tmp_path / "pytorch_model.bin")
    torch.save({"state_dict": open_clip_layout(state)}, tmp_path / "trained.pt")
    face = torch.rand(2, 3, 50, 50) * 2 - 1
    with torch.no_grad():
        want = network(face)
        for path in tmp_path.iterdir():
            loaded = load_clip(path, ClipSettings(path, heads=4))
            assert torch.equal(loaded(face), want), path.name
            assert not any(one.requires_grad for one in loaded.parameters())


@pytest.mark.parametrize("lost", ["visual.proj", "visual.ln_post.bias", "visual.class_embedding"])
def test_a_file_without_a_whole_encoder_is_refused(tmp_path, lost):
    state = open_clip_layout(small_clip().state_dict())
    del state[lost]
    save_file(state, tmp_path / "clip.safetensors")
    with pytest.raises(InputError, match="image encoder"):
        load_clip(tmp_path / "clip.safetensors", ClipSettings(heads=4))


def test_a_file_that_would_run_code_is_refused(tmp_path):
    class Evil:
        def __reduce__(self):
            return print, ("run",)

    torch.save({"visual.proj": Evil()}, tmp_path / "clip.pt")
    with pytest.raises(InputError) as error:
        load_clip(tmp_path / "clip.pt", ClipSettings())
    assert error.value.code == "unsafe_weights"


UNIT = torch.eye(4)


def test_guidance_is_the_angle():
    found = losses.clip_guidance(UNIT[:2], torch.stack([UNIT[0], -UNIT[1]]))
    assert found.item() == pytest.approx((0 + 2) / 2)


def test_a_result_is_told_among_sources_and_its_target():
    result = torch.stack([UNIT[0], (UNIT[1] + UNIT[3]) / math.sqrt(2)])
    found = losses.contrastive(
        UNIT[:2], UNIT[2:], result, temperature=0.5, same=torch.tensor([False, False])
    )
    half = math.sqrt(0.5)
    first = -math.log(math.exp(2) / (math.exp(2) + 1 + 1))
    second = -math.log(math.exp(2 * half) / (math.exp(2 * half) + 1 + math.exp(2 * half)))
    assert found.item() == pytest.approx((first + second) / 2, rel=1e-5)


def test_the_target_of_the_same_person_is_no_other():
    same = torch.tensor([True, True])
    found = losses.contrastive(UNIT[:2], UNIT[:2], UNIT[:2], temperature=1.0, same=same)
    assert found.item() == pytest.approx(-math.log(math.e / (math.e + 1)), rel=1e-5)
    one = losses.contrastive(UNIT[:1], UNIT[:1], UNIT[:1], temperature=1.0, same=same[:1])
    assert one.item() == 0


def test_attributes_are_compared_by_direction_on_every_level():
    target = [torch.ones(1, 2, 1, 1), torch.tensor([1.0, 0.0]).reshape(1, 2, 1, 1)]
    result = [5 * torch.ones(1, 2, 1, 1), torch.tensor([0.0, 3.0]).reshape(1, 2, 1, 1)]
    for one in (*target, *result):
        one.requires_grad_()
    found = losses.preservation(target, result)
    assert found.item() == pytest.approx(0.5)
    found.backward()
    assert target[1].grad is None and result[1].grad.abs().sum() > 0


def test_views_are_parts_of_the_picture():
    ramp = torch.linspace(-1, 1, 64).expand(1, 3, 64, 64)
    where = torch.tensor([[[-0.5, 0, 0.25], [0, 0.5, 0.0]]])
    view = viewed(ramp, where)[0, 0, 0]
    assert view[0] > view[-1]  # mirrored
    assert view.max().item() == pytest.approx(0.75, abs=0.02)
    assert view.min().item() == pytest.approx(-0.25, abs=0.02)


def test_views_stay_inside_and_are_those_of_the_step(settings):
    recipe = ClipSwapRecipe(replace(settings, views=3))
    batch = recipe.batch(5, 0, 1)
    views = batch["views"].reshape(4, 3, 2, 3)
    reach = views[..., 2].abs() + views[..., [0, 1], [0, 1]].abs()
    assert (reach <= 1 + 1e-6).all() and (views[..., 1, 1] >= 0.5).all()
    assert torch.equal(recipe.batch(5, 0, 1)["views"], batch["views"])
    assert not torch.equal(recipe.batch(6, 0, 1)["views"], batch["views"])


def test_a_killed_run_goes_on_with_the_numbers_of_an_unbroken_one(settings, tmp_path):
    train(ClipSwapRecipe(settings), tmp_path / "unbroken")
    train(ClipSwapRecipe(settings), tmp_path / "broken", minutes=0)
    train(ClipSwapRecipe(settings), tmp_path / "broken")
    unbroken = checkpoint_of(tmp_path / "unbroken")
    assert_same(unbroken, checkpoint_of(tmp_path / "broken"))
    assert unbroken["networks"].keys() == {"generator", "discriminator"}  # and not CLIP


class OneBatch(ClipSwapRecipe):
    def batch(self, step, part, parts):
        return super().batch(0, part, parts)


def test_it_overfits_a_batch_of_eight(settings, tmp_path):
    weights = ClipSwapWeights(
        adversarial=0.02, identity=1, reconstruction=10, clip=2, contrastive=0.1, preservation=0.5
    )
    loop = replace(LOOP, steps=12, batch=8, log_every=2, ema_decay=0)
    one = replace(
        settings, same_person=0.5, jitter=STILL, generator_rate=6e-3, weights=weights, views=1,
        loop=loop,
    )  # fmt: skip
    train(OneBatch(one), tmp_path)
    lines = [json.loads(line) for line in (tmp_path / HISTORY).read_text().splitlines()]
    lines = [line for line in lines if line["kind"] == "train"]
    assert lines[-1]["clip"] < 0.5 * lines[0]["clip"]
    assert lines[-1]["reconstruction"] < 0.5 * lines[0]["reconstruction"]
    assert lines[-1]["contrastive"] < lines[0]["contrastive"]


@pytest.mark.parametrize("backbone", ["unet", "linknet", "resnet"])
def test_any_generator_learns_every_term(settings, backbone):
    recipe = ClipSwapRecipe(replace(settings, backbone=backbone))
    found = recipe.losses("generator", recipe.batch(0, 0, 1))
    names = {"adversarial", "identity", "reconstruction", "clip", "contrastive", "preservation"}
    assert found.keys() == names | {"total"}
    found["total"].backward()
    assert all(one.grad is None for one in recipe.frozen["clip"].parameters())
    for name in ("clip", "contrastive"):
        recipe = ClipSwapRecipe(replace(settings, backbone=backbone))
        recipe.losses("generator", recipe.batch(0, 0, 1))[name].backward()
        generator = recipe.networks["generator"].generator
        assert generator.up1.weight.grad.abs().sum() > 0, name


def test_without_clip_only_what_needs_none(settings):
    weights = ClipSwapWeights(clip=0, contrastive=0)
    recipe = ClipSwapRecipe(replace(settings, weights=weights, clip=ClipSettings()))
    found = recipe.losses("generator", recipe.batch(0, 0, 1))
    assert "preservation" in found and not {"clip", "contrastive"} & found.keys()


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ({"clip": ClipSettings()}, "clip.path"),
        ({"views": 0}, "views"),
        ({"smallest_view": 1.5}, "smallest_view"),
        ({"temperature": 0.0}, "temperature"),
    ],
)
def test_wrong_settings_are_refused(settings, wrong, match):
    with pytest.raises(UsageError, match=match):
        replace(settings, **wrong)


def test_clip_settings_are_checked():
    with pytest.raises(UsageError, match="activation"):
        ClipSettings(activation="relu")
