"""GHOST's command line: put the face of a photo onto chosen people of a video or picture."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - older ones cannot even read the rest
    sys.exit(f"videoswap needs Python 3.11 or newer; this is {sys.version.split()[0]}.")

from videoswap.cli.entry import swap_main

if __name__ == "__main__":
    sys.exit(swap_main())
