"""Pictures of people, cut out so that they can be given back as target faces."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from ..crops import PictureSurface, region_box, warped
from ..detection.face_models import FaceTools
from ..detection.photos import largest_face
from ..geometry.affine import shifted
from ..records import Array, Face, Person
from ..settings import AnalysisSettings

MARGINS = (0.6, 0.3)  # of the face's size, on every side; the second one where somebody is near
SMALLEST, LARGEST = 96, 512  # pixels a side; smaller faces are enlarged
MOST_SHOTS = 3  # moments that are tried


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """A moment at which a person is seen.

    Attributes:
        pts: The frame; 0 for a still picture.
        pixels: (H, W, 3) uint8 RGB, the upright picture.
        face: The person's face in it.
        others: The boxes (4,) of the other faces in it.
    """

    pts: int
    pixels: Array
    face: Face
    others: Sequence[Array]


@dataclass(frozen=True, slots=True, eq=False)
class Portrait:
    """A picture of one person.

    Attributes:
        pixels: (S, S, 3) uint8 RGB.
        pts: The frame it was cut out of.
        box: (4,) left, top, right, bottom of the face there, in upright pixels.
        usable: Whether the person is found again by this picture as a target face.
    """

    pixels: Array
    pts: int
    box: Array
    usable: bool


def make_portrait(
    shots: Iterable[Shot], person: Person, persons: Sequence[Person], tools: FaceTools
) -> Portrait:
    """Cut a person out so that nobody else is found in the picture.

    Args:
        shots: Moments at which the person is seen, the best first; at least one.
        person: The person.
        persons: Everybody.
        tools: Finds and recognises the faces of the picture.

    Returns:
        The first picture by which the person is found again, else the most alike one.
    """
    known = np.stack([one.embedding for one in persons])
    best: tuple[float, Portrait] | None = None
    for shot in islice(shots, MOST_SHOTS):
        for pixels, margin in (
            (shot.pixels, MARGINS[0]),
            (shot.pixels, MARGINS[1]),
            (_without(shot), MARGINS[0]),
        ):
            cut = cut_square(pixels, shot.face, margin)
            apart = _distances(cut, known, tools)
            mine = float(apart[person.id])
            usable = mine <= min(tools.recognizer.default_threshold, float(apart.min()))
            portrait = Portrait(cut, shot.pts, shot.face.box, usable)
            if usable:
                return portrait
            if best is None or mine < best[0]:
                best = mine, portrait
    assert best is not None  # there is a shot
    return best[1]


def cut_square(pixels: Array, face: Face, margin: float) -> Array:
    """Cut a square around a face; beyond the picture its border goes on.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        face: The face.
        margin: Room on every side, as a share of the face's size.

    Returns:
        (S, S, 3) uint8 RGB.
    """
    covered = face.size * (1 + 2 * margin)
    side = int(min(LARGEST, max(SMALLEST, covered)))
    scale = side / covered
    centre = (face.box[:2] + face.box[2:]) / 2
    offset = (side - 1) / 2 - scale * centre
    matrix = np.array([[scale, 0.0, offset[0]], [0.0, scale, offset[1]]])
    surface = PictureSurface(pixels)
    box = surface.align(region_box(matrix, 0, 0, side, side))
    cut = warped(surface.read(box), shifted(matrix, box[0], box[1]), side)
    return np.clip(np.rint(cut), 0, 255).astype(np.uint8)


def _distances(picture: Array, known: Array, tools: FaceTools) -> Array:
    """Return how far the largest face of a picture is from everybody; infinity without one."""
    face = largest_face(tools.photos(AnalysisSettings()).analyze_picture(picture))
    if face is None or face.landmarks is None:
        return np.full(len(known), np.inf)
    vector = tools.recognizer.embed(picture, face.landmarks)
    return np.asarray(tools.recognizer.distances(vector[None], known)[0])


def _without(shot: Shot) -> Array:
    """Return the picture with the other faces painted over, but not this one."""
    pixels = shot.pixels.copy()
    size = (pixels.shape[1], pixels.shape[0])
    for left, top, right, bottom in (_inside(box, size) for box in shot.others):
        if left < right and top < bottom:
            region = pixels[top:bottom, left:right]
            region[...] = region.reshape(-1, 3).mean(axis=0).astype(np.uint8)
    left, top, right, bottom = _inside(shot.face.box, size)
    pixels[top:bottom, left:right] = shot.pixels[top:bottom, left:right]
    return pixels


def _inside(box: Array, size: tuple[int, int]) -> tuple[int, int, int, int]:
    left, top = np.maximum(np.floor(box[:2]), 0).astype(int)
    right, bottom = np.minimum(np.ceil(box[2:]), size).astype(int)
    return int(left), int(top), int(right), int(bottom)
