"""Whether the second pass works on numpy pictures or on torch tensors."""

from __future__ import annotations

import importlib.util

from ..compositing.finisher import Finisher
from ..engines.base import Engine
from ..records import Fallback
from ..video.probe import VideoInfo
from .render import Renderer


def renderer_kind(tensors: bool) -> type[Renderer]:
    """Return the renderer whose steps work on tensors, or on numpy pictures."""
    if not tensors:
        return Renderer
    from .tensor_render import TensorRenderer  # needs torch

    return TensorRenderer


def tensors_chosen(
    wanted: str,
    engine: Engine,
    finisher: Finisher,
    info: VideoInfo,
) -> tuple[bool, tuple[Fallback, ...]]:
    """Decide what a render's steps work on.

    Args:
        wanted: numpy, tensors, or auto: tensors where the engine computes on a GPU.
        engine: The engine.
        finisher: What finishes its swaps.
        info: The video.

    Returns:
        Whether it is tensors, and a note where that is not what was asked for or expected.
    """
    if wanted == "numpy":
        return False, ()
    if wanted == "auto" and not (engine.paints_tensors and engine.tensor_device.type == "cuda"):
        return False, ()
    why = _why_not(engine, finisher, info)
    if not why:
        return True, ()
    return False, (Fallback("steps on tensors", "steps on numpy pictures", why),)


def _why_not(engine: Engine, finisher: Finisher, info: VideoInfo) -> str:
    """Return what the steps on tensors cannot do, as a clause; empty if they can do all."""
    if not engine.paints_tensors:
        return f"the engine {engine.name} paints numpy pictures with these options"
    if importlib.util.find_spec("kornia") is None:
        return "kornia is not installed"
    if finisher.keeps:
        return (
            f"tensors have no step that keeps the target's {' and '.join(sorted(finisher.keeps))}"
        )
    if finisher.settings.feather is not None:
        return "tensors have no step for --feather"
    if info.color.transfer not in ("sdr", "hlg"):
        return f"tensors have no step for the transfer {info.color.transfer}"
    return ""
