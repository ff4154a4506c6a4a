"""What all jobs of a run share."""

from types import SimpleNamespace

import pytest

from videoswap import SwapSettings
from videoswap.engines.mesh.engine import MeshEngine
from videoswap.jobs.context import unheeded
from videoswap.settings import BlendSettings

EXACT = SimpleNamespace(
    name="ghost", as_is="--ghost_exact does as GHOST does", batch_size=4, keeps=frozenset()
)


@pytest.mark.parametrize(
    ("settings", "engine", "told"),
    [
        ({}, MeshEngine(), []),
        ({"blend": BlendSettings(keep_eyes=True)}, MeshEngine(), []),
        (
            {"batch_size": 8},
            MeshEngine(),
            ["without --batch_size 8, because the engine mesh takes one face after the other"],
        ),
        (
            {"blend": BlendSettings(keep_eyes=False)},
            MeshEngine(),
            ["the target's eyes instead of the photo's eyes, because the engine mesh paints none"],
        ),
        ({}, EXACT, []),
        (
            {"blend": BlendSettings(mask="outline", feather=0.1)},
            EXACT,
            ["without --mask and --feather, because --ghost_exact does as GHOST does"],
        ),
    ],
)
def test_wishes_that_an_engine_does_not_heed_are_told(settings, engine, told):
    assert [str(note) for note in unheeded(SwapSettings(**settings), engine)] == told
