"""Blending in the frame's own planes on tensors is that of numpy: equal outside of the masks."""

import av
import cv2
import numpy as np
import pytest
import torch

from videoswap.on_tensors import compositing
from videoswap.on_tensors.resampling import warp
from videoswap.video import planes
from videoswap.video.color import color_of
from videoswap.video.pixel_formats import layout, samples

BOX = (20, 12, 124, 100)
#: What one step of an 8-bit chroma sample of BT.601 is in blue. OpenCV interpolates chroma in whole
#: numbers of its own; where it lies between two, it may take the other one.
ONE_CHROMA_STEP = 2 * (1 - 0.114) * 255 / 224 + 0.01


def frame_of(pix_fmt, width=160, height=120):
    """A soft picture in a pixel format."""
    random = np.random.default_rng(4)
    coarse = (random.random((8, 10, 3)) * 255).astype(np.float32)
    rgb = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC).clip(0, 255)
    whole = av.VideoFrame.from_ndarray(rgb.astype(np.uint8), format="rgb24")
    return whole.reformat(format=pix_fmt)


def parts_of(frame, form, box=BOX):
    x0, y0, x1, y1 = box
    made = []
    for index in range({"gray": 1}.get(form.model, 3)):
        across, down = (form.sub_x, form.sub_y) if index and form.model == "yuv" else (1, 1)
        whole = samples(frame.planes[index], form.depth)
        made.append(whole[y0 // down : -(-y1 // down), x0 // across : -(-x1 // across)])
    return made


def up(parts):
    return [torch.from_numpy(part.astype(np.float32))[None] for part in parts]


FORMATS = ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "gbrp", "gray"]


@pytest.mark.parametrize("pix_fmt", FORMATS)
def test_a_box_as_rgb(pix_fmt):
    frame, form = frame_of(pix_fmt), layout(pix_fmt)
    color = color_of(frame)
    made = compositing.to_rgb(up(parts_of(frame, form)), form, color)
    wanted = planes.read_rgb(frame, BOX, color)
    difference = np.abs(made[0].permute(1, 2, 0).numpy() - wanted)
    assert difference.mean() < 0.25
    assert difference.max() < ONE_CHROMA_STEP


@pytest.mark.parametrize("pix_fmt", FORMATS)
def test_a_swap_goes_into_its_planes(pix_fmt):
    frame, form = frame_of(pix_fmt), layout(pix_fmt)
    color = color_of(frame)
    before = up(parts_of(frame, form))
    size = 96
    turn = cv2.getRotationMatrix2D((52.0, 44.0), 9.0, 0.9)
    turn[:, 2] += np.array([size / 2, size / 2]) - (52, 44)
    matrices = torch.tensor(turn[None], dtype=torch.float32)
    swaps = 255.0 - warp(compositing.to_rgb(before, form, color), matrices, size)
    y, x = np.mgrid[0:size, 0:size]
    mask = np.clip(1.6 - np.hypot(x - 48, y - 48) / 24, 0, 1).astype(np.float32)
    masks = torch.from_numpy(mask)[None, None]
    made, weight = compositing.composited(before, swaps, masks, matrices, form, color)

    width, height = BOX[2] - BOX[0], BOX[3] - BOX[1]
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    soft = cv2.warpAffine(mask, turn, (width, height), flags=flags)
    coded = np.clip(soft * 255.0 + 0.5, 0, 255).astype(np.uint8)
    rgb = cv2.warpAffine(
        swaps[0].permute(1, 2, 0).numpy(),
        turn,
        (width, height),
        flags=flags,
        borderMode=cv2.BORDER_REPLICATE,
    )
    planes.write_rgb(frame, BOX, rgb, coded, color)
    assert np.abs(weight[0, 0].numpy() - coded).max() <= 1
    unit = 1 << (form.depth - 8)
    for new, old, part in zip(made, before, parts_of(frame, form), strict=False):
        difference = np.abs(new[0].numpy() - part.astype(np.float32)) / unit
        assert difference.mean() < 0.5
        assert difference.max() <= 2.0
        assert not torch.equal(new, old)
    luma = made[0][0][weight[0, 0] == 0]
    assert torch.equal(luma, before[0][0][weight[0, 0] == 0])
    if form.model == "yuv":
        rows, columns = made[1].shape[1:]
        untouched = (
            cv2.resize(
                (weight[0, 0] > 0).float().numpy(), (columns, rows), interpolation=cv2.INTER_AREA
            )
            == 0
        )
        for index in (1, 2):
            assert np.array_equal(
                made[index][0].numpy()[untouched], before[index][0].numpy()[untouched]
            )
