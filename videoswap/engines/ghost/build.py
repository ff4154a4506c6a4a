"""The engine ghost from its weight files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from ...fingerprint import digest_of_files
from ...records import Fallback
from ...settings import GhostSettings
from ...weights import store
from ...weights.store import missing_files, missing_torch
from ..base import Engine
from ..neural import Framing, MaskRule, outline_mask
from .masks import Face2d106, GhostMasks

if TYPE_CHECKING:
    from .engine import Network

LANDMARKS = "landmarks_106"
ARCFACE, SHARPENER = "ghost_arcface", "ghost_sr"


def network_name(settings: GhostSettings) -> str:
    """Return the name of the generator for ``videoswap.networks.build``."""
    return f"ghost_aei_{settings.backbone}_{settings.num_blocks}"


def missing(settings: GhostSettings) -> str | None:
    """Say what is not there, or None if the engine can be built."""
    if settings.g_path is not None:
        if not settings.g_path.is_file():
            return f"the generator {settings.g_path} is not there"
        names, download = [ARCFACE], ARCFACE
    elif settings.backbone != "unet":
        return f"no official generator has the backbone {settings.backbone}; name one by --G_path"
    else:
        generator = f"ghost_unet_{settings.num_blocks}"
        names, download = [generator, ARCFACE], "ghost"
        if settings.num_blocks != 2:
            download = f"{generator} {ARCFACE}"
    if settings.use_sr:
        names, download = [*names, SHARPENER], f"{download} {SHARPENER}"
    return missing_files(names, download) or missing_torch()


def build(
    settings: GhostSettings, device: str, providers: Sequence[str]
) -> tuple[Engine, tuple[Fallback, ...]]:
    """Load the engine.

    Args:
        settings: Which generator, and how it is used.
        device: cpu or cuda.
        providers: onnxruntime's execution providers, best first.

    Returns:
        The engine and what it does otherwise than GHOST would.

    Raises:
        InputError: If a file is missing, damaged or another network's.
    """
    import torch

    from ...networks.aei_net import AEINet
    from ...networks.fast_aei_net import FastAEINet
    from ...weights.loading import load_into
    from ..torch_runtime import start
    from .engine import GhostEngine, source_spec, target_spec

    path = settings.g_path or store.require(f"ghost_unet_{settings.num_blocks}")
    arcface = store.require(ARCFACE)
    sharpener = store.require(SHARPENER) if settings.use_sr else None
    module = cast(AEINet, load_into(network_name(settings), path, "cpu"))
    mask, notes = mask_rule(settings.exact, providers)
    started = start(
        lambda dtype: FastAEINet(module, dtype, device), torch.ones(512), device, -1.0, 1.0
    )
    used = digest_of_files([path, arcface, sharpener, store.find(LANDMARKS)])
    framing = Framing(
        name="ghost",
        key=f"ghost {settings} {started.precision} {used}",
        target=target_spec(settings),
        source=source_spec(settings),
        batch_size=started.generator.largest,
    )
    recogniser = load_into("iresnet100", arcface, "cpu")  # once per person: not worth a GPU
    sharpen = None if sharpener is None else _sharpen(sharpener, settings, device)
    engine = GhostEngine(framing, started.generator, recogniser, mask, sharpen, settings.exact)
    return engine, (*started.notes, *notes)


def _sharpen(path: Path, settings: GhostSettings, device: str) -> Network:
    """Load the super-resolution; GHOST leaves it in training mode by mistake, 20 faces a batch."""
    import torch

    from ...weights.loading import load_into

    network = load_into("ghost_sr", path, device).train(settings.exact)
    step = 20 if settings.exact else 4
    return lambda pictures: torch.cat(
        [network(pictures[k : k + step].to(device)) for k in range(0, len(pictures), step)]
    )


def mask_rule(exact: bool, providers: Sequence[str]) -> tuple[MaskRule, tuple[Fallback, ...]]:
    """Choose the masks: GHOST's where its 106 landmarks can be had."""
    reason = missing_files([LANDMARKS], LANDMARKS)
    if reason is None:
        try:
            return GhostMasks(Face2d106(store.require(LANDMARKS), providers), exact), ()
        except ImportError as error:
            reason = f"insightface cannot be imported ({error})"
    note = Fallback("GHOST's mask", "the outline of the 68 landmarks as the mask", reason or "")
    return outline_mask, (note,)
