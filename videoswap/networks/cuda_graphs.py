"""CUDA graphs: a network captured once for each of a few batch sizes, then replayed.

A generator starts hundreds of small kernels; a graph starts them all at once. A graph has fixed
shapes and fixed memory, so a batch is cut and filled up to the sizes of :data:`BATCH_SHAPES`, its
inputs are copied into the graph's own and the result is copied out. How a graph is captured is
given from outside, so that everything else runs, and is tested, without a GPU.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor

#: Batch sizes that are captured.
BATCH_SHAPES = (1, 8, 32)
#: Crops that a piece of a batch costs besides its own: starting it, and kernels that do not fill
#: the GPU.
PIECE_COST = 2
#: Calls before a capture, in which cuDNN and cuBLAS choose kernels and take their memory.
WARM_UP = 3

Function = Callable[..., Tensor]
#: Makes a function and its fixed inputs into something that computes anew, always into the same
#: tensor. The last argument is what graphs that share memory have in common, None at the first.
Capture = Callable[[Function, Sequence[Tensor], Any], tuple[Callable[[], Tensor], Any]]


def cut(count: int, shapes: Sequence[int] = BATCH_SHAPES) -> list[tuple[slice, int]]:
    """Cut a batch into pieces, each with the captured size that it is filled up to.

    The way that costs least: 5 crops are run as 8, but 2 one by one, and 12 as 8 and 8.

    Args:
        count: Crops of the batch.
        shapes: Captured sizes, ascending, beginning with 1.
    """
    pieces, start = [], 0
    while start < count:
        left = count - start
        above = next((shape for shape in shapes if shape >= left), shapes[-1])
        below = max(shape for shape in shapes if shape <= left)
        shape = above if _cost(left, above) <= _cost(left, below) else below
        pieces.append((slice(start, min(start + shape, count)), shape))
        start += shape
    return pieces


def _cost(count: int, shape: int) -> int:
    """Return what a batch costs in pieces of one size, in crops."""
    return -(-count // shape) * (shape + PIECE_COST)


@cache
def _capture_stream() -> torch.cuda.Stream:
    """The one stream of all warm-ups and captures: cuBLAS keeps 32 MB for each that it ever saw."""
    stream: torch.cuda.Stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    return stream


def capture_on_cuda(
    function: Function, inputs: Sequence[Tensor], pool: Any
) -> tuple[Callable[[], Tensor], Any]:
    """Capture a function as a CUDA graph; see :data:`Capture`.

    Raises:
        RuntimeError: If it cannot be captured, ``torch.OutOfMemoryError`` among others. The
            current stream is what it was before.
    """
    here, side = torch.cuda.current_stream(), _capture_stream()
    side.wait_stream(here)
    with torch.cuda.stream(side):
        for _ in range(WARM_UP):
            function(*inputs)
    here.wait_stream(side)
    pool = torch.cuda.graph_pool_handle() if pool is None else pool
    graph = torch.cuda.CUDAGraph()
    try:
        # Other threads (onnxruntime, an encoder on the GPU) may go on meanwhile.
        with torch.cuda.graph(graph, pool, side, capture_error_mode="thread_local"):
            output = function(*inputs)
    finally:
        torch.cuda.set_stream(here)  # torch leaves its own stream set when a capture fails

    def replay() -> Tensor:
        graph.replay()
        return output

    return replay, pool


class Graphs:
    """Functions of batches, run on captured graphs.

    It holds no function, only what was captured, so that a network may hold it.

    Args:
        capture: How graphs are made.
        shapes: Batch sizes that are captured, ascending, beginning with 1.
    """

    def __init__(
        self, capture: Capture = capture_on_cuda, shapes: Sequence[int] = BATCH_SHAPES
    ) -> None:
        self._capture, self._shapes = capture, tuple(shapes)
        self._captured: dict[int, tuple[list[Tensor], Callable[[], Tensor], object]] = {}
        self._pool: Any = None

    def __call__(
        self,
        function: Function,
        *inputs: Tensor,
        keep: Callable[[], object] = lambda: None,
    ) -> Tensor:
        """Compute for a batch of any size; the result is the caller's own.

        Args:
            function: Takes tensors whose first axis is the batch, gives one of the same batch.
                It must not depend on anything else that changes, and is always the same one.
            inputs: The tensors.
            keep: Gives what a capture makes use of and what must therefore live as long.
        """
        return torch.cat(
            [
                self._run(function, [x[piece] for x in inputs], shape, keep)
                for piece, shape in cut(len(inputs[0]), self._shapes)
            ]
        )

    def limit(self, largest: int) -> None:
        """Capture no batch of more than so many; those that are captured are kept."""
        self._shapes = tuple(shape for shape in self._shapes if shape <= max(1, largest))

    @property
    def shapes(self) -> tuple[int, ...]:
        """Batch sizes that are captured."""
        return self._shapes

    def clear(self) -> None:
        """Let go of all graphs and their memory; they are captured anew when needed."""
        self._captured.clear()
        self._pool = None

    def _run(
        self,
        function: Function,
        inputs: Sequence[Tensor],
        shape: int,
        keep: Callable[[], object],
    ) -> Tensor:
        if shape not in self._captured:
            own = [filled(x, shape) for x in inputs]
            replay, self._pool = self._capture(function, own, self._pool)
            self._captured[shape] = own, replay, keep()
        own, replay, _ = self._captured[shape]
        for mine, x in zip(own, inputs, strict=True):
            mine[: len(x)].copy_(x)
        return replay()[: len(inputs[0])].clone()


def filled(x: Tensor, batch: int) -> Tensor:
    """``x`` with its last sample repeated up to ``batch``, in its own memory and the same order."""
    y = torch.cat([x, x[-1:].expand(batch - len(x), *x.shape[1:])])
    form = torch.channels_last if x.dim() == 4 else torch.contiguous_format
    return y.clone(memory_format=form)
