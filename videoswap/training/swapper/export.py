"""Trained swappers as files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import nn


def write_weights(networks: Mapping[str, nn.Module], folder: Path) -> tuple[Path, ...]:
    """Write every network as NAME.safetensors, in float32, with its own keys.

    Args:
        networks: By name.
        folder: Where.

    Returns:
        The files.
    """
    from safetensors.torch import save_file

    paths = []
    for name, network in networks.items():
        path = folder / f"{name}.safetensors"
        state = {key: one.detach().cpu().contiguous() for key, one in network.state_dict().items()}
        save_file(state, path)
        paths.append(path)
    return tuple(paths)
