"""One video from start to finish: analyze, match, refine, render, mux, verify, report."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial, reduce
from pathlib import Path

import numpy as np

from ..detection.face_models import FaceModels
from ..errors import InputError
from ..executors.base import Executor
from ..marks import Provenance
from ..people.choosing import match_people
from ..people.matching import Matching
from ..people.places import VideoPlaces
from ..people.plan import FilmTime, match_by_plan
from ..records import Fallback, Person, counted
from ..rendering.failed_swaps import MAX_STRETCHES, FailedSwaps, failure_notes, stretches
from ..rendering.pipeline import StageTime
from ..rendering.progress import ProgressBar
from ..rendering.render import (
    Renderer,
    TrackPlan,
    plan_track,
)
from ..rendering.segment_folder import open_segment_folder, render_key
from ..rendering.segments import Segment, SegmentOutputs
from ..rendering.step_choice import renderer_kind, tensors_chosen
from ..report import Report
from ..settings import SwapSettings
from ..threads import stages_share_the_cores
from ..timerange import TimeRange
from ..tracking.analysis import Analysis, RefinedAnalysis
from ..tracking.analyze import analyze_video
from ..tracking.key import video_digest
from ..tracking.smoothing import smooth_track
from ..video.files import clear_leftovers
from ..video.nvdec import choose_decoder
from ..video.packet_copy import CopyPlan
from ..video.probe import VideoInfo, probe
from ..video.segment import EncodedSegment
from .context import Clock, JobContext, Notes
from .copies import copied_frames, copy_untouched, plan_work
from .damage_report import (
    damage_notes,
    naming_damage,
    refuse_damaged,
    summarize_damage,
)
from .frame_report import stretches_of, throughput
from .people_report import describe, person_reports
from .unfinished import forget_replaced, request_facts, starts_anew
from .video_results import (
    ResultPlan,
    animation_sink,
    make_results,
    plan_results,
)
from .workers import open_executor, render_segments


@dataclass(slots=True)
class _Tally:
    """What the render has to say."""

    notes: list[Fallback] = field(default_factory=list)
    stages: tuple[StageTime, ...] = ()
    changed: int = 0
    rendered: int = 0
    failed: tuple[tuple[int, int, str], ...] = ()
    provenance: Provenance = field(default_factory=Provenance)
    decoder: str | None = None

    def note_once(self, note: Fallback) -> None:
        """Add a note that may come for each stretch of the film."""
        if note not in self.notes:
            self.notes.append(note)


def swap_one_video(
    context: JobContext, video: Path, out: Path, masks: Path | None, dry_run: bool
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
    clear_leftovers(out.parent)
    info = probe(video, settings.fps)
    targets = plan_results(info, out, masks, settings, context.marker)
    notes = Notes(context.say)
    notes.add(targets.notes)
    with ExitStack() as stack:
        executor = stack.enter_context(open_executor(settings))
        with clock.part("analyze"):
            analysis = stack.enter_context(
                analyze_with_progress(info, settings, context.tools, executor)
            )
        known = analysis.fallbacks
        notes.add(known)
        if analysis.cached:
            context.say("The analysis comes from the cache.")
        lost = summarize_damage(info, analysis.damage, targets.dropped)
        notes.add(damage_notes(lost))
        if settings.strict_input:
            refuse_damaged(info, lost)
        persons, matching = match_in_video(context, info, analysis)
        people = person_reports(persons, matching, context.sources, info.start_pts, info.time_base)
        for line in describe(people):
            context.say(line)
        notes.add(matching.notes)
        with clock.part("refine_landmarks"):
            refined = refine_landmarks_with_progress(analysis, matching.sources, context)
        notes.add(analysis.fallbacks[len(known) :])
        plans = {
            track: plan_track(
                refined.faces(track),
                matching.of_track(track),
                context.engine,
                blur=refined.blur(track),
            )
            for track in matching.sources
        }
        frames = analysis.frames
        swapped = reduce(np.union1d, [part.pts for part in plans.values()])
        filled = reduce(np.union1d, [part.filled for part in plans.values()])
        segments, targets, copies = plan_work(info, analysis, swapped, settings, targets)
        notes.add(copies.notes if copies else ())
        tally = _Tally()
        if not dry_run:
            tally = _render(
                context, info, refined, plans, segments, copies, targets, notes, clock, executor
            )
    notes.add((*tally.notes, *context.engine.late_notes()))
    owners = {track: person.id for person in persons for track in person.track_ids}
    failed = stretches(tally.failed, frames.pts, owners, info.start_pts, info.time_base)
    notes.add(failure_notes(failed))
    kept = ~np.isin(frames.pts, swapped)
    stretch = partial(stretches_of, pts=frames.pts, info=info)
    encoder = targets.encoder
    sizes = sorted({part.size for part in plans.values()})
    return Report(
        input=str(video),
        output=None if dry_run else str(out),
        engine=context.engine.name,
        device=context.device.name,
        recognizer=context.tools.recognizer.name,
        threshold=context.threshold,
        frames=len(frames.pts),
        swapped_frames=len(swapped) if dry_run else tally.changed,
        segments=len(segments),
        copied_frames=copied_frames(segments),
        encoder=f"{encoder.encoder} {encoder.pix_fmt}" if encoder is not None else out.suffix[1:],
        decoder=tally.decoder,
        people=people,
        notes=(*context.notes, *notes.said),
        unmatched=tuple(context.references[index].label for index in matching.missing),
        analysis_cached=analysis.cached,
        seconds=clock.seconds,
        stages=tally.stages,
        crop_sizes=tuple(sizes),
        pixel_boost=max(map(context.engine.spec.boost_for, sizes)),
        restorer=context.restorer,
        masks=None if masks is None or dry_run else str(masks),
        dry_run=dry_run,
        lost=lost,
        photos=context.photos,
        kept=stretch(kept)[:MAX_STRETCHES],
        kept_frames=int(kept.sum()),
        filled=stretch(np.isin(frames.pts, filled))[:MAX_STRETCHES],
        filled_frames=len(filled),
        throughput=throughput(
            clock.seconds,
            {"analyze": 0 if analysis.cached else len(frames.pts), "render": tally.rendered},
        ),
        failed_swaps=failed[:MAX_STRETCHES],
        failed_frames=len({pts for pts, *_ in tally.failed}),
        provenance=tally.provenance,
    )


def analyze_with_progress(
    info: VideoInfo, settings: SwapSettings, tools: FaceModels, executor: Executor | None = None
) -> Analysis:
    """Analyze a video, or take that from the cache, under a progress bar.

    Without an executor one is opened as the settings say.
    """
    with ExitStack() as stack:
        if executor is None:
            executor = stack.enter_context(open_executor(settings))
        stack.enter_context(stages_share_the_cores())
        expected = _expected_frames(info, settings.time_range)
        bar = stack.enter_context(ProgressBar("analyze", expected, waits=True))
        return analyze_video(
            info,
            settings.analysis,
            settings.time_range,
            cache_dir=settings.cache_dir,
            models=tools,
            progress=lambda update: bar.reach(update.done),
            executor=executor,
            device=settings.device,
        )


def match_in_video(
    context: JobContext, info: VideoInfo, analysis: Analysis
) -> tuple[tuple[Person, ...], Matching]:
    """Decide who is who in an analyzed video and who gets which source.

    Raises:
        InputError: ``empty_range``.
        VideoswapError: See `match_people` and `match_by_plan`.
    """
    if not len(analysis.frames.pts):
        raise InputError(
            "empty_range",
            f"No frame of {info.path} lies in the part that was asked for.",
            "Choose --start and --end within the video.",
        )
    with naming_damage(info, summarize_damage(info, analysis.damage)):
        if context.plan is not None:
            time = FilmTime(analysis.frames.pts, info.start_pts, info.time_base)
            return match_by_plan(context.plan, analysis.tracks, time)
        return match_people(
            VideoPlaces(info, analysis),
            context.references,
            context.threshold,
            context.tools.recognizer,
            "`videoswap faces` shows who is in it; --similarity_th sets how strict to be.",
            context.settings.people,
            len(context.sources),
        )


def renderer_for(
    context: JobContext,
    info: VideoInfo,
    analysis: RefinedAnalysis,
    plans: Mapping[int, TrackPlan],
) -> Renderer:
    """Make what renders a video, see `Renderer`."""
    finisher = context.finisher()
    tensors, _ = tensors_chosen(context.settings.steps, context.engine, finisher, info)
    return renderer_kind(tensors)(
        info,
        analysis.faces_between,
        plans,
        context.engine.for_video(analysis.appearances),
        context.identities,
        finisher,
        context.segmenter.for_video(analysis.appearances),
        context.batch_size,
        label=context.label(info.orientation.upright_width, info.orientation.upright_height),
    )


def refine_landmarks_with_progress(
    analysis: Analysis, tracks: Collection[int] | None = None, context: JobContext | None = None
) -> RefinedAnalysis:
    """Refine landmarks of occluded faces under a progress bar, see `Analysis.refined`.

    Args:
        analysis: The analysis.
        tracks: The tracks that are rendered; None for all.
        context: Names the smoother of its engine; None takes the usual one.
    """
    smoother = None if context is None else context.engine.spec.smoother
    bar = ProgressBar("refine landmarks", None, unit="faces", waits=True)
    with stages_share_the_cores(), bar:
        return analysis.refined(
            tracks,
            smoother=smoother or smooth_track,
            progress=lambda update: bar.reach(update.done, update.total),
        )


def _expected_frames(info: VideoInfo, part: TimeRange) -> int | None:
    """Guess the number of frames from the header; only the progress bar believes it."""
    if part.whole and info.frames_hint:
        return info.frames_hint
    end = min((t for t in (part.end, info.duration) if t is not None), default=None)
    if end is None:
        return None
    return max(1, round((end - (part.start or 0)) * info.average_rate))


def _render(
    context: JobContext,
    info: VideoInfo,
    analysis: RefinedAnalysis,
    plans: dict[int, TrackPlan],
    segments: tuple[Segment, ...],
    copies: CopyPlan | None,
    targets: ResultPlan,
    notes: Notes,
    clock: Clock,
    executor: Executor | None,
) -> _Tally:
    failed = FailedSwaps()
    decoder, told = choose_decoder(context.settings.decoder, info, analysis.damage)
    notes.add(told)
    tally = _Tally(decoder=decoder)
    renderer = replace(
        renderer_for(context, info, analysis, plans),
        failed=failed.add,
        decoder=decoder,
        noted=tally.note_once,
    )
    notes.add(tensors_chosen(context.settings.steps, context.engine, renderer.finisher, info)[1])
    if targets.encoder is None:  # all frames go into one file, in order
        renderer = replace(renderer, threads=replace(renderer.threads, encoders=1))
    if analysis.damage:  # several threads fill in lost parts in another way each time
        renderer = replace(renderer, threads=replace(renderer.threads, decoder=1))
    parts = {
        "device": (context.device.name, context.device.providers, context.device.gpu),
        "analysis": analysis.key,
        "plans": [(track, part.sources, part.size) for track, part in plans.items()],
        "sources": [source.digest for source in context.sources],
        "engine": context.engine.key,
        "tensors": renderer.on_tensors,
        "blend": context.settings.blend,
        "label": context.settings.marks.label,
        "segmenter": context.segmenter.key,
        "encoders": [targets.encoder, targets.mask_encoder],
        "segments": [(segment.pts, segment.copied) for segment in segments],
    }
    key = render_key(**parts)
    # An analysis without a key is not kept, because nothing can be.
    kept = targets.encoder is not None and analysis.key
    cache = context.settings.cache_dir if kept else None
    request = None
    if cache is not None:
        request = request_facts(
            video_digest(info.path),
            {source.label: source.digest for source in context.sources},
            context.settings,
            len(segments),
            parts,
        )
        anew = starts_anew(info.path, targets.out, key, request)
        if anew is not None:
            context.say(anew)
    with (
        stages_share_the_cores(),
        open_segment_folder(
            cache, key, targets.out, info.path, lambda note: notes.add([note]), request
        ) as folder,
        animation_sink(info, targets) as sink,
    ):
        outputs = SegmentOutputs(folder, targets.encoder, targets.mask_encoder, sink, failed)
        missing = [segment for segment in segments if outputs.needs(segment)]
        if len(missing) < len(segments):
            done = len(segments) - len(missing)
            context.say(f"Going on: {done} of {counted(len(segments), 'segment')} done.")
        missing = copy_untouched(info, copies, missing, outputs)
        frames = [pts for segment in missing for pts in segment.pts]
        tally.rendered = len(frames)
        faces = sum(int(np.isin(part.pts, frames).sum()) for part in plans.values())
        with clock.part("render"), ProgressBar("render", len(frames), faces) as bar:

            def rendered(faces: int, changed: bool) -> None:
                tally.changed += changed
                bar.advance(faces)

            tally.stages = render_segments(
                context,
                info,
                analysis,
                renderer,
                plans,
                missing,
                outputs,
                executor,
                notes,
                rendered,
            )
        tally.failed = tuple(failed.all())
        if sink is None:  # some were rendered by an earlier run
            pieces = [EncodedSegment.load(outputs.video(one), check=False) for one in segments]
            tally.changed = sum(piece.changed for piece in pieces)
            tally.failed = tuple(one for piece in pieces for one in piece.failed)
        pts = analysis.frames.pts
        made, tally.provenance = make_results(
            info, targets, outputs, sink, segments, pts, context, clock
        )
        tally.notes += made
    if cache is not None:
        forget_replaced(cache, info.path, targets.out)
    return tally
