"""Small clips made with PyAV for the tests: every odd thing a source may do, on purpose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

ROTATED = {
    "90": (0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30),
    "180": (-65536, 0, 0, 0, -65536, 0, 0, 0, 1 << 30),
    "270": (0, -65536, 0, 65536, 0, 0, 0, 0, 1 << 30),
    "mirrored": (-65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30),
    "transposed": (0, 65536, 0, 65536, 0, 0, 0, 0, 1 << 30),
}
SAMPLE_RATE = 48000


@dataclass(frozen=True)
class Clip:
    """What to make.

    Attributes:
        suffix: Container.
        pix_fmt: Planar pixel format.
        size: Width and height.
        time_base: Of the video.
        steps: Ticks between frames, repeated as often as needed.
        frames: How many.
        start: pts of the first frame.
        encoder: FFmpeg's name.
        options: Of the encoder.
        audio: Number of audio tracks.
        audio_delay: Seconds by which the sound starts later.
        matrix: Display matrix.
        subtitles: Codec of a subtitle track.
        chapters: Whether there are two chapters.
        color: H.273 numbers of matrix, range (1 limited, 2 full), transfer and primaries.
        sar: Sample aspect ratio.
    """

    suffix: str = ".mp4"
    pix_fmt: str = "yuv420p"
    size: tuple[int, int] = (128, 96)
    time_base: Fraction = Fraction(1, 12800)
    steps: tuple[int, ...] = (512,)
    frames: int = 40
    start: int = 0
    encoder: str = "libx264"
    options: dict[str, str] = field(default_factory=lambda: {"preset": "ultrafast", "crf": "20"})
    audio: int = 1
    audio_delay: Fraction = Fraction(0)
    matrix: tuple[int, ...] | None = None
    subtitles: str | None = None
    chapters: bool = False
    color: tuple[int, int, int, int] = (2, 0, 2, 2)
    sar: Fraction = Fraction(1)

    def pts(self) -> list[int]:
        times = [self.start]
        while len(times) < self.frames:
            times.append(times[-1] + self.steps[(len(times) - 1) % len(self.steps)])
        return times


FAST = {"preset": "ultrafast", "crf": "20"}
REORDERED = {"preset": "veryfast", "crf": "24", "bf": "3", "g": "12", "b-pyramid": "normal"}
CLIPS = {
    "constant": Clip(),
    "ntsc": Clip(time_base=Fraction(1, 30000), steps=(1001,)),
    "variable": Clip(steps=(512, 300, 1500, 7, 900)),
    "b_frames": Clip(options=REORDERED),
    "open_gop": Clip(options=REORDERED | {"x264-params": "open-gop=1:scenecut=0"}),
    "late_video": Clip(start=3000, options=REORDERED),
    "edit_list": Clip(start=-1024, options=REORDERED),
    "late_audio": Clip(audio_delay=Fraction(1, 4)),
    "two_audio": Clip(audio=2),
    "mkv": Clip(".mkv", time_base=Fraction(1, 1000), steps=(33, 33, 34), options=REORDERED),
    "mpegts": Clip(".ts", time_base=Fraction(1, 90000), steps=(3003,), options=REORDERED),
    **{name: Clip(matrix=matrix) for name, matrix in ROTATED.items()},
}


def picture(index: int, width: int, height: int) -> np.ndarray[Any, Any]:
    """Return a moving RGB picture with some detail, (height, width, 3) uint8."""
    y, x = np.mgrid[0:height, 0:width]
    red = (x * 2 + index * 5) % 256
    green = (y * 2 + index * 3) % 256
    blue = (np.hypot(x - width / 2, y - height / 2) * 3 + index * 7) % 256
    block = np.zeros((height, width))
    left, top = index * 3 % max(1, width - 24), index * 2 % max(1, height - 24)
    block[top : top + 24, left : left + 24] = 90
    noise = np.random.default_rng(index).integers(0, 12, (height, width))
    return np.clip(
        np.dstack([red, green, blue]) * 0.6 + block[..., None] + noise[..., None], 0, 255
    ).astype(np.uint8)


def frame(index: int, pix_fmt: str, width: int, height: int) -> av.VideoFrame:
    """Return the picture in a pixel format."""
    rgb = av.VideoFrame.from_ndarray(picture(index, width, height), format="rgb24")
    return rgb.reformat(format=pix_fmt)


def _video(out: Any, clip: Clip) -> Any:
    stream = out.add_stream(clip.encoder, rate=25, options=dict(clip.options))
    stream.width, stream.height = clip.size
    stream.pix_fmt = clip.pix_fmt
    context = stream.codec_context
    context.time_base = stream.time_base = clip.time_base
    context.sample_aspect_ratio = clip.sar
    context.colorspace, context.color_range, context.color_trc, context.color_primaries = clip.color
    context.thread_count = 1
    if clip.matrix is not None:
        stream.set_display_matrix(clip.matrix)
    return stream


def _audio(out: Any, index: int) -> Any:
    stream = out.add_stream("aac", rate=SAMPLE_RATE)
    stream.layout = "mono"
    stream.codec_context.bit_rate = 64000
    stream.metadata["language"] = ("eng", "deu", "fra")[index % 3]
    return stream


def make(path: Path, clip: Clip) -> Path:
    """Write a clip."""
    options = {"movie_timescale": "48000"} if clip.suffix in (".mp4", ".mov") else {}
    with av.open(
        f"file:{path}", "w", format=_format(clip.suffix), container_options=options
    ) as out:
        video = _video(out, clip)
        sounds = [_audio(out, index) for index in range(clip.audio)]
        text = _subtitles(out, clip.subtitles) if clip.subtitles else None
        out.metadata["title"] = "a clip"
        if clip.chapters:
            out.set_chapters(_chapters())
        times = clip.pts()
        for index, pts in enumerate(times):
            image = frame(index, clip.pix_fmt, *clip.size)
            image.pts, image.time_base = pts, clip.time_base
            out.mux(video.encode(image))
        end = (times[-1] + clip.steps[0]) * clip.time_base
        out.mux(video.encode(None))
        for index, stream in enumerate(sounds):
            _tone(out, stream, clip.audio_delay, end, 440 * (index + 1))
        if text is not None:
            _lines(out, text, clip.subtitles or "")
    return path


def _format(suffix: str) -> str:
    return {
        ".mp4": "mp4",
        ".mov": "mov",
        ".mkv": "matroska",
        ".ts": "mpegts",
        ".nut": "nut",
        ".webm": "webm",
    }[suffix]


def _tone(out: Any, stream: Any, delay: Fraction, end: Fraction, pitch: int) -> None:
    first, last = int(delay * SAMPLE_RATE), int(end * SAMPLE_RATE)
    for start in range(first, last, 1024):
        phase = np.arange(start, start + 1024) * (2 * np.pi * pitch / SAMPLE_RATE)
        sound = av.AudioFrame.from_ndarray(
            np.sin(phase)[None].astype(np.float32) * 0.3, format="fltp", layout="mono"
        )
        sound.sample_rate, sound.pts = SAMPLE_RATE, start
        sound.time_base = Fraction(1, SAMPLE_RATE)
        out.mux(stream.encode(sound))
    out.mux(stream.encode(None))


def _subtitles(out: Any, codec: str) -> Any:
    from videoswap.video.subtitles import ASS_HEADER

    stream = out.add_stream(codec)
    stream.codec_context.subtitle_header = ASS_HEADER
    stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
    return stream


def _lines(out: Any, stream: Any, codec: str) -> None:
    for start, text in ((100, "first line"), (900, "second line")):
        raw = text.encode()
        packet: Any = av.Packet(len(raw).to_bytes(2, "big") + raw if codec == "mov_text" else raw)
        packet.time_base, packet.pts, packet.dts = Fraction(1, 1000), start, start
        packet.duration, packet.stream, packet.is_keyframe = 500, stream, True
        out.mux(packet)


def _chapters() -> list[Any]:
    base = Fraction(1, 1000)
    return [
        {"id": 1, "start": 0, "end": 600, "time_base": base, "metadata": {"title": "one"}},
        {"id": 2, "start": 600, "end": 1600, "time_base": base, "metadata": {"title": "two"}},
    ]


def packets(path: Path, kind: str) -> list[list[tuple[Fraction, bytes]]]:
    """Return time and bytes of every packet of every stream of a kind."""
    with av.open(f"file:{path}") as container:
        chosen = [s for s in container.streams if s.type == kind]
        found: dict[int, list[tuple[Fraction, bytes]]] = {s.index: [] for s in chosen}
        for packet in container.demux(chosen) if chosen else ():
            if packet.size and packet.pts is not None:
                time = packet.pts * packet.time_base
                found[packet.stream_index].append((time, bytes(packet)))
    return list(found.values())


def times(path: Path) -> list[Fraction]:
    """Return the time of every frame that a plain PyAV decode gives."""
    with av.open(f"file:{path}") as container:
        base = container.streams.video[0].time_base
        assert base is not None
        return [f.pts * base for f in container.decode(video=0) if f.pts is not None]


def plan_for(source: Path, out: Path, settings: Any = None) -> Any:
    """Plan a quick encode of a video."""
    from videoswap.settings import EncodeSettings
    from videoswap.video.encoder_plan import plan_encoder
    from videoswap.video.probe import probe

    settings = settings or EncodeSettings(preset="ultrafast", threads=1)
    return plan_encoder(probe(source), settings, out)


def swap_nothing(
    source: Path,
    out: Path,
    settings: Any = None,
    segment: int = 15,
    keep: Sequence[int] | None = None,
    change: Any = None,
    **mux_options: Any,
) -> Any:
    """Run a whole video through reader, encoder and mux; ``change`` may alter each frame."""
    from videoswap.video.encoder import SegmentEncoder
    from videoswap.video.files import atomic_output
    from videoswap.video.mux import mux
    from videoswap.video.probe import probe
    from videoswap.video.reader import VideoReader

    info = probe(source)
    plan = plan_for(source, out, settings)
    segments: list[Path] = []
    wanted: list[int] = []
    with VideoReader(info, threads=1) as reader:
        frames = [f for f in reader.frames() if keep is None or f.pts in keep]
        for first in range(0, len(frames), segment):
            path = out.parent / f"{out.stem}.{first}.segment"
            with SegmentEncoder(plan, info, path) as encoder:
                for item in frames[first : first + segment]:
                    if change is not None:
                        change(item, info)
                    encoder.encode(item)
                    wanted.append(item.pts)
                encoder.finish()
            segments.append(path)
    with atomic_output(out) as part:
        return mux(segments, info, plan, part, wanted, **mux_options)
