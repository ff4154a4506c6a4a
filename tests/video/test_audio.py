"""Sound: what is copied, what is converted, and that every click stays where it was."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.helpers import clips
from videoswap.errors import UsageError
from videoswap.settings import EncodeSettings
from videoswap.timerange import TimeRange
from videoswap.video.encoder_plan import plan_encoder
from videoswap.video.mux import plan_streams
from videoswap.video.probe import probe
from videoswap.video.verify import verify

CLICKS = (0.25, 0.5, 1.0, 1.5)  # seconds
CLICK = 40  # samples
MILLISECOND = 0.001


def _click_track(rate: int, channels: int, start: Fraction, end: float = 1.6) -> Any:
    sound = np.zeros((channels, int((end - float(start)) * rate)), np.float32)
    for time in CLICKS:
        at = round((time - float(start)) * rate)
        if at >= 0:
            sound[:, at : at + CLICK] = 0.8
    return sound


def _with_clicks(
    path: Path,
    codec: str,
    container: str,
    rate: int = 48000,
    layout: str = "stereo",
    start: Fraction = Fraction(0),
    hole: tuple[float, float] | None = None,
) -> Path:
    """Write 40 frames of video and clicks at known times; packets within the hole are left out."""
    with av.open(str(path), "w", format=container) as out:
        video: Any = out.add_stream("libx264", rate=25, options=dict(clips.FAST))
        video.width, video.height, video.pix_fmt = 128, 96, "yuv420p"
        sound: Any = out.add_stream(codec, rate=rate, layout=layout)
        sound.codec_context.bit_rate = 128_000  # WMA does not open without
        sound.metadata["language"] = "eng"
        for index in range(40):
            image = clips.frame(index, "yuv420p", 128, 96)
            image.pts, image.time_base = index, Fraction(1, 25)
            out.mux(video.encode(image))
        out.mux(video.encode(None))
        samples = _click_track(rate, sound.layout.nb_channels, start)
        packed = np.ascontiguousarray(samples.T).reshape(1, -1)  # PyAV has no planes beyond seven
        frame = av.AudioFrame.from_ndarray(packed, format="flt", layout=layout)
        frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
        frame.pts = int(start * rate)
        for packet in [*sound.encode(frame), *sound.encode(None)]:
            time = float(packet.pts * packet.time_base)
            if hole is None or not hole[0] <= time < hole[1]:
                out.mux(packet)
    return path


def _heard(path: Path, index: int = 0) -> tuple[list[float], list[float]]:
    """Return when clicks are heard after the first frame, and the sound's ends, in seconds."""
    found: list[float] = []
    # FFmpeg reads H.264 of AVI a frame late.
    shift = 0.0 if path.suffix == ".avi" else float(min(clips.times(path)))
    with av.open(str(path)) as container:
        stream = container.streams.audio[index]
        mono = av.AudioResampler(format="fltp", layout="mono")
        first, last = None, 0.0
        for frame in container.decode(stream):
            begin = last if frame.pts is None else float(frame.pts * frame.time_base)
            first = begin if first is None else first
            last = begin + frame.samples / frame.sample_rate
            for part in mono.resample(frame):
                loud = np.flatnonzero(np.abs(part.to_ndarray()[0]) > 0.35)
                for at in loud / frame.sample_rate + begin - shift:
                    if not found or at - found[-1] > 0.1:
                        found.append(float(at))
    assert first is not None
    return found, [first, last]


def _is_in_time(heard: list[float], wanted: tuple[float, ...] = CLICKS) -> bool:
    return len(heard) == len(wanted) and bool(np.allclose(heard, wanted, atol=MILLISECOND, rtol=0))


SOURCES = {
    "aac": ("mp4", "aac", 44100),
    "opus": ("matroska", "libopus", 48000),
    "wma": ("asf", "wmav2", 44100),
    "pcm": ("matroska", "pcm_s16le", 44100),
    "mp3": ("matroska", "libmp3lame", 44100),
    "flac": ("matroska", "flac", 96000),
    "odd": ("matroska", "pcm_s16le", 37800),
    "alac": ("mp4", "alac", 44100),
    "eac3": ("matroska", "eac3", 48000),
}
# What a container does with each source: the codec in the result, by the container's suffix.
TABLE = [
    ("aac", ".mp4", "aac"),
    ("aac", ".webm", "opus"),
    ("aac", ".mkv", "aac"),
    ("aac", ".mov", "aac"),
    ("opus", ".mp4", "opus"),
    ("opus", ".mov", "aac"),
    ("opus", ".avi", "pcm_s16le"),
    ("opus", ".ts", "opus"),
    ("wma", ".mp4", "aac"),
    ("wma", ".webm", "opus"),
    ("wma", ".mkv", "opus"),
    ("wma", ".ts", "aac"),
    ("pcm", ".webm", "opus"),
    ("pcm", ".ts", "aac"),
    ("pcm", ".avi", "pcm_s16le"),
    ("mp3", ".webm", "opus"),
    ("flac", ".mov", "aac"),
    ("flac", ".ts", "aac"),
    ("odd", ".ts", "aac"),
    ("alac", ".nut", "flac"),
    ("eac3", ".avi", "pcm_s16le"),
]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder, made = tmp_path_factory.mktemp("sounds"), {}

    def get(name: str) -> Path:
        if name not in made:
            container, codec, rate = SOURCES[name]
            made[name] = _with_clicks(folder / f"{name}.media", codec, container, rate)
        return made[name]

    return get


def _settings(out: Path, **more: Any) -> EncodeSettings:
    speed = {} if out.suffix == ".webm" else {"preset": "ultrafast"}
    return EncodeSettings(threads=1, **speed, **more)


def _planned(path: Path, out: Path, audio: str = "auto") -> Any:
    """Return what is decided, and said, before the work."""
    return plan_streams(probe(path), plan_encoder(probe(path), _settings(out), out), audio)


@pytest.mark.parametrize(("name", "suffix", "codec"), TABLE)
def test_sound_is_kept(name: str, suffix: str, codec: str, source: Any, tmp_path: Path) -> None:
    path, out = source(name), tmp_path / f"out{suffix}"
    report = clips.swap_nothing(path, out, _settings(out))
    planned = _planned(path, out)
    with av.open(str(path)) as old, av.open(str(out)) as new:
        was = old.streams.audio[0].codec_context.codec.canonical_name
        sound = new.streams.audio[0]
        assert sound.codec_context.codec.canonical_name == codec
        assert sound.layout.nb_channels == 2
        # AVI has no place for it.
        assert sound.language == old.streams.audio[0].language or suffix == ".avi"
    assert not report.dropped and not planned.dropped
    assert len(planned.notes) == (was != codec)
    assert all("audio" in note.wanted and was in note.wanted for note in planned.notes)
    if was != codec or suffix not in (".ts", ".avi"):
        reference = _heard(path)[0] if name == "wma" else CLICKS
        assert _is_in_time(_heard(out)[0], tuple(reference)), _heard(out)[0]
    assert verify(out) == []


@pytest.mark.parametrize(
    ("wish", "suffix", "codec"),
    [
        ("copy", ".mkv", "aac"),
        ("copy", ".webm", None),
        ("aac", ".mp4", "aac"),
        ("opus", ".mp4", "opus"),
        ("opus", ".mkv", "opus"),
        ("none", ".mp4", None),
    ],
)
def test_wishes(wish: str, suffix: str, codec: str | None, source: Any, tmp_path: Path) -> None:
    path, out = source("aac"), tmp_path / f"out{suffix}"
    report = clips.swap_nothing(path, out, _settings(out), audio=wish)
    with av.open(str(out)) as new:
        found = [s.codec_context.codec.canonical_name for s in new.streams.audio]
    assert found == ([] if codec is None else [codec])
    assert bool(report.dropped) == (wish == "copy" and codec is None)
    assert len(_planned(path, out, wish).notes) == (codec != "aac")
    if codec == "aac":
        assert clips.packets(out, "audio")[0][0][1] == clips.packets(path, "audio")[0][0][1]
    elif codec is not None:
        assert _is_in_time(_heard(out)[0])


@pytest.mark.parametrize(
    ("wish", "name"), [("aac", "o.webm"), ("opus", "o.mov"), ("opus", "o.avi")]
)
def test_a_wish_that_cannot_be(wish: str, name: str, source: Any) -> None:
    with pytest.raises(UsageError) as caught:
        plan_encoder(probe(source("aac")), EncodeSettings(audio=wish), Path(name))
    assert caught.value.code == "container_codec" and "--audio" in caught.value.hint
    with pytest.raises(UsageError):
        EncodeSettings(audio="loud")


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
def test_a_part_is_cut_to_the_sample(suffix: str, source: Any, tmp_path: Path) -> None:
    out = tmp_path / f"part{suffix}"
    part = TimeRange(Fraction(4, 10), Fraction(12, 10))
    info = probe(source("pcm"))
    keep = [
        pts
        for pts in range(0, 4000)
        if part.start <= (pts - info.start_pts) * info.time_base < part.end
    ]
    clips.swap_nothing(source("pcm"), out, _settings(out), keep=keep, range_=part, audio="opus")
    heard, (first, last) = _heard(out)
    assert _is_in_time(heard, (0.1, 0.6))
    packet = 0.02 if suffix == ".mp4" else 0.0  # MP4 does not tell the end of the last one
    assert abs(first) < MILLISECOND and abs(last - 0.8) < packet + MILLISECOND


def test_late_sound_with_a_hole(tmp_path: Path) -> None:
    """What is not there becomes silence: what follows keeps its time."""
    path = _with_clicks(
        tmp_path / "late.mkv",
        "flac",
        "matroska",
        44100,
        start=Fraction(1, 5),
        hole=(0.4, 0.9),
    )
    for suffix in (".mp4", ".webm"):
        out = tmp_path / f"out{suffix}"
        codec = "aac" if suffix == ".mp4" else "opus"
        clips.swap_nothing(path, out, _settings(out), audio=codec)
        assert _is_in_time(_heard(out)[0], (0.25, 1.0, 1.5)), suffix


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_a_pause_of_hours(suffix: str, tmp_path: Path) -> None:
    """It takes neither hours of silence nor the sync of what follows."""
    path, rate, later = tmp_path / "pause.mkv", 44100, 20_000
    with av.open(str(path), "w") as out:
        video: Any = out.add_stream("libx264", rate=25, options=dict(clips.FAST))
        video.width, video.height, video.pix_fmt = 128, 96, "yuv420p"
        video.codec_context.time_base = Fraction(1, 25)
        sound: Any = out.add_stream("pcm_s16le", rate=rate, layout="mono")
        for start in (0, later):
            image = clips.frame(0, "yuv420p", 128, 96)
            image.pts, image.time_base = start * 25, Fraction(1, 25)
            out.mux(video.encode(image))
            frame = av.AudioFrame.from_ndarray(
                _click_track(rate, 1, Fraction(0)), format="flt", layout="mono"
            )
            frame.sample_rate, frame.pts = rate, start * rate
            frame.time_base = Fraction(1, rate)
            out.mux(sound.encode(frame))
        out.mux(video.encode(None))
    out = tmp_path / f"out{suffix}"
    clips.swap_nothing(path, out, _settings(out), audio="auto" if suffix == ".webm" else "aac")
    assert _is_in_time(_heard(out)[0], (*CLICKS, *(later + time for time in CLICKS)))
    with av.open(str(out)) as new:
        assert sum(1 for packet in new.demux(new.streams.audio) if packet.size) < 400


@pytest.mark.parametrize(
    ("layout", "codec", "kept"),
    [
        ("mono", ".webm", "mono"),
        ("5.1", ".webm", "5.1"),
        ("5.1(side)", ".webm", "5.1"),
        ("7.1", ".mp4", "7.1"),
        ("quad", ".mp4", None),
        ("stereo", ".mp4", None),
    ],
)
def test_channels(layout: str, codec: str, kept: str | None, tmp_path: Path) -> None:
    path = _with_clicks(tmp_path / "many.mkv", "pcm_s16le", "matroska", layout=layout)
    out = tmp_path / f"out{codec}"
    clips.swap_nothing(path, out, _settings(out))
    with av.open(str(out)) as new:
        assert new.streams.audio[0].layout.name == (kept or layout)
        assert new.streams.audio[0].codec_context.codec.canonical_name in ("opus", "aac")
    assert verify(out) == []


def test_broken_sound_keeps_its_time(source: Any, tmp_path: Path) -> None:
    path = tmp_path / "broken.mkv"
    with av.open(str(source("flac"))) as old, av.open(str(path), "w") as out:
        made = {s.index: out.add_stream_from_template(s, opaque=True) for s in old.streams}
        for packet in old.demux():
            if not packet.size:
                continue
            bad = packet.stream.type == "audio" and 0.6 < float(packet.pts * packet.time_base) < 0.9
            new: Any = av.Packet(b"\x01" * 400) if bad else packet
            new.pts, new.dts, new.time_base = packet.pts, packet.dts, packet.time_base
            new.stream = made[packet.stream_index]
            out.mux(new)
    report = clips.swap_nothing(path, tmp_path / "out.webm", _settings(Path("o.webm")))
    assert any(note.used == "silence" for note in report.notes)
    assert _is_in_time(_heard(tmp_path / "out.webm")[0])
