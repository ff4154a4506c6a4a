"""Numbered pictures as a result: samples bit for bit, names, all of them or none."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from tests.helpers import clips
from tests.helpers.numbered_pictures import (
    KINDS,
    decoded,
    make_sequence,
    segments_of,
)
from videoswap.errors import OutputError, UsageError
from videoswap.jobs.video_results import plan_results
from videoswap.marks import MarkSettings
from videoswap.provenance.marker import Marker
from videoswap.settings import EncodeSettings, SwapSettings
from videoswap.video.probe import probe
from videoswap.video.sequences.writing import plan_pictures, write_pictures


@pytest.mark.parametrize("name", KINDS)
def test_samples_come_through(name: str, tmp_path: Path) -> None:
    source = make_sequence(tmp_path / "in", name)
    info = probe(source, Fraction(24000, 1001))
    assert (info.time_base, info.frames_hint) == (Fraction(1001, 24000), 4)
    out = tmp_path / source.name.replace("f", "g", 1)
    plan = plan_pictures(info, EncodeSettings(), out)
    assert plan.repacked and not plan.notes
    segments, times = segments_of(info, plan, tmp_path)
    made = write_pictures(segments, info, times, out)
    assert [path.name[:5] for path in made] == ["g0007", "g0008", "g0009", "g0010"]
    assert decoded(out) == decoded(source)
    assert not list(tmp_path.glob(".*"))


def test_times_in_a_video_are_exact(tmp_path: Path) -> None:
    source = make_sequence(tmp_path / "in", "png", count=6)
    info = probe(source, Fraction(24000, 1001))
    from videoswap.video.encoder_plan import plan_encoder
    from videoswap.video.mux import mux

    plan = plan_encoder(info, EncodeSettings(preset="ultrafast"), tmp_path / "o.mp4")
    segments, times = segments_of(info, plan, tmp_path)
    mux(segments, info, plan, tmp_path / "o.mp4", times)
    assert clips.times(tmp_path / "o.mp4") == [Fraction(1001 * n, 24000) for n in range(6)]


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg"])
def test_a_video_becomes_pictures(suffix: str, tmp_path: Path) -> None:
    source = clips.make(tmp_path / "a.mp4", clips.Clip(frames=4))
    info, out = probe(source), tmp_path / f"%03d{suffix}"
    plan = plan_pictures(info, EncodeSettings(), out)
    assert plan.notes
    segments, times = segments_of(info, plan, tmp_path)
    made = write_pictures(segments, info, times, out)
    assert [path.name for path in made] == [f"{n:03d}{suffix}" for n in (1, 2, 3, 4)]
    with av.open(str(source)) as container:
        for path, frame in zip(made, container.decode(video=0), strict=True):
            wanted = frame.to_ndarray(format="bgr24").astype(int)
            assert np.abs(wanted - cv2.imread(str(path))).mean() < (3 if suffix == ".jpg" else 2)


@pytest.mark.parametrize(
    ("pix_fmt", "space", "weights"),
    [
        ("yuv420p", 1, (0.2126, 0.0722)),
        ("yuv444p", 5, (0.299, 0.114)),
        ("yuv420p10le", 9, (0.2627, 0.0593)),
    ],
)
def test_colors_of_a_video_are_exact(
    pix_fmt: str, space: int, weights: tuple[float, float], tmp_path: Path
) -> None:
    deep = pix_fmt.endswith("10le")
    dtype: Any = np.uint16 if deep else np.uint8
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        stream: Any = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, pix_fmt
        stream.codec_context.colorspace, stream.codec_context.color_range = space, 1
        frame = av.VideoFrame(64, 48, pix_fmt)
        for plane, value in zip(frame.planes, (125, 100, 150), strict=True):
            np.frombuffer(plane, dtype)[:] = value * (4 if deep else 1)
        frame.pts, frame.time_base = 0, Fraction(1, 25)
        container.mux([*stream.encode(frame), *stream.encode(None)])
    info, out = probe(tmp_path / "a.mkv"), tmp_path / "%d.png"
    segments, times = segments_of(info, plan_pictures(info, EncodeSettings(), out), tmp_path)
    (made,) = write_pictures(segments, info, times, out)
    luma, blue, red = (125 - 16) / 219, (100 - 128) / 224, (150 - 128) / 224
    of_red, of_blue = weights
    r, b = luma + 2 * (1 - of_red) * red, luma + 2 * (1 - of_blue) * blue
    g = (luma - of_red * r - of_blue * b) / (1 - of_red - of_blue)
    found = cv2.imread(str(made), cv2.IMREAD_UNCHANGED)[20, 20, ::-1] / np.iinfo(dtype).max
    assert np.abs(found - (r, g, b)).max() < 0.75 / 255


def test_a_word_that_changes_nothing_is_told(tmp_path: Path) -> None:
    info = probe(make_sequence(tmp_path / "in", "png"))
    plan = plan_pictures(info, EncodeSettings(quality="draft"), tmp_path / "o%d.png")
    assert [note.wanted for note in plan.notes] == ["--quality draft"]


def test_pictures_become_an_animation(tmp_path: Path) -> None:
    info = probe(make_sequence(tmp_path / "in", "png"))
    targets = plan_results(info, tmp_path / "o.gif", None, SwapSettings(), Marker(MarkSettings()))
    assert targets.encoder is None and targets.streams is not None and not targets.streams.dropped


@pytest.mark.parametrize(
    ("source", "name", "settings", "code"),
    [
        ("png", "o%d.exr", {}, "exr_from_exr"),
        ("exr", "o%d.png", {}, "exr_from_exr"),
        ("png", "o%d.bmp", {}, "unknown_picture_format"),
        ("png", "o%d.png", {"encoder": "ffv1"}, "no_encoder_for_pictures"),
        ("png", "o%d.png", {"crf": 3}, "no_crf"),
        ("png", "o%d.png", {"preset": "slow"}, "no_preset"),
        ("png", "o%d.jpg", {"quality": "lossless"}, "no_lossless"),
        ("png", "o%d.jpg", {"crf": 60}, "bad_crf"),
    ],
)
def test_refusals(source: str, name: str, settings: dict, code: str, tmp_path: Path) -> None:
    info = probe(make_sequence(tmp_path / "in", source))
    with pytest.raises(UsageError) as caught:
        plan_pictures(info, EncodeSettings(**settings), tmp_path / name)
    assert caught.value.code == code


def test_a_name_that_is_taken_takes_all_back(tmp_path: Path) -> None:
    info = probe(make_sequence(tmp_path / "in", "png"))
    out = tmp_path / "%04d.png"
    segments, times = segments_of(info, plan_pictures(info, EncodeSettings(), out), tmp_path)
    (tmp_path / "0009.png").write_text("precious")
    with pytest.raises(OutputError) as caught:
        write_pictures(segments, info, times, out, overwrite=False)
    assert caught.value.code == "output_exists"
    assert [path.name for path in tmp_path.glob("*.png")] == ["0009.png"]
    assert (tmp_path / "0009.png").read_text() == "precious" and not list(tmp_path.glob(".*"))
    write_pictures(segments, info, times, out, overwrite=True)
    assert len(decoded(out)) == 4
