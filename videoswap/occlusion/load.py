"""Which finder the word of ``--mask`` means."""

from __future__ import annotations

from collections.abc import Callable

from ..devices import Device
from ..weights import store
from .builtin import BuiltinSegmenter, load_network
from .external import XSEG, parsing_segmenter, xseg_segmenter
from .reference import Appearances
from .segmenter import OcclusionSegmenter

#: Makes the finder of one target, given how the face of a track looks at other times, where that
#: is known; None where nothing is looked for.
MakeFinder = Callable[[Appearances | None], OcclusionSegmenter | None]


def load_occlusion_segmenter(mask: str, device: Device) -> MakeFinder:
    """Load what finds things in front of faces, once for all targets of a run.

    Args:
        mask: A word of ``settings.MASKS``: outline does not look; auto takes XSeg if it was
            downloaded and there is a GPU for it, which on a CPU would cost more than the whole
            swap, and otherwise our own network.
        device: Where to compute.

    Raises:
        InputError: ``missing_weights``, if a network was named and is not there.
    """
    if mask == "outline":
        return lambda appearances: None
    if mask == "parsing":
        parsing = parsing_segmenter(device.providers)
        return lambda appearances: parsing
    if mask == "xseg" or (device.name == "cuda" and store.find(XSEG) is not None):
        xseg = xseg_segmenter(device.providers)
        return lambda appearances: xseg
    look = load_network()
    return lambda appearances: BuiltinSegmenter(appearances, look)
