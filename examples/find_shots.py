"""Print the times at which the shots of a video begin.

Usage: python examples/find_shots.py VIDEO
"""

from __future__ import annotations

import sys

from videoswap import ShotDetector, VideoReader


def main(path: str) -> None:
    """Find and print."""
    with VideoReader(path) as reader:
        marked = ShotDetector().mark(reader, reader.rgb)
        for number, frame in enumerate(frame for frame, begins in marked if begins):
            seconds = (frame.pts - reader.info.start_pts) * reader.info.time_base
            print(f"shot {number}: from {float(seconds):.3f} s")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    main(sys.argv[1])
