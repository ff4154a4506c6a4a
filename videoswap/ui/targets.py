"""What the analysis says of a film or a picture that is open on the page, and its frames."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Protocol

from ..detection.face_detector import FaceDetector
from ..detection.face_models import FaceModels
from ..errors import InputError
from ..jobs.context import JobContext
from ..jobs.picture import picture_places
from ..jobs.planning import planned_people
from ..jobs.preview import FrameRenderer, Moment, render_picture
from ..people.clustering import people_of
from ..people.matching import Matching
from ..people.plan import FilmTime, Plan, PlannedPerson, match_by_plan
from ..records import Array, Face, Track
from ..settings import SwapSettings
from ..tracking.analysis import Analysis
from ..tracking.analyze import analyze_video
from ..tracking.key import analysis_key
from ..tracking.store_opening import is_finished
from ..video.probe import VideoInfo, media_kind, probe
from ..video.reader import VideoReader, upright_picture
from ..video.stills.picture import Picture, read_picture


class Target(Protocol):
    """A film or picture that was analyzed."""

    @property
    def kind(self) -> str:
        """What it is: video or picture."""

    @property
    def width(self) -> int:
        """Columns of an upright frame."""

    @property
    def height(self) -> int:
        """Rows of it."""

    @property
    def time(self) -> FilmTime:
        """Its frames; a picture has one."""

    @property
    def tracks(self) -> Mapping[int, Track]:
        """Its tracks by number."""

    @property
    def shots(self) -> Sequence[Fraction]:
        """When each shot begins, in seconds."""

    def frame(self, pts: int) -> Array:
        """Return a frame, (H, W, 3) uint8 RGB, upright."""

    def faces(self, pts: int, tracks: Collection[int], models: FaceModels) -> Sequence[Face]:
        """Return the faces of some tracks in a frame."""

    def render(self, context: JobContext, plan: Plan, pts: int) -> Moment:
        """Render a frame, by the code that makes the result."""

    def close(self) -> None:
        """Close what is open."""


def open_target(
    path: Path, settings: SwapSettings, models: FaceModels
) -> tuple[Target, tuple[PlannedPerson, ...]]:
    """Read what the analysis says, which is in the cache, and who is seen.

    Args:
        path: The film or picture.
        settings: How it is analyzed.
        models: What sees faces.

    Returns:
        The target, and its people, of whom nobody gets anything.

    Raises:
        VideoswapError: Whatever stands in the way, by kind.
    """
    recognizer = models.recognizer
    target: Target
    if media_kind(path) == "image":
        picture = read_picture(path)
        faces = FaceDetector(models, settings.analysis).detect(picture.rgb)
        places = picture_places(path, picture.rgb, faces, recognizer)
        tracks = list(places.tracks)
        persons = people_of(path, tracks, recognizer, "picture")
        time = FilmTime.of_picture()
        target = PictureTarget(picture, faces, time, {one.id: one for one in tracks})
    else:
        info = probe(path, settings.fps)
        analysis = _analysis(info, settings, models)
        try:
            tracks = list(analysis.tracks)
            persons = people_of(path, tracks, recognizer)
        except BaseException:
            analysis.close()
            raise
        time = FilmTime(analysis.frames.pts, info.start_pts, info.time_base)
        shots = time.shots(analysis.frames.scenes)
        known = {one.id: one for one in tracks}
        target = VideoTarget(info, settings, time, known, shots, analysis)
    nobody, limit = Matching((), ()), recognizer.default_threshold
    return target, planned_people(time, tracks, persons, nobody, (), limit)


@dataclass(frozen=True, slots=True, eq=False)
class VideoTarget:
    """A film; see Target.

    Attributes:
        info: The file.
        settings: How it was analyzed.
        time: Its frames.
        tracks: Its tracks by number.
        shots: When each shot begins, in seconds.
        analysis: What was found in it.
        kind: video.
    """

    info: VideoInfo
    settings: SwapSettings
    time: FilmTime
    tracks: Mapping[int, Track]
    shots: Sequence[Fraction]
    analysis: Analysis
    kind: str = "video"
    _frames: FrameRenderer = field(init=False)

    def __post_init__(self) -> None:
        """Prepare to render frames."""
        object.__setattr__(self, "_frames", FrameRenderer(self.info, self.analysis))

    @property
    def width(self) -> int:
        """Columns of an upright frame."""
        return self.info.orientation.upright_width

    @property
    def height(self) -> int:
        """Rows of it."""
        return self.info.orientation.upright_height

    def frame(self, pts: int) -> Array:
        """See Target."""
        with VideoReader(self.info) as reader:
            return upright_picture(self.info, next(iter(reader.frames(pts, pts))))

    def faces(self, pts: int, tracks: Collection[int], models: FaceModels) -> Sequence[Face]:
        """See Target."""
        found = self.analysis.found_faces_between(pts, pts, set(tracks)).get(pts, ())
        return [face for _, face in found]

    def render(self, context: JobContext, plan: Plan, pts: int) -> Moment:
        """See Target."""
        if plan.settings.analysis == self.settings.analysis:
            _, matching = match_by_plan(plan, self.analysis.tracks, self.time)
            return self._frames.render(context, matching, pts)
        with _analysis(self.info, plan.settings, context.tools) as analysis:
            _, matching = match_by_plan(plan, analysis.tracks, self.time)
            return FrameRenderer(self.info, analysis).render(context, matching, pts)

    def close(self) -> None:
        """See Target."""
        self.analysis.close()


@dataclass(frozen=True, slots=True, eq=False)
class PictureTarget:
    """A still picture; see Target.

    Attributes:
        picture: The picture.
        found: Its faces; tracks have their numbers.
        time: One frame.
        tracks: A track for every face.
        shots: One, at 0.
        kind: picture.
    """

    picture: Picture
    found: Sequence[Face]
    time: FilmTime
    tracks: Mapping[int, Track]
    shots: Sequence[Fraction] = (Fraction(0),)
    kind: str = "picture"

    @property
    def width(self) -> int:
        """Columns of the picture."""
        return int(self.picture.rgb.shape[1])

    @property
    def height(self) -> int:
        """Rows of it."""
        return int(self.picture.rgb.shape[0])

    def frame(self, pts: int) -> Array:
        """See Target."""
        return self.picture.rgb

    def faces(self, pts: int, tracks: Collection[int], models: FaceModels) -> Sequence[Face]:
        """See Target."""
        return [self.found[number] for number in sorted(tracks)]

    def render(self, context: JobContext, plan: Plan, pts: int) -> Moment:
        """See Target."""
        _, matching = match_by_plan(plan, list(self.tracks.values()), self.time)
        return render_picture(context, self.picture, self.found, matching)

    def close(self) -> None:
        """See Target."""


def is_analyzed(path: Path, settings: SwapSettings, models: FaceModels) -> bool:
    """Tell whether nothing that takes long is left to do: a picture, or a film in the cache."""
    if media_kind(path) == "image":
        return True
    if settings.cache_dir is None:
        return False
    key = analysis_key(path, settings.analysis, (None, None), models)
    return is_finished(settings.cache_dir, key)


def frame_at(target: Target, seconds: Fraction) -> int:
    """Return the frame that is shown at a time.

    Raises:
        InputError: ``no_such_moment``.
    """
    index = target.time.index_at(seconds)
    if index < 0:
        raise InputError("no_such_moment", f"The film shows nothing at {float(seconds):.2f} s.")
    return int(target.time.pts[index])


def best_moment(person: PlannedPerson, target: Target) -> float | None:
    """Return a time in seconds at which a person of a plan is seen well; None if it never is."""
    tracks = [(target.tracks[one], span) for one, span in person.tracks if one in target.tracks]
    if not tracks:
        return None
    track, span = max(tracks, key=lambda pair: pair[0].count)
    frames = target.time.frames(span, track)
    if not len(frames):
        return None
    pts = track.best_pts if track.best_pts in frames else int(frames[len(frames) // 2])
    return float(target.time.seconds(pts))


def _analysis(info: VideoInfo, settings: SwapSettings, models: FaceModels) -> Analysis:
    """Open the analysis, which is in the cache."""
    part, cache = settings.time_range, settings.cache_dir
    return analyze_video(info, settings.analysis, part, cache_dir=cache, models=models)
