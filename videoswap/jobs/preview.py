"""A preview: one frame before and after, side by side, by the code that makes the result.

Who somebody is, and where a face is exactly, depends on all of a video: so all of it is analyzed
(or taken from the cache, where a swap finds it again). After that only the frame, and the few
around it that filters over time look at, are rendered.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..engines.base import Engine
from ..errors import UsageError
from ..marks import Provenance
from ..people.matching import Matching
from ..people.places import VideoPlaces
from ..records import Array, Face, Fallback, TrackSource, observation
from ..rendering.failed_swaps import FailedSwap, FailedSwaps, failure_notes, stretches
from ..rendering.render import CONTEXT, TrackPlan, plan_track
from ..rendering.segments import Segment, plan_segments
from ..report import PersonReport, Report
from ..threads import stages_share_the_cores
from ..tracking.analysis import Analysis, RefinedAnalysis
from ..video.decoder import DecodedFrame
from ..video.probe import VideoInfo, probe
from ..video.reader import VideoReader, upright_picture
from ..video.stills.picture import Picture
from ..video.stills.still_formats import still_format
from .context import Clock, JobContext, Notes
from .people_report import describe, person_reports, picture_reports
from .picture import (
    failed_in_picture,
    put_label,
    read_and_match,
    swap_in_place,
    write_marked,
)
from .video import (
    analyze_with_progress,
    match_in_video,
    refine_landmarks_with_progress,
    renderer_for,
)

# Rows of the labels' bar at least, and rows of picture for one.
MIN_BAR_ROWS, ROWS_PER_BAR_ROW = 28, 30
BAR_COLOR, LABEL_COLOR = (24, 24, 26), (240, 240, 240)


def preview_picture(
    context: JobContext, target: Path, out: Path, moment: Fraction | None
) -> Report:
    """Show a still picture before and after.

    Args:
        context: Models, photos and engine.
        target: The picture.
        out: PNG, JPEG or WebP; `check_outputs` has passed it.
        moment: None, or 0: a picture has no times.

    Raises:
        UsageError: ``picture_without_times``.
        VideoswapError: Whatever else stands in the way, by kind.
    """
    started = time.perf_counter()
    still_format(out)
    if moment:
        raise UsageError(
            "picture_without_times",
            f"{target} is a picture: it has no frame at {float(moment):g} s.",
            f"Leave the time out: --preview {out}.",
        )
    found = read_and_match(context, target)
    notes = Notes(context.say)
    everybody = found.places.everybody(found.persons)
    people = picture_reports(found.persons, found.matching, context.sources)
    for line in describe(people, lambda report: everybody.in_words(report.person)):
        context.say(line)
    notes.add((*found.matching.notes, *found.picture.notes))
    shown = render_picture(context, found.picture, found.faces, found.matching)
    notes.add(failure_notes(shown.failed))
    said = _write(context, out, target, shown.before, shown.after, notes)
    seconds = {"all": round(time.perf_counter() - started, 3)}
    return _report(context, target, out, people, found.matching, notes, True, seconds, said)


def preview_video(context: JobContext, video: Path, out: Path, moment: Fraction | None) -> Report:
    """Show a frame of a video before and after.

    Args:
        context: Models, photos and engine.
        video: The video, or an animated picture.
        out: PNG, JPEG or WebP; `check_outputs` has passed it.
        moment: Seconds from the video's first frame; None for the best moment of the first
            person who is swapped.

    Raises:
        InputError: ``no_such_moment``.
        VideoswapError: Whatever else stands in the way, by kind.
    """
    clock = Clock()
    settings = context.settings
    still_format(out)
    info = probe(video, settings.fps)
    notes = Notes(context.say)
    with clock.part("analyze"):
        analysis = analyze_with_progress(info, settings, context.tools)
    if context.engine.depends_on_past:
        why = f"with the engine {context.engine.name} a frame depends on all frames before it"
        notes.add([Fallback("the exact frame of the result", "one that may differ a little", why)])
    with analysis:
        notes.add(analysis.fallbacks)
        persons, matching = match_in_video(context, info, analysis)
        people = person_reports(persons, matching, context.sources, info.start_pts, info.time_base)
        for line in describe(people):
            context.say(line)
        notes.add(matching.notes)
        places = VideoPlaces(info, analysis)
        first = persons[matching.matches[0].person] if matching.matches else persons[0]
        pts = first.best_pts if moment is None else places.pts_at(moment)
        shown = FrameRenderer(info, analysis).render(context, matching, pts, clock)
    before, swapped = shown.before, shown.swapped
    notes.add(failure_notes(shown.failed))
    if not swapped:
        where = f"at {float(places.seconds(pts)):.2f} s"
        notes.add(
            [observation(f"nobody who is swapped is seen {where}: both pictures are the same")]
        )
    parent = None if info.sequence is not None else video
    said = _write(context, out, parent, before, shown.after, notes)
    times, cached = clock.seconds, analysis.cached
    return _report(context, video, out, people, matching, notes, swapped, times, said, cached)


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """One frame of a swap.

    Attributes:
        before: (H, W, 3) uint8 RGB, the frame as it was.
        after: (H, W, 3) uint8 RGB, the frame of the result before it is encoded.
        mask: (H, W) uint8, where it was changed.
        faces: (track, face) pairs, in upright pixels, of those who are swapped.
        swapped: Whether anybody is.
        failed: Faces that stay because their swap came out wrong.
    """

    before: Array
    after: Array
    mask: Array
    faces: tuple[tuple[int, Face], ...]
    swapped: bool
    failed: tuple[FailedSwap, ...] = ()


def render_picture(
    context: JobContext, picture: Picture, faces: Sequence[Face], matching: Matching
) -> Moment:
    """Render a still picture, by the code that makes the result.

    Args:
        context: Models, photos and engine.
        picture: The picture.
        faces: Its faces; tracks have their numbers.
        matching: Who gets what.
    """
    after = picture.rgb.copy()
    mask, failed = swap_in_place(context, after, faces, matching.sources)
    put_label(context, after, mask)
    after = picture.with_rgb(after).rgb  # a grey picture stays grey
    given = tuple((track, faces[track]) for track in sorted(matching.sources))
    lost = failed_in_picture(failed, {})
    return Moment(picture.rgb, after, mask, given, bool(given), lost)


class FrameRenderer:
    """Renders single frames of a swap, by the code that makes the result.

    What it finds out about whole tracks for one frame is kept for the next ones.

    Args:
        info: The video.
        analysis: What was found in it.
    """

    def __init__(self, info: VideoInfo, analysis: Analysis) -> None:
        self._info = info
        self._analysis = analysis
        frames = analysis.frames
        # With its neighbors of the same shot, as every frame of a whole render has them.
        self._segments = plan_segments(frames.pts, frames.scenes, longest=1, context=CONTEXT)
        self._engine: Engine | None = None
        self._refined: RefinedAnalysis | None = None
        self._tracks: set[int] = set()
        self._plans: dict[int, tuple[tuple[TrackSource, ...], TrackPlan]] = {}

    def render(
        self, context: JobContext, matching: Matching, pts: int, clock: Clock | None = None
    ) -> Moment:
        """Render a frame.

        Args:
            context: Models, photos and engine.
            matching: Who gets what.
            pts: The frame.
            clock: Times the parts.
        """
        clock = clock or Clock()
        info, frames = self._info, self._analysis.frames
        segment = self._segments[int(np.searchsorted(frames.pts, pts))]
        around = (*segment.before, *segment.pts, *segment.after)
        tracks = [
            track.id
            for track in self._analysis.tracks
            if track.id in matching.sources
            and track.first_pts <= around[-1]
            and track.last_pts >= around[0]
        ]
        with clock.part("refine_landmarks"):
            refined = self._refined_for(context, tracks)
        plans = {track: self._plan(refined, track, matching, context.engine) for track in tracks}
        with clock.part("render"), stages_share_the_cores():
            shown = _Shown(info)
            failed = FailedSwaps()
            renderer = replace(renderer_for(context, info, refined, plans), failed=failed.add)
            renderer.run([segment], shown, lambda job: None)
        with VideoReader(info) as reader:
            before = upright_picture(info, next(iter(reader.frames(pts, pts))))
        faces = tuple(refined.faces_between(pts, pts, plans).get(pts, ()))
        swapped = any(pts in part.pts for part in plans.values())
        lost = stretches(failed.all(), frames.pts, {}, info.start_pts, info.time_base)
        return Moment(before, shown.pictures[0], shown.masks[0], faces, swapped, lost)

    def _refined_for(self, context: JobContext, tracks: Sequence[int]) -> RefinedAnalysis:
        if context.engine is not self._engine:  # whose smoother may be another
            self._engine, self._refined, self._tracks, self._plans = context.engine, None, set(), {}
        if self._refined is None or not self._tracks.issuperset(tracks):
            self._tracks.update(tracks)
            self._refined = refine_landmarks_with_progress(
                self._analysis, sorted(self._tracks), context
            )
        return self._refined

    def _plan(
        self, refined: RefinedAnalysis, track: int, matching: Matching, engine: Engine
    ) -> TrackPlan:
        given = matching.of_track(track)
        if track not in self._plans or self._plans[track][0] != given:
            faces, blur = refined.faces(track), refined.blur(track)
            self._plans[track] = given, plan_track(faces, given, engine, blur=blur)
        return self._plans[track][1]


def side_by_side(before: Array, after: Array) -> Array:
    """Put two pictures (H, W, 3) uint8 RGB beside each other under a bar with labels.

    Returns:
        (`bar_rows` (H) + H, 2 W, 3) uint8 RGB; the pictures' pixels are as they were.
    """
    height, width = before.shape[:2]
    rows = bar_rows(height)
    bar = Image.new("RGB", (2 * width, rows), BAR_COLOR)
    draw = ImageDraw.Draw(bar)
    font = ImageFont.load_default(rows * 0.6)
    for x, label in ((0, "original"), (width, "result")):
        draw.text((x + rows // 4, rows // 8), label, LABEL_COLOR, font)
    return np.vstack([np.asarray(bar), np.hstack([before, after])])


def bar_rows(height: int) -> int:
    """Return the rows of the bar over pictures of ``height`` rows."""
    return max(MIN_BAR_ROWS, height // ROWS_PER_BAR_ROW)


@dataclass(frozen=True, slots=True, eq=False)
class _Shown:
    """Takes frames as pictures."""

    info: VideoInfo
    pictures: list[Array] = field(default_factory=list)
    masks: list[Array] = field(default_factory=list)
    masked: bool = True

    @contextmanager
    def open(self, segment: Segment, info: VideoInfo) -> Iterator[_Shown]:
        """Return what takes the frames of a segment."""
        yield self

    def write(self, frame: DecodedFrame, mask: Array | None, changed: bool) -> None:
        """Take the next frame."""
        self.pictures.append(upright_picture(self.info, frame))
        if mask is not None:
            shape = self.info.orientation
            size = shape.upright_width, shape.upright_height
            turned = np.ascontiguousarray(shape.apply(mask))
            self.masks.append(np.asarray(cv2.resize(turned, size)))

    def finish(self) -> None:
        """Nothing is left to do."""


def _write(
    context: JobContext,
    out: Path,
    parent: Path | None,
    before: Array,
    after: Array,
    notes: Notes,
) -> Provenance:
    """Write both; returns what the picture says about itself."""
    provenance, lost = write_marked(context, out, Picture(side_by_side(before, after)), parent)
    notes.add(lost)
    return provenance


def _report(
    context: JobContext,
    target: Path,
    out: Path,
    people: tuple[PersonReport, ...],
    matching: Matching,
    notes: Notes,
    swapped: bool,
    seconds: dict[str, float],
    provenance: Provenance,
    cached: bool = False,
) -> Report:
    return Report(
        input=str(target),
        output=str(out),
        engine=context.engine.name,
        device=context.device.name,
        recognizer=context.tools.recognizer.name,
        threshold=context.threshold,
        frames=1,
        swapped_frames=int(swapped),
        segments=0,
        encoder=None,
        people=people,
        notes=(*context.notes, *notes.said),
        unmatched=tuple(context.references[index].label for index in matching.missing),
        analysis_cached=cached,
        seconds=seconds,
        restorer=context.restorer,
        photos=context.photos,
        provenance=provenance,
    )
