"""Occlusion segmenters from downloaded networks: XSeg and BiSeNet's face parsing.

Both are ONNX files of FaceFusion, with inputs, ranges and labels as in facefusion 3.8
(face_masker). Neither has to be there.
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
XSEG_SIZE, PARSING_SIZE = 256, 512  # sides of their input in pixels
LABELS = 19  # of the face parser
#: The labels that are the face: skin, brows, eyes, nose, mouth, lips; glasses (6) are not.
FACE_LABELS = (1, 2, 3, 4, 5, 10, 11, 12, 13)
#: Labels have no soft border of their own: standard deviation in pixels of the one they get.
BORDER_SIGMA = 1.5
#: Mean and standard deviation of ImageNet's colors, 0 to 1.
_MEAN, _DEVIATION = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


def load_xseg(providers: Sequence[str]) -> NetworkSegmenter:
    """Load XSeg, which gives every pixel the probability of being the face.

    Args:
        providers: onnxruntime's execution providers, best first.

    Raises:
        InputError: ``missing_weights``, which says how to get it, or ``wrong_weights``.
    """
    path = store.require(XSEG)
    network = OnnxNetwork(path, providers)
    name = _checked_input(network, (XSEG_SIZE, XSEG_SIZE, 3), path)

    def predict(picture: Array) -> Array:
        blue_first = picture[None, :, :, ::-1] / 255.0
        face = network({name: blue_first}).reshape(-1)
        if face.size != XSEG_SIZE**2:
            raise _wrong_weights(path)
        return 1.0 - np.clip(face.reshape(XSEG_SIZE, XSEG_SIZE), 0.0, 1.0)

    key = f"xseg {file_digest(path)}"
    return NetworkSegmenter(key, TEMPLATES["ffhq_512"], XSEG_SIZE, predict, network.notes)


def load_face_parser(providers: Sequence[str]) -> NetworkSegmenter:
    """Load the face parser, which gives every pixel one of 19 labels.

    Args:
        providers: onnxruntime's execution providers, best first.

    Raises:
        InputError: ``missing_weights``, which says how to get it, or ``wrong_weights``.
    """
    path = store.require(PARSING)
    network = OnnxNetwork(path, providers)
    name = _checked_input(network, (3, PARSING_SIZE, PARSING_SIZE), path)

    def predict(picture: Array) -> Array:
        scaled = (picture / 255.0 - _MEAN) / _DEVIATION
        scores = network({name: np.moveaxis(scaled, 2, 0)[None]})
        if scores.shape[1:] != (LABELS, PARSING_SIZE, PARSING_SIZE):
            raise _wrong_weights(path)
        mask = ~np.isin(scores[0].argmax(axis=0), FACE_LABELS)
        return np.asarray(cv2.GaussianBlur(mask.astype(np.float32), (0, 0), BORDER_SIGMA))

    return NetworkSegmenter(
        f"parsing {file_digest(path)}", TEMPLATES["ffhq_512"], PARSING_SIZE, predict, network.notes
    )


def _checked_input(network: OnnxNetwork, shape: tuple[int, ...], path: Path) -> str:
    """Return the name of the only input, after a check of its shape."""
    name, found = next(iter(network.inputs.items()))
    fits = len(found) == 4 and all(
        not isinstance(have, int) or have == want
        for have, want in zip(found[1:], shape, strict=True)
    )
    if not fits:
        raise _wrong_weights(path)
    return name


def _wrong_weights(path: Path) -> InputError:
    return InputError(
        "wrong_weights", f"{path} gives something else than expected.", "It may be another network."
    )
