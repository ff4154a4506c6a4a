"""Shot detection: hard cuts, told from flashes by reading a few frames ahead.

Two pictures are compared by pixels, by colors (histogram) and by structure (correlation of the
gray picture). A cut changes them far beyond what the shot did before, and the pictures after it
stay different from the one before; after a flash they come back.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

import cv2
import numpy as np

from ..records import Array

LOOK_AHEAD = 3  # frames after the candidate that must stay different
FEATURE_SIZE = (64, 36)  # width and height of the picture that is compared
HISTOGRAM_BINS = 8  # of each channel
USUAL_FRAMES = 12  # of the shot, whose differences say what is usual in it
CUT_THRESHOLD = 0.14  # cuts of four real clips: 0.23 and more; wildest motion in them: 0.09
USUAL_FACTOR = 3.0
SAME_PICTURE = 0.85  # correlation from which a shifted picture is the same
FLAT_NORM = 0.5  # norm of a gray picture below which a picture has no structure to compare

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, eq=False)
class FrameFeatures:
    """What is kept of a frame to compare it with others.

    Attributes:
        pixels: (36, 64, 3) float32 blurred picture, 0 to 1.
        gray: (36, 64) float32 gray picture without its mean.
        colors: (512,) float32 histogram with sum 1.
    """

    pixels: Array
    gray: Array
    colors: Array


@dataclass(frozen=True, slots=True, eq=False)
class ShotState:
    """What is known of the shot so far.

    Attributes:
        last: The picture before, None at the start.
        usual: Differences between the latest pictures of the shot.
        before: The picture before a flash, while it may go on.
        patience: Frames in which the shot may come back to it.
    """

    last: FrameFeatures | None = None
    usual: tuple[float, ...] = ()
    before: FrameFeatures | None = None
    patience: int = 0


def frame_features(picture: Array) -> FrameFeatures:
    """Return the features of a (H, W, 3) uint8 RGB picture."""
    step = max(1, picture.shape[0] // 90)
    coarse = np.ascontiguousarray(picture[::step, ::step])
    small = cv2.resize(coarse, FEATURE_SIZE, interpolation=cv2.INTER_AREA)
    histogram = cv2.calcHist([small], [0, 1, 2], None, [HISTOGRAM_BINS] * 3, [0, 256] * 3).ravel()
    pixels = cv2.GaussianBlur(small, (5, 5), 0).astype(np.float32) / 255
    gray = pixels.mean(axis=2)
    return FrameFeatures(pixels, gray - gray.mean(), histogram / max(float(histogram.sum()), 1.0))


def difference(one: FrameFeatures, other: FrameFeatures) -> float:
    """Return how different two pictures are: 0 equal, above 0.2 usually another shot."""
    pixels = float(np.abs(one.pixels - other.pixels).mean())
    colors = float(np.abs(one.colors - other.colors).sum()) / 2
    structure = _structure(one.gray, other.gray)
    # Pixels alone change in pans, colors alone in changing light, structure alone in motion.
    return float(np.sqrt(pixels * max(colors, structure) / 2)) + min(colors, structure) / 2


def _structure(one: Array, other: Array) -> float:
    """Return one minus the correlation, at most 1; 0 where a picture is flat."""
    norms = float(np.linalg.norm(one)), float(np.linalg.norm(other))
    if min(norms) < FLAT_NORM:
        return 0.0
    return float(np.clip(1.0 - (one * other).sum() / (norms[0] * norms[1]), 0.0, 1.0))


def next_state(state: ShotState, coming: list[FrameFeatures]) -> tuple[bool, ShotState]:
    """Tell whether a shot begins with ``coming[0]``, and what is known after it.

    Args:
        state: The shot so far.
        coming: Features of the frame in question and of the frames after it.
    """
    now = coming[0]
    if state.last is None:
        return True, ShotState(now)
    step = difference(state.last, now)
    usual = float(np.mean(state.usual)) if state.usual else 0.0
    limit = max(CUT_THRESHOLD, USUAL_FACTOR * usual)
    usually = (*state.usual[1 - USUAL_FRAMES :], min(step, limit))
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
    """Tell whether the inner part of a picture is seen elsewhere in the other: the camera moved."""
    if min(np.linalg.norm(one.gray), np.linalg.norm(other.gray)) < FLAT_NORM:
        return False
    rows, columns = FEATURE_SIZE[1] // 6, FEATURE_SIZE[0] // 6
    inner = one.gray[rows:-rows, columns:-columns]
    correlation = cv2.matchTemplate(other.gray, inner, cv2.TM_CCOEFF_NORMED)
    return float(correlation.max()) > SAME_PICTURE


class ShotDetector:
    """Finds the shots of a video, which begin with its first frame and after every hard cut.

    Example:
        >>> from videoswap import ShotDetector
        >>> starts = list(ShotDetector().shot_starts(pictures))  # doctest: +SKIP

    Attributes:
        state: What is known of the shot after the latest frame; set it to go on from there.
    """

    def __init__(self) -> None:
        """Begin before the first frame of a video."""
        self.state = ShotState()

    def shot_starts(self, images: Iterable[Array]) -> Iterator[int]:
        """Yield the index of every frame with which a shot begins; the first one is 0.

        Args:
            images: The frames in order, (H, W, 3) uint8 RGB each, all of one size. Three frames
                are read ahead, which tells cuts from flashes.
        """
        marked = self.mark(images, lambda image: image)
        return (index for index, (_, is_first) in enumerate(marked) if is_first)

    def begins_shot(self, image: Array) -> bool:
        """Tell whether a shot begins with the next frame, without later frames.

        A flash counts as a cut here.

        Args:
            image: (H, W, 3) uint8 RGB.
        """
        is_first, self.state = next_state(self.state, [frame_features(image)])
        return is_first

    def mark(
        self, frames: Iterable[Item], image: Callable[[Item], Array]
    ) -> Generator[tuple[Item, bool]]:
        """Yield every frame, and whether a shot begins with it.

        Three frames are read ahead. `state` is that of the frame just yielded.

        Args:
            frames: The frames in order, of any kind.
            image: Returns the (H, W, 3) uint8 RGB picture of a frame.
        """
        source = iter(frames)
        coming = [(frame, frame_features(image(frame))) for frame in islice(source, LOOK_AHEAD)]
        while coming:
            coming.extend((frame, frame_features(image(frame))) for frame in islice(source, 1))
            is_first, self.state = next_state(self.state, [features for _, features in coming])
            yield coming.pop(0)[0], is_first
