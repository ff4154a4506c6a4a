"""A film or picture on the page: its analysis, its people, and the plan that is edited."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..detection.face_models import FaceModels
from ..errors import UsageError, VideoswapError
from ..people.plan import Plan
from ..settings import SwapSettings
from ..tracking.key import video_digest
from .children import Child
from .history import Edits
from .targets import Target, is_analyzed, open_target


@dataclass(slots=True, eq=False)
class Film:
    """A film or picture that a browser has opened.

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
    found: Target | None = None
    child: Child | None = None
    lock: threading.RLock = field(default_factory=threading.RLock)

    def analyze(self, tools: Callable[[], FaceModels]) -> None:
        """Begin the analysis: in another process, unless it is known already.

        Args:
            tools: Gives the models that see faces.
        """
        self.state, self.problem, self.child = "analyzing", {}, None
        threading.Thread(target=self._begin, args=(tools,), daemon=True).start()

    def cancel(self) -> None:
        """End the analysis; what was found so far is kept."""
        if self.state == "analyzing":
            self.state = "cancelled"
            if self.child is not None:
                self.child.cancel()

    def close(self) -> None:
        """End what goes on, and close what is open."""
        self.cancel()
        if self.found is not None:
            self.found.close()

    def plan(self) -> Plan:
        """Return the plan as it is now.

        Raises:
            UsageError: ``not_ready``.
        """
        if self.edits is None:
            raise UsageError("not_ready", f"{self.name} is not analyzed yet.")
        return self.edits.plan

    def _begin(self, tools: Callable[[], FaceModels]) -> None:
        try:
            known = is_analyzed(self.path, self.settings, tools())
        except VideoswapError as error:
            self._fail(error.code, error.message, error.hint)
            return
        if known:
            self._analyzed(0, tools)
            return
        words = ["faces", str(self.path), "--device", self.settings.device]
        with self.lock:
            if self.state == "analyzing":
                self.child = Child(words, lambda code: self._analyzed(code, tools))

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
        told = message.replace(str(self.path), self.name) or "It failed."
        self.problem = {"code": code, "message": told, "hint": hint}

    def _take(self, tools: FaceModels) -> None:
        """Read the analysis; in the plan nobody gets anything yet."""
        self.found, people = open_target(self.path, self.settings, tools)
        if self.edits is not None:  # of before a restart
            return
        digest, settings = video_digest(self.path), replace(self.settings, overwrite=False)
        self.edits = Edits([Plan(self.path, digest, "mesh", (), people, settings)])
