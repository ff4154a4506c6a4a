"""Conversions and pixel boost on tensors do what numpy and OpenCV do."""

import numpy as np
import pytest
import torch

from tests.engines.test_engines import Mirror, aei, blendface, crop, everyone
from videoswap import tensors
from videoswap.crops import GENERATOR_SIZE
from videoswap.engines import pixel_boost
from videoswap.engines.pixel_boost import PixelBoostEngine
from videoswap.on_tensors import conversions

CPU = torch.device("cpu")


def pictures(count=2, size=64, kind=np.float32):
    random = np.random.default_rng(5)
    return [(random.random((size, size, 3)) * 255).astype(kind) for _ in range(count)]


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
@pytest.mark.parametrize("span", [(0, 1), (-1, 1)])
def test_ranges_are_those_of_numpy_to_the_bit(kind, span):
    given = pictures(kind=kind)
    there = conversions.to_range(conversions.uploaded(given, CPU), *span)
    assert np.array_equal(there.numpy(), tensors.to_planar(given, *span))
    made = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    back = conversions.downloaded(conversions.from_range(made, *span))
    want = np.stack(tensors.from_planar(made.numpy(), *span))
    assert back.shape == (2, 64, 64, 3)
    assert np.abs(back - want).max() < 1e-4


#: x, y, width and height of the part of each square that is not 0.
PARTS = {
    "near each other": [(5, 7, 20, 30), (9, 3, 25, 31)],
    "one is empty": [(5, 7, 20, 30), (0, 0, 0, 0)],
    "all are empty": [(0, 0, 0, 0), (0, 0, 0, 0)],
    "up to the border": [(0, 0, 64, 10), (60, 50, 4, 14)],
}


@pytest.mark.parametrize("name", PARTS)
def test_parts_of_squares_go_up(name):
    wanted = np.zeros((2, 64, 64), np.float32)
    parts = []
    for square, (x, y, width, height) in zip(wanted, PARTS[name], strict=True):
        parts.append(np.random.default_rng(1).random((height, width)).astype(np.float32))
        square[y : y + height, x : x + width] = parts[-1]
    made = conversions.uploaded_parts(parts, PARTS[name], 64, CPU)
    assert np.array_equal(made.numpy(), wanted)


@pytest.mark.parametrize("parts", [2, 3, 4])
def test_sub_images_are_those_of_numpy(parts):
    given = pictures(size=parts * 16)
    apart = conversions.taken_apart(conversions.uploaded(given, CPU), parts)
    want = np.concatenate([pixel_boost._interleaved(one, parts) for one in given])
    assert np.array_equal(apart.permute(0, 2, 3, 1).numpy(), want)
    whole = conversions.downloaded(conversions.joined(apart, parts))
    assert np.array_equal(whole, np.stack(given))


@pytest.mark.parametrize("parts", [2, 3, 4])
def test_the_grid_is_taken_out_as_numpy_does(parts):
    given, targets = pictures(size=parts * 32), pictures(4, parts * 32)[2:]
    want = [pixel_boost.without_grid(*pair, parts) for pair in zip(given, targets, strict=True)]
    up = [conversions.uploaded(some, CPU) for some in (given, targets)]
    made = conversions.downloaded(conversions.without_grid(*up, parts))
    assert np.abs(made - np.stack(want)).max() < 0.02


@pytest.mark.parametrize(("side", "most"), [(512, 2), (512, 4), (768, 2), (1024, 2)])
def test_pixel_boost_on_tensors_is_pixel_boost(side, most):
    class Tinted(Mirror):
        def __call__(self, target, identities):
            made = super().__call__(target, identities) * 0.8
            return (made + 0.1 * target.roll(3, dims=3)).clamp(-1, 1)

    inner = aei(Tinted(), lambda faces: faces.mean(dim=(2, 3)).repeat(1, 43)[:, :128])
    engine = PixelBoostEngine(inner, most)
    y, x = np.mgrid[0:side, 0:side].astype(np.float32)
    waves = [127 + 90 * np.sin(x / 31), 127 + 80 * np.cos(y / 23), (x + y) % 200]
    soft = np.stack(waves, axis=2).astype(np.float32)
    targets = [crop(side, soft), crop(side, soft[::-1].copy())]
    people = [one.data for one in everyone(engine)]
    want = engine.paint(targets, people)
    made = engine.paint_on_device(targets, people)
    for one, other in zip(made, want, strict=True):
        assert one.pixels.shape == (side, side, 3)
        difference = np.abs(one.pixels - other.pixels)
        assert difference.mean() < 0.05
        assert difference.max() < 2.0
        # One outline in place of the mean of several: up to one pixel of the generator's slope.
        apart = np.abs(one.mask - other.mask)
        assert apart.max() < 1.5 / (0.07 * GENERATOR_SIZE)
        assert apart.mean() < 0.005


@pytest.mark.parametrize(("side", "most"), [(512, 2), (768, 2), (256, 2)])
def test_masks_of_an_engines_own_go_through_pixel_boost(side, most):
    class Masked(Mirror):
        """Says of a picture where it is bright, with little doubt."""

        def __call__(self, target, identities):
            mask = (2.0 * target.mean(dim=1, keepdim=True) - 0.3).clamp(0.01, 0.99)
            return torch.cat([0.8 * super().__call__(target, identities), mask], dim=1)

    def encoder(faces):
        return faces.mean(dim=(2, 3)).repeat(1, 43)[:, :128]

    engine = PixelBoostEngine(blendface(Masked(), encoder), most)
    y, x = np.mgrid[0:side, 0:side].astype(np.float32)
    soft = np.stack([127 + 90 * np.sin(x / 31), 127 + 80 * np.cos(y / 23), x % 200], axis=2)
    targets = [crop(side, one.astype(np.float32).copy()) for one in (soft, soft[::-1])]
    people = [one.data for one in everyone(engine)]
    assert engine.paints_tensors
    assert engine.paints_masks
    want = engine.paint(targets, people)
    made = engine.paint_on_device(targets, people)
    for one, other in zip(made, want, strict=True):
        assert one.mask.shape == (side, side)
        assert np.abs(one.mask - other.mask).max() < 1e-4
        assert 0.2 < one.mask.mean() < 0.8
        assert np.abs(one.pixels - other.pixels).mean() < 0.05
