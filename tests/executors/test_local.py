"""Processes that share work: results, errors, deaths, and the end."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from videoswap.errors import InputError, VideoswapError
from videoswap.executors.base import Task
from videoswap.executors.local import LocalExecutor


@dataclass
class Squares:
    """Squares numbers; some payloads do harm."""

    marks: str = ""

    def open(self):
        offset = 0 if self.marks != "offset" else 1

        def handle(number, tell):
            tell(1)
            if number == "refuse":
                raise InputError("no_such", "There is none.", "Try another.")
            if number == "fail":
                raise ZeroDivisionError("over nothing")
            if number == "die":
                os.kill(os.getpid(), signal.SIGKILL)
            if isinstance(number, tuple):  # dies in its first try
                path, number = number
                if not Path(path).exists():
                    Path(path).touch()
                    os.kill(os.getpid(), signal.SIGKILL)
            if number == "slow":
                time.sleep(60)
            tell(2)
            return number**2 + offset

        return handle


def tasks(*payloads):
    return [Task(f"number {payload}", payload) for payload in payloads]


@pytest.fixture(scope="module")
def executor():
    with LocalExecutor(2) as made:
        yield made


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def done(executor, work, given, on_frame=lambda faces: None):
    return {task.payload: result for task, result in executor.run(work, given, on_frame)}


def test_tasks_are_done_and_their_frames_are_told(executor):
    frames = []
    found = done(executor, Squares(), tasks(1, 2, 3, 4, 5), frames.append)
    assert found == {1: 1, 2: 4, 3: 9, 4: 16, 5: 25}
    assert sorted(frames) == [1] * 5 + [2] * 5
    assert len(set(executor.pids())) == 2


def test_the_same_processes_do_other_work_next(executor):
    done(executor, Squares(), tasks(1, 2))
    before = executor.pids()
    assert done(executor, Squares("offset"), tasks(3)) == {3: 10}
    assert executor.pids() == before


def test_tasks_that_are_not_known_yet_are_waited_for(executor):
    def later():
        yield Task("first", 2)
        yield None
        yield None
        yield Task("second", 3)

    assert done(executor, Squares(), later()) == {2: 4, 3: 9}


def test_an_error_with_words_ends_the_run_with_them(executor):
    with pytest.raises(InputError, match="There is none") as caught:
        done(executor, Squares(), tasks(1, "refuse", 3))
    assert caught.value.hint == "Try another."
    assert done(executor, Squares(), tasks(4)) == {4: 16}  # it can be used again


@pytest.mark.parametrize("payload", ["die", "fail"])
def test_what_fails_twice_is_an_error_with_its_name(executor, payload):
    with pytest.raises(VideoswapError, match=f"Number {payload} failed 2 times") as caught:
        done(executor, Squares(), tasks(1, payload))
    assert caught.value.code == "worker_failed"
    said = {"die": "ended by signal 9", "fail": "over nothing"}
    assert said[payload] in caught.value.message


def test_a_process_that_dies_is_replaced_and_its_task_done_again(executor, tmp_path):
    before = set(executor.pids())
    frames = []
    given = [Task("one", 1), Task("doomed", (str(tmp_path / "mark"), 7)), Task("two", 2)]
    found = [result for _, result in executor.run(Squares(), given, frames.append)]
    assert sorted(found) == [1, 4, 49]
    assert sorted(frames) == [1, 1, 1, 2, 2, 2]  # the frame of both tries counts once
    assert len(set(executor.pids()) & before) == 1


def test_leaving_ends_all_processes_even_at_work():
    with LocalExecutor(2) as executor:
        running = executor.run(Squares(), [None, *tasks(1, "slow", "slow")], lambda faces: None)
        assert next(running)[1] == 1
        pids = executor.pids()
        started = time.perf_counter()
    assert time.perf_counter() - started < 10
    assert len(pids) == 2 and not any(map(alive, pids))


def test_processes_leave_ctrl_c_to_their_parent(executor):
    done(executor, Squares(), tasks(1, 2))
    for pid in executor.pids():
        os.kill(pid, signal.SIGINT)
    time.sleep(0.2)
    before = executor.pids()
    assert done(executor, Squares(), tasks(3, 4)) == {3: 9, 4: 16}
    assert executor.pids() == before
