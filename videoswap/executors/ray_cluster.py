"""`RayExecutor`: tasks of a Ray cluster, or of one that is started on this machine.

Tasks and results travel through Ray's object store. Nothing is asked or told outside the cluster:
usage statistics and the dashboard are off.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import tempfile
import traceback
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from ..errors import InputError, UsageError, VideoswapError, first_line
from ..fingerprint import file_digest
from ..threads import VARIABLE, usable_cores
from ..video.probe import VideoInfo
from .base import Attempt, Handler, OnFrame, Task, Work
from .film import Film

ADDRESS = "RAY_ADDRESS"  # of a running cluster, as Ray itself reads it
CHUNK = 1 << 26  # bytes of a film that are one object
AHEAD = 2  # tasks a worker that wait in the cluster, so that no worker waits for the next
_POLL = 0.2  # seconds between two looks at whether there are more tasks


class RayExecutor:
    """Does tasks on a Ray cluster.

    It joins the cluster of ``$RAY_ADDRESS``, or of this process if it has joined one; else it
    starts one on this machine, which ends with it.

    Args:
        jobs: Most tasks at once; None for as many as the cluster has room for.
        device: auto, cpu or cuda; each task on cuda gets a GPU, on auto where there are any.
        ship: Whether films are sent to the machines.

    Raises:
        InputError: ``no_ray``.
    """

    def __init__(self, jobs: int | None, device: str = "auto", ship: bool = False) -> None:
        if importlib.util.find_spec("ray") is None:
            raise InputError(
                "no_ray", "--executor ray needs Ray.", 'Install it: pip install "videoswap[ray]".'
            )
        self._jobs, self._device, self._ship = jobs, device, ship
        self._ray: Any = None
        self._owned = False
        self._films: list[str] = []
        self._sent: dict[Path, Film] = {}

    @property
    def workers(self) -> int:
        """How many tasks are done at once."""
        there = self._started().cluster_resources()
        room = there.get("GPU" if self._on_gpus() else "CPU", 1)
        return max(1, int(room) if self._jobs is None else min(self._jobs, int(room)))

    @property
    def shares_disk(self) -> bool:
        """Whether workers see the files of this process: not for sure."""
        return False

    def film(self, info: VideoInfo) -> Film:
        """Return how workers get at a film: by its path, or by what is sent to them.

        Raises:
            UsageError: ``not_one_file``.
        """
        if not self._ship:
            return Film() if info.sequence is not None else Film(digest=file_digest(info.path))
        if info.sequence is not None:
            raise UsageError(
                "not_one_file", "Numbered pictures cannot be sent.", "Put them on a shared disk."
            )
        if info.path in self._sent:
            return self._sent[info.path]
        ray, name = self._started(), f"videoswap-{uuid.uuid4().hex}{info.path.suffix}"
        with info.path.open("rb") as file:
            chunks = [ray.put(part) for part in iter(lambda: file.read(CHUNK), b"")]
        self._films.append(name)
        self._sent[info.path] = Film(_Shipped(name, info.path.stat().st_size, tuple(chunks)))
        return self._sent[info.path]

    def run(
        self, work: Work, tasks: Iterable[Task | None], on_frame: OnFrame
    ) -> Iterator[tuple[Task, Any]]:
        """See `Executor`; frames are told of when their task is done."""
        ray = self._started()
        remote = ray.remote(
            num_cpus=1, num_gpus=1 if self._on_gpus() else 0, max_retries=0, max_calls=0
        )(_do)
        number, given = uuid.uuid4().hex, ray.put(work)
        source, waiting = iter(tasks), deque[Attempt]()
        running: dict[Any, Attempt] = {}
        room, exhausted = AHEAD * self.workers, False
        try:
            while True:
                while len(running) < room and (waiting or not exhausted):
                    if not waiting:
                        task = next(source, _END)
                        exhausted = task is _END
                        if not isinstance(task, Task):
                            break
                        waiting.append(Attempt(task))
                    attempt = waiting.popleft()
                    running[remote.remote(number, given, attempt.task.payload)] = attempt
                if not running and exhausted and not waiting:
                    return
                # Not known yet: look again soon.
                done, _ = ray.wait(list(running), timeout=_POLL) if running else ([], [])
                for reference in done:
                    attempt = running.pop(reference)
                    try:
                        kind, said, frames = ray.get(reference)
                    except ray.exceptions.RayError as error:
                        why = f"its worker was lost ({type(error).__name__})"
                        waiting.append(attempt.again(why))
                        continue
                    if kind == "refused":
                        raise said
                    if kind == "failed":
                        waiting.append(attempt.again(said))
                        continue
                    for faces in frames:
                        attempt.frame(faces, on_frame)
                    yield attempt.task, said
        finally:
            for reference in running:
                ray.cancel(reference, force=True)

    def close(self) -> None:
        """Remove films that were sent, and end the cluster if it was started here."""
        if self._ray is None:
            return
        if self._films and not self._owned:
            self._forget()
        for name in self._films if self._owned else ():
            _remove(name)
        if self._owned:
            self._ray.shutdown()
        self._ray = None

    def __enter__(self) -> RayExecutor:
        """Return the executor."""
        return self

    def __exit__(self, *details: object) -> None:
        """Let go of the cluster."""
        self.close()

    def _started(self) -> Any:
        if self._ray is not None:
            return self._ray
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        import ray

        if not ray.is_initialized():
            common: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
            address = os.environ.get(ADDRESS)
            if not address:
                cores = usable_cores().usable if self._jobs is None else self._jobs
                common |= {"num_cpus": cores, "include_dashboard": False}
            try:
                ray.init(**common)
            except Exception as error:  # it raises whatever it likes
                where = f"at {address}" if address else "on this machine"
                raise InputError(
                    "no_cluster",
                    f"No Ray cluster {where}: {first_line(error)}.",
                    "Start one (docs/cluster.md), or use --executor local.",
                ) from error
            self._owned = not address
        self._ray = ray
        return ray

    def _on_gpus(self) -> bool:
        if self._device == "cpu":
            return False
        return self._device == "cuda" or "GPU" in self._started().cluster_resources()

    def _forget(self) -> None:
        """Remove the copies of films on all machines."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        remove = self._ray.remote(num_cpus=0)(_remove)
        there = [node["NodeID"] for node in self._ray.nodes() if node["Alive"]]
        self._ray.wait(
            [
                remove.options(
                    scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=True)
                ).remote(name)
                for node in there
                for name in self._films
            ],
            num_returns=len(there) * len(self._films),
            timeout=30.0,
        )


_END = object()  # of the tasks


@dataclass(frozen=True, slots=True, eq=False)
class _Shipped:
    """A film in the object store; called where a worker runs, it returns the path of a copy.

    Attributes:
        name: Of the copy, which nothing else has.
        size: Bytes.
        chunks: The film in pieces.
    """

    name: str
    size: int
    chunks: tuple[Any, ...]

    def __call__(self) -> Path:
        """Return the path of the copy on this machine, which is made once."""
        import ray

        path = _place(self.name)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        with FileLock(path.with_name(f"{path.name}.lock"), mode=0o600):
            if not path.exists() or path.stat().st_size != self.size:
                part = path.with_name(f"{path.name}.part")
                with part.open("wb") as file:
                    for chunk in self.chunks:
                        file.write(ray.get(chunk))
                part.replace(path)
        return path


def _place(name: str) -> Path:
    owner = os.getuid() if hasattr(os, "getuid") else 0
    return Path(tempfile.gettempdir()) / f"videoswap-films-{owner}" / name


def _remove(name: str) -> None:
    folder = _place(name).parent
    for path in folder.glob(f"{name}*"):
        path.unlink(missing_ok=True)
    if folder.is_dir() and not any(folder.iterdir()):
        shutil.rmtree(folder, ignore_errors=True)


#: In a worker: the last work it opened, which the next task wants as well.
_opened: dict[str, Handler] = {}


def _do(number: str, work: Work, payload: Any) -> tuple[str, Any, list[int]]:
    """Do a task in a worker; errors are results, so that they arrive as they are."""
    import ray

    context: Any = ray.get_runtime_context()
    cores = context.get_assigned_resources().get("CPU", 1.0)
    os.environ[VARIABLE] = str(max(1, int(cores)))
    frames: list[int] = []
    tell: Callable[[int], None] = frames.append
    try:
        if number not in _opened:
            _opened.clear()
            _opened[number] = work.open()
        return "done", _opened[number](payload, tell), frames
    except VideoswapError as error:
        return "refused", error, frames
    except Exception as error:
        traceback.print_exc()
        return "failed", f"{type(error).__name__}: {error}".rstrip("."), frames
