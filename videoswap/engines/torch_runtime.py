"""How torch generators run: precision, CUDA graphs and batch size, measured at start-up.

`start` makes a generator and measures; `Batches` runs it, halves the batch size for good when
memory runs out, and computes anew in float32 what overflowed half precision.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from ..errors import VideoswapError, out_of_memory
from ..networks.fast_network import FastNetwork, Terms
from ..records import Fallback

_log = logging.getLogger(__name__)

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
        return _on_cuda(make, z, low, high)
    generator = _on_cpu(make, z, low, high)
    return Started(Batches(generator, ON_CPU), _name(generator.dtype))


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


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


def _on_cuda(make: Make, z: Tensor, low: float, high: float) -> Started:
    generator = make(torch.float16)
    crop = probe(generator.size, low, high)
    notes: tuple[Fallback, ...] = ()
    plain = generator(crop, [generator.identity(z)], graphs=False)
    if not torch.isfinite(plain).all():
        notes += (Fallback("half precision", "float32", TOO_LARGE),)
        generator = make(torch.float32)
        plain = generator(crop, [generator.identity(z)], graphs=False)
    person = generator.identity(z)
    largest = fitting_batch(generator, crop, person)
    notes += _capture(generator, crop, person, plain, largest, lambda a, b: near(a, b, low, high))
    exact = None if generator.dtype == torch.float32 else lambda: make(torch.float32)
    return Started(Batches(generator, largest, exact), _name(generator.dtype), notes)


def _capture(
    generator: FastNetwork,
    crop: Tensor,
    person: Terms,
    plain: Tensor,
    largest: int,
    alike: Callable[[Tensor, Tensor], bool],
) -> tuple[Fallback, ...]:
    """Capture all graphs now, and not in the middle of a render; return what could not be had."""
    notes: tuple[Fallback, ...] = ()
    for shape in generator.capture_up_to(largest):
        try:
            replayed = generator(crop.expand(shape, *crop.shape[1:]), [person] * shape)
        except RuntimeError as error:
            if not out_of_memory(error) or shape == 1:
                raise
            made = generator.capture_up_to(shape - 1)[-1]
            reason = "the memory of the GPU is too small for more"
            notes = (Fallback(f"CUDA graphs of {shape} crops", f"graphs of {made}", reason),)
            break
        if generator.graphs_refused is None and not alike(plain.expand_as(replayed), replayed):
            generator.without_graphs("they gave another picture")
        if generator.graphs_refused is not None:
            reason = generator.graphs_refused
            return (Fallback("CUDA graphs", "kernels started one by one", reason),)
    return notes


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


TOO_LARGE = "numbers became too large for half"
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


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """Whom a crop is swapped onto.

    Attributes:
        z: The identity vector, as the engine's rule gives it.
        terms: What the generator computed of it.
    """

    z: Tensor
    terms: Any


class Batches:
    """Runs a generator in batches; halves them for good when the memory runs out.

    Args:
        generator: The network.
        largest: Most crops to give it at once.
        exact: Makes the same network in float32, for pictures that overflow; None where
            ``generator`` is that already. It is made when it is first needed.
    """

    def __init__(
        self,
        generator: Generator,
        largest: int = LARGEST,
        exact: Callable[[], Generator] | None = None,
    ) -> None:
        self.generator = generator
        self.largest = largest
        self._make_exact = exact
        self._exact: Batches | None = None
        self._exact_people: dict[int, tuple[Person, Person]] = {}
        self._redone = 0

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return getattr(self.generator, "device", torch.device("cpu"))

    def identity(self, z: Tensor) -> Person:
        """Prepare one person, once for all swaps.

        Args:
            z: (1, D) identity vector, as the engine's rule gives it.
        """
        return Person(z, self.generator.identity(z))

    def late_notes(self) -> tuple[Fallback, ...]:
        """Return what was done otherwise than expected since this was last asked."""
        redone, self._redone = self._redone, 0
        if not redone:
            return ()
        return (Fallback("half precision", "float32", TOO_LARGE, redone),)

    @torch.inference_mode()
    def __call__(self, target: Tensor, people: Sequence[Person]) -> Tensor:
        """Swap (B, 3, S, S) crops, each onto the person beside it.

        Raises:
            VideoswapError: ``out_of_memory`` if not even one crop fits, ``not_finite`` if a
                picture has values that are no numbers; it would be black.
        """
        made: list[Tensor] = []
        start = 0
        while start < len(target):
            here = slice(start, start + self.largest)
            swapped = self._try(target[here], [person.terms for person in people[here]])
            if swapped is None:
                self._shrink()  # not in _try: its error would keep hold of the memory
            else:
                made.append(swapped)
                start += len(swapped)
        pictures = torch.cat(made)
        finite = torch.isfinite(pictures).flatten(1).all(dim=1)
        spoilt = [k for k, fine in enumerate(finite.tolist()) if not fine]
        if not spoilt:
            return pictures
        if self._make_exact is None:
            raise VideoswapError(
                "not_finite",
                "The generator's result has values that are no numbers.",
                "Its weights may be damaged (videoswap models verify). If not, use --device cpu.",
            )
        pictures[spoilt] = self._in_float32(target[spoilt], [people[k] for k in spoilt])
        return pictures

    def _in_float32(self, target: Tensor, people: Sequence[Person]) -> Tensor:
        """Swap in float32 what overflowed; not in bfloat16, which is eight times as far off."""
        assert self._make_exact is not None
        if self._exact is None:
            _log.warning("half precision overflowed; these faces are computed in float32")
            self._exact = Batches(self._make_exact(), self.largest)
        again = []
        for person in people:
            if id(person) not in self._exact_people:  # the person is kept, and so its id
                self._exact_people[id(person)] = person, self._exact.identity(person.z)
            again.append(self._exact_people[id(person)][1])
        self._redone += len(people)
        return self._exact(target, again)

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


def fitting_batch(generator: FastNetwork, example: Tensor, person: Terms) -> int:
    """Measure how many crops fit into a GPU's memory at once, a power of two, 32 at most.

    Args:
        generator: The network, ready to run.
        example: (1, 3, S, S) a crop as the network takes it.
        person: Any identity.
    """
    torch.cuda.synchronize()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    before, free = torch.cuda.memory_allocated(), torch.cuda.mem_get_info()[0]
    pair = example.expand(2, *example.shape[1:])
    try:
        generator(pair, [person, person], graphs=False)
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
