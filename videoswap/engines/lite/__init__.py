"""The engine lite: this project's own small AEI-Net."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..base import EnginePlugin

if TYPE_CHECKING:
    from ...devices import Device
    from ..base import Engine


class LitePlugin(EnginePlugin):
    """The engine whose weights are trained here."""

    name = "lite"
    summary = "this project's own small AEI-Net"
    rank = 30
    published = False
    weights = ("lite", "lite_encoder")
    packages = ("torch",)

    def load(self, device: Device, options: Any) -> Engine:
        """Load the engine; see :meth:`EnginePlugin.load`."""
        from .engine import load

        return load(device)


plugin = LitePlugin()
