"""Track the faces of a video frame by frame, as it could be done on a live stream.

Usage: python examples/track_faces.py VIDEO
"""

from __future__ import annotations

import sys
from collections import Counter

from videoswap import FaceTracker, VideoReader


def main(path: str) -> None:
    """Track and count."""
    tracker = FaceTracker()
    frames: Counter[int] = Counter()
    with VideoReader(path) as reader:
        for frame in reader:
            frames.update(one.track for one in tracker.update(reader.rgb(frame), frame.pts))
    for track, count in sorted(frames.items()):
        print(f"track {track}: {count} frames")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    main(sys.argv[1])
