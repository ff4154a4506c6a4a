"""A film on the page: its analysis, its people, and the plan that is edited."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

from ..detection.face_models import FaceModels
from ..errors import UsageError, VideoswapError
from ..jobs.planning import planned_people
from ..people.clustering import people_of
from ..people.matching import Matching
from ..people.plan import FilmTime, Plan, PlannedPerson
from ..records import Track
from ..settings import SwapSettings
from ..tracking.analyze import analyze_video
from ..tracking.key import video_digest
from ..video.probe import VideoInfo, probe
from .children import Child

MOST_EDITS = 200  # that can be undone


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What the analysis says about a film.

    Attributes:
        info: The video.
        time: Its frames.
        tracks: Its tracks by number.
        shots: When each shot begins, in seconds.
        end: When its last frame ends, in seconds.
    """

    info: VideoInfo
    time: FilmTime
    tracks: dict[int, Track]
    shots: tuple[Fraction, ...]
    end: Fraction


class Edits:
    """A plan and its history."""

    def __init__(self, plan: Plan) -> None:
        self._plans = [plan]
        self._at = 0

    @property
    def plan(self) -> Plan:
        """The plan as it is now."""
        return self._plans[self._at]

    @property
    def can_undo(self) -> bool:
        """Whether there is an edit to take back."""
        return self._at > 0

    @property
    def can_redo(self) -> bool:
        """Whether there is one to do again."""
        return self._at + 1 < len(self._plans)

    def do(self, plan: Plan) -> None:
        """Take a new plan; what was taken back before cannot be done again."""
        self._plans = [*self._plans[: self._at + 1], plan][-MOST_EDITS:]
        self._at = len(self._plans) - 1

    def undo(self) -> None:
        """Take the last edit back."""
        self._at = max(0, self._at - 1)

    def redo(self) -> None:
        """Do the last edit that was taken back again."""
        self._at = min(len(self._plans) - 1, self._at + 1)


@dataclass(slots=True, eq=False)
class Film:
    """A film that a browser has opened.

    Attributes:
        name: As the user knows it.
        path: The file.
        folder: Private folder of the film.
        settings: How it is analyzed.
        number: Its identifier.
        state: analyzing, ready, cancelled or failed.
        problem: Code, message and hint of what failed.
        edits: The plan; None until it is ready.
        found: What the analysis says; None until it is ready.
        child: What analyzes it.
    """

    name: str
    path: Path
    folder: Path
    settings: SwapSettings
    number: str = field(default_factory=lambda: secrets.token_hex(8))
    state: str = "analyzing"
    problem: dict[str, str] = field(default_factory=dict)
    edits: Edits | None = None
    found: Found | None = None
    child: Child | None = None
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def people_folder(self) -> Path:
        """Where the pictures of the people are."""
        return self.folder / "people"

    def analyze(self, tools: Callable[[], FaceModels]) -> None:
        """Begin the analysis in another process.

        Args:
            tools: Gives the models that see faces, for the last step.
        """
        self.state, self.problem = "analyzing", {}
        words = ["faces", str(self.path), "-o", str(self.people_folder), "--overwrite"]
        self.child = Child(words, lambda code: self._analyzed(code, tools))

    def cancel(self) -> None:
        """End the analysis; what was found so far is kept."""
        if self.child is not None and self.state == "analyzing":
            self.state = "cancelled"
            self.child.cancel()

    def plan(self) -> Plan:
        """Return the plan as it is now.

        Raises:
            UsageError: ``not_ready``.
        """
        if self.edits is None:
            raise UsageError("not_ready", f"{self.name} is not analyzed yet.")
        return self.edits.plan

    def _analyzed(self, code: int, tools: Callable[[], FaceModels]) -> None:
        with self.lock:
            if self.state == "cancelled":
                return
            if code:
                said = self.child.complaints[-1] if self.child and self.child.complaints else ""
                self._fail("analysis_failed", said.removeprefix("videoswap: "))
                return
            try:
                self._take(tools())
            except VideoswapError as error:
                self._fail(error.code, error.message, error.hint)
            else:
                self.state = "ready"

    def _fail(self, code: str, message: str, hint: str = "") -> None:
        self.state = "failed"
        self.problem = {"code": code, "message": message or "It failed.", "hint": hint}

    def _take(self, tools: FaceModels) -> None:
        """Read the analysis, which is in the cache now; in the plan nobody gets anything yet."""
        info = probe(self.path, self.settings.fps)
        settings = self.settings
        with analyze_video(
            info, settings.analysis, settings.time_range, cache_dir=settings.cache_dir, models=tools
        ) as analysis:
            persons = people_of(self.path, analysis.tracks, tools.recognizer)
            nobody = Matching((), ())
            threshold = tools.recognizer.default_threshold
            people = planned_people(info, analysis, persons, nobody, (), threshold)
            time = FilmTime(analysis.frames.pts, info.start_pts, info.time_base)
            tracks = {track.id: track for track in analysis.tracks}
            self.found = Found(info, time, tracks, time.shots(analysis.frames.scenes), time.end)
        digest = video_digest(self.path)
        plan = Plan(self.path, digest, "mesh", (), people, replace(settings, overwrite=False))
        self.edits = Edits(plan)


def best_moment(person: PlannedPerson, found: Found) -> float | None:
    """Return a time in seconds at which a person of a plan is seen well; None if it never is."""
    tracks = [(found.tracks[one], span) for one, span in person.tracks if one in found.tracks]
    if not tracks:
        return None
    track, span = max(tracks, key=lambda pair: pair[0].count)
    frames = found.time.frames(span, track)
    if not len(frames):
        return None
    pts = track.best_pts if track.best_pts in frames else int(frames[len(frames) // 2])
    return float(found.time.seconds(pts))
