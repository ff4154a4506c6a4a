"""A look at the neighbours of every item of a stream."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

Item = TypeVar("Item")


def windows(
    items: Iterable[Item], reach: int, joined: Callable[[Item, Item], bool]
) -> Iterator[tuple[Sequence[Item], int]]:
    """Yield every item with its neighbours, ``reach`` items late.

    Args:
        items: The stream.
        reach: Most neighbours on either side.
        joined: Says whether an item follows another one without a break; windows do not reach
            over breaks.

    Yields:
        The window, in order, and the place of the item in it.
    """
    held: list[Item] = []
    done = 0  # items of ``held`` that were given
    for item in items:
        if held and not joined(held[-1], item):
            yield from ((_around(held, place, reach)) for place in range(done, len(held)))
            held, done = [], 0
        held.append(item)
        if len(held) - done > reach:
            yield _around(held, done, reach)
            done += 1
            passed = max(0, done - reach)
            held, done = held[passed:], done - passed
    yield from (_around(held, place, reach) for place in range(done, len(held)))


def _around(held: Sequence[Item], place: int, reach: int) -> tuple[Sequence[Item], int]:
    first = max(0, place - reach)
    return tuple(held[first : place + reach + 1]), place - first
