"""Time of a whole run as a ratio to a plain transcode, and where the time goes.

    python benchmarks/speed.py [VIDEO] [--source PHOTO] [--loops 4]

Runs, in one process after the other on the same machine: a plain PyAV transcode with the same
encoder settings, a first run (nothing cached), and a second run (analysis cached). The clip is
looped by packet copy first. Default: ../shared/media/nggyup.mp4 with beckham.jpg.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

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


def loop(path: Path, out: Path, times: int) -> int:
    """Repeat a video by copying its packets; returns the number of frames."""
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
                    if packet.dts is None:
                        continue
                    last = max(last, packet.pts + (packet.duration or 0))
                    packet.pts += offset
                    packet.dts += offset
                    packet.stream = outgoing
                    target.mux(packet)
                    frames += 1
                offset += last
    return frames


def timed(command: list[str], environment: dict[str, str]) -> float:
    """Run a command; returns its wall time in seconds."""
    started = time.perf_counter()
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def main() -> None:
    """Print the ratios and the stage table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("video", type=Path, nargs="?", default=MEDIA / "nggyup.mp4")
    parser.add_argument("--source", type=Path, default=MEDIA / "beckham.jpg")
    parser.add_argument("--loops", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=1)
    arguments = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    from videoswap.video.formats import ENCODERS

    crf = str(ENCODERS["libx264"].crf)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip = folder / "clip.mp4"
        frames = loop(arguments.video, clip, arguments.loops)
        environment = {**os.environ, "VIDEOSWAP_CACHE_DIR": str(folder / "cache")}
        swap = [sys.executable, str(ROOT / "inference.py"), "--overwrite"]
        swap += ["--source_paths", str(arguments.source), "--target_video", str(clip)]
        swap += ["--out_video_name", str(folder / "out.mp4"), "--report", str(folder / "r.json")]
        plain = [sys.executable, "-c", TRANSCODE, str(clip), str(folder / "plain.mp4"), crf]
        print(
            f"{clip.name}: {arguments.video.name} x {arguments.loops}, {frames} frames, "
            f"crf {crf}, preset medium, {os.cpu_count()} cores"
        )
        for _ in range(arguments.rounds):
            subprocess.run(["rm", "-rf", str(folder / "cache")], check=True)
            base = timed(plain, environment)
            print(f"{'plain transcode':24}{base:8.1f} s {base / frames * 1e3:7.1f} ms/frame   1.00")
            for label in ("first run", "second run (cached)"):
                spent = timed(swap, environment)
                report = json.loads((folder / "r.json").read_text())
                print(
                    f"{label:24}{spent:8.1f} s {spent / frames * 1e3:7.1f} ms/frame  "
                    f"{spent / base:5.2f}"
                )
                for part, seconds in report["seconds"].items():
                    print(f"    {part:20}{seconds:8.1f} s {seconds / frames * 1e3:7.1f} ms/frame")
                for stage in report["stages"]:
                    print(
                        f"      {stage['name']:18}{stage['busy']:8.1f} s "
                        f"{stage['busy'] / frames * 1e3:7.1f} ms/frame busy, "
                        f"{stage['cpu'] / frames * 1e3:5.1f} ms CPU of its thread"
                    )


if __name__ == "__main__":
    main()
