"""Segments that are encoded at once."""

import threading
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from videoswap.rendering.encoding import encode_segments
from videoswap.rendering.segments import Segment

SEGMENTS = [Segment(number, tuple(range(10 * number, 10 * number + 10))) for number in range(5)]


@dataclass
class Outputs:
    """Notes what is written; the end of a segment waits for ``hold``."""

    hold: threading.Event
    fails_at: int | None = None

    def __post_init__(self):
        self.written, self.finished, self.discarded = {}, [], []

    @contextmanager
    def open(self, segment, info):
        frames = self.written[segment.number] = []
        number = segment.number

        def write(frame, mask, changed):
            if frame == self.fails_at:
                raise OSError(f"no room for {frame}")
            frames.append(frame)

        def finish():
            assert self.hold.wait(5.0)
            self.finished.append(number)

        yield SimpleNamespace(write=write, finish=finish)
        if number not in self.finished:
            self.discarded.append(number)


def frames():
    for segment in SEGMENTS:
        for pts in segment.pts:
            yield SimpleNamespace(frame=pts, mask=None, changed=False)


def opened():
    hold = threading.Event()
    hold.set()
    return hold


@pytest.mark.parametrize("at_once", [1, 2, 3])
def test_every_frame_goes_into_its_segment(at_once):
    outputs = Outputs(opened())
    given = [one.frame for one in encode_segments(frames(), SEGMENTS, outputs, None, at_once)]
    assert given == [pts for segment in SEGMENTS for pts in segment.pts]
    assert outputs.written == {one.number: list(one.pts) for one in SEGMENTS}
    assert sorted(outputs.finished) == [0, 1, 2, 3, 4]


def test_the_next_segment_begins_while_one_ends():
    outputs = Outputs(threading.Event())
    running = encode_segments(frames(), SEGMENTS, outputs, None, 2)
    assert [next(running).frame for _ in range(20)] == list(range(20))  # none has ended
    assert outputs.finished == []
    outputs.hold.set()
    assert len(list(running)) == 30


@pytest.mark.parametrize("at_once", [1, 2])
@pytest.mark.parametrize("place", [3, 19, 49])
def test_what_an_encoder_raises_reaches_the_caller(at_once, place):
    before = threading.active_count()
    outputs = Outputs(opened(), fails_at=place)
    with pytest.raises(OSError, match=f"no room for {place}"):
        list(encode_segments(frames(), SEGMENTS, outputs, None, at_once))
    assert threading.active_count() == before
    assert place // 10 not in outputs.finished


def test_a_caller_that_leaves_gives_up_what_is_not_complete():
    before = threading.active_count()
    outputs = Outputs(opened())
    running = encode_segments(frames(), SEGMENTS, outputs, None, 2)
    for _ in range(14):
        next(running)
    running.close()
    assert threading.active_count() == before
    assert 1 not in outputs.finished
