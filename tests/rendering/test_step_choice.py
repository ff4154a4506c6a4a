"""What a render's steps work on: tensors where that is asked for, or pays, and can be."""

from types import SimpleNamespace

import pytest

from tests.engines.test_engines import Mirror, aei, blendface
from videoswap.compositing.finisher import Finisher
from videoswap.engines.mesh.engine import MeshEngine
from videoswap.engines.pixel_boost import PixelBoostEngine
from videoswap.rendering.render import Renderer
from videoswap.rendering.step_choice import renderer_kind, tensors_chosen
from videoswap.settings import BlendSettings

SDR, PQ = (SimpleNamespace(color=SimpleNamespace(transfer=one)) for one in ("sdr", "pq"))


def neural(device="cpu"):
    generator = Mirror()
    generator.device = SimpleNamespace(type=device)
    return aei(generator, None)


ROWS = [
    ("numpy", neural("cuda"), Finisher(), SDR, False, ""),
    ("auto", neural(), Finisher(), SDR, False, ""),
    ("auto", neural("cuda"), Finisher(), SDR, True, ""),
    ("auto", PixelBoostEngine(neural("cuda"), 2), Finisher(), SDR, True, ""),
    ("auto", neural("cuda"), Finisher(), PQ, False, "transfer pq"),
    ("auto", blendface(neural("cuda")._generator.generator, None), Finisher(), SDR, True, ""),
    ("auto", MeshEngine(), Finisher(), SDR, False, ""),
    ("tensors", neural(), Finisher(), SDR, True, ""),
    ("tensors", MeshEngine(), Finisher(), SDR, False, "the engine mesh paints numpy pictures"),
    ("tensors", neural(), Finisher(BlendSettings(feather=0.1)), SDR, False, "--feather"),
    ("tensors", neural(), Finisher(BlendSettings(keep_eyes=True)), SDR, False, "eyes"),
]


@pytest.mark.parametrize(("wanted", "engine", "finisher", "info", "tensors", "why"), ROWS)
def test_what_is_chosen(wanted, engine, finisher, info, tensors, why):
    chosen, notes = tensors_chosen(wanted, engine, finisher, info)
    assert chosen is tensors
    assert bool(notes) == bool(why)
    assert all(why in str(note) for note in notes)
    assert renderer_kind(chosen).on_tensors is tensors
    assert issubclass(renderer_kind(chosen), Renderer)
