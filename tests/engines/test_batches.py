"""Halving batches when memory runs out, and how many crops fit at start-up."""

import weakref

import pytest
import torch

from videoswap.engines.runtime import batches
from videoswap.engines.runtime.batches import Batches, largest_batch
from videoswap.errors import VideoswapError


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
    assert torch.equal(run(crops, list(range(10))), crops + 1)
    assert tight.sizes == [10, 8, 4, 2, 2, 2, 2, 2]
    assert tight.released == 3
    run(crops, list(range(10)))
    assert tight.sizes[8:] == [2] * 5


def test_not_even_one():
    with pytest.raises(VideoswapError) as caught:
        Batches(Tight(0), 2)(torch.zeros(2, 1), [0, 1])
    assert caught.value.code == "out_of_memory"


def test_other_errors_come_as_they_are():
    def broken(target, identities):
        raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes differ"):
        Batches(broken, 4)(torch.zeros(2, 1), [0, 1])


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_picture_that_would_be_black_is_an_error(value):
    def spoilt(target, identities):
        made = target.clone()
        made[-1] = value
        return made

    with pytest.raises(VideoswapError) as caught:
        Batches(spoilt, 4)(torch.zeros(3, 1), [0, 1, 2])
    assert caught.value.code == "not_finite"


@pytest.mark.parametrize(
    ("each", "free", "batch"), [(1, 1000, 32), (100, 1000, 4), (300, 1000, 2), (400, 1000, 1)]
)
def test_crops_take_at_most_their_share(each, free, batch):
    assert largest_batch(each, free) == batch
    assert batch == 1 or batch * each <= batches.SHARE * free
