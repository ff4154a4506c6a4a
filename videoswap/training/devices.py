"""Where a training runs: on one device, or on several GPUs through ``accelerate``.

``accelerate launch --num_processes 4 -m videoswap train ...`` starts one process for each GPU.
"""

from __future__ import annotations

import os

import torch

from ..errors import InputError
from .recipe import Phase, Recipe, parameters_of


class Devices:
    """One device and one process.

    Attributes:
        device: Where networks and batches are.
        rank: Number of this process.
        world: How many there are.
    """

    rank, world = 0, 1

    def __init__(self, device: str) -> None:
        self.device = torch.device(device)

    @property
    def main(self) -> bool:
        """Whether this process writes and talks."""
        return self.rank == 0

    def prepare(self, recipe: Recipe) -> None:
        """Move the networks; call it before optimizers take up a checkpoint."""
        for network in (*recipe.networks.values(), *recipe.frozen.values()):
            network.to(self.device)

    def share_weights(self, recipe: Recipe) -> None:
        """Give all processes the weights of the first one."""

    def share_gradients(self, phase: Phase) -> None:
        """Average the gradients of a phase over all processes."""

    def means(self, values: dict[str, float]) -> dict[str, float]:
        """Return the means of numbers by name over all processes."""
        return values

    def agree(self, stop: bool) -> bool:
        """Return whether any process wants to stop."""
        return stop

    def wait(self) -> None:
        """Wait for all processes."""


class AcceleratedDevices(Devices):
    """The processes that ``accelerate launch`` started.

    Raises:
        InputError: ``missing_package``.
    """

    def __init__(self) -> None:
        try:
            from accelerate import Accelerator
        except ImportError:
            raise InputError(
                "missing_package", "accelerate is not installed.", "pip install accelerate"
            ) from None
        self._accelerator = Accelerator()
        super().__init__(str(self._accelerator.device))
        self.rank = self._accelerator.process_index
        self.world = self._accelerator.num_processes

    def share_weights(self, recipe: Recipe) -> None:
        """Give all processes the weights of the first one."""
        for network in recipe.networks.values():
            for tensor in (*network.parameters(), *network.buffers()):
                torch.distributed.broadcast(tensor.data, src=0)

    def share_gradients(self, phase: Phase) -> None:
        """Average the gradients of a phase over all processes.

        Done here and not by DistributedDataParallel, which a GAN's two phases over the same
        networks confuse.
        """
        for parameter in parameters_of(phase):
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            torch.distributed.all_reduce(parameter.grad)
            parameter.grad /= self.world

    def means(self, values: dict[str, float]) -> dict[str, float]:
        """Return the means of numbers by name over all processes."""
        mine = torch.tensor(list(values.values()), device=self.device)
        shared = self._accelerator.reduce(mine, reduction="mean").tolist()
        return dict(zip(values, shared, strict=True))

    def agree(self, stop: bool) -> bool:
        """Return whether any process wants to stop."""
        wish = torch.tensor(float(stop), device=self.device)
        return bool(self._accelerator.reduce(wish, reduction="sum") > 0)

    def wait(self) -> None:
        """Wait for all processes."""
        self._accelerator.wait_for_everyone()


def open_devices(device: str) -> Devices:
    """Return the processes that accelerate started, or one device.

    Args:
        device: ``auto``, ``cpu`` or ``cuda``; several processes take their own.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        return AcceleratedDevices()
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return Devices(device)
