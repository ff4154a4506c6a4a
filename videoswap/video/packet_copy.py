"""Packets of untouched frames, copied from the video instead of encoded anew.

A copy begins where decoding can begin (an IDR picture of H.264, a key frame of VP9 or FFV1) and no
earlier packet is shown later, and ends where no later packet is shown earlier. Whether that is so
is read from the packets; what the container says of them does not count.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import av
import numpy as np

from ..errors import InputError
from ..records import Array, Fallback
from ..settings import EncodeSettings
from ..threads import usual_priority
from . import h264
from .encoder_context import X264_OPTIONS, EncoderPlan, new_encoder
from .files import open_input
from .packets import packets
from .probe import VideoInfo
from .segment import EncodedSegment, SegmentWriter

MIN_COPIED_FRAMES = 12  # for fewer it does not pay to end a segment and to begin another
COPIED = "copy"  # what stands for the encoder of copied packets
CONTAINERS = ("mp4", "mov", "matroska", "webm")
_SMALL = ("draft", "good")  # qualities that are asked for because the result must be small


class _NoCopyError(Exception):
    """Says why nothing is copied."""


@dataclass(frozen=True, slots=True, eq=False)
class CopyPlan:
    """Which frames are copied.

    Attributes:
        encoder: How all others are encoded: as was planned, but with headers that may stand beside
            those of the copies.
        runs: First index and index after the last of the frames of each copy, ascending.
        headers: What goes with the copied packets.
        notes: Why untouched frames are encoded, if they are.
    """

    encoder: EncoderPlan
    runs: tuple[tuple[int, int], ...] = ()
    headers: bytes = b""
    notes: tuple[Fallback, ...] = ()


def plan_copies(
    info: VideoInfo,
    plan: EncoderPlan,
    settings: EncodeSettings,
    pts: Array,
    touched: Array,
    refusal: str = "",
) -> CopyPlan:
    """Decide which frames are copied.

    Args:
        info: The video.
        plan: How results are encoded.
        settings: What was asked for.
        pts: (N,) int64 presentation times of all frames, ascending.
        touched: (N,) bool, whether anything may be changed in a frame.
        refusal: Why nothing can be copied, if the caller knows already.

    Raises:
        InputError: If the video cannot be read.
    """
    if not _stretches(~touched):
        return CopyPlan(plan)
    try:
        if refusal:
            raise _NoCopyError(refusal)
        _check(info, plan, settings)
        with open_input(info.path) as container:
            headers = container.streams[info.stream_index].codec_context.extradata or b""
        reader, plan = _READERS[plan.codec](info, plan, headers)
        runs = _runs(_Table.read(info, reader, pts, touched), pts)
        if not runs:
            raise _NoCopyError("there is no place in them where decoding can begin")
    except _NoCopyError as reason:
        note = Fallback("copies of untouched frames", "frames encoded anew", str(reason))
        return CopyPlan(plan, notes=(note,))
    return CopyPlan(plan, runs, reader.headers)


def _stretches(free: Array) -> list[tuple[int, int]]:
    """Return the stretches of frames that are long enough to be copied."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], free, [False]]).astype(np.int8)))
    pairs = edges.reshape(-1, 2).tolist()
    return [(first, end) for first, end in pairs if end - first >= MIN_COPIED_FRAMES]


def _check(info: VideoInfo, plan: EncoderPlan, settings: EncodeSettings) -> None:
    if info.codec != plan.codec:
        raise _NoCopyError(f"the video is {info.codec} and the result {plan.codec}")
    if plan.codec not in _READERS:
        raise _NoCopyError(f"packets of two encoders do not make one {plan.codec} stream")
    if settings.crf is not None or settings.quality in _SMALL:
        asked = f"--crf {settings.crf:g}" if settings.crf is not None else settings.quality
        raise _NoCopyError(f"{asked} is asked for")
    if not plan.repacked:
        raise _NoCopyError(f"the video is {info.pix_fmt} and the result {plan.pix_fmt}")
    if plan.container not in CONTAINERS:
        raise _NoCopyError(f"{plan.container} files hold the headers of one encoder")
    if info.interlaced:
        raise _NoCopyError("the video is interlaced")
    if info.dolby_vision:
        raise _NoCopyError("the video has Dolby Vision metadata")


@dataclass(frozen=True, slots=True)
class _Reader:
    """Tells of the packets of one codec; ``headers`` go with them."""

    headers: bytes

    def fits(self, data: bytes) -> bool:
        """Whether a packet may stand among those of another encoder."""
        return bool(data)

    def begins(self, data: bytes, key: bool) -> bool:
        """Whether decoding can begin at a packet; ``key`` is what the container says of it."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class _H264(_Reader):
    length_size: int
    known: frozenset[bytes]

    def fits(self, data: bytes) -> bool:
        try:
            found = list(h264.units(data, self.length_size))
        except ValueError:
            return False
        return bool(found) and all(
            one[0] & 31 in h264.PLAIN_UNITS or one in self.known for one in found
        )

    def begins(self, data: bytes, key: bool) -> bool:
        kinds = (one[0] & 31 for one in h264.units(data, self.length_size))
        return next((kind for kind in kinds if kind in (h264.SLICE, h264.IDR)), 0) == h264.IDR


@dataclass(frozen=True, slots=True)
class _Vp9(_Reader):
    def begins(self, data: bytes, key: bool) -> bool:
        first = data[0]
        if first >> 6 != 2:  # marks a frame
            return False
        reserved = first >> 4 & 3 == 3  # profile 3 has one bit more before what follows
        shown_again, kind = first >> (2 if reserved else 3) & 1, first >> (1 if reserved else 2) & 1
        return not shown_again and not kind


@dataclass(frozen=True, slots=True)
class _Ffv1(_Reader):
    def begins(self, data: bytes, key: bool) -> bool:
        return key


def _read_h264(info: VideoInfo, plan: EncoderPlan, extradata: bytes) -> tuple[_Reader, EncoderPlan]:
    if plan.encoder != "libx264":
        raise _NoCopyError(f"{plan.encoder} does not number its headers")
    try:
        theirs = h264.Headers.read(extradata)
        free = next(n for n in range(h264.MAX_IDS) if n not in theirs.numbers)
        plan = _numbered(plan, free)
        ours = h264.Headers.read(_headers_of(plan, info))
        profiles = {one.unit[1] for one in (*ours.sps, *theirs.sps)}
    except (ValueError, IndexError, StopIteration):
        raise _NoCopyError("the headers of the video cannot be read") from None
    if len({one.picture for one in (*ours.sps, *theirs.sps)}) > 1:
        raise _NoCopyError("its pictures are coded otherwise than those of the result")
    if not profiles <= set(h264.PROFILES):
        raise _NoCopyError("it has a profile of H.264 that few players know")
    if not all(one.frames_only for one in theirs.sps):
        raise _NoCopyError("the video may be interlaced")
    if not all(one.reordering_known for one in theirs.sps):
        raise _NoCopyError("it does not say how far its frames are reordered")
    return _H264(extradata, theirs.length_size, theirs.all), plan


def _numbered(plan: EncoderPlan, number: int) -> EncoderPlan:
    """Return the plan with parameter sets of another id."""
    if not number:
        return plan
    options = dict(plan.options)
    given = [options[X264_OPTIONS]] if X264_OPTIONS in options else []
    options[X264_OPTIONS] = ":".join([*given, f"sps-id={number}"])
    return replace(plan, options=tuple(options.items()))


def _headers_of(plan: EncoderPlan, info: VideoInfo) -> bytes:
    context = new_encoder(plan, info)
    with usual_priority():
        context.open()
    return context.extradata or b""


def _read_vp9(info: VideoInfo, plan: EncoderPlan, extradata: bytes) -> tuple[_Reader, EncoderPlan]:
    return _Vp9(b""), plan


def _read_ffv1(info: VideoInfo, plan: EncoderPlan, extradata: bytes) -> tuple[_Reader, EncoderPlan]:
    if not extradata or extradata != _headers_of(plan, info):
        raise _NoCopyError("it was encoded with other settings")
    return _Ffv1(extradata), plan


_READERS = {"h264": _read_h264, "vp9": _read_vp9, "ffv1": _read_ffv1}


@dataclass(slots=True)
class _Table:
    """The packets of a video in coding order: of what is not free, the times alone."""

    pts: list[int] = field(default_factory=list)
    fits: list[bool] = field(default_factory=list)
    begins: list[bool] = field(default_factory=list)

    @classmethod
    def read(cls, info: VideoInfo, reader: _Reader, pts: Array, touched: Array) -> _Table:
        """Read the packets of a video.

        Raises:
            _NoCopyError: If it has packets that cannot be told apart.
            InputError: If it cannot be read.
        """
        table = cls()
        free = frozenset(
            time for first, end in _stretches(~touched) for time in pts[first:end].tolist()
        )
        for packet in _packets(info):
            if packet.pts is None:
                raise _NoCopyError("some of its packets have no time")
            data = bytes(packet) if packet.pts in free and _is_whole(packet) else b""
            fits = bool(data) and reader.fits(data)
            table.pts.append(packet.pts)
            table.fits.append(fits)
            table.begins.append(fits and reader.begins(data, packet.is_keyframe))
        info.check_unchanged()
        return table


def _is_whole(packet: av.Packet[Any]) -> bool:
    """Whether a packet is undamaged, is shown, and brings no headers of its own."""
    return not (packet.is_corrupt or packet.is_discard or packet.has_sidedata("new_extradata"))


def _packets(info: VideoInfo) -> Iterator[av.Packet[Any]]:
    with open_input(info.path) as container:
        stream = container.streams[info.stream_index]
        for packet in packets(container, info.path, [stream]):
            if packet.size:
                yield packet


def _runs(table: _Table, pts: Array) -> tuple[tuple[int, int], ...]:
    """Return the frames that can be copied, see `CopyPlan.runs`."""
    if not table.pts:
        return ()
    times = np.array(table.pts, np.int64)
    latest = np.maximum.accumulate(times)
    earliest = np.minimum.accumulate(times[::-1])[::-1]
    # (M + 1,) whether all packets before a place are shown before all packets after it
    clean = np.concatenate([[True], latest[:-1] < earliest[1:], [True]])
    found: list[tuple[int, int]] = []
    end = 0
    for start in np.flatnonzero(np.array(table.begins) & clean[:-1]).tolist():
        if start < end:
            continue
        first = int(np.searchsorted(pts, earliest[start]))
        stop = _last_clean(table, times, clean, pts, start, first)
        if stop - start >= MIN_COPIED_FRAMES:
            found.append((first, first + stop - start))
            end = stop
    return tuple(found)


def _last_clean(
    table: _Table, times: Array, clean: Array, pts: Array, start: int, first: int
) -> int:
    """Return where a copy that begins at a packet ends: at most where a packet does not fit.

    Up to there its packets, sorted, are exactly the frames from ``first`` on.
    """
    stop = start
    while stop < len(times) and table.fits[stop]:
        stop += 1
    while stop > start and not clean[stop]:
        stop -= 1
    frames = pts[first : first + stop - start]
    agree = np.sort(times[start:stop])[: len(frames)] == frames
    same = len(agree) if agree.all() else int(np.argmin(agree))
    while same > 0 and not clean[start + same]:
        same -= 1
    return start + same


def copy_packets(
    info: VideoInfo, headers: bytes, wanted: Sequence[tuple[Sequence[int], Path]]
) -> None:
    """Copy packets into segments.

    Args:
        info: The video.
        headers: What goes with the packets.
        wanted: The pts of the frames of each segment, and its file; in order of time.

    Raises:
        InputError: ``video_changed`` if its packets are others than before, and as `packets`.
        OutputError: ``disk_full`` and the like.
    """
    coming = _packets(info)
    packet = next(coming, None)
    for pts, path in wanted:
        left = set(pts)
        with SegmentWriter(path) as writer:
            while left and packet is not None:
                if packet.pts in left:
                    left.discard(packet.pts)
                    data, time = bytes(packet), packet.pts
                    writer.add(data, time, packet.duration or 0, packet.is_keyframe)
                packet = next(coming, None)
            if left:
                raise InputError(
                    "video_changed",
                    f"{info.path} no longer has the packets that were to be copied.",
                    "Run again with --no_cache.",
                )
            info.check_unchanged()
            writer.finish(headers, COPIED)


def joined_headers(segments: Sequence[EncodedSegment], plan: EncoderPlan) -> bytes | None:
    """Return the headers of a stream with copies; None where the encoder's own will do.

    Args:
        segments: All segments of the stream.
        plan: How those were encoded that are no copies.
    """
    if not _joined(segments, plan):
        return None
    kinds = dict.fromkeys(one.extradata for one in segments)
    return h264.record([h264.Headers.read(one) for one in kinds])


def joined_packets(
    segment: EncodedSegment, segments: Sequence[EncodedSegment], plan: EncoderPlan
) -> Iterator[bytes]:
    """Yield the packets of a segment as they belong into the stream, see `joined_headers`."""
    if not _joined(segments, plan):
        yield from segment.packets()
        return
    length_size = h264.Headers.read(segment.extradata).length_size
    for data in segment.packets():
        yield h264.with_lengths(data, length_size)


def _joined(segments: Sequence[EncodedSegment], plan: EncoderPlan) -> bool:
    return plan.codec == "h264" and any(one.encoder == COPIED for one in segments)
