"""Precision, graphs and batch sizes are chosen by measurement, with generators that pretend."""

import time
import weakref

import pytest
import torch

from videoswap.engines import torch_runtime as batches
from videoswap.engines import torch_runtime as start_module
from videoswap.engines.torch_runtime import Batches, Person, largest_batch, near, probe, start
from videoswap.errors import VideoswapError


class Pretender:
    """Gives back what it gets, a little changed, after a while."""

    size = 32

    def __init__(self, dtype, error=0.0, pause=0.0, overflows=False, replay_error=0.0, captures=32):
        self.dtype, self.error, self.pause = dtype, error, pause
        self.overflows, self.replay_error = overflows, replay_error
        self.graphs_refused, self.captures, self.captured = None, captures, []

    def identity(self, z):
        return (z,)

    def release(self):
        pass

    def without_graphs(self, reason):
        self.graphs_refused = reason

    def capture_up_to(self, largest):
        return [shape for shape in (1, 8, 32) if shape <= largest]

    def __call__(self, target, identities, graphs=True):
        time.sleep(self.pause)
        made = target + self.error
        if graphs and self.graphs_refused is None:
            if len(target) > self.captures:
                raise RuntimeError("CUDA out of memory")
            self.captured.append(len(target))
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
    assert started.generator.generator.captured == [1, 8]  # now, and not while frames wait


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


def test_graphs_too_large_for_the_memory_are_done_without_and_that_is_told(monkeypatch):
    monkeypatch.setattr(start_module, "fitting_batch", lambda *_: 32)
    started, _ = begin("cuda", float16={"captures": 8})
    assert started.generator.generator.captured == [1, 8]
    assert started.generator.largest == 32
    assert [str(note) for note in started.notes] == [
        "graphs of 8 instead of CUDA graphs of 32 crops, because the memory of the GPU is too "
        "small for more"
    ]


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


ANYONE = Person(torch.zeros(1), None)


class Tight:
    """Adds one; has room for ``room`` crops, and leaves a trace of what it had to give up."""

    def __init__(self, room):
        self.room, self.sizes, self.held, self.released = room, [], [], 0

    def release(self):
        self.released += 1
        assert all(trace() is None for trace in self.held), "the error keeps hold of the memory"

    def __call__(self, target, identities):
        self.sizes.append(len(target))
        large = torch.zeros(10)
        if len(target) > self.room:
            self.held.append(weakref.ref(large))
            raise torch.OutOfMemoryError("CUDA out of memory")
        return target + 1


def test_a_batch_is_halved_until_it_fits_and_stays_so():
    tight = Tight(3)
    run = Batches(tight, 16)
    crops = torch.arange(10.0).view(10, 1)
    assert torch.equal(run(crops, [ANYONE] * 10), crops + 1)
    assert tight.sizes == [10, 8, 4, 2, 2, 2, 2, 2]
    assert tight.released == 3
    run(crops, [ANYONE] * 10)
    assert tight.sizes[8:] == [2] * 5


def test_not_even_one():
    with pytest.raises(VideoswapError) as caught:
        Batches(Tight(0), 2)(torch.zeros(2, 1), [ANYONE] * 2)
    assert caught.value.code == "out_of_memory"


def test_other_errors_come_as_they_are():
    def broken(target, identities):
        raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes differ"):
        Batches(broken, 4)(torch.zeros(2, 1), [ANYONE] * 2)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_picture_that_would_be_black_is_an_error(value):
    def spoilt(target, identities):
        made = target.clone()
        made[-1] = value
        return made

    with pytest.raises(VideoswapError) as caught:
        Batches(spoilt, 4)(torch.zeros(3, 1), [ANYONE] * 3)
    assert caught.value.code == "not_finite"


@pytest.mark.parametrize(
    ("each", "free", "batch"), [(1, 1000, 32), (100, 1000, 4), (300, 1000, 2), (400, 1000, 1)]
)
def test_crops_take_at_most_their_share(each, free, batch):
    assert largest_batch(each, free) == batch
    assert batch == 1 or batch * each <= batches.SHARE * free


class Half:
    """Adds its identity; what is over 100 overflows in half precision."""

    def __init__(self, dtype):
        self.dtype, self.seen = dtype, []

    def identity(self, z):
        return self.dtype, z

    def release(self):
        pass

    def __call__(self, target, identities):
        assert all(dtype == self.dtype for dtype, _ in identities)
        self.seen.append(len(target))
        made = target + torch.stack([z for _, z in identities])
        return made.where(made <= 100, torch.inf) if self.dtype == torch.float16 else made


def test_what_overflows_is_computed_in_float32_and_told():
    made = []

    def exact():
        made.append(Half(torch.float32))
        return made[-1]

    run = Batches(Half(torch.float16), 4, exact)
    people = [run.identity(torch.tensor([float(k)])) for k in range(2)]
    few = run(torch.tensor([[1.0], [2.0]]), people)
    assert few.flatten().tolist() == [1.0, 3.0]
    assert (made, run.late_notes()) == ([], ())  # nothing is made before it is needed
    crops = torch.tensor([[1.0], [100.0], [99.5], [2.0], [101.0]])
    whose = [people[k] for k in (0, 1, 1, 0, 0)]
    assert run(crops, whose).flatten().tolist() == [1.0, 101.0, 100.5, 2.0, 101.0]
    assert len(made) == 1 and made[0].seen == [3]
    (note,) = run.late_notes()
    assert "half precision for 3 faces" in str(note) and "too large" in str(note)
    assert run.late_notes() == ()
    run(crops[1:2], whose[1:2])
    assert len(made) == 1


def test_what_is_not_finite_in_float32_either_is_an_error():
    def spoilt(target, identities):
        return target * float("nan")

    spoilt.identity = lambda z: z
    with pytest.raises(VideoswapError) as caught:
        Batches(spoilt, 4, lambda: spoilt)(torch.zeros(1, 1), [ANYONE])
    assert caught.value.code == "not_finite"
