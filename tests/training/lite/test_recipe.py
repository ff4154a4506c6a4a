import json
from dataclasses import replace

import numpy as np
import onnxruntime
import pytest

pytest.importorskip("torch")

import torch
from safetensors.torch import save_file

from tests.helpers.triplet_strips import drawn_triplet, pack_triplets
from videoswap.errors import UsageError
from videoswap.networks.correction import CorrectionNetwork, corrected
from videoswap.networks.lite import LiteEncoder
from videoswap.training.augment import Augmentation
from videoswap.training.checkpoint import NAME
from videoswap.training.lite.export import write_correction_onnx
from videoswap.training.lite.identity import IdentityJudge
from videoswap.training.lite.prepare import strip, unstrip
from videoswap.training.lite.recipe import LiteRecipe, sample
from videoswap.training.lite.settings import LiteSettings
from videoswap.training.loop import train
from videoswap.training.loop_settings import LoopSettings
from videoswap.training.progress import HISTORY
from videoswap.training.report import write_report
from videoswap.training.sheets import grid

STILL = Augmentation(**dict.fromkeys(Augmentation.__slots__, 0.0))


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("encoder") / "encoder.safetensors"
    save_file(LiteEncoder().state_dict(), path)
    return path


@pytest.fixture(scope="module")
def settings(tmp_path_factory, encoder):
    loop = LoopSettings(
        steps=4, batch=4, precision="float32", log_every=2, checkpoint_every=2, evaluate_every=4,
        threads=1, ema_decay=0.9,
    )  # fmt: skip
    packed = pack_triplets(tmp_path_factory.mktemp("packed"))
    return LiteSettings(data=packed, encoder=encoder, warmup=1, adversarial=0.05, loop=loop)


def history(folder):
    return [json.loads(line) for line in (folder / HISTORY).read_text().splitlines()]


def test_it_overfits_eight_triplets_and_corrects_held_out_ones(settings, tmp_path):
    loop = replace(settings.loop, steps=18, batch=8, log_every=18, evaluate_every=18)
    plain = replace(settings, augmentation=STILL, adversarial=0.0, loop=loop)
    train(LiteRecipe(plain), tmp_path)
    found = next(line for line in history(tmp_path) if line["kind"] == "evaluate")
    assert found["error before"] > 30
    assert found["error"] < 0.5 * found["error before"]
    assert next((tmp_path / "sheets").glob("*.png"))


def test_a_killed_run_goes_on_with_the_numbers_of_an_unbroken_one(settings, tmp_path):
    train(LiteRecipe(settings), tmp_path / "unbroken")
    train(LiteRecipe(settings), tmp_path / "broken", minutes=0)
    train(LiteRecipe(settings), tmp_path / "broken")
    one, other = (
        torch.load(tmp_path / run / NAME, weights_only=True)["networks"]
        for run in ("unbroken", "broken")
    )
    assert set(one) == {"generator", "discriminator"}
    for name, state in one.items():
        for key, tensor in state.items():
            assert torch.equal(tensor, other[name][key]), (name, key)


def test_the_page_about_the_data_shows_strips(settings):
    page = write_report(settings.data)
    assert "12 packed pictures" in page.read_text() and page.stat().st_size > 20_000
    strips = [strip(drawn_triplet(person)) for person in range(3)]
    sheet = grid([strips[:2], strips[2:]])
    np.testing.assert_array_equal(sheet[:128, 642:], strips[1])
    np.testing.assert_array_equal(sheet[130:, :640], strips[2])


def test_an_untrained_network_changes_nothing():
    network = CorrectionNetwork().eval()
    swap, mask = torch.rand(2, 3, 96, 96) * 2 - 1, torch.rand(2, 1, 96, 96)
    with torch.no_grad():
        maps = network(swap, swap, mask, torch.randn(2, 128))
        made = corrected(swap, maps)
    torch.testing.assert_close(made, swap, atol=1e-5, rtol=0)


def test_maps_do_what_they_say():
    swap = torch.zeros(1, 3, 96, 96)
    swap[..., 40:56] = 0.5
    maps = torch.zeros(1, 8, 48, 48)
    maps[:, :3], maps[:, 3:6], maps[:, 6] = 0.5, 0.1, 0.125
    made = corrected(swap, maps)
    # What lies an eighth of the side to the right: levels 0.5 and 0.75, halved, plus 0.1.
    assert made[0, 0, 50, 36].item() == pytest.approx(2 * (0.75 / 2 + 0.1) - 1)
    assert made[0, 0, 50, 50].item() == pytest.approx(2 * (0.5 / 2 + 0.1) - 1)


def test_the_onnx_file_computes_what_the_network_does(tmp_path):
    torch.manual_seed(0)
    network = CorrectionNetwork().train()
    network.last.weight.data.normal_(std=0.05)
    network.descriptor_mean.normal_(std=0.1)
    with torch.no_grad():
        for _ in range(20):  # so that its norms know their maps
            seen = torch.rand(4, 7, 96, 96) * 2 - 1
            network(seen[:, :3], seen[:, 3:6], seen[:, 6:], torch.randn(4, 128))
    network.eval()
    write_correction_onnx(network, tmp_path / "correction.onnx")
    assert (tmp_path / "correction.onnx").stat().st_size < 3_000_000
    random = np.random.default_rng(0)
    pictures = random.uniform(0, 255, (2, 96, 96, 7)).astype(np.float32)
    pictures[..., 6] /= 255
    descriptor = random.normal(size=(2, 128)).astype(np.float32)
    session = onnxruntime.InferenceSession(tmp_path / "correction.onnx")
    (found,) = session.run(["maps"], {"pictures": pictures, "descriptor": descriptor})
    seen = torch.from_numpy(pictures).permute(0, 3, 1, 2)
    with torch.no_grad():
        wanted = network(
            seen[:, :3] / 127.5 - 1,
            seen[:, 3:6] / 127.5 - 1,
            seen[:, 6:],
            torch.from_numpy(descriptor),
        )
    assert wanted.std(dim=(0, 2, 3)).min() > 1e-3
    np.testing.assert_allclose(found, wanted.numpy(), atol=4e-3)


def test_all_pictures_of_a_sample_are_framed_and_lit_alike():
    triplet = replace(drawn_triplet(3), swap=drawn_triplet(3).answer)
    settings = replace(STILL, roll=0.2, zoom=0.2, shift=0.1, mirror=0.5, tone=1.0, slope=1.0)
    for seed in range(4):
        made = sample(strip(triplet), settings, np.random.default_rng(seed))
        np.testing.assert_array_equal(made["swap"], made["answer"])
        outside = made["mask"] == 0
        np.testing.assert_array_equal(made["target"][outside], made["answer"][outside])
        assert (made["target"] != made["answer"]).any()


def test_only_what_the_network_sees_of_the_target_gets_worse():
    settings = replace(STILL, grain=1.0)
    made = sample(strip(drawn_triplet(3)), settings, np.random.default_rng(0))
    plain = sample(strip(drawn_triplet(3)), STILL, np.random.default_rng(0))
    assert np.abs(made["seen"] - plain["seen"]).mean() > 0.005
    for name in ("target", "swap", "answer", "mask"):
        np.testing.assert_array_equal(made[name], plain[name])


def test_what_is_in_front_is_seen_in_target_and_answer_and_not_swapped():
    settings, covered = replace(STILL, occluder=1.0), 0
    for seed in range(6):
        made = sample(strip(drawn_triplet(3)), settings, np.random.default_rng(seed))
        plain = sample(strip(drawn_triplet(3)), STILL, np.random.default_rng(seed))
        front = (plain["mask"] > 0) & (made["mask"] == 0)
        np.testing.assert_array_equal(made["target"][front], made["answer"][front])
        np.testing.assert_array_equal(made["swap"], plain["swap"])
        covered += front.sum()
    assert covered > 100


def test_strips_come_apart_as_they_were():
    triplet = drawn_triplet(1)
    parts = unstrip(strip(triplet))
    for name in ("target", "swap", "answer", "source", "mask"):
        np.testing.assert_array_equal(parts[name], getattr(triplet, name))


def test_the_judge_sees_the_face_in_its_own_framing(encoder):
    judge = IdentityJudge(encoder)
    picture = torch.rand(2, 3, 96, 96) * 2 - 1
    terms = judge.terms(picture, picture, picture)
    assert [round(float(one), 5) for one in terms.values()] == [0, 0, 0]
    other = picture.flip(0)
    terms = judge.terms(other.requires_grad_(), picture, other.detach())
    assert terms["identity"] > 1e-4 and terms["away"] > 1e-4 and terms["features"] > 0.1
    terms["identity"].backward()
    # The encoder looks at the middle of the crop, as dlib's framing is, and at all of that.
    seen = other.grad.abs().amax(dim=(0, 1, 2)) > 0
    assert seen[10:-10].all() and 76 <= seen.sum() < 96


@pytest.mark.parametrize("wrong", [{"pixels": -1.0}, {"rate": 0.0}, {"decay": 2.0}])
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(UsageError, match=r"must"):
        LiteSettings(**wrong)
