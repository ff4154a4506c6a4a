"""The engines by name, and which of them can be used here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..errors import UsageError
from ..records import Fallback
from .base import Swapper
from .mesh import MeshSwapper


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine that may or may not be usable.

    Attributes:
        name: Name on the command line.
        summary: What it is, in a few words.
        missing: Why it cannot be used here; None if it can.
        build: Makes it, for a device (cpu or cuda).
    """

    name: str
    summary: str
    missing: str | None
    build: Callable[[str], Swapper]


def engines() -> tuple[Engine, ...]:
    """Return all engines, the preferred one first."""
    return (
        Engine(
            "mesh",
            "the photo warped to the target's landmarks; needs no weights",
            None,
            lambda device: MeshSwapper(),
        ),
    )


def choose_engine(name: str, device: str) -> tuple[Swapper, tuple[Fallback, ...]]:
    """Build the engine of that name, or for auto the best one that is usable.

    Args:
        name: An engine's name, or auto.
        device: cpu or cuda.

    Returns:
        The engine, and for auto why better ones were passed over.

    Raises:
        UsageError: ``unknown_engine`` or ``engine_unusable``.
    """
    known = engines()
    if name == "auto":
        best = next(engine for engine in known if engine.missing is None)
        passed = known[: known.index(best)]
        notes = tuple(Fallback(e.name, best.name, e.missing or "") for e in passed)
        return best.build(device), notes
    chosen = next((engine for engine in known if engine.name == name), None)
    if chosen is None:
        names = ", ".join(engine.name for engine in known)
        raise UsageError("unknown_engine", f"There is no engine {name!r}.", f"Use auto or {names}.")
    if chosen.missing is not None:
        raise UsageError("engine_unusable", f"The engine {name} cannot be used: {chosen.missing}.")
    return chosen.build(device), ()
