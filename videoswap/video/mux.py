"""Muxing: encoded segments joined with exact timestamps, everything else copied from the source."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
from av.container import InputContainer, OutputContainer
from av.video.stream import VideoStream

from ..errors import InputError, OutputError
from ..marks import with_mark
from ..records import Array, Fallback
from ..threads import usual_priority
from ..timerange import TimeRange
from .encoder_context import EncoderPlan, configure_encoder
from .files import open_input, url
from .matroska import TITLE_PLACEHOLDER, write_pixel_shape
from .orientation import Orientation
from .packet_copy import COPIED, joined_headers, joined_packets
from .probe import VideoInfo, probe_orientation
from .segment import EncodedSegment
from .streams import (
    StreamCopier,
    StreamPlan,
    Trim,
    clean_metadata,
)

MAX_TIMESCALE = 1 << 31
ASPECT_RATIO_TOLERANCE = Fraction(1, 1000)  # FFmpeg rounds the pixel shape when it reads Matroska
NO_NEGATIVE_TIMES = ("nut", "avi")


@dataclass(frozen=True, slots=True)
class MuxReport:
    """Outcome of muxing.

    Attributes:
        frames: Frames written.
        dropped: Streams the container cannot hold.
        converted: Text subtitles that were converted.
        notes: Other deviations; `plan_streams` has those of the streams.
    """

    frames: int
    dropped: tuple[str, ...] = ()
    converted: tuple[str, ...] = ()
    notes: tuple[Fallback, ...] = ()


def mux(
    segments: Sequence[Path],
    source: VideoInfo,
    plan: EncoderPlan,
    out: Path,
    wanted_pts: Sequence[int] | Array,
    range_: TimeRange | None = None,
    copy_streams: bool = True,
    audio: str = "auto",
    progress: Callable[[int], None] | None = None,
    mark: bool = False,
) -> MuxReport:
    """Write the result: segments joined, other streams copied.

    Inside of `atomic_output`, which turns failures to write into errors that name the result.

    Args:
        segments: The segments in order of time.
        source: The video they were made from.
        plan: How they were encoded.
        out: Where to write it; its name says nothing about the format.
        wanted_pts: The pts of all frames, ascending, in the source's time base.
        range_: The part of the source that is kept; the result then starts at 0.
        copy_streams: Whether to copy other streams, chapters and metadata (not for masks).
        audio: What to do with sound, as in ``EncodeSettings``.
        progress: Called with the number of frames written so far.
        mark: Whether the metadata say that the result is synthetic.

    Raises:
        OutputError: ``pieces_do_not_fit``.
        InputError: ``damaged_segment``.
        OSError, av.FFmpegError: If it cannot be written.
    """
    loaded = [EncodedSegment.load(path) for path in segments]
    times = np.asarray(wanted_pts, dtype=np.int64)
    _check_segments(loaded, times)
    trim = _trim_for(source, times, range_)
    if not copy_streams or source.animation is not None or source.sequence is not None:
        return _write(loaded, source, plan, out, times, trim, None, audio, progress, mark)
    with open_input(source.path) as container:
        return _write(loaded, source, plan, out, times, trim, container, audio, progress, mark)


def plan_streams(source: VideoInfo, plan: EncoderPlan, audio: str = "auto") -> StreamPlan:
    """Plan the other streams, before any work is spent.

    They are added to a file in memory just as `mux` adds them to the result.

    Args:
        source: The video.
        plan: How the result is encoded.
        audio: What to do with sound, as in ``EncodeSettings``.

    Raises:
        InputError: If the video cannot be read.
    """
    if source.animation is not None or source.sequence is not None:
        return StreamPlan(plan.container)
    with (
        open_input(source.path) as container,
        av.open(io.BytesIO(), "w", format=plan.container) as trial,
    ):
        copier = StreamCopier(container, trial, Trim(), plan.container, audio)
        _add_streams(container, trial, plan, source, copier)
        return copier.plan


def _check_segments(segments: Sequence[EncodedSegment], times: Array) -> None:
    if not segments:
        raise OutputError("pieces_do_not_fit", "There is nothing to write.")
    found = np.concatenate([np.sort(segment.pts) for segment in segments])
    if not np.array_equal(found, times):
        raise OutputError(
            "pieces_do_not_fit",
            f"The encoded segments hold {len(found)} frames whose times are not those of the "
            f"{len(times)} frames wanted.",
            "Delete the segments and run again.",
        )
    kinds = {(segment.encoder == COPIED, segment.extradata) for segment in segments}
    if len(kinds) != len({copied for copied, _ in kinds}):
        raise OutputError(
            "pieces_do_not_fit",
            "The encoded segments were made with different encoder settings.",
            "Delete the segments and run again.",
        )


def _trim_for(source: VideoInfo, times: Array, range_: TimeRange | None) -> Trim:
    if range_ is None or range_.whole:
        return Trim()
    first = int(times[0]) * source.time_base
    end = None
    if range_.end is not None:
        end = source.start_pts * source.time_base + range_.end
    return Trim(start=first, end=end, shift=first)


def coding_times(pts: Array) -> Array:
    """Return dts for pts in coding order: ascending, and never later than the pts.

    Args:
        pts: (n,) int64, all different.

    Returns:
        (n,) int64; the first ones lie before the first pts where frames are reordered.
    """
    ordered = np.sort(pts)
    rank = np.searchsorted(ordered, pts)
    delay = int(np.max(np.arange(len(pts)) - rank, initial=0))
    step = int(np.min(np.diff(ordered), initial=np.iinfo(np.int64).max)) if len(pts) > 1 else 1
    early = ordered[0] - step * np.arange(delay, 0, -1)
    return np.concatenate([early, ordered[: len(pts) - delay]]).astype(np.int64)


def _write(
    segments: Sequence[EncodedSegment],
    source: VideoInfo,
    plan: EncoderPlan,
    part: Path,
    times: Array,
    trim: Trim,
    container: InputContainer | None,
    audio: str,
    progress: Callable[[int], None] | None,
    mark: bool,
) -> MuxReport:
    options = _muxer_options(plan, container)
    with av.open(url(part), "w", format=plan.container, container_options=options) as out:
        copier = None
        if container is None:
            video = _add_video(out, plan, source)
        else:
            copier = StreamCopier(container, out, trim, plan.container, audio)
            video = _add_streams(container, out, plan, source, copier)
            out.metadata.update(clean_metadata(container.metadata))
            out.set_chapters(_chapters(container, trim))
        if mark:
            _mark(out, plan)
        with usual_priority():
            video.codec_context.open()
        _check_headers(video, segments)
        joined = joined_headers(segments, plan)
        if joined is not None:
            video.codec_context.extradata = joined
        with usual_priority():
            out.start_encoding()  # opens the encoders of converted sound
        shift = int(times[0]) if trim.start is not None else 0
        packets = _counted(_video_packets(segments, plan, video, shift), progress)
        first = _interleave(out, packets, copier)
    if _needs_display_size(plan, source):
        write_pixel_shape(part, source.orientation.sample_aspect_ratio)
    notes = _shape_notes(source.orientation, part, plan) + (copier.damage if copier else ())
    if first < 0 and plan.container in NO_NEGATIVE_TIMES:
        moved = f"times that are all {float(-first):.3f} s later"
        notes += (Fallback("exact times", moved, f"{plan.container} holds no negative ones"),)
    return MuxReport(
        frames=len(times),
        dropped=tuple(copier.dropped) if copier else (),
        converted=tuple(name for name, _ in copier.converted) if copier else (),
        notes=notes,
    )


def _mark(out: OutputContainer, plan: EncoderPlan) -> None:
    """Say in the metadata that the result is synthetic; what the source says there stays."""
    # MPEG-TS has no comments, only names of who sends it.
    key = "service_provider" if plan.container == "mpegts" else "comment"
    known = {name.lower(): name for name in out.metadata}
    key = known.get(key, key)
    out.metadata[key] = with_mark(out.metadata.get(key))


def _muxer_options(plan: EncoderPlan, source: InputContainer | None) -> dict[str, str]:
    if plan.container in ("mp4", "mov"):
        ticks = plan.time_base.denominator
        # Edit lists count in the movie's own ticks: they must fit the video's and the sound's.
        sounds = source.streams.audio if source else ()
        rates = [s.time_base.denominator for s in sounds if s.time_base]
        rates += [s.rate for s in sounds if s.rate]  # converted sound counts in samples
        common = math.lcm(ticks, *rates)
        return {
            "movie_timescale": str(common if common < MAX_TIMESCALE else ticks),
            "video_track_timescale": str(ticks),
            "movflags": "+faststart",
        }
    if plan.container in ("matroska", "webm"):
        return {"avoid_negative_ts": "disabled"}  # else every time moves by the coding delay
    return {}


def _add_streams(
    container: InputContainer,
    out: OutputContainer,
    plan: EncoderPlan,
    source: VideoInfo,
    copier: StreamCopier,
) -> VideoStream:
    """Add all streams in the source's order and return the video's."""
    video: VideoStream | None = None
    for stream in container.streams:
        if stream.index == source.stream_index:
            video = _add_video(out, plan, source)
            title = video.metadata.get("title", "")
            video.metadata.update(clean_metadata(dict(stream.metadata)))
            if title:
                video.metadata["title"] = stream.metadata.get("title", "") + title
            video.disposition = stream.disposition
        else:
            copier.add(stream)
    assert video is not None
    return video


def _add_video(out: OutputContainer, plan: EncoderPlan, source: VideoInfo) -> VideoStream:
    stream = cast(VideoStream, out.add_stream(plan.encoder, rate=plan.rate))
    configure_encoder(stream.codec_context, plan, source)
    stream.time_base = plan.time_base
    if plan.codec == "hevc" and plan.container in ("mp4", "mov"):
        stream.codec_context.codec_tag = "hvc1"  # what QuickTime plays
    if _needs_display_size(plan, source):
        stream.metadata["title"] = TITLE_PLACEHOLDER
    if source.orientation.rotated:
        stream.set_display_matrix(source.orientation.display_matrix)
    return stream


def _needs_display_size(plan: EncoderPlan, source: VideoInfo) -> bool:
    return plan.container in ("matroska", "webm") and source.orientation.sample_aspect_ratio != 1


def _shape_notes(wanted: Orientation, made: Path, plan: EncoderPlan) -> tuple[Fallback, ...]:
    """Check that the result states its rotation and pixel shape."""
    if not wanted.rotated and wanted.sample_aspect_ratio == 1:
        return ()
    try:
        found = probe_orientation(made)
    except InputError:
        return ()  # the final check says more about it
    files = f"{plan.container} files with {plan.codec}"
    notes = []
    if not np.array_equal(found.turn, wanted.turn):
        why = f"{files} do not say how it is turned"
        notes.append(Fallback("an upright picture", "a turned or mirrored one", why))
    ratio = wanted.sample_aspect_ratio
    if abs(found.sample_aspect_ratio / ratio - 1) > ASPECT_RATIO_TOLERANCE:
        shape = f"pixels of {ratio.numerator}:{ratio.denominator}"
        notes.append(Fallback(shape, "square ones", f"{files} do not say their shape"))
    return tuple(notes)


def _check_headers(video: VideoStream, segments: Sequence[EncodedSegment]) -> None:
    expected = {one.extradata for one in segments if one.encoder != COPIED}
    if expected and expected != {video.codec_context.extradata or b""}:
        raise OutputError(
            "pieces_do_not_fit",
            "The encoded segments were made with another version or setting of the encoder.",
            "Delete the segments and run again.",
        )


def _chapters(container: InputContainer, trim: Trim) -> list[Any]:
    """Return the source's chapters, clipped to the trim and moved with it."""
    kept = []
    for chapter in container.chapters():
        base = chapter["time_base"] or Fraction(1, 1000)
        start, end = chapter["start"] * base, chapter["end"] * base
        if trim.start is not None:
            start = max(start, trim.start)
        if trim.end is not None:
            end = min(end, trim.end)
        if start < end:
            moved = {"start": round((start - trim.shift) / base)}
            moved["end"] = round((end - trim.shift) / base)
            kept.append({**chapter, **moved, "time_base": base})
    return kept


def _video_packets(
    segments: Sequence[EncodedSegment], plan: EncoderPlan, video: VideoStream, shift: int
) -> Iterator[tuple[Fraction, av.Packet[Any]]]:
    pts, base = np.concatenate([segment.pts for segment in segments]) - shift, plan.time_base
    if plan.container == "avi" and video.time_base:  # it counts frames, and refuses two in one tick
        pts, base = _one_frame_a_tick(pts * (base / video.time_base)), video.time_base
    dts = coding_times(pts)
    ordered = np.sort(pts)
    last = max(int(segments[-1].durations[np.argmax(segments[-1].pts)]), 0)
    last = round(last * (plan.time_base / base))
    last = last or (int(ordered[-1] - ordered[-2]) if len(pts) > 1 else 1)
    gaps = np.append(np.diff(ordered), last)
    durations = gaps[np.searchsorted(ordered, pts)]
    index = 0
    for segment in segments:
        for data, key in zip(joined_packets(segment, segments, plan), segment.keys, strict=True):
            packet: av.Packet[Any] = av.Packet(data)
            packet.time_base = base
            packet.pts, packet.dts = int(pts[index]), int(dts[index])
            packet.duration = int(durations[index])
            packet.is_keyframe = bool(key)
            packet.stream = video
            yield packet.dts * base, packet
            index += 1


def _one_frame_a_tick(times: Array) -> Array:
    """Round times (n,) in ticks, ascending, so that no two fall into the same tick."""
    index = np.arange(len(times))
    # Less its index, a strictly increasing whole number is one that never falls.
    ticks = np.array([math.floor(time + Fraction(1, 2)) for time in times])  # as FFmpeg rounds
    return np.maximum.accumulate(ticks - index) + index


def _counted(
    packets: Iterator[tuple[Fraction, av.Packet[Any]]], progress: Callable[[int], None] | None
) -> Iterator[tuple[Fraction, av.Packet[Any]]]:
    for done, packet in enumerate(packets, 1):
        yield packet
        if progress is not None:
            progress(done)


def _interleave(
    out: OutputContainer,
    video: Iterator[tuple[Fraction, av.Packet[Any]]],
    copier: StreamCopier | None,
) -> Fraction:
    """Write both in order of their times; return the earliest time in seconds."""
    pending = next(video, None)
    first = pending[0] if pending else Fraction(0)
    for time, packet in copier.packets() if copier else ():
        while pending is not None and pending[0] <= time:
            out.mux(pending[1])
            pending = next(video, None)
        first = min(first, time)
        out.mux(packet)
    while pending is not None:
        out.mux(pending[1])
        pending = next(video, None)
    return first
