"""PQ samples become SDR values, and come back."""

from __future__ import annotations

import numpy as np

from tests.helpers.frames import planes_of, random_frame
from videoswap.video.color import Color, color_of
from videoswap.video.hdr import (
    from_view,
    light_to_pq,
    pq_to_light,
    to_view,
)
from videoswap.video.pixel_formats import (
    samples,
)
from videoswap.video.planes import read_rgb, write_rgb


def test_pq_there_and_back() -> None:
    code = np.linspace(0.05, 0.75, 500)
    assert np.allclose(light_to_pq(pq_to_light(code)), code, atol=1e-6)
    assert abs(float(light_to_pq(np.array(100.0))) - 0.508) < 0.001  # 100 cd/m2, by the standard
    rgb = np.linspace(8, 190, 999, dtype=np.float32).reshape(1, -1, 3)
    assert np.abs(from_view(to_view(rgb, "pq"), "pq") - rgb).max() < 0.05


def test_pq_region_survives() -> None:
    frame = random_frame("yuv420p10le", 64, 48)
    for index, plane in enumerate(frame.planes):
        samples(plane, 10)[...] = 500 if index == 0 else 512
    frame.color_trc, frame.colorspace = 16, 9
    color = color_of(frame)
    assert isinstance(color, Color) and color.transfer == "pq"
    rgb = read_rgb(frame, (0, 0, 64, 48), color)
    assert 60 < rgb.mean() < 160
    write_rgb(frame, (0, 0, 64, 48), rgb, np.full((48, 64), 255, np.uint8), color)
    for plane, value in zip(planes_of(frame), (500, 512, 512), strict=True):
        assert np.abs(plane.astype(int) - value).max() <= 1
