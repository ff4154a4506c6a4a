"""Progress bars whose remaining time is true although frames cost differently."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import TextIO

import numpy as np
from tqdm import tqdm

from ..records import Array


class CostModel:
    """Seconds a plain frame and a face cost, learnt from the run itself by least squares."""

    def __init__(self) -> None:
        # A weak prior (a face costs as much as a frame) until both have been seen.
        self._normal: Array = np.array([[1e-3, 0.0], [0.0, 1e-3]])
        self._moment: Array = np.array([2e-5, 2e-5])

    def observe(self, frames: int, faces: int, seconds: float) -> None:
        """Learn from a stretch of work."""
        row = np.array([frames, faces], float)
        self._normal = self._normal + np.outer(row, row)
        self._moment = self._moment + row * seconds

    def predict(self, frames: int, faces: int) -> float:
        """Return the seconds that so much work will take."""
        costs = np.maximum(np.linalg.solve(self._normal, self._moment), 0.0)
        return float(costs @ [frames, faces])


@dataclass(slots=True)
class _Stretch:
    frames: int = 0
    faces: int = 0
    started: float = 0.0


class Progress:
    """One bar for one pass, on stderr, silent when that is not a terminal."""

    def __init__(
        self,
        title: str,
        frames: int | None,
        faces: int = 0,
        enabled: bool | None = None,
        stream: TextIO | None = None,
    ) -> None:
        """Open the bar.

        Args:
            title: What is being done.
            frames: Frames to come; None if unknown.
            faces: Faces to come among them.
            enabled: Force the bar on or off; None asks the terminal.
            stream: Where to draw; stderr if None.
        """
        stream = stream or sys.stderr
        shown = stream.isatty() if enabled is None else enabled
        self._bar = tqdm(
            total=frames,
            desc=title,
            unit="frame",
            file=stream,
            disable=not shown,
            bar_format="{desc}: {percentage:3.0f}%|{bar}| {n}/{total} [{elapsed}{postfix}]"
            if frames
            else None,
        )
        self._frames = frames or 0
        self._faces = faces
        self._model = CostModel()
        self._stretch = _Stretch(started=time.perf_counter())

    def advance(self, faces: int = 0) -> None:
        """Count one frame with so many faces."""
        self._bar.update(1)
        self._frames -= 1
        self._faces -= faces
        self._stretch.frames += 1
        self._stretch.faces += faces
        now = time.perf_counter()
        elapsed = now - self._stretch.started
        if elapsed >= 0.5:
            self._model.observe(self._stretch.frames, self._stretch.faces, elapsed)
            self._stretch = _Stretch(started=now)
            if self._frames <= 0:
                return  # more frames than the header said, or nobody knows how many
            left = self._model.predict(self._frames, max(self._faces, 0))
            self._bar.set_postfix_str(f"{tqdm.format_interval(left)} left", refresh=False)

    def reach(self, frames: int) -> None:
        """Move to a number of frames, where faces do not matter."""
        for _ in range(frames - self._bar.n if not self._bar.disable else 0):
            self.advance()

    def close(self) -> None:
        """Remove the bar's hold on the terminal."""
        self._bar.close()

    def __enter__(self) -> Progress:
        """Return the bar."""
        return self

    def __exit__(self, *details: object) -> None:
        """Close the bar."""
        self.close()
