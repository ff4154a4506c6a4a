"""What is missing of a film is told, uneven times are not; no failing disk passes for an end."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import av.error
import pytest

from tests.helpers import clips
from videoswap.errors import InputError
from videoswap.video import decoder, mux
from videoswap.video.damage import Damage
from videoswap.video.packets import packets
from videoswap.video.probe import probe
from videoswap.video.reader import VideoReader

LONG = clips.Clip(frames=90, size=(160, 120), options={"g": "30", "bf": "2"})


def damage_of(path: Path, first: int | None = None, last: int | None = None) -> list[Damage]:
    with VideoReader(probe(path), threads=1) as reader:
        for _ in reader.frames(first, last):
            pass
        return reader.problems.damage


@pytest.mark.parametrize("name", [*clips.CLIPS])
def test_sound_clips_have_no_damage(name: str, tmp_path: Path) -> None:
    clip = clips.CLIPS[name]
    path = clips.make(tmp_path / f"clip{clip.suffix}", clip)
    assert damage_of(path) == []


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi", ".flv", ".ts", ".mov", ".webm"])
def test_results_have_no_damage(suffix: str, tmp_path: Path) -> None:
    from videoswap.settings import EncodeSettings

    source = clips.make(tmp_path / "clip.mp4", clips.Clip())
    out = tmp_path / f"out{suffix}"
    if suffix == ".flv":
        _remuxed(source, out)
    else:
        clips.swap_nothing(source, out, EncodeSettings(threads=1))
    assert damage_of(out) == []


def _remuxed(source: Path, out: Path) -> Path:
    with av.open(str(source)) as box, av.open(str(out), "w") as made:
        streams = {s.index: made.add_stream_from_template(s) for s in box.streams}
        for packet in box.demux():
            if packet.size:
                packet.stream = streams[packet.stream_index]
                made.mux(packet)
    return out


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi", ".flv"])
def test_a_cut_file_lacks_its_end(suffix: str, tmp_path: Path) -> None:
    clip = replace(LONG, encoder="mpeg4", options={}) if suffix == ".avi" else LONG
    whole = clips.make(tmp_path / "clip.mp4", clip)
    if suffix == ".mp4":
        clips.swap_nothing(whole, tmp_path / "front.mp4")  # its index comes first
        whole = tmp_path / "front.mp4"
    else:
        whole = _remuxed(whole, tmp_path / f"whole{suffix}")
    cut = tmp_path / f"cut{suffix}"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 4 // 10])
    (end,) = [one for one in damage_of(cut) if one.kind == "end"]
    with VideoReader(probe(whole), threads=1) as sound:
        pts = [frame.pts for frame in sound.frames()]
    assert abs(end.end_pts - pts[-1]) <= 3 * (pts[1] - pts[0])
    assert end.frames == pytest.approx(sum(p > end.pts for p in pts), abs=2)
    wanted = pts[0] + (end.pts - pts[0]) // 2
    assert not [one for one in damage_of(cut, last=wanted) if one.kind == "end"]


def test_lost_frames_in_the_middle_are_found(tmp_path: Path) -> None:
    source = clips.make(tmp_path / "clip.mp4", LONG)
    data = bytearray(source.read_bytes())
    video = clips.packets(source, "video")[0]
    for _, packet in video[40:43]:
        at = data.index(packet)
        data[at + 8 : at + len(packet)] = b"\xff" * (len(packet) - 8)
    source.write_bytes(data)
    info = probe(source)
    with VideoReader(info, threads=1) as reader:
        pts = [frame.pts for frame in reader.frames()]
        found = reader.problems.damage
    step = round(1 / (info.average_rate * info.time_base))
    gaps = [one for one in found if one.kind == "gap"]
    assert sum(gap.frames for gap in gaps) == 90 - len(pts) > 0
    assert all(gap.end_pts - gap.pts == (gap.frames + 1) * step for gap in gaps)
    assert any(one.kind == "undecodable" for one in found)


def test_a_file_that_changes_is_not_read_on(tmp_path: Path) -> None:
    path = clips.make(tmp_path / "clip.mp4", clips.Clip(audio=0))
    other = clips.make(tmp_path / "other.mp4", clips.Clip(audio=0, frames=20))
    info = probe(path)
    with VideoReader(info, threads=1) as reader:
        frames = reader.frames()
        next(frames)
        path.write_bytes(other.read_bytes())
        with pytest.raises(InputError) as caught:
            list(frames)
    assert caught.value.code == "video_changed"
    with pytest.raises(InputError) as caught, VideoReader(info) as reader:
        list(reader.frames())
    assert caught.value.code == "video_changed"
    with VideoReader(probe(path)) as reader:
        assert len(list(reader.frames())) == 20
    path.unlink()
    with pytest.raises(InputError) as caught:
        info.check_unchanged()
    assert caught.value.code == "missing_file"


class Failing:
    """A container whose demuxer fails after some packets."""

    def __init__(self, container: Any, after: int, code: int) -> None:
        self._container, self._left, self._code = container, after, code

    def __getattr__(self, name: str) -> Any:
        return getattr(self._container, name)

    def __enter__(self) -> Failing:
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()

    def demux(self, *streams: Any) -> Any:
        for packet in self._container.demux(*streams):
            yield packet
            self._left -= 1
            if not self._left:
                av.error.err_check(-self._code)


@pytest.mark.parametrize("code", [errno.EIO, errno.ESTALE, errno.ETIMEDOUT])
def test_a_read_error_is_no_end(code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = probe(clips.make(tmp_path / "clip.mp4", clips.Clip()))
    real = decoder.open_input
    monkeypatch.setattr(decoder, "open_input", lambda path: Failing(real(path), 9, code))
    with pytest.raises(InputError) as caught, VideoReader(info) as again:
        list(again.frames())
    assert caught.value.code == "unreadable_file" and os.strerror(code) in caught.value.message


def test_a_source_that_fails_while_it_is_copied_is_no_failure_to_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = clips.make(tmp_path / "clip.mp4", clips.Clip())
    real = mux.open_input
    monkeypatch.setattr(mux, "open_input", lambda path: Failing(real(path), 9, errno.EIO))
    with pytest.raises(InputError) as caught:
        clips.swap_nothing(source, tmp_path / "out.mp4")
    assert caught.value.code == "unreadable_file"
    assert not (tmp_path / "out.mp4").exists()


def test_reading_goes_on_after_a_damaged_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = probe(clips.make(tmp_path / "clip.mp4", clips.Clip(audio=0)))
    with VideoReader(info, threads=1) as sound:
        whole = [frame.pts for frame in sound.frames()]
    real = decoder.open_input
    monkeypatch.setattr(decoder, "open_input", lambda path: Failing(real(path), 9, errno.EAGAIN))
    with VideoReader(info, threads=1) as again:
        assert [frame.pts for frame in again.frames()] == whole
        assert again.problems.any


def test_a_disk_that_fails_behind_the_demuxer_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = clips.make(tmp_path / "clip.mp4", clips.Clip())
    real = Path.open

    class Broken:
        def __enter__(self) -> Broken:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def seek(self, _: int) -> None:
            pass

        def read(self, _: int) -> bytes:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    def opened(self: Path, mode: str = "r", buffering: int = -1, **more: Any) -> Any:
        return Broken() if buffering == 0 else real(self, mode, buffering, **more)

    monkeypatch.setattr(Path, "open", opened)
    with av.open(str(path)) as box, pytest.raises(InputError) as caught:
        for _ in packets(box, path, [box.streams.video[0]]):
            pass
    assert caught.value.code == "unreadable_file"


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="no list of open files here")
def test_a_second_reading_ends_the_first(tmp_path: Path) -> None:
    path = clips.make(tmp_path / "clip.mp4", replace(clips.CLIPS["b_frames"], audio=0))
    with VideoReader(probe(path), threads=1) as reader:
        first = reader.frames()
        next(first)
        second = reader.frames()
        next(second)
        links = [Path(link).resolve() for link in Path("/proc/self/fd").iterdir()]
        assert links.count(path.resolve()) == 1
        assert list(first) == []
