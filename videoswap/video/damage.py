"""Damage of a video, found while it is read: bad packets, bad frames, gaps, a missing end."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from fractions import Fraction
from statistics import median
from typing import Any, Literal

import av
from av.container import InputContainer
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from .probe import MICROSECOND, VideoInfo

Kind = Literal["undecodable", "corrupt", "gap", "end"]
GAP_FACTOR = 1.5  # times the usual step: where packets were damaged, a longer one has lost frames
RECENT_STEPS = 24  # latest steps that say what is usual
DAMAGE_REACH = 32  # packets for which damage may be why frames are missing
MIN_MISSING_END = Fraction(1, 2)  # seconds: headers are no more exact


@dataclass(frozen=True, slots=True)
class Damage:
    """One thing that is wrong with a video, in ticks of its time base.

    Attributes:
        kind: ``undecodable`` (a packet), ``corrupt`` (a frame that was decoded with faults),
            ``gap`` (frames missing in between) or ``end`` (missing against the header).
        pts: Where it is; of a gap, the frame before it; of the end, the last frame.
        end_pts: The frame after a gap; the end that the header names; else as ``pts``.
        frames: Number of frames that are missing or faulty.
    """

    kind: Kind
    pts: int
    end_pts: int
    frames: int


class DamageWatch:
    """Collects the damage that shows in the packets and frames of one decoder.

    Times that are merely uneven are no damage: frames are missing only where packets gave none, or
    were damaged themselves.

    Attributes:
        found: The damage so far.
    """

    def __init__(self, step: int, exact: bool) -> None:
        """Prepare.

        Args:
            step: Usual ticks between frames, until some were seen.
            exact: Whether packets and their frames have the same times. Not in AVI, which has no
                place for the order of B-frames.
        """
        self._exact = exact
        self.found: list[Damage] = []
        self._step = step
        self._steps: deque[int] = deque(maxlen=RECENT_STEPS)
        self._waiting: set[int] = set()  # times of packets whose frames have not come yet
        self._last: int | None = None
        self._since = DAMAGE_REACH  # packets since the last damage

    @property
    def usual(self) -> int:
        """Usual ticks between frames."""
        return round(median(self._steps)) if self._steps else self._step

    def packet(self, packet: av.Packet[Any]) -> None:
        """Note a packet that goes to the decoder."""
        self._since += 1
        if packet.is_corrupt:
            self._since = 0
        if self._exact and packet.pts is not None and packet.size and not packet.is_discard:
            self._waiting.add(packet.pts)

    def place(self) -> None:
        """Note that the file is damaged here."""
        self._since = 0

    def undecodable(self, packet: av.Packet[Any] | None) -> None:
        """Note a packet that the decoder refused."""
        self._since = 0
        pts = None if packet is None else packet.pts if packet.pts is not None else packet.dts
        pts = self._last if pts is None else pts
        if pts is not None:
            self.found.append(Damage("undecodable", pts, pts, 1))

    def frame(self, pts: int, corrupt: bool) -> None:
        """Note a frame, in order of time."""
        if corrupt:
            self._since = 0
            self.found.append(Damage("corrupt", pts, pts, 1))
        if self._last is not None:
            step = pts - self._last
            lost = sum(1 for waiting in self._waiting if self._last < waiting < pts)
            if step > GAP_FACTOR * self.usual and (lost or self._since < DAMAGE_REACH):
                missing = max(lost, round(step / self.usual) - 1, 1)
                self.found.append(Damage("gap", self._last, pts, missing))
            else:
                self._steps.append(step)
        self._waiting = {waiting for waiting in self._waiting if waiting > pts}
        self._last = pts

    def end(self, expected: int, last: int) -> None:
        """Note that the video ends earlier than it should."""
        missing = max(1, round((expected - last) / self.usual) - 1)
        self.found.append(Damage("end", last, expected, missing))


class EndWatch:
    """Compares where a video ends with where its header says that it ends.

    A container that gives no length of the video itself gives that of its longest stream; then the
    other streams are watched too.

    Attributes:
        streams: Streams whose packets must be passed to `packet`.
        position: Where in the file its last packet of the video begins, in bytes.
    """

    def __init__(self, container: InputContainer, stream: VideoStream, info: VideoInfo) -> None:
        self._base = info.time_base
        self._video: Fraction | None = None
        self._file: Fraction | None = None
        self._reached = Fraction(0)
        self.position = 0
        self._stream = stream
        self.streams: list[Stream] = [stream]
        if info.animation is not None:
            return
        if stream.duration is not None:
            ticks = stream.duration
            if container.format.name == "avi":  # shortens it if the file is cut, but not this
                ticks = max(ticks, stream.frames)
            self._video = ((stream.start_time or 0) + ticks) * self._base
            return
        self._video = _tagged(stream)
        if container.duration is not None:
            self._file = container.duration * MICROSECOND
            kinds = ("video", "audio", "subtitle")
            self.streams += [
                s for s in container.streams if s.type in kinds and _has_times(s, stream)
            ]

    def packet(self, packet: av.Packet[Any]) -> None:
        """Note a packet of any of the streams."""
        time = packet.pts if packet.pts is not None else packet.dts
        if time is not None and packet.time_base:
            self._reached = max(self._reached, (time + (packet.duration or 0)) * packet.time_base)
        if packet.stream.index == self._stream.index:
            self.position = max(self.position, packet.pos or 0)

    def missing(self, last: int, length: int, limit: int | None) -> int | None:
        """Return the pts at which the video should have ended; None if it goes far enough.

        Args:
            last: The last frame.
            length: How long it is shown, in ticks.
            limit: Last pts that is wanted; None for all.
        """
        end = (last + length) * self._base
        short = []
        if self._video is not None:
            short.append(self._video - end)
        if self._file is not None:
            short.append(self._file - max(end, self._reached))
        lost = min(short, default=Fraction(0))
        if limit is not None:
            lost = min(lost, limit * self._base - end)
        if lost <= max(MIN_MISSING_END, 2 * length * self._base):
            return None
        return round((end + lost) / self._base)


def _tagged(stream: VideoStream) -> Fraction | None:
    """Return the end of a Matroska track in seconds, as its writer noted it."""
    try:
        hours, minutes, seconds = stream.metadata.get("DURATION", "").split(":")
        return (int(hours) * 60 + int(minutes)) * 60 + Fraction(seconds)
    except ValueError:
        return None


def _has_times(other: Stream, video: VideoStream) -> bool:
    if other.type not in ("video", "audio", "subtitle") or other.codec_context is None:
        return False
    return other.index != video.index and not other.disposition & Disposition.attached_pic
