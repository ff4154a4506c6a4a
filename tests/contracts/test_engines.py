"""What every engine holds to: shapes, ranges, determinism, batches, identities, keys, errors."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

import videoswap.networks
from tests.engines.test_engine_runs import FILES
from tests.engines.test_onnx_engines import export_blendswap, export_ghost
from tests.helpers.engine_weights import save, small_build
from tests.helpers.restorer_files import FILES as RESTORER_FILES
from tests.helpers.restorer_files import save_restorer
from tests.plugins.install import TINT, install
from videoswap import (
    Crop,
    DetailSettings,
    Engine,
    Fallback,
    GhostOptions,
    Identity,
    Photo,
    load_engine,
    plugins,
)
from videoswap.compositing.kept_regions import EYES, MOUTH
from videoswap.crops import crop_face
from videoswap.detection.face_detector import FaceDetector
from videoswap.engines.pixel_boost import boosted
from videoswap.engines.restorer import restored
from videoswap.errors import UsageError

CPU = ("CPUExecutionProvider",)
#: Largest crop that is tried; larger ones take the same way and more time.
LARGEST_SIZE = 512


def load_filled(name: str, folder: Path) -> Engine:
    for file, network in FILES[name].items():
        save(folder / file, network)
    options = GhostOptions(num_blocks=1) if name == "ghost" else None
    return load_engine(name, device="cpu", options=options)


def load_exact_ghost(folder: Path) -> Engine:
    for file, network in FILES["ghost"].items():
        save(folder / file, network)
    return load_engine("ghost", device="cpu", options=GhostOptions(num_blocks=1, exact=True))


def load_ghost_onnx(folder: Path) -> Engine:
    export_ghost(folder, True)
    return load_engine("ghost", device="cpu")


def load_blendface_onnx(folder: Path) -> Engine:
    export_blendswap(folder, True)
    return load_engine("blendface", device="cpu")


def load_pixel_boost(folder: Path) -> Engine:
    return boosted(load_filled("lite", folder), DetailSettings(), "cpu")


def load_restored(folder: Path) -> Engine:
    save_restorer(folder / RESTORER_FILES["gpen256"], 256, slope=0.9)
    mesh = load_engine("mesh", device="cpu")
    return restored(mesh, DetailSettings(restorer="gpen256"), CPU)


LOADERS: dict[str, Callable[[Path], Engine]] = {
    "mesh": lambda folder: load_engine("mesh", device="cpu"),
    "ghost": lambda folder: load_filled("ghost", folder),
    "ghost, exact": load_exact_ghost,
    "ghost, ONNX": load_ghost_onnx,
    "blendface": lambda folder: load_filled("blendface", folder),
    "blendface, ONNX": load_blendface_onnx,
    "lite": lambda folder: load_filled("lite", folder),
    "reliableswap": lambda folder: load_filled("reliableswap", folder),
    "tint, a plug-in": lambda folder: load_engine("tint", device="cpu"),
    "pixel boost": load_pixel_boost,
    "restorer": load_restored,
}


@pytest.fixture(scope="module", params=LOADERS)
def loaded(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Callable[[Path], Engine], Path, Engine]]:
    """How an engine is loaded, its folder of weights, and the engine."""
    folder, site = tmp_path_factory.mktemp("weights"), tmp_path_factory.mktemp("site")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VIDEOSWAP_WEIGHTS_DIR", str(folder))
        patch.setattr(videoswap.networks, "build", small_build)
        install(TINT, site)
        patch.syspath_prepend(site)
        load = LOADERS[request.param]
        yield load, folder, load(folder)
    torch.set_num_threads(threads)
    for name in [name for name in sys.modules if name.startswith("videoswap_tint")]:
        del sys.modules[name]


@pytest.fixture
def engine(loaded: tuple[Callable[[Path], Engine], Path, Engine]) -> Engine:
    return loaded[2]


@pytest.fixture(scope="module")
def faces(photos: dict[str, Path]) -> dict[str, Photo]:
    """Three real faces with their landmarks."""
    detector = FaceDetector()
    found = {}
    for name in ("source", "left", "right"):
        pixels = cv2.cvtColor(cv2.imread(str(photos[name])), cv2.COLOR_BGR2RGB)
        found[name] = Photo(name, pixels, detector.detect(pixels)[0])
    return found


@pytest.fixture
def identities(engine: Engine, faces: dict[str, Photo]) -> list[Identity]:
    return [engine.identity([faces[name]]) for name in ("source", "left")]


def crop_of(engine: Engine, photo: Photo, size: int, source: int = 0) -> Crop:
    crop = crop_face(photo.pixels, photo.face, engine.spec, size=size, source=source)
    assert crop is not None
    return crop


def first_size(engine: Engine) -> int:
    return min(engine.spec.sizes, key=lambda size: abs(size - 256))


def test_it_says_what_it_is(engine: Engine) -> None:
    assert engine.name in {plugin.name for plugin in plugins.find_plugins()}
    assert engine.key and "\n" not in engine.key
    assert engine.spec.sizes and list(engine.spec.sizes) == sorted(set(engine.spec.sizes))
    assert engine.batch_size >= 1
    assert engine.keeps <= {EYES, MOUTH}
    assert isinstance(engine.as_is, str) and isinstance(engine.depends_on_past, bool)
    assert all(isinstance(note, Fallback) for note in engine.notes)


def test_shapes_and_ranges(
    engine: Engine, faces: dict[str, Photo], identities: list[Identity]
) -> None:
    for size in {engine.spec.sizes[0], first_size(engine), engine.spec.sizes[-1]}:
        if size > LARGEST_SIZE:
            continue
        (made,) = engine.swap([crop_of(engine, faces["right"], size)], identities)
        assert made.pixels.shape == (size, size, 3) and made.mask.shape == (size, size)
        assert made.pixels.dtype == made.mask.dtype == np.float32
        assert np.isfinite(made.pixels).all() and np.isfinite(made.mask).all()
        assert made.pixels.min() >= 0.0 and made.pixels.max() <= 255.0
        assert made.mask.min() >= 0.0 and made.mask.max() <= 1.0
        assert made.mask.max() > 0.5, "nothing of the swap is seen"
        if not engine.as_is:
            edges = (made.mask[0], made.mask[-1], made.mask[:, 0], made.mask[:, -1])
            assert max(edge.max() for edge in edges) == 0.0


def test_the_same_again(
    engine: Engine, faces: dict[str, Photo], identities: list[Identity]
) -> None:
    crop = crop_of(engine, faces["right"], first_size(engine))
    before = crop.pixels.copy(), crop.landmarks.copy()
    first, second = (engine.swap([crop], identities)[0] for _ in range(2))
    assert np.array_equal(first.pixels, second.pixels)
    assert np.array_equal(first.mask, second.mask)
    assert np.array_equal(crop.pixels, before[0]) and np.array_equal(crop.landmarks, before[1])


def test_a_batch_is_what_single_crops_are_each_with_its_own_person(
    engine: Engine, faces: dict[str, Photo], identities: list[Identity]
) -> None:
    size = first_size(engine)
    names = ("right", "source", "left", "right", "source")
    crops = [crop_of(engine, faces[name], size, k % 2) for k, name in enumerate(names)]
    together = engine.swap(crops, identities)
    assert len(together) == len(crops)
    for crop, made in zip(crops, together, strict=True):
        (alone,) = engine.swap([crop], identities[crop.source])
        assert np.abs(alone.pixels - made.pixels).max() < 0.05
        assert np.abs(alone.mask - made.mask).max() < 1e-3


def test_another_person_is_another_picture(
    engine: Engine, faces: dict[str, Photo], identities: list[Identity]
) -> None:
    crop = crop_of(engine, faces["right"], first_size(engine))
    one, other = (engine.swap([crop], identity)[0].pixels for identity in identities)
    assert np.abs(one - other).mean() > 0.01


def test_nothing_makes_nothing(engine: Engine, identities: list[Identity]) -> None:
    assert engine.swap([], identities) == []


@pytest.mark.parametrize("wrong", ["sizes differ", "size unknown", "no such person"])
def test_wrong_input_is_refused(
    engine: Engine, faces: dict[str, Photo], identities: list[Identity], wrong: str
) -> None:
    size = first_size(engine)
    good = crop_of(engine, faces["right"], size)
    crops = {
        "sizes differ": [good, crop_of(engine, faces["right"], size // 2)],
        "size unknown": [crop_of(engine, faces["right"], 100)],
        "no such person": [good, crop_of(engine, faces["right"], size, source=2)],
    }[wrong]
    with pytest.raises(UsageError) as caught:
        engine.swap(crops, identities)
    assert caught.value.code == ("wrong_identity" if wrong == "no such person" else "wrong_crops")


def test_its_key_stays_the_same(
    loaded: tuple[Callable[[Path], Engine], Path, Engine],
) -> None:
    load, folder, engine = loaded
    assert load(folder).key == engine.key
