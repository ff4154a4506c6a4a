"""The engines by name, and which of them can be used here.

Looking does not import torch; building an engine that needs it does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..devices import PROVIDERS
from ..errors import InputError, UsageError
from ..records import Fallback
from ..settings import GhostSettings
from .base import Engine
from .blendface import build as blendface_build
from .facefusion import build as onnx_build
from .ghost import build as ghost_build
from .lite import engine as lite
from .mesh.engine import MeshEngine
from .reliableswap import engine as reliableswap

#: An engine, and what it does otherwise than expected.
Built = tuple[Engine, tuple[Fallback, ...]]


@dataclass(frozen=True, slots=True)
class KnownEngine:
    """An engine that may or may not be usable.

    Attributes:
        name: Name on the command line.
        summary: What it is, in a few words.
        missing: Why it cannot be used here; None if it can.
        build: Makes it, for a device (cpu or cuda).
        automatic: Whether auto may take it.
        published: Whether its weights can be had; what nobody can have is not recommended.
    """

    name: str
    summary: str
    missing: str | None
    build: Callable[[str], Built]
    automatic: bool = True
    published: bool = True


def engines(ghost: GhostSettings | None = None) -> tuple[KnownEngine, ...]:
    """Return all engines, the preferred one first.

    Args:
        ghost: What was asked of the engine ghost; it decides which files that one needs.
    """
    asked = ghost or GhostSettings()
    return (
        KnownEngine(
            "blendface",
            "BlendFace's swap model with its learned mask",
            _either(blendface_build.missing(), onnx_build.missing_blendface()),
            _build_blendface,
        ),
        KnownEngine(
            "ghost",
            "GHOST's AEI-Net with ArcFace",
            _missing_ghost(asked),
            lambda device: _build_ghost(asked, device),
        ),
        KnownEngine(
            "lite",
            "this project's own small AEI-Net",
            lite.missing(),
            lite.build,
            published=False,
        ),
        KnownEngine(
            "mesh",
            "the photo warped to the target's landmarks; needs no weights",
            None,
            lambda device: (MeshEngine(), ()),
        ),
        KnownEngine(
            "reliableswap",
            "ReliableSwap's generator with FixerNet; only when asked for by name",
            reliableswap.missing(),
            reliableswap.build,
            automatic=False,
        ),
    )


def choose_engine(name: str, device: str, ghost: GhostSettings | None = None) -> Built:
    """Build the engine of that name, or for auto the best one that is usable.

    Args:
        name: An engine's name, or auto.
        device: cpu or cuda.
        ghost: What was asked of the engine ghost. With auto anything unusual means ghost.

    Returns:
        The engine, and what has to be said about it: for auto why better ones were passed over.

    Raises:
        UsageError: ``unknown_engine``, or ``other_engine`` if something was asked of ghost and
            another engine was named.
        InputError: ``engine_unusable`` if something that the engine needs is not here, or if a
            weight file is damaged or another network's; auto goes on with the next engine.
    """
    known = engines(ghost)
    unusual = ghost is not None and ghost != GhostSettings()
    if name == "auto" and not unusual:
        return _best([engine for engine in known if engine.automatic], device)
    name = "ghost" if name == "auto" else name
    chosen = next((engine for engine in known if engine.name == name), None)
    if chosen is None:
        names = ", ".join(engine.name for engine in known)
        raise UsageError("unknown_engine", f"There is no engine {name!r}.", f"Use auto or {names}.")
    if unusual and name != "ghost":
        raise UsageError(
            "other_engine",
            f"Settings of the engine ghost were given, and the engine {name}.",
            "Leave out one of them.",
        )
    if chosen.missing is not None:
        hint = "What was asked for needs it; `--swapper mesh` needs no weights." if unusual else ""
        message = f"The engine {name} cannot be used: {chosen.missing}."
        raise InputError("engine_unusable", message, hint)
    return _build(chosen, device)


def _best(known: Sequence[KnownEngine], device: str) -> Built:
    passed: list[KnownEngine] = []
    broken: dict[str, InputError] = {}
    for engine in known:
        if engine.missing is not None:
            passed.append(engine)
            continue
        try:
            built, notes = _build(engine, device)
        except InputError as error:
            broken[engine.name] = error
            continue
        used = f"the engine {engine.name}"
        told = [Fallback(name, used, error.message.rstrip(".")) for name, error in broken.items()]
        return built, (*_passed_over(passed, engine), *told, *notes)
    raise next(iter(broken.values()))  # never: mesh needs no weights


def _build(engine: KnownEngine, device: str) -> Built:
    """Build an engine; where its weights are of no use, the error says what needs none."""
    try:
        return engine.build(device)
    except InputError as error:
        way = "Or swap with --swapper mesh, which needs no weights."
        raise type(error)(error.code, error.message, f"{error.hint}\n{way}".strip()) from error


def _passed_over(passed: Sequence[KnownEngine], best: KnownEngine) -> tuple[Fallback, ...]:
    """Say in one line why better engines are not used."""
    used = f"the engine {best.name}"
    passed = [one for one in passed if one.published]
    if len(passed) == 1:
        return (Fallback(passed[0].name, used, passed[0].missing or ""),)
    if not passed:
        return ()
    names = " or ".join(one.name for one in passed)
    why = "what they need is not here (`videoswap doctor` says how to get it)"
    return (Fallback(names, used, why),)


def _either(ours: str | None, onnx: str | None) -> str | None:
    """Say what the first way misses, or None if one of two ways is open."""
    return None if onnx is None else ours


def _build_blendface(device: str) -> Built:
    if blendface_build.missing() is None:
        return blendface_build.build(device)
    return onnx_build.build_blendface(PROVIDERS[device])


def _missing_ghost(asked: GhostSettings) -> str | None:
    if onnx_build.is_onnx(asked):
        return onnx_build.missing_ghost(asked)
    return _either(ghost_build.missing(asked), onnx_build.missing_ghost(asked))


def _build_ghost(asked: GhostSettings, device: str) -> Built:
    if onnx_build.is_onnx(asked) or ghost_build.missing(asked) is not None:
        return onnx_build.build_ghost(asked, PROVIDERS[device])
    return ghost_build.build(asked, device, PROVIDERS[device])
