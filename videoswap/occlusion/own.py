"""Our own small network, which is part of the package; docs/occlusion.md is its card.

A U-Net of 0.37 million parameters that sees a face of 128 pixels and, where there is one, what the
same face looks like at other times. It was trained on faces with drawn hands, microphones,
stripes, cards, glasses, hair and other things over them (``scripts/occlusion``).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime

from ..finding.appearance import FRAMING, SIDE
from ..records import Array, Crop
from .finder import Framed, with_front
from .reference import Appearances, Look, References

NETWORK = Path(__file__).with_name("own.onnx")


class OwnFinder:
    """Finds what is in front of faces with our own network.

    Args:
        appearances: How the face of a track looks at other times; None where that is not known,
            as in pictures.
    """

    key = "own 3"  # change it with the network

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
    """Load the network: a picture that is its own reference says that there is none."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # other stages use the other cores
    options.inter_op_num_threads = 1
    # Three milliseconds on a CPU: a GPU would spend as much on the way there and back.
    session = onnxruntime.InferenceSession(
        str(NETWORK), options, providers=["CPUExecutionProvider"]
    )

    def look(picture: Array, reference: Array) -> Array:
        given = {"picture": picture[None], "reference": reference[None]}
        return np.asarray(session.run(["in_front"], given)[0][0], np.float32)

    return look
