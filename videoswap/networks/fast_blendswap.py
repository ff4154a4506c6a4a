"""BlendFace's swap model for rendering: the same answer as the plain module, in less time.

What is done differently, besides what :mod:`~videoswap.networks.fast_aei_net` does as well (terms
of the identity once per person, channels-last, weights laid out once, one convolution over both
branches):

* a batch norm in eval mode is a factor and a shift per channel, so the norms inside the generator
  disappear: centring and scaling into the convolution before them, their weights into the
  attribute convolutions and identity layers behind them. Maps are kept normalised, which is also
  what half precision wants;
* the attribute convolutions of a block's two or three layers are one convolution.
"""

from __future__ import annotations

from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from .aei_net import upsample
from .blendswap import ADD, ADDBlock, BlendSwap
from .fast_layers import (
    Affine,
    FastEncoder,
    Normed,
    Workspace,
    conv_3x3,
    folded,
    four_pixels,
    joined_identity,
    map_of,
    modulate,
    rows_of,
)
from .fast_network import FastNetwork, Terms, on_device

#: Bytes of what a block's attribute convolutions may give at once on a CPU; at 256 x 256 pixels it
#: is 100 MB a face.
ROOM = 200 << 20


class BlendTerms(NamedTuple):
    """What the generator needs to know of one person, from :meth:`FastBlendSwap.identity`.

    Attributes:
        modulation: (1, sum of 2C) scales and shifts of all layers, in the layers' order.
    """

    modulation: Tensor


class _Layer:
    """One denormalisation and the ReLU behind it.

    Args:
        layer: The plain layer.
        given: What its input went through already.
        first_term: Where its terms begin in the identity's.
        dtype: Of weights and maps.
    """

    def __init__(self, layer: ADD, given: Affine, first_term: int, dtype: torch.dtype) -> None:
        norm = Affine.of(layer.BNorm).after(given)
        self.attr_weight, self.attr_bias = _through(norm, layer.conv1, layer.conv2)
        self.id_weight, self.id_bias = _through(norm, layer.fc_1, layer.fc_2)
        self.terms = slice(first_term, first_term + len(self.id_bias))
        assert layer.conv_f.bias is not None
        mask = layer.conv_f.weight.flatten().double()
        self.mask_weight = (mask * norm.factor)[:, None].to(dtype)
        self.mask_bias = float(layer.conv_f.bias + (mask * norm.shift).sum())

    def __call__(self, h: Tensor, by_attributes: Tensor, terms: Tensor, out: Tensor) -> None:
        """Modulate rows (B, P, C) by the attributes' scales and shifts (B, P, 2C) into ``out``."""
        logits = torch.matmul(h, self.mask_weight).add_(self.mask_bias)
        modulate(h, logits, by_attributes, terms[:, None, self.terms], out)


def _through(
    norm: Affine, scale: nn.Conv2d | nn.Linear, shift: nn.Conv2d | nn.Linear
) -> tuple[Tensor, Tensor]:
    """Weights and bias that modulate ``h`` as the two layers modulate ``norm`` of ``h``."""
    assert scale.bias is not None and shift.bias is not None
    column = [-1] + [1] * (scale.weight.dim() - 1)
    factor, offset = norm.factor.float().view(column), norm.shift.float().view(column)
    weight = torch.cat([scale.weight * factor, shift.weight + scale.weight * offset])
    bias = torch.cat([scale.bias * norm.factor, shift.bias + scale.bias * norm.shift])
    return weight, bias.float()


class _Block:
    """One block on rows of channels.

    Args:
        block: The plain block.
        size: Height and width of its maps.
        first_term: Where its terms begin in the identity's.
        behind: What its result is to go through; None for the picture.
        dtype: Of weights and maps.
    """

    def __init__(
        self,
        block: ADDBlock,
        size: int,
        first_term: int,
        behind: Affine | None,
        dtype: torch.dtype,
    ) -> None:
        self.size = size
        #: What the block's input must have gone through, and the second step's.
        self.given, inner = (
            Affine.statistics_of(layer.BNorm) for layer in (block.add1, block.add2)
        )
        self.layers: list[_Layer] = []
        end = first_term
        outer = [block.add1, block.add3] if block.changes else [block.add1]
        for layer, given in [*((layer, self.given) for layer in outer), (block.add2, inner)]:
            self.layers.append(_Layer(layer, given, end, dtype))
            end = self.layers[-1].terms.stop
        self.end = end
        weight, bias = (
            torch.cat(parts).to(dtype)
            for parts in zip(*((x.attr_weight, x.attr_bias) for x in self.layers), strict=True)
        )
        self.attributes = conv_3x3(weight, size, bias)
        self.widths = [len(layer.attr_bias) for layer in self.layers]
        #: Bytes that the attribute convolutions give for one face.
        self.attribute_bytes = len(bias) * size**2 * weight.element_size()
        for made in self.layers:
            del made.attr_weight, made.attr_bias
        weight, bias = folded(block.conv1, inner)
        self.conv = conv_3x3(weight.to(dtype), size, bias.to(dtype))
        self._make_end(block, behind, dtype)

    def _make_end(self, block: ADDBlock, behind: Affine | None, dtype: torch.dtype) -> None:
        """Both branches in one convolution; the input itself is added where it is the second."""
        ends = [block.conv2, block.conv3] if block.changes else [block.conv2]
        last, behind = behind is None, behind or _nothing(block.conv2)
        parts = [folded(conv, Affine(behind.factor, 0 * behind.shift)) for conv in ends]
        weight = torch.cat([weight for weight, _ in parts], dim=1).to(dtype)
        bias = behind.shift.float() + sum(bias for _, bias in parts)
        self.skip: Tensor | None = None
        if not block.changes:
            back = behind.after(self.given)
            self.skip = back.factor.to(dtype)[:, None, None]
            bias = bias + (back.shift - behind.shift).float()
        make = four_pixels if last else conv_3x3
        self.end_conv = make(weight, self.size, bias.to(dtype))

    def __call__(
        self,
        h: Tensor,
        attributes: Tensor,
        terms: Tensor,
        workspace: Workspace,
        room: int | None,
    ) -> Tensor:
        """Map ``h`` (B, C, S, S), channels-last, to the block's output, some faces at a time."""
        step = len(h) if room is None else max(1, room // self.attribute_bytes)
        parts = [
            self._run(h[n : n + step], attributes[n : n + step], terms[n : n + step], workspace)
            for n in range(0, len(h), step)
        ]
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _run(self, h: Tensor, attributes: Tensor, terms: Tensor, workspace: Workspace) -> Tensor:
        rows = rows_of(h)
        b, p, c = rows.shape
        made = torch.split(rows_of(self.attributes(attributes)), self.widths, dim=-1)
        first, branches = workspace.take((b, p, c), (b, p, c * (len(self.layers) - 1)))
        outs = [first, branches[..., c:]]
        for layer, by_attributes, out in zip(self.layers[:-1], made, outs, strict=False):
            layer(rows, by_attributes, terms, out)
        x = rows_of(self.conv(map_of(first, self.size)))
        self.layers[-1](x, made[-1], terms, branches[..., :c])
        out = self.end_conv(map_of(branches, self.size))
        return out if self.skip is None else out.addcmul_(h, self.skip)


def _nothing(conv: nn.Conv2d) -> Affine:
    """What leaves a convolution's channels as they are."""
    one = conv.weight.new_ones(conv.out_channels, dtype=torch.float64)
    return Affine(one, 0 * one)


def _sequence(layer: nn.Module) -> nn.Sequential:
    assert isinstance(layer, nn.Sequential)
    return layer


class FastBlendSwap(FastNetwork):
    """A loaded :class:`~videoswap.networks.blendswap.BlendSwap`, made ready for rendering.

    It takes RGB in [0, 1] and gives the painted picture with the mask as a fourth channel, both in
    [0, 1]. It holds its own copies of the weights of the averaged networks; the identity encoder
    is not part of it. Not for training.

    Args:
        module: The swap model with its weights.
        dtype: float32, float16 or bfloat16, of weights and maps. Pictures are float32.
        device: Where to run.
        graphs: Capture the network as CUDA graphs; default on CUDA, without meaning elsewhere.
        room: Bytes that a block's attribute convolutions may give at once; None for no limit.
            Default: no limit on CUDA.
    """

    channels = 4

    @torch.no_grad()
    def __init__(
        self,
        module: BlendSwap,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
        graphs: bool | None = None,
        room: int | None = -1,
    ) -> None:
        encoder, generator = on_device(module.E_ema, device), on_device(module.G_ema, device)
        head = on_device(module.mask_head_ema, device)
        down, up = (
            [cast(Normed, (layer[0], layer[1])) for layer in map(_sequence, part.values())]
            for part in (encoder.Encoder, encoder.Decoder)
        )
        size = 2 ** (len(down) + 1)
        super().__init__(size, dtype, device, graphs)
        if room == -1:
            room = None if self.device.type == "cuda" else ROOM
        self._room = room
        self._encoder = FastEncoder(down, up, True, size, dtype)
        self._head_weight = head.weight.reshape(-1, 1).to(dtype, copy=True)
        assert head.bias is not None
        self._head_bias = float(head.bias)
        blocks = [cast(ADDBlock, block) for block in generator.model.values()]
        behind = [Affine.statistics_of(block.add1.BNorm) for block in blocks]
        self._first_factor, self._first_shift = (
            part.to(dtype)[:, None, None] for part in (behind[0].factor, behind[0].shift)
        )
        self._blocks: list[_Block] = []
        end = 0
        for k, block in enumerate(blocks):
            after = behind[k + 1] if k + 1 < len(blocks) else None
            self._blocks.append(_Block(block, 2 ** (k + 1), end, after, dtype))
            end = self._blocks[-1].end
        layers = [layer for block in self._blocks for layer in block.layers]
        self._id_linear = joined_identity(layers)

    @torch.inference_mode()
    def identity(self, z: Tensor) -> Terms:
        """Compute once per person what all swaps onto that person's identity share.

        Args:
            z: (512,) or (1, 512) of length 1, from the model's identity encoder.
        """
        z = z.reshape(1, -1).to(self.device, torch.float32)
        return BlendTerms(self._id_linear(z).to(self.dtype))

    def _run(self, target: Tensor, *terms: Tensor) -> Tensor:
        maps = self._encoder(target)
        h = torch.addcmul(self._first_shift, maps[0], self._first_factor)
        for k, (block, attributes) in enumerate(zip(self._blocks, maps, strict=True)):
            h = upsample(h) if k else h
            h = block(h, attributes, terms[0], self._workspace, self._room)
        mask = torch.matmul(rows_of(maps[-1]), self._head_weight).add_(self._head_bias)
        made = torch.cat([h, map_of(mask, self.size)], dim=1).float()
        return torch.sigmoid(self._nan_where_too_large(made))
