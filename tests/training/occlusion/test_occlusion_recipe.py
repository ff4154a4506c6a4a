"""The trainings of the occlusion networks: files, samples, recipes."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.helpers.locations import ROOT
from videoswap.cli.entry import main
from videoswap.errors import InputError, UsageError
from videoswap.networks.occlusion import (
    OCCLUSION_SIZE,
    ExportedLandmarks,
    ExportedOcclusion,
    OccludedLandmarks,
    OcclusionNetwork,
    highest,
)
from videoswap.training.loop import train
from videoswap.training.loop_settings import LoopSettings
from videoswap.training.occlusion.export import write_weights
from videoswap.training.occlusion.landmarks import (
    LandmarksRecipe,
    make_landmark_sample,
    write_landmarks_graph,
)
from videoswap.training.occlusion.recipe import (
    OcclusionRecipe,
    occlusion_losses,
    write_occlusion_graph,
)
from videoswap.training.occlusion.samples import make_sample
from videoswap.training.occlusion.settings import LandmarksSettings, OcclusionSettings

WEIGHTS = ROOT / "weights" / "occlusion"


def answer(graph, given):
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_inputs()]
    return session.run(None, dict(zip(names, given, strict=True)))


@pytest.mark.parametrize("reach", [1, 2, 6])
def test_the_highest_value_around_a_pixel_is_a_dilation(reach):
    picture = np.random.default_rng(1).random((16, 20)).astype(np.float32)
    found = highest(torch.from_numpy(picture)[None, None], reach)[0, 0].numpy()
    np.testing.assert_array_equal(found, cv2.dilate(picture, np.ones((2 * reach + 1,) * 2)))


@dataclass(frozen=True)
class Case:
    """A network, the class that is exported, how it is saved, its graph, its weights, inputs."""

    made: Callable
    exported: type
    save: Callable
    graph: Path
    weights: Path
    inputs: tuple[tuple[int, ...], ...]
    atol: float


CASES = {
    "in front": Case(
        OcclusionNetwork,
        ExportedOcclusion,
        write_occlusion_graph,
        ROOT / "videoswap" / "occlusion" / "own.onnx",
        WEIGHTS / "coarse.safetensors",
        ((1, 128, 128, 3), (1, 128, 128, 3)),
        2e-3,
    ),
    "in front, deep": Case(
        partial(OcclusionNetwork, deep=True),
        ExportedOcclusion,
        write_occlusion_graph,
        ROOT / "videoswap" / "occlusion" / "own_deep.onnx",
        WEIGHTS / "deep.safetensors",
        ((1, 128, 128, 3), (1, 128, 128, 3)),
        2e-3,
    ),
    "landmarks": Case(
        OccludedLandmarks,
        ExportedLandmarks,
        write_landmarks_graph,
        ROOT / "videoswap" / "detection" / "hidden_landmarks.onnx",
        WEIGHTS / "landmarks.safetensors",
        ((1, 128, 128, 3), (1, 128, 128), (1, 68, 2)),
        0.05,  # pixels
    ),
}


def drawn(case):
    """Return random inputs: pictures and points to 255, maps to 1."""
    random = np.random.default_rng(2)
    ends = [1 if len(shape) == 3 and shape[2] == 128 else 255 for shape in case.inputs]
    return [
        random.uniform(0, end, shape).astype(np.float32)
        for shape, end in zip(case.inputs, ends, strict=True)
    ]


def compare(case, trained, graph):
    """Check that a graph answers as a network does."""
    given = drawn(case)
    with torch.no_grad():
        wanted = case.exported(trained)(*map(torch.from_numpy, given))
    wanted = wanted if isinstance(wanted, tuple) else (wanted,)
    for one, other in zip(answer(graph, given), wanted, strict=True):
        np.testing.assert_allclose(one, other.numpy(), atol=case.atol)


@pytest.mark.parametrize("name", CASES)
def test_weights_and_graph_come_out_as_they_were_trained(name, tmp_path):
    case = CASES[name]
    torch.manual_seed(0)
    trained = case.made().to(memory_format=torch.channels_last).eval()
    write_weights(trained, tmp_path / "made.safetensors")
    again = case.made().eval()
    again.load_state_dict(load_file(tmp_path / "made.safetensors"))
    for one, other in zip(trained.parameters(), again.parameters(), strict=True):
        np.testing.assert_allclose(other.detach(), one.detach(), rtol=1e-3, atol=1e-6)
    case.save(again, tmp_path / "made.onnx")
    compare(case, again, tmp_path / "made.onnx")


def test_a_deep_network_starts_as_the_small_one():
    """What a trained network is given more changes nothing at first."""
    torch.manual_seed(0)
    small, deep = OcclusionNetwork().eval(), OcclusionNetwork(deep=True).eval()
    odd = deep.load_state_dict(small.state_dict(), strict=False)
    assert not odd.unexpected_keys
    assert {name[:2] for name in odd.missing_keys} == {"m2", "m3", "m4", "n2", "n3"}
    given = torch.rand(1, 6, OCCLUSION_SIZE, OCCLUSION_SIZE) * 2 - 1
    with torch.no_grad():
        torch.testing.assert_close(deep(given), small(given))


@pytest.mark.parametrize("name", CASES)
def test_the_packaged_graph_has_the_weights_to_go_on_from(name):
    case = CASES[name]
    trained = case.made().eval()
    trained.load_state_dict(load_file(case.weights))
    compare(case, trained, case.graph)


def test_the_landmarks_of_samples_are_where_dlib_finds_them(pool, landmarker):
    rng = np.random.default_rng(4)
    errors = []
    for _ in range(12):
        one = make_landmark_sample(rng, pool, landmarker, 0, count=0)
        assert not one.front.any()
        unit = np.linalg.norm(one.landmarks[8] - one.landmarks[27])
        errors.append(np.linalg.norm(one.guess - one.landmarks, axis=1).mean() / unit)
    assert np.median(errors) < 0.04
    assert max(errors) < 0.15


def test_a_sample_differs_from_its_clean_reference_where_something_is_in_front(pool):
    rng = np.random.default_rng(6)
    inside, outside = [], []
    for _ in range(12):
        one = make_sample(rng, pool, 0, "card", reference="clean")
        apart = np.abs(one.picture.astype(float) - one.reference).mean(axis=2)
        covered = one.front > 0.5
        if covered.mean() > 0.02:
            inside.append(np.median(apart[covered]))
            outside.append(np.median(apart[~covered]))
    assert len(inside) >= 5
    assert np.median(inside) > 2 * np.median(outside)


@pytest.mark.parametrize("kind", ["hand", "stripe", "card"])
def test_samples_have_something_before_the_face(pool, landmarker, kind):
    rng = np.random.default_rng(5)
    samples = [make_landmark_sample(rng, pool, landmarker, 0, count=1, kind=kind) for _ in range(6)]
    for one in samples:
        assert one.picture.shape == (OCCLUSION_SIZE, OCCLUSION_SIZE, 3)
        assert one.picture.dtype == np.uint8
        assert 0 <= one.found.min() <= one.found.max() <= 1
    assert sum((one.front > 0.5).any() for one in samples) >= 4  # a few lie outside


RECIPES = {
    "occlusion": (OcclusionRecipe, OcclusionSettings),
    "landmarks": (LandmarksRecipe, LandmarksSettings),
}


def settings_of(kind, portraits, **more):
    loop = {"batch": 8, "threads": 1, "precision": "float32", "evaluate_every": 0} | more.pop(
        "loop", {}
    )
    settings = {"drawn_hands": 2, "checked": 2, "warmup": 1} | more
    return RECIPES[kind][1](data=portraits, loop=LoopSettings(**loop), **settings)


def recipe_of(kind, portraits, **more):
    return RECIPES[kind][0](settings_of(kind, portraits, **more))


@pytest.mark.parametrize(("kind", "name"), [("occlusion", "missed"), ("landmarks", "own")])
def test_a_batch_of_eight_overfits(portraits, kind, name):
    recipe = recipe_of(kind, portraits)
    batch, network = recipe.batch(0, 0, 1), recipe.networks[kind]
    optimizer = torch.optim.AdamW(network.parameters(), lr=4e-3)
    seen = []
    for _ in range(20):
        losses = recipe.losses(kind, batch)
        optimizer.zero_grad()
        losses["total"].backward()
        optimizer.step()
        seen.append(float(losses[name].detach()))
    assert seen[-1] < 0.35 * seen[0]


@pytest.mark.parametrize("kind", RECIPES)
def test_a_batch_depends_on_the_step_alone_and_comes_again(portraits, kind):
    recipe, other = recipe_of(kind, portraits, again=2), recipe_of(kind, portraits, again=2)
    steps = [recipe.batch(step, 0, 1).tensors for step in range(6)]
    late = other.batch(3, 0, 1).tensors  # as after a resumption
    for name, tensor in steps[3].items():
        assert torch.equal(late[name], tensor)
        again = steps[1][name].flip(2) if kind == "occlusion" else steps[1][name]
        assert torch.equal(tensor, again)
        assert not torch.equal(tensor, steps[2][name])
        assert not torch.equal(steps[4][name], steps[0][name])
    parts = [recipe.batch(4, part, 2)["pictures"] for part in range(2)]
    assert [len(part) for part in parts] == [4, 4]


@pytest.mark.parametrize("kind", RECIPES)
def test_a_training_evaluates_and_exports(portraits, tmp_path, kind):
    loop = {"steps": 2, "batch": 2, "evaluate_every": 2, "log_every": 1, "workers": 0}
    recipe = recipe_of(kind, portraits, loop=loop, again=1)
    outcome = train(recipe, tmp_path)
    assert outcome.finished and [one.name for one in outcome.files] == [
        f"{kind}.safetensors", f"{kind}.onnx",
    ]  # fmt: skip
    with torch.no_grad():
        measured = recipe.evaluate({name: one.eval() for name, one in recipe.networks.items()})
    assert {"occlusion": "iou", "landmarks": "any"}[kind] in measured
    assert all(np.isfinite(value) for value in measured.values())
    sheet = cv2.imread(str(next((tmp_path / "sheets").glob("*.png"))))
    assert sheet.std() > 20
    begun = recipe_of(kind, portraits, initial=outcome.files[0])
    assert begun.networks[kind] is not None


def test_the_loss_is_low_where_the_answer_is_right():
    front = torch.zeros(2, 32, 32)
    front[:, 8:24, 8:24] = 1
    weight = torch.ones_like(front)
    right = occlusion_losses(20 * (front - 0.5), front, weight)
    wrong = occlusion_losses(-20 * (front - 0.5), front, weight)
    assert float(right["total"]) < 0.01 and float(right["missed"]) < 0.01
    assert float(wrong["missed"]) > 0.9 and float(wrong["entropy"]) > 5
    nothing = occlusion_losses(-20 * (front - 0.5), front, weight * 0)
    assert float(nothing["total"]) == 0


def test_photos_that_are_covered_are_left_out(portraits, monkeypatch):
    found = {"share": 0.0}

    def network():
        def find(picture, reference):
            assert picture.shape == (128, 128, 3) and picture.dtype == np.float32
            return np.full((128, 128), found["share"], np.float32)

        return find

    monkeypatch.setattr("videoswap.training.occlusion.recipe.load_coarse_model", network)
    recipe_of("occlusion", portraits, bare=True)
    found["share"] = 1.0
    with pytest.raises(InputError, match="No photo"):
        recipe_of("occlusion", portraits, bare=True)


def test_weights_of_another_network_are_refused(portraits, tmp_path):
    (tmp_path / "text.safetensors").write_text("no weights")
    save_file({"other": torch.zeros(2)}, tmp_path / "other.safetensors")
    for name, problem in (("text", "cannot be used"), ("other", "another network: other")):
        with pytest.raises(InputError, match=problem):
            recipe_of("occlusion", portraits, initial=tmp_path / f"{name}.safetensors")


@pytest.mark.parametrize("name", ["coarse", "deep"])
def test_the_packages_weights_start_both_networks(portraits, name):
    deep = recipe_of("occlusion", portraits, deep=True, initial=WEIGHTS / f"{name}.safetensors")
    kept = load_file(WEIGHTS / f"{name}.safetensors")["stem.0.weight"].float()
    assert torch.equal(deep.networks["occlusion"].stem[0].weight.detach(), kept)


@pytest.mark.parametrize(
    "wrong", [{"rate": 0}, {"again": -1}, {"checked": 0}, {"decay": 2.0}, {"drawn_hands": 0}]
)
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(UsageError):
        replace(OcclusionSettings(), **wrong)


def test_the_command_says_what_it_takes(portraits, tmp_path, capsys):
    path = tmp_path / "settings.toml"
    path.write_text(f"data = '{portraits}'\ndrawn_hands = 2\n[loop]\nbatch = 2\nthreads = 1\n")
    words = ["train", "occlusion", "--settings", str(path), "-o", str(tmp_path / "run")]
    assert main([*words, "--dry_run"]) == 0
    assert "occlusion 0.37 M" in capsys.readouterr().out
