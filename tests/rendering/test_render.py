"""What the second pass gives the finisher."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from videoswap.compositing.sharpness import SHARP_DEVIATION
from videoswap.crops import CropSpec
from videoswap.records import Crop, Face, SwappedCrop, TrackSource
from videoswap.rendering.render import FrameJob, Renderer, plan_track
from videoswap.rendering.segments import Segment

SIDE = 8


def job(frame, tracks, context=False):
    """Return a frame with a crop of each of these tracks."""
    blank = np.zeros((SIDE, SIDE, 3), np.float32)
    crops = tuple(
        Crop(blank, np.eye(2, 3), np.zeros((68, 2), np.float32), frame, track, 0)
        for track in tracks
    )
    made = tuple(SwappedCrop(blank, np.zeros((SIDE, SIDE), np.float32)) for _ in tracks)
    return FrameJob(Segment(0, (frame,)), None, crops, made, context=context)


@pytest.fixture
def asked():
    """What the finisher was given: frames from the one it is about, by its pts and track."""
    return {}


@pytest.fixture
def renderer(asked):
    def finish(window, index):
        one = window[index]
        key = one.crop.pts, one.crop.track
        asked[key] = [other.frame - one.frame for other in window]
        assert [other.crop.pts - one.crop.pts for other in window] == asked[key]
        return one.swapped

    finisher = SimpleNamespace(finish=finish)
    return Renderer(None, None, {}, None, [], finisher, None, 1)


def test_windows_count_frames_also_where_the_face_is_missing(renderer, asked):
    seen = [(0, 1), (0,), (0, 1), (0, 1), ()]
    jobs = [job(frame, tracks) for frame, tracks in enumerate(seen)]
    assert len(list(renderer._finish(iter(jobs)))) == 5
    assert asked[2, 0] == [-2, -1, 0, 1]
    assert asked[2, 1] == [-2, 0, 1]
    assert asked[0, 1] == [0, 2]
    assert asked[3, 1] == [-1, 0]


def test_neighbours_of_a_segment_are_looked_at_and_not_given(renderer, asked):
    jobs = [job(0, (0,), True), job(1, (0,)), job(2, (0,), True)]
    assert len(list(renderer._finish(iter(jobs)))) == 1
    assert asked == {(1, 0): [-1, 0, 1]}


@pytest.mark.parametrize(
    ("side", "blur", "size"),
    [
        (380, 0.0, 384),  # nothing is known of the film
        (380, 0.5 * SHARP_DEVIATION, 384),
        (380, 1.5 * SHARP_DEVIATION, 256),
        (380, 9.0 * SHARP_DEVIATION, 192),
        (150, 9.0 * SHARP_DEVIATION, 160),
    ],
)
def test_crops_are_as_large_as_the_face_and_no_larger_than_a_blurred_film_shows(side, blur, size):
    spec = CropSpec(sizes=(128, 160, 192, 256, 320, 384), points="detector")
    points = (spec.template * side).astype(np.float32)
    face = Face(np.array([0, 0, side, side], np.float32), points, 1.0)
    engine, sources = SimpleNamespace(spec=spec), (TrackSource(0, 0),)
    assert plan_track([face] * 3, sources, engine, blur=blur).size == size


def segmented(frames, segments):
    """Segment frames of these levels; returns the masks by pts, and the pts that were asked for."""
    asked = []

    def segment(crop):
        asked.append(crop.pts)
        return replace(crop, occluder_mask=np.full((SIDE, SIDE), crop.pixels.mean(), np.float32))

    def crop(pts):
        marks = np.random.default_rng(1).uniform(1, SIDE - 1, (68, 2)).astype(np.float32)
        pixels = np.full((SIDE, SIDE, 3), frames[pts], np.float32)
        return Crop(pixels, np.eye(2, 3), marks, pts, 3, 0)

    jobs = []
    for one in segments:
        for pts in (*one.before, *one.pts, *one.after):
            frame = SimpleNamespace(pts=pts)
            jobs.append(FrameJob(one, frame, (crop(pts),), context=pts not in one.pts))
    renderer = SimpleNamespace(segmenter=SimpleNamespace(segment=segment))
    made = list(Renderer._segment_occlusion(renderer, iter(jobs)))
    masks = {job.frame.pts: float(job.crops[0].occluder_mask[0, 0]) for job in made}
    return masks, asked


def test_what_is_in_front_is_looked_for_where_something_changed():
    levels = [10, 10, 10.5, 10.2, 60, 60.3, 60, 60, 60, 60]
    masks, asked = segmented(levels, [Segment(0, tuple(range(10)))])
    assert asked == [0, 1, 4, 8, 9]  # the first two and the last two in any case
    assert [masks[pts] for pts in (2, 3, 5, 7)] == [10, 10, 60, 60]


def test_a_slow_change_is_seen():
    _, asked = segmented([float(level) for level in range(40)], [Segment(0, tuple(range(40)))])
    assert np.diff(asked[1:-1]).max() <= 4


def test_segments_apart_find_the_same_in_front_as_together():
    levels = np.random.default_rng(5).normal(0, 2, 24).cumsum().tolist()
    parts = Segment(0, tuple(range(12))), Segment(1, tuple(range(12, 24)))
    together, _ = segmented(levels, parts)
    apart, _ = segmented(levels, [Segment(1, parts[1].pts, before=(10, 11))])
    assert apart == {pts: together[pts] for pts in range(10, 24)}
