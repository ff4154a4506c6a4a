"""ReliableSwap's weights in one file or in several, filled by the contract's rule."""

import pytest
import torch

import videoswap.networks
from tests.helpers import fill
from tests.helpers.engine_weights import TAG, small_build
from videoswap.errors import InputError
from videoswap.weights.models import load_whole

NAME = "reliableswap_fsgenerator_mouth"
ARCFACE, FIXERNET = "reliableswap_arcface.pth", "mouth_net_28_56_84_112.pth"


@pytest.fixture(autouse=True)
def small_networks(monkeypatch):
    monkeypatch.setattr(videoswap.networks, "build", small_build)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("VIDEOSWAP_WEIGHTS_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="module")
def whole():
    module = small_build(NAME)
    fill.fill(module, TAG)
    return module.state_dict()


def part(state, prefix):
    found = {key.removeprefix(prefix): x for key, x in state.items() if key.startswith(prefix)}
    assert found
    return found


def check(whole, folder, files):
    network, paths = load_whole("reliableswap")
    assert {path.name for path in paths} == files
    state = network.state_dict()
    assert list(state) == list(whole)
    assert all(torch.equal(state[key], whole[key]) for key in whole)
    assert not any(module.training for module in network.modules())


def test_one_file_with_everything(whole, folder):
    torch.save(whole, folder / "reliableswap.pth")
    check(whole, folder, {"reliableswap.pth"})


def test_three_files_as_the_reference_reads_them(whole, folder):
    """The generator alone; ArcFace alone; FixerNet's backbone alone, without its constants."""
    alone = {key: x for key, x in whole.items() if key.startswith("G.")}
    torch.save(alone, folder / "reliableswap.pth")
    torch.save(part(whole, "iresnet."), folder / ARCFACE)
    torch.save(part(whole, "mouth_net.backbone."), folder / FIXERNET)
    check(whole, folder, {"reliableswap.pth", ARCFACE, FIXERNET})


def test_only_what_the_file_lacks_is_taken_from_beside_it(whole, folder):
    rest = {key: x for key, x in whole.items() if not key.startswith("mouth_net.")}
    torch.save(rest, folder / "reliableswap.pth")
    torch.save(part(whole, "mouth_net."), folder / FIXERNET)
    torch.save({"nothing": torch.zeros(1)}, folder / ARCFACE)  # would not fit; is not needed
    check(whole, folder, {"reliableswap.pth", FIXERNET})


def test_a_training_state_with_losses_and_discriminator(whole, folder):
    state = {f"generator.{key}": x for key, x in whole.items()}
    state |= {"discriminator.layer0.weight": torch.ones(3), "loss.trans_matrix": torch.ones(1)}
    torch.save({"state_dict": state, "epoch": 11}, folder / "reliableswap.pth")
    check(whole, folder, {"reliableswap.pth"})


def test_a_part_that_is_not_there_is_named(whole, folder):
    rest = {key: x for key, x in whole.items() if not key.startswith("iresnet.")}
    torch.save(rest, folder / "reliableswap.pth")
    with pytest.raises(InputError, match="comes without a part of it") as caught:
        load_whole("reliableswap")
    assert caught.value.code == "missing_weights"
    assert ARCFACE in caught.value.message
    assert "baidu" in caught.value.hint


def test_another_networks_file_is_told_without_asking_for_parts(folder):
    other = small_build("iresnet100")
    torch.save(other.state_dict(), folder / "reliableswap.pth")
    with pytest.raises(InputError) as caught:
        load_whole("reliableswap")
    assert caught.value.code == "wrong_weights"


def test_a_part_of_another_kind_is_refused(whole, folder):
    rest = {key: x for key, x in whole.items() if not key.startswith("mouth_net.")}
    torch.save(rest, folder / "reliableswap.pth")
    torch.save(part(whole, "iresnet."), folder / FIXERNET)
    with pytest.raises(InputError) as caught:
        load_whole("reliableswap")
    assert caught.value.code == "wrong_weights"
    assert FIXERNET in caught.value.message
