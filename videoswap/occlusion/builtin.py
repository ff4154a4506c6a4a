"""Our own two networks, which are part of the package; docs/occlusion.md is their card.

U-Nets of 0.37 and 1.56 million parameters that see a face of 128 pixels and, where there is one,
what the same face looks like at other times. They were trained on faces with hands, microphones,
stripes, cards, glasses, hair and other things over them (``scripts/occlusion``).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from ..crops import warped
from ..detection.appearance import FACE_REGION, FRAMED_SIZE, FRAMING
from ..fingerprint import digest_of_files
from ..geometry.affine import compose, invert, resizing
from ..records import Array, Crop, Unoccluded
from ..weights.onnx_models import open_small
from .reference import HIDDEN, Appearances, Look, Reference, References, in_the_light_of
from .segmenter import Framed, with_occluder_mask

NETWORK = Path(__file__).with_name("own.onnx")
DEEP = Path(__file__).with_name("own_deep.onnx")
COARSE = 64  # side of the picture of what is behind: light is measured on it
MUCH = 0.02  # share of the middle that has to be hidden for a second look


class BuiltinSegmenter:
    """Finds what is in front of faces with our own networks.

    Args:
        appearances: How the face of a track looks at other times; None where that is not known,
            as in pictures.
        look: Both networks, see `load_network`; None loads them.
    """

    def __init__(self, appearances: Appearances | None = None, look: Look | None = None) -> None:
        self.key = networks_key()
        self._look = look or load_network()
        self._references = None if appearances is None else References(appearances, self._look)

    def __call__(self, crop: Crop) -> Crop:
        """Return the crop with its ``front`` and ``behind``, see ``records.Crop``."""
        framed = Framed.of(crop, FRAMING, FRAMED_SIZE)
        reference = None
        if self._references is not None:
            reference = self._references(crop.track, framed.picture, framed.landmarks)
        bare = framed.picture if reference is None else reference.picture
        front = self._look(framed.picture, bare)
        found = with_occluder_mask(crop, framed, front)
        if found.occluder_mask is None or reference is None:
            return found
        return _with_behind(found, framed, front, reference)


def _with_behind(crop: Crop, framed: Framed, front: Array, reference: Reference) -> Crop:
    """Return a crop with what its face looks like under what is in front."""
    picture = in_the_light_of(framed.picture, reference.picture, front < HIDDEN)
    smaller = COARSE / len(crop.pixels)
    matrix = compose(resizing(smaller, smaller), invert(framed.matrix))
    known = (reference.known > 0).astype(np.float32)
    behind = Unoccluded(warped(picture, matrix, COARSE), warped(known, matrix, COARSE, True))
    return replace(crop, unoccluded=behind)


def networks_key() -> str:
    """Return a text that changes with either network."""
    return f"own {digest_of_files([NETWORK, DEEP])}"


def load_coarse_model() -> Look:
    """Load the small network alone: a picture that is its own reference says that there is none."""
    return _opened(NETWORK)


def load_network(glance: Look | None = None) -> Look:
    """Load both networks; of the small one the given, where it is loaded already.

    The small one looks at every face. Where it finds something before the middle of it, the deep
    one looks again, and once more into a mirror: the mean of both is right more often. A face with
    nothing before it costs one look of the small one.
    """
    shallow, deep = glance or load_coarse_model(), _opened(DEEP)

    def look(picture: Array, reference: Array) -> Array:
        front = shallow(picture, reference)
        if float((front[FACE_REGION] > 0.5).mean()) < MUCH:
            return front
        mirrored = deep(cv2.flip(picture, 1), cv2.flip(reference, 1))
        return np.asarray((deep(picture, reference) + cv2.flip(mirrored, 1)) / 2)

    return look


def _opened(network: Path) -> Look:
    session = open_small(network)

    def look(picture: Array, reference: Array) -> Array:
        given = {"picture": picture[None], "reference": reference[None]}
        return np.asarray(session.run(["in_front"], given)[0][0], np.float32)

    return look
