"""Segments rendered by several processes: the same bits as by one."""

import multiprocessing
import os
import pickle
import random
import shutil
import signal
import threading
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace

import av
import pytest

import videoswap.jobs.video
import videoswap.jobs.workers
from videoswap import swap_video
from videoswap.errors import CancelledError, VideoswapError
from videoswap.executors.base import Attempt
from videoswap.executors.film import Film
from videoswap.executors.gain import Measured
from videoswap.executors.local import LocalExecutor
from videoswap.jobs.segment_work import RenderedSegment, render_in_workers
from videoswap.records import Fallback
from videoswap.settings import SwapSettings


def content(path):
    """Return headers and packets of the video."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        packets = [(packet.pts, bytes(packet)) for packet in container.demux(stream)]
        return stream.codec_context.extradata, packets


@pytest.fixture(scope="module")
def run(clip, photos, tmp_path_factory):
    """Swap the clip with some settings; gives the report, and result and masks in bits."""
    folder = tmp_path_factory.mktemp("runs")
    usual = SwapSettings(device="cpu", segment_frames=2, overwrite=True)

    def made(name, progress=None, cancel=None, **changes):
        out, masks = folder / f"{name}.mkv", folder / f"{name}-masks.mkv"
        report = swap_video(
            [photos["source"]],
            clip,
            out,
            target_faces=[photos["left"]],
            settings=replace(usual, cache_dir=folder / "cache", **changes),
            save_masks=masks,
            progress=progress,
            cancel=cancel,
        )
        return report, content(out), content(masks)

    return made


@pytest.fixture(scope="module")
def alone(run):
    return run("alone")


class Killed(LocalExecutor):
    """Kills workers at random, none twice at the same task, until there were enough."""

    kills, chance = 1, 0.3

    def __init__(self, workers):
        super().__init__(workers)
        self.killed, self._random = 0, random.Random(5)

    def run(self, work, tasks, on_frame):
        def frame(faces):
            on_frame(faces)
            if self.killed < self.kills and self._random.random() < self.chance:
                at = [one for one in self._processes if one.attempt and one.attempt.number == 1]
                if at:
                    os.kill(self._random.choice(at).process.pid, signal.SIGKILL)
                    type(self).last, self.killed = self, self.killed + 1

        yield from super().run(work, tasks, frame)


def test_two_processes_render_the_same_bits_though_one_is_killed(run, alone, monkeypatch):
    monkeypatch.setattr(videoswap.jobs.workers, "LocalExecutor", Killed)
    seen = []
    report, *results = run("two", jobs=2, progress=seen.append)
    assert Killed.last.killed == 1
    assert report.segments == 12
    assert results == list(alone[1:])
    assert {one.name for one in report.stages} == {one.name for one in alone[0].stages}
    assert sum(one.items for one in report.stages if one.name == "encode") >= 24
    assert report.swapped_frames == alone[0].swapped_frames > 0
    assert [one.done for one in seen if one.stage == "render"][-1] == 24
    assert not report.notes or report.notes == alone[0].notes


@pytest.mark.slow
def test_workers_killed_ten_times_give_the_same_bits(run, alone, monkeypatch):
    """Short form: the test before this one."""
    monkeypatch.setattr(Killed, "kills", 10)
    monkeypatch.setattr(Killed, "chance", 1.0)
    monkeypatch.setattr(videoswap.jobs.workers, "LocalExecutor", Killed)
    assert run("ten", jobs=2)[1:] == alone[1:]
    assert Killed.last.killed == 10


def test_a_segment_that_fails_twice_is_an_error_that_names_its_frames(run, monkeypatch):
    class Doomed(LocalExecutor):
        def run(self, work, tasks, on_frame):
            given = list(tasks)
            third = next(one for one in given if one.name.startswith("segment 3 "))
            Attempt(third, 2).again("its process was ended by signal 9")
            yield

    monkeypatch.setattr(videoswap.jobs.workers, "LocalExecutor", Doomed)
    with pytest.raises(VideoswapError, match=r"Segment 3 \(frames 6 to 7, 0\.\d\d to 0\.\d\d s\)"):
        run("doomed", jobs=2)


def test_a_run_that_is_ended_leaves_no_process_and_goes_on_later(run, alone):
    cancel = threading.Event()

    def stop(update):
        if update.stage == "render" and update.done >= 6:
            cancel.set()

    with pytest.raises(CancelledError):
        run("ended", jobs=2, progress=stop, cancel=cancel)
    assert multiprocessing.active_children() == []
    assert run("ended")[1:] == alone[1:]


def failing_card(number, image):
    if number == 3:
        raise av.error.ExternalError(1, "no surfaces left")
    return image


@pytest.mark.parametrize(
    ("change", "jobs", "why"),
    [(None, 1, None), (failing_card, 1, "no surfaces left"), (None, 2, "cannot be opened")],
)
def test_a_card_that_decodes_gives_the_same_bits(run, alone, card, monkeypatch, change, jobs, why):
    """The worker processes have no card: each of them goes to the CPU."""
    if change is not None:  # proved, and fails later

        def chosen(*given):
            card.change = change
            return "nvdec", ()

        monkeypatch.setattr(videoswap.jobs.video, "choose_decoder", chosen)
    report, *results = run(f"card {jobs} {why}", jobs=jobs, decoder="nvdec")
    assert results == list(alone[1:])
    assert (report.decoder, alone[0].decoder) == ("nvdec", "cpu")
    assert card.opened >= 1
    told = [note for note in report.notes if note not in alone[0].notes]
    assert [why in note.reason for note in told] == [True] * (why is not None)


@pytest.mark.parametrize(("free", "jobs"), [(0.2, 1), (1.0, 2)])
def test_auto_goes_by_what_is_free(run, alone, monkeypatch, free, jobs):
    """The clip is too short for real, so what was measured is made up."""
    monkeypatch.setattr(videoswap.jobs.workers, "TRIAL_FRAMES", 10)
    monkeypatch.setattr(
        videoswap.jobs.workers.CoreMeter, "read", lambda meter: Measured(60.0, 1.0, free)
    )
    asked = []

    class Noted(LocalExecutor):
        def __init__(self, workers):
            asked.append(workers)
            super().__init__(workers)

    monkeypatch.setattr(videoswap.jobs.workers, "LocalExecutor", Noted)
    assert run("auto", jobs=None)[1:] == alone[1:]
    assert asked == ([] if jobs == 1 else [jobs])


@pytest.mark.parametrize(
    ("plan", "past", "why"),
    [
        (None, False, "an animated picture is written in one go"),
        ("x264", True, "the engine ghost goes on from frame to frame"),
        ("x264", False, ""),
    ],
)
def test_why_one_process_renders_all(plan, past, why):
    engine = SimpleNamespace(name="ghost", depends_on_past=past)
    found = videoswap.jobs.workers.why_alone(
        SimpleNamespace(engine=engine), SimpleNamespace(plan=plan)
    )
    assert found == why


class Elsewhere:
    """Does tasks in this process on copies, the last first; sees no files but its own film."""

    workers, shares_disk = 2, False

    def __init__(self, film):
        self.copy = film

    def film(self, info):
        return Film(self.fetch)

    def fetch(self):
        return self.copy

    def run(self, work, tasks, on_frame):
        handler = pickle.loads(pickle.dumps(work)).open()
        for task in [*tasks][::-1]:
            payload = pickle.loads(pickle.dumps(task.payload))
            yield task, pickle.loads(pickle.dumps(handler(payload, on_frame)))


def test_segments_that_come_back_from_elsewhere_are_the_same_bits(
    run, alone, clip, monkeypatch, tmp_path
):
    shutil.copy(clip, tmp_path / "copy.mp4")

    @contextmanager
    def elsewhere(settings, jobs=None):
        yield Elsewhere(tmp_path / "copy.mp4")

    monkeypatch.setattr(videoswap.jobs.video, "open_executor", elsewhere)
    assert run("elsewhere", jobs=2)[1:] == alone[1:]


def test_faces_that_workers_made_in_another_way_are_counted_together():
    half = Fallback("half precision", "float32", "numbers became too large for half")
    graphs = Fallback("CUDA graphs", "kernels started one by one", "they were refused")
    given = [(replace(half, faces=2), graphs), (graphs,), (replace(half, faces=1),)]
    results = [(None, RenderedSegment((), {}, notes)) for notes in given]
    executor = SimpleNamespace(run=lambda *others: iter(results))
    work, told = SimpleNamespace(plans={}, info=None), []
    render_in_workers(executor, work, None, [], None, None, told.append)
    assert told == [graphs, replace(half, faces=3)]
    assert str(told[1]).startswith("float32 instead of half precision for 3 faces, because")
    assert replace(half, faces=1).as_data()["wanted"] == "half precision for 1 face"


@pytest.mark.slow
@pytest.mark.parametrize("ship_input", [False, True])
def test_a_cluster_of_two_workers_renders_the_same_bits(run, alone, ship_input):
    """Short form: the test before this one, and those of `RayExecutor`."""
    pytest.importorskip("ray")
    name = f"ray-{ship_input}"
    report, *results = run(name, jobs=2, executor="ray", ship_input=ship_input)
    assert results == list(alone[1:])
    assert report.segments == 12


@pytest.mark.parametrize("work", [videoswap.analyze, videoswap.list_faces])
def test_analyses_are_shared_by_as_many_processes_as_the_settings_say(
    clip, tmp_path, monkeypatch, work
):
    class Counted(LocalExecutor):
        workers = 0

        def run(self, work, tasks, on_frame):
            type(self).workers = self._workers
            yield from super().run(work, tasks, on_frame)

    monkeypatch.setattr(videoswap.jobs.workers, "LocalExecutor", Counted)
    made = work(clip, settings=SwapSettings(device="cpu", cache_dir=tmp_path, jobs=2))
    if work is videoswap.analyze:
        made.close()
    assert Counted.workers == 2
