"""A run never ends without saying what of the film is missing."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace

import av
import pytest

import videoswap.jobs.video
import videoswap.rendering.render
from videoswap import swap_video, threads
from videoswap.errors import InputError, NoFaceError
from videoswap.executors.film import Film
from videoswap.video.nvdec import open_reader
from videoswap.video.probe import probe


class Elsewhere:
    """Does the tasks of workers in this process."""

    workers, shares_disk = 2, True

    def film(self, info):
        return Film()

    def run(self, work, tasks, on_frame):
        handler = work.open()
        for task in filter(None, tasks):
            yield task, handler(task.payload, on_frame)


def packets_of(path):
    with av.open(str(path)) as container:
        return [(p.pos, p.size) for p in container.demux(video=0) if p.size]


@pytest.fixture(scope="session")
def long_clip(tmp_path_factory, solo_clip):
    """The person of a clip again and again, with key frames, its index first."""
    path = tmp_path_factory.mktemp("clips") / "long.mp4"
    with av.open(str(solo_clip)) as source:
        pictures = [frame.to_ndarray(format="rgb24") for frame in source.decode(video=0)]
    options = {"movflags": "+faststart"}
    with av.open(str(path), "w", options=options) as out:
        stream = out.add_stream("libx264", rate=10, options={"g": "5", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = 480, 320, "yuv420p"
        for index in range(20):
            frame = av.VideoFrame.from_ndarray(pictures[index % len(pictures)], format="rgb24")
            frame.pts = index
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def test_a_cut_film_is_told_before_the_render_each_time(
    long_clip, photos, settings, tmp_path, monkeypatch
):
    cut = tmp_path / "cut.mp4"
    pos, size = packets_of(long_clip)[11]
    cut.write_bytes(long_clip.read_bytes()[: pos + size])
    settings = replace(settings, overwrite=True)
    for number in range(2):
        said = []
        report = swap_video(
            [photos["source"]],
            cut,
            tmp_path / "out.mp4",
            settings=settings,
            say=said.append,
            report_file=tmp_path / "report.json",
        )
        (told,) = [n for n, line in enumerate(said) if "cut short" in line]
        assert "0.80 s before the 2.00 s" in said[told]
        assert told < next(n for n, line in enumerate(said) if line.startswith("person"))
        assert report.frames == 12 and report.analysis_cached == bool(number)
        assert (report.lost.frames, float(report.lost.seconds)) == (8, pytest.approx(0.8))
        saved = json.loads((tmp_path / "report.json").read_text())["lost"]
        assert saved["end"] == {"start": pytest.approx(1.1), "end": 2.0, "frames": 8}
    with pytest.raises(InputError) as caught:
        swap_video(
            [photos["source"]],
            cut,
            tmp_path / "out.mp4",
            target_faces=(),
            settings=replace(settings, strict_input=True),
        )
    assert caught.value.code == "damaged_input" and "cut short" in caught.value.message


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_damaged_film_is_decoded_by_one_thread(
    long_clip, photos, settings, tmp_path, monkeypatch, jobs
):
    """Several fill in what is lost in another way each time."""
    film, used = tmp_path / "rotten.mp4", []
    data = bytearray(long_clip.read_bytes())
    for pos, size in packets_of(long_clip)[5:8]:
        data[pos + 8 : pos + size] = b"\xff" * (size - 8)
    film.write_bytes(data)

    def opened(decoder, info, threads, *others):
        used.append(threads)
        return open_reader(decoder, info, threads, *others)

    @contextmanager
    def here(settings, jobs=None):
        yield None if settings.jobs == 1 else Elsewhere()

    monkeypatch.setattr(videoswap.rendering.render, "open_reader", opened)
    monkeypatch.setattr(videoswap.jobs.video, "open_executor", here)
    monkeypatch.setattr(threads, "usable_cores", lambda: threads.Cores(4, 4))
    for path, wanted in ((film, {1}), (long_clip, {4})):
        used.clear()
        wish = replace(settings, jobs=jobs, overwrite=True, cache_dir=None)
        swap_video([photos["source"]], path, tmp_path / "out.mp4", settings=wish)
        assert set(used) == wanted


def test_frames_that_are_missing_in_the_middle_are_told(long_clip, photos, settings, tmp_path):
    film = tmp_path / "rotten.mp4"
    data = bytearray(long_clip.read_bytes())
    for pos, size in packets_of(long_clip)[5:8]:
        data[pos + 8 : pos + size] = b"\xff" * (size - 8)
    film.write_bytes(data)
    report = swap_video([photos["source"]], film, tmp_path / "out.mp4", settings=settings)
    assert report.frames + report.lost.frames == 20 and report.lost.frames >= 3
    assert [float(gap.start) for gap in report.lost.gaps] == [pytest.approx(0.4)]
    assert report.lost.undecodable_packets > 0 and report.lost.damaged_at
    assert any("at 0.40 s" in note and "missing" not in note for note in map(str, report.notes))
    whole = swap_video([photos["source"]], long_clip, tmp_path / "whole.mp4", settings=settings)
    assert whole.lost.frames == whole.lost.undecodable_packets == 0
    assert not any("damaged" in note for note in map(str, whole.notes))


def test_no_face_in_what_is_left_names_the_damage(empty_clip, photos, settings, tmp_path):
    film = tmp_path / "rotten.mp4"
    data = bytearray(empty_clip.read_bytes())
    for pos, size in packets_of(empty_clip)[1:]:
        data[pos + 4 : pos + size] = b"\xff" * (size - 4)
    film.write_bytes(data)
    with pytest.raises(NoFaceError) as caught:
        swap_video([photos["source"]], film, tmp_path / "out.mp4", settings=settings)
    assert "with faults" in caught.value.message or "damaged" in caught.value.message


def test_a_second_video_is_named(empty_clip, solo_clip, photos, settings, tmp_path):
    both = tmp_path / "both.mkv"
    with av.open(str(both), "w") as out:
        sources = [av.open(str(path)) for path in (empty_clip, solo_clip)]
        streams = [out.add_stream_from_template(s.streams.video[0]) for s in sources]
        for source, stream in zip(sources, streams, strict=True):
            for packet in source.demux(video=0):
                if packet.size:
                    packet.stream = stream
                    out.mux(packet)
            source.close()
    assert probe(both).other_videos == (1,)
    said = []
    with pytest.raises(NoFaceError) as caught:
        swap_video(
            [photos["source"]], both, tmp_path / "out.mkv", settings=settings, say=said.append
        )
    assert "stream 1" in caught.value.message
    assert any("video stream 1" in line for line in said)
