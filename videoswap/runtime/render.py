"""The second pass: decode, crop, swap, paste, encode, segment by segment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import av
import numpy as np

from ..blending.paste import paste
from ..cropping import FrameSurface, covered_pixels, cut
from ..errors import InputError
from ..media.encoder import EncoderPlan, SegmentEncoder
from ..media.probe import VideoInfo
from ..media.reader import DecodedFrame, VideoReader
from ..media.segment import EncodedSegment
from ..records import Array, Crop, Face, SwappedCrop
from ..swappers.base import Identity, Swapper
from .segments import Segment
from .stages import Pipeline, Stage, StageTime

FacesBetween = Callable[[int, int], Mapping[int, Sequence[tuple[int, Face]]]]


@dataclass(frozen=True, slots=True)
class Casting:
    """What one track gets.

    Attributes:
        source: Index of the source identity.
        size: Side of its crops, one for the whole track so that nothing pops.
    """

    source: int
    size: int


@dataclass(frozen=True, slots=True, eq=False)
class FrameJob:
    """A frame on its way through the stages.

    Attributes:
        segment: Segment that the frame belongs to.
        frame: The frame; its planes hold the result once it was pasted.
        crops: The faces cut out of it.
        swapped: What the engine made of them, in the same order.
        mask: (H, W) uint8 coded pixels: where the frame was changed; None if nobody asks.
    """

    segment: Segment
    frame: DecodedFrame
    crops: tuple[Crop, ...] = ()
    swapped: tuple[SwappedCrop, ...] = ()
    mask: Array | None = None


class FrameSink(Protocol):
    """Takes finished frames in order."""

    def encode(self, frame: DecodedFrame | av.VideoFrame) -> None:
        """Take the next frame."""


def cast(faces: Sequence[Face], source: int, swapper: Swapper) -> Casting:
    """Choose the crop size of a track: large enough for all but its few largest faces."""
    sides = [covered_pixels(face, swapper.spec) for face in faces]
    return Casting(source, swapper.spec.size_for(float(np.percentile(sides, 90))))


@dataclass(frozen=True, slots=True, eq=False)
class Renderer:
    """Everything the second pass needs, and the pass itself.

    Attributes:
        info: The source video.
        faces_between: The smoothed faces of a stretch of video: pts to (track, face).
        casting: The tracks that are swapped.
        swapper: The engine.
        identities: The source identities.
        batch_size: Crops given to the engine at once.
        decoder_threads: Threads of the decoder; 0 lets it decide.
    """

    info: VideoInfo
    faces_between: FacesBetween
    casting: Mapping[int, Casting]
    swapper: Swapper
    identities: Sequence[Identity]
    batch_size: int
    decoder_threads: int = 0

    def pieces(
        self,
        segments: Sequence[Segment],
        plan: EncoderPlan,
        folder: Path,
        mask_plan: EncoderPlan | None,
        on_frame: Callable[[FrameJob], None],
    ) -> tuple[list[Path], list[Path], list[StageTime]]:
        """Encode every segment into a piece on disk; pieces that are there already are kept.

        Args:
            segments: The segments, in order.
            plan: How the result is encoded.
            folder: Where the pieces are kept.
            mask_plan: How masks are encoded; None for no masks.
            on_frame: Called after each frame.

        Returns:
            Paths of the pieces, of the masks' pieces (empty without), and the stage times.
        """
        videos = [folder / f"{segment.number:06d}.piece" for segment in segments]
        masks = [folder / f"{segment.number:06d}.mask" for segment in segments]
        missing = [
            segment
            for segment in segments
            if not _complete(videos[segment.number], segment)
            or (mask_plan is not None and not _complete(masks[segment.number], segment))
        ]

        def encode(jobs: Iterator[FrameJob]) -> Iterator[FrameJob]:
            for segment in missing:
                with (
                    SegmentEncoder(plan, self.info, videos[segment.number]) as video,
                    _MaskEncoder(mask_plan, self.info, masks[segment.number]) as mask,
                ):
                    for _, job in zip(segment.pts, jobs, strict=False):
                        mask.encode(job)
                        video.encode(job.frame)
                        yield job
                    mask.finish()
                    video.finish()

        times = self._run(missing, mask_plan is not None, encode, on_frame)
        return videos, masks if mask_plan is not None else [], times

    def stream(
        self,
        segments: Sequence[Segment],
        sink: FrameSink,
        on_frame: Callable[[FrameJob], None],
    ) -> list[StageTime]:
        """Render into one sink, for formats that cannot be joined from pieces."""

        def encode(jobs: Iterator[FrameJob]) -> Iterator[FrameJob]:
            for job in jobs:
                sink.encode(job.frame)
                yield job

        return self._run(segments, False, encode, on_frame)

    def _run(
        self,
        segments: Sequence[Segment],
        masked: bool,
        encode: Callable[[Iterator[FrameJob]], Iterable[FrameJob]],
        on_frame: Callable[[FrameJob], None],
    ) -> list[StageTime]:
        def paste_all(jobs: Iterator[FrameJob]) -> Iterator[FrameJob]:
            return (self._paste(job, masked) for job in jobs)

        pipeline = Pipeline()
        stages: list[tuple[str, Stage]] = [
            ("decode", self._decode),
            ("crop", self._crop),
            ("swap", self._swap),
            ("paste", paste_all),
            ("encode", encode),
        ]
        for job in pipeline.run(segments, stages):
            on_frame(job)
        return pipeline.times

    def _decode(self, segments: Iterator[Segment]) -> Iterator[FrameJob]:
        """Decode the frames of the segments; neighbours are read in one go."""
        for stretch in _stretches(segments):
            with VideoReader(self.info, self.decoder_threads) as reader:
                frames = reader.frames(stretch[0].pts[0], stretch[-1].pts[-1])
                for segment in stretch:
                    for pts in segment.pts:
                        frame = next(frames, None)
                        if frame is None or frame.pts != pts:
                            raise InputError(
                                "video_changed",
                                f"{self.info.path} no longer has the frames it was analyzed with.",
                                "Run again with --no_cache.",
                            )
                        yield FrameJob(segment, frame)

    def _crop(self, jobs: Iterator[FrameJob]) -> Iterator[FrameJob]:
        segment: Segment | None = None
        faces: Mapping[int, Sequence[tuple[int, Face]]] = {}
        for job in jobs:
            if job.segment is not segment:
                segment = job.segment
                faces = self.faces_between(segment.pts[0], segment.pts[-1])
            crops = self._cut(job.frame, faces.get(job.frame.pts, ()))
            yield replace(job, crops=crops)

    def _cut(self, frame: DecodedFrame, faces: Sequence[tuple[int, Face]]) -> tuple[Crop, ...]:
        surface = FrameSurface(frame.image, self.info)
        chosen = [(face, track) for track, face in faces if track in self.casting]
        crops = []
        for face, track in sorted(chosen, key=lambda pair: pair[0].size):  # the nearest on top
            part = self.casting[track]
            crop = cut(surface, face, self.swapper.spec, part.size, track, part.source)
            if crop is not None:
                crops.append(crop)
        return tuple(crops)

    def _swap(self, jobs: Iterator[FrameJob]) -> Iterator[FrameJob]:
        """Collect crops of several frames and people until a batch is full."""
        waiting: list[FrameJob] = []
        for job in jobs:
            waiting.append(job)
            count = sum(len(held.crops) for held in waiting)
            if count >= self.batch_size or len(waiting) >= 2 * self.batch_size:
                yield from self._swap_batch(waiting)
                waiting = []
        yield from self._swap_batch(waiting)

    def _swap_batch(self, jobs: Sequence[FrameJob]) -> list[FrameJob]:
        crops = [crop for job in jobs for crop in job.crops]
        results: dict[int, SwappedCrop] = {}
        for size in {crop.pixels.shape[0] for crop in crops}:
            group = [crop for crop in crops if crop.pixels.shape[0] == size]
            for start in range(0, len(group), self.batch_size):
                batch = group[start : start + self.batch_size]
                swapped = self.swapper.swap(batch, self.identities)
                results.update((id(crop), made) for crop, made in zip(batch, swapped, strict=True))
        return [
            replace(job, swapped=tuple(results[id(crop)] for crop in job.crops)) for job in jobs
        ]

    def _paste(self, job: FrameJob, masked: bool) -> FrameJob:
        surface = FrameSurface(job.frame.image, self.info)
        mask = np.zeros(surface.shape, np.uint8) if masked else None
        for crop, swapped in zip(job.crops, job.swapped, strict=True):
            written = paste(surface, crop, swapped)
            if written is not None and mask is not None:
                (x0, y0, x1, y1), part = written
                np.maximum(mask[y0:y1, x0:x1], part, out=mask[y0:y1, x0:x1])
        return replace(job, mask=mask)


class _MaskEncoder:
    """Encodes the masks beside the frames; does nothing without a plan."""

    def __init__(self, plan: EncoderPlan | None, info: VideoInfo, path: Path) -> None:
        self._encoder = SegmentEncoder(plan, info, path) if plan is not None else None

    def encode(self, job: FrameJob) -> None:
        if self._encoder is None or job.mask is None:
            return
        frame = av.VideoFrame.from_ndarray(job.mask, format="gray")
        frame.pts, frame.time_base = job.frame.pts, job.frame.image.time_base
        frame.duration = job.frame.image.duration
        self._encoder.encode(frame)

    def finish(self) -> None:
        if self._encoder is not None:
            self._encoder.finish()

    def __enter__(self) -> _MaskEncoder:
        return self

    def __exit__(self, *details: object) -> None:
        if self._encoder is not None:
            self._encoder.__exit__(None, None, None)


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


def _stretches(segments: Iterable[Segment]) -> Iterator[list[Segment]]:
    """Group segments that follow each other without a gap."""
    stretch: list[Segment] = []
    for segment in segments:
        if stretch and segment.number != stretch[-1].number + 1:
            yield stretch
            stretch = []
        stretch.append(segment)
    if stretch:
        yield stretch
