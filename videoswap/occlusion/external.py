"""Finders from downloaded networks, as ONNX files of FaceFusion: XSeg and BiSeNet's face parsing.

Inputs, ranges and labels as in facefusion 3.8 (face_masker). Neither has to be there.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from ..errors import InputError
from ..fingerprint import file_digest
from ..geometry.affine import TEMPLATES
from ..records import Array
from ..weights import store
from ..weights.onnx_models import OnnxNetwork
from .segmenter import NetworkSegmenter

XSEG, PARSING = "xseg", "bisenet_resnet_34"  # names in the manifest
XSEG_SIDE, PARSING_SIDE = 256, 512
#: Parsing labels that are the face: skin, brows, eyes, nose, mouth, lips; glasses (6) are not.
FACE = (1, 2, 3, 4, 5, 10, 11, 12, 13)
_MEAN, _SPREAD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])  # ImageNet's


def xseg_segmenter(providers: Sequence[str]) -> NetworkSegmenter:
    """Load XSeg, which gives the share of the face in every pixel.

    Raises:
        InputError: ``missing_weights``, which says how to get it, or ``wrong_weights``.
    """
    path = store.require(XSEG)
    network = OnnxNetwork(path, providers)
    name = _input(network, (XSEG_SIDE, XSEG_SIDE, 3), path)

    def look(picture: Array) -> Array:
        blue_first = picture[None, :, :, ::-1] / 255.0
        shown = network({name: blue_first}).reshape(-1)
        if shown.size != XSEG_SIDE**2:
            raise _wrong(path)
        return 1.0 - np.clip(shown.reshape(XSEG_SIDE, XSEG_SIDE), 0.0, 1.0)

    return NetworkSegmenter(f"xseg {file_digest(path)}", TEMPLATES["ffhq_512"], XSEG_SIDE, look)


def parsing_segmenter(providers: Sequence[str]) -> NetworkSegmenter:
    """Load the face parser, which gives every pixel one of 19 labels.

    Raises:
        InputError: ``missing_weights``, which says how to get it, or ``wrong_weights``.
    """
    path = store.require(PARSING)
    network = OnnxNetwork(path, providers)
    name = _input(network, (3, PARSING_SIDE, PARSING_SIDE), path)

    def look(picture: Array) -> Array:
        scaled = (picture / 255.0 - _MEAN) / _SPREAD
        scores = network({name: np.moveaxis(scaled, 2, 0)[None]})
        if scores.shape[1:] != (19, PARSING_SIDE, PARSING_SIDE):
            raise _wrong(path)
        front = ~np.isin(scores[0].argmax(axis=0), FACE)
        # Labels have no soft border of their own.
        return np.asarray(cv2.GaussianBlur(front.astype(np.float32), (0, 0), 1.5))

    return NetworkSegmenter(
        f"parsing {file_digest(path)}", TEMPLATES["ffhq_512"], PARSING_SIDE, look
    )


def _input(network: OnnxNetwork, shape: tuple[int, ...], path: Path) -> str:
    """Return the name of the only input, after a look at its shape."""
    name, found = next(iter(network.inputs.items()))
    fits = len(found) == 4 and all(
        not isinstance(have, int) or have == want
        for have, want in zip(found[1:], shape, strict=True)
    )
    if not fits:
        raise _wrong(path)
    return name


def _wrong(path: Path) -> InputError:
    return InputError(
        "wrong_weights", f"{path} gives something else than expected.", "It may be another network."
    )
