"""dlib's embedding by dlib itself and as we run it: the difference, and the time of one face.

python benchmarks/recognition.py
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import dlib
import numpy as np
import skimage.data

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from videoswap.detection.dlib_network import CHIP_SIZE, open_dlib_network
from videoswap.detection.packaged_files import recognition_path

ROUNDS = 40


def milliseconds(embed: Callable[[], object]) -> float:
    """Return the median time of a call."""
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        embed()
        times.append(time.perf_counter() - started)
    return 1000 * float(np.median(times))


def main() -> None:
    """Print both."""
    network = open_dlib_network(recognition_path())
    judge = dlib.face_recognition_model_v1(str(recognition_path()))
    chip = np.ascontiguousarray(
        skimage.data.astronaut()[20 : 20 + CHIP_SIZE, 150 : 150 + CHIP_SIZE]
    )
    apart = np.abs(network(chip) - np.array(judge.compute_face_descriptor(chip))).max()
    slow = milliseconds(lambda: judge.compute_face_descriptor(chip))
    fast = milliseconds(lambda: network(chip))
    print(f"largest difference {apart:.1e}; dlib {slow:.1f} ms, here {fast:.1f} ms")
    print(f"{slow / fast:.1f} times as fast")


if __name__ == "__main__":
    main()
