"""What a run does otherwise than asked, said as it becomes known."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..records import Fallback


class Notes:
    """What is done otherwise than asked or expected: said as soon as it is known, and kept."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.said: list[str] = []
        self._say = say

    def add(self, notes: Iterable[Fallback | str]) -> None:
        """Say some notes."""
        for note in map(str, notes):
            self.said.append(note)
            self._say(f"Note: {note.rstrip('.')}.")
