"""Fuzz the readers of files that strangers may have written, guided by the steps that they take.

python scripts/fuzz.py [--only NAME ...] [--executions N] [--seconds S] [--findings FOLDER]
python scripts/fuzz.py --only NAME --replay FILE

Valid small inputs are mutated at random from a seed; an input that makes the reader go from one
line to another for the first time joins the corpus. The lines are watched in each `EACH`-th
execution, since watching takes several times as long; what reaches something new unwatched is not
kept, and comes again. Every execution has a limit of CPU time and of memory. Whatever it raises
besides a `VideoswapError` is a finding: the input, the seed and the traceback go into the folder,
one of each kind and place. The targets are in `scripts/fuzz_targets.py`.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import re
import resource
import signal
import struct
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # as in scripts/walk.py: no installation is needed

from videoswap.errors import VideoswapError  # noqa: E402

EACH = 4  # one execution of so many is watched
SECONDS = 2.0  # of CPU time that an execution may take
MEMORY = 512 << 20  # bytes that an execution may take
LONGEST = 1 << 16  # bytes of a mutant
MOST_STEPS = 6  # mutations of one input
TOKEN = re.compile(rb'"[^"\n]*"|[\w.+-]+|[^\s\w]')  # of a text
INTERESTING = (0, 1, 2, 7, 8, 127, 128, 255, 256, 32767, 32768, 65535, 2**31 - 1, 2**31, 2**32 - 1)
#: What readers of text stumble over.
WORDS = tuple(
    word.encode()
    for word in (
        *("-1", "0", "1e999", "-0.0", "nan", "inf", "9" * 40, "1e-400", "true", "null", '""'),
        *("[]", "{}", "[[[[", "../", "\0", "\x1b[31m", "\u00b2", "\ud7ff", "%99d", "2024-01-01"),
        *("[" * 1500, '{"a":' * 1500, "a." * 1500),  # nested too deep
        *("0x7fffffffffffffff", "9223372036854775808", "1/0", "{'a' = 1}", "\r\n", "\ufeff"),
    )
)


@dataclass(frozen=True, slots=True)
class Target:
    """A reader that is fuzzed.

    Attributes:
        name: Of the row.
        read: Takes the bytes of a file and a folder of its own to write it to.
        corpus: Valid inputs.
        files: Files of the package whose lines count, as ends of their paths.
        words: Bytes that mean something to it.
    """

    name: str
    read: Callable[[bytes, Path], object]
    corpus: tuple[bytes, ...]
    files: tuple[str, ...]
    words: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """An input that made a reader raise what it should not.

    Attributes:
        target: Name of the reader.
        kind: Name of the exception's class.
        place: File and line in the package where it was raised.
        data: The input.
        seed: Of the run.
        execution: Its number in the run, from 1 on.
        trace: The traceback.
    """

    target: str
    kind: str
    place: str
    data: bytes
    seed: int
    execution: int
    trace: str

    def write(self, folder: Path) -> Path:
        """Write the input and beside it, as text, how it came about; returns the input's path."""
        name = f"{self.target}-{self.kind}-{hashlib.sha256(self.data).hexdigest()[:12]}"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}.bin"
        path.write_bytes(self.data)
        about = f"seed {self.seed}, execution {self.execution}, {self.place}\n\n{self.trace}"
        path.with_suffix(".txt").write_text(about, encoding="utf-8", errors="backslashreplace")
        return path


@dataclass(slots=True)
class Outcome:
    """What came of fuzzing a target.

    Attributes:
        executions: How many there were.
        read: How many of them the reader took without an error.
        new: Inputs that took a new step from line to line and joined the corpus.
        lines: Lines of the reader that were reached.
        findings: One of each kind and place.
        slowest: CPU seconds of the slowest execution that was not watched.
        seconds: CPU time of them all.
    """

    executions: int = 0
    read: int = 0
    new: int = 0
    lines: int = 0
    findings: list[Finding] = field(default_factory=list)
    slowest: float = 0.0
    seconds: float = 0.0


class TooSlow(BaseException):
    """An execution went beyond its CPU time; no `except Exception` of a reader holds it."""


class Watch:
    """Collects the lines that are run in some files, and which line came after which.

    Args:
        files: The files, as ends of their paths.
    """

    def __init__(self, files: Sequence[str]) -> None:
        self._files = tuple(files)
        self._wanted: dict[CodeType, bool] = {}
        self._last = (0, 0)
        self.steps: set[tuple[tuple[int, int], tuple[int, int]]] = set()

    @property
    def lines(self) -> int:
        """How many lines were run."""
        return len({place for _, place in self.steps})

    def call(self, call: Callable[[], object]) -> object:
        """Run something and collect the lines that it runs."""
        before, self._last = sys.gettrace(), (0, 0)
        sys.settrace(self._enter)
        try:
            return call()
        finally:
            sys.settrace(before)

    def _enter(self, frame: FrameType, event: str, _: Any) -> Any:
        code = frame.f_code
        wanted = self._wanted.get(code)
        if wanted is None:
            wanted = self._wanted[code] = code.co_filename.endswith(self._files)
        return self._line if wanted else None

    def _line(self, frame: FrameType, event: str, _: Any) -> Any:
        place = (hash(frame.f_code.co_filename), frame.f_lineno)
        self.steps.add((self._last, place))
        self._last = place
        return self._line


def mutated(
    data: bytes, corpus: Sequence[bytes], words: Sequence[bytes], chance: random.Random
) -> bytes:
    """Return a mutant of an input, at most `LONGEST` bytes long."""
    made = bytearray(data)
    for _ in range(1 if chance.random() < 0.5 else chance.randint(2, MOST_STEPS)):
        at = chance.randrange(len(made) + 1)
        size = min(chance.choice((1, 1, 2, 4, 8, 16, 64, 512)), len(made) - at)
        step = chance.randrange(11)
        if step == 0 and made:
            made[chance.randrange(len(made))] ^= 1 << chance.randrange(8)
        elif step == 1 and made:
            made[chance.randrange(len(made))] = chance.randrange(256)
        elif step == 2:
            made[at:at] = chance.randbytes(chance.choice((1, 2, 4, 16)))
        elif step == 3:
            del made[at : at + size]
        elif step == 4:  # a part again, somewhere else
            to = chance.randrange(len(made) + 1)
            made[to:to] = made[at : at + size]
        elif step == 5:  # a number in binary
            number, how = chance.choice(INTERESTING), chance.choice(("<I", ">I", "<Q", ">Q"))
            written = struct.pack(how, number)
            made[at : at + len(written)] = written
        elif step == 6:
            word = chance.choice(words)
            made[at : at + chance.choice((0, len(word), size))] = word
        elif step == 7:  # the end of another input
            other = chance.choice(corpus)
            made[at:] = other[chance.randrange(len(other) + 1) :]
        elif step == 8:
            _with_other_number(made, chance)
        else:
            _with_other_token(made, chance.choice((*corpus, data)), words, chance)
    return bytes(made[:LONGEST])


def _with_other_number(made: bytearray, chance: random.Random) -> None:
    """Replace a number that is written in digits, if there is one behind a random place."""
    start = chance.randrange(len(made) + 1)
    while start < len(made) and not 48 <= made[start] <= 57:
        start += 1
    end = start
    while end < len(made) and 48 <= made[end] <= 57:
        end += 1
    if end > start:
        made[start:end] = str(chance.choice((-1, *INTERESTING, 2**63, 2**64, 10**30))).encode()


def _with_other_token(
    made: bytearray, other: bytes, words: Sequence[bytes], chance: random.Random
) -> None:
    """Replace a word, number or sign behind a random place, or put another in front of it."""
    token = TOKEN.search(made, chance.randrange(len(made) + 1))
    given = TOKEN.search(other, chance.randrange(len(other) + 1))
    if token is not None:
        new = chance.choice(words) if given is None or chance.random() < 0.3 else given[0]
        made[token.start() : chance.choice((token.start(), token.end(), token.end()))] = new


def fuzz(
    target: Target,
    executions: int,
    seed: int = 0,
    seconds: float = float("inf"),
    enough: int = 1000,
) -> Outcome:
    """Fuzz a reader.

    Args:
        target: The reader.
        executions: How many inputs it is given, those of the corpus first.
        seed: What the mutations follow from.
        seconds: CPU time after which it ends earlier.
        enough: Findings after which it ends earlier.
    """
    chance = random.Random(f"{seed} {target.name}")
    corpus, words = list(target.corpus), (*WORDS, *target.words)
    watch, outcome = Watch(target.files), Outcome()
    places: set[tuple[str, str]] = set()
    start = time.process_time()
    end = start + seconds
    with _folder() as folder, _limits() as limited:
        while outcome.executions < executions and time.process_time() < end:
            if len(outcome.findings) >= enough:
                break
            first = outcome.executions < len(target.corpus)
            data = corpus[outcome.executions] if first else chance.choice(corpus)
            if not first:
                data = mutated(data, corpus, words, chance)
            outcome.executions += 1
            watched = first or outcome.executions % EACH == 0
            known, begin = len(watch.steps), time.process_time()
            try:
                with limited():
                    if watched:
                        watch.call(lambda data=data: target.read(data, folder))
                    else:
                        target.read(data, folder)
                outcome.read += 1
            except VideoswapError:
                pass
            except (KeyboardInterrupt, SystemExit):
                raise
            except BaseException as error:
                place = _place(error)
                if (type(error).__name__, place) not in places:
                    places.add((type(error).__name__, place))
                    trace = "".join(traceback.format_exception(error))
                    about = (data, seed, outcome.executions, trace)
                    kind = type(error).__name__
                    outcome.findings.append(Finding(target.name, kind, place, *about))
            if not watched:
                outcome.slowest = max(outcome.slowest, time.process_time() - begin)
            if not first and len(watch.steps) > known:
                corpus.append(data)
                outcome.new += 1
    outcome.lines = watch.lines
    outcome.seconds = time.process_time() - start
    return outcome


@contextmanager
def _folder() -> Iterator[Path]:
    """Make a folder in memory where there is one."""
    memory = Path("/dev/shm")
    where = memory if memory.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="fuzz-", dir=where) as name:
        yield Path(name)


@contextmanager
def _limits() -> Iterator[Callable[[], Any]]:
    """Limit memory, and yield what limits the CPU time of one execution."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY, hard))

    def ring(*_: Any) -> None:
        raise TooSlow(f"more than {SECONDS} s of CPU time")

    before = signal.signal(signal.SIGPROF, ring)

    @contextmanager
    def limited() -> Iterator[None]:
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)

    try:
        yield limited
    finally:
        signal.signal(signal.SIGPROF, before)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _place(error: BaseException) -> str:
    """Return the last place of a traceback that lies in the repository, the fuzzer left out."""
    place = "?"
    for frame in traceback.extract_tb(error.__traceback__):
        path = Path(frame.filename)
        if path.is_relative_to(ROOT) and path != Path(__file__) and ".venv" not in path.parts:
            place = f"{path.relative_to(ROOT)}:{frame.lineno}"
    return place


def main() -> int:
    """Fuzz what was asked for and print a table; returns 1 if there is a finding."""
    from scripts.fuzz_targets import targets

    every = {one.name: one for one in targets()}
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="+", choices=every, default=list(every), metavar="NAME")
    parser.add_argument("--executions", type=int, default=200_000, help="of each target")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="of CPU time each")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--findings", type=Path, default=Path("fuzz_findings"), metavar="FOLDER")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="give a target one input")
    given = parser.parse_args()
    chosen = [every[name] for name in given.only]
    if given.replay:
        with _folder() as folder:
            for target in chosen:
                print(target.name, target.read(given.replay.read_bytes(), folder))
        return 0
    heads = ("executions", "read without an error", "new-coverage inputs", "lines", "findings")
    print("| target |", " | ".join(heads), "| CPU s |")
    print("|---|---|---|---|---|---|---|")
    found: list[Path] = []
    for target in chosen:
        made = fuzz(target, given.executions, given.seed, given.seconds)
        row = (target.name, made.executions, made.read, made.new, made.lines, len(made.findings))
        print("|", " | ".join(map(str, row)), f"| {made.seconds:.0f} |", flush=True)
        found += [one.write(given.findings) for one in made.findings]
    for path in found:
        print(path, path.with_suffix(".txt").read_text(encoding="utf-8").splitlines()[0])
    return min(len(found), 1)


if __name__ == "__main__":
    sys.exit(main())
