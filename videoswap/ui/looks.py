"""Frames that the page shows: as they were, and as the result will show them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Generic, TypeVar

import cv2
import numpy as np

from ..detection.face_models import FaceModels
from ..devices import choose_device
from ..errors import InputError, UsageError, VideoswapError
from ..fingerprint import digest_of
from ..jobs.context import JobContext, Networks, load_context, load_swapper
from ..jobs.photo_check import PhotoChecker
from ..jobs.portraits import crop_square
from ..jobs.preview import Moment
from ..jobs.request import say_nothing
from ..people.photo_advice import CheckedPhoto
from ..people.plan import Plan
from ..records import Array, person_name
from ..settings import AnalysisSettings, SwapSettings
from ..video.stills.picture import read_picture
from .films import Film
from .targets import Target, best_moment, frame_at

T = TypeVar("T")
LAYERS = ("result", "mask", "landmarks")
MOMENTS_KEPT = 24
NETWORKS_KEPT = 2  # sets, of which each may take gigabytes
CONTEXTS_KEPT = 8
PORTRAIT_MARGIN = 0.35  # around a face, in its sizes
MASK_COLOR, POINT_COLOR = (230, 159, 0), (86, 180, 233)
MASK_OPACITY = 0.45
LONGEST_SIDE = 1600  # pixels of a frame that is shown
JPEG_QUALITY = 92


class Kept(Generic[T]):
    """What was made for the last few keys.

    Args:
        most: How many.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._made: OrderedDict[str, T] = OrderedDict()

    def get(self, key: str, make: Callable[[], T]) -> T:
        """Return what was made for a key, or make it."""
        if key not in self._made:
            while len(self._made) >= self._most:
                self._made.popitem(last=False)
            self._made[key] = make()
        self._made.move_to_end(key)
        return self._made[key]


@dataclass(slots=True, eq=False)
class Looks:
    """Renders single frames, one after another, with what it loaded for those before.

    Attributes:
        device: auto, cpu or cuda.
    """

    device: str = "auto"
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _tools: Kept[FaceModels] = field(default_factory=lambda: Kept(NETWORKS_KEPT))
    _networks: Kept[Networks] = field(default_factory=lambda: Kept(NETWORKS_KEPT))
    _contexts: Kept[JobContext] = field(default_factory=lambda: Kept(CONTEXTS_KEPT))
    _moments: Kept[Moment] = field(default_factory=lambda: Kept(MOMENTS_KEPT))

    def models(self) -> FaceModels:
        """Return the models that see faces, loaded once."""
        with self._lock:
            return self._tools_of(AnalysisSettings())

    def warm_up(self, settings: SwapSettings) -> None:
        """Load, in another thread, what the first frame will need anyway."""

        def load() -> None:
            with suppress(VideoswapError), self._lock:
                self._networks_of(replace(settings, device=self.device))

        threading.Thread(target=load, daemon=True).start()

    def check(self, photos: Sequence[Path], settings: SwapSettings) -> list[CheckedPhoto]:
        """Say of photos what would make swaps from them worse.

        Raises:
            VideoswapError: Whatever stands in the way, by kind.
        """
        with self._lock:
            networks = self._networks_of(replace(settings, device=self.device))
            checker = PhotoChecker(networks.tools, networks.segmenter)
            return [checker.check(photo, read_picture(photo).rgb)[0] for photo in photos]

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
            raise UsageError("no_such_person", f"There is no picture of {person_name(number)}.")
        pts = frame_at(found, Fraction(repr(seconds)))
        tracks = {track for track, _ in plan.people[number].tracks}
        with self._lock:
            faces = found.faces(pts, tracks, self._tools_of(AnalysisSettings()))
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
        return self._moments.get(key, lambda: found.render(self._context_of(plan), plan, pts))

    def _context_of(self, plan: Plan) -> JobContext:
        """Return photos and networks of a plan, with the settings of now."""
        settings = replace(plan.settings, swapper=plan.engine, device=self.device)
        networks = self._networks_of(settings)
        key = digest_of(repr(plan.sources), _networks_key(settings))
        context = self._contexts.get(
            key, lambda: load_context([], [], settings, say_nothing, plan, networks)
        )
        return replace(context, settings=settings, plan=plan)

    def _networks_of(self, settings: SwapSettings) -> Networks:
        def load() -> Networks:
            tools, device = self._tools_of(settings.analysis), choose_device(self.device)
            return Networks(device, tools, *load_swapper(settings, device))

        return self._networks.get(_networks_key(settings), load)

    def _tools_of(self, settings: AnalysisSettings) -> FaceModels:
        providers = choose_device(self.device).providers
        return self._tools.get(repr(settings), lambda: FaceModels.load(providers, settings))


def _networks_key(settings: SwapSettings) -> str:
    """Return a text that changes with everything that decides which networks are loaded."""
    engine: Any = settings.swapper, settings.engine_options, settings.detail
    return digest_of(repr(engine), settings.blend.mask, repr(settings.analysis))


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
