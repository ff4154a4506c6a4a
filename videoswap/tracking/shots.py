"""Cheap detection of hard cuts, with a short look ahead that tells them from flashes.

Two pictures are compared by pixels, by colours (histogram) and by structure (correlation of the
grey picture). A cut changes them far beyond what the shot did before, and the pictures after it
stay different from the one before; after a flash they come back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
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
class Thumb:
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
class CutState:
    """What is known of the shot so far.

    Attributes:
        last: The picture before, None at the start.
        usual: Differences between the latest pictures of the shot.
        before: The picture before a flash, while it may go on.
        patience: Frames for which the shot may come back to that.
    """

    last: Thumb | None = None
    usual: tuple[float, ...] = ()
    before: Thumb | None = None
    patience: int = 0


def thumb(picture: Array) -> Thumb:
    """Return the thumb of a (H, W, 3) uint8 RGB picture."""
    step = max(1, picture.shape[0] // 90)
    coarse = np.ascontiguousarray(picture[::step, ::step])
    small = cv2.resize(coarse, THUMB, interpolation=cv2.INTER_AREA)
    histogram = cv2.calcHist([small], [0, 1, 2], None, [BINS] * 3, [0, 256] * 3).ravel()
    pixels = cv2.GaussianBlur(small, (5, 5), 0).astype(np.float32) / 255
    grey = pixels.mean(axis=2)
    return Thumb(pixels, grey - grey.mean(), histogram / max(float(histogram.sum()), 1.0))


def difference(one: Thumb, other: Thumb) -> float:
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


def next_state(state: CutState, coming: list[Thumb]) -> tuple[bool, CutState]:
    """Say whether a shot begins with ``coming[0]``, and what is known after it.

    Args:
        state: The shot so far.
        coming: The thumb of the frame in question and those of the frames after it.
    """
    now = coming[0]
    if state.last is None:
        return True, CutState(now)
    step = difference(state.last, now)
    usual = float(np.mean(state.usual)) if state.usual else 0.0
    limit = max(THRESHOLD, USUAL_FACTOR * usual)
    usually = (*state.usual[1 - MEMORY :], min(step, limit))
    patience = max(0, state.patience - 1)
    if step <= limit or _moved(state.last, now):
        return False, CutState(now, usually, state.before, patience)
    if state.patience and state.before and difference(state.before, now) <= limit:
        return False, CutState(now, state.usual)  # the flash is over
    if any(difference(state.last, later) <= limit for later in coming[1:]):
        return False, CutState(now, state.usual, state.last, LOOK_AHEAD)  # a flash begins
    if state.patience:
        return False, CutState(now, state.usual, state.before, patience)  # it flickers
    return True, CutState(now)


def _moved(one: Thumb, other: Thumb) -> bool:
    """Say whether the inner part of a picture is seen elsewhere in the other: the camera moved."""
    if min(np.linalg.norm(one.grey), np.linalg.norm(other.grey)) < FLAT:
        return False
    rows, columns = THUMB[1] // 6, THUMB[0] // 6
    inner = one.grey[rows:-rows, columns:-columns]
    likeness = cv2.matchTemplate(other.grey, inner, cv2.TM_CCOEFF_NORMED)
    return float(likeness.max()) > SAME_PLACE


def with_cuts(
    frames: Iterable[Item], picture: Callable[[Item], Array], state: CutState
) -> Iterator[tuple[Item, bool, CutState]]:
    """Yield every frame with whether a shot begins with it and what is known after it.

    Args:
        frames: The frames in order.
        picture: Gives the (H, W, 3) uint8 RGB picture of a frame.
        state: The shot so far; a fresh one makes the first frame begin a shot.
    """
    source = iter(frames)
    coming = [(frame, thumb(picture(frame))) for frame in islice(source, LOOK_AHEAD)]
    while coming:
        coming.extend((frame, thumb(picture(frame))) for frame in islice(source, 1))
        cut, state = next_state(state, [small for _, small in coming])
        yield coming.pop(0)[0], cut, state


EVERY = 3  # frames: who shows for that long is seen in at least one frame looked at
LARGE = 0.15  # share of the picture above which the search is coarse, and once a window is enough
CHANGE = 0.04  # of the brightest, in any channel
PADDING = 2  # cells around a change, since a face needs its surroundings
MOST = 4  # regions of a frame


def change_regions(thumbs: Sequence[Thumb]) -> dict[int, list[Array]]:
    """Return the regions to be searched by place in the window.

    Args:
        thumbs: Of the keyframe before the window, and of its frames; the last is a keyframe.

    Returns:
        (4,) float64 boxes each, left, top, right, bottom in shares of the picture.
    """
    frames = len(thumbs) - 1
    found = {place: _regions(thumbs, place) for place in range(EVERY - 1, frames - 1, EVERY)}
    if any(_area(regions) > LARGE for regions in found.values()):
        middle = (frames - 1) // 2
        found = {middle: _regions(thumbs, middle)}
    return {place: regions for place, regions in found.items() if regions}


def _regions(thumbs: Sequence[Thumb], place: int) -> list[Array]:
    """Return the boxes of what is unlike both keyframes in a frame, the largest first."""
    now, keyframes = thumbs[place + 1], (thumbs[0], thumbs[-1])
    unlike = [np.abs(now.pixels - one.pixels).max(axis=2) for one in keyframes]
    changed = (np.minimum(*unlike) > CHANGE).astype(np.uint8)
    grown = cv2.dilate(changed, np.ones((2 * PADDING + 1,) * 2, np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(grown)
    order = sorted(range(1, len(stats)), key=lambda label: -int(stats[label, cv2.CC_STAT_AREA]))
    shape = np.array(changed.shape[::-1] * 2, np.float64)
    corners = stats[:, :4] + np.pad(stats[:, :2], ((0, 0), (2, 0)))
    return [corners[label] / shape for label in order[:MOST]]


def _area(regions: Sequence[Array]) -> float:
    """Return the sum of the areas of some regions, as a share of the picture."""
    return sum(float(np.prod(box[2:] - box[:2])) for box in regions)
