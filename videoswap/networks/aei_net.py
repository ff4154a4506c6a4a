"""AEI-Net: puts an identity vector into the attributes of a target face.

Architecture: FaceShifter (Li et al., 2019, arXiv 1912.13457) in the shape of GHOST (Groshev et
al., IEEE Access 2022; ai-forever/ghost), whose layer names and key order are kept so that its
weights load. Written from the published key lists and numbers, not from its code.

Pictures are RGB in [-1, 1], NCHW. With the default widths the target is 256 x 256 and there are
eight attribute maps, from coarse (2 x 2) to fine (256 x 256). A network of ``n`` widths halves the
picture ``n`` times and has ``n + 1`` maps; its picture has ``2 ** (n + 1)`` pixels on a side.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Backbone = Literal["unet", "linknet", "resnet"]

#: Channels of the encoder from fine to coarse, as in GHOST.
GHOST_WIDTHS = (32, 64, 128, 256, 512, 1024, 1024)
#: The narrow network of this project's own ``lite`` engine (one block, 128-d identity).
LITE_WIDTHS = (16, 32, 64, 128, 192, 256, 256)

LEAK = 0.1


def upsample(x: Tensor) -> Tensor:
    """Double height and width, bilinear, with aligned corners."""
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)


class AADLayer(nn.Module):
    """Adaptive attentional denormalisation: attributes here, identity there, a mask decides.

    Args:
        channels: Channels of the activation that is modulated.
        attr_channels: Channels of the attribute map.
        id_channels: Length of the identity vector.
    """

    def __init__(self, channels: int, attr_channels: int, id_channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(attr_channels, channels, 1)
        self.conv2 = nn.Conv2d(attr_channels, channels, 1)
        self.fc1 = nn.Linear(id_channels, channels)
        self.fc2 = nn.Linear(id_channels, channels)
        self.norm = nn.InstanceNorm2d(channels, affine=False)
        self.conv_h = nn.Conv2d(channels, 1, 1)

    def forward(self, h: Tensor, attributes: Tensor, z: Tensor) -> Tensor:
        """Modulate ``h`` (B, C, H, W) by ``attributes`` (B, A, H, W) and ``z`` (B, D)."""
        h = self.norm(h)
        by_attributes: Tensor = self.conv1(attributes) * h + self.conv2(attributes)
        by_identity: Tensor = self.fc1(z)[:, :, None, None] * h + self.fc2(z)[:, :, None, None]
        mask = torch.sigmoid(self.conv_h(h))
        return (1 - mask) * by_attributes + mask * by_identity


#: One step of a block: a modulation, then (after ReLU) a convolution.
Step = tuple[AADLayer, nn.Conv2d]


class Block(Protocol):
    """What the generator and the fast path need to know of an AAD block."""

    def main_path(self) -> list[Step]:
        """Steps that follow each other from the block's input."""

    def shortcut(self) -> list[Step]:
        """Steps of the second branch; none when the input itself is added."""


def run_steps(steps: Sequence[Step], h: Tensor, attributes: Tensor, z: Tensor) -> Tensor:
    """Apply modulation, ReLU and convolution for every step."""
    for aad, conv in steps:
        h = conv(F.relu(aad(h, attributes, z)))
    return h


def run_block(block: Block, h: Tensor, attributes: Tensor, z: Tensor) -> Tensor:
    """Add what the two branches of a block make of ``h``."""
    main = run_steps(block.main_path(), h, attributes, z)
    return main + run_steps(block.shortcut(), h, attributes, z)


class AADBlock(nn.Module):
    """Residual block of ``num_blocks`` steps; the last one changes the channels."""

    def __init__(
        self, c_in: int, c_out: int, attr_channels: int, id_channels: int, num_blocks: int
    ) -> None:
        super().__init__()

        def step(channels: int) -> list[nn.Module]:
            return [
                AADLayer(c_in, attr_channels, id_channels),
                nn.ReLU(),
                nn.Conv2d(c_in, channels, 3, padding=1, bias=False),
            ]

        last = num_blocks - 1
        layers = [layer for k in range(num_blocks) for layer in step(c_out if k == last else c_in)]
        self.add_blocks = nn.ModuleList(layers)
        self.last_add_block = nn.ModuleList(step(c_out)) if c_in != c_out else None

    @staticmethod
    def _steps(layers: nn.ModuleList | None) -> Iterator[Step]:
        for k in range(0, len(layers or ()), 3):
            assert layers is not None
            aad, conv = layers[k], layers[k + 2]
            assert isinstance(aad, AADLayer)
            assert isinstance(conv, nn.Conv2d)
            yield aad, conv

    def main_path(self) -> list[Step]:
        """Steps that follow each other from the block's input."""
        return list(self._steps(self.add_blocks))

    def shortcut(self) -> list[Step]:
        """One step where the channels change, otherwise none."""
        return list(self._steps(self.last_add_block))

    def forward(self, h: Tensor, attributes: Tensor, z: Tensor) -> Tensor:
        """Map ``h`` (B, c_in, H, W) to (B, c_out, H, W)."""
        return run_block(self, h, attributes, z)


class _Deconv(nn.Module):
    """Twice the size: transposed convolution, batch norm, leaky ReLU."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.deconv = nn.ConvTranspose2d(c_in, c_out, 4, 2, 1, bias=False)
        self.bn = nn.BatchNorm2d(c_out)

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(self.bn(self.deconv(x)), LEAK)


class AttributeEncoder(nn.Module):
    """U-Net or LinkNet over the target; its decoder's maps are the attributes.

    The two differ in how a finer map of the way down joins the way up: ``unet`` puts it behind
    the channels, ``linknet`` adds it (after the leaky ReLU; a fact read in ai-forever/ghost,
    network/AEI_Net.py, since the key list cannot say it).

    Args:
        widths: Channels of the way down, from fine to coarse.
        concatenate: True for ``unet``, False for ``linknet``.
    """

    def __init__(self, widths: Sequence[int], concatenate: bool) -> None:
        super().__init__()
        self.levels, self.concatenate = len(widths), concatenate
        c_in = 3
        for k, c in enumerate(widths, start=1):
            conv = nn.Conv2d(c_in, c, 4, 2, 1, bias=False)
            self.add_module(f"conv{k}", nn.Sequential(conv, nn.BatchNorm2d(c), nn.LeakyReLU(LEAK)))
            c_in = c
        #: Channels of the attribute maps, from coarse to fine.
        self.out_channels = [c_in]
        for k, c in enumerate(reversed(widths[:-1]), start=1):
            self.add_module(f"deconv{k}", _Deconv(c_in, c))
            c_in = 2 * c if concatenate else c
            self.out_channels.append(c_in)
        self.out_channels.append(c_in)

    def down(self) -> list[nn.Sequential]:
        """Layers of the way down, from fine to coarse."""
        layers = [self.get_submodule(f"conv{k}") for k in range(1, self.levels + 1)]
        return [layer for layer in layers if isinstance(layer, nn.Sequential)]

    def up(self) -> list[_Deconv]:
        """Layers of the way up, from coarse to fine."""
        layers = [self.get_submodule(f"deconv{k}") for k in range(1, self.levels)]
        return [layer for layer in layers if isinstance(layer, _Deconv)]

    def forward(self, target: Tensor) -> list[Tensor]:
        """Return the attribute maps of ``target`` (B, 3, S, S) from coarse to fine."""
        x, skips = target, []
        for layer in self.down():
            x = layer(x)
            skips.append(x)
        maps = [skips.pop()]
        for deconv in self.up():
            x, skip = deconv(x), skips.pop()
            x = torch.cat([x, skip], dim=1) if self.concatenate else x + skip
            maps.append(x)
        return [*maps, upsample(x)]


class _Bottleneck(nn.Module):
    """Residual bottleneck (He et al., 2015), four times wider at its end than inside.

    As in the paper, and unlike torchvision's, the first convolution takes the stride.
    """

    def __init__(self, c_in: int, inner: int, stride: int) -> None:
        super().__init__()
        c_out = 4 * inner
        self.conv1 = nn.Conv2d(c_in, inner, 1, stride, bias=False)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv3 = nn.Conv2d(inner, c_out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(c_out)
        self.downsample: nn.Sequential | None = None
        if stride != 1 or c_in != c_out:
            self.downsample = nn.Sequential(
                nn.Conv2d(c_in, c_out, 1, stride, bias=False), nn.BatchNorm2d(c_out)
            )

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResnetAttributeEncoder(nn.Module):
    """Residual network over the target; every stage's output is an attribute map.

    The key list fixes the convolutions, their channels and that every stage has two bottlenecks;
    the generator fixes the size of every map. That every stage halves the picture by stride, the
    first one too, and that there is no pooling, is a fact read in ai-forever/ghost,
    network/resnet.py.

    Args:
        widths: The same tuple that the other encoders take, from fine to coarse.
    """

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        # With GHOST's widths: stem 64, stages 128, 256, 512, 1024, 2048, 1024.
        stem = 2 * widths[0]
        stages = [2 * c for c in widths[1:-1]] + [widths[-1]]
        if any(c % 4 for c in stages):
            raise ValueError("the resnet encoder needs stage widths that are multiples of 4")
        self.levels = len(widths)
        self.conv0 = nn.Conv2d(3, stem, 7, 1, 3, bias=False)
        self.bn0 = nn.BatchNorm2d(stem)
        self.conv1 = nn.Conv2d(stem, stem, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(stem)
        c_in = stem
        for k, c in enumerate(stages, start=1):
            blocks = (_Bottleneck(c_in, c // 4, 2), _Bottleneck(c, c // 4, 1))
            self.add_module(f"layer{k}", nn.Sequential(*blocks))
            c_in = c
        #: Channels of the attribute maps, from coarse to fine.
        self.out_channels = [*reversed(stages), stem, stem]

    def forward(self, target: Tensor) -> list[Tensor]:
        """Return the attribute maps of ``target`` (B, 3, S, S) from coarse to fine."""
        x = F.relu(self.bn0(self.conv0(target)))
        maps = [x]
        x = F.relu(self.bn1(self.conv1(x)))
        maps.append(x)
        for k in range(1, self.levels):
            x = self.get_submodule(f"layer{k}")(x)
            maps.append(x)
        return maps[::-1]


def block_widths(widths: Sequence[int]) -> list[int]:
    """Output channels of the generator's blocks but the last, for an encoder's widths."""
    top, levels = widths[-1], len(widths)
    return [top, top, top, *reversed(widths[1 : levels - 2])][:levels]


class AADGenerator(nn.Module):
    """Grows the picture from the identity, one AAD block per attribute map.

    Args:
        widths: Channels of the encoder from fine to coarse; the blocks mirror them.
        attr_channels: Channels of the attribute maps from coarse to fine.
        c_id: Length of the identity vector.
        num_blocks: Steps in every block.
        block: Class of the blocks (another checkpoint family names its layers differently).
    """

    def __init__(
        self,
        widths: Sequence[int],
        attr_channels: Sequence[int],
        c_id: int,
        num_blocks: int,
        block: type[nn.Module] = AADBlock,
    ) -> None:
        super().__init__()
        c_in = widths[-1]
        self.up1 = nn.ConvTranspose2d(c_id, c_in, 2)
        self.levels = len(attr_channels)
        for k, (c_out, c_attr) in enumerate(
            zip([*block_widths(widths), 3], attr_channels, strict=True), start=1
        ):
            self.add_module(f"AADBlk{k}", block(c_in, c_out, c_attr, c_id, num_blocks))
            c_in = c_out

    def blocks(self) -> list[nn.Module]:
        """The AAD blocks from coarse to fine."""
        return [self.get_submodule(f"AADBlk{k}") for k in range(1, self.levels + 1)]

    def forward(self, attributes: Sequence[Tensor], z: Tensor) -> Tensor:
        """Paint the picture (B, 3, S, S) in [-1, 1] from the maps and ``z`` (B, c_id)."""
        h = self.up1(z[:, :, None, None])
        for k, (block, attr) in enumerate(zip(self.blocks(), attributes, strict=True)):
            h = block(upsample(h) if k else h, attr, z)
        return torch.tanh(h)


class AEINet(nn.Module):
    """The whole swapper: attribute encoder and generator.

    Args:
        backbone: Kind of attribute encoder.
        num_blocks: Steps in every AAD block (GHOST has 1, 2 and 3).
        c_id: Length of the identity vector.
        widths: Encoder channels from fine to coarse; fewer entries mean fewer levels and a
            smaller picture.
        width: Multiplier for all widths, rounded to multiples of 8.
        block: Class of the AAD blocks.
    """

    def __init__(
        self,
        backbone: Backbone = "unet",
        num_blocks: int = 2,
        c_id: int = 512,
        widths: Sequence[int] = GHOST_WIDTHS,
        width: float = 1.0,
        block: type[nn.Module] = AADBlock,
    ) -> None:
        super().__init__()
        if num_blocks < 1:
            raise ValueError("num_blocks must be at least 1")
        if len(widths) < 2:
            raise ValueError("an AEI-Net needs at least two widths")
        if width != 1.0:
            widths = [max(8, 8 * round(c * width / 8)) for c in widths]
        if backbone == "resnet":
            self.encoder: AttributeEncoder | ResnetAttributeEncoder = ResnetAttributeEncoder(widths)
        elif backbone in ("unet", "linknet"):
            self.encoder = AttributeEncoder(widths, concatenate=backbone == "unet")
        else:
            raise ValueError(f"unknown backbone {backbone!r}")
        self.generator = AADGenerator(widths, self.encoder.out_channels, c_id, num_blocks, block)
        self.c_id = c_id
        #: Pixels on a side of the picture that the network takes and gives.
        self.size = 2 ** (len(widths) + 1)

    def attributes(self, target: Tensor) -> list[Tensor]:
        """Attribute maps of ``target``, from coarse to fine."""
        maps: list[Tensor] = self.encoder(target)
        return maps

    def forward(self, target: Tensor, z: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Swap.

        Args:
            target: (B, 3, S, S) RGB in [-1, 1].
            z: (B, c_id) identity vectors, as the engine's rule gives them.

        Returns:
            The picture (B, 3, S, S) in [-1, 1] and the attribute maps from coarse to fine.
        """
        maps = self.attributes(target)
        return self.generator(maps, z), maps
