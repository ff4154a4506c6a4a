"""How a small encoder learns from a large one.

B is the batch, D the length of an embedding. Embeddings have length 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor

from ..margins import Margin


def distillation(embedding: Tensor, teacher: Tensor) -> Tensor:
    """Return one minus the mean cosine to the teacher, 0 to 2.

    Args:
        embedding: (B, D).
        teacher: (B, D), the teacher's embeddings, centred and of length 1.
    """
    return (1 - (embedding * teacher).sum(dim=1)).mean()


def relation(embedding: Tensor, teacher: Tensor) -> Tensor:
    """Return by how much the cosines within the batch differ from the teacher's.

    Source: Park et al., "Relational Knowledge Distillation", CVPR 2019 (arXiv 1904.05068), with
    cosines instead of distances.

    Args:
        embedding: (B, D).
        teacher: (B, D).

    Returns:
        Mean over the samples of the sum of squared differences to all others.
    """
    difference = embedding @ embedding.T - teacher @ teacher.T
    return difference.square().sum(dim=1).mean()


def maps(found: Sequence[Tensor], wanted: Sequence[Tensor]) -> Tensor:
    """Return how far maps are from those of the teacher: 0 where they are equal.

    Source: Romero et al., "FitNets: Hints for Thin Deep Nets", ICLR 2015 (arXiv 1412.6550).

    Args:
        found: (B, C, H, W) of each stage.
        wanted: Likewise, of the teacher.

    Returns:
        Squared differences over what the teacher's maps vary by, the mean of the stages.
    """
    apart = [
        (one.float() - other).square().mean()
        / (other - other.mean((0, 2, 3), True)).square().mean()
        for one, other in zip(found, wanted, strict=True)
    ]
    return sum(apart, start=found[0].new_zeros(())) / len(apart)


def people(embedding: Tensor, centers: Tensor, labels: Tensor, margin: Margin) -> Tensor:
    """Return the cross entropy of those samples whose person is known, per sample of the batch.

    Args:
        embedding: (B, D).
        centers: (N, D), one for every person, of any length.
        labels: (B,) int64, -1 where nobody knows.
        margin: How far ahead the right person has to be.
    """
    known = labels >= 0
    logits = margin(embedding @ F.normalize(centers).T, labels)
    return F.cross_entropy(logits, labels, ignore_index=-1, reduction="sum") / len(known)
