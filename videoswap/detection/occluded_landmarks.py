"""Landmarks of a face with something before it, by our own small network.

dlib's landmarks are led astray by a hand or a stripe, also where the face is visible. This network
sees them, the picture and what is in front. It says where dlib would find them on the free face, as
it was trained to (``videoswap train landmarks``), and which of dlib's are right as
they are. docs/occlusion.md is its card.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..fingerprint import file_digest
from ..records import Array
from ..weights.onnx_models import open_onnx
from .appearance import FRAMING

#: From a picture (S, S, 3) float32 RGB, 0 to 255, what is in front (S, S) float32, 0 to 1, and
#: landmarks (68, 2) as dlib finds them, to landmarks (68, 2) float64 and how much each of dlib's is
#: to be trusted instead, (68,), 0 to 1; S = appearance.SIDE.
OccludedLandmarker = Callable[[Array, Array, Array], tuple[Array, Array]]

NETWORK = Path(__file__).with_name("hidden_landmarks.onnx")
#: Where the five points lie in its pictures, in the unit square: around the whole jaw.
SURROUNDINGS = 0.5 + (FRAMING - 0.5) * 0.85 + [0.0, 0.022]


def occluded_landmarks_key() -> str:
    """Return a text that changes with the network."""
    return f"hidden landmarks {file_digest(NETWORK)}"


def load_occluded_landmarker() -> OccludedLandmarker:
    """Load the network."""
    session = open_onnx(NETWORK, threads=1)

    def place(picture: Array, front: Array, guess: Array) -> tuple[Array, Array]:
        given = {
            "picture": picture[None],
            "front": front[None],
            "guess": guess[None].astype(np.float32),
        }
        points, trust = session.run(["landmarks", "trust"], given)
        return np.asarray(points[0], np.float64), np.asarray(trust[0])

    return place
