"""Where rendered frames go: pieces on disk for videos, one writer for animated pictures."""

from __future__ import annotations

import ctypes
import ctypes.util
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import av

from ..errors import InputError
from ..records import Array, Crop, SwappedCrop
from ..video.encoder import SegmentEncoder
from ..video.encoder_context import EncoderPlan
from ..video.probe import VideoInfo
from ..video.reader import DecodedFrame
from ..video.segment import EncodedSegment
from .segments import Segment


@dataclass(frozen=True, slots=True, eq=False)
class FrameJob:
    """A frame on its way through the stages.

    Attributes:
        segment: Segment that the frame belongs to.
        frame: The frame; its planes hold the result once it was pasted.
        crops: The faces cut out of it.
        swapped: What the engine made of them, in the same order.
        mask: (H, W) uint8 coded pixels: where the frame was changed; None if nobody asks.
        context: Whether it is only looked at by its neighbours and not part of the segment.
        changed: Whether any of the swaps left something to be seen in it.
    """

    segment: Segment
    frame: DecodedFrame
    crops: tuple[Crop, ...] = ()
    swapped: tuple[SwappedCrop, ...] = ()
    mask: Array | None = None
    context: bool = False
    changed: bool = False


class FrameSink(Protocol):
    """Takes finished frames in order."""

    def write(self, frame: DecodedFrame | av.VideoFrame) -> None:
        """Take the next frame."""


class Piece(Protocol):
    """One segment while it is being written."""

    def write(self, job: FrameJob) -> None:
        """Take the next frame."""

    def finish(self) -> None:
        """Complete the segment."""


@dataclass(frozen=True, slots=True, eq=False)
class Outputs:
    """Where the frames of a render go.

    Attributes:
        folder: Where pieces are kept.
        plan: How video pieces are encoded; None if a sink takes the frames.
        mask_plan: How pieces of the masks are encoded; None for no masks.
        sink: Takes the frames of formats that cannot be joined from pieces.
    """

    folder: Path
    plan: EncoderPlan | None
    mask_plan: EncoderPlan | None
    sink: FrameSink | None = None

    def video(self, segment: Segment) -> Path:
        """Return the path of a segment's video piece."""
        return self.folder / f"{segment.number:06d}.piece"

    def mask(self, segment: Segment) -> Path:
        """Return the path of a segment's piece of the masks."""
        return self.folder / f"{segment.number:06d}.mask"

    def needs(self, segment: Segment) -> bool:
        """Tell whether a segment is still to be rendered."""
        if self.sink is not None or not _complete(self.video(segment), segment):
            return True
        return self.mask_plan is not None and not _complete(self.mask(segment), segment)

    def discard(self, segments: Iterable[Segment]) -> None:
        """Remove pieces that must not be used again."""
        for segment in segments:
            self.video(segment).unlink(missing_ok=True)
            self.mask(segment).unlink(missing_ok=True)

    @contextmanager
    def open(self, segment: Segment, info: VideoInfo) -> Iterator[Piece]:
        """Open the encoders of a segment; unfinished pieces are removed at the end."""
        give_back_memory()  # of the analysis, or of the encoders before these
        with ExitStack() as stack:
            video = mask = None
            if self.plan is not None:
                video = stack.enter_context(SegmentEncoder(self.plan, info, self.video(segment)))
            if self.mask_plan is not None:
                mask = stack.enter_context(SegmentEncoder(self.mask_plan, info, self.mask(segment)))
            yield _Piece(video, mask, self.sink)


@dataclass(slots=True, eq=False)
class _Piece:
    video: SegmentEncoder | None
    mask: SegmentEncoder | None
    sink: FrameSink | None
    changed: int = 0

    def write(self, job: FrameJob) -> None:
        self.changed += job.changed
        if self.mask is not None and job.mask is not None:
            frame = av.VideoFrame.from_ndarray(job.mask, format="gray")
            frame.pts, frame.time_base = job.frame.pts, job.frame.image.time_base
            frame.duration = job.frame.image.duration
            self.mask.encode(frame)
        if self.video is not None:
            self.video.encode(job.frame)
        if self.sink is not None:
            self.sink.write(job.frame)

    def finish(self) -> None:
        for encoder in (self.video, self.mask):
            if encoder is not None:
                encoder.finish(self.changed)


def _complete(path: Path, segment: Segment) -> bool:
    """Whether a piece of an earlier, interrupted run can be used; a damaged one is removed."""
    if not path.exists():
        return False
    try:
        piece = EncodedSegment.load(path)
    except InputError:
        path.unlink()
        return False
    return tuple(sorted(int(pts) for pts in piece.pts)) == segment.pts


def give_back_memory() -> None:
    """Return free heap pages to the system where the C library can (glibc); else do nothing.

    What the analysis and each segment's encoder free in pieces, by many threads, leaves holes that
    the next encoder does not quite fit into.
    """
    if sys.platform != "linux":
        return
    library = ctypes.CDLL(ctypes.util.find_library("c") or "libc.so.6")
    trim = getattr(library, "malloc_trim", None)
    if trim is not None:
        trim(0)
