"""GHOST's training: its options by name, its official weights, and what it adds to the base."""

from dataclasses import MISSING, fields, replace

import pytest

pytest.importorskip("torch")

import torch

from tests.helpers import fill
from tests.helpers.swapper_runs import LOOP, assert_same, checkpoint_of, small_settings
from videoswap.cli.entry import main
from videoswap.errors import InputError, UsageError
from videoswap.networks.face_alignment import FaceAlignmentNetwork
from videoswap.training import losses
from videoswap.training.checkpoint import NAME
from videoswap.training.ghost import recipe as ghost_recipe
from videoswap.training.ghost.recipe import GhostRecipe
from videoswap.training.ghost.settings import GHOST_OPTIONS, GhostSettings, GhostWeights
from videoswap.training.loop import train
from videoswap.training.settings_file import read_settings
from videoswap.training.swapper import recipe as base
from videoswap.training.swapper.identity import IdentityEncoder

# The options of train.py with its defaults; run_name has none there.
REFERENCE = {
    "dataset_path": "/VggFace2-crop/", "G_path": "./saved_models/G.pth",
    "D_path": "./saved_models/D.pth", "vgg": True, "weight_adv": 1, "weight_attr": 10,
    "weight_id": 20, "weight_rec": 10, "weight_eyes": 0, "backbone": "unet", "num_blocks": 2,
    "same_person": 0.2, "same_identity": True, "diff_eq_same": False, "pretrained": True,
    "discr_force": False, "scheduler": False, "scheduler_step": 5000, "scheduler_gamma": 0.2,
    "eye_detector_loss": False, "use_wandb": False, "run_name": "", "wandb_project": "",
    "wandb_entity": "", "batch_size": 16, "lr_G": 4e-4, "lr_D": 4e-4, "max_epoch": 2000,
    "show_step": 500, "save_epoch": 1, "optim_level": "O2",
}  # fmt: skip
#: Defaults that name places and accounts of its authors.
PLACES = ("dataset_path", "wandb_project")


def value_of(settings, option):
    value = settings
    for name in (GHOST_OPTIONS[option][0] or option).split("."):
        value = getattr(value, name)
    return value


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("ghost")


@pytest.fixture
def settings(folder):
    return small_settings(GhostSettings, folder, pretrained=False)


def test_every_option_of_train_py_is_there_with_its_default():
    assert GHOST_OPTIONS.keys() == REFERENCE.keys()
    settings = GhostSettings()
    for option, want in REFERENCE.items():
        if option not in PLACES:
            found = value_of(settings, option)
            assert found == (type(found)(want)), option


def test_settings_of_our_own_have_no_name_of_an_option():
    names = {one.name for one in fields(GhostSettings)}
    assert not names & {name for name, (own, _) in GHOST_OPTIONS.items() if own}
    assert {name for name, (own, _) in GHOST_OPTIONS.items() if not own} <= names
    assert all(one.default is not MISSING or one.default_factory is not MISSING
               for one in fields(GhostSettings))  # fmt: skip


OTHER = {
    "dataset_path": "d", "G_path": "g.pth", "D_path": "d.pth", "vgg": False, "weight_adv": 2.5,
    "weight_attr": 2.5, "weight_id": 2.5, "weight_rec": 2.5, "backbone": "linknet",
    "num_blocks": 3, "same_person": 0.5, "same_identity": False, "diff_eq_same": True,
    "pretrained": False, "discr_force": True, "scheduler": True, "scheduler_step": 7,
    "scheduler_gamma": 0.5, "use_wandb": True, "run_name": "r", "wandb_project": "p",
    "wandb_entity": "e", "batch_size": 8, "lr_G": 0.5, "lr_D": 0.5, "max_epoch": 3,
    "show_step": 9, "save_epoch": 2, "optim_level": "O0",
}  # fmt: skip


@pytest.mark.parametrize("option", OTHER)
def test_an_option_is_a_setting_of_the_file_and_a_flag(option, tmp_path, monkeypatch):
    value = OTHER[option]
    given = {option: value} | ({"same_identity": False} if option == "vgg" else {})
    text = "\n".join(
        f"{name} = {str(one).lower() if not isinstance(one, str) else repr(one)}"
        for name, one in given.items()
    )
    (tmp_path / "ghost.toml").write_text(text)
    settings = read_settings(tmp_path / "ghost.toml", GhostSettings)
    assert str(value_of(settings, option)) == str(value)

    built = []

    def stop(settings):
        built.append(settings)
        raise UsageError("enough", "That is enough.")

    monkeypatch.setattr(ghost_recipe, "GhostRecipe", stop)
    (tmp_path / "ghost.toml").write_text("[loop]\nbatch = 32")
    flags = [word for name, one in given.items() for word in (f"--{name}", str(one))]
    words = ["--settings", str(tmp_path / "ghost.toml"), "--out", str(tmp_path / "run")]
    assert main(["train", "ghost", *words, *flags]) == 2
    assert str(value_of(built[0], option)) == str(value)
    assert built[0].loop.batch == (8 if option == "batch_size" else 32)


def test_false_is_false():
    assert not read_settings(None, GhostSettings, {"vgg": False, "same_identity": False}).identities


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ({"vgg": False}, "same_identity"),
        ({"weight_eyes": 1.0}, "eye_detector_loss"),
        ({"eye_detector_loss": True}, "eye_detector"),
        ({"optim_level": "O4"}, "optim_level"),
        ({"max_epoch": 0}, "max_epoch"),
        ({"batch_size": 4, "loop": {"batch": 8}}, "both are given"),
    ],
)
def test_options_that_do_not_go_together(wrong, match, tmp_path):
    lines = [f"{n} = {str(v).lower() if v in (True, False) else repr(v)}" for n, v in wrong.items()
             if n != "loop"]  # fmt: skip
    lines += ["[loop]", "batch = 8"] if "loop" in wrong else []
    (tmp_path / "ghost.toml").write_text("\n".join(lines))
    with pytest.raises(UsageError, match=match):
        read_settings(tmp_path / "ghost.toml", GhostSettings)


def test_a_killed_run_goes_on_with_the_numbers_of_an_unbroken_one(settings, tmp_path):
    settings = replace(settings, discr_force=True, diff_eq_same=True, scheduler=True)
    train(GhostRecipe(settings), tmp_path / "unbroken")
    train(GhostRecipe(settings), tmp_path / "broken", minutes=0)
    train(GhostRecipe(settings), tmp_path / "broken")
    unbroken = checkpoint_of(tmp_path / "unbroken")
    assert unbroken["more"]["running"] < losses.RUNNING_START
    assert_same(unbroken, checkpoint_of(tmp_path / "broken"))


@pytest.mark.parametrize("backbone", ["unet", "linknet", "resnet"])
@pytest.mark.parametrize("num_blocks", [1, 2, 3])
def test_every_backbone_and_number_of_blocks_learns(settings, backbone, num_blocks):
    recipe = GhostRecipe(replace(settings, backbone=backbone, num_blocks=num_blocks, size=16))
    before = {name: one.clone() for name, one in recipe.networks["generator"].named_parameters()}
    recipe.losses("generator", recipe.batch(0, 0, 1))["total"].backward()
    recipe.phases[0].optimizer.step()
    after = dict(recipe.networks["generator"].named_parameters())
    assert all(not torch.equal(before[name], after[name]) for name in before)


def discriminators(folder, settings, steps):
    train(GhostRecipe(replace(settings, loop=replace(LOOP, steps=steps))), folder)
    return torch.load(folder / NAME, weights_only=True)["networks"]["discriminator"]


def test_the_discriminator_waits_for_the_generator(settings, tmp_path):
    first = GhostRecipe(settings).networks["discriminator"].state_dict()
    waits = discriminators(tmp_path / "waits", replace(settings, discr_force=True), 2)
    goes = discriminators(tmp_path / "goes", settings, 2)
    assert all(torch.equal(first[name], waits[name]) for name in first)
    assert not all(torch.equal(first[name], goes[name]) for name in first)


def test_the_discriminator_goes_on_once_the_loss_is_small(settings):
    recipe = GhostRecipe(replace(settings, discr_force=True))
    assert recipe.learns("generator") and not recipe.learns("discriminator")
    recipe.load_state({"running": 3.9})
    assert recipe.learns("discriminator")
    batch = recipe.batch(0, 0, 1)
    found = recipe.losses("generator", batch)["adversarial"].item()
    assert recipe.state()["running"] == pytest.approx(0.98 * 3.9 + 0.02 * found)


def test_all_pairs_are_reconstructed_if_asked(settings):
    weights = GhostWeights(0, 0, 0, 1)
    changed = replace(settings, weights=weights, same_person=0.0)
    for diff_eq_same in (False, True):
        recipe = GhostRecipe(replace(changed, diff_eq_same=diff_eq_same))
        total = recipe.losses("generator", recipe.batch(0, 0, 1))["total"].item()
        assert (total > 0.01) is diff_eq_same


@pytest.mark.parametrize(("max_epoch", "save_epoch", "want"), [(1, 1, (2, 2)), (3, 2, (6, 4))])
def test_epochs_count_as_steps(settings, max_epoch, save_epoch, want):
    loop = replace(LOOP, steps=1000, checkpoint_every=1000)
    asked = replace(settings, max_epoch=max_epoch, save_epoch=save_epoch, loop=loop)
    found = GhostRecipe(asked).loop  # 8 photos in batches of 4
    assert (found.steps, found.checkpoint_every) == want


def test_optim_level_0_is_float32(settings):
    loop = replace(LOOP, precision="auto")
    assert GhostRecipe(replace(settings, loop=loop)).loop.precision == "auto"
    exact = replace(settings, loop=loop, optim_level="O0")
    assert GhostRecipe(exact).loop.precision == "float32"


def test_weights_that_are_not_there_are_said(settings, tmp_path):
    asked = replace(settings, pretrained=True, initial_generator=tmp_path / "G.pth")
    with pytest.raises(InputError, match=r"G\.pth"):
        GhostRecipe(asked)


def test_pupils_teach_the_result_and_not_their_network(settings, tmp_path, monkeypatch):
    def small():
        torch.manual_seed(1)
        return FaceAlignmentNetwork(stacks=2, width=16, depth=2)

    monkeypatch.setattr(ghost_recipe, "FaceAlignmentNetwork", small)
    torch.save({"state_dict": small().state_dict()}, tmp_path / "pupils.pth")
    weights = GhostWeights(0, 0, 0, 0, eyes=1.0)
    asked = replace(
        settings, weights=weights, eye_detector_loss=True, eye_detector=tmp_path / "pupils.pth"
    )
    recipe = GhostRecipe(asked)
    batch = recipe.batch(0, 0, 1)
    found = recipe.losses("generator", batch)
    found["total"].backward()
    pupils = recipe.frozen["pupils"]
    assert all(one.grad is None for one in pupils.parameters())
    assert recipe.networks["generator"].generator.up1.weight.grad.abs().sum() > 0
    with torch.no_grad():
        (left, right), (target_left, target_right) = (
            pupils(one) for one in (batch.kept["result"], batch["target"])
        )
    want = (left - target_left).square().mean() + (right - target_right).square().mean()
    assert found["eyes"].item() == pytest.approx(want.item(), rel=1e-3) != 0


@pytest.mark.needs_shared
def test_the_official_generator_and_discriminator_are_fine_tuned(
    settings, shared, tmp_path, monkeypatch
):
    official, files = {}, {}
    for name, key in (("G", "ghost_aei_unet_2"), ("D", "ghost_discriminator")):
        shapes = fill.read_shapes(shared / "contracts", key)
        # Numbers of their own in tensors that take no room on the disk.
        official[name] = {
            one: torch.tensor(place).expand(shape)
            if one.endswith("num_batches_tracked")
            else torch.tensor(1 + place / 1000).expand(shape)
            for place, (one, shape) in enumerate(shapes.items())
        }
        files[name] = tmp_path / f"{name}.pth"
        torch.save(official[name], files[name])
    encoder = IdentityEncoder(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 512)), 2)
    monkeypatch.setattr(base, "load_identity", lambda settings: encoder)
    whole = replace(
        GhostSettings(), data=settings.data, identity=settings.identity,
        initial_generator=files["G"], initial_discriminator=files["D"],
    )  # fmt: skip
    recipe = GhostRecipe(whole)
    for name, network in (("G", "generator"), ("D", "discriminator")):
        state = recipe.networks[network].state_dict()
        assert list(state) == list(official[name])
        assert all(torch.equal(state[key], official[name][key]) for key in state)
    torch.save({k: v for k, v in official["D"].items() if "layer0.0" not in k}, files["D"])
    with pytest.raises(InputError, match="missing"):
        GhostRecipe(whole)
