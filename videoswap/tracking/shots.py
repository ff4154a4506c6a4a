"""Cheap detection of hard cuts, with a short look ahead that tells them from flashes.

Two pictures are compared by pixels, by colours (histogram) and by structure (correlation of the
grey picture). A cut changes them far beyond what the shot did before, and the pictures after it
stay different from the one before; after a flash they come back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

import cv2
import numpy as np

from ..records import Array

LOOK_AHEAD = 3  # frames after the candidate that must stay different
THUMB = (64, 36)
BINS = 8
MEMORY = 12  # steps of the shot that say what is usual in it
THRESHOLD = 0.14  # cuts of four real clips: 0.23 and more; wildest motion in them: 0.09
USUAL_FACTOR = 3.0
SAME_PLACE = 0.85  # correlation at which a shifted picture is the same
FLAT = 0.5  # norm of a grey thumb below which a picture has no structure to compare

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, eq=False)
class FrameFeatures:
    """What is kept of a picture to compare it.

    Attributes:
        pixels: (36, 64, 3) float32 blurred picture, 0 to 1.
        grey: (36, 64) float32 grey picture without its mean.
        colours: (512,) float32 histogram with sum 1.
    """

    pixels: Array
    grey: Array
    colours: Array


@dataclass(frozen=True, slots=True, eq=False)
class ShotState:
    """What is known of the shot so far.

    Attributes:
        last: The picture before, None at the start.
        usual: Differences between the latest pictures of the shot.
        before: The picture before a flash, while it may go on.
        patience: Frames for which the shot may come back to that.
    """

    last: FrameFeatures | None = None
    usual: tuple[float, ...] = ()
    before: FrameFeatures | None = None
    patience: int = 0


def frame_features(picture: Array) -> FrameFeatures:
    """Return the thumb of a (H, W, 3) uint8 RGB picture."""
    step = max(1, picture.shape[0] // 90)
    coarse = np.ascontiguousarray(picture[::step, ::step])
    small = cv2.resize(coarse, THUMB, interpolation=cv2.INTER_AREA)
    histogram = cv2.calcHist([small], [0, 1, 2], None, [BINS] * 3, [0, 256] * 3).ravel()
    pixels = cv2.GaussianBlur(small, (5, 5), 0).astype(np.float32) / 255
    grey = pixels.mean(axis=2)
    return FrameFeatures(pixels, grey - grey.mean(), histogram / max(float(histogram.sum()), 1.0))


def difference(one: FrameFeatures, other: FrameFeatures) -> float:
    """Return how different two pictures are: 0 equal, above 0.2 usually another shot."""
    pixels = float(np.abs(one.pixels - other.pixels).mean())
    colours = float(np.abs(one.colours - other.colours).sum()) / 2
    structure = _structure(one.grey, other.grey)
    # Pixels alone change in pans, colours alone in changing light, structure alone in motion.
    return float(np.sqrt(pixels * max(colours, structure) / 2)) + min(colours, structure) / 2


def _structure(one: Array, other: Array) -> float:
    """Return one minus the correlation, at most 1; 0 where a picture is flat."""
    norms = float(np.linalg.norm(one)), float(np.linalg.norm(other))
    if min(norms) < FLAT:
        return 0.0
    return float(np.clip(1.0 - (one * other).sum() / (norms[0] * norms[1]), 0.0, 1.0))


def next_state(state: ShotState, coming: list[FrameFeatures]) -> tuple[bool, ShotState]:
    """Say whether a shot begins with ``coming[0]``, and what is known after it.

    Args:
        state: The shot so far.
        coming: The thumb of the frame in question and those of the frames after it.
    """
    now = coming[0]
    if state.last is None:
        return True, ShotState(now)
    step = difference(state.last, now)
    usual = float(np.mean(state.usual)) if state.usual else 0.0
    limit = max(THRESHOLD, USUAL_FACTOR * usual)
    usually = (*state.usual[1 - MEMORY :], min(step, limit))
    patience = max(0, state.patience - 1)
    if step <= limit or _moved(state.last, now):
        return False, ShotState(now, usually, state.before, patience)
    if state.patience and state.before and difference(state.before, now) <= limit:
        return False, ShotState(now, state.usual)  # the flash is over
    if any(difference(state.last, later) <= limit for later in coming[1:]):
        return False, ShotState(now, state.usual, state.last, LOOK_AHEAD)  # a flash begins
    if state.patience:
        return False, ShotState(now, state.usual, state.before, patience)  # it flickers
    return True, ShotState(now)


def _moved(one: FrameFeatures, other: FrameFeatures) -> bool:
    """Say whether the inner part of a picture is seen elsewhere in the other: the camera moved."""
    if min(np.linalg.norm(one.grey), np.linalg.norm(other.grey)) < FLAT:
        return False
    rows, columns = THUMB[1] // 6, THUMB[0] // 6
    inner = one.grey[rows:-rows, columns:-columns]
    likeness = cv2.matchTemplate(other.grey, inner, cv2.TM_CCOEFF_NORMED)
    return float(likeness.max()) > SAME_PLACE


def with_cuts(
    frames: Iterable[Item], picture: Callable[[Item], Array], state: ShotState
) -> Iterator[tuple[Item, bool, ShotState]]:
    """Yield every frame with whether a shot begins with it and what is known after it.

    Args:
        frames: The frames in order.
        picture: Gives the (H, W, 3) uint8 RGB picture of a frame.
        state: The shot so far; a fresh one makes the first frame begin a shot.
    """
    source = iter(frames)
    coming = [(frame, frame_features(picture(frame))) for frame in islice(source, LOOK_AHEAD)]
    while coming:
        coming.extend((frame, frame_features(picture(frame))) for frame in islice(source, 1))
        cut, state = next_state(state, [small for _, small in coming])
        yield coming.pop(0)[0], cut, state
