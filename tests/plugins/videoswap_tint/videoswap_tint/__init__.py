"""What videoswap knows of the engine tint before it is loaded. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from videoswap import EnginePlugin, option

if TYPE_CHECKING:
    from videoswap import Device, Engine


@dataclass(frozen=True)
class TintOptions:
    """Options of the engine tint.

    Attributes:
        color: red, green or blue.
        strength: How strongly faces are tinted, 0 to 1.
    """

    color: str = field(
        default="red", metadata=option("color of the tint", choices=("red", "green", "blue"))
    )
    strength: float = field(default=0.5, metadata=option("how strongly faces are tinted, 0 to 1"))


class TintPlugin(EnginePlugin):
    """Tints the target's face, half by the option and half by the photo's own color."""

    name = "tint"
    summary = "tints faces; only a test"
    options = TintOptions

    def load(self, device: Device, options: TintOptions) -> Engine:
        """Make the engine."""
        from .engine import TintEngine

        return TintEngine(options)
