"""How torch generators run: precision, CUDA graphs and batch size, measured at start-up.

`start` makes a generator and measures; `Batches` runs it and halves the batch size for good when
memory runs out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from ..errors import VideoswapError
from ..networks.fast_network import FastNetwork, Terms, out_of_memory
from ..records import Fallback

Make = Callable[[torch.dtype], FastNetwork]

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
) -> tuple[FastNetwork, tuple[Fallback, ...]]:
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


def _on_cpu(make: Make, z: Tensor, low: float, high: float) -> FastNetwork:
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


def _run(generator: FastNetwork, crop: Tensor, z: Tensor) -> Callable[[], Tensor]:
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


#: Share of the free memory of a GPU that a batch may take.
SHARE = 0.6
LARGEST, ON_CPU = 32, 4


class Generator(Protocol):
    """A network that swaps; ``FastAEINet`` is one."""

    def identity(self, z: Tensor) -> Any:
        """Compute once per person what all its swaps share."""

    def release(self) -> None:
        """Let go of memory that a smaller batch might not need."""

    def __call__(self, target: Tensor, identities: Sequence[Any]) -> Tensor:
        """Swap (B, 3, S, S), each onto the identity beside it."""


class Batches:
    """Runs a generator in batches; halves them for good when the memory runs out.

    Args:
        generator: The network.
        largest: Most crops to give it at once.
    """

    def __init__(self, generator: Generator, largest: int = LARGEST) -> None:
        self.generator = generator
        self.largest = largest

    @torch.inference_mode()
    def __call__(self, target: Tensor, identities: Sequence[Any]) -> Tensor:
        """Swap (B, 3, S, S) crops, each onto the identity beside it.

        Raises:
            VideoswapError: ``out_of_memory`` if not even one crop fits, ``not_finite`` if a
                picture has values that are no numbers; it would be black.
        """
        made: list[Tensor] = []
        start = 0
        while start < len(target):
            here = slice(start, start + self.largest)
            swapped = self._try(target[here], identities[here])
            if swapped is None:
                self._shrink()  # not in _try: its error would keep hold of the memory
            else:
                made.append(swapped)
                start += len(swapped)
        pictures = torch.cat(made)
        if not torch.isfinite(pictures).all():
            raise VideoswapError(
                "not_finite",
                "The generator's result has values that are no numbers.",
                "Its weights may be damaged (videoswap models verify). If not, use --device cpu.",
            )
        return pictures

    def _try(self, target: Tensor, identities: Sequence[Any]) -> Tensor | None:
        """Swap, or return None if the memory is too small for it."""
        try:
            return self.generator(target, identities)
        except RuntimeError as error:
            if not out_of_memory(error):
                raise
            return None

    def _shrink(self) -> None:
        if self.largest == 1:
            raise VideoswapError(
                "out_of_memory",
                "The memory is too small for a single face.",
                "Close other programs, use --device cpu, or a smaller engine.",
            )
        self.largest //= 2
        self.generator.release()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def fitting_batch(generator: Generator, example: Tensor, identity: Any, device: str) -> int:
    """Measure how many crops fit into the memory at once, a power of two, 32 at most.

    Args:
        generator: The network, ready to run.
        example: (1, 3, S, S) a crop as the network takes it.
        identity: Any identity.
        device: cpu or cuda; on the CPU larger batches bring nothing, and nothing is measured.

    Raises:
        VideoswapError: ``out_of_memory`` if not even one crop fits.
    """
    if device != "cuda":
        return ON_CPU
    one_at_a_time = Batches(generator, 1)
    one_at_a_time(example, [identity])
    torch.cuda.synchronize()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    before, free = torch.cuda.memory_allocated(), torch.cuda.mem_get_info()[0]
    pair = example.expand(2, *example.shape[1:])
    try:
        generator(pair, [identity, identity])
    except RuntimeError as error:
        if not out_of_memory(error):
            raise
        return 1
    torch.cuda.synchronize()
    each = max(1, (torch.cuda.max_memory_allocated() - before) // 2)
    return largest_batch(each, free)


def largest_batch(bytes_each: int, free: int) -> int:
    """Return the largest power of two, 32 at most, of crops that may take their share of memory."""
    batch = LARGEST
    while batch > 1 and batch * bytes_each > SHARE * free:
        batch //= 2
    return batch
