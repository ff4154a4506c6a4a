"""Copy a video frame by frame, with a negative of the middle, and keep every time and the sound.

Usage: python examples/read_write_video.py IN OUT
"""

from __future__ import annotations

import sys

from videoswap import EncodeSettings, VideoReader, VideoWriter


def main(source: str, out: str) -> None:
    """Write ``out`` from ``source``."""
    settings = EncodeSettings(quality="high")
    with (
        VideoReader(source) as reader,
        VideoWriter(out, reader.info, settings=settings, copy_streams=True) as writer,
    ):
        for frame in reader:
            picture = reader.rgb(frame)  # (H, W, 3) uint8 RGB, upright
            height, width = picture.shape[:2]
            middle = picture[height // 4 : -(height // 4), width // 4 : -(width // 4)]
            middle[...] = 255 - middle
            writer.write(picture, frame.pts)
    print(f"{out}: {reader.info.width}x{reader.info.height}", *map(str, writer.notes), sep="\n")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    main(*sys.argv[1:])
