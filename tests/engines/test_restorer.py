from dataclasses import replace

import cv2
import numpy as np
import pytest

from tests.engines.test_engines import crop
from tests.helpers.restorer_files import FILES, save_restorer
from videoswap import swap_image
from videoswap.crops import CropSpec
from videoswap.engines.base import Engine, Identity
from videoswap.engines.restorer import FIDELITY, KINDS, RestoredEngine, open_restorer, restored
from videoswap.errors import InputError
from videoswap.geometry.affine import TEMPLATES
from videoswap.records import SwappedCrop
from videoswap.settings import RESTORERS, DetailSettings
from videoswap.weights import load_manifest

CPU = ("CPUExecutionProvider",)


@pytest.fixture
def weights(tmp_path, monkeypatch):
    monkeypatch.setenv("VIDEOSWAP_WEIGHTS_DIR", str(tmp_path))
    return tmp_path


def faces(side, count=2):
    random = np.random.default_rng(3)
    return [random.uniform(40, 200, (side, side, 3)).astype(np.float32) for _ in range(count)]


def test_every_restorer_is_a_choice_and_in_the_manifest():
    assert ("none", *KINDS) == RESTORERS
    for name, file in FILES.items():
        model = load_manifest().model(name)
        assert model.file == file
        assert model.crc32
        assert all(url.endswith(f"/{file}") for url in model.urls)


@pytest.mark.parametrize("name", KINDS)
def test_rgb_from_minus_one_to_one_and_codeformers_weight(weights, name):
    side, weight = KINDS[name].side, name == "codeformer"
    save_restorer(weights / FILES[name], side, slope=-0.5, offset=0.1, weight=weight)
    restorer, path = open_restorer(name, CPU)
    assert path == weights / FILES[name]
    given = faces(side)
    made = restorer(given)
    for before, after in zip(given, made, strict=True):
        moved = -0.5 * (before / 127.5 - 1) + 0.1 + (FIDELITY if weight else 0.0)
        want = (np.clip(moved, -1, 1) + 1) * 127.5
        np.testing.assert_allclose(after, want, atol=1e-3)


def test_a_missing_file_says_how_to_get_it(weights):
    with pytest.raises(InputError) as caught:
        open_restorer("gpen512", CPU)
    assert caught.value.code == "missing_weights"
    assert "videoswap models download gpen512" in caught.value.hint
    assert "gpen_bfr_512.onnx" in caught.value.message


def test_another_restorers_file_is_refused(weights):
    save_restorer(weights / FILES["gpen256"], 512)
    with pytest.raises(InputError) as caught:
        open_restorer("gpen256", CPU)
    assert caught.value.code == "wrong_weights"
    (weights / FILES["gfpgan"]).write_bytes(b"no graph")
    with pytest.raises(InputError, match="cannot be used"):
        open_restorer("gfpgan", CPU)


INSIDE = np.s_[64:192, 64:192]


SOMEONE = Identity("someone", None)


class Smooth(Engine):
    """Gives a smooth picture with a full mask inside a soft border."""

    def __init__(self):
        spec = CropSpec(TEMPLATES["arcface_112_v2"], (256,))
        super().__init__("engine", "engine", spec, batch_size=4, keeps=frozenset({"eyes"}))

    def identity(self, photos):
        return SOMEONE

    def paint(self, crops, people):
        rows, columns = np.mgrid[:256, :256] / 256
        picture = 60 + 100 * np.stack([rows, columns, 0.5 * rows + 0.5 * columns], axis=2)
        mask = np.zeros((256, 256), np.float32)
        mask[20:-20, 20:-20] = 1.0
        mask = cv2.GaussianBlur(mask, (0, 0), 5)
        return [SwappedCrop(picture.astype(np.float32), mask) for _ in crops]


class Redraw:
    """A restorer that remembers what it saw and draws what a test wants."""

    notes = ()

    def __init__(self, draw, template="ffhq_512", side=512):
        self.seen, self.draw = [], draw
        self.template, self.side = TEMPLATES[template], side

    def __call__(self, faces):
        self.seen += list(faces)
        return [self.draw(face) for face in faces]


def pattern(side):
    """Fine stripes of 8 pixels, with no light or color of their own."""
    return np.tile(10 * np.sin(2 * np.pi * np.arange(side) / 8)[:, None, None], (1, side, 3))


def swap(draw, blend=1.0, **framing):
    redraw = Redraw(draw, **framing)
    engine = RestoredEngine(Smooth(), redraw, blend, "key")
    target = crop(256, np.full((256, 256, 3), 90, np.float32))
    before = Smooth().swap([target], SOMEONE)[0]
    return redraw, before, engine.swap([target, target], [Identity("someone", None)])


@pytest.mark.parametrize(("template", "side"), [("ffhq_512", 512), ("arcface_128", 256)])
def test_a_restorer_that_changes_nothing_changes_nothing(template, side):
    _, before, made = swap(lambda face: face, template=template, side=side)
    assert len(made) == 2
    for one in made:
        np.testing.assert_allclose(one.pixels, before.pixels, atol=1.0)
        np.testing.assert_array_equal(one.mask, before.mask)


def test_it_sees_the_swap_in_its_own_framing():
    redraw, before, _ = swap(lambda face: face)
    # The eyes lie in FFHQ's places; what is shown there is the swap's own color there.
    eye_there = (TEMPLATES["ffhq_512"][0] * 512).round().astype(int)
    eye_here = (TEMPLATES["arcface_112_v2"][0] * 256).round().astype(int)
    np.testing.assert_allclose(
        redraw.seen[0][eye_there[1], eye_there[0]],
        before.pixels[eye_here[1], eye_here[0]],
        atol=4.0,
    )
    # Where the mask is 0 it is the target.
    corner = redraw.seen[0][0, 0]
    np.testing.assert_allclose(corner, 90, atol=1.0)


@pytest.mark.parametrize("blend", [0.0, 0.5, 1.0])
def test_detail_comes_through_by_its_share(blend):
    _, before, made = swap(lambda face: face + pattern(512), blend)
    added = (made[0].pixels - before.pixels)[INSIDE]
    # 512 pixels of FFHQ become 256 of the tighter ArcFace framing: the stripes get a little wider
    # than 4 pixels and stay close to their height.
    assert np.abs(added).max() == pytest.approx(10 * blend, abs=1.5 * blend + 1e-6)
    assert np.abs(added).mean() == pytest.approx(6.3 * blend, abs=1.0 * blend + 1e-6)


def test_light_and_color_stay_the_swaps():
    _, before, made = swap(lambda face: 0.8 * face + np.array([30, 0, -20], np.float32))
    assert np.abs(made[0].pixels - before.pixels)[INSIDE].max() < 3.0


def test_what_it_adds_fades_out_where_its_frame_ends():
    _, before, made = swap(lambda face: face + pattern(256), template="arcface_112_v2", side=256)
    added = np.abs(made[0].pixels - before.pixels)
    assert added[:2].max() < 0.6
    assert added[100:150].max() > 8.0


def test_the_engine_behind_it_shows_and_the_key_tells_restorers_apart():
    one = RestoredEngine(Smooth(), Redraw(None), 0.5, "gfpgan 1")
    other = RestoredEngine(Smooth(), Redraw(None), 0.6, "gfpgan 1")
    assert one.name == "engine"
    assert one.keeps == {"eyes"}
    assert len({one.key, other.key, "engine"}) == 3
    assert restored(Smooth(), DetailSettings(), CPU).key == "engine"


def test_a_whole_picture_with_a_restorer(photos, settings, tmp_path, monkeypatch):
    monkeypatch.setenv("VIDEOSWAP_WEIGHTS_DIR", str(tmp_path))
    detail = DetailSettings(restorer="gfpgan", restorer_blend=1.0)
    chosen = replace(settings, swapper="mesh", detail=detail)
    out = tmp_path / "out.png"
    with pytest.raises(InputError, match=r"gfpgan_1\.4\.onnx"):
        swap_image([photos["source"]], photos["left"], out, settings=chosen)
    save_restorer(tmp_path / FILES["gfpgan"], 512, slope=1.1)
    report = swap_image([photos["source"]], photos["left"], out, settings=chosen)
    assert report.engine == "mesh"
    assert report.restorer == "gfpgan"
    plain = replace(settings, swapper="mesh", overwrite=True)
    before = cv2.imread(str(out))
    assert swap_image([photos["source"]], photos["left"], out, settings=plain).restorer is None
    change = np.abs(before.astype(int) - cv2.imread(str(out))).max(axis=2)
    assert 0.02 < (change > 0).mean() < 0.8
    assert change.max() < 40
