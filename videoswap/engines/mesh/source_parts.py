"""What of a source photo is its face: hair, hats, glasses and ears are taken out of its texture.

The parser tells the parts apart. Hair over the face, a hat, dark glasses and ears, which a
wide-angle photo brings onto the cheeks, count as not seen: the mirror image shows those places,
another photo does, or the target keeps its own. The frames of clear glasses are painted over with
the skin around them.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ...detection.face_parser import FaceParser, FacePart, FaceParts
from ...geometry import face_masks as masks
from ...geometry.affine import transform
from ...geometry.face_mesh import CHART, EYES, OUTER_LIPS
from ...records import Array, Photo

FACE_PARTS = (
    *(FacePart.SKIN, FacePart.BROWS, FacePart.EYES, FacePart.LIPS, FacePart.MOUTH),
    *(FacePart.BEARD, FacePart.NECK),
)
#: Colors that may be painted over a hole.
_FILLERS = (FacePart.SKIN,)
UNSURE, SURE = 0.35, 0.8  # probability at which a place counts as not seen, and as seen
NARROWER = 0.012  # of the chart: by which what is seen ends before a hair begins
FRAME_GROWTH = 0.012  # of the chart: by which glasses are painted over beyond their edge
#: Mean probability at nose and cheeks, and at the lips, from which on the parser knows a face.
LEAST_SKIN, LEAST_LIPS = 0.7, 0.35
OPAQUE = 0.5  # share of an eye that glasses hide, from which on they are dark
_NOSE_BASE, _CHIN, _MOUTH_CORNER = 2, 152, 61


@dataclass(frozen=True, slots=True, eq=False)
class SourceParts:
    """The parts of a photo in the chart, each (S, S) float32, 0 to 1.

    Attributes:
        shown: Where the photo shows the face and nothing in front of it.
        skin: Where it shows plain skin.
        frames: Where glasses have to be painted over.
    """

    shown: Array
    skin: Array
    frames: Array


def contradicts(parts: FaceParts, landmarks: Array) -> bool:
    """Whether the parser finds no face where the landmarks lie.

    It knows photos. What it says of a drawing or a face in heavy make-up may be anything.

    Args:
        parts: Of a picture or crop.
        landmarks: (68, 2) in its pixels.
    """
    last = len(parts.probabilities[0]) - 1
    places = transform(parts.matrix, landmarks.astype(np.float64)).round().clip(0, last).astype(int)

    def mean(part: Array, points: Array) -> float:
        return float(part[points[:, 1], points[:, 0]].mean())

    cheeks = ((places[[41, 40, 46, 47]] + places[[3, 4, 12, 13]]) / 2).round().astype(int)
    skin = mean(parts.probability(*FACE_PARTS), np.vstack([places[28:36], cheeks]))
    lips = mean(parts.probability(FacePart.LIPS, FacePart.MOUTH), places[48:68])
    return skin < LEAST_SKIN or lips < LEAST_LIPS


def parts_of(photo: Photo, parser: FaceParser) -> FaceParts | None:
    """Parse the face of a photo; None where the answer contradicts the landmarks."""
    marks = photo.face.landmarks
    if marks is None:
        return None
    parts = parser.parse(photo.pixels, photo.face)
    return None if contradicts(parts, marks) else parts


def parts_in_chart(parts: FaceParts, places: Array) -> SourceParts:
    """Bring the parts of a photo into the chart.

    Args:
        parts: Of the photo.
        places: (S, S, 2) float32, where in the photo each pixel of the chart lies.
    """
    side = len(places)
    there = transform(parts.matrix, places.reshape(-1, 2)).reshape(places.shape)
    columns, rows = cv2.split(there.astype(np.float32))

    def look(*wanted: FacePart) -> Array:
        found = parts.probability(*wanted)
        return np.asarray(
            cv2.remap(found, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        )

    ears = look(FacePart.NECK) * (np.arange(side) < CHART[_MOUTH_CORNER, 1] * side)[:, None]
    face = look(*FACE_PARTS) - ears
    # Between nose and chin the parser may take a beard for hair of the head.
    face = np.maximum(face, look(FacePart.HAIR) * _around_the_mouth(side))
    glasses = look(FacePart.GLASSES)
    grown = _widened(np.clip(2.0 * glasses, 0.0, 1.0), FRAME_GROWTH * side)
    frames = np.zeros_like(grown)
    hidden = [glasses[eye > 0.5].mean() > OPAQUE for eye in _eyes(side)]
    if any(hidden):
        face = face * (1.0 - grown)
    else:
        frames = grown * (1.0 - np.max(_eyes(side), axis=0)) * (1.0 - look(FacePart.BROWS))
        face = np.minimum(face + 2.0 * glasses, 1.0)
    shown = np.clip((face - UNSURE) / (SURE - UNSURE), 0.0, 1.0)
    shown = -_widened(-shown, NARROWER * side)
    shown = cv2.GaussianBlur(shown, (0, 0), 0.5 * NARROWER * side)
    skin = look(*_FILLERS) * (1.0 - grown)
    return SourceParts(
        np.asarray(shown, np.float32), np.asarray(skin, np.float32), np.asarray(frames, np.float32)
    )


def eyes_hidden(parts: FaceParts, points: Array) -> bool:
    """Whether dark glasses hide an eye of a photo.

    Args:
        parts: Of the photo.
        points: (468 or more, 3) dense landmarks in its pixels.
    """
    glasses = parts.probability(FacePart.GLASSES)
    places = transform(parts.matrix, points[:, :2].astype(np.float64))
    eyes = (masks.fill_polygon(places[eye], len(glasses)) > 0.5 for eye in EYES)
    return any(eye.any() and bool(glasses[eye].mean() > OPAQUE) for eye in eyes)


def fill_holes(texture: Array, known: Array, skin: Array) -> Array:
    """Paint what is not known with the skin around it, from coarse to fine.

    Args:
        texture: (S, S, 3) float32 RGB.
        known: (S, S) float32, 0 to 1: how much of the texture stays.
        skin: (S, S) float32, 0 to 1: where its colors may be taken from.

    Returns:
        (S, S, 3) float32 RGB.
    """
    weight = skin * known
    if float(weight.max()) < 0.1:
        return texture
    color, side = texture * weight[..., None], len(texture)
    filled = (color.sum(axis=(0, 1)) / weight.sum()).astype(np.float32)[None, None]
    for parts in (4, 8, 16, 32, 64):
        size = (side * parts // 128,) * 2
        small = cv2.resize(weight, size, interpolation=cv2.INTER_AREA)
        mixed = cv2.resize(color, size, interpolation=cv2.INTER_AREA)
        coarse = np.broadcast_to(filled, (*filled.shape[:2], 3))
        coarse = cv2.resize(np.ascontiguousarray(coarse), size, interpolation=cv2.INTER_LINEAR)
        soft = cv2.GaussianBlur(small, (0, 0), 1.0)[..., None]
        near = cv2.GaussianBlur(mixed, (0, 0), 1.0) / np.maximum(soft, 1e-4)
        share = np.clip(soft / 0.15, 0.0, 1.0)
        filled = coarse + (near - coarse) * share
    filled = cv2.resize(filled, (side, side), interpolation=cv2.INTER_LINEAR)
    return np.asarray(filled + (texture - filled) * known[..., None], np.float32)


def _widened(mask: Array, reach: float) -> Array:
    size = 2 * max(1, round(reach)) + 1
    return np.asarray(cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))))


def _eyes(side: int) -> list[Array]:
    return [masks.fill_polygon(CHART[eye] * side - 0.5, side) for eye in EYES]


def _around_the_mouth(side: int) -> Array:
    """Return where a beard and no hair of the head is expected, (S, S) float32."""
    lips = CHART[OUTER_LIPS]
    low, high = CHART[_NOSE_BASE, 1], CHART[_CHIN, 1]
    width = np.ptp(lips[:, 0])
    corners = np.array([[-1.0, low], [1.0, low], [1.8, 2 * high - low], [-1.8, 2 * high - low]])
    corners[:, 0] = 0.5 + corners[:, 0] * width
    return masks.fill_polygon(corners * side - 0.5, side)
