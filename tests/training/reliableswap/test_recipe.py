import json
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
import torch.nn.functional as F
from safetensors.torch import load_file

from tests.helpers.drawn_triplets import pack_drawn_triplets
from tests.helpers.swapper_runs import LOOP, STILL, assert_same, checkpoint_of, small_settings
from videoswap import networks
from videoswap.errors import InputError, UsageError
from videoswap.networks.iresnet import IResNet
from videoswap.networks.reliableswap import FixerNet
from videoswap.networks.vgg19 import VGG19
from videoswap.training.loop import train
from videoswap.training.progress import HISTORY
from videoswap.training.reliableswap import recipe as module
from videoswap.training.reliableswap.recipe import (
    PHOTOS,
    SAME,
    TRIPLET,
    ReliableSwapRecipe,
    load_fixernet,
    load_vgg,
)
from videoswap.training.reliableswap.settings import (
    ReliableSwapSettings,
    ReliableSwapWeights,
    TripletParts,
)
from videoswap.training.swapper.settings import IdentitySettings


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reliableswap")
    pack_drawn_triplets(folder / "triplets")
    torch.manual_seed(3)
    backbone = IResNet((1, 1, 1, 1), 128, 56, (8, 8, 8, 8, 8))
    torch.save(FixerNet(backbone).state_dict(), folder / "fixernet.pth")
    return folder


@pytest.fixture
def settings(folder):
    made = small_settings(
        ReliableSwapSettings, folder, generator="ghost", triplets=folder / "triplets",
        fixernet=folder / "fixernet.pth",
    )  # fmt: skip
    return replace(made, identity=IdentitySettings("lite_encoder", made.identity.path))


class Only(ReliableSwapRecipe):
    """All batches are of one kind."""

    kind = TRIPLET

    def kind_of(self, step):
        return self.kind


def only(kind, settings):
    recipe = Only(settings)
    recipe.kind = kind
    return recipe


def history(folder):
    return [json.loads(line) for line in (folder / HISTORY).read_text().splitlines()]


@pytest.mark.parametrize(
    ("every", "share", "same", "triplet"),
    [(5, 0.21, 0.2, 0.8 * 0.21), (5, 1.0, 0.2, 0.8), (0, 0.21, 0.0, 0.21), (2, 0.0, 0.5, 0.0)],
)
def test_how_the_kinds_are_mixed(settings, every, share, same, triplet):
    recipe = ReliableSwapRecipe(replace(settings, same_every=every, triplet_share=share))
    kinds = [recipe.kind_of(step) for step in range(4000)]
    if every:
        assert {n % every for n, kind in enumerate(kinds) if kind == SAME} == {every - 1}
    assert kinds.count(SAME) / 4000 == pytest.approx(same)
    assert kinds.count(TRIPLET) / 4000 == pytest.approx(triplet, abs=0.02)
    assert kinds.count(PHOTOS) == 4000 - kinds.count(SAME) - kinds.count(TRIPLET)
    again = ReliableSwapRecipe(replace(settings, same_every=every, triplet_share=share))
    assert kinds[:50] == [again.kind_of(step) for step in range(50)]


def test_without_triplets_there_are_none(settings):
    recipe = ReliableSwapRecipe(replace(settings, triplets=None))
    assert {recipe.kind_of(step) for step in range(200)} == {SAME, PHOTOS}


TERMS = {
    SAME: {"adversarial", "attributes", "identity", "mouth", "reconstruction"},
    PHOTOS: {"adversarial", "attributes", "identity", "mouth", "cycle"},
    TRIPLET: {"adversarial", "attributes", "triplet_identity", "triplet_mouth", "triplet"},
}


@pytest.mark.parametrize("kind", TERMS)
def test_the_terms_of_a_kind_and_their_published_weights(settings, kind):
    recipe = only(kind, settings)
    found = recipe.losses("generator", recipe.batch(0, 0, 1))
    assert found.keys() == TERMS[kind] | {"total"}
    published = {
        "adversarial": 1, "attributes": 10, "identity": 5, "mouth": 0.5, "reconstruction": 10,
        "cycle": 2, "triplet": 10, "triplet_identity": 10, "triplet_mouth": 1,
    }  # fmt: skip
    total = sum(published[name] * found[name].item() for name in TERMS[kind])
    assert found["total"].item() == pytest.approx(total, rel=1e-4)


def test_a_batch_of_same_pictures_has_its_reconstruction_beside_triplets(settings):
    recipe = only(SAME, replace(settings, jitter=STILL))
    batch = recipe.batch(0, 0, 1)
    assert torch.allclose(batch["source"], batch["target"], atol=1e-5) and batch["same"].all()
    found = recipe.losses("generator", batch)["reconstruction"]
    result = batch.kept["result"]
    want = 0.5 * (result - batch["target"]).square().mean()
    assert found.item() == pytest.approx(want.item(), rel=1e-5) and want > 0


def test_a_batch_of_triplets(settings, folder):
    recipe = only(TRIPLET, replace(settings, jitter=STILL))
    batch = recipe.batch(0, 0, 1)
    rows = recipe._order.rows(0)
    for number, row in enumerate(rows.tolist()):
        triplet = recipe.triplets.triplet(row)
        for name in ("target", "answer"):
            want = torch.from_numpy(getattr(triplet, name) / 127.5 - 1).permute(2, 0, 1).float()
            assert torch.allclose(batch[name][number], want, atol=1e-5)
        face = F.interpolate(batch["face"], (32, 32), mode="area")[number]
        want = torch.from_numpy(triplet.source / 127.5 - 1).permute(2, 0, 1).float()
        assert (face - want)[:, 4:-4, 4:-4].abs().mean() < 0.05
    assert torch.equal(batch["source"], batch["answer"])
    assert batch["hair"].mean() == 0.25 and batch["lips"].mean() == 0.125


def test_the_difference_of_a_triplet(settings):
    recipe = only(TRIPLET, settings)
    torch.manual_seed(0)
    recipe._vgg = VGG19(((4,), (4,), (4,), (4,), (4,))).requires_grad_(False)
    batch = recipe.batch(0, 0, 1)
    result = (batch["answer"] + 0.1).requires_grad_()
    found = recipe.difference(batch, result)
    maps = zip(recipe._vgg(result), recipe._vgg(batch["answer"]), strict=True)
    features = sum(
        weight * (one - other).abs().mean().item()
        for weight, (one, other) in zip((1 / 32, 1 / 16, 1 / 8, 1 / 4, 1), maps, strict=True)
    )
    hair, mouth = 0.25, 0.125  # shares of the pictures
    want = 0.05 * 0.1 + 0.5 * features + 2 * 0.1 * hair + 0.05 * 0.1 * mouth
    assert found.item() == pytest.approx(want, rel=1e-4)
    found.backward()
    apart = result.grad.abs().sum(dim=1)
    assert apart[:, :8].mean() > 3 * apart[:, 8:16].mean()  # hair counts most, here too


def test_without_vgg_its_part_is_left_out_and_said(settings, tmp_path):
    recipe = only(TRIPLET, settings)
    batch = recipe.batch(0, 0, 1)
    result = batch["answer"] + 0.1
    want = 0.1 * (0.05 + 2 * 0.25 + 0.05 * 0.125)
    assert recipe.difference(batch, result).item() == pytest.approx(want, rel=1e-4)
    said = []
    train(ReliableSwapRecipe(settings), tmp_path, say=said.append, minutes=0)
    assert "Note: without the difference of VGG-19's maps, because vgg names no weights." in said
    none = replace(settings, fixernet=None, triplet_parts=TripletParts(features=0))
    assert [str(one) for one in ReliableSwapRecipe(none).notes] == [
        "without FixerNet's numbers of the mouth, because fixernet names no weights"
    ]


def test_the_generator_is_told_of_direction_and_mouth(settings):
    recipe = ReliableSwapRecipe(settings)
    faces = torch.rand(2, 3, 112, 112) * 2 - 1
    told = recipe.condition(3 * F.normalize(torch.rand(2, 128)), faces)
    assert told.shape == (2, 256) and recipe.networks["generator"].c_id == 256
    assert torch.allclose(told[:, :128].norm(dim=1), torch.ones(2))
    with torch.no_grad():
        mouth = load_fixernet(settings.fixernet)(faces)
    assert torch.allclose(told[:, 128:], mouth, atol=1e-5)


def test_identity_and_mouth_of_triplets_are_compared_with_the_answer(settings):
    recipe = only(TRIPLET, settings)
    batch = recipe.batch(0, 0, 1)
    swap = recipe.swap(batch)
    swap.picture = batch["answer"].clone()
    terms = recipe.terms(batch, swap)
    assert terms["triplet_identity"].item() == pytest.approx(0, abs=1e-5)
    assert terms["triplet_mouth"].item() == pytest.approx(0, abs=1e-5)
    assert terms["triplet"].item() == 0


def test_the_cycle_swaps_the_targets_face_back(settings):
    recipe = only(PHOTOS, settings)
    recipe.networks["generator"].eval()  # no running statistics in between
    batch = recipe.batch(0, 0, 1)
    found = recipe.losses("generator", batch)["cycle"]
    with torch.no_grad():
        target = batch["target"]
        told = recipe.condition(recipe.identity(target), target)
        again, _ = recipe.networks["generator"](batch.kept["result"], told)
    want = 0.5 * (again - target).square().mean()
    assert found.item() == pytest.approx(want.item(), rel=1e-4)


def test_the_discriminator_has_batch_norm_and_its_own_hinge(settings):
    recipe = only(PHOTOS, settings)
    batch = recipe.batch(0, 0, 1)
    recipe.losses("generator", batch)
    network = recipe.networks["discriminator"]
    assert any(isinstance(one, torch.nn.BatchNorm2d) for one in network.modules())
    found = recipe.losses("discriminator", batch)["total"]
    real, fake = network(batch["source"]), network(batch.kept["result"])
    pairs = zip(real, fake, strict=True)
    want = np.mean([(F.relu(1 - a).mean() + F.relu(1 + b).mean()).item() for a, b in pairs])
    assert found.item() == pytest.approx(want, rel=1e-4)
    logits, maps = network(batch["source"]), network.maps(batch["source"])
    assert all(torch.allclose(one, many[-1]) for one, many in zip(logits, maps, strict=True))
    assert [len(many) for many in maps] == [4, 4]


def test_the_variant_for_simswap(settings):
    made = ReliableSwapSettings(
        preset="simswap", identity=settings.identity, triplets=settings.triplets
    )
    weights = made.weights
    assert (weights.identity, weights.mouth, weights.reconstruction) == (30, 0.1, 10)
    assert weights.feature_matching == 10
    recipe = only(PHOTOS, replace(settings, preset="simswap", weights=ReliableSwapWeights()))
    assert "feature_matching" in recipe.losses("generator", recipe.batch(0, 0, 1))
    with pytest.raises(UsageError, match="preset"):
        replace(settings, preset="simswap", weights=ReliableSwapWeights(identity=1.0))


def test_the_official_layer_names_are_the_default(settings):
    named = ReliableSwapRecipe(replace(settings, generator="reliableswap", num_blocks=2))
    keys = named.networks["generator"].state_dict()
    assert "generator.AADBlk1.AAD1.conv1.weight" in keys
    assert ReliableSwapSettings(identity=settings.identity).generator == "reliableswap"


@pytest.mark.parametrize("mouth", [True, False])
def test_the_whole_has_the_engines_keys_and_trains_on(settings, tmp_path, mouth):
    named = replace(settings, generator="reliableswap", num_blocks=2)
    recipe = ReliableSwapRecipe(named if mouth else replace(named, fixernet=None))
    whole = recipe.export(recipe.networks, tmp_path)[-1]
    name = f"reliableswap_fsgenerator{'_mouth' if mouth else ''}"
    official = networks.build(name, device="meta").state_dict()
    # The official generator and FixerNet are deeper, with more keys of the same kinds.
    for key, value in load_file(whole).items():
        assert key in official and official[key].ndim == value.ndim, key
    for prefix in ("G.encoder.", "G.generator.AADBlk1.AAD1.", "trans_matrix"):
        assert any(key.startswith(prefix) for key in load_file(whole))
    assert any(key.startswith("mouth_net.") for key in load_file(whole)) == mouth
    torch.manual_seed(8)
    again = ReliableSwapRecipe(replace(recipe.settings, initial_generator=whole))
    states = (one.networks["generator"].state_dict() for one in (recipe, again))
    for one, other in zip(*(state.values() for state in states), strict=True):
        assert torch.equal(one, other)
    with pytest.raises(InputError, match="generator"):
        ReliableSwapRecipe(replace(settings, initial_generator=whole))


class OneBatch(Only):
    def batch(self, step, part, parts):
        return super().batch(0, part, parts)


def test_it_overfits_a_batch_of_eight_triplets(settings, tmp_path):
    loop = replace(LOOP, steps=24, batch=8, log_every=2, ema_decay=0)
    weights = ReliableSwapWeights(adversarial=0.01, attributes=0.1, triplet=20, triplet_identity=1)
    one = replace(settings, jitter=STILL, weights=weights, generator_rate=5e-3, loop=loop)
    train(OneBatch(one), tmp_path)
    lines = history(tmp_path)
    assert lines[-1]["triplet"] < 0.4 * lines[0]["triplet"]
    assert lines[-1]["triplet_identity"] < 0.7 * lines[0]["triplet_identity"]


def test_a_killed_run_goes_on_with_the_numbers_of_an_unbroken_one(settings, tmp_path):
    settings = replace(settings, triplet_share=0.3, same_every=3, loop=replace(LOOP, steps=6))
    recipe = ReliableSwapRecipe(settings)
    assert {recipe.kind_of(step) for step in range(6)} == {SAME, TRIPLET, PHOTOS}
    train(recipe, tmp_path / "unbroken")
    train(ReliableSwapRecipe(settings), tmp_path / "broken", minutes=0)
    torch.manual_seed(99)
    train(ReliableSwapRecipe(settings), tmp_path / "broken")
    assert_same(checkpoint_of(tmp_path / "unbroken"), checkpoint_of(tmp_path / "broken"))


def test_other_triplets_are_other_data(settings, tmp_path):
    pack_drawn_triplets(tmp_path / "more", pairs=5)
    keys = {
        ReliableSwapRecipe(one).data_key
        for one in (
            settings,
            replace(settings, triplets=None),
            replace(settings, naive=True),
            replace(settings, triplets=tmp_path / "more"),
        )
    }
    assert len(keys) == 4


def test_triplets_in_another_framing_are_refused(settings, tmp_path):
    pack_drawn_triplets(tmp_path / "wide", framing="ffhq")
    with pytest.raises(InputError, match="framing"):
        ReliableSwapRecipe(replace(settings, triplets=tmp_path / "wide"))


def test_vgg_is_read_from_torchvisions_file(tmp_path, monkeypatch):
    tiny = ((2,), (2,), (2,), (2,), (2,))
    monkeypatch.setattr(module, "VGG19", lambda: VGG19(tiny))
    state = VGG19(tiny).state_dict()
    torch.save({**state, "classifier.0.weight": torch.zeros(2, 2)}, tmp_path / "vgg19.pth")
    loaded = load_vgg(tmp_path / "vgg19.pth")
    assert all(torch.equal(one, state[key]) for key, one in loaded.state_dict().items())
    assert not any(one.requires_grad for one in loaded.parameters())
    state.pop("features.0.bias")
    torch.save(state, tmp_path / "less.pth")
    with pytest.raises(InputError, match="VGG-19"):
        load_vgg(tmp_path / "less.pth")


@pytest.mark.parametrize(
    "wrong",
    [
        {"generator": "other"},
        {"num_blocks": 1},
        {"triplet_share": 1.5},
        {"same_every": -1},
        {"preset": "none"},
    ],
)
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(UsageError, match=r"must|blocks"):
        ReliableSwapSettings(**wrong)
