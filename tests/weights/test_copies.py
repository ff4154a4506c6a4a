import argparse
import os

import pytest
import torch
from torch import nn

from tests.weights.test_loading import TINY, Evil
from videoswap import networks
from videoswap.cli import entry
from videoswap.errors import InputError
from videoswap.weights import (
    digests as known,
)
from videoswap.weights import (
    load,
    load_manifest,
    load_state,
    require,
    slim,
)
from videoswap.weights.convert import convert, extract, metadata

torch.set_num_threads(1)


@pytest.mark.parametrize("modern", [True, False])
def test_the_tensors_are_taken_out_and_nothing_runs(tmp_path, modern):
    path, mark, out = tmp_path / "a.pth", tmp_path / "mark", tmp_path / "a.safetensors"
    weights = {"a.weight": torch.rand(2, 3).half(), "a.count": torch.tensor(4)}
    extra = {"args": argparse.Namespace(x=1), "evil": Evil(mark)}
    torch.save({"state_dict": weights, **extra}, path, _use_new_zipfile_serialization=modern)
    extract(path, out)
    found = load_state(out)
    assert found.keys() == weights.keys()
    assert torch.equal(found["a.weight"], weights["a.weight"].float())
    assert not mark.exists()
    assert metadata(out)["source_sha256"] == known.digests(path).sha256


def test_whole_modules_are_read(tmp_path):
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Sequential(nn.BatchNorm2d(4)))
    network.register_buffer("fleeting", torch.ones(1), persistent=False)
    for modern in (True, False):
        torch.save(network, tmp_path / "a.pth", _use_new_zipfile_serialization=modern)
        extract(tmp_path / "a.pth", tmp_path / "a.safetensors")
        found = load_state(tmp_path / "a.safetensors")
        expected = network.state_dict()
        assert found.keys() == expected.keys()
        assert all(torch.equal(found[key], value) for key, value in expected.items())


@pytest.mark.filterwarnings("ignore:.*torch.jit")
def test_what_holds_no_weights_leaves_no_copy(tmp_path):
    torch.save({"x": argparse.Namespace(y=1)}, tmp_path / "a.pth")
    torch.jit.save(torch.jit.script(nn.Linear(2, 2)), tmp_path / "b.pth")
    for name, code in (("a.pth", "no_weights"), ("b.pth", "torchscript_weights")):
        with pytest.raises(InputError) as caught:
            extract(tmp_path / name, tmp_path / "out")
        assert caught.value.code == code
    with pytest.raises(InputError, match="cannot be taken out: it holds no tensors"):
        convert(tmp_path / "a.pth")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.pth", "b.pth"]


def test_the_command_warns_and_its_copy_is_used_for_the_very_file(folder, capsys):
    path, copy = folder / "backbone.pth", folder / "backbone.safetensors"
    torch.save({"w": torch.ones(1), "x": argparse.Namespace()}, path)
    assert require("ghost_arcface") == path
    assert entry.main(["models", "convert", str(path)]) == 0
    captured = capsys.readouterr()
    assert "Warning" in captured.err
    assert captured.out.strip() == str(copy)
    assert require("ghost_arcface") == copy
    with pytest.raises(InputError, match="exists already"):
        convert(path)
    torch.save({"w": torch.zeros(1)}, path)
    assert require("ghost_arcface") == path


@pytest.fixture
def small_blendswap(monkeypatch):
    """The whole and the slim network at a size that takes no time, and the whole one's weights."""
    from videoswap.networks.blendswap import BlendSwap

    build = networks.build

    def small(name, device=None):
        if not name.startswith("blendswap"):
            return build(name, device)
        with torch.device(device or "cpu"):
            network = BlendSwap(slim=name == "blendswap_slim", widths=TINY)
            network.Z_e = nn.Sequential(nn.Identity(), nn.Linear(2, 2))
            return network.eval()

    monkeypatch.setattr(networks, "build", small)
    generator = torch.Generator().manual_seed(0)
    return {
        key: torch.randn(value.shape, generator=generator)
        if value.is_floating_point()
        else torch.zeros_like(value, device="cpu")
        for key, value in small("blendswap", "meta").state_dict().items()
    }


def matches(network, state):
    return all(torch.equal(value, state[key]) for key, value in network.state_dict().items())


def test_the_slim_copy_is_made_once_and_preferred(folder, small_blendswap, monkeypatch):
    whole, copy = folder / "blendswap.pth", folder / "blendswap.slim.safetensors"
    torch.save(small_blendswap, whole)
    network = load("blendswap")
    assert matches(network, small_blendswap)
    assert copy.stat().st_size < 0.7 * whole.stat().st_size
    assert metadata(copy)["source_sha256"] == known.digests(whole).sha256
    monkeypatch.setattr(slim, "make", None)  # a second copy would fail
    assert matches(load("blendswap"), small_blendswap)
    whole.unlink()
    assert matches(load("blendswap"), small_blendswap)


def test_a_slim_copy_of_another_file_is_replaced(folder, small_blendswap):
    torch.save(small_blendswap, folder / "blendswap.pth")
    load("blendswap")
    doubled = {key: value * 2 for key, value in small_blendswap.items()}
    torch.save(doubled, folder / "blendswap.pth")
    (folder / known.FILE_NAME).unlink()
    assert matches(load("blendswap"), doubled)


def test_a_slim_copy_that_was_changed_is_refused(folder, small_blendswap):
    torch.save(small_blendswap, folder / "blendswap.pth")
    load("blendswap")
    copy = folder / "blendswap.slim.safetensors"
    contents = bytearray(copy.read_bytes())
    contents[-1] ^= 1
    copy.write_bytes(contents)
    os.utime(copy, ns=(1, 1))
    with pytest.raises(InputError, match="not the file it should be"):
        load("blendswap")


def test_without_any_blendswap_it_says_where_to_get_it(folder):
    with pytest.raises(InputError, match="not there") as caught:
        slim.prefer(load_manifest().model("blendswap"))
    assert "drive.google.com" in caught.value.hint
