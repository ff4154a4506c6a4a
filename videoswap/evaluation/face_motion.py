"""Motion of a face from frame to frame, by optical flow of the original."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import cv2
import numpy as np

from ..geometry.affine import similarity, transform
from ..geometry.resample import crop_box
from ..records import Array
from .face_pair import FacePair

FLOW_SIZE = 256  # pixels to which a window is brought for optical flow
MIN_VISIBLE_PIXELS = 50  # pixels of the face that must be visible in both frames
# Pixels by which forward and backward flow may differ where nothing is hidden.
MAX_FLOW_MISMATCH = 1.0


class FaceMotion:
    """How the original moved around a face from the frame before to this one.

    Pictures are windows of this frame, brought to at most ``FLOW_SIZE`` pixels. The flow is
    OpenCV's DIS (Kroeger et al., "Fast Optical Flow using Dense Inverse Search", ECCV 2016).
    """

    def __init__(self, now: FacePair, then: FacePair) -> None:
        self._now, self._then = now, then

    @cached_property
    def originals(self) -> tuple[Array, Array]:
        """The original now, and before, moved to where it is now: (s, s, 3) uint8 RGB."""
        return self._small(self._now.pair.original), self._moved(self._then.pair.original)

    @cached_property
    def results(self) -> tuple[Array, Array]:
        """The result now, and before, moved by the motion of the original."""
        return self._small(self._now.pair.result), self._moved(self._then.pair.result)

    @cached_property
    def masks(self) -> tuple[Array, Array] | None:
        """The mask now, and before, moved by the motion of the original; (s, s) uint8."""
        now, then = self._now.pair.mask, self._then.pair.mask
        return None if now is None or then is None else (self._small(now), self._moved(then))

    @cached_property
    def visible(self) -> Array:
        """Where the face is and was seen in both frames, (s, s) bool.

        Flow there and back again must end where it began (Sundaram et al., ECCV 2010).
        """
        back, there = self._flows
        height, width = back.shape[:2]
        returned = self._remap(there, back)
        apart = np.hypot(*cv2.split(back + returned))
        inside = cv2.resize(
            self._now.inside.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST
        )
        return np.asarray((inside > 0) & (apart < MAX_FLOW_MISMATCH))

    @cached_property
    def rigid(self) -> tuple[Array, float]:
        """The motion of the head in the plane, and what it does not explain.

        Returns:
            The (2, 3) float64 similarity transform from pixels of this frame to pixels of the one
            before that fits the flow of the visible face best, the worse half of it left out at
            the second try; and the mean distance between the two, in pixels: how much the head
            turned or the face changed.
        """
        rows, columns = np.nonzero(self.visible)
        if rows.size < MIN_VISIBLE_PIXELS:
            return np.eye(2, 3), float("inf")
        left, top, right, _ = self._now.window
        scale = (right - left) / len(self.visible)
        here = (np.stack([columns, rows], axis=1) + 0.5) * scale - 0.5 + [left, top]
        there = here + self._flows[0][rows, columns] * scale
        apart = np.zeros(len(here))
        for _ in range(2):
            good = apart <= np.median(apart)
            fitted = similarity(here[good], there[good])
            apart = np.hypot(*(transform(fitted, here) - there).T)
        return fitted, float(apart.mean())

    @cached_property
    def _flows(self) -> tuple[Array, Array]:
        now = cv2.cvtColor(self._small(self._now.pair.original), cv2.COLOR_RGB2GRAY)
        then = cv2.cvtColor(self._small(self._then.pair.original), cv2.COLOR_RGB2GRAY)
        flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        start = np.zeros((*now.shape, 2), np.float32)
        return (
            np.asarray(flow.calc(now, then, start.copy())),
            np.asarray(flow.calc(then, now, start)),
        )

    def _small(self, picture: Array) -> Array:
        window = crop_box(picture, self._now.window)
        if len(window) <= FLOW_SIZE:
            return window
        return np.asarray(cv2.resize(window, (FLOW_SIZE, FLOW_SIZE), interpolation=cv2.INTER_AREA))

    def _moved(self, picture: Array) -> Array:
        return self._remap(self._small(picture), self._flows[0])

    def _remap(self, picture: Array, flow: Array) -> Array:
        rows, columns = np.mgrid[: flow.shape[0], : flow.shape[1]].astype(np.float32)
        return np.asarray(
            cv2.remap(
                picture,
                columns + flow[..., 0],
                rows + flow[..., 1],
                cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REPLICATE,
            )
        )


class FaceHistory:
    """A face pair and those of the same track just before it.

    Attributes:
        now: The face in this frame.
        before: The same track in the frames just before, newest first, at most two; none after a
            gap.
        swapped: The other faces of this frame that should be swapped.
    """

    def __init__(
        self, now: FacePair, before: Sequence[FacePair] = (), swapped: Sequence[FacePair] = ()
    ) -> None:
        self.now = now
        self.before = tuple(before)
        self.swapped = tuple(swapped)

    @cached_property
    def motion(self) -> FaceMotion | None:
        """The motion since the frame before; None if the face was not there."""
        return FaceMotion(self.now, self.before[0]) if self.before else None
