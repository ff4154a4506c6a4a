"""Cutting batches into captured sizes, filling them up and replaying, with a capture of our own."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.helpers import fill
from videoswap.errors import out_of_memory
from videoswap.networks.aei_net import AEINet
from videoswap.networks.cuda_graphs import (
    BATCH_SHAPES,
    Function,
    Graphs,
    cut,
    filled,
)
from videoswap.networks.fast_aei_net import FastAEINet


class Recorder:
    """Captures like a CUDA graph does: fixed inputs, one output that every replay overwrites."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.pools: list[Any] = []
        self.replays = 0

    def __call__(
        self, function: Function, inputs: Sequence[Tensor], pool: Any
    ) -> tuple[Callable[[], Tensor], Any]:
        self.sizes.append(len(inputs[0]))
        self.pools.append(pool)
        output = function(*inputs).clone()

        def replay() -> Tensor:
            self.replays += 1
            return output.copy_(function(*inputs))

        return replay, "the pool"


@pytest.mark.parametrize(
    ("count", "shapes"),
    [
        (1, [1]),
        (2, [1, 1]),
        (3, [1, 1, 1]),
        (4, [8]),
        (9, [8, 1]),
        (12, [8, 8]),
        (24, [8, 8, 8]),
        (25, [32]),
        (32, [32]),
        (70, [32, 32, 8]),
        (100, [32, 32, 32, 8]),
    ],
)
def test_a_batch_is_cut_into_captured_sizes(count: int, shapes: list[int]) -> None:
    pieces = cut(count)
    assert [shape for _, shape in pieces] == shapes
    assert [k for piece, _ in pieces for k in range(count)[piece]] == list(range(count))
    assert all(piece.stop - piece.start <= shape for piece, shape in pieces)
    assert set(shapes) <= set(BATCH_SHAPES)


def test_filling_up_repeats_the_last_sample_in_memory_of_its_own() -> None:
    x = torch.arange(12.0).view(2, 3, 1, 2)
    y = filled(x, 4)
    assert y.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(y, x[[0, 1, 1, 1]])
    assert torch.equal(filled(x, 2), x)
    assert filled(x, 2).data_ptr() != x.data_ptr()


def test_replayed_results_are_right_and_the_callers_own() -> None:
    capture = Recorder()
    graphs = Graphs(capture)
    double = lambda x, y: x * 2 + y  # noqa: E731
    results = []
    for count in (1, 7, 5, 40):
        x, y = torch.randn(count, 5), torch.randn(count, 5)
        results.append((graphs(double, x, y), x * 2 + y))
    assert all(torch.equal(got, want) for got, want in results)
    assert capture.sizes == [1, 8, 32]  # each once, 40 is 32 and 8
    assert capture.replays == 5
    assert capture.pools == [None, "the pool", "the pool"]
    graphs.clear()
    graphs(double, torch.randn(4, 5), torch.randn(4, 5))
    assert capture.sizes[3:] == [8]
    assert capture.pools[3:] == [None]


def test_larger_batches_than_fit_are_not_captured() -> None:
    capture = Recorder()
    graphs = Graphs(capture)
    graphs.limit(16)
    assert graphs.shapes == (1, 8)
    assert len(graphs(lambda x: x, torch.zeros(32, 1))) == 32
    assert capture.sizes == [8]
    graphs.limit(0)
    assert graphs.shapes == (1,)


def test_a_network_goes_as_soon_as_nobody_holds_it() -> None:
    fast, x, z = _fast()
    fast._graphs = Graphs(lambda function, inputs, pool: (lambda: inputs[0], pool))
    fast(x[:1], [fast.identity(z[0])])
    gone = weakref.ref(fast)
    del fast
    assert gone() is None  # without the garbage collector: its memory is the GPU's


def test_what_a_capture_uses_lives_as_long() -> None:
    kept = [object()]
    graphs = Graphs(Recorder())
    graphs(lambda x: x, torch.zeros(1, 1), keep=lambda: kept[0])
    assert graphs._captured[1][2] is kept[0]


def _fast() -> tuple[FastAEINet, Tensor, Tensor]:
    net = AEINet("unet", 1, c_id=12, widths=(8, 16, 16, 24)).eval()
    fill.fill(net, "graphs")
    return FastAEINet(net), fill.image("graphs", 32, 16, 7), fill.vec("graphs", 12, 7)


def test_the_network_on_graphs_gives_everyone_their_own_swap() -> None:
    fast, x, z = _fast()
    people = [fast.identity(row) for row in z]
    alone = torch.cat([fast(x[k : k + 1], [people[k]]) for k in range(7)])
    capture = Recorder()
    fast._graphs = Graphs(capture)
    for count in (1, 3, 7, 5):
        assert (fast(x[:count], people[:count]) - alone[:count]).abs().max() < 1e-4
    assert capture.sizes == [1, 8]
    assert (fast(x, people, graphs=False) - alone).abs().max() < 1e-4
    assert capture.replays == 1 + 3 + 1 + 1
    fast.release()
    assert len(fast._workspace.memory) == 0
    assert (fast(x[:1], people[:1]) - alone[:1]).abs().max() < 1e-4


def test_where_graphs_cannot_be_had_it_goes_on_without_them_and_says_why() -> None:
    fast, x, z = _fast()
    calls = []

    def refusing(*_: object) -> Any:
        calls.append(1)
        raise RuntimeError("operation not permitted when stream is capturing\nmore")

    fast._graphs = Graphs(refusing)
    people = [fast.identity(row) for row in z]
    assert torch.isfinite(fast(x, people)).all()
    fast(x, people)
    assert len(calls) == 1
    assert fast.graphs_refused == "operation not permitted when stream is capturing"


def test_a_capture_that_runs_out_of_memory_is_not_taken_for_a_refusal() -> None:
    fast, x, z = _fast()

    def full(*_: object) -> Any:
        try:
            raise torch.OutOfMemoryError("CUDA out of memory")
        finally:
            raise RuntimeError("capture_end failed")  # as torch does

    fast._graphs = Graphs(full)
    with pytest.raises(RuntimeError) as caught:
        fast(x, [fast.identity(row) for row in z])
    assert out_of_memory(caught.value)
    assert fast.graphs_refused is None


@pytest.mark.parametrize(("dtype", "said"), [(torch.float16, True), (torch.float32, False)])
def test_what_is_too_large_for_half_is_no_white_pixel(dtype: torch.dtype, said: bool) -> None:
    fast, _, _ = _fast()
    fast.dtype = dtype
    x = torch.tensor([1.5, float("inf"), -float("inf"), 0.0])
    made = torch.sigmoid(fast._nan_where_too_large(x))
    assert made.isnan().tolist() == [False, said, said, False]
    assert torch.equal(made[[0, 3]], torch.sigmoid(x[[0, 3]]))
