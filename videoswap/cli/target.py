"""The target and the place of the result, as the flags name them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..errors import UsageError
from ..paths import is_folder
from . import arguments as shared

INPUTS = ("input", "target_video", "target_image", "target_dir")
NAMES = ("output", "out_video_name", "out_image_name")
STDOUT = Path("-")  # in place of the name of a file
FORMATS = ("mkv", "nut", "ts", "mp4", "mov", "webm", "avi", "gif", "webp", "png", "jpg")


@dataclass(frozen=True, slots=True)
class Target:
    """What is swapped.

    Attributes:
        kind: folder, image or video; animations are videos.
        path: Where it is.
        out: Where the result goes.
        names: What to call temporary files that stand for stdin, a pipe or stdout.
    """

    kind: str
    path: Path
    out: Path
    names: tuple[tuple[Path, str], ...] = ()

    def spoken(self, line: str) -> str:
        """Return a sentence without the names of temporary files."""
        for path, name in self.names:
            line = line.replace(str(path), name)
        return line


def add_arguments(parser: argparse._ActionsContainer) -> None:
    """Add the flags; the long ones with an underscore are GHOST's."""
    parser.add_argument(
        "-i",
        "--input",
        type=Path,
        metavar="PATH",
        help="video, picture, folder or numbered pictures (frames/%%04d.png); - reads stdin",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="PATH",
        help="the result, or a folder for it (default: NAME_swapped in the current folder); "
        "- writes to stdout",
    )
    parser.add_argument(
        "--format",
        choices=FORMATS,
        help="format of a result on stdout (default: that of the input)",
    )
    parser.add_argument("--target_video", type=Path, metavar="FILE", help="same as --input")
    parser.add_argument("--out_video_name", type=Path, metavar="FILE", help="same as --output")
    parser.add_argument(
        "--target_image", "--target_path", type=Path, metavar="FILE", help="same as --input"
    )
    parser.add_argument("--out_image_name", type=Path, metavar="FILE", help="same as --output")
    text = "the input is a picture (not needed: the input tells)"
    shared.add_switch(parser, "--image_to_image", None, text)
    parser.add_argument("--target_dir", type=Path, metavar="DIR", help="same as --input")
    parser.add_argument(
        "--out_dir",
        type=Path,
        metavar="DIR",
        help="folder for the results; files of a folder that are finished there are not done again",
    )


def to_stdout(arguments: argparse.Namespace) -> bool:
    """Whether the result goes to stdout."""
    return any(getattr(arguments, name) == STDOUT for name in NAMES)


@contextmanager
def target_of(
    arguments: argparse.Namespace, say: Callable[[str], None] = lambda line: None
) -> Iterator[Target]:
    """Return what is swapped and where the result goes.

    A folder that is made for the result is removed again if it stays empty.

    What comes from stdin or a pipe lies in a file meanwhile, and so does what goes to stdout
    until it is complete.

    Args:
        arguments: The flags.
        say: Told what is read from a pipe.

    Raises:
        UsageError: ``which_target``, ``which_output``, ``no_out_dir`` or ``stdout_is_terminal``.
        InputError: If the input cannot be read.
        OutputError: ``disk_full`` or ``unwritable_output``.
    """
    from ..jobs.outputs import check_name
    from ..video.sequences.pattern import is_numbered
    from ..video.spool import STDIN, spooled

    inputs = [name for name in INPUTS if getattr(arguments, name) is not None]
    if len(inputs) > 1:
        flags = " and ".join(f"--{name}" for name in inputs)
        raise UsageError("which_target", f"{flags} each name the input: give one.")
    if not inputs:
        raise UsageError(
            "which_target",
            "The video, picture or folder to swap faces in is missing.",
            "Name it: -i film.mp4 (or --target_video film.mp4).",
        )
    given = getattr(arguments, inputs[0])
    named = [name for name in NAMES if getattr(arguments, name) is not None]
    if len(named) > 1:
        raise UsageError(
            "which_output", f"{' and '.join(f'--{name}' for name in named)} are the same: give one."
        )
    name = getattr(arguments, named[0]) if named else None
    folder = arguments.out_dir
    _check_stdout(arguments)
    if arguments.target_dir is not None or is_folder(given):
        yield Target("folder", given, _of_folder(name, folder))
        return
    with spooled(given, say) as path:
        image = _is_image(path)
        what = "image" if image else "video"
        name_of = "stdin" if given == STDIN else str(given)
        names = () if path == given else ((path, name_of),)
        if arguments.image_to_image and not image:
            raise UsageError("which_target", f"--image_to_image was given and {path} is a video.")
        if name == STDOUT:
            with _sent(arguments.format, path, image) as out:
                yield Target(what, path, out, (*names, (out, "stdout")))
            return
        if name is not None:
            check_name(name)
        if name is not None and is_folder(name):
            name, folder = None, name if folder is None else folder / name
        out = _inside(folder, name or _usual_name(path, image))
        with _made(out.parent if is_numbered(out) else folder, arguments.dry_run):
            yield Target(what, path, out, names)


def _check_stdout(arguments: argparse.Namespace) -> None:
    if not to_stdout(arguments):
        if arguments.format is not None:
            raise UsageError(
                "which_output",
                "--format is for a result on stdout (--output -).",
                "Elsewhere the name of the result says it.",
            )
        return
    if arguments.out_dir is not None or arguments.report == STDOUT:
        other = "--report -" if arguments.out_dir is None else "--out_dir"
        raise UsageError("which_output", f"The result goes to stdout: {other} cannot be.")
    if sys.stdout is not None and sys.stdout.isatty() and not arguments.dry_run:
        raise UsageError(
            "stdout_is_terminal",
            "A result is not shown on a terminal.",
            "Send it on (| or >), or name a file with --output.",
        )


@contextmanager
def _sent(form: str | None, path: Path, image: bool) -> Iterator[Path]:
    """Give a place for a result that then goes to stdout."""
    from ..video.spool import private_folder, send_to_stdout

    suffix = _usual_name(path, image).suffix if form is None else f".{form}"
    with private_folder("result") as folder:
        out = folder / f"stdout{suffix}"
        yield out
        if out.exists():  # not after a dry run
            send_to_stdout(out)


def _of_folder(name: Path | None, folder: Path | None) -> Path:
    if name is not None and folder is not None:
        raise UsageError("which_output", "--out_dir and --output are the same: give one.")
    if name == STDOUT:
        raise UsageError("which_output", "The results of a folder cannot go to stdout.")
    out = name or folder
    if out is None:
        raise UsageError("no_out_dir", "A folder of inputs needs --out_dir for the results.")
    return out


def _is_image(path: Path) -> bool:
    from ..video.probe import media_kind  # the heavy libraries, not needed for --help

    return media_kind(path) == "image"


def _usual_name(path: Path, image: bool) -> Path:
    from ..jobs.outputs import default_output, default_video_output

    return default_output(path) if image else default_video_output(path)


def _inside(folder: Path | None, name: Path) -> Path:
    if folder is None:
        return name
    if name.is_absolute():
        raise UsageError("which_output", f"{name} does not lie in --out_dir {folder}: give one.")
    return folder / name


@contextmanager
def _made(folder: Path | None, dry_run: bool) -> Iterator[None]:
    """Make a folder for a result; it is taken away again if nothing came into it."""
    from ..jobs.outputs import check_output_folder
    from ..video.files import output_folder

    if folder is not None and not is_folder(folder):
        check_output_folder(folder)
        if not dry_run:
            with output_folder(folder):
                yield
            return
    yield
