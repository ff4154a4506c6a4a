"""The final check: no false alarm, no damage missed, whatever ffmpeg is installed."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
import pytest

from tests.helpers import clips
from videoswap.errors import InputError
from videoswap.settings import EncodeSettings
from videoswap.video.verify import ffmpeg_program, verify

SCREEN = [*range(20), *(20 + 12 * k for k in range(10))]  # 120 a second, then 10
GAP = [0, 4, 8, 120 * 36000, 120 * 36000 + 4]


def timed(path: Path, times: list[int]) -> Path:
    """Write frames at times in 1/120 s."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libvpx-vp9" if path.suffix == ".webm" else "libx264", rate=30)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 120)
        for number, time in enumerate(times):
            picture = np.full((48, 64, 3), 5 * number, np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 120)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".webm", ".ts"])
@pytest.mark.parametrize("times", [SCREEN, GAP], ids=["screen", "gap"])
def test_uneven_times_are_no_fault(suffix: str, times: list[int], tmp_path: Path) -> None:
    source = timed(tmp_path / f"source{'.mkv' if suffix == '.ts' else suffix}", times)
    clips.swap_nothing(source, tmp_path / f"out{suffix}", EncodeSettings(threads=1))
    assert verify(tmp_path / f"out{suffix}") == []


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".ts"])
def test_two_joined_streams_are_no_fault(suffix: str, tmp_path: Path) -> None:
    one = timed(tmp_path / "one.ts", list(range(0, 48, 4)))
    two = tmp_path / "two.ts"
    two.write_bytes(2 * one.read_bytes())
    clips.swap_nothing(two, tmp_path / f"out{suffix}")
    assert verify(tmp_path / f"out{suffix}") == []


def _install(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a shell script the system's ffmpeg."""
    program = folder / "bin" / "ffmpeg"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")


BROKEN = [
    "exit 1",
    "echo Unrecognized option >&2; exit 1",
    "echo 'Decoder (codec av1) not found for input stream #0:0' >&2; exit 1",
]


@pytest.mark.parametrize("script", BROKEN)
def test_a_program_that_does_not_work_is_no_judge(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = timed(tmp_path / "good.mkv", SCREEN)
    bad = tmp_path / "bad.mkv"
    data = bytearray(good.read_bytes())
    at = data.index(clips.packets(good, "video")[0][9][1])
    data[at + 5 : at + 15] = bytes(10)
    bad.write_bytes(data)
    _install(tmp_path, script, monkeypatch)
    assert verify(good) == []
    assert verify(bad)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bad.mkv", "bin", "good.mkv"]

    def missing() -> str:
        raise RuntimeError

    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", missing)
    with pytest.raises(InputError) as caught:
        verify(good)
    assert caught.value.code == "no_ffmpeg"


def test_the_check_tells_how_far_it_is(tmp_path: Path) -> None:
    told: list[int] = []
    verify(timed(tmp_path / "good.mkv", SCREEN), told.append)
    assert told[-1] == len(SCREEN)


def test_a_named_ffmpeg_that_is_none_is_told(monkeypatch, tmp_path):
    named = tmp_path / "not-ffmpeg"
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(named))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError) as caught:
        ffmpeg_program()
    assert caught.value.code == "no_ffmpeg" and str(named) in caught.value.hint


@pytest.mark.parametrize(
    ("of_result", "of_source", "left"),
    [
        (["[flac @ 0x5f] bad sound"], ["[flac @ 0x60] bad sound", "more"], 0),
        (["[flac @ 0x5f] bad sound", "[h264 @ 0x1] bad"], ["[flac @ 0x60] bad sound"], 1),
        (["[flac @ 0x5f] bad sound"], [], 1),
        ([], ["[flac @ 0x60] bad sound"], 0),
    ],
)
def test_what_ffmpeg_says_of_the_source_too_is_no_fault_of_the_result(
    of_result, of_source, left, tmp_path, monkeypatch
):
    result, source = timed(tmp_path / "out.mkv", SCREEN), timed(tmp_path / "in.mkv", SCREEN)
    said = {result: of_result, source: of_source}
    monkeypatch.setattr(
        "videoswap.video.verify._complaints", lambda program, path, *rest: said.get(path, [])
    )
    assert len(verify(result, source=source)) == left
    assert verify(result) == of_result


def test_a_check_that_is_killed_runs_once_more(tmp_path, monkeypatch):
    """As the kernel kills a process where memory is short."""
    real, killed = ffmpeg_program(), tmp_path / "killed"
    fragile = tmp_path / "fragile"
    fragile.write_text(f'#!/bin/sh\n[ -e "{killed}" ] || {{ : > "{killed}"; kill -9 $$; }}\n')
    with fragile.open("a") as script:
        script.write(f'exec "{real}" "$@"\n')
    fragile.chmod(0o755)
    source = clips.make(tmp_path / "source.mp4", clips.CLIPS["constant"])
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(fragile))
    assert verify(source) == []
    assert killed.exists()
