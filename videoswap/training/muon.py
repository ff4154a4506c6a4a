"""Muon: momentum whose matrix is made orthogonal, with AdamW for whatever is no matrix.

Source: Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024
(https://kellerjordan.github.io/posts/muon), in which a quintic Newton-Schulz iteration brings all
singular values near 1. A convolution's kernel is a matrix of its outputs by all else.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

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
