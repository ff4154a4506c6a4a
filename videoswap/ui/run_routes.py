"""Runs: what is queued, and what came out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Body, Request, Response
from fastapi.responses import FileResponse

from ..errors import UsageError
from ..settings import EncodeSettings
from .run_views import quality_view, report_view
from .runs import STILLS, Run
from .sessions import plain_name
from .site import Site
from .uploads import ascii_name, check_room

RESULT_SUFFIXES = (".mp4", ".mkv", ".mov", ".webm")


def add_run_routes(site: Site) -> APIRouter:
    """Return the routes."""
    routes = APIRouter()

    @routes.post("/api/films/{number}/runs")
    def start(
        request: Request, number: str, wish: Annotated[dict[str, Any], Body()]
    ) -> dict[str, Any]:
        session = site.mine(request)
        film = session.film(number)
        plan = film.plan()
        if not any(person.sources for person in plan.people):
            raise UsageError(
                "nobody_gets_anything", "Nobody gets a face yet.", "Drop a photo onto a person."
            )
        suffix = str(wish.get("suffix", ".mp4"))
        found = film.found
        still = found is not None and found.kind == "picture"
        if suffix not in (STILLS if still else RESULT_SUFFIXES):
            raise UsageError("bad_suffix", f"There is no result of the kind {suffix!r}.")
        check_room(film, site.settings)
        encode = EncodeSettings(quality=str(wish.get("quality", "high")))
        device = ("--device", site.usual.device)
        run = Run(
            film.name,
            session.new_folder("run"),
            suffix,
            device,
            str(film.path),
            "",
            film.folder.name,
        )
        replace(plan, settings=replace(plan.settings, encode=encode)).save(run.plan)
        session.runs[run.number] = run
        site.queue.add(run)
        return run.as_data()

    @routes.post("/api/runs/{number}/measure")
    def measure(request: Request, number: str) -> dict[str, Any]:
        session = site.mine(request)
        swapped = session.run(number)
        if swapped.state != "done" or swapped.suffix in STILLS or swapped.measures:
            raise UsageError(
                "nothing_to_measure", "The result of a film is measured once it is there."
            )
        folder, name = session.new_folder("measure"), swapped.folder.name
        run = Run(
            swapped.title, folder, swapped.suffix, swapped.flags, swapped.film, name, swapped.uses
        )
        session.runs[run.number] = run
        site.queue.add(run)
        return run.as_data()

    @routes.post("/api/runs/{number}/{action}")
    def act(request: Request, number: str, action: str) -> dict[str, Any]:
        run = site.mine(request).run(number)
        actions = {
            "pause": site.queue.pause,
            "go_on": site.queue.go_on,
            "cancel": site.queue.cancel,
        }
        if action not in actions:
            raise UsageError("bad_action", f"A run cannot {action!r}.")
        actions[action](run)
        return run.as_data()

    @routes.delete("/api/runs/{number}")
    def remove(request: Request, number: str) -> dict[str, Any]:
        session = site.mine(request)
        site.queue.remove(session.run(number))
        session.forget_run(number)
        return {}

    @routes.get("/api/runs/{number}/result")
    def result(request: Request, number: str, save: bool = False) -> Response:
        run = site.mine(request).run(number)
        if run.state != "done":
            return Response(status_code=404)
        name = ascii_name(f"{Path(plain_name(run.title)).stem}_swapped{run.suffix}")
        kind = "attachment" if save else "inline"
        header = {"Content-Disposition": f'{kind}; filename="{name}"'}
        return FileResponse(run.result, headers=header)

    @routes.get("/api/runs/{number}/original")
    def original(request: Request, number: str) -> Response:
        run = site.mine(request).run(number)
        if not run.film or not Path(run.film).is_file():
            return Response(status_code=404)
        return FileResponse(run.film, headers={"Content-Disposition": "inline"})

    @routes.get("/api/runs/{number}/told")
    def told(request: Request, number: str) -> dict[str, Any]:
        run = site.mine(request).run(number)
        if run.state != "done":
            raise UsageError("not_done", "There is no result yet.")
        return quality_view(run) if run.measures else report_view(run)

    @routes.get("/api/runs/{number}/page")
    def page(request: Request, number: str) -> Response:
        run = site.mine(request).run(number)
        if not run.page.is_file():
            return Response(status_code=404)
        name = ascii_name(f"{Path(plain_name(run.title)).stem}_quality.html")
        header = {"Content-Disposition": f'attachment; filename="{name}"'}
        return FileResponse(run.page, media_type="text/html", headers=header)

    @routes.get("/api/runs/{number}/report")
    def report(request: Request, number: str) -> Response:
        run = site.mine(request).run(number)
        if not run.report.is_file():
            return Response(status_code=404)
        return FileResponse(run.report, media_type="application/json")

    return routes
