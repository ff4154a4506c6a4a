"""`EncoderPlan`, the FFmpeg encoder opened as it says, and the check that this works."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import cast

import av
from av.codec.context import Flags
from av.video.codeccontext import VideoCodecContext

from ..errors import OutputError, UsageError
from ..records import Fallback
from ..threads import usual_priority
from .color import Color
from .files import ffmpeg_errors
from .formats import (
    EVEN_SIZE_ENCODERS,
    FFV1_SLICES,
    PREFERRED_ENCODERS,
    counts_frames,
    encoders_for,
)
from .probe import VideoInfo

X264_OPTIONS = "x264-params"
#: Seconds for which a GPU is waited for that opens no more encoders, and between two tries.
SESSION_PATIENCE, SESSION_INTERVAL = 120.0, 0.5
NO_NVENC = (
    "It needs an NVIDIA GPU with an encoder (A100, H100, H200 and B200 have none) and its driver; "
    "use --encoder libx264."
)
NO_SESSION = (
    "A GPU opens a few encoders at once, for all programs: end others, or take fewer --jobs; "
    "`videoswap resume` goes on."
)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EncoderPlan:
    """How a video is encoded: encoder, options, pixel format, container, timing and color tags.

    Attributes:
        encoder: FFmpeg's name of the encoder.
        codec: FFmpeg's name of the codec.
        pix_fmt: Pixel format given to the encoder.
        options: Options of the encoder, name and value.
        threads: Threads of the encoder.
        container: FFmpeg's name of the container.
        time_base: Seconds per tick of pts.
        rate: Frames per second, a hint for rate control.
        color: Tags to write.
        repacked: Whether frames are only repacked for the encoder, without loss.
        notes: Deviations from what was asked or expected.
    """

    encoder: str
    codec: str
    pix_fmt: str
    options: tuple[tuple[str, str], ...]
    threads: int
    container: str
    time_base: Fraction
    rate: Fraction
    color: Color
    repacked: bool
    notes: tuple[Fallback, ...] = ()


@lru_cache(maxsize=1)
def _has_avx512() -> bool:
    """Whether this processor has AVX-512, as far as the system says so.

    With it x264's macroblock tree reads memory that nobody wrote, and the same frames become other
    bits now and then.
    """
    try:
        return " avx512" in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False


def configure_encoder(context: VideoCodecContext, plan: EncoderPlan, info: VideoInfo) -> None:
    """Set up an encoder that is not open yet; the same plan gives the same headers."""
    context.width, context.height = info.width, info.height
    context.pix_fmt = plan.pix_fmt
    context.time_base = 1 / plan.rate if counts_frames(plan.encoder) else plan.time_base
    context.framerate = plan.rate
    context.thread_count = plan.threads
    context.flags |= Flags.global_header
    context.sample_aspect_ratio = info.orientation.sample_aspect_ratio
    context.colorspace = plan.color.space_tag
    context.color_range = plan.color.range_tag
    context.color_trc = plan.color.transfer_tag
    context.color_primaries = plan.color.primaries_tag
    context.options = dict(plan.options)
    if plan.encoder in ("libx264", "libx264rgb") and _has_avx512():
        given = dict(plan.options).get(X264_OPTIONS)
        context.options |= {X264_OPTIONS: f"{given}:asm=AVX2" if given else "asm=AVX2"}
    if plan.encoder == "libsvtav1":
        os.environ.setdefault("SVT_LOG", "1")  # print errors only; there is no option for it


def new_encoder(plan: EncoderPlan, info: VideoInfo) -> VideoCodecContext:
    """Return the plan's encoder, set up and not yet open."""
    context = cast(VideoCodecContext, av.CodecContext.create(plan.encoder, "w"))
    configure_encoder(context, plan, info)
    return context


def open_encoder(plan: EncoderPlan, info: VideoInfo) -> VideoCodecContext:
    """Return the plan's encoder, open.

    A GPU opens a few encoders at once, for all programs together. As the plan was tried before, one
    that is refused now is waited for: the segments of a video must come from one encoder.

    Raises:
        OutputError: ``encode_failed``.
    """
    on_gpu = "nvenc" in plan.encoder
    until = time.monotonic() + (SESSION_PATIENCE if on_gpu else 0)
    while True:
        context = new_encoder(plan, info)
        try:
            with usual_priority():
                context.open()
        except av.FFmpegError as error:
            if isinstance(error, MemoryError) and not on_gpu:
                raise
            if time.monotonic() >= until:
                text = f"{plan.encoder} cannot be opened: {error.strerror}."
                raise OutputError("encode_failed", text, NO_SESSION if on_gpu else "") from error
            _log.info("%s is waited for: the GPU opens no more of them now", plan.encoder)
            time.sleep(SESSION_INTERVAL)
        else:
            return context


def with_fitting_slices(plan: EncoderPlan, info: VideoInfo) -> EncoderPlan:
    """Return the plan with a number of FFV1 slices that is allowed for this size."""
    if plan.encoder != "ffv1":
        return plan
    for slices in FFV1_SLICES:
        options = tuple((dict(plan.options) | {"slices": slices}).items())
        other = replace(plan, options=options)
        if encoder_refusal(other, info) is None:
            return other
    return plan


def encoder_refusal(plan: EncoderPlan, info: VideoInfo) -> str | None:
    """Open the encoder with the real size, and give hardware ones a frame to encode.

    Returns:
        The encoder's message, None if it accepts the plan.
    """
    return _refusal(lambda: new_encoder(plan, info), "nvenc" in plan.encoder)


def hardware_refusal(encoder: str) -> str | None:
    """Let a hardware encoder encode a small frame: that it is listed says nothing.

    Returns:
        Its message, None if it works here.
    """

    def small() -> VideoCodecContext:
        context = cast(VideoCodecContext, av.CodecContext.create(encoder, "w"))
        context.width = context.height = 256
        context.pix_fmt, context.time_base = "yuv420p", Fraction(1, 25)
        return context

    return _refusal(small, True)


def _refusal(make: Callable[[], VideoCodecContext], encode: bool) -> str | None:
    try:
        with ffmpeg_errors() as said:
            context = make()
            with usual_priority():
                context.open()
            if encode:
                frame = av.VideoFrame(context.width, context.height, context.pix_fmt or "")
                frame.pts, frame.time_base = 0, context.time_base
                context.encode(frame)
                context.encode(None)
    except (av.FFmpegError, ValueError) as error:
        return said[0] if said else str(error).rstrip(".")
    return None


def try_encoder(plan: EncoderPlan, info: VideoInfo) -> None:
    """Check that the encoder accepts the plan.

    Raises:
        UsageError: ``encoder_refused``, with what the encoder says.
    """
    reason = encoder_refusal(plan, info)
    if reason is None:
        return
    hint = "Check --preset, --crf and --pix_fmt."
    if "nvenc" in plan.encoder:
        hint = NO_NVENC
        if hardware_refusal(plan.encoder) is None:
            hint = (
                f"This GPU encodes with it, but nothing of {info.width}x{info.height} "
                f"{plan.pix_fmt}; use --pix_fmt yuv420p, or --encoder libx265."
            )
    elif plan.encoder in EVEN_SIZE_ENCODERS and (info.width % 2 or info.height % 2):
        hint = (
            f"The picture has an odd size ({info.width}x{info.height}): {_odd_advice(plan)} "
            "--pix_fmt yuv444p."
        )
    raise UsageError("encoder_refused", f"{plan.encoder} refuses this video: {reason}.", hint)


def _odd_advice(plan: EncoderPlan) -> str:
    able = [name for name in PREFERRED_ENCODERS if name not in EVEN_SIZE_ENCODERS]
    fitting = [name for name in encoders_for(plan.pix_fmt, plan.container) if name in able]
    return f"use --encoder {' or '.join(fitting)}, or" if fitting else "write .mkv, or use"
