"""The last stage of a render: frames into segments, of which some may be encoded at once.

An encoder keeps tens of frames back and gives them out when its segment ends. While it does, the
next segment is begun: else all stages before would wait.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from queue import Empty, Full, Queue
from typing import Protocol, TypeVar

from ..records import Array
from ..video.decoder import DecodedFrame
from ..video.probe import VideoInfo
from .segments import RenderOutputs, Segment

WAITING_FRAMES = 4  # before an encoder
_PATIENCE = 0.1  # seconds between two looks at whether an encoder failed


class FinishedFrame(Protocol):
    """A frame that can be encoded."""

    @property
    def frame(self) -> DecodedFrame:
        """The frame."""

    @property
    def mask(self) -> Array | None:
        """Where it was changed; None if nobody asks."""

    @property
    def changed(self) -> bool:
        """Whether anything of a swap is to be seen in it."""


Job = TypeVar("Job", bound=FinishedFrame)


def encode_segments(
    jobs: Iterator[Job],
    segments: Sequence[Segment],
    outputs: RenderOutputs,
    info: VideoInfo,
    at_once: int,
) -> Iterator[Job]:
    """Encode frames into their segments, and yield each once it is handed to its encoder.

    Args:
        jobs: The frames of all segments, in order.
        segments: The segments.
        outputs: Where they go.
        info: The source video.
        at_once: Segments that may be encoded at the same time; 1 where all frames go into a sink.
    """
    if at_once == 1:
        for segment in segments:
            with outputs.open(segment, info) as writer:
                for _, job in zip(segment.pts, jobs, strict=False):
                    writer.write(job.frame, job.mask, job.changed)
                    yield job
                writer.finish()
        return
    running: deque[_Encoding] = deque()
    try:
        for segment in segments:
            if len(running) == at_once:
                running[0].finish()
                running.popleft()
            encoding = _Encoding(segment, outputs, info)
            running.append(encoding)
            for _, job in zip(segment.pts, jobs, strict=False):
                encoding.put(job)
                yield job
            encoding.end()
        while running:
            running[0].finish()
            running.popleft()
    finally:
        for encoding in running:
            encoding.stop()


class _Encoding:
    """A segment that is encoded in a thread of its own."""

    def __init__(self, segment: Segment, outputs: RenderOutputs, info: VideoInfo) -> None:
        self._frames: Queue[FinishedFrame | None] = Queue(WAITING_FRAMES)
        self._stopped = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(
            target=self._work, args=(segment, outputs, info), name=f"encode {segment.number}"
        )
        self._thread.start()

    def put(self, frame: FinishedFrame | None) -> None:
        """Hand over a frame; raises what the encoder raised."""
        while self._thread.is_alive():
            try:
                self._frames.put(frame, timeout=_PATIENCE)
                return
            except Full:
                continue
        self.finish()

    def end(self) -> None:
        """Say that there are no more frames."""
        self.put(None)

    def finish(self) -> None:
        """Wait until all is encoded; raises what the encoder raised."""
        self._thread.join()
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """Give up the segment."""
        self._stopped.set()
        self._thread.join()

    def _work(self, segment: Segment, outputs: RenderOutputs, info: VideoInfo) -> None:
        try:
            with outputs.open(segment, info) as writer:
                while not self._stopped.is_set():
                    try:
                        one = self._frames.get(timeout=_PATIENCE)
                    except Empty:
                        continue
                    if one is None:
                        writer.finish()
                        return
                    writer.write(one.frame, one.mask, one.changed)
        except BaseException as error:
            self._error = error
