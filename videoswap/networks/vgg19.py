"""The convolutions of VGG-19, by which pictures are compared in training.

Architecture: Simonyan and Zisserman, 2014 (arXiv 1409.1556), configuration E, with keys as in
torchvision's ``vgg19`` weights, whose classifier is left out. How its maps make a loss: Johnson et
al., 2016 (arXiv 1603.08155), with the layers and weights of pix2pixHD (Wang et al., 2017, arXiv
1711.11585).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

#: Channels of the convolutions of each stage; a stage ends with a pooling.
STAGES = ((64, 64), (128, 128), (256,) * 4, (512,) * 4, (512,) * 4)
#: What of a difference in each stage's first map counts, fine to coarse.
STAGE_WEIGHTS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0)
MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, RGB in [0, 1]
CLASSIFIER = "classifier."  # keys of torchvision's file that are not needed


class VGG19(nn.Module):
    """Picture to the first map of each stage.

    Args:
        stages: Channels of the convolutions, by stage.
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, stages: Sequence[Sequence[int]] = STAGES) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None], persistent=False)
        self.register_buffer("spread", torch.tensor(SPREAD)[:, None, None], persistent=False)
        layers: list[nn.Module] = []
        self._taken, c_in = set[int](), 3
        for stage in stages:
            self._taken.add(len(layers) + 1)
            for c_out in stage:
                layers += [nn.Conv2d(c_in, c_out, 3, 1, 1), nn.ReLU()]
                c_in = c_out
            layers.append(nn.MaxPool2d(2))
        # What follows the last map that is taken stays, since the file holds it.
        self.features = nn.Sequential(*layers)

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """Return the maps of ``pictures`` (B, 3, S, S), RGB in [-1, 1], fine to coarse."""
        x, maps = ((pictures + 1) / 2 - self.mean) / self.spread, []
        for number, layer in enumerate(self.features):
            x = layer(x)
            if number in self._taken:
                maps.append(x)
                if len(maps) == len(self._taken):
                    break
        return maps


def feature_difference(result: Sequence[Tensor], answer: Sequence[Tensor]) -> Tensor:
    """Return the weighted sum of the mean absolute differences of two pictures' maps."""
    pairs = zip(STAGE_WEIGHTS, result, answer, strict=True)
    return torch.stack([weight * F.l1_loss(one, other) for weight, one, other in pairs]).sum()
