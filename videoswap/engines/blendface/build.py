"""The engine blendface from its weight file."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from ...fingerprint import file_digest
from ...records import Fallback
from ...weights import store
from ...weights import store as slim
from ...weights.manifest import load_manifest, weights_dir
from ...weights.store import missing_files, missing_torch
from ..base import Engine
from ..neural import Framing

MODEL = "blendswap"


def missing() -> str | None:
    """Say what is not there, or None if the engine can be built."""
    if _path() is not None:
        return missing_torch()
    return missing_files([MODEL], "blendface") or missing_torch()


def build(device: str) -> tuple[Engine, tuple[Fallback, ...]]:
    """Load the engine.

    Args:
        device: cpu or cuda.

    Returns:
        The engine and what it does otherwise than on a better machine.

    Raises:
        InputError: If the file is missing, damaged or another network's.
    """
    import torch
    import torch.nn.functional as F

    from ...networks.blendswap import BlendSwap
    from ...networks.fast_blendswap import FastBlendSwap
    from ..torch_runtime import start
    from .engine import BlendFaceEngine, specs

    network = cast(BlendSwap, store.load(MODEL, "cpu"))
    anyone = F.normalize(torch.ones(1, 512))
    started = start(lambda dtype: FastBlendSwap(network, dtype, device), anyone, device, 0.0, 1.0)
    del network.E_ema, network.G_ema  # only the identity encoder is needed from here on
    target, source = specs()
    used = file_digest(slim.prefer(load_manifest().model(MODEL)))
    key = f"blendface {started.precision} {used}"
    framing = Framing("blendface", key, target, source, started.generator.largest)
    return BlendFaceEngine(framing, started.generator, network.identity), started.notes


def _path() -> Path | None:
    """Return where the weights lie: the whole file, or the slim copy that is left of it."""
    copy = slim.slim_path(weights_dir() / load_manifest().model(MODEL).file)
    return store.find(MODEL) or (copy if copy.is_file() else None)
