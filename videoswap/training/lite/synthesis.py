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
from ...engines.mesh.chart_light import ChartLightSettings
from ...engines.mesh.engine import MeshEngine, MeshSettings
from ...geometry.affine import TEMPLATES, crop_matrix, five_points
from ...geometry.resample import resize, warp
from ...records import Array, Crop, FrameSwap, Photo
from ..augment import Augmentation
from ..triplets.synthesis import MeshSwapper, Person, changed_copy

#: How every second fake target follows the light: what it shows of a face in detail is the other
#: face's, so that not all of it passes for the answer's.
COARSE_LIGHT = ChartLightSettings(fine=0.2, wide=0.25)
#: Side at which faces are swapped, and that of the pictures that are kept.
SWAP_SIZE, KEPT_SIZE = 160, 128
SOURCE_LOOK = Augmentation(
    small=0.2, blur=0.1, jpeg=0.3, tone=0.6, slope=0.5, contrast=0.2, grey=0.12, grain=0.1
)


@dataclass(frozen=True, slots=True, eq=False)
class Triplet:
    """One sample; pictures are (128, 128, 3) uint8 RGB, all but the source in the mesh's framing.

    Attributes:
        target: The answer with another face, which has the proportions of the source already.
        swap: The source swapped onto it, before it is finished.
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
        # The fake target gets the other face's proportions in part, as swaps do. The way back is
        # taken in full, so that the swap lies on the answer.
        self._there = MeshSwapper()
        coarse = MeshSettings(chart_light=COARSE_LIGHT)
        coarsely = MeshSwapper(models=self._there.models, settings=coarse)
        self._engines = (self._there.engine, coarsely.engine)
        self._back = MeshSwapper(shape=1.0, models=self._there.models)
        self._finisher = Finisher(keeps=self._there.engine.keeps)

    def photo(self, name: str, picture: Array, points5: Array) -> Photo | None:
        """Find the dense landmarks of a face; None where there are none.

        Args:
            name: To show.
            picture: (H, W, 3) uint8 RGB.
            points5: (5, 2) float32 in its pixels.
        """
        found = self._there.read(name, picture, points5)
        return None if found.face.dense_landmarks is None else found

    def person(self, photo: Photo) -> Person:
        """Prepare a face that is swapped onto others."""
        return self._there.person(photo)

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
        source = changed_copy(self._there, photo, SOURCE_LOOK, random)
        if source.face.dense_landmarks is None:
            return []
        person = self._back.person(source)
        matrix = crop_matrix(source.face.points5, TEMPLATES["arcface_112_v2"], KEPT_SIZE)
        shown = warp(source.pixels, matrix, KEPT_SIZE)
        made = []
        for other in others:
            crop = crop_face(photo.pixels, photo.face, self._there.engine.spec, size=SWAP_SIZE)
            engine = self._engines[int(random.random() < 0.5)]
            target = None if crop is None else self._target(crop, other, engine)
            if crop is None or target is None:
                continue
            swapped = self._back.engine.swap([target], person.identity)[0]
            bottom = swapped.reshaped or target
            mask = open_mask(bottom, swapped.mask, swapped.keeps | self._back.engine.keeps)
            made.append(
                Triplet(
                    _kept(bottom.pixels),
                    _kept(swapped.pixels),
                    _kept(255 * mask),
                    _kept(crop.pixels),
                    shown,
                    person.embedding,
                    other.photo.label,
                )
            )
        return made

    def _target(self, crop: Crop, other: Person, engine: MeshEngine) -> Crop | None:
        """Swap another face onto a crop; the result's landmarks are found anew."""
        swapped = engine.swap([crop], other.identity)[0]
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


def _kept(picture: Array) -> Array:
    small = resize(np.asarray(picture, np.float32), KEPT_SIZE, KEPT_SIZE)
    return np.asarray(np.clip(small + 0.5, 0, 255), np.uint8)
