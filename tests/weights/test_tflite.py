"""TFLite files as ONNX models: every operator against plain numpy."""

import cv2
import numpy as np
import onnxruntime
import pytest
from flatbuffers import flexbuffers

from tests.helpers.tflite_files import TfliteFile
from videoswap.errors import InputError
from videoswap.weights.tflite import convert_tflite

RANDOM = np.random.default_rng(5)
PICTURE = RANDOM.standard_normal((1, 6, 8, 2)).astype(np.float32)
ADD, CONV, DEPTHWISE, DEQUANTIZE, MAX_POOL, MUL, RESHAPE, CUSTOM, PAD, SLICE, PRELU = (
    *(0, 3, 4, 6, 17, 18, 22, 32, 34, 45, 54),
)


def answers(file, inputs, outputs, given):
    session = onnxruntime.InferenceSession(
        convert_tflite(file.data(inputs, outputs)).model.SerializeToString()
    )
    names = [one.name for one in session.get_inputs()]
    return session.run(None, dict(zip(names, given, strict=True)))


def one_operator(code, shape, constants, options=None, first=PICTURE):
    file = TfliteFile()
    given = file.tensor(first.shape)
    numbers = [file.constant(values) for values in constants]
    out = file.operator(code, [given, *numbers], file.tensor(shape, "out"), options)
    return answers(file, [given], [out], [first])[0].reshape(shape)


def windows(picture, side, stride):
    """Cut a picture padded as TFLite pads: what is odd comes at the end."""
    height, width = picture.shape[1:3]
    pads = [max((-(-size // stride) - 1) * stride + side - size, 0) for size in (height, width)]
    padded = np.pad(
        picture[0],
        [(pads[0] // 2, pads[0] - pads[0] // 2), (pads[1] // 2, pads[1] - pads[1] // 2), (0, 0)],
    )
    return np.array(
        [
            [padded[y : y + side, x : x + side] for x in range(0, width, stride)]
            for y in range(0, height, stride)
        ]
    )


@pytest.mark.parametrize("activation", [0, 1, 3], ids=["plain", "relu", "relu6"])
@pytest.mark.parametrize("stride", [1, 2])
def test_convolution(stride, activation):
    weights = 3 * RANDOM.standard_normal((5, 3, 3, 2)).astype(np.float32)
    bias = RANDOM.standard_normal(5).astype(np.float32)
    options = {0: ("byte", 0), 1: ("int", stride), 2: ("int", stride), 3: ("byte", activation)}
    shape = (1, 6 // stride, 8 // stride, 5)
    found = one_operator(CONV, shape, [weights, bias], options)
    wanted = np.einsum("yxijc,oijc->yxo", windows(PICTURE, 3, stride), weights) + bias
    limits = {0: (-np.inf, np.inf), 1: (0, np.inf), 3: (0, 6)}[activation]
    np.testing.assert_allclose(found[0], np.clip(wanted, *limits), atol=1e-5)


def test_depthwise_convolution():
    weights = RANDOM.standard_normal((1, 3, 3, 2)).astype(np.float32)
    bias = np.array([1.0, -2.0], np.float32)
    options = {0: ("byte", 0), 1: ("int", 1), 2: ("int", 1)}
    found = one_operator(DEPTHWISE, PICTURE.shape, [weights, bias], options)
    wanted = np.einsum("yxijc,ijc->yxc", windows(PICTURE, 3, 1), weights[0]) + bias
    np.testing.assert_allclose(found[0], wanted, atol=1e-5)


def test_small_operators():
    slope = np.array([[[0.25, -0.5]]], np.float32)
    found = one_operator(PRELU, PICTURE.shape, [slope])
    np.testing.assert_allclose(found, np.where(PICTURE > 0, PICTURE, slope * PICTURE), atol=1e-6)

    pads = np.array([[0, 0], [1, 2], [0, 1], [0, 3]], np.int32)
    found = one_operator(PAD, (1, 9, 9, 5), [pads])
    np.testing.assert_array_equal(found, np.pad(PICTURE, pads))

    options = {0: ("byte", 1), 1: ("int", 2), 2: ("int", 2), 3: ("int", 2), 4: ("int", 2)}
    found = one_operator(MAX_POOL, (1, 3, 4, 2), [], options)
    wanted = PICTURE.reshape(1, 3, 2, 4, 2, 2).max(axis=(2, 4))
    np.testing.assert_array_equal(found, wanted)

    found = one_operator(RESHAPE, (1, 4, 6, 4), [np.array([1, 4, 6, 4], np.int32)])
    np.testing.assert_array_equal(found, PICTURE.reshape(1, 4, 6, 4))

    factor = RANDOM.standard_normal((1, 1, 1, 2)).astype(np.float32)
    for code, wanted in ((MUL, PICTURE * factor), (ADD, PICTURE + factor)):
        np.testing.assert_allclose(one_operator(code, PICTURE.shape, [factor]), wanted, atol=1e-6)

    bounds = [np.array(one, np.int32) for one in ([0, 1, 2, 0], [1, 4, 9, 1], [1, 1, 1, 1])]
    options = {0: ("int", 0b1), 1: ("int", 0b100)}  # first axis from its start, third to its end
    found = one_operator(SLICE, (1, 3, 6, 1), bounds, options)
    np.testing.assert_array_equal(found, PICTURE[:, 1:4, 2:, :1])


def test_weights_in_half_precision():
    file = TfliteFile()
    given = file.tensor(PICTURE.shape)
    half = file.constant(np.array([[[[0.5, 3.0]]]], np.float16))
    file.operator(DEQUANTIZE, [half], file.tensor((1, 1, 1, 2)))
    out = file.operator(MUL, [given, 2], file.tensor(PICTURE.shape, "out"))
    found = answers(file, [given], [out], [PICTURE])[0].reshape(PICTURE.shape)
    np.testing.assert_array_equal(found, PICTURE * np.array([0.5, 3.0], np.float32))


def test_a_part_of_the_face_is_framed_sampled_and_put_back():
    """The three custom operators against OpenCV's warp with the matrix worked out by hand."""
    points = np.array([[[2, 3, 0], [6, 5, 0], [3.5, 5, 0], [5, 3, 0]]], np.float32)
    features = cv2.GaussianBlur(RANDOM.random((9, 9), np.float32), (0, 0), 1.0)[None, ..., None]
    options = {
        "subset_idxs": [0, 1, 2, 3],
        "left_rotation_idx": 0,
        "right_rotation_idx": 1,
        "output_width": 4,
        "output_height": 3,
        "scale_x": 1.2,
        "scale_y": 1.5,
    }
    raw = bytes(flexbuffers.Dumps(options))
    file = TfliteFile()
    where, what = file.tensor(points.shape), file.tensor(features.shape)
    inside = file.constant(np.array([[[0, 0], [4, 3]]], np.float32))
    matrix = file.tensor((1, 4, 4), "matrix")
    file.operator(CUSTOM, [where], matrix, None, "Landmarks2TransformMatrix", raw)
    part = file.tensor((1, 3, 4, 1), "part")
    file.operator(CUSTOM, [what, matrix], part, None, "TransformTensorBilinear", raw)
    back = file.tensor((1, 2, 2), "back")
    file.operator(CUSTOM, [inside, matrix], back, None, "TransformLandmarks", raw)
    converted = convert_tflite(file.data([where, what], [matrix, part, back]))
    assert [list(one) for one in converted.subsets] == [[0, 1, 2, 3]]

    along = np.array([4, 2]) / np.sqrt(20)
    axes = np.array([along, [-along[1], along[0]]])
    upright = points[0, :, :2] @ axes.T
    low, high = upright.min(axis=0), upright.max(axis=0)
    scale = (high - low) * [1.2, 1.5] / [4, 3]
    linear = axes.T * scale
    centre = (low + high) / 2 @ axes
    wanted = np.column_stack([linear, centre - linear @ [2, 1.5]])
    session = onnxruntime.InferenceSession(converted.model.SerializeToString())
    names = [one.name for one in session.get_inputs()]
    found = session.run(None, dict(zip(names, [points, features], strict=True)))
    made = found[0].reshape(4, 4)
    np.testing.assert_allclose(made[:2, [0, 1, 3]], wanted, atol=1e-5)
    centres = np.array([[x + 0.5, y + 0.5] for y in range(3) for x in range(4)])
    places = (centres @ wanted[:, :2].T + wanted[:, 2] - 0.5).astype(np.float32)
    sampled = cv2.remap(features[0, ..., 0], places[:, 0], places[:, 1], cv2.INTER_LINEAR)
    np.testing.assert_allclose(found[1].ravel(), sampled.ravel(), atol=0.02)
    corners = np.array([[0, 0], [4, 3]]) @ wanted[:, :2].T + wanted[:, 2]
    np.testing.assert_allclose(found[2].reshape(2, 2), corners, atol=1e-5)


@pytest.mark.parametrize("cut", [0, 3, 30, 200, -40])
def test_a_damaged_file_is_refused(cut):
    file = TfliteFile()
    given = file.tensor(PICTURE.shape)
    weights = file.constant(np.ones((5, 3, 3, 2), np.float32))
    bias = file.constant(np.zeros(5, np.float32))
    options = {0: ("byte", 0), 1: ("int", 1), 2: ("int", 1)}
    out = file.operator(CONV, [given, weights, bias], file.tensor((1, 6, 8, 5), "out"), options)
    with pytest.raises(InputError) as caught:
        convert_tflite(file.data([given], [out])[:cut])
    assert caught.value.code == "damaged_model"


@pytest.mark.parametrize(
    ("side", "scale", "told"),
    [(10**9, 1.0, "a warp to 1000000000"), (0, 1.0, "divide")],
)
def test_a_warp_to_a_huge_picture_or_by_no_number_is_refused(side, scale, told):
    """Before anything of that size is made."""
    sides = {"output_width": side, "output_height": side, "scale_x": scale, "scale_y": scale}
    indices = {"subset_idxs": [0, 1], "left_rotation_idx": 0, "right_rotation_idx": 1}
    raw = bytes(flexbuffers.Dumps({**indices, **sides}))
    file = TfliteFile()
    where, what = file.tensor((1, 2, 3)), file.tensor((1, 9, 9, 1))
    matrix, part = file.tensor((1, 4, 4), "matrix"), file.tensor((1, 3, 4, 1), "part")
    file.operator(CUSTOM, [where], matrix, None, "Landmarks2TransformMatrix", raw)
    file.operator(CUSTOM, [what, matrix], part, None, "TransformTensorBilinear", raw)
    with pytest.raises(InputError, match=told):
        convert_tflite(file.data([where, what], [part]))


def test_an_unknown_operator_is_refused():
    file = TfliteFile()
    given = file.tensor(PICTURE.shape)
    out = file.operator(99, [given], file.tensor(PICTURE.shape, "out"))
    with pytest.raises(InputError, match="99"):
        convert_tflite(file.data([given], [out]))


def test_options_of_a_custom_operator_that_are_none_are_refused():
    """Flexbuffers asserts where a key is wider than a byte."""
    raw = bytearray(flexbuffers.Dumps({"subset_idxs": [0, 1], "scale_x": 1.0}))
    raw[-38] = 17
    file = TfliteFile()
    where, matrix = file.tensor((1, 2, 3)), file.tensor((1, 4, 4), "matrix")
    file.operator(CUSTOM, [where], matrix, None, "Landmarks2TransformMatrix", bytes(raw))
    with pytest.raises(InputError, match="AssertionError"):
        convert_tflite(file.data([where], [matrix]))
