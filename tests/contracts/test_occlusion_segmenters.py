"""What every occlusion segmenter promises."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.helpers.covered_faces import astronaut, over, stripe
from tests.helpers.occlusion_files import save_parser, save_xseg
from videoswap.crops import CropSpec, crop_face
from videoswap.devices import Device
from videoswap.errors import UsageError
from videoswap.occlusion.load import load_occlusion_segmenter
from videoswap.occlusion.segmenter import OcclusionSegmenter
from videoswap.records import Crop
from videoswap.settings import MASKS

CPU = Device("cpu", ("CPUExecutionProvider",))


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    save_xseg(folder)
    save_parser(folder)
    return folder


@pytest.fixture(params=MASKS)
def mask(request, weights, monkeypatch) -> str:
    monkeypatch.setenv("VIDEOSWAP_WEIGHTS_DIR", str(weights))
    return request.param


@pytest.fixture
def segmenter(mask) -> OcclusionSegmenter:
    return load_occlusion_segmenter(mask, CPU)


@pytest.fixture(scope="module")
def occluded() -> Crop:
    face = astronaut()
    return over(face, np.array([20.0, 60.0, 200.0]), stripe(face, 1.57, 0.15, 0.1))


def resized(crop: Crop, size: int) -> Crop:
    made = crop_face(
        np.rint(crop.pixels).astype(np.uint8), crop.landmarks, CropSpec(), size=size, track=3
    )
    assert made is not None
    return replace(made, source=2, pts=77)


@pytest.mark.parametrize("size", [128, 256, 512])
def test_a_crop_comes_back_with_a_mask_and_otherwise_as_it_was(segmenter, occluded, size):
    crop = resized(occluded, size)
    before = crop.pixels.copy()
    made = segmenter.segment(crop)
    assert crop.occluder_mask is None and np.array_equal(crop.pixels, before)
    assert made.pixels is crop.pixels
    assert (made.pts, made.track, made.source) == (77, 3, 2)
    assert np.array_equal(made.matrix, crop.matrix)
    assert np.array_equal(made.landmarks, crop.landmarks)
    if made.occluder_mask is not None:
        assert made.occluder_mask.shape == (size, size)
        assert made.occluder_mask.dtype == np.float32
        assert 0.0 <= made.occluder_mask.min() <= made.occluder_mask.max() <= 1.0


def test_the_same_crop_gives_the_same_mask(segmenter, occluded):
    one, other = (segmenter.segment(occluded).occluder_mask for _ in range(2))
    assert (one is None) == (other is None)
    assert one is None or np.array_equal(one, other)


def test_only_outline_finds_nothing(mask, segmenter, occluded):
    assert (segmenter.segment(occluded).occluder_mask is None) == (mask == "outline")


def test_a_video_without_pictures_of_a_track_changes_nothing(segmenter, occluded):
    of_video = segmenter.for_video(lambda track: [])
    assert of_video.key == segmenter.key
    one, other = segmenter.segment(occluded), of_video.segment(occluded)
    assert other.unoccluded is None
    assert one.occluder_mask is other.occluder_mask or np.array_equal(
        one.occluder_mask, other.occluder_mask
    )


def test_the_key_is_of_the_network(mask, segmenter, weights, monkeypatch):
    monkeypatch.setenv("VIDEOSWAP_WEIGHTS_DIR", str(weights))
    others = {load_occlusion_segmenter(one, CPU).key for one in MASKS if one != mask}
    assert segmenter.key == load_occlusion_segmenter(mask, CPU).key
    assert segmenter.key and segmenter.key not in others


def test_an_unknown_mask_is_refused():
    with pytest.raises(UsageError, match="nothing"):
        load_occlusion_segmenter("nothing", CPU)
