"""Loading of the occlusion segmenter that a word of ``--mask`` names."""

from __future__ import annotations

from typing import Literal

from ..devices import Device, choose_device
from ..errors import UsageError
from ..settings import MASKS
from ..weights import store
from .builtin import BuiltinSegmenter
from .external import XSEG, load_face_parser, load_xseg
from .segmenter import OcclusionSegmenter, OutlineSegmenter


def load_occlusion_segmenter(
    mask: Literal["auto", "outline", "xseg", "parsing"] | str = "auto",
    device: Device | str = "auto",
) -> OcclusionSegmenter:
    """Load the networks that find what is in front of faces, once for all videos and pictures.

    Args:
        mask: ``outline`` finds nothing; ``xseg`` and ``parsing`` are downloaded networks; ``auto``
            is XSeg where it was downloaded and there is a GPU for it (on a CPU it would cost more
            than the whole swap), and otherwise the networks of this package.
        device: Where to compute: ``auto``, ``cpu``, ``cuda``, or what ``choose_device`` gave.

    Raises:
        UsageError: ``bad_mask``, if there is no such mask; ``no_cuda``.
        InputError: ``missing_weights``, if a network was named and is not there, or
            ``wrong_weights``.
    """
    if mask not in MASKS:
        raise UsageError("bad_mask", f"Unknown mask {mask!r}.", f"Use one of {', '.join(MASKS)}.")
    if isinstance(device, str):
        device = choose_device(device)
    if mask == "outline":
        return OutlineSegmenter()
    if mask == "parsing":
        return load_face_parser(device.providers)
    if mask == "xseg" or (device.onnx == "cuda" and store.find(XSEG) is not None):
        found = load_xseg(device.providers)
        if mask == "xseg" or not found.notes:  # else it runs on the CPU, where it is too slow
            return found
    return BuiltinSegmenter()
