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
    summary = "the photo warped to the target's landmarks; needs no weights"
    options = MeshOptions
    rank = 90

    def missing(self, options: MeshOptions) -> str | None:
        """Return what is missing: the network's weights, where it should correct the swaps."""
        return self.missing_files(("mesh_correction",)) if options.correct else None

    def load(self, device: Device, options: MeshOptions) -> Engine:
        """Make the engine; it runs on the CPU everywhere."""
        from .engine import MeshEngine

        return MeshEngine(options=options)


plugin = MeshPlugin()
