"""One address into one unfinished file, going on where the last attempt stopped.

Beside the unfinished ``NAME.part`` lies ``NAME.part.json``, which says what it is the beginning of.
An attempt goes on only if the server vouches that it still has the same file (ETag or time of
change), or if the whole will be checked against a digest that is known already.
"""

from __future__ import annotations

import contextlib
import http.client
import re
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ..errors import OutputError
from ..jsonfile import json_text, parsed_json
from ..video.files import output_errors

AGENT = "videoswap (weights download)"
_BLOCK = 1 << 18
_FATAL = frozenset({400, 401, 402, 403, 404, 405, 410, 451})


class AttemptError(Exception):
    """An attempt that failed for a reason that lies with the server or the network.

    Attributes:
        final: Whether the same address will fail again.
        offline: Whether the server was not even reached.
        wait: Seconds that the server asked to wait, or None.
        status: The server's answer, or None.
    """

    def __init__(
        self,
        reason: str,
        final: bool = False,
        offline: bool = False,
        wait: float | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(reason)
        self.final = final
        self.offline = offline
        self.wait = wait
        self.status = status


@dataclass(frozen=True, slots=True)
class Beginning:
    """What an unfinished file is the beginning of.

    Attributes:
        source: The mirror it came from, as the manifest names it.
        etag: The server's strong ETag, or None.
        modified: The server's Last-Modified, or None.
        total: Bytes of the whole, or None.
    """

    source: str
    etag: str | None
    modified: str | None
    total: int | None


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a silent or slow server is borne.

    Attributes:
        timeout: Seconds without any byte.
        window: Seconds over which the speed is measured.
        slowest: Bytes a second below which an attempt is given up.
    """

    timeout: float = 30.0
    window: float = 30.0
    slowest: float = 2048.0


class _NoDowngrade(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but never from https to something that anyone can change on the way."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        if req.full_url.startswith("https:") and not newurl.startswith("https:"):
            raise AttemptError(f"it redirects from https to {newurl}", final=True)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def make_opener() -> urllib.request.OpenerDirector:
    """Return an opener with cookies, the proxies of the environment, and safe redirects."""
    return urllib.request.build_opener(urllib.request.HTTPCookieProcessor(), _NoDowngrade())


def open_url(
    opener: urllib.request.OpenerDirector, url: str, timeout: float, headers: dict[str, str]
) -> http.client.HTTPResponse:
    """Open an address.

    Raises:
        AttemptError: If there is no answer, or one that says no.
    """
    request = urllib.request.Request(
        url, headers={"User-Agent": AGENT, "Accept-Encoding": "identity", **headers}
    )
    try:
        response: http.client.HTTPResponse = opener.open(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        after = error.headers.get("Retry-After", "")
        wait = min(float(after), 120.0) if after.isdigit() else None
        raise AttemptError(
            f"the server answered {error.code} {error.reason}",
            final=error.code in _FATAL,
            wait=wait,
            status=error.code,
        ) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise AttemptError(f"no answer ({reason})", offline=True) from None
    return response


def transfer(
    opener: urllib.request.OpenerDirector,
    url: str,
    part: Path,
    source: str,
    checkable: bool,
    advance: Callable[[int, int | None], None] = lambda done, total: None,
    pace: Pace | None = None,
) -> None:
    """Bring an unfinished file to its end.

    Args:
        opener: From :func:`make_opener`.
        url: Where the file is now.
        part: The unfinished file; it may exist.
        source: Name of the mirror, the same at the next attempt even if ``url`` is not.
        checkable: Whether a digest of the whole is known, so that a beginning from another mirror
            may be continued.
        advance: Told bytes done and bytes in all (None if the server does not say).
        pace: How slow a server may be.

    Raises:
        AttemptError: If it is not finished; what came stays for the next attempt.
        OutputError: If the disk is full or the folder cannot be written.
    """
    pace = pace or Pace()
    offset, begun = _resume_point(part, source, checkable)
    if begun and begun.total == offset:
        return  # the last attempt ended between the last byte and the check
    headers = {"Range": f"bytes={offset}-"} if offset and begun else {}
    validator = begun.etag or begun.modified if begun and begun.source == source else None
    if headers and validator:
        headers["If-Range"] = validator
    try:
        response = open_url(opener, url, pace.timeout, headers)
    except AttemptError as error:
        if error.status == 416:  # what is there is longer than the file, so it is another one
            discard(part)
        raise
    with response:
        now = _beginning(response, source)
        if response.status == 206:
            _check_continuation(response, part, offset, begun, now)
        elif response.status == 200:
            offset = 0
            discard(part)
        else:
            raise AttemptError(f"the server answered {response.status}")
        _check_space(part, now.total, offset)
        with output_errors(part):
            _note(part).write_text(json_text(now, indent=None), encoding="utf-8")
        _copy(response, part, offset, now.total, advance, pace)


def discard(part: Path) -> None:
    """Delete an unfinished file and its note."""
    with output_errors(part):
        part.unlink(missing_ok=True)
        _note(part).unlink(missing_ok=True)


def _note(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _resume_point(part: Path, source: str, checkable: bool) -> tuple[int, Beginning | None]:
    """Return how many bytes may be kept, and of what they are the beginning."""
    try:
        begun = Beginning(**parsed_json(_note(part).read_text(encoding="utf-8")))
        size = part.stat().st_size
    except (OSError, ValueError, TypeError):
        return 0, None
    same = begun.source == source and (begun.etag or begun.modified)
    return (size, begun) if same or checkable else (0, None)


def _beginning(response: http.client.HTTPResponse, source: str) -> Beginning:
    """Read from an answer what file it is about."""
    etag = response.headers.get("ETag")
    strong = etag if etag and not etag.startswith("W/") else None
    total: int | None
    if response.status == 206:
        match = re.fullmatch(r"bytes \d+-\d+/(\d+)", response.headers.get("Content-Range", ""))
        total = int(match[1]) if match else None
    else:
        length = response.headers.get("Content-Length", "")
        total = int(length) if length.isdigit() else None
    if total is None and not response.chunked:
        raise AttemptError("the server does not say how long the file is", final=True)
    if "html" in response.headers.get_content_type():
        raise AttemptError("it delivers a web page in place of the file", final=True)
    return Beginning(source, strong, response.headers.get("Last-Modified"), total)


def _check_continuation(
    response: http.client.HTTPResponse,
    part: Path,
    offset: int,
    begun: Beginning | None,
    now: Beginning,
) -> None:
    """Make sure that what comes is the rest of what is there; otherwise start anew next time."""
    starts = response.headers.get("Content-Range", "").startswith(f"bytes {offset}-")
    same = begun is not None and begun.total in (None, now.total)
    if begun is not None and begun.source == now.source:
        for before, after in ((begun.etag, now.etag), (begun.modified, now.modified)):
            same = same and (before is None or before == after)
    if not (starts and same):
        discard(part)
        raise AttemptError("the file on the server changed, or its answer is another piece")


def _check_space(part: Path, total: int | None, offset: int) -> None:
    with output_errors(part):
        free = shutil.disk_usage(part.parent).free
    if total is not None and total - offset > free:
        raise OutputError(
            "disk_full",
            f"{part.parent} has {free / 1e6:.0f} MB free, "
            f"{(total - offset) / 1e6:.0f} MB are needed.",
            "Free some space, or choose another folder with VIDEOSWAP_WEIGHTS_DIR.",
        )


def _copy(
    response: http.client.HTTPResponse,
    part: Path,
    offset: int,
    total: int | None,
    advance: Callable[[int, int | None], None],
    pace: Pace,
) -> None:
    """Append the body to the file and see that it came whole."""
    done = offset
    mark, at_mark = time.monotonic(), done
    with contextlib.ExitStack() as stack:
        with output_errors(part):
            file = stack.enter_context(part.open("r+b" if offset else "wb"))
            file.truncate(offset)
            file.seek(offset)
        while block := _read(response):
            with output_errors(part):
                _write(file, block)
            done += len(block)
            advance(done, total)
            now = time.monotonic()
            if now - mark >= pace.window:
                if done - at_mark < pace.slowest * (now - mark):
                    raise AttemptError("the server is too slow")
                mark, at_mark = now, done
        with output_errors(part):
            file.flush()
    if total is not None and done != total:
        raise AttemptError(f"the connection broke after {done} of {total} bytes")


def _read(response: http.client.HTTPResponse) -> bytes:
    try:
        return response.read1(_BLOCK)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise AttemptError(f"the connection broke ({error or type(error).__name__})") from None


def _write(file: IO[bytes], block: bytes) -> None:
    file.write(block)
