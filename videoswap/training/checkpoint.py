"""Checkpoints from which a run goes on with exactly the numbers of an unbroken one.

A file holds tensors, numbers and texts only and is read with ``weights_only=True``: nothing of it
is executed.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import InputError, OutputError, UsageError, reason_of
from .averaging import MovingAverage
from .loop_settings import CHANGEABLE
from .recipe import Recipe, parameters_of
from .settings_file import settings_text

NAME = "checkpoint.pt"
#: Of the layout of the file.
SCHEMA = 1


@dataclass(slots=True)
class Totals:
    """What a run has used up so far, over all its parts.

    Attributes:
        step: Steps done; the number of the next one.
        samples: Samples seen.
        seconds: Wall clock of the training, without pauses between its parts.
        precision: What ``auto`` was decided to be.
    """

    step: int = 0
    samples: int = 0
    seconds: float = 0.0
    precision: str = ""


def checkpoint_state(
    recipe: Recipe,
    averages: Mapping[str, MovingAverage],
    totals: Totals,
    whole: Callable[[Tensor], Tensor] = lambda tensor: tensor,
) -> dict[str, Any]:
    """Return what a checkpoint has to hold; to be asked on all processes.

    Args:
        recipe: Networks, optimizers, schedulers and whatever else it keeps.
        averages: Moving averages by network.
        totals: The progress so far.
        whole: Puts together what is divided over several processes.
    """
    state: dict[str, Any] = {
        "schema": SCHEMA,
        "recipe": recipe.name,
        "settings": settings_text(recipe.settings),
        "data": recipe.data_key,
        "totals": {name: getattr(totals, name) for name in Totals.__slots__},
        "networks": {name: one.state_dict() for name, one in recipe.networks.items()},
        "averages": {name: one.network.state_dict() for name, one in averages.items()},
        "optimizers": {phase.name: phase.optimizer.state_dict() for phase in recipe.phases},
        "schedulers": {
            phase.name: _without_functions(phase.scheduler.state_dict())
            for phase in recipe.phases
            if phase.scheduler is not None
        },
        "random": _random_state(),
        "more": recipe.state(),
    }
    for name in recipe.divided:
        parameters = list(recipe.networks[name].parameters())
        state["networks"][name] = {
            key: whole(tensor) for key, tensor in state["networks"][name].items()
        }
        for phase in recipe.phases:
            kept = state["optimizers"][phase.name]["state"]
            for number, one in enumerate(parameters_of(phase)):
                if any(one is own for own in parameters):
                    kept[number] = {
                        key: whole(value)
                        if isinstance(value, Tensor) and value.shape == one.shape
                        else value
                        for key, value in kept.get(number, {}).items()
                    }
    return state


def save_checkpoint(folder: Path, state: Mapping[str, Any]) -> Path:
    """Write a checkpoint; the one before is replaced once the new one is complete.

    Args:
        folder: The run's folder.
        state: Of :func:`checkpoint_state`.

    Raises:
        OutputError: ``cannot_write_checkpoint``.
    """
    path, hidden = folder / NAME, folder / f".{NAME}.part"
    try:
        with hidden.open("wb") as file:
            torch.save(dict(state), file)
            file.flush()
            os.fsync(file.fileno())
        hidden.replace(path)
    except (OSError, RuntimeError) as error:
        with contextlib.suppress(OSError):  # the folder may be what is wrong
            hidden.unlink(missing_ok=True)
        problem = f"The checkpoint {path} cannot be written: {reason_of(error)}."
        raise OutputError("cannot_write_checkpoint", problem) from error
    return path


def load_checkpoint(
    folder: Path, recipe: Recipe, averages: Mapping[str, MovingAverage]
) -> Totals | None:
    """Take a run up where its checkpoint left it.

    Args:
        folder: The run's folder.
        recipe: As it was built for the first step, on its device; it gets all that was kept.
        averages: Moving averages by network, likewise.

    Returns:
        The progress, or None if there is no checkpoint.

    Raises:
        InputError: ``damaged_checkpoint``.
        UsageError: ``other_run`` if settings or data differ from those of the checkpoint.
    """
    path = folder / NAME
    if not path.is_file():
        return None
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        _check_same(path, recipe, state)
        for name, network in recipe.networks.items():
            network.load_state_dict(state["networks"][name])
        for name, average in averages.items():
            average.network.load_state_dict(state["averages"][name])
        for phase in recipe.phases:
            phase.optimizer.load_state_dict(state["optimizers"][phase.name])
            if phase.scheduler is not None:
                phase.scheduler.load_state_dict(state["schedulers"][phase.name])
        recipe.load_state(state["more"])
        _set_random_state(state["random"])
        return Totals(**state["totals"])
    except (UsageError, InputError):
        raise
    except Exception as error:  # whatever torch makes of a damaged file
        raise InputError(
            "damaged_checkpoint",
            f"{path} is damaged or of another version: {reason_of(error)}.",
            "Train into another folder, or delete it to begin anew.",
        ) from error


def _check_same(path: Path, recipe: Recipe, state: Mapping[str, Any]) -> None:
    hint = "Use the settings that the run began with, or another folder."
    if state["schema"] != SCHEMA:
        raise InputError("damaged_checkpoint", f"{path} was written by another version.", hint)
    if state["recipe"] != recipe.name:
        problem = f"{path} is of a training of {state['recipe']}, not {recipe.name}."
        raise UsageError("other_run", problem, hint)
    before, now = _flat(state["settings"]), _flat(settings_text(recipe.settings))
    may_change = {*(f"loop.{name}" for name in CHANGEABLE), *recipe.changeable}
    for name in sorted(before.keys() | now.keys()):
        if name not in may_change and before.get(name) != now.get(name):
            problem = f"{path} was begun with {name} = {before.get(name)}, not {now.get(name)}."
            raise UsageError("other_run", problem, hint)
    if state["data"] != recipe.data_key:
        raise UsageError("other_run", f"{path} was begun on other data.", hint)


def _flat(text: str) -> dict[str, Any]:
    """Return settings by dotted name."""

    def walk(value: Any, name: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            return {name: value}
        found: dict[str, Any] = {}
        for key, one in value.items():
            found |= walk(one, f"{name}.{key}" if name else key)
        return found

    return walk(json.loads(text), "")


def _without_functions(state: dict[str, Any]) -> dict[str, Any]:
    """Leave out the functions of a LambdaLR, which the recipe makes again."""
    if "lr_lambdas" not in state:
        return state
    return state | {"lr_lambdas": [None] * len(state["lr_lambdas"])}


def _random_state() -> dict[str, Any]:
    version, numbers, gauss = random.getstate()
    state: dict[str, Any] = {
        "torch": torch.get_rng_state(),
        "python": [version, list(numbers), gauss],
    }
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state_all()
    return state


def _set_random_state(state: Mapping[str, Any]) -> None:
    torch.set_rng_state(state["torch"].cpu())
    version, numbers, gauss = state["python"]
    random.setstate((version, tuple(numbers), gauss))
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state_all([one.cpu() for one in state["cuda"]])
