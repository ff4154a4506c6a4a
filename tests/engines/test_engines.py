"""Each engine's framing, color order, ranges and identity rule, with networks that show them."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from tests.helpers.engine_weights import save
from tests.helpers.locations import ROOT
from videoswap.crops import CropSpec, PictureSurface, crop_face
from videoswap.engines.blendface.engine import BORDER, SOURCE, TARGET, BlendFaceEngine
from videoswap.engines.ghost.engine import GhostEngine, source_spec, target_spec
from videoswap.engines.ghost.masks import GhostMasks
from videoswap.engines.ghost.options import GhostOptions
from videoswap.engines.lite import engine as lite
from videoswap.engines.neural import AEIEngine, Framing
from videoswap.engines.registry import is_builtin, load_engine
from videoswap.engines.torch_runtime import Batches
from videoswap.errors import InputError, UsageError, VideoswapError
from videoswap.geometry.affine import (
    POSES,
    TEMPLATES,
    crop_matrix,
    five_points,
)
from videoswap.geometry.face_masks import fade_border
from videoswap.plugins import find_plugins
from videoswap.records import Crop, Face, Photo


class Mirror:
    """A generator that gives back what it gets (or a constant), and remembers it."""

    def __init__(self, value=None, channels=3):
        self.seen, self.value, self.channels = [], value, channels

    def identity(self, z):
        return z

    def release(self):
        pass

    def __call__(self, target, identities):
        self.seen.append((target.clone(), list(identities)))
        made = target if self.value is None else torch.full_like(target, self.value)
        if self.channels == 4:
            made = torch.cat([made, torch.ones_like(made[:, :1])], dim=1)
        return made


class Recogniser:
    """Gives the mean color of a picture, many times."""

    def __init__(self, numbers=512):
        self.seen, self.numbers = [], numbers

    def __call__(self, faces):
        self.seen.append(faces)
        return faces.mean(dim=(2, 3)).repeat(1, self.numbers)[:, : self.numbers]


def landmarks(size):
    """68 points whose five points lie where ArcFace wants them."""
    points = np.zeros((68, 2))
    five = TEMPLATES["arcface_112_v2"] * size
    rim = np.linspace(np.pi, 0, 17)
    points[:17] = size * np.stack([0.5 + 0.4 * np.cos(rim), 0.5 + 0.45 * np.sin(rim)], axis=1)
    points[17:27, 0], points[17:27, 1] = np.linspace(0.2, 0.8, 10) * size, 0.33 * size
    points[27:36] = five[2]
    points[36:42], points[42:48] = five[0], five[1]
    points[48:68] = five[3:].mean(axis=0)
    points[48], points[54] = five[3], five[4]
    return points.astype(np.float32)


def photo(color, size=300):
    """One color; the face in the middle has room around it."""
    points = landmarks(size / 2) + np.float32(size / 4)
    face = Face(
        np.array([0, 0, size, size], np.float32), five_points(points), 1.0, landmarks=points
    )
    return Photo("photo", np.full((size, size, 3), color, np.uint8), face)


def crop(size, pixels=None, source=0, track=0):
    if pixels is None:
        ramp = np.arange(size * size * 3, dtype=np.float32).reshape(size, size, 3)
        pixels = ramp % 241.5
    return Crop(pixels, np.eye(2, 3), landmarks(size), 0, track, source)


def ghost(generator=None, recogniser=None, **settings):
    chosen = GhostOptions(**settings)
    framing = Framing("ghost", "key", target_spec(chosen), source_spec(chosen), 4)
    return GhostEngine(
        framing, Batches(generator or Mirror()), recogniser or Recogniser(), exact=chosen.exact
    )


def aei(generator, encode):
    spec = CropSpec(TEMPLATES["arcface_112_v2"], (256,))
    framing = Framing("lite", "key", spec, CropSpec(spec.template, (112,)), 4)
    return AEIEngine(framing, Batches(generator), encode)


def blendface(generator, encoder):
    return BlendFaceEngine(
        Framing("blendface", "key", TARGET, SOURCE, 4), Batches(generator), encoder
    )


def everyone(swapper):
    return [swapper.identity([photo((200, 100, 50))]), swapper.identity([photo((10, 20, 250))])]


@pytest.mark.parametrize("make", ["ghost", "lite", "blendface"])
def test_pixels_come_back_and_the_network_sees_rgb_in_its_range(make):
    mirror = Mirror(channels=4 if make == "blendface" else 3)
    swapper = {
        "ghost": lambda: ghost(mirror, crop_size=256),
        "lite": lambda: aei(mirror, Recogniser(128)),
        "blendface": lambda: blendface(mirror, Recogniser()),
    }[make]()
    target = crop(256)
    made = swapper.swap([target], everyone(swapper))[0]
    np.testing.assert_allclose(made.pixels, target.pixels, atol=1e-3)
    seen = mirror.seen[0][0].numpy()[0].transpose(1, 2, 0)
    want = target.pixels / 255 if make == "blendface" else target.pixels / 127.5 - 1
    np.testing.assert_allclose(seen, want, atol=1e-5)
    for edge in (made.mask[0], made.mask[-1], made.mask[:, 0], made.mask[:, -1]):
        assert not edge.any()
    assert made.mask[128, 128] == pytest.approx(1.0)


def test_ghost_resizes_its_224_pixels_to_the_networks_256_and_back():
    mirror = Mirror()
    swapper = ghost(mirror)
    assert swapper.spec.sizes == (224,)
    smooth = np.zeros((224, 224, 3), np.float32)
    smooth[..., 0] = np.linspace(0, 223, 224)
    made = swapper.swap([crop(224, smooth)], everyone(swapper))[0]
    seen = mirror.seen[0][0]
    assert seen.shape == (1, 3, 256, 256)
    # Pixel centres: the middle of the crop stays the middle, edges stay edges.
    column = (seen[0, 0, 0, 100].item() + 1) * 127.5
    assert column == pytest.approx((100 + 0.5) * 224 / 256 - 0.5, abs=1e-2)
    assert made.pixels.shape == (224, 224, 3)
    np.testing.assert_allclose(made.pixels[:, 4:-4], smooth[:, 4:-4], atol=0.1)


def test_ghost_keeps_fractions_and_exact_ghost_cuts_them_off():
    value = 100.9 / 127.5 - 1
    ours, exact = ghost(Mirror(value)), ghost(Mirror(value), exact=True)
    people = everyone(ours)
    assert ours.swap([crop(224)], people)[0].pixels[9, 9, 0] == pytest.approx(100.9, abs=1e-3)
    assert exact.swap([crop(224)], people)[0].pixels[9, 9, 0] == 100.0


def test_exact_ghost_sees_whole_numbers():
    mirror = Mirror()
    swapper = ghost(mirror, exact=True)
    swapper.swap([crop(224, np.full((224, 224, 3), 100.7, np.float32))], everyone(swapper))
    np.testing.assert_allclose(mirror.seen[0][0].numpy(), 101 / 127.5 - 1, atol=1e-6)


@pytest.mark.parametrize("exact", [False, True])
def test_ghosts_identity_is_the_raw_mean_over_photos_in_rgb(exact):
    recogniser = Recogniser()
    swapper = ghost(recogniser=recogniser, exact=exact)
    data = swapper.identity([photo((255, 0, 0)), photo((0, 0, 0))]).data.z
    assert recogniser.seen[0].shape == (2, 3, 112, 112)
    np.testing.assert_allclose(data[0, :3].numpy(), [0.0, -1.0, -1.0], atol=1e-5)
    assert float(data.norm()) > 10  # not normalised


def test_blendface_sees_sources_in_zero_to_one_and_normalises():
    encoder = Recogniser()
    data = blendface(Mirror(), encoder).identity([photo((255, 0, 102))]).data.z
    assert encoder.seen[0].shape == (1, 3, 112, 112)
    np.testing.assert_allclose(encoder.seen[0][0, :, 50, 50].numpy(), [1.0, 0.0, 0.4], atol=1e-5)
    assert float(data.norm()) == pytest.approx(1.0, abs=1e-5)


def test_lites_identity_has_the_length_its_training_gave_it():
    encoder = Recogniser(128)
    swapper = aei(Mirror(), lambda faces: lite.identity_of(encoder, faces))
    data = swapper.identity([photo((255, 0, 102)), photo((0, 255, 102))]).data.z
    assert encoder.seen[0].shape == (2, 3, 112, 112)
    assert data.shape == (1, 128)
    assert float(data.norm()) == pytest.approx(128**0.5, abs=1e-4)


def test_blendfaces_mask_has_no_stray_values():
    class Weak(Mirror):
        """Says next to nothing outside of a square."""

        def __call__(self, target, identities):
            mask = torch.full_like(target[:, :1], 0.015)
            mask[..., 100:150, 100:150] = 0.99
            return torch.cat([target, mask], dim=1)

    swapper = blendface(Weak(), Recogniser())
    mask = swapper.swap([crop(256)], everyone(swapper))[0].mask
    assert mask[50, 50] == 0.0
    assert mask[120, 120] == 1.0


def test_blendfaces_mask_falls_to_nothing_at_the_border():
    class Sure(Mirror):
        """Says half everywhere."""

        def __call__(self, target, identities):
            return torch.cat([target, torch.full_like(target[:, :1], 0.5)], dim=1)

    swapper = blendface(Sure(), Recogniser())
    mask = swapper.swap([crop(256)], everyone(swapper))[0].mask
    wanted = fade_border(np.full((256, 256), 0.5, np.float32), BORDER * 256)
    np.testing.assert_allclose(mask, wanted, atol=1e-6)


def test_people_of_one_batch_get_their_own_identity_also_when_memory_runs_out():
    class Small(Mirror):
        """Has room for two crops; adds the identity's blue to the picture."""

        def __call__(self, target, identities):
            if len(target) > 2:
                raise torch.OutOfMemoryError("CUDA out of memory")
            super().__call__(target, identities)
            pairs = zip(target, identities, strict=True)
            return torch.stack([torch.full_like(x, z[0, 2]) for x, z in pairs])

    small = Small()
    swapper = ghost(small)
    people = everyone(swapper)
    crops = [crop(224, source=k % 2, track=k % 2) for k in range(7)]
    made = swapper.swap(crops, people)
    assert [len(seen) for _, seen in small.seen] == [2, 2, 2, 1]
    blues = [float(one.pixels[5, 5, 0]) for one in made]
    np.testing.assert_allclose(blues, [50, 250, 50, 250, 50, 250, 50], atol=0.01)
    swapper.swap(crops[:3], people)
    assert len(small.seen[-1][1]) == 1  # it has learnt


def test_no_room_for_one_face_is_told_and_other_errors_are_not_swallowed():
    class Broken(Mirror):
        def __call__(self, target, identities):
            raise RuntimeError(self.value)

    swapper = ghost(Broken("can't allocate memory"))
    with pytest.raises(VideoswapError, match="single face"):
        swapper.swap([crop(224)], everyone(swapper))
    with pytest.raises(RuntimeError, match="shapes differ"):
        ghost(Broken("shapes differ")).swap([crop(224)], everyone(swapper))


def turned(share):
    """A face between frontal (0) and left (1), as ``Face`` with landmarks of no meaning."""
    points = ((1 - share) * POSES[2] + share * POSES[1]) * 300
    return Face(
        np.array([0, 0, 300, 300], np.float32),
        points.astype(np.float32),
        1.0,
        landmarks=landmarks(300),
    )


def test_the_exact_framing_takes_the_detectors_points_and_jumps_between_poses():
    spec = target_spec(GhostOptions(exact=True))
    for share, pose in ((0.0, 2), (0.2, 2), (0.9, 1), (1.0, 1)):
        face = turned(share)
        found = spec.matrix(spec.points_of(face), 224)
        np.testing.assert_allclose(found, crop_matrix(face.points5, POSES[pose], 224), atol=1e-6)


def test_our_framing_glides_between_poses():
    spec = target_spec(GhostOptions())
    matrices = [spec.matrix(turned(share).points5, 224) for share in np.linspace(0, 1, 101)]
    centre = np.array([150.0, 150.0, 1.0])
    steps = np.linalg.norm(np.diff([m @ centre for m in matrices], axis=0), axis=1)
    assert steps.max() < 1.5
    exact = target_spec(GhostOptions(exact=True))
    jumps = [exact.matrix(turned(share).points5, 224) @ centre for share in np.linspace(0, 1, 101)]
    assert np.linalg.norm(np.diff(jumps, axis=0), axis=1).max() > 5.0


def test_outside_the_picture_the_exact_crop_is_black():
    points = landmarks(200) - np.array([60.0, 0.0])
    face = Face(
        np.array([0, 0, 140, 200], np.float32),
        five_points(points).astype(np.float32),
        1.0,
        landmarks=points.astype(np.float32),
    )
    surface = PictureSurface(np.full((200, 200, 3), 90, np.uint8))
    ours, exact = (
        crop_face(surface, face, target_spec(GhostOptions(exact=exact)), size=224)
        for exact in (False, True)
    )
    assert ours.pixels.min() == pytest.approx(90)
    assert exact.pixels[100, 0].max() == 0


class Points106:
    """Landmarks that a test moves."""

    def __init__(self):
        self.calls, self.wider = 0, 0.0
        rim = np.linspace(0, 2 * np.pi, 106, endpoint=False)
        self.points = np.stack([112 + 60 * np.cos(rim), 112 + 70 * np.sin(rim)], axis=1)

    def __call__(self, picture):
        assert picture.shape == (224, 224, 3)
        assert picture.dtype == np.uint8
        self.calls += 1
        moved = self.points.astype(np.float32)
        moved[[1, 2, 13], 0] += self.wider / 3 if self.calls % 2 else 0
        return moved


@pytest.mark.parametrize(("exact", "calls"), [(False, 5), (True, 4)])
def test_ghosts_mask_rule_is_chosen_once_per_track_or_person(exact, calls):
    points = Points106()
    masks = GhostMasks(points, exact)
    for track in (0, 0, 1):
        mask = masks(crop(224, track=track), np.zeros((224, 224, 3), np.float32))
        assert mask.shape == (224, 224)
        assert mask.dtype == np.float32
    assert points.calls == calls


def test_engines_in_order_of_preference_say_what_is_missing(weights):
    known = [plugin for plugin in find_plugins() if is_builtin(plugin)]
    names = [plugin.name for plugin in known if plugin.automatic]
    assert names == ["blendface", "ghost", "lite", "mesh"]
    missing = {plugin.name: plugin.missing(plugin.options()) or "" for plugin in known}
    assert str(weights / "blendswap.pth") in missing["blendface"]
    assert "videoswap models download ghost" in missing["ghost"]
    assert "backbone.pth" in missing["ghost"]
    assert "lite/encoder.safetensors" in missing["lite"]
    assert "reliableswap.pth" in missing["reliableswap"]
    assert missing["mesh"] == ""


def test_auto_falls_back_to_mesh_and_says_why(weights):
    swapper = load_engine("auto", device="cpu")
    assert swapper.name == "mesh"
    note, plain = swapper.notes
    assert str(note).startswith("the engine mesh instead of blendface or ghost, because ")
    assert "videoswap doctor" in note.reason
    assert str(plain).startswith("the swaps as drawn instead of corrected swaps, because ")


def test_what_was_asked_of_ghost_is_not_dropped_by_auto(weights):
    with pytest.raises(InputError, match=r"G_unet_3blocks\.pth") as caught:
        load_engine("auto", device="cpu", options=GhostOptions(num_blocks=3))
    assert caught.value.code == "engine_unusable" and "--swapper mesh" in caught.value.hint


@pytest.mark.usefixtures("small_networks")
def test_auto_goes_on_where_weights_are_broken_and_says_so(weights):
    for name in ("G_unet_2blocks.pth", "backbone.pth", "blendswap.pth"):
        (weights / name).write_bytes(b"<html>quota exceeded</html>")
    swapper = load_engine("auto", device="cpu")
    assert swapper.name == "mesh"
    told = [str(note) for note in swapper.notes]
    assert [text.split(",")[0] for text in told] == [
        "the engine mesh instead of blendface",
        "the engine mesh instead of ghost",
        "the swaps as drawn instead of corrected swaps",
    ]
    assert str(weights / "blendswap.pth") in told[0]
    assert not (weights / "known.json").exists()
    save(weights / "G_unet_2blocks.pth", "ghost_aei_unet_2")
    save(weights / "backbone.pth", "iresnet100")
    swapper = load_engine("auto", device="cpu")
    assert swapper.name == "ghost"
    assert str(swapper.notes[0]).startswith("the engine ghost instead of blendface, because ")


@pytest.mark.parametrize("asked", ["ghost", "auto"])
def test_a_broken_file_that_was_asked_for_is_an_error_with_a_way_out(weights, asked):
    mine = weights / "mine.pth"
    mine.write_bytes(b"<html>quota exceeded</html>")
    save(weights / "backbone.pth", "iresnet100")
    with pytest.raises(InputError) as caught:
        load_engine(asked, device="cpu", options=GhostOptions(g_path=mine))
    assert caught.value.code == "damaged_weights"
    assert "--swapper mesh" in caught.value.hint


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"num_blocks": 3}, "G_unet_3blocks.pth"),
        ({"use_sr": True}, "10_net_G.pth"),
        ({"backbone": "linknet"}, "--G_path"),
    ],
)
def test_what_ghost_misses_follows_its_settings(weights, settings, word):
    with pytest.raises(InputError, match=word) as caught:
        load_engine("ghost", device="cpu", options=GhostOptions(**settings))
    assert caught.value.code == "engine_unusable"


def test_a_missing_generator_is_named(weights):
    with pytest.raises(InputError, match="mine"):
        load_engine("ghost", device="cpu", options=GhostOptions(g_path=weights / "mine.pth"))


@pytest.mark.parametrize("bad", [{"backbone": "vgg"}, {"num_blocks": 4}, {"crop_size": 3}])
def test_bad_ghost_settings_are_refused(bad):
    with pytest.raises(UsageError):
        GhostOptions(**bad)


def test_mesh_does_not_import_torch():
    code = (
        "import sys, videoswap.api; from videoswap import load_engine; "
        "load_engine('mesh', device='cpu'); print('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
