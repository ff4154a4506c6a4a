"""ReliableSwap's generator, its mouth encoder FixerNet, and FaceShifter's HEAR-Net.

Architecture: ReliableSwap (Yuan et al., 2023, arXiv 2306.05356; ygtxr1997/ReliableSwap) on top of
FaceShifter (Li et al., 2019, arXiv 1912.13457). The generator is AEI-Net with the U-Net encoder
and two steps per block under other layer names; its identity is ArcFace's normalised embedding,
with FixerNet's 128 numbers of the mouth behind it where it is used.

Pictures are RGB in [-1, 1], NCHW.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .aei_net import GHOST_WIDTHS, AADLayer, AEINet, Step, run_block, upsample
from .iresnet import iresnet50, iresnet100

#: FFHQ framing to ArcFace framing at 256 pixels; maps points of the first onto the second.
FFHQ_TO_ARCFACE = ((1.07695457, -0.03625215, -1.56352194), (0.03625215, 1.07695457, -5.32134629))
#: FixerNet's part of the 112 x 112 face: left, top, right, bottom.
MOUTH_BOX = (28, 56, 84, 112)
MOUTH_FEATURES = 128


class NamedAADBlock(nn.Module):
    """The AAD block with two steps (and a third as shortcut) under ReliableSwap's names."""

    def __init__(
        self, c_in: int, c_out: int, attr_channels: int, id_channels: int, num_blocks: int = 2
    ) -> None:
        super().__init__()
        if num_blocks != 2:
            raise ValueError("ReliableSwap's blocks have two steps")
        self.AAD1 = AADLayer(c_in, attr_channels, id_channels)
        self.conv1 = nn.Conv2d(c_in, c_in, 3, padding=1, bias=False)
        self.AAD2 = AADLayer(c_in, attr_channels, id_channels)
        self.conv2 = nn.Conv2d(c_in, c_out, 3, padding=1, bias=False)
        self.changes = c_in != c_out
        if self.changes:
            self.AAD3 = AADLayer(c_in, attr_channels, id_channels)
            self.conv3 = nn.Conv2d(c_in, c_out, 3, padding=1, bias=False)

    def main_path(self) -> list[Step]:
        """Steps that follow each other from the block's input."""
        return [(self.AAD1, self.conv1), (self.AAD2, self.conv2)]

    def shortcut(self) -> list[Step]:
        """One step where the channels change, otherwise none."""
        return [(self.AAD3, self.conv3)] if self.changes else []

    def forward(self, h: Tensor, attributes: Tensor, z: Tensor) -> Tensor:
        """Map ``h`` (B, c_in, H, W) to (B, c_out, H, W)."""
        return run_block(self, h, attributes, z)


class FixerNet(nn.Module):
    """Mouth of an aligned face to 128 numbers (``MouthNet`` in the checkpoint).

    ``vgg_mean`` and ``vgg_std`` lie in the checkpoint but take no part in the embedding.

    Args:
        backbone: Takes (B, 3, 56, 56) and gives (B, 128); None builds the published iresnet50.
    """

    vgg_mean: Tensor
    vgg_std: Tensor

    def __init__(self, backbone: nn.Module | None = None) -> None:
        super().__init__()
        left, top, right, bottom = MOUTH_BOX
        assert right - left == bottom - top
        self.register_buffer("vgg_mean", torch.tensor([0.485, 0.456, 0.406])[:, None, None])
        self.register_buffer("vgg_std", torch.tensor([0.229, 0.224, 0.225])[:, None, None])
        self.backbone = backbone or iresnet50(MOUTH_FEATURES, right - left)

    def forward(self, face: Tensor) -> Tensor:
        """Embed the mouth of ``face`` (B, 3, 112, 112), ArcFace framing: (B, 128), raw."""
        left, top, right, bottom = MOUTH_BOX
        mouth: Tensor = self.backbone(face[:, :, top:bottom, left:right])
        return mouth


def warp_affine(x: Tensor, matrix: Tensor, size: int) -> Tensor:
    """Warp pictures by a 2 x 3 matrix from input to output pixels; bilinear, zeros outside.

    Args:
        x: (B, C, H, W).
        matrix: (1, 2, 3) or (B, 2, 3); pixel centres have integer coordinates.
        size: Pixels on a side of the result.
    """

    def to_pixels(height: int, width: int) -> Tensor:
        """Matrix from [-1, 1] to pixels."""
        a, b = (width - 1) / 2, (height - 1) / 2
        return matrix.new_tensor([[a, 0, a], [0, b, b], [0, 0, 1]])

    last_row = matrix.new_tensor([[[0, 0, 1]]]).expand(len(matrix), 1, 3)
    back = torch.linalg.inv(torch.cat([matrix, last_row], dim=1))
    theta = torch.linalg.inv(to_pixels(*x.shape[2:])) @ back @ to_pixels(size, size)
    theta = theta[:, :2].expand(len(x), 2, 3)
    grid = F.affine_grid(theta, [len(x), x.shape[1], size, size], align_corners=True)
    return F.grid_sample(x, grid.to(x.dtype), align_corners=True)


class FSGenerator(nn.Module):
    """ReliableSwap's whole swapper: identity encoders and AEI-Net.

    Args:
        mouth: With FixerNet (identity of 640 numbers) or without (512).
        in_size: Pixels on a side of source and target.
        widths: Encoder channels of AEI-Net.
    """

    trans_matrix: Tensor

    def __init__(
        self, mouth: bool = True, in_size: int = 256, widths: Sequence[int] = GHOST_WIDTHS
    ) -> None:
        super().__init__()
        self.in_size = in_size
        self.register_buffer("trans_matrix", self.framing_matrix(in_size))
        self.mouth_net = FixerNet() if mouth else None
        c_id = 512 + (MOUTH_FEATURES if mouth else 0)
        self.G = AEINet("unet", 2, c_id, widths, block=NamedAADBlock)
        self.iresnet = iresnet100()

    @staticmethod
    def framing_matrix(in_size: int) -> Tensor:
        """Return the matrix (1, 2, 3) from FFHQ's to ArcFace's framing, in pixels."""
        matrix = torch.tensor([FFHQ_TO_ARCFACE])
        matrix[:, :, 2] *= in_size / 256
        return matrix

    def identity(self, source: Tensor, infer: bool = False) -> Tensor:
        """Identity vectors (B, 512 or 640) of source faces.

        Args:
            source: (B, 3, S, S) RGB in [-1, 1]; FFHQ framing, or ArcFace framing if ``infer``.
            infer: Leave out the warp from FFHQ to ArcFace framing.
        """
        if not infer:
            source = warp_affine(source, self.trans_matrix, self.in_size)
        face = F.interpolate(source, size=(112, 112), mode="bilinear", align_corners=True)
        z = F.normalize(self.iresnet(face))
        return z if self.mouth_net is None else torch.cat([z, self.mouth_net(face)], dim=1)

    def forward(
        self, source: Tensor, target: Tensor, infer: bool = False
    ) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Swap.

        Args:
            source: As for :meth:`identity`.
            target: (B, 3, S, S) RGB in [-1, 1].
            infer: As for :meth:`identity`.

        Returns:
            Picture (B, 3, S, S) in [-1, 1], identity vectors, attribute maps coarse to fine.
        """
        z = self.identity(source, infer)
        picture, maps = self.G(target, z)
        return picture, z, maps


class HearNet(nn.Module):
    """HEAR-Net, FaceShifter's second stage: gives back what the first one lost.

    A U-Net over the swap and the target's reconstruction error, six channels together. The
    contract fixes its layers, not its numbers: it is not in ReliableSwap's published pipeline
    and there is no golden for it. Slopes, strides, the order of the inputs and that a map of the
    way down lies before the one of the way up are facts read in ygtxr1997/ReliableSwap,
    modules/layers/faceshifter/hear_layers.py and modules/networks/faceshifter.py (a9fdce6).
    """

    def __init__(self) -> None:
        super().__init__()

        def down(c_in: int, c_out: int) -> nn.Sequential:
            conv = nn.Conv2d(c_in, c_out, 4, 2, 1)
            return nn.Sequential(conv, nn.BatchNorm2d(c_out), nn.LeakyReLU(0.1))

        def up(c_in: int, c_out: int) -> nn.Sequential:
            conv = nn.ConvTranspose2d(c_in, c_out, 4, 2, 1)
            return nn.Sequential(conv, nn.BatchNorm2d(c_out), nn.LeakyReLU(0.1))

        self.down1, self.down2, self.down3 = down(6, 64), down(64, 128), down(128, 256)
        self.down4, self.down5 = down(256, 512), down(512, 512)
        self.up1, self.up2, self.up3, self.up4 = (
            up(512, 512),
            up(1024, 256),
            up(512, 128),
            up(256, 64),
        )
        self.up5 = nn.Conv2d(128, 3, 3, 1, 1)

    def forward(self, swapped: Tensor, error: Tensor) -> Tensor:
        """Refine.

        Args:
            swapped: (B, 3, S, S) first stage's swap, RGB in [-1, 1].
            error: (B, 3, S, S) target minus the first stage's swap of the target with itself.

        Returns:
            (B, 3, S, S) in [-1, 1].
        """
        x, skips = torch.cat([swapped, error], dim=1), []
        for down in (self.down1, self.down2, self.down3, self.down4, self.down5):
            x = down(x)
            skips.append(x)
        skips.pop()
        for up in (self.up1, self.up2, self.up3, self.up4):
            x = torch.cat([skips.pop(), up(x)], dim=1)
        return torch.tanh(self.up5(upsample(x)))
