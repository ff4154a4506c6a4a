"""The generator of the lite engine: it sees a face, a swap of it, and who it should be.

In the shape of AEI-Net (Li et al., 2019, arXiv 1912.13457), narrow: a U-Net (Ronneberger et al.,
2015, arXiv 1505.04597) over target, swap and mask gives attribute maps, and adaptive attentional
denormalization (AAD) joins them with the identity. Batch norm takes the place of instance norm, as
in BlendFace's generator (Shiohara et al., ICCV 2023), which starts from the coarsest map too. The
answer is no picture but small maps of what to change, so that the swap keeps its detail.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .parser import convolution
from .residual_block import ResidualBlock

#: Side of the input and of the maps in pixels.
CORRECTION_SIZE, MAPS_SIZE = 96, 48
PATCH = CORRECTION_SIZE // MAPS_SIZE
#: Of dlib's descriptor.
IDENTITY_NUMBERS = 128
#: Channels and residual blocks of each level, from fine to coarse.
LEVELS = ((32, 0), (64, 1), (96, 1), (128, 1))
#: Maps by their place: factors, levels to add (of 1), motion (of the side). There is none for the
#: mask: where less of a swap is seen, more of the target's face is.
GAIN, OFFSET, FLOW = slice(0, 3), slice(3, 6), slice(6, 8)
MAPS = 8
#: Farthest logarithm of the gain, offset and flow.
GAIN_LIMIT, OFFSET_LIMIT, FLOW_LIMIT = 1.0, 0.4, 0.05


class AADBlock(nn.Module):
    """AAD, ReLU and a convolution, plus the input, projected where the channels change."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(c_in, affine=False)
        self.by_attributes = nn.Conv2d(c_in, 2 * c_in, 1)
        self.by_identity = nn.Linear(IDENTITY_NUMBERS, 2 * c_in)
        self.attention = nn.Conv2d(c_in, 1, 1)
        self.body = nn.Conv2d(c_in, c_out, 3, padding=1, bias=False)
        self.skip: nn.Module = nn.Identity()
        if c_in != c_out:
            self.skip = nn.Conv2d(c_in, c_out, 1, bias=False)

    def forward(self, h: Tensor, attributes: Tensor, identity: Tensor) -> Tensor:
        """Modulate ``h`` by attributes (B, c_in, H, W) and identity (B, 128)."""
        level = self.norm(h)
        scale, shift = self.by_attributes(attributes).chunk(2, 1)
        own_scale, own_shift = self.by_identity(identity)[..., None, None].chunk(2, 1)
        share = torch.sigmoid(self.attention(level))
        scale = 1 + scale + share * (own_scale - scale)
        shift = shift + share * (own_shift - shift)
        made: Tensor = self.body(F.relu(level * scale + shift)) + self.skip(h)
        return made


class CorrectionNetwork(nn.Module):
    """Target, swap, mask and identity to maps of what to change in the swap."""

    descriptor_mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        widths = [width for width, _ in LEVELS]
        # dlib's descriptors lie far from the origin: their mean says nothing of who it is.
        self.register_buffer("descriptor_mean", torch.zeros(IDENTITY_NUMBERS))
        self.unshuffle = nn.PixelUnshuffle(PATCH)
        self.stem = convolution(7 * PATCH * PATCH, widths[0])
        self.down = nn.ModuleList(
            convolution(fine, coarse, stride=2) for fine, coarse in pairwise(widths)
        )
        self.blocks = nn.ModuleList(
            nn.Sequential(*(ResidualBlock(width, width, 1) for _ in range(count)))
            for width, count in LEVELS
        )
        self.narrow = nn.ModuleList(
            convolution(coarse, fine, kernel=1) for fine, coarse in pairwise(widths)
        )
        self.up = nn.ModuleList(convolution(width, width) for width in widths[:-1])
        self.generator = nn.ModuleList(
            AADBlock(width, widths[max(level - 1, 0)]) for level, width in enumerate(widths)
        )
        self.last = nn.Conv2d(widths[0], MAPS, 3, padding=1)
        nn.init.zeros_(self.last.weight)
        assert self.last.bias is not None
        nn.init.zeros_(self.last.bias)

    def forward(self, target: Tensor, swap: Tensor, mask: Tensor, descriptor: Tensor) -> Tensor:
        """Say what to change.

        Args:
            target: (B, 3, 96, 96) RGB in [-1, 1], framed as the mesh engine does.
            swap: (B, 3, 96, 96) likewise, before it is finished.
            mask: (B, 1, 96, 96), 0 to 1, of the swap.
            descriptor: (B, 128), dlib's descriptor of the source.

        Returns:
            (B, 8, 48, 48) float32: factors, levels of 1 to add, motion in sides. At first they
            change nothing.
        """
        flow = self.stem(self.unshuffle(torch.cat([target, swap, 2 * mask - 1], 1)))
        skips = []
        for level, blocks in enumerate(self.blocks):
            if level:
                flow = self.down[level - 1](flow)
            flow = blocks(flow)
            skips.append(flow)
        attributes = [flow]
        for level in range(len(self.up) - 1, -1, -1):
            wide = F.interpolate(self.narrow[level](flow), scale_factor=2.0, mode="nearest")
            flow = self.up[level](wide + skips[level])
            attributes.append(flow)
        identity = 4 * F.normalize(descriptor - self.descriptor_mean)
        h = attributes[0]
        for level in range(len(LEVELS) - 1, -1, -1):
            h = self.generator[level](h, attributes[len(LEVELS) - 1 - level], identity)
            if level:
                h = F.interpolate(h, scale_factor=2.0, mode="nearest")
        return activated(self.last(h).float())


def activated(raw: Tensor) -> Tensor:
    """Bring raw maps (B, 8, H, W) into their ranges."""
    gain = torch.exp(GAIN_LIMIT * torch.tanh(raw[:, GAIN]))
    offset = OFFSET_LIMIT * torch.tanh(raw[:, OFFSET])
    flow = FLOW_LIMIT * torch.tanh(raw[:, FLOW])
    return torch.cat([gain, offset, flow], 1)


def corrected(swap: Tensor, maps: Tensor) -> Tensor:
    """Change a swap by maps.

    Args:
        swap: (B, 3, S, S) RGB in [-1, 1].
        maps: (B, 8, N, N), see `CorrectionNetwork`.

    Returns:
        The changed swap, not clipped, of the same shape.
    """
    size = swap.shape[2:]
    fine = F.interpolate(maps, size=size, mode="bilinear", align_corners=False)
    axes = [(torch.arange(n, device=swap.device) + 0.5) / n for n in size]
    rows, columns = torch.meshgrid(axes[0], axes[1], indexing="ij")
    places = torch.stack([columns, rows]) + fine[:, FLOW]
    grid = 2 * places.permute(0, 2, 3, 1) - 1
    moved = F.grid_sample(swap.float(), grid, padding_mode="border", align_corners=False)
    return (moved + 1) * fine[:, GAIN] + 2 * fine[:, OFFSET] - 1
