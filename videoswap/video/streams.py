"""The other streams of a source: which of them the container holds, and their packets."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.stream import AttachmentStream, Disposition, Stream

from ..errors import OutputError
from ..records import Fallback, counted
from .audio import SoundConverter, add_sound, plan_sound
from .files import open_input
from .packets import RestartingClock, packets
from .subtitles import ASS_HEADER, convert, target_codec

# Written by a muxer about its own file: wrong in another file.
STALE_TAGS = (
    "major_brand",
    "minor_version",
    "compatible_brands",
    "encoder",
    "vendor_id",
    "duration",
    "bps",
    "number_of_frames",
    "number_of_bytes",
    "_statistics",
)


@dataclass(frozen=True, slots=True)
class Trim:
    """The part of the source's time that is kept, and the shift of its timestamps.

    Attributes:
        start: Seconds; nothing before it is kept. None keeps all.
        end: Seconds; nothing from here on is kept. None for no end.
        shift: Seconds taken off every time.
    """

    start: Fraction | None = None
    end: Fraction | None = None
    shift: Fraction = Fraction(0)


@dataclass(frozen=True, slots=True)
class StreamPlan:
    """What happens to the streams other than the main video.

    Attributes:
        container: FFmpeg's name of the result's container.
        dropped: Streams that it cannot hold.
        converted: Streams that are kept in another codec, and that codec.
        videos: Other videos, which are copied with the faces they have.
        sound: Audio streams that are converted or left out.
    """

    container: str
    dropped: tuple[str, ...] = ()
    converted: tuple[tuple[str, str], ...] = ()
    videos: tuple[str, ...] = ()
    sound: tuple[Fallback, ...] = ()

    @property
    def notes(self) -> tuple[Fallback, ...]:
        """Everything that is not a plain copy."""
        why = f"{self.container} cannot hold it"
        silent = {note.wanted for note in self.sound}
        lost = [Fallback(name, "", why) for name in self.dropped if name not in silent]
        other = [Fallback(name, f"{codec} subtitles", why) for name, codec in self.converted]
        why = "faces are swapped in one video of a file"
        videos = [Fallback("swapped faces", f"a plain copy of {name}", why) for name in self.videos]
        return (*lost, *self.sound, *other, *videos)

    def check(self) -> None:
        """Refuse to drop anything.

        Raises:
            OutputError: ``dropped_streams``.
        """
        if self.dropped:
            raise OutputError(
                "dropped_streams",
                f"The result cannot hold {'; '.join(self.dropped)}.",
                "Write .mkv, or leave --strict_streams out.",
            )


def all_dropped(source: Path, video: int, container: str) -> StreamPlan:
    """Return the plan for a result that holds none of the other streams.

    Args:
        source: The video.
        video: Index of the stream that is worked on.
        container: What the result is, for a sentence.

    Raises:
        InputError: If the video cannot be read.
    """
    with open_input(source) as opened:
        others = [stream for stream in opened.streams if stream.index != video]
        return StreamPlan(container, tuple(map(describe, others)))


def clean_metadata(metadata: dict[str, str]) -> dict[str, str]:
    """Return metadata without what only was true of the source file."""
    return {key: value for key, value in metadata.items() if not key.lower().startswith(STALE_TAGS)}


def describe(stream: Stream) -> str:
    """Name a stream within a sentence."""
    language = f", {stream.language}" if stream.language not in (None, "und") else ""
    return f"{stream.type} stream {stream.index} ({_codec(stream)}{language})"


def _codec(stream: Stream) -> str:
    context: Any = stream.codec_context
    if context is not None:
        return str(context.codec.canonical_name)
    return getattr(stream, "name", None) or "unknown"  # a stream of no known type has none


class StreamCopier:
    """Adds the source's other streams to a result and hands out their packets.

    Attributes:
        dropped: Streams that the container cannot hold.
        converted: Text subtitles that are kept in another codec, and that codec.
        videos: Other videos, which are copied with the faces they have.
        sound: Audio streams that are converted or left out.
    """

    def __init__(
        self,
        source: InputContainer,
        out: OutputContainer,
        trim: Trim,
        container: str,
        audio: str = "auto",
    ) -> None:
        """Prepare to copy from ``source`` to ``out``; call ``add`` for each stream.

        Args:
            source: The source.
            out: The result.
            trim: The part that is kept.
            container: FFmpeg's name of the result's container.
            audio: What to do with sound, as in ``EncodeSettings``.
        """
        self.dropped: list[str] = []
        self.converted: list[tuple[str, str]] = []
        self.videos: list[str] = []
        self.sound: list[Fallback] = []
        self._audio = audio
        self._source = source
        self._out = out
        self._trim = trim
        self._container = container
        self._routes: dict[int, _Route] = {}

    @property
    def plan(self) -> StreamPlan:
        """The plan for the streams that were added."""
        return StreamPlan(
            self._container,
            tuple(self.dropped),
            tuple(self.converted),
            tuple(self.videos),
            tuple(self.sound),
        )

    @property
    def damage(self) -> tuple[Fallback, ...]:
        """What could not be converted; known once all packets were handed out."""
        damaged = [
            f"{counted(route.sound.undecodable, 'packet')} of {describe(route.source)}"
            for route in self._routes.values()
            if route.sound is not None and route.sound.undecodable
        ]
        why = "they cannot be decoded"
        return tuple(Fallback(packets, "silence", why) for packets in damaged)

    def add(self, stream: Stream) -> None:
        """Take a stream over, converted if need be, or note that it is dropped."""
        if self._made_again(stream):
            return
        if isinstance(stream, AudioStream):
            self._add_sound(stream)
            return
        adder = self._adder(stream)
        if adder is None or not _header_works(adder, self._container):
            self.dropped.append(describe(stream))
            return
        made = self._made(adder, stream)
        if stream.type == "attachment" or self._as_attachment(stream):
            return
        if stream.type == "video" and not stream.disposition & Disposition.attached_pic:
            self.videos.append(describe(stream))
        codec, wanted = _codec(stream), _codec(stream)
        if stream.type == "subtitle":
            wanted = target_codec(codec, self._container) or codec
        if wanted != codec:
            self.converted.append((describe(stream), wanted))
        self._routes[stream.index] = _Route(stream, made, codec, wanted)

    def _made(self, adder: Callable[[OutputContainer], Stream], stream: Stream) -> Stream:
        made = adder(self._out)
        made.disposition = stream.disposition
        made.metadata.update(clean_metadata(dict(stream.metadata)))
        return made

    def _add_sound(self, stream: AudioStream) -> None:
        adder = self._adder(stream)
        copyable = adder is not None and _header_works(adder, self._container)
        plan = plan_sound(stream, self._container, self._audio, copyable)
        if plan.action == "convert":
            made = self._made(lambda out: add_sound(out, plan), stream)
            codec, trim = _codec(stream), self._trim
            converter = SoundConverter(
                stream, cast(AudioStream, made), plan, trim.start, trim.end, trim.shift
            )
            self._routes[stream.index] = _Route(stream, made, codec, plan.codec, converter)
            self.sound.append(Fallback(describe(stream), f"{plan.name} sound", plan.reason))
        elif plan.action == "copy" and adder is not None:
            made = self._made(adder, stream)
            self._routes[stream.index] = _Route(stream, made, plan.codec, plan.codec)
        elif self._audio == "none":
            self.sound.append(Fallback(describe(stream), "", plan.reason))
        else:
            self.dropped.append(describe(stream))
            self.sound.append(Fallback(describe(stream), "", plan.reason))

    def _made_again(self, stream: Stream) -> bool:
        """Whether the muxer itself writes such a track, from chapters or a timecode tag."""
        if stream.type != "data" or "mov" not in self._source.format.name:
            return False
        chapters = stream.name == "bin_data" and bool(self._source.chapters())
        return chapters or "timecode" in stream.metadata

    def _as_attachment(self, stream: Stream) -> bool:
        cover = bool(stream.disposition & Disposition.attached_pic)
        return cover and self._container == "matroska"

    def _adder(self, stream: Stream) -> Callable[[OutputContainer], Stream] | None:
        """Return what adds the stream to a container, None if nothing can."""
        if self._as_attachment(stream):
            return self._cover_adder(stream)
        if stream.disposition & Disposition.attached_pic and self._container != "mp4":
            return None
        if isinstance(stream, AttachmentStream):
            name = stream.metadata.get("filename", f"attachment{stream.index}")
            kind, data = stream.mimetype, stream.data
            if self._container != "matroska" or not kind:
                return None
            return lambda out: out.add_attachment(name, kind, data)
        if stream.type == "subtitle":
            codec = _codec(stream)
            wanted = target_codec(codec, self._container)
            if wanted is not None and wanted != codec:
                return lambda out: _add_text(out, wanted)
        return lambda out: out.add_stream_from_template(stream, opaque=True)

    def _cover_adder(self, stream: Stream) -> Callable[[OutputContainer], Stream] | None:
        kinds = {"mjpeg": ("image/jpeg", "cover.jpg"), "png": ("image/png", "cover.png")}
        codec = _codec(stream)
        # In a container of its own: seeking back could lose the first packets of others.
        with open_input(Path(self._source.name.removeprefix("file:"))) as again:
            covers = again.demux(again.streams[stream.index])
            packet = next((p for p in covers if p.size), None)
        if codec not in kinds or packet is None:
            return None
        kind, name = kinds[codec]
        data = bytes(packet)
        return lambda out: out.add_attachment(name, kind, data)

    def packets(self) -> Iterator[tuple[Fraction, av.Packet[Any]]]:
        """Yield the packets to write, in the order of the file, each with its time in seconds."""
        streams = [route.source for route in self._routes.values()]
        if not streams:
            return
        path = Path(self._source.name.removeprefix("file:"))
        # Subtitles are left out: their times may go back and forth.
        clocks = {
            stream.index: RestartingClock(stream.time_base)
            for stream in streams
            if stream.type in ("audio", "video") and stream.time_base
        }
        for packet in packets(self._source, path, streams):
            if packet.size == 0:
                continue
            route = self._routes[packet.stream_index]
            if packet.pts is None and packet.dts is None:
                if not route.source.disposition & Disposition.attached_pic:
                    continue
                packet.pts = packet.dts = round(self._trim.shift / packet.time_base)
            _steady(packet, clocks)
            for made in route.take(packet, self._trim):
                yield _time(made), made
        for route in self._routes.values():
            if route.sound is not None:
                for made in route.sound.take(None):
                    yield _time(made), made


@dataclass(frozen=True, slots=True, eq=False)
class _Route:
    source: Stream
    target: Stream
    codec: str
    wanted: str
    sound: SoundConverter | None = None

    def take(self, packet: av.Packet[Any], trim: Trim) -> Iterator[av.Packet[Any]]:
        """Yield the packets to write for a packet; none if it lies outside the trim."""
        if self.sound is not None:
            yield from self.sound.take(packet)
            return
        made = self._moved(packet, trim)
        if made is not None:
            yield made

    def _moved(self, packet: av.Packet[Any], trim: Trim) -> av.Packet[Any] | None:
        if self.wanted != self.codec:
            packet = self._converted(packet)
        base = packet.time_base
        if trim.start is not None or trim.end is not None:
            pts = packet.pts if packet.pts is not None else packet.dts
            if pts is None or not self._inside(packet, pts * base, trim):
                return None
        ticks = round(trim.shift / base)
        if packet.pts is not None:
            packet.pts -= ticks
        if packet.dts is not None:
            packet.dts -= ticks
        if self.source.type == "audio" and packet.pts is not None:
            packet.dts = packet.pts  # some files keep a stray offset, which muxers write as time
        packet.stream = self.target
        return packet

    def _inside(self, packet: av.Packet[Any], time: Fraction, trim: Trim) -> bool:
        start, end = trim.start, trim.end
        if end is not None and time >= end:
            return False
        if start is None or time >= start or self.source.disposition & Disposition.attached_pic:
            return True
        # A line of subtitles that is on the screen at the start begins there.
        length = packet.duration or 0
        if self.source.type != "subtitle" or time + length * packet.time_base <= start:
            return False
        first = round(start / packet.time_base)
        packet.duration = (packet.pts or 0) + length - first
        packet.pts = packet.dts = first
        return True

    def _converted(self, packet: av.Packet[Any]) -> av.Packet[Any]:
        made: av.Packet[Any] = av.Packet(convert(bytes(packet), self.codec, self.wanted))
        made.pts, made.dts, made.duration = packet.pts, packet.dts, packet.duration
        made.time_base, made.is_keyframe = packet.time_base, True
        return made


def _steady(packet: av.Packet[Any], clocks: dict[int, RestartingClock]) -> None:
    """Shift timestamps that start again."""
    ticks = packet.dts if packet.dts is not None else packet.pts
    clock = clocks.get(packet.stream_index)
    if clock is None or ticks is None:
        return
    shift = clock.shift(ticks, packet.duration or 0)
    packet.dts = None if packet.dts is None else packet.dts + shift
    packet.pts = None if packet.pts is None else packet.pts + shift


def _time(packet: av.Packet[Any]) -> Fraction:
    ticks = packet.dts if packet.dts is not None else packet.pts
    return (ticks or 0) * packet.time_base


def _add_text(out: OutputContainer, codec: str) -> Stream:
    stream: Any = out.add_stream(codec)
    stream.codec_context.subtitle_header = ASS_HEADER
    stream.codec_context.time_base = Fraction(1, 1000)
    stream.time_base = Fraction(1, 1000)
    return stream  # type: ignore[no-any-return]


def _header_works(adder: Callable[[OutputContainer], Stream], container: str) -> bool:
    """Try on a file in memory whether the container's header takes the stream."""
    try:
        with av.open(io.BytesIO(), "w", format=container) as trial:
            adder(trial)
            trial.start_encoding()
    except (av.FFmpegError, ValueError, RuntimeError):
        return False
    return True
