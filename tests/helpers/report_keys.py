"""The keys of reports as docs/report.md lists them, and as reports have them."""

from __future__ import annotations

import re
from typing import Any

from tests.helpers.locations import ROOT

PAGE = ROOT / "docs" / "report.md"
#: Objects whose keys are data and not names of the format.
FREE = ("seconds", "throughput", "counts", "metrics", "over_time")


def documented(section: str) -> set[str]:
    """Return the keys that a section of the page lists, with those of every report."""
    common, *rest = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.M)
    (text,) = [part for part in rest if part.startswith(f"{section}\n")]
    if section == "Folder":  # its notes are those of the files
        common = common.split("Notes have one form")[0]
    return set(re.findall(r"^\| `([^`]+)` \|", common + text, flags=re.M))


def keys_of(value: Any, path: str = "") -> set[str]:
    """Return the paths of all plain values; empty lists and objects have none."""
    if path == "items[].report":
        return {path}
    if (
        path == "settings" and value
    ):  # the fields of SwapSettings, which say themselves what they are
        return {"settings.*"}
    if isinstance(value, dict):
        name = path.rpartition(".")[2]
        return {
            key
            for name_, one in value.items()
            for key in keys_of(one, _joined(path, "*" if name in FREE else name_))
        }
    if isinstance(value, list):
        return {key for one in value for key in keys_of(one, f"{path}[]")}
    return {path}


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
