"""The pass over the frames: cuts, faces, landmarks, tracks, samples, window by window.

Three threads share the work: one decodes and scales, one looks for cuts and faces, and the
caller's does landmarks, tracking and embedding. dlib's landmarks hold Python's lock; whatever else
is called releases it nearly all the time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

import numpy as np

from ..detection.appearance import Appearance
from ..detection.base import Detector, Landmarker, Recognizer
from ..detection.face_view import FaceView, FramePicture
from ..detection.search import FaceSearch, FollowedFace
from ..occlusion.reference import OcclusionNetwork
from ..occlusion.segmenter import occluded_fraction
from ..records import Array, Face
from ..rendering.pipeline import Pipeline, Stage
from ..settings import AnalysisSettings
from .flow import motion_between
from .gaps import TrackedFrame, fill_gap
from .keyframes import KeyframeGroup, change_regions, keyframe_groups
from .samples import Sample
from .scan_state import FoundFaces, ScannedGroup, ScanState
from .tracker import Split, TrackAssigner

WINDOWS_AHEAD = 2
LATEST = 4  # faces of a window, among which a changed one is looked at
# Measured on objects before known faces: with 10 % of a face hidden one embedding in 25 is further
# from the face's own than the threshold, with 20 % half of them are most of the way.
USELESS = 0.2  # share of a face that is hidden from which its embedding counts for nothing
SHOWN = 0.5  # what must be left of a sample's quality for it to tell who it is


@dataclass(frozen=True, slots=True, eq=False)
class _Searched:
    window: KeyframeGroup
    found: list[list[Face]]
    followed: tuple[FollowedFace, ...]


class Scanner:
    """Runs the pass.

    Args:
        detector: Finds faces.
        landmarker: Finds their landmarks.
        recognizer: Embeds them.
        glance: Says roughly what is in front of a face.
        settings: How faces are looked for.
    """

    def __init__(
        self,
        detector: Detector,
        landmarker: Landmarker,
        recognizer: Recognizer,
        glance: OcclusionNetwork,
        settings: AnalysisSettings,
    ) -> None:
        self._search = FaceSearch(detector, settings)
        self._landmarker = landmarker
        self._recognizer = recognizer
        self._glance = glance
        self._settings = settings

    def scan(
        self, pictures: Iterable[FramePicture], state: ScanState | None = None
    ) -> Generator[ScannedGroup]:
        """Yield what every window of frames shows; close the generator to stop early.

        Args:
            pictures: The frames in order; another thread iterates them.
            state: The state after the last window that was kept, to go on from there. Then the
                pictures begin with its recent frames.
        """
        state = ScanState() if state is None else state
        tracker = TrackAssigner(self._recognizer, self._settings, state.live, state.next_id)
        pictures, scene = iter(pictures), state.scene
        recent = deque(
            (self._moment(next(pictures), seen) for seen in state.recent),
            maxlen=self._settings.max_gap + 1,
        )
        grouped = keyframe_groups(pictures, state.cuts, self._settings.keyframe_interval)
        stages: list[tuple[str, Stage]] = [
            ("decode", iter),
            ("search", partial(self._searched, state.followed)),
        ]
        with closing(Pipeline(WINDOWS_AHEAD).run(grouped, stages)) as searched:
            for one in searched:
                if one.window.begins_scene:
                    tracker.cut()
                    recent.clear()
                    scene += 1
                yield self._scanned(one, tracker, recent, scene)

    def _searched(
        self, followed: Sequence[FollowedFace], source: Iterable[KeyframeGroup]
    ) -> Iterator[_Searched]:
        for window in source:
            known = () if window.begins_scene else followed
            found, followed = self._search.window(
                [frame.picture for frame in window.frames], known, change_regions(window.thumbs)
            )
            yield _Searched(window, found, tuple(followed))

    def _scanned(
        self, one: _Searched, tracker: TrackAssigner, recent: deque[TrackedFrame], scene: int
    ) -> ScannedGroup:
        """Landmarks, tracks and samples of one window."""
        faces: list[tuple[int, Face]] = []
        motions: list[tuple[int, int, Array]] = []
        views: dict[int, list[FaceView]] = {}
        for frame, found in zip(one.window.frames, one.found, strict=True):
            seen = self._views(frame, found)

            def embed(index: int, seen: list[FaceView] = seen) -> Sample:
                view = seen[index]
                return self._embedded(view, view.quality(), self._shown(view))

            ids = tracker.step(frame.pts, found, [view.look for view in seen], embed)
            for track, view in zip(ids, seen, strict=True):
                run = self._since_last_seen(track, view, recent)
                faces.extend((track, one.face()) for one in run[1:] or run)
                motions.extend(
                    (track, now.frame.pts, motion_between(then, now))
                    for then, now in pairwise(run)
                    if _adjoining(then, now, recent)
                )
                views.setdefault(track, []).append(view)
            recent.append(TrackedFrame(frame, tuple(ids), tuple(seen)))
        appearances = [
            (track, Appearance.of(view))
            for track, seen in views.items()
            for view in seen[:: max(1, (len(seen) + 1) // 2)]
        ]
        samples, splits = self._samples(tracker, views)
        for split in splits:
            recent.extend([_renamed(recent.popleft(), split) for _ in range(len(recent))])
        state = ScanState(
            one.window.cuts,
            one.followed,
            tuple(tracker.live),
            tuple(FoundFaces(moment.frame.pts, moment.ids, moment.faces) for moment in recent),
            tracker.next_id,
            scene,
        )
        pts = tuple(frame.pts for frame in one.window.frames)
        return ScannedGroup(
            scene,
            pts,
            tuple(faces),
            tuple(samples),
            tuple(motions),
            tuple(appearances),
            tuple(splits),
            state,
        )

    def _since_last_seen(
        self, track: int, view: FaceView, recent: Sequence[TrackedFrame]
    ) -> list[FaceView]:
        """Return a face where it was found last, in the frames missed since, and now."""
        for missed, moment in enumerate(reversed(recent)):
            if track in moment.ids:
                before, gap = moment.view(track), list(recent)[len(recent) - missed :]
                filled = fill_gap(before, view, gap, self._search, self._landmarker) if gap else []
                return [before, *filled, view]
        return [view]

    def _samples(
        self, tracker: TrackAssigner, views: dict[int, list[FaceView]]
    ) -> tuple[list[tuple[int, Sample]], list[Split]]:
        """Embed the best face of the window for every track that needs it, and one in doubt."""
        samples: list[tuple[int, Sample]] = []
        splits: list[Split] = []
        for track in list(tracker.live):
            seen = views.get(track.id, [])
            seen = seen[-LATEST:] if tracker.changed(track) else seen
            for best in sorted(seen, key=FaceView.rough_quality, reverse=True)[:2]:
                quality = best.quality()
                if not tracker.wants_sample(track, quality):
                    break
                shown = self._shown(best)
                if not tracker.wants_sample(track, quality * shown):
                    break
                sample = self._embedded(best, quality, shown)
                samples.append((track.id, sample))
                split = tracker.add_sample(track, sample)
                if split is not None:
                    splits.append(split)
                again = next((one for one in tracker.live if one.id == track.id), None)
                if again is None or not tracker.may_decide(again):
                    break
                track = again
        return samples, splits

    def _views(self, frame: FramePicture, faces: Sequence[Face]) -> list[FaceView]:
        landmarks = self._landmarker.landmarks
        return [FaceView.of(frame, face, landmarks(frame.picture, face.points5)) for face in faces]

    def _moment(self, frame: FramePicture, seen: FoundFaces) -> TrackedFrame:
        """Return a frame as it was before an interruption."""
        return TrackedFrame(frame, seen.ids, tuple(self._views(frame, seen.faces)))

    def _embedded(self, view: FaceView, quality: float, shown: float) -> Sample:
        embedding = self._recognizer.embed(view.frame.picture, view.landmarks)
        return Sample(view.frame.pts, embedding, quality * shown, view.look, shown < SHOWN)

    def _shown(self, view: FaceView) -> float:
        """Return 1 for a face with nothing before it, 0 with so much that its look is useless."""
        framed = Appearance.of(view)
        picture = framed.picture().astype(np.float32)
        hidden = occluded_fraction(self._glance(picture, picture), framed.landmarks)
        return max(0.0, 1.0 - hidden / USELESS)


def _adjoining(then: FaceView, now: FaceView, recent: Sequence[TrackedFrame]) -> bool:
    """Say whether there is no frame between two views, the second in a recent frame or after."""
    between = (moment.frame.pts for moment in recent)
    return not any(then.frame.pts < pts < now.frame.pts for pts in between)


def _renamed(moment: TrackedFrame, split: Split) -> TrackedFrame:
    """Return what was found in a frame after a track was split."""
    if moment.frame.pts < split.pts:
        return moment
    ids = tuple(split.new if number == split.old else number for number in moment.ids)
    return replace(moment, ids=ids)
