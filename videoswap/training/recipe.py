"""What a training has to say of itself so that the one loop can run it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from ..records import Array, Fallback
from .loop_settings import LoopSettings


@dataclass(frozen=True, slots=True, eq=False)
class Phase:
    """One update within a step. A GAN has two: the generator's and the discriminator's.

    Attributes:
        name: What :meth:`Recipe.losses` is asked for.
        networks: Names of the networks that learn in it; all others are frozen meanwhile.
        optimizer: Of exactly their parameters.
        scheduler: Steps after the optimizer; None for a constant learning rate.
    """

    name: str
    networks: tuple[str, ...]
    optimizer: Optimizer
    scheduler: LRScheduler | None = None


def parameters_of(phase: Phase) -> list[nn.Parameter]:
    """Return what the optimizer of a phase changes."""
    return [one for group in phase.optimizer.param_groups for one in group["params"]]


@dataclass(slots=True, eq=False)
class Batch:
    """Samples of a part of a step.

    Attributes:
        tensors: By name, the first axis counts samples. The loop moves them to the device.
        step: The step that they belong to.
        kept: For what one phase computes and the next one needs.
    """

    tensors: dict[str, Tensor]
    step: int
    kept: dict[str, Tensor] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Tensor:
        return self.tensors[name]


class Recipe(ABC):
    """A training: networks, optimizers, batches and losses.

    Attributes:
        name: As the command line calls it.
        settings: The dataclass of its settings, with ``loop`` in it.
        loop: Settings of the loop.
        data_key: Text that changes with the data; a run is not resumed on other data.
        networks: By name; all of them are in a checkpoint.
        frozen: Helpers that never learn, by name: on the device, in no checkpoint.
        averaged: Names of those of which a moving average is kept.
        divided: Names of the `Centers` of which every process has a part; they are whole in a
            checkpoint. See ``classification``.
        phases: In the order in which a step goes through them.
        changeable: Settings that may change when a run is resumed, besides those of the loop.
        notes: What it does otherwise than wanted; said when a run begins.
        time_used: Share of ``loop.minutes`` that is used up, which the loop keeps; else 0.
    """

    name: ClassVar[str]
    settings: Any
    loop: LoopSettings
    data_key: str
    networks: dict[str, nn.Module]
    frozen: Mapping[str, nn.Module] = MappingProxyType({})
    averaged: tuple[str, ...] = ()
    divided: tuple[str, ...] = ()
    phases: tuple[Phase, ...]
    changeable: ClassVar[tuple[str, ...]] = ()
    notes: tuple[Fallback, ...] = ()
    time_used: float = 0.0

    @abstractmethod
    def batch(self, step: int, part: int, parts: int) -> Batch:
        """Make a part of the batch of a step, on the CPU.

        It depends on nothing but the arguments and the seed, and is called from several threads.

        Args:
            step: From 0 on.
            part: Which part of the step's samples.
            parts: How many parts there are, over all processes.
        """

    @abstractmethod
    def losses(self, phase: str, batch: Batch) -> dict[str, Tensor]:
        """Compute the losses of a phase, each of shape (); ``total`` is what is minimised."""

    def learns(self, phase: str) -> bool:
        """Whether a phase takes its step; asked after its losses. Its schedule goes on anyway."""
        return True

    def evaluate(self, networks: Mapping[str, nn.Module]) -> dict[str, float]:
        """Measure on held-out samples.

        Args:
            networks: In eval mode, averaged ones in place of those that have an average.
        """
        return {}

    def sheet(self, networks: Mapping[str, nn.Module]) -> Array | None:
        """Draw a sample sheet, (H, W, 3) uint8 RGB, with networks as for :meth:`evaluate`."""
        return None

    def export(self, networks: Mapping[str, nn.Module], folder: Path) -> tuple[Path, ...]:
        """Write what is used later into a folder, with networks as for :meth:`evaluate`."""
        return ()

    def state(self) -> dict[str, Any]:
        """Return what else has to be in a checkpoint: tensors, numbers, texts, lists, dicts."""
        return {}

    def load_state(self, state: Mapping[str, Any]) -> None:  # noqa: B027 - most keep nothing
        """Take back what :meth:`state` gave."""


def load_initial(network: nn.Module, path: Path, name: str) -> None:
    """Give a network the weights of a file, all of them and no others.

    Args:
        network: Which.
        path: A ``.pth`` or ``.safetensors`` file with the network's own keys, as the official ones
            of GHOST have them.
        name: What to call it in the error.

    Raises:
        InputError: ``missing_file``, ``damaged_weights``, ``wrong_weights`` and what else
            ``videoswap.weights.load_state`` raises.
    """
    from ..weights.loading import fit, load_states, misfit

    expected, states = network.state_dict(), load_states(path)
    for state in states:
        fitting = fit(name, expected, state)
        if fitting is not None:
            network.load_state_dict(fitting)
            return
    raise misfit(path, name, expected, states)


def warmup_stable_decay(
    recipe: Recipe, optimizer: Optimizer, warmup: int, decay: float = 0.4
) -> LambdaLR:
    """Make a learning rate that rises, stays, and falls to zero in a straight line.

    A run can be made longer while it is in the stable part. Source: Hu et al., "MiniCPM", 2024
    (arXiv 2404.06395).

    Args:
        recipe: Whose steps or minutes end the training, whichever end first.
        optimizer: With the rate of the stable part.
        warmup: Steps of the rise.
        decay: Share of the training in which it falls.
    """

    def factor(step: int) -> float:
        left = 1 - max(step / recipe.loop.steps, recipe.time_used)
        falling = 1.0 if left >= decay else max(left, 0.0) / decay
        return min((step + 1) / max(warmup, 1), 1.0) * falling

    return LambdaLR(optimizer, factor)


def as_input(crops: Array) -> Tensor:
    """Return (N, S, S, 3) in [0, 1] as (N, 3, S, S) in [-1, 1], channels last."""
    return torch.from_numpy(np.ascontiguousarray(crops, np.float32)).permute(0, 3, 1, 2) * 2 - 1
