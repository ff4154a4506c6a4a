"""Checks of output paths before any work is done, and default names of results."""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path

from ..errors import OutputError
from ..paths import is_folder, is_link, real_path, shortened
from ..video.sequences.pattern import is_numbered, numbered_files, numbered_name

NAME_MAX = 255  # bytes of a file name where the system does not say
PATH_MAX = 4096  # bytes of a path, with the zero at its end, where the system does not say
# Bytes that temporary files and folders beside a result may need after the folder's path.
TEMPORARY_PATH_BYTES = 96
# Bytes that a name chosen by default leaves free, for whatever is added to it later.
SPARE_NAME_BYTES = 16
_JOINER = "\u200d"  # makes one sign of two


class InputFiles:
    """The files that a run reads, with a fast lookup.

    Args:
        paths: The files; those that do not exist count by their path.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self._by_path: dict[str, Path] = {}
        self._by_file: dict[tuple[int, int], Path] = {}
        for path in paths:
            self._by_path.setdefault(os.path.realpath(path), path)
            identity = file_identity(path)
            if identity is not None:
                self._by_file.setdefault(identity, path)

    def same_as(self, out: Path) -> Path | None:
        """Return the input that a path names too, be it by a link or in other letter case."""
        found = self._by_path.get(os.path.realpath(out))
        if found is not None:
            return found
        identity = file_identity(out)
        return None if identity is None else self._by_file.get(identity)


def file_identity(path: Path) -> tuple[int, int] | None:
    """Return device and inode of the file that a path leads to; None if there is none."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino


def check_outputs(
    outputs: Mapping[str, Path | None], inputs: InputFiles | Iterable[Path], overwrite: bool
) -> None:
    """Refuse results that cannot or must not be written.

    Args:
        outputs: The results by what they are (``result``, ``report``), which messages name;
            None where one is not wanted.
        inputs: The files that are read.
        overwrite: Whether files that exist may be replaced; inputs never are.

    Raises:
        OutputError: ``name_too_long``, ``output_is_input`` (also for two outputs of one name),
            ``output_is_directory``, ``output_not_a_file``, ``output_exists``,
            ``no_output_folder`` or ``unwritable_output``.
    """
    known = inputs if isinstance(inputs, InputFiles) else InputFiles(inputs)
    before: dict[object, str] = {}
    for what, out in outputs.items():
        if out is None:
            continue
        check_name(out)
        if known.same_as(out) is not None:
            raise OutputError("output_is_input", f"{out} is also an input.", "Name another output.")
        for key in (file_identity(out), place_of(out)):
            if key is not None and before.setdefault(key, what) != what:
                message = f"{out} is to be both the {before[key]} and the {what}."
                raise OutputError("output_is_input", message, "Name two files.")
        _check_free(out, overwrite)
        _check_folder(out.parent)


def results_of(out: Path) -> dict[str, Path]:
    """Return the files that a result may replace, for `check_outputs`.

    Of numbered pictures (out/%04d.png) these are the ones that are there, or the first.

    Raises:
        OutputError: ``name_too_long``.
    """
    check_name(out)
    if not is_numbered(out):
        return {"result": out}
    there = numbered_files(out) or {1: numbered_name(out, 1)}
    return {f"result {number}": path for number, path in there.items()}


def check_name(out: Path) -> None:
    """Refuse a name or a path that is longer than the file system allows.

    Raises:
        OutputError: ``name_too_long``.
    """
    most = longest_name(out.parent)
    if len(os.fsencode(out.name)) > most:
        message = (
            f"The name {shortened(out.name)} is longer than the {most} bytes that a name may have."
        )
        raise OutputError("name_too_long", message, "Choose a shorter name.")
    most = _limit(out.parent, "PC_PATH_MAX", PATH_MAX)
    folder = len(os.fsencode(out.parent))
    if max(len(os.fsencode(out)), folder + TEMPORARY_PATH_BYTES) >= most:
        message = (
            f"The path {shortened(out)} is longer than the {most - 1} bytes that a path may have."
        )
        raise OutputError("name_too_long", message, "Choose a place with a shorter path.")


def _check_free(out: Path, overwrite: bool) -> None:
    try:
        mode = out.stat().st_mode
    except OSError:
        if is_link(out) and not overwrite:
            raise OutputError(
                "output_exists",
                f"{out} exists already: it is a link that leads nowhere.",
                "Use --overwrite to replace the link.",
            ) from None
        return
    if stat.S_ISDIR(mode):
        raise OutputError("output_is_directory", f"{out} is a directory.", "Name a file.")
    if not stat.S_ISREG(mode):
        raise OutputError("output_not_a_file", f"{out} is {_kind(mode)}.", "Name a file.")
    if not overwrite:
        raise OutputError(
            "output_exists", f"{out} exists already.", "Use --overwrite to replace it."
        )


def _kind(mode: int) -> str:
    if stat.S_ISFIFO(mode):
        return "a pipe"
    return "a socket" if stat.S_ISSOCK(mode) else "a device"


def _check_folder(folder: Path) -> None:
    if not is_folder(folder):
        raise OutputError(
            "no_output_folder", f"The folder {folder} does not exist.", "Make it first."
        )
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(
            "unwritable_output", f"The folder {folder} cannot be written to.", "Choose another."
        )


def check_output_folder(folder: Path) -> None:
    """Refuse a folder for results that cannot be made or written to.

    Raises:
        OutputError: ``output_not_a_folder``, ``name_too_long`` or ``unwritable_output``.
    """
    check_name(folder)
    if os.path.lexists(folder) and not is_folder(folder):
        raise OutputError(
            "output_not_a_folder", f"{folder} is there and is not a folder.", "Name another."
        )
    place = folder.absolute()
    while not os.path.lexists(place):
        place = place.parent
    _check_folder(place)


def place_of(out: Path) -> Path:
    """Return a path that two paths share if they would become the same file."""
    name = folded(out.name) if ignores_case(out.parent) else out.name
    return real_path(out.parent) / name


def folded(name: str) -> str:
    """Return a name as file systems that ignore case compare it."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def ignores_case(folder: Path) -> bool:
    """Tell whether names in a folder, which need not exist yet, are the same in any letter case.

    Nothing is written to find out: an entry of the folder, or else the folder itself or the
    nearest one above it with letters in its name, is looked for in the other case.
    """
    place = real_path(folder)
    while not place.exists() and place != place.parent:
        place = place.parent
    for path in (*_one_entry(place), place, *place.parents):
        other = path.name.swapcase()
        if _tells_case(path.name) and path.exists():
            identity = file_identity(path)
            return identity is not None and identity == file_identity(path.with_name(other))
    return False


def _one_entry(folder: Path) -> list[Path]:
    """Return an entry of a folder whose name can be written in another letter case, if any."""
    try:
        with os.scandir(folder) as entries:
            name = next((entry.name for entry in entries if _tells_case(entry.name)), None)
    except OSError:
        return []
    return [] if name is None else [folder / name]


def _tells_case(name: str) -> bool:
    return name.swapcase() != name and name.swapcase().swapcase() == name


def longest_name(folder: Path) -> int:
    """Return how many bytes the name of a file in a folder may have."""
    return _limit(folder, "PC_NAME_MAX", NAME_MAX)


def _limit(folder: Path, what: str, usual: int) -> int:
    try:
        limit = os.pathconf(folder, what)
    except (AttributeError, OSError, ValueError):
        return usual
    return limit if limit > 0 else usual


def fitted_name(stem: str, ending: str, most: int) -> str:
    """Return a stem with an ending, the stem shortened so that both have at most so many bytes.

    It ends with a whole character, with all the accents that belong to it.
    """
    room = most - len(os.fsencode(ending))
    if len(os.fsencode(stem)) <= room:
        return stem + ending
    kept = 1
    while kept < len(stem) and len(os.fsencode(stem[: kept + 1])) <= room:
        kept += 1
    while kept > 1 and (_belongs_to_the_one_before(stem[kept]) or stem[kept - 1] == _JOINER):
        kept -= 1
    return (stem[:kept].rstrip(" .") or stem[:1]) + ending


def _belongs_to_the_one_before(sign: str) -> bool:
    skin_tone = "\U0001f3fb" <= sign <= "\U0001f3ff"
    return sign == _JOINER or skin_tone or unicodedata.category(sign) in ("Mn", "Me", "Mc")


def default_output(target: Path) -> Path:
    """Return NAME_swapped in the current folder, in the picture's format if it can be written.

    Raises:
        InputError: If the picture cannot be read.
    """
    from ..video.stills.picture import picture_suffix  # not needed for --help

    return _beside_you(target, picture_suffix(target))


def default_video_output(video: Path) -> Path:
    """Return NAME_swapped in the current folder, in the video's container if it can be written.

    Raises:
        InputError: If the video cannot be read.
    """
    from ..video.formats import default_suffix  # not needed for --help
    from ..video.probe import probe

    if is_numbered(video):
        return _beside_you(Path(f"{video.absolute().parent.name}.mp4"), ".mp4")
    info = probe(video)
    if info.animation is not None:
        return default_output(video)
    return _beside_you(video, default_suffix(info.formats, video, info.pix_fmt))


def _beside_you(target: Path, suffix: str) -> Path:
    """Return NAME_swapped with a suffix in the current folder, shortened if that is too long."""
    return Path(
        fitted_name(target.stem, f"_swapped{suffix}", longest_name(Path()) - SPARE_NAME_BYTES)
    )
