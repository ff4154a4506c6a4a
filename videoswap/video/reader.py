"""`VideoReader`: decoded frames with exact pts. `AnalysisScaler`: their upright RGB pictures."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from fractions import Fraction
from functools import partial
from types import TracebackType
from typing import Self

import av
import cv2
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter

from ..errors import InputError
from ..geometry.affine import resize_matrix
from ..paths import AnyPath
from ..records import Array
from .animated.webp import webp_frames
from .color import swscale_space
from .decoder import DecodedFrame, DecoderRun, ReadProblems
from .hdr import HALF_PREVIEW, PQ_PREVIEW
from .packets import unreadable_file
from .pixel_formats import Repacker, planar, samples
from .probe import VideoInfo, probe
from .sequences.exr import HALF_TRANSFER
from .sequences.reading import picture_frames

# Seconds before the wanted frame to seek to; MPEG-TS and open GOPs need the longer ones.
SEEK_MARGINS = (Fraction(0), Fraction(2), Fraction(8), Fraction(32))


class VideoReader:
    """Reads the frames of one video with their exact times, in order, from any frame on.

    It reads whatever FFmpeg decodes, animated GIF, WebP and PNG, and numbered pictures
    (``frames/%04d.png``). Iterating over it gives all frames.

    Use it as a context manager, or call `close`.

    Example:
        >>> with VideoReader("film.mp4") as reader:  # doctest: +SKIP
        ...     for frame in reader:
        ...         print(frame.pts * reader.info.time_base, reader.rgb(frame).shape)

    Attributes:
        info: The video.
        problems: Faults among the frames read so far.
    """

    def __init__(
        self, source: VideoInfo | AnyPath, threads: int = 0, *, rate: Fraction | None = None
    ) -> None:
        """Prepare to read; a path is probed first.

        Args:
            source: The video, or its path.
            threads: Decoder threads; 0 lets the decoder decide.
            rate: Frames per second of numbered pictures given by their path; None takes 25.

        Raises:
            UsageError: As `probe` does.
            InputError: As `probe` does.
        """
        info = source if isinstance(source, VideoInfo) else probe(source, rate)
        self.info = info
        self.problems = ReadProblems()
        self._threads = threads
        self._repack = Repacker(info.pix_fmt)
        self._frames: Generator[DecodedFrame] | None = None
        self._scaler: AnalysisScaler | None = None

    def __enter__(self) -> Self:
        """Return the reader."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the decoder."""
        self.close()

    def __iter__(self) -> Iterator[DecodedFrame]:
        """Yield all frames, as `frames` does."""
        return self.frames()

    def close(self) -> None:
        """Close the decoder and the file, and end any iteration that is under way."""
        if self._frames is not None:
            self._frames.close()
            self._frames = None

    def rgb(self, frame: DecodedFrame | av.VideoFrame) -> Array:
        """Return a frame as it is shown: (H, W, 3) uint8 RGB, upright, with square pixels."""
        if self._scaler is None:
            self._scaler = AnalysisScaler(self.info, self.info.orientation.upright_height)
        return self._scaler.picture(frame)

    def frames(
        self, first_pts: int | None = None, last_pts: int | None = None
    ) -> Iterator[DecodedFrame]:
        """Yield the frames with ``first_pts <= pts <= last_pts``, strictly increasing.

        A reader reads one part at a time: an earlier iteration ends here, and its decoder is
        closed.

        Args:
            first_pts: First time wanted, in ticks of ``info.time_base``; None for the beginning.
            last_pts: Last time wanted; None for the end.

        Raises:
            InputError: ``no_frames`` if nothing can be decoded; ``changing_video`` if the size
                or the pixel format changes on the way; ``video_changed`` if the file is not the
                one any more that was probed; ``unreadable_file`` if the disk fails.
        """
        self.close()
        self._frames = self._range(first_pts, last_pts)
        return self._frames

    def _range(self, first_pts: int | None, last_pts: int | None) -> Generator[DecodedFrame]:
        try:
            with closing(self._from(first_pts, last_pts)) as frames:
                for frame in frames:
                    if first_pts is not None and frame.pts < first_pts:
                        continue
                    if last_pts is not None and frame.pts > last_pts:
                        return
                    # After decoding, so that the frame is sure to be of the probed file.
                    self.info.check_unchanged()
                    yield DecodedFrame(frame.pts, self._canonical(frame.image))
                    if frame.pts == last_pts:
                        return
        except InputError:
            self.info.check_unchanged()  # if it changed, that is why
            raise
        self.info.check_unchanged()

    def _canonical(self, image: av.VideoFrame) -> av.VideoFrame:
        info = self.info
        if (image.width, image.height) != (info.width, info.height) or (
            planar(image.format.name) != info.pix_fmt
        ):
            if info.sequence is not None:
                raise InputError(
                    "changing_video",
                    f"{info.sequence.files[image.pts or 0]} is {image.width}x{image.height} "
                    f"{image.format.name}, and the first one {info.width}x{info.height} "
                    f"{info.native_pix_fmt}.",
                    "Numbered pictures must be alike.",
                )
            raise InputError(
                "changing_video",
                f"{info.path} changes from {info.width}x{info.height} {info.pix_fmt} to "
                f"{image.width}x{image.height} {image.format.name} on the way.",
                "Cut it into parts of one format each.",
            )
        return self._repack(image)

    def _from(self, first_pts: int | None, last_pts: int | None) -> Generator[DecodedFrame]:
        """Yield frames from ``first_pts`` or before it on."""
        if self.info.sequence is not None:
            pictures = picture_frames(self.info.sequence, first_pts or 0)
            yield from (DecodedFrame(f.pts or 0, f) for f in pictures)
            return
        if self.info.animation == "webp":
            yield from (DecodedFrame(f.pts or 0, f) for f in webp_frames(self.info.path))
            return
        last: int | None = None
        used: DecoderRun | None = None
        with closing(self._decoded(first_pts, self._threads)) as decoded:
            for run, frame in decoded:
                used, last = run, frame.pts
                yield frame
        if last is None or used is None:
            raise InputError("no_frames", f"No frame of {self.info.path} can be decoded.")
        if self._threads != 1 and used.short:
            # Where the end is damaged, several threads lose frames that one hands out.
            with closing(self._decoded(last, 1)) as decoded:
                for _, frame in decoded:
                    if frame.pts > last:
                        yield frame
        expected = used.expected_end(last_pts)
        if expected is not None:
            self._check_over(used, last)
            used.watch.end(expected, last)

    def _check_over(self, used: DecoderRun, last: int) -> None:
        """Check that decoding ended at the end of the file and not at a read error.

        Raises:
            InputError: ``unreadable_file``.
        """
        with closing(DecoderRun(self.info, 1, last)) as again:
            if again.goes_on_after(used.position):
                raise unreadable_file(self.info.path, OSError(errno.EIO, os.strerror(errno.EIO)))

    def _decoded(
        self, first_pts: int | None, threads: int
    ) -> Generator[tuple[DecoderRun, DecodedFrame]]:
        """Yield frames from ``first_pts`` or before it on, and what decodes them."""
        return self._started(first_pts, partial(DecoderRun, self.info, threads))

    def _started(
        self, first_pts: int | None, start: Callable[[int | None], DecoderRun]
    ) -> Generator[tuple[DecoderRun, DecodedFrame]]:
        """Do so with the decoder that ``start`` opens at a pts, or at the beginning for None."""
        if first_pts is not None and first_pts > self.info.start_pts:
            for margin in SEEK_MARGINS:
                target = first_pts - int(margin / self.info.time_base)
                if target <= self.info.start_pts:
                    break
                with closing(start(target)) as run:
                    first = next(run.frames, None)
                    if first is not None and first.pts <= first_pts and run.trusted:
                        self.problems = run.problems
                        yield run, first
                        yield from ((run, frame) for frame in run.frames)
                        return
        with closing(start(None)) as whole:
            self.problems = whole.problems
            yield from ((whole, frame) for frame in whole.frames)


class AnalysisScaler:
    """Scales decoded frames to upright RGB pictures.

    Attributes:
        width: Columns of the pictures.
        height: Rows of the pictures.
        scale: Analysis pixels per upright pixel.
        matrix: (2, 3) float64 affine map from upright to analysis pixels, centres at whole
            numbers.
    """

    def __init__(self, info: VideoInfo, height: int) -> None:
        """Prepare for pictures of about ``height`` rows; never larger than the video."""
        shape = info.orientation
        self.height = max(1, min(height, shape.upright_height))
        self.scale = self.height / shape.upright_height
        self.width = max(1, round(shape.upright_width * self.scale))
        self.matrix = resize_matrix(
            self.width / shape.upright_width, self.height / shape.upright_height
        )
        self._shape = shape
        self._coded = (self.width, self.height)
        if shape.turn[0, 0] == 0:
            self._coded = (self.height, self.width)
        self._space = swscale_space(info.color)
        self._curve = PQ_PREVIEW if info.color.transfer == "pq" else None
        self._half = info.color.transfer == HALF_TRANSFER
        self._reformatter = VideoReformatter()

    def picture(self, frame: DecodedFrame | av.VideoFrame) -> Array:
        """Return the upright picture of a frame, (height, width, 3) uint8 RGB.

        PQ becomes SDR (see `hdr`). HLG stays as it is, since it is made for SDR displays too.
        """
        image = frame.image if isinstance(frame, DecodedFrame) else frame
        if self._half:
            return self._of_half_floats(image)
        small = self._reformatter.reformat(
            image,
            width=self._coded[0],
            height=self._coded[1],
            format="rgb24",
            src_colorspace=self._space,
            interpolation=Interpolation.AREA,
        )
        rows = samples(small.planes[0])[:, : self._coded[0] * 3]
        picture = rows.reshape(self._coded[1], self._coded[0], 3)
        picture = self._shape.apply(picture)
        if self._curve is not None:
            picture = cv2.LUT(picture, self._curve)
        return np.ascontiguousarray(picture)

    def _of_half_floats(self, image: av.VideoFrame) -> Array:
        """Return the picture of an EXR frame: its numbers cannot be averaged as they are."""
        planes = [samples(image.planes[index], 16)[:, : image.width] for index in (2, 0, 1)]
        shown = np.dstack([HALF_PREVIEW[plane] for plane in planes])
        picture = cv2.resize(shown, self._coded, interpolation=cv2.INTER_AREA)
        return np.ascontiguousarray(self._shape.apply(picture))


def upright_picture(info: VideoInfo, frame: DecodedFrame | av.VideoFrame) -> Array:
    """Return a frame as it is shown, at its full size: (H, W, 3) uint8 RGB."""
    return AnalysisScaler(info, info.orientation.upright_height).picture(frame)
