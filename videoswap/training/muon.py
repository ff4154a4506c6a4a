"""Muon: momentum whose matrix is made orthogonal, with AdamW for whatever is no matrix.

Source: Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024
(https://kellerjordan.github.io/posts/muon), in which a quintic Newton-Schulz iteration brings all
singular values near 1. A convolution's kernel is a matrix of its outputs by all else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from .recipe import Phase, Recipe, warmup_stable_decay

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
_ITERATIONS = 5
_BETAS, _EPSILON = (0.9, 0.999), 1e-8  # of AdamW


class Muon(Optimizer):
    """Muon for the kernels of hidden layers, AdamW for all other parameters.

    Args:
        matrices: Parameters of two axes or more, the first one counts outputs.
        others: All others: norms, biases, first and last layers, depthwise kernels.
        rate: Learning rate of the matrices; about 0.02.
        other_rate: Learning rate of the others; about 0.003.
        momentum: Of the matrices.
        weight_decay: Of the others. The matrices have none: batch norm follows them.
    """

    def __init__(
        self,
        matrices: Iterable[nn.Parameter],
        others: Iterable[nn.Parameter],
        *,
        rate: float,
        other_rate: float,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
    ) -> None:
        groups: list[dict[str, Any]] = [
            {"params": list(matrices), "lr": rate, "momentum": momentum, "orthogonal": True},
            {"params": list(others), "lr": other_rate, "decay": weight_decay, "orthogonal": False},
        ]
        super().__init__([group for group in groups if group["params"]], {})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Change the parameters by their gradients.

        Args:
            closure: Not used.
        """
        for group in self.param_groups:
            update = self._orthogonal if group["orthogonal"] else self._adamw
            for parameter in group["params"]:
                if parameter.grad is not None:
                    update(parameter, group)

    def _orthogonal(self, parameter: Tensor, group: dict[str, Any]) -> None:
        gradient, state = parameter.grad, self.state[parameter]
        assert gradient is not None
        if not state:
            state["momentum"] = torch.zeros_like(parameter)
        state["momentum"].lerp_(gradient, 1 - group["momentum"])
        ahead = gradient.lerp(state["momentum"], group["momentum"])  # Nesterov
        matrix = orthogonalized(ahead.reshape(len(ahead), -1))
        # A tall matrix has fewer singular values than rows: the same step for each output.
        factor = max(1.0, matrix.shape[0] / matrix.shape[1]) ** 0.5
        parameter.add_(matrix.view_as(parameter), alpha=-group["lr"] * factor)

    def _adamw(self, parameter: Tensor, group: dict[str, Any]) -> None:
        gradient, state = parameter.grad, self.state[parameter]
        assert gradient is not None
        if not state:
            state["count"] = 0
            state["mean"], state["square"] = (torch.zeros_like(parameter) for _ in range(2))
        state["count"] += 1
        state["mean"].lerp_(gradient, 1 - _BETAS[0])
        state["square"].lerp_(gradient.square(), 1 - _BETAS[1])
        corrected = [1 - beta ** state["count"] for beta in _BETAS]
        scale = (state["square"] / corrected[1]).sqrt_().add_(_EPSILON)
        parameter.mul_(1 - group["lr"] * group["decay"])
        parameter.addcdiv_(state["mean"], scale, value=-group["lr"] / corrected[0])


def orthogonalized(matrix: Tensor) -> Tensor:
    """Bring all singular values of a matrix (M, N) near 1, to about 0.7 to 1.2."""
    a, b, c = _COEFFICIENTS
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(_ITERATIONS):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    found: Tensor = x.T if tall else x
    return found


class MuonSettings(Protocol):
    """What a recipe's settings have to say: two rates, their decay, and how they change."""

    @property
    def rate(self) -> float:
        """Of the kernels of hidden layers."""

    @property
    def other_rate(self) -> float:
        """Of all else."""

    @property
    def weight_decay(self) -> float:
        """Of all else."""

    @property
    def warmup(self) -> int:
        """Steps in which the rates rise."""

    @property
    def decay(self) -> float:
        """Share of the training in which they fall."""


def muon_phase(
    recipe: Recipe,
    name: str,
    networks: Mapping[str, nn.Module],
    settings: MuonSettings,
    last: Sequence[Tensor] = (),
) -> Phase:
    """Make the phase in which networks learn by Muon.

    Args:
        recipe: Whose phase it is.
        name: Of the phase.
        networks: By their names in the recipe.
        settings: Rates.
        last: Kernels of last layers, which AdamW changes; so it does depthwise ones.
    """
    parameters = [one for network in networks.values() for one in network.parameters()]
    apart = set(map(id, last))
    kernels = [
        one
        for one in parameters
        if one.ndim == 4 and min(one.shape[:2]) > 1 and id(one) not in apart
    ]
    hidden = set(map(id, kernels))
    optimizer = Muon(
        kernels,
        [one for one in parameters if id(one) not in hidden],
        rate=settings.rate,
        other_rate=settings.other_rate,
        weight_decay=settings.weight_decay,
    )
    schedule = warmup_stable_decay(recipe, optimizer, settings.warmup, settings.decay)
    return Phase(name, tuple(networks), optimizer, schedule)
