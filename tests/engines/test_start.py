"""Kind of numbers and graphs are chosen by what is measured, with generators that pretend."""

import time

import pytest
import torch

from videoswap.engines.runtime import startup as start_module
from videoswap.engines.runtime.startup import near, probe, start


class Pretender:
    """Gives back what it gets, a little changed, after a while."""

    size = 32

    def __init__(self, dtype, error=0.0, pause=0.0, overflows=False, replay_error=0.0):
        self.dtype, self.error, self.pause = dtype, error, pause
        self.overflows, self.replay_error = overflows, replay_error
        self.graphs_refused = None

    def identity(self, z):
        return (z,)

    def release(self):
        pass

    def without_graphs(self, reason):
        self.graphs_refused = reason

    def __call__(self, target, identities, graphs=True):
        time.sleep(self.pause)
        made = target + self.error
        if graphs and self.graphs_refused is None:
            made = made + self.replay_error
        return made * float("inf") if self.overflows else made


@pytest.fixture
def with_bfloat16(monkeypatch):
    monkeypatch.setattr(start_module, "multiplies_bfloat16", lambda: True)


def begin(device, **kinds):
    """Start with generators by type; what is not named is exact and quick."""
    made = []

    def make(dtype):
        made.append(Pretender(dtype, **kinds.get(str(dtype).removeprefix("torch."), {})))
        return made[-1]

    return start(make, torch.ones(4), device, -1.0, 1.0), made


LEVEL = 2 / 255


@pytest.mark.usefixtures("with_bfloat16")
@pytest.mark.parametrize(
    ("full", "short", "precision"),
    [
        ({"pause": 0.02}, {"error": 0.4 * LEVEL}, "bfloat16"),
        ({"pause": 0.02}, {"error": 0.6 * LEVEL}, "float32"),  # too far off
        ({"pause": 0.02}, {"overflows": True}, "float32"),
        ({"pause": 0.02}, {"pause": 0.019}, "float32"),  # hardly quicker
    ],
)
def test_bfloat16_only_where_it_is_quicker_and_as_good(full, short, precision):
    started, _ = begin("cpu", float32=full, bfloat16=short)
    assert started.precision == precision
    assert started.generator.generator.dtype == getattr(torch, precision)
    assert started.generator.largest == 4
    assert started.notes == ()


def test_without_such_a_processor_it_is_not_even_tried(monkeypatch):
    monkeypatch.setattr(start_module, "multiplies_bfloat16", lambda: False)
    started, made = begin("cpu")
    assert started.precision == "float32"
    assert len(made) == 1


@pytest.fixture
def pretend_cuda(monkeypatch):
    monkeypatch.setattr(start_module, "fitting_batch", lambda *_: 16)


@pytest.mark.usefixtures("pretend_cuda")
def test_on_cuda_it_is_half_precision_on_graphs():
    started, _ = begin("cuda")
    assert (started.precision, started.generator.largest, started.notes) == ("float16", 16, ())


@pytest.mark.usefixtures("pretend_cuda")
def test_where_half_overflows_it_is_float32_and_told():
    started, _ = begin("cuda", float16={"overflows": True})
    assert started.precision == "float32"
    assert [note.wanted for note in started.notes] == ["half precision"]


@pytest.mark.usefixtures("pretend_cuda")
def test_graphs_that_give_another_picture_are_not_used_and_that_is_told():
    started, _ = begin("cuda", float16={"replay_error": 0.1})
    assert started.generator.generator.graphs_refused == "they gave another picture"
    assert [note.wanted for note in started.notes] == ["CUDA graphs"]


def test_a_spot_that_is_far_off_is_not_near_however_small():
    picture = probe(32, 0.0, 1.0)
    assert picture.min() >= 0
    assert picture.max() <= 1
    spot = picture.clone()
    assert near(picture, spot, 0.0, 1.0)
    spot[0, 0, 0, 0] += 9 / 255
    assert not near(picture, spot, 0.0, 1.0)
    assert near(picture * 2, spot * 2, 0.0, 4.0)
    assert not near(picture, spot * float("nan"), 0.0, 1.0)
