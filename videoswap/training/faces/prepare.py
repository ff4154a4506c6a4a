"""Packs faces of photos and videos: scans them, chooses, and writes shards and a page.

Everything is scanned in units, each a shard of its own in ``.scan``, so that a killed run goes on.
Then what needs all faces is decided, and the crops are copied into the shards in a shuffled order.
The same sources and settings give the same shards, however often a run was killed and whatever
the number of processes.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from ...detection.recognition import DlibRecognizer
from ...errors import InputError, OutputError, UsageError, reason_of
from ...fingerprint import digest_of
from ...jsonfile import write_json
from ...locks import discard, try_lock
from ..progress import eta
from ..shards import PackedPictures, ShardWriter, is_packed, pack
from .page import counts_of, write_page
from .scan import units_of
from .selection import Selection, select
from .settings import FacesSettings
from .sources import Item, list_items
from .workers import Unit, scan_units

SCAN, PLAN, SUMMARY, LOCK = ".scan", "plan.json", "faces.json", ".lock"
#: Raised when shards of an earlier version would differ.
SCHEMA = 1
TRIED = 8  # pictures that a dry run looks at
_SCANNED_ONLY = ("reason", "item", "group", "hash", "offset", "size", "parts_offset", "parts_size")


def prepare_faces(
    settings: FacesSettings,
    folder: str | os.PathLike[str],
    *,
    jobs: int = 1,
    cancel: Callable[[], bool] = lambda: False,
    say: Callable[[str], None] = lambda line: None,
) -> bool:
    """Pack faces; a second call goes on where the first one ended.

    Args:
        settings: What is packed.
        folder: Where the shards, ``index.html`` and ``faces.json`` go; made if it is not there.
        jobs: Processes.
        cancel: Asked before every unit and shard.
        say: Takes lines for people.

    Returns:
        Whether all of it is packed.

    Raises:
        InputError: ``bad_source``, ``no_pictures``; ``no_faces`` if none is left.
        OutputError: ``bad_data_folder``, ``data_in_use``, ``cannot_write_shard``,
            ``cannot_write_report``.
        UsageError: ``other_data``, ``wrong_setting``.
    """
    if jobs < 1:
        raise UsageError("wrong_setting", "jobs must be at least 1.")
    folder = Path(folder)
    items = _items(settings)
    key = _key(settings, items)
    scan = folder / SCAN
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = try_lock(folder / LOCK)
    except OSError as error:
        problem = f"The folder {folder} cannot be made: {reason_of(error)}."
        raise OutputError("bad_data_folder", problem) from None
    if lock is None:
        raise OutputError("data_in_use", f"Another process packs faces into {folder}.")
    try:
        if _earlier(folder / SUMMARY, key, folder):
            say("All of it is packed already.")
            return True
        scan.mkdir(exist_ok=True)
        if not _earlier(scan / PLAN, key, folder):
            write_json(scan / PLAN, {"key": key, "items": len(items)})
        if not _scan(settings, items, scan, jobs, cancel, say):
            return False
        return _write(settings, folder, key, cancel, say)
    finally:
        discard(lock)


def estimate_faces(settings: FacesSettings, *, jobs: int = 1) -> list[str]:
    """Say in lines what there is to scan, and from a few pictures how long that takes."""
    items = _items(settings)
    videos = [item for item in items if item.is_video]
    pictures = [item for item in items if not item.is_video]
    people = len({item.identity for item in pictures} - {""})
    lines = [
        f"{len(pictures)} pictures of {people} named people, {len(videos)} videos, "
        f"{sum(item.size for item in items) / 1e9:.2f} GB.",
        f"Crops: {settings.framing}, {settings.crop_size} pixels, {settings.landmarks} landmarks.",
    ]
    if not pictures:
        return lines
    tried = pictures[:: max(1, len(pictures) // TRIED)][:TRIED]
    with TemporaryDirectory() as made:
        place = Path(made)
        scan_units(settings, place, [("warm", tuple(tried[:1]))], jobs=1, cancel=_never, done=_mute)
        began = time.monotonic()
        every = [("tried", tuple(tried))]
        scan_units(settings, place, every, jobs=1, cancel=_never, done=_mute)
        seconds = (time.monotonic() - began) / len(tried)
        packed = PackedPictures(place)
        good = packed.columns["reason"] == ""
        size = packed.columns["size"][good].mean() if good.any() else 0
    share = good.sum() / len(tried)
    whole = eta(seconds * len(pictures) / jobs)
    lines.append(
        f"{len(tried)} pictures tried: {seconds:.2f} s each, so {whole} for all with {jobs} "
        f"processes; {share:.2f} faces each are good, about "
        f"{share * size * len(pictures) / 1e9:.2f} GB of shards."
    )
    return lines


def _never() -> bool:
    return False


def _mute(name: str) -> None:
    """Say nothing."""


def _items(settings: FacesSettings) -> list[Item]:
    folders = settings.identities == "auto"
    return list_items(settings.sources, table=settings.table, folders=folders)


def _key(settings: FacesSettings, items: list[Item]) -> str:
    """Return a text that changes with whatever changes the shards."""
    facts = asdict(replace(settings, sources=(), table=None, keep_scan=False))
    listed = [(one.name, one.identity, one.size) for one in items]
    return digest_of(SCHEMA, facts, listed)


def _earlier(path: Path, key: str, folder: Path) -> bool:
    """Tell whether an earlier run left a file of the same key.

    Raises:
        UsageError: ``other_data`` if its key is another.
    """
    if not path.is_file():
        return False
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["key"]
    except (OSError, ValueError, KeyError, TypeError):
        found = None
    if found != key:
        problem = f"{folder} was begun with other sources or settings."
        raise UsageError("other_data", problem, "Use another folder, or delete this one.")
    return True


def _scan(
    settings: FacesSettings,
    items: list[Item],
    scan: Path,
    jobs: int,
    cancel: Callable[[], bool],
    say: Callable[[str], None],
) -> bool:
    units: list[Unit] = [
        (f"{number:06d}", unit) for number, unit in enumerate(units_of(items, settings.per_unit))
    ]
    missing = [unit for unit in units if not is_packed(scan, unit[0])]
    if len(missing) < len(units):
        say(f"{len(units) - len(missing)} of {len(units)} parts are scanned already.")
    began, count = time.monotonic(), 0

    def done(name: str) -> None:
        nonlocal count
        count += 1
        left = len(missing) - count
        seconds = (time.monotonic() - began) / count * left
        say(f"Scanned part {name}, {left} to go, {eta(seconds)} left.")

    return scan_units(
        settings, scan, missing, jobs=min(jobs, max(len(missing), 1)), cancel=cancel, done=done
    )


def _write(
    settings: FacesSettings,
    folder: Path,
    key: str,
    cancel: Callable[[], bool],
    say: Callable[[str], None],
) -> bool:
    scanned = PackedPictures(folder / SCAN)
    selection = select(scanned.columns, settings, DlibRecognizer())
    page = write_page(folder, scanned.columns, selection, settings, scanned.jpeg)
    if not len(selection.order):
        problem = f"None of the {len(selection.reasons)} faces is good enough."
        raise InputError("no_faces", problem, f"See {page} for the reasons.")
    parts = dict(_shards(settings, selection))

    def fill(name: str, shard: ShardWriter) -> None:
        for row in parts[name]:
            _copy(scanned, selection, row, shard)

    if pack(folder, parts, fill, cancel=cancel, say=say):
        return False
    counts = counts_of(selection)
    people = len(set(selection.identities[selection.order].tolist()) - {""})
    write_json(folder / SUMMARY, {"key": key, "schema": SCHEMA, "people": people, "counts": counts})
    say(", ".join(f"{name} {count}" for name, count in counts.items()))
    if not settings.keep_scan:
        shutil.rmtree(folder / SCAN, ignore_errors=True)
    return True


def _shards(settings: FacesSettings, selection: Selection) -> Iterator[tuple[str, list[int]]]:
    """Yield the names of the shards and the rows that go into each."""
    rows = selection.order.tolist()
    for number, first in enumerate(range(0, len(rows), settings.per_shard)):
        yield f"faces-{number:05d}", rows[first : first + settings.per_shard]


def _copy(scanned: PackedPictures, selection: Selection, row: int, shard: ShardWriter) -> None:
    columns = {
        name: column[row] for name, column in scanned.columns.items() if name not in _SCANNED_ONLY
    }
    columns |= {"identity": selection.identities[row], "held": selection.held[row]}
    shard.add(
        scanned.jpeg(row),
        parts=scanned.parts_png(row) if scanned.has_parts else None,
        **columns,
    )
