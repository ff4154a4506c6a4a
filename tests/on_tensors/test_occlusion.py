"""Occlusion masks on tensors are those of numpy: over time, carried along, and at edges."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from videoswap.occlusion.carrying import carry
from videoswap.occlusion.guided_filter import guided_filter_refine
from videoswap.occlusion.temporal import stabilize_occlusion_mask
from videoswap.on_tensors import occlusion
from videoswap.on_tensors.finishing import Neighbors
from videoswap.records import Crop

SIZE = 128


def up(*pictures):
    made = [np.atleast_3d(one).transpose(2, 0, 1) for one in pictures]
    return torch.from_numpy(np.ascontiguousarray(np.stack(made)))


def crop(number, place=None, peak=1.0):
    """A soft picture with a bright bar over it, and what a network would say of the bar."""
    coarse = (np.random.default_rng(1).random((6, 6, 3)) * 90 + 60).astype(np.float32)
    pixels = cv2.resize(coarse, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
    mask = None
    if place is not None:
        pixels[:, place : place + 30] = (220, 210, 190)
        mask = np.zeros((SIZE, SIZE), np.float32)
        mask[:, place + 2 : place + 27] = peak
        mask[100:104, 100:104] = 1.0  # too small to be anything
        mask = cv2.GaussianBlur(mask, (0, 0), 2.0)
    return Crop(pixels, np.eye(2, 3), np.zeros((68, 2), np.float32), number, 0, 0, mask)


FRAMES = {
    "still": [crop(0, 30), crop(1, 30), crop(2, 30)],
    "moving": [crop(0, 20), crop(1, 40), crop(2, 60)],
    "gone": [crop(0, 30), crop(1), crop(2)],
    "unsure": [crop(0, 30, 0.6), crop(1, 30, 0.5), crop(2, 30, 0.6)],
}


@pytest.mark.parametrize("kind", FRAMES)
def test_the_mask_of_a_face(kind):
    crops = FRAMES[kind]
    blank = np.zeros((SIZE, SIZE), np.float32)
    masks = [blank if one.occluder_mask is None else one.occluder_mask for one in crops]
    made = occlusion.stabilize(
        up(*(one.pixels for one in crops)),
        up(*(one.quarter for one in crops)),
        up(*masks),
        Neighbors([0, 1], {-1: [-1, 0], 1: [1, 2], 2: [2, -1]}),
    )
    for index in (0, 1):
        wanted = stabilize_occlusion_mask(crops, range(3), index)
        wanted = blank if wanted is None else wanted
        difference = np.abs(made[index, 0].numpy() - wanted)
        assert difference.mean() < 0.002
        assert difference.max() < 0.03
    assert (kind in ("still", "moving")) == bool(made[1].max() > 0.5)


#: Of a face that was not looked at: itself, and it in the frames beside that were.
CARRIED = {
    "still": (crop(1), {-1: crop(0, 30), 2: crop(3, 30)}),
    "as in one of both": (crop(1, 30), {-1: crop(0, 30), 2: crop(3)}),
    "as in neither": (crop(2, 50), {-2: crop(0, 30), 1: crop(3, 80)}),
    "in one alone": (crop(2, 30), {-2: crop(0, 30)}),
    "hardly anything": (crop(1, 30), {-1: crop(0, 30, 0.2), 2: crop(3)}),
}


@pytest.mark.parametrize("kind", CARRIED)
def test_the_answer_is_carried_along(kind):
    face, beside = CARRIED[kind]
    face = replace(face, occluder_mask=None)
    if kind == "hardly anything":
        beside = {apart: replace(one, occluder_mask=weak(one)) for apart, one in beside.items()}
    everyone = [face, *beside.values()]
    blank = np.zeros((SIZE, SIZE), np.float32)
    masks = [blank if one.occluder_mask is None else one.occluder_mask for one in everyone]
    around = Neighbors([0], {apart: [place] for place, apart in enumerate(beside, 1)})
    made = occlusion.carry(up(*(one.quarter for one in everyone)), up(*masks), around)[0, 0]
    wanted = carry(face, beside).occluder_mask
    assert (wanted is None) == (kind == "hardly anything")
    wanted = blank if wanted is None else wanted
    assert np.abs(made.numpy() - wanted).max() < 0.01


def weak(one):
    return None if one.occluder_mask is None else one.occluder_mask * np.float32(0.35)


@pytest.mark.parametrize("size", [128, 100])
def test_the_guided_filter(size):
    one = FRAMES["still"][0]
    picture, mask = one.pixels[:size, :size], one.occluder_mask[:size, :size]
    wanted = guided_filter_refine(mask, picture)
    made = occlusion.guided_filter(up(mask), up(picture))[0, 0].numpy()
    assert np.abs(wanted - mask).max() > 0.05  # there was something to do
    assert np.abs(made - wanted).max() < 0.01
