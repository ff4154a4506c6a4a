"""How workers get at a film: by the path that the run has, or from what was sent to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import InputError
from ..fingerprint import file_digest
from ..video.files import FileStamp
from ..video.probe import VideoInfo


@dataclass(frozen=True, slots=True, eq=False)
class Film:
    """A film for workers.

    Attributes:
        fetch: Returns the path of a copy where a worker runs; None where the film's own path is
            good there.
        digest: SHA-256 of the film, which a worker compares with that of the file it finds; None
            where both see the same file.
    """

    fetch: Callable[[], Path] | None = None
    digest: str | None = None

    def info(self, info: VideoInfo) -> VideoInfo:
        """Return what is known of the film, as the worker sees its file.

        Args:
            info: The film as the run sees it.

        Raises:
            InputError: ``film_not_shared`` if another file, or none, is there.
        """
        if info.sequence is not None or info.stamp is None:
            return info
        path = info.path if self.fetch is None else self.fetch()
        try:
            stamp = FileStamp.of(path)
        except InputError:
            stamp = None
        found = stamp is not None and stamp.size == info.stamp.size
        if not found or (self.digest is not None and file_digest(path) != self.digest):
            raise InputError(
                "film_not_shared",
                f"A worker does not find the film as {path}.",
                "Put it where all machines see it under one path, or send it (--ship_input).",
            )
        return replace(info, path=path, stamp=stamp)  # device and inode are another machine's
