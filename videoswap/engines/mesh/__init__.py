"""The engine mesh: the photo warped to the target's landmarks. Needs no weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base import EnginePlugin
from .options import MeshOptions

if TYPE_CHECKING:
    from ...devices import Device
    from ..base import Engine


class MeshPlugin(EnginePlugin):
    """The engine of a machine without weights."""

    name = "mesh"
    summary = "the photo warped to the target's landmarks; works without weights"
    options = MeshOptions
    rank = 90

    def missing(self, options: MeshOptions) -> str | None:
        """Return what is missing: the network's weights, where it has to correct the swaps."""
        return self._without_correction() if options.correct == "on" else None

    def load(self, device: Device, options: MeshOptions) -> Engine:
        """Make the engine; it runs on the CPU everywhere."""
        from ...records import Fallback
        from .correction import Corrector
        from .engine import MeshEngine

        if options.correct == "off":
            return MeshEngine(options=options)
        absent = self._without_correction()
        if absent is None:
            return MeshEngine(options=options, corrector=Corrector())
        engine = MeshEngine(options=options)
        engine.notes = (Fallback("corrected swaps", "the swaps as drawn", absent),)
        return engine

    def _without_correction(self) -> str | None:
        return self.missing_files(("mesh_correction",))


plugin = MeshPlugin()
