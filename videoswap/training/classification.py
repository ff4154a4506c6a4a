"""The loss of an encoder that is trained as a classifier of people, on one process or on several.

On several every process has the centers of some people (``Centers.divide``). It compares the
embeddings of all processes with them, and the softmax is put together from what each one found, so
that nobody needs the whole table. Loss and gradients are those of one process with all centers.

Source: ArcFace's parallel softmax and Partial FC (An et al., 2020, arXiv 2010.05222).
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from .margins import Centers, Margin


def classify(
    centers: Centers,
    margin: Margin,
    embeddings: Tensor,
    labels: Tensor,
    chosen: Tensor | None = None,
) -> dict[str, Tensor]:
    """Compute how well embeddings are told to be of their people.

    Args:
        centers: Of the people; on several processes each has a part of them.
        margin: Of the right person.
        embeddings: (B, features) float32 of any length.
        labels: (B,) int64, the right person's place among the chosen ones.
        chosen: (n,) int64, sorted: the people to compare with, the same ones on every process;
            None takes all.

    Returns:
        ``total``: mean cross entropy. ``right``: share whose own person is the nearest. Both are
        of the batches of all processes where the centers are divided.
    """
    if not centers.is_divided:
        cosines = centers(embeddings, chosen)
        right = (cosines.argmax(dim=1) == labels).float().mean()
        return {"total": F.cross_entropy(margin(cosines, labels), labels), "right": right}
    embeddings = _Gather.apply(embeddings)  # type: ignore[no-untyped-call]
    labels = _gathered(labels)
    own, first = centers.own(chosen)
    labels = labels - first
    count = len(centers.weight) if own is None else len(own)
    labels = torch.where((labels >= 0) & (labels < count), labels, -1)
    cosines = centers(embeddings, own)
    least = cosines.new_full((len(cosines), 1), -2.0)  # where this process has none to compare
    nearest, place = torch.cat([least, cosines.detach()], dim=1).max(dim=1)
    everywhere = _reduced(nearest, dist.ReduceOp.MAX)
    right = (nearest == everywhere) & (labels >= 0) & (place == labels + 1)
    total = _DividedCrossEntropy.apply(margin(cosines, labels), labels)  # type: ignore[no-untyped-call]
    return {"total": total, "right": _reduced(right.float(), dist.ReduceOp.MAX).mean()}


def _reduced(tensor: Tensor, operation: Any) -> Tensor:
    made = tensor.clone()
    dist.all_reduce(made, operation)
    return made


def _gathered(tensor: Tensor) -> Tensor:
    parts = [torch.empty_like(tensor) for _ in range(dist.get_world_size())]
    dist.all_gather(parts, tensor.contiguous())
    return torch.cat(parts)


class _Gather(Function):
    """All processes' rows, in their order. Every process learns from its own.

    The loop averages the gradients of what all processes share, so they are given times their
    number here: the loss is the mean of all rows, not one process's mean.
    """

    @staticmethod
    def forward(context: Any, rows: Tensor) -> Tensor:
        context.count = len(rows)
        return _gathered(rows)

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(context: Any, gradient: Tensor) -> Tensor:
        whole = _reduced(gradient, dist.ReduceOp.SUM)
        first = dist.get_rank() * context.count
        return whole[first : first + context.count] * dist.get_world_size()


class _DividedCrossEntropy(Function):
    """Mean cross entropy of logits whose columns are divided over the processes.

    ``logits`` (B, n) are this process's columns, ``labels`` (B,) the right one, or -1 where another
    process has it.
    """

    @staticmethod
    def forward(context: Any, logits: Tensor, labels: Tensor) -> Tensor:
        lowest = logits.new_full((len(logits), 1), -torch.inf)
        largest = _reduced(torch.cat([lowest, logits], dim=1).amax(dim=1), dist.ReduceOp.MAX)
        raised = torch.exp(logits - largest[:, None])
        rows = (labels >= 0).nonzero().squeeze(1)
        right = torch.zeros_like(largest)
        right[rows] = logits[rows, labels[rows]] - largest[rows]
        sums = _reduced(torch.stack([raised.sum(dim=1), right]), dist.ReduceOp.SUM)
        context.save_for_backward(raised / sums[0][:, None], rows, labels[rows])
        return (sums[0].log() - sums[1]).mean()

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:
        shares, rows, columns = context.saved_tensors
        slope = shares.clone()
        slope[rows, columns] -= 1
        return slope * (gradient / len(slope)), None
