"""Packs aligned faces for the parser with their labels, corrected by rule."""

from __future__ import annotations

import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ...detection.dense_landmarks import DenseLandmarker
from ...detection.face_parser import FaceParser
from ...errors import InputError, UsageError, reason_of
from ...fieldtypes import conform
from ...geometry.resample import resize
from ...records import Array
from ..encoder.sources import FaceSources, SourceFace
from ..packing import Packing, preparation
from ..shards import ShardWriter, is_held
from .beard_labels import BEARD, read_beards, with_beard, without_beard
from .labels import Corrected, correct_label

#: Side of a packed crop.
PACKED_SIZE = 160


@dataclass(frozen=True, slots=True)
class ParserPrepareSettings:
    """What is packed.

    Attributes:
        sources: Tar files or folders of square crops in ArcFace's framing.
        labels: Tar file of PNGs with the names of the crops: classes of the weak network.
        table: CSV with the columns file and lx0 ... ly4 (five points in pixels).
        landmark_model: MediaPipe's ``face_landmark_with_attention.tflite``.
        held: One crop of so many is held out.
        beards: Text file that lists by name which crops show a beard, by eye, see
            `beard_labels.read_beards`; None goes by rule, which finds few.
        parser: ONNX file of the parser from whose answers their labels are drawn; None takes
            the package's own.
    """

    sources: tuple[Path, ...] = ()
    labels: Path = Path("parsing.tar")
    table: Path | None = None
    landmark_model: Path = Path("weights/mediapipe/face_landmark_with_attention.tflite")
    held: int = 25
    beards: Path | None = None
    parser: Path | None = None

    def __post_init__(self) -> None:
        conform(self)
        if self.held < 1:
            raise UsageError("wrong_setting", "held must be at least 1.")


@preparation
def prepare_parser(settings: ParserPrepareSettings, folder: Path) -> Packing:
    """Pack labeled crops, see `Prepare`.

    Crops without a label, without dense landmarks or with a label that is not worth it are left
    out.

    Raises:
        InputError: ``bad_source``, ``damaged_model`` or ``damaged_weights``.
    """
    sources = FaceSources(settings.table)
    labels = _read_labels(settings.labels)
    landmarker = DenseLandmarker(settings.landmark_model)
    beards = None if settings.beards is None else _Beards(settings.beards, settings.parser)
    names = {f"faces-{number}": path for number, path in enumerate(settings.sources)}

    def fill(name: str, shard: ShardWriter) -> None:
        for face in sources.faces(names[name]):
            weak = labels.get(Path(face.name).with_suffix("").as_posix())
            if weak is not None:
                _add(face, weak, shard, landmarker, settings.held, beards)

    return Packing(names, fill)


class _Beards:
    """Corrects beards by a list of who has one."""

    def __init__(self, listed: Path, parser: Path | None) -> None:
        self._kinds = read_beards(listed)
        self._parser = FaceParser() if parser is None else FaceParser(parser)

    def correct(self, columns: dict[str, Any], picture: Array, points: Array) -> None:
        """Correct label, kind and beard of one crop in place; points (478, 2) in its pixels."""
        listed = self._kinds.get(Path(columns["name"]).with_suffix("").as_posix())
        columns["beard"] = listed is not None
        if listed == BEARD:
            columns["label"] = with_beard(picture, columns["label"], points, self._parser)
            columns["kind"] = BEARD
        elif columns["kind"] == BEARD:
            columns["kind"] = "plain"
        if listed is None:
            columns["label"] = without_beard(columns["label"], points)


def _add(
    face: SourceFace,
    weak: bytes,
    shard: ShardWriter,
    landmarker: DenseLandmarker,
    held: int,
    beards: _Beards | None,
) -> None:
    found = landmarker.landmarks(face.picture, face.points5)
    if found is None:
        return
    size = len(face.picture)
    corrected = correct_label(_decoded(weak, face.name, size), face.picture, found.points)
    if corrected is None:
        return
    picture, points = resize(face.picture, PACKED_SIZE, PACKED_SIZE), found.points[:, :2] + 0.5
    columns = _columns(face, corrected)
    if beards is not None:
        beards.correct(columns, picture, points.astype(np.float64) * PACKED_SIZE / size - 0.5)
    shard.add(
        picture,
        points=(points / size).astype(np.float16),
        held=is_held(face.name, held),
        **columns,
    )


def _columns(face: SourceFace, corrected: Corrected) -> dict[str, Any]:
    size = (PACKED_SIZE, PACKED_SIZE)
    small = cv2.resize(corrected.label, size, interpolation=cv2.INTER_NEAREST)
    kind = "glasses" if corrected.glasses else "beard" if corrected.beard else "plain"
    return {
        "name": face.name,
        "identity": "",
        "kind": kind,
        "label": np.asarray(small),
        "glasses": corrected.glasses,
        "beard": corrected.beard,
    }


def _read_labels(path: Path) -> dict[str, bytes]:
    """Return the PNGs of a tar file by their names without suffix."""
    try:
        with tarfile.open(path) as archive:
            found = {}
            for member in archive:
                file = archive.extractfile(member) if member.isfile() else None
                if file is not None:
                    found[Path(member.name).with_suffix("").as_posix()] = file.read()
            return found
    except (OSError, tarfile.TarError) as error:
        raise InputError("bad_source", f"{path} cannot be read: {reason_of(error)}.") from None


def _decoded(data: bytes, name: str, size: int) -> Array:
    label = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    if label is None or label.shape != (size, size):
        raise InputError("bad_source", f"The label of {name} is no PNG of its crop's size.")
    return np.asarray(label)
