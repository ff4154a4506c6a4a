"""How fast the generator alone is: the plain module against the fast path, per device.

    python benchmarks/generator.py --threads 2
    python benchmarks/generator.py --networks ghost_aei_unet_1 ghost_aei_unet_3 --rounds 3
    python benchmarks/generator.py --networks blendswap reliableswap lite

All ways of one network run in turn in the same process with the same weights (the contract's fill
rule, no file needed) and the same crops; errors are against the plain module in float64. On CUDA
the share is of the card's own matrix peak, measured with a large half-precision product, and
"plain float32" is what torch makes of it by default (cuDNN's convolutions round to TF32).
"""

from __future__ import annotations

import argparse
import copy
import json
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.helpers import fill  # noqa: E402
from videoswap import networks  # noqa: E402
from videoswap.networks.fast_aei_net import FastAEINet  # noqa: E402
from videoswap.networks.fast_blendswap import FastBlendSwap  # noqa: E402
from videoswap.networks.fast_network import FastNetwork  # noqa: E402

#: Multiplications and additions of one face, in 1e9: from the issue, blendswap's counted by torch.
GFLOP = {
    "ghost_aei_unet_1": 32.6,
    "ghost_aei_unet_2": 62.04,
    "ghost_aei_unet_3": 91.4,
    "blendswap": 146.1,
}

Way = Callable[[], torch.Tensor]


class Plain(torch.nn.Module):
    """A swap network as a function of crops and identity vectors, and its fast form.

    Args:
        name: A name of ``networks.build``; ``reliableswap`` is its generator with FixerNet.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self.blend = name == "blendswap"
        if self.blend:
            self.net: Any = networks.build("blendswap_slim")
            self.net.Z_e = torch.nn.Sequential()  # takes no part here
        elif name == "reliableswap":
            self.net = networks.build("reliableswap_fsgenerator_mouth").G
        else:
            self.net = networks.build(name)
        self.numbers = 512 if self.blend else self.net.c_id
        fill.fill(self.net, "benchmark")
        self.eval()

    def inputs(self, batch: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Crops and identity vectors in the ranges that the network expects."""
        x, z = fill.image("benchmark/x", 256, 16, batch), fill.vec("z", self.numbers, batch)
        return ((x + 1) * 0.5, torch.nn.functional.normalize(z)) if self.blend else (x, z)

    def forward(self, x: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        """Picture, with the mask as a fourth channel where there is one."""
        if not self.blend:
            picture: torch.Tensor = self.net(x, z)[0]
            return picture
        parts = self.net.swap(x, z)
        return torch.cat([parts.painted, parts.mask], dim=1)

    def fast(
        self, dtype: torch.dtype, device: str = "cpu", graphs: bool | None = None
    ) -> FastNetwork:
        """The same made ready for rendering."""
        kind: Any = FastBlendSwap if self.blend else FastAEINet
        made: FastNetwork = kind(self.net, dtype, device, graphs=graphs)
        return made


def seconds(way: Way, device: str) -> float:
    """Wall-clock time of one call."""
    if device == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    way()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def matrix_peak() -> float:
    """Operations per second of a large half-precision matrix product on the card."""
    a = torch.randn(8192, 8192, device="cuda", dtype=torch.float16)
    best = min(seconds(lambda: a @ a, "cuda") for _ in range(10))
    return 2 * 8192**3 / best


def onnxruntime_way(net: Plain, x: torch.Tensor, z: torch.Tensor) -> Way:
    """The plain module exported to ONNX and run by onnxruntime in float32."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter, that it is the older one
        file, names = f"{folder}/net.onnx", ["x", "z"]
        torch.onnx.export(net, (x, z), file, input_names=names, dynamo=False)
        session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    arrays = {"x": x.numpy(), "z": z.numpy()}
    return lambda: torch.from_numpy(session.run(None, arrays)[0])


def cpu_ways(net: Plain, x: torch.Tensor, z: torch.Tensor) -> dict[str, Way]:
    """Name and call of everything that is compared on a CPU."""
    last = copy.deepcopy(net).to(memory_format=torch.channels_last)
    x_last = x.contiguous(memory_format=torch.channels_last)
    fast, fast_bf16 = net.fast(torch.float32), net.fast(torch.bfloat16)
    people = [fast.identity(row) for row in z]
    people_bf16 = [fast_bf16.identity(row) for row in z]

    def autocast() -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            made: torch.Tensor = net(x, z)
            return made

    return {
        "plain float32": lambda: net(x, z),
        "plain, channels-last": lambda: last(x_last, z),
        "plain, bfloat16 autocast": autocast,
        "plain, onnxruntime float32": onnxruntime_way(net, x, z),
        "fast float32": lambda: fast(x, people),
        "fast bfloat16": lambda: fast_bf16(x, people_bf16),
    }


def cuda_ways(net: Plain, x: torch.Tensor, z: torch.Tensor) -> dict[str, Way]:
    """Name and call of everything that is compared on CUDA."""
    x, z = x.cuda(), z.cuda()
    plain = copy.deepcopy(net).cuda()
    half = copy.deepcopy(net).half().cuda()
    ways: dict[str, Way] = {
        "plain float32": lambda: plain(x, z),
        "plain half": lambda: half(x.half(), z.half()),
    }
    for name, graphs in (("fast half", False), ("fast half, graphs", True)):
        fast = net.fast(torch.float16, "cuda", graphs)
        people = [fast.identity(row) for row in z]
        ways[name] = lambda fast=fast, people=people: fast(x, people)  # type: ignore[misc]
    return ways


@torch.inference_mode()
def measure(name: str, device: str, batch: int, rounds: int) -> list[dict[str, Any]]:
    """Rows of the table for one network, device and batch size."""
    net = Plain(name)
    x, z = net.inputs(batch)
    ways = (cuda_ways if device == "cuda" else cpu_ways)(net, x, z)
    times: dict[str, list[float]] = {way: [] for way in ways}
    for way in ways.values():
        way()
    for _ in range(rounds):
        for way, call in ways.items():
            times[way].append(seconds(call, device))
    answers = {way: call()[:1].double().cpu() for way, call in ways.items()}
    del ways
    exact = net.double()(x[:1].double(), z[:1].double())
    peak = matrix_peak() if device == "cuda" else None
    first = statistics.median(next(iter(times.values()))), min(next(iter(times.values())))
    rows = []
    for way, taken in times.items():
        median, best = statistics.median(taken), min(taken)
        error = (answers[way] - exact).abs()
        rows.append(
            {
                "network": name,
                "device": device,
                "way": way,
                "batch": batch,
                "best_ms_per_face": 1e3 * best / batch,
                "median_ms_per_face": 1e3 * median / batch,
                "faces_per_second": batch / best,
                "speedup_best": first[1] / best,
                "speedup_median": first[0] / median,
                "error_max": error.max().item(),
                "error_mean": error.mean().item(),
                "share_of_peak": GFLOP[name] * 1e9 * batch / best / peak
                if peak and name in GFLOP
                else None,
            }
        )
    return rows


def show(rows: list[dict[str, Any]]) -> None:
    """Print the rows as a Markdown table."""
    print(
        "| network | device | batch | way | ms/face best | median | faces/s | times plain: best "
        "| median | max error | mean error | of peak |\n" + "|---" * 12 + "|"
    )
    for r in rows:
        share = "" if r["share_of_peak"] is None else f"{r['share_of_peak']:.0%}"
        print(
            f"| {r['network']} | {r['device']} | {r['batch']} | {r['way']} "
            f"| {r['best_ms_per_face']:.1f} | {r['median_ms_per_face']:.1f} "
            f"| {r['faces_per_second']:.2f} | {r['speedup_best']:.2f} "
            f"| {r['speedup_median']:.2f} | {r['error_max']:.1e} | {r['error_mean']:.1e} "
            f"| {share} |"
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="+", default=["ghost_aei_unet_2"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--batches", nargs="+", type=int, help="default: 1; on CUDA 1 8 32")
    parser.add_argument("--devices", nargs="+", choices=["cpu", "cuda"])
    parser.add_argument("--json", type=Path, help="also write the rows here")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    devices = options.devices or (["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"])
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads", end="")
    print(f", {torch.cuda.get_device_name()}" if "cuda" in devices else "")
    rows = []
    for name in options.networks:
        for device in devices:
            for batch in options.batches or ([1, 8, 32] if device == "cuda" else [1]):
                rows += measure(name, device, batch, options.rounds)
    show(rows)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
