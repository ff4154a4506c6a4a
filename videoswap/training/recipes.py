"""The recipes by name. Importing this needs no torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from .blendface.settings import BlendFaceSettings
from .encoder.settings import EncoderSettings
from .fixernet.settings import FixerNetSettings
from .ghost.settings import GhostSettings
from .parser.settings import ParserSettings

if TYPE_CHECKING:
    from .recipe import Recipe


@dataclass(frozen=True, slots=True)
class RecipeEntry:
    """A recipe that can be trained.

    Attributes:
        settings: Dataclass of its settings; all have defaults.
        build: Makes the recipe of settings.
        preparation: Imports how its data is packed: the dataclass of those settings, and the
            function that takes them, the folder, ``cancel`` and ``say`` and returns whether all is
            packed. None where the recipe takes what ``prepare faces`` packs.
    """

    settings: type[Any]
    build: Callable[[Any], Recipe]
    preparation: Callable[[], tuple[type[Any], Callable[..., bool]]] | None = None


def _encoder(settings: EncoderSettings) -> Recipe:
    from .encoder.recipe import EncoderRecipe

    return EncoderRecipe(settings)


def _encoder_data() -> tuple[type[Any], Callable[..., bool]]:
    from .encoder.prepare import PrepareSettings, prepare_encoder

    return PrepareSettings, prepare_encoder


def _fixernet(settings: FixerNetSettings) -> Recipe:
    from .fixernet.recipe import FixerNetRecipe

    return FixerNetRecipe(settings)


def _parser(settings: ParserSettings) -> Recipe:
    from .parser.recipe import ParserRecipe

    return ParserRecipe(settings)


def _parser_data() -> tuple[type[Any], Callable[..., bool]]:
    from .parser.prepare import ParserPrepareSettings, prepare_parser

    return ParserPrepareSettings, prepare_parser


def _blendface(settings: BlendFaceSettings) -> Recipe:
    from .blendface.recipe import BlendFaceRecipe

    return BlendFaceRecipe(settings)


def _ghost(settings: GhostSettings) -> Recipe:
    from .ghost.recipe import GhostRecipe

    return GhostRecipe(settings)


RECIPES: dict[str, RecipeEntry] = {
    "blendface": RecipeEntry(BlendFaceSettings, _blendface),
    "encoder": RecipeEntry(EncoderSettings, _encoder, _encoder_data),
    "fixernet": RecipeEntry(FixerNetSettings, _fixernet),
    "ghost": RecipeEntry(GhostSettings, _ghost),
    "parser": RecipeEntry(ParserSettings, _parser, _parser_data),
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
