"""What became of a folder, as data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from .. import __version__
from ..errors import PartialError
from ..report import Report, counted
from ..video.files import atomic_output

NAME = "videoswap-report.json"
SCHEMA = 1
KIND = "videoswap folder report"
STATES = ("done", "already_done", "failed", "not_reached", "would_be_done")


@dataclass(frozen=True, slots=True)
class FolderItem:
    """What became of one file.

    Attributes:
        input: The file, relative to the folder.
        report: What was done; None if it failed, or was not done in this run.
        code: The error's code (``defect`` for a fault of videoswap); None if it went well.
        message: The error, or what is missing, in a sentence; None if it went well.
        exit_code: Exit code that it would have had alone.
        output: The result, relative to the results' folder; None if it cannot be told.
        status: One of ``STATES``.
        seconds: Wall time that it took.
        traceback: Where a fault of videoswap arose; None for other errors.
        earlier: The report of the earlier run that did it, as plain data.
    """

    input: str
    report: Report | None
    code: str | None = None
    message: str | None = None
    exit_code: int = 0
    output: str | None = None
    status: str = "done"
    seconds: float = 0.0
    traceback: str | None = None
    earlier: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class FolderReport:
    """What became of a folder.

    Attributes:
        items: One entry per media file, in order of names.
        skipped: Files that are neither video nor picture.
        left_out: Videos and pictures that were not wanted.
        interrupted: Whether the run was stopped before its end.
        dry_run: Whether nothing was written.
        seconds: Wall time of the run.
    """

    items: tuple[FolderItem, ...]
    skipped: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    interrupted: bool = False
    dry_run: bool = False
    seconds: float = 0.0

    @property
    def exit_code(self) -> int:
        """0 if all is done, the common code if all failed alike, else 5."""
        codes = {item.exit_code for item in self.items} or {0}
        return codes.pop() if len(codes) == 1 else PartialError.exit_code

    def count(self, status: str) -> int:
        """Return how many files have a status."""
        return sum(item.status == status for item in self.items)

    def summary(self) -> list[str]:
        """Return what became of all files in a sentence, and a line for each that is not well."""
        known = {state: self.count(state) for state in STATES}
        partly = sum(item.exit_code != 0 and item.status != "failed" for item in self.items)
        done = known["done"] + known["already_done"]
        if self.dry_run:
            parts = [f"{known['would_be_done']} would be done"]
            parts += [f"{known['already_done']} done already"] * bool(known["already_done"])
            parts += [f"{known['failed']} would fail"] * bool(known["failed"])
        else:
            parts = [f"{done} of {len(self.items)} done"]
            before = f"{known['already_done']} of them in an earlier run"
            parts += [before] * bool(known["already_done"])
            parts += [f"{partly} of them in part"] * bool(partly)
            parts += [f"{known['failed']} failed"] * bool(known["failed"])
            parts += [f"{known['not_reached']} not reached"] * bool(known["not_reached"])
        parts += [f"{len(self.left_out)} left out as asked"] * bool(self.left_out)
        sentence = f"{', '.join(parts)}; {len(self.skipped)} other files skipped."
        bad = [item for item in self.items if item.exit_code and item.status != "not_reached"]
        return [sentence, *(f"  {item.input}: {item.message or 'done in part'}" for item in bad)]

    def complaint(self) -> str | None:
        """Return in a sentence that not all is well, with the first file that is not."""
        failed = [item for item in self.items if item.status == "failed"]
        bad = failed or [item for item in self.items if item.exit_code]
        if not bad:
            return None
        verb = "would fail" if self.dry_run else "failed"
        what = f"{len(bad)} of {counted(len(self.items), 'file')} {verb if failed else 'in part'}"
        return f"{what}, first {bad[0].input}: {bad[0].message}"

    def to_json(self) -> str:
        """Return the report as JSON."""
        items = [
            {
                **asdict(replace(item, report=None, earlier=None)),
                "report": plain(item.report) if item.report else item.earlier,
            }
            for item in self.items
        ]
        for item in items:
            del item["earlier"]
        whole = {
            "kind": KIND,
            "schema": SCHEMA,
            "videoswap": __version__,
            **asdict(replace(self, items=())),
            "counts": {state: self.count(state) for state in STATES},
            "exit_code": self.exit_code,
            "items": items,
        }
        return json.dumps(whole, indent=2)

    def save(self, path: Path) -> None:
        """Write the report as JSON.

        Raises:
            OutputError: ``unwritable_output`` or ``disk_full``.
        """
        with atomic_output(path) as part:
            part.write_text(self.to_json() + "\n", encoding="utf-8")


def plain(report: Report) -> dict[str, Any]:
    """Return a report as plain data."""
    data: dict[str, Any] = json.loads(report.to_json())
    return data


def is_folder_report(path: Path) -> bool:
    """Tell whether a file is the report of an earlier run, which a later one may replace."""
    try:
        found = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and found.get("kind") == KIND
