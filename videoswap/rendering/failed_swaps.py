"""Swaps that a generator got wrong: found crop by crop, tried again once, and remembered.

A face that stays wrong keeps its original, and the report says when that was.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import cv2
import numpy as np

from ..engines.base import Engine, Identity
from ..errors import VideoswapError
from ..records import Array, Crop, Fallback, SwappedCrop, counted, observation

NOT_FINITE, BLACK, WHITE = "not_finite", "black", "white"
WORDS = {NOT_FINITE: "values that are no numbers", BLACK: "black", WHITE: "white"}

SHARE = 0.95
# Levels that all but one in twenty pixels of a failed swap lie beyond, and how far from that the
# target's own face has to be: a face in the dark is dark, one in a flash is white.
DARKEST, BRIGHTEST, BRIGHTNESS_APART = 6.0, 249.0, 24.0
STEP = 4  # every which pixel of a side is looked at
MAX_STRETCHES = 100  # that a report lists

OnFailed = Callable[[int, int, int, str], None]


@dataclass(frozen=True, slots=True)
class FailedSwap:
    """A stretch of video in which a face that was to be swapped kept its original.

    Attributes:
        person: Number of the person; None where the track belongs to nobody any more.
        start: Time of its first frame, in seconds from the first frame of the video.
        end: Time of its last frame.
        frames: How many frames.
        reason: What the engine made: ``not_finite``, ``black`` or ``white``.
    """

    person: int | None
    start: Fraction
    end: Fraction
    frames: int
    reason: str


def fault_of(crop: Crop, swapped: SwappedCrop) -> str | None:
    """Return what is wrong with a swap, or None: one of ``WORDS``.

    Args:
        crop: The target's face, with which the swap's brightness is compared.
        swapped: What the engine made of it.
    """
    arrays = (swapped.pixels, swapped.mask, swapped.beard, swapped.correction)
    # A sum is finite where all its numbers are, and quicker than asking each.
    sums = [cv2.sumElems(one.reshape(len(one), -1))[0] for one in arrays if one is not None]
    if not np.isfinite(sums).all():
        return NOT_FINITE
    inside = swapped.mask[::STEP, ::STEP] > 0.5
    if not inside.any():
        return None
    red, green, blue = cv2.split(swapped.pixels[::STEP, ::STEP])
    few = (1.0 - SHARE) * np.count_nonzero(inside)
    if np.count_nonzero(inside & (cv2.max(cv2.max(red, green), blue) >= DARKEST)) <= few:
        lit = np.percentile(_target(crop, inside), 100.0 * SHARE) > DARKEST + BRIGHTNESS_APART
        return BLACK if lit else None
    if np.count_nonzero(inside & (cv2.min(cv2.min(red, green), blue) <= BRIGHTEST)) <= few:
        darkest = np.percentile(_target(crop, inside), 100.0 * (1.0 - SHARE))
        return WHITE if darkest < BRIGHTEST - BRIGHTNESS_APART else None
    return None


def _target(crop: Crop, inside: Array) -> Array:
    return np.asarray(crop.pixels[::STEP, ::STEP][inside].mean(axis=1))


def swap_checked(
    engine: Engine, crops: Sequence[Crop], identities: Sequence[Identity]
) -> list[SwappedCrop | str]:
    """Swap a batch; a swap that comes out wrong is made again, by itself.

    Args:
        engine: The engine.
        crops: Crops of one size.
        identities: All people of the run.

    Returns:
        For every crop the swap, or what is wrong with it.

    Raises:
        VideoswapError: What the engine raises, except for ``not_finite``.
    """
    made = _swapped(engine, crops, identities)
    if made is None:  # nobody knows which of them it was
        singly = [_swapped(engine, [crop], identities) for crop in crops]
        made = [NOT_FINITE if one is None else one[0] for one in singly]
    results: list[SwappedCrop | str] = []
    for crop, one in zip(crops, made, strict=True):
        result = _checked(crop, one)
        if isinstance(result, str):
            again = _swapped(engine, [crop], identities)
            result = NOT_FINITE if again is None else _checked(crop, again[0])
        results.append(result)
    return results


def _checked(crop: Crop, made: SwappedCrop | str) -> SwappedCrop | str:
    return made if isinstance(made, str) else (fault_of(crop, made) or made)


def _swapped(
    engine: Engine, crops: Sequence[Crop], identities: Sequence[Identity]
) -> list[SwappedCrop | str] | None:
    try:
        return list(engine.swap(crops, identities))
    except VideoswapError as error:
        if error.code != NOT_FINITE:
            raise
        return None


class FailedSwaps:
    """What failed in which segment; filled by the render's threads, kept with the segments."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: dict[int, list[tuple[int, int, str]]] = {}

    def add(self, segment: int, pts: int, track: int, reason: str) -> None:
        """Remember a failed swap."""
        with self._lock:
            self._found.setdefault(segment, []).append((pts, track, reason))

    def of(self, segment: int) -> tuple[tuple[int, int, str], ...]:
        """Return those of a segment: pts, track and reason."""
        with self._lock:
            return tuple(sorted(self._found.get(segment, ())))

    def all(self) -> list[tuple[int, int, str]]:
        """Return all of them."""
        with self._lock:
            return sorted(one for found in self._found.values() for one in found)


def stretches(
    failed: Iterable[tuple[int, int, str]],
    pts: Array,
    persons: Mapping[int, int],
    start_pts: int,
    time_base: Fraction,
) -> tuple[FailedSwap, ...]:
    """Sum up failed swaps of frames that follow each other.

    Args:
        failed: pts, track and reason of each.
        pts: (n,) int64, all frames, ascending.
        persons: The person of a track.
        start_pts: The first frame of the video.
        time_base: Seconds per tick.
    """
    place = {int(value): index for index, value in enumerate(pts)}
    runs: list[list[tuple[int, int, str]]] = []
    order = sorted(failed, key=lambda one: (one[1], one[2], one[0]))
    for one in order:
        last = runs[-1][-1] if runs else None
        follows = last is not None and last[1:] == one[1:]
        if follows and last is not None and place[one[0]] - place[last[0]] == 1:
            runs[-1].append(one)
        else:
            runs.append([one])
    found = [
        FailedSwap(
            persons.get(run[0][1]),
            (run[0][0] - start_pts) * time_base,
            (run[-1][0] - start_pts) * time_base,
            len(run),
            run[0][2],
        )
        for run in runs
    ]
    return tuple(sorted(found, key=lambda one: (one.start, one.person or 0)))


def failure_notes(failed: Sequence[FailedSwap]) -> list[Fallback]:
    """Say in a sentence for every kind of failure when faces kept their originals."""
    notes = []
    for reason, words in WORDS.items():
        alike = [one for one in failed if one.reason == reason]
        if alike:
            count = sum(one.frames for one in alike)
            shown = ", ".join(_times(one) for one in alike[:5])
            more = f" and {len(alike) - 5} more times" if len(alike) > 5 else ""
            notes.append(
                observation(
                    f"{counted(count, 'swapped face')} came out as {words}, twice, "
                    f"so the original stays: at {shown} s{more}"
                )
            )
    return notes


def _times(one: FailedSwap) -> str:
    start, end = f"{float(one.start):.2f}", f"{float(one.end):.2f}"
    return start if start == end else f"{start}-{end}"
