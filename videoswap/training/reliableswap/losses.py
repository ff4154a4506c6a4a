"""ReliableSwap's losses that other swappers do not have.

Source: ReliableSwap (Yuan et al., 2023, arXiv 2306.05356). Written from the published facts and
numbers, not from its code.

B is the batch. Pictures are (B, 3, S, S) RGB in [-1, 1], every loss is a tensor of shape ().
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

#: From which of the discriminator's maps on weak feature matching compares.
FIRST_DEEP_MAP = 2


def adversarial(judged: Sequence[Tensor]) -> Tensor:
    """Return minus the mean logit of generated pictures, averaged over the scales.

    Args:
        judged: Logits (B, 1, h, w), by scale.
    """
    return -torch.stack([logits.mean() for logits in judged]).mean()


def discriminator(real: Sequence[Tensor], fake: Sequence[Tensor]) -> Tensor:
    """Return the hinge loss of the discriminator, averaged over the scales.

    Args:
        real: Logits of photos (B, 1, h, w), by scale.
        fake: Logits of generated pictures.
    """
    terms = [
        F.relu(1 - one).mean() + F.relu(1 + other).mean()
        for one, other in zip(real, fake, strict=True)
    ]
    return torch.stack(terms).mean()


def masked_difference(result: Tensor, answer: Tensor, mask: Tensor) -> Tensor:
    """Return the mean over all pixels of the absolute difference times a mask.

    Args:
        result: Generated pictures.
        answer: What they should be.
        mask: (B, S, S) in [0, 1].
    """
    return ((result - answer).abs() * mask[:, None]).mean()


def feature_matching(
    target: Sequence[Sequence[Tensor]], result: Sequence[Sequence[Tensor]]
) -> Tensor:
    """Return the mean absolute difference of the discriminator's deep maps: weak feature matching.

    Source: SimSwap (Chen et al., ACM Multimedia 2020, arXiv 2106.06340), which leaves out the
    first maps, since they hold the target's identity.

    Args:
        target: Maps of the targets, by scale and layer; the last of a scale are the logits.
        result: Maps of the generated pictures.
    """
    terms = [
        F.l1_loss(one, other.detach())
        for mine, theirs in zip(result, target, strict=True)
        for one, other in zip(mine[FIRST_DEEP_MAP:-1], theirs[FIRST_DEEP_MAP:-1], strict=True)
    ]
    return torch.stack(terms).mean()
