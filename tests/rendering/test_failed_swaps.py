"""Swaps that a generator gets wrong are found, tried again, and otherwise told."""

import sys
from dataclasses import replace
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from tests.plugins.install import TINT, install
from videoswap import EncodeSettings, SwapSettings, swap_image, swap_video
from videoswap.records import Crop, SwappedCrop
from videoswap.rendering.failed_swaps import FailedSwap, fault_of, stretches

SIDE = 32


def crop(level):
    pixels = np.full((SIDE, SIDE, 3), level, np.float32)
    return Crop(pixels, np.eye(2, 3), np.zeros((68, 2), np.float32), 0, 0, 0)


def swap(level, mask=1.0, **more):
    return SwappedCrop(
        np.full((SIDE, SIDE, 3), level, np.float32), np.full((SIDE, SIDE), mask, np.float32), **more
    )


@pytest.mark.parametrize(
    ("target", "made", "fault"),
    [
        (120, swap(100), None),
        (120, swap(np.nan), "not_finite"),
        (120, swap(np.inf), "not_finite"),
        (120, swap(100, np.nan), "not_finite"),
        (120, swap(100, correction=np.full((8, 2, 2), np.nan, np.float32)), "not_finite"),
        (120, swap(0), "black"),
        (120, swap(-40), "black"),
        (10, swap(0), None),  # a face in the dark
        (120, swap(255), "white"),
        (248, swap(255), None),  # a face in a flash
        (120, swap(0, mask=0.0), None),  # nothing of it is taken
        (120, swap(15), None),
    ],
)
def test_what_is_wrong_with_a_swap(target, made, fault):
    assert fault_of(crop(target), made) == fault


def test_frames_in_a_row_are_one_stretch():
    pts = np.array([0, 40, 80, 120, 160])
    failed = [(120, 1, "black"), (0, 1, "black"), (40, 1, "black"), (40, 2, "white")]
    base = Fraction(1, 1000)
    assert stretches(failed, pts, {1: 7}, 0, base) == (
        FailedSwap(7, Fraction(0), Fraction(1, 25), 2, "black"),
        FailedSwap(None, Fraction(1, 25), Fraction(1, 25), 1, "white"),
        FailedSwap(7, Fraction(3, 25), Fraction(3, 25), 1, "black"),
    )


@pytest.fixture
def faulty(tmp_path, monkeypatch):
    """The options of an engine that fails, which is installed as a plug-in."""
    site = tmp_path / "site"
    install(TINT.with_name("videoswap_faulty"), site)
    monkeypatch.syspath_prepend(site)
    import videoswap_faulty

    yield videoswap_faulty.FaultyOptions
    for name in [name for name in sys.modules if name.startswith("videoswap_faulty")]:
        del sys.modules[name]


def pictures(path):
    with av.open(str(path)) as container:
        return {
            round(float(one.pts * one.time_base) * 1000): one.to_ndarray()
            for one in container.decode(video=0)
        }


def ticks(path):
    with av.open(str(path)) as container:
        return [one.pts for one in container.decode(video=0)]


@pytest.mark.parametrize("way", ["nan", "black", "white", "raises"])
@pytest.mark.parametrize("cured", [False, True])
def test_a_face_that_stays_wrong_keeps_its_original(
    faulty, solo_clip, photos, settings, tmp_path, way, cured
):
    times = sorted(pictures(solo_clip))
    chosen = replace(
        settings,
        encode=EncodeSettings(encoder="ffv1"),
        engine_options=faulty(way, ticks(solo_clip)[6], ticks(solo_clip)[9], cured),
    )
    said, out = [], tmp_path / "out.mkv"
    report = swap_video([photos["source"]], solo_clip, out, settings=chosen, say=said.append)
    before, after = pictures(solo_clip), pictures(out)
    original = [time for time in times if np.array_equal(before[time], after[time])]
    assert original == ([] if cured else times[6:10])
    assert report.complete == cured
    told = [line for line in said if "the original stays" in line]
    if cured:
        assert (report.failed_swaps, report.failed_frames, told) == ((), 0, [])
        return
    (stretch,) = report.failed_swaps
    reason = "not_finite" if way in ("nan", "raises") else way
    assert (stretch.person, stretch.frames, stretch.reason) == (0, 4, reason)
    assert (stretch.start, stretch.end) == (Fraction(times[6], 1000), Fraction(times[9], 1000))
    assert report.failed_frames == 4 and report.swapped_frames == 12
    assert len(told) == 1 and f"{times[6] / 1000:.2f}-{times[9] / 1000:.2f} s" in told[0]


def test_a_resumed_run_tells_what_failed_before(
    faulty, solo_clip, photos, settings, tmp_path, monkeypatch
):
    import videoswap.jobs.video

    times = ticks(solo_clip)
    chosen = replace(settings, engine_options=faulty("black", times[2], times[3]))
    with monkeypatch.context() as patch:
        patch.setattr(videoswap.jobs.video, "make_results", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            swap_video([photos["source"]], solo_clip, tmp_path / "o.mp4", settings=chosen)
    report = swap_video([photos["source"]], solo_clip, tmp_path / "o.mp4", settings=chosen)
    assert report.failed_frames == 2
    assert [one.frames for one in report.failed_swaps] == [2]


def test_a_picture_keeps_a_face_that_stays_wrong(faulty, photos, tmp_path):
    options = SwapSettings(cache_dir=None, device="cpu", engine_options=faulty("nan", 0, 0))
    out = tmp_path / "out.png"
    report = swap_image(photos["source"], photos["left"], out, settings=options)
    assert np.array_equal(cv2.imread(str(photos["left"])), cv2.imread(str(out)))
    assert not report.complete and report.failed_frames == 1 and report.swapped_frames == 0
    assert any("the original stays" in str(note) for note in report.notes)
