"""Cutting batches into captured sizes, filling them up and replaying, with a capture of our own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.helpers import fill
from videoswap.networks.aei_net import AEINet
from videoswap.networks.cuda_graphs import (
    BATCH_SHAPES,
    Function,
    Graphs,
    cut,
    filled,
)
from videoswap.networks.fast_aei_net import FastAEINet
from videoswap.networks.fast_network import out_of_memory


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
        (2, [2]),
        (3, [4]),
        (5, [4, 1]),
        (6, [8]),
        (9, [8, 1]),
        (11, [8, 4]),
        (12, [16]),
        (23, [16, 8]),
        (32, [32]),
        (70, [32, 32, 8]),
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
    graphs = Graphs(lambda x, y: x * 2 + y, capture=capture)
    results = []
    for count in (3, 7, 4, 40):
        x, y = torch.randn(count, 5), torch.randn(count, 5)
        results.append((graphs(x, y), x * 2 + y))
    assert all(torch.equal(got, want) for got, want in results)
    assert capture.sizes == [4, 8, 32]  # each once, 40 is 32 and 8
    assert capture.replays == 5
    assert capture.pools == [None, "the pool", "the pool"]
    graphs.clear()
    graphs(torch.randn(4, 5), torch.randn(4, 5))
    assert capture.sizes[3:] == [4]
    assert capture.pools[3:] == [None]


def test_what_a_capture_uses_lives_as_long() -> None:
    kept = [object()]
    graphs = Graphs(lambda x: x, keep=lambda: kept[0], capture=Recorder())
    graphs(torch.zeros(1, 1))
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
    fast._graphs = Graphs(fast._run, lambda: fast._workspace.memory, capture)
    for count in (1, 3, 7, 5):
        assert (fast(x[:count], people[:count]) - alone[:count]).abs().max() < 1e-4
    assert capture.sizes == [1, 4, 8]
    assert (fast(x, people, graphs=False) - alone).abs().max() < 1e-4
    assert capture.replays == 5
    fast.release()
    assert len(fast._workspace.memory) == 0
    assert (fast(x[:1], people[:1]) - alone[:1]).abs().max() < 1e-4


def test_where_graphs_cannot_be_had_it_goes_on_without_them_and_says_why() -> None:
    fast, x, z = _fast()
    calls = []

    def refusing(*_: object) -> Any:
        calls.append(1)
        raise RuntimeError("operation not permitted when stream is capturing\nmore")

    fast._graphs = Graphs(fast._run, capture=refusing)
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

    fast._graphs = Graphs(fast._run, capture=full)
    with pytest.raises(RuntimeError) as caught:
        fast(x, [fast.identity(row) for row in z])
    assert out_of_memory(caught.value)
    assert fast.graphs_refused is None
    assert not out_of_memory(RuntimeError("shapes differ"))
    assert out_of_memory(RuntimeError("[enforce fail] can't allocate memory: you tried"))
