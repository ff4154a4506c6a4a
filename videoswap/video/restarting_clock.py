"""Times of a stream that begins anew, as in transport streams that were joined by ``cat``."""

from __future__ import annotations

from fractions import Fraction

RESTART = Fraction(1, 2)  # seconds backwards; less is disorder, which others deal with


class SteadyClock:
    """Says by how much times must be moved so that they go on where they began anew."""

    def __init__(self, base: Fraction) -> None:
        """Begin.

        Args:
            base: Seconds a tick.
        """
        self._least = RESTART / base
        self._shift = 0
        self._next = 0
        self._last: int | None = None

    def shift(self, ticks: int, length: int) -> int:
        """Return what is to be added to a time.

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
