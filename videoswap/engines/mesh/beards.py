"""Beards of source and target: where they are, and what becomes of them past the jaw.

Under a beard no light of the skin is seen, so neither beard takes part in comparing light. A beard
of the source is drawn past the jaw as far as the chart's ring reaches. Where the target has one and
the source has none, the swap reaches under the jaw and covers it; one that is too long for that
stays in front of the swap.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache

import cv2
import numpy as np

from ...detection.dense_landmarks import IBUG_68
from ...detection.face_parser import FaceParser, FacePart, FaceParts
from ...geometry import face_masks as masks
from ...geometry.affine import transform
from ...geometry.face_mesh import CHART, MESH_POINTS, normals, rasterize, with_ring
from ...occlusion.guided_filter import guided_filter_refine
from ...occlusion.segmenter import Appearances
from ...records import Array, Crop
from .source_parts import contradicts

TRACK_PICTURES = 8  # of a track, that say whether there is a beard
REACH_SIDE = 128  # side of the chart's map of how far a beard is drawn past the jaw
TARGET_SIDE = 96  # side at which a target's beard is brought into the chart
BEARD_SIDE = 256  # side of a source's beard in the chart
LEAST, FULL = 0.08, 0.14  # share of lip, chin and jaw that a beard covers
LIP_SHARE = 0.4  # what a moustache counts against a beard
STUBBLE, DENSE = 0.12, 0.4  # share of stubble, whose skin tells of light, and of a dense beard
DENSE_LIP_SHARE = 0.7
SOFT = 3.0  # of 256, sigma of the border of a source's beard
LONG, VERY_LONG = 0.34, 0.4  # probability of beard at the rim of what can be covered
LEAST_INSIDE = 0.3  # share of a piece of beard that grows in the face
BORDER = 0.05  # of the crop: a beard that hangs out of it fades towards its border
UNSURE, SURE = 0.25, 0.6  # probability at which a pixel shows no beard, and a beard
_HAIR_GROWTH = 1.25  # around lips and chin hair of the head is a beard
_NOSE_BASE, _CHIN, _EARS = 2, 152, (93, 323)


@dataclass(frozen=True, slots=True)
class Beardedness:
    """How bearded somebody is, 0 to 1.

    Attributes:
        amount: How surely there is a beard.
        long: How surely it hangs further down than a swap can reach.
        dense: How much of it is more than stubble.
    """

    amount: float
    long: float
    dense: float


@dataclass(frozen=True, slots=True, eq=False)
class BeardsInCrop:
    """Where beards are in a crop, each (S, S) float32, 0 to 1.

    Attributes:
        past: As far as the swap's mask reaches because of them, past the jaw too.
        contrast: Where one face has a beard and the other none.
        either: Where either has one.
    """

    past: Array
    contrast: Array
    either: Array


def beard_probability(parts: FaceParts, landmarks: Array) -> Array:
    """Return how likely each place shows a beard, in the parser's own frame.

    Args:
        parts: Of a picture.
        landmarks: (68, 2) in its pixels.

    Returns:
        (128, 128) float32, 0 to 1; 0 over the base of the nose.
    """
    side = len(parts.probabilities[0])
    marks = transform(parts.matrix, landmarks.astype(np.float64))
    around = masks.scale_points(np.vstack([marks[31:36], marks[5:12], marks[48:60]]), _HAIR_GROWTH)
    hair = parts.probability(FacePart.HAIR) * masks.fill_hull(around, side)
    return np.asarray(parts.probability(FacePart.BEARD) + hair)


def beardedness(parts: FaceParts, landmarks: Array) -> Beardedness:
    """Measure how bearded a face is.

    Args:
        parts: Of its picture.
        landmarks: (68, 2) in pixels of that picture.
    """
    found = beard_probability(parts, landmarks)
    side = len(found)
    marks = transform(parts.matrix, landmarks.astype(np.float64))
    lips = masks.fill_hull(masks.scale_points(marks[48:60], 1.1), side)
    jaw = masks.fill_hull(np.vstack([marks[3:14], marks[31:36]]), side) * (1.0 - lips)
    lip = masks.fill_hull(np.vstack([marks[31:36], marks[48:55]]), side) * (1.0 - lips)
    on_jaw, on_lip = _mean(found, jaw), _mean(found, lip)
    share = max(on_jaw, LIP_SHARE * on_lip)
    dense = _ramp(max(on_jaw, DENSE_LIP_SHARE * on_lip), STUBBLE, DENSE)
    down = 0.24 * (marks[8] - marks[27])
    rim = (marks[6:11] + down).round().astype(int).clip(0, side - 1)
    below = float(found[rim[:, 1], rim[:, 0]].mean())
    return Beardedness(_ramp(share, LEAST, FULL), _ramp(below, LONG, VERY_LONG), dense)


def _mean(values: Array, region: Array) -> float:
    return float((values * region).sum() / max(float(region.sum()), 1.0))


def _ramp(value: float, low: float, high: float) -> float:
    return float(np.clip((value - low) / (high - low), 0.0, 1.0))


class TrackBeards:
    """How bearded the people of a video's tracks are, decided once a track.

    Args:
        appearances: Pictures of the face of a track, by the number of the track.
        parser: Finds beards in them.
    """

    def __init__(self, appearances: Appearances, parser: FaceParser) -> None:
        self._appearances, self._parser = appearances, parser
        self.of = lru_cache(maxsize=None)(self._decide)

    def _decide(self, track: int) -> Beardedness:
        """Return the median over pictures of a track."""
        kept = self._appearances(track)
        measured = []
        for one in kept[:: max(1, len(kept) // TRACK_PICTURES)]:
            parts = self._parser.parse(one.picture(), one.landmarks)
            if not contradicts(parts, one.landmarks):
                measured.append(beardedness(parts, one.landmarks))
        if not measured:
            return Beardedness(0.0, 0.0, 0.0)
        return Beardedness(
            float(np.median([one.amount for one in measured])),
            float(np.median([one.long for one in measured])),
            float(np.median([one.dense for one in measured])),
        )


def beard_mask(crop: Crop, parts: FaceParts, amount: float) -> Array | None:
    """Return where a target's beard is.

    Args:
        crop: The target.
        parts: Of the crop.
        amount: How surely it has one.

    Returns:
        (S, S) float32, 0 to 1, moved to the edges of the picture; None where nothing is.
    """
    if amount <= 0.0:
        return None
    size = len(crop.pixels)
    found = FaceParts(beard_probability(parts, crop.landmarks)[None], parts.matrix)
    mask = found.mask(FacePart(0), width=size, height=size)
    mask = guided_filter_refine(mask, crop.pixels)
    mask = np.clip((mask - UNSURE) / (SURE - UNSURE), 0.0, 1.0) * np.float32(amount)
    mask *= 1.0 - parts.mask(FacePart.LIPS, FacePart.MOUTH, width=size, height=size)
    mask = _grown_from_face(np.asarray(mask, np.float32), crop.landmarks)
    return np.asarray(mask, np.float32) if float(mask.max()) > 0.0 else None


def _grown_from_face(mask: Array, landmarks: Array) -> Array:
    """Return a mask (S, S) without what does not reach into the face, such as a collar."""
    count, parts = cv2.connectedComponents((mask > 0.1).astype(np.uint8))
    face = masks.fill_hull(landmarks, len(mask)) > 0.5
    size, inside = (np.bincount(one.ravel(), minlength=count) for one in (parts, parts[face]))
    good = inside >= LEAST_INSIDE * size
    good[0] = False
    return np.asarray(np.where(good[parts], mask, 0.0), np.float32)


def source_beard(points: Array, mesh: Array, parts: FaceParts) -> Array | None:
    """Return a photo's beard in the chart.

    Args:
        points: (478, 3) dense landmarks in pixels of the photo.
        mesh: (468, 2) where its mesh is sampled, see ``chart.drawn_in``.
        parts: Of the photo.

    Returns:
        (256, 256) float32, 0 to 1, between the base of the nose and the rim of the ring; what is
        turned away comes from the other side. None where there is no beard.
    """
    dense = beardedness(parts, points[IBUG_68, :2]).dense
    if dense <= 0.0:
        return None
    raster = rasterize(CHART * BEARD_SIDE - 0.5, BEARD_SIDE)
    there = transform(parts.matrix, raster.interpolate(with_ring(mesh)).reshape(-1, 2))
    columns, rows = cv2.split(there.reshape(BEARD_SIDE, BEARD_SIDE, 2).astype(np.float32))

    def look(part: FacePart) -> Array:
        found = parts.probability(part)
        border = cv2.BORDER_REPLICATE
        return np.asarray(cv2.remap(found, columns, rows, cv2.INTER_LINEAR, borderMode=border))

    found = look(FacePart.BEARD) + look(FacePart.HAIR) * _around_the_mouth()
    found = np.clip((found - UNSURE) / (SURE - UNSURE), 0.0, 1.0)
    towards = -normals(points[:MESH_POINTS].astype(np.float64))[:, 2:]
    seen = np.clip(raster.interpolate(with_ring(towards))[..., 0], 0.05, 0.5)
    found = (found * seen + (found * seen)[:, ::-1]) / (seen + seen[:, ::-1])
    low = cv2.resize(reach(), (BEARD_SIDE, BEARD_SIDE), interpolation=cv2.INTER_LINEAR) > 0.0
    soft = cv2.GaussianBlur(found * low * np.float32(dense), (0, 0), SOFT)
    return np.asarray(soft, np.float32)


def beards_in_chart(source: Array | None, target: Array | None, places: Array) -> Array | None:
    """Return where source or target have a beard, for comparing their light.

    Args:
        source: (256, 256) float32, 0 to 1, in the chart; None for none.
        target: (S, S) float32, 0 to 1, in pixels of the crop; None for none.
        places: (N, N, 2) float32: where in the crop each place of the chart lies, pixel / side.

    Returns:
        (N, N) float32, 0 to 1, a little wider than the beards; None where neither has one.
    """
    if source is None and target is None:
        return None
    size = (places.shape[1], places.shape[0])
    found = np.zeros(places.shape[:2], np.float32)
    if source is not None:
        found = np.asarray(cv2.resize(source, size, interpolation=cv2.INTER_AREA))
    if target is not None:
        small = cv2.resize(target, (TARGET_SIDE, TARGET_SIDE), interpolation=cv2.INTER_AREA)
        columns, rows = cv2.split((places * TARGET_SIDE - 0.5).astype(np.float32))
        border = cv2.BORDER_REPLICATE
        there = cv2.remap(small, columns, rows, cv2.INTER_LINEAR, borderMode=border)
        found = np.maximum(found, there)
    return np.asarray(cv2.dilate(found, np.ones((3, 3), np.uint8)))


@cache
def _around_the_mouth() -> Array:
    """Return where hair is a beard and not hair of the head, (256, 256) float32."""
    low, high = CHART[_NOSE_BASE, 1], CHART[_CHIN, 1]
    right = np.array([[0.65, low], [0.72, high], [0.65, 1.0]])
    corners = np.vstack([right, ([1.0, 0.0] - right * [1.0, -1.0])[::-1]])
    return masks.fill_polygon(corners * BEARD_SIDE - 0.5, BEARD_SIDE)


@cache
def reach() -> Array:
    """Return how strongly a beard is drawn in each place of the chart, (128, 128) float32.

    1 inside the outline under the nose, falling smoothly to 0 at the rim of the ring and above
    the lower ends of the ears.
    """
    values = np.zeros((len(CHART), 1))
    values[:MESH_POINTS] = 1.0
    drawn = rasterize(CHART * REACH_SIDE - 0.5, REACH_SIDE).interpolate(values)[..., 0]
    row = (np.arange(REACH_SIDE, dtype=np.float32)[:, None] + 0.5) / REACH_SIDE
    ears = float(CHART[list(_EARS), 1].mean())
    low = np.clip((row - ears + 0.08) / 0.08, 0.0, 1.0)
    # Under the chin to the rim; towards the ears, where the ring shows the wall, hardly at all.
    chin = float(CHART[_CHIN, 1])
    share = np.clip((row - ears) / (chin - ears), 0.0, 1.0)
    drawn = np.clip((drawn - 0.65 + 0.6 * share) / 0.3, 0.0, 1.0)
    return np.asarray(drawn * drawn * (3.0 - 2.0 * drawn) * low, np.float32)


def beards_in_crop(
    size: int, places: Array, source: Array | None, target: Array | None
) -> BeardsInCrop | None:
    """Draw the beards of both faces into a crop.

    Args:
        size: Side S of the crop.
        places: (R, R, 2) float32: where in the chart the pixels of the crop lie.
        source: (256, 256) float32 in the chart: the source's beard; None for none.
        target: (S, S) float32: the target's beard; None for none.

    Returns:
        The beards; None where neither face has one.
    """
    if source is None and target is None:
        return None
    none = np.zeros((size, size), np.float32)
    own = none if source is None else _drawn(source, places, size)
    theirs = none if target is None else target
    past = _drawn(reach(), places, size) * np.maximum(own, cv2.dilate(theirs, np.ones((5, 5))))
    return BeardsInCrop(
        masks.fade_border(past, BORDER * size), np.abs(own - theirs), np.maximum(own, theirs)
    )


def _drawn(picture: Array, places: Array, size: int) -> Array:
    """Return a picture of the chart in the pixels of a crop."""
    side = float(len(picture))
    columns, rows = cv2.split((places * side - 0.5).astype(np.float32))
    drawn = cv2.remap(picture, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(drawn, (size, size), interpolation=cv2.INTER_LINEAR))
