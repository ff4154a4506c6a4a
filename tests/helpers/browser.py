"""A real browser for the tests of the page."""

from __future__ import annotations

import importlib.util
import shutil
from functools import lru_cache

NAMES = ("chromium", "chromium-browser", "google-chrome")


@lru_cache(maxsize=1)
def browser() -> str | None:
    """Return the path of a Chromium that Playwright can drive, if both are here."""
    needed = ("playwright", "axe_playwright_python", "fastapi", "uvicorn", "multipart")
    if any(importlib.util.find_spec(name) is None for name in needed):
        return None
    return next((path for name in NAMES if (path := shutil.which(name))), None)
