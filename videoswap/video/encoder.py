"""`SegmentEncoder`: frames encoded into one segment, by an encoder of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import av
from av.video.reformatter import Interpolation, VideoReformatter

from ..errors import OutputError
from .color import RGB, swscale_space
from .decoder import DecodedFrame
from .encoder_context import EncoderPlan, open_encoder
from .formats import (
    counts_frames,
)
from .pixel_formats import Repacker
from .probe import VideoInfo
from .segment import EncodedSegment, SegmentWriter

# By default swscale rounds so roughly that colors move by up to two levels.
EXACT_SWSCALE_FLAGS = (
    Interpolation.BICUBIC
    | Interpolation.ACCURATE_RND
    | Interpolation.FULL_CHR_H_INT
    | Interpolation.FULL_CHR_H_INP
)


class SegmentEncoder:
    """Encodes frames into one segment on disk.

    Use it as a context manager: an unfinished segment is removed.
    """

    def __init__(self, plan: EncoderPlan, info: VideoInfo, path: Path) -> None:
        """Open the encoder.

        Args:
            plan: How to encode.
            info: The source.
            path: Where the segment is kept.

        Raises:
            OutputError: ``encode_failed`` if it cannot be opened.
        """
        self._plan = plan
        self._convert = _Converter(plan, info)
        self._context = open_encoder(plan, info)
        self._writer = SegmentWriter(path)
        self._durations: dict[int, int] = {}
        self._times: list[int] | None = [] if counts_frames(plan.encoder) else None

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

    def finish(
        self, changed: int = 0, failed: Sequence[tuple[int, int, str]] = ()
    ) -> EncodedSegment:
        """Encode what is left and close the segment.

        Args:
            changed: Number of its frames that differ from the source, which is kept with it.
            failed: Swaps that came out wrong, see `EncodedSegment`, kept likewise.
        """
        self._drain(None)
        with self._writer:
            headers = self._context.extradata or b""
            return self._writer.finish(headers, self._plan.encoder, changed, failed)

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

    def discard(self) -> None:
        """Remove an unfinished segment."""
        self._writer.discard()

    def __enter__(self) -> Self:
        """Return the encoder."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove an unfinished segment, and free the encoder for the next one."""
        self.discard()
        del self._context


class _Converter:
    """Converts frames to the encoder's pixel format: repacked, or resampled if asked for."""

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
        old, new = self._info.color, self._plan.color
        made = self._reformatter.reformat(
            image,
            format=self._plan.pix_fmt,
            interpolation=EXACT_SWSCALE_FLAGS,
            src_colorspace=swscale_space(old),
            dst_colorspace=swscale_space(new),
            src_color_range=2 if old.full_range or old.space == RGB else 1,
            dst_color_range=2 if new.full_range or new.space == RGB else 1,
        )
        made.color_range, made.colorspace = new.range_tag, new.space_tag
        return made
