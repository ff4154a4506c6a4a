"""Whole runs of a film of which long parts show nobody: those are copied."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
import skimage.data

import videoswap.jobs.video_results
from tests.helpers.copied_clips import complaints, decoded
from videoswap import EncodeSettings, SwapSettings, swap_video
from videoswap.settings import MarkSettings

FRAMES = 80
SHOWN = range(20, 28)  # frames with a face
COPIES = 20 + 80 - 32  # from the first one on, and from the next key frame on


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    face = cv2.resize(skimage.data.astronaut(), (320, 320))[:240]
    rng = np.random.default_rng(0)
    with av.open(str(path), "w") as out:
        options = {"g": "16", "bf": "2", "preset": "veryfast", "x264-params": "scenecut=0"}
        stream = out.add_stream("libx264", rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        wall = cv2.resize(rng.integers(0, 255, (6, 8, 3), np.uint8), (320, 240))
        for index in range(FRAMES):
            picture = face if index in SHOWN else np.roll(wall, index, axis=1)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def wishes(cache):
    return SwapSettings(
        cache_dir=cache,
        device="cpu",
        segment_frames=40,
        marks=MarkSettings(mark="plain"),
        encode=EncodeSettings(preset="veryfast"),
    )


@pytest.fixture(scope="module")
def done(film, photos, wishes, tmp_path_factory):
    out = tmp_path_factory.mktemp("done") / "out.mp4"
    return out, swap_video([photos["left"]], film, out, settings=wishes)


def test_frames_without_a_face_are_copied(film, done, photos, wishes, tmp_path):
    (out, report), again = done, tmp_path / "again.mp4"
    anew = replace(wishes, encode=replace(wishes.encode, reencode=True))
    without = swap_video([photos["left"]], film, again, settings=anew)
    assert report.swapped_frames == without.swapped_frames == len(SHOWN)
    assert (report.copied_frames, without.copied_frames) == (COPIES, 0)
    assert [str(note) for note in report.notes] == [str(note) for note in without.notes]
    before, after, encoded = decoded(film), decoded(out), decoded(again)
    assert [time for time, _ in after] == [time for time, _ in before]
    same = [one == other for (_, one), (_, other) in zip(before, after, strict=True)]
    assert sum(same) == report.copied_frames
    for index, copied in enumerate(same):
        assert copied or after[index] == encoded[index], index
    assert complaints(out) == ""


def test_a_run_with_copies_goes_on_to_the_same_bytes(
    film, done, photos, wishes, tmp_path, monkeypatch
):
    def stop(*args, **kwargs):
        raise KeyboardInterrupt

    out = tmp_path / "out.mp4"
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(videoswap.jobs.video_results, "mux", stop)
        swap_video([photos["left"]], film, out, settings=wishes)
    (copy,) = wishes.cache_dir.glob("renders/*/000000.segment")
    copy.write_bytes(b"damaged")
    swap_video([photos["left"]], film, out, settings=wishes)
    assert out.read_bytes() == done[0].read_bytes()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"encode": EncodeSettings(crf=30)}, "--crf 30 is asked for"),
        ({"marks": MarkSettings(mark="plain", label="synthetic")}, None),
        ({"masks": True}, "masks of all frames are asked for"),
    ],
)
def test_why_nothing_is_copied(film, photos, wishes, tmp_path, change, why):
    masks = tmp_path / "masks.mkv" if change.pop("masks", False) else None
    report = swap_video(
        [photos["left"]],
        film,
        tmp_path / "out.mp4",
        settings=replace(wishes, **change),
        save_masks=masks,
        dry_run=True,
    )
    found = [note.reason for note in report.notes if note.wanted == "copies of untouched frames"]
    assert (found, report.copied_frames) == ([why] if why else [], 0)
