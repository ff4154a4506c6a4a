"""The one loop of all trainings.

A step: every phase of the recipe sums the gradients of the step's parts, clips them and lets its
optimizer go; then the moving averages follow. Checkpoints, evaluations, sample sheets and lines
come every so many steps. A run that was killed goes on from its last checkpoint with the numbers
of an unbroken one.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from ..errors import InputError, OutputError, UsageError, reason_of
from ..locks import discard, try_lock
from .averaging import MovingAverage
from .checkpoint import Totals, checkpoint_state, load_checkpoint, save_checkpoint
from .devices import Devices, open_devices
from .prefetch import prefetched
from .progress import Clock, Journal, Meters, eta, rounded
from .recipe import Batch, Phase, Recipe
from .sheets import write_sheet
from .speed import quicker_precision

#: Held in the run's folder while it is trained.
LOCK = ".lock"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended.

    Attributes:
        totals: The progress over all parts.
        finished: Whether all steps are done.
        files: What was exported.
    """

    totals: Totals
    finished: bool
    files: tuple[Path, ...]


def train(
    recipe: Recipe,
    folder: Path,
    *,
    device: str = "auto",
    minutes: float | None = None,
    cancel: Callable[[], bool] = lambda: False,
    say: Callable[[str], None] = lambda line: None,
) -> Outcome:
    """Train, from the start or from the checkpoint of the folder.

    Args:
        recipe: What to train, as built for the first step.
        folder: The run's: checkpoint, history, sheets, weights. Made if it is not there.
        device: ``auto``, ``cpu`` or ``cuda``.
        minutes: Stop after so many, with a checkpoint; the next call goes on.
        cancel: Asked after every step; True stops in the same way.
        say: Takes lines for people.

    Raises:
        InputError: ``damaged_checkpoint``, ``diverged``, or what the recipe raises.
        OutputError: ``bad_run_folder``, ``run_in_use``, ``cannot_write_checkpoint``,
            ``cannot_write_history``, ``cannot_write_sheet``.
        UsageError: ``other_run``, ``wrong_setting``.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        problem = f"The folder {folder} cannot be made: {reason_of(error)}."
        raise OutputError("bad_run_folder", problem) from None
    devices = open_devices(device)
    lock = try_lock(folder / LOCK) if devices.main else None
    if devices.main and lock is None:
        problem = f"Another process trains in {folder}."
        raise OutputError("run_in_use", problem, "Wait for it, or use another folder.")
    try:
        run = _Run(recipe, folder, devices, say if devices.main else lambda line: None)
        return run.go(None if minutes is None else 60 * minutes, cancel)
    finally:
        if lock is not None:
            discard(lock)


class _Run:
    def __init__(
        self, recipe: Recipe, folder: Path, devices: Devices, say: Callable[[str], None]
    ) -> None:
        self._recipe, self._folder, self._devices, self._say = recipe, folder, devices, say
        self._settings = recipe.loop
        if self._settings.threads:
            torch.set_num_threads(self._settings.threads)
        if self._settings.batch % (self._settings.accumulate * devices.world):
            problem = (
                f"loop.batch {self._settings.batch} cannot be divided into "
                f"{self._settings.accumulate} parts on each of {devices.world} processes."
            )
            raise UsageError("wrong_setting", problem)
        devices.prepare(recipe)
        decay = self._settings.ema_decay
        self._averages = {
            name: MovingAverage(recipe.networks[name], decay)
            for name in (recipe.averaged if decay else ())
        }

    def go(self, limit: float | None, cancel: Callable[[], bool]) -> Outcome:
        recipe, settings = self._recipe, self._settings
        for note in recipe.notes:
            self._say(f"Note: {note}.")
        totals = load_checkpoint(self._folder, recipe, self._averages)
        if totals is None:
            totals = Totals()
        else:
            self._say(f"Going on after step {totals.step} of {settings.steps}.")
        self._devices.share_weights(recipe)
        self._devices.divide(recipe)
        totals.precision = totals.precision or self._precision()
        journal = Journal(self._folder, settings, self._say)
        meters, clock = Meters(), Clock(totals.seconds, limit)
        finished, stopped = self._is_finished(totals), False
        try:
            with prefetched(self._parts, totals.step, settings.workers) as batches:
                while not finished and not stopped:
                    meters.add(self._step(next(batches), totals))
                    totals.step += 1
                    totals.samples += settings.batch
                    totals.seconds = clock.seconds
                    finished = self._is_finished(totals)
                    stopped = self._devices.agree(cancel() or clock.is_up)
                    self._report(journal, meters, clock, totals, finished or stopped)
        finally:
            journal.close()
        files: tuple[Path, ...] = ()
        if self._devices.main:
            with self._ready() as networks:
                files = recipe.export(networks, self._folder)
        self._devices.wait()
        return Outcome(totals, finished, files)

    def _is_finished(self, totals: Totals) -> bool:
        """Whether the steps or the minutes are used up; also tells the recipe of the time."""
        if self._settings.minutes:
            used = {"time": totals.seconds / (60 * self._settings.minutes)}
            # Processes must have the same rate, so they go by their mean time.
            self._recipe.time_used = self._devices.means(used)["time"]
        return totals.step >= self._settings.steps or self._recipe.time_used >= 1

    def _parts(self, step: int) -> list[Batch]:
        """Make this process's parts of a step's batch."""
        count, world = self._settings.accumulate, self._devices.world
        first = self._devices.rank * count
        return [self._recipe.batch(step, first + n, count * world) for n in range(count)]

    def _step(self, parts: list[Batch], totals: Totals) -> dict[str, Tensor]:
        for part in parts:
            part.tensors = {
                name: tensor.to(self._devices.device, non_blocking=True)
                for name, tensor in part.tensors.items()
            }
        seen: dict[str, Tensor] = {}
        for phase in self._recipe.phases:
            self._learn_only(phase)
            for part in parts:
                with torch.autocast(
                    self._devices.device.type,
                    torch.bfloat16,
                    enabled=totals.precision == "bfloat16",
                ):
                    losses = self._recipe.losses(phase.name, part)
                torch.autograd.backward(losses["total"] / len(parts))
                for name, value in losses.items():
                    name = name if name != "total" or len(self._recipe.phases) == 1 else phase.name
                    seen[name] = seen.get(name, torch.zeros(())) + value.detach() / len(parts)
            self._devices.share_gradients(self._recipe, phase)
            if limit := self._settings.clip_norm:
                norm = self._devices.clip_gradients(self._recipe, phase, limit)
                seen[f"{phase.name} gradient"] = norm
            if not self._devices.agree(not self._recipe.learns(phase.name)):
                phase.optimizer.step()
            phase.optimizer.zero_grad(set_to_none=True)
            if phase.scheduler is not None:
                with warnings.catch_warnings():  # of a schedule that goes on while a phase waits
                    warnings.simplefilter("ignore", UserWarning)
                    phase.scheduler.step()
        for name, average in self._averages.items():
            average.update(self._recipe.networks[name], totals.step)
        return seen

    def _learn_only(self, phase: Phase) -> None:
        if len(self._recipe.phases) > 1:
            for name, network in self._recipe.networks.items():
                network.requires_grad_(name in phase.networks)

    def _report(
        self, journal: Journal, meters: Meters, clock: Clock, totals: Totals, ended: bool
    ) -> None:
        """Write and say whatever is due after a step."""
        settings, step = self._settings, totals.step
        log = step % settings.log_every == 0 or ended
        checkpoint = step % settings.checkpoint_every == 0 or ended
        if (log or checkpoint) and not meters.are_finite():
            raise InputError(
                "diverged",
                f"The losses are no numbers any more at step {step}: {rounded(meters.take())}.",
                "Use a smaller learning rate; the last checkpoint is from before.",
            )
        if log:
            losses = self._devices.means(meters.take())
            if self._devices.main:
                self._log(journal, losses, clock, totals)
        if checkpoint:
            state = checkpoint_state(self._recipe, self._averages, totals, self._devices.whole)
            if self._devices.main:
                save_checkpoint(self._folder, state)
        if not self._devices.main:
            return
        if settings.evaluate_every and (step % settings.evaluate_every == 0 or ended):
            self._evaluate(journal, totals)

    def _log(
        self, journal: Journal, losses: dict[str, float], clock: Clock, totals: Totals
    ) -> None:
        step, settings = totals.step, self._settings
        speed = clock.speed(step % settings.log_every or settings.log_every)
        rate = self._recipe.phases[0].optimizer.param_groups[0]["lr"]
        left = (settings.steps - step) / speed
        if settings.minutes:
            left = min(left, max(60 * settings.minutes - totals.seconds, 0))
        samples = speed * settings.batch
        journal.write(
            "train",
            step,
            losses | {"rate": rate, "samples per second": samples, "seconds": totals.seconds},
            f"step {step}/{settings.steps}  {rounded(losses)}  rate {rate:.2g}  "
            f"{samples:.0f} samples/s  {eta(totals.seconds)} so far, {eta(left)} left",
        )

    def _evaluate(self, journal: Journal, totals: Totals) -> None:
        with self._ready() as networks:
            measured = self._recipe.evaluate(networks)
            sheet = self._recipe.sheet(networks)
        if measured:
            facts = measured | {"samples": totals.samples, "seconds": totals.seconds}
            line = f"step {totals.step}: {rounded(measured)}"
            journal.write("evaluate", totals.step, facts, line)
        if sheet is not None:
            write_sheet(self._folder, totals.step, sheet)
            journal.picture(totals.step, sheet)

    @contextmanager
    def _ready(self) -> Iterator[dict[str, nn.Module]]:
        """Give the networks as they are used: averaged, in eval mode, without gradients."""
        networks = {
            name: self._averages[name].network if name in self._averages else network
            for name, network in self._recipe.networks.items()
        }
        learning = [one for one in networks.values() if one.training]
        state = torch.get_rng_state()
        try:
            for one in learning:
                one.eval()
            with torch.no_grad():
                yield networks
        finally:
            torch.set_rng_state(state)
            for one in learning:
                one.train()

    def _precision(self) -> str:
        if self._settings.precision != "auto":
            return self._settings.precision
        quicker = quicker_precision(self._recipe, self._parts(0)[0], self._devices.device)
        return "bfloat16" if self._devices.agree(quicker == "bfloat16") else "float32"
