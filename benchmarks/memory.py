"""Peak memory of a run, which must not grow with the length of the video.

    python benchmarks/memory.py [--size 1920x1080] [--short 2] [--long 10]

Makes a clip from the demo's group photo, repeats it, and prints the peak resident memory of
whole runs (first run, nothing cached) with the engine mesh and x264, child processes included.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
from fractions import Fraction
from pathlib import Path

import av
import cv2
import skimage.data

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "examples"))
sys.path.insert(0, str(ROOT / "benchmarks"))


def write_clip(path: Path, width: int, height: int, frames: int) -> None:
    """Write a clip of the camera moving over the group photo."""
    from make_demo import group_photo, view

    photo = group_photo()
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=Fraction(25), options={"preset": "veryfast"})
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        for index in range(frames):
            picture = cv2.resize(view(photo, index / frames), (width, height))
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(video.encode(None))


def peak(command: list[str]) -> float:
    """Run a command in a process of its own; returns its peak resident memory in MB."""
    probe = (
        "import resource, subprocess, sys; "
        "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe, *command], check=True, capture_output=True, text=True
    )
    return int(done.stdout.split()[-1]) / 1024


def main() -> None:
    """Print the table; exit 1 if a limit is passed."""
    from speed import loop

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="1920x1080")
    parser.add_argument("--frames", type=int, default=50)
    parser.add_argument("--short", type=int, default=2)
    parser.add_argument("--long", type=int, default=10)
    arguments = parser.parse_args()
    width, height = map(int, arguments.size.split("x"))
    peaks = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photo = folder / "source.png"
        cv2.imwrite(str(photo), skimage.data.astronaut()[:, :, ::-1])
        write_clip(folder / "clip.mp4", width, height, arguments.frames)
        print(f"engine mesh, libx264, {arguments.size}, clip of {arguments.frames} frames")
        for times in (arguments.short, arguments.long):
            looped = folder / f"clip{times}.mp4"
            frames = loop(folder / "clip.mp4", looped, times)
            command = [sys.executable, str(ROOT / "inference.py"), "--no_cache"]
            command += ["--source_paths", str(photo), "--target_video", str(looped)]
            command += ["--out_video_name", str(folder / f"out{times}.mp4")]
            peaks.append(peak(command))
            print(f"repeated {times:3} times, {frames:5} frames: peak {peaks[-1]:7.0f} MB")
    ratio = peaks[1] / peaks[0]
    print(f"ratio {ratio:.3f} (wanted at most 1.05), peak {max(peaks):.0f} MB (wanted under 1200)")
    sys.exit(0 if ratio <= 1.05 and max(peaks) < 1200 else 1)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
