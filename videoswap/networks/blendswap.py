"""BlendFace's swap model: AEI-Net with batch norm, a learned mask and its own identity encoder.

Architecture: BlendFace (Shiohara et al., ICCV 2023, arXiv 2307.10854; mapooon/BlendFace) on
FaceShifter (Li et al., 2019, arXiv 1912.13457). Its key names are kept so that the published
weights load. Differences from GHOST's AEI-Net: batch norm instead of instance norm, 3 x 3
attribute convolutions, biases everywhere, the generator starts from the coarsest attribute map, a
sigmoid picture, and a mask read from the finest map.

Pictures are RGB in [0, 1], NCHW.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .aei_net import GHOST_WIDTHS, block_widths, upsample
from .iresnet import iresnet100

LEAK = 0.1


class ADD(nn.Module):
    """Denormalisation by attributes and identity with an attention mask."""

    def __init__(self, channels: int, attr_channels: int, id_channels: int) -> None:
        super().__init__()
        self.BNorm = nn.BatchNorm2d(channels)
        self.conv_f = nn.Conv2d(channels, 1, 1)
        self.fc_1 = nn.Linear(id_channels, channels)
        self.fc_2 = nn.Linear(id_channels, channels)
        self.conv1 = nn.Conv2d(attr_channels, channels, 3, 1, 1)
        self.conv2 = nn.Conv2d(attr_channels, channels, 3, 1, 1)

    def forward(self, h: Tensor, attributes: Tensor, z: Tensor) -> Tensor:
        """Modulate ``h`` (B, C, H, W) by ``attributes`` (B, A, H, W) and ``z`` (B, D)."""
        h = self.BNorm(h)
        mask = torch.sigmoid(self.conv_f(h))
        by_identity: Tensor = self.fc_1(z)[:, :, None, None] * h + self.fc_2(z)[:, :, None, None]
        by_attributes: Tensor = self.conv1(attributes) * h + self.conv2(attributes)
        return (1 - mask) * by_attributes + mask * by_identity


class ADDBlock(nn.Module):
    """Two steps of modulation, ReLU and convolution; a third where the channels change."""

    def __init__(self, c_in: int, c_out: int, attr_channels: int, id_channels: int) -> None:
        super().__init__()
        self.add1 = ADD(c_in, attr_channels, id_channels)
        self.add2 = ADD(c_in, attr_channels, id_channels)
        self.conv1 = nn.Conv2d(c_in, c_in, 3, 1, 1)
        self.conv2 = nn.Conv2d(c_in, c_out, 3, 1, 1)
        self.changes = c_in != c_out
        if self.changes:
            self.add3 = ADD(c_in, attr_channels, id_channels)
            self.conv3 = nn.Conv2d(c_in, c_out, 3, 1, 1)

    def forward(self, h: Tensor, attributes: Tensor, z: Tensor) -> Tensor:
        """Map ``h`` (B, c_in, H, W) to (B, c_out, H, W)."""
        x: Tensor = self.conv1(F.relu(self.add1(h, attributes, z)))
        x = self.conv2(F.relu(self.add2(x, attributes, z)))
        return x + (self.conv3(F.relu(self.add3(h, attributes, z))) if self.changes else h)


class _Generator(nn.Module):
    """Picture (B, 3, S, S) in [0, 1] from attribute maps and identity."""

    def __init__(self, widths: Sequence[int], attr_channels: Sequence[int], c_id: int) -> None:
        super().__init__()
        self.model = nn.ModuleDict()
        c_in = widths[-1]
        for k, (c_out, c_attr) in enumerate(
            zip([*block_widths(widths), 3], attr_channels, strict=True)
        ):
            self.model[f"layer_{k}"] = ADDBlock(c_in, c_out, c_attr, c_id)
            c_in = c_out

    def forward(self, attributes: Sequence[Tensor], z: Tensor) -> Tensor:
        h = attributes[0]
        for k, (block, attr) in enumerate(zip(self.model.values(), attributes, strict=True)):
            h = block(upsample(h) if k else h, attr, z)
        return torch.sigmoid(h)


class _Encoder(nn.Module):
    """U-Net over the target; attribute maps from coarse to fine."""

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.Encoder = nn.ModuleDict()
        self.Decoder = nn.ModuleDict()
        c_in = 3
        for k, c in enumerate(widths):
            self.Encoder[f"layer_{k}"] = self._layer(nn.Conv2d(c_in, c, 4, 2, 1), c)
            c_in = c
        self.out_channels = [c_in]
        for k, c in enumerate(reversed(widths[:-1])):
            self.Decoder[f"layer_{k}"] = self._layer(nn.ConvTranspose2d(c_in, c, 4, 2, 1), c)
            c_in = 2 * c
            self.out_channels.append(c_in)
        self.out_channels.append(c_in)

    @staticmethod
    def _layer(conv: nn.Module, channels: int) -> nn.Sequential:
        return nn.Sequential(conv, nn.BatchNorm2d(channels), nn.LeakyReLU(LEAK))

    def forward(self, target: Tensor) -> list[Tensor]:
        x, skips = target, []
        for layer in self.Encoder.values():
            x = layer(x)
            skips.append(x)
        maps = [skips.pop()]
        for layer in self.Decoder.values():
            x = torch.cat([layer(x), skips.pop()], dim=1)
            maps.append(x)
        return [*maps, upsample(x)]


class _ToSigned(nn.Module):
    """[0, 1] to [-1, 1]; sits before the identity encoder."""

    def forward(self, x: Tensor) -> Tensor:
        return (x - 0.5) / 0.5


class BlendParts(NamedTuple):
    """What the swap model computes on the way to its picture.

    Attributes:
        picture: (B, 3, S, S) the blended result in [0, 1].
        painted: (B, 3, S, S) the generator's picture in [0, 1].
        mask: (B, 1, S, S) in [0, 1]; 1 where the painted picture is taken.
        attributes: Attribute maps from coarse to fine.
    """

    picture: Tensor
    painted: Tensor
    mask: Tensor
    attributes: list[Tensor]


class BlendSwap(nn.Module):
    """The whole swap model of the checkpoint.

    The checkpoint holds the generator, attribute encoder and mask head twice: as trained last and
    as moving averages (``_ema``). Only the averages and the identity encoder take part in a swap.

    Args:
        slim: Hold only what takes part, with the same keys (1.6 instead of 3.1 GB).
        widths: Encoder channels from fine to coarse.
    """

    def __init__(self, slim: bool = False, widths: Sequence[int] = GHOST_WIDTHS) -> None:
        super().__init__()
        c_id = 512
        if not slim:
            self.G, self.E, mask_head = self._swapper(widths, c_id)
        self.Z_e = nn.Sequential(_ToSigned(), iresnet100(c_id))
        if not slim:
            self.mask_head = mask_head
        self.G_ema, self.E_ema, self.mask_head_ema = self._swapper(widths, c_id)

    @staticmethod
    def _swapper(widths: Sequence[int], c_id: int) -> tuple[_Generator, _Encoder, nn.Conv2d]:
        encoder = _Encoder(widths)
        generator = _Generator(widths, encoder.out_channels, c_id)
        return generator, encoder, nn.Conv2d(encoder.out_channels[-1], 1, 1)

    def identity(self, source: Tensor) -> Tensor:
        """Unit identity vectors (B, 512) of source faces (B, 3, 112, 112), RGB in [0, 1]."""
        return F.normalize(self.Z_e(source))

    def swap(self, target: Tensor, z: Tensor) -> BlendParts:
        """Swap with identities that are known already.

        Args:
            target: (B, 3, 256, 256) RGB in [0, 1].
            z: (B, 512) from :meth:`identity`.
        """
        maps: list[Tensor] = self.E_ema(target)
        painted = self.G_ema(maps, z)
        mask = torch.sigmoid(self.mask_head_ema(maps[-1]))
        return BlendParts(painted * mask + target * (1 - mask), painted, mask, maps)

    def forward(self, target: Tensor, source: Tensor) -> Tensor:
        """Swap.

        Args:
            target: (B, 3, 256, 256) RGB in [0, 1], FFHQ framing.
            source: (B, 3, 112, 112) RGB in [0, 1], ArcFace framing.

        Returns:
            (B, 3, 256, 256) RGB in [0, 1].
        """
        return self.swap(target, self.identity(source)).picture
