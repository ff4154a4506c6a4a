"""Whole runs of the neural engines with filled weights, on a clip of two people."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.helpers.engine_weights import save
from tests.jobs.test_video import planes
from videoswap import EncodeSettings, swap_image, swap_video
from videoswap.engines.base import Engine
from videoswap.engines.ghost.engine import GhostEngine, halved
from videoswap.engines.ghost.options import GhostOptions
from videoswap.engines.neural import resized
from videoswap.errors import InputError
from videoswap.tensors import from_planar, to_planar

FILES = {
    "ghost": {"G_unet_1block.pth": "ghost_aei_unet_1", "backbone.pth": "iresnet100"},
    "blendface": {"blendswap.pth": "blendswap"},
    "lite": {"lite/generator.safetensors": "lite", "lite/encoder.safetensors": "lite_encoder"},
    "reliableswap": {"reliableswap.pth": "reliableswap_fsgenerator_mouth"},
}


def signed(image):
    return torch.from_numpy(to_planar([image], -1, 1))


@pytest.fixture
def batches(monkeypatch):
    """What the engine got and gave: (crops, identities, swapped) of every batch."""
    seen = []
    real = Engine.swap

    def spy(self, crops, identities):
        made = real(self, crops, identities)
        seen.append((list(crops), list(identities), made))
        return made

    monkeypatch.setattr(Engine, "swap", spy)
    return seen


def run(engine, clips, photos, settings, tmp_path, **changes):
    """Swap both people of the small clip; returns report, original, result and masks."""
    clip, out, masks = clips["yuv420p"], tmp_path / "out.mkv", tmp_path / "masks.mkv"
    chosen = replace(
        settings, swapper=engine, encode=EncodeSettings(encoder="ffv1"), batch_size=4, **changes
    )
    report = swap_video(
        [photos["source"], photos["left"]],
        clip,
        out,
        target_faces=[photos["left"], photos["right"]],
        settings=chosen,
        save_masks=masks,
    )
    return report, planes(clip), planes(out), planes(masks)


def check_only_masks_changed(originals, results, masked):
    changed = 0
    for (_, before), (_, after), (_, (mask,)) in zip(originals, results, masked, strict=True):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            cover = mask
            if index:
                cover = mask.reshape(mask.shape[0] // 2, 2, -1, 2).max(axis=(1, 3))
            assert np.array_equal(old[cover == 0], new[cover == 0])
            changed += int((old != new).sum())
        assert 0.005 < (mask > 0).mean() < 0.6
    assert changed > 5000


def check_batches(batches, frames, size):
    """Every face of every frame once, in batches of four that mix frames and people."""
    crops = [crop for batch, _, _ in batches for crop in batch]
    assert len(crops) == 2 * frames
    assert len({(crop.pts, crop.source) for crop in crops}) == 2 * frames
    assert [len(batch) for batch, _, _ in batches] == [4] * (2 * frames // 4)
    assert all({crop.source for crop in batch} == {0, 1} for batch, _, _ in batches)
    assert {crop.pixels.shape for crop in crops} == {(size, size, 3)}
    by_track = {crop.track: crop.source for crop in crops}
    assert sorted(by_track.values()) == [0, 1]


@pytest.mark.usefixtures("small_networks")
@pytest.mark.parametrize("engine", list(FILES))
def test_a_whole_run(engine, weights, clips, photos, settings, tmp_path, batches):
    for file, network in FILES[engine].items():
        save(weights / file, network)
    ghost = GhostOptions(num_blocks=1)
    changes = {"engine_options": ghost} if engine == "ghost" else {}
    report, originals, results, masked = run(engine, clips, photos, settings, tmp_path, **changes)
    assert report.engine == engine
    assert report.swapped_frames == report.frames == 6
    check_batches(batches, 6, 224 if engine == "ghost" else 256)
    check_only_masks_changed(originals, results, masked)


@pytest.mark.usefixtures("small_networks")
def test_a_whole_run_whose_steps_work_on_tensors(weights, clips, photos, settings, tmp_path):
    for file, network in FILES["ghost"].items():
        save(weights / file, network)
    (tmp_path / "numpy").mkdir()
    changes = {"engine_options": GhostOptions(num_blocks=1)}
    _, originals, usual, known = run(
        "ghost", clips, photos, settings, tmp_path / "numpy", **changes
    )
    changes["steps"] = "tensors"
    report, _, results, masked = run("ghost", clips, photos, settings, tmp_path, **changes)
    assert report.swapped_frames == report.frames == 6
    assert not any("tensors" in str(note) for note in report.notes)
    check_only_masks_changed(originals, results, masked)
    for (_, new), (_, old), (_, (mask,)), (_, (other,)) in zip(
        results, usual, masked, known, strict=True
    ):
        assert np.abs(mask.astype(int) - other).mean() < 0.1
        for one, two in zip(new, old, strict=True):
            difference = np.abs(one.astype(int) - two)
            assert difference.mean() < 0.1
            assert (difference > 2).mean() < 0.001  # along edges of what the network paints


@pytest.mark.usefixtures("small_networks")
def test_each_person_gets_the_identity_of_its_own_photo(
    weights,
    clips,
    photos,
    settings,
    tmp_path,
    monkeypatch,
    batches,
):
    """Every swapped crop is what the plain networks make of it and of its person's photo."""
    generator = save(weights / "G_unet_1block.pth", "ghost_aei_unet_1")
    recogniser = save(weights / "backbone.pth", "iresnet100")
    sources, real = [], GhostEngine.embed

    def spy(self, pictures):
        sources.append(pictures[0])
        return real(self, pictures)

    monkeypatch.setattr(GhostEngine, "embed", spy)
    run("ghost", clips, photos, settings, tmp_path, engine_options=GhostOptions(num_blocks=1))
    labels = [identity.label for identity in batches[0][1]]
    assert labels == [str(photos["source"]), str(photos["left"])]
    with torch.inference_mode():
        z = [recogniser(halved(signed(source))) for source in sources]
        for crop, made in [pair for b in batches for pair in zip(b[0], b[2], strict=True)]:
            target = signed(resized(crop.pixels, 256))
            own, other = (
                resized(from_planar(generator(target, z[who])[0].numpy(), -1, 1)[0], 224)
                for who in (crop.source, 1 - crop.source)
            )
            assert np.abs(own - made.pixels).max() < 0.5
            assert np.abs(other - made.pixels).max() > 5


@pytest.mark.usefixtures("small_networks")
def test_the_exact_way_with_super_resolution_and_another_generator(
    weights,
    clips,
    photos,
    settings,
    tmp_path,
    monkeypatch,
    batches,
):
    mine = tmp_path / "mine.pth"
    save(mine, "ghost_aei_linknet_2")
    save(weights / "backbone.pth", "iresnet100")
    save(weights / "10_net_G.pth", "ghost_sr")
    ghost = GhostOptions(mine, "linknet", num_blocks=2, crop_size=128, use_sr=True, exact=True)
    report, originals, results, masked = run(
        "auto", clips, photos, settings, tmp_path, engine_options=ghost
    )
    assert report.engine == "ghost"
    check_batches(batches, 6, 128)
    check_only_masks_changed(originals, results, masked)
    assert any("GHOST's mask" in note for note in map(str, report.notes))


@pytest.mark.usefixtures("small_networks")
def test_a_generator_of_another_shape_is_refused(weights, photos, settings, tmp_path):
    save(weights / "G_unet_2blocks.pth", "ghost_aei_unet_1")
    save(weights / "backbone.pth", "iresnet100")
    with pytest.raises(InputError) as caught:
        swap_image(
            [photos["source"]],
            photos["left"],
            tmp_path / "out.png",
            settings=replace(settings, swapper="ghost"),
        )
    assert caught.value.code == "wrong_weights"


@pytest.mark.slow
def test_a_whole_run_of_the_real_ghost(
    weights,
    clips,
    photos,
    settings,
    tmp_path,
    batches,
):
    for file, network in FILES["ghost"].items():
        save(weights / file, network)
    torch.set_num_threads(2)
    report, originals, results, masked = run(
        "ghost", clips, photos, settings, tmp_path, engine_options=GhostOptions(num_blocks=1)
    )
    assert report.swapped_frames == 6
    check_batches(batches, 6, 224)
    check_only_masks_changed(originals, results, masked)
