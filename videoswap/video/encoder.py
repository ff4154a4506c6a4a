"""Encoding of one segment with an encoder of its own."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self, cast

import av
from av.codec.context import Flags
from av.video.codeccontext import VideoCodecContext
from av.video.reformatter import Interpolation, VideoReformatter

from ..errors import OutputError, UsageError
from .color import RGB, swscale_space
from .encoder_plan import EncoderPlan, plan_encoder, plan_masks
from .formats import (
    EVEN_ONLY,
    PREFERRED,
    SLICES,
    counts_frames,
    encoders_for,
)
from .pixel_formats import Repacker
from .probe import VideoInfo
from .reader import DecodedFrame
from .segment import EncodedSegment, SegmentWriter

__all__ = [
    "EncodedSegment",
    "EncoderPlan",
    "SegmentEncoder",
    "configure",
    "plan_encoder",
    "plan_masks",
    "try_encoder",
]


# By default swscale rounds so roughly that colours move by up to two levels.
EXACT = (
    Interpolation.BICUBIC
    | Interpolation.ACCURATE_RND
    | Interpolation.FULL_CHR_H_INT
    | Interpolation.FULL_CHR_H_INP
)


def configure(context: VideoCodecContext, plan: EncoderPlan, info: VideoInfo) -> None:
    """Set up an encoder that is not open yet; the same plan gives the same headers."""
    context.width, context.height = info.width, info.height
    context.pix_fmt = plan.pix_fmt
    context.time_base = 1 / plan.rate if counts_frames(plan.encoder) else plan.time_base
    context.framerate = plan.rate
    context.thread_count = plan.threads
    context.flags |= Flags.global_header
    context.sample_aspect_ratio = info.orientation.sample_aspect_ratio
    context.colorspace = plan.colour.space_tag
    context.color_range = plan.colour.range_tag
    context.color_trc = plan.colour.transfer_tag
    context.color_primaries = plan.colour.primaries_tag
    context.options = dict(plan.options)
    if plan.encoder == "libsvtav1":
        os.environ.setdefault("SVT_LOG", "1")  # its only way to be told to print errors alone


def _context(plan: EncoderPlan, info: VideoInfo) -> VideoCodecContext:
    context = cast(VideoCodecContext, av.CodecContext.create(plan.encoder, "w"))
    configure(context, plan, info)
    return context


def fitting_slices(plan: EncoderPlan, info: VideoInfo) -> EncoderPlan:
    """Return the plan with a number of slices that FFV1 takes for this size."""
    if plan.encoder != "ffv1":
        return plan
    for slices in SLICES:
        options = tuple((dict(plan.options) | {"slices": slices}).items())
        other = replace(plan, options=options)
        if refusal(other, info) is None:
            return other
    return plan


def refusal(plan: EncoderPlan, info: VideoInfo) -> str | None:
    """Open the encoder with the real size, and give hardware ones a frame to encode.

    Returns:
        What the encoder says against it, None if it agrees.
    """
    with av.logging.Capture() as logs:
        try:
            av.logging.set_level(av.logging.ERROR)
            context = _context(plan, info)
            context.open()
            if "nvenc" in plan.encoder:
                frame = av.VideoFrame(info.width, info.height, plan.pix_fmt)
                frame.pts, frame.time_base = 0, context.time_base
                context.encode(frame)
                context.encode(None)
        except (av.FFmpegError, ValueError) as error:
            said = [text.strip() for level, _, text in logs if level <= av.logging.ERROR]
            return (said[0] if said else str(error)).rstrip(".")
        finally:
            av.logging.set_level(None)
    return None


def try_encoder(plan: EncoderPlan, info: VideoInfo) -> None:
    """Check that the encoder agrees with the plan.

    Raises:
        UsageError: ``encoder_refused``, with what the encoder says.
    """
    reason = refusal(plan, info)
    if reason is None:
        return
    hint = "Check --preset, --crf and --pix_fmt."
    if "nvenc" in plan.encoder:
        hint = "It needs an NVIDIA GPU with a driver; use --encoder libx264."
    elif plan.encoder in EVEN_ONLY and (info.width % 2 or info.height % 2):
        hint = (
            f"The picture has an odd size ({info.width}x{info.height}): {_odd_advice(plan)} "
            "--pix_fmt yuv444p."
        )
    raise UsageError("encoder_refused", f"{plan.encoder} refuses this video: {reason}.", hint)


def _odd_advice(plan: EncoderPlan) -> str:
    able = [name for name in PREFERRED if name not in EVEN_ONLY]
    fitting = [name for name in encoders_for(plan.pix_fmt, plan.container) if name in able]
    return f"use --encoder {' or '.join(fitting)}, or" if fitting else "write .mkv, or use"


class SegmentEncoder:
    """Encodes frames into one piece on disk.

    Use it as a context manager: an unfinished piece is removed.
    """

    def __init__(self, plan: EncoderPlan, info: VideoInfo, path: Path) -> None:
        """Open the encoder.

        Args:
            plan: How to encode.
            info: The source.
            path: Where the piece is kept.
        """
        self._plan = plan
        self._convert = _Converter(plan, info)
        self._context = _context(plan, info)
        self._writer = SegmentWriter(path)
        self._durations: dict[int, int] = {}
        self._times: list[int] | None = [] if counts_frames(plan.encoder) else None
        self._context.open()

    def encode(self, frame: DecodedFrame | av.VideoFrame) -> None:
        """Encode a frame; its pts, strictly later than the last one's, is kept.

        Raises:
            OutputError: ``encode_failed``, or ``disk_full`` and the like.
        """
        image = frame.image if isinstance(frame, DecodedFrame) else frame
        if image.pts is None:
            raise ValueError("a frame needs a pts")
        self._durations[image.pts] = image.duration or 0
        image = self._convert(image)
        image.time_base = self._plan.time_base
        if self._times is not None:
            self._times.append(image.pts or 0)
            image.pts, image.time_base = len(self._times) - 1, self._context.time_base
        image.pict_type = 0  # the source's own choice of key frames must not be copied
        self._drain(image)

    def finish(self, changed: int = 0) -> EncodedSegment:
        """Encode what is left and close the piece.

        Args:
            changed: Number of its frames that differ from the source, which is kept with it.
        """
        self._drain(None)
        with self._writer:
            return self._writer.finish(self._context.extradata or b"", self._plan.encoder, changed)

    def _drain(self, image: av.VideoFrame | None) -> None:
        try:
            packets = self._context.encode(image)
        except av.FFmpegError as error:
            raise OutputError(
                "encode_failed", f"{self._plan.encoder} failed: {error.strerror}."
            ) from error
        for packet in packets:
            if packet.pts is None:
                raise OutputError("encode_failed", f"{self._plan.encoder} lost a frame's time.")
            pts = packet.pts if self._times is None else self._times[packet.pts]
            duration = self._durations.pop(pts, 0)
            self._writer.add(bytes(packet), pts, duration, packet.is_keyframe)

    def __enter__(self) -> Self:
        """Return the encoder."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove an unfinished piece."""
        self._writer.discard()


class _Converter:
    """Brings frames into the encoder's format: repacked, or converted where that was asked."""

    def __init__(self, plan: EncoderPlan, info: VideoInfo) -> None:
        self._plan = plan
        self._info = info
        self._repack = Repacker(plan.pix_fmt) if plan.repacked else None
        self._reformatter = VideoReformatter()

    def __call__(self, image: av.VideoFrame) -> av.VideoFrame:
        if image.format.name == self._plan.pix_fmt:
            return image
        if self._repack is not None:
            return self._repack(image)
        old, new = self._info.colour, self._plan.colour
        made = self._reformatter.reformat(
            image,
            format=self._plan.pix_fmt,
            interpolation=EXACT,
            src_colorspace=swscale_space(old),
            dst_colorspace=swscale_space(new),
            src_color_range=2 if old.full_range or old.space == RGB else 1,
            dst_color_range=2 if new.full_range or new.space == RGB else 1,
        )
        made.color_range, made.colorspace = new.range_tag, new.space_tag
        return made
