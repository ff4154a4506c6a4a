"""Every training goes through this loop, so what is held here holds for all of them."""

import json
from dataclasses import replace

import pytest

pytest.importorskip("torch")

import torch

from tests.helpers.swapper_runs import assert_same, checkpoint_of
from tests.helpers.toy_trainings import Plain, Toy, ToySettings
from videoswap.errors import InputError, OutputError, UsageError
from videoswap.locks import try_lock
from videoswap.training import loop
from videoswap.training.checkpoint import NAME
from videoswap.training.loop import LOCK, train
from videoswap.training.loop_settings import LoopSettings
from videoswap.training.progress import HISTORY


def settings(**loop):
    usual = ToySettings()
    return replace(usual, loop=replace(usual.loop, **loop))


def killed_after(folder, steps, chosen):
    """Train up to a step and die there: what was not in the checkpoint is lost."""

    class Killed(Toy):
        def batch(self, step, part, parts):
            if step == steps:
                raise KeyboardInterrupt
            return super().batch(step, part, parts)

    with pytest.raises(KeyboardInterrupt):
        train(Killed(chosen), folder)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("killed", [5, 8, 11])
def test_a_killed_run_goes_on_with_the_numbers_of_an_unbroken_one(
    tmp_path, killed, accumulate, workers
):
    chosen = settings(accumulate=accumulate, workers=workers)
    unbroken = train(Toy(chosen), tmp_path / "unbroken")
    killed_after(tmp_path / "broken", killed, chosen)
    torch.manual_seed(99)  # another process has other random numbers
    gone_on = train(Toy(chosen), tmp_path / "broken")
    assert unbroken.finished and gone_on.finished
    assert gone_on.totals.samples == 12 * 4
    assert_same(checkpoint_of(tmp_path / "unbroken"), checkpoint_of(tmp_path / "broken"))


def test_a_stopped_run_goes_on_too(tmp_path):
    train(Toy(), tmp_path / "unbroken")
    asked = iter([False] * 4 + [True] * 9)
    stopped = train(Toy(), tmp_path / "broken", cancel=lambda: next(asked))
    assert (stopped.totals.step, stopped.finished) == (5, False)
    train(Toy(), tmp_path / "broken")
    assert_same(checkpoint_of(tmp_path / "unbroken"), checkpoint_of(tmp_path / "broken"))


def test_it_stops_when_its_minutes_are_up(tmp_path):
    outcome = train(Toy(), tmp_path, minutes=0)
    assert (outcome.totals.step, outcome.finished) == (1, False)
    assert (tmp_path / NAME).is_file()


def test_a_training_of_some_minutes_ends_by_time_and_its_rate_with_it(tmp_path, monkeypatch):
    seconds = iter(range(1000))

    class Clock(loop.Clock):
        seconds_ = property(lambda self: float(next(seconds)))
        seconds = seconds_

    monkeypatch.setattr(loop, "Clock", Clock)
    recipe = Toy(settings(steps=1000, minutes=0.5, evaluate_every=0))
    outcome = train(recipe, tmp_path)
    assert outcome.finished and 30 <= outcome.totals.step <= 32
    lines = [json.loads(line) for line in (tmp_path / HISTORY).read_text().splitlines()]
    rates = [line["rate"] for line in lines]
    assert rates[4] == 0.02 and rates[-1] < 0.003  # the last two fifths fall
    assert (
        train(Toy(settings(steps=1000, minutes=0.5)), tmp_path).totals.step == outcome.totals.step
    )


def test_it_learns(tmp_path):
    long = settings(steps=300, evaluate_every=0, log_every=50)
    train(Toy(long), tmp_path)
    lines = [json.loads(line) for line in (tmp_path / HISTORY).read_text().splitlines()]
    errors = [line["error"] for line in lines if line["kind"] == "train"]
    assert errors[-1] < 0.5 * errors[0]


@pytest.mark.parametrize(
    ("changed", "goes_on"),
    [
        ({"steps": 14}, True),
        ({"workers": 0}, True),
        ({"log_every": 5}, True),
        ({"batch": 2}, False),
        ({"seed": 1}, False),
        ({"accumulate": 2}, False),
        ({"ema_decay": 0.5}, False),
    ],
)
def test_a_run_is_not_resumed_with_other_settings(tmp_path, changed, goes_on):
    killed_after(tmp_path, 5, settings())
    if goes_on:
        assert train(Toy(settings(**changed)), tmp_path).finished
    else:
        with pytest.raises(UsageError, match=f"loop.{next(iter(changed))}"):
            train(Toy(settings(**changed)), tmp_path)


def test_two_processes_do_not_train_in_one_folder(tmp_path):
    held = try_lock(tmp_path / LOCK)
    with pytest.raises(OutputError, match="Another process"):
        train(Toy(), tmp_path)
    held.release()
    assert train(Toy(), tmp_path).finished
    assert not (tmp_path / LOCK).exists()


def test_a_history_that_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / HISTORY).mkdir()
    with pytest.raises(OutputError, match="history"):
        train(Toy(), tmp_path)


def test_a_run_is_not_resumed_on_other_data(tmp_path):
    killed_after(tmp_path, 5, settings())
    with pytest.raises(UsageError, match="other data"):
        train(Toy(data_key="more data"), tmp_path)


@pytest.mark.parametrize("damage", [b"", b"not a checkpoint"])
def test_a_damaged_checkpoint_is_an_error(tmp_path, damage):
    (tmp_path / NAME).write_bytes(damage)
    with pytest.raises(InputError, match="damaged"):
        train(Toy(), tmp_path)


def test_a_checkpoint_with_code_in_it_is_not_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return (tmp_path.joinpath("ran").write_text, ("yes",))

    torch.save({"schema": Evil()}, tmp_path / NAME)
    with pytest.raises(InputError, match="damaged"):
        train(Toy(), tmp_path)
    assert not (tmp_path / "ran").exists()


def test_losses_that_are_no_numbers_end_the_run_before_the_checkpoint(tmp_path):
    killed_after(tmp_path, 5, settings())
    before = (tmp_path / NAME).read_bytes()
    with pytest.raises(InputError, match="smaller learning rate"):
        train(Toy(explodes_at=6), tmp_path)
    assert (tmp_path / NAME).read_bytes() == before


def test_parts_add_up_to_the_whole_batch(tmp_path):
    """Without what differs by batch (norm, dropout), accumulation changes nothing but rounding."""

    weights = []
    for accumulate in (1, 2):
        recipe = Plain(settings(accumulate=accumulate, steps=4))
        train(recipe, tmp_path / str(accumulate))
        weights.append(recipe.networks["generator"][0].weight.detach())
    assert torch.allclose(*weights, atol=1e-5)


def test_each_phase_changes_its_own_networks_alone(tmp_path):
    class Frozen(Toy):
        def losses(self, phase, batch):
            assert all(one.requires_grad == (phase == name)
                       for name, network in self.networks.items()
                       for one in network.parameters())  # fmt: skip
            return super().losses(phase, batch)

    assert train(Frozen(), tmp_path).finished


def test_the_average_is_what_is_evaluated(tmp_path):
    seen = []

    class Watched(Toy):
        def evaluate(self, networks):
            seen.append(networks["generator"] is not self.networks["generator"])
            seen.append(not networks["generator"].training and not torch.is_grad_enabled())
            return super().evaluate(networks)

    recipe = Watched()
    train(recipe, tmp_path)
    assert seen and all(seen)
    assert recipe.networks["critic"].training


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": 0}, {"batch": 5, "accumulate": 2}, {"ema_decay": 1.0}, {"precision": "half"},
        {"clip_norm": -1.0}, {"workers": -1}, {"seed": -1}, {"batch": "four"},
    ],
)  # fmt: skip
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(UsageError):
        LoopSettings(**wrong)
