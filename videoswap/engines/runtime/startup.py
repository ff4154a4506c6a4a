"""What an engine measures at start-up: kind of numbers, CUDA graphs, size of a batch."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ...networks.rendering import Rendering, Terms
from ...records import Fallback
from .batches import Batches, fitting_batch

Make = Callable[[torch.dtype], Rendering]

#: bfloat16 is taken where it is this much faster ...
WORTH = 1.2
#: ... and its pictures differ by at most so many of 255 levels: on average, and anywhere.
NEAR_MEAN, NEAR_MAX = 0.5, 8.0
LEVELS = 255.0
_ROUNDS = 2


@dataclass(frozen=True, slots=True, eq=False)
class Started:
    """A generator that is ready to run.

    Attributes:
        generator: It, in batches.
        precision: Kind of its numbers; a part of the key of unfinished renders.
        notes: What is otherwise than it would be on a better machine.
    """

    generator: Batches
    precision: str
    notes: tuple[Fallback, ...] = ()


def start(make: Make, z: Tensor, device: str, low: float, high: float) -> Started:
    """Make a generator and find out how to run it best.

    On CUDA it gets half precision, unless a swap then is not finite, and graphs, unless they
    cannot be had or give another picture. On a CPU that multiplies bfloat16 itself, that is tried
    and taken if it is much faster and next to nothing is lost with these very weights.

    Args:
        make: Makes the generator for a kind of numbers.
        z: Any identity vector, as the engine's rule gives them.
        device: cpu or cuda.
        low: The network's black.
        high: The network's white.
    """
    if device == "cuda":
        generator, notes = _on_cuda(make, z, low, high)
    else:
        generator, notes = _on_cpu(make, z, low, high), ()
    example = probe(generator.size, low, high)
    batch = fitting_batch(generator, example, generator.identity(z), device)
    precision = str(generator.dtype).removeprefix("torch.")
    return Started(Batches(generator, batch), precision, notes)


def probe(size: int, low: float, high: float) -> Tensor:
    """A picture (1, 3, size, size) of soft spots and noise, always the same."""
    random = torch.Generator().manual_seed(1)
    spots = torch.rand(1, 3, 8, 8, generator=random)
    noise = torch.rand(1, 3, size, size, generator=random)
    smooth = torch.nn.functional.interpolate(spots, size=(size, size), mode="bilinear")
    return low + (high - low) * (0.9 * smooth + 0.1 * noise)


def near(one: Tensor, other: Tensor, low: float, high: float) -> bool:
    """Whether two pictures are finite and so alike that nobody sees a difference."""
    levels = (one - other).abs() * (LEVELS / (high - low))
    return bool(levels.mean() <= NEAR_MEAN) and bool(levels.max() <= NEAR_MAX)


def _on_cuda(
    make: Make, z: Tensor, low: float, high: float
) -> tuple[Rendering, tuple[Fallback, ...]]:
    generator = make(torch.float16)
    crop = probe(generator.size, low, high)
    notes: tuple[Fallback, ...] = ()
    plain = generator(crop, [generator.identity(z)], graphs=False)
    if not torch.isfinite(plain).all():
        notes += (Fallback("half precision", "float32", "numbers became too large for half"),)
        generator = make(torch.float32)
        plain = generator(crop, [generator.identity(z)], graphs=False)
    replayed = generator(crop, [generator.identity(z)])
    if generator.graphs_refused is None and not near(plain, replayed, low, high):
        generator.without_graphs("they gave another picture")
    if generator.graphs_refused is not None:
        reason = generator.graphs_refused
        notes += (Fallback("CUDA graphs", "kernels started one by one", reason),)
    return generator, notes


def _on_cpu(make: Make, z: Tensor, low: float, high: float) -> Rendering:
    full = make(torch.float32)
    if not multiplies_bfloat16():
        return full
    short = make(torch.bfloat16)
    crop = probe(full.size, low, high)
    runs = [_run(generator, crop, z) for generator in (full, short)]
    wanted, found = (run() for run in runs)
    if not near(wanted, found, low, high):
        return full
    slow, quick = _seconds(runs)
    return short if slow >= WORTH * quick else full


def _run(generator: Rendering, crop: Tensor, z: Tensor) -> Callable[[], Tensor]:
    person: list[Terms] = [generator.identity(z)]
    return lambda: generator(crop, person)


def _seconds(runs: Sequence[Callable[[], object]]) -> list[float]:
    """Shortest time of each, taken in turn."""
    best = [float("inf")] * len(runs)
    for _ in range(_ROUNDS):
        for k, run in enumerate(runs):
            begin = time.perf_counter()
            run()
            best[k] = min(best[k], time.perf_counter() - begin)
    return best


def multiplies_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 itself (AVX512-BF16 or AMX)."""
    questions = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")  # no public ones exist
    asked = [getattr(torch.cpu, question, None) for question in questions]
    return any(ask is not None and ask() for ask in asked)
