"""The second pass: decode, crop, segment occlusion, swap, finish, composite, encode."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ..compositing.composite import composite
from ..compositing.finisher import TEMPORAL_RADIUS, Finisher
from ..compositing.label import Label
from ..crops import FrameSurface, covered_pixels, crop_face
from ..engines.base import Engine, Identity
from ..errors import InputError
from ..occlusion.carrying import CARRIED, SmallFace, carry, is_always_looked_at, must_be_looked_at
from ..occlusion.segmenter import OcclusionSegmenter
from ..records import (
    Array,
    Crop,
    Face,
    FrameSwap,
    SwappedCrop,
    TrackSource,
)
from ..threads import ThreadPlan, plan_threads
from ..video.decoder import DecodedFrame
from ..video.nvdec import OnFallback, open_reader
from ..video.probe import VideoInfo
from .encoding import encode_segments
from .failed_swaps import OnFailed, swap_checked
from .pipeline import Pipeline, StageTime, Step, sliding_windows
from .segments import RenderOutputs, Segment, stretches

#: Frames beside one that are of use to it: to the finisher, and to these as they are looked at.
CONTEXT = TEMPORAL_RADIUS + CARRIED
QUEUE_DEPTH = 2  # frames around the swap at least
LEAST_BLURRED_SIZE = 192  # pixels: crops are not made smaller for blur
FINEST_BLUR = 1.17  # pixels, of a face (see `face_blur`) that has detail for every pixel of a crop

FacesBetween = Callable[[int, int, Collection[int]], Mapping[int, Sequence[tuple[int, Face]]]]


@dataclass(frozen=True, slots=True, eq=False)
class FrameJob:
    """A frame on its way through the stages.

    Attributes:
        segment: Segment that the frame belongs to.
        frame: The frame; its planes hold the result once it is composited.
        crops: The faces cut out of it.
        swapped: What the engine made of them, in the same order.
        mask: (H, W) uint8 coded pixels: where the frame was changed; None if nobody asks.
        number: Number of the frame in the video.
        context: How far it is from the frames to be rendered, if it is not one of them, else 0.
        carried: Places of the crops that are not looked at for what is in front of them.
        changed: Whether anything of a swap is to be seen in it.
        faces: In place of crops and swaps where these are tensors, see ``tensor_render``.
    """

    segment: Segment
    frame: DecodedFrame
    crops: tuple[Crop, ...] = ()
    swapped: tuple[SwappedCrop, ...] = ()
    mask: Array | None = None
    number: int = 0
    context: int = 0
    carried: frozenset[int] = frozenset()
    changed: bool = False
    faces: tuple[Any, ...] = ()

    @property
    def count(self) -> int:
        """How many faces it has that are swapped."""
        return len(self.crops) or len(self.faces)


class WantedFace(NamedTuple):
    """A face that is to be swapped: its track, the face, the side of its crop, and its source."""

    track: int
    face: Face
    size: int
    source: int


@dataclass(frozen=True, slots=True, eq=False)
class TrackPlan:
    """What one track gets.

    Attributes:
        sources: What gets which source identity, by time.
        size: Side of its crops, one for the whole track so that nothing pops.
        pts: (n,) int64, the frames it is seen in and gets a source.
        filled: (m,) int64, those of them where its face was not found and is put between its
            neighbors.
    """

    sources: tuple[TrackSource, ...]
    size: int
    pts: Array
    filled: Array

    def source_at(self, pts: int) -> int | None:
        """Return the index of the source identity that a frame gets; None for none."""
        here = np.array([pts], np.int64)
        return next((one.source for one in self.sources if one.covers(here)[0]), None)


def plan_track(
    faces: Iterable[Face],
    sources: tuple[TrackSource, ...],
    engine: Engine,
    *,
    blur: float = 0.0,
) -> TrackPlan:
    """Choose the crop size of a track.

    It is large enough for all but the few largest faces, but no larger than a blurred film has
    detail for.

    Args:
        faces: The faces of the track.
        sources: What it gets.
        engine: The engine.
        blur: How blurred the track's faces are, see ``RefinedAnalysis.blur``; 0 for unknown.
    """
    spec = engine.spec
    seen = np.array([(face.pts, covered_pixels(face, spec), face.score) for face in faces])
    wanted = float(np.percentile(seen[:, 1], 90))
    if blur > FINEST_BLUR:
        wanted = max(wanted * FINEST_BLUR / blur, min(wanted, LEAST_BLURRED_SIZE))
    pts = seen[:, 0].astype(np.int64)
    swapped = np.any([one.covers(pts) for one in sources], axis=0)
    filled = pts[swapped & (seen[:, 2] == 0)]
    return TrackPlan(sources, spec.size_for(wanted), pts[swapped], filled)


@dataclass(frozen=True, slots=True, eq=False)
class Renderer:
    """Everything the second pass needs, and the pass itself.

    Attributes:
        info: The source video.
        faces_between: The smoothed faces of some tracks in a stretch of video: pts to (track,
            face).
        plans: The tracks that are swapped, by number.
        engine: The engine.
        identities: The source identities.
        finisher: What fits the swaps to the film.
        segmenter: What finds occluders.
        batch_size: Crops given to the engine at once.
        threads: How its threads share the cores.
        failed: Told of swaps that came out wrong (segment, pts, track, why), in the swap's thread.
        label: What every frame shows besides; None for nothing.
        decoder: What decodes the frames, see ``nvdec.open_reader``; ``noted`` is told as it is.
        on_tensors: Whether the steps work on tensors.
    """

    on_tensors: ClassVar[bool] = False

    info: VideoInfo
    faces_between: FacesBetween
    plans: Mapping[int, TrackPlan]
    engine: Engine
    identities: Sequence[Identity]
    finisher: Finisher
    segmenter: OcclusionSegmenter
    batch_size: int
    threads: ThreadPlan = field(default_factory=plan_threads)
    failed: OnFailed | None = None
    label: Label | None = None
    decoder: str = "cpu"
    noted: OnFallback | None = None

    def run(
        self,
        segments: Sequence[Segment],
        outputs: RenderOutputs,
        on_frame: Callable[[FrameJob], None],
    ) -> tuple[StageTime, ...]:
        """Render segments.

        Args:
            segments: The segments, in order; there may be gaps between them.
            outputs: Where the frames go.
            on_frame: Called after each rendered frame.

        Returns:
            Where the time went.
        """
        pipeline = Pipeline()
        steps = self.steps(segments, outputs)
        for job in pipeline.run(segments, steps):
            on_frame(job)
        return tuple(pipeline.times)

    def steps(self, segments: Sequence[Segment], outputs: RenderOutputs) -> list[Step]:
        """Return the stages that frames of some segments go through."""
        threads = self.threads

        def encode(jobs: Iterator[FrameJob]) -> Iterator[FrameJob]:
            return encode_segments(jobs, segments, outputs, self.info, threads.encoders)

        between = self.steps_between(outputs.masked)
        return [Step("decode", self._decode), *between, Step("encode", encode)]

    def steps_between(self, masked: bool) -> list[Step]:
        """Return the stages between decoding and encoding; ``masked`` if masks are wanted too."""
        threads, batch = self.threads, max(QUEUE_DEPTH, self.batch_size)

        def composited(job: FrameJob) -> FrameJob:
            return self._composite(job, masked)

        return [
            Step("crop", self._crop),
            # A whole batch waits before the swap and behind it, so that nobody waits for one.
            Step(
                "segment_occlusion",
                self._some_looked_at,
                each=self._segment_occlusion,
                workers=threads.occlusion,
                depth=batch,
            ),
            Step("swap", self._swap, depth=batch),
            Step("finish", self.windows, each=self._finish, workers=threads.finish),
            Step("composite", each=composited, workers=threads.composite),
        ]

    def _decode(self, segments: Iterator[Segment]) -> Iterator[FrameJob]:
        """Decode the frames of the segments; neighbours are read in one go."""
        for stretch in stretches(segments):
            before, after = stretch[0].before, stretch[-1].after
            wanted = [(stretch[0], pts, len(before) - k) for k, pts in enumerate(before)]
            wanted += [(segment, pts, 0) for segment in stretch for pts in segment.pts]
            wanted += [(stretch[-1], pts, k) for k, pts in enumerate(after, 1)]
            first = stretch[0].first - len(before)
            threads = self.threads.decoder
            with open_reader(self.decoder, self.info, threads, self.noted) as reader:
                frames = reader.frames(wanted[0][1], wanted[-1][1])
                for number, (segment, pts, apart) in enumerate(wanted, first):
                    frame = next(frames, None)
                    if frame is None or frame.pts != pts:
                        raise InputError(
                            "video_changed",
                            f"{self.info.path} no longer has the frames it was analyzed with.",
                            "Run again with --no_cache.",
                        )
                    yield FrameJob(segment, frame, number=number, context=apart)

    def wanted(self, jobs: Iterator[FrameJob]) -> Iterator[tuple[FrameJob, list[WantedFace]]]:
        """Yield frames with their faces that are to be swapped, the nearest last."""
        segment: Segment | None = None
        faces: Mapping[int, Sequence[tuple[int, Face]]] = {}
        for job in jobs:
            if job.segment is not segment:
                segment = job.segment
                first, last = (*segment.before, *segment.pts)[0], (*segment.pts, *segment.after)[-1]
                faces = self.faces_between(first, last, self.plans)
            here = []
            found = faces.get(job.frame.pts, ())
            for track, face in sorted(found, key=lambda pair: pair[1].size):
                plan = self.plans[track]
                source = plan.source_at(job.frame.pts)
                if source is not None:
                    here.append(WantedFace(track, face, plan.size, source))
            yield job, here

    def _crop(self, jobs: Iterator[FrameJob]) -> Iterator[FrameJob]:
        for job, wanted in self.wanted(jobs):
            surface = FrameSurface(job.frame.image, self.info)
            cut = (
                crop_face(
                    surface,
                    one.face,
                    self.engine.spec,
                    size=one.size,
                    track=one.track,
                    source=one.source,
                )
                for one in wanted
            )
            found = (replace(crop, frame=job.number) for crop in cut if crop is not None)
            yield replace(job, crops=tuple(found))

    def _some_looked_at(self, jobs: Iterator[FrameJob]) -> Iterator[tuple[Sequence[FrameJob], int]]:
        """Find what is in front of the faces of every third frame; yield all with neighbors."""
        looked = (
            replace(job, crops=tuple(map(self.segmenter.segment, job.crops)))
            if is_always_looked_at(job.number)
            else job
            for job in jobs
        )
        yield from sliding_windows(looked, CARRIED, adjoining)

    def _segment_occlusion(self, found: tuple[Sequence[FrameJob], int]) -> FrameJob:
        """Find what is in front of faces of which the frames beside do not tell it, and parts."""
        window, place = found
        job = window[place]
        crops, carried = [], set()
        for number, crop in enumerate(job.crops):
            if not is_always_looked_at(job.number):
                beside = looked_at(window, place, crop)
                small = {apart: SmallFace.of(other) for apart, other in beside.items()}
                if must_be_looked_at(SmallFace.of(crop), small):
                    crop = self.segmenter.segment(crop)
                else:
                    carried.add(number)
            crops.append(self.engine.read_parts(crop))
        return replace(job, crops=tuple(crops), carried=frozenset(carried))

    def _swap(self, jobs: Iterator[FrameJob]) -> Iterator[FrameJob]:
        """Swap the crops of several frames and people in batches of one size."""
        for group in _grouped(_completed(jobs), self.batch_size):
            crops = [crop for job in group for crop in job.crops]
            results: dict[int, SwappedCrop | str] = {}
            for size in {len(crop.pixels) for crop in crops}:
                alike = [crop for crop in crops if len(crop.pixels) == size]
                for start in range(0, len(alike), self.batch_size):
                    batch = alike[start : start + self.batch_size]
                    swapped = swap_checked(self.engine, batch, self.identities)
                    results.update(zip(map(id, batch), swapped, strict=True))
            for job in group:
                yield self._with_swaps(job, [results[id(crop)] for crop in job.crops])

    def _with_swaps(self, job: FrameJob, made: Sequence[SwappedCrop | str]) -> FrameJob:
        """Return a frame with its swaps; faces whose swap is wrong are left as they are."""
        crops, swapped = [], []
        for crop, one in zip(job.crops, made, strict=True):
            if not isinstance(one, str):
                crops.append(crop)
                swapped.append(one)
            elif self.failed is not None and not job.context:
                self.failed(job.segment.number, job.frame.pts, crop.track, one)
        return replace(job, crops=tuple(crops), swapped=tuple(swapped))

    @staticmethod
    def windows(jobs: Iterator[FrameJob]) -> Iterator[tuple[Sequence[FrameJob], int]]:
        """Yield every frame to be rendered with those before and after it, and its place."""
        for window, place in sliding_windows(jobs, TEMPORAL_RADIUS, adjoining):
            if not window[place].context:
                yield window, place

    def _finish(self, found: tuple[Sequence[FrameJob], int]) -> FrameJob:
        """Finish every swap of a frame in view of the frames before and after."""
        window, place = found
        job = window[place]
        finished = []
        for crop, swapped in zip(job.crops, job.swapped, strict=True):
            same, at = _of_track(window, FrameSwap(crop, swapped, frame=place))
            finished.append(self.finisher.finish(same, at))
        return replace(job, swapped=tuple(finished))

    def _composite(self, job: FrameJob, masked: bool) -> FrameJob:
        surface = FrameSurface(job.frame.image, self.info)
        mask = np.zeros(surface.shape, np.uint8) if masked else None
        changed = False
        for crop, swapped in zip(job.crops, job.swapped, strict=True):
            changed |= composite(
                surface,
                crop,
                swapped.pixels,
                mask=swapped.mask,
                grain=self.finisher.grain,
                frame_mask=mask,
            )
        if self.label is not None:
            self.label.draw(surface, mask)
        return replace(job, mask=mask, changed=changed)


def _completed(jobs: Iterator[FrameJob]) -> Iterator[FrameJob]:
    """Give crops that were not looked at what those of the frames beside them show."""
    for window, place in sliding_windows(jobs, CARRIED, adjoining):
        job = window[place]
        if job.context > TEMPORAL_RADIUS:  # of no use but to its neighbors
            yield replace(job, crops=())
            continue
        read = {
            (crop.track, crop.source): crop.parts
            for one in window[max(place - 1, 0) : place + 2]
            for crop in one.crops
            if crop.parts is not None
        }
        crops = []
        for number, crop in enumerate(job.crops):
            if number in job.carried:
                crop = carry(crop, looked_at(window, place, crop))
            parts = read.get((crop.track, crop.source))
            crops.append(crop if parts is crop.parts else replace(crop, parts=parts))
        yield replace(job, crops=tuple(crops))


def looked_at(window: Sequence[FrameJob], place: int, crop: Any) -> dict[int, Any]:
    """Return a face in the frames that are always looked at, by how much later they are."""
    return {
        number - place: other
        for number, job in enumerate(window)
        if number != place and is_always_looked_at(job.number)
        for other in job.crops or job.faces
        if (other.track, other.source) == (crop.track, crop.source)
    }


def _grouped(jobs: Iterator[FrameJob], batch_size: int) -> Iterator[list[FrameJob]]:
    """Group frames until their crops fill a batch."""
    group: list[FrameJob] = []
    for job in jobs:
        group.append(job)
        count = sum(len(held.crops) for held in group)
        if count >= batch_size or len(group) >= 2 * batch_size:
            yield group
            group = []
    yield group


def adjoining(job: FrameJob, following: FrameJob) -> bool:
    """Tell whether frames follow each other without a gap between their segments."""
    return following.segment.number - job.segment.number <= 1


def _of_track(window: Sequence[FrameJob], swap: FrameSwap) -> tuple[list[FrameSwap], int]:
    """Return the swaps of one track and source in a window of frames, and the place of one.

    A track may have holes, so places among its swaps say nothing about the time between them.
    """
    same: list[FrameSwap] = []
    at = 0
    for number, job in enumerate(window):
        if number == swap.frame:
            at = len(same)
            same.append(swap)
            continue
        same += [
            FrameSwap(crop, made, number)
            for crop, made in zip(job.crops, job.swapped, strict=True)
            if (crop.track, crop.source) == (swap.crop.track, swap.crop.source)
        ]
    return same, at
