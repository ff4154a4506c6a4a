"""Who shares the work on a video: this process alone, processes beside it, or a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from ..executors.base import Executor
from ..executors.gain import CoreMeter, jobs_that_pay
from ..executors.local import LocalExecutor
from ..records import Fallback, counted
from ..rendering.pipeline import StageTime
from ..rendering.render import FrameJob, Renderer, TrackPlan
from ..rendering.segments import Segment, SegmentOutputs
from ..settings import SwapSettings
from ..tracking.analysis import RefinedAnalysis
from ..video.probe import VideoInfo
from .context import JobContext, Notes
from .segment_work import added_up, render_in_workers, segment_work

#: Frames that one process renders before it is decided how many do the rest.
TRIAL_FRAMES = 100


@contextmanager
def open_executor(settings: SwapSettings, jobs: int | None = None) -> Iterator[Executor | None]:
    """Open who shares the work, or give None for this process alone.

    Args:
        settings: Name executor and number of jobs.
        jobs: Number of jobs, where that is known better.

    Raises:
        VideoswapError: If there is no cluster.
    """
    jobs = settings.jobs if jobs is None else jobs
    if settings.executor == "ray":
        from ..executors.ray_cluster import RayExecutor

        with RayExecutor(jobs, settings.device, settings.ship_input) as cluster:
            yield cluster
        return
    if jobs is None or jobs == 1:
        yield None
        return
    with LocalExecutor(jobs) as processes:
        yield processes


def render_segments(
    context: JobContext,
    info: VideoInfo,
    analysis: RefinedAnalysis,
    renderer: Renderer,
    plans: Mapping[int, TrackPlan],
    segments: Sequence[Segment],
    outputs: SegmentOutputs,
    executor: Executor | None,
    notes: Notes,
    on_frame: Callable[[int, bool], None],
) -> tuple[StageTime, ...]:
    """Render segments, alone or with others, as settings and measurement say.

    Args:
        context: The run.
        info: The video.
        analysis: The faces.
        renderer: Renders in this process.
        plans: The tracks that are swapped.
        segments: The segments.
        outputs: Where they go.
        executor: Who shares the work; None for nobody yet.
        notes: Told where the work is not shared as wanted.
        on_frame: Called after each frame with the number of its faces, and whether a swap is seen
            in it as far as that is known.

    Returns:
        Where the time went.
    """

    def rendered(job: FrameJob) -> None:
        on_frame(job.count, job.changed)

    def shared(executor: Executor, some: Sequence[Segment]) -> tuple[StageTime, ...]:
        work = segment_work(
            context,
            info,
            executor.film(info),
            plans,
            outputs,
            executor.shares_disk,
            renderer.on_tensors,
            renderer.decoder,
            renderer.threads.decoder,
        )
        return render_in_workers(
            executor,
            work,
            analysis,
            some,
            outputs,
            lambda faces: on_frame(faces, False),
            lambda note: notes.add([note]),
        )

    why = why_alone(context, outputs)
    if executor is not None and why:
        notes.add([Fallback(f"{executor.workers} jobs", "one", why)])
    if executor is not None and not why:
        return shared(executor, segments)
    first = _trial(segments)
    if context.settings.jobs is not None or why or len(first) == len(segments):
        return renderer.run(segments, outputs, rendered)
    meter = CoreMeter()
    times = renderer.run(first, outputs, rendered)
    measured, rest = meter.read(), segments[len(first) :]
    left = measured.seconds * _frames(rest) / _frames(first)
    jobs = min(jobs_that_pay(measured, left), len(rest))
    context.say(
        f"One process uses {measured.used:.1f} cores, {measured.free:.1f} more are free: "
        f"{counted(jobs, 'job')} for the rest."
    )
    with open_executor(context.settings, jobs) as executor:
        if executor is None:
            return added_up([*times, *renderer.run(rest, outputs, rendered)])
        return added_up([*times, *shared(executor, rest)])


def why_alone(context: JobContext, outputs: SegmentOutputs) -> str:
    """Return why one process has to render all; empty if it need not."""
    if outputs.plan is None:
        return "an animated picture is written in one go"
    if context.engine.depends_on_past:
        return f"the engine {context.engine.name} goes on from frame to frame"
    return ""


def _trial(segments: Sequence[Segment]) -> Sequence[Segment]:
    for count in range(1, len(segments)):
        if _frames(segments[:count]) >= TRIAL_FRAMES:
            return segments[:count]
    return segments


def _frames(segments: Sequence[Segment]) -> int:
    return sum(len(segment.pts) for segment in segments)
