"""Copies of untouched packets: every frame, every time, and no decoder that complains."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import av
import pytest

from tests.helpers import clips
from tests.helpers.copied_clips import Made, complaints, decoded, render
from videoswap.settings import EncodeSettings
from videoswap.video.packet_copy import COPIED

X264 = EncodeSettings(preset="veryfast", threads=1)
GOP = {"preset": "veryfast", "crf": "24", "g": "16", "x264-params": "scenecut=0"}
REORDERED = {**GOP, "bf": "3", "b-pyramid": "normal"}
BASE = clips.Clip(frames=80, options=REORDERED, audio=0)
VP9 = {
    "b": "0",
    "crf": "40",
    "cpu-used": "8",
    "deadline": "realtime",
    "g": "16",
    "lag-in-frames": "8",
}
FFV1 = {"level": "3", "slices": "4", "slicecrc": "1", "g": "1"}
TOUCHED = [(20, 26), (60, 64)]

CASES = {
    # name: source, suffix of the result, settings, least frames copied
    "mp4": (BASE, ".mp4", X264, 40),
    "mov": (replace(BASE, suffix=".mov"), ".mov", X264, 40),
    "no B-frames": (replace(BASE, options={**GOP, "bf": "0"}), ".mp4", X264, 40),
    "as baseline": (replace(BASE, options={**GOP, "profile": "baseline"}), ".mp4", X264, 40),
    "variable": (replace(BASE, steps=(512, 300, 1500, 7, 900)), ".mp4", X264, 40),
    "starts late": (replace(BASE, start=3000), ".mp4", X264, 40),
    "other ids": (
        replace(BASE, options={**REORDERED, "x264-params": "scenecut=0:sps-id=1"}),
        ".mp4",
        X264,
        40,
    ),
    "mkv": (
        replace(BASE, suffix=".mkv", time_base=Fraction(1, 1000), steps=(33, 33, 34)),
        ".mkv",
        X264,
        40,
    ),
    "mkv to mp4": (replace(BASE, suffix=".mkv", time_base=Fraction(1, 1000)), ".mp4", X264, 40),
    "mp4 to mkv": (replace(BASE, steps=(1024,)), ".mkv", X264, 40),
    "ts": (
        replace(BASE, suffix=".ts", time_base=Fraction(1, 90000), steps=(3600,)),
        ".mp4",
        X264,
        40,
    ),
    "444": (replace(BASE, pix_fmt="yuv444p"), ".mp4", X264, 40),
    "long GOP": (replace(BASE, options={**REORDERED, "g": "250"}), ".mp4", X264, 16),
    "webm": (
        replace(
            BASE, suffix=".webm", time_base=Fraction(1, 1000), encoder="libvpx-vp9", options=VP9
        ),
        ".webm",
        EncodeSettings(threads=1, preset="8"),
        40,
    ),
    "vp9 in mp4": (
        replace(BASE, encoder="libvpx-vp9", options=VP9),
        ".mp4",
        EncodeSettings(encoder="vp9", threads=1, preset="8"),
        40,
    ),
    "ffv1": (
        replace(BASE, suffix=".mkv", time_base=Fraction(1, 1000), encoder="ffv1", options=FFV1),
        ".mkv",
        EncodeSettings(encoder="ffv1"),
        70,
    ),
}


@pytest.mark.parametrize("name", sorted(CASES))
def test_frames_and_times_are_those_of_the_source_and_of_a_run_without_copies(name, tmp_path):
    clip, suffix, settings, least = CASES[name]
    source = clips.make(tmp_path / f"source{clip.suffix}", clip)
    made = render(source, tmp_path / f"out{suffix}", TOUCHED, settings)
    again = render(source, tmp_path / f"again{suffix}", TOUCHED, settings, copied=False)
    assert made.plan.notes == ()
    assert least <= len(made.copied) <= sum(not one for one in made.touched)
    assert again.copied == set()
    before, after, without = decoded(source), decoded(made.path), decoded(again.path)
    assert [time for time, _ in after] == [time for time, _ in without]
    rounding = 0.0006 if suffix in (".mkv", ".webm") and clip.suffix == ".mp4" else 1e-9
    assert len(before) == len(after) == clip.frames
    assert max(abs(was - now) for (was, _), (now, _) in zip(before, after, strict=True)) <= rounding
    for index, (_, samples) in enumerate(after):
        right = before if index in made.copied else without
        assert samples == right[index][1], index
    changed = [old != new for (_, old), (_, new) in zip(before, after, strict=True)]
    assert all(changed[index] for index, touched in enumerate(made.touched) if touched)
    assert complaints(made.path) == ""
    assert monotonic(made)


def monotonic(made: Made) -> bool:
    with av.open(f"file:{made.path}") as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    dts = [packet.dts for packet in packets if packet.dts is not None]  # Matroska keeps none
    late = any(packet.dts is not None and packet.dts > packet.pts for packet in packets)
    return len(packets) == len(made.pts) and dts == sorted(set(dts)) and not late


REFUSED = {
    "another codec": (replace(BASE, options={}, encoder="mpeg4"), X264, "the video is mpeg4"),
    "asked for less": (BASE, replace(X264, crf=30.0), "--crf 30"),
    "a draft": (BASE, replace(X264, quality="draft"), "draft"),
    "other pixels": (BASE, replace(X264, pix_fmt="yuv444p"), "yuv444p"),
    "hevc": (
        replace(BASE, encoder="libx265", options={"x265-params": "log-level=none"}),
        replace(X264, encoder="libx265"),
        "one hevc stream",
    ),
    "other slices": (
        replace(
            BASE,
            suffix=".mkv",
            encoder="ffv1",
            options={**FFV1, "slices": "9"},
            time_base=Fraction(1, 1000),
        ),
        EncodeSettings(encoder="ffv1"),
        "other settings",
    ),
    # FFmpeg would go on to decode blocks without a transform as if they had one.
    "without loss": (BASE, replace(X264, quality="lossless"), "coded otherwise"),
    "interlaced": (
        replace(BASE, options={**GOP, "flags": "+ildct+ilme"}),
        X264,
        "interlaced",
    ),
    "open GOP": (
        replace(BASE, options={**REORDERED, "x264-params": "scenecut=0:open-gop=1"}),
        X264,
        "no place",
    ),
}


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_why_nothing_is_copied(name, tmp_path):
    clip, settings, why = REFUSED[name]
    source = clips.make(tmp_path / f"source{clip.suffix}", clip)
    made = render(source, tmp_path / f"out{clip.suffix}", [(0, 6)], settings)
    assert made.copied == set()
    (note,) = made.plan.notes
    assert (note.wanted, note.used) == ("copies of untouched frames", "frames encoded anew")
    assert why in note.reason
    assert len(decoded(made.path)) == clip.frames


@pytest.mark.parametrize(
    ("touched", "refusal", "notes"),
    [([(0, 80)], "", 0), ([(0, 72)], "masks", 0), ([(0, 8)], "masks", 1)],
)
def test_what_is_not_worth_a_copy_is_not_worth_a_note(touched, refusal, notes, tmp_path):
    source = clips.make(tmp_path / "source.mp4", BASE)
    made = render(source, tmp_path / "out.mp4", touched, X264, refusal=refusal)
    assert (made.copied, len(made.plan.notes)) == (set(), notes)


def test_a_video_of_which_nothing_is_touched_is_all_copies(tmp_path):
    source = clips.make(tmp_path / "source.mp4", BASE)
    made = render(source, tmp_path / "out.mp4", [], X264)
    assert made.copied == set(range(80))
    assert decoded(made.path) == decoded(source)
    assert made.plan.runs == ((0, 80),) and COPIED == "copy"
