"""Gives the faces of successive frames the numbers of their tracks, and embeds some of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..detection.appearance import Appearance
from ..detection.face_models import FaceModels
from ..detection.face_view import FaceView, FramePicture
from ..detection.search import FaceSearch, FollowedFace
from ..occlusion.builtin import load_coarse_model
from ..occlusion.reference import OcclusionNetwork
from ..occlusion.segmenter import occluded_fraction
from ..records import Array, Face, check_picture
from ..settings import AnalysisSettings
from .samples import Sample
from .shots import ShotDetector
from .tracker import ActiveTrack, Split, TrackAssigner

LATEST_VIEWS = 4  # of a track, among which a changed face is embedded
# Measured with objects in front of known faces: with 10 % of a face hidden, one embedding in 25 is
# further from the face's own than the threshold; with 20 % half of them are most of the way there.
USELESS_FRACTION = 0.2  # hidden fraction of a face from which its embedding says nothing
TELLING_SHARE = 0.5  # of a sample's quality that must be left for it to tell who it is


@dataclass(frozen=True, slots=True, eq=False)
class TrackedFace:
    """A face of one frame and the track it belongs to.

    Attributes:
        track: Number of the track, from 0 in order of appearance.
        face: The face with landmarks, in pixels of the frame; it has an embedding in those frames
            in which one was computed.
    """

    track: int
    face: Face


class FrameTracker:
    """Assigns the faces of frames to tracks, and embeds those that tell whose they are.

    `FaceTracker` and `Scanner` both find faces in their own way and give them to it.

    Args:
        models: The networks that see faces.
        settings: Longest gap and keyframe interval.
        occlusion: Says what is in front of a face, so that hidden faces do not tell who they are;
            None loads the small network of this package.
        active: Tracks to go on with, as an interrupted scan left them.
        next_id: Number of the next new track.
    """

    def __init__(
        self,
        models: FaceModels,
        settings: AnalysisSettings,
        occlusion: OcclusionNetwork | None = None,
        *,
        active: Sequence[ActiveTrack] = (),
        next_id: int = 0,
    ) -> None:
        self._models = models
        self._occlusion = load_coarse_model() if occlusion is None else occlusion
        self._assigner = TrackAssigner(models.recognizer, settings, active, next_id)

    @property
    def active(self) -> tuple[ActiveTrack, ...]:
        """The tracks that may go on."""
        return tuple(self._assigner.active)

    @property
    def next_id(self) -> int:
        """Number of the next new track."""
        return self._assigner.next_id

    def begin_shot(self) -> None:
        """End all tracks: none goes on over a cut."""
        self._assigner.end_tracks()

    def views(self, frame: FramePicture, faces: Sequence[Face]) -> list[FaceView]:
        """Return faces of a frame with their landmarks and thumbnails."""
        find = self._models.landmarks
        return [FaceView.of(frame, face, *find(frame.picture, face.points5)) for face in faces]

    def assign(
        self, frame: FramePicture, faces: Sequence[Face]
    ) -> tuple[list[int], list[FaceView]]:
        """Assign the faces of the next frame to tracks.

        Args:
            frame: The frame.
            faces: Its faces, in pixels of the frame's picture.

        Returns:
            The numbers of their tracks, and the faces with landmarks.
        """
        views = self.views(frame, faces)

        def embed(index: int) -> Sample:
            view = views[index]
            return self._embed(view, view.quality(), self._visibility(view))

        thumbnails = [view.thumbnail for view in views]
        return self._assigner.step(frame.pts, faces, thumbnails, embed), views

    def take_samples(
        self, views: Mapping[int, Sequence[FaceView]]
    ) -> tuple[list[tuple[int, Sample]], list[Split]]:
        """Embed the best face of every track that needs it, or a second one in doubt.

        Args:
            views: The latest faces, by track.

        Returns:
            The new samples by track, and the tracks that turned out to be two.
        """
        samples: list[tuple[int, Sample]] = []
        splits: list[Split] = []
        assigner = self._assigner
        for track in self.active:
            seen = views.get(track.id, ())
            seen = seen[-LATEST_VIEWS:] if assigner.changed(track) else seen
            for best in sorted(seen, key=FaceView.rough_quality, reverse=True)[:2]:
                quality = best.quality()
                if not assigner.wants_sample(track, quality):
                    break
                visible = self._visibility(best)
                if not assigner.wants_sample(track, quality * visible):
                    break
                sample = self._embed(best, quality, visible)
                samples.append((track.id, sample))
                split = assigner.add_sample(track, sample)
                if split is not None:
                    splits.append(split)
                again = next((one for one in self.active if one.id == track.id), None)
                if again is None or not assigner.may_decide(again):
                    break
                track = again
        return samples, splits

    def _embed(self, view: FaceView, quality: float, visible: float) -> Sample:
        embedding = self._models.recognizer.embed(view.frame.picture, view.landmarks)
        hidden = visible < TELLING_SHARE
        return Sample(view.frame.pts, embedding, quality * visible, view.thumbnail, hidden)

    def _visibility(self, view: FaceView) -> float:
        """Return 1 for an unoccluded face, 0 for one whose embedding would say nothing."""
        framed = Appearance.of(view)
        picture = framed.picture().astype(np.float32)
        hidden = occluded_fraction(self._occlusion(picture, picture), framed.landmarks)
        return max(0.0, 1.0 - hidden / USELESS_FRACTION)


class FaceTracker:
    """Tracks faces frame by frame, without reading ahead.

    Faces are assigned by position, and by embedding where position is not enough. The whole
    picture is searched at the first frame of a shot and at every ``keyframe_interval``-th frame
    after it; in between only crops around known faces are searched.

    `analyze` does the same and sees later frames too. Compared with it, online use lacks this:

    - a face that appears between two keyframes is found at the second of them;
    - frames in which a face was missed for a moment are not filled in;
    - nothing is smoothed, and landmarks of occluded faces are not refined;
    - a flash counts as a cut;
    - where a track turns out to have gone over to another person, frames that were already
      returned keep the old number.

    Example:
        >>> from videoswap import FaceTracker, VideoReader
        >>> tracker = FaceTracker()  # doctest: +SKIP
        >>> with VideoReader("film.mp4") as reader:  # doctest: +SKIP
        ...     for frame in reader:
        ...         faces = tracker.update(reader.rgb(frame), frame.pts)

    Args:
        models: The networks that see faces; None loads those that come with packages, on the CPU.
        settings: How faces are searched; None takes the defaults.

    Raises:
        InputError: ``model_missing``, if a model file is not installed.
    """

    def __init__(
        self, models: FaceModels | None = None, settings: AnalysisSettings | None = None
    ) -> None:
        self.models = FaceModels.load() if models is None else models
        self._settings = settings or AnalysisSettings()
        self._tracker = FrameTracker(self.models, self._settings)
        self._search = FaceSearch(self.models.detector, self._settings)
        self._shots = ShotDetector()
        self._followed: Sequence[FollowedFace] = ()
        self._frames = 0
        self._since_keyframe = 0

    def update(self, image: Array, pts: int | None = None) -> list[TrackedFace]:
        """Find and track the faces of the next frame.

        Args:
            image: (H, W, 3) uint8 RGB, upright; all frames have the same size. Frames of about
                720 rows are large enough for faces of 5 % of the height.
            pts: Presentation time, higher for each frame; None counts frames from 0.

        Returns:
            The faces, in no particular order.

        Raises:
            ValueError: If the picture has another shape or dtype.
        """
        check_picture(image)
        frame = FramePicture(self._frames if pts is None else pts, image, np.eye(2, 3))
        self._frames += 1
        if self._shots.begins_shot(image):
            self._tracker.begin_shot()
            self._followed, self._since_keyframe = (), 0
        if self._since_keyframe == 0:
            (found,), self._followed = self._search.group([image], self._followed)
        else:
            found, self._followed = self._search.follow(image, self._followed)
        self._since_keyframe = (self._since_keyframe + 1) % self._settings.keyframe_interval
        ids, views = self._tracker.assign(frame, found)
        samples, splits = self._tracker.take_samples(
            {track: [view] for track, view in zip(ids, views, strict=True)}
        )
        embeddings = {track: sample.embedding for track, sample in samples}
        renamed = {split.old: split.new for split in splits if frame.pts >= split.pts}
        return [
            TrackedFace(
                renamed.get(track, track), replace(view.face(), embedding=embeddings.get(track))
            )
            for track, view in zip(ids, views, strict=True)
        ]
