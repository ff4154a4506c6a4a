"""A folder of its own for every row, and the real command line run in it under limits."""

from __future__ import annotations

import hashlib
import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.hostile import stock
from tests.hostile.case import Case, Outcome

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = ("swap", "faces", "cache", "models", "evaluate", "compare", "doctor")
NOBODY = 4242  # a user without a name and without a home
MEMORY_LIMIT = 4 << 30  # resident bytes; a plain run takes 0.6 GB
ADDRESS_LIMIT = 24 << 30  # reserved bytes, should memory grow faster than it is watched
MOST_READ = 64 << 20  # bytes of a file that are compared
WATCH_EVERY = 0.1  # seconds
# Programs that files must not be able to start.
FORBIDDEN = ("gs", "convert", "magick", "inkscape", "rsvg-convert", "curl", "wget", "xdg-open")


@dataclass(frozen=True, slots=True)
class Scene:
    """The folders of one row.

    Attributes:
        root: Holds all others.
        stock: Sound material to copy from.
    """

    root: Path
    stock: Path

    @property
    def work(self) -> Path:
        """The current folder of the command."""
        return self.root / "work"

    @property
    def cache(self) -> Path:
        """Where analyses and unfinished renders go."""
        return self.root / "cache"

    @property
    def called(self) -> Path:
        """Where forbidden programs write that they were started."""
        return self.root / "called"

    def take(self, name: str, to: str | None = None) -> Path:
        """Copy something from the stock into the scene."""
        path = self.work / (to or name)
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self.stock / name, path)
        return path

    def ffmpeg(self, words: str) -> None:
        """Run ffmpeg in the scene's folder to make an input."""
        stock.ffmpeg(self.work, words)


def open_scene(case: Case, base: Path, material: Path) -> Scene:
    """Make the folders and inputs of a row."""
    scene = Scene(Path(tempfile.mkdtemp(dir=base)), material)
    for name in ("work", "cache", "home", "tmp", "bin"):
        (scene.root / name).mkdir()
    for name in ("film.mp4", "me.png", "left.png"):
        scene.take(name)
    for name in FORBIDDEN:
        program = scene.root / "bin" / name
        program.write_text(f'#!/bin/sh\necho "{name} $*" >> "{scene.called}"\nexit 1\n')
        program.chmod(0o755)
    if case.make is not None:
        case.make(scene)
    if case.nobody and os.geteuid() == 0:
        _give_away(scene.root)
    return scene


def close_scene(scene: Scene) -> None:
    """Delete the folders, whatever became of them."""
    for path in (scene.work, *scene.work.rglob("*")):
        if not path.is_symlink() and path.is_mount():
            subprocess.run(["umount", str(path)], check=True)
    for folder, _, _ in os.walk(scene.root):
        with suppress(OSError):
            Path(folder).chmod(0o700)
    shutil.rmtree(scene.root)


def command_of(words: tuple[str, ...]) -> list[str]:
    """Return the whole command line for a row's words."""
    if words and words[0] in (*COMMANDS, "--version", "--help", "nix"):
        door = "import sys; from videoswap.cli.entry import main; sys.exit(main())"
        return [sys.executable, "-c", door, *words]
    return [sys.executable, str(ROOT / "inference.py"), *words]


def environment_of(scene: Scene, extra: Mapping[str, str | None]) -> dict[str, str]:
    """Return the variables of a bare login, with all folders inside the scene."""
    usual: dict[str, str | None] = {
        "PATH": f"{scene.root / 'bin'}:/usr/local/bin:/usr/bin:/bin",
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "LANG": "C.UTF-8",
        "HOME": str(scene.root / "home"),
        "XDG_CACHE_HOME": str(scene.root / "home" / ".cache"),
        "XDG_CONFIG_HOME": str(scene.root / "home" / ".config"),
        "TMPDIR": str(scene.root / "tmp"),
        "VIDEOSWAP_CACHE_DIR": str(scene.cache),
    }
    return {name: value for name, value in {**usual, **extra}.items() if value is not None}


def start(scene: Scene, case: Case) -> subprocess.Popen[str]:
    """Start the row's command in its folder."""
    command = command_of(case.words)
    user = NOBODY if case.nobody and os.geteuid() == 0 else None
    if case.shell:
        command = ["/bin/bash", "-c", case.shell, "bash", *command]
    return subprocess.Popen(
        command,
        cwd=scene.work,
        env=environment_of(scene, case.environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="backslashreplace",
        start_new_session=True,
        preexec_fn=_as_from_a_terminal,
        user=user,
        group=user,
        extra_groups=None if user is None else [],
    )


def wait(process: subprocess.Popen[str], seconds: float) -> Outcome:
    """Wait for the end under limits of time and memory; afterwards nothing of it runs."""
    started = time.monotonic()
    peak, stopped = 0, ""
    out = err = ""
    while True:
        try:
            out, err = process.communicate(timeout=WATCH_EVERY)
            break
        except subprocess.TimeoutExpired:
            peak = max(peak, _resident(process.pid))
        if peak > MEMORY_LIMIT:
            stopped = f"it took more than {MEMORY_LIMIT >> 30} GB"
        elif time.monotonic() - started > seconds:
            stopped = f"it ran longer than {seconds:.0f} s"
        if stopped:
            _kill_session(process.pid)
            out, err = process.communicate()
            break
    taken = time.monotonic() - started
    orphans = tuple(_kill_session(process.pid))
    return Outcome(process.returncode, out, err, taken, peak, stopped, orphans)


def run_plainly(scene: Scene, case: Case) -> Outcome:
    """Run the command and wait for it."""
    return wait(start(scene, case), case.seconds)


def snapshot(folder: Path) -> dict[str, str]:
    """Return what every path under a folder is: kind, and digest of contents or link target."""
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            what = f"link to {path.readlink()}"
        elif stat.S_ISREG(mode):
            what = _digest(path)
        else:
            what = f"kind {stat.S_IFMT(mode):o}"
        found[str(path.relative_to(folder))] = what
    return found


def _digest(path: Path) -> str:
    """Return a digest of a file; of a huge one, which is a hole, that of its beginning."""
    with path.open("rb") as file:
        return f"{path.stat().st_size} {hashlib.sha256(file.read(MOST_READ)).hexdigest()}"


def _as_from_a_terminal() -> None:
    """Heed Ctrl-C also where the tests run in the background, and limit what is reserved."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_LIMIT, ADDRESS_LIMIT))


def _give_away(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)


def _resident(pid: int) -> int:
    total = 0
    with suppress(psutil.Error):
        parent = psutil.Process(pid)
        for process in (parent, *parent.children(recursive=True)):
            with suppress(psutil.Error):
                total += process.memory_info().rss
    return total


def _session(leader: int) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        with suppress(psutil.Error, ProcessLookupError, PermissionError):
            if os.getsid(process.pid) == leader and process.status() != psutil.STATUS_ZOMBIE:
                yield process


def _kill_session(leader: int) -> list[str]:
    names = []
    for process in list(_session(leader)):
        with suppress(psutil.Error):
            names.append(process.name())
            process.send_signal(signal.SIGKILL)
    return names
