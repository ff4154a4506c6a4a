"""A folder of videos and pictures; one failure does not stop the others."""

from __future__ import annotations

import contextlib
import time
import traceback
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from ..errors import (
    CancelledError,
    InputError,
    OutputError,
    PartialError,
    UsageError,
    VideoswapError,
)
from ..fingerprint import digest_of
from ..paths import is_folder, is_link, real_path
from ..people.sources import photo_files
from ..report import Report
from ..settings import PeopleSettings, SwapSettings
from ..tracking.key import video_digest
from ..video.files import output_errors, output_folder
from ..watching import watcher
from .context import JobContext
from .folder_plan import FileFilter, PlannedFile, plan_folder
from .folder_record import (
    REPORT_NAME,
    ContentStamp,
    DoneRecord,
    FolderItem,
    FolderReport,
    is_folder_report,
)
from .inputs import files_read
from .output_locks import lock_outputs
from .outputs import (
    InputFiles,
    check_name,
    check_output_folder,
    check_outputs,
    ignores_case,
    longest_name,
)
from .picture import swap_one_picture
from .video import swap_one_video

# Settings that change where and how a run works, but not its results.
_NOT_IN_RESULTS = (
    "cache_dir",
    "cache_limit",
    "overwrite",
    "device",
    "batch_size",
    "segment_frames",
    "jobs",
    "executor",
    "ship_input",
    "steps",
    "decoder",
)


@dataclass(frozen=True, slots=True)
class FolderRequest:
    """A folder and what is to become of it.

    Attributes:
        folder: The folder; its sub-folders are mirrored.
        out: Where the results go.
        photos: The photos of sources and target faces, in their order.
        choice: Which files are wanted.
        report_file: Where the report goes; None for ``videoswap-report.json`` among the results.
        dry_run: Decide everything, write nothing but a report that was asked for.
    """

    folder: Path
    out: Path
    photos: Sequence[Path]
    choice: FileFilter = FileFilter()  # noqa: RUF009 - it is frozen
    report_file: Path | None = None
    dry_run: bool = False

    @property
    def report(self) -> Path | None:
        """Where the report goes; None for nowhere."""
        if self.report_file is None and not self.dry_run:
            return self.out / REPORT_NAME
        return self.report_file


def check_request(request: FolderRequest, settings: SwapSettings) -> None:
    """Refuse a folder or places for results that cannot be used, before models are loaded.

    Raises:
        UsageError: ``which_people``.
        InputError: ``missing_folder`` or ``folders_overlap``.
        OutputError: See `check_output_folder` and `check_outputs`.
    """
    _check_people(settings.people)
    folder, out = request.folder, request.out
    if not is_folder(folder):
        raise InputError("missing_folder", f"{folder} is not a folder.")
    real, inputs = real_path(out), real_path(folder)
    if real == inputs or inputs in real.parents:
        raise InputError(
            "folders_overlap",
            f"The results' folder {out} is, or lies in, the folder {folder} itself.",
            "Results would become inputs; name a folder outside of it.",
        )
    check_output_folder(out)
    report = request.report
    if report is None:
        return
    check_name(report)
    if is_folder(out) or real_path(report).parent != real:  # else it will be made
        replaceable = settings.overwrite or is_folder_report(report)
        check_outputs({"report": report}, files_read(request.photos, settings), replaceable)


def _check_people(people: PeopleSettings) -> None:
    """Refuse ways of choosing people that do not work for a folder."""
    hint = "Name people with --target_faces_paths, or use --all_faces."
    if people.persons:
        message = "--person does not work for a folder: every file numbers its own people."
        raise UsageError("which_people", message, hint)
    if any(place.time is not None for place in people.places):
        message = "--face_at with a time does not work for a folder: every file has its own times."
        raise UsageError("which_people", message, hint)


def swap_one_folder(context: JobContext, request: FolderRequest) -> FolderReport:
    """Swap faces in all videos and pictures of a folder, sub-folders mirrored.

    What an earlier run made of the same file with the same photos and settings is not made
    again. The report is written also when the run is interrupted.

    Args:
        context: Models, photos and engine.
        request: The folder; `check_request` has passed it.

    Raises:
        InputError: ``empty_folder``.
        OutputError: If the folder of results or the report cannot be written.
    """
    return _Run(context, request).work()


class _Run:
    """One run over a folder."""

    def __init__(self, context: JobContext, request: FolderRequest) -> None:
        self.context, self.request = context, request
        folder, out = request.folder, request.out
        context.say(f"Looking at the files of {folder}.")
        self.plan = plan_folder(folder, request.choice, ignores_case(out), longest_name(out))
        if not self.plan.entries and not self.plan.left_out:
            raise InputError("empty_folder", f"{folder} holds no video and no picture.")
        settings = context.settings
        paths = [entry.path for entry in self.plan.entries]
        self.inputs = files_read(request.photos, settings, paths)
        results = [out / entry.result for entry in self.plan.entries if entry.result is not None]
        if request.report is not None and InputFiles([*paths, *results]).same_as(request.report):
            message = f"The report {request.report} is also an input or a result."
            raise OutputError("output_is_input", message, "Name another file.")
        wishes = request_digest(context.engine.key, request.photos, settings)
        self.record = DoneRecord(out, wishes, settings.overwrite)
        self.items: list[FolderItem] = []
        self.made: set[tuple[int, int]] = set()

    def work(self) -> FolderReport:
        """Work through all files and report on them."""
        started = time.perf_counter()
        if not self.request.dry_run:
            with output_errors(self.request.out):
                self.request.out.mkdir(parents=True, exist_ok=True)
            self.record.begin()
        interrupted = True
        try:
            for entry in self.plan.entries:
                self.items.append(self._one(entry))
            interrupted = False
            if not self.request.dry_run:
                self.record.end()
        finally:
            report = self._report(interrupted, time.perf_counter() - started)
            self._tell(report)
        return report

    def _report(self, interrupted: bool, seconds: float) -> FolderReport:
        rest = self.plan.entries[len(self.items) :]
        waiting = [
            FolderItem(one.name, None, output=one.result, status="not_reached") for one in rest
        ]
        return FolderReport(
            items=(*self.items, *waiting),
            skipped=self.plan.others,
            left_out=self.plan.left_out,
            interrupted=interrupted,
            dry_run=self.request.dry_run,
            seconds=round(seconds, 3),
            photos=self.context.photos,
        )

    def _tell(self, report: FolderReport) -> None:
        for line in report.summary():
            self.context.say(line)
        path = self.request.report
        if path is not None:
            report.save(path)
            self.context.say(f"Report: {path}")

    def _one(self, entry: PlannedFile) -> FolderItem:
        """Work on one file; an error is reported and does not stop the others."""
        say = self.context.say
        renamed = entry.result is not None and entry.result != entry.name
        say(f"{entry.name} -> {entry.result}:" if renamed else f"{entry.name}:")
        started = time.perf_counter()
        watcher().check()
        try:
            item = self._swapped(entry)
        except CancelledError:
            raise
        except VideoswapError as error:
            item = FolderItem(entry.name, None, error.code, str(error), error.exit_code)
            item = replace(item, status="failed")
        except Exception as error:
            words = " ".join(f"{type(error).__name__}: {error}".split())
            message = f"Defect in videoswap: {words}. Please report it, with what --debug shows."
            item = FolderItem(entry.name, None, "defect", message, exit_code=1, status="failed")
            item = replace(item, traceback=traceback.format_exc())
        if item.status == "failed":
            say(f"  failed: {item.message}")
        seconds = round(time.perf_counter() - started, 3)
        return replace(item, output=entry.result, seconds=seconds)

    def _swapped(self, entry: PlannedFile) -> FolderItem:
        if entry.error is not None:
            raise entry.error
        if entry.result is None:
            raise AssertionError("a file that can be read has a result")
        settings, dry_run = self.context.settings, self.request.dry_run
        out = self.request.out / entry.result
        done = self.record.finished(entry.name, entry.path, entry.result)
        if done is not None:
            self.context.say("  done already")
            item = FolderItem(entry.name, None, message=done.message, exit_code=done.exit_code)
            return replace(item, status="already_done", earlier=done.report)
        self._check(entry, out, settings)
        if dry_run:
            report = self._swap(entry, out)
            return replace(_item(entry, report), status="would_be_done")
        with lock_outputs([out]):
            self._check(entry, out, settings)  # a run that was writing it may have ended since
            source = ContentStamp.of(entry.path)
            with output_folder(out.parent):
                report = self._swap(entry, out)
        with output_errors(out):
            self.made.add(_identity(out))
        item = _item(entry, report)
        facts = (item.exit_code, item.message, report.as_data())
        try:
            self.record.add(entry.name, source, entry.result, *facts)
        except OutputError as error:
            self.context.say(f"  Note: a later run will not know that this is done. {error}")
        return item

    def _check(self, entry: PlannedFile, out: Path, settings: SwapSettings) -> None:
        """Refuse a result that must not be written.

        Raises:
            OutputError: See `check_outputs`; also ``output_through_link``.
        """
        place = self.request.out
        for part in out.parent.relative_to(place).parts:
            place /= part
            if is_link(place):
                message = f"{place} is a link, and results stay in the folder they are meant for."
                raise OutputError("output_through_link", message, "Remove the link.")
        if not out.parent.is_dir():
            check_name(out)
            check_output_folder(out.parent)
            return
        if out.exists() and not settings.overwrite and self.inputs.same_as(out) is None:
            why = self.record.why_not(entry.name, entry.path, entry.result or "")
            hint = "Use --overwrite to replace it, or another folder for the results."
            raise OutputError("output_exists", f"{out} exists already, and {why}.", hint)
        self._check_not_ours(out)
        check_outputs({"result": out}, self.inputs, settings.overwrite)

    def _check_not_ours(self, out: Path) -> None:
        """Refuse to replace a result of this very run, whatever two names may have in common."""
        with contextlib.suppress(FileNotFoundError):
            if _identity(out) in self.made:
                message = f"{out} is the result of another file of this run."
                raise OutputError("output_exists", message, "Give the files other names.")

    def _swap(self, entry: PlannedFile, out: Path) -> Report:
        swap = swap_one_picture if entry.kind == "image" else swap_one_video
        report = swap(self.context, entry.path, out, None, self.request.dry_run)
        return replace(report, photos=())  # in the report of the folder, once


def _item(entry: PlannedFile, report: Report) -> FolderItem:
    if report.complete:
        return FolderItem(entry.name, report)
    message = "done in part"
    if report.unmatched:
        message += f": nobody matches {', '.join(report.unmatched)}"
    return FolderItem(entry.name, report, message=message, exit_code=PartialError.exit_code)


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


def request_digest(engine: str, photos: Sequence[Path], settings: SwapSettings) -> str:
    """Return a digest of all that decides what a swap makes of a file, besides that file.

    Args:
        engine: Key of the engine.
        photos: Photos, and folders of photos, in their order.
        settings: The settings.
    """
    files = [photo_files(path) if is_folder(path) else [path] for path in photos]
    contents = [[video_digest(file) for file in some] for some in files]
    facts = {name: one for name, one in asdict(settings).items() if name not in _NOT_IN_RESULTS}
    return digest_of(engine, contents, facts)
