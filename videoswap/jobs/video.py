"""One video from start to finish: analyze, match, uncover, render, mux, verify, report."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path

import numpy as np

from ..analysis.analyze import Analysis, analyze_video
from ..blending.finish import REACH
from ..errors import InputError, OutputError
from ..finding.tools import FaceTools
from ..matching import match_people
from ..media.animation import AnimationWriter, animation_container
from ..media.encoder import EncoderPlan, plan_encoder, plan_masks
from ..media.ffmpeg import verify, verify_copied
from ..media.mux import mux, plan_streams
from ..media.probe import VideoInfo, probe
from ..media.streams import StreamPlan
from ..records import Fallback, TimeRange
from ..report import Report
from ..runtime.outputs import Outputs
from ..runtime.pieces import piece_folder, render_key
from ..runtime.progress import Progress
from ..runtime.render import Casting, Renderer, cast
from ..runtime.segments import Segment, plan_segments
from ..runtime.stages import StageTime, stages_share_the_cores
from ..settings import SwapSettings
from .context import Context, Say
from .people import describe, person_reports


class Notes:
    """What is done otherwise than asked or expected: said as soon as it is known, and kept."""

    def __init__(self, say: Say) -> None:
        self.said: list[str] = []
        self._say = say

    def add(self, notes: Iterable[Fallback | str]) -> None:
        """Say some notes."""
        for note in map(str, notes):
            self.said.append(note)
            self._say(f"Note: {note.rstrip('.')}.")


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


@dataclass(frozen=True, slots=True, eq=False)
class _Targets:
    """Where the results go and how they are encoded.

    ``encoder`` and ``streams`` are None for GIF and animated WebP, which are written in one go
    and hold nothing else.
    """

    out: Path
    masks: Path | None
    encoder: EncoderPlan | None
    mask_encoder: EncoderPlan | None
    streams: StreamPlan | None

    @property
    def notes(self) -> tuple[Fallback, ...]:
        """What will be done otherwise than asked or expected."""
        encoder = () if self.encoder is None else self.encoder.notes
        return (*encoder, *(() if self.streams is None else self.streams.notes))


@dataclass(slots=True)
class _Tally:
    """What the render has to say."""

    notes: list[str] = field(default_factory=list)
    stages: tuple[StageTime, ...] = ()


def swap_one_video(
    context: Context, video: Path, out: Path, masks: Path | None, dry_run: bool
) -> Report:
    """Swap faces in one video.

    Args:
        context: Models, photos and engine.
        video: The video, or an animated picture.
        out: The result; `check_outputs` has passed it.
        masks: Where the masks go as a lossless video, if anywhere; passed likewise.
        dry_run: Decide everything, write nothing.

    Raises:
        VideoswapError: Whatever stands in the way, by kind.
    """
    clock = Clock()
    settings = context.settings
    info = probe(video)
    targets = _targets(info, out, masks, settings)
    notes = Notes(context.say)
    notes.add(targets.notes)
    with clock.part("analyze"):
        analysis = analyze_with_progress(info, settings, context.tools)
    with analysis:
        known = analysis.fallbacks
        notes.add(known)
        if not len(analysis.frames.pts):
            raise InputError(
                "empty_range",
                f"No frame of {video} lies in the part that was asked for.",
                "Choose --start and --end within the video.",
            )
        if context.swapper.spec.smoother is not None:
            analysis.smooth_with(context.swapper.spec.smoother)
        persons, matching = match_people(
            video,
            analysis.tracks,
            context.references,
            context.threshold,
            context.tools.recognizer,
            "`videoswap faces` shows who is in it; --similarity_th sets how strict to be.",
        )
        with clock.part("uncover"):
            uncover_with_progress(analysis, {track for track, _ in matching.tracks})
        notes.add(analysis.fallbacks[len(known) :])
        casting = {
            track: cast(analysis.faces(track), source, context.swapper)
            for track, source in matching.tracks
        }
        frames = analysis.frames
        segments = plan_segments(frames.pts, frames.scenes, settings.segment_frames, context=REACH)
        people = person_reports(persons, matching, context.sources, info.start_pts, info.time_base)
        for person in people:
            context.say(describe(person))
        notes.add(matching.notes)
        swapped = reduce(np.union1d, [part.pts for part in casting.values()])
        tally = _Tally()
        if not dry_run:
            with clock.part("render"):
                tally = _render(context, info, analysis, casting, segments, targets, notes)
    if not dry_run:
        with clock.part("verify"):
            tally.notes += _verify(targets)
    notes.add(tally.notes)
    encoder = targets.encoder
    sizes = sorted({part.size for part in casting.values()})
    return Report(
        input=str(video),
        output=None if dry_run else str(out),
        engine=context.swapper.name,
        device=context.device.name,
        recognizer=context.tools.recognizer.name,
        threshold=context.threshold,
        frames=len(frames.pts),
        swapped_frames=len(swapped),
        segments=len(segments),
        encoder=f"{encoder.encoder} {encoder.pix_fmt}" if encoder is not None else out.suffix[1:],
        people=people,
        notes=(*map(str, context.notes), *notes.said),
        unmatched=tuple(context.references[index].label for index in matching.missing),
        analysis_cached=analysis.cached,
        seconds=clock.seconds,
        stages=tally.stages,
        crop_sizes=tuple(sizes),
        pixel_boost=max(map(context.swapper.spec.boost_for, sizes)),
        restorer=context.restorer,
        masks=None if masks is None or dry_run else str(masks),
        dry_run=dry_run,
    )


def analyze_with_progress(info: VideoInfo, settings: SwapSettings, tools: FaceTools) -> Analysis:
    """Analyze a video, or take that from the cache, under a progress bar."""
    with (
        stages_share_the_cores(),
        Progress("analyze", _expected_frames(info, settings.time_range)) as bar,
    ):
        return analyze_video(
            info,
            settings.analysis,
            settings.time_range,
            settings.cache_dir,
            tools.detector,
            tools.landmarker,
            tools.recognizer,
            progress=lambda done, expected: bar.reach(done),
        )


def uncover_with_progress(analysis: Analysis, tracks: Collection[int] | None = None) -> None:
    """Find landmarks with something before them again, see `Analysis.uncover`, under a bar."""
    with stages_share_the_cores(), Progress("uncover", None) as bar:
        analysis.uncover(tracks, bar.reach)


def _expected_frames(info: VideoInfo, part: TimeRange) -> int | None:
    """Guess the number of frames from the header; only the progress bar believes it."""
    if part.whole and info.frames_hint:
        return info.frames_hint
    end = min((t for t in (part.end, info.duration) if t is not None), default=None)
    if end is None:
        return None
    return max(1, round((end - (part.start or 0)) * info.average_rate))


def _targets(info: VideoInfo, out: Path, masks: Path | None, settings: SwapSettings) -> _Targets:
    """Plan the encoders of the results, before any work is spent."""
    encoder = streams = None
    if animation_container(out) is None:
        encoder = plan_encoder(info, settings.encode, out)
        streams = plan_streams(info, encoder, settings.encode.audio)
        if settings.strict_streams:
            streams.check()
    if masks is None:
        return _Targets(out, None, encoder, None, streams)
    return _Targets(out, masks, encoder, plan_masks(info, masks), streams)


def _render(
    context: Context,
    info: VideoInfo,
    analysis: Analysis,
    casting: dict[int, Casting],
    segments: tuple[Segment, ...],
    targets: _Targets,
    notes: Notes,
) -> _Tally:
    finder = context.finder(analysis.appearances)
    renderer = Renderer(
        info,
        analysis.faces_between,
        casting,
        context.swapper,
        context.identities,
        context.finisher(),
        finder,
        context.batch_size,
    )
    tally = _Tally()
    key = render_key(
        device=context.device.name,
        analysis=analysis.key,
        casting=[(track, part.source, part.size) for track, part in casting.items()],
        sources=[source.digest for source in context.sources],
        engine=context.swapper.key,
        blend=context.settings.blend,
        finder=None if finder is None else finder.key,
        encoders=[targets.encoder, targets.mask_encoder],
        segments=[segment.pts for segment in segments],
    )
    # An analysis without a key is not kept, because nothing can be.
    kept = targets.encoder is not None and analysis.key
    cache = context.settings.cache_dir if kept else None
    with (
        stages_share_the_cores(),
        piece_folder(cache, key, targets.out, info.path, lambda note: notes.add([note])) as folder,
        _sink(info, targets, context.settings.overwrite) as sink,
    ):
        outputs = Outputs(folder, targets.encoder, targets.mask_encoder, sink)
        missing = [segment for segment in segments if outputs.needs(segment)]
        if len(missing) < len(segments):
            context.say(
                f"Going on: {len(segments) - len(missing)} of {len(segments)} segments done."
            )
        frames = [pts for segment in missing for pts in segment.pts]
        faces = sum(int(np.isin(part.pts, frames).sum()) for part in casting.values())
        with Progress("render", len(frames), faces) as bar:
            tally.stages = renderer.run(missing, outputs, lambda job: bar.advance(len(job.crops)))
        pts = analysis.frames.pts
        settings = context.settings
        range_, overwrite = settings.time_range, settings.overwrite
        if targets.masks is not None and targets.mask_encoder is not None:
            pieces = [outputs.mask(segment) for segment in segments]
            mux(
                pieces,
                info,
                targets.mask_encoder,
                targets.masks,
                pts,
                range_,
                copy_streams=False,
                overwrite=overwrite,
            )
        if sink is not None:
            sink.finish()
        elif targets.encoder is not None:
            pieces = [outputs.video(segment) for segment in segments]
            made = mux(
                pieces,
                info,
                targets.encoder,
                targets.out,
                pts,
                range_,
                audio=settings.encode.audio,
                overwrite=overwrite,
            )
            tally.notes += map(str, made.notes)
    return tally


@contextmanager
def _sink(info: VideoInfo, targets: _Targets, overwrite: bool) -> Iterator[AnimationWriter | None]:
    """Open the writer of an animated picture, if the result is one."""
    if targets.encoder is not None:
        yield None
        return
    with AnimationWriter(info, targets.out, overwrite=overwrite) as writer:
        yield writer


def _verify(targets: _Targets) -> list[str]:
    """Let an independent decoder read the results in full.

    Returns:
        What it finds wrong with streams that were only copied: they came like that.

    Raises:
        OutputError: ``verification_failed``; the file is left under another name.
    """
    for path in (targets.out, targets.masks):
        problems = verify(path) if path is not None else []
        if path is not None and problems:
            aside = path.with_name(f"{path.stem}.unverified{path.suffix}")
            path.replace(aside)
            raise OutputError(
                "verification_failed",
                f"ffmpeg cannot read the result in full: {problems[0].rstrip('.')}.",
                f"It lies in {aside}; please report this with the video.",
            )
    damage = verify_copied(targets.out)
    return [f"a copied stream is damaged, as it is in the source: {damage[0]}"] if damage else []
