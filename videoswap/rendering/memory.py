"""Freed memory given back to the system, so that a long run peaks no higher than a short one."""

from __future__ import annotations

import ctypes
import ctypes.util
import sys


def give_back_memory() -> None:
    """Return free heap pages to the system where the C library can (glibc); else do nothing.

    What the analysis and each segment's encoder free in pieces, by many threads, leaves holes that
    the next encoder does not quite fit into.
    """
    if sys.platform != "linux":
        return
    library = ctypes.CDLL(ctypes.util.find_library("c") or "libc.so.6")
    trim = getattr(library, "malloc_trim", None)
    if trim is not None:
        trim(0)
