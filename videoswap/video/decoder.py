"""`DecoderRun`: one decoder, started at one place of a video, and the frames it gives."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import cast

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from .damage import Damage, DamageWatch, EndWatch
from .files import open_input
from .packets import RestartingClock, packets
from .probe import VideoInfo


@dataclass(frozen=True, slots=True, eq=False)
class DecodedFrame:
    """A decoded frame with its presentation time.

    Attributes:
        pts: Presentation time in the stream's time base.
        image: The frame, in the planar pixel format of the VideoInfo.
    """

    pts: int
    image: av.VideoFrame


@dataclass(slots=True)
class ReadProblems:
    """Faults of a video that a reader worked around.

    Attributes:
        missing_pts: Frames without a pts, which was derived from the frame before.
        repeated_pts: Frames whose pts was moved, since it was not later than the one before or the
            timestamps of the file started again.
        corrupt: Frames the decoder marked as damaged.
        undecodable: Packets the decoder refused.
        damage: Each fault with its place.
    """

    missing_pts: int = 0
    repeated_pts: int = 0
    corrupt: int = 0
    undecodable: int = 0
    damage: list[Damage] = field(default_factory=list)

    @property
    def any(self) -> bool:
        """Whether anything was wrong."""
        return bool(self.missing_pts + self.repeated_pts + self.corrupt + self.undecodable)


class DecoderRun:
    """One decoder, started at one place of the file: of ``opened``, else the CPU's.

    Attributes:
        frames: The frames from there on.
        problems: Faults among them so far.
        watch: Collects their damage.
        refusal: What the decoder said of the last packet it refused.
    """

    def __init__(
        self,
        info: VideoInfo,
        threads: int,
        target: int | None,
        opened: InputContainer | None = None,
    ) -> None:
        self._info = info
        self._given = opened is not None
        self._container = opened or open_input(info.path)
        self._stream = cast(VideoStream, self._container.streams[info.stream_index])
        self._stream.codec_context.thread_count = threads
        self._stream.codec_context.thread_type = "AUTO"
        self._seeked = target is None
        if target is not None:
            self._seek(target)
        rate = info.average_rate or Fraction(25)
        self._step = max(1, round(1 / (rate * info.time_base)))
        self.watch = DamageWatch(self._step, self._container.format.name != "avi")
        self.problems = ReadProblems(damage=self.watch.found)
        self._end = EndWatch(self._container, self._stream, info)
        self._clock = RestartingClock(info.time_base)
        self._last: int | None = None
        self._length = self._step
        self._packets_read = self._frames_made = 0
        self.refusal = ""
        self.frames = self._decode()

    @property
    def trusted(self) -> bool:
        """Whether the frames have the same times as if decoding had begun at the first frame."""
        return self._seeked and not self.problems.any

    @property
    def short(self) -> bool:
        """Whether there were fewer frames than packets."""
        return self._frames_made < self._packets_read

    def close(self) -> None:
        """Close the file and the decoder now, not when they are garbage-collected."""
        self.frames.close()
        self._container.close()

    def _seek(self, target: int) -> None:
        try:
            self._container.seek(target, stream=self._stream, backward=True)
            self._seeked = True
        except av.FFmpegError:
            self._seeked = False

    def expected_end(self, limit: int | None) -> int | None:
        """Return the pts at which the video should have ended, None if nothing is missing."""
        if self._last is None:
            return None
        return self._end.missing(self._last, self._length, limit)

    @property
    def position(self) -> int:
        """Where in the file the last packet that was read begins."""
        return self._end.position

    def goes_on_after(self, position: int) -> bool:
        """Whether undamaged packets of the video follow after a byte position."""
        for packet in packets(self._container, self._info.path, [self._stream]):
            self._end.packet(packet)
            if self.position > position and not packet.is_corrupt:
                return True
        return False

    def _decode(self) -> Generator[DecodedFrame]:
        try:
            for packet in self._packets():
                try:
                    images = self._stream.decode(packet)
                except av.FFmpegError as error:
                    self.refusal = error.strerror or str(error)
                    self.problems.undecodable += 1
                    self.watch.undecodable(packet)
                    if self._given:  # whoever gave the decoder has another one
                        return
                    continue
                for image in images:
                    self._frames_made += 1
                    self.problems.corrupt += image.is_corrupt
                    self._length = image.duration or self.watch.usual
                    frame = DecodedFrame(self._time(image), image)
                    self.watch.frame(frame.pts, image.is_corrupt)
                    yield frame
        finally:
            self._container.close()

    def _packets(self) -> Iterator[av.Packet[VideoStream] | None]:
        flushed = False
        streams, path = self._end.streams, self._info.path
        for packet in packets(self._container, path, streams, self._damaged_place):
            self._end.packet(packet)
            if packet.stream.index == self._stream.index:  # of empty ones the other one is 0
                self._packets_read += packet.size > 0
                self.watch.packet(packet)
                flushed = packet.size == 0
                yield packet
        if not flushed:  # the file is damaged to its end: give out what the decoder holds
            yield None

    def _damaged_place(self) -> None:
        self.problems.undecodable += 1
        self.watch.place()

    def _time(self, image: av.VideoFrame) -> int:
        pts = image.pts
        if pts is None:
            self.problems.missing_pts += 1
            pts = self._info.start_pts if self._last is None else self._last + self._step
        else:
            moved = self._clock.shift(pts, self.watch.usual)
            self.problems.repeated_pts += moved > 0  # such times are useless for seeking
            pts += moved
            if self._last is not None and pts <= self._last:
                self.problems.repeated_pts += 1
                pts = self._last + 1
        image.pts = self._last = pts
        return pts
