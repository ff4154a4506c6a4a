"""What the second pass gives the finisher."""

import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from videoswap.crops import CropSpec
from videoswap.records import Crop, Face, SwappedCrop, TrackSource
from videoswap.rendering import failed_swaps, render
from videoswap.rendering.render import FINEST_BLUR, FrameJob, Renderer, plan_track
from videoswap.rendering.segments import Segment
from videoswap.threads import plan_threads

SIDE = 8
NO_OUTPUTS = SimpleNamespace(masked=False)


def job(frame, tracks, context=0):
    """Return a frame with a crop of each of these tracks."""
    blank = np.zeros((SIDE, SIDE, 3), np.float32)
    crops = tuple(
        Crop(blank, np.eye(2, 3), np.zeros((68, 2), np.float32), frame, track, 0)
        for track in tracks
    )
    made = tuple(SwappedCrop(blank, np.zeros((SIDE, SIDE), np.float32)) for _ in tracks)
    return FrameJob(Segment(0, (frame,)), None, crops, made, None, frame, context)


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


def finished(renderer, jobs):
    return [renderer._finish(found) for found in renderer.windows(iter(jobs))]


def test_windows_count_frames_also_where_the_face_is_missing(renderer, asked):
    seen = [(0, 1), (0,), (0, 1), (0, 1), ()]
    jobs = [job(frame, tracks) for frame, tracks in enumerate(seen)]
    assert len(finished(renderer, jobs)) == 5
    assert asked[2, 0] == [-2, -1, 0, 1]
    assert asked[2, 1] == [-2, 0, 1]
    assert asked[0, 1] == [0, 2]
    assert asked[3, 1] == [-1, 0]


def test_neighbours_of_a_segment_are_looked_at_and_not_given(renderer, asked):
    jobs = [job(0, (0,), 1), job(1, (0,)), job(2, (0,), 1)]
    assert len(finished(renderer, jobs)) == 1
    assert asked == {(1, 0): [-1, 0, 1]}


def looked_at(renderer, engine, segmenter, jobs):
    """Send frames through the stage that looks at them."""
    looking = replace(renderer, engine=engine, segmenter=segmenter)
    step = next(one for one in looking.steps((), NO_OUTPUTS) if one.name == "segment_occlusion")
    return map(step.each, step.stage(iter(jobs)))


def test_crops_get_the_parts_of_the_frame_beside_them(renderer):
    def read(crop):
        parts = np.full((10, 128, 128), crop.pts, np.float32)
        return replace(crop, parts=parts) if crop.pts % 3 == 0 else crop

    engine = SimpleNamespace(read_parts=read)
    segmenter = SimpleNamespace(segment=lambda crop: crop)
    seen = [(0,), (0, 1), (0, 1), (0, 1), (0,), (1,), (0,)]
    jobs = looked_at(renderer, engine, segmenter, [job(*one) for one in enumerate(seen, 2)])
    found = [
        {crop.track: None if crop.parts is None else crop.parts.max() for crop in made.crops}
        for made in render._completed(iter(jobs))
    ]
    #  frames 2 to 8, of which 3 and 6 are read: person 1 is not there in 6, nor 0 in 7
    nobody = {1: None}
    assert found == [{0: 3}, {0: 3, 1: 3}, {0: 3, 1: 3}, {0: 6, 1: None}, {0: 6}, nobody, {0: None}]


def faces(levels, contexts=None):
    """Return frames of one face of these grey levels."""
    jobs = [job(frame, (0,)) for frame in range(len(levels))]
    points = np.array(np.meshgrid(range(4), range(17)), np.float32).T.reshape(68, 2) * [2, 0.4]
    return [
        replace(
            one,
            context=0 if contexts is None else contexts[number],
            crops=tuple(
                replace(
                    crop,
                    pixels=np.full((SIDE, SIDE, 3), level, np.float32),
                    landmarks=points.astype(np.float32),
                )
                for crop in one.crops
            ),
        )
        for number, (one, level) in enumerate(zip(jobs, levels, strict=True))
    ]


def segmented(renderer, jobs):
    """Look for something bright; return which frames were looked at, and the most of all masks."""
    looks = []

    def segment(crop):
        looks.append(crop.pts)
        there = float(crop.pixels.max() > 200)
        return replace(crop, occluder_mask=np.full((SIDE, SIDE), there, np.float32))

    engine = SimpleNamespace(read_parts=lambda crop: crop)
    made = looked_at(renderer, engine, SimpleNamespace(segment=segment), jobs)
    masks = [
        [float(crop.occluder_mask.max()) for crop in one.crops if crop.occluder_mask is not None]
        for one in render._completed(made)
    ]
    return looks, masks


def test_a_face_that_stays_as_it_is_is_looked_at_in_every_third_frame(renderer):
    looks, masks = segmented(renderer, faces([250.0] * 7))
    assert sorted(looks) == [0, 3, 6]
    assert masks == [[1.0]] * 7


def test_a_thing_is_found_in_the_frame_in_which_it_comes_and_in_which_it_goes(renderer):
    there = [False, True, False, False, False, False, True, True, False]
    looks, masks = segmented(renderer, faces([250.0 if one else 100.0 for one in there]))
    assert sorted(looks) == [0, 1, 3, 4, 5, 6, 8]  # 3 and 6 differ, so they do not tell of 4 and 5
    assert [one == [1.0] for one in masks] == there


def test_frames_come_out_alike_wherever_a_segment_begins(renderer):
    levels = [100.0, 130.0, 250.0, 245.0, 240.0, 100.0, 105.0, 130.0, 100.0, 250.0]
    _, whole = segmented(renderer, faces(levels))
    contexts = [max(6 - number, 0) for number in range(10)]
    _, apart = segmented(renderer, faces(levels, contexts)[6 - render.CONTEXT :])
    assert apart[-4:] == whole[-4:]
    assert apart[:2] == [[], []]  # too far to be of use for more than what is in front


@pytest.mark.parametrize(
    ("side", "blur", "size"),
    [
        (380, 0.0, 384),  # nothing is known of the film
        (380, 0.5 * FINEST_BLUR, 384),
        (380, 1.5 * FINEST_BLUR, 256),
        (380, 9.0 * FINEST_BLUR, 192),
        (150, 9.0 * FINEST_BLUR, 160),
    ],
)
def test_crops_are_as_large_as_the_face_and_no_larger_than_a_blurred_film_shows(side, blur, size):
    spec = CropSpec(sizes=(128, 160, 192, 256, 320, 384), points="detector")
    points = (spec.template * side).astype(np.float32)
    face = Face(np.array([0, 0, side, side], np.float32), points, 1.0)
    engine, sources = SimpleNamespace(spec=spec), (TrackSource(0, 0),)
    assert plan_track([face] * 3, sources, engine, blur=blur).size == size


def test_frames_whose_face_was_not_found_are_filled():
    spec = CropSpec(sizes=(128,), points="detector")
    points, box = (spec.template * 90).astype(np.float32), np.array([0, 0, 90, 90], np.float32)
    faces = [Face(box, points, score, pts=pts) for pts, score in enumerate((0.9, 0.0, 0.0, 0.8))]
    sources = (TrackSource(0, 0, 0, 2),)
    plan = plan_track(faces, sources, SimpleNamespace(spec=spec))
    assert (plan.pts.tolist(), plan.filled.tolist()) == ([0, 1], [1])


@pytest.mark.parametrize(("batch", "depth"), [(1, 2), (32, 32)])
def test_a_whole_batch_may_wait_on_either_side_of_the_swap(renderer, batch, depth):
    steps = {step.name: step for step in replace(renderer, batch_size=batch).steps((), NO_OUTPUTS)}
    assert [steps[name].depth for name in ("segment_occlusion", "swap")] == [depth, depth]


def test_workers_are_as_planned(renderer):
    plan = plan_threads(8)
    steps = {step.name: step for step in replace(renderer, threads=plan).steps((), NO_OUTPUTS)}
    workers = {name: step.workers for name, step in steps.items() if step.workers > 1}
    assert workers == {"segment_occlusion": plan.occlusion, "finish": plan.finish}


SLEEPS = {"segment_occlusion": 0.0075, "swap": 0.0085, "finish": 0.0075}  # seconds a frame
FRAMES = 128


def seconds(batch, monkeypatch):
    """Return how long the pipeline of a render takes if its stages sleep, as on a GPU."""
    engine = SimpleNamespace(
        read_parts=lambda crop: crop,
        swap=lambda crops, people: time.sleep(SLEEPS["swap"] * len(crops)) or list(crops),
    )
    segmenter = SimpleNamespace(
        segment=lambda crop: time.sleep(SLEEPS["segment_occlusion"]) or crop
    )
    finisher = SimpleNamespace(grain=False, finish=lambda same, at: time.sleep(SLEEPS["finish"]))
    monkeypatch.setattr(failed_swaps, "fault_of", lambda crop, swapped: None)
    made = Renderer(None, None, {}, engine, [], finisher, segmenter, batch, plan_threads(1))
    jobs = [job(number, (0,)) for number in range(FRAMES)]
    monkeypatch.setattr(Renderer, "_decode", lambda self, segments: iter(jobs))
    monkeypatch.setattr(Renderer, "_crop", lambda self, jobs: jobs)
    monkeypatch.setattr(Renderer, "_composite", lambda self, job, masked: job)
    monkeypatch.setattr(render, "encode_segments", lambda jobs, *others: jobs)
    done, started = [], time.perf_counter()
    made.run([], NO_OUTPUTS, lambda job: done.append(job.frame))
    assert done == [None] * FRAMES
    return time.perf_counter() - started


def test_batches_of_32_are_as_fast_as_single_frames(monkeypatch):
    """What one batch waits for at the start and the end, a long film does not see."""
    start_and_end = 32 * (SLEEPS["segment_occlusion"] + SLEEPS["finish"])
    for _ in range(3):  # other processes may be in the way
        single, batches = seconds(1, monkeypatch), seconds(32, monkeypatch)
        if batches - start_and_end < 1.1 * single:
            return
    pytest.fail(f"{batches:.2f} s in batches, {single:.2f} s without")
