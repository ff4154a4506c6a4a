"""The first pass shared by workers: a cheap pass finds the cuts, and shots are scanned apart.

At a cut every track ends and nothing of the shot before is looked at again, so shots that are
scanned apart show what one scan of all shows. Only the numbers of tracks and shots go on from one
to the next; they are added when the shots are put together in their order.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from queue import Empty, Queue

from ..detection.face_models import FaceModels
from ..detection.face_view import FramePicture
from ..devices import choose_device
from ..errors import VideoswapError
from ..executors.base import Executor, Handler, Task, Tell
from ..executors.film import Film
from ..settings import AnalysisSettings
from ..threads import stages_share_the_cores
from ..video.probe import VideoInfo
from .key import model_keys
from .scan import Scanner
from .scan_state import FoundFaces, ScannedGroup, ScanState
from .shots import LOOK_AHEAD, ShotDetector
from .tracker import Split

#: Frames that a task has at least: a worker decodes from the key frame before its first one.
LEAST_FRAMES = 120

#: Reads the pictures of a video between two pts, both included.
ReadPictures = Callable[
    [VideoInfo, AnalysisSettings, int | None, int | None], Generator[FramePicture]
]


@dataclass(frozen=True, slots=True)
class Shots:
    """Shots that follow each other, scanned by one worker.

    Attributes:
        first: pts of the first frame.
        last: pts of the last frame.
        seen: pts of the frame that tells the last cut from a flash.
        frames: How many there are.
    """

    first: int
    last: int
    seen: int
    frames: int


def find_shots(
    pictures: Iterable[FramePicture], sound: Callable[[], bool] = lambda: True
) -> Generator[Shots]:
    """Yield shots as soon as they are known to be over, ``LEAST_FRAMES`` together at least.

    Args:
        pictures: All frames, in order.
        sound: Whether nothing was wrong with the video so far. Where something is, what is decoded
            from a key frame on need not be what all of it gives: no more shots are given.
    """
    seen: list[int] = []  # up to the frame that was read last

    def noted() -> Iterator[FramePicture]:
        for picture in pictures:
            seen.append(picture.pts)
            yield picture

    group: list[int] = []
    with closing(ShotDetector().mark(noted(), lambda frame: frame.picture)) as marked:
        for frame, begins in marked:
            if not sound():
                return
            if begins and len(group) >= LEAST_FRAMES:
                yield Shots(group[0], group[-1], seen[-1], len(group))
                group = []
            group.append(frame.pts)
            del seen[: -LOOK_AHEAD - 1]
    if group and sound():
        yield Shots(group[0], group[-1], group[-1], len(group))


@dataclass(frozen=True, slots=True, eq=False)
class ShotWork:
    """What all shots of a video need.

    Attributes:
        info: The video.
        film: How workers get at it.
        device: auto, cpu or cuda.
        settings: How faces are searched.
        keys: Of the networks; a worker with others would find something else.
        read: Reads pictures; a function of a module.
    """

    info: VideoInfo
    film: Film
    device: str
    settings: AnalysisSettings
    keys: tuple[str, ...]
    read: ReadPictures

    def open(self) -> Handler:
        """Load the networks.

        Raises:
            VideoswapError: ``worker_differs``.
        """
        models = FaceModels.load(choose_device(self.device).providers, self.settings)
        if model_keys(models) != self.keys:
            raise VideoswapError(
                "worker_differs",
                "A worker loads other networks than the run did.",
                "All machines need the same versions and the same weights.",
            )
        scanner, info = Scanner(models, self.settings), self.film.info(self.info)

        def scan(shots: Shots, tell: Tell) -> list[ScannedGroup]:
            found = []
            with (
                stages_share_the_cores(),
                closing(self.read(info, self.settings, shots.first, shots.seen)) as pictures,
                closing(scanner.scan(pictures, last_pts=shots.last)) as groups,
            ):
                for group in groups:
                    found.append(group)
                    for _ in group.pts:
                        tell(0)
            return found

        return scan


def scan_in_workers(
    executor: Executor,
    work: ShotWork,
    shots: Generator[Shots],
    on_frame: Callable[[int], None],
) -> Iterator[list[ScannedGroup]]:
    """Yield what shots show, in their order and with the numbers that one scan gives."""
    order: list[Task] = []

    def tasks(ahead: _Ahead) -> Iterator[Task | None]:
        for one in ahead:
            if one is None:
                yield None
                continue
            task = Task(f"the shots from pts {one.first} to {one.last}", one)
            order.append(task)
            yield task

    with closing(_Ahead(shots)) as ahead:
        yield from _in_order(executor.run(work, tasks(ahead), on_frame), order)


def _in_order(
    results: Iterator[tuple[Task, list[ScannedGroup]]], order: Sequence[Task]
) -> Iterator[list[ScannedGroup]]:
    done: dict[int, list[ScannedGroup]] = {}
    given, tracks, scenes = 0, 0, 0
    for task, groups in results:
        done[id(task)] = groups
        while given < len(order) and id(order[given]) in done:
            groups = [moved(one, tracks, scenes) for one in done.pop(id(order[given]))]
            tracks, scenes = groups[-1].state.next_id, groups[-1].state.scene + 1
            given += 1
            yield groups


class _Ahead:
    """Reads shots in a thread of its own; gives None while the next is not known."""

    def __init__(self, shots: Generator[Shots]) -> None:
        self._shots = shots
        self._found: Queue[Shots | BaseException | None] = Queue()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._read, name="cuts")
        self._thread.start()

    def __iter__(self) -> Iterator[Shots | None]:
        while True:
            try:
                one = self._found.get_nowait()
            except Empty:
                yield None
                continue
            if one is None:
                return
            if isinstance(one, BaseException):
                raise one
            yield one

    def close(self) -> None:
        """End the thread."""
        self._stopped.set()
        self._thread.join()

    def _read(self) -> None:
        try:
            with closing(self._shots) as shots:
                for one in shots:
                    self._found.put(one)
                    if self._stopped.is_set():
                        return
            self._found.put(None)
        except BaseException as error:
            self._found.put(error)


def moved(group: ScannedGroup, tracks: int, scenes: int) -> ScannedGroup:
    """Return a group as it is after so many tracks and shots before its own scan."""
    state = group.state
    return replace(
        group,
        scene=group.scene + scenes,
        faces=tuple((track + tracks, face) for track, face in group.faces),
        samples=tuple((track + tracks, sample) for track, sample in group.samples),
        motions=tuple((track + tracks, pts, motion) for track, pts, motion in group.motions),
        appearances=tuple((track + tracks, one) for track, one in group.appearances),
        splits=tuple(Split(one.old + tracks, one.new + tracks, one.pts) for one in group.splits),
        state=_moved_state(state, tracks, scenes),
    )


def _moved_state(state: ScanState, tracks: int, scenes: int) -> ScanState:
    return replace(
        state,
        active=tuple(replace(one, id=one.id + tracks) for one in state.active),
        recent=tuple(
            FoundFaces(one.pts, tuple(number + tracks for number in one.ids), one.faces)
            for one in state.recent
        ),
        next_id=state.next_id + tracks,
        scene=state.scene + scenes,
    )
