"""The record of finished files in a folder of results, and the report of a folder.

The record says what was made from what and how, so that it is not made again.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import PartialError
from ..jsonfile import JsonDocument, json_text, parsed_json, plain, plain_fields
from ..people.photo_advice import CheckedPhoto
from ..records import counted
from ..report import Report, report_head
from ..tracking.key import video_digest
from ..video.files import output_errors

RECORD_NAME = ".videoswap_done.jsonl"


@dataclass(frozen=True, slots=True)
class ContentStamp:
    """A file as it was.

    Attributes:
        size: Bytes.
        mtime_ns: Time of its last change, in nanoseconds since 1970.
        content: Hash of its content.
    """

    size: int
    mtime_ns: int
    content: str

    @classmethod
    def of(cls, path: Path) -> ContentStamp:
        """Look at a file.

        Raises:
            OSError: If it cannot be read.
        """
        found = path.stat()
        return cls(found.st_size, found.st_mtime_ns, video_digest(path))

    def still(self, path: Path) -> bool:
        """Tell whether a file is the same; the content only decides where the time is another."""
        try:
            found = path.stat()
            if found.st_size != self.size:
                return False
            return found.st_mtime_ns == self.mtime_ns or video_digest(path) == self.content
        except OSError:
            return False


@dataclass(frozen=True, slots=True)
class DoneFile:
    """A result that was made.

    Attributes:
        result: Its path below the results' folder.
        input: Path of the file that it was made from, below its folder.
        source: That file as it was.
        made: The result as it was written.
        wishes: Digest of photos and settings.
        run: The run that made it.
        exit_code: What that file's exit code was: 0, or 5 if it was done in part.
        message: What was missing; None if nothing was.
        report: That file's report, as plain data.
    """

    result: str
    input: str
    source: ContentStamp
    made: ContentStamp
    wishes: str
    run: str
    exit_code: int
    message: str | None = None
    report: Mapping[str, Any] | None = None


class DoneRecord:
    """What was made in a folder of results, a JSON object a line; the last word counts.

    Lines are only ever added, so a run that is killed costs no more than its last line.

    Args:
        folder: The folder of results.
        wishes: Digest of the photos and settings of this run.
        overwrite: Whether this run makes everything anew. If the last such run with the same
            wishes was interrupted, this one goes on with it.
    """

    def __init__(self, folder: Path, wishes: str, overwrite: bool) -> None:
        self._path = folder / RECORD_NAME
        self._folder = folder
        self._wishes = wishes
        self._done: dict[str, DoneFile] = {}
        self._overwrite = overwrite
        self._run = uuid.uuid4().hex[:16]
        unfinished: dict[str, str] = {}
        for entry in _lines(self._path):
            if "result" in entry:
                self._keep(entry)
            elif "begun" in entry:
                unfinished = {str(entry.get("wishes")): str(entry["begun"])}
            elif "ended" in entry:
                unfinished = {}
        if overwrite:
            self._run = unfinished.get(wishes, self._run)

    def begin(self) -> None:
        """Note that a run begins that makes everything anew.

        Raises:
            OutputError: ``unwritable_output`` or ``disk_full``.
        """
        if self._overwrite:
            self._write({"begun": self._run, "wishes": self._wishes})

    def end(self) -> None:
        """Note that all files had their turn.

        Raises:
            OutputError: ``unwritable_output`` or ``disk_full``.
        """
        if self._overwrite:
            self._write({"ended": self._run})

    def finished(self, name: str, path: Path, result: str) -> DoneFile | None:
        """Return what is known of a result that need not be made again.

        Args:
            name: Path of the file below its folder.
            path: The file.
            result: Path of the result below the results' folder.

        Returns:
            None unless it was made from this very file with these wishes and is as it was made.
        """
        if self.why_not(name, path, result) is None:
            done = self._done[result]
            if not self._overwrite or done.run == self._run:
                return done
        return None

    def why_not(self, name: str, path: Path, result: str) -> str | None:
        """Return in what a result that exists differs from what is wanted; None if in nothing."""
        done = self._done.get(result)
        if done is None or not done.made.still(self._folder / result):
            return "it was not made by this command"
        if done.input != name or not done.source.still(path):
            return "it was made from something else"
        if done.wishes != self._wishes:
            return "it was made with other photos or settings"
        return None

    def add(
        self,
        name: str,
        source: ContentStamp,
        result: str,
        exit_code: int,
        message: str | None,
        report: Mapping[str, Any] | None,
    ) -> None:
        """Note that a result was made.

        Args:
            name: Path of the file below its folder.
            source: The file as it was before the work.
            result: Path of the result below the results' folder.
            exit_code: 0, or 5 if it was done in part.
            message: What was missing.
            report: The file's report, as plain data.

        Raises:
            OutputError: ``unwritable_output`` or ``disk_full``.
        """
        with output_errors(self._path):
            made = ContentStamp.of(self._folder / result)
        done = DoneFile(
            result, name, source, made, self._wishes, self._run, exit_code, message, report
        )
        self._done[result] = done
        self._write(plain_fields(done))

    def _keep(self, entry: dict[str, Any]) -> None:
        try:
            stamps = {part: ContentStamp(**entry[part]) for part in ("source", "made")}
            done = DoneFile(**{**entry, **stamps})
            self._done[done.result] = done
        except (TypeError, KeyError):
            return  # written by another version, or cut off

    def _write(self, entry: Mapping[str, Any]) -> None:
        # A line may follow one that was cut off.
        with output_errors(self._path), self._path.open("a", encoding="ascii") as file:
            file.write(f"\n{json_text(entry, indent=None)}\n")
            file.flush()
            os.fsync(file.fileno())


def _lines(path: Path) -> list[dict[str, Any]]:
    """Return the objects of a file with one a line; lines that are none are passed over."""
    try:
        text = path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return []
    found = []
    for line in text.splitlines():
        try:
            entry = parsed_json(line)
        except ValueError:
            continue
        if isinstance(entry, dict):
            found.append(entry)
    return found


REPORT_NAME = "videoswap-report.json"
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

    def as_data(self) -> dict[str, Any]:
        """Return it as plain data, with this run's report or that of the run that did it."""
        return {
            "input": self.input,
            "output": self.output,
            "status": self.status,
            "exit_code": self.exit_code,
            "code": self.code,
            "message": self.message,
            "seconds": self.seconds,
            "traceback": self.traceback,
            "report": self.earlier if self.report is None else self.report.as_data(),
        }


@dataclass(frozen=True, slots=True)
class FolderReport(JsonDocument):
    """What became of a folder.

    Attributes:
        items: One entry per media file, in order of names.
        skipped: Files that are neither video nor picture.
        left_out: Videos and pictures that were not wanted.
        interrupted: Whether the run was stopped before its end.
        dry_run: Whether nothing was written.
        seconds: Wall time of the run.
        photos: The photos of the sources, and what makes swaps from them worse; the reports of
            the files do not repeat them.
    """

    items: tuple[FolderItem, ...]
    skipped: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    interrupted: bool = False
    dry_run: bool = False
    seconds: float = 0.0
    photos: tuple[CheckedPhoto, ...] = ()

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

    def as_data(self) -> dict[str, Any]:
        """Return the report as plain data."""
        return {
            **report_head(KIND),
            "dry_run": self.dry_run,
            "interrupted": self.interrupted,
            "seconds": self.seconds,
            "exit_code": self.exit_code,
            "counts": {state: self.count(state) for state in STATES},
            "skipped": list(self.skipped),
            "left_out": list(self.left_out),
            "photos": plain(self.photos),
            "items": plain(self.items),
        }


def is_folder_report(path: Path) -> bool:
    """Tell whether a file is the report of an earlier run, which a later one may replace."""
    try:
        found = parsed_json(path.read_text(encoding="utf-8")) if path.is_file() else None
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and found.get("kind") == KIND
