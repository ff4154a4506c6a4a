"""`VideoWriter`: frames with exact times become a video, an animation or numbered pictures."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import av
import cv2
import numpy as np

from ..errors import OutputError, UsageError
from ..paths import AnyPath, is_folder, path_of, real_path
from ..records import Array, Fallback
from ..settings import EncodeSettings
from .animated.animation_writer import (
    AnimationWriter,
    animation_container,
    animation_losses,
    animation_streams,
)
from .decoder import DecodedFrame
from .encoder import SegmentEncoder
from .encoder_context import EncoderPlan
from .encoder_plan import plan_encoder
from .files import atomic_output, scratch_path
from .mux import mux, plan_streams
from .pixel_formats import layout, samples
from .planes import write_rgb
from .probe import VideoInfo
from .sequences.pattern import is_numbered
from .sequences.writing import SEQUENCE_CONTAINER, plan_pictures, write_pictures


class VideoWriter:
    """Writes frames with exact times to a video, an animation or numbered pictures.

    The suffix of the path chooses the container: ``.mp4``, ``.mkv``, ``.mov``, ``.webm`` and so
    on; ``.gif``, ``.webp`` and ``.apng`` for animations; a pattern such as ``out/%04d.png`` for
    numbered pictures. Every frame keeps its pts, except where the container rounds times, which
    is noted. The result appears under its name when `close` returns, and not at all after an
    error.

    Use it as a context manager: it closes at the end of the block, or discards everything if the
    block raises.

    Example:
        >>> with VideoReader("in.mp4") as reader:  # doctest: +SKIP
        ...     with VideoWriter("out.mkv", reader.info) as writer:
        ...         for frame in reader:
        ...             writer.write(frame)

    Attributes:
        notes: Deviations from what was asked or expected; complete after `close`.
    """

    def __init__(
        self,
        path: AnyPath,
        info: VideoInfo,
        *,
        settings: EncodeSettings | None = None,
        copy_streams: bool = False,
        overwrite: bool = False,
    ) -> None:
        """Choose the encoder and open it.

        Args:
            path: The result.
            info: Describes the frames: size, pixel format, color, orientation, time base. It is
                `VideoReader.info` of the video they come from, or `VideoInfo.of_frame`.
            settings: How to encode; None takes the defaults.
            copy_streams: Whether sound, subtitles, chapters and metadata are copied from the file
                that ``info`` describes. Animations and numbered pictures hold none of them.
            overwrite: Whether a file of that name is replaced.

        Raises:
            UsageError: ``unknown_container``, ``unknown_encoder``, ``container_codec``,
                ``lossy_pix_fmt``, ``bad_crf``, ``encoder_refused`` and the like if the settings
                do not fit the container or the frames; ``nothing_to_copy`` if there is no file to
                copy streams from; ``wrong_type``.
            OutputError: ``output_exists``, ``output_is_input``, ``no_output_folder`` or
                ``unwritable_output``.
            InputError: If streams are to be copied from a file that cannot be read.
        """
        self._path = path_of("path", path)
        self._info = info
        self._last: int | None = None
        self._done = False
        settings = settings or EncodeSettings()
        if copy_streams and info.stream_index < 0:
            raise UsageError(
                "nothing_to_copy",
                "There is no file to copy streams from.",
                "Leave copy_streams out, or give the VideoInfo of a file.",
            )
        _check_free(self._path, info, overwrite)
        self._target = _open_target(self._path, info, settings, copy_streams, overwrite)
        self.notes = self._target.notes

    def write(self, frame: DecodedFrame | av.VideoFrame | Array, pts: int | None = None) -> None:
        """Add a frame.

        Args:
            frame: A frame of the size and pixel format of ``info``, which is encoded with the
                time set on it, or an (H, W, 3) uint8 RGB
                array as `VideoReader.rgb` gives it, which is converted to that format, rotation
                and pixel shape; alpha becomes opaque.
            pts: Time in ticks of ``info.time_base``, later than that of the last frame. None takes
                the frame's own.

        Raises:
            UsageError: ``wrong_frame`` if size, format or type do not fit; ``wrong_pts`` if the
                time is missing or not later than the last one; ``writer_closed``.
            OutputError: ``encode_failed``, ``disk_full`` or ``unwritable_output``.
        """
        if self._done:
            raise UsageError("writer_closed", f"The writer of {self._path} is closed.")
        image = self._image(frame)
        if pts is None and not isinstance(frame, np.ndarray):
            pts = frame.pts
        if pts is None or (self._last is not None and pts <= self._last):
            before = "" if self._last is None else f" after {self._last}"
            raise UsageError(
                "wrong_pts",
                f"A frame with the pts {pts} cannot be written{before}.",
                "Frames need strictly increasing times.",
            )
        image.pts, image.time_base, self._last = pts, self._info.time_base, pts
        self._target.write(image)

    def close(self) -> None:
        """Complete the file and give it its name. A second call does nothing.

        Raises:
            OutputError: ``no_frames`` if nothing was written; ``output_exists`` if a file appeared
                under the name meanwhile; ``disk_full``, ``unwritable_output``, ``write_failed`` or
                ``verification_failed``.
            InputError: If streams are copied from a file that changed or cannot be read to its end.
        """
        if self._done:
            return
        try:
            if self._last is None:
                raise OutputError("no_frames", f"There is no frame to write to {self._path}.")
            self.notes = self._target.finish()
        finally:
            self.discard()

    def discard(self) -> None:
        """Remove whatever was written, unless the writer is closed."""
        self._done = True
        self._target.discard()

    def _image(self, frame: DecodedFrame | av.VideoFrame | Array) -> av.VideoFrame:
        info = self._info
        if isinstance(frame, np.ndarray):
            return self._of_array(frame)
        image = frame.image if isinstance(frame, DecodedFrame) else frame
        if not isinstance(image, av.VideoFrame):
            raise UsageError("wrong_frame", f"A frame cannot be {type(frame).__name__}.")
        found = (image.width, image.height, image.format.name)
        if found != (info.width, info.height, info.pix_fmt):
            raise UsageError(
                "wrong_frame",
                "A frame of {}x{} {} cannot be written ".format(*found)
                + f"to a video of {info.width}x{info.height} {info.pix_fmt}.",
                "All frames must be as the VideoInfo says.",
            )
        return image

    def _of_array(self, rgb: Array) -> av.VideoFrame:
        info, shape = self._info, self._info.orientation
        if rgb.shape != (shape.upright_height, shape.upright_width, 3) or rgb.dtype != np.uint8:
            raise UsageError(
                "wrong_frame",
                f"An array of {rgb.shape} {rgb.dtype} cannot be written.",
                f"It must be ({shape.upright_height}, {shape.upright_width}, 3) uint8 RGB.",
            )
        rgb = shape.undo(rgb)
        if rgb.shape[:2] != (info.height, info.width):  # pixels that are not square
            rgb = cv2.resize(rgb, (info.width, info.height), interpolation=cv2.INTER_AREA)
        frame = av.VideoFrame(info.width, info.height, info.pix_fmt)
        form = layout(info.pix_fmt)
        if form is not None and form.alpha:
            samples(frame.planes[len(frame.planes) - 1], form.depth)[...] = (1 << form.depth) - 1
        whole = np.full(rgb.shape[:2], 255, np.uint8)
        box = (0, 0, info.width, info.height)
        write_rgb(frame, box, rgb.astype(np.float32), whole, info.color)
        frame.colorspace, frame.color_range = info.color.space_tag, info.color.range_tag
        return frame

    def __enter__(self) -> Self:
        """Return the writer."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file, or discard it after an error."""
        if error is None:
            self.close()
        else:
            self.discard()


class _Target(Protocol):
    """Where frames go: one implementation for each kind of result."""

    notes: tuple[Fallback, ...]

    def write(self, frame: av.VideoFrame) -> None:
        """Add a frame."""

    def finish(self) -> tuple[Fallback, ...]:
        """Complete the result; return all notes."""

    def discard(self) -> None:
        """Remove what is left of temporary files."""


def _open_target(
    path: Path, info: VideoInfo, settings: EncodeSettings, copy_streams: bool, overwrite: bool
) -> _Target:
    if is_numbered(path):
        plan, lost = (
            plan_pictures(info, settings, path),
            _lost(info, SEQUENCE_CONTAINER, copy_streams),
        )
        return _EncodedTarget(path, info, plan, overwrite, lost)
    container = animation_container(info, path)
    if container is not None:
        lost = animation_losses(info, container) + _lost(info, container, copy_streams)
        return _AnimationTarget(path, info, overwrite, lost)
    plan = plan_encoder(info, settings, path)
    if not copy_streams:
        return _EncodedTarget(path, info, plan, overwrite)
    streams = plan_streams(info, plan, settings.audio)
    return _EncodedTarget(path, info, plan, overwrite, streams.notes, settings.audio)


def _lost(info: VideoInfo, container: str, copy_streams: bool) -> tuple[Fallback, ...]:
    return animation_streams(info, container).notes if copy_streams else ()


class _AnimationTarget:
    """An animation, which is encoded in one go."""

    def __init__(
        self, path: Path, info: VideoInfo, overwrite: bool, notes: tuple[Fallback, ...]
    ) -> None:
        self._path, self._overwrite, self.notes = path, overwrite, notes
        self._writer = AnimationWriter(info, path)
        self.write = self._writer.write

    def finish(self) -> tuple[Fallback, ...]:
        with atomic_output(self._path, self._overwrite) as part:
            self._writer.finish(part)
        return self.notes

    def discard(self) -> None:
        self._writer.discard()


class _EncodedTarget:
    """One segment of packets, which becomes a video or numbered pictures."""

    def __init__(
        self,
        path: Path,
        info: VideoInfo,
        plan: EncoderPlan,
        overwrite: bool,
        notes: tuple[Fallback, ...] = (),
        audio: str | None = None,
    ) -> None:
        self._path, self._info, self._plan = path, info, plan
        self._overwrite, self._audio = overwrite, audio
        self._pts: list[int] = []
        self.notes = plan.notes + notes
        self._packets = scratch_path(path.parent, "packets")
        self._encoder = SegmentEncoder(plan, info, self._packets)

    def write(self, frame: av.VideoFrame) -> None:
        self._pts.append(frame.pts or 0)
        self._encoder.encode(frame)

    def finish(self) -> tuple[Fallback, ...]:
        self._encoder.finish()
        if is_numbered(self._path):
            write_pictures([self._packets], self._info, self._pts, self._path, self._overwrite)
            return self.notes
        with atomic_output(self._path, self._overwrite) as part:
            made = mux(
                [self._packets],
                self._info,
                self._plan,
                part,
                self._pts,
                copy_streams=self._audio is not None,
                audio=self._audio or "auto",
            )
            if self._audio is not None:
                self._info.check_unchanged()  # what was copied is of the file that was probed
        return self.notes + made.notes

    def discard(self) -> None:
        self._encoder.discard()
        self._packets.unlink(missing_ok=True)


def _check_free(path: Path, info: VideoInfo, overwrite: bool) -> None:
    """Refuse a name that must not be written.

    Raises:
        OutputError: ``output_is_input``, ``output_exists`` or ``no_output_folder``.
    """
    if info.stream_index >= 0 and real_path(path) == real_path(info.path):
        raise OutputError("output_is_input", f"{path} is also an input.", "Name another output.")
    if path.exists() and not overwrite:
        raise OutputError("output_exists", f"{path} exists already.", "Name another output.")
    if not is_folder(path.parent):
        raise OutputError(
            "no_output_folder", f"There is no folder {path.parent}.", "Make it first."
        )
