"""AEI-Net for rendering: the same answer as the plain module, in less time.

What is done differently:

* everything that depends on the identity alone is computed once per person
  (:meth:`FastAEINet.identity`): the terms of all AAD layers and the generator's first map;
* maps are channels-last; seen as rows of channels, the two attribute convolutions of a layer are
  one matrix product;
* instance norm, mask, modulation and ReLU pass over the map in tiles that stay in the processor's
  cache, and only the first step's statistics are computed for two layers that share their input;
* the sum of a block's two branches is one convolution over both;
* batch norms disappear into the convolutions before them, weights are laid out once (see
  :mod:`~videoswap.networks.cpu_layers`), and the last convolution, to three channels, computes
  2 x 2 pixels at a time;
* in half precision, statistics and normalisation are computed in float32, and weights are scaled
  by powers of two so that large activations stay far from 65504. The instance norms undo the
  scale, so the answer does not change.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .aei_net import AADLayer, AEINet, AttributeEncoder, Block, upsample
from .cpu_layers import Linear
from .fast_layers import (
    TILE_BYTES,
    FastEncoder,
    Normed,
    Workspace,
    conv_3x3,
    four_pixels,
    joined_identity,
    map_of,
    modulate,
    rows_of,
    tiles,
)
from .fast_network import FastNetwork, Terms, on_device


class IdentityTerms(NamedTuple):
    """What the generator needs to know of one person, from :meth:`FastAEINet.identity`.

    Attributes:
        start: (1, C, 2, 2) the generator's first map.
        modulation: (1, sum of 2C) scales and shifts of all AAD layers, in the layers' order.
    """

    start: Tensor
    modulation: Tensor


def _power_of_two(norm: float) -> float:
    """The power of two that brings ``norm`` to between 1/8 and 1/4."""
    return 2.0 ** -(math.floor(math.log2(norm)) + 3) if norm > 0 else 1.0


def _largest_row(weight: Tensor) -> float:
    """The largest length of an output channel's weights."""
    return float(weight.flatten(1).norm(dim=1).max())


def _times(weight: Tensor, factor: float) -> Tensor:
    """``weight`` times a factor, without a copy where there is nothing to do."""
    return weight if factor == 1.0 else weight * factor


class _Layer:
    """One AAD layer and the ReLU behind it."""

    def __init__(self, layer: AADLayer, terms: slice, dtype: torch.dtype, scaled: bool) -> None:
        weight = torch.cat([layer.conv1.weight, layer.conv2.weight])[:, :, 0, 0].float()
        bias = torch.cat([_bias(layer.conv1), _bias(layer.conv2)]).float()
        id_weight = torch.cat([layer.fc1.weight, layer.fc2.weight]).float()
        id_bias = torch.cat([layer.fc1.bias, layer.fc2.bias]).float()
        #: Factor of the layer's output.
        self.scale = 1.0
        if scaled:
            parts = (weight, bias[:, None], id_weight, id_bias[:, None])
            self.scale = _power_of_two(max(_largest_row(part) for part in parts))
        self.terms = terms
        self.by_attributes = Linear(
            _times(weight, self.scale).to(dtype), _times(bias, self.scale).to(dtype)
        )
        self.id_weight, self.id_bias = _times(id_weight, self.scale), _times(id_bias, self.scale)
        self.mask_weight = layer.conv_h.weight.reshape(-1, 1).to(dtype, copy=True)
        self.mask_bias = float(_bias(layer.conv_h))

    def __call__(self, hn: Tensor, attributes: Tensor, terms: Tensor, out: Tensor) -> None:
        """Modulate normalised rows (B, P, C) by attribute rows (B, P, A) into ``out``."""
        logits = torch.matmul(hn, self.mask_weight).add_(self.mask_bias)
        by_identity = terms[:, None, self.terms]
        modulate(hn, logits, self.by_attributes(attributes), by_identity, out)


def _bias(layer: nn.Conv2d) -> Tensor:
    assert layer.bias is not None
    return layer.bias


class _Block:
    """One AAD block on rows of channels.

    Args:
        block: The plain block.
        size: Height and width of its maps.
        first_term: Where its terms begin in the identity's.
        dtype: Of weights and maps.
        scale: Factor of the map that comes in.
        last: True for the block that paints the picture.
    """

    def __init__(
        self, block: Block, size: int, first_term: int, dtype: torch.dtype, scale: float, last: bool
    ) -> None:
        scaled = dtype == torch.float16
        main, shortcut = block.main_path(), block.shortcut()
        self.layers: list[_Layer] = []
        end = first_term
        for aad, _ in [*main, *shortcut]:
            terms = slice(end, end + 2 * aad.conv1.out_channels)
            self.layers.append(_Layer(aad, terms, dtype, scaled))
            end = terms.stop
        self.end, self.size = end, size
        self.main = self.layers[: len(main)]
        self.shortcut = self.layers[len(main) :]
        eps = main[0][0].norm.eps
        #: The instance norms' eps, in the scale of the map that each of them sees.
        self.eps = [eps * scale**2]
        self.convs = []
        for layer, (_, conv) in zip(self.main[:-1], main[:-1], strict=True):
            weight = conv.weight.float()
            factor = _power_of_two(_largest_row(weight)) if scaled else 1.0
            self.convs.append(conv_3x3(_times(weight, factor).to(dtype), size))
            self.eps.append(eps * (factor * layer.scale) ** 2)
        ends = [(self.main[-1], main[-1][1])]
        ends += [(layer, conv) for layer, (_, conv) in zip(self.shortcut, shortcut, strict=True)]
        # Both branches in one convolution; each half undoes its own layer's scale.
        weight = torch.cat(
            [_times(conv.weight.float(), 1 / layer.scale) for layer, conv in ends], dim=1
        )
        if scaled:
            plain = torch.cat([conv.weight for _, conv in ends], dim=1).float()
            self.scale = _power_of_two(_largest_row(plain))
            self.scale *= min(layer.scale for layer, _ in ends)
            if not self.shortcut:  # the input is added as it is and must not overflow either
                self.scale = min(self.scale, scale)
        else:
            self.scale = 1.0
        self.skip_factor = self.scale / scale
        weight = _times(weight, self.scale).to(dtype)
        self.end_conv = four_pixels(weight, size) if last else conv_3x3(weight, size)

    def __call__(
        self,
        h: Tensor,
        attributes: Tensor,
        terms: Tensor,
        workspace: Workspace,
        tile_bytes: int | None,
    ) -> Tensor:
        """Map ``h`` (B, C, S, S), channels-last, to the block's output."""
        rows, attr = rows_of(h), rows_of(attributes)
        b, p, c = rows.shape
        inner, branches = workspace.take((b, p, c), (b, p, c * (1 + len(self.shortcut))))
        work = [(layer, branches[..., c:]) for layer in self.shortcut]
        x = rows
        for k, eps in enumerate(self.eps):
            ends = k == len(self.convs)
            work.append((self.main[k], branches[..., :c] if ends else inner))
            _normalise_and_modulate(x, eps, attr, terms, work, tile_bytes)
            work = []
            if not ends:
                x = rows_of(self.convs[k](map_of(inner, self.size)))
        out = self.end_conv(map_of(branches, self.size))
        return out if self.shortcut else out.add_(h, alpha=self.skip_factor)


def _normalise_and_modulate(
    rows: Tensor,
    eps: float,
    attributes: Tensor,
    terms: Tensor,
    work: Sequence[tuple[_Layer, Tensor]],
    tile_bytes: int | None,
) -> None:
    """Instance norm of ``rows`` and, on its result, every layer of ``work`` into its output."""
    b, p, c = rows.shape
    pieces = list(tiles(b, p, 4 * 2 * c, tile_bytes))
    mean, variance = _instance_statistics(rows, pieces)
    rstd = torch.rsqrt(variance + eps)
    shift = -mean * rstd
    for n, k in pieces:
        hn = torch.addcmul(shift[n], rows[n, k].float(), rstd[n]).to(rows.dtype)
        for layer, out in work:
            layer(hn, attributes[n, k], terms[n], out[n, k])


def _statistics(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and mean squared deviation of float32 rows (B, P, C): both (B, 1, C)."""
    mean = rows.mean(1, keepdim=True)
    deviation = rows - mean
    return mean, deviation.mul_(deviation).mean(1, keepdim=True)


def _instance_statistics(
    rows: Tensor, pieces: Sequence[tuple[slice, slice]]
) -> tuple[Tensor, Tensor]:
    """Mean and variance over P of rows (B, P, C) in float32: both (B, 1, C).

    Every tile is centred on its own mean before it is squared, so nothing cancels.
    """
    if len(pieces) == 1:
        return _statistics(rows.float())
    b, p, c = rows.shape
    mean, variance = rows.new_empty((2, b, 1, c), dtype=torch.float32)
    parts: dict[int, list[tuple[int, Tensor, Tensor]]] = {}
    for n, k in pieces:
        tile = rows[n, k]
        part = _statistics(tile.float())
        if tile.shape[1] == p:
            mean[n], variance[n] = part
        else:
            parts.setdefault(n.start, []).append((tile.shape[1], *part))
    for sample, made in parts.items():
        share = torch.tensor([n / p for n, _, _ in made], device=rows.device)[:, None, None]
        means = torch.cat([m for _, m, _ in made])
        total = (means * share).sum(0)
        squares = torch.cat([v for _, _, v in made]) + (means - total).square()
        mean[sample], variance[sample] = total, (squares * share).sum(0)
    return mean, variance


def _encoder(module: AEINet, dtype: torch.dtype) -> Callable[[Tensor], list[Tensor]]:
    """The attribute encoder, folded; the resnet as it is, in the wanted type."""
    encoder = module.encoder
    if isinstance(encoder, AttributeEncoder):
        down = [cast(Normed, (layer[0], layer[1])) for layer in encoder.down()]
        up: list[Normed] = [(layer.deconv, layer.bn) for layer in encoder.up()]
        return FastEncoder(down, up, encoder.concatenate, module.size, dtype)
    copied = copy.deepcopy(encoder).eval()
    return copied.to(dtype=dtype, memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


class FastAEINet(FastNetwork):
    """A loaded :class:`~videoswap.networks.aei_net.AEINet`, made ready for rendering.

    It takes and gives RGB in [-1, 1]. It holds its own copies of the weights; the module can be
    dropped. Not for training.

    Args:
        module: AEI-Net with its weights (also the ``G`` of ReliableSwap's generator).
        dtype: float32, float16 or bfloat16, of weights and maps. Pictures are float32.
        device: Where to run.
        graphs: Capture the network as CUDA graphs; default on CUDA, without meaning elsewhere.
        tile_bytes: Working set of the modulation; None for no tiles. Default: no tiles on CUDA.
    """

    @torch.no_grad()
    def __init__(
        self,
        module: AEINet,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
        graphs: bool | None = None,
        tile_bytes: int | None = -1,
    ) -> None:
        super().__init__(module.size, dtype, device, graphs)
        if tile_bytes == -1:
            on_cuda = self.device.type == "cuda"
            tile_bytes = None if on_cuda else TILE_BYTES * torch.get_num_threads()
        self._tile_bytes = tile_bytes
        module = on_device(module, device)
        self._encoder = _encoder(module, dtype)
        up, scale = module.generator.up1, 1.0
        assert up.bias is not None
        if dtype == torch.float16:
            scale = _power_of_two(_largest_row(up.weight.transpose(0, 1)))
        self._start_weight = up.weight.detach().float() * scale
        self._start_bias = up.bias.detach().float() * scale
        self._blocks: list[_Block] = []
        size, end = 2, 0
        blocks = module.generator.blocks()
        for block in blocks:
            last = len(self._blocks) == len(blocks) - 1
            fast = _Block(cast(Block, block), size, end, dtype, scale, last)
            self._blocks.append(fast)
            size, end, scale = 2 * size, fast.end, fast.scale
        self._picture_scale = scale
        layers = [layer for block in self._blocks for layer in block.layers]
        self._id_linear = joined_identity(layers)

    @torch.inference_mode()
    def identity(self, z: Tensor) -> Terms:
        """Compute once per person what all swaps onto that person's identity share.

        Args:
            z: (c_id,) or (1, c_id) identity vector, as the engine's rule gives it.
        """
        z = z.reshape(1, -1).to(self.device, torch.float32)
        start = F.conv_transpose2d(z[:, :, None, None], self._start_weight, self._start_bias)
        return IdentityTerms(start.to(self.dtype), self._id_linear(z).to(self.dtype))

    def _run(self, target: Tensor, *terms: Tensor) -> Tensor:
        start, modulation = terms
        maps = self._encoder(target)
        h = start.contiguous(memory_format=torch.channels_last)
        for k, (block, attributes) in enumerate(zip(self._blocks, maps, strict=True)):
            h = upsample(h) if k else h
            h = block(h, attributes, modulation, self._workspace, self._tile_bytes)
        return torch.tanh(self._nan_where_too_large(h.float()) / self._picture_scale)
