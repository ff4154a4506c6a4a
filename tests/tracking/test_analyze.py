"""The whole pass on drawn clips with known answers: search, tracks, store, resume."""

from __future__ import annotations

import os
import sqlite3
import threading
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from tests.helpers.squares import (
    BLUE,
    GREEN,
    RED,
    ColorRecognizer,
    SquareDetector,
    SquareLandmarker,
    draw,
    nothing_in_front,
    write_video,
)
from videoswap.detection import occluded_landmarks as hidden
from videoswap.detection.face_models import FaceModels
from videoswap.detection.face_view import FramePicture
from videoswap.errors import InputError, VideoswapError
from videoswap.occlusion import builtin as own
from videoswap.settings import AnalysisSettings
from videoswap.timerange import TimeRange
from videoswap.tracking import analysis as analysis_module
from videoswap.tracking import analyze, face_tracker, key
from videoswap.tracking.analyze import analyze_video
from videoswap.tracking.scan import Scanner
from videoswap.tracking.scan_state import from_json, to_json
from videoswap.tracking.store import RefinedLandmarks, Store
from videoswap.tracking.store_opening import open_store
from videoswap.video.probe import probe

SETTINGS = AnalysisSettings(min_face=Fraction(1, 9))


def two_shots():
    """Return 60 pictures: red wanders, green comes at 13 and hides at 22-26; at 40 blue alone."""
    pictures = []
    for k in range(40):
        squares = [(60 + 2 * k, 60 + k, 36, RED)]
        if k >= 13 and not 22 <= k <= 26:
            squares.append((250 - k, 120, 30, GREEN))
        pictures.append(draw(squares))
    for k in range(20):
        picture = draw([(160, 60 + k, 44, BLUE)])
        picture[:, :60] = picture[:, -60:] = (90, 90, 110)
        pictures.append(picture)
    return pictures


@pytest.fixture(scope="module", autouse=True)
def nothing_before_them():
    """Squares are no faces: what a network for faces sees before them says nothing."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (face_tracker, analysis_module):
            patch.setattr(module, "load_coarse_model", lambda: nothing_in_front)
        yield


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return probe(write_video(tmp_path_factory.mktemp("clips") / "two shots.mp4", two_shots()))


def run(info, cache=None, detector=None, **more):
    models = FaceModels(detector or SquareDetector(), SquareLandmarker(), ColorRecognizer())
    time_range = more.pop("time_range", TimeRange())
    settings = more.pop("settings", SETTINGS)
    return analyze_video(info, settings, time_range, cache_dir=cache, models=models, **more)


def summary(analysis):
    """Return everything an analysis says, to compare two of them."""
    faces = analysis.found_faces_between(-(10**9), 10**9)
    return (
        analysis.frames.pts.tolist(),
        analysis.frames.scenes.tolist(),
        [(t.id, t.scene, t.first_pts, t.last_pts, t.count, t.best_pts) for t in analysis.tracks],
        [t.embedding.tolist() for t in analysis.tracks],
        {
            pts: [(track, one.box.tolist(), one.landmarks.tolist(), one.score) for track, one in at]
            for pts, at in faces.items()
        },
    )


@pytest.fixture(scope="module")
def expected(clip):
    with run(clip) as analysis:
        return summary(analysis)


def scan(pictures, detector):
    models = FaceModels(detector, SquareLandmarker(), ColorRecognizer())
    scanner = Scanner(models, SETTINGS, nothing_in_front)
    full = np.array([[1, 0, 0], [0, 1, 0]], np.float64)
    frames = (FramePicture(k, picture, full) for k, picture in enumerate(pictures))
    tracks: dict[int, list[int]] = {}
    for window in scanner.scan(frames):
        for track, face in window.faces:
            tracks.setdefault(track, []).append(face.pts)
    return tracks


def test_no_frame_of_a_face_is_missed_though_few_are_searched_whole():
    detector = SquareDetector()
    tracks = scan(two_shots(), detector)
    green = [k for k in range(13, 40) if not 22 <= k <= 26]
    assert list(tracks.values()) == [list(range(40)), green, list(range(40, 60))]
    whole = [shape for shape in detector.looked if shape[1] > 200]
    assert len(whole) == 1 + 5 + 1 + 3  # first frames, then every eighth and the last of a shot


def test_a_fast_and_growing_face_is_followed():
    pictures = [draw([(30 + 9 * k, 90, 24 * 1.03**k, RED)]) for k in range(26)]
    assert scan(pictures, SquareDetector()) == {0: list(range(26))}


def test_crossing_people_keep_their_tracks():
    pictures = [draw([(60 + 5 * k, 92, 36, GREEN), (260 - 5 * k, 88, 36, RED)]) for k in range(41)]
    tracks = scan(pictures, SquareDetector())
    assert len(tracks) == 2
    assert all({0, 1, 2, 38, 39, 40} <= set(seen) for seen in tracks.values())


def found_faces(analysis, track):
    """Return the faces of a track without refinement."""
    found = analysis.found_faces_between(track.first_pts, track.last_pts, {track.id})
    return [face for pairs in found.values() for _, face in pairs]


def test_frames_scenes_and_tracks(clip):
    with run(clip) as analysis:
        assert len(analysis.frames.pts) == 60
        assert analysis.frames.scenes.tolist() == [0] * 40 + [1] * 20
        red, green, blue = analysis.tracks
        assert (red.scene, green.scene, blue.scene) == (0, 0, 1)
        assert (red.count, green.count, blue.count) == (40, 22, 20)
        seen = [k for k in range(13, 40) if not 22 <= k <= 26]  # hidden: nothing is invented
        for k, face in zip(seen, found_faces(analysis, green), strict=True):
            middle = (face.box[:2] + face.box[2:]) / 2
            assert np.abs(middle - [250 - k, 120]).max() < 1.0
        first, last = analysis.frames.pts[[35, 44]].tolist()
        at = analysis.found_faces_between(first, last)
        assert list(at) == analysis.frames.pts[35:45].tolist()
        assert [len(pairs) for pairs in at.values()] == [2] * 5 + [1] * 5


@pytest.fixture(scope="module")
def dimmed(tmp_path_factory):
    """A textured square that moves, too dark for the detector in the frames 12 to 17."""
    texture = (
        np.random.default_rng(1).integers(140, 256, (6, 6)).repeat(7, axis=0).repeat(7, axis=1)
    )
    pictures = []
    for k in range(30):
        picture = np.zeros((180, 320, 3), np.uint8)
        x = 60 + 3 * k + (4 if 12 <= k < 18 else 0)
        picture[60:102, x : x + 42, 0] = texture * (0.48 if 12 <= k < 18 else 1.0)
        pictures.append(picture)
    return probe(write_video(tmp_path_factory.mktemp("clips") / "dimmed.mp4", pictures))


def test_a_gap_is_filled_where_the_face_is_seen_in_the_picture(dimmed):
    with run(dimmed) as analysis:
        (track,) = analysis.tracks
        assert track.count == 24
        faces = found_faces(analysis, track)
        assert [face.score == 0 for face in faces] == [12 <= k < 18 for k in range(30)]
        for k in range(13, 17):  # not on the straight line from before to after
            assert abs((faces[k].box[0] + faces[k].box[2]) / 2 - (60 + 3 * k + 4 + 20.5)) < 1.5


@pytest.mark.parametrize("after", [9, 17])
def test_a_gap_over_an_interruption_is_filled_likewise(dimmed, tmp_path, monkeypatch, after):
    with run(dimmed) as analysis:
        expected = summary(analysis)
    monkeypatch.setattr(analyze, "COMMIT_SECONDS", 0.0)
    stop = threading.Event()

    def progress(update):
        done = update.done
        if done >= after:
            stop.set()

    with pytest.raises(VideoswapError):
        run(dimmed, tmp_path, progress=progress, cancel=stop)
    with run(dimmed, tmp_path) as analysis:
        assert summary(analysis) == expected


def found_ten_to_the_right(store, tracks, pictures, glance, landmarker, carry_on, expect):
    """Stand in for `uncover`: finds every landmark ten pixels further to the right."""
    carry_on()
    first, last = store.frames()[0][[0, -1]].tolist()
    for track in tracks:
        shown = store.faces(track, first, last)
        moved = [
            RefinedLandmarks(
                track, face.pts, face.landmarks + np.float32([10, 0]), np.zeros(68, bool)
            )
            for face in shown
        ]
        store.add_refined([track], moved)
        carry_on()


def refined(analysis, tracks, looked):
    """Refine some tracks without smoothing, and note how often progress was reported."""
    return analysis.refined(
        tracks,
        smoother=lambda faces, pts, motions: list(faces),
        progress=lambda update: looked.append(update.done),
    )


def found_landmarks(analysis):
    """Return by track the landmarks as they were found, not smoothed."""
    first, last = analysis.frames.pts[[0, -1]].tolist()
    return {
        one.id: np.array([f.landmarks for f in analysis._store.faces(one.id, first, last)])
        for one in analysis.tracks
    }


def landmarks_of(analysis, tracks=None):
    """Return by track the landmarks of its faces; of all tracks if none are named."""
    return {
        one.id: np.array([face.landmarks for face in analysis.faces(one.id)])
        for one in analysis.tracks
        if tracks is None or one.id in tracks
    }


def test_landmarks_are_uncovered_of_the_tracks_that_are_asked_for_and_once(
    clip, tmp_path, monkeypatch
):
    monkeypatch.setattr(analysis_module, "refine_occluded_landmarks", found_ten_to_the_right)
    looked: list[int] = []
    with run(clip, tmp_path) as analysis, run(clip, tmp_path) as reader:
        red, green, blue = (track.id for track in analysis.tracks)
        before = found_landmarks(analysis)
        found_faces(reader, analysis.tracks[0])  # reading it elsewhere keeps nobody from adding
        only_two = refined(analysis, {red, blue}, looked)
        after = landmarks_of(only_two, {red, blue})
        with pytest.raises(KeyError):
            only_two.faces(green)
        assert green not in {
            one for pairs in only_two.faces_between(0, 10**9).values() for one, _ in pairs
        }
        assert looked == [1, 2, 3]
        refined(analysis, {red, blue}, looked)
        assert len(looked) == 3
        for track in (red, blue):
            np.testing.assert_array_equal(after[track], before[track] + np.float32([10, 0]))
        again = found_landmarks(analysis)  # what was found stays as it was
        np.testing.assert_array_equal(again[red], before[red])
    with run(clip, tmp_path) as analysis:
        assert analysis.cached
        for track, marks in landmarks_of(
            refined(analysis, {red, blue}, looked), {red, blue}
        ).items():
            np.testing.assert_array_equal(marks, after[track])
        assert len(looked) == 3
        everybody = landmarks_of(refined(analysis, None, looked))
        assert len(looked) == 5  # green alone
        np.testing.assert_array_equal(everybody[red], after[red])
        np.testing.assert_array_equal(everybody[green], before[green] + np.float32([10, 0]))


def test_stopped_while_landmarks_are_uncovered_it_goes_on_later(clip, tmp_path, monkeypatch):
    monkeypatch.setattr(analysis_module, "refine_occluded_landmarks", found_ten_to_the_right)
    stop = threading.Event()
    with run(clip, tmp_path) as analysis:
        before = found_landmarks(analysis)
        with pytest.raises(VideoswapError) as caught:
            analysis.refined(
                progress=lambda update: stop.set() if update.done == 2 else None, cancel=stop
            )
        assert caught.value.code == "interrupted"
    with run(clip, tmp_path) as analysis:
        for track, marks in landmarks_of(refined(analysis, None, [])).items():
            np.testing.assert_array_equal(marks, before[track] + np.float32([10, 0]))


def test_a_face_hidden_by_another_is_not_filled_in(tmp_path):
    pictures = [draw([(160, 90, 32, GREEN), (48 + 8 * k, 90, 50, RED)]) for k in range(30)]
    with run(probe(write_video(tmp_path / "hidden.mp4", pictures))) as analysis:
        green, red = sorted(analysis.tracks, key=lambda track: track.count)
        assert red.count == 30 and 20 <= green.count < 30
        shown = analysis.found_faces_between(0, 10**9)
        hidden = [k for k in range(30) if abs(48 + 8 * k - 160) < 12]
        assert [len(pairs) for k, pairs in enumerate(shown.values()) if k in hidden] == [1] * 3


def test_blocks_join_without_a_seam(clip, expected, monkeypatch):
    monkeypatch.setattr(analysis_module, "BLOCK_FRAMES", 8)
    with run(clip) as analysis:
        blocks = summary(analysis)
    assert blocks[:4] == expected[:4] and blocks[4].keys() == expected[4].keys()
    for pts, pairs in expected[4].items():
        for one, other in zip(pairs, blocks[4][pts], strict=True):
            assert np.abs(np.subtract(one[2], other[2])).max() < 0.3


def test_a_kept_analysis_is_not_made_again(clip, tmp_path, expected):
    cache = tmp_path / "cache"
    run(clip, cache).close()
    detector = SquareDetector()
    with run(clip, cache, detector) as analysis:
        assert summary(analysis) == expected and not analysis.fallbacks
    assert detector.looked == []
    (file,) = cache.glob("*.sqlite")
    assert cache.stat().st_mode & 0o777 == 0o700 and file.stat().st_mode & 0o777 == 0o600


def test_other_settings_time_or_model_are_another_analysis(clip, tmp_path):
    other = SquareDetector()
    other.key = "other squares"
    run(clip, tmp_path).close()
    run(clip, tmp_path, settings=replace(SETTINGS, keyframe_interval=5)).close()
    run(clip, tmp_path, time_range=TimeRange(Fraction(1))).close()
    run(clip, tmp_path, detector=other).close()
    assert len(list(tmp_path.glob("*.sqlite"))) == 4


@pytest.mark.parametrize(
    ("room", "name"), [(own, "COARSE_MODEL"), (own, "DEEP_MODEL"), (hidden, "NETWORK")]
)
def test_another_network_behind_the_same_name_is_another_analysis(
    clip, tmp_path, monkeypatch, room, name
):
    run(clip, tmp_path).close()
    before = getattr(room, name)
    other = tmp_path / before.name
    other.write_bytes(before.read_bytes() + b"\x32\x01x")  # a remark, in the format's own words
    monkeypatch.setattr(room, name, other)
    with run(clip, tmp_path) as analysis:
        assert not analysis.cached
    assert len(list(tmp_path.glob("*.sqlite"))) == 2


@pytest.mark.parametrize("stage", list(key.STAGE_SCHEMAS))
def test_a_stage_that_gives_other_results_is_another_analysis(clip, tmp_path, monkeypatch, stage):
    run(clip, tmp_path).close()
    monkeypatch.setitem(key.STAGE_SCHEMAS, stage, key.STAGE_SCHEMAS[stage] + 1)
    with run(clip, tmp_path) as analysis:
        assert not analysis.cached


def test_a_time_range_takes_the_frames_inside(clip):
    with run(clip, time_range=TimeRange(Fraction(1), Fraction(2))) as analysis:
        seconds = [Fraction(int(pts)) * clip.time_base for pts in analysis.frames.pts]
        assert seconds == [Fraction(k, 25) for k in range(25, 50)]


@pytest.mark.parametrize("after", [1, 9, 25, 41, 49])
def test_an_interrupted_analysis_goes_on_to_the_same_result(
    clip, tmp_path, expected, monkeypatch, after
):
    monkeypatch.setattr(analyze, "COMMIT_SECONDS", 0.0)
    stop = threading.Event()

    def progress(update):
        assert update.total is None or update.total == 60
        if update.done >= after:
            stop.set()

    with pytest.raises(VideoswapError) as caught:
        run(clip, tmp_path, progress=progress, cancel=stop)
    assert caught.value.code == "interrupted"
    detector = SquareDetector()
    seen: list[int] = []
    with run(
        clip, tmp_path, detector, progress=lambda update: seen.append(update.done)
    ) as analysis:
        assert summary(analysis) == expected
    assert seen[0] > after


def test_an_error_in_a_stage_is_raised_and_ends_the_threads(clip):
    class Broken(SquareDetector):
        def detect(self, picture, threshold=0.5):
            if len(self.looked) > 20:
                raise RuntimeError("broken detector")
            return super().detect(picture, threshold)

    before = threading.active_count()
    with pytest.raises(RuntimeError, match="broken detector"):
        run(clip, detector=Broken())
    assert threading.active_count() == before


def without_a_page(data: bytes) -> bytes:
    place = data.index(b"\x0d", 4096 * (len(data) // 8192)) // 4096 * 4096
    return data[:place] + bytes(4096) + data[place + 4096 :]


DAMAGE = {
    "cut short": lambda path: path.write_bytes(path.read_bytes()[:5000]),
    "overwritten": lambda path: path.write_bytes(b"x" * 20000),
    "one page": lambda path: path.write_bytes(without_a_page(path.read_bytes())),
    "holes": lambda path: path.write_bytes(path.read_bytes()[:4096] + bytes(30000)),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_file_is_set_aside_and_made_again(clip, tmp_path, expected, kind):
    run(clip, tmp_path).close()
    (file,) = tmp_path.glob("*.sqlite")
    DAMAGE[kind](file)
    with run(clip, tmp_path) as analysis:
        assert summary(analysis) == expected
        assert "damaged" in str(analysis.fallbacks[0])
    assert len(list(tmp_path.glob("*.damaged"))) == 1
    with run(clip, tmp_path) as analysis:
        assert not analysis.fallbacks


def test_a_file_of_another_schema_is_made_again(clip, tmp_path, expected):
    run(clip, tmp_path).close()
    (file,) = tmp_path.glob("*.sqlite")
    with sqlite3.connect(file) as base:
        base.execute("UPDATE meta SET value = '0' WHERE name = 'schema'")
    base.close()
    with run(clip, tmp_path) as analysis:
        assert summary(analysis) == expected and analysis.fallbacks


def test_a_second_writer_makes_its_own(clip, tmp_path, expected):
    run(clip, tmp_path).close()
    (file,) = tmp_path.glob("*.sqlite")
    file.unlink()
    writer = open_store(tmp_path, file.stem)
    with run(clip, tmp_path) as analysis:
        assert summary(analysis) == expected
        assert "another process" in str(analysis.fallbacks[0])
    writer.close()
    with run(clip, tmp_path) as analysis:
        assert not analysis.fallbacks


def test_where_the_cache_cannot_be_written_it_goes_on_without(clip, tmp_path, expected):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with run(clip, blocked / "cache") as analysis:
        assert summary(analysis) == expected
        assert analysis.key == ""  # so the render knows that nothing is kept
        (told,) = map(str, analysis.fallbacks)
    assert "for this run alone" in told
    assert str(blocked) in told


def test_a_cache_that_fills_up_on_the_way_costs_nothing_but_the_cache(
    clip, tmp_path, expected, monkeypatch
):
    monkeypatch.setattr(analyze, "COMMIT_SECONDS", 0.0)
    real, added = Store._insert, []

    def limited(self, base, window):
        added.append(window)
        if len(added) == 3:
            base.execute("PRAGMA max_page_count = 1")  # as if the disk had no room for another
        real(self, base, window)

    monkeypatch.setattr(Store, "_insert", limited)
    with run(clip, tmp_path) as analysis:
        assert len(added) > 4
        assert summary(analysis) == expected
        assert "full" in str(analysis.fallbacks[0])
        assert analysis.key == ""


def test_the_state_survives_json_exactly():
    models = FaceModels(SquareDetector(), SquareLandmarker(), ColorRecognizer())
    scanner = Scanner(models, SETTINGS, nothing_in_front)
    full = np.array([[1, 0, 0], [0, 1, 0]], np.float64)
    frames = [FramePicture(k, picture, full) for k, picture in enumerate(two_shots()[:20])]
    *_, last = scanner.scan(frames)
    text = to_json(last.state)
    assert to_json(from_json(text)) == text
    words = '{"class": "array", "dtype": ", ,", "shape": [1], "data": "AA=="}'
    for text in ('{"class": "array"}', 20_000 * "[", words):
        with pytest.raises(ValueError, match="not a"):
            from_json(text)


def test_a_large_file_that_is_only_sampled_is_told_by_its_time(tmp_path, monkeypatch):
    monkeypatch.setattr(key, "WHOLE_FILE_BYTES", 1000)
    monkeypatch.setattr(key, "SAMPLE_BYTES", 4)
    film = tmp_path / "film.raw"
    film.write_bytes(bytes(20_000))
    before = key.video_digest(film)
    assert key.video_digest(film) == before
    with film.open("r+b") as file:
        file.seek(101)  # between two samples
        file.write(b"x")
    os.utime(film, ns=(0, film.stat().st_mtime_ns + 1_000_000))
    assert key.video_digest(film) != before
    with pytest.raises(InputError):
        key.video_digest(tmp_path / "gone.raw")
