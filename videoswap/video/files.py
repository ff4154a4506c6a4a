"""Files in and out: checked inputs, FFmpeg URLs, atomic outputs, and temporary files.

A temporary file or folder has a hidden name with the machine and process that it belongs to, and is
locked while in use, so that a later run can remove what a killed one left.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import itertools
import os
import platform
import re
import shutil
import stat
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from ..errors import InputError, OutputError
from ..paths import AnyPath, is_folder, shortened

if TYPE_CHECKING:
    from av.codec.hwaccel import HWAccel
    from av.container import InputContainer

# Only these demuxers may open a file: none of them follows references to other files or URLs.
INPUT_FORMATS = (
    "mov,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,asf,nut,ogg,gif,apng,mxf,ivf,dv,rm,"
    "yuv4mpegpipe,h264,hevc,m4v,obu,av1,vvc,gxf,wtv,nsv,amv,h263,h261,vc1,cavsvideo"
)
ADDRESS = re.compile(r"(https?|ftp|s3|gs|file|rtmps?|rtsp|data):", re.IGNORECASE)


def url(path: Path) -> str:
    """Return an FFmpeg URL that names exactly this file, whatever characters it holds."""
    return f"file:{path}"


def check_readable(path: Path) -> None:
    """Check that a path names a readable file with something in it.

    Raises:
        InputError: ``missing_file``, ``is_directory``, ``not_a_file``, ``unreadable_file`` or
            ``empty_file``.
    """
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise InputError("is_directory", f"{path} is a directory, not a file.")
        if not (stat.S_ISREG(mode) or stat.S_ISBLK(mode)):  # to read it may wait for ever
            raise InputError(
                "not_a_file",
                f"{path} is a pipe or a device, and inputs are read more than once.",
                "Save it in a file first.",
            )
        with path.open("rb") as file:
            first = file.read(1)
    except FileNotFoundError:
        hint = "Check the name and the folder."
        if ADDRESS.match(str(path)):
            hint = "Addresses of the web are not read; download it first."
        raise InputError("missing_file", f"{path} does not exist.", hint) from None
    except OSError as error:
        name = shortened(path) if error.errno == errno.ENAMETOOLONG else path
        raise InputError("unreadable_file", f"{name} cannot be read: {error.strerror}.") from None
    if not first:
        raise InputError("empty_file", f"{path} is empty.")


@dataclass(frozen=True, slots=True)
class FileStamp:
    """Size, time, device and inode of a file: what shows that it changed, without reading it.

    The time of the last change of links and permissions is left out: these change no content.
    """

    size: int
    mtime_ns: int
    device: int
    inode: int

    @classmethod
    def of(cls, path: AnyPath) -> Self:
        """Return the stamp of a file as it is now.

        Raises:
            InputError: ``missing_file`` and the like.
        """
        path = Path(path)
        try:
            found = path.stat()
        except OSError:
            check_readable(path)
            found = path.stat()
        return cls(found.st_size, found.st_mtime_ns, found.st_dev, found.st_ino)


def open_input(path: Path, hardware: HWAccel | None = None) -> InputContainer:
    """Open a media file for reading, from the local disk and with known formats only.

    Args:
        path: The file.
        hardware: What decodes its video; None for the CPU.

    Raises:
        InputError: If the file is missing, empty, a directory, or not media.
        av.FFmpegError, RuntimeError: If the hardware cannot be opened, or decodes none of it.
    """
    import av  # large, and not needed by what only checks or writes files

    check_readable(path)
    options = {"protocol_whitelist": "file", "format_whitelist": INPUT_FORMATS}
    try:
        return av.open(
            url(path), "r", container_options=options, metadata_errors="replace", hwaccel=hardware
        )
    except (av.FFmpegError, ValueError) as error:
        if hardware is not None:
            raise
        raise InputError(
            "not_media",
            f"{path} is not a video that can be read, or it is damaged or cut short.",
            f"FFmpeg says: {getattr(error, 'strerror', None) or error}.",
        ) from None


@contextlib.contextmanager
def ffmpeg_errors() -> Iterator[list[str]]:
    """Collect the errors that FFmpeg logs in this thread, a line each, filled in at the end.

    Decode nothing inside with several threads: one that logs waits for Python's lock, which
    whoever frees the decoder may hold while it waits for the thread.
    """
    import av

    said: list[str] = []
    with av.logging.Capture() as logs:
        av.logging.set_level(av.logging.ERROR)
        try:
            yield said
        finally:
            av.logging.set_level(None)
            errors = [text for level, _, text in logs if level <= av.logging.ERROR]
            said += [text.strip().rstrip(".") for text in errors]


@contextlib.contextmanager
def output_errors(out: Path) -> Iterator[None]:
    """Turn a failure to write into an OutputError that names the result."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        raise OutputError(
            "disk_full" if full else "unwritable_output",
            f"{out} cannot be written: {os.strerror(error.errno or errno.EIO)}.",
            "Free some space or choose another folder." if full else "Choose another place.",
        ) from error
    except Exception as error:
        av = sys.modules.get("av")  # not needed for --help and `models list`
        if av is None or not isinstance(error, av.FFmpegError):
            raise
        raise OutputError("write_failed", f"{out} cannot be written: {error.strerror}.") from error


@contextlib.contextmanager
def output_folder(folder: Path) -> Iterator[None]:
    """Make a folder for results and its parents; those still empty at the end are removed.

    Raises:
        OutputError: ``unwritable_output`` or ``disk_full``.
    """
    new = [part for part in (folder, *folder.parents) if not os.path.lexists(part)]
    with output_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        for part in new:
            with contextlib.suppress(OSError):  # not empty: as it should be
                part.rmdir()


def _appear(part: Path, out: Path) -> None:
    """Rename a finished file only if the new name is free.

    Raises:
        FileExistsError: If it is not.
    """
    try:
        out.hardlink_to(part)
    except FileExistsError:
        raise
    except OSError:  # no links here: reserve the name, then take it
        out.touch(exist_ok=False)
        part.replace(out)
    else:
        part.unlink()


def keep_aside(part: Path, out: Path, word: str) -> Path:
    """Rename a finished file to a free name beside ``out`` that contains a word.

    Returns:
        Its name.

    Raises:
        OSError: If it cannot be renamed.
    """
    stem = out.stem.encode("utf-8", "surrogateescape")[:200].decode("utf-8", "ignore")
    for number in itertools.count(1):
        aside = out.with_name(f"{stem}.{word}{number if number > 1 else ''}{out.suffix}")
        with contextlib.suppress(FileExistsError):
            _appear(part, aside)
            return aside
    raise AssertionError("names never end")


@contextlib.contextmanager
def atomic_output(out: Path, overwrite: bool = True) -> Iterator[Path]:
    """Give a temporary path beside ``out`` that becomes ``out`` only if all goes well.

    Args:
        out: The result.
        overwrite: Whether a file that appeared under its name meanwhile is replaced. If not, the
            result gets a free name beside it: its work is not lost.

    Yields:
        The path to write to; its name says nothing about the format.

    Raises:
        OutputError: ``output_is_directory``, ``unwritable_output``, ``disk_full`` or
            ``output_exists``.
    """
    if is_folder(out):
        raise OutputError("output_is_directory", f"{out} is a directory.", "Name a file.")
    part = scratch_path(out.parent, "part")
    try:
        with output_errors(out):
            part.touch(exist_ok=False)
            with locked_scratch(part):
                yield part
                if overwrite:
                    part.replace(out)
                    return
                try:
                    _appear(part, out)
                except FileExistsError:
                    aside = keep_aside(part, out, "new")
                    raise OutputError(
                        "output_exists",
                        f"{out} exists already: it came while this was being made.",
                        f"What was made lies in {aside}.",
                    ) from None
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise


try:
    import fcntl
except ImportError:  # Windows: no locks of this kind, and nothing is cleared
    fcntl = None  # type: ignore[assignment]

_OURS = re.compile(r"\.videoswap-([0-9a-f]{8})-(\d+)-[0-9a-f]{12}\.\w+(\.part)?")


def scratch_path(folder: Path, kind: str) -> Path:
    """Return a hidden name in a folder that is this process's own.

    Args:
        folder: The folder of the result.
        kind: A word for what it is, which ends the name.
    """
    return folder / f".videoswap-{_machine()}-{os.getpid()}-{uuid.uuid4().hex[:12]}.{kind}"


@contextlib.contextmanager
def locked_scratch(path: Path) -> Iterator[None]:
    """Hold a shared lock that shows other processes that a temporary file or folder is in use."""
    if fcntl is None:
        yield
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # a file system without locks: the name must do
            fcntl.flock(handle, fcntl.LOCK_SH)
        yield
    finally:
        os.close(handle)


def clear_leftovers(folder: Path) -> None:
    """Remove temporary files that killed processes of this machine left in a folder."""
    if fcntl is None:
        return
    try:
        names = [entry.name for entry in os.scandir(folder) if entry.name.startswith(".videoswap-")]
    except OSError:
        return
    for name in names:
        ours = _OURS.fullmatch(name)
        if ours is None or ours[1] != _machine() or _alive(int(ours[2])):
            continue
        path = folder / name
        with contextlib.suppress(OSError):  # another run clears too, or it is somebody else's
            if path.lstat().st_uid == os.getuid() and _free(path):
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def _free(path: Path) -> bool:
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _machine() -> str:
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]
