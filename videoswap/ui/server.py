"""The routes of the page, and the server."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from fractions import Fraction
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, TypeVar

from fastapi import Body, FastAPI, File, Form, Query, Request, UploadFile
from fastapi.responses import FileResponse, JSONResponse, Response
from starlette.concurrency import run_in_threadpool

from .._version import __version__
from ..errors import InputError, OutputError, UsageError, VideoswapError
from ..jobs.photo_check import check_photos
from ..people.plan import Plan, Span
from ..people.plan_edits import (
    divided,
    given,
    merged,
    renamed,
    taken_out,
    with_source,
    without_source,
)
from ..people.plan_reading import read_plan
from ..plugins import plugin_named
from ..settings import EncodeSettings, SwapSettings
from .films import Film
from .looks import LAYERS, Looks
from .runs import Queue, Run
from .security import Guard
from .sessions import (
    Session,
    Sessions,
    chosen_path,
    files_allowed,
    plain_name,
    save_film,
)
from .settings import UiSettings
from .views import command_line, engine_views, film_view

CHUNK = 1 << 20  # bytes of an upload that are written at once
MOST_PHOTO_BYTES = 64 * 10**6
PHOTO_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".heic", ".avif")
VIDEO_SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".mpg", ".ts", ".gif")
RESULT_SUFFIXES = (".mp4", ".mkv", ".mov", ".webm")
STATUS = {UsageError: 400, InputError: 422, OutputError: 507}
STATIC = resources.files("videoswap.ui") / "static"
ASSETS = {
    "": ("index.html", "text/html; charset=utf-8"),
    "app.js": ("app.js", "text/javascript; charset=utf-8"),
    "style.css": ("style.css", "text/css; charset=utf-8"),
    "icon.svg": ("icon.svg", "image/svg+xml"),
}
T = TypeVar("T")


def create_app(settings: UiSettings, swap: SwapSettings | None = None) -> FastAPI:
    """Make the page.

    Args:
        settings: Its settings.
        swap: Settings that films begin with.
    """
    looks, queue = Looks((swap or SwapSettings()).device), Queue()
    sessions = Sessions(settings, looks, queue)
    usual, engines = swap or SwapSettings(), engine_views()

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        yield
        queue.stop()

    app = FastAPI(
        title="videoswap", version=__version__, docs_url=None, redoc_url=None, lifespan=life
    )
    app.middleware("http")(Guard(settings))

    @app.exception_handler(VideoswapError)
    async def sentence(request: Request, error: VideoswapError) -> JSONResponse:
        status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 400)
        told = {"code": error.code, "message": error.message, "hint": error.hint}
        return JSONResponse(told, status)

    def view(film: Film) -> dict[str, Any]:
        return film_view(film, engines)

    def mine(request: Request) -> Session:
        return sessions.get(request.state.session)

    def edited(film: Film, change: Callable[[Plan], Plan]) -> dict[str, Any]:
        with film.lock:
            plan = change(film.plan())
            if film.edits is not None and plan != film.plan():
                film.edits.do(plan)
                save_film(film)
        return view(film)

    for place, (name, kind) in ASSETS.items():
        _serve(app, place, name, kind)

    @app.get("/api/state")
    def state(request: Request) -> dict[str, Any]:
        session = mine(request)
        return {
            "version": __version__,
            "films": [
                {"id": one.number, "name": one.name, "state": one.state}
                for one in session.films.values()
            ],
            "runs": [run.as_data() for run in session.runs.values()],
            "files": [str(path) for path in files_allowed(settings, VIDEO_SUFFIXES)],
        }

    @app.post("/api/films")
    async def open_film(
        request: Request,
        file: Annotated[UploadFile | None, File()] = None,
        path: Annotated[str | None, Form()] = None,
    ) -> dict[str, Any]:
        session = mine(request)
        if (file is None) == (path is None):
            raise UsageError("which_film", "Give a film to upload, or the path of one.")
        folder = session.new_folder("film")
        try:
            if file is not None:
                name = plain_name(file.filename or "film")
                target = folder / name
                await _save(file, target, settings.max_upload, settings.min_free)
            else:
                target = chosen_path(path or "", settings)
                name = target.name
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        film = Film(name, target, folder, usual)
        session.films[film.number] = film
        save_film(film)
        film.analyze(looks.models)
        return view(film)

    @app.get("/api/films/{number}")
    def film_state(request: Request, number: str) -> dict[str, Any]:
        return view(mine(request).film(number))

    @app.delete("/api/films/{number}")
    def close_film(request: Request, number: str) -> dict[str, Any]:
        session = mine(request)
        film = session.film(number)
        film.cancel()
        del session.films[number]
        shutil.rmtree(film.folder, ignore_errors=True)
        return {}

    @app.post("/api/films/{number}/cancel")
    def cancel_analysis(request: Request, number: str) -> dict[str, Any]:
        film = mine(request).film(number)
        film.cancel()
        return view(film)

    @app.post("/api/films/{number}/analyze")
    def analyze_again(request: Request, number: str) -> dict[str, Any]:
        film = mine(request).film(number)
        if film.state in ("cancelled", "failed"):
            film.analyze(looks.models)
        return view(film)

    @app.get("/api/films/{number}/people/{person}")
    def portrait(request: Request, number: str, person: int) -> Response:
        film = mine(request).film(number)
        return Response(looks.portrait(film, person), media_type="image/jpeg")

    @app.get("/api/films/{number}/frame")
    def frame(request: Request, number: str, t: float) -> Response:
        film = mine(request).film(number)
        return Response(looks.original(film, _seconds(t)), media_type="image/jpeg")

    @app.get("/api/films/{number}/look")
    def look(
        request: Request, number: str, t: float, layer: Annotated[str, Query()] = "result"
    ) -> Response:
        film = mine(request).film(number)
        if layer not in LAYERS:
            raise UsageError("bad_layer", f"There is no layer {layer!r}.")
        picture = looks.look(film, film.plan(), _seconds(t), layer)
        return Response(picture, media_type="image/jpeg")

    @app.post("/api/films/{number}/photos")
    async def add_photos(
        request: Request,
        number: str,
        files: Annotated[list[UploadFile], File()],
        person: Annotated[int | None, Form()] = None,
    ) -> dict[str, Any]:
        film = mine(request).film(number)
        plan = film.plan()
        names = {one.name for one in plan.sources}
        name = _unique(plain_name(files[0].filename or "photo"), names)
        folder = film.folder / f"photos-{len(list(film.folder.glob('photos-*')))}"
        folder.mkdir(mode=0o700)
        photos = []
        for index, one in enumerate(files):
            photo = folder / f"{index}-{plain_name(one.filename or 'photo.jpg')}"
            await _save(one, photo, MOST_PHOTO_BYTES, settings.min_free)
            photos.append(photo)

        def checked() -> dict[str, Any]:
            found = check_photos(photos, settings=replace(usual, overwrite=True))
            advice = [str(line) for photo in found for line in photo.advice]

            def change(plan: Plan) -> Plan:
                plan = with_source(plan, name, photos, advice)
                return plan if person is None else given(plan, person, name)

            return edited(film, change)

        return await run_in_threadpool(checked)

    @app.post("/api/films/{number}/edit")
    def edit(
        request: Request, number: str, wish: Annotated[dict[str, Any], Body()]
    ) -> dict[str, Any]:
        film = mine(request).film(number)
        kind = wish.get("kind")
        if kind in ("undo", "redo") and film.edits is not None:
            with film.lock:
                film.edits.undo() if kind == "undo" else film.edits.redo()
                save_film(film)
            return view(film)
        return edited(film, lambda plan: _edited(plan, wish))

    @app.get("/api/films/{number}/plan")
    def plan_file(request: Request, number: str) -> Response:
        film = mine(request).film(number)
        name = f"{Path(plain_name(film.name)).stem}.plan.json"
        return Response(
            film.plan().to_json(),
            media_type="application/json",
            headers={"Content-Disposition": f'attachment; filename="{_ascii(name)}"'},
        )

    @app.post("/api/films/{number}/plan")
    async def load_plan(
        request: Request, number: str, file: Annotated[UploadFile, File()]
    ) -> dict[str, Any]:
        film = mine(request).film(number)
        path = film.folder / "uploaded.plan.json"
        await _save(file, path, MOST_PHOTO_BYTES, settings.min_free)
        return await run_in_threadpool(lambda: edited(film, lambda plan: _taken(plan, path, film)))

    @app.get("/api/films/{number}/command")
    def command(request: Request, number: str) -> dict[str, str]:
        return {"command": command_line(mine(request).film(number))}

    @app.post("/api/films/{number}/runs")
    def start(
        request: Request, number: str, wish: Annotated[dict[str, Any], Body()]
    ) -> dict[str, Any]:
        session = mine(request)
        film = session.film(number)
        plan = film.plan()
        if not any(person.sources for person in plan.people):
            raise UsageError(
                "nobody_gets_anything", "Nobody gets a face yet.", "Drop a photo onto a person."
            )
        suffix = str(wish.get("suffix", ".mp4"))
        if suffix not in RESULT_SUFFIXES:
            raise UsageError("bad_suffix", f"There is no result of the kind {suffix!r}.")
        _check_room(film, settings)
        encode = EncodeSettings(quality=str(wish.get("quality", "high")))
        run = Run(film.name, session.new_folder("run"), suffix)
        replace(plan, settings=replace(plan.settings, encode=encode)).save(run.plan)
        session.runs[run.number] = run
        queue.add(run)
        return run.as_data()

    @app.post("/api/runs/{number}/{action}")
    def act(request: Request, number: str, action: str) -> dict[str, Any]:
        run = mine(request).run(number)
        actions = {"pause": queue.pause, "go_on": queue.go_on, "cancel": queue.cancel}
        if action not in actions:
            raise UsageError("bad_action", f"A run cannot {action!r}.")
        actions[action](run)
        return run.as_data()

    @app.delete("/api/runs/{number}")
    def remove(request: Request, number: str) -> dict[str, Any]:
        session = mine(request)
        queue.remove(session.run(number))
        del session.runs[number]
        return {}

    @app.get("/api/runs/{number}/result")
    def result(request: Request, number: str, save: bool = False) -> Response:
        run = mine(request).run(number)
        if run.state != "done":
            return Response(status_code=404)
        name = _ascii(f"{Path(plain_name(run.title)).stem}_swapped{run.suffix}")
        kind = "attachment" if save else "inline"
        header = {"Content-Disposition": f'{kind}; filename="{name}"'}
        return FileResponse(run.result, headers=header)

    @app.get("/api/runs/{number}/report")
    def report(request: Request, number: str) -> Response:
        run = mine(request).run(number)
        if not run.report.is_file():
            return Response(status_code=404)
        return FileResponse(run.report, media_type="application/json")

    return app


def _serve(app: FastAPI, place: str, name: str, kind: str) -> None:
    content = (STATIC / name).read_bytes()

    @app.get(f"/{place}", include_in_schema=False)
    def asset() -> Response:
        return Response(content, media_type=kind)


def _edited(plan: Plan, wish: dict[str, Any]) -> Plan:
    """Return a plan after an edit that the page asks for.

    Raises:
        UsageError: ``bad_edit``.
    """
    try:
        match wish["kind"]:
            case "give":
                source = wish["source"]
                return given(plan, int(wish["person"]), None if source is None else str(source))
            case "name":
                return renamed(plan, int(wish["person"]), str(wish["name"])[:80])
            case "merge":
                return merged(plan, int(wish["into"]), int(wish["other"]))
            case "divide":
                return divided(plan, int(wish["person"]), _seconds(float(wish["time"])))
            case "take_out":
                return taken_out(plan, int(wish["person"]), int(wish["entry"]))
            case "remove_source":
                return without_source(plan, str(wish["name"]))
            case "span":
                end = wish.get("to")
                span = Span(
                    _seconds(float(wish.get("from", 0))),
                    None if end is None else _seconds(float(end)),
                )
                source = wish["source"]
                return given(
                    plan, int(wish["person"]), None if source is None else str(source), span
                )
            case "blend":
                known = {"strength", "mask", "keep_eyes", "keep_mouth"}
                changes = {name: value for name, value in wish["values"].items() if name in known}
                blend = replace(plan.settings.blend, **changes)
                return replace(plan, settings=replace(plan.settings, blend=blend))
            case "engine":
                return _with_engine(plan, str(wish["name"]), dict(wish.get("options", {})))
            case other:
                raise UsageError("bad_edit", f"There is no edit {other!r}.")
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError("bad_edit", f"The edit is not complete: {error}.") from None


def _with_engine(plan: Plan, name: str, options: dict[str, Any]) -> Plan:
    plugin = plugin_named(name)
    chosen = plugin.options(**options) if options else None
    settings = replace(plan.settings, swapper=name, engine_options=chosen)
    return replace(plan, engine=name, settings=settings)


def _taken(plan: Plan, path: Path, film: Film) -> Plan:
    """Return an uploaded plan, if it is one of this film."""
    found = read_plan(path)
    if found.digest != plan.digest:
        raise InputError("plan_of_other_video", "That plan was made for another film.")
    folder = film.folder.resolve()
    for source in found.sources:
        for photo in source.photos:
            if not photo.resolve().is_relative_to(folder):
                raise UsageError(
                    "not_allowed",
                    f"The plan names the photo {photo.name}, which was not uploaded here.",
                    "Drop the photos onto the people again.",
                )
    return replace(found, video=plan.video)


async def _save(file: UploadFile, path: Path, most: int, free: int) -> None:
    """Write an upload to a file.

    Raises:
        InputError: ``too_large`` or ``disk_full``.
    """
    size = 0
    with path.open("xb") as out:
        while data := await file.read(CHUNK):
            size += len(data)
            if size > most:
                raise InputError(
                    "too_large",
                    f"{path.name} has more than {most / 1e9:g} GB, the most that may be.",
                )
            if shutil.disk_usage(path.parent).free < free + len(data):
                raise InputError("disk_full", "The disk has no room for that file.")
            await asyncio.to_thread(out.write, data)
    if not size:
        raise InputError("empty_file", f"{path.name} is empty.")


def _check_room(film: Film, settings: UiSettings) -> None:
    """Refuse a run whose result would fill the disk: it may be twice as large as the film.

    Raises:
        InputError: ``disk_full``.
    """
    needed = 2 * film.path.stat().st_size + settings.min_free
    free = shutil.disk_usage(settings.folder).free
    if free < needed:
        raise InputError(
            "disk_full",
            f"A result may take {needed / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free.",
            "Delete earlier results, or choose another folder with VIDEOSWAP_CACHE_DIR.",
        )


def _seconds(value: float) -> Fraction:
    if not 0 <= value < 10**9:
        raise UsageError("bad_time", "A time lies between the beginning and the end of the film.")
    return Fraction(repr(value))


def _unique(name: str, taken: set[str]) -> str:
    number, found = 1, name
    while found in taken:
        number += 1
        found = f"{name} ({number})"
    return found


def _ascii(name: str) -> str:
    return name.encode("ascii", "replace").decode().replace("?", "_").replace('"', "_")
