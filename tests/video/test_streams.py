"""What is copied beside the video, what is cut by a range, and what failures leave behind."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import PIL.Image
import pytest
from av.stream import Disposition

from tests.helpers import clips
from tests.hostile.stock import ffmpeg
from videoswap.errors import OutputError
from videoswap.timerange import TimeRange
from videoswap.video.files import atomic_output
from videoswap.video.mux import plan_streams
from videoswap.video.probe import probe
from videoswap.video.verify import verify

RICH = clips.Clip(audio=2, subtitles="mov_text", chapters=True)


def _rich(folder: Path, suffix: str = ".mp4", codec: str = "mov_text", **more: Any) -> Path:
    base = Fraction(1, 1000) if suffix == ".mkv" else RICH.time_base
    steps = (40,) if suffix == ".mkv" else RICH.steps
    clip = clips.Clip(suffix, audio=2, subtitles=codec, chapters=True, time_base=base, steps=steps)
    return clips.make(folder / f"rich{suffix}", clip)


def _texts(path: Path) -> list[tuple[Fraction, bytes]]:
    return [(t, p) for t, p in clips.packets(path, "subtitle")[0] if len(p) > 2]


def test_everything_is_copied_to_mp4(tmp_path: Path) -> None:
    source, out = _rich(tmp_path), tmp_path / "out.mp4"
    report = clips.swap_nothing(source, out)
    assert not report.dropped and not report.converted
    assert clips.packets(out, "audio") == clips.packets(source, "audio")
    assert _texts(out) == _texts(source) and len(_texts(out)) == 2
    with av.open(str(source)) as old, av.open(str(out)) as new:
        assert [s.type for s in new.streams][:4] == ["video", "audio", "audio", "subtitle"]
        assert [s.language for s in new.streams.audio] == ["eng", "deu"]
        assert [s.disposition for s in new.streams] == [s.disposition for s in old.streams]
        assert new.metadata["title"] == "a clip"
        chapters = [(c["start"] * c["time_base"], c["metadata"]["title"]) for c in new.chapters()]
        assert chapters == [(0, "one"), (Fraction(6, 10), "two")]
    assert verify(out) == []


@pytest.mark.parametrize(
    ("suffix", "codec", "target", "first"),
    [
        (".mp4", "mov_text", ".mkv", b"first line"),
        (".mkv", "subrip", ".mp4", b"\x00\x0afirst line"),
    ],
)
def test_text_is_converted(
    suffix: str, codec: str, target: str, first: bytes, tmp_path: Path
) -> None:
    source, out = _rich(tmp_path, suffix, codec), tmp_path / f"out{target}"
    report = clips.swap_nothing(source, out)
    assert len(report.converted) == 1 and not report.dropped
    texts = _texts(out)
    assert [t for t, _ in texts] == [Fraction(1, 10), Fraction(9, 10)]
    assert texts[0][1].startswith(first)
    assert verify(out) == []


def _with_attachments(folder: Path) -> Path:
    plain = clips.make(folder / "plain.mp4", clips.Clip(frames=10))
    path = folder / "attached.mkv"
    with av.open(str(plain)) as source, av.open(str(path), "w") as out:
        streams = {s.index: out.add_stream_from_template(s, opaque=True) for s in source.streams}
        out.add_attachment("font.ttf", "application/x-truetype-font", b"not really a font")
        for packet in source.demux():
            if packet.size:
                packet.stream = streams[packet.stream_index]
                out.mux(packet)
    return path


def test_attachments(tmp_path: Path) -> None:
    source = _with_attachments(tmp_path)
    kept = clips.swap_nothing(source, tmp_path / "out.mkv")
    assert not kept.dropped
    with av.open(str(tmp_path / "out.mkv")) as out:
        fonts = [s for s in out.streams if s.type == "attachment"]
        assert [s.data for s in fonts] == [b"not really a font"]
        assert fonts[0].metadata["filename"] == "font.ttf"
    report = clips.swap_nothing(source, tmp_path / "out.mp4")
    assert len(report.dropped) == 1 and "attachment" in report.dropped[0]
    with pytest.raises(OutputError) as caught:
        plan_streams(probe(source), clips.plan_for(source, tmp_path / "strict.mp4")).check()
    assert caught.value.code == "dropped_streams"
    assert not (tmp_path / "strict.mp4").exists()
    assert not list(tmp_path.glob(".*"))


def _with_cover(folder: Path) -> tuple[Path, bytes]:
    plain = clips.make(folder / "plain.mp4", clips.Clip(frames=10))
    image, path = folder / "cover.jpg", folder / "covered.mp4"
    PIL.Image.new("RGB", (40, 40), (9, 200, 9)).save(image)
    with (
        av.open(str(plain)) as source,
        av.open(str(image)) as still,
        av.open(str(path), "w") as out,
    ):
        streams = {s.index: out.add_stream_from_template(s, opaque=True) for s in source.streams}
        cover = out.add_stream_from_template(still.streams.video[0], opaque=True)
        cover.disposition = Disposition.attached_pic
        for packet in [*source.demux(), *still.demux()]:
            if packet.size:
                own = packet.stream.container is source
                packet.stream = streams[packet.stream_index] if own else cover
                packet.pts = packet.pts if own else 0
                packet.dts = packet.dts if own else 0
                out.mux(packet)
    return path, image.read_bytes()


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_cover_art(suffix: str, tmp_path: Path) -> None:
    source, image = _with_cover(tmp_path)
    out = tmp_path / f"out{suffix}"
    report = clips.swap_nothing(source, out)
    if suffix == ".mov":
        assert len(report.dropped) == 1 and "mjpeg" in report.dropped[0]
        return
    assert not report.dropped
    with av.open(str(out)) as container:
        covers = [s for s in container.streams if s.disposition & Disposition.attached_pic]
        assert len(covers) == 1
        packets = [bytes(p) for p in container.demux(covers[0]) if p.size]
    assert packets == [image]
    assert clips.times(out) == clips.times(source)
    sound, copied = clips.packets(source, "audio"), clips.packets(out, "audio")
    assert [p for _, p in sound[0]] == [p for _, p in copied[0]]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_range_starts_at_zero_and_stays_in_step(suffix: str, tmp_path: Path) -> None:
    source, out = _rich(tmp_path), tmp_path / f"out{suffix}"
    start, end = Fraction(4, 10), Fraction(11, 10)
    keep = [p for p in RICH.pts() if start <= p * RICH.time_base < end]
    clips.swap_nothing(source, out, keep=keep, range_=TimeRange(start, end))
    times = clips.times(out)
    wanted = [(p - keep[0]) * RICH.time_base for p in keep]
    assert max(abs(a - b) for a, b in zip(times, wanted, strict=True)) <= Fraction(1, 2000)
    before = {data: time for time, data in clips.packets(source, "audio")[0]}
    sound = clips.packets(out, "audio")[0]
    assert len(sound) == 33  # whole packets of 1024 samples in 0.7 s
    for time, data in sound:
        assert abs(before[data] - start - time) < Fraction(1, 1900)
    assert [p[-10:] for _, p in _texts(out)] == [b"first line", b"econd line"]
    assert [t for t, _ in _texts(out)] == [0, Fraction(1, 2)]
    with av.open(str(out)) as container:
        spans = [
            (c["start"] * c["time_base"], c["end"] * c["time_base"]) for c in container.chapters()
        ]
        assert spans == [(0, Fraction(2, 10)), (Fraction(2, 10), Fraction(7, 10))]
    assert verify(out) == []


def test_pieces_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    from videoswap.settings import EncodeSettings
    from videoswap.video.encoder import SegmentEncoder
    from videoswap.video.encoder_plan import plan_encoder
    from videoswap.video.mux import mux
    from videoswap.video.probe import probe
    from videoswap.video.reader import VideoReader

    info = probe(clips.make(tmp_path / "source.mp4", clips.Clip(frames=8, audio=0)))
    out = tmp_path / "out.mp4"
    segments = []
    for number, crf in enumerate((18, 30)):
        settings = EncodeSettings(preset="medium" if number else "ultrafast", crf=crf)
        plan = plan_encoder(info, settings, out)
        segments.append(tmp_path / f"{number}.segment")
        with VideoReader(info) as reader, SegmentEncoder(plan, info, segments[-1]) as encoder:
            for frame in list(reader.frames())[number * 4 : number * 4 + 4]:
                encoder.encode(frame)
            encoder.finish()
    pts = [512 * i for i in range(8)]
    for paths, wanted in [(segments, pts), (segments[:1], pts), (segments[:1], pts[1:5]), ([], [])]:
        with pytest.raises(OutputError) as caught:
            mux(paths, info, plan, out, wanted)
        assert caught.value.code == "pieces_do_not_fit"
    assert not out.exists()


FULL_DISK = """
import resource, sys
from pathlib import Path
sys.path[:0] = [sys.argv[1], sys.argv[2]]
from tests.helpers import clips
from tests.hostile.stock import ffmpeg
from videoswap.errors import OutputError
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
try:
    clips.swap_nothing(Path(sys.argv[3]), Path(sys.argv[4]), segment=5)
except OutputError as error:
    print(error.code)
"""


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    source = clips.make(tmp_path / "source.mp4", clips.Clip(frames=60))
    assert source.stat().st_size > 40_000
    folder = tmp_path / "out"
    folder.mkdir()
    here = Path(__file__).resolve().parent
    command = [sys.executable, "-c", FULL_DISK, str(here.parent.parent), str(here)]
    done = subprocess.run(
        [*command, str(source), str(folder / "out.mp4")], capture_output=True, text=True
    )
    assert done.stdout.strip() == "disk_full", done.stderr
    left = {path.name for path in folder.iterdir()}
    assert left and all(name.endswith(".segment") for name in left)


def test_unwritable_places(tmp_path: Path) -> None:
    source = clips.make(tmp_path / "source.mp4", clips.Clip(frames=5))
    for name, code in [
        ("nowhere/out.mp4", "unwritable_output"),
        ("folder.mp4", "output_is_directory"),
    ]:
        (tmp_path / "folder.mp4").mkdir(exist_ok=True)
        with pytest.raises(OutputError) as caught, atomic_output(tmp_path / name):
            pass
        assert caught.value.code == code
    del source


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_interrupt_leaves_nothing(error: type[BaseException], tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    out.write_bytes(b"older result")
    with pytest.raises(error), atomic_output(out) as part:
        part.write_bytes(b"half")
        raise error
    assert out.read_bytes() == b"older result"
    assert list(tmp_path.iterdir()) == [out]


def test_a_stream_of_no_known_codec_is_named_and_dropped(tmp_path):
    source = clips.make(tmp_path / "a.mkv", clips.Clip(".mkv", audio=1))
    source.write_bytes(source.read_bytes().replace(b"A_AAC", b"A_ZZZ"))
    report = clips.swap_nothing(source, tmp_path / "out.mkv")
    assert len(report.dropped) == 1 and "audio stream 1 (unknown" in report.dropped[0]


def test_sound_whose_header_is_damaged_is_left_out(tmp_path):
    clips.make(tmp_path / "a.mkv", clips.Clip(".mkv", audio=1))
    ffmpeg(tmp_path, "-i a.mkv -c:v copy -c:a libopus b.mkv")
    source = tmp_path / "b.mkv"
    content = source.read_bytes()
    assert b"OpusHead\1\1" in content
    source.write_bytes(content.replace(b"OpusHead\1\1", b"OpusHead\1\3"))  # channels
    clips.swap_nothing(source, tmp_path / "out.mkv")
    with av.open(str(tmp_path / "out.mkv")) as made:
        assert [one.type for one in made.streams] == ["video"]
    assert verify(tmp_path / "out.mkv") == []
