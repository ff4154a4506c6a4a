"""Frames that the page shows: as they were, and as the result will show them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..detection.face_models import FaceModels
from ..devices import choose_device
from ..errors import InputError, UsageError, VideoswapError
from ..fingerprint import digest_of
from ..jobs.context import JobContext, load_context
from ..jobs.portraits import crop_square
from ..jobs.preview import Moment
from ..jobs.request import say_nothing
from ..people.plan import Plan
from ..records import Array
from ..settings import AnalysisSettings, SwapSettings
from .films import Film
from .targets import Target, best_moment, frame_at

LAYERS = ("result", "mask", "landmarks")
MOMENTS_KEPT = 24
PORTRAIT_MARGIN = 0.35  # around a face, in its sizes
MASK_COLOR, POINT_COLOR = (230, 159, 0), (86, 180, 233)
MASK_OPACITY = 0.45
LONGEST_SIDE = 1600  # pixels of a frame that is shown
JPEG_QUALITY = 92


@dataclass(slots=True, eq=False)
class Looks:
    """Renders single frames, one after another, with what it loaded for the one before.

    Attributes:
        device: auto, cpu or cuda.
    """

    device: str = "auto"
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _models: FaceModels | None = None
    _context: tuple[str, JobContext] | None = None
    _moments: OrderedDict[str, Moment] = field(default_factory=OrderedDict)

    def models(self) -> FaceModels:
        """Return the models that see faces, loaded once."""
        with self._lock:
            return self._loaded_models()

    def warm_up(self, settings: SwapSettings) -> None:
        """Load, in another thread, what the first frame will need anyway."""
        plan = Plan(Path(), "", "mesh", (), (), settings)

        def load() -> None:
            with suppress(VideoswapError), self._lock:
                self._context_of(plan)

        threading.Thread(target=load, daemon=True).start()

    def original(self, film: Film, seconds: Fraction) -> bytes:
        """Return a frame as it was, as JPEG.

        Raises:
            InputError: ``no_such_moment``.
        """
        found = _found(film)
        return jpeg(found.frame(frame_at(found, seconds)))

    def portrait(self, film: Film, number: int) -> bytes:
        """Return a square picture of a person of the plan, as JPEG.

        Raises:
            UsageError: ``no_such_person`` if there is none, or it is never seen.
        """
        found, plan = _found(film), film.plan()
        seconds = best_moment(plan.people[number], found) if number < len(plan.people) else None
        if seconds is None:
            raise UsageError("no_such_person", f"There is no picture of person {number}.")
        pts = frame_at(found, Fraction(repr(seconds)))
        tracks = {track for track, _ in plan.people[number].tracks}
        with self._lock:
            faces = found.faces(pts, tracks, self._loaded_models())
        picture = found.frame(pts)
        return jpeg(crop_square(picture, faces[0], PORTRAIT_MARGIN) if faces else picture)

    def look(self, film: Film, plan: Plan, seconds: Fraction, layer: str) -> bytes:
        """Return a frame as the result shows it before encoding, as JPEG.

        Args:
            film: The film.
            plan: Who gets what; nobody may get anything.
            seconds: When.
            layer: result, or the original with the ``mask`` or the ``landmarks`` drawn over it.

        Raises:
            VideoswapError: Whatever stands in the way, by kind.
        """
        found = _found(film)
        pts = frame_at(found, seconds)
        if not any(person.sources for person in plan.people):
            return self.original(film, seconds)
        with self._lock:
            moment = self._moment(found, plan, pts)
        return jpeg(_drawn(moment, layer))

    def _moment(self, found: Target, plan: Plan, pts: int) -> Moment:
        key = digest_of(plan.to_json(), pts)
        if key in self._moments:
            self._moments.move_to_end(key)
            return self._moments[key]
        moment = found.render(self._context_of(plan), plan, pts)
        self._moments[key] = moment
        while len(self._moments) > MOMENTS_KEPT:
            self._moments.popitem(last=False)
        return moment

    def _context_of(self, plan: Plan) -> JobContext:
        """Load photos and engine, or take those of the frame before with the settings of now."""
        settings = replace(plan.settings, swapper=plan.engine, device=self.device)
        loaded: Any = (plan.sources, plan.engine, settings.engine_options, settings.detail)
        key = digest_of(repr(loaded), settings.blend.mask, repr(settings.analysis))
        if self._context is None or self._context[0] != key:
            context = load_context([], [], settings, say_nothing, plan)
            self._context = key, context
        return replace(self._context[1], settings=settings, plan=plan)

    def _loaded_models(self) -> FaceModels:
        if self._models is None:
            providers = choose_device(self.device).providers
            self._models = FaceModels.load(providers, AnalysisSettings())
        return self._models


def jpeg(picture: Array, longest: int = LONGEST_SIDE) -> bytes:
    """Return a picture (H, W, 3) uint8 RGB as JPEG, made smaller where it is larger than that."""
    height, width = picture.shape[:2]
    factor = longest / max(height, width)
    if factor < 1:
        size = round(width * factor), round(height * factor)
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))
    quality = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    done, data = cv2.imencode(".jpg", np.ascontiguousarray(picture[:, :, ::-1]), quality)
    if not done:
        raise InputError("bad_picture", "The frame cannot be shown.")
    return data.tobytes()


def _drawn(moment: Moment, layer: str) -> Array:
    if layer == "mask":
        share = moment.mask[..., None] * (MASK_OPACITY / 255)
        return np.rint(moment.before * (1 - share) + np.array(MASK_COLOR) * share).astype(np.uint8)
    if layer == "landmarks":
        picture = moment.before.copy()
        radius = max(1, picture.shape[0] // 540)
        for _, face in moment.faces:
            points = face.dense_landmarks if face.dense_landmarks is not None else face.landmarks
            for x, y in () if points is None else np.rint(points[:, :2]).astype(int):
                cv2.circle(picture, (int(x), int(y)), radius, POINT_COLOR, -1, cv2.LINE_AA)
        return picture
    return moment.after


def _found(film: Film) -> Target:
    if film.found is None:
        raise UsageError("not_ready", f"{film.name} is not analyzed yet.")
    return film.found
