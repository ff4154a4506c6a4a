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
  :mod:`~videoswap.networks.packed`), and the last convolution, to three channels, computes
  2 x 2 pixels at a time;
* in half precision, statistics and normalisation are computed in float32, and weights are scaled
  by powers of two so that large activations stay far from 65504. The instance norms undo the
  scale, so the answer does not change.
"""

from __future__ import annotations

import copy
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .aei_net import LEAK, AADLayer, AEINet, AttributeEncoder, Block, upsample
from .packed import Conv, Linear, can_pack
from .winograd import WinogradConv

#: Bytes of a tile of the modulation's working set on a CPU, per thread.
TILE_BYTES = 1 << 20
#: Batch sizes that are captured as CUDA graphs; other batches are filled up to the next one.
BATCH_SHAPES = (1, 2, 4, 8, 16, 32)


@dataclass(frozen=True)
class IdentityTerms:
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


def _rows(x: Tensor) -> Tensor:
    """A channels-last map (B, C, H, W) as rows (B, H * W, C), without a copy."""
    b, c, h, w = x.shape
    return x.permute(0, 2, 3, 1).reshape(b, h * w, c)


def _map(rows: Tensor, height: int) -> Tensor:
    """Rows (B, H * W, C) as a channels-last map (B, C, H, W), without a copy."""
    b, n, c = rows.shape
    return rows.view(b, height, n // height, c).permute(0, 3, 1, 2)


def _modulate(
    hn: Tensor, logits: Tensor, by_attributes: Tensor, by_identity: Tensor, out: Tensor | None
) -> Tensor:
    """Mix the two modulations by the mask and apply the mixture to the normalised map, with ReLU.

    Args:
        hn: (B, P, C) normalised rows.
        logits: (B, P, 1) of the mask.
        by_attributes: (B, P, 2C) scale and shift; may be overwritten.
        by_identity: (B, 1, 2C) scale and shift.
        out: (B, P, C) to write into, or None.
    """
    mixed = by_attributes.lerp_(by_identity, torch.sigmoid(logits))
    scale, shift = mixed.chunk(2, dim=-1)
    if out is None:
        return torch.addcmul(shift, hn, scale).relu_()
    return torch.addcmul(shift, hn, scale, out=out).relu_()


def _statistics(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and mean squared deviation of float32 rows (B, P, C): both (B, 1, C)."""
    mean = rows.mean(1, keepdim=True)
    deviation = rows - mean
    return mean, deviation.mul_(deviation).mean(1, keepdim=True)


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
            norms = [w.norm(dim=1).max() for w in (weight, bias[:, None], id_weight)]
            self.scale = _power_of_two(float(torch.stack(norms).max()))
        self.channels = len(bias) // 2
        self.terms = terms
        self.by_attributes = Linear((weight * self.scale).to(dtype), (bias * self.scale).to(dtype))
        self.id_weight, self.id_bias = id_weight * self.scale, id_bias * self.scale
        self.mask_weight = layer.conv_h.weight.reshape(-1, 1).to(dtype, copy=True)
        self.mask_bias = float(_bias(layer.conv_h))

    def __call__(self, hn: Tensor, attributes: Tensor, terms: Tensor, out: Tensor | None) -> Tensor:
        """Modulate normalised rows (B, P, C) by attribute rows (B, P, A)."""
        logits = torch.matmul(hn, self.mask_weight).add_(self.mask_bias)
        by_identity = terms[:, None, self.terms]
        return _modulate(hn, logits, self.by_attributes(attributes), by_identity, out)


def _bias(layer: nn.Conv2d) -> Tensor:
    assert layer.bias is not None
    return layer.bias


class _Workspace:
    """Memory that all blocks write their branches into, one after the other.

    Fresh memory of this size costs more in page faults than what is written there.
    """

    def __init__(self, dtype: torch.dtype, device: torch.device) -> None:
        self.memory = torch.empty(0, dtype=dtype, device=device)

    def take(self, *shapes: tuple[int, ...]) -> list[Tensor]:
        """Tensors of these shapes; what was taken before is lost."""
        counts = [math.prod(shape) for shape in shapes]
        if sum(counts) > len(self.memory):
            self.memory = self.memory.new_empty(sum(counts))
        parts = torch.split(self.memory[: sum(counts)], counts)
        return [part.view(shape) for part, shape in zip(parts, shapes, strict=True)]


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
        self.end, self.size, self.last = end, size, last
        self.main = self.layers[: len(main)]
        self.shortcut = self.layers[len(main) :]
        eps = main[0][0].norm.eps
        #: The instance norms' eps, in the scale of the map that each of them sees.
        self.eps = [eps * scale**2]
        self.convs = []
        for layer, (_, conv) in zip(self.main[:-1], main[:-1], strict=True):
            weight = conv.weight.float()
            factor = _power_of_two(float(weight.flatten(1).norm(dim=1).max())) if scaled else 1.0
            self.convs.append(_conv_3x3((weight * factor).to(dtype), size))
            self.eps.append(eps * (factor * layer.scale) ** 2)
        ends = [(self.main[-1], main[-1][1])]
        ends += [(layer, conv) for layer, (_, conv) in zip(self.shortcut, shortcut, strict=True)]
        # Both branches in one convolution; each half undoes its own layer's scale.
        weight = torch.cat([conv.weight.float() / layer.scale for layer, conv in ends], dim=1)
        if scaled:
            plain = torch.cat([conv.weight for _, conv in ends], dim=1).float()
            self.scale = _power_of_two(float(plain.flatten(1).norm(dim=1).max()))
            self.scale *= min(layer.scale for layer, _ in ends)
        else:
            self.scale = 1.0
        self.skip_factor = self.scale / scale
        weight = (weight * self.scale).to(dtype)
        self.end_conv = _four_pixels(weight, size) if last else _conv_3x3(weight, size)

    def __call__(
        self,
        h: Tensor,
        attributes: Tensor,
        terms: Tensor,
        workspace: _Workspace,
        tile_bytes: int | None,
    ) -> Tensor:
        """Map ``h`` (B, C, S, S), channels-last, to the block's output."""
        rows, attr = _rows(h), _rows(attributes)
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
                x = _rows(self.convs[k](_map(inner, self.size)))
        out = self.end_conv(_map(branches, self.size))
        return out if self.shortcut else out.add_(h, alpha=self.skip_factor)


def _conv_3x3(weight: Tensor, size: int) -> Callable[[Tensor], Tensor]:
    """The quickest exact way for this many channels and pixels.

    Measured on two cores: Winograd's additions pay from 256 x 256 channels, and where the map is
    large enough that reading the weights is not what takes the time.
    """
    if can_pack(weight) and weight.dtype == torch.float32:
        enough = weight.shape[0] * weight.shape[1] >= 256 * 256
        if enough and size >= 16 and size % 4 == 0:
            return WinogradConv(weight, 4 if size >= 32 else 2)
    return Conv(weight, None, 1, 1, size=size)


def _four_pixels(weight: Tensor, size: int) -> Callable[[Tensor], Tensor]:
    """A 3 x 3 convolution to few channels that computes 2 x 2 pixels at a time.

    With three output channels the processor's lanes stay mostly empty; with twelve they do not.
    """
    c_out, c_in = weight.shape[:2]
    wide = weight.new_zeros(c_out, 2, 2, c_in, 4, 4)
    for i in (0, 1):
        for j in (0, 1):
            wide[:, i, j, :, i : i + 3, j : j + 3] = weight
    conv = Conv(wide.reshape(4 * c_out, c_in, 4, 4), None, 2, 1, size=size)
    return lambda x: F.pixel_shuffle(conv(x), 2)


def _tiles(b: int, p: int, row_bytes: int, tile_bytes: int | None) -> Iterator[tuple[slice, slice]]:
    """Cut (B, P) rows into tiles: several whole samples, or a part of one."""
    if tile_bytes is None or b * p * row_bytes <= tile_bytes:
        yield slice(0, b), slice(0, p)
        return
    if p * row_bytes <= tile_bytes:
        step = tile_bytes // (p * row_bytes)
        yield from ((slice(n, min(n + step, b)), slice(0, p)) for n in range(0, b, step))
        return
    step = max(1, tile_bytes // row_bytes)
    for n in range(b):
        yield from ((slice(n, n + 1), slice(k, min(k + step, p))) for k in range(0, p, step))


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
    tiles = list(_tiles(b, p, 4 * 2 * c, tile_bytes))
    mean, variance = _instance_statistics(rows, tiles)
    rstd = torch.rsqrt(variance + eps)
    shift = -mean * rstd
    for n, k in tiles:
        hn = torch.addcmul(shift[n], rows[n, k].float(), rstd[n]).to(rows.dtype)
        for layer, out in work:
            layer(hn, attributes[n, k], terms[n], out[n, k])


def _instance_statistics(
    rows: Tensor, tiles: Sequence[tuple[slice, slice]]
) -> tuple[Tensor, Tensor]:
    """Mean and variance over P of rows (B, P, C) in float32: both (B, 1, C).

    Every tile is centred on its own mean before it is squared, so nothing cancels.
    """
    if len(tiles) == 1:
        return _statistics(rows.float())
    b, p, c = rows.shape
    mean, variance = rows.new_empty((2, b, 1, c), dtype=torch.float32)
    parts: dict[int, list[tuple[int, Tensor, Tensor]]] = {}
    for n, k in tiles:
        tile = rows[n, k]
        part = _statistics(tile.float())
        if tile.shape[1] == p:
            mean[n], variance[n] = part
        else:
            parts.setdefault(n.start, []).append((tile.shape[1], *part))
    for sample, pieces in parts.items():
        share = torch.tensor([n / p for n, _, _ in pieces], device=rows.device)[:, None, None]
        means = torch.cat([m for _, m, _ in pieces])
        total = (means * share).sum(0)
        squares = torch.cat([v for _, _, v in pieces]) + (means - total).square()
        mean[sample], variance[sample] = total, (squares * share).sum(0)
    return mean, variance


class _Encoder:
    """U-Net or LinkNet with the batch norms folded into the convolutions."""

    def __init__(self, encoder: AttributeEncoder, size: int, dtype: torch.dtype) -> None:
        self.concatenate = encoder.concatenate
        self.down, self.up = [], []
        for layer in encoder.down():
            conv, norm = cast(nn.Conv2d, layer[0]), cast(nn.BatchNorm2d, layer[1])
            weight, bias = _fold(conv.weight, norm, 0)
            self.down.append(Conv(weight.to(dtype), bias.to(dtype), 2, 1, LEAK, False, size))
            size //= 2
        for up in encoder.up():
            weight, bias = _fold(up.deconv.weight, up.bn, 1)
            self.up.append(Conv(weight.to(dtype), bias.to(dtype), 2, 1, LEAK, True, size))
            size *= 2

    def __call__(self, target: Tensor) -> list[Tensor]:
        x, skips = target, []
        for conv in self.down:
            x = conv(x)
            skips.append(x)
        maps = [skips.pop()]
        for conv in self.up:
            x, skip = conv(x), skips.pop()
            x = torch.cat([x, skip], dim=1) if self.concatenate else x.add_(skip)
            maps.append(x)
        return [*maps, upsample(x)]


def _fold(weight: Tensor, norm: nn.BatchNorm2d, axis: int) -> tuple[Tensor, Tensor]:
    """Weight and bias of a convolution followed by a batch norm, in float32."""
    assert norm.running_mean is not None and norm.running_var is not None
    factor = norm.weight.double() * torch.rsqrt(norm.running_var.double() + norm.eps)
    shape = [1] * weight.dim()
    shape[axis] = -1
    bias = norm.bias.double() - norm.running_mean.double() * factor
    return (weight.double() * factor.view(shape)).float(), bias.float()


class FastAEINet:
    """A loaded :class:`~videoswap.networks.aei_net.AEINet`, made ready for rendering.

    It holds its own copies of the weights; the module can be dropped. Not for training.

    Args:
        module: AEI-Net with its weights (also the ``G`` of ReliableSwap's generator).
        dtype: float32, float16 or bfloat16, of weights and maps. Pictures are float32.
        device: Where to run.
        graphs: Capture the network as a CUDA graph for every size of :data:`BATCH_SHAPES`;
            default on CUDA, without meaning elsewhere.
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
        if dtype not in (torch.float32, torch.float16, torch.bfloat16):
            raise ValueError(f"no fast AEI-Net in {dtype}")
        self.dtype, self.device, self.size = dtype, torch.device(device), module.size
        on_cuda = self.device.type == "cuda"
        if tile_bytes == -1:
            tile_bytes = None if on_cuda else TILE_BYTES * torch.get_num_threads()
        self._tile_bytes = tile_bytes
        self._workspace = _Workspace(dtype, self.device)
        self._lock = threading.Lock()
        module = self._to_device(module)
        if isinstance(module.encoder, AttributeEncoder):
            self._encoder: Callable[[Tensor], list[Tensor]] = _Encoder(
                module.encoder, self.size, dtype
            )
        else:
            self._encoder = (
                copy.deepcopy(module.encoder)
                .to(dtype=dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
                .eval()
            )
        self._blocks: list[_Block] = []
        size, end, scale = 2, 0, 1.0
        blocks = module.generator.blocks()
        for block in blocks:
            last = len(self._blocks) == len(blocks) - 1
            fast = _Block(cast(Block, block), size, end, dtype, scale, last)
            self._blocks.append(fast)
            size, end, scale = 2 * size, fast.end, fast.scale
        self._picture_scale = scale
        layers = [layer for block in self._blocks for layer in block.layers]
        self._id_linear = Linear(
            torch.cat([layer.id_weight for layer in layers]),
            torch.cat([layer.id_bias for layer in layers]),
        )
        for layer in layers:
            del layer.id_weight, layer.id_bias
        up = module.generator.up1
        self._start_weight = up.weight.detach().float().clone()
        self._start_bias = None if up.bias is None else up.bias.detach().float().clone()
        self._graphs: dict[int, _Graph] | None = {} if (on_cuda and graphs is not False) else None

    def _to_device(self, module: AEINet) -> AEINet:
        """The module on this device, copied only if it lies elsewhere."""
        if next(module.parameters()).device == self.device:
            return module
        return copy.deepcopy(module).to(self.device)

    @torch.inference_mode()
    def identity(self, z: Tensor) -> IdentityTerms:
        """Compute once per person what all swaps onto that person's identity share.

        Args:
            z: (c_id,) or (1, c_id) identity vector, as the engine's rule gives it.
        """
        z = z.reshape(1, -1).to(self.device, torch.float32)
        start = F.conv_transpose2d(z[:, :, None, None], self._start_weight, self._start_bias)
        return IdentityTerms(start.to(self.dtype), self._id_linear(z).to(self.dtype))

    @torch.inference_mode()
    def __call__(self, target: Tensor, identities: Sequence[IdentityTerms]) -> Tensor:
        """Swap a batch of crops, of one or several people.

        Args:
            target: (B, 3, S, S) RGB in [-1, 1], any float type, on any device.
            identities: Terms of the person of every crop, B of them.

        Returns:
            (B, 3, S, S) float32 in [-1, 1] on this device.
        """
        if len(identities) != len(target):
            raise ValueError(f"{len(target)} crops but {len(identities)} identities")
        if target.shape[1:] != (3, self.size, self.size):
            raise ValueError(f"crops must be 3 x {self.size} x {self.size}: {tuple(target.shape)}")
        if not len(target):
            return torch.empty(0, 3, self.size, self.size, device=self.device)
        x = target.to(self.device, self.dtype).contiguous(memory_format=torch.channels_last)
        start = torch.cat([terms.start for terms in identities])
        modulation = torch.cat([terms.modulation for terms in identities])
        run = self._run if self._graphs is None else self._run_graphs
        with self._lock:
            return run(x, start, modulation)

    def _run(self, x: Tensor, start: Tensor, modulation: Tensor) -> Tensor:
        maps = self._encoder(x)
        h = start.contiguous(memory_format=torch.channels_last)
        for k, (block, attributes) in enumerate(zip(self._blocks, maps, strict=True)):
            h = upsample(h) if k else h
            h = block(h, attributes, modulation, self._workspace, self._tile_bytes)
        return torch.tanh(h.float() / self._picture_scale)

    def _run_graphs(self, *inputs: Tensor) -> Tensor:
        """Run on captured graphs, in pieces of the fixed batch shapes."""
        assert self._graphs is not None
        count, pieces = len(inputs[0]), []
        for begin in range(0, count, BATCH_SHAPES[-1]):
            piece = [x[begin : begin + BATCH_SHAPES[-1]] for x in inputs]
            shape = next(s for s in BATCH_SHAPES if s >= len(piece[0]))
            if shape not in self._graphs:
                self._graphs[shape] = _Graph(self._run, piece, shape, self._workspace)
            pieces.append(self._graphs[shape](*piece))
        return torch.cat(pieces)


class _Graph:
    """A function captured as a CUDA graph for one batch size."""

    def __init__(
        self,
        function: Callable[..., Tensor],
        example: Sequence[Tensor],
        batch: int,
        workspace: _Workspace,
    ) -> None:
        self.inputs = [self._padded(x, batch) for x in example]
        side: torch.cuda.Stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):  # Lets cuDNN choose its kernels outside the capture.
                function(*self.inputs)
        torch.cuda.current_stream().wait_stream(side)
        #: The graph writes here; the workspace itself may grow and let go of it.
        self.memory = workspace.memory
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.output = function(*self.inputs)

    @staticmethod
    def _padded(x: Tensor, batch: int) -> Tensor:
        """``x`` with its last sample repeated up to ``batch``, in its own memory."""
        y = torch.cat([x, x[-1:].expand(batch - len(x), *x.shape[1:])])
        channels_last = x.dim() == 4
        form = torch.channels_last if channels_last else torch.contiguous_format
        return y.clone(memory_format=form)

    def __call__(self, *inputs: Tensor) -> Tensor:
        for own, x in zip(self.inputs, inputs, strict=True):
            own[: len(x)].copy_(x)
        self.graph.replay()
        return self.output[: len(inputs[0])].clone()
