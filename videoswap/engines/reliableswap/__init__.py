"""The engine reliableswap: ReliableSwap's generator with FixerNet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..base import EnginePlugin, missing_packages

if TYPE_CHECKING:
    from ...devices import Device
    from ..base import Engine

#: Names of the manifest: the generator with FixerNet's identity of the mouth, and without.
WITH_MOUTH, PLAIN = "reliableswap", "reliableswap_plain"


class ReliableSwapPlugin(EnginePlugin):
    """ReliableSwap, with either of its two generators."""

    name = "reliableswap"
    summary = "ReliableSwap's generator with FixerNet; only when asked for by name"
    rank = 100
    automatic = False
    weights = (WITH_MOUTH,)
    packages = ("torch",)

    def missing(self, options: Any) -> str | None:
        """Return what is missing; the generator without FixerNet will do."""
        from ...weights.store import find

        if find(PLAIN) is not None:
            return missing_packages(self.packages)
        return super().missing(options)

    def load(self, device: Device, options: Any) -> Engine:
        """Load the engine; see :meth:`EnginePlugin.load`."""
        from ...weights.store import find
        from .engine import load

        return load(device, WITH_MOUTH if find(WITH_MOUTH) is not None else PLAIN)


plugin = ReliableSwapPlugin()
