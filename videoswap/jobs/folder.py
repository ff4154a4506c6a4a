"""A folder of videos and pictures; one failure does not stop the others."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from ..errors import InputError, PartialError, VideoswapError
from ..media.files import atomic_output, output_errors
from ..media.formats import default_suffix
from ..media.probe import kind, probe
from ..report import Report
from .context import Context
from .outputs import check_outputs
from .picture import swap_one_picture
from .video import swap_one_video

WRITABLE_PICTURES = {".png", ".jpg", ".jpeg", ".webp"}
# Files with such a name that cannot be read have failed; others were never meant.
MEDIA_SUFFIXES = WRITABLE_PICTURES | {
    *(".avi", ".bmp", ".flv", ".gif", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg"),
    *(".mts", ".mxf", ".nut", ".tif", ".tiff", ".ts", ".webm", ".wmv"),
}
_NOT_MEDIA = ("not_media", "no_video_stream", "not_a_picture", "empty_file")


@dataclass(frozen=True, slots=True)
class FolderItem:
    """What became of one file.

    Attributes:
        input: The file, relative to the folder.
        report: What was done; None if it failed.
        code: The error's code; None if it went well.
        message: The error in a sentence; None if it went well.
        exit_code: Exit code that it would have had alone.
    """

    input: str
    report: Report | None
    code: str | None = None
    message: str | None = None
    exit_code: int = 0


@dataclass(frozen=True, slots=True)
class FolderReport:
    """What became of a folder.

    Attributes:
        items: One entry per media file, in order of names.
        skipped: Files that are neither video nor picture.
    """

    items: tuple[FolderItem, ...]
    skipped: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        """0 if all went well, the common code if all failed alike, else 5."""
        codes = {item.exit_code for item in self.items}
        return codes.pop() if len(codes) == 1 else PartialError.exit_code

    def save(self, path: Path) -> None:
        """Write the report as JSON."""
        items = [
            {
                **asdict(replace(item, report=None)),
                "report": json.loads(item.report.to_json()) if item.report else None,
            }
            for item in self.items
        ]
        text = json.dumps({"items": items, "skipped": self.skipped}, indent=2)
        with atomic_output(path) as part:
            part.write_text(text + "\n", encoding="utf-8")


def swap_one_folder(context: Context, folder: Path, out: Path, dry_run: bool) -> FolderReport:
    """Swap faces in all videos and pictures of a folder, sub-folders mirrored.

    Raises:
        InputError: ``missing_folder``, ``folders_overlap`` or ``empty_folder``.
    """
    if not folder.is_dir():
        raise InputError("missing_folder", f"{folder} is not a folder.")
    if out.resolve() == folder.resolve() or folder.resolve() in out.resolve().parents:
        raise InputError(
            "folders_overlap",
            f"The results' folder {out} is, or lies in, the folder {folder} itself.",
            "Results would become inputs; name a folder outside of it.",
        )
    items, skipped = [], []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = str(path.relative_to(folder))
        if path.name.startswith("."):
            continue
        context.say(f"{name}:")
        try:
            item = FolderItem(name, _swap(context, path, out / name, dry_run))
        except VideoswapError as error:
            if error.code in _NOT_MEDIA and path.suffix.lower() not in MEDIA_SUFFIXES:
                skipped.append(name)
                context.say("  skipped: neither video nor picture")
                continue
            context.say(f"  failed: {error}")
            item = FolderItem(name, None, error.code, str(error), error.exit_code)
        else:
            report = item.report
            if report is not None and not report.complete:
                item = replace(item, exit_code=PartialError.exit_code)
        items.append(item)
    if not items:
        raise InputError("empty_folder", f"{folder} holds no video and no picture.")
    good = sum(item.exit_code == 0 for item in items)
    context.say(f"{good} of {len(items)} done; {len(skipped)} other files skipped.")
    for item in items:
        if item.exit_code:
            context.say(f"  {item.input}: {item.message or 'done in part'}")
    return FolderReport(tuple(items), tuple(skipped))


def _swap(context: Context, path: Path, out: Path, dry_run: bool) -> Report:
    what = kind(path)
    if what == "image":
        out = out if out.suffix.lower() in WRITABLE_PICTURES else out.with_suffix(".png")
    elif what == "video":
        info = probe(path)
        out = out.with_suffix(default_suffix(info.formats, path, info.pix_fmt))
    if not dry_run:
        with output_errors(out):
            out.parent.mkdir(parents=True, exist_ok=True)
    elif not out.parent.exists():
        out = Path(out.name)  # the folder would be made: only the name can be checked
    check_outputs({"result": out}, [path], context.settings.overwrite)
    swap = swap_one_picture if what == "image" else swap_one_video
    return swap(context, path, out, None, dry_run)
