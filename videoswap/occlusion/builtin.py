"""The occlusion networks of the package itself; docs/occlusion.md is their model card.

Two U-Nets of 0.37 and 1.56 million parameters. They see a face at 128 pixels and, where there is
one, a reference: what the same face looks like without occluders. They were trained on faces with
hands, microphones, stripes, cards, glasses and hair over them (``training/occlusion``).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from ..detection.appearance import FACE_REGION, FRAMED_SIZE, FRAMING
from ..fingerprint import digest_of_files
from ..geometry import face_masks as masks
from ..geometry.affine import compose, invert, resize_matrix
from ..geometry.resample import warp
from ..records import Array, Crop, Unoccluded
from ..weights.onnx_models import open_onnx
from .reference import (
    OCCLUDED,
    OcclusionNetwork,
    UnoccludedReference,
    UnoccludedReferences,
    match_brightness,
)
from .segmenter import Appearances, Framed, with_occluder_mask, within_outline

COARSE_MODEL = Path(__file__).with_name("own.onnx")
DEEP_MODEL = Path(__file__).with_name("own_deep.onnx")
UNOCCLUDED_SIZE = 64  # side of ``Crop.unoccluded``: light is measured on it
RULES = 5  # counted up whenever what is made of the networks' answers changes
NOSE = slice(27, 36)  # of the 68 landmarks
NOSE_GROWTH = 1.3
ON_NOSE = 0.75  # share of a region that lies on the nose, from which on it is there alone
LIT = 1.05  # of the nose's brightness: from here on a region is skin in hard light
LITTLE_DOUBT = 0.2  # of a mask: under it the mirror image flips less than a pixel in 100
MIN_OCCLUDED_SHARE = 0.02  # of the middle of the face, from which on the deep network is asked


class BuiltinSegmenter:
    """The occlusion segmenter made of the package's own networks.

    Args:
        appearances: Pictures of the face of a track at other times; None where there are none, as
            for a still picture.
        network: Both networks, see `load_networks`; None loads them.
        coarse: The small one, which is enough for those pictures; None takes ``network``.
    """

    def __init__(
        self,
        appearances: Appearances | None = None,
        network: OcclusionNetwork | None = None,
        coarse: OcclusionNetwork | None = None,
    ) -> None:
        self.key = f"{networks_key()} {RULES}"
        if network is None:
            coarse = coarse or load_coarse_model()
            network = load_networks(coarse)
        self._network, self._coarse = network, coarse or network
        self._references = (
            None if appearances is None else UnoccludedReferences(appearances, self._coarse)
        )

    def for_video(self, appearances: Appearances) -> BuiltinSegmenter:
        """See ``OcclusionSegmenter``; shares the networks."""
        return BuiltinSegmenter(appearances, self._network, self._coarse)

    def segment(self, crop: Crop) -> Crop:
        """See ``OcclusionSegmenter``."""
        framed = Framed.of(crop, FRAMING, FRAMED_SIZE)
        mask, reference = self._found(framed, crop.track)
        found = with_occluder_mask(crop, framed, mask)
        if found.occluder_mask is None or reference is None:
            return found
        return _with_unoccluded(found, framed, mask, reference)

    @property
    def framing(self) -> tuple[Array, int]:
        """See ``OcclusionSegmenter``."""
        return FRAMING, FRAMED_SIZE

    def look(self, framed: Framed, track: int) -> Array | None:
        """See ``OcclusionSegmenter``."""
        return within_outline(framed, self._found(framed, track)[0])

    def _found(self, framed: Framed, track: int) -> tuple[Array, UnoccludedReference | None]:
        """Return the mask of what is in front, and what the face looks like without."""
        reference = None
        if self._references is not None:
            reference = self._references.nearest(track, framed.picture, framed.landmarks)
        bare = framed.picture if reference is None else reference.picture
        return without_lit_nose(self._network(framed.picture, bare), framed), reference


def without_lit_nose(mask: Array, framed: Framed) -> Array:
    """Return an occlusion mask without what lies on the nose alone and is brighter skin.

    The networks take a nose's tip and ridge in hard light for things in front of it.

    Args:
        mask: (S, S) float32, 0 to 1, in the pixels of the framed picture.
        framed: The face as the networks saw it.
    """
    there = (mask > OCCLUDED).astype(np.uint8)
    nose = masks.fill_hull(masks.scale_points(framed.landmarks[NOSE], NOSE_GROWTH), len(mask)) > 0.5
    bare = nose & (there == 0)
    if not bare.any() or not there[nose].any():
        return mask
    gray = cv2.cvtColor(framed.picture, cv2.COLOR_RGB2GRAY)
    least = LIT * float(np.median(gray[bare]))
    count, parts = cv2.connectedComponents(there)
    made = mask
    for number in range(1, count):
        part = parts == number
        if nose[part].mean() < ON_NOSE or float(np.median(gray[part])) < least:
            continue
        near = cv2.dilate(part.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        made = np.where(near & (part | (parts == 0)), np.float32(0.0), made)
    return np.asarray(made)


def _with_unoccluded(
    crop: Crop, framed: Framed, mask: Array, reference: UnoccludedReference
) -> Crop:
    """Return a crop with what its face looks like behind the occluders."""
    picture = match_brightness(framed.picture, reference.picture, mask < OCCLUDED)
    scale = UNOCCLUDED_SIZE / len(crop.pixels)
    matrix = compose(resize_matrix(scale, scale), invert(framed.matrix))
    known = (reference.known > 0).astype(np.float32)
    unoccluded = Unoccluded(
        warp(picture, matrix, UNOCCLUDED_SIZE, average_all=True),
        warp(known, matrix, UNOCCLUDED_SIZE, black_outside=True, average_all=True),
    )
    return replace(crop, unoccluded=unoccluded)


def networks_key() -> str:
    """Return a text that changes with either network."""
    return f"own {digest_of_files([COARSE_MODEL, DEEP_MODEL])}"


def load_coarse_model() -> OcclusionNetwork:
    """Load the small network alone.

    A picture that is given as its own reference says that there is none.
    """
    return _open(COARSE_MODEL)


def load_networks(coarse: OcclusionNetwork | None = None) -> OcclusionNetwork:
    """Load both networks and join them.

    The small one sees every face. Where it finds something in the middle of the face, the deep one
    sees it as well. Where that is unsure it sees the mirror image, too: the mean of both is right
    more often. A face without occluders costs one run of the small one.

    Args:
        coarse: The small network, where it is loaded already.
    """
    coarse, deep = coarse or load_coarse_model(), _open(DEEP_MODEL)

    def predict(picture: Array, reference: Array) -> Array:
        mask = coarse(picture, reference)
        if float((mask[FACE_REGION] > 0.5).mean()) < MIN_OCCLUDED_SHARE:
            return mask
        mask = deep(picture, reference)
        if _doubt(mask[FACE_REGION]) < LITTLE_DOUBT:
            return mask
        mirrored = deep(cv2.flip(picture, 1), cv2.flip(reference, 1))
        return np.asarray((mask + cv2.flip(mirrored, 1)) / 2)

    return predict


def _doubt(mask: Array) -> float:
    """Return how unsure a mask (h, w) is of what it marks, 0 to 1."""
    return float((mask * (1.0 - mask)).sum() / max(float(mask.sum()), 1e-3))


def _open(path: Path) -> OcclusionNetwork:
    session = open_onnx(path, threads=1)

    def predict(picture: Array, reference: Array) -> Array:
        given = {"picture": picture[None], "reference": reference[None]}
        return np.asarray(session.run(["in_front"], given)[0][0], np.float32)

    return predict
