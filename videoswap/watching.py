"""Who is told how far a run is, and who may end it.

A run hands its watcher down as Python's decimal does its precision: by a context variable. What is
set in one thread or task is not seen by another.
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
        total: How many there are; None if nobody knows.
        seconds_left: How long the rest of this stage will take; None if nobody knows.
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
    """Who is told, and who may end it.

    Attributes:
        progress: Called now and then, in any thread of the run.
        cancel: Set it to end the run.
        bars: Whether progress bars are drawn where stderr is a terminal.
    """

    progress: OnProgress | None = None
    cancel: threading.Event | None = None
    bars: bool = False

    def check(self) -> None:
        """End the run if that is wished.

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
    """Return the watcher of the run that this is a part of."""
    return _current.get()


@contextmanager
def watched(
    progress: OnProgress | None = None,
    cancel: threading.Event | None = None,
    bars: bool = False,
) -> Iterator[Watcher]:
    """Watch what runs inside; what is not given stays with whoever watches already."""
    outer = _current.get()
    inner = Watcher(progress or outer.progress, cancel or outer.cancel, bars or outer.bars)
    token = _current.set(inner)
    try:
        inner.check()
        yield inner
    finally:
        _current.reset(token)
