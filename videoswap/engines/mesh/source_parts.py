"""What of a source photo is its face: hair, hats, glasses and ears are taken out of its texture.

The parser tells the parts apart, and colors show where hair and frames end (`matting`). Hair over
the face, a brow under it, a hat, dark glasses and ears, which a wide-angle photo brings onto the
cheeks, count as not seen: the mirror image shows those places, another photo does, or the target
keeps its own. The frames of clear glasses and single strands are painted over with the skin
around them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ...detection.face_parser import FaceParser, FacePart, FaceParts
from ...geometry import face_masks as masks
from ...geometry.affine import transform
from ...geometry.face_mesh import BROWS, CHART, EYES, OUTER_LIPS
from ...records import Array, Photo
from .matting import matte

FACE_PARTS = (
    *(FacePart.SKIN, FacePart.BROWS, FacePart.EYES, FacePart.LIPS, FacePart.MOUTH),
    *(FacePart.BEARD, FacePart.NECK),
)
#: Colors that may be painted over a hole.
_FILLERS = (FacePart.SKIN,)
UNSURE, SURE = 0.35, 0.8  # probability at which a place counts as not seen, and as seen
NARROWER = 0.012  # of the chart: by which what is seen ends before a hair begins
SOFTER = 0.012  # of the chart: how softly it ends there
FRAME_GROWTH = 0.012  # of the chart: by which glasses are painted over beyond their edge
STRAND_GROWTH = 0.005  # of the chart: the same of what is only found by its color
EYE_GROWTH = 1.6  # of the opening: what is within are lashes and lids
BROW_GROWTH = 1.2  # of the mesh's brows: what lies further out is no brow
BROW_HIDDEN, BROW_MARGIN = 0.3, 0.02  # share that hair hides; of the chart
BEARD_UNEVEN = 0.05  # of the chart: by which the sides of a beard differ
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
        painted: Where glasses and strands have to be painted over.
    """

    shown: Array
    skin: Array
    painted: Array


def contradicts(parts: FaceParts, landmarks: Array) -> bool:
    """Whether the parser finds no face where the landmarks lie.

    It knows photos. What it says of a drawing or a face in heavy make-up may be anything.

    Args:
        parts: Of a picture or crop.
        landmarks: (68, 2) in its pixels.
    """
    last = len(parts.probabilities[0]) - 1
    places = transform(parts.matrix, landmarks.astype(np.float64)).round().clip(0, last).astype(int)

    def mean(which: tuple[FacePart, ...], points: Array) -> float:
        found = parts.probabilities[np.array(which)[:, None], points[:, 1], points[:, 0]]
        return float(found.sum(axis=0).mean())

    cheeks = ((places[[41, 40, 46, 47]] + places[[3, 4, 12, 13]]) / 2).round().astype(int)
    skin = mean(FACE_PARTS, np.vstack([places[28:36], cheeks]))
    lips = mean((FacePart.LIPS, FacePart.MOUTH), places[48:68])
    return skin < LEAST_SKIN or lips < LEAST_LIPS


def parts_of(photo: Photo, parser: FaceParser) -> FaceParts | None:
    """Parse the face of a photo; None where the answer contradicts the landmarks."""
    marks = photo.face.landmarks
    if marks is None:
        return None
    parts = parser.parse(photo.pixels, photo.face)
    return None if contradicts(parts, marks) else parts


def parts_in_chart(parts: FaceParts, places: Array, picture: Array) -> SourceParts:
    """Bring the parts of a photo into the chart.

    Args:
        parts: Of the photo.
        places: (S, S, 2) float32, where in the photo each pixel of the chart lies.
        picture: (S, S, 3) float32 RGB, 0 to 255: the photo in the chart.
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
    face, skin = look(*FACE_PARTS) - ears, look(*_FILLERS)
    beard = _beard(look(FacePart.HAIR))
    stubble = np.clip(2.0 * look(FacePart.BEARD), 0.0, 1.0)
    hair, glasses = look(FacePart.HAIR) - beard, look(FacePart.GLASSES)
    brows = cv2.GaussianBlur(_outlines(BROWS, BROW_GROWTH, side), (0, 0), SOFTER * side)
    brows = brows * np.clip(2.0 * look(FacePart.BROWS), 0.0, 1.0)
    lips = look(FacePart.LIPS, FacePart.MOUTH)
    kept = np.maximum(
        np.maximum(brows, lips), np.maximum(_outlines(EYES, EYE_GROWTH, side), beard + stubble)
    )
    covered = matte(picture, hair, skin, free=1.0 - kept)
    skin = skin * (1.0 - covered.whole)
    face = np.maximum(face, beard) * (1.0 - covered.wide)
    face *= 1.0 - _brows_under(covered.wide)
    painted = covered.strands
    hidden = [glasses[eye > 0.5].mean() > OPAQUE for eye in _eyes(side)]
    grown = _widened(np.clip(2.0 * glasses, 0.0, 1.0), FRAME_GROWTH * side)
    skin = skin * (1.0 - grown)
    if any(hidden):
        face = face * (1.0 - grown)
    else:
        free = (1.0 - brows) * (1.0 - _outlines(EYES, EYE_GROWTH, side))
        frames = matte(picture, glasses, skin, free=free)
        grown = np.maximum(grown, _widened(frames.whole, STRAND_GROWTH * side))
        free = (1.0 - brows) * (1.0 - _outlines(EYES, 1.0, side))
        painted = np.maximum(painted, grown * free)
    face = np.minimum(face + 2.0 * painted, 1.0)
    skin = skin * (1.0 - painted)
    shown = np.clip((face - UNSURE) / (SURE - UNSURE), 0.0, 1.0)
    shown = -_widened(-shown, NARROWER * side)
    shown = cv2.GaussianBlur(shown, (0, 0), SOFTER * side)
    return SourceParts(
        *(np.asarray(one, np.float32) for one in (shown, skin, np.clip(painted, 0.0, 1.0)))
    )


def _beard(hair: Array) -> Array:
    """Return what of the hair is a beard, (S, S) float32.

    Between nose and chin the parser may take a beard for hair of the head. A beard grows on both
    sides.
    """
    other = _widened(np.ascontiguousarray(hair[:, ::-1]), BEARD_UNEVEN * len(hair))
    return np.asarray(np.minimum(hair, other) * _around_the_mouth(len(hair)))


def _brows_under(hair: Array) -> Array:
    """Return the brows that hair hides in part, which would pass for another pair, (S, S)."""
    side = len(hair)
    made = np.zeros_like(hair)
    for brow in BROWS:
        mask = masks.fill_polygon(CHART[brow] * side - 0.5, side)
        if float((hair * mask).sum()) > BROW_HIDDEN * float(mask.sum()):
            made = np.maximum(made, _widened(mask, BROW_MARGIN * side))
    return made


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


def _outlines(outlines: Sequence[Array], growth: float, side: int) -> Array:
    """Return the inside of outlines of the mesh, grown about their middles, (S, S) float32."""
    places = (masks.scale_points(CHART[one] * side - 0.5, growth) for one in outlines)
    return np.asarray(np.max([masks.fill_polygon(place, side) for place in places], axis=0))


def _around_the_mouth(side: int) -> Array:
    """Return where a beard and no hair of the head is expected, (S, S) float32."""
    lips = CHART[OUTER_LIPS]
    low, high = CHART[_NOSE_BASE, 1], CHART[_CHIN, 1]
    width = np.ptp(lips[:, 0])
    corners = np.array([[-1.0, low], [1.0, low], [1.8, 2 * high - low], [-1.8, 2 * high - low]])
    corners[:, 0] = 0.5 + corners[:, 0] * width
    return masks.fill_polygon(corners * side - 0.5, side)
