"""Packs triplets: two photos and their swaps, or one photo with a changed copy of itself.

A sample is a square of four pictures, in the framing of the packed faces:

- ``pair``: photos S and T above, below them ST (S's face on T) and TS;
- ``single``: above S, a changed copy of the photo X, and X; below them C, another face on X, and
  M, S's face on C.

Where another photo of a person is known, that one gives the face: ST and TS are made of it, and S
of a single photo is a changed copy of it. So what a swapper gets differs from the answer as photos
do.

The picture of classes beside it has those of both upper pictures, ``points5`` their five points.
``dropped`` counts the swaps that were tried before the sample and found bad, by reason.
:class:`.dataset.TripletShards` reads it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np

from ...detection.face_parser import FaceParser
from ...errors import InputError, UsageError
from ...fieldtypes import conform
from ...geometry.resample import resize
from ...records import Array, Photo
from ..augment import Augmentation, change_look
from ..faces.dataset import UNKNOWN, FaceShards
from ..packing import Packing, Say, preparation
from ..shards import PackedPictures, ShardWriter
from .synthesis import (
    Fault,
    MeshSwap,
    MeshSwapper,
    Person,
    SwapChecks,
    changed_copy,
    checked_swap,
    occluded_alike,
)

KINDS = ("pair", "single")
PAIR, SINGLE = KINDS
_STILL = dict.fromkeys(("roll", "zoom", "shift", "mirror", "occluder"), 0.0)
_HELD = "held"


@dataclass(frozen=True, slots=True)
class TripletPrepareSettings:
    """What is made and packed.

    Attributes:
        faces: Folder of the shards that ``videoswap train prepare faces`` made.
        size: Side of a packed picture.
        pairs: Shards of pairs of photos.
        singles: Shards of single photos.
        held_shards: Shards of either kind made of held-out photos.
        people: Photos of a shard.
        partners: How many others every photo of a shard is tried with.
        shape: How far a swap gets the source's proportions, see the engine's ``--shape``.
        occluder: Chance that a thing lies over target and answer of a single photo.
        poor: Chance that target and answer of a single photo are blurred, compressed or exposed
            otherwise, as ``target_look`` says.
        seed: Of all that is drawn.
        checks: What makes a swap a good one.
        source_look: How a changed copy looks.
        target_look: How a poor target looks.
    """

    faces: Path = Path("data/faces")
    size: int = 256
    pairs: int = 32
    singles: int = 32
    held_shards: int = 1
    people: int = 64
    partners: int = 4
    shape: float = 0.7
    occluder: float = 0.25
    poor: float = 0.4
    seed: int = 11
    checks: SwapChecks = field(default_factory=SwapChecks)
    source_look: Augmentation = field(
        default_factory=lambda: Augmentation(
            **_STILL, small=0.25, blur=0.12, jpeg=0.3, tone=0.7, slope=0.5, contrast=0.3, grey=0.1,
            saturation=0.2, grain=0.1,
        )
    )  # fmt: skip
    target_look: Augmentation = field(
        default_factory=lambda: Augmentation(
            **_STILL, small=0.3, blur=0.4, jpeg=0.5, tone=0.5, slope=0.1, contrast=0.3, grey=0.05,
            saturation=0.1, grain=0.3,
        )
    )  # fmt: skip

    def __post_init__(self) -> None:
        conform(self)
        if self.size % 16 or self.size < 32:
            raise UsageError("wrong_setting", "size must be a multiple of 16 from 32 on.")
        if self.people < 2 or self.partners < 1:
            problem = "people must be at least 2, partners at least 1."
            raise UsageError("wrong_setting", problem)
        if min(self.pairs, self.singles, self.held_shards, self.seed) < 0:
            problem = "pairs, singles, held_shards and seed must not be negative."
            raise UsageError("wrong_setting", problem)
        for name in ("shape", "occluder", "poor"):
            if not 0 <= getattr(self, name) <= 1:
                raise UsageError("wrong_setting", f"{name} must be from 0 to 1.")


@preparation
def prepare_triplets(settings: TripletPrepareSettings, folder: Path) -> Packing:
    """Pack triplets of pairs and of single photos, see `Prepare`.

    Raises:
        InputError: ``no_shards``, ``other_shards``, ``too_few_faces``.
    """
    counts = {PAIR: settings.pairs, SINGLE: settings.singles}
    names = [f"{kind}-{n:03d}" for kind in KINDS for n in range(counts[kind])]
    names += [
        f"{kind}-{_HELD}-{n:03d}"
        for kind in KINDS
        for n in range(settings.held_shards if counts[kind] else 0)
    ]

    def finish(say: Say) -> None:
        if names:
            for line in dropped_lines(PackedPictures(folder)):
                say(line)

    return Packing(names, _Maker(settings).fill, finish)


def dropped_lines(packed: PackedPictures) -> Iterator[str]:
    """Yield a line for each kind of triplets: how many there are, and what was dropped why."""
    kinds, dropped = packed.columns["kind"], packed.columns["dropped"]
    for kind in np.unique(kinds).tolist():
        totals = dropped[kinds == kind].sum(axis=0)
        reasons = ", ".join(
            f"{fault} {count}" for fault, count in zip(Fault, totals.tolist(), strict=True) if count
        )
        kept = int((kinds == kind).sum())
        yield f"{kind}: {kept} triplets; dropped {int(totals.sum())} ({reasons or 'none'})."


@dataclass(frozen=True, slots=True, eq=False)
class _Sample:
    """Four pictures, the photos of the upper two, and a name."""

    pictures: list[Array]
    photos: list[Photo]
    name: str


@dataclass(frozen=True, slots=True, eq=False)
class _Subject:
    """Somebody of a shard.

    Attributes:
        shown: Whose photo is packed.
        giver: Of whom faces are taken: another photo of the person where there is one.
    """

    shown: Person
    giver: Person


class _Maker:
    """Fills shards; what a shard holds depends on its name alone."""

    def __init__(self, settings: TripletPrepareSettings) -> None:
        self._settings, self._faces = settings, FaceShards(settings.faces)
        self._swapper = MeshSwapper(settings.shape)
        self._parser = FaceParser()

    def fill(self, name: str, shard: ShardWriter) -> None:
        kind, number = name.split("-")[0], int(name.rpartition("-")[2])
        held = _HELD in name
        random = np.random.default_rng([self._settings.seed, KINDS.index(kind), held, number])
        rows = self._faces.held_out if held else self._faces.training
        if len(rows) < 2:
            problem = f"{self._settings.faces} has fewer than two faces for {name}."
            raise InputError("too_few_faces", problem, "Pack more, or set held_shards to 0.")
        chosen = self._chosen(random.permutation(rows))
        people = [self._subject(row, rows, random) for row in chosen]
        make = self._pairs if kind == PAIR else self._singles
        dropped = np.zeros(len(Fault), np.int32)
        for made in make(people, random):
            if isinstance(made, Fault):
                dropped[list(Fault).index(made)] += 1
                continue
            shard.add(
                _square([_small(one, self._settings.size) for one in made.pictures]),
                parts=self._classes(made.photos),
                kind=kind,
                held=held,
                name=made.name,
                framing=self._faces.framing,
                side=np.int32(self._settings.size),
                points5=np.stack([self._points(one) for one in made.photos]),
                identity="",
                dropped=dropped.copy(),
            )
            dropped[:] = 0

    def _chosen(self, rows: Array) -> list[int]:
        """Return rows of different people, where it is known who they are."""
        who, seen = self._faces.identities, set[int]()
        chosen: list[int] = []
        for row in rows.tolist():
            if len(chosen) == self._settings.people:
                break
            if who[row] == UNKNOWN or who[row] not in seen:
                seen.add(who[row])
                chosen.append(row)
        return chosen

    def _subject(self, row: int, rows: Array, random: np.random.Generator) -> _Subject:
        shown, who = self._person(row), self._faces.identities
        same = rows[(who[rows] == who[row]) & (who[row] != UNKNOWN) & (rows != row)]
        return _Subject(shown, self._person(int(random.choice(same))) if len(same) else shown)

    def _person(self, row: int) -> Person:
        faces = self._faces
        name = str(faces.names[row])
        photo = self._swapper.read(name, faces.picture(row), faces.points5(row))
        return self._swapper.person(photo)

    def _partners(self, people: list[_Subject], random: np.random.Generator) -> Iterator[list[int]]:
        """Yield every person's number with those of the others that it is tried with."""
        order = random.permutation(len(people)).tolist()
        for place, first in enumerate(order):
            others = (order[place + 1 :] + order[:place])[: self._settings.partners]
            yield [first, *others]

    def _pairs(
        self, people: list[_Subject], random: np.random.Generator
    ) -> Iterator[Fault | _Sample]:
        tried = set[frozenset[int]]()
        for first, *others in self._partners(people, random):
            for second in others:
                if (both := frozenset((first, second))) not in tried:
                    tried.add(both)
                    yield self._pair(people[first], people[second])

    def _pair(self, one: _Subject, other: _Subject) -> Fault | _Sample:
        checks = self._settings.checks
        there = checked_swap(self._swapper, one.giver, other.shown, checks)
        if isinstance(there, Fault):
            return there
        back = checked_swap(self._swapper, other.giver, one.shown, checks)
        if isinstance(back, Fault):
            return back
        photos = [one.shown.photo, other.shown.photo]
        pictures = [*(photo.pixels for photo in photos), there.pixels, back.pixels]
        return _Sample(pictures, photos, "|".join(photo.label for photo in photos))

    def _singles(
        self, people: list[_Subject], random: np.random.Generator
    ) -> Iterator[Fault | _Sample]:
        look = self._settings.source_look
        for first, *others in self._partners(people, random):
            one = people[first]
            copy = self._swapper.person(changed_copy(self._swapper, one.giver.photo, look, random))
            for second in others:
                yield self._single(one.shown, copy, people[second].shown, random)

    def _single(
        self, one: Person, copy: Person, other: Person, random: np.random.Generator
    ) -> Fault | _Sample:
        settings, answer = self._settings, one
        if random.random() < settings.poor:
            level = change_look(one.photo.pixels, settings.target_look, random)
            poor = np.asarray(255 * np.clip(level, 0, 1) + 0.5, np.uint8)
            answer = replace(one, photo=self._swapper.read_again(one.photo, poor))
        there = checked_swap(self._swapper, other, answer, settings.checks)
        if isinstance(there, Fault):
            return there
        back = self._back(copy, answer.photo, there)
        if isinstance(back, Fault):
            return back
        pictures = [answer.photo.pixels, there.pixels, back.pixels]
        if random.random() < settings.occluder:
            marks, texture = answer.photo.face.landmarks, other.photo.pixels[::-1]
            assert marks is not None  # a photo has them
            pictures = occluded_alike(pictures, marks, texture, random)
        label = f"{one.photo.label}|{other.photo.label}"
        return _Sample([copy.photo.pixels, *pictures], [copy.photo, answer.photo], label)

    def _back(self, copy: Person, answer: Photo, there: MeshSwap) -> MeshSwap | Fault:
        """Swap the copy of a face back onto its photo with another face."""
        target = self._swapper.read_again(answer, there.pixels)
        fault = self._settings.checks.before(copy.photo, target)
        if fault is not None:
            return fault
        back = self._swapper.swap(copy.identity, target)
        if back is None:
            return Fault.UNREADABLE
        read = self._swapper.read_again(target, back.pixels)
        return self._settings.checks.after(back, read, target) or back

    def _points(self, photo: Photo) -> Array:
        """Return the five points (5, 2) of a photo as shares of its side, from its corner."""
        return ((photo.face.points5 + 0.5) / len(photo.pixels)).astype(np.float32)

    def _classes(self, photos: list[Photo]) -> Array:
        """Return the classes of two photos side by side, over two of background."""
        size = self._settings.size
        made = np.zeros((2 * size, 2 * size), np.uint8)
        for number, photo in enumerate(photos):
            parts = self._parser.parse(photo.pixels, photo.face)
            height, width = photo.pixels.shape[:2]
            labels = cv2.warpAffine(
                parts.labels(), parts.matrix, (width, height),
                flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP,
            )  # fmt: skip
            small = cv2.resize(labels, (size, size), interpolation=cv2.INTER_NEAREST)
            made[:size, number * size : (number + 1) * size] = small
        return made


def _square(pictures: list[Array]) -> Array:
    """Put four pictures into a square, the first two above."""
    return np.vstack([np.hstack(pictures[:2]), np.hstack(pictures[2:])])


def _small(picture: Array, size: int) -> Array:
    return picture if len(picture) == size else resize(picture, size, size)
