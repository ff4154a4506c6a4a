"""The recipes by name. Importing this needs no torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from .encoder.settings import EncoderSettings

if TYPE_CHECKING:
    from .recipe import Recipe


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


RECIPES: dict[str, RecipeEntry] = {
    "encoder": RecipeEntry(EncoderSettings, _encoder),
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
