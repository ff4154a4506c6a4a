"""The server: its parts, its headers, and the files of the page itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import resources

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from .._version import __version__
from ..errors import InputError, OutputError, UsageError, VideoswapError
from ..settings import SwapSettings
from .film_routes import add_film_routes
from .plan_routes import add_plan_routes
from .run_routes import add_run_routes
from .security import Guard
from .settings import UiSettings
from .site import Site

STATUS = {UsageError: 400, InputError: 422, OutputError: 507}
STATIC = resources.files("videoswap.ui") / "static"
ASSETS = {
    "": ("index.html", "text/html; charset=utf-8"),
    "app.js": ("app.js", "text/javascript; charset=utf-8"),
    "page.js": ("page.js", "text/javascript; charset=utf-8"),
    "people.js": ("people.js", "text/javascript; charset=utf-8"),
    "look.js": ("look.js", "text/javascript; charset=utf-8"),
    "runs.js": ("runs.js", "text/javascript; charset=utf-8"),
    "style.css": ("style.css", "text/css; charset=utf-8"),
    "icon.svg": ("icon.svg", "image/svg+xml"),
}


def create_app(settings: UiSettings, swap: SwapSettings | None = None) -> FastAPI:
    """Make the page.

    Args:
        settings: Its settings.
        swap: Settings that films begin with.
    """
    site = Site.make(settings, swap or SwapSettings())

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        yield
        site.queue.stop()

    app = FastAPI(
        title="videoswap", version=__version__, docs_url=None, redoc_url=None, lifespan=life
    )
    app.middleware("http")(Guard(settings))

    @app.exception_handler(VideoswapError)
    async def sentence(request: Request, error: VideoswapError) -> JSONResponse:
        status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 400)
        told = {"code": error.code, "message": error.message, "hint": error.hint}
        return JSONResponse(told, status)

    for place, (name, kind) in ASSETS.items():
        _serve(app, place, name, kind)
    for routes in (add_film_routes(site), add_plan_routes(site), add_run_routes(site)):
        app.include_router(routes)
    return app


def _serve(app: FastAPI, place: str, name: str, kind: str) -> None:
    content = (STATIC / name).read_bytes()

    @app.get(f"/{place}", include_in_schema=False)
    def asset() -> Response:
        return Response(content, media_type=kind)
