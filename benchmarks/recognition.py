"""Time of one embedding on one thread: dlib by itself, dlib's network as we run it, and ours.

python benchmarks/recognition.py [--lite encoder.onnx]

Also prints how far dlib's own numbers are from those of its network as we run it. Times are of the
processor, so that other work on the machine counts little, and the least of several rounds.
"""

from __future__ import annotations

import argparse
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
from videoswap.evaluation.encoders import LITE_SIZE
from videoswap.weights.onnx_models import open_onnx
from videoswap.weights.store import find

ROUNDS, CALLS = 10, 10


def milliseconds(embed: Callable[[], object]) -> float:
    """Return the processor time of a call."""
    embed()
    times = []
    for _ in range(ROUNDS):
        started = time.process_time()
        for _ in range(CALLS):
            embed()
        times.append((time.process_time() - started) / CALLS)
    return 1000 * min(times)


def main() -> None:
    """Print all of it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--lite", type=Path, default=find("lite_encoder_onnx"), metavar="FILE")
    lite = parser.parse_args().lite
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
    if lite is not None:
        session = open_onnx(lite, threads=1)
        face = np.zeros((1, 3, LITE_SIZE, LITE_SIZE), np.float32)
        ours = milliseconds(lambda: session.run(["embedding"], {"face": face}))
        print(f"lite {ours:.2f} ms, {fast / ours:.1f} times as fast as dlib's network here")


if __name__ == "__main__":
    main()
