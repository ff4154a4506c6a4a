"""Every frame can be reached by its pts, and is the same frame however it is reached."""

from __future__ import annotations

import gc
from dataclasses import replace
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from tests.helpers import clips
from videoswap.errors import InputError
from videoswap.video.pixel_formats import samples
from videoswap.video.probe import probe
from videoswap.video.reader import AnalysisScaler, VideoReader

SEEKS = ["constant", "variable", "b_frames", "open_gop", "late_video", "edit_list", "mkv", "mpegts"]


def _bytes(frame) -> bytes:
    return b"".join(bytes(samples(p)[:, : p.width].tobytes()) for p in frame.image.planes)


@pytest.mark.parametrize("name", SEEKS)
def test_seeking_finds_the_very_frame(name: str, tmp_path: Path) -> None:
    clip = clips.CLIPS[name]
    info = probe(clips.make(tmp_path / f"clip{clip.suffix}", clip))
    with VideoReader(info, threads=1) as reader:
        whole = [(f.pts, _bytes(f)) for f in reader.frames()]
        assert len(whole) >= 38 and not reader.problems.any
        pts = [p for p, _ in whole]
        assert pts == sorted(set(pts)) and pts[0] == info.start_pts
        for index in (0, 1, 5, 11, 12, 13, 23, len(whole) - 1):
            found = [(f.pts, _bytes(f)) for f in reader.frames(pts[index], pts[index])]
            assert found == [whole[index]], index
        assert [f.pts for f in reader.frames(pts[3] + 1, pts[9] - 1)] == pts[4:9]
        assert [f.pts for f in reader.frames(last_pts=pts[2])] == pts[:3]
        assert list(reader.frames(pts[-1] + 1)) == []


def test_times_are_those_of_the_clip(tmp_path: Path) -> None:
    clip = clips.CLIPS["variable"]
    info = probe(clips.make(tmp_path / "clip.mp4", clip))
    with VideoReader(info) as reader:
        assert [f.pts for f in reader.frames()] == clip.pts()
    assert info.time_base == clip.time_base


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="no list of open files here")
@pytest.mark.parametrize("last", [13, 39])
def test_an_ended_reading_leaves_no_decoder_to_the_garbage_collector(last, tmp_path: Path) -> None:
    path = clips.make(tmp_path / "clip.mp4", clips.CLIPS["b_frames"])
    info = probe(path)
    gc.disable()
    try:
        with VideoReader(info, threads=1) as reader:
            pts = [frame.pts for frame in reader.frames()]
            for _ in range(3):
                assert len(list(reader.frames(pts[12], pts[last]))) == last - 11
        opened = [Path(link).resolve() for link in Path("/proc/self/fd").iterdir()]
        assert path.resolve() not in opened
    finally:
        gc.enable()


def test_raw_stream_without_times(tmp_path: Path) -> None:
    import av

    raw = tmp_path / "raw.h264"
    source = clips.make(tmp_path / "clip.mp4", clips.Clip(frames=12, audio=0))
    with av.open(str(source)) as box, av.open(str(raw), "w", format="h264") as out:
        stream = out.add_stream_from_template(box.streams.video[0], opaque=True)
        for packet in box.demux(video=0):
            if packet.size:
                packet.stream = stream
                out.mux(packet)
    with VideoReader(probe(raw)) as reader:
        pts = [f.pts for f in reader.frames()]
        assert len(pts) == 12 and len(set(np.diff(pts))) == 1
        assert reader.problems.missing_pts == 12
        assert [f.pts for f in reader.frames(pts[7])] == pts[7:]


def test_damage_is_counted_and_survived(tmp_path: Path) -> None:
    path = clips.make(tmp_path / "clip.mp4", clips.Clip(audio=0, options=clips.REORDERED))
    data = bytearray(path.read_bytes())
    middle = data.index(b"mdat") + 4 + 9000
    data[middle : middle + 200] = bytes(200)
    path.write_bytes(data)
    with VideoReader(probe(path), threads=1) as reader:
        frames = list(reader.frames())
        assert 20 < len(frames) <= 40
        assert reader.problems.any


@pytest.mark.parametrize("cut", [0.4, 0.6, 0.8])
@pytest.mark.parametrize("name", ["b_frames", "open_gop", "constant"])
def test_a_cut_file_has_the_same_frames_however_it_is_read(
    name: str, cut: float, tmp_path: Path
) -> None:
    source = clips.make(
        tmp_path / "clip.mp4", replace(clips.CLIPS[name], frames=90, size=(320, 240))
    )
    path = tmp_path / "cut.mp4"
    clips.swap_nothing(source, path)  # which puts the index to the front
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * cut)])
    info = probe(path)
    with VideoReader(info, threads=1) as reader:
        whole = [f.pts for f in reader.frames()]
    assert 20 < len(whole) < 90
    for threads in (0, 1, 4):
        with VideoReader(info, threads=threads) as reader:
            assert [f.pts for f in reader.frames()] == whole
            for first in (0, len(whole) // 2, len(whole) - 3, len(whole) - 1):
                found = [f.pts for f in reader.frames(whole[first], whole[-1])]
                assert found == whole[first:], (threads, first)


def test_changing_size_is_refused(tmp_path: Path) -> None:
    small = clips.make(tmp_path / "a.ts", clips.Clip(".ts", audio=0, frames=20))
    large = clips.make(tmp_path / "b.ts", clips.Clip(".ts", audio=0, frames=20, size=(160, 96)))
    both = tmp_path / "both.ts"
    both.write_bytes(small.read_bytes() + large.read_bytes())
    with VideoReader(probe(both)) as reader, pytest.raises(InputError) as caught:
        list(reader.frames())
    assert caught.value.code == "changing_video"


@pytest.mark.parametrize(("form", "tick"), [("GIF", 10), ("WEBP", 1)])
def test_animations(form: str, tick: int, tmp_path: Path) -> None:
    colors = [(250, 0, 0), (0, 250, 0), (0, 0, 250)]
    pictures = [PIL.Image.new("RGB", (20, 10), c) for c in colors]
    path = tmp_path / "animation"
    pictures[0].save(
        path,
        format=form,
        save_all=True,
        append_images=pictures[1:],
        lossless=True,
        duration=[100, 70, 200],
        loop=0,
    )
    info = probe(path)
    assert info.animation == form.lower() and info.pix_fmt == "gbrap"
    with VideoReader(info) as reader:
        frames = list(reader.frames())
        assert [f.pts * tick for f in frames] == [0, 100, 170]
        assert [(f.image.duration or 0) * tick for f in frames] == [100, 70, 200]
        scaler = AnalysisScaler(info, 10)
        for frame, color in zip(frames, colors, strict=True):
            assert np.abs(scaler.picture(frame).astype(int) - color).max() <= 1
        assert [f.pts * tick for f in reader.frames(frames[1].pts)] == [100, 170]


def test_scaler_matrix(tmp_path: Path) -> None:
    clip = clips.Clip(frames=1, audio=0, size=(320, 180), matrix=clips.ROTATED["90"])
    info = probe(clips.make(tmp_path / "clip.mp4", clip))
    scaler = AnalysisScaler(info, 80)
    assert (scaler.width, scaler.height) == (45, 80)
    corner = scaler.matrix @ [179.5, 319.5, 1]
    assert np.allclose(corner, [44.5, 79.5])
    with VideoReader(info) as reader:
        assert scaler.picture(next(reader.frames())).shape == (80, 45, 3)
