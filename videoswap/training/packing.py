"""How data is packed, whatever it is: shard by shard, and after a break with the missing ones."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Protocol, TypeVar

from .shards import ShardWriter, pack

Say = Callable[[str], None]
_Settings = TypeVar("_Settings", contravariant=True)


def _nothing(say: Say) -> None:
    """Do nothing at the end."""


@dataclass(frozen=True, slots=True)
class Packing:
    """What is packed.

    Attributes:
        names: Of all shards, in their order.
        fill: Adds the samples of a shard; depends on nothing but its name, and on the shards
            before it.
        finish: Called once all of them are there; takes what takes lines for people.
    """

    names: Iterable[str]
    fill: Callable[[str, ShardWriter], None]
    finish: Callable[[Say], None] = _nothing


class Prepare(Protocol[_Settings]):
    """Packs data; a second call goes on where the first one ended."""

    def __call__(
        self,
        settings: _Settings,
        folder: str | os.PathLike[str],
        *,
        cancel: Callable[[], bool] = ...,
        say: Say = ...,
    ) -> bool:
        """Pack.

        Args:
            settings: What is packed.
            folder: Where the shards go; made if it is not there.
            cancel: Asked before every shard.
            say: Takes lines for people.

        Returns:
            Whether all of it is packed.

        Raises:
            InputError: ``damaged_shard``, and what the function says that was made a `Prepare`.
            OutputError: ``cannot_write_shard``.
        """


def preparation(plan: Callable[[_Settings, Path], Packing]) -> Prepare[_Settings]:
    """Make a `Prepare` of a function that says what is packed into a folder."""

    @wraps(plan)
    def prepare(
        settings: _Settings,
        folder: str | os.PathLike[str],
        *,
        cancel: Callable[[], bool] = lambda: False,
        say: Say = lambda line: None,
    ) -> bool:
        packing = plan(settings, Path(folder))
        if pack(Path(folder), packing.names, packing.fill, cancel=cancel, say=say):
            return False
        packing.finish(say)
        return True

    return prepare
