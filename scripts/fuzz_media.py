"""Mutate small real media and give them to the whole tool; print what came of it.

python scripts/fuzz_media.py [--files N] [--only KIND ...] [--jobs N] [--findings FOLDER]
python scripts/fuzz_media.py --only KIND --replay FILE

Films of three frames and pictures of one face, of every kind, are mutated at random from a seed.
`videoswap swap` runs on each in a worker process with limits of CPU time, wall time and memory; the
networks are loaded once a worker. A picture is the target or, every third time, the source photo.
Right is a result that decodes, or a refusal with a code; a signal, a hang, a traceback, a warning
of Python, a raw control character, a file or a thread that is left, and a result that does not
decode are findings: the file goes into the folder, and beside it what was said.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest import mock

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # as in scripts/walk.py: no installation is needed

from scripts.media_mutants import KINDS, PHOTOS, PICTURES, make_media, nth  # noqa: E402

CPU_SECONDS = 60.0  # that a run may take; a sound one takes under one
WALL_SECONDS = 300.0  # on a machine that others use too
MEMORY = 2 << 30  # bytes of address space beside what a worker has when it is ready
EXIT_REFUSED = (2, 3, 4, 6)


@dataclass(frozen=True, slots=True)
class Run:
    """What came of one file.

    Attributes:
        code: Exit code; negative for the signal that ended the worker.
        reason: Code of the error; empty without one.
        faults: What is wrong with it; empty for nothing.
        seconds: CPU time.
        memory: Most bytes that the worker had so far.
        said: What it printed.
    """

    code: int
    reason: str = ""
    faults: tuple[str, ...] = ()
    seconds: float = 0.0
    memory: int = 0
    said: str = ""


@dataclass(slots=True)
class Tally:
    """What came of the files of a kind."""

    exits: Counter[int] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    memory: int = 0

    def add(self, run: Run) -> None:
        """Count a run."""
        self.exits[run.code] += 1
        self.reasons.update([run.reason] if run.reason else [])
        self.faults.update(one.partition(":")[0] for one in run.faults)
        self.slowest = max(self.slowest, run.seconds)
        self.memory = max(self.memory, run.memory)


def words_for(path: Path, role: str, media: Path) -> list[str]:
    """Return the command line for a file beside which the result goes."""
    photo, target = media / "me.png", path
    if role == "source":
        photo, target = path, media / "still.png"
    out = path.with_name(f"out{target.suffix}")
    return [
        *("swap", "-s", str(photo), "-i", str(target), "-o", str(out)),
        *("--no_cache", "--device", "cpu", "--jobs", "1"),
    ]


def out_of(folder: Path) -> Path | None:
    """Return the result in a run's folder."""
    return next(iter(sorted(folder.glob("out.*"))), None)


# --- what a worker does ---------------------------------------------------------------------------


def work(media: Path) -> None:
    """Take a file, how it is used and a folder a line, run the tool, answer with a line of JSON."""
    from videoswap.cli import console
    from videoswap.cli.entry import main as run_videoswap
    from videoswap.jobs import context, request

    answers = os.fdopen(os.dup(1), "w")
    nowhere = os.open(os.devnull, os.O_RDWR)
    reasons: list[str] = []
    fail = console.Console.fail

    def noting(where: Any, error: Any, debug: bool = False) -> int:
        reasons.append(error.code)
        return fail(where, error, debug)

    with _warm(context, request, media), mock.patch.object(console.Console, "fail", noting):
        pages = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (pages + MEMORY, resource.RLIM_INFINITY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        print("ready", file=answers, flush=True)
        for line in sys.stdin:
            path, role = json.loads(line)
            folder = Path(path).parent
            log = os.open(folder / "said", os.O_RDWR | os.O_CREAT, 0o600)
            os.dup2(log, 1), os.dup2(log, 2)
            tempfile.tempdir = os.environ["TMPDIR"] = str(folder / "tmp")
            before = set(threading.enumerate())
            reasons.clear()
            started = time.process_time()
            limit = int(started + CPU_SECONDS) + 1
            resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))
            code = run_videoswap(words_for(Path(path), role, media))
            seconds = time.process_time() - started
            faults = [] if code not in (0, 5) else _faults_of_result(out_of(folder))
            left = [one.name for one in threading.enumerate() if one not in before]
            faults += [f"leftover: thread {name}" for name in left]
            sys.stdout.flush(), sys.stderr.flush()
            os.dup2(nowhere, 1), os.dup2(nowhere, 2)
            os.close(log)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
            reason = reasons[-1] if reasons else ""
            print(json.dumps(asdict(Run(code, reason, tuple(faults), seconds, peak))), file=answers)
            answers.flush()


@contextmanager
def _warm(context: Any, request: Any, media: Path) -> Iterator[None]:
    """Load the networks once, and the sound photo, which most runs share."""
    from videoswap import SwapSettings

    usual = SwapSettings(cache_dir=None, device="cpu")
    me, load = media / "me.png", context.load_context
    swapper = context.load_swapper(usual, context.choose_device("cpu"))
    tools, parser = context.FaceModels.load(), context.FaceParser()
    with (
        mock.patch.object(context.FaceModels, "load", lambda *_: tools),
        mock.patch.object(context, "load_swapper", lambda *_: swapper),
        mock.patch.object(context, "FaceParser", lambda: parser),
    ):
        known = load([me], [], usual, lambda line: None)

        def loaded(sources: Any, faces: Any, settings: Any, say: Any, plan: Any) -> Any:
            if list(sources) == [me]:
                return replace(known, settings=settings, say=say)
            return load(sources, faces, settings, say, plan)

        with mock.patch.object(request, "load_context", loaded):
            yield


def _faults_of_result(path: Path | None) -> list[str]:
    """Return what is wrong with a result: it is decoded to its end."""
    import av
    from PIL import Image

    if path is None:
        return ["result: there is none"]
    try:
        if path.suffix[1:] in PICTURES:
            with Image.open(path) as picture:
                for number in range(getattr(picture, "n_frames", 1)):
                    picture.seek(number)
                    picture.load()
        else:
            with av.open(f"file:{path}", options={"err_detect": "explode"}) as film:
                if not sum(1 for _ in film.decode(video=0)):
                    return ["result: it has no frames"]
    except Exception as error:
        return [f"result: {type(error).__name__}: {error}"]
    return []


# --- what gives the workers their work -----------------------------------------------------------


class Worker:
    """A process that runs the tool on one file after another; started anew where it died.

    Args:
        media: Folder of the sound files.
        scratch: A folder for homes of users.
    """

    def __init__(self, media: Path, scratch: Path) -> None:
        self._media, self._scratch = media, scratch
        self._process: subprocess.Popen[str] | None = None

    def run(self, data: bytes, kind: str, role: str) -> Run:
        """Run the tool on a file."""
        with tempfile.TemporaryDirectory(dir=self._scratch) as name:
            folder = Path(name)
            (folder / "tmp").mkdir()
            path = folder / f"in.{kind}"
            path.write_bytes(data)
            run = self._run(path, role)
            log = folder / "said"  # not there if it died before
            said = log.read_text(errors="replace") if log.exists() else ""
            faults = [*run.faults, *_faults(folder, path, data, run, said)]
        return replace(run, faults=tuple(faults), said=said)

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _run(self, path: Path, role: str) -> Run:
        process = self._process or self._start()
        assert process.stdin is not None and process.stdout is not None
        print(json.dumps([str(path), role]), file=process.stdin, flush=True)
        ready, _, _ = select.select([process.stdout], [], [], WALL_SECONDS)
        line = process.stdout.readline() if ready else ""
        if line:
            answer = json.loads(line)
            return Run(**{**answer, "faults": tuple(answer["faults"])})
        if not ready:
            self.close()
            return Run(-signal.SIGKILL, faults=(f"hang: {WALL_SECONDS:.0f} s of wall time",))
        code = process.wait()
        self._process = None
        kind = "hang" if code == -signal.SIGXCPU else "crash"
        return Run(code, faults=(f"{kind}: the worker ended with {code}",))

    def _start(self) -> subprocess.Popen[str]:
        home = self._scratch / "home"
        home.mkdir(exist_ok=True)
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        given = os.environ.get("VIDEOSWAP_WEIGHTS_DIR")
        process = subprocess.Popen(
            [sys.executable, __file__, "--work", str(self._media)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={
                **kept,
                **({} if given is None else {"VIDEOSWAP_WEIGHTS_DIR": given}),
                **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"),
                **dict.fromkeys(("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"), str(home)),
                "PYTHONPATH": str(ROOT),
            },
        )
        assert process.stdout is not None
        if process.stdout.readline() != "ready\n":
            raise RuntimeError(f"a worker does not start: {process.wait()}")
        self._process = process
        return process


def _faults(folder: Path, path: Path, data: bytes, run: Run, said: str) -> Iterator[str]:
    """Yield what is wrong with what a run said and left."""
    for bad in ("Traceback", "Defect in videoswap", "Exception ignored", "Warning:"):
        if bad in said:
            yield f"traceback: {bad}"
    if any((ord(letter) < 32 and letter not in "\n\r\t") or letter == "\x7f" for letter in said):
        yield "control character: printed raw"
    if run.code not in (0, 5, *EXIT_REFUSED) and run.code >= 0:
        yield f"exit code: {run.code}"
    if run.code in EXIT_REFUSED and not said.strip():
        yield "exit code: not a word"
    if path.read_bytes() != data:
        yield "input: it was changed"
    allowed = {path.name, "said", "tmp"}
    if run.code in (0, 5) and (out := out_of(folder)) is not None:
        allowed.add(out.name)
    left = [one.relative_to(folder).as_posix() for one in folder.rglob("*")]
    yield from (f"leftover: {name}" for name in left if name not in allowed)


def fuzz_media(
    media: dict[str, tuple[Path, ...]],
    kinds: Sequence[str],
    files: int,
    jobs: int,
    seed: int = 0,
    found: Callable[[str, int, bytes, Run], None] = lambda *_: None,
) -> dict[str, Tally]:
    """Mutate files of every kind and run the tool on them.

    Args:
        media: The sound files by kind.
        kinds: Which kinds.
        files: Files of each.
        jobs: Processes.
        seed: What the mutations follow from.
        found: Told of every finding: kind, number, file, what came of it.
    """
    tallies = {kind: Tally() for kind in kinds}
    lock, left = threading.Lock(), iter([(kind, n) for n in range(files) for kind in kinds])
    failed: list[BaseException] = []

    def share(worker: Worker) -> None:
        try:
            while not failed:
                with lock:
                    kind, number = next(left, ("", 0))
                if not kind:
                    return
                data, role = nth(media[kind], kind, number, seed)
                run = worker.run(data, kind, role)
                with lock:
                    tallies[kind].add(run)
                    if run.faults:
                        found(kind, number, data, run)
        except BaseException as error:
            failed.append(error)
        finally:
            worker.close()

    with tempfile.TemporaryDirectory(prefix="fuzz-media-") as scratch:
        folder = next(iter(media.values()))[0].parent
        threads = [
            threading.Thread(target=share, args=(Worker(folder, Path(scratch)),))
            for _ in range(jobs)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    if failed:
        raise failed[0]
    return tallies


def table(tallies: dict[str, Tally]) -> Iterator[str]:
    """Yield the lines of the tables, as Markdown."""
    faults = ("crash", "hang", "traceback", "leftover", "result")
    heads = ("files", "finished", "in part", "refused", *faults, "other", "slowest, CPU s", "MB")
    yield f"| kind | {' | '.join(heads)} |"
    yield "|---" * (len(heads) + 1) + "|"
    for kind, one in tallies.items():
        row: list[object] = [one.exits.total(), one.exits[0], one.exits[5]]
        row += [sum(one.exits[code] for code in EXIT_REFUSED)]
        row += [one.faults[name] for name in faults]
        row += [sum(one.faults.values()) - sum(one.faults[name] for name in faults)]
        row += [f"{one.slowest:.1f}", one.memory // 10**6]
        yield f"| {kind} | {' | '.join(map(str, row))} |"
    yield ""
    yield "| kind | refused with |"
    yield "|---|---|"
    for kind, one in tallies.items():
        reasons = ", ".join(f"`{name}` {count}" for name, count in one.reasons.most_common())
        yield f"| {kind} | {reasons} |"


def main() -> int:
    """Fuzz what was asked for and print the tables; returns 1 if there is a finding."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--files", type=int, default=2000, help="in all")
    parser.add_argument("--only", nargs="+", choices=KINDS, default=list(KINDS), metavar="KIND")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--findings", type=Path, default=Path("fuzz_findings"), metavar="FOLDER")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="run the tool on one file")
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work is not None:
        work(given.work)
        return 0
    findings = 0

    def found(kind: str, number: int, data: bytes, run: Run) -> None:
        nonlocal findings
        findings += 1
        given.findings.mkdir(parents=True, exist_ok=True)
        path = given.findings / f"{number}.{kind}"
        path.write_bytes(data)
        about = "\n".join((*run.faults, f"seed {given.seed}, number {number}", "", run.said))
        path.with_suffix(f".{kind}.txt").write_text(about, errors="backslashreplace")
        print(f"{path}: {'; '.join(run.faults)}", file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory(prefix="fuzz-media-") as folder:
        media = make_media(Path(folder))
        if given.replay is not None:
            (kind,) = given.only
            with tempfile.TemporaryDirectory(prefix="fuzz-media-") as scratch:
                worker = Worker(Path(folder), Path(scratch))
                for role in ("target", "source") if kind in PHOTOS else ("target",):
                    print(role, worker.run(given.replay.read_bytes(), kind, role))
                worker.close()
            return 0
        each = -(-given.files // len(given.only))
        for line in table(fuzz_media(media, given.only, each, given.jobs, given.seed, found)):
            print(line)
    return min(findings, 1)


if __name__ == "__main__":
    sys.exit(main())
