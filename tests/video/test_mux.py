"""Joined results: every pts, every audio packet, and every sample outside the masks."""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from av.video.frame import PictureType

from tests.helpers import clips
from videoswap.settings import EncodeSettings
from videoswap.video.mux import coding_times, plan_streams
from videoswap.video.pixel_formats import layout, samples
from videoswap.video.planes import align_box, read_rgb, write_rgb
from videoswap.video.probe import probe
from videoswap.video.reader import VideoReader
from videoswap.video.verify import verify, verify_copied

X264 = EncodeSettings(encoder="libx264", preset="veryfast", threads=1)


@pytest.mark.parametrize("name", sorted(clips.CLIPS))
def test_mp4_keeps_times_and_sound(name: str, tmp_path: Path) -> None:
    clip = clips.CLIPS[name]
    source = clips.make(tmp_path / f"source{clip.suffix}", clip)
    out = tmp_path / "out.mp4"
    report = clips.swap_nothing(source, out, X264, segment=13)
    times = clips.times(source)
    assert len(times) >= 38
    assert clips.times(out) == times
    assert report.frames == len(times) and not report.dropped
    before, after = clips.packets(source, "audio"), clips.packets(out, "audio")
    assert len(before) == len(after) == clip.audio
    if clip.suffix == ".ts":  # ADTS headers go, and 1/90000 s is not a whole sample
        for old, new in zip(before, after, strict=True):
            assert len(old) == len(new)
            for (was, packet), (now, payload) in zip(old, new, strict=True):
                assert packet.endswith(payload) and abs(was - now) < Fraction(1, 96000)
    elif clip.suffix == ".mkv":
        for old, new in zip(before, after, strict=True):
            assert [p for _, p in old] == [p for _, p in new]
            assert max(abs(a[0] - b[0]) for a, b in zip(old, new, strict=True)) <= Fraction(
                1, 96000
            )
    else:
        assert before == after
    made = probe(out)
    assert made.orientation.display_matrix == probe(source).orientation.display_matrix
    assert verify(out) == []


@pytest.mark.parametrize(
    ("suffix", "allowed"),
    [
        (".mov", Fraction(0)),
        (".nut", Fraction(0)),
        (".mkv", Fraction(1, 2000)),
    ],
)
@pytest.mark.parametrize("name", ["ntsc", "b_frames", "late_video", "variable"])
def test_other_containers(name: str, suffix: str, allowed: Fraction, tmp_path: Path) -> None:
    source = clips.make(tmp_path / "source.mp4", clips.CLIPS[name])
    out = tmp_path / f"out{suffix}"
    report = clips.swap_nothing(source, out, X264)
    before, after = clips.times(source), clips.times(out)
    assert len(before) == len(after) and not report.dropped
    moved = after[0] - before[0]
    if suffix == ".nut":  # which has no negative times: everything moves together
        assert (moved > 0) == bool(report.notes)
        before = [time + moved for time in before]
    assert max(abs(a - b) for a, b in zip(before, after, strict=True)) <= allowed
    sound, copied = clips.packets(source, "audio"), clips.packets(out, "audio")
    assert [[p for _, p in s] for s in sound] == [[p for _, p in s] for s in copied]
    assert verify(out) == []


@pytest.mark.parametrize(
    ("suffix", "encoder"),
    [
        (".webm", "libvpx-vp9"),
        (".mp4", "libsvtav1"),
        (".mp4", "libx265"),
        (".mp4", "libvpx-vp9"),
        (".ts", "libx264"),
        (".avi", "libx264"),
    ],
)
def test_other_encoders(suffix: str, encoder: str, tmp_path: Path) -> None:
    presets = {"libsvtav1": "12", "libvpx-vp9": "8"}
    source = clips.make(tmp_path / "source.mp4", clips.Clip(audio=0))
    out = tmp_path / f"out{suffix}"
    settings = EncodeSettings(encoder=encoder, preset=presets.get(encoder, "ultrafast"), threads=1)
    clips.swap_nothing(source, out, settings, segment=20)
    before, after = clips.times(source), clips.times(out)
    assert len(after) == len(before)
    gaps = np.abs(np.diff(np.array(before, float)) - np.diff(np.array(after, float)))
    allowed = {".mp4": 1e-9, ".avi": 0.041}.get(suffix, 0.0015)
    assert gaps.max() < allowed and np.median(gaps) < 0.002
    assert verify(out) == []


def _planes(frame: Any, depth: int) -> list[np.ndarray]:
    return [samples(p, depth)[:, : p.width].copy() for p in frame.planes]


class Painter:
    """Paints a moving face-like region and keeps what was there and where."""

    def __init__(self) -> None:
        self.originals: list[list[np.ndarray]] = []
        self.masks: list[np.ndarray] = []

    def __call__(self, frame: Any, info: Any) -> None:
        form = layout(info.pix_fmt)
        self.originals.append(_planes(frame.image, form.depth))
        left = 11 + 2 * len(self.masks) % 40
        box = align_box((left, 9, left + 51, 58), info)
        rgb = read_rgb(frame.image, box, info.color)
        mask = np.zeros(rgb.shape[:2], np.uint8)
        cv2.ellipse(mask, (25, 24), (18, 14), 10, 0, 360, 255, -1)
        mask = cv2.GaussianBlur(mask, (7, 7), 0)
        write_rgb(frame.image, box, 255 - rgb, mask, info.color)
        whole = np.zeros((info.height, info.width), np.uint8)
        whole[box[1] : box[3], box[0] : box[2]] = mask
        self.masks.append(whole)


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv444p", "yuv422p", "yuv420p10le", "yuv444p10le"])
def test_ffv1_is_exact_outside_the_masks(pix_fmt: str, tmp_path: Path) -> None:
    source = clips.make(tmp_path / "source.mkv", clips.Clip(".mkv", pix_fmt, frames=12, audio=0))
    out = tmp_path / "out.mkv"
    painter = Painter()
    clips.swap_nothing(source, out, EncodeSettings(encoder="ffv1"), segment=5, change=painter)
    info = probe(out)
    form = layout(pix_fmt)
    assert info.pix_fmt == pix_fmt and info.codec == "ffv1"
    inside = 0
    with VideoReader(info) as reader:
        frames = list(reader.frames())
    assert len(frames) == len(painter.masks) == 12
    for frame, old, mask in zip(frames, painter.originals, painter.masks, strict=True):
        for index, (was, now) in enumerate(zip(old, _planes(frame.image, form.depth), strict=True)):
            touched = mask > 0
            if index:
                rows, columns = was.shape
                touched = touched.reshape(rows, form.sub_y, columns, form.sub_x).any((1, 3))
            assert np.array_equal(was[~touched], now[~touched])
            inside += int((was != now).sum())
    assert inside > 5000


def test_a_second_video_is_noted(tmp_path: Path) -> None:
    first = clips.make(tmp_path / "first.mp4", clips.Clip(frames=4, audio=0))
    both = tmp_path / "both.mkv"
    with clips.av.open(str(first)) as box, clips.av.open(str(both), "w") as out:
        copies = [out.add_stream_from_template(box.streams.video[0], opaque=True) for _ in range(2)]
        for packet in list(box.demux(video=0)):
            for stream in copies if packet.size else ():
                again = clips.av.Packet(bytes(packet))
                again.pts, again.dts, again.time_base = packet.pts, packet.dts, packet.time_base
                again.is_keyframe, again.stream = packet.is_keyframe, stream
                out.mux(again)
    plan = plan_streams(probe(both), clips.plan_for(both, tmp_path / "out.mp4"))
    assert len(plan.videos) == len(plan.notes) == 1 and not plan.dropped
    assert "video stream 1 (h264)" in plan.notes[0].used


def test_masks_video(tmp_path: Path) -> None:
    from videoswap.video.encoder import SegmentEncoder
    from videoswap.video.encoder_plan import plan_masks
    from videoswap.video.mux import mux

    source = clips.make(tmp_path / "source.mp4", clips.CLIPS["variable"])
    info = probe(source)
    for suffix in (".mp4", ".mkv", ".nut", ".mov"):
        out = tmp_path / f"masks{suffix}"
        plan = plan_masks(info, out)
        masks = [np.random.default_rng(i).integers(0, 256, (96, 128), np.uint8) for i in range(40)]
        pts = clips.CLIPS["variable"].pts()
        with SegmentEncoder(plan, info, tmp_path / "masks.segment") as encoder:
            for mask, time in zip(masks, pts, strict=True):
                frame = clips.av.VideoFrame.from_ndarray(mask, format="gray")
                frame.pts = time
                encoder.encode(frame)
            encoder.finish()
        mux([tmp_path / "masks.segment"], info, plan, out, pts, copy_streams=False)
        made = probe(out)
        with VideoReader(made) as reader:
            back = list(reader.frames())
        for frame, mask in zip(back, masks, strict=True):
            assert np.array_equal(_planes(frame.image, 8)[0], mask), suffix
        if suffix != ".mkv":
            assert [f.pts * made.time_base for f in back] == [p * info.time_base for p in pts]


@pytest.mark.parametrize(
    "order", [[0, 1, 2, 3], [0, 3, 1, 2, 6, 4, 5], [0, 4, 2, 1, 3, 8, 6, 5, 7]]
)
def test_coding_times(order: list[int]) -> None:
    pts = np.array(order) * 100 + np.array(order) ** 2
    dts = coding_times(pts)
    assert (np.diff(dts) > 0).all()
    assert (dts <= pts).all()
    assert dts.max() <= pts.max()


@pytest.mark.needs_shared
@pytest.mark.parametrize("name", ["dance.mp4", "nggyup.mp4"])
def test_real_clips(name: str, shared: Path, tmp_path: Path) -> None:
    source = shared / "media" / name
    out = tmp_path / "out.mp4"
    settings = EncodeSettings(preset="ultrafast")
    clips.swap_nothing(source, out, settings, segment=100)
    assert clips.times(out) == clips.times(source)
    assert clips.packets(out, "audio") == clips.packets(source, "audio")


def test_key_frames_of_the_source_are_not_copied(tmp_path: Path) -> None:
    dense = clips.Clip(audio=0, options={"preset": "ultrafast", "g": "4"})
    source = clips.make(tmp_path / "source.mp4", dense)
    clips.swap_nothing(source, tmp_path / "out.mp4", X264, segment=20)
    with clips.av.open(str(tmp_path / "out.mp4")) as container:
        assert sum(p.is_keyframe for p in container.demux(video=0) if p.size) == 2


@pytest.mark.parametrize(("suffix", "reordered"), [(".avi", False), (".mp4", True)])
def test_avi_has_no_reordered_frames(suffix: str, reordered: bool, tmp_path: Path) -> None:
    source = clips.make(tmp_path / "source.mp4", clips.Clip(frames=20, audio=0))
    out = tmp_path / f"out{suffix}"
    clips.swap_nothing(source, out, EncodeSettings(preset="medium", threads=1), segment=20)
    with clips.av.open(str(out)) as container:
        kinds = [PictureType(image.pict_type) for image in container.decode(video=0)]
    assert len(kinds) == 20 and (PictureType.B in kinds) == reordered


def _damage_packets(path: Path, kind: str) -> None:
    """Overwrite the inside of some packets of a kind."""
    data = bytearray(path.read_bytes())
    for _, packet in clips.packets(path, kind)[0][5:20:3]:
        at = data.index(packet)
        data[at + 2 : at + len(packet)] = b"\xff" * (len(packet) - 2)
    path.write_bytes(data)


def test_damage_of_copied_streams_is_told_apart(tmp_path: Path) -> None:
    source = clips.make(tmp_path / "source.mp4", clips.Clip())
    _damage_packets(source, "audio")
    out = tmp_path / "out.mp4"
    clips.swap_nothing(source, out, X264)
    assert clips.packets(out, "audio") == clips.packets(source, "audio")
    assert verify(out) == []
    assert verify_copied(out)
    _damage_packets(out, "video")
    assert verify(out)
    silent = clips.make(tmp_path / "silent.mp4", clips.Clip(audio=0))
    assert verify(silent) == verify_copied(silent) == []


def test_frames_closer_than_a_tick_of_avi_get_one_each(tmp_path: Path) -> None:
    # AVI counts 600 ticks a second where the time base is finer than 1 ms
    clip = clips.Clip(frames=12, audio=0, steps=(1000, 5, 5, 2000, 300))
    source = clips.make(tmp_path / "source.mp4", clip)
    clips.swap_nothing(source, tmp_path / "out.avi", EncodeSettings(encoder="ffv1"))
    after = clips.times(tmp_path / "out.avi")
    errors = [abs(new - old) for new, old in zip(after, clips.times(source), strict=True)]
    assert max(errors) < Fraction(3, 600)
    assert all(b > a for a, b in itertools.pairwise(after))
