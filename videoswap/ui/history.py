"""A plan that is edited, with what can be taken back, also after a restart."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..jsonfile import write_json
from ..people.plan import Plan
from ..people.plan_reading import read_plan

MOST_EDITS = 100  # that can be undone
RECORD = "edits.json"


class Edits:
    """A plan and its history.

    Args:
        plans: One after each edit.
        at: Which of them is the plan now.
    """

    def __init__(self, plans: Sequence[Plan], at: int = 0) -> None:
        self._plans = list(plans)
        self._numbers = list(range(len(self._plans)))  # of their files
        self._at = at

    @property
    def plan(self) -> Plan:
        """The plan as it is now."""
        return self._plans[self._at]

    @property
    def can_undo(self) -> bool:
        """Whether there is an edit to take back."""
        return self._at > 0

    @property
    def can_redo(self) -> bool:
        """Whether there is one to do again."""
        return self._at + 1 < len(self._plans)

    def do(self, plan: Plan) -> None:
        """Take a new plan; what was taken back before cannot be done again."""
        number = max(self._numbers) + 1
        self._plans = [*self._plans[: self._at + 1], plan][-MOST_EDITS:]
        self._numbers = [*self._numbers[: self._at + 1], number][-MOST_EDITS:]
        self._at = len(self._plans) - 1

    def undo(self) -> None:
        """Take the last edit back."""
        self._at = max(0, self._at - 1)

    def redo(self) -> None:
        """Do the last edit that was taken back again."""
        self._at = min(len(self._plans) - 1, self._at + 1)

    def save(self, folder: Path) -> None:
        """Write it all into a folder of its own; a plan that lies there already stays."""
        folder.mkdir(mode=0o700, exist_ok=True)
        for number, plan in zip(self._numbers, self._plans, strict=True):
            if not _file(folder, number).exists():
                plan.save(_file(folder, number))
        write_json(folder / RECORD, {"at": self._at, "plans": self._numbers})
        kept = {_file(folder, number) for number in self._numbers}
        for path in folder.glob("*.plan.json"):
            if path not in kept:
                path.unlink()

    @classmethod
    def read(cls, folder: Path) -> Edits:
        """Read what was saved.

        Raises:
            OSError, ValueError, KeyError, TypeError, IndexError: If it is damaged.
            VideoswapError: If one of the plans is.
        """
        found: Any = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        numbers = [int(number) for number in found["plans"]]
        edits = cls([read_plan(_file(folder, number)) for number in numbers], int(found["at"]))
        edits._numbers = numbers
        _ = edits.plan
        return edits


def _file(folder: Path, number: int) -> Path:
    return folder / f"{number}.plan.json"
