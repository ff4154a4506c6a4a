"""Our own small network, which is part of the package; docs/occlusion.md is its card.

A U-Net of 0.37 million parameters that sees a face of 128 pixels and, where there is one, what the
same face looks like at other times. It was trained on faces with drawn hands, microphones,
stripes, cards, glasses, hair and other things over them (``scripts/occlusion``).
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from ..finding.appearance import FRAMING, MIDDLE, SIDE
from ..models.graphs import open_small
from ..records import Array, Crop
from .finder import Framed, with_front
from .reference import Appearances, Look, References

NETWORK = Path(__file__).with_name("own.onnx")
MUCH = 0.02  # share of the middle that has to be hidden for a second look


class OwnFinder:
    """Finds what is in front of faces with our own network.

    Args:
        appearances: How the face of a track looks at other times; None where that is not known,
            as in pictures.
    """

    key = "own 4"  # change it with the network

    def __init__(self, appearances: Appearances | None = None) -> None:
        self._look = load_network()
        self._references = None if appearances is None else References(appearances, self._look)

    def __call__(self, crop: Crop) -> Crop:
        """Return the crop with its ``front``, see ``records.Crop``."""
        framed = Framed.of(crop, FRAMING, SIDE)
        reference = framed.picture
        if self._references is not None:
            reference = self._references(crop.track, framed.picture, framed.landmarks)
        return with_front(crop, framed, self._look(framed.picture, reference))


def load_network() -> Look:
    """Load the network: a picture that is its own reference says that there is none.

    Where something is before the middle of the face it looks a second time, into a mirror: the mean
    of both is right more often. A face with nothing before it costs one look.
    """
    session = open_small(NETWORK)

    def once(picture: Array, reference: Array) -> Array:
        given = {"picture": picture[None], "reference": reference[None]}
        return np.asarray(session.run(["in_front"], given)[0][0], np.float32)

    def look(picture: Array, reference: Array) -> Array:
        front = once(picture, reference)
        if float((front[MIDDLE] > 0.5).mean()) < MUCH:
            return front
        mirrored = once(cv2.flip(picture, 1), cv2.flip(reference, 1))
        return np.asarray((front + cv2.flip(mirrored, 1)) / 2)

    return look
