"""What a step costs, measured before the training: for ``auto`` and for ``--dry_run``."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch

from .devices import Devices, open_devices
from .progress import eta, memory_used
from .recipe import Batch, Recipe

_WARM, _TIMED = 1, 3


def quicker_precision(recipe: Recipe, batch: Batch, device: torch.device) -> str:
    """Return ``bfloat16`` or ``float32``: in which of the two a batch goes through quicker.

    No weight changes, and neither do random numbers or running means.
    """
    seconds = {one: time_step(recipe, batch, device, one) for one in ("float32", "bfloat16")}
    return min(seconds, key=lambda one: seconds[one])


def time_step(recipe: Recipe, batch: Batch, device: torch.device, precision: str) -> float:
    """Return the seconds of forward and backward passes of all phases over a batch."""
    batch.tensors = {name: tensor.to(device) for name, tensor in batch.tensors.items()}
    kept = {name: _copied(network.state_dict()) for name, network in recipe.networks.items()}
    random, more = torch.get_rng_state(), recipe.state()
    best = float("inf")
    for turn in range(_WARM + _TIMED):
        began = time.perf_counter()
        for phase in recipe.phases:
            with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
                total = recipe.losses(phase.name, batch)["total"]
            torch.autograd.backward(total)
        if device.type == "cuda":
            torch.cuda.synchronize()
        if turn >= _WARM:
            best = min(best, time.perf_counter() - began)
    for name, network in recipe.networks.items():
        network.zero_grad(set_to_none=True)
        network.load_state_dict(kept[name])
    recipe.load_state(more)
    torch.set_rng_state(random)
    batch.kept.clear()
    return best


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a training will need.

    Attributes:
        parameters: Of the networks that learn, by name.
        weights_mib: Weights, averages and optimizers together.
        precision: What ``auto`` would choose.
        step_seconds: Of one step, without the time for batches.
        batch_seconds: For making the batch of one step on one thread.
        total_seconds: Of all steps.
        memory: Largest memory so far, in words.
    """

    parameters: dict[str, int]
    weights_mib: float
    precision: str
    step_seconds: float
    batch_seconds: float
    total_seconds: float
    memory: str

    def lines(self) -> list[str]:
        """Return it as lines for people."""
        sizes = ", ".join(f"{name} {n / 1e6:.2f} M" for name, n in self.parameters.items())
        return [
            f"Parameters: {sizes}.",
            f"Weights, averages and optimizers: {self.weights_mib:.0f} MiB.",
            f"Memory: {self.memory}.",
            f"A step: {self.step_seconds:.3f} s in {self.precision}, "
            f"its batch {self.batch_seconds:.3f} s on one thread.",
            f"All steps: {eta(self.total_seconds)}.",
        ]


def estimate(recipe: Recipe, device: str = "auto") -> Estimate:
    """Measure a step and say what the whole training will need; nothing is written or learned."""
    devices: Devices = open_devices(device)
    devices.prepare(recipe)
    settings = recipe.loop
    if settings.threads:
        torch.set_num_threads(settings.threads)
    began = time.perf_counter()
    batch = recipe.batch(0, 0, settings.accumulate)
    making = (time.perf_counter() - began) * settings.accumulate
    precision = settings.precision
    if precision == "auto":
        precision = quicker_precision(recipe, batch, devices.device)
    step = time_step(recipe, batch, devices.device, precision) * settings.accumulate
    parameters = {
        name: sum(one.numel() for one in network.parameters())
        for name, network in recipe.networks.items()
    }
    averaged = sum(parameters[name] for name in recipe.averaged if settings.ema_decay)
    floats = 3 * sum(parameters.values()) + averaged  # weights and the two moments of Adam
    slower = max(step, making / max(settings.workers, 1)) if settings.workers else step + making
    return Estimate(
        parameters=parameters,
        weights_mib=4 * floats / 2**20,
        precision=precision,
        step_seconds=step,
        batch_seconds=making,
        total_seconds=min(slower * settings.steps, 60 * settings.minutes or float("inf")),
        memory=memory_used(devices.device),
    )


def _copied(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: one.clone() for name, one in state.items()}
