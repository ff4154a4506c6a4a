"""What of a film is missing in its result, and what was damaged before."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

NOTHING = Fraction(0)  # seconds


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch of film that is not there.

    Attributes:
        start: Time of the last frame before it, in seconds from the first frame.
        end: Time of the first frame after it, or of the end of the film.
        frames: Frames that are missing, about.
    """

    start: Fraction
    end: Fraction
    frames: int

    @property
    def seconds(self) -> Fraction:
        """How long it is, without the time that the frame before it is shown."""
        return (self.end - self.start) * self.frames / (self.frames + 1)


@dataclass(frozen=True, slots=True)
class Lost:
    """What of the film is not in the result, and what was damaged before.

    Attributes:
        frames: Frames that are missing, about.
        seconds: Time that is missing.
        gaps: Where frames are missing in between.
        end: What is missing at the end against the length that the file says; None if nothing is.
        undecodable_packets: Packets that could not be decoded.
        corrupt_frames: Frames that came out with faults.
        damaged_at: Times of these packets and frames in seconds, the first of them.
        streams: Streams that the result cannot hold.
    """

    frames: int = 0
    seconds: Fraction = NOTHING
    gaps: tuple[Gap, ...] = ()
    end: Gap | None = None
    undecodable_packets: int = 0
    corrupt_frames: int = 0
    damaged_at: tuple[Fraction, ...] = ()
    streams: tuple[str, ...] = ()
