"""The engine blendface: BlendFace's swap model, from its own weights or FaceFusion's ONNX file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..base import EnginePlugin, missing_packages

if TYPE_CHECKING:
    from ...devices import Device
    from ..base import Engine

#: Names of the manifest.
MODEL, ONNX_MODEL = "blendswap", "blendswap_onnx"


class BlendFacePlugin(EnginePlugin):
    """BlendFace, from the first of its files that is here."""

    name = "blendface"
    summary = "BlendFace's swap model with its learned mask"
    rank = 10
    weights = (MODEL,)
    packages = ("torch",)

    def missing(self, options: Any) -> str | None:
        """Return what is missing of BlendFace's own file; None also if the ONNX file is here."""
        if self.missing_files([ONNX_MODEL]) is None:
            return None
        return self._missing_own()

    def _missing_own(self) -> str | None:
        from ...weights.slim import find_with_slim

        if find_with_slim(MODEL) is None:
            return self.missing_files([MODEL]) or missing_packages(self.packages)
        return missing_packages(self.packages)

    def load(self, device: Device, options: Any) -> Engine:
        """Load the engine; see :meth:`EnginePlugin.load`."""
        if self._missing_own() is None:
            from .engine import load

            return load(device, MODEL)
        from .onnx import load as load_onnx

        return load_onnx(device, ONNX_MODEL)


plugin = BlendFacePlugin()
