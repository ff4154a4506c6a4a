"""Packed faces as every recipe of a swapper or an encoder reads them, and the writer of them.

Reading, where ``faces = FaceShards(folder)`` and ``row`` counts samples from 0::

    len(faces), faces.size, faces.framing   # samples; side of a crop; "arcface", "ghost" or "ffhq"
    faces.picture(row)                      # (S, S, 3) uint8 RGB
    faces.cropped(row, "arcface", 112)      # the same face in another framing
    faces.landmarks(row)                    # (68, 2) float32, pixels of the crop
    faces.points5(row)                      # (5, 2) float32
    faces.dense_landmarks(row)              # (478, 3) float32, or None
    faces.parts(row)                        # (S, S) uint8 FacePart, or None
    faces.cropped_parts(row, "arcface", 112)
    faces.matrix(row, "arcface", 112)       # (2, 3) from pixels of the crop to those of a framing
    faces.identities                        # (N,) int64: whose face it is, -1 unknown
    faces.people                            # names of the identities, by number
    faces.of_person(number)                 # (n,) int64 rows
    faces.names, faces.held                 # (N,) str, unique; (N,) bool: not for training
    faces.training, faces.held_out          # (n,) int64 rows
    faces.order(batch, seed)                # EpochOrder of the training rows
    faces.key                               # for Recipe.data_key

``order`` shuffles anew for every epoch; its rows are a function of seed and step, so a resumed run
needs no state of the data. Everything may be asked from several threads.

Writing (``videoswap train prepare faces`` does it; tests with :func:`pack_faces`)::

    pack_faces(folder, [FaceSample(picture, points68, "name", identity="Ann")], framing="ffhq")
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ...errors import InputError, UsageError
from ...geometry.affine import (
    TEMPLATES,
    crop_matrix,
    five_points,
    nearest_pose,
    transform,
    transform_dense,
)
from ...geometry.resample import warp
from ...records import Array
from ..ordering import EpochOrder
from ..shards import PackedPictures, ShardWriter
from .settings import FRAMINGS

_TEMPLATES = {"arcface": "arcface_112_v2", "ghost": "arcface_112_v1", "ffhq": "ffhq_512"}
UNKNOWN = -1  # identity of a face of nobody known
_UNIT = 1 << 14  # of stored points: a side of the crop


def framing_matrix(points5: Array, framing: str, size: int) -> Array:
    """Return the (2, 3) matrix from pixels of a picture to those of an aligned crop.

    Args:
        points5: (5, 2) points in the picture.
        framing: ``arcface`` is insightface's template of ArcFace, by which BlendFace's encoder
            and FixerNet are trained; ``ghost`` the best fitting of insightface 0.2.1's five pose
            templates, by which GHOST crops VGGFace2; ``ffhq`` the five points of FFHQ's framing,
            in which BlendFace and ReliableSwap swap.
        size: Side of the crop in pixels.

    Raises:
        UsageError: ``wrong_setting``, if there is no such framing.
    """
    if framing == "ghost":
        return crop_matrix(points5, nearest_pose(points5), size)
    return crop_matrix(points5, template_of(framing), size)


def template_of(framing: str) -> Array:
    """Return the (5, 2) points of a framing in the unit square; GHOST's are those of its front.

    Raises:
        UsageError: ``wrong_setting``, if there is no such framing.
    """
    if framing not in FRAMINGS:
        problem = f"There is no framing {framing!r}."
        raise UsageError("wrong_setting", problem, f"Known are {', '.join(FRAMINGS)}.")
    return TEMPLATES[_TEMPLATES[framing]]


@dataclass(frozen=True, slots=True, eq=False)
class FaceSample:
    """A face in a picture, as it is packed.

    Attributes:
        picture: (H, W, 3) uint8 RGB; the crop is cut out of it.
        landmarks: (68, 2) float32 in its pixels.
        name: Unique in the data.
        identity: Name of the person; empty where nobody knows.
        points5: (5, 2) float32 by which the crop is aligned; None takes them of the 68.
        dense_landmarks: (478, 3) float32; either all samples have them or none.
        parts: (H, W) uint8 classes of its pixels, see ``FacePart``; likewise.
        held: Whether it is kept out of training.
    """

    picture: Array
    landmarks: Array
    name: str
    identity: str = ""
    points5: Array | None = None
    dense_landmarks: Array | None = None
    parts: Array | None = None
    held: bool = False


def pack_faces(
    folder: str | os.PathLike[str],
    samples: Iterable[FaceSample],
    *,
    framing: str,
    size: int | None = None,
    shard: str = "faces-00000",
) -> None:
    """Align faces and write them as one shard.

    Args:
        folder: Of the shards; made if it is not there.
        samples: At least one.
        framing: See :func:`framing_matrix`.
        size: Side of a crop; None takes the usual one of the framing.
        shard: Name without suffix.

    Raises:
        UsageError: ``wrong_setting``.
        OutputError: ``cannot_write_shard``.
    """
    with ShardWriter(Path(folder), shard) as writer:
        for sample in samples:
            points5 = sample.points5
            points5 = five_points(sample.landmarks) if points5 is None else points5
            side = size or FRAMINGS.get(framing, 0)
            matrix = framing_matrix(points5, framing, side)
            dense = sample.dense_landmarks
            add_face(
                writer,
                warp(sample.picture, matrix, side),
                framing=framing,
                size=side,
                name=sample.name,
                identity=sample.identity,
                held=sample.held,
                points5=transform(matrix, points5),
                landmarks=transform(matrix, sample.landmarks),
                dense=None if dense is None else transform_dense(matrix, dense),
                parts=None if sample.parts is None else _warped_parts(sample.parts, matrix, side),
            )


def add_face(
    writer: ShardWriter,
    crop: Array | bytes,
    *,
    framing: str,
    size: int,
    name: str,
    identity: str,
    held: bool,
    points5: Array,
    landmarks: Array,
    dense: Array | None = None,
    parts: Array | bytes | None = None,
    **more: Any,
) -> None:
    """Append an aligned face to a shard.

    Args:
        writer: Of the shard.
        crop: (S, S, 3) uint8 RGB, or the bytes of a JPEG.
        framing: See :func:`framing_matrix`.
        size: S.
        name: Unique in the data.
        identity: Name of the person, or empty.
        held: Whether it is kept out of training.
        points5: (5, 2) in pixels of the crop.
        landmarks: (68, 2) in pixels of the crop.
        dense: (478, 3) in pixels of the crop, or None.
        parts: (S, S) uint8 classes, or the bytes of a PNG, or None.
        more: Further columns.
    """
    columns = {"dense": _stored(dense, size)} if dense is not None else {}
    writer.add(
        crop,
        parts=parts,
        name=name,
        identity=identity,
        held=held,
        framing=framing,
        side=np.int32(size),
        points5=_stored(points5, size),
        landmarks=_stored(landmarks, size),
        **columns,
        **more,
    )


class FaceShards:
    """Packed faces by number; see the top of the file for what it answers.

    Attributes:
        size: Side S of a crop in pixels.
        framing: How faces lie in it, see :func:`framing_matrix`.
        names: (N,) str, unique.
        held: (N,) bool, those kept out of training.
        people: Names of the people.
        identities: (N,) int64 index into ``people``, or `UNKNOWN`.
        key: Text that changes with the content.

    Args:
        folder: Of the shards.

    Raises:
        InputError: ``no_shards``, ``damaged_shard``; ``other_shards`` if they hold no faces of
            one framing and size.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._packed = PackedPictures(folder)
        self.columns = self._packed.columns
        kinds = {name: np.unique(self.columns.get(name, [])) for name in ("framing", "side")}
        if any(len(found) != 1 for found in kinds.values()) or "points5" not in self.columns:
            raise InputError(
                "other_shards",
                f"The shards in {folder} are not faces of one framing and size.",
                "Make them with `videoswap train prepare faces`.",
            )
        self.framing, self.size = str(kinds["framing"][0]), int(kinds["side"][0])
        self.names: Array = self.columns["name"]
        self.held: Array = self.columns["held"]
        who = self.columns["identity"]
        self.people: tuple[str, ...] = tuple(np.unique(who[who != ""]).tolist())
        found = np.searchsorted(self.people, who) if self.people else np.zeros(len(who), np.int64)
        self.identities: Array = np.where(who == "", UNKNOWN, found)
        self.key = self._packed.key

    def __len__(self) -> int:
        return len(self._packed)

    @cached_property
    def training(self) -> Array:
        """Rows to train on, (n,) int64."""
        return np.flatnonzero(~self.held)

    @cached_property
    def held_out(self) -> Array:
        """Rows kept out of training, (n,) int64."""
        return np.flatnonzero(self.held)

    def of_person(self, number: int) -> Array:
        """Return the rows of a person, held-out ones included, (n,) int64."""
        first, last = np.searchsorted(self._by_person[1], [number, number + 1])
        return self._by_person[0][first:last]

    @cached_property
    def _by_person(self) -> tuple[Array, Array]:
        order = np.argsort(self.identities, kind="stable")
        return order, self.identities[order]

    def order(self, batch: int, seed: int) -> EpochOrder:
        """Return the order of the training rows, see :class:`EpochOrder`.

        Raises:
            InputError: ``no_shards``, if all faces are held out.
        """
        if not len(self.training):
            raise InputError("no_shards", "All faces are held out of training.")
        return EpochOrder(self.training, batch, seed)

    def picture(self, row: int) -> Array:
        """Return a crop, (S, S, 3) uint8 RGB.

        Raises:
            InputError: ``damaged_shard``.
        """
        return self._packed.picture(row)

    def cropped(self, row: int, framing: str, size: int) -> Array:
        """Return a face in another framing, (size, size, 3) uint8 RGB.

        What the packed crop does not show continues its border. ``ffhq`` shows more than
        ``arcface``, so data of the first serves both.
        """
        if (framing, size) == (self.framing, self.size):
            return self.picture(row)
        return warp(self.picture(row), self.matrix(row, framing, size), size)

    def matrix(self, row: int, framing: str, size: int) -> Array:
        """Return the (2, 3) float64 matrix from a crop's pixels to those of another framing."""
        return framing_matrix(self.points5(row).astype(np.float64), framing, size)

    def points5(self, row: int) -> Array:
        """Return the five points in pixels of the crop, (5, 2) float32."""
        return self._in_pixels("points5", row)

    def landmarks(self, row: int) -> Array:
        """Return the 68 landmarks in pixels of the crop, (68, 2) float32."""
        return self._in_pixels("landmarks", row)

    def dense_landmarks(self, row: int) -> Array | None:
        """Return the 478 landmarks in pixels of the crop, (478, 3) float32; None without them."""
        return self._in_pixels("dense", row) if "dense" in self.columns else None

    def parts(self, row: int) -> Array | None:
        """Return the parts of a face, (S, S) uint8 `FacePart`; None where none were packed.

        Raises:
            InputError: ``damaged_shard``.
        """
        return self._packed.parts(row) if self._packed.has_parts else None

    def cropped_parts(self, row: int, framing: str, size: int) -> Array | None:
        """Return the parts of a face in another framing, (size, size) uint8; None without them.

        What the packed crop does not show is background.
        """
        parts = self.parts(row)
        if parts is None or (framing, size) == (self.framing, self.size):
            return parts
        return _warped_parts(parts, self.matrix(row, framing, size), size)

    def jpeg(self, row: int) -> bytes:
        """Return the bytes of a crop."""
        return self._packed.jpeg(row)

    def _in_pixels(self, column: str, row: int) -> Array:
        points = self.columns[column][row].astype(np.float32) * (self.size / _UNIT)
        points[:, :2] -= 0.5
        return np.asarray(points)


def _stored(points: Array, size: int) -> Array:
    """Return points as int16 numbers: good to 1/16384 of a side, as far as two sides away."""
    shares = np.asarray(points, np.float64).copy()
    shares[:, :2] += 0.5
    limits = np.iinfo(np.int16)
    return np.clip(np.rint(shares * (_UNIT / size)), limits.min, limits.max).astype(np.int16)


def _warped_parts(parts: Array, matrix: Array, size: int) -> Array:

    return np.asarray(cv2.warpAffine(parts, matrix, (size, size), flags=cv2.INTER_NEAREST))
