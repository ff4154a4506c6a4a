"""The engine mesh with a network that corrects its swaps."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

pytest.importorskip("torch")

from tests.engines.test_chart import photo_and_crop
from videoswap import MeshOptions, load_engine
from videoswap.engines.mesh.correction import INPUT_SIZE, Corrector, evenly_colored
from videoswap.engines.mesh.engine import MeshEngine
from videoswap.errors import InputError, UsageError
from videoswap.geometry.face_mesh import EYES, NOSE_TIP
from videoswap.networks.correction import CORRECTION_SIZE, MAPS, CorrectionNetwork
from videoswap.training.lite.export import write_correction_onnx


@pytest.fixture(scope="module")
def corrector(tmp_path_factory):
    """A network that brightens wherever it looks."""
    network = CorrectionNetwork().eval()
    network.last.bias.data[3:6] = 0.5
    path = tmp_path_factory.mktemp("correction") / "correction.onnx"
    write_correction_onnx(network, path)
    return Corrector(path)


def test_network_and_engine_agree_on_sizes():
    assert INPUT_SIZE == CORRECTION_SIZE


def test_swaps_come_with_maps(corrector):
    photo, crop = photo_and_crop(dense=True)
    plain, corrected = MeshEngine(), MeshEngine(corrector=corrector)
    crops = [crop, replace(crop, pixels=0.5 * crop.pixels)]
    one = plain.swap(crops, plain.identity([photo]))
    other = corrected.swap(crops, corrected.identity([photo]))
    for before, after in zip(one, other, strict=True):
        np.testing.assert_array_equal(before.pixels, after.pixels)
        np.testing.assert_array_equal(before.mask, after.mask)
        assert before.correction is None
        assert after.correction.shape == (MAPS, 48, 48)
        told = after.correction[3:6]
        np.testing.assert_allclose(told.max(axis=(1, 2)), 0.4 * np.tanh(0.5), atol=1e-3)
        assert (told > 0.99 * told.max()).mean() > 0.9
    assert plain.key != corrected.key


def test_eyes_stay_nearly_as_they_are_drawn(corrector):
    photo, crop = photo_and_crop(dense=True)
    engine = MeshEngine(corrector=corrector)
    (swap,) = engine.swap([crop], engine.identity([photo]))
    level = swap.correction[3]
    mesh = (swap.reshaped or crop).dense_landmarks[:, :2] * (48 / len(crop.pixels))
    for eye in EYES:
        column, row = mesh[eye].mean(axis=0).astype(int)
        assert level[row, column] < 0.4 * level.max()
    column, row = mesh[NOSE_TIP].astype(int)
    assert level[row, column] > 0.99 * level.max()


def test_a_change_keeps_its_brightness_and_of_its_color_what_is_wide():
    change = np.zeros((3, 48, 48), np.float32)
    change[:, :, 24:] = 0.2  # half of the face is brighter
    change[0] += 0.1  # all of it is redder
    change[2] -= 0.1
    spot = np.s_[20:26, 10:16]
    change[0][spot] += 0.3  # and a nose is red
    change[1:, :, :6] += 0.9  # nobody sees what is outside
    mask = np.zeros((192, 192), np.float32)
    mask[:, 32:] = 1.0
    made = evenly_colored(change, mask)
    np.testing.assert_allclose(made.mean(axis=0), change.mean(axis=0), atol=1e-6)
    color = made - made.mean(axis=0)
    assert color[0, 40, 40] == pytest.approx(0.1, abs=0.01)
    assert color[0][spot].mean() - 0.1 < 0.25 * 0.2  # of the 0.2 that were color
    np.testing.assert_allclose(color[0, 40, 12:], 0.1, atol=0.05)


def test_where_no_dense_landmarks_are_known_nothing_is_spared(corrector):
    photo, crop = photo_and_crop(dense=True)
    engine = MeshEngine(corrector=corrector)
    (swap,) = engine.swap([crop], engine.identity([photo]))
    bare = replace(crop, dense_landmarks=None)
    (maps,) = corrector.maps(
        [bare], [replace(swap, reshaped=None)], [np.zeros(128, np.float32)], frozenset()
    )
    assert np.ptp(maps[3]) < 1e-3


def test_every_third_frame_of_a_video_is_told(corrector):
    photo, crop = photo_and_crop(dense=True)
    engine = MeshEngine(corrector=corrector)
    crops = [replace(crop, frame=frame) for frame in range(4)]
    crops.append(replace(crop, frame=6, dense_landmarks=None))  # it was trained with these
    swaps = engine.swap(crops, engine.identity([photo]))
    told = [swap.correction is not None for swap in swaps]
    assert told == [True, False, False, True, False]


def test_without_its_weights_it_says_so(weights):
    with pytest.raises(InputError, match=r"correction\.onnx is not there") as caught:
        load_engine("mesh", options=MeshOptions(correct="on"))
    assert caught.value.code == "engine_unusable"
    (note,) = load_engine("mesh").notes
    assert (note.wanted, note.used) == ("corrected swaps", "the swaps as drawn")
    assert "correction.onnx is not there" in note.reason
    assert not load_engine("mesh", options=MeshOptions(correct="off")).notes


def test_another_word_is_refused():
    with pytest.raises(UsageError, match="--correct must be one of auto, on, off") as caught:
        MeshOptions(correct="perhaps")
    assert caught.value.code == "bad_correct"


def test_with_them_it_corrects_unless_told_not_to():
    keys = {
        correct: load_engine("mesh", options=MeshOptions(correct=correct)).key
        for correct in ("auto", "on", "off")
    }
    assert len(set(keys.values())) == 3
    assert not load_engine("mesh").notes
    photo, crop = photo_and_crop(dense=True)
    told = []
    for correct in keys:
        engine = load_engine("mesh", options=MeshOptions(correct=correct))
        told.append(engine.swap([crop], engine.identity([photo]))[0].correction is not None)
    assert told == [True, True, False]


def test_the_network_sees_target_swap_and_what_is_in_front(corrector, monkeypatch):
    photo, crop = photo_and_crop(dense=True)
    seen = {}

    class Session:
        def run(self, names, inputs):
            seen.update(inputs)
            return [np.zeros((1, MAPS, 48, 48), np.float32)]

    monkeypatch.setattr(corrector, "_session", Session())
    occluder = np.zeros(crop.pixels.shape[:2], np.float32)
    occluder[:, : len(occluder) // 2] = 1
    engine = MeshEngine(corrector=corrector)
    engine.swap([replace(crop, occluder_mask=occluder)], engine.identity([photo]))
    pictures = seen["pictures"][0]
    target, swap, mask = pictures[..., :3], pictures[..., 3:6], pictures[..., 6]
    assert not mask[:, :44].any() and mask[:, 52:].max() > 0.9
    wanted = cv2.resize(crop.pixels, (96, 96), interpolation=cv2.INTER_AREA)
    assert np.abs(target - wanted)[:8].max() < 0.01  # outside the face, which is reshaped
    assert np.abs(target - swap)[mask > 0.9].mean() > 0.3
    assert seen["descriptor"].shape == (1, 128) and np.linalg.norm(seen["descriptor"]) > 0.5
