"""Segments, the units in which a video is rendered, kept and joined: their plan and their files."""

from __future__ import annotations

import ctypes
import ctypes.util
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import av

from ..errors import InputError
from ..records import Array
from ..video.decoder import DecodedFrame
from ..video.encoder import SegmentEncoder
from ..video.encoder_context import EncoderPlan
from ..video.probe import VideoInfo
from ..video.segment import EncodedSegment
from .failed_swaps import FailedSwaps


@dataclass(frozen=True, slots=True)
class Segment:
    """Consecutive frames that are encoded together.

    Attributes:
        number: Position among the segments, from 0.
        pts: Presentation times of its frames, ascending.
        before: Those of the frames of the same shot just before it, which filters over time use;
            ascending.
        after: Those of the frames of the same shot just after it.
        copied: Whether its packets are copied from the video.
        first: Number of its first frame in the video.
    """

    number: int
    pts: tuple[int, ...]
    before: tuple[int, ...] = ()
    after: tuple[int, ...] = ()
    copied: bool = False
    first: int = 0


def plan_segments(
    pts: Array,
    scenes: Array,
    longest: int,
    context: int = 0,
    runs: Sequence[tuple[int, int]] = (),
    copied: bool = True,
) -> tuple[Segment, ...]:
    """Split a video into segments: at scene changes, none very short, none over ``longest`` frames.

    Args:
        pts: (N,) int64, ascending.
        scenes: (N,) numbers of the shots.
        longest: Most frames in a segment.
        context: Most neighbouring frames that a segment names on either side.
        runs: First index and index after the last of frames that begin and end a segment,
            ascending.
        copied: Whether each run is one segment, however long, whose packets are copied. All other
            segments are the same either way.
    """
    segments: list[Segment] = []
    edges = {edge for run in runs for edge in run}
    ends_of_copies = dict(runs) if copied else {}
    first = 0
    for index in range(1, len(pts) + 1):
        length = index - first
        end_of_copy = ends_of_copies.get(first)
        at_cut = index < len(pts) and scenes[index] != scenes[index - 1]
        ends = index == len(pts) or index in edges
        ends |= length == longest or (at_cut and 2 * length >= longest)
        if (ends and end_of_copy is None) or index == end_of_copy:
            before = _same_shot(pts, scenes, first, range(max(0, first - context), first))
            after = _same_shot(pts, scenes, index - 1, range(index, min(len(pts), index + context)))
            times = tuple(int(value) for value in pts[first:index])
            copied_here = end_of_copy is not None
            segments.append(Segment(len(segments), times, before, after, copied_here, first))
            first = index
    return tuple(segments)


def _same_shot(pts: Array, scenes: Array, frame: int, others: range) -> tuple[int, ...]:
    return tuple(int(pts[other]) for other in others if scenes[other] == scenes[frame])


class FrameSink(Protocol):
    """Takes finished frames in order, where a format cannot be joined from segments."""

    def write(self, frame: DecodedFrame | av.VideoFrame) -> None:
        """Take the next frame."""


class SegmentWriter(Protocol):
    """A segment while it is being written."""

    def write(self, frame: DecodedFrame, mask: Array | None, changed: bool) -> None:
        """Take the next frame.

        Args:
            frame: The frame.
            mask: (H, W) uint8 coded pixels: where it was changed; None if nobody asks.
            changed: Whether anything of a swap is to be seen in it.
        """

    def finish(self) -> None:
        """Complete the segment."""


class RenderOutputs(Protocol):
    """Where the frames of a render go.

    Attributes:
        masked: Whether the masks are wanted too.
    """

    @property
    def masked(self) -> bool:
        """Whether the masks are wanted too."""

    def open(self, segment: Segment, info: VideoInfo) -> AbstractContextManager[SegmentWriter]:
        """Open what takes the frames of a segment."""


@dataclass(frozen=True, slots=True, eq=False)
class SegmentOutputs:
    """Where the frames of a render go: into the files of segments, or into a sink.

    Attributes:
        folder: Where the files are kept.
        plan: How segments of the video are encoded; None if a sink takes the frames.
        mask_plan: How segments of the masks are encoded; None for no masks.
        sink: Takes the frames of formats that cannot be joined from segments.
        failed: Swaps that came out wrong, which are kept with their segment.
    """

    folder: Path
    plan: EncoderPlan | None
    mask_plan: EncoderPlan | None
    sink: FrameSink | None = None
    failed: FailedSwaps = field(default_factory=FailedSwaps)

    @property
    def masked(self) -> bool:
        """Whether the masks are wanted too."""
        return self.mask_plan is not None

    def video(self, segment: Segment) -> Path:
        """Return the path of a segment of the video."""
        return self.folder / f"{segment.number:06d}.segment"

    def mask(self, segment: Segment) -> Path:
        """Return the path of a segment of the masks."""
        return self.folder / f"{segment.number:06d}.mask"

    def needs(self, segment: Segment) -> bool:
        """Tell whether a segment is still to be rendered."""
        if self.sink is not None or not _complete(self.video(segment), segment):
            return True
        return self.mask_plan is not None and not _complete(self.mask(segment), segment)

    def discard(self, segments: Iterable[Segment]) -> None:
        """Remove the files of segments that must not be used again."""
        for segment in segments:
            self.video(segment).unlink(missing_ok=True)
            self.mask(segment).unlink(missing_ok=True)

    @contextmanager
    def open(self, segment: Segment, info: VideoInfo) -> Iterator[SegmentWriter]:
        """Open the encoders of a segment; unfinished files are removed at the end."""
        give_back_memory()  # of the analysis, or of the encoders before these
        with ExitStack() as stack:
            video = mask = None
            if self.plan is not None:
                video = stack.enter_context(SegmentEncoder(self.plan, info, self.video(segment)))
            if self.mask_plan is not None:
                mask = stack.enter_context(SegmentEncoder(self.mask_plan, info, self.mask(segment)))
            yield _Writer(video, mask, self.sink, lambda: self.failed.of(segment.number))


@dataclass(slots=True, eq=False)
class _Writer:
    video: SegmentEncoder | None
    mask: SegmentEncoder | None
    sink: FrameSink | None
    failed: Callable[[], tuple[tuple[int, int, str], ...]]
    changed: int = 0

    def write(self, frame: DecodedFrame, mask: Array | None, changed: bool) -> None:
        self.changed += changed
        if self.mask is not None and mask is not None:
            grey = av.VideoFrame.from_ndarray(mask, format="gray")
            grey.pts, grey.time_base = frame.pts, frame.image.time_base
            grey.duration = frame.image.duration
            self.mask.encode(grey)
        if self.video is not None:
            self.video.encode(frame)
        if self.sink is not None:
            self.sink.write(frame)

    def finish(self) -> None:
        for encoder in (self.video, self.mask):
            if encoder is not None:
                encoder.finish(self.changed, self.failed())


def _complete(path: Path, segment: Segment) -> bool:
    """Whether the file of an earlier, interrupted run can be used; a damaged one is removed."""
    if not path.exists():
        return False
    try:
        encoded = EncodedSegment.load(path)
    except InputError:
        path.unlink()
        return False
    return tuple(sorted(int(pts) for pts in encoded.pts)) == segment.pts


def give_back_memory() -> None:
    """Return free heap pages to the system where the C library can (glibc); else do nothing.

    What the analysis and the encoders of each segment free, by many threads, leaves holes that the
    next encoder does not quite fit into.
    """
    if sys.platform != "linux":
        return
    library = ctypes.CDLL(ctypes.util.find_library("c") or "libc.so.6")
    trim = getattr(library, "malloc_trim", None)
    if trim is not None:
        trim(0)


def stretches(segments: Iterator[Segment]) -> Iterator[list[Segment]]:
    """Group segments that follow each other without a gap."""
    stretch: list[Segment] = []
    for segment in segments:
        if stretch and segment.number != stretch[-1].number + 1:
            yield stretch
            stretch = []
        stretch.append(segment)
    if stretch:
        yield stretch
