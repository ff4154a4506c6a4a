"""Progress and cancellation of a run.

The callbacks are kept in a context variable, so that no function in between has to pass them on.
Other threads and tasks do not see what one of them sets.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from .errors import CancelledError


@dataclass(frozen=True, slots=True)
class ProgressUpdate:
    """How far a stage of a run is.

    Attributes:
        stage: What is being done: ``analyze``, ``render``, ...
        done: How many are done.
        total: How many there are; None if unknown.
        seconds_left: Estimate for the rest of this stage; None if unknown.
        unit: What is counted: frames, faces, ...
    """

    stage: str
    done: int
    total: int | None = None
    seconds_left: float | None = None
    unit: str = "frames"


OnProgress = Callable[[ProgressUpdate], None]


@dataclass(frozen=True, slots=True)
class Watcher:
    """The progress callback and the cancel event of a run.

    Attributes:
        progress: Called now and then, in any thread of the run.
        cancel: Set it to end the run.
        bars: Whether progress bars are drawn where stderr is a terminal.
    """

    progress: OnProgress | None = None
    cancel: threading.Event | None = None
    bars: bool = False

    def check(self) -> None:
        """End the run if ``cancel`` is set.

        Raises:
            CancelledError: ``cancelled``.
        """
        if self.cancel is not None and self.cancel.is_set():
            raise CancelledError(
                "cancelled", "The run was cancelled.", "Run it again to go on where it stopped."
            )


_NOBODY = Watcher()
_current: ContextVar[Watcher] = ContextVar("watcher", default=_NOBODY)


def watcher() -> Watcher:
    """Return the callbacks of the current run."""
    return _current.get()


@contextmanager
def watched(
    progress: OnProgress | None = None,
    cancel: threading.Event | None = None,
    bars: bool = False,
) -> Iterator[Watcher]:
    """Set the callbacks for what runs inside; None keeps the ones already set.

    Raises:
        CancelledError: ``cancelled``, if ``cancel`` is set already.
    """
    outer = _current.get()
    inner = Watcher(progress or outer.progress, cancel or outer.cancel, bars or outer.bars)
    token = _current.set(inner)
    try:
        inner.check()
        yield inner
    finally:
        _current.reset(token)
