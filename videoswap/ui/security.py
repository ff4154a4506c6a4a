"""Who may ask: the host that is meant, the log-in, requests of the page itself, and its cookie.

A page on the loopback address is reached by every page that the same browser shows. So a request
must name a host of ours (against DNS rebinding), whoever changes something must come from our own
page (against forged requests), and nothing of a file is ever taken for HTML.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .settings import UiSettings

COOKIE = "videoswap_session"
_SESSION = re.compile(r"([0-9a-f]{32})\.([0-9a-f]{64})")
_LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")
_SAFE = ("GET", "HEAD")
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob:; media-src 'self'; connect-src 'self'; form-action 'none'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
Next = Callable[[Request], Awaitable[Response]]


def refused(status: int, code: str, message: str, hint: str = "") -> JSONResponse:
    """Return an error as the page shows it."""
    return JSONResponse({"code": code, "message": message, "hint": hint}, status)


def signed(session: str, secret: str) -> str:
    """Return the cookie of a session."""
    return f"{session}.{_signature(session, secret)}"


def session_of(cookie: str | None, secret: str) -> str | None:
    """Return the session of a cookie that was signed here; None for any other."""
    found = _SESSION.fullmatch(cookie or "")
    if found is None or not hmac.compare_digest(found[2], _signature(found[1], secret)):
        return None
    return found[1]


class Guard:
    """Lets through who may ask, as a middleware.

    Args:
        settings: The settings.
    """

    def __init__(self, settings: UiSettings) -> None:
        self._settings = settings

    async def __call__(self, request: Request, following: Next) -> Response:
        """Answer a request, or refuse it."""
        answer = self._refusal(request)
        if answer is None:
            known = session_of(request.cookies.get(COOKIE), self._settings.secret)
            request.state.session = known or secrets.token_hex(16)
            answer = await following(request)
            if known is None:
                cookie = signed(request.state.session, self._settings.secret)
                answer.set_cookie(COOKIE, cookie, httponly=True, samesite="strict")
        for name, value in HEADERS.items():
            answer.headers.setdefault(name, value)
        return answer

    def _refusal(self, request: Request) -> Response | None:
        if not self._host_is_ours(request):
            return refused(421, "wrong_host", "This page is not served under that name.")
        if self._settings.user and not self._logged_in(request):
            answer = refused(401, "log_in", "A name and a password are needed.")
            answer.headers["WWW-Authenticate"] = 'Basic realm="videoswap", charset="UTF-8"'
            return answer
        if request.method not in _SAFE and not _of_our_page(request):
            return refused(403, "foreign_page", "Another page asked for that.")
        return None

    def _host_is_ours(self, request: Request) -> bool:
        name = request.headers.get("host", "").rpartition(":")[0] or request.headers.get("host", "")
        if self._settings.loopback:
            return name in _LOCAL_NAMES
        return bool(name)  # a log-in is asked for, which no other page has

    def _logged_in(self, request: Request) -> bool:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        try:
            found = base64.b64decode(given, validate=True)
        except ValueError:
            found = b""
        wanted = f"{self._settings.user}:{self._settings.password}".encode()
        return scheme.lower() == "basic" and hmac.compare_digest(
            hashlib.sha256(found).digest(), hashlib.sha256(wanted).digest()
        )


def _of_our_page(request: Request) -> bool:
    """Tell whether a request that changes something comes from our page, or from no page at all."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is None or origin.partition("://")[2] == request.headers.get("host")


def _signature(session: str, secret: str) -> str:
    return hmac.new(secret.encode(), session.encode(), hashlib.sha256).hexdigest()
