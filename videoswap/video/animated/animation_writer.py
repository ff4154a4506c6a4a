"""Animated GIF, PNG and WebP results: the source's times, loop count and, where it fits, pixels.

GIF holds 256 colors per frame: frames of a GIF source come back exactly outside of the swapped
faces if the faces leave room in the palette. PNG and WebP are written without loss; the encoder
of WebP keeps all frames in memory until the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import av
import numpy as np
from av.filter import Graph
from av.video.codeccontext import VideoCodecContext
from av.video.reformatter import VideoReformatter

from ...errors import OutputError, UsageError
from ...records import Fallback
from ..color import swscale_space
from ..decoder import DecodedFrame
from ..files import output_errors, scratch_path, url
from ..pixel_formats import layout
from ..plain_marks import mark_animation
from ..probe import VideoInfo
from ..segment import SegmentWriter
from ..stills.pillow import ANIMATED_FORMATS, open_picture
from ..streams import StreamPlan, all_dropped
from .apng import ApngEncoder, write_apng
from .webp import with_last_duration

ANIMATION_TIME_BASES = {
    "gif": Fraction(1, 100),
    "webp": Fraction(1, 1000),
    "apng": Fraction(1, 100_000),
}
ANIMATION_ENCODERS = {"gif": "gif", "webp": "libwebp_anim"}
PALETTE_FILTERS = (
    ("split", ""),
    ("palettegen", "stats_mode=single:reserve_transparent=1"),
    ("paletteuse", "new=1:dither=none"),
)


def animation_container(info: VideoInfo, out: Path) -> str | None:
    """Return ``gif``, ``webp`` or ``apng`` if the name of a result asks for an animation.

    A name in .png does so only if the source is an animation.
    """
    suffix = out.suffix.lower().lstrip(".")
    if suffix == "png" and info.animation is not None:
        return "apng"
    return suffix if suffix in ANIMATION_TIME_BASES else None


def animation_streams(info: VideoInfo, container: str) -> StreamPlan:
    """Return the plan for the other streams: an animation holds none of them.

    Raises:
        InputError: If the video cannot be read.
    """
    if info.animation is not None or info.sequence is not None:
        return StreamPlan(container)
    return all_dropped(info.path, info.stream_index, container)


def animation_losses(info: VideoInfo, container: str) -> tuple[Fallback, ...]:
    """Return what an animation cannot keep of a video's pixels."""
    form, notes = layout(info.pix_fmt), []
    if form is not None and form.depth > 8:
        notes.append(Fallback(f"{form.depth} bits per sample", "8 bits", "animations get no more"))
    if container == "gif" and info.animation != "gif":
        notes.append(Fallback("all colors", "256 per frame", "GIF holds no more"))
        if form is not None and form.alpha:
            why = "GIF has no half transparency"
            notes.append(Fallback("transparency", "pixels of full or no opacity", why))
    return tuple(notes)


def loop_count(info: VideoInfo) -> int:
    """Return how often the source is played: 0 for ever, which is also the answer for videos."""
    if info.animation is None:
        return 0
    with open_picture(info.path, tuple(ANIMATED_FORMATS)) as picture:
        # A GIF that does not say so is played once.
        return int(picture.info.get("loop", 1 if info.animation == "gif" else 0))


class AnimationWriter:
    """Writes an animation, all at once when it is finished.

    The formats say neither rotation nor pixel shape, so the picture is written upright.

    Use it as a context manager: nothing is left of an unfinished one.
    """

    def __init__(self, info: VideoInfo, out: Path) -> None:
        """Prepare to write frames of ``info`` in the format that the name ``out`` asks for.

        Raises:
            UsageError: ``unknown_container`` if the name is not one of an animation.
        """
        container = animation_container(info, out)
        if container is None:
            raise UsageError(
                "unknown_container",
                f"{out.name} is not the name of an animation.",
                "Use .gif, .webp or .apng.",
            )
        self._info = info
        self._size = (info.orientation.upright_width, info.orientation.upright_height)
        swap = info.orientation.turn[0, 0] == 0
        self._stretched = self._size[::-1] if swap else self._size
        self._out = out
        self._container = container
        self._ticks = ANIMATION_TIME_BASES[container]
        self._reformatter = VideoReformatter()
        self._graph = _palette_graph(self._size, self._ticks) if container == "gif" else None
        form = layout(info.pix_fmt)
        self._alpha = form is None or form.alpha
        self._apng = ApngEncoder() if container == "apng" else None
        self._encoder = None if self._apng else self._open_encoder()
        self._writer = SegmentWriter(scratch_path(out.parent, "packets"))
        self._first: int | None = None
        self._last = -1
        self._length = 1

    def write(self, frame: DecodedFrame | av.VideoFrame) -> None:
        """Add a frame; its time since the first one is kept, rounded to the format's ticks."""
        image = frame.image if isinstance(frame, DecodedFrame) else frame
        pts = image.pts or 0
        self._first = pts if self._first is None else self._first
        length = image.duration or round(1 / (self._info.average_rate * self._info.time_base))
        color = self._info.color
        picture = self._upright(
            self._reformatter.reformat(
                image,
                width=self._stretched[0],
                height=self._stretched[1],
                format="bgra",
                src_colorspace=swscale_space(color),
                src_color_range=2 if color.full_range else 1,
                dst_color_range=2,
            )
        )
        ticks = round((pts - self._first) * self._info.time_base / self._ticks)
        self._last = max(ticks, self._last + 1)
        self._length = max(1, round(length * self._info.time_base / self._ticks))
        picture.time_base, picture.pts, picture.duration = self._ticks, self._last, self._length
        self._encode(picture)

    def finish(self, part: Path, mark: bool = False) -> None:
        """Write the file, inside of `atomic_output`.

        Args:
            part: Where to write it.
            mark: Whether its metadata say that it is synthetic.

        Raises:
            OutputError: ``no_frames``, ``unwritable_output``, ``disk_full`` or ``write_failed``.
            OSError, av.FFmpegError: If it cannot be written.
        """
        if self._first is None:
            raise OutputError("no_frames", f"There is no frame to write to {self._out}.")
        extradata = b""
        if self._encoder is not None:
            self._drain(self._encoder, None)
            extradata = self._encoder.extradata or b""
        packets = self._writer.finish(extradata, self._container)
        times = [int(pts) for pts in packets.pts]
        try:
            if self._encoder is not None:
                self._mux(self._encoder, packets.packets(), times, part)
                if mark:
                    mark_animation(part, self._container)
            else:
                self._write_apng(packets.packets(), times, part, mark)
        finally:
            packets.path.unlink(missing_ok=True)

    def _upright(self, picture: av.VideoFrame) -> av.VideoFrame:
        shape = self._info.orientation
        if not shape.rotated:
            return picture
        pixels = np.ascontiguousarray(shape.apply(picture.to_ndarray()))
        return av.VideoFrame.from_ndarray(pixels, format="bgra")

    def _open_encoder(self) -> VideoCodecContext:
        encoder = cast(
            VideoCodecContext, av.CodecContext.create(ANIMATION_ENCODERS[self._container], "w")
        )
        encoder.width, encoder.height = self._size
        encoder.pix_fmt = "pal8" if self._graph else "bgra"
        encoder.time_base = self._ticks
        if not self._graph:
            encoder.options = {"lossless": "1", "loop": str(loop_count(self._info))}
        encoder.open()
        return encoder

    def _encode(self, picture: av.VideoFrame) -> None:
        if self._apng is not None:
            pixels = picture.to_ndarray()[..., [2, 1, 0, 3][: 3 + self._alpha]]
            with output_errors(self._out):
                data = self._apng.encode(pixels)
                self._writer.add(data, picture.pts or 0, picture.duration or 0, True)
            return
        assert self._encoder is not None  # there is one of the two
        if self._graph is None:
            self._drain(self._encoder, picture)
            return
        self._graph.vpush(picture)
        paletted = self._graph.vpull()
        paletted.pts, paletted.time_base = picture.pts, self._ticks
        paletted.duration = picture.duration
        self._drain(self._encoder, paletted)

    def _drain(self, encoder: VideoCodecContext, picture: av.VideoFrame | None) -> None:
        with output_errors(self._out):
            for packet in encoder.encode(picture):
                self._writer.add(bytes(packet), packet.pts or 0, packet.duration or 0, True)

    def _write_apng(
        self, packets: Iterator[bytes], times: list[int], part: Path, mark: bool
    ) -> None:
        ends = [*times[1:], times[-1] + self._length]
        delays = [(end - start) * self._ticks for start, end in zip(times, ends, strict=True)]
        with part.open("wb") as file:
            plays = loop_count(self._info)
            write_apng(file, self._size, self._alpha, packets, delays, plays, mark)

    def _mux(
        self, encoder: VideoCodecContext, packets: Iterator[bytes], times: list[int], part: Path
    ) -> None:
        loop = loop_count(self._info)
        options = {"loop": str(loop)}
        if self._container == "gif":
            # GIF counts repetitions: -1 means that it is played once.
            options = {"loop": str(-1 if loop == 1 else loop), "final_delay": str(self._length)}
        with av.open(url(part), "w", format=self._container, container_options=options) as out:
            stream = out.add_stream(
                ANIMATION_ENCODERS[self._container], rate=self._info.average_rate
            )
            assert isinstance(stream, av.VideoStream)
            stream.width, stream.height = self._size
            stream.pix_fmt = encoder.pix_fmt
            stream.codec_context.time_base = self._ticks
            stream.time_base = self._ticks
            out.start_encoding()
            for data, pts in zip(packets, times, strict=True):
                if self._container == "webp":
                    data = with_last_duration(data, self._length)
                packet: av.Packet[Any] = av.Packet(data)
                packet.time_base, packet.pts, packet.dts = self._ticks, pts, pts
                packet.stream = stream
                packet.is_keyframe = True
                out.mux(packet)

    def discard(self) -> None:
        """Remove what an unfinished animation left."""
        self._writer.discard()

    def __enter__(self) -> Self:
        """Return the writer."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove what an unfinished animation left."""
        self.discard()


def _palette_graph(size: tuple[int, int], ticks: Fraction) -> Graph:
    graph = Graph()
    bgra = av.VideoFormat("bgra", *size)
    source = graph.add_buffer(width=size[0], height=size[1], format=bgra, time_base=ticks)
    split, palette, use = (graph.add(name, args) for name, args in PALETTE_FILTERS)
    sink = graph.add("buffersink")
    source.link_to(split)
    split.link_to(palette, 0, 0)
    split.link_to(use, 1, 0)
    palette.link_to(use, 0, 1)
    use.link_to(sink)
    graph.configure()
    return graph
