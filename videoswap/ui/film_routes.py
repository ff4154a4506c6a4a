"""Opening, analyzing and looking at films and pictures."""

from __future__ import annotations

import shutil
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Query, Request, Response, UploadFile

from .._version import __version__
from ..errors import UsageError
from .edits import seconds_of
from .films import Film
from .looks import LAYERS
from .sessions import chosen_path, files_allowed, plain_name, save_film
from .site import Site
from .uploads import save_upload

#: Files of the allowed folders that are offered.
SUFFIXES = (
    *(".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".mpg", ".ts", ".gif"),
    *(".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".heic", ".avif"),
)


def add_film_routes(site: Site) -> APIRouter:
    """Return the routes."""
    routes = APIRouter()

    @routes.get("/api/state")
    def state(request: Request) -> dict[str, Any]:
        session = site.mine(request)
        return {
            "version": __version__,
            "films": [
                {"id": one.number, "name": one.name, "state": one.state}
                for one in session.films.values()
            ],
            "runs": [run.as_data() for run in session.runs.values()],
            "files": [str(path) for path in files_allowed(site.settings, SUFFIXES)],
        }

    @routes.post("/api/films")
    async def open_film(
        request: Request,
        file: Annotated[UploadFile | None, File()] = None,
        path: Annotated[str | None, Form()] = None,
    ) -> dict[str, Any]:
        session = site.mine(request)
        if (file is None) == (path is None):
            raise UsageError("which_film", "Give a film to upload, or the path of one.")
        folder = session.new_folder("film")
        try:
            if file is not None:
                name = plain_name(file.filename or "film")
                target = folder / name
                await save_upload(file, target, site.settings.max_upload, site.settings.min_free)
            else:
                target = chosen_path(path or "", site.settings)
                name = target.name
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        film = Film(name, target, folder, site.usual)
        session.films[film.number] = film
        save_film(film)
        film.analyze(site.looks.models)
        site.looks.warm_up(site.usual)
        return site.view(film)

    @routes.get("/api/films/{number}")
    def film_state(request: Request, number: str) -> dict[str, Any]:
        return site.view(site.mine(request).film(number))

    @routes.delete("/api/films/{number}")
    def close_film(request: Request, number: str) -> dict[str, Any]:
        site.mine(request).close_film(number)
        return {}

    @routes.post("/api/films/{number}/cancel")
    def cancel_analysis(request: Request, number: str) -> dict[str, Any]:
        film = site.mine(request).film(number)
        film.cancel()
        return site.view(film)

    @routes.post("/api/films/{number}/analyze")
    def analyze_again(request: Request, number: str) -> dict[str, Any]:
        film = site.mine(request).film(number)
        if film.state in ("cancelled", "failed"):
            film.analyze(site.looks.models)
        return site.view(film)

    @routes.get("/api/films/{number}/people/{person}")
    def portrait(request: Request, number: str, person: int) -> Response:
        film = site.mine(request).film(number)
        return Response(site.looks.portrait(film, person), media_type="image/jpeg")

    @routes.get("/api/films/{number}/frame")
    def frame(request: Request, number: str, t: float) -> Response:
        film = site.mine(request).film(number)
        return Response(site.looks.original(film, seconds_of(t)), media_type="image/jpeg")

    @routes.get("/api/films/{number}/look")
    def look(
        request: Request, number: str, t: float, layer: Annotated[str, Query()] = "result"
    ) -> Response:
        film = site.mine(request).film(number)
        if layer not in LAYERS:
            raise UsageError("bad_layer", f"There is no layer {layer!r}.")
        picture = site.looks.look(film, film.plan(), seconds_of(t), layer)
        return Response(picture, media_type="image/jpeg")

    return routes
