"""Time of a whole run as a ratio to a plain transcode, and where the time goes.

    python benchmarks/speed.py [VIDEO] [--source PHOTO] [--loops 4] [--frames N] [--against FOLDER]

Runs, in one process after the other on the same machine: a plain PyAV transcode with the same
encoder settings, a first run (nothing cached), and a second run (analysis cached). The clip is
looped by packet copy first, or cut to its first frames. Default: ../shared/media/nggyup.mp4 with
beckham.jpg. Processor seconds are those of the whole process with all of its threads and children;
unlike the time they hardly depend on what else the machine does. ``--against`` runs another
checkout on the same clip as well (`git worktree add FOLDER COMMIT`).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import av

ROOT = Path(__file__).resolve().parent.parent
MEDIA = ROOT.parent / "shared" / "media"
TRANSCODE = """
import sys, av
with av.open(sys.argv[1]) as source, av.open(sys.argv[2], "w") as target:
    incoming = source.streams.video[0]
    incoming.thread_type = "AUTO"
    outgoing = target.add_stream(
        "libx264", rate=incoming.average_rate, options={"crf": sys.argv[3], "preset": "medium"}
    )
    outgoing.width, outgoing.height = incoming.width, incoming.height
    outgoing.pix_fmt = incoming.pix_fmt
    outgoing.time_base = incoming.time_base
    for frame in source.decode(incoming):
        frame.pict_type = 0
        target.mux(outgoing.encode(frame))
    target.mux(outgoing.encode(None))
"""


def loop(path: Path, out: Path, times: int, most: int | None = None) -> int:
    """Repeat a video by copying its packets, at most so many; returns the number of frames."""
    frames = 0
    with av.open(str(out), "w") as target:
        outgoing = None
        offset = 0
        for _ in range(times):
            with av.open(str(path)) as source:
                incoming = source.streams.video[0]
                if outgoing is None:
                    outgoing = target.add_stream_from_template(incoming)
                last = 0
                for packet in source.demux(incoming):
                    if packet.dts is None or frames == most:
                        continue
                    last = max(last, packet.pts + (packet.duration or 0))
                    packet.pts += offset
                    packet.dts += offset
                    packet.stream = outgoing
                    target.mux(packet)
                    frames += 1
                offset += last
    return frames


def timed(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Run a command; returns its wall time and its processor time in seconds."""
    started, before = time.perf_counter(), _spent()
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started, _spent() - before


def _spent() -> float:
    """Return the processor time of all children that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def show(label: str, spent: tuple[float, float], frames: int, base: tuple[float, float]) -> None:
    """Print a line: seconds, and processor seconds, each a frame and in those of the transcode."""
    columns = (
        f"{one:8.1f} s{kind} {one / frames * 1e3:7.1f} ms/frame  {one / own:5.2f}"
        for one, own, kind in zip(spent, base, ("", " CPU"), strict=True)
    )
    print(f"{label:24}{','.join(columns)}")


def show_parts(report: dict[str, Any], frames: int) -> None:
    """Print where the time of a run went, from its report."""
    for part, seconds in report["seconds"].items():
        print(f"    {part:20}{seconds:8.1f} s {seconds / frames * 1e3:7.1f} ms/frame")
    for stage in report["stages"]:
        print(
            f"      {stage['name']:18}{stage['busy']:8.1f} s "
            f"{stage['busy'] / frames * 1e3:7.1f} ms/frame busy, "
            f"{stage['cpu'] / frames * 1e3:5.1f} ms CPU of its thread"
        )


def main() -> None:
    """Print the ratios and the stage table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("video", type=Path, nargs="?", default=MEDIA / "nggyup.mp4")
    parser.add_argument("--source", type=Path, default=MEDIA / "beckham.jpg")
    parser.add_argument("--loops", type=int, default=4)
    parser.add_argument("--frames", type=int, help="at most so many frames of the looped clip")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--against", type=Path, help="another checkout that is run as well")
    arguments = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    from videoswap.video.formats import ENCODERS, QUALITY_WORDS

    crf = str(ENCODERS["libx264"].quality_values[QUALITY_WORDS.index("high")])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip = folder / "clip.mp4"
        frames = loop(arguments.video, clip, arguments.loops, arguments.frames)
        plain = [sys.executable, "-c", TRANSCODE, str(clip), str(folder / "plain.mp4"), crf]
        print(
            f"{clip.name}: {arguments.video.name} x {arguments.loops}, {frames} frames, "
            f"crf {crf}, preset medium, {os.cpu_count()} cores"
        )
        trees = [ROOT] if arguments.against is None else [ROOT, arguments.against.resolve()]
        for _ in range(arguments.rounds):
            base = timed(plain, dict(os.environ))
            show("plain transcode", base, frames, base)
            for tree in trees:
                if tree != ROOT:
                    print(f"in {tree}:")
                cache = folder / "cache"
                subprocess.run(["rm", "-rf", str(cache)], check=True)
                environment = {
                    **os.environ,
                    "VIDEOSWAP_CACHE_DIR": str(cache),
                    "PYTHONPATH": str(tree),
                }
                swap = [sys.executable, str(tree / "inference.py"), "--overwrite"]
                swap += ["--source_paths", str(arguments.source), "--target_video", str(clip)]
                swap += ["--out_video_name", str(folder / "out.mp4")]
                swap += ["--report", str(folder / "r.json")]
                for label in ("first run", "second run (cached)"):
                    show(label, timed(swap, environment), frames, base)
                    show_parts(json.loads((folder / "r.json").read_text()), frames)


if __name__ == "__main__":
    main()
