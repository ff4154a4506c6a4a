"""A part of a video."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from .errors import UsageError
from .fieldtypes import conform

#: Longer times would not fit into a pts of 64 bits.
MAX_SECONDS = 10**9  # seconds


@dataclass(frozen=True, slots=True)
class TimeRange:
    """A part of a video in seconds from its first frame; None means open.

    Frames with ``start <= time < end`` are inside.
    """

    start: Fraction | None = None
    end: Fraction | None = None

    def __post_init__(self) -> None:
        """Refuse negative, empty and absurd ranges."""
        conform(self)
        start = self.start if self.start is not None else Fraction(0)
        if start < 0 or (self.end is not None and self.end <= start):
            raise UsageError(
                "empty_range", "--end must come after --start, and neither may be negative."
            )
        if max(start, self.end or 0) > MAX_SECONDS:
            raise UsageError("bad_time", f"No video is longer than {MAX_SECONDS} seconds.")

    @property
    def whole(self) -> bool:
        """Whether this is the whole video."""
        return self.start is None and self.end is None
