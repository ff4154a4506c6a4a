"""The pass with the real models: a camera over the group photo, and the shared clips."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from videoswap.detection.face_models import FaceModels
from videoswap.detection.face_view import FramePicture
from videoswap.people.clustering import cluster_tracks
from videoswap.settings import AnalysisSettings
from videoswap.timerange import TimeRange
from videoswap.tracking.analyze import analyze_video
from videoswap.tracking.scan import Scanner
from videoswap.video.probe import probe

pytestmark = pytest.mark.filterwarnings("error")


def test_a_camera_over_six_people_gives_six_tracks(group, detector, landmarker, recognizer):
    full = np.array([[1, 0, 0], [0, 1, 0]], np.float64)
    frames = (
        FramePicture(k, np.ascontiguousarray(group[:, 3 * k : 1235 + 3 * k]), full)
        for k in range(15)
    )
    scanner = Scanner(FaceModels(detector, landmarker, recognizer), AnalysisSettings())
    tracks: dict[int, list] = {}
    for group_of_frames in scanner.scan(frames):
        assert group_of_frames.scene == 0
        for track, face in group_of_frames.faces:
            tracks.setdefault(track, []).append(face)
    assert [len(faces) for faces in tracks.values()] == [15] * 6
    for faces in tracks.values():
        steps = [b.landmarks.mean(axis=0) - a.landmarks.mean(axis=0) for a, b in pairwise(faces)]
        assert np.abs(np.array(steps) - [-3, 0]).max() < 2.5


def analyzed(path, start, end, *parts):
    span = TimeRange(Fraction(start), Fraction(end))
    models = FaceModels(*parts)
    return analyze_video(probe(path), AnalysisSettings(), span, cache_dir=None, models=models)


@pytest.mark.needs_shared
def test_one_person_over_three_shots(shared, detector, landmarker, recognizer):
    clip = shared / "media" / "nggyup.mp4"
    with analyzed(clip, 0, 4, detector, landmarker, recognizer) as analysis:
        assert np.bincount(analysis.frames.scenes).tolist() == [22, 71, 27]
        assert [track.count for track in analysis.tracks] == [22, 71, 27]
        (person,) = cluster_tracks(
            analysis.tracks, recognizer.cluster_threshold, recognizer.distances
        )
        assert person.frames == 120


@pytest.mark.needs_shared
def test_a_crowd_then_one_person_near_and_far(shared, detector, landmarker, recognizer):
    clip = shared / "media" / "dirtydancing.mp4"
    with analyzed(clip, 6, 9, detector, landmarker, recognizer) as analysis:
        assert np.bincount(analysis.frames.scenes).tolist()[1:] == [32, 44]
        woman = [track for track in analysis.tracks if track.scene > 0]
        assert [track.count for track in woman] == [32, 44]
        found = cluster_tracks(analysis.tracks, recognizer.cluster_threshold, recognizer.distances)
        together = {track.id for track in woman}
        assert any(set(person.track_ids) == together for person in found)


@pytest.mark.needs_shared
def test_a_head_thrown_back_and_down_again_is_one_face_in_every_frame(
    shared, detector, landmarker, recognizer
):
    clip = shared / "media" / "dirtydancing.mp4"
    with analyzed(clip, "2.9", "4.3", detector, landmarker, recognizer) as found:
        (track,) = found.tracks
        assert list(found.found_faces_between(0, 10**12)) == found.frames.pts.tolist()
        assert track.count == len(found.frames.pts)
