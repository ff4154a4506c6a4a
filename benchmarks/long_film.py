"""A film of hours through the whole pipeline: memory, length, and sound in step at the end.

    nice -n 5 python benchmarks/long_film.py [--hours 2] [--rate 4] [--keep FOLDER]

Draws 24 seconds (160x120; a face for 4 of them, and a flash with a beep), repeats them without
encoding, swaps the face in a process of its own, and prints the resident memory of that process
by stage and quarter of its frames, the lengths of film and result, and how far flash and beep are
apart at the end of both. Exits with 1 if memory grows by more than a twentieth after the first
minute of a stage, or if anything is out of step by a frame.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import imageio_ffmpeg
import numpy as np
import skimage.data

ROOT = Path(__file__).resolve().parent.parent
SECONDS, FACE, FLASH = 24, 4, 20  # of the clip: its length, until when a face is seen, the flash
SIZE = 160, 120
SOUND = 16000  # samples a second
GROWTH = 1.05


def draw(path: Path, rate: int) -> None:
    """Draw the clip."""
    face = cv2.resize(skimage.data.astronaut(), (200, 200))
    wall = cv2.resize(np.random.default_rng(0).integers(0, 200, (6, 8, 3), np.uint8), SIZE)
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=rate, options={"g": str(4 * rate), "crf": "23"})
        video.width, video.height, video.pix_fmt = *SIZE, "yuv420p"
        sound = out.add_stream("aac", rate=SOUND, layout="mono")
        for index in range(SECONDS * rate):
            x = index % 30
            picture = face[: SIZE[1], x : x + SIZE[0]]
            if index >= FACE * rate:
                picture = np.roll(wall, index, axis=1)
            if index == FLASH * rate:
                picture = np.full_like(wall, 255)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
        wave = np.zeros(SECONDS * SOUND, np.float32)
        beep = slice(FLASH * SOUND, FLASH * SOUND + SOUND // 5)
        wave[beep] = 0.5 * np.sin(np.arange(SOUND // 5) * 0.4)
        samples = av.AudioFrame.from_ndarray(wave[None], format="fltp", layout="mono")
        samples.sample_rate, samples.pts = SOUND, 0
        out.mux(sound.encode(samples))
        out.mux(sound.encode(None))


def repeat(clip: Path, out: Path, times: int) -> None:
    """Repeat a clip by copying its packets."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-v", "error", "-stream_loop", str(times - 1)]
    subprocess.run([*command, "-i", str(clip), "-c", "copy", str(out)], check=True)


@dataclass(frozen=True)
class Sample:
    """A look at the process: seconds since the start, stage, share of it that is done, MB."""

    time: float
    stage: str
    share: float
    memory: float


def resident(pid: int) -> float | None:
    """Return the resident memory of a process in MB."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return None
    return pages * 4096 / 1e6


def watch(command: list[str]) -> tuple[list[Sample], int]:
    """Run a command that tells its progress; return what was seen of it, and its exit code."""
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=ROOT
    )
    now: dict[str, Any] = {"stage": "start", "share": 0.0}

    def listen() -> None:
        for line in process.stderr or ():
            if not line.startswith("{"):
                print(line, end="", file=sys.stderr)
                continue
            told = json.loads(line)
            now["stage"] = told["stage"]
            now["share"] = told["done"] / told["total"] if told.get("total") else 0.0

    listener = threading.Thread(target=listen)
    listener.start()
    samples: list[Sample] = []
    start = time.monotonic()
    while process.poll() is None:
        memory = resident(process.pid)
        if memory:
            stage, share = now["stage"], now["share"]
            samples.append(Sample(time.monotonic() - start, stage, share, memory))
        time.sleep(0.5)
    listener.join()
    return samples, process.returncode


def quarters(samples: list[Sample]) -> Iterator[tuple[str, float, list[float], bool]]:
    """Yield stage, its seconds, most MB in each quarter of it, and whether it stayed flat."""
    for stage in dict.fromkeys(one.stage for one in samples):
        here = [one for one in samples if one.stage == stage]
        seconds = here[-1].time - here[0].time
        parts = [
            max((s.memory for s in here if n / 4 <= s.share < (n + 1) / 4 + (n == 3)), default=0.0)
            for n in range(4)
        ]
        early = max(s.memory for s in here if s.time - here[0].time <= 60)
        late = max((s.memory for s in here if s.time - here[0].time > 60), default=0.0)
        yield stage, seconds, parts, late <= GROWTH * early


def ends(path: Path) -> tuple[int, float, float]:
    """Return the frames of a film, when its last frame begins, and how late its last beep is."""
    with av.open(str(path)) as film:
        times = [float(p.pts * p.time_base) for p in film.demux(video=0) if p.pts is not None]
    last = max(times)
    flash = beep = 0.0
    with av.open(str(path)) as film:
        film.seek(int((last - 2 * SECONDS) * av.time_base))
        for frame in film.decode(video=0):
            if frame.to_ndarray(format="gray").mean() > 220:
                flash = frame.time
    with av.open(str(path)) as film:
        film.seek(int((last - 2 * SECONDS) * av.time_base))
        quiet = True
        for frame in film.decode(audio=0):
            loud = np.flatnonzero(np.abs(frame.to_ndarray()[0]) > 0.2)
            if len(loud) and quiet:
                beep = frame.time + loud[0] / frame.sample_rate
            quiet = not len(loud)
    return len(times), last, beep - flash


def main() -> None:
    """Run it and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=Fraction, default=Fraction(2))
    parser.add_argument("--rate", type=int, default=4, help="frames per second (default 4)")
    parser.add_argument("--keep", type=Path, help="where film and result stay")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = arguments.keep or Path(name)
        folder.mkdir(exist_ok=True)
        clip, film, out = folder / "clip.mp4", folder / "film.mp4", folder / "out.mp4"
        photo = folder / "photo.png"
        cv2.imwrite(str(photo), skimage.data.astronaut()[:, ::-1, ::-1])
        draw(clip, arguments.rate)
        repeat(clip, film, round(arguments.hours * 3600 / SECONDS))
        out.unlink(missing_ok=True)
        report = folder / "report.json"
        command = [sys.executable, "-m", "videoswap", "swap", "-s", str(photo)]
        command += ["-i", str(film), "-o", str(out), "--no_cache", "--progress", "json"]
        samples, code = watch([*command, "--report", str(report), "--overwrite"])
        if code:
            sys.exit(f"the run ended with {code}")
        told = json.loads(report.read_text())
        before, after = ends(film), ends(out)
    good = True
    print(f"{'stage':20}{'seconds':>9}{'most MB in each quarter':>34}  flat after a minute")
    for stage, seconds, parts, flat in quarters(samples):
        good &= flat
        shown = "".join(f"{one:8.0f}" if one else "       -" for one in parts)
        print(f"{stage:20}{seconds:9.0f}  {shown}  {'yes' if flat else 'NO'}")
    swapped, copied = told["swapped_frames"], told["copied_frames"]
    print(f"frames swapped {swapped}, copied {copied}, encoded {told['frames'] - copied}")
    print(f"{'':12}{'frames':>9}{'last frame at':>16}{'beep after flash':>19}")
    for label, (frames, last, late) in (("film", before), ("result", after)):
        print(f"{label:12}{frames:9}{last:14.3f} s{1000 * late:16.1f} ms")
    step = 1 / arguments.rate
    good &= before[0] == after[0] and abs(before[1] - after[1]) < step
    good &= abs(before[2] - after[2]) < step
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
