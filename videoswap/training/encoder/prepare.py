"""Packs aligned faces for the encoder: photos with their teacher's answer, and faces made of them.

The teacher is dlib's descriptor (see :mod:`videoswap.detection.recognition`). Its label of a photo
is the mean of the answers to the photo and to its mirror image. A share of the photos is held out;
no made face has a part of them. At last its network is cut down to the one that learns, which are
the first weights of a training.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ...detection.dlib_network import read_dlib_weights
from ...detection.landmarks import DlibLandmarker
from ...detection.packaged_files import recognition_path
from ...detection.recognition import DlibRecognizer
from ...errors import InputError, UsageError
from ...fieldtypes import conform
from ...geometry.face_masks import MIRRORED_LANDMARKS
from ...geometry.resample import resize
from ...records import Array
from ..packing import Packing, Say, preparation
from ..shards import PackedPictures, ShardWriter, is_held
from .sources import CROP_SIZE, FaceSources, SourceFace
from .synthesis import Synthesizer

#: Beside the shards: dlib's network cut down to the small one.
FIRST_WEIGHTS = "first.safetensors"
#: Side of a packed crop, the middle of which a network sees.
PACKED_SIZE = 128


@dataclass(frozen=True, slots=True)
class PrepareSettings:
    """What is packed.

    Attributes:
        sources: Tar files or folders of square crops in ArcFace's framing, or of loose photos.
        loose: Whether they are photos of any kind, whose faces are found and cut out.
        table: CSV with the columns file, identity and lx0 ... ly4 (five points in pixels); None
            where all points lie on the template.
        landmarks: NPZ with ``name`` and ``landmarks68``; where a file is missing there, dlib finds
            them.
        identities: First folders of names below which identities count: those of the table, or
            the folder itself in loose photos. Others have one photo of each person.
        excluded: Names of photos that are not packed at all: those that judge later on.
        held: One photo of so many is held out.
        synthetic: Shards of made faces.
        per_shard: Faces in each of them.
        cut: Faces by which dlib's network is cut down to the first weights; 0 makes none.
        seed: Of the made faces and of the choice of those.
    """

    sources: tuple[Path, ...] = ()
    loose: bool = False
    table: Path | None = None
    landmarks: Path | None = None
    identities: tuple[str, ...] = ("id_celeb24",)
    excluded: tuple[str, ...] = ()
    held: int = 25
    synthetic: int = 48
    per_shard: int = 2048
    cut: int = 1600
    seed: int = 7

    def __post_init__(self) -> None:
        conform(self)
        if min(self.held, self.per_shard) < 1 or min(self.synthetic, self.cut, self.seed) < 0:
            problem = "held and per_shard must be at least 1, the other numbers not negative."
            raise UsageError("wrong_setting", problem)


@dataclass(slots=True)
class _Teacher:
    """Finds landmarks and describes faces."""

    _recognizer: DlibRecognizer = field(default_factory=DlibRecognizer)
    _landmarker: DlibLandmarker = field(default_factory=lambda: DlibLandmarker(boxes=3))

    def landmarks(self, face: SourceFace) -> Array:
        if face.landmarks is not None:
            return face.landmarks
        return self._landmarker.landmarks(face.picture, face.points5)

    def describe(self, picture: Array, landmarks: Array) -> Array:
        return self._recognizer.embed(picture, landmarks.astype(np.float32))

    def both_sides(self, picture: Array, landmarks: Array) -> tuple[Array, Array]:
        """Describe a face, and it and its mirror image together."""
        mirrored = landmarks[MIRRORED_LANDMARKS].copy()
        mirrored[:, 0] = picture.shape[1] - 1 - mirrored[:, 0]
        own = self.describe(picture, landmarks)
        other = self.describe(np.ascontiguousarray(picture[:, ::-1]), mirrored)
        return own, (own + other) / 2


@preparation
def prepare_encoder(settings: PrepareSettings, folder: Path) -> Packing:
    """Pack photos and faces that are made of them, see `Prepare`.

    Raises:
        InputError: ``bad_source``, or if the table lacks a file.
    """
    sources = FaceSources(settings.table, settings.landmarks, settings.identities, settings.loose)
    teacher = _Teacher()
    originals = {f"original-{number}": path for number, path in enumerate(settings.sources)}

    maker = _Maker(settings, folder, sources, teacher)
    made = [f"synthetic-{number:03d}" for number in range(settings.synthetic)]

    def fill(name: str, shard: ShardWriter) -> None:
        if name not in originals:
            maker.fill(name, shard)
            return
        for face in sources.faces(originals[name]):
            if face.name not in settings.excluded:
                _add_original(face, shard, teacher, settings)

    def finish(say: Say) -> None:
        if settings.cut and not (folder / FIRST_WEIGHTS).is_file():
            say("Cutting dlib's network down to the first weights.")
            _write_first_weights(folder, settings)

    return Packing([*originals, *made], fill, finish)


def mean_label(columns: Mapping[str, Array]) -> Array:
    """Return the mean descriptor of the photos to learn from, (128,) float32.

    dlib's descriptors lie far from the origin: their mean says nothing of who it is.
    """
    real = (columns["kind"] == "original") & ~columns["held"]
    return np.asarray(columns["label"][real].astype(np.float32).mean(axis=0))


def _write_first_weights(folder: Path, settings: PrepareSettings) -> None:
    import torch

    from ..recipe import as_input
    from .export import write_safetensors
    from .pruning import cut_down

    packed = PackedPictures(folder)
    rows = np.flatnonzero(~packed.columns["held"])
    rows = np.random.default_rng(settings.seed).permutation(rows)[: settings.cut]
    faces = np.stack([packed.picture(int(row)) for row in rows]).astype(np.float32) / 255
    mean = torch.from_numpy(mean_label(packed.columns))
    encoder = cut_down(read_dlib_weights(recognition_path()), as_input(faces), mean)
    write_safetensors(encoder, folder / FIRST_WEIGHTS, half=False)


class _Maker:
    """Fills shards with made faces; the photos are read when the first one is needed."""

    def __init__(
        self,
        settings: PrepareSettings,
        folder: Path,
        sources: FaceSources,
        teacher: _Teacher,
    ) -> None:
        self._settings, self._folder, self._sources = settings, folder, sources
        self._teacher = teacher
        self._read: tuple[list[str], Synthesizer, dict[str, Array]] | None = None

    def fill(self, name: str, shard: ShardWriter) -> None:
        names, synthesizer, labels = self._photos()
        number = int(name.rpartition("-")[2])
        for sample in range(self._settings.per_shard):
            random = np.random.default_rng([self._settings.seed, number, sample])
            made = synthesizer.make(random)
            own = self._teacher.describe(made.picture, made.landmarks)
            label = labels[names[made.first]] if made.is_pasted else own
            shard.add(
                _packed(made.picture),
                name=f"{names[made.first]}|{names[made.second]}",
                identity="",
                label=label.astype(np.float16),
                teacher=own.astype(np.float16),
                landmarks=(made.landmarks / made.picture.shape[0]).astype(np.float16),
                kind=made.kind,
                held=False,
            )

    def _photos(self) -> tuple[list[str], Synthesizer, dict[str, Array]]:
        if self._read is None:
            faces = [
                face
                for source in self._settings.sources
                for face in self._sources.faces(source)
                if face.picture.shape[0] == CROP_SIZE
                and face.name not in self._settings.excluded
                and not is_held(face.name, self._settings.held)
            ]
            if not faces:
                problem = f"No source has crops of {CROP_SIZE} pixels to make faces of."
                raise InputError("bad_source", problem, "Set synthetic to 0.")
            landmarks = np.stack([self._teacher.landmarks(face) for face in faces])
            columns = PackedPictures(self._folder).columns
            labels = dict(zip(columns["name"].tolist(), columns["label"], strict=True))
            pictures = [face.picture for face in faces]
            names = [face.name for face in faces]
            self._read = names, Synthesizer(pictures, landmarks), labels
        return self._read


def _add_original(
    face: SourceFace, shard: ShardWriter, teacher: _Teacher, settings: PrepareSettings
) -> None:
    landmarks = teacher.landmarks(face)
    own, label = teacher.both_sides(face.picture, landmarks)
    shard.add(
        _packed(face.picture),
        name=face.name,
        identity=face.identity,
        label=label.astype(np.float16),
        teacher=own.astype(np.float16),
        landmarks=(landmarks / face.picture.shape[0]).astype(np.float16),
        kind="original",
        held=is_held(face.name, settings.held),
    )


def _packed(picture: Array) -> Array:
    return resize(picture, PACKED_SIZE, PACKED_SIZE)
