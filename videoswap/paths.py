"""What lies at a path, asked without failing.

The methods of ``Path`` raise where a name is too long, a folder may not be looked into or a link
leads to itself. Whoever opens such a path later says in a sentence what is wrong with it.
"""

from __future__ import annotations

import os
from pathlib import Path

SHOWN = 60  # characters of either end of a path


def is_folder(path: Path) -> bool:
    """Tell whether a folder is there and can be seen."""
    return os.path.isdir(path)  # noqa: PTH112


def is_file(path: Path) -> bool:
    """Tell whether a file is there and can be seen."""
    return os.path.isfile(path)  # noqa: PTH113


def is_link(path: Path) -> bool:
    """Tell whether a link is there and can be seen, wherever it leads."""
    return os.path.islink(path)  # noqa: PTH114


def real_path(path: Path) -> Path:
    """Return the path that links lead to, as far as they do."""
    return Path(os.path.realpath(path))


def shortened(path: Path | str) -> str:
    """Return a path for a message about it being too long: its beginning and its end."""
    text = str(path)
    return text if len(text) <= 2 * SHOWN else f"{text[:SHOWN]}...{text[-SHOWN:]}"
