"""Segments of a video rendered by workers: the same stages as in one process, so the same bits.

Everything about people and faces is decided before; a worker gets the smoothed faces of its
segment and pictures of their tracks, and needs neither the analysis nor the photos.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..compositing.finisher import Finisher
from ..compositing.label import label_for
from ..detection.appearance import Appearance
from ..devices import choose_device
from ..engines.base import Engine, Identity
from ..errors import VideoswapError
from ..executors.base import Executor, Handler, Task, Tell
from ..executors.film import Film
from ..fingerprint import code_digest, library_versions
from ..occlusion.segmenter import OcclusionSegmenter
from ..records import Array, Face, Fallback
from ..rendering.pipeline import StageTime
from ..rendering.render import Renderer, TrackPlan
from ..rendering.segments import Segment, SegmentOutputs
from ..rendering.step_choice import renderer_kind
from ..settings import SwapSettings
from ..threads import MOST_DECODER_THREADS, plan_threads, stages_share_the_cores
from ..tracking.analysis import RefinedAnalysis
from ..video.encoder_context import EncoderPlan
from ..video.files import output_errors
from ..video.probe import VideoInfo
from .context import JobContext, load_swapper


@dataclass(frozen=True, slots=True, eq=False)
class SegmentFaces:
    """A segment and what is to be known of its faces.

    Attributes:
        segment: The segment.
        faces: (track, face) pairs by pts, smoothed, of its frames and their neighbours.
        appearances: Pictures of the face of each of these tracks.
    """

    segment: Segment
    faces: Mapping[int, Sequence[tuple[int, Face]]]
    appearances: Mapping[int, Sequence[Appearance]]


@dataclass(frozen=True, slots=True, eq=False)
class RenderedSegment:
    """A segment that a worker rendered.

    Attributes:
        stages: Where the time went.
        files: Names and bytes of its files, where the worker has no access to the folder.
        notes: What the worker's engine and decoder did otherwise than expected in it.
    """

    stages: tuple[StageTime, ...]
    files: Mapping[str, bytes]
    notes: tuple[Fallback, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class SegmentWork:
    """What all segments of a video need.

    Attributes:
        settings: The settings, with the engine by its name.
        keys: See `worker_keys`.
        info: The video.
        film: How workers get at it.
        plans: The tracks that are swapped, by number.
        identities: The source identities.
        batch_size: Crops given to the engine at once.
        encoder: How segments are encoded.
        mask_encoder: How masks are encoded; None for no masks.
        folder: Where the files go; None gives them back.
        tensors: Whether the steps work on tensors.
        decoder: What decodes the frames, cpu or nvdec.
        decoder_threads: Most threads of the CPU's decoder.
    """

    settings: SwapSettings
    keys: tuple[str, ...]
    info: VideoInfo
    film: Film
    plans: Mapping[int, TrackPlan]
    identities: Sequence[Identity]
    batch_size: int
    encoder: EncoderPlan
    mask_encoder: EncoderPlan | None
    folder: Path | None
    tensors: bool = False
    decoder: str = "cpu"
    decoder_threads: int = MOST_DECODER_THREADS

    def open(self) -> Handler:
        """Load engine and segmenter, and make sure that they are those of the run.

        Raises:
            VideoswapError: ``worker_differs``.
        """
        device = choose_device(self.settings.device)
        engine, segmenter = load_swapper(self.settings, device)
        if worker_keys(engine, segmenter) != self.keys:
            raise VideoswapError(
                "worker_differs",
                "A worker loads another engine or other networks than the run did.",
                "All machines need the same versions and the same weights.",
            )
        shown: dict[int, Sequence[Appearance]] = {}  # of the segment at hand
        told: list[Fallback] = []  # of its decoder

        def appearances(track: int) -> Sequence[Appearance]:
            return shown[track]

        shape, threads = self.info.orientation, plan_threads()
        renderer = renderer_kind(self.tensors)(
            self.film.info(self.info),
            lambda first, last, tracks: {},
            self.plans,
            engine.for_video(appearances),
            self.identities,
            Finisher(self.settings.blend, engine.keeps, bool(engine.as_is)),
            segmenter.for_video(appearances),
            self.batch_size,
            label=label_for(self.settings.marks.label, shape.upright_width, shape.upright_height),
            threads=replace(threads, decoder=min(threads.decoder, self.decoder_threads)),
            decoder=self.decoder,
            noted=told.append,
        )

        def render(given: SegmentFaces, tell: Tell) -> RenderedSegment:
            shown.clear()
            shown.update(given.appearances)
            told.clear()
            done = self._render(renderer, given, tell)
            return replace(done, notes=(*told, *engine.late_notes()))

        return render

    def _render(self, renderer: Renderer, given: SegmentFaces, tell: Tell) -> RenderedSegment:
        own = replace(renderer, faces_between=lambda first, last, tracks: given.faces)
        if self.folder is not None:
            return RenderedSegment(self._run(own, self.folder, given.segment, tell), {})
        with tempfile.TemporaryDirectory(prefix="videoswap-") as name:
            folder = Path(name)
            stages = self._run(own, folder, given.segment, tell)
            files = {path.name: path.read_bytes() for path in folder.iterdir()}
        return RenderedSegment(stages, files)

    def _run(
        self, renderer: Renderer, folder: Path, segment: Segment, tell: Tell
    ) -> tuple[StageTime, ...]:
        outputs = SegmentOutputs(folder, self.encoder, self.mask_encoder)
        with stages_share_the_cores():
            own = replace(renderer, failed=outputs.failed.add)
            return own.run([segment], outputs, lambda job: tell(job.count))


def worker_keys(engine: Engine, segmenter: OcclusionSegmenter) -> tuple[str, ...]:
    """Return what must be the same in a worker, else it would render something else."""
    return engine.key, segmenter.key, code_digest(), *library_versions()


def segment_work(
    context: JobContext,
    info: VideoInfo,
    film: Film,
    plans: Mapping[int, TrackPlan],
    outputs: SegmentOutputs,
    shared_folder: bool,
    tensors: bool = False,
    decoder: str = "cpu",
    decoder_threads: int = MOST_DECODER_THREADS,
) -> SegmentWork:
    """Return what workers need to render segments as this process would.

    Args:
        context: The run.
        info: The video.
        film: How workers get at it.
        plans: The tracks that are swapped.
        outputs: Where the segments go; not into a sink.
        shared_folder: Whether workers can write into their folder.
        tensors: Whether the steps work on tensors.
        decoder: What decodes the frames, cpu or nvdec.
        decoder_threads: Most threads of the CPU's decoder.
    """
    if outputs.plan is None:
        raise ValueError("frames that go into one file in order are rendered by one process")
    return SegmentWork(
        replace(context.settings, swapper=context.engine.name),
        worker_keys(context.engine, context.segmenter),
        info,
        film,
        plans,
        context.identities,
        context.batch_size,
        outputs.plan,
        outputs.mask_plan,
        outputs.folder if shared_folder else None,
        tensors,
        decoder,
        decoder_threads,
    )


def render_in_workers(
    executor: Executor,
    work: SegmentWork,
    analysis: RefinedAnalysis,
    segments: Iterable[Segment],
    outputs: SegmentOutputs,
    on_frame: Callable[[int], None],
    on_note: Callable[[Fallback], None],
) -> tuple[StageTime, ...]:
    """Render segments in workers.

    Args:
        executor: Who does it.
        work: What they need.
        analysis: The faces.
        segments: The segments.
        outputs: Where they go.
        on_frame: Called after each frame with the number of its faces.
        on_note: Called once with each note of the workers; those about faces come at the end, with
            the faces of all workers.

    Returns:
        Where the time went, the sum over all workers.

    Raises:
        VideoswapError: ``worker_failed`` names the frames that could not be rendered.
    """
    tasks = _tasks(analysis, segments, work.plans, work.info)
    spent: list[StageTime] = []
    said: list[Fallback] = []
    faces: dict[Fallback, int] = {}
    for _, result in executor.run(work, tasks, on_frame):
        spent += result.stages
        for name, content in result.files.items():
            _keep(outputs.folder / name, content)
        for note in result.notes:
            alike = replace(note, faces=0)
            if note.faces:
                faces[alike] = faces.get(alike, 0) + note.faces
            elif note not in said:
                said.append(note)
                on_note(note)
    for note, count in faces.items():
        on_note(replace(note, faces=count))
    return added_up(spent)


def _tasks(
    analysis: RefinedAnalysis,
    segments: Iterable[Segment],
    plans: Mapping[int, TrackPlan],
    info: VideoInfo,
) -> Iterator[Task]:
    pts: Array = analysis.frames.pts
    for segment in segments:
        around = (*segment.before, *segment.pts, *segment.after)
        faces = analysis.faces_between(around[0], around[-1], plans)
        tracks = {track for here in faces.values() for track, _ in here}
        looks = {track: analysis.appearances(track) for track in sorted(tracks)}
        first, last = segment.pts[0], segment.pts[-1]
        begin, end = (float((one - info.start_pts) * info.time_base) for one in (first, last))
        frame = int(pts.searchsorted(first))
        name = (
            f"segment {segment.number} (frames {frame} to {frame + len(segment.pts) - 1}, "
            f"{begin:.2f} to {end:.2f} s)"
        )
        yield Task(name, SegmentFaces(segment, faces, looks))


def _keep(path: Path, content: bytes) -> None:
    """Write a file that appears under its name only when it is complete."""
    part = path.with_name(path.name + ".part")
    with output_errors(path):
        part.write_bytes(content)
        part.replace(path)


def added_up(times: Iterable[StageTime]) -> tuple[StageTime, ...]:
    """Return the sums of the times of equal stages, in the order of their first."""
    sums: dict[str, list[Any]] = {}
    for one in times:
        known = sums.setdefault(one.name, [0, 0.0, 0.0, one.workers, 0.0])
        known[0] += one.items
        known[1] += one.busy
        known[2] += one.cpu
        known[4] += one.waited
    return tuple(StageTime(name, *facts) for name, facts in sums.items())
