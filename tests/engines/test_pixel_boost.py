"""Pixel boost: exact where the engine gives back what it gets, and no grid where it does not."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from tests.engines.test_engine_runs import FILES
from tests.engines.test_engines import crop, ghost
from tests.helpers.engine_weights import save
from videoswap import swap_image
from videoswap.crops import CropSpec
from videoswap.engines.base import Engine, Identity
from videoswap.engines.ghost.engine import GhostEngine
from videoswap.engines.ghost.options import GhostOptions
from videoswap.engines.mesh.engine import MeshEngine
from videoswap.engines.pixel_boost import (
    PixelBoostEngine,
    boosted,
    joined,
    taken_apart,
    without_grid,
)
from videoswap.errors import UsageError
from videoswap.geometry.affine import invert, transform
from videoswap.records import SwappedCrop
from videoswap.settings import DetailSettings

NOBODY = [Identity("nobody", None)]


class Painter(Engine):
    """An engine of 256 pixels that gives back what it gets, changed by ``change``."""

    def __init__(self, change=None):
        spec = CropSpec(np.zeros((5, 2)), (256,))
        super().__init__("painter", "painter", spec, batch_size=4)
        self.batches, self.change = [], change or (lambda number, pixels: pixels)

    def identity(self, photos):
        return NOBODY[0]

    def paint(self, crops, people):
        done = sum(self.batches)
        self.batches.append(len(crops))
        mask = np.zeros((256, 256), np.float32)
        mask[40:-40, 40:-40] = np.linspace(0, 1, 176)
        return [
            SwappedCrop(self.change(done + number, one.pixels).astype(np.float32), mask)
            for number, one in enumerate(crops)
        ]


def face(size, seed=0):
    """A picture with slopes and fine texture but little at the finest frequencies, as photos."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:size, :size] / size
    picture = 60 + 80 * np.stack([rows, columns, rows * columns], axis=2)
    picture += 20 * np.sin(2 * np.pi * 0.13 * np.arange(size))[:, None, None]
    return crop(size, np.asarray(picture + random.normal(0, 0.3, picture.shape), np.float32))


def grid_energy(picture, parts):
    """Root mean square of what lies within 0.02 of the multiples of 1 / parts, by FFT."""
    size = len(picture)
    window = np.hanning(size)[:, None] * np.hanning(size)
    power = np.abs(np.fft.fft2((picture.mean(axis=2) - picture.mean()) * window)) ** 2
    y, x = np.meshgrid(np.fft.fftfreq(size), np.fft.fftfreq(size), indexing="ij")
    distance = np.hypot(*(np.abs((axis * parts + 0.5) % 1 - 0.5) / parts for axis in (y, x)))
    grid = (distance < 0.02) & (np.hypot(y, x) > 0.5 / parts)
    return float(np.sqrt(power[grid].sum() / (window**2).sum()) / size)


@pytest.mark.parametrize("parts", [2, 3, 4])
def test_sub_images_are_every_kth_pixel_and_lie_where_they_were(parts):
    whole = face(256 * parts)
    pieces = taken_apart(whole, parts)
    for number, piece in enumerate(pieces):
        row, column = divmod(number, parts)
        np.testing.assert_array_equal(piece.pixels, whole.pixels[row::parts, column::parts])
        # The pixel (5, 9) of the piece shows the same point of the frame as that of the whole.
        mine = transform(invert(piece.matrix), np.array([[9.0, 5.0]]))
        theirs = transform(
            invert(whole.matrix), np.array([[9.0 * parts + column, 5.0 * parts + row]])
        )
        np.testing.assert_allclose(mine, theirs, atol=1e-9)
        want = (whole.landmarks - [column, row]) / parts
        np.testing.assert_allclose(piece.landmarks, want, atol=1e-4)
    np.testing.assert_array_equal(joined([piece.pixels for piece in pieces]), whole.pixels)


@pytest.mark.parametrize("parts", [1, 2, 3, 4])
def test_an_engine_that_changes_nothing_gives_back_the_crop(parts):
    painter = Painter()
    whole = face(256 * parts)
    made = PixelBoostEngine(painter, 4).swap([whole, whole], NOBODY)
    for one in made:
        np.testing.assert_allclose(one.pixels, whole.pixels, atol=1e-3)
        assert one.mask.shape == whole.pixels.shape[:2]
        assert one.mask.max() == pytest.approx(1.0, abs=0.01)
        # The mask is a smooth slope, without steps of a block.
        steps = np.diff(one.mask[128 * parts, 60 * parts : -60 * parts])
        np.testing.assert_allclose(steps, 1 / 175 / parts, rtol=1e-2)
    assert sum(painter.batches) == 2 * parts**2
    assert max(painter.batches) <= painter.batch_size


@pytest.mark.parametrize("parts", [2, 3, 4])
def test_sub_images_painted_in_other_tones_leave_no_grid(parts):
    tones = np.random.default_rng(1).normal(0, 6, (parts**2, 1, 1, 3)).astype(np.float32)
    whole = face(256 * parts)
    made = PixelBoostEngine(Painter(lambda number, pixels: pixels + tones[number]), parts).swap(
        [whole], NOBODY
    )[0]
    plain = joined([piece.pixels + tones[n] for n, piece in enumerate(taken_apart(whole, parts))])
    own = grid_energy(whole.pixels, parts)
    assert grid_energy(plain, parts) > 100 * own
    assert grid_energy(made.pixels, parts) < 1.5 * own
    middle = np.s_[32:-32, 32:-32]
    np.testing.assert_allclose(
        made.pixels[middle], (whole.pixels + tones.mean(axis=0))[middle], atol=1.5
    )


@pytest.mark.parametrize("parts", [2, 4])
def test_drifting_tones_leave_no_grid_and_slopes_no_stairs(parts):
    def drift(number, pixels):
        wave = np.sin(np.arange(256) / 40 + number)[:, None, None]
        return pixels * (1 + 0.02 * wave) + 4 * wave

    whole = face(256 * parts)
    made = PixelBoostEngine(Painter(drift), parts).swap([whole], NOBODY)[0]
    assert grid_energy(made.pixels, parts) < 2 * grid_energy(whole.pixels, parts)
    ramp = np.repeat(np.linspace(0, 200, 256 * parts, dtype=np.float32)[:, None], 256 * parts, 1)
    ramp = np.repeat(ramp[..., None], 3, axis=2)
    level = np.full_like(ramp, 100.0)
    middle = np.s_[32:-32, 32:-32]
    np.testing.assert_allclose(without_grid(ramp, level, parts)[middle], ramp[middle], atol=1e-3)


def test_a_larger_crop_than_allowed_is_made_smaller_and_larger_again():
    painter = Painter()
    wave = 100 + 50 * np.sin(np.arange(1024) / 20)
    whole = crop(1024, np.asarray(wave[:, None, None] + np.zeros((1, 1024, 3)), np.float32))
    made = PixelBoostEngine(painter, 2).swap([whole], NOBODY)[0]
    assert sum(painter.batches) == 4
    middle = np.s_[16:-16, 16:-16]
    np.testing.assert_allclose(made.pixels[middle], whole.pixels[middle], atol=0.5)


@pytest.mark.parametrize(
    ("boost", "covered", "size", "parts"),
    [
        (None, 100, 256, 1),
        (None, 320, 256, 1),
        (None, 330, 512, 2),
        (None, 700, 768, 3),
        (None, 2000, 1024, 4),
        (1, 320, 256, 1),
        (1, 700, 768, 1),
        (2, 100, 512, 2),
        (2, 700, 768, 2),
        (4, 100, 1024, 4),
    ],
)
def test_the_size_follows_the_face_and_what_is_asked_for(boost, covered, size, parts):
    swapper = boosted(Painter(), DetailSettings(pixel_boost=boost), "cuda")
    assert swapper.notes == ()
    assert swapper.spec.size_for(covered) == size
    assert swapper.spec.boost_for(size) == parts


def test_on_a_cpu_no_more_than_four_sub_images_unless_asked_for():
    swapper = boosted(Painter(), DetailSettings(), "cpu")
    assert swapper.spec.boost_for(swapper.spec.size_for(2000)) == 2
    asked = boosted(Painter(), DetailSettings(pixel_boost=3), "cpu")
    assert asked.spec.boost_for(asked.spec.size_for(2000)) == 3
    assert swapper.key != asked.key


def test_ghosts_own_crops_stay_and_large_ones_are_not_resized_for_the_network():
    swapper = boosted(ghost(), DetailSettings(), "cpu")
    assert swapper.spec.sizes == (224, 512, 768, 1024)
    assert swapper.spec.size_for(256) == 224


def test_exact_ghost_and_mesh_never_boost_and_say_so():
    for engine, word in ((ghost(exact=True), "ghost_exact"), (MeshEngine(), "any size")):
        assert boosted(engine, DetailSettings(), "cpu") is engine
        assert engine.notes == ()
        assert boosted(engine, DetailSettings(pixel_boost=4), "cpu") is engine
        (note,) = engine.notes
        assert word in note.reason


@pytest.mark.parametrize("bad", [{"pixel_boost": 5}, {"restorer": "x"}, {"restorer_blend": 1.5}])
def test_bad_settings_are_refused(bad):
    with pytest.raises(UsageError):
        DetailSettings(**bad)


@pytest.mark.usefixtures("small_networks")
def test_a_whole_picture_by_sub_images(weights, photos, settings, tmp_path, monkeypatch):
    for file, network in FILES["ghost"].items():
        save(weights / file, network)
    seen, real = [], GhostEngine.paint

    def spy(self, crops, people):
        seen.append([one.pixels.shape[0] for one in crops])
        return real(self, crops, people)

    monkeypatch.setattr(GhostEngine, "paint", spy)
    chosen = replace(
        settings,
        swapper="ghost",
        engine_options=GhostOptions(num_blocks=1),
        detail=DetailSettings(pixel_boost=2),
    )
    report = swap_image([photos["source"]], photos["left"], tmp_path / "out.png", settings=chosen)
    assert report.pixel_boost == 2
    assert report.crop_sizes == (512,)
    assert seen == [[256] * 4]
    assert (cv2.imread(str(photos["left"])) != cv2.imread(str(tmp_path / "out.png"))).any()
