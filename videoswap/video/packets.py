"""Packets of a file in order, past damaged places; timestamps that start again.

`packets` tells a failing disk from the end of a file. `RestartingClock` keeps timestamps increasing
where they start again, as in joined recordings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.stream import Stream

from ..errors import InputError

MAX_DAMAGED_PLACES = 50  # in a row, without a packet between them, after which nothing more comes
_CHUNK = 1 << 20


def packets(
    container: InputContainer,
    path: Path,
    streams: Sequence[Stream],
    damaged: Callable[[], None] | None = None,
) -> Iterator[av.Packet[Any]]:
    """Yield the packets of some streams in the order of the file, and empty ones at its end.

    FFmpeg's demuxers take what cannot be read for the end of the file, so the rest of the file is
    read once more when they say that it is over.

    Args:
        container: The file, opened.
        path: Its path.
        streams: The streams.
        damaged: Called where the file is damaged and reading goes on after it.

    Raises:
        InputError: ``unreadable_file`` if the disk or the network failed.
    """
    places = end = 0
    coming = container.demux(*streams)
    while places <= MAX_DAMAGED_PLACES:
        try:
            packet = next(coming, None)
        except av.FFmpegError as error:
            if isinstance(error, OSError) and not isinstance(error, BlockingIOError):
                raise unreadable_file(path, error) from error
            places += 1
            if damaged is not None:
                damaged()
            coming = container.demux(*streams)  # the old one ended with its error
            continue
        if packet is None:
            break
        places = 0
        end = max(end, (packet.pos or 0) + packet.size)
        yield packet
    _read_rest(path, end)


def unreadable_file(path: Path, error: OSError) -> InputError:
    """Return the error for a file that could be opened but not read to its end."""
    reason = error.strerror or str(error)
    return InputError(
        "unreadable_file",
        f"{path} cannot be read to its end: {reason}.",
        "The disk or the network may have failed; run it again, or copy the file first.",
    )


def _read_rest(path: Path, start: int) -> None:
    try:
        with path.open("rb", buffering=0) as file:
            file.seek(start)
            while file.read(_CHUNK):
                pass
    except OSError as error:
        raise unreadable_file(path, error) from error


MIN_RESTART = Fraction(1, 2)  # seconds backwards; smaller steps are mere reordering


class RestartingClock:
    """Computes the shift that keeps timestamps increasing where they start again."""

    def __init__(self, base: Fraction) -> None:
        """Start without any shift.

        Args:
            base: Seconds per tick.
        """
        self._least = MIN_RESTART / base
        self._shift = 0
        self._next = 0
        self._last: int | None = None

    def shift(self, ticks: int, length: int) -> int:
        """Return what must be added to a timestamp.

        Args:
            ticks: The time as it is in the file, in the order of the file.
            length: Ticks until the next one.
        """
        moved = ticks + self._shift
        if self._last is not None and self._last - moved > self._least:
            moved = self._next
            self._shift = moved - ticks
        if self._last is None or moved > self._last:
            self._last, self._next = moved, moved + max(1, length)
        return self._shift
