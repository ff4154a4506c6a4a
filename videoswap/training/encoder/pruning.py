"""dlib's network cut down to the small encoder, so that a training begins with what it knows.

Every block of the small network takes the place of one or more of the large one. The channels
between its two convolutions are those of the large ones from which the second convolution can best
be fitted again, by least squares, to what the large network answers at that place; the blocks
before it are the small ones already, so that each makes up for their errors.

Source of the method: He et al., "Channel Pruning for Accelerating Very Deep Neural Networks", ICCV
2017 (arXiv 1707.06168), with orthogonal matching pursuit as the choice of channels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...detection.dlib_network import LEVELS, MEAN_RGB, DlibWeights
from ...networks.lite import SIZE, STAGES, LiteEncoder, NarrowBlock, cropped
from .teacher import LargeBlock, LargeNetwork, resized

ROWS = 20_000  # places in the maps of all pictures that a block is fitted to
_RIDGE, _PER_ROUND = 1e-3, 16  # of the fit; rounds in which the channels of a block are chosen
_KERNEL_NORM = 0.8  # largest singular value, as that of a kernel to begin a training with
_BATCH = 50


@torch.no_grad()
def cut_down(weights: DlibWeights, faces: Tensor, mean: Tensor, *, seed: int = 0) -> LiteEncoder:
    """Make a small encoder of dlib's network.

    Args:
        weights: Of dlib's network.
        faces: (N, 3, S, S) RGB in [-1, 1], ArcFace framing, that the fit goes by; some hundreds.
        mean: (128,), dlib's mean descriptor, which the small encoder leaves out.
        seed: Of the places that are looked at.

    Returns:
        The encoder in eval mode.
    """
    encoder = LiteEncoder().eval()
    random = torch.Generator().manual_seed(seed)
    teacher = LargeNetwork(weights)
    large = _in_parts(teacher.after_stem, faces)
    seen = _in_parts(lambda x: cropped(resized(x, SIZE)), faces)
    _set_stem(encoder, teacher.stem, seen)
    small = _in_parts(encoder.body[:4], seen)
    blocks = [one for one in encoder.body if isinstance(one, NarrowBlock)]
    for block, group in zip(blocks, _groups(teacher), strict=True):
        goal = large
        for one in group:
            goal = _in_parts(one.before_relu, large)
            large = F.relu(goal)
        _fit(block, group, small, goal, random)
        small = _in_parts(block, small)
    last = cast("nn.Linear", encoder.body[-1])
    last.weight.copy_(torch.from_numpy(weights.matrix.T.copy()))
    last.bias.copy_(-mean)
    return encoder


def _groups(teacher: LargeNetwork) -> list[list[LargeBlock]]:
    """Return, for each block of the small network, those whose place it takes."""
    groups: list[list[LargeBlock]] = []
    for (_, _, halved), level, (_, _, kept, _) in zip(LEVELS, teacher.levels, STAGES, strict=True):
        blocks = list(level)
        if halved:  # the one that halves the maps stands for itself
            groups.append([blocks.pop(0)])
            kept -= 1
        for part in np.array_split(np.arange(len(blocks)), kept) if kept else ():
            groups.append([blocks[n] for n in part])
    return groups


def _set_stem(encoder: LiteEncoder, stem: tuple[Tensor, Tensor], seen: Tensor) -> None:
    kernel, offset = _at_half_size(stem[0]), stem[1]
    # dlib's input is (level - mean) / 256, ours is level / 127.5 - 1.
    shift = (127.5 - torch.tensor(MEAN_RGB)) / 256
    offset = offset + (kernel.sum((2, 3)) * shift).sum(1)
    _set(encoder.body[0], encoder.body[1], kernel * (127.5 / 256), offset, seen)


def _at_half_size(kernel: Tensor) -> Tensor:
    """Turn kernels (O, I, 7, 7), by steps of 2 over twice the size, to (O, I, 5, 5)."""
    doubling = torch.zeros(7, 5)
    for tap in range(7):
        near = tap // 2 + 1
        doubling[tap, near] = 0.75
        doubling[tap, near - 1 if tap % 2 == 0 else near + 1] = 0.25
    return torch.einsum("oiyx,yv,xh->oivh", kernel, doubling, doubling)


def _fit(
    block: NarrowBlock,
    group: Sequence[LargeBlock],
    given: Tensor,
    goal: Tensor,
    random: torch.Generator,
) -> None:
    """Set a small block so that it answers to what it is given with the goal, before its ReLU."""
    parts: list[Any] = list(block.body)
    *pad, first, first_norm, _, second, second_norm = parts
    framed = nn.Sequential(*pad)
    kernels = torch.cat([one.first[0] for one in group])
    offsets = torch.cat([one.first[1] for one in group])

    def inside(x: Tensor) -> Tensor:
        return F.relu(F.conv2d(framed(x), kernels, offsets, first.stride, first.padding))

    places = goal.shape[-1] ** 2
    count = min(places, max(1, ROWS // len(given)))
    rows, goals = [], []
    for x, wanted in zip(_parts(given), _parts(goal), strict=True):
        chosen = torch.randperm(places, generator=random)[:count]
        windows = F.unfold(inside(x), 3, padding=1)[:, :, chosen]
        change = (wanted - block.skipped(x)).flatten(2)[:, :, chosen]
        rows.append(windows.transpose(1, 2).flatten(0, 1))
        goals.append(change.transpose(1, 2).flatten(0, 1))
    kept, matrix, offset = _best_channels(torch.cat(rows), torch.cat(goals), first.out_channels)
    _set(first, first_norm, kernels[kept], offsets[kept], _in_parts(framed, given))
    middle = _in_parts(block.body[: len(pad) + 3], given)
    _set(second, second_norm, matrix.T.reshape(second.weight.shape), offset, middle)


def _best_channels(rows: Tensor, goals: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Choose channels from which goals can be told.

    Args:
        rows: (R, C * 9), windows of all channels.
        goals: (R, O).
        count: Channels to choose.

    Returns:
        The channels (count,), the matrix (count * 9, O) and the offset (O,) of the fit.
    """
    middle, mean = rows.mean(0), goals.mean(0)
    rows, goals = rows - middle, goals - mean
    gram, told = (rows.T @ rows).double(), (rows.T @ goals).double()
    gram.diagonal().add_(_RIDGE * gram.diagonal().mean())
    channels = len(gram) // 9
    own = torch.stack([gram[9 * n : 9 * n + 9, 9 * n : 9 * n + 9] for n in range(channels)])
    roots = torch.linalg.cholesky(own)
    kept, left = torch.zeros(0, dtype=torch.long), told
    matrix, places = left, kept
    while len(kept) < count:
        gains = torch.linalg.solve_triangular(roots, left.view(channels, 9, -1), upper=False)
        gains = gains.square().sum((1, 2)).index_fill(0, kept, -1.0)
        more = min(max(1, count // _PER_ROUND), count - len(kept))
        kept = torch.cat([kept, gains.topk(more).indices])
        places = (9 * kept[:, None] + torch.arange(9)).flatten()
        matrix = torch.linalg.solve(gram[places][:, places], told[places])
        left = told - gram[:, places] @ matrix
    matrix = matrix.to(rows.dtype)
    return kept, matrix, mean - middle[places] @ matrix


def _set(conv: Any, norm: Any, kernel: Tensor, offset: Tensor, given: Tensor) -> None:
    """Set a convolution and its batch norm so that both together are a kernel and an offset."""
    scale = _KERNEL_NORM / torch.linalg.matrix_norm(kernel.flatten(1), 2)
    conv.weight.copy_(kernel * scale)
    sums = [
        torch.stack([one.sum((0, 2, 3)), one.square().sum((0, 2, 3))]).double()
        for one in map(conv, _parts(given))
    ]
    count = len(given) * conv(given[:1])[0, 0].numel()
    mean, square = torch.stack(sums).sum(0) / count
    norm.running_mean.copy_(mean)
    norm.running_var.copy_((square - mean.square()).clamp(min=0))
    norm.weight.copy_((norm.running_var + norm.eps).sqrt() / scale)
    norm.bias.copy_(offset + mean / scale)


def _in_parts(function: Callable[[Tensor], Tensor], values: Tensor) -> Tensor:
    return torch.cat([function(one) for one in _parts(values)])


def _parts(values: Tensor) -> tuple[Tensor, ...]:
    parts: tuple[Tensor, ...] = torch.split(values, _BATCH)
    return parts
