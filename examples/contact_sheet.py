"""Show an original above its swapped result: a few moments of a video side by side as a PNG.

python examples/contact_sheet.py original.mp4 result.mp4 sheet.png [--columns 5]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import av
import cv2
import numpy as np


def moments(path: Path, wanted: list[int]) -> list[np.ndarray]:
    """Return the frames with these positions, (H, W, 3) uint8 BGR."""
    with av.open(str(path)) as container:
        return [
            frame.to_ndarray(format="bgr24")
            for index, frame in enumerate(container.decode(video=0))
            if index in wanted
        ]


def count_frames(path: Path) -> int:
    """Return the number of frames, by decoding."""
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def row(pictures: list[np.ndarray], height: int) -> np.ndarray:
    """Return pictures side by side at one height."""
    return np.hstack(
        [
            cv2.resize(p, (p.shape[1] * height // p.shape[0], height), interpolation=cv2.INTER_AREA)
            for p in pictures
        ]
    )


def main() -> None:
    """Write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("original", type=Path)
    parser.add_argument("result", type=Path)
    parser.add_argument("sheet", type=Path)
    parser.add_argument("--columns", type=int, default=5)
    parser.add_argument("--height", type=int, default=270)
    arguments = parser.parse_args()
    frames = count_frames(arguments.original)
    wanted = np.linspace(0, frames - 1, arguments.columns + 2)[1:-1].astype(int).tolist()
    rows = [
        row(moments(path, wanted), arguments.height)
        for path in (arguments.original, arguments.result)
    ]
    cv2.imwrite(str(arguments.sheet), np.vstack(rows))
    print(f"Result: {arguments.result}")
    print(f"Contact sheet (original above, swapped below): {arguments.sheet}")


if __name__ == "__main__":
    main()
