import argparse
import pickle

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from videoswap import networks
from videoswap.errors import InputError
from videoswap.networks.aei_net import LITE_WIDTHS
from videoswap.weights import load, load_into, load_state
from videoswap.weights.loading import fit

torch.set_num_threads(1)
NAME = "lite"
TINY = tuple(max(4, width // 16) for width in LITE_WIDTHS)


@pytest.fixture(scope="module", autouse=True)
def small():
    """The network at a size that takes no time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("videoswap.networks.aei_net.LITE_WIDTHS", TINY)
        yield


@pytest.fixture(scope="module")
def state(small):
    """Weights of the network, all different."""
    generator = torch.Generator().manual_seed(0)
    expected = networks.build(NAME, device="meta").state_dict()
    assert any(key.endswith("num_batches_tracked") for key in expected)
    return {
        key: torch.randn(value.shape, generator=generator)
        if value.is_floating_point()
        else torch.full(value.shape, 7)
        for key, value in expected.items()
    }


def same(network, state):
    found = network.state_dict()
    assert list(found) == list(state)
    return all(torch.equal(found[key], value) for key, value in state.items())


def counters(state):
    return {key for key in state if key.endswith("num_batches_tracked")}


WRAPPINGS = {
    "plain": lambda state: state,
    "state_dict": lambda state: {"state_dict": state, "epoch": 3},
    "model": lambda state: {"model": state, "optimizer": {"state": {0: torch.ones(2)}}},
    "generator": lambda state: {"generator": state, "step": torch.tensor(3)},
    "G beside D": lambda state: {"D": {"other.weight": torch.ones(1)}, "G": state},
    "unknown name": lambda state: {"our_net": state},
    "deep": lambda state: {"checkpoint": {"state_dict": state}},
    "average": lambda state: {"params": {k: v * 0 for k, v in state.items()}, "params_ema": state},
    "parallel": lambda state: {f"module.{key}": value for key, value in state.items()},
    "compiled": lambda state: {f"_orig_mod.module.{key}": value for key, value in state.items()},
    "wrapped": lambda state: {"model": {f"module.{key}": value for key, value in state.items()}},
    "attribute": lambda state: {f"swapper.{key}": value for key, value in state.items()},
    "shuffled": lambda state: dict(reversed(state.items())),
}


@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_wrappings_are_taken_off(state, tmp_path, wrapping):
    torch.save(WRAPPINGS[wrapping](state), tmp_path / "a.pth")
    network = load_into(NAME, tmp_path / "a.pth")
    assert same(network, state)
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_the_oldest_format_and_safetensors_are_read(state, tmp_path):
    torch.save(state, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    save_file(state, tmp_path / "new.safetensors")
    for name in ("old.pt", "new.safetensors"):
        assert same(load_into(NAME, tmp_path / name), state)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_become_float32(state, tmp_path, dtype):
    halved = {k: v.to(dtype) if v.is_floating_point() else v for k, v in state.items()}
    torch.save(halved, tmp_path / "a.pth")
    loaded = load_state(tmp_path / "a.pth")
    assert {v.dtype for v in loaded.values()} == {torch.float32, torch.int64}
    assert same(
        load_into(NAME, tmp_path / "a.pth"), {k: v.to(loaded[k]) for k, v in halved.items()}
    )
    half = load_into(NAME, tmp_path / "a.pth", dtype=torch.float16)
    assert {parameter.dtype for parameter in half.parameters()} == {torch.float16}


def test_missing_counters_are_zero(state, tmp_path):
    torch.save({k: v for k, v in state.items() if k not in counters(state)}, tmp_path / "a.pth")
    network = load_into(NAME, tmp_path / "a.pth")
    assert same(network, {k: v * 0 if k in counters(state) else v for k, v in state.items()})


def test_a_loaded_network_computes_what_it_should(state, tmp_path):
    calm = {k: v.abs() * 0.1 + 0.5 if "running_var" in k else v * 0.05 for k, v in state.items()}
    calm = {k: v.to(state[k].dtype) for k, v in calm.items()}
    torch.save(calm, tmp_path / "a.pth")
    usual = networks.build(NAME)
    usual.load_state_dict(calm)
    x, z = torch.rand(1, 3, 256, 256), torch.rand(1, 128)
    with torch.inference_mode():
        assert torch.equal(load_into(NAME, tmp_path / "a.pth")(x, z)[0], usual(x, z)[0])


def test_a_file_of_another_network_is_named(state, tmp_path):
    torch.save(state, tmp_path / "a.pth")
    with pytest.raises(InputError) as caught:
        load_into("ghost_discriminator", tmp_path / "a.pth")
    assert caught.value.code == "wrong_weights"
    first = next(iter(networks.build("ghost_discriminator", device="meta").state_dict()))
    assert f"{first} is missing" in caught.value.message
    assert caught.value.hint == "It fits lite."


@pytest.mark.parametrize("change", ["missing", "shape", "surplus"])
def test_the_first_key_that_differs_is_named(state, tmp_path, change, monkeypatch):
    monkeypatch.setattr(networks, "names", lambda: [NAME])
    third, last = list(state)[2], list(state)[-1]
    if change == "missing":
        wrong = {key: value for key, value in state.items() if key not in (third, last)}
        expected = f"{third} is missing"
    elif change == "shape":
        wrong = {**state, third: torch.ones(1, 2), last: torch.ones(3)}
        expected = f"{third} is 1x2 instead of {'x'.join(map(str, state[third].shape))}"
    else:
        wrong = {**state, "tail.weight": torch.ones(1)}
        expected = "tail.weight is not part of it"
    torch.save(wrong, tmp_path / "a.pth")
    with pytest.raises(InputError) as caught:
        load_into(NAME, tmp_path / "a.pth")
    assert expected in caught.value.message
    assert "no network" in caught.value.hint


def test_the_file_of_fixernets_backbone_alone_fits_fixernet():
    expected = networks.build("reliableswap_fixernet", device="meta").state_dict()
    bare = {k.removeprefix("backbone."): v for k, v in expected.items() if "vgg" not in k}
    fitted = fit("reliableswap_fixernet", expected, bare)
    assert fitted is not None
    assert list(fitted) == list(expected)
    assert fitted["vgg_std"].flatten().tolist() == pytest.approx([0.229, 0.224, 0.225])
    assert fit("iresnet100", networks.build("iresnet100", "meta").state_dict(), bare) is None


def test_the_slim_blendswap_takes_its_part_of_the_whole_and_nothing_else():
    whole = networks.build("blendswap", device="meta").state_dict()
    slim = networks.build("blendswap_slim", device="meta").state_dict()
    fitted = fit("blendswap_slim", slim, whole)
    assert fitted is not None
    assert list(fitted) == list(slim)
    assert fit("blendswap", whole, slim) is None
    assert fit("blendswap_slim", slim, {**whole, "odd.weight": torch.ones(1)}) is None


class Evil:
    """Writes a file when it is unpickled by a reader that runs what it reads."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return eval, (f"open({str(self.path)!r}, 'w').write('gotcha')",)


def test_files_that_carry_more_than_weights_are_refused(state, tmp_path):
    path, mark = tmp_path / "a.pth", tmp_path / "mark"
    for thing in (argparse.Namespace(x=1), Evil(mark), nn.Linear(2, 2)):
        torch.save({"state_dict": state, "extra": thing}, path)
        with pytest.raises(InputError) as caught:
            load_state(path)
        assert caught.value.code == "unsafe_weights"
        assert f"videoswap models convert {path}" in caught.value.hint
    assert not mark.exists()


@pytest.mark.parametrize("kind", ["cut", "page", "pickle", "empty", "none", "tensors"])
def test_what_is_no_weight_file_is_said_so(state, tmp_path, kind):
    path = tmp_path / "a.pth"
    torch.save(state if kind == "cut" else {"x": 3}, path)
    contents = {
        "cut": path.read_bytes()[:1000],
        "page": b"<!DOCTYPE html><html></html>",
        "pickle": pickle.dumps({"a": 1}, protocol=0),
        "empty": b"",
    }
    if kind in contents:
        path.write_bytes(contents[kind])
    elif kind == "tensors":
        torch.save([torch.ones(3)], path)
    codes = {"none": "no_weights", "tensors": "no_weights", "empty": "empty_file"}
    with pytest.raises(InputError) as caught:
        load_state(path)
    assert caught.value.code == codes.get(kind, "damaged_weights")


def test_a_cut_safetensors_file_is_damaged(state, tmp_path):
    save_file(state, tmp_path / "a.safetensors")
    whole = (tmp_path / "a.safetensors").read_bytes()
    (tmp_path / "a.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="damaged"):
        load_state(tmp_path / "a.safetensors")


def test_load_by_name(state, folder):
    (folder / "lite").mkdir()
    save_file(state, folder / "lite/generator.safetensors")
    assert same(load("lite"), state)
    with pytest.raises(InputError, match="not read by a network"):
        load("scrfd")
    with pytest.raises(InputError) as caught:
        load("ghost_unet_2")
    assert caught.value.code == "missing_weights"
