"""The parts of a face: skin, brows, eyes, lips, mouth, hair, glasses, beard, neck.

A small U-Net of this project (``networks/parser.py``, trained by ``videoswap train parser``) sees
the face at 128 pixels; docs/models/parser.md is its model card.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import numpy as np

from ..fingerprint import file_digest
from ..geometry.affine import TEMPLATES, crop_matrix, five_points
from ..geometry.resample import warp, warp_back
from ..records import Array, Crop, Face
from ..weights.onnx_models import open_onnx

MODEL = Path(__file__).with_name("face_parser.onnx")
#: Side of the frame in which a face is parsed.
PARSED_SIZE = 128
#: Share of that frame that a crop in ArcFace's framing takes: hairline, ears and chin are in it.
FRAME_SHARE = 0.87
_TEMPLATE = 0.5 + FRAME_SHARE * (TEMPLATES["arcface_112_v2"] - 0.5)


class FacePart(IntEnum):
    """The parts of a face, in the order of the network's outputs.

    Attributes:
        BACKGROUND: What is none of the others: background, clothes, hands, microphones.
        SKIN: Of the face, nose and forehead included.
        BROWS: Both brows.
        EYES: Between the lids.
        LIPS: Both lips.
        MOUTH: What shows between the lips.
        HAIR: Of the head, and hats.
        GLASSES: Frames, dark lenses and reflections; not what is seen through a lens.
        BEARD: Beard, moustache and dense stubble.
        NECK: Neck and ears.
    """

    BACKGROUND = 0
    SKIN = 1
    BROWS = 2
    EYES = 3
    LIPS = 4
    MOUTH = 5
    HAIR = 6
    GLASSES = 7
    BEARD = 8
    NECK = 9


#: Colors of the parts for pictures that show them, RGB.
PART_COLORS = (
    *((0, 0, 0), (230, 180, 140), (150, 80, 20), (40, 120, 255), (255, 60, 60)),
    *((120, 0, 0), (60, 200, 60), (255, 0, 255), (0, 0, 160), (255, 220, 60)),
)


@dataclass(frozen=True, slots=True, eq=False)
class FaceParts:
    """What every pixel around a face shows.

    Attributes:
        probabilities: (10, 128, 128) float32, 0 to 1, their sum over the `FacePart` is 1.
        matrix: (2, 3) float64, from pixels of the picture to those of ``probabilities``.
    """

    probabilities: Array
    matrix: Array

    def probability(self, *parts: FacePart) -> Array:
        """Return how likely it is that a pixel shows one of some parts, (128, 128) float32."""
        return np.asarray(self.probabilities[list(parts)].sum(axis=0))

    def mask(self, *parts: FacePart, width: int, height: int) -> Array:
        """Return a soft mask of some parts in the pixels of the picture.

        Args:
            parts: One or more parts.
            width: Of the picture.
            height: Of the picture.

        Returns:
            (height, width) float32, 0 to 1; 0 outside of the frame that was parsed.
        """
        found = self.probability(*parts)
        return warp_back(found, self.matrix, width, height, black_outside=True)

    def labels(self) -> Array:
        """Return the likeliest part of every pixel, (128, 128) uint8, see `FacePart`."""
        return np.asarray(self.probabilities.argmax(axis=0), np.uint8)


class FaceParser:
    """Finds the parts of faces on one thread of the CPU.

    Args:
        path: An ONNX file like the package's own, which is the default.

    Raises:
        InputError: ``damaged_weights``.
    """

    def __init__(self, path: str | os.PathLike[str] = MODEL) -> None:
        self._session = open_onnx(Path(path), threads=1)
        self._key = f"face parser {file_digest(Path(path))}"

    @property
    def key(self) -> str:
        """Changes with the network."""
        return self._key

    def parse(self, picture: Array, face: Face | Array) -> FaceParts:
        """Find the parts of one face in a picture.

        Args:
            picture: (H, W, 3) RGB, uint8, or float32 from 0 to 255.
            face: The face, or its (68, 2) or five (5, 2) points, in pixels of the picture.

        Raises:
            ValueError: If the points have another shape.
        """
        matrix = crop_matrix(_five_points(face), _TEMPLATE, PARSED_SIZE)
        framed = warp(picture, matrix, PARSED_SIZE)
        return FaceParts(self.parse_framed(framed[None])[0], matrix)

    def parse_crops(self, crops: Sequence[Crop]) -> list[FaceParts]:
        """Find the parts of the faces of some crops, in pixels of the crops.

        What a crop knows already (``Crop.parts``) is taken as it is.
        """
        matrices = [
            crop_matrix(five_points(crop.landmarks), _TEMPLATE, PARSED_SIZE) for crop in crops
        ]
        framed = [
            warp(crop.pixels, matrix, PARSED_SIZE)
            for crop, matrix in zip(crops, matrices, strict=True)
            if crop.parts is None
        ]
        found = iter(self.parse_framed(np.stack(framed)) if framed else ())
        return [
            FaceParts(next(found) if crop.parts is None else crop.parts, matrix)
            for crop, matrix in zip(crops, matrices, strict=True)
        ]

    def parse_framed(self, framed: Array) -> Array:
        """Find the parts of faces that are framed as the network wants them.

        Args:
            framed: (N, 128, 128, 3) RGB, 0 to 255.

        Returns:
            (N, 10, 128, 128) float32 probabilities in the order of `FacePart`.
        """
        given = {"picture": np.ascontiguousarray(framed, np.float32)}
        return np.asarray(self._session.run(["parts"], given)[0])


def _five_points(face: Face | Array) -> Array:
    if isinstance(face, Face):
        return face.points5 if face.landmarks is None else five_points(face.landmarks)
    if face.shape == (68, 2):
        return five_points(face)
    if face.shape != (5, 2):
        raise ValueError(f"points must be (68, 2) or (5, 2), not {face.shape}")
    return face
