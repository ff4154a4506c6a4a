"""What every stage between decoding and encoding promises: all frames, in order, lazily."""

from __future__ import annotations

from dataclasses import replace
from itertools import count, islice
from types import SimpleNamespace

import numpy as np
import pytest

from videoswap.compositing.finisher import TEMPORAL_RADIUS, Finisher
from videoswap.occlusion.segmenter import OutlineSegmenter
from videoswap.records import Crop, SwappedCrop
from videoswap.rendering.render import FrameJob, Renderer
from videoswap.rendering.segments import Segment

SIZES, BATCH = (128, 160), 4


def job(number: int, faces: int) -> FrameJob:
    crops = tuple(
        Crop(
            np.full((size, size, 3), 80.0, np.float32),
            np.eye(2, 3),
            np.full((68, 2), 60.0, np.float32),
            number,
            track,
            0,
        )
        for track, size in enumerate(SIZES[:faces])
    )
    frame = SimpleNamespace(pts=number)
    return FrameJob(Segment(number // 8, (number,)), frame, crops, tuple(map(swap, crops)))


def swap(crop: Crop) -> SwappedCrop:
    """Return a picture that tells which crop it was made of."""
    mask = np.zeros(crop.pixels.shape[:2], np.float32)
    mask[20:-20, 20:-20] = 1.0
    return SwappedCrop(np.full_like(crop.pixels, 100.0 + crop.track), mask)


class Engine:
    batches: list[list[Crop]]

    def __init__(self) -> None:
        self.batches = []

    def read_parts(self, crop):
        return crop

    def swap(self, crops, identities):
        self.batches.append(list(crops))
        return list(map(swap, crops))


@pytest.fixture
def renderer():
    engine, finisher = Engine(), Finisher(as_is=True)
    return Renderer(None, None, {}, engine, [], finisher, OutlineSegmenter(), BATCH)


STAGES = ["segment_occlusion", "swap", "finish"]


def through(renderer, name, jobs):
    """Send frames through a stage as its workers do, one after the other."""
    steps = {step.name: step for step in renderer.steps((), SimpleNamespace(masked=False))}
    each = steps[name].each
    made = iter(steps[name].stage(jobs))
    return made if each is None else (each(one) for one in made)


@pytest.mark.parametrize("faces", [0, 1, 2])
@pytest.mark.parametrize("frames", [0, 1, 5, 23])
@pytest.mark.parametrize("stage", STAGES)
def test_every_frame_comes_out_once_and_in_order(renderer, stage, frames, faces):
    given = [job(number, faces) for number in range(frames)]
    made = list(through(renderer, stage, iter(given)))
    assert [one.frame.pts for one in made] == list(range(frames))
    for before, after in zip(given, made, strict=True):
        assert after.segment is before.segment
        assert [crop.track for crop in after.crops] == list(range(faces))
        tracks = [float(one.pixels[64, 64, 0]) - 100.0 for one in after.swapped]
        assert tracks == list(range(faces))  # every swap is that of its own crop


@pytest.mark.parametrize("stage", STAGES)
def test_no_more_is_read_ahead_than_a_batch_or_the_neighbors(renderer, stage):
    read = []

    def endless():
        for number in count():
            read.append(number)
            yield job(number, 1)

    made = through(renderer, stage, endless())
    for number, _ in enumerate(islice(made, 20)):
        assert len(read) <= number + 1 + max(BATCH + 1, TEMPORAL_RADIUS)
    made.close()


def test_batches_are_of_one_size_and_not_too_large(renderer):
    list(renderer._swap(job(number, 2) for number in range(9)))
    sizes = [{len(crop.pixels) for crop in batch} for batch in renderer.engine.batches]
    assert all(len(one) == 1 for one in sizes)
    assert max(map(len, renderer.engine.batches)) <= BATCH
    assert sum(map(len, renderer.engine.batches)) == 18


def test_context_frames_are_seen_and_not_given(renderer):
    given = [replace(job(number, 1), context=number in (0, 4)) for number in range(5)]
    assert [one.frame.pts for one in through(renderer, "finish", iter(given))] == [1, 2, 3]
