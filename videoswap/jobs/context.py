"""What all jobs of a run share: settings, device, models, photos, engine, notes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, fields
from pathlib import Path

from ..cache import tidy
from ..compositing.finisher import Finisher
from ..compositing.kept_regions import EYES, MOUTH
from ..compositing.label import Label, check_letters, label_for
from ..detection.face_detector import LARGE_PICTURE_PIXELS
from ..detection.face_models import FaceModels
from ..detection.face_parser import FaceParser
from ..detection.occluded_landmarks import occluded_landmarks_key
from ..devices import Device, choose_device
from ..engines.base import Engine, Identity
from ..engines.pixel_boost import boosted
from ..engines.registry import load_engine
from ..engines.restorer import restored
from ..errors import InputError
from ..fingerprint import noting_digests
from ..marks import MarkSettings
from ..occlusion.load import load_occlusion_segmenter
from ..occlusion.segmenter import OcclusionSegmenter
from ..people.choosing import check_numbers
from ..people.photo_advice import CheckedPhoto, advice_lines, check_sources
from ..people.plan import Plan
from ..people.sources import (
    Source,
    TargetFace,
    load_sources,
    load_target_faces,
)
from ..provenance.marker import Marker
from ..records import Fallback
from ..settings import BlendSettings, SwapSettings
from ..threads import usable_cores
from ..video.nvdec import check_nvdec
from ..video.stills.pillow import size_of

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, eq=False)
class JobContext:
    """Everything loaded once, for one target or a folder of them.

    Attributes:
        settings: The settings.
        device: Where to compute.
        tools: Detector, landmarks, recognition.
        engine: The engine.
        sources: The source people, in the order given.
        identities: What the engine made of them.
        references: The target faces; empty if none were given.
        segmenter: What finds occluders.
        notes: What was done otherwise than asked or expected so far.
        photos: The photos of the sources, and what makes swaps from them worse.
        say: Where sentences for the user go.
        plan: Who gets what, if that is decided already.
        marker: What marks the results.
        weights: SHA-256 of the model files.
    """

    settings: SwapSettings
    device: Device
    tools: FaceModels
    engine: Engine
    sources: tuple[Source, ...]
    identities: tuple[Identity, ...]
    references: tuple[TargetFace, ...]
    segmenter: OcclusionSegmenter
    notes: tuple[Fallback, ...]
    photos: tuple[CheckedPhoto, ...]
    say: Say
    plan: Plan | None = None
    marker: Marker = field(default_factory=lambda: Marker(MarkSettings(mark="plain")))
    weights: Mapping[Path, str] = field(default_factory=dict)

    @property
    def threshold(self) -> float:
        """Largest distance that counts as the same person."""
        wanted = self.settings.similarity_th
        return self.tools.recognizer.default_threshold if wanted is None else wanted

    @property
    def batch_size(self) -> int:
        """Crops given to the engine at once."""
        return self.settings.batch_size or self.engine.batch_size

    @property
    def restorer(self) -> str | None:
        """Name of what redraws the swapped faces; None for nothing."""
        name = self.settings.detail.restorer
        return None if name == "none" else name

    def label(self, width: int, height: int) -> Label | None:
        """Make what every frame of this upright size shows besides; None for nothing.

        Raises:
            UsageError: ``bad_label`` if it does not fit.
        """
        return label_for(self.settings.marks.label, width, height)

    def finisher(self) -> Finisher:
        """Make what finishes the engine's swaps."""
        return Finisher(self.settings.blend, self.engine.keeps, bool(self.engine.as_is))


@dataclass(frozen=True, slots=True, eq=False)
class Networks:
    """What some settings load, whoever gets what.

    Attributes:
        device: Where to compute.
        tools: Detector, landmarks, recognition.
        engine: The engine.
        segmenter: What finds occluders.
    """

    device: Device
    tools: FaceModels
    engine: Engine
    segmenter: OcclusionSegmenter


def load_context(
    sources: Sequence[Path],
    target_faces: Sequence[Path],
    settings: SwapSettings,
    say: Say,
    plan: Plan | None = None,
    networks: Networks | None = None,
) -> JobContext:
    """Load models, photos and engine.

    Args:
        sources: The photos of sources; those of a plan are taken instead.
        target_faces: The photos of target faces; with a plan there are none.
        settings: The settings.
        say: Called with sentences for the user.
        plan: Who gets what, if that is decided already.
        networks: What these settings loaded before.

    Raises:
        UsageError: ``no_source``, ``which_people``, ``sources_and_targets``, ``no_cuda`` or
            ``no_nvdec``; see also the engines.
        InputError, NoFaceError: If a photo cannot be used.
    """
    if plan is None:
        check_numbers(len(sources), len(target_faces), settings.people)
    if settings.cache_dir is not None:
        tidy(settings.cache_dir, settings.cache_limit, say)
    if settings.marks.label is not None:
        check_letters(settings.marks.label)
    check_nvdec(settings.decoder)
    marker = Marker.load(settings.marks, keep=settings.cache_dir is not None)
    device = choose_device(settings.device) if networks is None else networks.device
    weights: dict[Path, str] = {}
    with noting_digests(weights):
        if networks is None:
            tools = FaceModels.load(device.providers, settings.analysis)
        else:
            tools = networks.tools
        occluded_landmarks_key()
    for path in (*sources, *target_faces):
        say_if_large(path, say)
    if plan is None:
        people, source_notes = load_sources(sources, tools)
    else:
        names = [one.name for one in plan.sources]
        people, source_notes = load_sources([one.photos for one in plan.sources], tools, names)
    references, reference_notes = load_target_faces(target_faces, tools)
    with noting_digests(weights):
        if networks is None:
            engine, segmenter = load_swapper(settings, device)
        else:
            engine, segmenter = networks.engine, networks.segmenter
        parser = FaceParser()
        _ = segmenter.key
    engine_notes = (*engine.notes, *unheeded(settings, engine, tools.dense_landmarker is not None))
    engine_notes += getattr(segmenter, "notes", ())
    notes = (
        *usable_cores().notes,
        *device.notes,
        *marker.notes,
        *tools.notes,
        *engine_notes,
        *source_notes,
        *reference_notes,
    )
    Notes(say).add(notes)
    identities = tuple(engine.identity(person.photos) for person in people)
    leading = [one.leading for one in identities]
    photos = check_sources(people, leading, segmenter, parser=parser)
    for line in advice_lines(photos):
        say(line)
    return JobContext(
        settings,
        device,
        tools,
        engine,
        people,
        identities,
        references,
        segmenter,
        notes,
        photos,
        say,
        plan,
        marker,
        weights,
    )


def load_swapper(settings: SwapSettings, device: Device) -> tuple[Engine, OcclusionSegmenter]:
    """Load what makes swaps: the engine with what is around it, and what finds occluders."""
    engine = load_engine(settings.swapper, device=device, options=settings.engine_options)
    engine = boosted(engine, settings.detail, engine.device or device.name)
    engine = restored(engine, settings.detail, device.providers)
    mask = "outline" if engine.as_is else settings.blend.mask
    return engine, load_occlusion_segmenter(mask, device)


def say_if_large(path: Path, say: Say) -> None:
    """Announce a picture that is so large that it takes a while."""
    with suppress(InputError):  # said by who reads it
        width, height = size_of(path)
        if width * height > LARGE_PICTURE_PIXELS:
            say(f"{path} has {width * height / 1e6:.0f} megapixels: this takes a while.")


def unheeded(settings: SwapSettings, engine: Engine, dense: bool = True) -> tuple[Fallback, ...]:
    """Say which wishes an engine does not heed, with or without dense landmarks."""
    notes = []
    if settings.batch_size is not None and engine.batch_size == 1:
        why = f"the engine {engine.name} takes one face after the other"
        notes.append(Fallback(f"--batch_size {settings.batch_size}", "", why))
    blend = settings.blend
    if engine.as_is:
        usual = BlendSettings()
        asked = [
            one.name
            for one in fields(blend)
            if getattr(blend, one.name) != getattr(usual, one.name)
        ]
        if asked:
            named = " and ".join(f"--{name}" for name in asked)
            notes.append(Fallback(named, "", engine.as_is))
    for region, wanted in ((EYES, blend.keep_eyes), (MOUTH, blend.keep_mouth)):
        if wanted is not False:
            continue
        why = ""
        if region in engine.keeps:
            why = f"the engine {engine.name} paints none"
        elif not dense and region in engine.keeps_without_dense:
            why = f"the engine {engine.name} paints none without dense landmarks"
        if why:
            notes.append(Fallback(f"the photo's {region}", f"the target's {region}", why))
    return tuple(notes)


class Clock:
    """Wall time of the parts of a run, in seconds."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Time what happens inside."""
        started = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - started, 3)


class Notes:
    """Notes of a run: passed on as soon as they are known, and kept for the report."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.said: list[Fallback] = []
        self._say = say

    def add(self, notes: Iterable[Fallback]) -> None:
        """Say some notes."""
        for note in notes:
            self.said.append(note)
            self._say(f"Note: {note}.")
