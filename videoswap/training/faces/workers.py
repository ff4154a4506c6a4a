"""Scans units in several processes; a process that dies or is left alone ends the others."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterable
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

import cv2

from ...errors import VideoswapError
from ..shards import ShardWriter
from .scan import FaceScanner
from .settings import FacesSettings
from .sources import Item

CACHE = "analyses"  # folder of begun analyses of videos
_POLL = 0.5  # seconds between two looks at whether it is cancelled

#: Name of a shard, and what is scanned into it.
Unit = tuple[str, tuple[Item, ...]]


def scan_units(
    settings: FacesSettings,
    folder: Path,
    units: Iterable[Unit],
    *,
    jobs: int,
    cancel: Callable[[], bool],
    done: Callable[[str], None],
) -> bool:
    """Scan units into shards.

    Args:
        settings: What is packed.
        folder: Where the shards go.
        units: Those that are missing.
        jobs: Processes; 1 scans in this one.
        cancel: Asked before every unit.
        done: Told the name of every unit that is complete.

    Returns:
        Whether all were scanned.

    Raises:
        VideoswapError: Whatever stops the scan of a unit.
    """
    left = iter(units)
    if jobs == 1:
        scanner = FaceScanner(settings, folder / CACHE)
        for name, items in left:
            if cancel():
                return False
            _scan(scanner, folder, name, items)
            done(name)
        return True
    context = multiprocessing.get_context("spawn")
    workers: dict[Connection, BaseProcess] = {}
    try:
        for _ in range(jobs):
            ours, theirs = context.Pipe()
            process: BaseProcess = context.Process(
                target=_work, args=(settings, folder, theirs), daemon=True
            )
            process.start()
            theirs.close()
            workers[ours] = process
        return _deal(workers, left, cancel, done)
    except BaseException:
        for process in workers.values():
            process.terminate()  # a shard that is not complete has no name yet
        raise
    finally:
        for connection, process in workers.items():
            connection.close()  # a process that waits for work ends by it
            process.join()


def _deal(
    workers: dict[Connection, BaseProcess],
    left: Iterable[Unit],
    cancel: Callable[[], bool],
    done: Callable[[str], None],
) -> bool:
    """Give units to whoever asks for one, until there are none."""
    units, busy, stopped = iter(left), dict(workers), False
    while busy:
        for connection in wait(list(busy), _POLL):
            assert isinstance(connection, Connection)
            try:
                name, problem = connection.recv()
            except EOFError:
                problem, name = (VideoswapError, "worker_died", "A process ended.", ""), ""
            if problem is not None:
                kind, *words = problem
                raise kind(*words)
            if name:
                done(name)
            stopped = stopped or cancel()
            unit = None if stopped else next(units, None)
            connection.send(unit)
            if unit is None:
                del busy[connection]
    return not stopped


def _work(settings: FacesSettings, folder: Path, connection: Connection) -> None:
    """Scan what the parent process sends until it sends nothing more, or is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    cv2.setNumThreads(1)
    try:
        scanner = FaceScanner(settings, folder / CACHE)
        connection.send(("", None))
        while (unit := connection.recv()) is not None:
            _scan(scanner, folder, *unit)
            connection.send((unit[0], None))
    except VideoswapError as error:
        connection.send(("", (type(error), error.code, error.message, error.hint)))
    except (EOFError, BrokenPipeError):
        return


def _scan(scanner: FaceScanner, folder: Path, name: str, items: tuple[Item, ...]) -> None:
    with ShardWriter(folder, name) as shard:
        scanner.scan(items, shard)
