"""`probe`: what kind of media a file is, and the `VideoInfo` that reading and writing need."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Self

import av
import numpy as np
from av.container import InputContainer
from av.sidedata.sidedata import Type
from av.stream import Disposition
from av.video.stream import VideoStream

from ..errors import InputError, UsageError
from ..paths import AnyPath, path_of
from ..records import Array
from .animated.webp import MILLISECOND, webp_frames
from .color import Color, color_of, side_data
from .files import FileStamp, check_readable, open_input
from .orientation import Orientation, orientation
from .packets import packets
from .pixel_formats import Repacker, planar
from .sequences.exr import HALF_TRANSFER
from .sequences.pattern import is_numbered
from .sequences.reading import PictureSequence, find_sequence, read_frame
from .stills.pillow import (
    READABLE_SUFFIXES,
    animation_format,
    open_picture,
    other_kind,
)

MICROSECOND = Fraction(1, 1_000_000)
MAX_DAMAGED_PACKETS = 500  # so many undecodable packets in a row mean that nothing can be decoded


@dataclass(frozen=True, slots=True, eq=False)
class VideoInfo:
    """A video and how to read it.

    Attributes:
        path: The file; empty if the video is not in a file.
        formats: FFmpeg's names of the container format.
        codec: Name of the video codec.
        stream_index: Index of the video stream in the file, -1 if there is none.
        width: Coded width in pixels.
        height: Coded height in pixels.
        pix_fmt: Planar pixel format that the reader hands out.
        native_pix_fmt: Pixel format that the decoder hands out.
        time_base: Seconds per tick of pts.
        average_rate: Frames per second; a hint only.
        start_pts: pts of the first decoded frame.
        duration: Seconds; a hint from the header, None if it has none.
        frames_hint: Number of frames; a hint from the header, None if it has none.
        color: Meaning of the samples.
        orientation: From coded to upright pixels.
        dolby_vision: Whether frames carry Dolby Vision metadata, which an encode loses.
        animation: ``gif``, ``webp``, ``apng``, or None for a video.
        interlaced: Whether the first frame holds two fields.
        profile: Profile of the codec as FFmpeg names it, None if it has none.
        sequence: The pictures, if these are numbered ones; ``path`` then is their pattern.
        stamp: What tells the file from itself after a change; None if it is not one file.
        other_videos: Streams of the file that are videos too, without cover art.
    """

    path: Path
    formats: tuple[str, ...]
    codec: str
    stream_index: int
    width: int
    height: int
    pix_fmt: str
    native_pix_fmt: str
    time_base: Fraction
    average_rate: Fraction
    start_pts: int
    duration: Fraction | None
    frames_hint: int | None
    color: Color
    orientation: Orientation
    dolby_vision: bool
    animation: str | None
    interlaced: bool = False
    profile: str | None = None
    sequence: PictureSequence | None = None
    stamp: FileStamp | None = None
    other_videos: tuple[int, ...] = ()

    @classmethod
    def of_frame(
        cls, frame: av.VideoFrame | Array, *, time_base: Fraction, rate: Fraction | None = None
    ) -> Self:
        """Describe a video that is not in a file by one of its frames.

        Args:
            frame: A frame, or an (H, W, 3) uint8 RGB array.
            time_base: Seconds per tick of pts.
            rate: Frames per second, a hint for encoders; None takes 25.

        Raises:
            InputError: ``unsupported_pixels`` or ``unsupported_color``.
        """
        if not isinstance(frame, av.VideoFrame):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
        pix_fmt = checked_planar(frame.format.name, Path("the frames"))
        return cls(
            path=Path(),
            formats=(),
            codec="rawvideo",
            stream_index=-1,
            width=frame.width,
            height=frame.height,
            pix_fmt=pix_fmt,
            native_pix_fmt=frame.format.name,
            time_base=time_base,
            average_rate=rate or Fraction(25),
            start_pts=0,
            duration=None,
            frames_hint=None,
            color=color_of(Repacker(pix_fmt)(frame)),
            orientation=orientation(frame.width, frame.height),
            dolby_vision=False,
            animation=None,
        )

    def check_unchanged(self) -> None:
        """Make sure that the file is still the one that was probed.

        Raises:
            InputError: ``video_changed``, or ``missing_file`` and the like if it is gone.
        """
        if self.stamp is not None and FileStamp.of(self.path) != self.stamp:
            raise InputError(
                "video_changed",
                f"{self.path} changed while it was being read.",
                "Run it again once nothing writes to it any more.",
            )


def media_kind(path: Path) -> str:
    """Tell by its content whether a file is a ``video``, an ``animation`` or an ``image``.

    Raises:
        InputError: If it is none of them, missing, empty or a directory.
    """
    if is_numbered(path):
        return "video"
    check_readable(path)
    if animation_format(path):
        return "animation"
    try:
        with open_picture(path):
            return "image"
    except InputError as error:
        if error.code == "picture_too_large":
            return "image"
        if error.code != "not_a_picture":
            raise
        no_picture = error
    try:
        with open_input(path) as container:
            find_video(container, path)
    except InputError as error:
        meant = path.suffix.lower() in READABLE_SUFFIXES or other_kind(path) is not None
        raise (no_picture if error.code == "not_media" and meant else error) from None
    return "video"


def _videos(container: InputContainer) -> list[VideoStream]:
    """Return the streams that can be decoded and are no cover art."""
    videos = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    return [s for s in videos if s.codec_context is not None]


def find_video(container: InputContainer, path: Path) -> VideoStream:
    """Return the video stream to work on; cover art does not count.

    Raises:
        InputError: ``no_video_stream``.
    """
    videos = _videos(container)
    if not videos:
        raise InputError(
            "no_video_stream", f"{path} has no video stream.", "A sound file cannot be swapped."
        )
    defaults = [s for s in videos if s.disposition & Disposition.default]
    return (defaults or videos)[0]


def probe(path: AnyPath, rate: Fraction | None = None) -> VideoInfo:
    """Open a video, decode its first frame and describe it.

    Args:
        path: The video, or a pattern such as frames/%04d.png for numbered pictures.
        rate: Frames per second of numbered pictures; None takes 25.

    Raises:
        UsageError: ``fps_of_video`` if a rate is given for anything else; ``wrong_type``.
        InputError: ``missing_file``, ``is_directory``, ``empty_file``, ``not_media``,
            ``no_video_stream``, ``no_frames``, ``unsupported_pixels`` or ``unsupported_color``.
    """
    path = path_of("path", path)
    if is_numbered(path):
        return _describe_sequence(path, find_sequence(path, rate))
    if rate is not None:
        raise UsageError("fps_of_video", "--fps is for numbered pictures.", "Leave it out.")
    check_readable(path)
    stamp = FileStamp.of(path)
    animation = animation_format(path)
    if animation == "webp":
        return replace(_describe_webp(path), stamp=stamp)
    if animation is None:
        _refuse_still(path)

    with open_input(path) as container:
        stream = find_video(container, path)
        frame = _first_frame(container, stream, path)
        others = tuple(s.index for s in _videos(container) if s.index != stream.index)
        info = _describe(path, container, stream, frame, animation)
        return replace(info, stamp=stamp, other_videos=others)


def _refuse_still(path: Path) -> None:
    """Say it if the file is a picture, which FFmpeg might take for a video; a GIF is a short one.

    Raises:
        InputError: ``not_media``.
    """
    try:
        with open_picture(path) as file:
            if file.format == "GIF":
                return
    except InputError as error:
        if error.code == "not_a_picture":
            return
    raise InputError(
        "not_media", f"{path} is a picture, not a video.", "Give it as --target_image."
    )


def probe_orientation(path: Path) -> Orientation:
    """Return how the picture of a video is turned and stretched.

    Raises:
        InputError: As ``probe`` does.
    """
    with open_input(path) as container:
        stream = find_video(container, path)
        frame = _first_frame(container, stream, path)
        return _orientation(frame, stream)


def _orientation(frame: av.VideoFrame, stream: VideoStream) -> Orientation:
    matrix = side_data(frame).get(Type.DISPLAYMATRIX)
    return orientation(frame.width, frame.height, matrix, stream.sample_aspect_ratio)


def _describe(
    path: Path,
    container: InputContainer,
    stream: VideoStream,
    frame: av.VideoFrame,
    animation: str | None,
) -> VideoInfo:
    native = frame.format.name
    pix_fmt = checked_planar(native, path)
    extra = side_data(frame)
    time_base = stream.time_base or Fraction(1, 1000)
    duration: Fraction | None = None
    if stream.duration is not None:
        duration = Fraction(stream.duration * time_base)
    elif container.duration is not None:
        duration = container.duration * MICROSECOND
    return VideoInfo(
        path=path,
        formats=tuple(container.format.name.split(",")),
        codec=stream.codec_context.codec.canonical_name,
        stream_index=stream.index,
        width=frame.width,
        height=frame.height,
        pix_fmt=pix_fmt,
        native_pix_fmt=native,
        time_base=time_base,
        average_rate=stream.average_rate or stream.guessed_rate or Fraction(25),
        start_pts=frame.pts if frame.pts is not None else 0,
        duration=duration,
        frames_hint=stream.frames or None,
        color=color_of(Repacker(pix_fmt)(frame)),
        orientation=_orientation(frame, stream),
        dolby_vision=Type.DOVI_METADATA in extra or Type.DOVI_RPU_BUFFER in extra,
        animation=animation,
        interlaced=bool(frame.interlaced_frame),
        profile=stream.codec_context.profile,
    )


def _describe_webp(path: Path) -> VideoInfo:
    first = next(webp_frames(path))
    with open_picture(path, ("WEBP",)) as picture:
        count = int(getattr(picture, "n_frames", 1))
    return VideoInfo(
        path=path,
        formats=("webp",),
        codec="webp",
        stream_index=0,
        width=first.width,
        height=first.height,
        pix_fmt=first.format.name,
        native_pix_fmt="rgba",
        time_base=MILLISECOND,
        average_rate=1 / ((first.duration or 40) * MILLISECOND),
        start_pts=0,
        duration=None,
        frames_hint=count,
        color=color_of(first),
        orientation=orientation(first.width, first.height),
        dolby_vision=False,
        animation="webp",
    )


def _describe_sequence(path: Path, sequence: PictureSequence) -> VideoInfo:
    file = sequence.files[0]
    frame = read_frame(file)
    native = frame.format.name
    pix_fmt = checked_planar(native, file)
    color = color_of(Repacker(pix_fmt)(frame))
    if file.suffix.lower() == ".exr":
        color = replace(color, transfer=HALF_TRANSFER)
    matrix = side_data(frame).get(Type.DISPLAYMATRIX)
    return VideoInfo(
        path=path,
        formats=("image2",),
        codec=file.suffix.lower().lstrip("."),
        stream_index=0,
        width=frame.width,
        height=frame.height,
        pix_fmt=pix_fmt,
        native_pix_fmt=native,
        time_base=1 / sequence.rate,
        average_rate=sequence.rate,
        start_pts=0,
        duration=len(sequence.files) / sequence.rate,
        frames_hint=len(sequence.files),
        color=color,
        orientation=orientation(frame.width, frame.height, matrix),
        dolby_vision=False,
        animation=None,
        sequence=sequence,
    )


def checked_planar(native: str, path: Path) -> str:
    """Return the planar format for a decoder's format.

    Raises:
        InputError: ``unsupported_pixels``.
    """
    pix_fmt = planar(native)
    if pix_fmt is None:
        raise InputError(
            "unsupported_pixels",
            f"The pixel format {native} of {path} is not supported.",
            "Convert the video to yuv420p or yuv444p first.",
        )
    return pix_fmt


def _first_frame(container: InputContainer, stream: VideoStream, path: Path) -> av.VideoFrame:
    bad = 0
    for packet in packets(container, path, [stream]):
        try:
            frames = stream.decode(packet)
        except av.FFmpegError:
            bad += 1
            if bad > MAX_DAMAGED_PACKETS:
                break
            continue
        if frames:
            return frames[0]
    raise InputError(
        "no_frames",
        f"No frame of {path} can be decoded.",
        "The file is damaged or cut short, or its codec is not supported.",
    )
