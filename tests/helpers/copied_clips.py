"""A video rendered with copies of its untouched frames, and without, by the parts that do it."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np

from tests.helpers import clips
from videoswap.rendering.segments import SegmentOutputs, plan_segments
from videoswap.settings import EncodeSettings
from videoswap.video.encoder import SegmentEncoder
from videoswap.video.mux import mux
from videoswap.video.packet_copy import CopyPlan, copy_packets, plan_copies
from videoswap.video.probe import probe
from videoswap.video.reader import VideoReader
from videoswap.video.verify import ffmpeg_program

LONGEST = 15  # frames of a segment


@dataclass(frozen=True)
class Made:
    """A result, the frames that were touched and those that were copied, by index."""

    path: Path
    touched: list[bool]
    copied: set[int]
    plan: CopyPlan
    pts: list[int]


def render(
    source: Path,
    out: Path,
    touched: list[tuple[int, int]],
    settings: EncodeSettings,
    copied: bool = True,
    refusal: str = "",
) -> Made:
    """Darken some frames of a video; ``touched`` has first indices and those after the last."""
    info = probe(source)
    with VideoReader(info, threads=1) as reader:
        pts = np.array([frame.pts for frame in reader.frames()], np.int64)
    marks = np.zeros(len(pts), bool)
    for first, end in touched:
        marks[first:end] = True
    plan = plan_copies(
        info, clips.plan_for(source, out, settings), settings, pts, marks, refusal=refusal
    )
    segments = plan_segments(pts, np.zeros(len(pts), int), LONGEST, runs=plan.runs, copied=copied)
    folder = out.parent / f"{out.name}.pieces"
    folder.mkdir()
    outputs = SegmentOutputs(folder, plan.encoder, None)
    copies = [one for one in segments if one.copied]
    copy_packets(info, plan.headers, [(one.pts, outputs.video(one)) for one in copies])
    changed = set(pts[marks].tolist())
    with VideoReader(info, threads=1) as reader:
        for segment in segments:
            if segment.copied:
                continue
            with SegmentEncoder(plan.encoder, info, outputs.video(segment)) as encoder:
                for frame in reader.frames(segment.pts[0], segment.pts[-1]):
                    if frame.pts in changed:
                        darken(frame.image)
                    encoder.encode(frame)
                encoder.finish()
    mux([outputs.video(one) for one in segments], info, plan.encoder, out, pts)
    kept = {int(np.searchsorted(pts, one)) for segment in copies for one in segment.pts}
    return Made(out, marks.tolist(), kept, plan, pts.tolist())


def darken(image: av.VideoFrame) -> None:
    """Change some rows of a frame in place."""
    memory = np.frombuffer(memoryview(image.planes[0]), np.uint8)
    memory[: len(memory) // 4] //= 2


def decoded(path: Path) -> list[tuple[Any, bytes]]:
    """Return the times and samples of all frames."""
    with av.open(f"file:{path}") as container:
        container.streams.video[0].thread_type = "NONE"
        return [(frame.time, frame.to_ndarray().tobytes()) for frame in container.decode(video=0)]


def complaints(path: Path, level: str = "warning") -> str:
    """Return what ffmpeg says of a video that it decodes in full."""
    command = [ffmpeg_program(), "-v", level, "-i", f"file:{path}", "-map", "0:V:0"]
    command += ["-fps_mode", "passthrough", "-enc_time_base", "1:1000000"]
    command += ["-f", "null", "-"]
    return subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False).stderr
