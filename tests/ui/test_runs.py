"""The queue: one run at a time, and what was interrupted can go on."""

from __future__ import annotations

import time
from typing import ClassVar

import pytest

from videoswap.errors import InputError, UsageError
from videoswap.ui import runs
from videoswap.ui.children import CAN_PAUSE, Child
from videoswap.ui.runs import Queue, Run, read_run


class Stub:
    """A process that ends when it is told to."""

    made: ClassVar[list[Stub]] = []

    def __init__(self, words, done):
        self.words, self._done = words, done
        self.progress, self.lines, self.complaints = {}, [], []
        self.asked = []
        Stub.made.append(self)

    def pause(self):
        self.asked.append("pause")

    def go_on(self):
        self.asked.append("go on")

    def cancel(self):
        self.asked.append("cancel")
        self._done(130)

    def end(self, code, complaint=""):
        self.complaints += [complaint] if complaint else []
        self._done(code)


@pytest.fixture
def queue(monkeypatch):
    Stub.made = []
    monkeypatch.setattr(runs, "Child", Stub)
    return Queue()


@pytest.fixture
def make(tmp_path):
    def run(name):
        folder = tmp_path / name
        folder.mkdir()
        return Run(f"{name}.mp4", folder, ".mp4")

    return run


def test_one_after_the_other(queue, make):
    first, second = make("a"), make("b")
    queue.add(first)
    queue.add(second)
    assert (first.state, second.state) == ("running", "waiting")
    assert Stub.made[0].words[:5] == ["swap", "--plan", str(first.plan), "-o", str(first.result)]
    first.result.write_bytes(b"film")
    Stub.made[0].end(0)
    assert (first.state, second.state) == ("done", "running")
    Stub.made[1].end(3, "videoswap: The disk is full.")
    assert (second.state, second.problem) == ("failed", "The disk is full.")


def test_pause_go_on_cancel_and_again(queue, make):
    run = make("a")
    queue.add(run)
    queue.pause(run)
    assert run.state == "paused"
    queue.go_on(run)
    assert run.state == "running" and Stub.made[0].asked == ["pause", "go on"]
    queue.cancel(run)
    assert run.state == "cancelled" and Stub.made[0].asked[-1] == "cancel"
    queue.go_on(run)
    assert run.state == "running" and len(Stub.made) == 2


@pytest.mark.parametrize("once_more", [False, True], ids=["goes on", "cancelled once more"])
def test_a_cancelled_run_goes_on_before_its_process_has_ended(queue, make, once_more, monkeypatch):
    monkeypatch.setattr(Stub, "cancel", lambda self: self.asked.append("cancel"))
    run = make("a")
    queue.add(run)
    queue.cancel(run)
    queue.go_on(run)
    assert run.state == "waiting" and len(Stub.made) == 1
    if once_more:
        queue.cancel(run)
    Stub.made[0].end(143)
    assert (run.state, len(Stub.made)) == (("cancelled", 1) if once_more else ("running", 2))


@pytest.mark.parametrize("once_more", [False, True], ids=["cancelled", "goes on"])
def test_a_run_can_be_removed_before_its_process_has_ended(queue, make, once_more, monkeypatch):
    monkeypatch.setattr(Stub, "cancel", lambda self: self.asked.append("cancel"))
    run, other = make("a"), make("b")
    queue.add(run)
    queue.add(other)
    queue.cancel(run)
    if once_more:
        queue.go_on(run)
    queue.remove(run)
    assert run.folder.exists() and other.state == "waiting"  # its process still writes there
    Stub.made[0].end(143)
    assert not run.folder.exists() and other.state == "running"


def test_what_waits_can_be_taken_out(queue, make):
    first, second = make("a"), make("b")
    queue.add(first)
    queue.add(second)
    with pytest.raises(UsageError):
        queue.add(second)
    with pytest.raises(UsageError):
        queue.remove(first)
    queue.cancel(second)
    assert second.state == "cancelled" and len(Stub.made) == 1
    queue.remove(second)
    assert not second.folder.exists()


def test_after_a_restart_a_run_was_interrupted(queue, make):
    run = make("a")
    queue.add(run)
    again = read_run(run.folder)
    assert (again.state, again.title, again.number) == ("interrupted", "a.mp4", run.number)
    assert again.words() == run.words()
    Queue().go_on(again)
    assert again.state == "running"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"title": "a"}'])
def test_a_damaged_record_is_refused(make, text):
    run = make("a")
    (run.folder / runs.RECORD).write_text(text)
    with pytest.raises(InputError):
        read_run(run.folder)


# A real process

COUNTING = """
import itertools, json, sys, time

for number in itertools.count():
    print(json.dumps({"stage": "render", "done": number}), file=sys.stderr, flush=True)
    time.sleep(0.01)
"""


def wait(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_process_says_what_it_does(tmp_path):
    ended = []
    child = Child(["swap", "-s", "a.png", "-i", str(tmp_path / "nothing.mp4")], ended.append)
    wait(lambda: ended)
    assert ended == [3] and "nothing.mp4" in child.complaints[-1]


@pytest.mark.skipif(not CAN_PAUSE, reason="processes cannot be stopped here")
def test_a_process_pauses_and_is_cancelled(tmp_path, monkeypatch):
    package = tmp_path / "videoswap"
    package.mkdir()
    (package / "__main__.py").write_text(COUNTING)
    (package / "__init__.py").touch()
    monkeypatch.chdir(tmp_path)
    ended = []
    child = Child([], ended.append)
    wait(lambda: child.progress.get("done", 0) > 3)
    child.pause()
    time.sleep(0.3)
    before = child.progress["done"]
    time.sleep(0.3)
    assert child.progress["done"] == before and not ended
    child.go_on()
    wait(lambda: child.progress["done"] > before)
    child.pause()
    child.cancel()
    wait(lambda: ended)
    assert ended[0] != 0
