"""ClipSwap's losses, after what its README says of them; the formulas are this project's choice.

Embeddings are (B, D) of length 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def clip_guidance(source: Tensor, result: Tensor) -> Tensor:
    """Whether the result means to CLIP what the source means: the mean of one minus the cosine."""
    return (1 - (source * result).sum(dim=1)).mean()


def contrastive(
    source: Tensor, target: Tensor, result: Tensor, *, temperature: float, same: Tensor
) -> Tensor:
    """Whether a result is told to be its source's, among all sources and its own target.

    InfoNCE (van den Oord et al., 2018, arXiv 1807.03748): the cross-entropy of the softmax over
    the cosines of a result with every source of the batch and with its target.

    Args:
        source: Of the sources.
        target: Of the targets.
        result: Of the results.
        temperature: Divides the cosines.
        same: (B,) bool, whether source and target show one person; such a target is left out.
    """
    sources = result @ source.T
    own_target = (result * target).sum(dim=1, keepdim=True)
    own_target = own_target.masked_fill(same[:, None].bool(), -torch.inf)
    logits = torch.cat([sources, own_target], dim=1) / temperature
    return F.cross_entropy(logits, torch.arange(len(result), device=result.device))


def preservation(target: Sequence[Tensor], result: Sequence[Tensor]) -> Tensor:
    """Whether the result has the target's attributes on every level, however strong they are.

    Args:
        target: Attribute maps (B, C, h, w) of the targets; not taught from here.
        result: Those of the results.

    Returns:
        The mean over levels and places of one minus the cosine.
    """
    levels = [
        (1 - F.cosine_similarity(one.detach(), other, dim=1)).mean()
        for one, other in zip(target, result, strict=True)
    ]
    return torch.stack(levels).mean()
