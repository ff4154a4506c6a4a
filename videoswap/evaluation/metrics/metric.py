"""What a metric is, which of its values are good, and what a family of metrics is.

Why a limit lies where it lies is said where the metric is defined. A metric without a range only
informs: the original's own numbers, or what another one judges better.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..face_motion import FaceHistory
from ..face_pair import FacePair
from ..frame_pairs import FramePair
from .columns import Columns


@dataclass(frozen=True, slots=True)
class GoodRange:
    """The good values of a metric.

    Attributes:
        words: The range in words, as the table shows it.
        low: Least good value.
        high: Greatest good value.
        below: Key of a number of the same group that it must not exceed; empty for none.
        above: Key of a number of the same group that it must exceed; empty for none.
        lossless: Whether it only says something of results that were encoded without loss.
    """

    words: str
    low: float = -math.inf
    high: float = math.inf
    below: str = ""
    above: str = ""
    lossless: bool = False

    def holds(self, number: float, others: Mapping[str, float | None]) -> bool | None:
        """Tell whether a number is good; None if what it is held against was not measured.

        Args:
            number: The number.
            others: The numbers of its group by key.
        """
        below = others.get(self.below) if self.below else math.inf
        above = others.get(self.above) if self.above else -math.inf
        if below is None or above is None:
            return None
        return self.low <= number <= min(self.high, below) and number > above


def at_most(high: float) -> GoodRange:
    """Return the range up to a limit."""
    return GoodRange(f"<= {high:g}", high=high)


def at_least(low: float) -> GoodRange:
    """Return the range from a limit on."""
    return GoodRange(f">= {low:g}", low=low)


def between(low: float, high: float) -> GoodRange:
    """Return the range between two limits."""
    return GoodRange(f"{low:g} to {high:g}", low, high)


ZERO = GoodRange("0", 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Metric:
    """One number of the report.

    Attributes:
        key: Name in the JSON; never changes its meaning.
        label: Name in the table.
        unit: Unit; empty for a ratio or a share.
        value: Makes the number of the columns; NaN if nothing was measured.
        needs_masks: Whether it cannot be measured without the masks.
        plot: Columns to draw over time.
        worst: Column whose largest values are the worst frames; empty for none.
        good: Which values are good; None for a metric that only informs.
        lacking: What is missing to measure it at all; empty where nothing is.
    """

    key: str
    label: str
    unit: str
    value: Callable[[Columns], float]
    needs_masks: bool = False
    plot: tuple[str, ...] = ()
    worst: str = ""
    good: GoodRange | None = None
    lacking: str = ""

    @property
    def good_words(self) -> str:
        """The good values in words; empty for a metric that only informs."""
        return "" if self.good is None else self.good.words


class Family(Protocol):
    """Metrics that are measured together."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns it fills."""

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """What is made of them."""

    @property
    def over_time(self) -> bool:
        """Whether it needs every frame, whatever step was asked for."""

    def measure(self, history: FaceHistory) -> Mapping[str, float]:
        """Return the numbers of one face of one frame; what is left out counts as NaN."""


class FrameFamily(Protocol):
    """Metrics of whole frames, measured together."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns it fills."""

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """What is made of them."""

    def measure(self, pair: FramePair, face_pairs: Sequence[FacePair]) -> Mapping[str, float]:
        """Return the numbers of one frame and its faces; what is left out counts as NaN."""
