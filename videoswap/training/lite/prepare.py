"""Packs the triplets of `synthesis`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ...errors import InputError, UsageError
from ...fieldtypes import conform
from ...records import Array
from ..encoder.sources import FaceSources, SourceFace
from ..packing import Packing, preparation
from ..shards import ShardWriter, is_held
from ..triplets.synthesis import Person
from .synthesis import KEPT_SIZE, SWAP_SIZE, Triplet, TripletMaker

#: Pictures of a packed strip, from the left; the mask is the last one.
STRIP = ("target", "swap", "answer", "source", "mask")
_HELD, _TRAINING = "held", "triplets"


@dataclass(frozen=True, slots=True)
class LitePrepareSettings:
    """What is packed.

    Attributes:
        sources: Tar files or folders of square crops in ArcFace's framing, of 200 pixels or more,
            or loose photos.
        loose: Whether they are photos of any kind, whose faces are found and cut out.
        table: CSV with the columns file, identity and lx0 ... ly4 (five points in pixels); None
            where all points lie on the template.
        names: How the names of those begin that are used; empty for all.
        excluded: Names of photos that are not packed at all: those that judge later on.
        held: One face of so many is held out, and never a part of a triplet for training.
        shards: For training.
        held_shards: Held out.
        per_shard: Faces that are answers in each.
        targets: Targets that are made of each of them.
        others: Faces that the targets of a shard get.
        seed: Of all that is random.
    """

    sources: tuple[Path, ...] = ()
    loose: bool = False
    table: Path | None = None
    names: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    held: int = 10
    shards: int = 60
    held_shards: int = 2
    per_shard: int = 64
    targets: int = 3
    others: int = 16
    seed: int = 11

    def __post_init__(self) -> None:
        conform(self)
        if min(self.held, self.shards, self.per_shard, self.targets, self.others) < 1:
            raise UsageError(
                "wrong_setting", "held, shards, per_shard, targets and others must be at least 1."
            )
        if min(self.held_shards, self.seed) < 0:
            raise UsageError("wrong_setting", "held_shards and seed must not be negative.")


@preparation
def prepare_lite(settings: LitePrepareSettings, folder: Path) -> Packing:
    """Pack triplets of single photos, see `Prepare`.

    Raises:
        InputError: ``bad_source``, or if a model of the mesh engine is missing.
    """
    names = [f"{_HELD}-{number:03d}" for number in range(settings.held_shards)]
    names += [f"{_TRAINING}-{number:03d}" for number in range(settings.shards)]
    cv2.setNumThreads(1)
    return Packing(names, _Filler(settings).fill)


class _Filler:
    """Fills shards; the faces are read when the first one is needed."""

    def __init__(self, settings: LitePrepareSettings) -> None:
        self._settings = settings
        self._faces: dict[bool, list[SourceFace]] = {}
        self._maker: TripletMaker | None = None

    def fill(self, name: str, shard: ShardWriter) -> None:
        kind, _, number = name.rpartition("-")
        settings, held = self._settings, kind == _HELD
        random = np.random.default_rng([settings.seed, int(held), int(number)])
        faces = self._read(held)
        first = int(number) * settings.per_shard
        order = np.random.default_rng([settings.seed, int(held)]).permutation(len(faces))
        answers = [faces[order[n % len(faces)]] for n in range(first, first + settings.per_shard)]
        others = self._others(faces, random)
        for face in answers:
            for triplet in self._triplets(face, others, random):
                shard.add(
                    strip(triplet),
                    name=f"{face.name}|{triplet.other}",
                    identity="",
                    kind=kind,
                    descriptor=triplet.identity.astype(np.float16),
                    held=held,
                )

    def _triplets(
        self, face: SourceFace, others: list[Person], random: np.random.Generator
    ) -> list[Triplet]:
        """Make the triplets of an answer."""
        assert self._maker is not None  # there are others
        photo = self._maker.photo(face.name, face.picture, face.points5)
        strangers = [one for one in others if one.photo.label != face.name]
        if photo is None or not strangers:
            return []
        count = min(self._settings.targets, len(strangers))
        chosen = [strangers[n] for n in random.choice(len(strangers), count, replace=False)]
        return self._maker.triplets(photo, chosen, random)

    def _others(self, faces: list[SourceFace], random: np.random.Generator) -> list[Person]:
        """Prepare the faces that are swapped onto the answers of a shard."""
        self._maker = self._maker or TripletMaker()
        people = []
        for n in random.permutation(len(faces)):
            photo = self._maker.photo(faces[n].name, faces[n].picture, faces[n].points5)
            if photo is not None:
                people.append(self._maker.person(photo))
            if len(people) == self._settings.others:
                break
        return people

    def _read(self, held: bool) -> list[SourceFace]:
        if not self._faces:
            sources = FaceSources(self._settings.table, loose=self._settings.loose)
            self._faces = {True: [], False: []}
            excluded = self._settings.excluded
            for source in self._settings.sources:
                for face in sources.faces(source):
                    named = not self._settings.names or face.name.startswith(self._settings.names)
                    if named and face.name not in excluded and len(face.picture) >= SWAP_SIZE:
                        self._faces[is_held(face.name, self._settings.held)].append(face)
        if len(self._faces[held]) < 2:
            problem = f"The sources have too few faces of {SWAP_SIZE} pixels or more."
            raise InputError("bad_source", problem, "A triplet takes two.")
        return self._faces[held]


def strip(triplet: Triplet) -> Array:
    """Return the pictures of a triplet side by side, (128, 640, 3) uint8."""
    pictures = {name: getattr(triplet, name) for name in STRIP}
    pictures["mask"] = np.repeat(triplet.mask[..., None], 3, axis=2)
    return np.hstack([pictures[name] for name in STRIP])


def unstrip(picture: Array) -> dict[str, Array]:
    """Take a packed strip apart; each (128, 128, 3) uint8, the mask (128, 128)."""
    parts = dict(zip(STRIP, np.split(picture, picture.shape[1] // KEPT_SIZE, axis=1), strict=True))
    parts["mask"] = parts["mask"][..., 0]
    return parts
