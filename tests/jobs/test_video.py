import errno
import json
import shutil
import sqlite3
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image, ImageSequence

import videoswap.jobs.video
import videoswap.jobs.video_results
import videoswap.rendering.render
from videoswap import EncodeSettings, analyze, swap_video
from videoswap.errors import InputError, NoFaceError, OutputError, UsageError
from videoswap.fingerprint import file_digest
from videoswap.rendering.segments import SegmentOutputs
from videoswap.settings import FacePlace, PeopleSettings
from videoswap.timerange import TimeRange
from videoswap.video.probe import probe


def planes(path, mask=False):
    """Return pts and the planes of every frame."""
    found = []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            depth = frame.format.components[0].bits
            kind = np.uint8 if depth == 8 else np.uint16
            parts = []
            for plane in frame.planes:
                rows = np.frombuffer(plane, kind).reshape(plane.height, -1)
                parts.append(rows[:, : plane.width].copy())
            found.append((round(float(frame.pts * frame.time_base), 3), parts))
    return found


def packets(path, kind):
    with av.open(str(path)) as container:
        stream = getattr(container.streams, kind)[0]
        return [
            (p.pts * p.time_base, bytes(p)) for p in container.demux(stream) if p.pts is not None
        ]


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv444p", "yuv420p10le", "yuv444p10le"])
def test_nothing_but_the_masked_faces_changes(clips, photos, settings, tmp_path, pix_fmt):
    out, masks = tmp_path / "out.mkv", tmp_path / "masks.mkv"
    report = swap_video(
        [photos["source"]],
        clips[pix_fmt],
        out,
        target_faces=[photos["left"]],
        settings=replace(settings, encode=EncodeSettings(encoder="ffv1")),
        save_masks=masks,
    )
    assert report.swapped_frames == report.frames == 6
    assert report.encoder == f"ffv1 {pix_fmt}"
    changed = 0
    originals, results, masked = planes(clips[pix_fmt]), planes(out), planes(masks)
    assert [time for time, _ in results] == [time for time, _ in originals]
    assert [time for time, _ in masked] == [time for time, _ in originals]
    for (_, before), (_, after), (_, (mask,)) in zip(originals, results, masked, strict=True):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            cover = mask
            if index and "420" in pix_fmt:
                cover = mask.reshape(mask.shape[0] // 2, 2, -1, 2).max(axis=(1, 3))
            assert np.array_equal(old[cover == 0], new[cover == 0])
            changed += int((old != new).sum())
        assert 0.003 < (mask > 0).mean() < 0.1
    assert changed > 5000


def test_times_and_sound_of_a_variable_rate_clip_are_kept(clip, photos, settings, tmp_path):
    out = tmp_path / "out.mp4"
    report = swap_video(
        [photos["source"]], clip, out, target_faces=[photos["right"]], settings=settings
    )
    assert report.segments == 3
    # The packets of both lie in the order of decoding, which is the encoder's own.
    times = [sorted(t for t, _ in packets(path, "video")) for path in (clip, out)]
    assert len(set(np.diff(times[0]))) > 1
    assert times[1] == times[0]
    assert [t for t, _ in planes(out)] == [t for t, _ in planes(clip)]
    assert packets(out, "audio") == packets(clip, "audio")


def test_each_of_two_people_gets_its_own_source(clip, photos, settings, tmp_path):
    report = swap_video(
        [photos["source"], photos["left"]],
        clip,
        tmp_path / "out.mp4",
        target_faces=[photos["left"], photos["right"]],
        settings=settings,
        report_file=tmp_path / "report.json",
    )
    given = {person.target: person.source for person in report.people if person.source}
    assert given == {
        str(photos["left"]): str(photos["source"]),
        str(photos["right"]): str(photos["left"]),
    }
    saved = json.loads((tmp_path / "report.json").read_text())
    assert saved["frames"] == 24
    assert saved["engine"] == "mesh"
    assert {stage["name"] for stage in saved["stages"]} == {
        "decode",
        "crop",
        "segment_occlusion",
        "swap",
        "finish",
        "composite",
        "encode",
    }


def test_a_target_that_never_appears_is_told_and_the_others_are_swapped(
    clip, photos, settings, tmp_path
):
    report = swap_video(
        [photos["left"], photos["left"]],
        clip,
        tmp_path / "out.mp4",
        target_faces=[photos["right"], photos["source"]],
        settings=settings,
    )
    assert report.unmatched == (str(photos["source"]),)
    assert not report.complete
    assert report.swapped_frames > 0
    assert any("does not appear" in note for note in map(str, report.notes))


def test_a_dry_run_decides_everything_and_writes_nothing(clip, photos, settings, tmp_path):
    said = []
    out = tmp_path / "out.mp4"
    report = swap_video(
        [photos["source"]],
        clip,
        out,
        target_faces=[photos["right"]],
        settings=settings,
        dry_run=True,
        say=said.append,
    )
    assert list(tmp_path.iterdir()) == []
    assert (report.frames, report.segments, report.output) == (24, 3, None)
    assert report.swapped_frames > 0
    assert "nothing written" in said[-1]


def test_what_will_be_lost_is_said_before_the_work(clip, photos, settings, tmp_path, monkeypatch):
    said = []

    def stop(*details, **more):
        said.append("analysis")
        raise RuntimeError

    monkeypatch.setattr(videoswap.jobs.video, "analyze_video", stop)
    out = tmp_path / "out.webm"
    settings = replace(settings, encode=EncodeSettings(audio="copy"))
    with pytest.raises(RuntimeError):
        swap_video([photos["source"]], clip, out, settings=settings, say=said.append)
    at = said.index("analysis")
    assert any("webm cannot hold aac" in line for line in said[:at])
    with pytest.raises(OutputError) as caught:
        swap_video([photos["source"]], clip, out, settings=replace(settings, strict_streams=True))
    assert caught.value.code == "dropped_streams"
    assert said.count("analysis") == 1


def test_a_result_that_fails_the_check_replaces_nothing(
    clip, photos, settings, tmp_path_factory, tmp_path, monkeypatch
):
    settings = replace(settings, cache_dir=tmp_path_factory.mktemp("cache"))
    out, masks = tmp_path / "out.mp4", tmp_path / "masks.mkv"
    kept = [out, masks, tmp_path / "out.unverified.mp4"]
    for path in kept:
        path.write_text("precious")
    monkeypatch.setattr(videoswap.jobs.video_results, "verify", lambda *_: ["a made-up fault"])
    again = replace(settings, overwrite=True)
    with pytest.raises(OutputError) as caught:
        swap_video([photos["source"]], clip, out, settings=again, save_masks=masks)
    assert caught.value.code == "verification_failed" and "made-up" in caught.value.message
    assert all(path.read_text() == "precious" for path in kept)
    aside = tmp_path / "out.unverified2.mp4"
    assert str(aside) in caught.value.hint and len(planes(aside)) == 24
    assert sorted(tmp_path.iterdir()) == sorted([*kept, aside])
    assert not list(settings.cache_dir.glob("renders/*/*.segment"))


@pytest.mark.parametrize("suffix", ["mp4", "gif"])
def test_a_checker_that_does_not_work_is_noted(
    solo_clip, photos, settings, tmp_path, monkeypatch, suffix
):
    def no_program():
        raise RuntimeError

    program = tmp_path / "bin" / "ffmpeg"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    out = tmp_path / f"out.{suffix}"
    report = swap_video([photos["source"]], solo_clip, out, settings=settings)
    assert not any("check" in note for note in map(str, report.notes))
    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", no_program)
    again = replace(settings, overwrite=True)
    report = swap_video([photos["source"]], solo_clip, out, settings=again)
    assert sum("final check" in note for note in map(str, report.notes)) == 1
    assert out.exists()


def test_a_film_that_changes_poisons_nothing(
    clip, solo_clip, photos, settings, tmp_path, monkeypatch
):
    lossless = EncodeSettings(encoder="ffv1")  # x264 is not the same each time
    settings = replace(settings, cache_dir=tmp_path / "cache", encode=lossless, overwrite=True)
    film, out = tmp_path / "film.mp4", tmp_path / "out.mkv"
    shutil.copy(clip, film)
    real = videoswap.jobs.video.analyze_video

    def meanwhile(info, *details, progress, **more):
        def replaced(update):
            film.write_bytes(solo_clip.read_bytes())
            progress(update)

        return real(info, *details, progress=replaced, **more)

    monkeypatch.setattr(videoswap.jobs.video, "analyze_video", meanwhile)
    monkeypatch.setattr("videoswap.tracking.analyze.COMMIT_SECONDS", 0.0)
    monkeypatch.setattr("videoswap.tracking.scan.GROUPS_AHEAD", 1)
    with pytest.raises(InputError) as caught:
        swap_video([photos["source"]], film, out, target_faces=[photos["right"]], settings=settings)
    assert caught.value.code == "video_changed" and not out.exists()
    monkeypatch.setattr(videoswap.jobs.video, "analyze_video", real)
    shutil.copy(clip, film)

    def later(self, segment, info):
        if segment.number == 1:
            film.write_bytes(solo_clip.read_bytes())
        return opened(self, segment, info)

    opened = SegmentOutputs.open
    monkeypatch.setattr(SegmentOutputs, "open", later)
    with pytest.raises(InputError) as caught:
        swap_video([photos["source"]], film, out, target_faces=[photos["right"]], settings=settings)
    assert caught.value.code == "video_changed" and not out.exists()
    monkeypatch.setattr(SegmentOutputs, "open", opened)
    shutil.copy(clip, film)
    report = swap_video(
        [photos["source"]], film, out, target_faces=[photos["right"]], settings=settings
    )
    fresh = tmp_path / "fresh.mkv"
    swap_video(
        [photos["source"]],
        clip,
        fresh,
        target_faces=[photos["right"]],
        settings=replace(settings, cache_dir=None),
    )
    assert report.frames == 24
    for (_, one), (_, other) in zip(planes(out), planes(fresh), strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_frames_count_as_swapped_where_a_swap_is_to_be_seen(
    clip, photos, settings, tmp_path, monkeypatch
):
    real = videoswap.rendering.render.composite
    pts = set()

    def rarely(surface, crop, *args, **kwargs):
        pts.add(crop.pts)
        return len(pts) <= 5 and real(surface, crop, *args, **kwargs)

    monkeypatch.setattr(videoswap.rendering.render, "composite", rarely)
    fresh = replace(settings, cache_dir=tmp_path / "cache")

    def failing(*args, **kwargs):
        raise KeyboardInterrupt

    wanted = partial(
        swap_video,
        [photos["source"]],
        clip,
        tmp_path / "out.mp4",
        target_faces=[photos["right"]],
        settings=fresh,
    )
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(videoswap.jobs.video_results, "mux", failing)
        wanted()
    report = wanted()  # the pieces know it
    assert (report.swapped_frames, report.frames) == (5, 24)


def test_a_part_starts_at_zero_and_keeps_the_sound_in_step(clip, photos, settings, tmp_path):
    out = tmp_path / "out.mp4"
    part = TimeRange(Fraction(1, 5), Fraction(3, 5))
    swap_video(
        [photos["source"]],
        clip,
        out,
        target_faces=[photos["right"]],
        settings=replace(settings, time_range=part),
    )
    wanted = sorted(t for t, _ in packets(clip, "video") if Fraction(1, 5) <= t < Fraction(3, 5))
    found = sorted(t for t, _ in packets(out, "video"))
    assert found == [t - wanted[0] for t in wanted]
    sound = {data: t for t, data in packets(clip, "audio")}
    kept = packets(out, "audio")
    assert 10 < len(kept) < 30
    for t, data in kept:
        assert abs(float(sound[data] - wanted[0] - t)) < 1e-4


def test_an_interrupted_render_goes_on_where_it_stopped(
    clip, photos, settings, tmp_path, monkeypatch
):
    out = tmp_path / "out.mp4"
    arguments = ([photos["source"]], clip, out)
    wishes = {"target_faces": [photos["right"]], "settings": settings}
    swapped_once = []
    real = videoswap.jobs.video_results.mux

    def failing(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(videoswap.jobs.video_results, "mux", failing)
    with pytest.raises(KeyboardInterrupt):
        swap_video(*arguments, **wishes)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(videoswap.jobs.video_results, "mux", real)
    real_open = SegmentOutputs.open

    def counting(self, segment, info):
        swapped_once.append(segment.number)
        return real_open(self, segment, info)

    monkeypatch.setattr(SegmentOutputs, "open", counting)
    piece = next(settings.cache_dir.glob("renders/*/000001.segment"))
    piece.write_bytes(piece.read_bytes()[:-20])  # damaged: has to be made again
    swap_video(*arguments, **wishes)
    assert swapped_once == [1]
    assert len(packets(out, "video")) == 24
    assert not list(settings.cache_dir.glob("renders/*"))


def test_nothing_stays_behind_without_a_cache(clip, photos, settings, tmp_path):
    swap_video(
        [photos["source"]],
        clip,
        tmp_path / "out.mp4",
        target_faces=[photos["right"]],
        settings=replace(settings, cache_dir=None),
    )
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


def test_the_analysis_is_taken_from_the_cache(clip, photos, settings, tmp_path):
    first = swap_video(
        [photos["source"]],
        clip,
        tmp_path / "a.mp4",
        target_faces=[photos["right"]],
        settings=settings,
    )
    second = swap_video(
        [photos["left"]],
        clip,
        tmp_path / "b.mp4",
        target_faces=[photos["right"]],
        settings=settings,
    )
    assert second.analysis_cached
    assert first.people[0].frames == second.people[0].frames
    with analyze(clip, settings=settings) as analysis:
        assert len(analysis.frames.pts) == 24


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_animated_pictures_come_out(clip, photos, settings, tmp_path, suffix):
    out = tmp_path / f"out{suffix}"
    report = swap_video(
        [photos["source"]], clip, out, target_faces=[photos["right"]], settings=settings
    )
    assert report.output == str(out)
    with av.open(str(clip)) as container:
        originals = [one.to_ndarray(format="rgb24") for one in container.decode(video=0)]
    with Image.open(out) as animation:
        frames = [
            (np.asarray(one.convert("RGB"), int), one.info["duration"])
            for one in ImageSequence.Iterator(animation)
        ]
    assert len(frames) == len(originals) == 24
    seconds = float(probe(clip).duration)
    assert sum(length for _, length in frames) / 1000 == pytest.approx(seconds, abs=0.06)
    for (made, _), before in zip(frames, originals, strict=True):
        changed = np.abs(made - before).max(axis=2) > 40  # more than a palette explains
        middle = changed.shape[1] // 2
        assert 0.004 < changed[:, middle:].mean() < 0.1
        assert not changed[:, :middle].any()  # the other person


def test_names_that_are_hard_to_handle(clip, photos, settings, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("-dash.mp4", "a 'b\" c.mp4", "x:y.mp4", "größe 影.mp4", "%03d.mp4"):
        shutil.copy(clip, tmp_path / name)
        out = tmp_path / f"out {name}"
        report = swap_video(
            [photos["source"]],
            tmp_path / name,
            out,
            target_faces=[photos["right"]],
            settings=settings,
        )
        assert report.swapped_frames > 0
        assert out.exists()


@pytest.mark.parametrize(
    ("change", "error", "code"),
    [
        ({"video": "missing.mp4"}, InputError, "missing_file"),
        ({"video": "folder"}, InputError, "is_directory"),
        ({"video": "empty_file.mp4"}, InputError, "empty_file"),
        ({"video": "text.mp4"}, InputError, "not_media"),
        ({"sources": ["missing.png"]}, InputError, "missing_file"),
        ({"sources": ["nobody"]}, NoFaceError, "no_face_in_photo"),
        ({"sources": []}, UsageError, "no_source"),
        ({"sources": ["source", "left"]}, UsageError, "sources_and_targets"),
        ({"targets": ["source"]}, NoFaceError, "no_match"),
        ({"out": "clip"}, OutputError, "output_is_input"),
        ({"out": "no/such/folder/out.mp4"}, OutputError, "no_output_folder"),
        ({"out": "folder"}, OutputError, "output_is_directory"),
        ({"out": "there.mp4"}, OutputError, "output_exists"),
        ({"out": "out.xyz"}, UsageError, "unknown_container"),
        ({"encode": EncodeSettings(encoder="nope")}, UsageError, "unknown_encoder"),
        ({"swapper": "nope"}, UsageError, "unknown_engine"),
    ],
)
def test_bad_requests(clip, photos, settings, tmp_path, change, error, code):
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty_file.mp4").touch()
    (tmp_path / "text.mp4").write_text("this is no video" * 100)
    (tmp_path / "there.mp4").write_text("precious")
    known = {**photos, "clip": clip}

    def path(name):
        return known.get(name, tmp_path / name)

    changed = {key: value for key, value in change.items() if key in ("encode", "swapper")}
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(error) as caught:
        swap_video(
            [path(name) for name in change.get("sources", ["source"])],
            path(change.get("video", "clip")),
            path(change.get("out", "out.mp4")),
            target_faces=[path(name) for name in change.get("targets", [])],
            settings=replace(settings, **changed),
        )
    assert caught.value.code == code
    assert caught.value.message.count("\n") == 0
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "there.mp4").read_text() == "precious"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("no/folder/r.json", "no_output_folder"),
        ("there.json", "output_exists"),
        ("out.mp4", "output_is_input"),
    ],
)
def test_a_report_that_cannot_be_written_is_refused_first(
    clip, photos, settings, tmp_path, name, code
):
    (tmp_path / "there.json").write_text("precious")
    out = tmp_path / "out.mp4"
    with pytest.raises(OutputError) as caught:
        swap_video(
            [photos["source"]],
            clip,
            out,
            target_faces=(),
            settings=settings,
            report_file=tmp_path / name,
        )
    assert caught.value.code == code
    assert not out.exists()
    assert (tmp_path / "there.json").read_text() == "precious"


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, "disk_full"),
        (errno.EDQUOT, "disk_full"),
        (errno.EROFS, "unwritable_output"),
    ],
)
def test_no_room_for_pieces(clip, photos, settings, tmp_path, monkeypatch, number, code):
    def failing(*args, **kwargs):
        raise OSError(number, "no room")

    monkeypatch.setattr("videoswap.rendering.segment_folder.scratch_path", failing)
    uncached = replace(settings, cache_dir=None)
    with pytest.raises(OutputError) as caught:
        swap_video(
            [photos["source"]],
            clip,
            tmp_path / "o.mp4",
            target_faces=[photos["right"]],
            settings=uncached,
        )
    assert caught.value.code == code


def test_a_full_cache_is_told(clip, photos, settings, tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("videoswap.tracking.store_opening.Store", full)
    with pytest.raises(OutputError, match="disk is full"):
        swap_video(
            [photos["source"]],
            clip,
            tmp_path / "o.mp4",
            target_faces=[photos["right"]],
            settings=settings,
        )


def test_a_cache_that_cannot_be_written_only_costs_the_cache(solo_clip, photos, settings, tmp_path):
    blocked, out = tmp_path / "file", tmp_path / "results" / "out.mp4"
    blocked.write_text("precious")
    out.parent.mkdir()
    said = []
    report = swap_video(
        [photos["source"]],
        solo_clip,
        out,
        target_faces=(),
        settings=replace(settings, cache_dir=blocked),
        say=said.append,
    )
    assert report.swapped_frames == report.frames == 16
    assert (report.kept, report.kept_frames, report.filled_frames) == ((), 0, 0)
    assert set(report.throughput) == {"analyze", "render"} and min(report.throughput.values()) > 0
    assert all(stage.waited >= 0 for stage in report.stages)
    used = {one.path: one.sha256 for one in report.weights}
    assert all(file_digest(Path(path)) == digest for path, digest in used.items())
    names = {Path(path).name for path in used}
    assert {"own.onnx", "own_deep.onnx", "face_parser.onnx", "hidden_landmarks.onnx"} <= names
    (told,) = [line for line in said if "an analysis for this run alone" in line]
    assert str(tmp_path) in told
    assert list(out.parent.iterdir()) == [out]
    assert blocked.read_text() == "precious"


def test_a_report_never_replaces_a_source(clip, photos, settings, tmp_path):
    before = photos["source"].read_bytes()
    with pytest.raises(OutputError):
        swap_video(
            [photos["source"]],
            clip,
            tmp_path / "out.mp4",
            target_faces=(),
            settings=replace(settings, overwrite=True),
            report_file=photos["source"],
        )
    assert photos["source"].read_bytes() == before


def test_a_part_beyond_the_end(clip, photos, settings, tmp_path):
    late = replace(settings, time_range=TimeRange(Fraction(50)))
    with pytest.raises(InputError) as caught:
        swap_video([photos["source"]], clip, tmp_path / "out.mp4", target_faces=(), settings=late)
    assert caught.value.code == "empty_range"


def test_a_folder_of_photos_of_one_person(clip, photos, settings, tmp_path):
    folder = tmp_path / "me"
    folder.mkdir()
    for name in ("source", "nobody"):
        shutil.copy(photos[name], folder / f"{name}.png")
    report = swap_video(
        [folder], clip, tmp_path / "out.mp4", target_faces=[photos["left"]], settings=settings
    )
    assert any(
        note.startswith("without the photo") and "nobody" in note for note in map(str, report.notes)
    )


@pytest.mark.parametrize("role", ["source", "target"])
def test_a_folder_of_several_people_is_refused(clip, photos, settings, tmp_path, role):
    folder = tmp_path / "two"
    folder.mkdir()
    for name in ("source", "right"):
        shutil.copy(photos[name], folder / f"{name}.png")
    source, target = (folder, photos["left"]) if role == "source" else (photos["left"], folder)
    with pytest.raises(InputError) as caught:
        swap_video([source], clip, tmp_path / "out.mp4", target_faces=[target], settings=settings)
    assert caught.value.code == "several_people"
    assert "right.png" in caught.value.message and "source.png" in caught.value.message


@pytest.mark.parametrize(
    ("chosen", "swapped"),
    [
        (PeopleSettings(all_faces=True), [0, 1]),
        (PeopleSettings(persons=(1,)), [1]),
        (PeopleSettings(places=(FacePlace(Fraction("0.2"), "right"),)), None),
    ],
)
def test_people_can_be_chosen_without_photos(clip, photos, settings, tmp_path, chosen, swapped):
    said = []
    report = swap_video(
        [photos["source"]],
        clip,
        tmp_path / "out.mp4",
        settings=replace(settings, people=chosen),
        dry_run=True,
        say=said.append,
    )
    found = [person.person for person in report.people if person.source]
    if swapped is None:  # whoever it is, it is one, and the note says which
        assert len(found) == 1
        assert any(f"the face at 0.20 s (right) is person {found[0] + 1}" in line for line in said)
    else:
        assert found[: len(swapped)] == swapped
    assert sum(line.startswith("person ") for line in said) == len(found)


def test_by_default_the_person_with_most_screen_time_is_taken(clip, photos, settings, tmp_path):
    report = swap_video(
        [photos["source"]],
        clip,
        tmp_path / "o.mp4",
        target_faces=(),
        settings=settings,
        dry_run=True,
    )
    assert [person.person for person in report.people if person.source] == [0]
    assert report.people[0].frames == max(person.frames for person in report.people)
    assert any("most screen time" in note for note in map(str, report.notes))


def test_a_video_without_a_face(empty_clip, photos, settings, tmp_path):
    with pytest.raises(NoFaceError) as caught:
        swap_video(
            [photos["source"]], empty_clip, tmp_path / "out.mp4", target_faces=(), settings=settings
        )
    assert caught.value.code == "no_face_in_video"
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_nothing_behind(clip, photos, settings, tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise OutputError("disk_full", "The disk is full.")

    monkeypatch.setattr(videoswap.jobs.video_results, "mux", full)
    with pytest.raises(OutputError):
        swap_video(
            [photos["source"]],
            clip,
            tmp_path / "out.mp4",
            target_faces=[photos["right"]],
            settings=settings,
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("encode", "code"),
    [
        ({"encoder": "h264_nvenc"}, "encoder_refused"),
        ({"crf": 99}, "bad_crf"),
        ({"preset": "warp9"}, "encoder_refused"),
        ({"audio": "opus"}, "container_codec"),
    ],
)
def test_what_cannot_be_encoded_is_said_before_the_analysis(
    clip, photos, settings, tmp_path, monkeypatch, encode, code
):
    if encode.get("encoder") == "h264_nvenc" and Path("/dev/nvidia0").exists():
        pytest.skip("this machine may have NVENC")
    monkeypatch.setattr(videoswap.jobs.video, "analyze_with_progress", None)
    wish = replace(settings, encode=EncodeSettings(**encode))
    with pytest.raises(UsageError) as caught:
        swap_video([photos["source"]], clip, tmp_path / "out.mov", settings=wish)
    assert caught.value.code == code
