"""GHOST's command line: put the face of a photo onto chosen people of a video or picture."""

import sys

from videoswap.cli import swap_main

if __name__ == "__main__":
    sys.exit(swap_main())
