"""The same frames become the same bits, whatever lay in memory before."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.helpers import clips
from tests.helpers.locations import ROOT
from videoswap.video.segment import EncodedSegment

CLIP = clips.Clip(size=(320, 240), frames=24, audio=0)
ENCODE = """
import sys
from pathlib import Path
from tests.helpers import clips
from videoswap.settings import EncodeSettings
from videoswap.video.encoder import SegmentEncoder
from videoswap.video.probe import probe
from videoswap.video.reader import VideoReader
source, out = map(Path, sys.argv[1:])
settings = EncodeSettings(preset="veryfast")
with VideoReader(probe(source)) as reader:
    plan = clips.plan_for(source, source.with_suffix(".mkv"), settings)
    with SegmentEncoder(plan, reader.info, out) as encoder:
        for frame in reader.frames():
            encoder.encode(frame)
        encoder.finish()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc fills memory on request")
def test_memory_that_nobody_wrote_decides_nothing(tmp_path):
    source = clips.make(tmp_path / "source.mp4", CLIP)
    made = []
    for filling in ("0", "170", "85"):
        out = tmp_path / filling
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "MALLOC_PERTURB_": filling}
        command = [sys.executable, "-c", ENCODE, str(source), str(out)]
        subprocess.run(command, env=environment, check=True, timeout=120)
        made.append(list(EncodedSegment.load(out).packets()))
    assert len(made[0]) == CLIP.frames
    assert made[0] == made[1] == made[2]
