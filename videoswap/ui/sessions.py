"""What belongs to one browser: its films and runs, in a private folder of its own."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import InputError, UsageError, VideoswapError
from ..jsonfile import write_json
from ..paths import is_file, is_folder, real_path
from ..settings import SwapSettings
from .films import Film
from .history import Edits
from .looks import Looks
from .runs import RECORD, Queue, Run, read_run
from .settings import UiSettings

_NAME = re.compile(r"[^\w.,+() -]", re.UNICODE)
LONGEST_NAME = 120  # characters of a file name that is kept
FILM_RECORD = "film.json"
SECRET = "secret"
PRIVATE = 0o700
EDITS = "edits"


@dataclass(slots=True, eq=False)
class Session:
    """What one browser has opened.

    Attributes:
        folder: Its private folder.
        films: By identifier.
        runs: By identifier, in the order in which they were asked for.
    """

    folder: Path
    films: dict[str, Film] = field(default_factory=dict)
    runs: dict[str, Run] = field(default_factory=dict)

    def film(self, number: str) -> Film:
        """Return a film of this browser.

        Raises:
            UsageError: ``no_such_film``.
        """
        if number not in self.films:
            raise UsageError("no_such_film", "That film is not open here.", "Open it again.")
        return self.films[number]

    def run(self, number: str) -> Run:
        """Return a run of this browser.

        Raises:
            UsageError: ``no_such_run``.
        """
        if number not in self.runs:
            raise UsageError("no_such_run", "That run is not here.")
        return self.runs[number]

    def close_film(self, number: str) -> None:
        """Close a film; its files are kept as long as a run needs them.

        Raises:
            UsageError: ``no_such_film``.
        """
        film = self.film(number)
        film.close()
        del self.films[number]
        (film.folder / FILM_RECORD).unlink(missing_ok=True)
        self._tidy(film.folder)

    def forget_run(self, number: str) -> None:
        """Forget a run, and the files of its film if that is closed and no other run needs them.

        Raises:
            UsageError: ``no_such_run``.
        """
        run = self.run(number)
        del self.runs[number]
        if run.uses:
            self._tidy(self.folder / run.uses)

    def _tidy(self, folder: Path) -> None:
        """Delete the folder of a film that is closed, unless a run needs it."""
        opened = {film.folder for film in self.films.values()}
        needed = {self.folder / run.uses for run in self.runs.values() if run.uses}
        if folder not in opened | needed:
            shutil.rmtree(folder, ignore_errors=True)

    def new_folder(self, kind: str) -> Path:
        """Make a private folder."""
        path = self.folder / f"{kind}-{secrets.token_hex(8)}"
        path.mkdir(mode=PRIVATE, parents=True)
        return path


class Sessions:
    """All browsers.

    Args:
        settings: The settings.
        usual: Settings that films begin with.
        looks: Renders frames, and has the models.
        queue: Runs what is asked for.
    """

    def __init__(
        self, settings: UiSettings, usual: SwapSettings, looks: Looks, queue: Queue
    ) -> None:
        self._settings = settings
        self._usual = usual
        self._looks = looks
        self._queue = queue
        self._lock = threading.Lock()
        self._known: dict[str, Session] = {}
        settings.folder.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        self._forget_old()

    def get(self, number: str) -> Session:
        """Return what belongs to a browser; what it had before a restart is there again."""
        with self._lock:
            if number not in self._known:
                folder = self._settings.folder / number
                session = Session(folder)
                if is_folder(folder):
                    self._take_up(session)
                self._known[number] = session
            session = self._known[number]
        if session.folder.exists():
            os.utime(session.folder)
        return session

    def _take_up(self, session: Session) -> None:
        """Open the films and list the runs of before a restart."""
        for path in sorted(session.folder.iterdir(), key=lambda one: one.stat().st_mtime):
            if is_file(path / RECORD):
                try:
                    run = read_run(path)
                except InputError:
                    continue
                session.runs[run.number] = run
            elif is_file(path / FILM_RECORD):
                film = self._read_film(path)
                if film is not None:
                    session.films[film.number] = film

    def _read_film(self, folder: Path) -> Film | None:
        try:
            found: Any = json.loads((folder / FILM_RECORD).read_text(encoding="utf-8"))
            edits = Edits.read(folder / EDITS) if is_folder(folder / EDITS) else None
            film = Film(found["name"], Path(found["path"]), folder, self._usual, found["number"])
        except (OSError, ValueError, LookupError, TypeError, VideoswapError):
            return None
        film.edits = edits
        film.analyze(self._looks.models)
        return film

    def _forget_old(self) -> None:
        """Delete what browsers left that did not come back."""
        oldest = time.time() - self._settings.keep_seconds
        for path in self._settings.folder.iterdir():
            if path.is_dir() and path.stat().st_mtime < oldest:
                shutil.rmtree(path, ignore_errors=True)


def save_film(film: Film) -> None:
    """Write down what a later process has to know of a film."""
    facts = {"name": film.name, "path": str(film.path), "number": film.number}
    write_json(film.folder / FILM_RECORD, facts)
    if film.edits is not None:
        film.edits.save(film.folder / EDITS)


def secret_of(folder: Path) -> str:
    """Return what signs the cookies of this user's page, made at the first start."""
    folder.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
    path = folder / SECRET
    if not path.exists():
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_hex(32))
    return path.read_text()


def plain_name(name: str) -> str:
    """Return the last part of a name that a browser gave, with harmless characters only."""
    last = re.split(r"[/\\]", name)[-1]
    kept = _NAME.sub("_", last).strip(". ")[-LONGEST_NAME:]
    return kept or "file"


def chosen_path(text: str, settings: UiSettings) -> Path:
    """Return a file of a folder that is allowed.

    Raises:
        UsageError: ``not_allowed``.
    """
    path = real_path(Path(text))
    if not any(path.is_relative_to(real_path(folder)) for folder in settings.allow):
        raise UsageError(
            "not_allowed",
            "That file lies in no folder that the page may read.",
            "Upload it, or start the page with --allow FOLDER.",
        )
    return path


def files_allowed(settings: UiSettings, suffixes: tuple[str, ...]) -> Iterator[Path]:
    """Yield the files of the allowed folders, by name, hidden ones left out."""
    for folder in settings.allow:
        for path in sorted(real_path(folder).iterdir()):
            if path.suffix.lower() in suffixes and not path.name.startswith(".") and is_file(path):
                yield path
