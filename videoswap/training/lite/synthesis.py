"""Triplets for the correction of mesh swaps, made of one photo of each person.

A triplet is two pictures that the network gets and one that it should give. The photo is the
answer. The target is the photo with another face swapped onto it. The source is the photo again,
mirrored, in other light and with another expression, and the mesh engine swaps it onto the target.
So the inputs are made and the answer is real: the cycle of ReliableSwap (Yuan et al., 2023, arXiv
2306.05356) with the mesh engine as the synthesizer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...compositing.finisher import Finisher
from ...compositing.kept_regions import open_mask
from ...crops import crop_face
from ...detection.dense_landmarks import IBUG_68, DenseLandmarker
from ...detection.recognition import DlibRecognizer
from ...engines.base import Identity
from ...engines.mesh.engine import MeshEngine
from ...engines.mesh.options import MeshOptions
from ...engines.mesh.warp import warp_tps
from ...geometry.affine import TEMPLATES, crop_matrix, five_points
from ...geometry.face_masks import MIRRORED_LANDMARKS
from ...geometry.resample import resize, warp
from ...records import Array, Crop, Face, FrameSwap, Photo
from ..augment import Augmentation, change_look

#: Side at which faces are swapped, and that of the pictures that are kept.
SWAP_SIZE, KEPT_SIZE = 160, 128
SOURCE_LOOK = Augmentation(
    small=0.2, blur=0.1, jpeg=0.3, tone=0.6, slope=0.5, contrast=0.2, grey=0.12, grain=0.1
)
_BORDER = np.array([[x, y] for x in (0, 0.5, 1) for y in (0, 0.5, 1) if (x, y) != (0.5, 0.5)])


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """A face that can be swapped onto others.

    Attributes:
        photo: The photo of it.
        identity: What the mesh engine keeps of it.
    """

    photo: Photo
    identity: Identity


@dataclass(frozen=True, slots=True, eq=False)
class Triplet:
    """One sample; pictures are (128, 128, 3) uint8 RGB, all but the source in the mesh's framing.

    Attributes:
        target: The answer with another face, which has the proportions of the source already.
        swap: The source swapped onto it, before it is finished; the target where none is drawn.
        mask: (128, 128) uint8: where the swap is seen.
        answer: The photo.
        source: What the swap was made of, in ArcFace's framing.
        identity: (128,) float32, dlib's descriptor of the source.
        other: Name of the face that the target got.
    """

    target: Array
    swap: Array
    mask: Array
    answer: Array
    source: Array
    identity: Array
    other: str


class TripletMaker:
    """Makes triplets with the mesh engine."""

    def __init__(self) -> None:
        self._landmarker = DenseLandmarker()
        self._recognizer = DlibRecognizer()
        # The fake target gets the other face's proportions in part, as swaps do. The way back is
        # taken in full, so that the swap lies on the answer.
        self._there = MeshEngine()
        self._back = MeshEngine(options=MeshOptions(shape=1.0))
        self._finisher = Finisher(keeps=self._there.keeps)

    def photo(self, name: str, picture: Array, points5: Array) -> Photo | None:
        """Find the dense landmarks of a face; None where there are none.

        Args:
            name: To show.
            picture: (H, W, 3) uint8 RGB.
            points5: (5, 2) float32 in its pixels.
        """
        found = self._landmarker.landmarks(picture, points5)
        if found is None:
            return None
        landmarks = np.ascontiguousarray(found.points[IBUG_68, :2])
        box = np.concatenate([landmarks.min(axis=0), landmarks.max(axis=0)])
        face = Face(box, points5, 1.0, landmarks=landmarks, dense_landmarks=found.points)
        return Photo(name, picture, face)

    def person(self, photo: Photo) -> Person:
        """Prepare a face that is swapped onto others."""
        return Person(photo, self._there.identity([photo]))

    def triplets(
        self, photo: Photo, others: Sequence[Person], random: np.random.Generator
    ) -> list[Triplet]:
        """Make triplets whose answer is a photo.

        Args:
            photo: The answer; large enough for crops of ``SWAP_SIZE``.
            others: Whose faces the targets get.
            random: Decides the source's look.

        Returns:
            One for each of the others, or fewer where no landmarks are found.
        """
        source = self._source(photo, random)
        if source is None:
            return []
        identity = self._back.identity([source])
        assert source.face.landmarks is not None  # Photo's own check
        descriptor = self._recognizer.embed(source.pixels, source.face.landmarks)
        matrix = crop_matrix(
            five_points(source.face.landmarks), TEMPLATES["arcface_112_v2"], KEPT_SIZE
        )
        shown = warp(source.pixels, matrix, KEPT_SIZE)
        made = []
        for other in others:
            crop = crop_face(photo.pixels, photo.face, self._there.spec, size=SWAP_SIZE)
            target = None if crop is None else self._target(crop, other)
            if crop is None or target is None:
                continue
            swapped = self._back.swap([target], identity)[0]
            bottom = swapped.reshaped or target
            mask = open_mask(bottom, swapped.mask, swapped.keeps | self._back.keeps)
            made.append(
                Triplet(
                    _kept(bottom.pixels),
                    _kept(drawn_on(swapped.pixels, bottom.pixels)),
                    _kept(255 * mask),
                    _kept(crop.pixels),
                    shown,
                    descriptor,
                    other.photo.label,
                )
            )
        return made

    def _source(self, photo: Photo, random: np.random.Generator) -> Photo | None:
        """Show a face from the other side, in other light and with another expression."""
        assert photo.face.landmarks is not None  # Photo's own check
        width = photo.pixels.shape[1]
        points = photo.face.landmarks[MIRRORED_LANDMARKS].copy()
        points[:, 0] = width - 1 - points[:, 0]
        picture = np.ascontiguousarray(photo.pixels[:, ::-1])
        if random.random() < 0.8:
            picture = other_expression(picture, points, random)
        level = np.clip(change_look(picture, SOURCE_LOOK, random), 0, 1)
        changed = np.asarray(255 * level + 0.5, np.uint8)
        return self.photo(photo.label, changed, five_points(points).astype(np.float32))

    def _target(self, crop: Crop, other: Person) -> Crop | None:
        """Swap another face onto a crop; the result's landmarks are found anew."""
        swapped = self._there.swap([crop], other.identity)[0]
        bottom = (swapped.reshaped or crop).pixels
        made = self._finisher.finish([FrameSwap(crop, swapped)])
        pixels = bottom + (made.pixels - bottom) * made.mask[..., None]
        picture = np.asarray(np.clip(pixels + 0.5, 0, 255), np.uint8)
        photo = self.photo("", picture, five_points(crop.landmarks).astype(np.float32))
        if photo is None or photo.face.landmarks is None:
            return None
        return Crop(
            picture.astype(np.float32),
            np.eye(2, 3),
            photo.face.landmarks,
            0,
            0,
            0,
            dense_landmarks=photo.face.dense_landmarks,
        )


def other_expression(picture: Array, landmarks: Array, random: np.random.Generator) -> Array:
    """Warp a face to another expression: mouth, brows and lids move.

    Args:
        picture: (S, S, 3) uint8 RGB.
        landmarks: (68, 2) in its pixels, iBUG order.
        random: Decides how.

    Returns:
        The picture, of the same shape and dtype.
    """
    goal = landmarks.astype(np.float64).copy()
    height = float(np.linalg.norm(goal[8] - goal[27]))
    mouth, width = goal[48:68], np.exp(random.normal() * 0.09)
    middle = mouth.mean(axis=0)
    mouth[:, 0] = middle[0] + (mouth[:, 0] - middle[0]) * width
    # The nearer the corner, the more it rises or sinks; what hangs on it follows.
    aside = np.abs(mouth[:, 0] - middle[0]) / max(float(np.ptp(mouth[:, 0])) / 2, 1.0)
    mouth[:, 1] -= np.square(aside) * random.normal() * 0.035 * height
    mouth[:, 1] += random.normal() * 0.01 * height
    goal[17:27, 1] -= random.normal() * 0.02 * height
    for eye in (goal[36:42], goal[42:48]):
        level = eye[:, 1].mean()
        eye[:, 1] = level + (eye[:, 1] - level) * np.clip(1 + random.normal() * 0.18, 0.6, 1.4)
    size = len(picture)
    first, last = (np.vstack([points / size, _BORDER]) for points in (landmarks, goal))
    moved = warp_tps(picture.astype(np.float32), first, last, size)[0]
    return np.asarray(np.clip(moved + 0.5, 0, 255), np.uint8)


def drawn_on(swap: Array, target: Array) -> Array:
    """Return a swap (S, S, 3) with the target where nothing is drawn (black)."""
    return np.where(np.asarray(swap.any(axis=2))[..., None], swap, target)


def _kept(picture: Array) -> Array:
    small = resize(np.asarray(picture, np.float32), KEPT_SIZE, KEPT_SIZE)
    return np.asarray(np.clip(small + 0.5, 0, 255), np.uint8)
