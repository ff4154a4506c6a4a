"""What an executor is: it does pieces of work in other processes and tries each twice.

Work and tasks go to other processes as pickles, between processes of one run alone; no file is
read that way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from ..errors import VideoswapError
from ..video.probe import VideoInfo
from .film import Film

MOST_TRIES = 2  # of a task

#: Called by a worker after each frame, with the number of its faces.
Tell = Callable[[int], None]
#: Does a task in a worker, and returns its result.
Handler = Callable[[Any, Tell], Any]
#: Called in this process after each frame of any worker, with the number of its faces.
OnFrame = Callable[[int], None]


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """A piece of work.

    Attributes:
        name: What an error calls it, such as "frames 200 to 299".
        payload: What the worker gets; it can be pickled.
    """

    name: str
    payload: Any


class Work(Protocol):
    """What a worker needs for all tasks of a kind; it can be pickled."""

    def open(self) -> Handler:
        """Load it, once in each worker.

        Raises:
            VideoswapError: Whatever is in the way.
        """


class Executor(Protocol):
    """Does tasks in other processes.

    Attributes:
        workers: How many tasks are done at once.
        shares_disk: Whether workers see the files of this process.
    """

    @property
    def workers(self) -> int:
        """How many tasks are done at once."""

    @property
    def shares_disk(self) -> bool:
        """Whether workers see the files of this process."""

    def film(self, info: VideoInfo) -> Film:
        """Return how workers get at a film."""

    def run(
        self, work: Work, tasks: Iterable[Task | None], on_frame: OnFrame
    ) -> Iterator[tuple[Task, Any]]:
        """Do tasks, and yield each with its result as soon as it is done.

        Args:
            work: What all tasks need.
            tasks: The tasks; None where the next is not known yet.
            on_frame: Called after each frame, and once for each even if a task is tried again.

        Raises:
            VideoswapError: What a worker raised; ``worker_failed`` if a task failed twice.
        """

    def close(self) -> None:
        """End all workers."""


@dataclass(slots=True, eq=False)
class Attempt:
    """A task on its way.

    Attributes:
        task: The task.
        number: 1 for the first try.
        frames: Frames it was told of in this try.
        counted: Frames that were counted in all tries.
    """

    task: Task
    number: int = 1
    frames: int = 0
    counted: int = 0

    def frame(self, faces: int, on_frame: OnFrame) -> None:
        """Count a frame, unless an earlier try came so far already."""
        self.frames += 1
        if self.frames > self.counted:
            self.counted = self.frames
            on_frame(faces)

    def again(self, why: str) -> Attempt:
        """Return the next try.

        Args:
            why: What went wrong, as a clause.

        Raises:
            VideoswapError: ``worker_failed`` after the last one.
        """
        if self.number >= MOST_TRIES:
            raise VideoswapError(
                "worker_failed",
                f"{self.task.name[:1].upper()}{self.task.name[1:]} failed {self.number} times: "
                f"{why}.",
                "Is there enough memory? With fewer jobs each has more. What was done is kept.",
            )
        return Attempt(self.task, self.number + 1, counted=self.counted)
