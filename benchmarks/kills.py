"""`kill -9` at random moments of a real run, resumed each time: is the result the same?

    python benchmarks/kills.py [--count 50] [--seed 0]

Draws a film of which most segments show a face and two are copied, swaps it once undisturbed, and
then again and again, each time killed at a random moment and started anew, until it ends by itself;
then the next film is begun with an empty cache. Prints a row for every film: the kills and what
was under way at each (start, analyze, render, join), segments whose work was lost, most of them at
one kill, and whether the final file is byte for byte that of the undisturbed run. Moments are
counted in processor seconds, so that a busy machine changes nothing. Exits with 1 where a file
differs, a kill cost more than one segment, or a segment that was done was made again.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import av
import cv2
import numpy as np
import skimage.data

ROOT = Path(__file__).resolve().parent.parent
FRAMES, SEGMENT = 96, 12
RUN = """
import sys
from pathlib import Path
from videoswap import EncodeSettings, SwapSettings, swap_video
from videoswap.settings import MarkSettings
film, photo, out, cache, segment = sys.argv[1:]
settings = SwapSettings(
    device="cpu", cache_dir=Path(cache), segment_frames=int(segment),
    marks=MarkSettings(mark="plain"), encode=EncodeSettings(preset="veryfast"),
)
swap_video([photo], film, out, settings=settings)
"""


def draw(path: Path) -> None:
    """Draw the film: a face for two thirds of it, then a wall."""
    face = cv2.resize(skimage.data.astronaut(), (380, 380))
    wall = cv2.resize(np.random.default_rng(0).integers(0, 200, (6, 8, 3), np.uint8), (320, 240))
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=25, options={"g": "16", "crf": "20"})
        video.width, video.height, video.pix_fmt = 320, 240, "yuv420p"
        for index in range(FRAMES):
            picture = face[:240, index % 60 : index % 60 + 320]
            if index >= FRAMES * 2 // 3:
                picture = np.roll(wall, index, axis=1)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            out.mux(video.encode(frame))
        out.mux(video.encode(None))


def command(film: Path, photo: Path, out: Path, cache: Path) -> list[str]:
    """Return the words of a run."""
    return [sys.executable, "-c", RUN, *map(str, (film, photo, out, cache, SEGMENT))]


def start(words: list[str]) -> subprocess.Popen[bytes]:
    """Start a run in a process group of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    quiet = subprocess.DEVNULL
    return subprocess.Popen(
        words, env=environment, stdout=quiet, stderr=quiet, start_new_session=True
    )


def processor_seconds(pid: int) -> float | None:
    """Return what a process has used so far; None when it is gone."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def used(words: list[str]) -> float:
    """Run undisturbed; return the processor seconds."""
    process = start(words)
    seconds = 0.0
    while process.poll() is None:
        seconds = processor_seconds(process.pid) or seconds
        time.sleep(0.02)
    if process.returncode:
        raise RuntimeError(f"a run ended with {process.returncode}")
    return seconds


def killed(words: list[str], moment: float) -> bool:
    """Kill a run after so many processor seconds; False if it ended before."""
    process = start(words)
    while (seconds := processor_seconds(process.pid)) is not None and process.poll() is None:
        if seconds >= moment:
            os.killpg(process.pid, signal.SIGKILL)
            return process.wait() == -signal.SIGKILL
        time.sleep(0.005)
    if process.wait():
        raise RuntimeError(f"a run ended with {process.returncode}")
    return False


@dataclass
class Film:
    """What was seen while a film was rendered, with kills."""

    stages: list[str] = field(default_factory=list)
    lost: list[int] = field(default_factory=list)
    made_again: int = 0
    same: bool = False


def segments(cache: Path, pattern: str) -> dict[str, int]:
    """Return segments in the cache by name, with what tells a file from another one."""
    return {one.name: one.stat().st_ino for one in cache.glob(f"renders/*/{pattern}")}


def stage(cache: Path, out: Path) -> str:
    """Tell what was under way from what lies around."""
    if list(out.parent.glob(f".{out.name}*")):
        return "join"
    if list(cache.glob("renders/*/")):
        return "render"
    return "analyze" if list(cache.glob("*.sqlite")) else "start"


def disturbed(
    words: list[str], out: Path, cache: Path, seconds: float, chance: random.Random, left: int
) -> Film:
    """Kill a film's runs until one ends by itself, or ``left`` times at most."""
    film = Film()
    done: dict[str, int] = {}
    while len(film.lost) < left and not out.exists():  # it is there where the kill came late
        if not killed(words, chance.uniform(0.25, 1) * seconds):
            break
        now = segments(cache, "*.segment")
        if not out.exists():  # else they are no longer needed
            film.made_again += sum(now.get(name) != inode for name, inode in done.items())
        film.lost.append(len(segments(cache, "*.part")))
        film.stages.append(stage(cache, out))
        done = now
    if not out.exists():
        used(words)
    return film


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=50, help="kills in all")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    sys.exit(0 if run(arguments.count, arguments.seed) else 1)


def run(count: int, seed: int) -> bool:
    """Do it; return whether all was well."""
    chance = random.Random(seed)
    films: list[Film] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        film, photo = folder / "film.mp4", folder / "photo.png"
        cv2.imwrite(str(photo), skimage.data.astronaut()[:, ::-1, ::-1])
        draw(film)
        peace = folder / "peace.mp4"
        seconds = used(command(film, photo, peace, folder / "peace"))
        print(
            f"{FRAMES} frames in segments of {SEGMENT}, {seconds:.1f} processor seconds, "
            f"seed {seed}",
            flush=True,
        )
        print(
            f"{'film':>4} {'kills':>5}  {'lost segments':>13} {'most at a kill':>14} "
            f"{'made again':>10}  {'same bytes':10}  under way",
            flush=True,
        )
        while (left := count - sum(len(one.lost) for one in films)) > 0:
            number = len(films)
            out, cache = folder / f"out{number}.mp4", folder / f"cache{number}"
            one = disturbed(command(film, photo, out, cache), out, cache, seconds, chance, left)
            one.same = out.read_bytes() == peace.read_bytes()
            films.append(one)
            print(
                f"{number:4} {len(one.lost):5}  {sum(one.lost):13} {max(one.lost, default=0):14} "
                f"{one.made_again:10}  {'yes' if one.same else 'NO':10}  "
                f"{' '.join(one.stages)}",
                flush=True,
            )
    kills = [lost for one in films for lost in one.lost]
    again = sum(one.made_again for one in films)
    same = sum(one.same for one in films)
    print(
        f"{len(kills)} kills in {len(films)} films: {same} of {len(films)} files the same, "
        f"{sum(kills)} segments lost, at most {max(kills)} at a kill, {again} made again"
    )
    return same == len(films) and max(kills) <= 1 and not again


if __name__ == "__main__":
    main()
