"""Batches as large as the memory allows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from ..errors import VideoswapError

#: Share of the free memory of a GPU that a batch may take.
SHARE = 0.6
LARGEST, ON_CPU = 32, 4


class Generator(Protocol):
    """A network that swaps; ``FastAEINet`` is one."""

    def identity(self, z: Tensor) -> Any:
        """Compute once per person what all its swaps share."""

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
            VideoswapError: ``out_of_memory`` if not even one crop fits.
        """
        made: list[Tensor] = []
        start = 0
        while start < len(target):
            end = start + self.largest
            try:
                made.append(self.generator(target[start:end], identities[start:end]))
                start = end
            except RuntimeError as error:
                if not _out_of_memory(error):
                    raise
                self._shrink()
        return torch.cat(made)

    def _shrink(self) -> None:
        if self.largest == 1:
            raise VideoswapError(
                "out_of_memory",
                "The memory is too small for a single face.",
                "Close other programs, use --device cpu, or a smaller engine.",
            )
        self.largest //= 2
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def _out_of_memory(error: RuntimeError) -> bool:
    if isinstance(error, torch.OutOfMemoryError):
        return True
    text = str(error)
    return "can't allocate memory" in text or "not enough memory" in text


def fitting_batch(generator: Generator, example: Tensor, identity: Any, device: str) -> int:
    """Measure how many crops fit into the memory at once, a power of two, 32 at most.

    Args:
        generator: The network, ready to run.
        example: (1, 3, S, S) a crop as the network takes it.
        identity: Any identity.
        device: cpu or cuda; on the CPU larger batches bring nothing, and nothing is measured.
    """
    if device != "cuda":
        return ON_CPU
    generator(example, [identity])
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    pair = example.expand(2, *example.shape[1:])
    generator(pair, [identity, identity])
    torch.cuda.synchronize()
    each = max(1, (torch.cuda.max_memory_allocated() - before) // 2)
    free = torch.cuda.mem_get_info()[0]
    batch = LARGEST
    while batch > 1 and batch * each > SHARE * free:
        batch //= 2
    return batch
