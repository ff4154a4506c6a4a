"""Which encoder, pixel format and container are chosen, and which wishes are refused."""

from __future__ import annotations

import weakref
from pathlib import Path
from types import SimpleNamespace

import av
import pytest

from tests.helpers import clips
from videoswap.errors import OutputError, UsageError
from videoswap.settings import EncodeSettings
from videoswap.video import encoder_context
from videoswap.video.encoder import SegmentEncoder
from videoswap.video.encoder_plan import plan_encoder, plan_masks
from videoswap.video.formats import accepted_formats, default_suffix
from videoswap.video.pixel_formats import layout
from videoswap.video.probe import probe


@pytest.fixture(scope="module")
def infos(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("plans")

    def get(pix_fmt: str, size: tuple[int, int] = (64, 48), **more):
        path = folder / f"{pix_fmt}{size[0]}{len(more)}.mkv"
        if not path.exists():
            clips.make(
                path,
                clips.Clip(
                    ".mkv",
                    "bgr0" if pix_fmt == "gbrp" else pix_fmt,
                    size,
                    frames=3,
                    audio=0,
                    encoder="ffv1",
                    options={},
                    **more,
                ),
            )
        return probe(path)

    return get


@pytest.mark.parametrize(
    ("pix_fmt", "name", "encoder", "given"),
    [
        ("yuv420p", "o.mp4", "libx264", "yuv420p"),
        ("yuv420p10le", "o.mp4", "libx264", "yuv420p10le"),
        ("yuv444p", "o.mkv", "libx264", "yuv444p"),
        ("gray", "o.mp4", "libx264", "gray"),
        ("yuv420p12le", "o.mp4", "libx265", "yuv420p12le"),
        ("yuva420p", "o.mkv", "ffv1", "yuva420p"),
        ("yuv420p", "o.webm", "libvpx-vp9", "yuv420p"),
        ("yuv420p10le", "o.webm", "libsvtav1", "yuv420p10le"),
    ],
)
def test_choice(pix_fmt: str, name: str, encoder: str, given: str, infos) -> None:
    plan = plan_encoder(infos(pix_fmt), EncodeSettings(), Path(name))
    assert (plan.encoder, plan.pix_fmt, plan.repacked) == (encoder, given, True)
    assert any(n.used == encoder for n in plan.notes) == (encoder != "libx264")


@pytest.mark.parametrize(
    ("pix_fmt", "name", "settings", "code"),
    [
        ("yuv420p", "o.mp4", {"encoder": "libnothing"}, "unknown_encoder"),
        ("yuv420p", "o.mp4", {"encoder": "aac"}, "unknown_encoder"),
        ("yuv420p", "o.xyz", {}, "unknown_container"),
        ("yuv420p", "o.webm", {"encoder": "h264"}, "container_codec"),
        ("yuv420p", "o.mp4", {"encoder": "ffv1"}, "container_codec"),
        ("yuv444p", "o.mp4", {"encoder": "av1"}, "lossy_pix_fmt"),
        ("yuv420p10le", "o.mkv", {"encoder": "vp9"}, "lossy_pix_fmt"),
        ("yuva420p", "o.mp4", {}, "lossy_pix_fmt"),
        ("yuva420p", "o.mkv", {"encoder": "vp9"}, "lossy_pix_fmt"),
        ("yuv420p", "o.mp4", {"pix_fmt": "yuv999p"}, "unknown_pix_fmt"),
        ("yuv420p", "o.mp4", {"preset": "warp9"}, "encoder_refused"),
        ("yuv420p", "o.mkv", {"encoder": "ffv1", "crf": 3}, "no_crf"),
        ("yuv420p", "o.mp4", {"encoder": "nvenc"}, "encoder_refused"),
        ("yuv420p", "o.mp4", {"encoder": "nvenc_av1", "crf": 60}, "encoder_refused"),
        ("yuv420p", "o.mp4", {"encoder": "nvenc", "crf": 0}, "bad_crf"),  # 0 means something else
        ("yuv420p", "o.mp4", {"encoder": "nvenc", "crf": 60}, "bad_crf"),
        ("yuv420p", "o.mp4", {"encoder": "nvenc", "preset": "veryfast"}, "encoder_refused"),
        ("yuv420p12le", "o.mp4", {"encoder": "nvenc_hevc"}, "lossy_pix_fmt"),
        ("yuva420p", "o.mkv", {"encoder": "nvenc_hevc"}, "lossy_pix_fmt"),
    ],
)
def test_refusals(pix_fmt: str, name: str, settings: dict, code: str, infos) -> None:
    if "nvenc" in settings.get("encoder", "") and Path("/dev/nvidia0").exists():
        pytest.skip("this machine may have NVENC")
    with pytest.raises(UsageError) as caught:
        plan_encoder(infos(pix_fmt), EncodeSettings(**settings), Path(name))
    assert caught.value.code == code
    assert caught.value.hint


@pytest.mark.parametrize("encoder", ["h264_nvenc", "hevc_nvenc", "av1_nvenc"])
def test_nvenc_gets_nothing_of_which_it_drops_a_part(encoder: str) -> None:
    forms = [layout(name) for name in accepted_formats(encoder)]
    assert {form.depth for form in forms} == {8, 10}
    assert not any(form.alpha for form in forms)


@pytest.mark.parametrize(("works", "advice"), [(False, "needs an NVIDIA GPU"), (True, "of 64x48")])
def test_what_a_gpu_refuses_is_told_from_a_gpu_that_is_not_there(works, advice, infos, monkeypatch):
    refused = None if works else "Cannot load libcuda.so.1"
    monkeypatch.setattr(encoder_context, "hardware_refusal", lambda encoder: refused)
    monkeypatch.setattr(encoder_context, "encoder_refusal", lambda *given: "10 bit: no")
    with pytest.raises(UsageError) as caught:
        plan_encoder(infos("yuv420p10le"), EncodeSettings(encoder="nvenc"), Path("o.mp4"))
    assert "10 bit: no" in caught.value.message and advice in caught.value.hint


class Busy:
    """Encoders of a GPU of which some more cannot be opened now."""

    def __init__(self, refusals: int) -> None:
        self.left = refusals

    def open(self) -> None:
        self.left -= 1
        if self.left >= 0:
            raise av.error.ExternalError(1, "no session")


@pytest.mark.parametrize(
    ("encoder", "refusals", "slept"),
    [("nvenc", 0, 0), ("nvenc", 3, 3), ("nvenc", 999, 4), ("libx264", 1, 0)],
)
def test_a_gpu_that_opens_no_more_encoders_is_waited_for(
    encoder, refusals, slept, infos, monkeypatch
):
    info, now = infos("yuv420p"), []
    monkeypatch.setattr(encoder_context, "encoder_refusal", lambda *given: None)
    plan = plan_encoder(info, EncodeSettings(encoder=encoder), Path("o.mp4"))
    busy = Busy(refusals)
    monkeypatch.setattr(encoder_context, "new_encoder", lambda *given: busy)
    monkeypatch.setattr(encoder_context, "SESSION_PATIENCE", 4 * encoder_context.SESSION_INTERVAL)
    clock = SimpleNamespace(monotonic=lambda: sum(now), sleep=now.append)
    monkeypatch.setattr(encoder_context, "time", clock)
    if slept == refusals:
        assert encoder_context.open_encoder(plan, info) is busy
    else:
        with pytest.raises(OutputError) as caught:
            encoder_context.open_encoder(plan, info)
        assert caught.value.code == "encode_failed" and "no session" in caught.value.message
        assert ("--jobs" in caught.value.hint) is (encoder == "nvenc")
    assert len(now) == slept


def test_a_segment_that_ended_holds_no_encoder(infos, tmp_path: Path, monkeypatch) -> None:
    info = infos("yuv420p")
    plan = plan_encoder(info, EncodeSettings(), Path("o.mp4"))
    monkeypatch.setattr("videoswap.video.encoder.open_encoder", lambda *given: Busy(0))
    with SegmentEncoder(plan, info, tmp_path / "one.segment") as made:
        context = weakref.ref(made._context)
    assert context() is None


def test_loss_names_the_way_out(infos) -> None:
    with pytest.raises(UsageError) as caught:
        plan_encoder(infos("yuv444p"), EncodeSettings(encoder="av1"), Path("o.mp4"))
    assert "--pix_fmt yuv420p" in caught.value.hint and "libx264" in caught.value.hint
    plan = plan_encoder(
        infos("yuv444p"), EncodeSettings(encoder="av1", pix_fmt="yuv420p"), Path("o.mp4")
    )
    assert plan.pix_fmt == "yuv420p" and not plan.repacked and plan.notes


def test_odd_size(infos) -> None:
    asked = EncodeSettings(encoder="libx264")
    with pytest.raises(UsageError) as caught:
        plan_encoder(infos("yuv420p", (65, 47)), asked, Path("o.mp4"))
    assert caught.value.code == "encoder_refused" and "odd size" in caught.value.hint
    vp9 = plan_encoder(infos("yuv420p", (65, 47)), EncodeSettings(encoder="vp9"), Path("o.mp4"))
    assert vp9.encoder == "libvpx-vp9"
    assert "libvpx-vp9" in caught.value.hint and "ffv1" not in caught.value.hint
    wish = EncodeSettings(preset="ultrafast")
    auto = plan_encoder(infos("yuv420p", (65, 47)), wish, Path("o.mp4"))
    assert auto.encoder == "libvpx-vp9"
    assert any("odd size" in n.reason for n in auto.notes)
    deep = plan_encoder(infos("yuv420p10le", (65, 47)), EncodeSettings(), Path("o.mp4"))
    assert deep.encoder == "libsvtav1"


@pytest.mark.parametrize("size", [(481, 271), (65, 47), (3, 3), (363, 271), (64, 48)])
def test_ffv1_takes_every_size(size: tuple[int, int], tmp_path: Path) -> None:
    clip = clips.Clip(".mkv", size=size, frames=2, audio=0, encoder="libvpx-vp9", options={})
    info = probe(clips.make(tmp_path / "a.mkv", clip))
    plan = plan_encoder(info, EncodeSettings(encoder="ffv1"), Path("o.mkv"))
    assert (dict(plan.options)["slices"] == "4") == (size == (64, 48))
    assert plan_masks(info, Path("m.mkv")).encoder == "ffv1"


def test_what_h264_loses_is_noted(infos, tmp_path: Path) -> None:
    hdr = infos("yuv420p10le", (66, 48), color=(9, 1, 16, 9))
    plan = plan_encoder(hdr, EncodeSettings(encoder="libx264"), Path("o.mp4"))
    assert any("h265" in n.reason for n in plan.notes)
    options = {"preset": "ultrafast", "x264-params": "interlaced=1"}
    clip = clips.Clip(frames=4, audio=0, options=options)
    woven = probe(clips.make(tmp_path / "i.mp4", clip))
    assert woven.interlaced and not hdr.interlaced
    plan = plan_encoder(woven, EncodeSettings(), Path("o.mp4"))
    assert [n.wanted for n in plan.notes] == ["interlaced video"]


def test_tags_reach_the_result(infos, tmp_path: Path) -> None:
    info = infos("yuv420p10le", color=(9, 1, 18, 9))
    for encoder in ("libx264", "libx265"):
        plan = plan_encoder(
            info, EncodeSettings(encoder=encoder, preset="ultrafast"), tmp_path / "o.mp4"
        )
        clips.swap_nothing(
            info.path, tmp_path / "o.mp4", EncodeSettings(encoder=encoder, preset="ultrafast")
        )
        made = probe(tmp_path / "o.mp4").color
        assert (made.space_tag, made.range_tag, made.transfer_tag, made.primaries_tag) == (
            9,
            1,
            18,
            9,
        ), plan.encoder


@pytest.mark.parametrize("encoder", ["libx264", "libx265"])
def test_hdr_metadata_is_kept(encoder: str, tmp_path: Path) -> None:
    display = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
    words = f"log-level=none:master-display={display}:max-cll=1000,400:hdr10=1"
    clip = clips.Clip(
        ".mkv",
        "yuv420p10le",
        frames=4,
        audio=0,
        encoder="libx265",
        color=(9, 1, 16, 9),
        options={"preset": "ultrafast", "x265-params": words},
    )
    source = clips.make(tmp_path / "hdr.mkv", clip)
    light = probe(source).color.hdr
    assert light is not None and light.max_cll == 1000 and light.luminance[1] == 1000
    out = tmp_path / "out.mp4"
    clips.swap_nothing(source, out, EncodeSettings(encoder=encoder, preset="ultrafast"))
    assert probe(out).color.hdr == light


def test_full_range_is_kept(infos, tmp_path: Path) -> None:
    source = clips.make(
        tmp_path / "full.mp4",
        clips.Clip(frames=5, audio=0, pix_fmt="yuvj420p", color=(6, 2, 6, 6)),
    )
    assert probe(source).native_pix_fmt == "yuvj420p" and probe(source).pix_fmt == "yuv420p"
    clips.swap_nothing(source, tmp_path / "o.mp4")
    made = probe(tmp_path / "o.mp4")
    assert made.color.full_range and made.color.space_tag == 6


def test_containers() -> None:
    mov = ("mov", "mp4", "m4a", "3gp", "3g2", "mj2")
    for formats, name, suffix in [
        (mov, "a.mp4", ".mp4"),
        (mov, "a.mov", ".mov"),
        (mov, "a", ".mp4"),
        (("matroska", "webm"), "a.webm", ".webm"),
        (("matroska", "webm"), "x", ".mkv"),
        (("flv",), "a.flv", ".mp4"),
        (("mpegts",), "a.ts", ".ts"),
        (("avi",), "a.mp4", ".avi"),
        (("mpeg",), "a.mpg", ".mp4"),
        (("mpeg",), "a.vob", ".mp4"),
    ]:
        assert default_suffix(formats, Path(name)) == suffix
    assert default_suffix(("mpeg",), Path("a.vob"), "yuv420p") == ".mp4"
    assert default_suffix(mov, Path("a.mov"), "yuva420p") == ".mkv"


def test_masks_have_a_place(infos) -> None:
    assert plan_masks(infos("yuv420p10le"), Path("m.mkv")).encoder == "ffv1"
    assert plan_masks(infos("yuv420p10le"), Path("m.mp4")).encoder == "libx264"
    with pytest.raises(UsageError):
        plan_masks(infos("yuv420p"), Path("m.webm"))
