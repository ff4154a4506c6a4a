"""What a GPU machine does: facts, generator, steps on tensors, renders; and the host's work.

    python benchmarks/gpu.py                       all sections; without CUDA the host's work alone
    python benchmarks/gpu.py --sections host --frames 64
    python benchmarks/gpu.py --device cpu --small  every section on a CPU, to see that it runs

Every section prints a table. The last line is JSON with all rows. A section that fails says why,
and the others go on. Weights are filled by the contract's rule: no file is needed.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import generator as generator_alone  # noqa: E402
from tests.helpers import fill  # noqa: E402
from tests.helpers.engine_weights import NARROW  # noqa: E402
from videoswap import networks  # noqa: E402
from videoswap.compositing.finisher import TEMPORAL_RADIUS, Finisher  # noqa: E402
from videoswap.crops import GENERATOR_SIZE, CropSpec  # noqa: E402
from videoswap.detection.appearance import FRAMED_SIZE, FRAMING  # noqa: E402
from videoswap.devices import choose_device, onnx_trouble, torch_trouble  # noqa: E402
from videoswap.engines.base import Engine, Identity  # noqa: E402
from videoswap.engines.neural import AEIEngine, Framing  # noqa: E402
from videoswap.engines.pixel_boost import PixelBoostEngine  # noqa: E402
from videoswap.engines.torch_runtime import start  # noqa: E402
from videoswap.geometry.affine import TEMPLATES  # noqa: E402
from videoswap.jobs.benchmark import (  # noqa: E402
    BenchmarkSettings,
    benchmark_engine,
    draw_film,
)
from videoswap.networks.aei_net import AEINet  # noqa: E402
from videoswap.networks.fast_aei_net import FastAEINet  # noqa: E402
from videoswap.occlusion.carrying import LOOKED_EVERY  # noqa: E402
from videoswap.occlusion.segmenter import NetworkSegmenter  # noqa: E402
from videoswap.occlusion.temporal import COMPARED_SIZE  # noqa: E402
from videoswap.on_tensors import boxes, conversions, faces  # noqa: E402
from videoswap.on_tensors.compositing import composited, to_rgb  # noqa: E402
from videoswap.on_tensors.finishing import Neighbors  # noqa: E402
from videoswap.on_tensors.records import TensorFace  # noqa: E402
from videoswap.on_tensors.resampling import resized, warp  # noqa: E402
from videoswap.records import TrackSource  # noqa: E402
from videoswap.rendering import tensor_render  # noqa: E402
from videoswap.rendering.render import plan_track  # noqa: E402
from videoswap.rendering.segments import plan_segments  # noqa: E402
from videoswap.settings import EncodeSettings  # noqa: E402
from videoswap.threads import stages_share_the_cores  # noqa: E402
from videoswap.video.color import Color  # noqa: E402
from videoswap.video.pixel_formats import layout  # noqa: E402
from videoswap.video.probe import probe  # noqa: E402

Row = dict[str, Any]
STEPS = ("cut", "quarters", "looked_at", "carried", "with_masks", "finished", "composite")
HOST_STAGES = ("crop", "segment_occlusion", "swap", "finish", "composite")


def facts(options: argparse.Namespace) -> list[Row]:
    """What the machine has, and whether torch and onnxruntime computed on it."""
    row: Row = {"python": platform.python_version(), "torch": torch.__version__}
    row |= {
        "torch on CUDA": torch_trouble() or "computed",
        "onnxruntime": onnx_trouble() or "computed",
    }
    if torch.cuda.is_available():
        row |= {"gpu": torch.cuda.get_device_name(), "cudnn": torch.backends.cudnn.version()}
        row["memory GB"] = round(torch.cuda.mem_get_info()[1] / 1e9, 1)
    return [row]


def generator(options: argparse.Namespace) -> list[Row]:
    """The generator alone, by batch, as ``benchmarks/generator.py`` measures it."""
    name, batches = ("lite", (1,)) if options.small else ("ghost_aei_unet_2", (1, 8, 32))
    rows = []
    for batch in batches:
        for row in generator_alone.measure(name, options.device, batch, 1 if options.small else 7):
            rows.append(
                {key: row[key] for key in ("way", "batch", "faces_per_second", "error_mean")}
            )
    return rows


def engine_of(options: argparse.Namespace, side: int) -> Engine:
    """Make an engine with filled weights that takes crops of a side, in sub-images if it must."""
    net = AEINet("unet", 1, widths=NARROW) if options.small else networks.build("ghost_aei_unet_2")
    fill.fill(net, "benchmark")
    numbers = cast(int, net.c_id)
    make = partial(FastAEINet, cast(AEINet, net.eval()), device=options.device)
    started = start(make, torch.ones(numbers), options.device, -1.0, 1.0)
    spec = CropSpec(TEMPLATES["ffhq_512"], (GENERATOR_SIZE,))
    framing = Framing(
        "aei", started.precision, spec, spec, started.generator.largest, started.notes
    )
    engine = AEIEngine(framing, started.generator, lambda photos: torch.ones(1, numbers))
    return (
        engine if side == GENERATOR_SIZE else PixelBoostEngine(engine, side // GENERATOR_SIZE, True)
    )


def film_settings(options: argparse.Namespace, preset: str, **changes: Any) -> BenchmarkSettings:
    """Say which film is drawn and how it is encoded."""
    size = (640, 360) if options.small else (1920, 1080)
    encode = EncodeSettings(encoder="libx264", preset=preset)
    return BenchmarkSettings(
        device=options.device, size=size, frames=options.frames, encode=encode, **changes
    )


def steps(options: argparse.Namespace) -> list[Row]:
    """Milliseconds a face of every step on tensors, each waited for."""
    spent: dict[str, float] = dict.fromkeys(STEPS, 0.0)

    def waited(name: str, step: Callable[..., Any]) -> Callable[..., Any]:
        def run(*given: Any, **named: Any) -> Any:
            synchronize()
            started = time.perf_counter()
            made = step(*given, **named)
            synchronize()
            spent[name] += time.perf_counter() - started
            return made

        return run

    rows = []
    for side in (256, 512):
        engine = engine_of(options, side)
        spent.update(dict.fromkeys(STEPS, 0.0))
        with patch.multiple(faces, **{one: waited(one, getattr(faces, one)) for one in STEPS}):
            settings = film_settings(options, "ultrafast", steps="tensors")
            found = benchmark_engine(settings, engine, choose_device(options.device))
        per_face = {name: round(1e3 * one / found.frames, 3) for name, one in spent.items()}
        rows.append({"side": side, **per_face})
    return rows


def render(options: argparse.Namespace) -> list[Row]:
    """Frames a second of whole renders, by steps, crop, batch and preset."""
    rows = []
    tries = [
        (256, 32, "veryfast"),
        (512, 32, "veryfast"),
        (512, 8, "veryfast"),
        (512, 32, "medium"),
    ]
    for side, batch, preset in tries[:1] if options.small else tries:
        engine = engine_of(options, side)
        for kind in ("numpy", "tensors"):
            settings = film_settings(options, preset, steps=kind, batch_size=batch)
            found = benchmark_engine(settings, engine, choose_device(options.device))
            row = {"steps": kind, "crop": side, "batch": batch, "preset": preset}
            row["frames/s"] = round(found.frames_per_second, 1)
            times = (f"{one.name} {1e3 * one.busy / max(1, one.items):.1f}" for one in found.stages)
            rows.append({**row, "ms busy": ", ".join(times)})
    return rows


class Asleep(Engine):
    """An engine whose device is not there: it waits as long as the work would take."""

    paints_tensors = True
    tensor_device = torch.device("meta")
    seconds = 0.0005  # a face

    def identity(self, photos: Sequence[Any]) -> Identity:
        """Nobody."""
        return Identity("", None)

    def paint(self, crops: Sequence[Any], people: Sequence[Any]) -> list[Any]:
        """Nothing: tensors are painted."""
        raise NotImplementedError

    def paint_tensors(self, pictures: Tensor, people: Sequence[Any]) -> Tensor:
        """Wait, and give pictures without content."""
        time.sleep(self.seconds * len(pictures))
        return torch.empty_like(pictures)


class Counter(TorchDispatchMode):
    """Counts what a device would be asked to compute; views cost it nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Count a call and pass it on."""
        self.calls += not function.is_view
        return function(*args, **(kwargs or {}))


def blank(count: int, channels: int, height: int, width: int) -> Tensor:
    """Return pictures without content."""
    return torch.empty(count, channels, height, width, device="meta")


@contextmanager
def device_asleep() -> Iterator[None]:
    """Let every step on tensors be a wait, and what comes down be without meaning."""
    slots: dict[Any, Tensor] = {}
    empty = torch.empty

    def held(*shape: Any, pin_memory: bool | None = None, **named: Any) -> Tensor:
        """Give host memory, which is used again as torch does it with pinned memory."""
        if pin_memory is None or "device" in named:
            return empty(*shape, **named)
        key = *shape, named.get("dtype"), threading.current_thread().name
        if key not in slots:
            slots[key] = torch.zeros(*shape, **named)
        return slots[key]

    def down(*values: Tensor) -> list[Any]:
        time.sleep(0.0005)
        return [held(one.shape, dtype=one.dtype, pin_memory=True).numpy() for one in values]

    # One call each on a device; without content torch computes their shapes in slow Python.
    def stacked(tensors: Sequence[Tensor]) -> Tensor:
        return empty(len(tensors), *tensors[0].shape, device="meta")

    def joined(tensors: Sequence[Tensor]) -> Tensor:
        return empty(sum(map(len, tensors)), *tensors[0].shape[1:], device="meta")

    def asleep(made: Callable[..., Any]) -> Callable[..., Any]:
        def step(*given: Any, **named: Any) -> Any:
            time.sleep(0.0005)
            return made(*given, **named)

        return step

    def finished(small: Any, swaps: Tensor, masks: Tensor, around: Any) -> tuple[Tensor, Tensor]:
        return swaps[: len(around.own)], masks[: len(around.own)]

    given: dict[str, Callable[..., Any]] = {
        "to_rgb": lambda planes, *others: blank(len(planes[0]), 3, *planes[0].shape[1:]),
        "warp": lambda one, matrices, size, *others: blank(*one.shape[:2], size, size),
        "feather": lambda one, width: one,
        "resized": lambda one, width, height: blank(*one.shape[:2], height, width),
        "temporal_filter": finished,
        "measure_blur": lambda pictures, *others: torch.empty(len(pictures), 3, device="meta"),
        "match_border_tone": lambda swaps, *others: swaps,
        "composited": lambda planes, swaps, *others, **named: (
            planes,
            blank(len(swaps), 1, *planes[0].shape[1:]),
        ),
    }
    with (
        patch.multiple(torch, empty=held, stack=stacked, cat=joined),
        patch.object(conversions, "downloaded_bytes", down),
        patch.object(boxes, "downloaded_bytes", down),
        patch.multiple(faces, **{name: asleep(one) for name, one in given.items()}),
        patch.object(faces, "downloaded_bytes", down),
        patch.object(tensor_render, "faults_of", asleep(lambda some, *others: [None] * len(some))),
    ):
        yield


def calls_a_batch(batch: int, side: int, color: Color) -> int:
    """Return how many calls of the device the steps make for a batch; each costs the host too."""
    counter = Counter()
    images = [blank(1, channels, side, side)[0] for channels in (3, 3, 1)]
    place = SimpleNamespace(matrix=np.eye(2, 3), side=side)
    outline = SimpleNamespace(brows=np.zeros((64, 64), np.float32))
    one = TensorFace(
        cast(Any, place),
        np.zeros((68, 2), np.float32),
        0,
        0,
        images[0],
        blank(1, 3, side // 4, side // 4)[0],
        outline=cast(Any, outline),
        swap=images[1],
        mask=images[2],
    )
    around = Neighbors(list(range(batch)), {k: list(range(batch)) for k in (-2, -1, 1, 2)})
    form = layout("yuv420p")
    assert form is not None
    matrices = torch.empty(batch, 2, 3, device="meta")
    planes = [torch.empty(batch, at, at, device="meta") for at in (544, 272, 272)]
    missing = np.array([[1.0, 0.0, 2.0]] * 2 * batch)
    with counter, patch.object(faces, "downloaded_bytes", lambda one: [missing[: len(one) // 2]]):
        targets = warp(to_rgb(planes, form, color), matrices, side, 1)
        resized(faces.quarters(targets), COMPARED_SIZE, COMPARED_SIZE)
        near = batch // LOOKED_EVERY
        warp(targets[:near], matrices[:near], FRAMED_SIZE, max(1, side // FRAMED_SIZE))
        with patch.object(faces, "_widened", lambda *given: outline):
            done = faces.finished([one] * batch, around, Finisher().settings)
        swaps, masks = (torch.stack([getattr(f, name) for f in done]) for name in ("swap", "mask"))
        composited(planes, swaps, masks, matrices, form, color, grain=True)
    return counter.calls


class Discarded:
    """Takes finished frames and throws them away."""

    masked = False

    @contextmanager
    def open(self, segment: Any, info: Any) -> Iterator[Any]:
        """Give what takes the frames of a segment."""
        yield SimpleNamespace(write=lambda *given: None, finish=lambda: None)


def host(options: argparse.Namespace) -> list[Row]:
    """Processor milliseconds a face that the host spends while the device's work is slept.

    Tensors are without content (torch's device "meta"). Real are the gathering of boxes, the
    drawing of outlines, scattering, and who is whose neighbor. What it costs to start the device's
    calls is not in it; they are counted.
    """
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder, "drawn.mp4")
        drawn = BenchmarkSettings(size=(1920, 1080), frames=options.frames)
        numbered = draw_film(film, drawn)
        info = probe(film)
        pts = np.arange(options.frames) * round(1 / (info.average_rate * info.time_base))
        by_pts = {int(one): numbered[number] for number, one in enumerate(pts)}
        for side in (256, 512):
            spec = CropSpec(TEMPLATES["ffhq_512"], (side,))
            engine = Asleep("asleep", "asleep", spec, batch_size=32)
            all_faces = [found[0][1] for found in numbered.values()]
            plan = replace(plan_track(all_faces, (TrackSource(0, 0),), engine), pts=pts)
            segmenter = NetworkSegmenter(
                "nothing", FRAMING, FRAMED_SIZE, lambda face: face[..., 0] * 0
            )
            renderer = tensor_render.TensorRenderer(
                info,
                lambda first, last, tracks: by_pts,
                {0: plan},
                engine,
                [engine.identity([])],
                Finisher(),
                segmenter,
                32,
            )
            segments = plan_segments(pts, np.zeros(len(pts), int), 100, TEMPORAL_RADIUS)
            with device_asleep(), stages_share_the_cores():
                renderer.run(segments, Discarded(), lambda job: None)  # imports and caches
                times = renderer.run(segments, Discarded(), lambda job: None)
            spent = {one.name: 1e3 * one.cpu / len(pts) for one in times if one.name in HOST_STAGES}
            row: Row = {"side": side, "calls a batch of 32": calls_a_batch(32, side, info.color)}
            row |= {"host ms a face": round(sum(spent.values()), 3)}
            rows.append(row | {name: round(spent[name], 3) for name in HOST_STAGES})
    return rows


SECTIONS = {"host": host, "facts": facts, "generator": generator, "steps": steps, "render": render}


def synchronize() -> None:
    """Wait for the GPU, if there is one."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def show(rows: Sequence[Row]) -> None:
    """Print rows as a Markdown table."""
    names = list(rows[0])
    print("| " + " | ".join(names) + " |\n" + "|---" * len(names) + "|")
    for row in rows:
        cells = (f"{one:.3g}" if isinstance(one, float) else str(one) for one in row.values())
        print("| " + " | ".join(cells) + " |")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sections", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--small", action="store_true", help="small networks and films")
    options = parser.parse_args()
    trouble = torch_trouble() if options.device == "cuda" else None
    if trouble:
        print(f"No CUDA here ({trouble}): only the host's work and the facts are measured.")
        options.sections = [one for one in options.sections if one in ("host", "facts")]
    made: dict[str, Any] = {}
    for name in options.sections:
        print(f"\n## {name}: {(SECTIONS[name].__doc__ or '').splitlines()[0]}\n", flush=True)
        try:
            made[name] = SECTIONS[name](options)
        except Exception as error:  # the others are worth having
            made[name] = f"{type(error).__name__}: {error}"
            print(made[name])
            continue
        show(made[name])
    print(json.dumps(made))
    return int(any(isinstance(one, str) for one in made.values()))


if __name__ == "__main__":
    sys.exit(main())
