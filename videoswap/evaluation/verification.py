"""Verification: does an encoder tell whether two photos show the same person?

The protocol is that of Labeled Faces in the Wild (Huang et al., 2007): pairs in folds, and the
threshold for a fold is the best one of all other folds.
"""

from __future__ import annotations

import csv
import os
import tarfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ..errors import InputError, UsageError, reason_of
from ..records import Array
from .encoders import FaceCropper, FaceEncoder, squared

_FALSE_ACCEPTS = 0.01
_TIMED = 50  # faces that are timed
_PICTURES = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pairs of photos.

    Attributes:
        first: (N,) names.
        second: (N,) names.
        same: (N,) bool, whether they show one person.
        fold: (N,) int64.
    """

    first: Array
    second: Array
    same: Array
    fold: Array


@dataclass(frozen=True, slots=True)
class Verification:
    """How well an encoder verifies.

    Attributes:
        encoder: Its name.
        pairs: How many were judged.
        accuracy: Mean over the folds of the share that was judged right.
        spread: Standard deviation over the folds.
        threshold: Mean of the folds' thresholds, in the encoder's own unit (larger is more alike).
        area: Area under the ROC curve.
        accepted: Share of the same pairs that are accepted where 1 % of the others are.
        milliseconds: Processor time a face, on one thread, without reading the photo.
    """

    encoder: str
    pairs: int
    accuracy: float
    spread: float
    threshold: float
    area: float
    accepted: float
    milliseconds: float

    def line(self) -> str:
        """Return it as a line for people."""
        return (
            f"{self.encoder}: {100 * self.accuracy:.2f} % +- {100 * self.spread:.2f} of "
            f"{self.pairs} pairs, area {self.area:.4f}, {100 * self.accepted:.1f} % accepted at "
            f"1 % false accepts, threshold {self.threshold:.3f}, {self.milliseconds:.2f} ms a face"
        )


def read_pairs(path: str | os.PathLike[str]) -> Pairs:
    """Read a CSV with the columns fold, file1, file2 and same (0 or 1), or LFW's ``pairs.txt``.

    The latter names no files; they are those of LFW's own folders, ``NAME/NAME_0001.jpg``.

    Raises:
        InputError: ``bad_pairs``.
    """
    path = Path(path)
    try:
        with path.open(newline="", encoding="utf-8") as file:
            pairs = _lfw_pairs(file) if path.suffix == ".txt" else _csv_pairs(file)
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise InputError("bad_pairs", f"{path} has no pairs: {reason_of(error)}.") from None
    if len(np.unique(pairs.fold)) < 2 or pairs.same.all() or not pairs.same.any():
        hint = "It needs two folds, and pairs of one person and of two."
        raise InputError("bad_pairs", f"{path} has too few pairs.", hint)
    return pairs


def _csv_pairs(file: Iterable[str]) -> Pairs:
    rows = list(csv.DictReader(file))
    return Pairs(
        first=np.array([row["file1"] for row in rows]),
        second=np.array([row["file2"] for row in rows]),
        same=np.array([int(row["same"]) for row in rows]) > 0,
        fold=np.array([int(row["fold"]) for row in rows]),
    )


def _lfw_pairs(file: Iterable[str]) -> Pairs:
    """Read ``folds pairs``, then, fold by fold, so many ``name n m`` and ``name n other m``."""
    first, *rows = (line.split() for line in file if line.strip())
    a_fold = 2 * int(first[-1])

    def photo(name: str, number: str) -> str:
        return f"{name}/{name}_{int(number):04d}.jpg"

    return Pairs(
        first=np.array([photo(*row[:2]) for row in rows]),
        second=np.array([photo(row[-2] if len(row) == 4 else row[0], row[-1]) for row in rows]),
        same=np.array([len(row) == 3 for row in rows]),
        fold=np.arange(len(rows)) // a_fold,
    )


def verify(
    encoder: FaceEncoder,
    pairs: Pairs,
    pictures: str | os.PathLike[str],
    *,
    align: bool = False,
) -> Verification:
    """Judge all pairs.

    Args:
        encoder: What embeds the photos.
        pairs: Names of photos.
        pictures: Tar file or folder of them: square crops in ArcFace's framing.
        align: Whether they are photos of any kind, whose largest faces are cut out first.

    Raises:
        InputError: ``bad_pictures`` if one is missing or none, or no square crop.
        NoFaceError: ``no_face_in_photo``, if one that is to be aligned shows no face.
    """
    wanted = set(pairs.first.tolist()) | set(pairs.second.tolist())
    embeddings: dict[str, Array] = {}
    seconds = 0.0
    crop = FaceCropper().crop if align else squared
    for number, (name, photo) in enumerate(_pictures(Path(pictures), wanted)):
        picture = crop(photo, name)
        began = time.process_time()
        embeddings[name] = encoder.embed(picture)
        seconds += time.process_time() - began if number < _TIMED else 0.0
    missing = sorted(wanted - embeddings.keys())
    if missing:
        problem = f"{pictures} lacks {len(missing)} of the photos, for example {missing[0]}."
        raise InputError("bad_pictures", problem)
    alike = encoder.similarity(
        np.stack([embeddings[name] for name in pairs.first.tolist()]),
        np.stack([embeddings[name] for name in pairs.second.tolist()]),
    )
    accuracies, thresholds = judge(alike, pairs.same, pairs.fold)
    return Verification(
        encoder=encoder.name,
        pairs=len(alike),
        accuracy=float(accuracies.mean()),
        spread=float(accuracies.std()),
        threshold=float(thresholds.mean()),
        area=area_under_curve(alike, pairs.same),
        accepted=accepted_at(alike, pairs.same, _FALSE_ACCEPTS),
        milliseconds=1000 * seconds / min(_TIMED, len(embeddings)),
    )


def judge(alike: Array, same: Array, fold: Array) -> tuple[Array, Array]:
    """Judge each fold by the best threshold of the others.

    Args:
        alike: (N,) similarities, larger is more alike.
        same: (N,) bool.
        fold: (N,) int.

    Returns:
        The accuracy of each fold and its threshold, (folds,) each.

    Raises:
        UsageError: ``one_fold``.
    """
    folds = np.unique(fold)
    if len(folds) < 2:
        raise UsageError("one_fold", "Verification needs at least two folds.")
    thresholds = np.array([best_threshold(alike[fold != f], same[fold != f]) for f in folds])
    right = [
        ((alike[fold == f] > t) == same[fold == f]).mean()
        for f, t in zip(folds, thresholds, strict=True)
    ]
    return np.array(right), thresholds


def best_threshold(alike: Array, same: Array) -> float:
    """Return the threshold, between two similarities, above which most pairs are judged right."""
    order = np.argsort(alike, kind="stable")
    values, truth = alike[order], same[order]
    # Cut before each value: what lies below is called different, the rest the same.
    right = np.concatenate([[0], np.cumsum(~truth)]) + np.concatenate(
        [np.cumsum(truth[::-1])[::-1], [0]]
    )
    ends = np.concatenate([[values[0] - 1], values, [values[-1] + 1]])
    middles = (ends[:-1] + ends[1:]) / 2
    possible = np.concatenate([[True], values[1:] > values[:-1], [True]])
    return float(middles[np.argmax(np.where(possible, right, -1))])


def area_under_curve(alike: Array, same: Array) -> float:
    """Return the chance that a pair of one person is more alike than one of two."""
    ordered, ranks, counts = np.unique(alike, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - (counts - 1) / 2
    positive = int(same.sum())
    negative = len(same) - positive
    above = middle[ranks][same].sum() - positive * (positive + 1) / 2
    return float(above / (positive * negative)) if len(ordered) else 0.5


def accepted_at(alike: Array, same: Array, false_accepts: float) -> float:
    """Return the share of same pairs above the threshold that so many others pass."""
    threshold = np.quantile(alike[~same], 1 - false_accepts)
    return float((alike[same] > threshold).mean())


def _pictures(source: Path, wanted: set[str]) -> Iterator[tuple[str, Array]]:
    try:
        if source.is_dir():
            for name in sorted(wanted):
                path = source / name
                if path.is_file():
                    yield name, _decoded(name, path.read_bytes())
            return
        with tarfile.open(source) as archive:
            for member in archive:
                if member.name in wanted and Path(member.name).suffix.lower() in _PICTURES:
                    file = archive.extractfile(member)
                    yield member.name, _decoded(member.name, b"" if file is None else file.read())
    except (OSError, tarfile.TarError) as error:
        problem = f"{source} cannot be read: {reason_of(error)}."
        raise InputError("bad_pictures", problem) from None


def _decoded(name: str, data: bytes) -> Array:
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    if picture is None:
        raise InputError("bad_pictures", f"{name} is no picture.")
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
