"""A browser's decoder reads results with copies: every boundary, by seeking and by playing."""

from __future__ import annotations

import base64
import io
import json
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image

from tests.helpers import clips
from tests.helpers.browser import browser
from tests.helpers.copied_clips import render
from tests.video.test_packet_copy import BASE, TOUCHED, VP9, X264
from videoswap.settings import EncodeSettings

SEEK = """async (times) => {
  const video = document.querySelector('video');
  const canvas = document.createElement('canvas');
  canvas.width = video.videoWidth; canvas.height = video.videoHeight;
  const found = [];
  for (const time of times) {
    await new Promise((done) => {  // sought, and the frame is there; a frame twice is no new one
      let left = 2;
      const one = () => { left -= 1; if (left === 0) done(); };
      video.onseeked = one;
      video.requestVideoFrameCallback(one);
      setTimeout(done, 2000);
      video.currentTime = time;
    });
    canvas.getContext('2d').drawImage(video, 0, 0);
    found.push(canvas.toDataURL('image/png').split(',')[1]);
  }
  return found;
}"""
PLAY = """async () => {
  const video = document.querySelector('video');
  video.muted = true; video.currentTime = 0;
  await video.play();
  await new Promise((done) => { video.onended = done; video.onerror = done; });
  const quality = video.getVideoPlaybackQuality();
  return [video.ended, video.error && video.error.message, quality.corruptedVideoFrames];
}"""


@pytest.mark.skipif(browser() is None, reason="needs Chromium and Playwright")
@pytest.mark.parametrize("kind", ["mp4", "webm"])
def test_every_boundary_is_shown(kind, tmp_path):
    clip, settings = BASE, X264
    if kind == "webm":
        clip = replace(clip, suffix=".webm", time_base=Fraction(1, 1000), steps=(40,))
        clip = replace(clip, encoder="libvpx-vp9", options=VP9)
        settings = EncodeSettings(threads=1, preset="8")
    source = clips.make(tmp_path / f"source.{kind}", clip)
    out = render(source, tmp_path / f"out.{kind}", TOUCHED, settings)
    assert 30 < len(out.copied) < 80
    edges = [n for n in range(1, 80) if (n in out.copied) != (n - 1 in out.copied)]
    wanted = sorted({0, 79, *(n + d for n in edges for d in (-1, 0, 1))})
    pictures = dict(enumerate(shown(out.path)))
    times = [frame_time(clip, n) for n in wanted]
    for n, found in zip(wanted, in_browser(out.path, times), strict=True):
        apart = {
            other: difference(found, pictures[other])
            for other in (n - 2, n, n + 2)
            if other in pictures
        }
        assert min(apart, key=apart.__getitem__) == n, apart
        assert apart[n] < 6


def frame_time(clip: clips.Clip, number: int) -> float:
    """Return the middle of a frame in seconds."""
    times = clip.pts()
    return float((times[number] + clip.steps[0] / 2) * clip.time_base)


def shown(path):
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def difference(one, other) -> float:
    return float(np.abs(one.astype(int) - other).mean())


def in_browser(path, times):
    from playwright.sync_api import sync_playwright

    kind = {".mp4": "video/mp4", ".webm": "video/webm"}[path.suffix]
    data = base64.b64encode(path.read_bytes()).decode()
    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=browser(), args=["--no-sandbox"])
        page = chromium.new_page()
        page.set_content(f'<video src="data:{kind};base64,{data}"></video>')
        page.wait_for_function("document.querySelector('video').readyState >= 2")
        found = page.evaluate(SEEK, times)
        played = page.evaluate(PLAY)
        chromium.close()
    assert played == [True, None, 0], json.dumps(played)
    return [
        np.asarray(Image.open(io.BytesIO(base64.b64decode(one))).convert("RGB")) for one in found
    ]
