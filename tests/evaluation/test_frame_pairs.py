from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from tests.helpers import clips
from videoswap.errors import InputError
from videoswap.evaluation.frame_pairs import read_pairs
from videoswap.settings import EncodeSettings
from videoswap.timerange import TimeRange
from videoswap.video.probe import probe


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("pairs")


def made(folder, name, clip):
    path = folder / f"{name}{clip.suffix}"
    return path if path.exists() else clips.make(path, clip)


def pairs(original, result, masks=None, part=None):
    covers = None if masks is None else probe(masks)
    found = read_pairs(probe(original), probe(result), covers, part or TimeRange())
    return [(pair.pts, pair.index) for pair in found]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("name", ["variable", "ntsc", "late_video", "90"])
def test_every_frame_meets_its_own_also_where_the_container_rounds(folder, name, suffix):
    original = made(folder, name, clips.CLIPS[name])
    result = folder / f"{name}.result{suffix}"
    clips.swap_nothing(original, result)
    assert [pts for pts, _ in pairs(original, result)] == clips.CLIPS[name].pts()


@pytest.mark.parametrize(("start", "end"), [(None, 1), (Fraction(1, 2), None), (Fraction(1, 2), 1)])
def test_a_result_that_was_cut_is_compared_where_it_is(folder, start, end):
    original = made(folder, "constant", clips.CLIPS["constant"])
    part = TimeRange(start, None if end is None else Fraction(end))
    ticks = clips.CLIPS["constant"].pts()
    first = 0 if start is None else next(i for i, t in enumerate(ticks) if t >= start * 12800)
    last = len(ticks) if end is None else next(i for i, t in enumerate(ticks) if t >= end * 12800)
    result = folder / f"cut {start} {end}.mp4".replace("/", "_")
    clips.swap_nothing(original, result, keep=ticks[first:last], range_=part)
    wanted = ticks[first:last]
    assert [pts for pts, _ in pairs(original, result, part=part)] == wanted
    if start is None:  # the end is seen without being told
        assert [pts for pts, _ in pairs(original, result)] == wanted


def test_masks_come_along_and_must_not_end_early(folder):
    original = made(folder, "constant", clips.CLIPS["constant"])
    grey = replace(clips.CLIPS["constant"], suffix=".mkv", pix_fmt="gray", encoder="ffv1",
                   options={})  # fmt: skip
    masks = made(folder, "masks", grey)
    short = made(folder, "short", replace(grey, frames=12))
    info = probe(original)
    pair = next(read_pairs(info, info, probe(masks), TimeRange()))
    wanted = clips.frame(0, "gray", 128, 96).to_ndarray()
    np.testing.assert_array_equal(pair.mask, wanted)
    np.testing.assert_array_equal(pair.original, pair.result)
    with pytest.raises(InputError) as error:
        pairs(original, original, short)
    assert error.value.code == "masks_end"


CONSTANT = clips.CLIPS["constant"]
WRONG = {
    "other rate": (replace(CONSTANT, steps=(640,)), "times_do_not_fit"),
    "other size": (replace(CONSTANT, size=(64, 48)), "other_shape"),
    "turned": (replace(CONSTANT, matrix=clips.ROTATED["180"]), None),
    "on its side": (replace(CONSTANT, matrix=clips.ROTATED["90"]), "other_shape"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_result_of_the_original_is_refused(folder, name):
    clip, code = WRONG[name]
    original, result = made(folder, "constant", CONSTANT), made(folder, name, clip)
    with pytest.raises(InputError) as error:
        pairs(original, result)
    assert error.value.code == (code or "other_video")


def test_masks_must_be_grey_and_the_part_must_hold_frames(folder):
    original = made(folder, "constant", CONSTANT)
    rgb = made(folder, "rgb", replace(CONSTANT, suffix=".mkv", pix_fmt="bgr0", encoder="ffv1",
                                      options={}))  # fmt: skip
    with pytest.raises(InputError) as error:
        pairs(original, original, rgb)
    assert error.value.code == "not_masks"
    with pytest.raises(InputError) as error:
        pairs(original, original, part=TimeRange(Fraction(60)))
    assert error.value.code == "no_common_frames"


def test_a_lossless_result_differs_in_nothing(folder):
    original = made(folder, "constant", CONSTANT)
    result = folder / "lossless.mkv"
    clips.swap_nothing(original, result, EncodeSettings(encoder="ffv1"))
    for pair in read_pairs(probe(original), probe(result), None, TimeRange()):
        np.testing.assert_array_equal(pair.original, pair.result)
