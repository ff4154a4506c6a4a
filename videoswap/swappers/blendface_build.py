"""The engine blendface from its weight file."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from ..models import slim, store
from ..models.manifest import load_manifest, weights_dir
from .base import Swapper
from .found import missing_files, missing_torch, print_of
from .neural import Framing

MODEL = "blendswap"


def missing() -> str | None:
    """Say what is not there, or None if the engine can be built."""
    if _path() is not None:
        return missing_torch()
    return missing_files([MODEL], "blendface") or missing_torch()


def build(device: str) -> Swapper:
    """Load the engine.

    Args:
        device: cpu or cuda.

    Raises:
        InputError: If the file is missing, damaged or another network's.
    """
    import torch
    import torch.nn.functional as F

    from ..networks.blendswap import BlendSwap
    from .batches import Batches, fitting_batch
    from .blendface import SIDE, BlendFaceSwapper, BlendGenerator, specs

    network = cast(BlendSwap, store.load(MODEL, "cpu"))
    generator = BlendGenerator(network, device)
    anyone = generator.identity(F.normalize(torch.ones(1, 512)))
    batch = fitting_batch(generator, torch.zeros(1, 3, SIDE, SIDE), anyone, device)
    target, source = specs()
    framing = Framing("blendface", f"blendface {print_of(_path())}", target, source, batch)
    return BlendFaceSwapper(framing, Batches(generator, batch), network.identity)


def _path() -> Path | None:
    """Return where the weights lie: the whole file, or the slim copy that is left of it."""
    copy = slim.slim_path(weights_dir() / load_manifest().model(MODEL).file)
    return store.find(MODEL) or (copy if copy.is_file() else None)
