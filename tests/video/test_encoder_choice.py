"""What is encoded where nobody says, the source's own codec, and quality in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.helpers import clips
from videoswap.errors import UsageError
from videoswap.settings import QUALITIES, EncodeSettings
from videoswap.video.encoder_plan import plan_encoder
from videoswap.video.formats import ENCODER_OF_CODEC, ENCODERS, suggested_encoders
from videoswap.video.pixel_formats import samples
from videoswap.video.probe import probe
from videoswap.video.reader import VideoReader

PQ = (9, 1, 16, 9)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder, made = tmp_path_factory.mktemp("sources"), {}

    def get(suffix: str = ".mkv", encoder: str = "ffv1", pix_fmt: str = "yuv420p", **more: Any):
        key = (suffix, encoder, pix_fmt, *map(repr, more.values()))
        if key not in made:
            clip = {"options": {}, "frames": 3, "audio": 0, "size": (64, 48), **more}
            path = folder / f"{len(made)}{suffix}"
            clips.make(path, clips.Clip(suffix, pix_fmt, encoder=encoder, **clip))
            made[key] = probe(path)
        return made[key]

    return get


@pytest.mark.parametrize("transfer", [16, 18])
@pytest.mark.parametrize("name", ["o.mp4", "o.mkv", "o.mov", "o.ts"])
def test_hdr_becomes_hevc(transfer: int, name: str, source: Any) -> None:
    info = source(pix_fmt="yuv420p10le", color=(9, 1, transfer, 9))
    plan = plan_encoder(info, EncodeSettings(), Path(name))
    assert (plan.encoder, plan.pix_fmt) == ("libx265", "yuv420p10le")
    assert any("HDR" in note.reason for note in plan.notes)
    older = plan_encoder(info, EncodeSettings(encoder="libx264"), Path(name))
    assert any("h265" in note.reason for note in older.notes)


@pytest.mark.parametrize("name", ["o.mp4", "o.mkv", "o.mov", "o.avi"])
def test_rgb_becomes_what_players_show(name: str, source: Any) -> None:
    info = source(pix_fmt="bgr0")
    plan = plan_encoder(info, EncodeSettings(), Path(name))
    assert (plan.encoder, plan.pix_fmt, plan.repacked) == ("libx264", "yuv444p", False)
    (reason,) = (note.reason for note in plan.notes if note.wanted.startswith("RGB"))
    assert "libx264rgb" in reason and ("ffv1" in reason) == (name in ("o.mkv", "o.avi"))
    kept = plan_encoder(info, EncodeSettings(encoder="libx264rgb"), Path(name))
    assert kept.repacked and kept.codec == "h264"


def test_rgb_is_seen_unchanged(source: Any, tmp_path: Path) -> None:
    info = source(pix_fmt="bgr0")
    clips.swap_nothing(info.path, tmp_path / "o.mp4", EncodeSettings(crf=1, preset="ultrafast"))
    for old, new in zip(_pictures(info.path), _pictures(tmp_path / "o.mp4"), strict=True):
        assert np.abs(old.astype(int) - new).mean() < 1.5


def _pictures(path: Path) -> list[Any]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def test_a_codec_for_editing_is_told(source: Any) -> None:
    info = source(".mov", "prores_ks", "yuv422p10le")
    plan = plan_encoder(info, EncodeSettings(), Path("o.mov"))
    assert plan.encoder == "libx264"
    assert ["--encoder same" in n.reason for n in plan.notes if n.wanted == "prores"] == [True]
    assert plan_encoder(info, EncodeSettings(encoder="same"), Path("o.mov")).notes == ()


def test_alpha_in_mov_names_prores(source: Any) -> None:
    info = source(".mov", "prores_ks", "yuva444p10le")
    with pytest.raises(UsageError) as caught:
        plan_encoder(info, EncodeSettings(), Path("o.mov"))
    assert caught.value.code == "lossy_pix_fmt"
    assert "--encoder prores_ks --pix_fmt yuva444p10le" in caught.value.hint
    advice = EncodeSettings(encoder="prores_ks", pix_fmt="yuva444p10le")
    assert plan_encoder(info, advice, Path("o.mov")).pix_fmt == "yuva444p10le"


SAME = [
    (".mp4", "libx264", "yuv420p", {"preset": "ultrafast", "profile": "baseline"}),
    (".mp4", "libx264", "yuv420p", {"preset": "veryfast", "profile": "main"}),
    (".mp4", "libx264", "yuv422p10le", {"preset": "ultrafast"}),
    (".mkv", "libx264rgb", "bgr0", {"preset": "ultrafast"}),
    (".mkv", "libx265", "yuv420p10le", {"preset": "ultrafast", "x265-params": "log-level=none"}),
    (".mkv", "libvpx-vp9", "yuv444p", {"deadline": "realtime"}),
    (".mkv", "libvpx", "yuv420p", {}),
    (".mkv", "libsvtav1", "yuv420p10le", {"preset": "12"}),
    (".mov", "prores_ks", "yuv422p10le", {"profile": "lt"}),
    (".mov", "prores_ks", "yuv422p10le", {"profile": "hq"}),
    (".mov", "prores_ks", "yuv444p10le", {"profile": "4444"}),
    (".mov", "dnxhd", "yuv422p", {"profile": "dnxhr_hq"}),
    (".mkv", "ffv1", "yuv420p16le", {}),
    (".mkv", "mjpeg", "yuvj422p", {"q": "2"}),
    (".ts", "mpeg2video", "yuv420p", {}),
    (".mkv", "mpeg4", "yuv420p", {}),
    (".nut", "huffyuv", "yuv422p", {}),
    (".nut", "ffvhuff", "yuv420p10le", {}),
    (".nut", "utvideo", "yuv444p", {}),
    (".mov", "qtrle", "rgb24", {}),
    (".nut", "png", "rgb48be", {}),
]


@pytest.mark.parametrize(("suffix", "encoder", "pix_fmt", "options"), SAME)
def test_the_same_codec(
    suffix: str, encoder: str, pix_fmt: str, options: dict, source: Any, tmp_path: Path
) -> None:
    size = (256, 128) if encoder == "dnxhd" else (64, 48)
    base = clips.Fraction(1, 25 if encoder.startswith("mpeg") else 1000)
    step = int(clips.Fraction(1, 25) / base)
    frames = 40 if suffix == ".ts" else 3
    full = {"color": (2, 2, 2, 2)} if encoder == "mjpeg" else {}
    info = source(
        suffix,
        encoder,
        pix_fmt,
        options=options,
        size=size,
        time_base=base,
        steps=(step,),
        frames=frames,
        **full,
    )
    out = tmp_path / f"o{suffix}"
    clips.swap_nothing(info.path, out, EncodeSettings(encoder="same"))
    made = probe(out)
    assert (made.codec, made.profile) == (info.codec, info.profile)
    # FFmpeg's decoder of ProRes 4444 gives 12 bits for the 10 that are in it.
    assert made.pix_fmt == info.pix_fmt
    assert clips.times(out)[1] - clips.times(out)[0] == clips.Fraction(1, 25)


def test_every_codec_is_in_the_table(source: Any) -> None:
    assert {*ENCODER_OF_CODEC.values(), "libx264rgb"} == {encoder for _, encoder, _, _ in SAME}


def test_a_codec_that_nobody_writes(source: Any) -> None:
    info = source(".nut", "wmv2")
    with pytest.raises(UsageError) as caught:
        plan_encoder(info, EncodeSettings(encoder="same"), Path("o.mkv"))
    assert caught.value.code == "no_same_encoder" and "prores" in caught.value.hint


LOSSLESS = [
    ("libx264", "yuv420p", "yuv420p"),
    ("libx264", "yuv444p10le", "yuv444p10le"),
    ("libx264rgb", "bgr0", "gbrp"),
    ("libx265", "yuv420p10le", "yuv420p10le"),
    ("libsvtav1", "yuv420p", "yuv420p"),
    ("libvpx-vp9", "yuv444p", "yuv444p"),
    ("ffv1", "yuv420p", "yuv420p"),
    (None, "yuv420p", "yuv420p"),
    (None, "bgr0", "gbrp"),
]


@pytest.mark.parametrize(("encoder", "pix_fmt", "read"), LOSSLESS)
def test_lossless_is_lossless(
    encoder: str | None, pix_fmt: str, read: str, source: Any, tmp_path: Path
) -> None:
    info = source(pix_fmt=pix_fmt)
    out = tmp_path / "o.mkv"
    clips.swap_nothing(info.path, out, EncodeSettings(encoder=encoder, quality="lossless"))
    made = probe(out)
    assert made.pix_fmt == info.pix_fmt == read
    assert _samples(info) == _samples(made)


def _samples(info: Any) -> list[bytes]:
    with VideoReader(info) as reader:
        planes = [frame.image.planes for frame in reader.frames()]
    return [samples(plane)[:, : plane.width].tobytes() for frame in planes for plane in frame]


def test_every_lossless_encoder_is_in_the_table() -> None:
    able = {name for name in suggested_encoders() if ENCODERS[name].lossless is not None}
    assert able == {name for name, _, _ in LOSSLESS if name}


def test_words_of_quality(source: Any, tmp_path: Path) -> None:
    info = source(pix_fmt="yuv420p", frames=10)
    sizes = []
    for word in QUALITIES:
        out = tmp_path / f"{word}.mkv"
        clips.swap_nothing(info.path, out, EncodeSettings(quality=word, preset="ultrafast"))
        sizes.append(out.stat().st_size)
    assert sizes == sorted(sizes) and len(set(sizes)) == len(sizes)
    usual = plan_encoder(info, EncodeSettings(), Path("o.mkv"))
    assert usual == plan_encoder(info, EncodeSettings(quality="high"), Path("o.mkv"))


@pytest.mark.parametrize(
    ("settings", "code", "said"),
    [
        ({"crf": 99}, "bad_crf", "0 (best) to 51"),
        ({"crf": 52, "encoder": "h265"}, "bad_crf", "51"),
        ({"crf": 0, "encoder": "av1"}, "bad_crf", "1 (best) to 63"),
        ({"crf": 64, "encoder": "vp9"}, "bad_crf", "63"),
        ({"preset": "foo"}, "encoder_refused", "no preset 'foo'"),
        ({"preset": "14", "encoder": "av1"}, "encoder_refused", "no preset '14'"),
        ({"quality": "lossless", "encoder": "mpeg4"}, "no_lossless", "without loss"),
    ],
)
def test_refused_in_a_sentence(
    settings: dict, code: str, said: str, source: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UsageError) as caught:
        plan_encoder(source(pix_fmt="yuv420p"), EncodeSettings(**settings), Path("o.mkv"))
    assert caught.value.code == code and said in caught.value.message and caught.value.hint
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"crf": -1}, "bad_crf"),
        ({"crf": float("nan")}, "bad_crf"),
        ({"crf": float("inf")}, "bad_crf"),
        ({"quality": "best"}, "bad_quality"),
        ({"quality": "good", "crf": 18}, "crf_and_quality"),
    ],
)
def test_refused_at_once(settings: dict, code: str) -> None:
    with pytest.raises(UsageError) as caught:
        EncodeSettings(**settings)
    assert caught.value.code == code


def test_an_encoder_without_loss_says_so(source: Any) -> None:
    info = source(pix_fmt="yuv420p")
    plan = plan_encoder(info, EncodeSettings(encoder="ffv1", quality="draft"), Path("o.mkv"))
    assert any(note.wanted == "--quality draft" for note in plan.notes)
