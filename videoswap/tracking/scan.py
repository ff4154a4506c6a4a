"""Scans a video once: shots, faces, landmarks, tracks and samples, group by group of frames.

Three threads share the work: one decodes and scales, one looks for cuts and faces, and the
caller's does landmarks, tracking and embedding. dlib's landmarks hold Python's lock; everything
else, the dense landmarks too, releases it nearly all the time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise, takewhile

from ..compositing.sharpness import SHARP_DEVIATION, face_blur
from ..detection.appearance import Appearance
from ..detection.face_models import FaceModels
from ..detection.face_view import FaceView, FramePicture
from ..detection.search import FaceSearch, FollowedFace
from ..geometry.affine import scale_of
from ..occlusion.reference import OcclusionNetwork
from ..records import Array, Face
from ..rendering.pipeline import Pipeline, Step
from ..settings import AnalysisSettings
from .face_tracker import FrameTracker
from .flow import motion_between
from .gaps import TrackedFrame, fill_gap
from .keyframes import KeyframeGroup, change_regions, keyframe_groups
from .scan_state import FoundFaces, ScannedGroup, ScanState
from .tracker import Split

GROUPS_AHEAD = 2  # between the threads


@dataclass(frozen=True, slots=True, eq=False)
class _SearchedGroup:
    """A group of frames, their faces, and the faces to follow after them."""

    frames: KeyframeGroup
    found: list[list[Face]]
    followed: tuple[FollowedFace, ...]


class Scanner:
    """Runs the first pass over a video.

    Args:
        models: The networks that see faces.
        settings: How faces are searched.
        occlusion: Says what is in front of a face; None loads the small network of this package.
    """

    def __init__(
        self,
        models: FaceModels,
        settings: AnalysisSettings,
        occlusion: OcclusionNetwork | None = None,
    ) -> None:
        self._models = models
        self._settings = settings
        self._occlusion = occlusion
        self._search = FaceSearch(models.detector, settings)

    def scan(
        self,
        pictures: Iterable[FramePicture],
        state: ScanState | None = None,
        last_pts: int | None = None,
    ) -> Generator[ScannedGroup]:
        """Yield what every group of frames shows; close the generator to stop early.

        Args:
            pictures: The frames in order; another thread iterates them.
            state: The state after the last group that was kept, to go on from there. Then the
                pictures begin with its recent frames.
            last_pts: The last frame of a shot that ends the scan, though a few more frames are
                given, which tell its end from a flash; None goes on to the last picture.
        """
        state = ScanState() if state is None else state
        tracker = FrameTracker(
            self._models,
            self._settings,
            self._occlusion,
            active=state.active,
            next_id=state.next_id,
        )
        pictures, scene = iter(pictures), state.scene
        recent = deque(
            (_restored(tracker, next(pictures), found) for found in state.recent),
            maxlen=self._settings.max_gap + 1,
        )
        grouped = keyframe_groups(pictures, state.shot, self._settings.keyframe_interval)
        if last_pts is not None:
            grouped = takewhile(lambda group: group.frames[0].pts <= last_pts, grouped)
        steps = [Step("decode"), Step("search", partial(self._searched, state.followed))]
        with closing(Pipeline(GROUPS_AHEAD).run(grouped, steps)) as searched:
            for group in searched:
                if group.frames.begins_shot:
                    tracker.begin_shot()
                    recent.clear()
                    scene += 1
                yield self._scanned(group, tracker, recent, scene)

    def _searched(
        self, followed: Sequence[FollowedFace], source: Iterable[KeyframeGroup]
    ) -> Iterator[_SearchedGroup]:
        for group in source:
            known = () if group.begins_shot else followed
            pictures = [frame.picture for frame in group.frames]
            found, followed = self._search.group(pictures, known, change_regions(group.features))
            yield _SearchedGroup(group, found, tuple(followed))

    def _scanned(
        self, group: _SearchedGroup, tracker: FrameTracker, recent: deque[TrackedFrame], scene: int
    ) -> ScannedGroup:
        """Find landmarks, tracks and samples of one group."""
        faces: list[tuple[int, Face]] = []
        motions: list[tuple[int, int, Array]] = []
        by_track: dict[int, list[FaceView]] = {}
        for frame, found in zip(group.frames.frames, group.found, strict=True):
            ids, views = tracker.assign(frame, found)
            for track, view in zip(ids, views, strict=True):
                run = self._since_last_found(track, view, recent)
                faces.extend((track, one.face()) for one in run[1:] or run)
                motions.extend(
                    (track, now.frame.pts, motion_between(then, now))
                    for then, now in pairwise(run)
                    if _adjoining(then, now, recent)
                )
                by_track.setdefault(track, []).append(view)
            recent.append(TrackedFrame(frame, tuple(ids), tuple(views)))
        appearances = [
            (track, replace(Appearance.of(view), blur=0.0 if place else _blur_of(view)))
            for track, views in by_track.items()
            for place, view in enumerate(views[:: max(1, (len(views) + 1) // 2)])
        ]
        samples, splits = tracker.take_samples(by_track)
        for split in splits:
            recent.extend([_renamed(recent.popleft(), split) for _ in range(len(recent))])
        state = ScanState(
            shot=group.frames.shot,
            followed=group.followed,
            active=tracker.active,
            recent=tuple(FoundFaces(one.frame.pts, one.ids, one.faces) for one in recent),
            next_id=tracker.next_id,
            scene=scene,
        )
        return ScannedGroup(
            scene=scene,
            pts=tuple(frame.pts for frame in group.frames.frames),
            faces=tuple(faces),
            samples=tuple(samples),
            motions=tuple(motions),
            appearances=tuple(appearances),
            splits=tuple(splits),
            state=state,
        )

    def _since_last_found(
        self, track: int, view: FaceView, recent: Sequence[TrackedFrame]
    ) -> list[FaceView]:
        """Return a face where it was found last, in the frames missed since, and now."""
        for missed, frame in enumerate(reversed(recent)):
            if track in frame.ids:
                before, gap = frame.view(track), list(recent)[len(recent) - missed :]
                filled = fill_gap(before, view, gap, self._search, self._models) if gap else []
                return [before, *filled, view]
        return [view]


def _blur_of(view: FaceView) -> float:
    """Return the blur of a face in upright pixels of the video; 0 where it cannot be told."""
    blur, scale = face_blur(view.frame.picture, view.landmarks), scale_of(view.frame.matrix)
    # In a smaller picture a face looks sharp whether it is or not.
    return blur / scale if scale > 0.99 or blur > SHARP_DEVIATION else 0.0


def _restored(tracker: FrameTracker, frame: FramePicture, found: FoundFaces) -> TrackedFrame:
    """Return a frame as it was before an interruption."""
    return TrackedFrame(frame, found.ids, tuple(tracker.views(frame, found.faces)))


def _adjoining(then: FaceView, now: FaceView, recent: Sequence[TrackedFrame]) -> bool:
    """Tell whether no frame lies between two views, the second in a recent frame or after."""
    between = (one.frame.pts for one in recent)
    return not any(then.frame.pts < pts < now.frame.pts for pts in between)


def _renamed(frame: TrackedFrame, split: Split) -> TrackedFrame:
    """Return what was found in a frame after a track was split."""
    if frame.frame.pts < split.pts:
        return frame
    ids = tuple(split.new if number == split.old else number for number in frame.ids)
    return replace(frame, ids=ids)
