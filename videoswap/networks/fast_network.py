"""What all networks that are made ready for rendering have in common."""

from __future__ import annotations

import copy
import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

from ..errors import first_line, out_of_memory
from .cuda_graphs import Graphs
from .fast_layers import Workspace

_log = logging.getLogger(__name__)

#: What a network has to know of one person: tensors (1, ...), from :meth:`Rendering.identity`.
Terms = tuple[Tensor, ...]
M = TypeVar("M", bound=nn.Module)
DTYPES = (torch.float32, torch.float16, torch.bfloat16)


def on_device(module: M, device: torch.device | str) -> M:
    """The module on this device, copied only if it lies elsewhere."""
    if next(module.parameters()).device.type == torch.device(device).type:
        return module
    return copy.deepcopy(module).to(device)


class FastNetwork(ABC):
    """A swap network for batches of crops, with what depends on the identity computed beforehand.

    Attributes:
        size: Pixels on a side of its pictures.
        dtype: Of weights and maps; pictures are float32.
        device: Where it runs.
        graphs_refused: Why CUDA graphs could not be had; None while nothing went wrong.

    Args:
        size: As above.
        dtype: As above.
        device: As above; one of each type at most is known.
        graphs: Capture the network as CUDA graphs; default on CUDA, without meaning elsewhere.
    """

    #: Channels of what it gives.
    channels = 3

    def __init__(
        self, size: int, dtype: torch.dtype, device: torch.device | str, graphs: bool | None
    ) -> None:
        if dtype not in DTYPES:
            raise ValueError(f"no fast network in {dtype}")
        self.size, self.dtype, self.device = size, dtype, torch.device(device)
        self.graphs_refused: str | None = None
        self._workspace = Workspace(dtype, self.device)
        self._lock = threading.Lock()
        self._graphs: Graphs | None = None
        if self.device.type == "cuda" and graphs is not False:
            self._graphs = Graphs()

    @abstractmethod
    def identity(self, z: Tensor) -> Terms:
        """Compute once per person what all swaps onto that person share."""

    @abstractmethod
    def _run(self, target: Tensor, *terms: Tensor) -> Tensor:
        """Swap (B, 3, S, S), channels-last, in this network's type; terms (B, ...)."""

    @torch.inference_mode()
    def __call__(self, target: Tensor, identities: Sequence[Terms], graphs: bool = True) -> Tensor:
        """Swap a batch of crops, of one or several people.

        Args:
            target: (B, 3, S, S) RGB in the network's range, any float type, on any device.
            identities: Terms of the person of every crop, B of them.
            graphs: Use CUDA graphs where they are in use; False starts every kernel on its own.

        Returns:
            (B, C, S, S) float32 on this device.
        """
        if len(identities) != len(target):
            raise ValueError(f"{len(target)} crops but {len(identities)} identities")
        if target.shape[1:] != (3, self.size, self.size):
            raise ValueError(f"crops must be 3 x {self.size} x {self.size}: {tuple(target.shape)}")
        if not len(target):
            return torch.empty(0, self.channels, self.size, self.size, device=self.device)
        x = target.to(self.device, self.dtype).contiguous(memory_format=torch.channels_last)
        inputs = (x, *(torch.cat(parts) for parts in zip(*identities, strict=True)))
        with self._lock:
            if graphs and self._graphs is not None:
                return self._replay(self._graphs, *inputs)
            return self._run(*inputs)

    def _nan_where_too_large(self, x: Tensor) -> Tensor:
        """NaN for what overflowed half precision; a tanh or sigmoid would make it a white pixel."""
        return x + (x - x) if self.dtype == torch.float16 else x

    def _replay(self, graphs: Graphs, *inputs: Tensor) -> Tensor:
        """Run on graphs, or from now on without them if they cannot be had here."""
        try:
            return graphs(self._run, *inputs, keep=lambda: self._workspace.memory)
        except RuntimeError as error:
            if out_of_memory(error):
                raise
            self.without_graphs(first_line(error))
        return self._run(*inputs)

    def capture_up_to(self, largest: int) -> tuple[int, ...]:
        """Capture no batch of more than so many from now on; return the sizes that remain."""
        if self._graphs is None:
            return ()
        self._graphs.limit(largest)
        return self._graphs.shapes

    def without_graphs(self, reason: str) -> None:
        """Start every kernel on its own from now on."""
        _log.warning("no CUDA graphs: %s", reason)
        self.graphs_refused, self._graphs = reason, None

    def release(self) -> None:
        """Let go of all memory that a smaller batch might not need."""
        with self._lock:
            self._workspace.release()
            if self._graphs is not None:
                self._graphs.clear()
