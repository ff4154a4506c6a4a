"""Audio streams: copied, or converted with sample-accurate timing where that is needed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, cast

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import OutputContainer

from ..errors import UsageError
from ..records import Array

# The encoder for sound that a container cannot hold. AVI keeps no start times, so that what an
# encoder puts before the first sample would be heard there as a delay: PCM has none.
FALLBACK_ENCODERS = {
    "mp4": "aac",
    "mov": "aac",
    "mpegts": "aac",
    "matroska": "libopus",
    "webm": "libopus",
    "nut": "flac",
    "avi": "pcm_s16le",
}
REQUESTED_ENCODERS = {"aac": "aac", "opus": "libopus"}  # what --audio can ask for
ENCODER_NAMES = {"aac": "AAC", "libopus": "Opus", "flac": "FLAC", "pcm_s16le": "PCM"}
UNSUPPORTED_CODECS = {"aac": ("webm",), "opus": ("mov", "avi")}
# What can be read back where the muxer takes more than that; elsewhere its header tells.
READABLE_CODECS = {
    "mpegts": frozenset(
        {"aac", "aac_latm", "ac3", "dts", "eac3", "mp2", "mp3", "opus", "s302m", "truehd"}
    ),
    "avi": frozenset({"aac", "ac3", "dts", "flac", "mp2", "mp3", "wmav1", "wmav2"}),
}
BITS_A_CHANNEL = {"aac": 128_000, "libopus": 96_000}  # bits per second
# Layouts tried where an encoder does not take the source's, by number of channels.
OTHER_LAYOUTS = {1: "mono", 2: "stereo", 3: "2.1", 4: "quad", 5: "5.0", 6: "5.1", 8: "7.1"}
NAMED_LAYOUTS = frozenset({*OTHER_LAYOUTS.values(), "5.1(side)", "4.0", "3.0"})
MAX_TIME_JITTER = Fraction(2, 1000)  # seconds that times of sound may be off through rounding
SILENCE_BLOCK = 1 << 16  # samples that a pause is filled with at once
MIN_SKIPPED_PAUSE = 60  # seconds from which on a pause is left out between two packets, not filled


@dataclass(frozen=True, slots=True)
class SoundPlan:
    """What happens to one audio stream.

    Attributes:
        action: ``copy``, ``convert`` or ``drop``.
        codec: FFmpeg's name of the codec in the result; empty if it is dropped.
        encoder: FFmpeg's name of the encoder; empty if there is none.
        rate: Samples per second of the result; 0 if it is not converted.
        layout: Layout of the channels in the result; empty if it is not converted.
        reason: Why it is not copied.
    """

    action: str
    codec: str = ""
    encoder: str = ""
    rate: int = 0
    layout: str = ""
    reason: str = ""

    @property
    def name(self) -> str:
        """Name of what it is converted to, for a sentence."""
        return ENCODER_NAMES.get(self.encoder, self.encoder)


def check_sound(request: str, container: str) -> None:
    """Refuse a request that the container cannot fulfil.

    Raises:
        UsageError: ``container_codec``.
    """
    if container in UNSUPPORTED_CODECS.get(request, ()):
        raise UsageError(
            "container_codec",
            f"A {container} file cannot hold {ENCODER_NAMES[REQUESTED_ENCODERS[request]]} sound.",
            "Use --audio auto, or write .mkv.",
        )


def plan_sound(stream: AudioStream, container: str, request: str, copyable: bool) -> SoundPlan:
    """Decide whether an audio stream is copied, converted or dropped.

    Args:
        stream: The source's stream.
        container: FFmpeg's name of the result's container.
        request: ``auto``, ``copy``, ``aac``, ``opus`` or ``none``.
        copyable: Whether the container's muxer takes the stream as it is.
    """
    codec = stream.codec_context.codec.canonical_name if stream.codec_context else "unknown"
    if request == "none":
        return SoundPlan("drop", reason="--audio none asks for it")
    if not _decoder_opens(stream):
        return SoundPlan("drop", reason="its header is damaged")
    copyable = copyable and _comes_back(stream, codec, container)
    if copyable and (request in ("auto", "copy") or request == codec):
        return SoundPlan("copy", codec)
    lacks = f"{container} cannot hold {codec}"
    if request == "copy":
        return SoundPlan("drop", reason=f"{lacks} and --audio copy allows no conversion")
    encoder = REQUESTED_ENCODERS.get(request) or FALLBACK_ENCODERS[container]
    reason = f"--audio {request} asks for it" if request in REQUESTED_ENCODERS else lacks
    made = _fitting(stream, encoder)
    if made is None:
        return SoundPlan("drop", reason=f"{lacks}, and nothing here can convert it")
    return SoundPlan(
        "convert", av.Codec(encoder, "w").canonical_name, encoder, *made, reason=reason
    )


def _decoder_opens(stream: AudioStream) -> bool:
    """Whether a decoder takes the stream's header; also where there is no decoder."""
    if stream.codec_context is not None:
        with av.logging.Capture():
            try:
                stream.codec_context.open(strict=False)
            except (av.FFmpegError, ValueError):
                return False
    return True


def _comes_back(stream: AudioStream, codec: str, container: str) -> bool:
    """Whether a muxer that takes a header of this stream also takes the stream itself."""
    pcm = codec.startswith(("pcm_", "adpcm_"))
    if container == "mp4" and pcm:
        return stream.layout.name in NAMED_LAYOUTS  # it fails at the end without
    known = READABLE_CODECS.get(container)
    return known is None or codec in known or (container == "avi" and pcm)


def _fitting(stream: AudioStream, encoder: str) -> tuple[int, str] | None:
    """Return the rate and the layout next to the source's that the encoder takes."""
    context = stream.codec_context
    if context is None or not context.sample_rate or not context.layout.nb_channels:
        return None
    rates = sorted(av.Codec(encoder, "w").audio_rates or [context.sample_rate])
    rate = next((rate for rate in rates if rate >= context.sample_rate), rates[-1])
    channels = context.layout.nb_channels
    wanted = (context.layout.name, OTHER_LAYOUTS.get(channels), "stereo" if channels > 2 else None)
    for layout in wanted:
        if layout and _opens(encoder, rate, layout):
            return rate, layout
    return None


def _opens(encoder: str, rate: int, layout: str) -> bool:
    with av.logging.Capture():
        try:
            context = cast(AudioCodecContext, av.CodecContext.create(encoder, "w"))
            _configure(context, encoder, rate, layout)
            context.open()
        except (av.FFmpegError, ValueError):
            return False
    return True


def _configure(context: AudioCodecContext, encoder: str, rate: int, layout: str) -> None:
    context.sample_rate = rate
    context.layout = layout
    forms = av.Codec(encoder, "w").audio_formats or ()
    names = [form.name for form in forms]
    context.format = next((name for name in ("fltp", "flt") if name in names), names[0])
    context.time_base = Fraction(1, rate)
    if encoder in BITS_A_CHANNEL:
        context.bit_rate = BITS_A_CHANNEL[encoder] * context.layout.nb_channels


def add_sound(out: OutputContainer, plan: SoundPlan) -> AudioStream:
    """Add the stream that a plan converts to."""
    stream = cast(AudioStream, out.add_stream(plan.encoder, rate=plan.rate))
    _configure(stream.codec_context, plan.encoder, plan.rate, plan.layout)
    stream.time_base = Fraction(1, plan.rate)
    return stream


class SoundConverter:
    """Decodes, resamples and encodes one audio stream; every sample keeps its time.

    Pauses in the source's times, and what cannot be decoded, become silence; where packets
    overlap the later one gives way. What encoders put before the first sample gets the time
    before it, which muxers mark as not to be played.

    Attributes:
        undecodable: Packets that could not be decoded.
    """

    def __init__(
        self,
        source: AudioStream,
        target: AudioStream,
        plan: SoundPlan,
        start: Fraction | None,
        end: Fraction | None,
        shift: Fraction,
    ) -> None:
        """Prepare to convert.

        Args:
            source: Stream of the source.
            target: Stream of the result, made by ``add_sound``.
            plan: What to convert to.
            start: Seconds; no sample before it is kept. None keeps all.
            end: Seconds; no sample from here on is kept. None for no end.
            shift: Seconds taken off every time.
        """
        self.undecodable = 0
        self._source = source
        self._target = target
        self._plan = plan
        self._rate = source.codec_context.sample_rate
        self._origin = start if start is not None else Fraction(0)
        self._least = 0 if start is not None else None
        self._end = None if end is None else self._ticks(end)
        self._shift = shift
        self._next: int | None = None  # sample of the source's rate that comes next
        self._written = 0  # samples of the result's rate
        self._first = Fraction(0)
        self._packed: tuple[Any, AudioResampler] | None = None
        self._resampler: AudioResampler | None = None

    def take(self, packet: av.Packet[AudioStream] | None) -> Iterator[av.Packet[AudioStream]]:
        """Yield the packets that a packet of the source, or the end (None), lets go."""
        try:
            frames = self._source.codec_context.decode(packet)
        except av.FFmpegError:
            self.undecodable += 1
            frames = []
        for frame in frames:
            yield from self._place(frame)
        if packet is None and self._next is not None:
            yield from self._resampled(None)
            yield from self._encoded(None)

    def _ticks(self, time: Fraction) -> int:
        """Return the first sample of the source's rate that is not before a time."""
        return -((self._origin - time) * self._rate // 1)

    def _place(self, frame: AudioFrame) -> Iterator[av.Packet[AudioStream]]:
        """Put a decoded frame where its time says it belongs."""
        sound = self._floats(frame)
        place = self._next
        if frame.pts is not None:
            time = frame.pts * (frame.time_base or self._source.time_base or Fraction(1))
            place = round((time - self._origin) * self._rate)
        if place is None:
            place = 0
        if self._next is not None and abs(place - self._next) <= MAX_TIME_JITTER * self._rate:
            place = self._next
        floor = self._next if self._next is not None else self._least
        if floor is not None and place < floor:
            sound, place = sound[floor - place :], floor
        if self._end is not None:
            sound = sound[: max(0, self._end - place)]
        if not len(sound):
            return
        if self._next is None:
            self._next = place
            self._first = Fraction(place, self._rate) + self._origin - self._shift
        if place - self._next > MIN_SKIPPED_PAUSE * self._rate:
            yield from self._leap(place, sound.shape[1])
        while self._next < place:
            length = min(place - self._next, SILENCE_BLOCK)
            yield from self._add(np.zeros((length, sound.shape[1]), np.float32))
        yield from self._add(sound)

    def _leap(self, place: int, channels: int) -> Iterator[av.Packet[AudioStream]]:
        """Go over a long pause in whole packets, after silence for what is still on its way."""
        yield from self._add(np.zeros((self._rate, channels), np.float32))
        packet = max(1, self._target.codec_context.frame_size)
        left = Fraction(place - (self._next or 0), self._rate) * self._plan.rate
        packets = int(left) // packet
        self._written += packets * packet
        self._next = place - int((left - packets * packet) * self._rate / self._plan.rate)

    def _floats(self, frame: AudioFrame) -> Array:
        """Return the samples in the result's layout, (n, channels) float32."""
        kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        if self._packed is None or self._packed[0] != kind:
            self._packed = (
                kind,
                AudioResampler(format="flt", layout=self._plan.layout, rate=self._rate),
            )
        channels = self._target.codec_context.layout.nb_channels
        parts = [part.to_ndarray() for part in self._packed[1].resample(frame)]
        return np.concatenate([np.zeros(0, np.float32), *(part.ravel() for part in parts)]).reshape(
            -1, channels
        )

    def _add(self, sound: Array) -> Iterator[av.Packet[AudioStream]]:
        frame = AudioFrame.from_ndarray(sound.reshape(1, -1), "flt", self._plan.layout)
        frame.sample_rate, frame.time_base = self._rate, Fraction(1, self._rate)
        frame.pts = self._next
        self._next = (self._next or 0) + len(sound)
        yield from self._resampled(frame)

    def _resampled(self, frame: AudioFrame | None) -> Iterator[av.Packet[AudioStream]]:
        if self._resampler is None:  # the encoder is open by now and knows its frame size
            context = self._target.codec_context
            self._resampler = AudioResampler(
                format=context.format,
                layout=self._plan.layout,
                rate=self._plan.rate,
                frame_size=context.frame_size or None,
            )
        for part in self._resampler.resample(frame):
            yield from self._encoded(part)

    def _encoded(self, frame: AudioFrame | None) -> Iterator[av.Packet[AudioStream]]:
        if frame is not None:
            frame.pts = round(self._first * self._plan.rate) + self._written
            frame.time_base = Fraction(1, self._plan.rate)
            self._written += frame.samples
        for packet in self._target.codec_context.encode(frame):
            if packet.size:  # FLAC ends with an empty one
                packet.stream = self._target
                yield packet
