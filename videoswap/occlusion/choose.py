"""Which finder the word of ``--mask`` means."""

from __future__ import annotations

from ..devices import Device
from ..models import store
from .downloaded import XSEG, parsing_finder, xseg_finder
from .finder import Finder
from .own import OwnFinder
from .reference import Appearances


def open_finder(mask: str, device: Device, appearances: Appearances | None = None) -> Finder | None:
    """Return what finds things in front of faces.

    Args:
        mask: A word of ``settings.MASKS``: outline does not look; auto takes XSeg if it was
            downloaded and there is a GPU for it, which on a CPU would cost more than the whole
            swap, and otherwise our own network.
        device: Where to compute.
        appearances: How the face of a track looks at other times, where that is known.

    Raises:
        InputError: ``missing_weights``, if a network was named and is not there.
    """
    if mask == "outline":
        return None
    if mask == "parsing":
        return parsing_finder(device.providers)
    if mask == "xseg" or (device.name == "cuda" and store.find(XSEG) is not None):
        return xseg_finder(device.providers)
    return OwnFinder(appearances)
