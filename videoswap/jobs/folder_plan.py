"""The files of a folder and the name of each result, settled before any work starts."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from ..errors import InputError
from ..paths import is_file
from ..video.formats import VIDEO_SUFFIXES, default_suffix
from ..video.probe import media_kind, probe
from ..video.stills.picture import picture_suffix
from ..video.stills.pillow import READABLE_SUFFIXES
from .outputs import file_identity, fitted_name, folded

# Files with such a name that cannot be read have failed; others were never meant.
MEDIA_SUFFIXES = READABLE_SUFFIXES | VIDEO_SUFFIXES
_NOT_MEDIA = ("not_media", "no_video_stream", "not_a_picture", "empty_file")
_HASH_DIGITS = 8


@dataclass(frozen=True, slots=True)
class FileFilter:
    """Which files of a folder are wanted.

    Attributes:
        newer_than: Only files changed after this time, in seconds since 1970; None for all.
        exclude: Patterns (``*.gif``, ``drafts/*``) of names that are left out.
    """

    newer_than: float | None = None
    exclude: tuple[str, ...] = ()

    def takes(self, path: Path, name: str) -> bool:
        """Tell whether a file is wanted.

        Args:
            path: The file.
            name: Its path below the folder.
        """
        if any(fnmatch(text, one) for one in self.exclude for text in (name, path.name)):
            return False
        try:
            return self.newer_than is None or path.stat().st_mtime > self.newer_than
        except OSError:
            return True  # to be told that it cannot be read


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """One file to work on.

    Attributes:
        path: The file.
        name: Its path below the folder.
        kind: ``image``, ``video`` or ``animation``; None if it cannot be read.
        result: The path of the result below the results' folder; None if it cannot be read.
        error: Why it cannot be read.
    """

    path: Path
    name: str
    kind: str | None = None
    result: str | None = None
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class FolderPlan:
    """What there is to do in a folder.

    Attributes:
        entries: The files to work on, by name.
        others: Names of files that are neither video nor picture.
        left_out: Names of videos and pictures that are not wanted.
    """

    entries: tuple[PlannedFile, ...]
    others: tuple[str, ...]
    left_out: tuple[str, ...]


def plan_folder(folder: Path, choice: FileFilter, ignore_case: bool, longest: int) -> FolderPlan:
    """Plan the work on a folder and its sub-folders; hidden files are skipped.

    Links to files are followed, links to folders are not.

    Args:
        folder: The folder.
        choice: Which files are wanted. It has no part in the names of results.
        ignore_case: Whether names of results must differ in more than letter case.
        longest: Most bytes of a result's name.
    """
    read: list[PlannedFile] = []
    suffixes: dict[str, str] = {}
    others: list[str] = []
    for found in _walk(folder):
        name = str(found.path.relative_to(folder))
        if found.error is not None:
            read.append(PlannedFile(found.path, name, error=found.error))
            continue
        if not found.is_file:
            others.append(name)
            continue
        try:
            what = media_kind(found.path)
            suffixes[name] = _result_suffix(found.path, what)
        except InputError as error:
            if error.code in _NOT_MEDIA and found.path.suffix.lower() not in MEDIA_SUFFIXES:
                others.append(name)
            else:
                read.append(PlannedFile(found.path, name, error=error))
        except Exception as error:  # said when its turn comes; one file never ends a folder
            read.append(PlannedFile(found.path, name, error=error))
        else:
            read.append(PlannedFile(found.path, name, kind=what))
    results = result_names(suffixes, ignore_case, longest)
    entries, left_out = [], []
    for entry in read:
        if not choice.takes(entry.path, entry.name):
            left_out.append(entry.name)
        else:
            result = results.get(entry.name)
            entries.append(PlannedFile(entry.path, entry.name, entry.kind, result, entry.error))
    return FolderPlan(tuple(entries), tuple(others), tuple(left_out))


@dataclass(frozen=True, slots=True)
class _Found:
    path: Path
    is_file: bool
    error: InputError | None = None


def _walk(folder: Path) -> Iterator[_Found]:
    """Yield the files of a folder by name, and the folders that cannot be read."""
    found: list[_Found] = []

    def unreadable(error: OSError) -> None:
        path = Path(os.fsdecode(error.filename))
        message = f"The folder {path} cannot be read: {error.strerror}."
        found.append(_Found(path, False, InputError("unreadable_folder", message)))

    for place, folders, files in os.walk(folder, onerror=unreadable):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            path = Path(place, name)
            if not name.startswith("."):
                # What leads nowhere, or where we may not look, fails when it is read. A pipe is
                # never opened.
                found.append(_Found(path, is_file(path) or file_identity(path) is None))
    yield from sorted(found, key=lambda one: one.path)


def _result_suffix(path: Path, what: str) -> str:
    """Return the suffix of a file's result: its own wherever that can be written."""
    if what != "video":
        return picture_suffix(path)
    info = probe(path)
    suffix = default_suffix(info.formats, path, info.pix_fmt)
    return path.suffix if path.suffix.lower() == suffix else suffix


def result_names(suffixes: dict[str, str], ignore_case: bool, longest: int) -> dict[str, str]:
    """Give every file a result's name of its own, whatever exists already.

    A result has the name of its file, with another suffix where it must be. Where two would
    have the same name, or it is the name of a folder, that suffix comes behind the file's own
    (``a.bmp.png``).

    Args:
        suffixes: Suffixes of results, by paths of files below the folder.
        ignore_case: Whether names must differ in more than letter case.
        longest: Most bytes of a name.

    Returns:
        Paths of results below the results' folder, by paths of files.
    """

    def key(path: Path) -> str:
        return folded(str(path)) if ignore_case else str(path)

    # Files that keep their name come first, then those whose new name nobody else wants.
    plain = {name: Path(name).with_suffix(suffix) for name, suffix in suffixes.items()}
    wanted_by = Counter(key(path) for path in plain.values())
    kept = [name for name, path in plain.items() if str(path) == name]
    alone = [name for name, path in plain.items() if wanted_by[key(path)] == 1]
    order = dict.fromkeys((*kept, *alone, *plain))
    taken = {key(folder) for name in suffixes for folder in Path(name).parents}
    names: dict[str, str] = {}
    for name in order:
        path, suffix = Path(name), suffixes[name]
        shared = wanted_by[key(plain[name])] > 1 and str(plain[name]) != name
        candidates = [] if shared else [plain[name]]
        candidates.append(path.with_name(path.name + suffix))
        digest = hashlib.sha256(os.fsencode(name)).hexdigest()
        for mark in (digest[:_HASH_DIGITS], digest):
            candidates.append(path.with_name(fitted_name(path.stem, f"~{mark}{suffix}", longest)))
        for candidate in candidates:
            fits = len(os.fsencode(candidate.name)) <= longest
            if fits and key(candidate) not in taken:
                taken.add(key(candidate))
                names[name] = str(candidate)
                break
    return names
