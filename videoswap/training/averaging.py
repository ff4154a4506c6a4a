"""Exponential moving average of a network's weights (EMA), which is what is used later.

Source: Polyak and Juditsky, 1992, in the form that GAN training uses (Yazici et al., 2019, arXiv
1806.04498).
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


class MovingAverage:
    """A copy of a network whose weights follow it slowly.

    Args:
        network: The network that learns.
        decay: Share of the average that a step leaves, once many steps have been taken.

    Attributes:
        network: The copy, in eval mode, asking for no gradients.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = copy.deepcopy(network).requires_grad_(False).eval()
        self._decay = decay

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Take in the weights after a step.

        Args:
            network: The network that learns.
            step: Number of the step, from 0 on. Early on the average is that of about the last
                tenth of all steps.
        """
        share = 1 - min(self._decay, (1 + step) / (10 + step))
        floats: list[Tensor] = []
        news: list[Tensor] = []
        for mean, new in zip(
            self.network.state_dict().values(), network.state_dict().values(), strict=True
        ):
            if mean.dtype.is_floating_point:
                floats.append(mean)
                news.append(new)
            else:
                mean.copy_(new)
        torch._foreach_lerp_(floats, news, share)
