"""What all routes of the page share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from ..people.plan import Plan
from ..settings import SwapSettings
from .films import Film
from .looks import Looks
from .runs import Queue
from .sessions import Session, Sessions, save_film
from .settings import UiSettings
from .views import engine_views, film_view


@dataclass(frozen=True, slots=True, eq=False)
class Site:
    """What all routes of the page share.

    Attributes:
        settings: Its settings.
        usual: Settings that films begin with.
        looks: Renders frames.
        queue: Runs what is asked for.
        sessions: All browsers.
        engines: What `engine_views` gave.
    """

    settings: UiSettings
    usual: SwapSettings
    looks: Looks
    queue: Queue
    sessions: Sessions
    engines: list[dict[str, Any]]

    @classmethod
    def make(cls, settings: UiSettings, usual: SwapSettings) -> Site:
        """Make what a page needs."""
        looks, queue = Looks(usual.device), Queue()
        sessions = Sessions(settings, usual, looks, queue)
        return cls(settings, usual, looks, queue, sessions, engine_views())

    def mine(self, request: Request) -> Session:
        """Return what belongs to the browser that asks."""
        return self.sessions.get(request.state.session)

    def view(self, film: Film) -> dict[str, Any]:
        """Return everything about a film that the page shows."""
        return film_view(film, self.engines)

    def edited(self, film: Film, change: Callable[[Plan], Plan]) -> dict[str, Any]:
        """Edit the plan of a film, and return what the page then shows."""
        with film.lock:
            plan = change(film.plan())
            if film.edits is not None and plan != film.plan():
                film.edits.do(plan)
                save_film(film)
        return self.view(film)
