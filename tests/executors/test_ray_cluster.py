"""A Ray cluster of this machine: two workers."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

from videoswap.errors import InputError, UsageError, VideoswapError
from videoswap.executors import ray_cluster
from videoswap.executors.base import Task
from videoswap.video.probe import VideoInfo, probe

ray = pytest.importorskip("ray")


@dataclass
class Squares:
    """Squares numbers; some payloads do harm."""

    marks: str = ""

    def open(self):
        def handle(number, tell):
            tell(1)
            if number == "refuse":
                raise InputError("no_such", "There is none.", "Try another.")
            if number == "die":
                os.kill(os.getpid(), signal.SIGKILL)
            if number == "doomed":  # in its first try
                mark = Path(self.marks)
                if not mark.exists():
                    mark.touch()
                    os.kill(os.getpid(), signal.SIGKILL)
                return -1
            if isinstance(number, ray_cluster._Shipped):
                return number().read_bytes()
            return number**2

        return handle


def tasks(*payloads):
    return [Task(f"number {payload}", payload) for payload in payloads]


@pytest.fixture(scope="module")
def executor():
    with ray_cluster.RayExecutor(2, "cpu", ship=True) as made:
        yield made


@pytest.mark.slow
def test_a_cluster_of_this_machine(executor, tmp_path, solo_clip):
    """All in one, since a cluster takes seconds to start. Short forms: below."""
    frames = []
    found = {t.payload: r for t, r in executor.run(Squares(), tasks(1, 2, 3), frames.append)}
    assert found == {1: 1, 2: 4, 3: 9}
    assert frames == [1, 1, 1]
    assert executor.workers == 2 and not executor.shares_disk
    # a worker that dies
    work = Squares(str(tmp_path / "mark"))
    given = [Task("one", 1), Task("it", "doomed")]
    assert sorted(r for _, r in executor.run(work, given, frames.append)) == [-1, 1]
    with pytest.raises(VideoswapError, match="Number die failed 2 times: its worker was lost"):
        list(executor.run(Squares(), tasks("die"), frames.append))
    # errors with words
    with pytest.raises(InputError, match="There is none") as caught:
        list(executor.run(Squares(), tasks("refuse", 1), frames.append))
    assert caught.value.hint == "Try another."
    # a film that is sent
    film = executor.film(probe(solo_clip))
    assert film.fetch is not None
    ((_, copy),) = executor.run(Squares(), tasks(film.fetch), frames.append)
    assert copy == solo_clip.read_bytes()
    assert ray_cluster._place(film.fetch.name).exists()


def test_tasks_are_opened_once_and_errors_are_results(monkeypatch):
    opened = []

    class Work:
        def open(self):
            opened.append(self)
            return Squares().open()

    class Context:
        def get_assigned_resources(self):
            return {"CPU": 1.0}

    monkeypatch.setattr(ray, "get_runtime_context", Context)
    monkeypatch.setattr(ray_cluster, "_opened", {})
    monkeypatch.delenv("VIDEOSWAP_THREADS", raising=False)
    assert ray_cluster._do("a", Work(), 3) == ("done", 9, [1])
    assert ray_cluster._do("a", Work(), 4) == ("done", 16, [1])
    kind, error, _ = ray_cluster._do("b", Work(), "refuse")
    assert (kind, error.code) == ("refused", "no_such")
    assert ray_cluster._do("b", Work(), "x")[0] == "failed"
    assert len(opened) == 2
    assert os.environ["VIDEOSWAP_THREADS"] == "1"
    monkeypatch.delenv("VIDEOSWAP_THREADS")


def test_without_ray_it_is_said_how_to_get_it(monkeypatch):
    monkeypatch.setattr(ray_cluster.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"videoswap\[ray\]"):
        ray_cluster.RayExecutor(2)


@pytest.mark.parametrize(("address", "where"), [("", "on this machine"), ("a:1", "at a:1")])
def test_a_cluster_that_cannot_be_had_is_told(monkeypatch, address, where):
    def fail(**given):
        assert ("num_cpus" in given) == (not address)
        raise Exception("The node timed out.\nmore")

    monkeypatch.setenv("RAY_ADDRESS", address)
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", fail)
    with pytest.raises(InputError, match=f"No Ray cluster {where}: The node timed out"):
        list(ray_cluster.RayExecutor(2, "cpu").run(Squares(), tasks(1), print))


def test_numbered_pictures_are_not_sent(monkeypatch):
    info = VideoInfo.__new__(VideoInfo)
    object.__setattr__(info, "sequence", object())
    with pytest.raises(UsageError, match="shared disk"):
        ray_cluster.RayExecutor(2, "cpu", ship=True).film(info)
