"""Progress bars whose remaining time is true although frames cost differently."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from typing import NoReturn, TextIO

import numpy as np
from tqdm import tqdm

from ..records import Array
from ..watching import ProgressUpdate, watcher

# A callback is not called more often than this.
_PAUSE = 0.1  # seconds

BAR_FORMAT = "{desc}: {percentage:3.0f}%|{bar}| {n}/{total} [{elapsed}, {rate_noinv_fmt}{postfix}]"
COUNTER_FORMAT = "{desc}: {n} [{elapsed}, {rate_noinv_fmt}]"
DEFAULT_COLUMNS = 80  # of terminals that do not say how wide they are


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


class ProgressBar:
    """How far one pass is: told to whoever watches the run, and a bar where they want one."""

    def __init__(
        self,
        title: str,
        frames: int | None,
        faces: int = 0,
        enabled: bool | None = None,
        stream: TextIO | None = None,
        unit: str = "frames",
        waits: bool = False,
    ) -> None:
        """Open the bar.

        Args:
            title: What is being done.
            frames: Frames to come; None if unknown.
            faces: Faces to come among them.
            enabled: Force the bar on or off; None draws it for a watcher who wants bars, where
                the stream is a terminal.
            stream: Where to draw; stderr if None.
            unit: What is counted, if not frames.
            waits: Draw nothing until the first is done: perhaps there is nothing to do.
        """
        self._title = title
        self._stream = stream or sys.stderr
        self._unit = unit
        self._watcher = watcher()
        wanted = self._watcher.bars and self._stream.isatty()
        self._shown = wanted if enabled is None else enabled
        self._bar: tqdm[NoReturn] | None = None
        self._total = frames
        self._done = 0
        self._left: float | None = None
        self._told: float | None = None
        self._faces = faces
        self._model = CostModel()
        self._stretch = _Stretch(started=time.perf_counter())
        self._watcher.check()
        if not waits:
            self._draw()

    def _draw(self) -> None:
        if self._told is None:
            self._tell()
        if self._bar is None and self._shown:
            self._bar = tqdm(
                total=self._total,
                desc=self._title,
                unit=f" {self._unit}",
                file=self._stream,
                ncols=_columns(self._stream),
                bar_format=BAR_FORMAT if self._total else COUNTER_FORMAT,
            )

    def advance(self, faces: int = 0) -> None:
        """Count one frame with so many faces.

        Raises:
            CancelledError: If whoever watches ends the run.
        """
        self._watcher.check()
        self._draw()
        self._done += 1
        if self._bar is not None:
            self._bar.update(1)
        self._faces -= faces
        self._stretch.frames += 1
        self._stretch.faces += faces
        now = time.perf_counter()
        if self._told is None or now - self._told >= _PAUSE:
            self._tell()
        elapsed = now - self._stretch.started
        if elapsed >= 0.5:
            self._model.observe(self._stretch.frames, self._stretch.faces, elapsed)
            self._stretch = _Stretch(started=now)
            if self._done >= (self._total or 0):
                return  # more frames than the header said, or nobody knows how many
            self._left = self._model.predict((self._total or 0) - self._done, max(self._faces, 0))
            if self._bar is not None:
                left = tqdm.format_interval(self._left)
                self._bar.set_postfix_str(f"{left} left", refresh=False)

    def reach(self, frames: int, expected: int | None = None) -> None:
        """Move to a number of frames, where faces do not matter.

        Args:
            frames: How many are done.
            expected: How many there are in all, where that is known only now.
        """
        self._watcher.check()
        self._draw()
        if expected and expected != self._total:
            self._total = expected
            if self._bar is not None:
                self._bar.total = expected
                self._bar.bar_format = BAR_FORMAT
                self._bar.refresh()
        while self._done < frames:
            self.advance()

    def close(self) -> None:
        """Remove the bar's hold on the terminal."""
        if self._told is not None:
            self._tell()
        if self._bar is not None:
            self._bar.close()

    def _tell(self) -> None:
        self._told = time.perf_counter()
        if self._watcher.progress is not None:
            update = ProgressUpdate(self._title, self._done, self._total, self._left, self._unit)
            self._watcher.progress(update)

    def __enter__(self) -> ProgressBar:
        """Return the bar."""
        return self

    def __exit__(self, *details: object) -> None:
        """Close the bar."""
        self.close()


def _columns(stream: TextIO) -> int | None:
    """Return a width for terminals that say 0, as those of some consoles and containers do."""
    try:
        return DEFAULT_COLUMNS if os.get_terminal_size(stream.fileno()).columns == 0 else None
    except (OSError, ValueError, AttributeError):
        return None
