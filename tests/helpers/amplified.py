"""Weights that make one part of an AEI-Net overflow in half precision."""

from __future__ import annotations

from typing import Any

import torch


@torch.no_grad()
def amplify(net: Any, part: str) -> None:
    """Enlarge the weights of an `AEINet`: of its blocks, of its attributes or of its start."""
    if part == "start":
        net.generator.up1.weight *= 2.0**18
        net.generator.up1.bias *= 2.0**18
    for block in net.generator.blocks():
        for aad, conv in [*block.main_path(), *block.shortcut()]:
            if part == "block":
                conv.weight *= 2.0**14
            elif part == "attributes":
                for layer in (aad.conv1, aad.conv2, aad.fc1, aad.fc2):
                    layer.weight *= 2.0**14
                    layer.bias *= 2.0**14
    if part != "start":
        last = net.generator.blocks()[-1]
        for _, conv in [last.main_path()[-1], *last.shortcut()]:
            conv.weight *= 2.0**-14  # the picture itself stays in tanh's range
