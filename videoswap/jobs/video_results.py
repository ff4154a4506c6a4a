"""Results of a video: planned before the work, then joined, verified and given their names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError, OutputError, UsageError
from ..marks import Provenance
from ..provenance.marker import Marker
from ..records import Array, Fallback, observation
from ..rendering.progress import ProgressBar
from ..rendering.segments import Segment, SegmentOutputs
from ..settings import SwapSettings
from ..video.animated.animation_writer import (
    AnimationWriter,
    animation_container,
    animation_losses,
    animation_streams,
)
from ..video.encoder_choice import ignored_settings
from ..video.encoder_context import EncoderPlan
from ..video.encoder_plan import plan_encoder, plan_masks
from ..video.files import atomic_output, keep_aside, output_errors
from ..video.mux import mux, plan_streams
from ..video.probe import VideoInfo
from ..video.sequences.exr import HALF_TRANSFER
from ..video.sequences.pattern import is_numbered
from ..video.sequences.writing import SEQUENCE_CONTAINER, plan_pictures, write_pictures
from ..video.streams import StreamPlan
from ..video.verify import verify, verify_copied
from .context import Clock, JobContext

CHECK = "a final check"


@dataclass(frozen=True, slots=True, eq=False)
class ResultPlan:
    """Where the results go and how they are encoded.

    ``encoder`` is None for animated pictures, which are written in one go; ``losses`` is what
    results cannot keep, ``source`` what has to be said of the source, and ``container`` the
    format of the result by the name of FFmpeg's muxer.
    """

    out: Path
    masks: Path | None
    encoder: EncoderPlan | None
    mask_encoder: EncoderPlan | None
    streams: StreamPlan | None
    losses: tuple[Fallback, ...] = ()
    source: tuple[Fallback, ...] = ()
    container: str = ""

    @property
    def dropped(self) -> tuple[str, ...]:
        """Streams that the result cannot hold."""
        return () if self.streams is None else self.streams.dropped

    @property
    def notes(self) -> tuple[Fallback, ...]:
        """What will be done otherwise than asked or expected."""
        encoder = () if self.encoder is None else self.encoder.notes
        streams = () if self.streams is None else self.streams.notes
        return (*self.source, *encoder, *streams, *self.losses)


def plan_results(
    info: VideoInfo, out: Path, masks: Path | None, settings: SwapSettings, marker: Marker
) -> ResultPlan:
    """Plan how the results are written, before any work is spent.

    Raises:
        OutputError: ``dropped_streams`` if none may be lost.
        UsageError: See `plan_encoder`.
    """
    encoder: EncoderPlan | None = None
    losses: tuple[Fallback, ...] = ()
    source: tuple[Fallback, ...] = ()
    if info.sequence is not None and not info.sequence.rate_given:
        rate = f"{info.sequence.rate} frames a second"
        source = (Fallback("a rate of their own", rate, "pictures say none; --fps does"),)
    animation = animation_container(info, out)
    if is_numbered(out):
        encoder = plan_pictures(info, settings.encode, out)
        streams = animation_streams(info, SEQUENCE_CONTAINER)
    elif info.color.transfer == HALF_TRANSFER:
        raise UsageError(
            "exr_from_exr",
            "EXR pictures become EXR pictures alone.",
            "Name the result like out/%04d.exr.",
        )
    elif animation is None:
        encoder = plan_encoder(info, settings.encode, out)
        streams = plan_streams(info, encoder, settings.encode.audio)
    else:
        streams, losses = animation_streams(info, animation), animation_losses(info, animation)
        losses += ignored_settings(
            settings.encode, ("encoder", "quality", "crf", "preset", "pix_fmt")
        )
    if settings.strict_streams:
        streams.check()
    mask_encoder = None if masks is None else plan_masks(info, masks)
    container = animation or (SEQUENCE_CONTAINER if encoder is None else encoder.container)
    losses += marker.planned(container, _parent(info))
    return ResultPlan(out, masks, encoder, mask_encoder, streams, losses, source, container)


def _parent(info: VideoInfo) -> Path | None:
    """Return the file that a result is made of; None for numbered pictures."""
    return None if info.sequence is not None else info.path


@contextmanager
def animation_sink(info: VideoInfo, targets: ResultPlan) -> Iterator[AnimationWriter | None]:
    """Open the writer of an animated picture, if the result is one."""
    if targets.encoder is not None:
        yield None
        return
    with AnimationWriter(info, targets.out) as writer:
        yield writer


def make_results(
    info: VideoInfo,
    targets: ResultPlan,
    outputs: SegmentOutputs,
    sink: AnimationWriter | None,
    segments: Sequence[Segment],
    pts: Array,
    context: JobContext,
    clock: Clock,
) -> tuple[list[Fallback], Provenance]:
    """Join the pieces, check the results, and only then let them replace anything.

    Args:
        info: The source.
        targets: The results.
        outputs: Where the pieces are.
        sink: Has the frames of an animated picture; None for a video.
        segments: All segments, in order.
        pts: (n,) int64, all frames.
        context: Has the settings, and what marks the result.
        clock: Takes the time.

    Returns:
        What was done otherwise than expected, and what the result says about itself.

    Raises:
        OutputError: ``verification_failed``, where the file is left under another name;
            ``output_exists`` and what else `atomic_output` raises.
        InputError: If the source cannot be read.
    """
    settings, marker = context.settings, context.marker
    mark = marker.text is not None
    if is_numbered(targets.out):
        return _deliver_pictures(info, targets, outputs, segments, pts, context, clock)
    notes: list[Fallback] = []
    with ExitStack() as names:
        masks = None
        if targets.masks is not None:
            masks = names.enter_context(atomic_output(targets.masks, settings.overwrite))
        result = names.enter_context(atomic_output(targets.out, settings.overwrite))
        with clock.part("mux"), ProgressBar("join", len(pts)) as bar:
            if masks is not None and targets.masks is not None and targets.mask_encoder is not None:
                pieces = [outputs.mask(segment) for segment in segments]
                plan, part = targets.mask_encoder, settings.time_range
                with output_errors(targets.masks):  # else it would be the result that is named
                    mux(pieces, info, plan, masks, pts, part, copy_streams=False)
            if sink is not None:
                sink.finish(result, mark)
            elif targets.encoder is not None:
                pieces = [outputs.video(segment) for segment in segments]
                plan, part, audio = targets.encoder, settings.time_range, settings.encode.audio
                made = mux(
                    pieces,
                    info,
                    plan,
                    result,
                    pts,
                    part,
                    audio=audio,
                    progress=bar.reach,
                    mark=mark,
                )
                notes += made.notes
            info.check_unchanged()  # sound and the like were copied from it just now
        with clock.part("sign"), output_errors(targets.out):
            provenance, unsigned = marker.seal(result, targets.container, _parent(info))
            notes += unsigned
        with clock.part("verify"):
            unchecked: list[Fallback] = []
            damage: list[str] = []
            try:
                for path, name in ((result, targets.out), (masks, targets.masks)):
                    if path is not None and name is not None:
                        source = None if info.sequence is not None else info.path
                        unchecked += _checked(path, name, len(pts), source)
            except OutputError:
                outputs.discard(segments)  # joined again they would come out the same
                raise
            if not unchecked:
                with ProgressBar("check copies", None) as bar:
                    damage = verify_copied(result, bar.reach)
    notes += unchecked
    if damage:
        text = f"a copied stream is damaged, as it is in the source: {damage[0]}"
        notes.append(observation(text))
    return notes, provenance


def _deliver_pictures(
    info: VideoInfo,
    targets: ResultPlan,
    outputs: SegmentOutputs,
    segments: Sequence[Segment],
    pts: Array,
    context: JobContext,
    clock: Clock,
) -> tuple[list[Fallback], Provenance]:
    """Write numbered pictures, which are read back one by one, and the masks as a video."""
    notes: list[Fallback] = []
    settings, mark = context.settings, context.marker.text is not None
    with ExitStack() as names:
        if targets.masks is not None and targets.mask_encoder is not None:
            masks = names.enter_context(atomic_output(targets.masks, settings.overwrite))
            pieces = [outputs.mask(segment) for segment in segments]
            plan, part = targets.mask_encoder, settings.time_range
            mux(pieces, info, plan, masks, pts, part, copy_streams=False)
            notes += _checked(masks, targets.masks, len(pts))
        pieces = [outputs.video(segment) for segment in segments]
        with clock.part("mux"), ProgressBar("write", len(pts)) as bar:
            write_pictures(pieces, info, pts, targets.out, settings.overwrite, bar.reach, mark)
    return notes, context.marker.unsigned(targets.container)


def _checked(path: Path, name: Path, frames: int, source: Path | None = None) -> list[Fallback]:
    """Let an independent decoder read a result in full, and note it if there is none.

    Args:
        path: The result.
        name: The name that it will have.
        frames: How many it has.
        source: What it was made of.

    Raises:
        OutputError: ``verification_failed``; the file is left under a name of its own.
    """
    try:
        with ProgressBar("check", frames) as bar:
            problems = verify(path, bar.reach, source)
    except InputError as error:
        if error.code != "no_ffmpeg":
            raise
        reason = error.message[0].lower() + error.message[1:].rstrip(".")
        return [Fallback(f"{CHECK} of {name.name}", "", reason)]
    if problems:
        aside = keep_aside(path, name, "unverified")
        raise OutputError(
            "verification_failed",
            f"ffmpeg cannot read the result in full: {problems[0].rstrip('.')}.",
            f"It lies in {aside}; please report this with the video. --reencode may help.",
        )
    return []
