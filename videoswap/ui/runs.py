"""The queue of runs: one at a time, each in a process of its own that goes by a plan."""

from __future__ import annotations

import json
import secrets
import shutil
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import InputError, UsageError
from ..jsonfile import write_json
from .children import CAN_PAUSE, Child

STATES = (
    *("waiting", "running", "paused", "done", "failed", "cancelled", "interrupted"),
    "removed",  # its process is still ending
)
#: States from which a run can be put into the queue again.
STOPPED = ("failed", "cancelled", "interrupted")
RECORD = "run.json"
STILLS = (".png", ".jpg", ".webp", ".tif")  # suffixes of results that are pictures


@dataclass(slots=True, eq=False)
class Run:
    """A run of a plan, or a measurement of what one made.

    Attributes:
        title: Name of the film.
        folder: Its private folder, with the plan, the result and the report.
        suffix: Of the result.
        flags: More flags of the command.
        film: The original.
        measures: Name of the folder of the run whose result is measured; empty for a swap.
        uses: Name of the folder of the film, with the upload and the photos.
        number: Its identifier.
        state: One of ``STATES``.
        problem: What went wrong, in a sentence.
        child: Its process while it runs.
    """

    title: str
    folder: Path
    suffix: str
    flags: tuple[str, ...] = ()
    film: str = ""
    measures: str = ""
    uses: str = ""
    number: str = field(default_factory=lambda: secrets.token_hex(8))
    state: str = "waiting"
    problem: str = ""
    child: Child | None = None

    @property
    def plan(self) -> Path:
        """The plan it goes by."""
        return self._swap / "film.plan.json"

    @property
    def result(self) -> Path:
        """What comes out."""
        return self.folder / ("quality.json" if self.measures else f"result{self.suffix}")

    @property
    def masks(self) -> Path:
        """Where the result differs from the original."""
        return self._swap / ("masks.png" if self.suffix in STILLS else "masks.mkv")

    @property
    def page(self) -> Path:
        """The page of a measurement."""
        return self.folder / "quality.html"

    @property
    def report(self) -> Path:
        """The report about it."""
        return self.folder / "report.json"

    @property
    def _swap(self) -> Path:
        """Folder of the swap."""
        return self.folder.parent / self.measures if self.measures else self.folder

    def words(self) -> list[str]:
        """Return the command."""
        if self.measures:
            swapped = self._swap / f"result{self.suffix}"
            return [
                *("evaluate", self.film, str(swapped), "--plan", str(self.plan)),
                *("--masks", str(self.masks), "--json", str(self.result)),
                *("--html", str(self.page), "--overwrite", *self.flags),
            ]
        return [
            *("swap", "--plan", str(self.plan), "-o", str(self.result)),
            *("--report", str(self.report), "--save_masks", str(self.masks)),
            *("--overwrite", *self.flags),
        ]

    def save(self) -> None:
        """Write down what a later process has to know."""
        state = "interrupted" if self.state in ("waiting", "running", "paused") else self.state
        facts = {
            "title": self.title,
            "suffix": self.suffix,
            "flags": list(self.flags),
            "film": self.film,
            "measures": self.measures,
            "uses": self.uses,
            "number": self.number,
            "state": state,
            "problem": self.problem,
        }
        write_json(self.folder / RECORD, facts)

    def as_data(self) -> dict[str, Any]:
        """Return what the page shows of it."""
        child = self.child
        return {
            "id": self.number,
            "kind": "measure" if self.measures else "swap",
            "still": self.suffix in STILLS,
            "title": self.title,
            "state": self.state,
            "problem": self.problem,
            "progress": child.progress if child is not None else {},
            "said": child.lines[-12:] if child is not None else [],
            "can_pause": CAN_PAUSE,
            "name": self.result.name,
            "bytes": self.result.stat().st_size if self.result.is_file() else 0,
        }


def read_run(folder: Path) -> Run:
    """Read what an earlier process wrote down about a run.

    Raises:
        InputError: ``bad_run``.
    """
    try:
        found: Any = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        run = Run(
            *(found["title"], folder, found["suffix"], tuple(found["flags"])),
            *(found["film"], found["measures"], found["uses"], found["number"]),
        )
        run.state, run.problem = found["state"], found["problem"]
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError("bad_run", f"{folder / RECORD} is damaged.") from None
    return run


class Queue:
    """Runs one after another."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._waiting: list[Run] = []
        self._current: Run | None = None

    def add(self, run: Run) -> None:
        """Put a run at the end.

        Raises:
            UsageError: ``run_busy`` if it is there already.
        """
        with self._lock:
            ending = run is self._current and run.state == "cancelled"
            if run in self._waiting or (run is self._current and not ending):
                raise UsageError("run_busy", "That run is in the queue already.")
            run.state, run.problem = "waiting", ""
            run.save()
            self._waiting.append(run)
            self._next()

    def pause(self, run: Run) -> None:
        """Let the current run stand still."""
        with self._lock:
            if run is self._current and run.child is not None and run.state == "running":
                run.child.pause()
                run.state = "paused"

    def go_on(self, run: Run) -> None:
        """Let a paused run go on, or queue a stopped one again; what is done is not done anew."""
        with self._lock:
            if run.state == "paused" and run.child is not None:
                run.child.go_on()
                run.state = "running"
                return
        if run.state in STOPPED:
            self.add(run)

    def cancel(self, run: Run) -> None:
        """Take a run out of the queue, or end it."""
        with self._lock:
            if run in self._waiting:
                self._waiting.remove(run)
                run.state = "cancelled"
                run.save()
            elif run is self._current and run.child is not None:
                run.state = "cancelled"
                run.child.cancel()

    def remove(self, run: Run) -> None:
        """Delete a run that does not run, with its files; of one that is ending once it has.

        Raises:
            UsageError: ``run_busy``.
        """
        with self._lock:
            if run is self._current and run.state in ("running", "paused"):
                raise UsageError("run_busy", "The run is going on.", "Cancel it first.")
            if run in self._waiting:
                self._waiting.remove(run)
            if run is self._current:
                run.state = "removed"
                return
        shutil.rmtree(run.folder, ignore_errors=True)

    def stop(self) -> None:
        """End everything, as the program ends; it can be gone on with."""
        with self._lock:
            self._waiting.clear()
            if self._current is not None and self._current.child is not None:
                self._current.child.cancel()

    def _next(self) -> None:
        if self._current is not None or not self._waiting:
            return
        run = self._waiting.pop(0)
        self._current = run
        run.state = "running"
        run.child = Child(run.words(), lambda code: self._ended(run, code))

    def _ended(self, run: Run, code: int) -> None:
        with self._lock:
            self._current = None
            if run.state == "removed":
                shutil.rmtree(run.folder, ignore_errors=True)
            # or cancelled, and asked to go on before it had ended
            if run.state == "removed" or run in self._waiting:
                self._next()
                return
            if run.state != "cancelled":
                run.state = "done" if code in (0, 5) and run.result.is_file() else "failed"
            complaints: Sequence[str] = run.child.complaints if run.child is not None else ()
            if run.state == "failed":
                said = complaints[-1].removeprefix("videoswap: ") if complaints else ""
                run.problem = said.replace(run.film, run.title) if run.film else said
            run.save()
            self._next()
