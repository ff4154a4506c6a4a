"""GHOST's losses for the generator and the discriminator.

Source: GHOST (Groshev et al., IEEE Access 2022; ai-forever/ghost), after FaceShifter (Li et al.,
2019, arXiv 1912.13457). Written from the published facts and numbers, not from its code.

B is the batch. Pictures are (B, 3, S, S) RGB in [-1, 1]. Every loss is a tensor of shape () that
is nought at best and has a gradient.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

#: The running adversarial loss at the start of a training.
RUNNING_START = 20.0
#: GHOST's ``discr_force``: the discriminator learns only while the running loss is below this.
RUNNING_LIMIT = 4.0


def weighted(terms: Mapping[str, Tensor], weights: Any) -> Tensor:
    """Add terms up by their weights.

    Args:
        terms: By name, each of shape ().
        weights: Has a number by the name of every term.
    """
    return _sum([getattr(weights, name) * term for name, term in terms.items()])


def adversarial(judged: Sequence[Tensor]) -> Tensor:
    """Hinge loss of the generator: nought once every patch of its pictures counts as real.

    Args:
        judged: The discriminator's logits of generated pictures, (B, 1, h, w) per scale.

    Returns:
        The sum over the scales of the mean of ``max(0, 1 - logit)``.
    """
    return _sum([F.relu(1 - logits).mean() for logits in judged])


def discriminator(real: Sequence[Tensor], fake: Sequence[Tensor]) -> Tensor:
    """Hinge loss of the discriminator: nought once real is above 1 and fake below -1.

    Args:
        real: Logits of photos (in GHOST the source pictures), (B, 1, h, w) per scale.
        fake: Logits of generated pictures, which the generator must not learn from here.

    Returns:
        Half of the sum over the scales of both means.
    """
    terms = [
        F.relu(1 - one).mean() + F.relu(1 + other).mean()
        for one, other in zip(real, fake, strict=True)
    ]
    return 0.5 * _sum(terms)


def identity(source: Tensor, result: Tensor) -> Tensor:
    """Whether the result looks like the source: the mean of one minus the cosine, 0 to 2.

    Args:
        source: Embeddings (B, D) of the source faces, of any length.
        result: Embeddings (B, D) of the generated faces.
    """
    return (1 - F.cosine_similarity(source, result, dim=1)).mean()


def attributes(target: Sequence[Tensor], result: Sequence[Tensor]) -> Tensor:
    """Whether the result has the target's pose, expression and light.

    Args:
        target: Attribute maps (B, C, h, w) of the target, one per level. They are part of what
            is learned, as in GHOST: their encoder gets gradients from both sides.
        result: Attribute maps of the generated pictures.

    Returns:
        Half of the sum over the levels of the mean squared difference.
    """
    return 0.5 * _sum([F.mse_loss(one, other) for one, other in zip(result, target, strict=True)])


def reconstruction(result: Tensor, target: Tensor, same: Tensor) -> Tensor:
    """Whether a face that was swapped with the same person's is the face it was.

    Args:
        result: Generated pictures (B, 3, S, S).
        target: The pictures they were made of.
        same: (B,) bool or 0 and 1: whether source and target show the same person.

    Returns:
        Half of the mean squared difference of these pairs; 0 if there are none.
    """
    each = 0.5 * (result - target).square().mean(dim=(1, 2, 3))
    return (each * same).sum() / same.sum().clamp(min=1)


def eyes(
    target: tuple[Tensor, Tensor],
    result: tuple[Tensor, Tensor],
) -> Tensor:
    """Whether the result looks where the target looks.

    Args:
        target: Heatmaps (B, h, w) of the target's left and right pupil. GHOST takes points 96
            and 97 of the 98 that a face alignment network (FAN) of four stacks finds.
        result: The same of the generated pictures.

    Returns:
        The sum of both mean squared differences.
    """
    return _sum([F.mse_loss(one, other) for one, other in zip(result, target, strict=True)])


def running(before: float, now: float, keep: float = 0.98) -> float:
    """Follow the adversarial loss slowly, to know whether the discriminator is far ahead.

    Args:
        before: The running loss so far, at first ``RUNNING_START``.
        now: The loss of this step.
        keep: How much of the old value stays.
    """
    return keep * before + (1 - keep) * now


def _sum(terms: Sequence[Tensor]) -> Tensor:
    return torch.stack(list(terms)).sum()
