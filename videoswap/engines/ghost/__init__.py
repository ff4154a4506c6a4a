"""The engine ghost: GHOST's AEI-Net, from its own weights or FaceFusion's ONNX files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import InputError
from ..base import EnginePlugin, missing_packages
from .options import ARCFACE, RECOGNIZER, SHARPENER, GhostOptions, converter

if TYPE_CHECKING:
    from ...devices import Device
    from ..base import Engine


class GhostPlugin(EnginePlugin):
    """GHOST, from its own files where they are here, otherwise from FaceFusion's."""

    name = "ghost"
    summary = "GHOST's AEI-Net with ArcFace"
    options = GhostOptions
    rank = 20
    weights = ("ghost_unet_2", ARCFACE)
    packages = ("torch",)
    default_download = True

    def missing(self, options: GhostOptions) -> str | None:
        """Return what is missing of GHOST's own files; None also if the ONNX files are here."""
        if options.is_onnx:
            return self.missing_onnx(options)
        return None if self.missing_onnx(options) is None else self.missing_own(options)

    def missing_own(self, options: GhostOptions) -> str | None:
        """Return what is missing to load GHOST's own weights."""
        if options.g_path is not None:
            if not options.g_path.is_file():
                return f"the generator {options.g_path} is not there"
            names, download = [ARCFACE], ARCFACE
        elif options.backbone != "unet":
            return (
                f"no official generator has the backbone {options.backbone}; name one by --G_path"
            )
        else:
            generator = f"ghost_unet_{options.num_blocks}"
            names, download = [generator, ARCFACE], self.name
            if options.num_blocks != 2:
                download = f"{generator} {ARCFACE}"
        if options.use_sr:
            names, download = [*names, SHARPENER], f"{download} {SHARPENER}"
        return self.missing_files(names, download) or missing_packages(self.packages)

    def missing_onnx(self, options: GhostOptions) -> str | None:
        """Return what is missing to load FaceFusion's ONNX files."""
        names = [RECOGNIZER, converter()]
        if options.g_path is None:
            if options.backbone != "unet":
                return f"there is no ONNX file with the backbone {options.backbone}"
            names.insert(0, f"ghost_{options.num_blocks}_onnx")
        elif not options.is_onnx or not options.g_path.is_file():
            return f"{options.g_path} is not an ONNX file that is there"
        return self.missing_files(names, "ghost-onnx")

    def load(self, device: Device, options: GhostOptions) -> Engine:
        """Load the engine; see :meth:`EnginePlugin.load`.

        Raises:
            InputError: ``engine_unusable`` also if an ONNX file cannot do what was asked.
        """
        if not options.is_onnx and self.missing_own(options) is None:
            from .engine import load

            return load(device, options)
        ignored = [
            flag
            for flag, asked in (
                ("--crop_size", options.crop_size != GhostOptions().crop_size),
                ("--use_sr", options.use_sr),
                ("--ghost_exact", options.exact),
            )
            if asked
        ]
        if ignored:
            raise InputError(
                "engine_unusable",
                f"FaceFusion's ONNX files of the engine ghost cannot do {' and '.join(ignored)}.",
                "Fetch GHOST's own weights with: videoswap models download ghost",
            )
        from .onnx import load as load_onnx

        return load_onnx(device, options)


plugin = GhostPlugin()
