"""Finds, aligns and measures the faces of pictures and videos, and refuses the poor ones.

What is decided here needs one face alone, or one track; what needs all of them is decided by
:mod:`.selection`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ...detection.face_detector import FaceDetector
from ...detection.face_models import FaceModels
from ...detection.face_parser import FaceParser, FacePart
from ...errors import NoFaceError, VideoswapError
from ...geometry.affine import crop_matrix, five_points, transform, transform_dense
from ...geometry.face_masks import fill_hull
from ...geometry.head_pose import head_angles
from ...geometry.resample import warp
from ...people.clustering import people_of
from ...records import Array, Face
from ...settings import AnalysisSettings
from ...timerange import TimeRange
from ...tracking.analysis import Analysis
from ...tracking.analyze import analyze_video
from ...video.probe import probe
from ...video.reader import VideoReader
from ..shards import ShardWriter, encode_jpeg
from .dataset import add_face, framing_matrix, template_of
from .settings import FacesSettings
from .sources import Item

THUMBNAIL_SIZE = 96  # pixels of the pictures of what was refused
SHARPNESS_SIZE = 112  # pixels of the crop in ArcFace's framing that sharpness is measured in
HASH_SIZE = 32  # pixels of the picture that is hashed
FACTS = ("score", "face_size", "sharpness", "outside")  # measured, a number each
_QUALITY = 80  # of the thumbnails' JPEG

#: Why a face is not packed, in the order in which it is checked.
REFUSALS = {
    "unreadable": "the file cannot be read",
    "no_face": "no face was found",
    "several": "another face of the picture is larger, or it shows several",
    "low_score": "the detector is not sure",
    "small": "the face is too small",
    "cut_off": "too much of the crop lies outside of the picture",
    "no_landmarks": "the network of the dense landmarks sees no face",
    "turned": "the head is turned too far",
    "blurred": "the face is blurred",
    "too_near": "hardly another picture than the one before in its track",
    "other_person": "it does not show the person of the other pictures of its folder",
    "duplicate": "nearly the same picture as a better one",
    "few_pictures": "there are too few pictures of the person",
}


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """A face of a picture: where it was found, and who it may be."""

    name: str
    item: Item
    face: Face
    group: str = ""
    reason: str = ""


class FaceScanner:
    """Looks through pictures and videos; the same answers in any process.

    Args:
        settings: What is packed.
        cache: Folder in which begun analyses of videos are kept; None keeps nothing.
        models: The networks that see faces; None loads those of the settings.

    Raises:
        InputError: If a network's file is missing.
    """

    def __init__(
        self,
        settings: FacesSettings,
        cache: Path | None = None,
        models: FaceModels | None = None,
    ) -> None:
        self._settings, self._cache = settings, cache
        self._analysis = AnalysisSettings(landmarks=settings.landmarks)
        self._models = models or FaceModels.load(settings=self._analysis)
        self._detector = FaceDetector(self._models, self._analysis)
        self._parser = FaceParser() if settings.parts else None

    def scan(self, items: Sequence[Item], shard: ShardWriter) -> None:
        """Add every face of some pictures and videos, and what shows none, with what was found."""
        for item in items:
            try:
                if item.is_video:
                    self._scan_video(item, shard)
                else:
                    self._scan_picture(item, shard)
            except NoFaceError:
                self._add_nothing(item, shard, "no_face")
            except VideoswapError as error:
                if error.code == "interrupted":
                    raise
                self._add_nothing(item, shard, "unreadable")

    def _scan_picture(self, item: Item, shard: ShardWriter) -> None:
        picture = item.read()
        faces = self._faces(picture)
        if not faces:
            self._add_nothing(item, shard, "no_face", picture)
        several = self._settings.several
        if several == "auto":
            several = "largest" if item.identity else "all"
        for number, face in enumerate(faces):
            refused = (several == "refuse" and len(faces) > 1) or (
                several == "largest" and number > 0
            )
            found = _Found(f"{item.name}#{number}", item, face, reason="several" if refused else "")
            self._add(picture, found, shard)

    def _faces(self, picture: Array) -> list[Face]:
        """Find the faces of a picture; in one that is aligned already, the one on the template."""
        if not self._settings.aligned:
            return self._detector.detect(picture)
        points5 = template_of(self._settings.aligned) * len(picture)
        points5 = points5.astype(np.float32)
        landmarks, dense = self._models.landmarks(picture, points5)
        box = np.array([0, 0, picture.shape[1], picture.shape[0]], np.float32)
        return [Face(box, points5, 1.0, landmarks=landmarks, dense_landmarks=dense)]

    def _scan_video(self, item: Item, shard: ShardWriter) -> None:
        info = probe(item.path)
        with analyze_video(
            info, self._analysis, TimeRange(), cache_dir=self._cache, models=self._models
        ) as analysis:
            persons = people_of(item.path, analysis.tracks, self._models.recognizer)
            group = {
                track: f"{item.name}#person{person.id}"
                for person in persons
                for track in person.track_ids
            }
            wanted = self._wanted(analysis, info.time_base)
        hashes: dict[int, Array] = {}
        with VideoReader(info, threads=1) as reader:
            for frame in reader.frames(min(wanted, default=0), max(wanted, default=0)):
                if frame.pts not in wanted:
                    continue
                picture = reader.rgb(frame)
                for track, place in wanted[frame.pts]:
                    face = self._again(picture, place)
                    name = f"{item.name}#{track}@{frame.pts}"
                    found = _Found(name, item, face, group.get(track, ""))
                    bits = self._add(picture, found, shard, hashes.get(track))
                    if bits is not None:
                        hashes[track] = bits
        if not wanted:
            self._add_nothing(item, shard, "no_face")

    def _wanted(self, analysis: Analysis, time_base: Fraction) -> dict[int, list[tuple[int, Face]]]:
        """Choose the frames of every track: so long apart, and so many at most."""
        wanted = defaultdict(list)
        for track in analysis.tracks:
            found = analysis.found_faces_between(track.first_pts, track.last_pts, [track.id])
            chosen: list[tuple[int, Face]] = []
            for pts, pairs in sorted(found.items()):
                face = pairs[0][1]
                late = not chosen or (pts - chosen[-1][0]) * time_base >= self._settings.every
                if late and face.score > 0:
                    chosen.append((pts, face))
            most = self._settings.per_track
            if len(chosen) > most:
                places = np.linspace(0, len(chosen) - 1, most).round().astype(int)
                chosen = [chosen[place] for place in places]
            for pts, face in chosen:
                wanted[pts].append((track.id, face))
        return wanted

    def _again(self, picture: Array, place: Face) -> Face:
        """Find the landmarks of a face of the analysis in the frame itself."""
        landmarks, dense = self._models.landmarks(picture, place.points5)
        return Face(
            place.box, place.points5, place.score, landmarks=landmarks, dense_landmarks=dense
        )

    def _add(
        self, picture: Array, found: _Found, shard: ShardWriter, before: Array | None = None
    ) -> Array | None:
        """Measure and align a face and add it, with the reason if it is refused.

        Returns:
            Its (64,) bool hash if it was not refused.
        """
        settings, face = self._settings, found.face
        assert face.landmarks is not None
        landmarks = face.landmarks
        size = settings.crop_size
        # A crop that is aligned already stays as it is.
        points5 = face.points5 if settings.aligned else five_points(landmarks)
        matrix = framing_matrix(points5.astype(np.float64), settings.framing, size)
        crop = warp(picture, matrix, size)
        bits = picture_hash(crop)
        facts: dict[str, Any] = {
            "score": np.float32(face.score),
            "face_size": np.float32(face.size),
            "sharpness": np.float32(sharpness(picture, landmarks)),
            "angles": _angles(picture, landmarks),
            "outside": np.float32(outside(picture.shape, matrix, size)),
        }
        reason = found.reason or self._refusal(facts, face)
        if not reason and before is not None and (bits != before).sum() <= settings.near_bits:
            reason = "too_near"
        dense = face.dense_landmarks
        stored: dict[str, Any] = {}
        if settings.landmarks == "dense":
            dense = np.zeros((478, 3)) if dense is None else transform_dense(matrix, dense)
            stored["dense"] = dense
        if self._parser is not None:
            stored["parts"] = self._parts(crop, transform(matrix, landmarks))
        embedding = self._models.recognizer.embed(picture, landmarks)
        add_face(
            shard,
            crop if not reason else _thumbnail(crop),
            framing=settings.framing,
            size=size,
            name=found.name,
            identity=found.item.identity,
            held=False,
            points5=transform(matrix, points5.astype(np.float64)),
            landmarks=transform(matrix, landmarks.astype(np.float64)),
            reason=reason,
            item=found.item.name,
            group=found.group,
            embedding=embedding.astype(np.float16),
            hash=np.packbits(bits),
            **facts,
            **stored,
        )
        return None if reason else bits

    def _refusal(self, facts: dict[str, Any], face: Face) -> str:
        """Return why a face is refused, or an empty text."""
        settings = self._settings
        yaw, pitch, _ = np.abs(facts["angles"])
        checks = {
            "low_score": face.score < settings.min_score,
            "small": face.size < settings.min_size,
            "cut_off": facts["outside"] > settings.max_outside,
            "no_landmarks": settings.landmarks == "dense" and face.dense_landmarks is None,
            "turned": yaw > settings.max_yaw or pitch > settings.max_pitch,
            "blurred": facts["sharpness"] < settings.min_sharpness,
        }
        return next((name for name, wrong in checks.items() if wrong), "")

    def _parts(self, crop: Array, landmarks: Array) -> Array:
        assert self._parser is not None
        found = self._parser.parse(crop, five_points(landmarks))
        size = len(crop)
        masks = [found.mask(part, width=size, height=size) for part in FacePart]
        return np.asarray(np.argmax(masks, axis=0), np.uint8)

    def _add_nothing(
        self, item: Item, shard: ShardWriter, reason: str, picture: Array | None = None
    ) -> None:
        """Add what shows no face."""
        shown = np.zeros((THUMBNAIL_SIZE, THUMBNAIL_SIZE, 3), np.uint8)
        if picture is not None:
            scale = THUMBNAIL_SIZE / max(picture.shape[:2])
            height, width = (max(1, round(scale * side)) for side in picture.shape[:2])
            small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
            shown[:height, :width] = small
        settings = self._settings
        more: dict[str, Any] = dict.fromkeys(FACTS, np.float32(0))
        if settings.landmarks == "dense":
            more["dense"] = np.zeros((478, 3))
        if settings.parts:
            more["parts"] = np.zeros((1, 1), np.uint8)
        add_face(
            shard,
            _thumbnail(shown),
            framing=settings.framing,
            size=settings.crop_size,
            name=item.name,
            identity=item.identity,
            held=False,
            points5=np.zeros((5, 2)),
            landmarks=np.zeros((68, 2)),
            reason=reason,
            item=item.name,
            group="",
            embedding=np.zeros(self._models.recognizer.dim, np.float16),
            hash=np.zeros(8, np.uint8),
            angles=np.zeros(3, np.float32),
            **more,
        )


def sharpness(picture: Array, landmarks: Array) -> float:
    """Return how sharp a face is: the Laplacian's standard deviation over the mean luma.

    It is measured inside the face's outline at 112 pixels in ArcFace's framing, so that faces of
    all sizes are measured alike.

    Args:
        picture: (H, W, 3) uint8 RGB.
        landmarks: (68, 2) in its pixels.
    """
    template = template_of("arcface")
    matrix = crop_matrix(five_points(landmarks).astype(np.float64), template, SHARPNESS_SIZE)
    luma = cv2.cvtColor(warp(picture, matrix, SHARPNESS_SIZE), cv2.COLOR_RGB2GRAY)
    inside = fill_hull(transform(matrix, landmarks), SHARPNESS_SIZE) > 0.5
    if not inside.any():
        return 0.0
    # Of the mean, so that a dark face does not count as blurred.
    detail = cv2.Laplacian(luma, cv2.CV_32F)[inside].std()
    return float(detail / (luma[inside].mean() + 1))


def picture_hash(picture: Array) -> Array:
    """Return the (64,) bool perceptual hash of a picture (H, W, 3) uint8 RGB.

    The signs of the lowest frequencies of its cosine transform against their median (pHash; Zauner,
    "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010).
    """
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (HASH_SIZE, HASH_SIZE), interpolation=cv2.INTER_AREA)
    waves = cv2.dct(small.astype(np.float32))[:8, :8].ravel()
    return np.asarray(waves > np.median(waves[1:]))


def outside(shape: Sequence[int], matrix: Array, size: int) -> float:
    """Return which share of a crop lies outside of the picture.

    Args:
        shape: Of the picture, rows and columns first.
        matrix: (2, 3) from its pixels to the crop's.
        size: Side of the crop.
    """
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * [shape[1], shape[0]] - 0.5
    picture = transform(matrix, corners).astype(np.float32)
    crop = np.array([[0, 0], [size, 0], [size, size], [0, size]], np.float32) - 0.5
    shared = cv2.intersectConvexConvex(picture, crop)[0]
    return float(np.clip(1 - shared / size**2, 0, 1))


def _angles(picture: Array, landmarks: Array) -> Array:
    found = head_angles(landmarks, picture.shape[1], picture.shape[0])
    return np.zeros(3, np.float32) if found is None else found.astype(np.float32)


def _thumbnail(picture: Array) -> bytes:
    size = (THUMBNAIL_SIZE, THUMBNAIL_SIZE)
    return encode_jpeg(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), _QUALITY)


def units_of(items: Sequence[Item], pictures: int) -> Iterator[tuple[Item, ...]]:
    """Divide what there is into what is scanned at once: so many pictures, or one video."""
    unit: list[Item] = []
    for item in items:
        if unit and (item.is_video or unit[0].is_video or len(unit) == pictures):
            yield tuple(unit)
            unit = []
        unit.append(item)
    if unit:
        yield tuple(unit)
