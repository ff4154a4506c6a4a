"""Batches as large as the memory allows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from ...errors import VideoswapError
from ...networks.rendering import out_of_memory

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
