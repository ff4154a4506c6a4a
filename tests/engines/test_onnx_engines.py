"""FaceFusion's ONNX files, stood in for by exports of small filled networks."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.engines.test_engine_runs import check_only_masks_changed, run
from tests.engines.test_engines import crop, photo
from tests.helpers import fill
from tests.helpers.engine_weights import TAG, small_build
from tests.jobs.test_video import planes as frame_planes
from videoswap import swap_image
from videoswap.engines.ghost.options import GhostOptions
from videoswap.engines.registry import load_engine
from videoswap.errors import InputError
from videoswap.weights.onnx_models import OnnxNetwork


class GhostGraph(torch.nn.Module):
    """AEI-Net with the inputs that FaceFusion's file has."""

    def __init__(self):
        super().__init__()
        self.network = small_build("ghost_aei_unet_2")
        fill.fill(self.network, TAG)

    def forward(self, source, target):
        return self.network(target, source)[0]


class BlendGraph(torch.nn.Module):
    """BlendSwap with the inputs that FaceFusion's file has."""

    def __init__(self):
        super().__init__()
        self.network = small_build("blendswap_slim")
        fill.fill(self.network, TAG)

    def forward(self, source, target):
        return self.network(target, source)


class Recogniser(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.network = small_build("iresnet100")
        fill.fill(self.network, TAG)

    def forward(self, input):
        return self.network(input)


class Converter(torch.nn.Module):
    """Not linear, so that the order of mean and conversion shows."""

    def forward(self, input):
        return input.flip(1) * input.abs() + 0.25


def export(module, path, open_batch, **inputs):
    names = list(inputs)
    axes = {name: {0: "batch"} for name in (*names, "output")} if open_batch else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(),
            tuple(inputs.values()),
            str(path),
            input_names=names,
            output_names=["output"],
            dynamic_axes=axes,
            dynamo=False,
        )


def export_ghost(weights, open_batch):
    face, target = torch.zeros(1, 3, 112, 112), torch.zeros(1, 3, 256, 256)
    source = torch.zeros(1, 512)
    export(GhostGraph(), weights / "ghost_2_256.onnx", open_batch, source=source, target=target)
    export(Recogniser(), weights / "arcface_w600k_r50.onnx", False, input=face)
    export(Converter(), weights / "crossface_ghost.onnx", False, input=source)


def export_blendswap(weights, open_batch):
    source, target = torch.zeros(1, 3, 112, 112), torch.zeros(1, 3, 256, 256)
    path = weights / "blendswap_256.onnx"
    export(BlendGraph(), path, open_batch, source=source, target=target)


def whole(pixels):
    return torch.from_numpy(pixels.transpose(2, 0, 1)[None]) / 127.5 - 1


@pytest.mark.parametrize("open_batch", [False, True])
def test_ghost_with_raw_converted_embedding_batched_if_the_graph_allows(weights, open_batch):
    export_ghost(weights, open_batch)
    swapper = load_engine("ghost", device="cpu", options=GhostOptions(num_blocks=2))
    assert swapper.batch_size == (4 if open_batch else 1)
    assert any("FaceFusion" in note.used for note in swapper.notes)
    shots = [photo((200, 100, 50)), photo((20, 30, 240))]
    people = [swapper.identity(shots), swapper.identity(shots[:1])]
    with torch.inference_mode():
        colors = torch.tensor([[200, 100, 50], [20, 30, 240]])[:, :, None, None] / 127.5 - 1
        raw = Recogniser()(colors.expand(2, 3, 112, 112))
        z = [Converter()(raw.mean(0, keepdim=True)), Converter()(raw[:1])]
        np.testing.assert_allclose(people[0].data, z[0][0].numpy(), rtol=1e-3, atol=1e-3)
        crops = [crop(256, source=1), crop(256, source=0)]
        made = swapper.swap(crops, people)
        for one, result in zip(crops, made, strict=True):
            want = GhostGraph()(z[one.source], whole(one.pixels))[0].numpy()
            np.testing.assert_allclose(
                result.pixels, (want.transpose(1, 2, 0) + 1) * 127.5, atol=0.2
            )


def test_blendswap_in_zero_to_one(weights):
    export_blendswap(weights, True)
    swapper = load_engine("blendface", device="cpu")
    assert "mask" in swapper.notes[0].wanted
    people = [swapper.identity([photo((200, 100, 50))])]
    np.testing.assert_allclose(people[0].data[:, 3, 3] * 255, [200, 100, 50], atol=1e-3)
    crops = [crop(256), crop(256)]
    made = swapper.swap(crops, people)
    target = torch.from_numpy(crops[0].pixels.transpose(2, 0, 1)[None]) / 255
    with torch.inference_mode():
        want = BlendGraph()(torch.from_numpy(people[0].data)[None], target)[0].numpy()
    np.testing.assert_allclose(made[1].pixels, want.transpose(1, 2, 0) * 255, atol=0.2)


def test_a_batch_that_is_open_in_name_only_is_taken_apart(weights):
    path = weights / "ghost_2_256.onnx"
    inputs = {"source": torch.zeros(1, 512), "target": torch.zeros(1, 3, 256, 256)}
    export(GhostGraph(), path, True, **inputs)
    network = OnnxNetwork(path, ["CPUExecutionProvider"])
    assert network.batched
    real, sizes = network._run, []

    def refusing(arrays):
        sizes.append(len(arrays["source"]))
        if len(arrays["source"]) > 1:
            raise RuntimeError("cannot reshape")
        return real(arrays)

    network._run = refusing
    many = {"source": np.zeros((3, 512)), "target": np.zeros((3, 3, 256, 256))}
    assert network(many).shape == (3, 3, 256, 256)
    assert sizes == [3, 1, 1, 1]
    network(many)
    assert sizes[4:] == [1, 1, 1]


def test_a_whole_run_with_onnx_files(weights, clips, photos, settings, tmp_path):
    export_ghost(weights, True)
    report, originals, results, masked = run("auto", clips, photos, settings, tmp_path)
    assert report.engine == "ghost"
    assert report.swapped_frames == 6
    check_only_masks_changed(originals, results, masked)
    assert frame_planes(tmp_path / "out.mkv")


def test_g_path_may_name_an_onnx_file(weights, tmp_path):
    export_ghost(weights, False)
    mine = tmp_path / "mine.onnx"
    (weights / "ghost_2_256.onnx").rename(mine)
    swapper = load_engine("ghost", device="cpu", options=GhostOptions(g_path=mine))
    assert swapper.name == "ghost"
    asked = GhostOptions(g_path=mine, use_sr=True, exact=True)
    with pytest.raises(InputError, match="cannot do --use_sr and --ghost_exact"):
        load_engine("ghost", device="cpu", options=asked)


def test_damaged_and_strange_files_are_told(weights, photos, settings, tmp_path):
    export_ghost(weights, False)
    path = weights / "ghost_2_256.onnx"
    chosen = replace(settings, swapper="ghost")
    for content, code in (
        (b"no graph", "damaged_weights"),
        ((weights / "crossface_ghost.onnx").read_bytes(), "wrong_weights"),
    ):
        path.write_bytes(content)
        mine = replace(chosen, engine_options=GhostOptions(g_path=path))
        with pytest.raises(InputError) as caught:
            swap_image([photos["source"]], photos["left"], tmp_path / "out.png", settings=mine)
        assert caught.value.code == code
