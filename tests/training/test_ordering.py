import numpy as np
import pytest

from videoswap.training.ordering import AUGMENTATION, ORDER, EpochOrder, generator


def drawn(order, steps, parts=1):
    return np.concatenate(
        [order.rows(step, part, parts) for step in range(steps) for part in range(parts)]
    )


@pytest.mark.parametrize("batch", [3, 5, 12])
def test_an_epoch_has_every_sample_as_often_as_it_stands_there(batch):
    rows = np.array([4, 4, 7, 8, 9, 11, 15])
    dealt = drawn(EpochOrder(rows, batch, seed=1), steps=7 * 3)[: 7 * batch]
    for epoch in dealt.reshape(-1, 7):
        assert sorted(epoch) == rows.tolist()


def test_epochs_and_seeds_differ():
    rows = np.arange(100)
    first, second = drawn(EpochOrder(rows, 50, seed=1), steps=4).reshape(2, 100)
    assert (first != second).any()
    assert (first != drawn(EpochOrder(rows, 50, seed=2), steps=2)).any()


def test_a_step_depends_on_nothing_that_was_asked_before():
    rows = np.arange(10)
    asked = EpochOrder(rows, 4, seed=0)
    in_turn = [asked.rows(step).tolist() for step in range(20)]
    assert EpochOrder(rows, 4, seed=0).rows(17).tolist() == in_turn[17]


@pytest.mark.parametrize("parts", [2, 3, 6])
def test_parts_are_the_step_cut_up(parts):
    order = EpochOrder(np.arange(7), 12, seed=3)
    assert drawn(order, 5, parts).tolist() == drawn(order, 5).tolist()


def test_nothing_to_train_on():
    with pytest.raises(ValueError, match="no samples"):
        EpochOrder(np.array([], np.int64), 4, seed=0)


def test_streams_of_random_numbers_do_not_repeat_each_other():
    places = [(ORDER, 0, 1), (AUGMENTATION, 0, 1), (AUGMENTATION, 1, 0), (AUGMENTATION, 0, 1, 0)]
    assert len({generator(*place).random() for place in places}) == len(places)
    assert generator(*places[0]).random() == generator(*places[0]).random()
