"""The engines ghost and blendface from FaceFusion's ONNX files."""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import InputError
from ...fingerprint import digest_of_files, file_digest
from ...records import Fallback
from ...settings import GhostSettings
from ...weights import store
from ...weights.onnx_models import OnnxNetwork
from ...weights.store import missing_files
from ..base import Engine
from ..ghost.build import LANDMARKS, mask_rule
from ..neural import Framing
from .engines import (
    BLENDSWAP_TARGET,
    GHOST_TARGET,
    SOURCE,
    OnnxBlendFaceEngine,
    OnnxGhostEngine,
)

RECOGNISER, BLENDSWAP = "arcface_w600k_r50", "blendswap_onnx"
CONVERTERS = ("crossface_ghost", "arcface_converter_ghost")
BATCH = 4


def is_onnx(settings: GhostSettings) -> bool:
    """Tell whether the generator that was named is an ONNX file."""
    return settings.g_path is not None and settings.g_path.suffix.lower() == ".onnx"


def missing_ghost(settings: GhostSettings) -> str | None:
    """Say what of GHOST's ONNX files is not there, or None if the engine can be built."""
    names = [RECOGNISER, _converter()]
    if settings.g_path is None:
        if settings.backbone != "unet":
            return f"there is no ONNX file with the backbone {settings.backbone}"
        names.insert(0, f"ghost_{settings.num_blocks}_onnx")
    elif not is_onnx(settings) or not settings.g_path.is_file():
        return f"{settings.g_path} is not an ONNX file that is there"
    return missing_files(names, "ghost-onnx")


def missing_blendface() -> str | None:
    """Say what is not there, or None if the engine can be built."""
    return missing_files([BLENDSWAP], BLENDSWAP)


def build_ghost(
    settings: GhostSettings, providers: Sequence[str]
) -> tuple[Engine, tuple[Fallback, ...]]:
    """Load the engine ghost; arguments, result and errors as in ``ghost_build.build``."""
    ignored = [
        word
        for word, asked in (
            ("--crop_size", settings.crop_size != GhostSettings().crop_size),
            ("--use_sr", settings.use_sr),
            ("--ghost_exact", settings.exact),
        )
        if asked
    ]
    if ignored:
        raise InputError(
            "engine_unusable",
            f"FaceFusion's ONNX files of the engine ghost cannot do {' and '.join(ignored)}.",
            "Fetch GHOST's own weights with: videoswap models download ghost",
        )
    path = settings.g_path or store.require(f"ghost_{settings.num_blocks}_onnx")
    files = [path, store.require(RECOGNISER), store.require(_converter())]
    generator, recogniser, converter = (OnnxNetwork(file, providers) for file in files)
    mask, notes = mask_rule(False, providers)
    used = digest_of_files([*files, store.find(LANDMARKS)])
    framing = Framing("ghost", f"ghost onnx {used}", GHOST_TARGET, SOURCE, _batch(generator))
    said = Fallback("GHOST's own weights", "FaceFusion's ONNX files and framing", _reason(settings))
    engine = OnnxGhostEngine(framing, generator, recogniser, converter, mask)
    return engine, (said, *notes)


def build_blendface(providers: Sequence[str]) -> tuple[Engine, tuple[Fallback, ...]]:
    """Load the engine blendface; result and errors as in ``ghost_build.build``."""
    path = store.require(BLENDSWAP)
    network = OnnxNetwork(path, providers)
    framing = Framing(
        "blendface",
        f"blendface onnx {file_digest(path)}",
        BLENDSWAP_TARGET,
        SOURCE,
        _batch(network),
    )
    said = Fallback(
        "BlendFace's learned mask",
        "the outline of the 68 landmarks as the mask",
        "only FaceFusion's ONNX file is here, and that gives no mask",
    )
    return OnnxBlendFaceEngine(framing, network), (said,)


def _converter() -> str:
    """Return the name of the converter that is there, or of the current one."""
    return next((name for name in CONVERTERS if store.find(name) is not None), CONVERTERS[0])


def _batch(network: OnnxNetwork) -> int:
    return BATCH if network.batched else 1


def _reason(settings: GhostSettings) -> str:
    return "--G_path names one of them" if is_onnx(settings) else "only they are here"
