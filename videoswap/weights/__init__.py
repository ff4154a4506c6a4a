"""Weights: what there is, where it lies, how it is fetched, checked and loaded.

For an engine::

    from videoswap.weights import find, load, require

    generator = load("ghost_unet_2", "cuda")      # a network of ours, float32, eval
    detector = SCRFD(str(require("scrfd")))       # a path, checked; says how to get it if missing
    usable = find("blendswap") is not None        # quick, reads nothing

Files lie in ``weights/`` of the checkout, or in ``$VIDEOSWAP_WEIGHTS_DIR``, or in the user's data
folder; see :func:`weights_dir`. Importing this package imports neither torch nor the network.
"""

from .loading import load_into, load_state
from .manifest import (
    Licence,
    Manifest,
    Model,
    load_manifest,
    weights_dir,
)
from .models import load
from .store import find, require

__all__ = [
    "Licence",
    "Manifest",
    "Model",
    "find",
    "load",
    "load_into",
    "load_manifest",
    "load_state",
    "require",
    "weights_dir",
]
