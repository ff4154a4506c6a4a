"""Stacked hourglasses that find the 98 landmarks of WFLW, by which GHOST's eye loss sees pupils.

Architecture: the face alignment network (FAN; Bulat and Tzimiropoulos, ICCV 2017, arXiv
1703.07332) with coordinate and boundary channels (Wang et al., "Adaptive Wing Loss", ICCV 2019,
arXiv 1904.07399). Names of the keys as in protossw512/AdaptiveWingLoss. Its file ``WFLW_4HG.pth``
was never seen here.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

#: From this level on a boundary heatmap counts.
_BOUNDARY_LEVEL = 0.05


class _CoordinateConv(nn.Module):
    """A convolution that also sees where it is.

    Args:
        c_in: Channels besides the coordinates.
        c_out: Channels of the result.
        kernel: Its side.
        stride: Its stride.
        boundary: Whether there are coordinates of the boundary too.
    """

    def __init__(
        self, c_in: int, c_out: int, kernel: int = 1, *, stride: int = 1, boundary: bool = False
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(c_in + (5 if boundary else 3), c_out, kernel, stride, kernel // 2)
        self.boundary = boundary

    def forward(self, x: Tensor, boundary: Tensor | None = None) -> Tensor:
        """Filter (B, C, S, S); ``boundary`` (B, 1, S, S) is the heatmap of the stack before."""
        line = torch.linspace(-1, 1, x.shape[-1], dtype=x.dtype, device=x.device)
        # The first coordinate is the row.
        down, across = torch.meshgrid(line, line, indexing="ij")
        radius = torch.sqrt(down.square() + across.square())
        grid = torch.stack([down, across, radius / radius.max()])
        channels = [x, grid.expand(len(x), -1, -1, -1)]
        if self.boundary:
            assert boundary is not None
            near = boundary.clamp(0, 1) > _BOUNDARY_LEVEL
            channels.append(grid[:2] * near)
        filtered: Tensor = self.conv(torch.cat(channels, dim=1))
        return filtered


class _Block(nn.Module):
    """Three convolutions whose outputs stand behind each other, plus the input."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()

        def conv(before: int, after: int) -> nn.Conv2d:
            return nn.Conv2d(before, after, 3, 1, 1, bias=False)

        self.bn1, self.conv1 = nn.BatchNorm2d(c_in), conv(c_in, c_out // 2)
        self.bn2, self.conv2 = nn.BatchNorm2d(c_out // 2), conv(c_out // 2, c_out // 4)
        self.bn3, self.conv3 = nn.BatchNorm2d(c_out // 4), conv(c_out // 4, c_out // 4)
        self.downsample: nn.Sequential | None = None
        if c_in != c_out:
            self.downsample = nn.Sequential(
                nn.BatchNorm2d(c_in), nn.ReLU(), nn.Conv2d(c_in, c_out, 1, bias=False)
            )

    def forward(self, x: Tensor) -> Tensor:
        first = self.conv1(F.relu(self.bn1(x)))
        second = self.conv2(F.relu(self.bn2(first)))
        third = self.conv3(F.relu(self.bn3(second)))
        skip = x if self.downsample is None else self.downsample(x)
        return torch.cat([first, second, third], dim=1) + skip


class _Hourglass(nn.Module):
    """Blocks on halved and halved again maps, added up on the way back."""

    def __init__(self, width: int, depth: int, boundary: bool) -> None:
        super().__init__()
        self.depth = depth
        self.coordconv = _CoordinateConv(width, width, boundary=boundary)
        for level in range(depth, 0, -1):
            self.add_module(f"b1_{level}", _Block(width, width))
            self.add_module(f"b2_{level}", _Block(width, width))
        self.add_module("b2_plus_1", _Block(width, width))
        for level in range(1, depth + 1):
            self.add_module(f"b3_{level}", _Block(width, width))

    def _level(self, level: int, x: Tensor) -> Tensor:
        beside: Tensor = self.get_submodule(f"b1_{level}")(x)
        low = self.get_submodule(f"b2_{level}")(F.avg_pool2d(x, 2))
        low = self._level(level - 1, low) if level > 1 else self.get_submodule("b2_plus_1")(low)
        low = self.get_submodule(f"b3_{level}")(low)
        return beside + F.interpolate(low, scale_factor=2, mode="nearest")

    def forward(self, x: Tensor, boundary: Tensor | None) -> Tensor:
        return self._level(self.depth, self.coordconv(x, boundary))


class FaceAlignmentNetwork(nn.Module):
    """Face picture to heatmaps of landmarks.

    Args:
        stacks: Hourglasses, each of which corrects the one before.
        landmarks: Their number; a map of the face's boundary lies behind them.
        width: Channels inside.
        depth: Halvings of an hourglass.
    """

    def __init__(
        self, stacks: int = 4, landmarks: int = 98, width: int = 256, depth: int = 4
    ) -> None:
        super().__init__()
        self.stacks = stacks
        self.conv1 = _CoordinateConv(3, width // 4, 7, stride=2)
        self.bn1 = nn.BatchNorm2d(width // 4)
        self.conv2 = _Block(width // 4, width // 2)
        self.conv3 = _Block(width // 2, width // 2)
        self.conv4 = _Block(width // 2, width)
        for n in range(stacks):
            self.add_module(f"m{n}", _Hourglass(width, depth, boundary=n > 0))
            self.add_module(f"top_m_{n}", _Block(width, width))
            self.add_module(f"conv_last{n}", nn.Conv2d(width, width, 1))
            self.add_module(f"bn_end{n}", nn.BatchNorm2d(width))
            self.add_module(f"l{n}", nn.Conv2d(width, landmarks + 1, 1))
            if n < stacks - 1:
                self.add_module(f"bl{n}", nn.Conv2d(width, width, 1))
                self.add_module(f"al{n}", nn.Conv2d(landmarks + 1, width, 1))

    def forward(self, face: Tensor) -> Tensor:
        """Find landmarks.

        Args:
            face: (B, 3, 256, 256) RGB in [0, 1].

        Returns:
            (B, landmarks, 64, 64) heatmaps of the last stack, not negative.
        """
        x = F.relu(self.bn1(self.conv1(face)))
        x = self.conv4(self.conv3(F.avg_pool2d(self.conv2(x), 2)))
        maps: Tensor | None = None
        for n in range(self.stacks):
            boundary = None if maps is None else maps[:, -1:]
            inner = self.get_submodule(f"top_m_{n}")(self.get_submodule(f"m{n}")(x, boundary))
            inner = self.get_submodule(f"conv_last{n}")(inner)
            inner = F.relu(self.get_submodule(f"bn_end{n}")(inner))
            # Meant to be an option, but its "False" was a text, and so it was always on.
            maps = F.relu(self.get_submodule(f"l{n}")(inner))
            if n < self.stacks - 1:
                x = x + self.get_submodule(f"bl{n}")(inner) + self.get_submodule(f"al{n}")(maps)
        assert maps is not None
        return maps[:, :-1]
