"""Who gets what: photos, edits, and the plan as a file."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Body, File, Form, Request, Response, UploadFile
from starlette.concurrency import run_in_threadpool

from ..errors import NoFaceError, UsageError
from ..people.plan import Plan
from ..people.plan_edits import given, with_source
from ..video.stills.picture import read_picture
from .edits import edited, taken_plan
from .looks import jpeg
from .sessions import plain_name, save_film
from .site import Site
from .uploads import MOST_PHOTO_BYTES, ascii_name, save_upload, unique_name
from .views import command_line

THUMBNAIL = 320  # pixels of the longer side


def add_plan_routes(site: Site) -> APIRouter:
    """Return the routes."""
    routes = APIRouter()

    @routes.post("/api/films/{number}/photos")
    async def add_photos(
        request: Request,
        number: str,
        files: Annotated[list[UploadFile], File()],
        person: Annotated[int | None, Form()] = None,
    ) -> dict[str, Any]:
        film = site.mine(request).film(number)
        plan = film.plan()
        names = {one.name for one in plan.sources}
        name = unique_name(plain_name(files[0].filename or "photo"), names)
        folder = film.folder / f"photos-{len(list(film.folder.glob('photos-*')))}"
        folder.mkdir(mode=0o700)
        photos = []
        for index, one in enumerate(files):
            photo = folder / f"{index}-{plain_name(one.filename or 'photo.jpg')}"
            await save_upload(one, photo, MOST_PHOTO_BYTES, site.settings.min_free)
            photos.append(photo)

        def checked() -> dict[str, Any]:
            found = site.looks.check(photos, site.usual)
            if not any(photo.faces for photo in found):
                shutil.rmtree(folder, ignore_errors=True)
                raise NoFaceError(
                    "no_face_in_photo",
                    f"No face was found in {name}.",
                    "Take a photo that looks into the camera, with the whole face in it.",
                )
            several = len(found) > 1
            advice = [
                f"{plain_name(Path(photo.path).name.partition('-')[2])}: {line}"
                if several
                else str(line)
                for photo in found
                for line in photo.advice
            ]

            def change(plan: Plan) -> Plan:
                plan = with_source(plan, name, photos, advice)
                return plan if person is None else given(plan, person, name)

            return site.edited(film, change)

        return await run_in_threadpool(checked)

    @routes.get("/api/films/{number}/photo")
    def photo(request: Request, number: str, source: str) -> Response:
        film = site.mine(request).film(number)
        known = [one.photos[0] for one in film.plan().sources if one.name == source]
        if not known:
            raise UsageError("no_such_photo", "That photo is not here.")
        return Response(jpeg(read_picture(known[0]).rgb, THUMBNAIL), media_type="image/jpeg")

    @routes.post("/api/films/{number}/edit")
    def edit(
        request: Request, number: str, wish: Annotated[dict[str, Any], Body()]
    ) -> dict[str, Any]:
        film = site.mine(request).film(number)
        kind = wish.get("kind")
        if kind in ("undo", "redo") and film.edits is not None:
            with film.lock:
                film.edits.undo() if kind == "undo" else film.edits.redo()
                save_film(film)
            return site.view(film)
        return site.edited(film, lambda plan: edited(plan, wish))

    @routes.get("/api/films/{number}/plan")
    def plan_file(request: Request, number: str) -> Response:
        film = site.mine(request).film(number)
        name = f"{Path(plain_name(film.name)).stem}.plan.json"
        return Response(
            film.plan().to_json(),
            media_type="application/json",
            headers={"Content-Disposition": f'attachment; filename="{ascii_name(name)}"'},
        )

    @routes.post("/api/films/{number}/plan")
    async def load_plan(
        request: Request, number: str, file: Annotated[UploadFile, File()]
    ) -> dict[str, Any]:
        film = site.mine(request).film(number)
        path = film.folder / "uploaded.plan.json"
        await save_upload(file, path, MOST_PHOTO_BYTES, site.settings.min_free)
        return await run_in_threadpool(
            lambda: site.edited(film, lambda plan: taken_plan(plan, path, film))
        )

    @routes.get("/api/films/{number}/command")
    def command(request: Request, number: str) -> dict[str, str]:
        return {"command": command_line(site.mine(request).film(number))}

    return routes
