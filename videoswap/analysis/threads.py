"""Runs an iterator ahead of its consumer in a thread, with a bounded queue between."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Generator, Iterable
from typing import TypeVar

Item = TypeVar("Item")
POLL = 0.1  # seconds between looks at whether the other side gave up


@contextlib.contextmanager
def prefetched(items: Iterable[Item], size: int) -> Generator[Generator[Item]]:
    """Give an iterator over ``items`` whose work is done in a thread of its own.

    An error of the thread is raised in the consumer. Leaving the context stops the thread, after
    the item it is at, and waits for it.

    Args:
        items: What to iterate; only the thread touches it.
        size: Items that may wait to be taken.
    """
    waiting: queue.Queue[tuple[bool, Item | BaseException | None]] = queue.Queue(size)
    given_up = threading.Event()

    def put(entry: tuple[bool, Item | BaseException | None]) -> bool:
        while not given_up.is_set():
            with contextlib.suppress(queue.Full):
                waiting.put(entry, timeout=POLL)
                return True
        return False

    def work() -> None:
        try:
            for item in items:
                if not put((True, item)):
                    return
            put((False, None))
        except BaseException as error:  # handed to the consumer, whatever it is
            put((False, error))
        finally:
            close = getattr(items, "close", None)
            if close is not None:
                close()

    def take() -> Generator[Item]:
        while True:
            more, item = waiting.get()
            if isinstance(item, BaseException) and not more:
                raise item
            if not more:
                return
            yield item  # type: ignore[misc]

    thread = threading.Thread(target=work, name="analysis", daemon=True)
    thread.start()
    try:
        yield take()
    finally:
        given_up.set()
        thread.join()
