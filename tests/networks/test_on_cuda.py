"""The fast networks on a GPU: the same answers, no black squares, graphs, memory."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.helpers import fill
from tests.helpers.amplified import amplify
from videoswap.networks.aei_net import LITE_WIDTHS, AEINet
from videoswap.networks.blendswap import BlendSwap
from videoswap.networks.fast_aei_net import FastAEINet
from videoswap.networks.fast_blendswap import FastBlendSwap
from videoswap.networks.fast_network import FastNetwork

pytestmark = pytest.mark.needs_cuda

WIDTHS, SIZE, NUMBERS = (8, 16, 16, 24, 32), 64, 24
#: cuDNN takes another algorithm for another batch size: float32 differs by up to so much.
BETWEEN_SHAPES = 1e-4
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def exact_convolutions() -> Iterator[None]:
    """Float32 means float32 here: by default torch lets cuDNN round its inputs to TF32."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    yield
    torch.backends.cudnn.allow_tf32 = before


def _aei(backbone: str = "unet", num_blocks: int = 2) -> AEINet:
    net = AEINet(backbone, num_blocks, c_id=NUMBERS, widths=WIDTHS).eval()  # type: ignore[arg-type]
    fill.fill(net, f"fast-{backbone}-{num_blocks}")
    return net


def _blend() -> BlendSwap:
    net = BlendSwap(slim=True, widths=WIDTHS).eval()
    net.Z_e = torch.nn.Sequential()
    fill.fill(net, "fast-blendswap")
    return net


def _inputs(n: int = 3) -> tuple[Tensor, Tensor]:
    return fill.image("fast", SIZE, 16, n), fill.vec("fast", NUMBERS, n)


def _swap(fast: FastNetwork, x: Tensor, z: Tensor, graphs: bool = True) -> Tensor:
    return fast(x, [fast.identity(row) for row in z], graphs=graphs).cpu()


@torch.no_grad()
def _exact(net: AEINet, x: Tensor, z: Tensor) -> Tensor:
    picture: Tensor = net.double()(x.double(), z.double())[0]
    return picture


@pytest.mark.parametrize("backbone", ["unet", "linknet", "resnet"])
@pytest.mark.parametrize("graphs", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_equals_the_plain_module(backbone: str, graphs: bool, dtype: torch.dtype) -> None:
    net = _aei(backbone)
    x, z = _inputs()
    fast = FastAEINet(net, dtype, "cuda", graphs=graphs)
    error = (_swap(fast, x, z) - _exact(net, x, z)).abs()
    assert fast.graphs_refused is None
    assert error.mean() < (1e-4 if dtype == torch.float32 else 5e-3)
    assert error.max() < (5e-3 if dtype == torch.float32 else 0.2)


@pytest.mark.parametrize("graphs", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_blendface_equals_the_plain_module(graphs: bool, dtype: torch.dtype) -> None:
    net = _blend()
    x, z = _inputs()
    x, z = (x + 1) * 0.5, F.normalize(fill.vec("blend", 512, 3))
    fast = FastBlendSwap(net, dtype, "cuda", graphs=graphs)
    got = _swap(fast, x, z)
    with torch.no_grad():
        parts = net.double().swap(x.double(), z.double())
    error = (got - torch.cat([parts.painted, parts.mask], dim=1)).abs()
    assert fast.graphs_refused is None
    assert error.max() < (1e-4 if dtype == torch.float32 else 0.02)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_graphs_give_what_single_kernels_give_for_any_batch(dtype: torch.dtype) -> None:
    fast = FastAEINet(_aei(), dtype, "cuda")
    x, z = _inputs(40)
    for count in (5, 1, 3, 40, 5, 8):
        replayed, single = (_swap(fast, x[:count], z[:count], graphs) for graphs in (True, False))
        assert (replayed - single).abs().mean() < (
            BETWEEN_SHAPES if dtype == torch.float32 else 3e-3
        )
    assert fast.graphs_refused is None
    first = _swap(fast, x[:2], z[:2])
    kept = first.clone()
    _swap(fast, x[2:4], z[2:4])
    assert torch.equal(first, kept)  # a replay does not write into an earlier result


@pytest.mark.parametrize("part", ["block", "attributes", "start"])
@torch.no_grad()
def test_large_activations_are_finite_and_right_in_half(part: str) -> None:
    net = _aei()
    amplify(net, part)
    x, z = _inputs(1)
    got = _swap(FastAEINet(net, torch.float16, "cuda"), x, z)
    assert torch.isfinite(got).all()
    assert (got - _exact(net, x, z)).abs().mean() < 5e-3


def test_a_batch_that_does_not_fit_is_halved_and_right() -> None:
    from videoswap.engines.torch_runtime import Batches

    net = AEINet("unet", 1, c_id=NUMBERS, widths=LITE_WIDTHS).eval()
    fill.fill(net, "memory")
    x, z = fill.image("memory", 256, 16, 32), fill.vec("memory", NUMBERS, 32)
    fast = FastAEINet(net, torch.float16, "cuda")
    batches = Batches(fast, 32)
    people = [batches.identity(row) for row in z]
    terms = [person.terms for person in people]
    wanted = torch.cat(
        [fast(x[k : k + 1], terms[k : k + 1], graphs=False).cpu() for k in range(32)]
    )
    peaks = []
    for count in (4, 32):  # measured: between the two lies the edge
        fast.release()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        fast(x[:count], terms[:count], graphs=False)
        peaks.append(torch.cuda.max_memory_reserved())
    fast.release()
    torch.cuda.empty_cache()
    fast.without_graphs("memory is measured without")
    total = torch.cuda.get_device_properties(0).total_memory
    room = sum(peaks) / 2
    try:
        torch.cuda.set_per_process_memory_fraction(room / total)
        got = batches(x, people).cpu()
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert 1 < batches.largest < 32
    assert (got - wanted).abs().mean() < 5e-3


def test_start_up_measures_a_batch_captures_and_takes_half_precision() -> None:
    from videoswap.engines.torch_runtime import start

    net = _aei()
    started = start(
        lambda dtype: FastAEINet(net, dtype, "cuda"), torch.ones(NUMBERS), "cuda", -1.0, 1.0
    )
    assert started.precision == "float16"
    assert started.notes == ()
    assert started.generator.largest == 32
    generator = started.generator.generator
    assert isinstance(generator, FastAEINet) and generator._graphs is not None
    assert set(generator._graphs._captured) == {1, 8, 32}  # and none in the middle of a render


def test_a_real_overflow_is_computed_in_float32() -> None:
    from videoswap.engines.torch_runtime import Batches

    net = _aei()
    with torch.no_grad():
        net.generator.up1.bias.fill_(1e5)  # beyond half precision's 65504 for every picture
    x, z = _inputs(2)
    half = FastAEINet(net, torch.float16, "cuda", graphs=False)
    if torch.isfinite(_swap(half, x, z)).all():
        pytest.skip("the network keeps these numbers small by itself")
    batches = Batches(half, 32, lambda: FastAEINet(net, torch.float32, "cuda"))
    got = batches(x, [batches.identity(row) for row in z]).cpu()
    assert (got - _exact(net, x, z)).abs().mean() < 1e-4
    assert len(batches.late_notes()) == 1


def test_a_capture_beside_a_busy_thread() -> None:
    fast = FastAEINet(_aei(), torch.float16, "cuda")
    x, z = _inputs(32)
    stop = threading.Event()

    def busy() -> None:
        while not stop.is_set():  # what onnxruntime or an encoder does meanwhile
            torch.empty(64 << 20, dtype=torch.uint8, device="cuda").zero_()
            torch.cuda.current_stream().synchronize()

    other = threading.Thread(target=busy)
    other.start()
    try:
        got = _swap(fast, x, z)
    finally:
        stop.set()
        other.join()
    assert fast.graphs_refused is None
    assert (got - _swap(fast, x, z, graphs=False)).abs().mean() < 3e-3


def test_onnxruntime_computes_on_the_gpu_as_on_the_cpu(tmp_path: Path) -> None:
    import numpy as np

    from videoswap.devices import PROVIDERS, _one_node, choose_device
    from videoswap.weights.onnx_models import open_onnx, provider_notes, providers_of

    device = choose_device("cuda")
    session = open_onnx(tmp_path / "x", device.providers, graph=_one_node(), full_precision=True)
    assert provider_notes(providers_of(session), device.providers, "it") == ()
    x = np.random.default_rng(1).random((1, 1, 4, 4), np.float32)
    here = open_onnx(tmp_path / "x", PROVIDERS["cpu"], graph=_one_node())
    (got,), (want,) = session.run(None, {"x": x}), here.run(None, {"x": x})
    assert np.abs(got - want).max() < 1e-5


def test_the_benchmark_prints_faces_per_second(tmp_path: Path) -> None:
    rows = tmp_path / "rows.json"
    words = "--networks lite --devices cuda --batches 1 8 --rounds 2 --json"
    command = [sys.executable, "benchmarks/generator.py", *words.split(), str(rows)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=300)
    made = json.loads(rows.read_text())
    assert {(row["way"], row["batch"]) for row in made} >= {
        ("plain float32", 1),
        ("plain half", 8),
        ("fast half, graphs", 8),
    }
    assert all(row["faces_per_second"] > 0 for row in made)
