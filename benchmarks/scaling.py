"""How a swap scales over workers: measured on this machine, simulated beyond.

    python benchmarks/scaling.py [VIDEO] [--source PHOTO] [--frames N] [--jobs 1 2] [--ray]
    python benchmarks/scaling.py --simulate
    python benchmarks/scaling.py --plan 10000

Measured: the same cached swap with each number of jobs, bound to as many cores as jobs (one core
each), so that one job has one core; and with ``--ray`` on a local Ray cluster of as many workers.
Wall times mean nothing unless nothing else runs; the processor seconds of all processes say what
sharing costs. Results are compared bit by bit.

Simulated: segments of a film dealt to workers that start late, differ in speed, and die. The
parameters are printed; those of this machine come from a measurement.
"""

from __future__ import annotations

import argparse
import hashlib
import heapq
import math
import os
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from speed import MEDIA, ROOT, loop, timed


@dataclass(frozen=True, slots=True)
class Model:
    """What a simulation knows.

    Attributes:
        segments: Segments of a film.
        seconds: Of a worker for one segment.
        spread: Standard deviation of that, as a share.
        start: Seconds until a worker has loaded its networks.
        serial: Seconds of the driver alone: people, join, check.
        deaths: Deaths of a worker an hour.
    """

    segments: int
    seconds: float
    spread: float = 0.25
    start: float = 8.0
    serial: float = 30.0
    deaths: float = 0.0


def simulated(model: Model, workers: int, seed: int = 1) -> float:
    """Return the seconds that a film takes with so many workers."""
    chance, fate = random.Random(seed), random.Random(seed)
    needs = [
        model.seconds * max(0.2, chance.gauss(1.0, model.spread)) for _ in range(model.segments)
    ]
    free = [(model.start, number) for number in range(workers)]
    heapq.heapify(free)
    end = 0.0
    while needs:
        now, number = heapq.heappop(free)
        lives = fate.expovariate(model.deaths / 3600) if model.deaths else float("inf")
        if lives < needs[-1]:  # the segment goes back, and the worker starts again
            heapq.heappush(free, (now + lives + model.start, number))
            continue
        then = now + needs.pop()
        end = max(end, then)
        heapq.heappush(free, (then, number))
    return end + model.serial


def simulate(seconds: float) -> None:
    """Print how a film of two hours scales."""
    for deaths in (0.0, 10.0):
        model = Model(segments=1728, seconds=seconds, deaths=deaths)
        one = simulated(model, 1)
        print(f"two hours at 24 frames a second in segments of 100: {model}")
        for workers in (1, 2, 4, 8, 16, 64, 256, 1024):
            took = simulated(model, workers)
            share = one / took / workers
            print(f"  {workers:5} workers  {took / 3600:8.2f} h  {one / took:7.1f} x  {share:5.2f}")


def plan(arguments: argparse.Namespace, segment: int = 100) -> None:
    """Print what very much video needs, by the formulae of docs/cluster.md."""
    hours, rate = arguments.plan, arguments.rate
    frames = hours * 3600 * rate
    core_hours = frames * arguments.cpu / 3600
    segments, seconds = frames / segment, segment * arguments.cpu
    lost = 1 - math.exp(-seconds / 3600 / arguments.mtbf)
    terabytes = hours * 3600 * arguments.mbit / 8e6
    print(
        f"{hours:,} hours at {rate} frames/s, {arguments.cpu} core seconds a frame, "
        f"{arguments.mbit} Mbit/s, a worker dies every {arguments.mtbf:g} h"
    )
    rows = {
        "frames": f"{frames:,.0f}",
        "core hours": f"{core_hours:,.0f}",
        "cost at the price of a core hour": f"{core_hours * arguments.price:,.0f}",
        "the same, an hour of video": f"{core_hours * arguments.price / hours:.3f}",
        "cores to be done in 7 days at 0.97": f"{core_hours / 168 / 0.97:,.0f}",
        "films in, TB": f"{terabytes:,.1f}",
        "results out, TB, if as large": f"{terabytes:,.1f}",
        "segments": f"{segments:,.0f}",
        "seconds of a segment": f"{seconds:.1f}",
        "chance that a segment is lost": f"{lost:.2e}",
        "segments rendered again": f"{segments * lost:,.0f}",
        "segments that fail twice": f"{segments * lost**2:.3f}",
        "core hours lost by it": f"{segments * lost * (seconds / 2 + 8) / 3600:.2f}",
    }
    for name, value in rows.items():
        print(f"  {name:36}{value:>16}")


def measured(arguments: argparse.Namespace) -> None:
    """Print what runs with several jobs take, and whether they give the same bits."""
    cores = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip = folder / "clip.mp4"
        frames = loop(arguments.video, clip, 4, arguments.frames)
        print(f"{arguments.video.name}, {frames} frames, load {os.getloadavg()[0]:.1f}")
        digests, walls = set(), {}
        rows = [("local", jobs) for jobs in arguments.jobs]
        rows += [("ray", jobs) for jobs in arguments.jobs] if arguments.ray else []
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "VIDEOSWAP_CACHE_DIR": str(folder / "cache"),
        }
        common = [sys.executable, str(ROOT / "inference.py"), "--overwrite", "--device", "cpu"]
        common += ["--mark", "plain"]  # signatures are random
        common += ["--source_paths", str(arguments.source), "--target_video", str(clip)]
        subprocess.run(
            [*common, "--dry_run"], check=True, env=environment, stdout=subprocess.DEVNULL
        )
        for executor, jobs in rows:
            out = folder / f"{executor}{jobs}.mp4"
            here = ",".join(map(str, cores[: min(jobs, len(cores))]))
            command = ["taskset", "-c", here, *common, "--out_video_name", str(out)]
            command += ["--jobs", str(jobs), "--executor", executor]
            wall, cpu = timed(command, environment)
            walls[executor, jobs] = wall
            digests.add(hashlib.sha256(out.read_bytes()).hexdigest())
            ratio = walls["local", arguments.jobs[0]] / wall
            print(
                f"{executor:6} {jobs} jobs on cores {here:7} {wall:8.1f} s  {ratio:5.2f} x, "
                f"{cpu:8.1f} s CPU"
            )
        print("the same bits" if len(digests) == 1 else f"{len(digests)} DIFFERENT RESULTS")


def main() -> None:
    """Measure, then simulate."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("video", type=Path, nargs="?", default=MEDIA / "nggyup.mp4")
    parser.add_argument("--source", type=Path, default=MEDIA / "beckham.jpg")
    parser.add_argument("--frames", type=int, default=484)
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--ray", action="store_true", help="a local Ray cluster as well")
    parser.add_argument("--simulate", action="store_true", help="measure nothing")
    parser.add_argument("--seconds", type=float, default=11.0, help="of a segment, simulated")
    parser.add_argument("--plan", type=int, metavar="HOURS", help="what so much video needs")
    parser.add_argument("--rate", type=float, default=24, help="frames a second, of the plan")
    parser.add_argument("--cpu", type=float, default=0.148, help="core seconds a frame")
    parser.add_argument("--mbit", type=float, default=8.0, help="Mbit/s of a film")
    parser.add_argument("--mtbf", type=float, default=100.0, help="hours between two deaths")
    parser.add_argument("--price", type=float, default=0.04, help="of a core hour")
    arguments = parser.parse_args()
    if arguments.plan is not None:
        plan(arguments)
        return
    started = time.perf_counter()
    if not arguments.simulate:
        measured(arguments)
    simulate(arguments.seconds)
    print(f"{time.perf_counter() - started:.1f} s")


if __name__ == "__main__":
    main()
