"""The learning rates of the published trainings, as schedulers of torch.

Each takes an optimiser that has the rate of the first step.
"""

from __future__ import annotations

from torch.optim import Optimizer
from torch.optim.lr_scheduler import MultiStepLR, PolynomialLR, StepLR

FIXERNET_EPOCHS = 25


def ghost(optimizer: Optimizer, every: int = 5000, factor: float = 0.2) -> StepLR:
    """GHOST: a fifth after every 5000 iterations; off by default there, step it per iteration.

    The optimisers of generator and discriminator are Adam with rate 4e-4, betas (0, 0.999) and
    weight decay 1e-4.
    """
    return StepLR(optimizer, every, factor)


def blendface(optimizer: Optimizer, steps: int) -> PolynomialLR:
    """BlendFace's encoder: from the first rate to nought by a parabola, no warm-up.

    The optimiser is SGD with rate 0.1, momentum 0.9 and weight decay 5e-4, gradients are clipped
    to norm 5, and 20 epochs of batches of 1024 are about 101160 steps. Step it per iteration.
    """
    return PolynomialLR(optimizer, total_iters=steps, power=2.0)


def fixernet(optimizer: Optimizer, epoch: float = 1.0) -> MultiStepLR:
    """ReliableSwap's FixerNet: a tenth after epochs 11, 17 and 22 of 25.

    The optimiser is SGD with rate 0.1 for a batch of 512 (in proportion for others), momentum 0.9
    and weight decay 5e-4, and gradients are clipped to norm 5.

    Args:
        optimizer: With the first rate.
        epoch: Steps of an epoch; 1 if it is stepped once an epoch.
    """
    return MultiStepLR(optimizer, [round(after * epoch) for after in (11, 17, 22)], 0.1)
