"""The recipes by name. Importing this needs no torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from .blendface.settings import BlendFaceSettings
from .clipswap.settings import ClipSwapSettings
from .encoder.settings import EncoderSettings
from .fixernet.settings import FixerNetSettings
from .ghost.settings import GhostSettings
from .lite.settings import LiteSettings
from .occlusion.settings import LandmarksSettings, OcclusionSettings
from .parser.settings import ParserSettings
from .reliableswap.settings import ReliableSwapSettings

if TYPE_CHECKING:
    from .recipe import Recipe


@dataclass(frozen=True, slots=True)
class Preparation:
    """How data is packed.

    Attributes:
        settings: Dataclass of its settings; all have defaults.
        pack: Takes settings and folder, ``cancel`` and ``say``, and ``jobs`` if there is an
            estimate; returns whether all is packed.
        page: Gives the page about the data of a folder.
        estimate: Takes settings and ``jobs``; says in lines what packing takes. None if nothing is
            known before, and packing takes one process.
    """

    settings: type[Any]
    pack: Callable[..., bool]
    page: Callable[[Path], Path]
    estimate: Callable[..., list[str]] | None = None


@dataclass(frozen=True, slots=True)
class RecipeEntry:
    """A recipe that can be trained.

    Attributes:
        settings: Dataclass of its settings; all have defaults.
        build: Makes the recipe of settings.
    """

    settings: type[Any]
    build: Callable[[Any], Recipe]


def _encoder(settings: EncoderSettings) -> Recipe:
    from .encoder.recipe import EncoderRecipe

    return EncoderRecipe(settings)


def _encoder_data() -> Preparation:
    from .encoder.prepare import PrepareSettings, prepare_encoder
    from .report import write_report

    return Preparation(PrepareSettings, prepare_encoder, write_report)


def _fixernet(settings: FixerNetSettings) -> Recipe:
    from .fixernet.recipe import FixerNetRecipe

    return FixerNetRecipe(settings)


def _lite(settings: LiteSettings) -> Recipe:
    from .lite.recipe import LiteRecipe

    return LiteRecipe(settings)


def _lite_data() -> Preparation:
    from .lite.prepare import LitePrepareSettings, prepare_lite
    from .report import write_report

    return Preparation(LitePrepareSettings, prepare_lite, write_report)


def _parser(settings: ParserSettings) -> Recipe:
    from .parser.recipe import ParserRecipe

    return ParserRecipe(settings)


def _parser_data() -> Preparation:
    from .parser.prepare import ParserPrepareSettings, prepare_parser
    from .report import write_report

    return Preparation(ParserPrepareSettings, prepare_parser, write_report)


def _faces() -> Preparation:
    from .faces.page import NAME
    from .faces.prepare import estimate_faces, prepare_faces
    from .faces.settings import FacesSettings

    return Preparation(
        FacesSettings, prepare_faces, lambda folder: folder / NAME, estimate=estimate_faces
    )


def _blendface(settings: BlendFaceSettings) -> Recipe:
    from .blendface.recipe import BlendFaceRecipe

    return BlendFaceRecipe(settings)


def _clipswap(settings: ClipSwapSettings) -> Recipe:
    from .clipswap.recipe import ClipSwapRecipe

    return ClipSwapRecipe(settings)


def _ghost(settings: GhostSettings) -> Recipe:
    from .ghost.recipe import GhostRecipe

    return GhostRecipe(settings)


def _reliableswap(settings: ReliableSwapSettings) -> Recipe:
    from .reliableswap.recipe import ReliableSwapRecipe

    return ReliableSwapRecipe(settings)


def _triplets() -> Preparation:
    from .report import write_report
    from .triplets.prepare import TripletPrepareSettings, prepare_triplets

    return Preparation(TripletPrepareSettings, prepare_triplets, write_report)


def _landmarks(settings: LandmarksSettings) -> Recipe:
    from .occlusion.landmarks import LandmarksRecipe

    return LandmarksRecipe(settings)


def _occlusion(settings: OcclusionSettings) -> Recipe:
    from .occlusion.recipe import OcclusionRecipe

    return OcclusionRecipe(settings)


RECIPES: dict[str, RecipeEntry] = {
    "blendface": RecipeEntry(BlendFaceSettings, _blendface),
    "clipswap": RecipeEntry(ClipSwapSettings, _clipswap),
    "encoder": RecipeEntry(EncoderSettings, _encoder),
    "fixernet": RecipeEntry(FixerNetSettings, _fixernet),
    "ghost": RecipeEntry(GhostSettings, _ghost),
    "lite": RecipeEntry(LiteSettings, _lite),
    "landmarks": RecipeEntry(LandmarksSettings, _landmarks),
    "occlusion": RecipeEntry(OcclusionSettings, _occlusion),
    "parser": RecipeEntry(ParserSettings, _parser),
    "reliableswap": RecipeEntry(ReliableSwapSettings, _reliableswap),
}


#: How data is packed, by name: that of one recipe, ``faces`` for all that read
#: `FaceShards`, or ``triplets`` made of those.
PREPARATIONS: dict[str, Callable[[], Preparation]] = {
    "encoder": _encoder_data,
    "faces": _faces,
    "lite": _lite_data,
    "parser": _parser_data,
    "triplets": _triplets,
}


def recipe_named(name: str) -> RecipeEntry:
    """Return a recipe.

    Raises:
        UsageError: ``unknown_recipe``.
    """
    if name not in RECIPES:
        problem = f"There is no recipe {name!r}."
        raise UsageError("unknown_recipe", problem, f"Known are {', '.join(RECIPES)}.")
    return RECIPES[name]
