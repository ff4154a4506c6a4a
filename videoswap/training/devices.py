"""Where a training runs: on one device, or on several GPUs through ``accelerate``.

``accelerate launch --num_processes 4 -m videoswap train ...`` starts one process for each GPU.
"""

from __future__ import annotations

import os

import torch
from torch import Tensor, nn

from ..errors import InputError
from .margins import Centers
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

    def divide(self, recipe: Recipe) -> None:
        """Leave each process its part of what is divided; call it once a checkpoint is read."""

    def whole(self, tensor: Tensor) -> Tensor:
        """Put the rows of all processes together, on the first one; others get their own."""
        return tensor

    def share_weights(self, recipe: Recipe) -> None:
        """Give all processes the weights of the first one, but for what is divided."""

    def share_gradients(self, recipe: Recipe, phase: Phase) -> None:
        """Average the gradients of a phase over all processes, but for what is divided."""

    def clip_gradients(self, recipe: Recipe, phase: Phase, limit: float) -> Tensor:
        """Make the gradient of a phase, with all parts, no longer than a limit; return its norm."""
        return nn.utils.clip_grad_norm_(parameters_of(phase), limit)

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

    def prepare(self, recipe: Recipe) -> None:
        """Move the networks; what is divided follows in parts, so that no device needs it whole."""
        for name, network in (*recipe.networks.items(), *recipe.frozen.items()):
            if name not in recipe.divided:
                network.to(self.device)

    def divide(self, recipe: Recipe) -> None:
        """Leave each process its part of what is divided, and move it."""
        for name in recipe.divided:
            centers = recipe.networks[name]
            assert isinstance(centers, Centers)
            whole = centers.weight.shape
            rows = centers.divide(self.rank, self.world)
            centers.to(self.device)
            for phase in recipe.phases:
                kept = phase.optimizer.state.get(centers.weight, {})
                for key, value in kept.items():
                    if isinstance(value, Tensor) and value.shape == whole:
                        kept[key] = value[rows].to(self.device, copy=True)

    def whole(self, tensor: Tensor) -> Tensor:
        """Put the rows of all processes together, on the first one's CPU; others get their own."""
        counts = [torch.zeros(1, dtype=torch.int64, device=self.device) for _ in range(self.world)]
        torch.distributed.all_gather(counts, torch.full_like(counts[0], len(tensor)))
        if not self.main:
            torch.distributed.send(tensor.contiguous(), 0)
            return tensor
        parts = [tensor.cpu()]
        for rank, count in enumerate(counts[1:], start=1):
            part = tensor.new_empty((int(count), *tensor.shape[1:]))
            torch.distributed.recv(part, rank)
            parts.append(part.cpu())
        return torch.cat(parts)

    def share_weights(self, recipe: Recipe) -> None:
        """Give all processes the weights of the first one, but for what is divided."""
        for name, network in recipe.networks.items():
            if name not in recipe.divided:
                for tensor in (*network.parameters(), *network.buffers()):
                    torch.distributed.broadcast(tensor.data, src=0)

    def share_gradients(self, recipe: Recipe, phase: Phase) -> None:
        """Average the gradients of a phase over all processes, but for what is divided.

        Done here and not by DistributedDataParallel, which a GAN's two phases over the same
        networks confuse.
        """
        for parameter in _parts(recipe, phase)[0]:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            torch.distributed.all_reduce(parameter.grad)
            parameter.grad /= self.world

    def clip_gradients(self, recipe: Recipe, phase: Phase, limit: float) -> Tensor:
        """Make the gradient of a phase, with all parts, no longer than a limit; return its norm."""
        common, divided = _parts(recipe, phase)
        if not divided:
            return super().clip_gradients(recipe, phase, limit)
        squared = _norm(divided).square().to(self.device)
        torch.distributed.all_reduce(squared)
        norm = (squared + _norm(common).square()).sqrt()
        nn.utils.clip_grads_with_norm_([*common, *divided], limit, norm)
        return norm

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


def _parts(recipe: Recipe, phase: Phase) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Return what all processes have of a phase's parameters, and what each has its part of."""
    divided = {id(one) for name in recipe.divided for one in recipe.networks[name].parameters()}
    every = parameters_of(phase)
    return (
        [one for one in every if id(one) not in divided],
        [one for one in every if id(one) in divided],
    )


def _norm(parameters: list[nn.Parameter]) -> Tensor:
    return nn.utils.get_total_norm([one.grad for one in parameters if one.grad is not None])


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
