"""One lossless swap of a generated clip, and what is planted into it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from videoswap import EncodeSettings, MeshOptions, SwapSettings, swap_video


@dataclass(frozen=True)
class Swapped:
    original: Path
    result: Path
    masks: Path
    source: Path


@pytest.fixture(scope="session")
def swapped(solo_clip, photos, cache, tmp_path_factory) -> Swapped:
    folder = tmp_path_factory.mktemp("swapped")
    result, masks = folder / "result.mkv", folder / "masks.mkv"
    settings = SwapSettings(
        cache_dir=cache,
        device="cpu",
        swapper="mesh",
        engine_options=MeshOptions(correct="off"),  # these are tests of what measures
        encode=EncodeSettings(encoder="ffv1"),
    )
    swap_video(
        [photos["other"]], solo_clip, result, target_faces=(), settings=settings, save_masks=masks
    )
    return Swapped(solo_clip, result, masks, photos["other"])
