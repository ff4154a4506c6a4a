"""Color tags of a stream are read as the stream says them."""

from __future__ import annotations

from pathlib import Path

from tests.helpers import clips
from videoswap.video.probe import probe


def test_color_tags(tmp_path: Path) -> None:
    clip = clips.Clip(frames=2, audio=0, color=(9, 2, 16, 9), pix_fmt="yuv420p10le")
    color = probe(clips.make(tmp_path / "hdr.mp4", clip)).color
    assert (color.space, color.full_range, color.transfer, color.depth) == (9, True, "pq", 10)
    low = probe(clips.make(tmp_path / "low.mp4", clips.Clip(frames=2, audio=0))).color
    assert (low.space, low.full_range, low.space_tag) == (6, False, 2)
