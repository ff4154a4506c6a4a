"""insightface's SCRFD and ArcFace classes on stand-ins for their files."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from videoswap.detection.face_models import FaceModels
from videoswap.detection.insightface import ArcFaceRecognizer, Scrfd
from videoswap.errors import InputError, UsageError
from videoswap.geometry.affine import TEMPLATES
from videoswap.settings import AnalysisSettings

STRIDES, ANCHORS = (8, 16, 32), 2


def save(graph, path):
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 9
    onnx.save(model, path)
    return path


def value(name, shape):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def constant(name, values, kind=TensorProto.FLOAT):
    array = np.asarray(values)
    return helper.make_tensor(name, kind, array.shape, array.ravel().tolist())


def scrfd_file(path):
    """A face wherever a cell of 8 pixels is red: score = red, box 2 cells around, points beside it.

    The other two strides never see one.
    """
    nodes, outputs = [], {"score": [], "box": [], "points": []}
    values = [
        constant("two", [1, 2, 1, 1], TensorProto.INT64),
        constant("column", [-1, 1], TensorProto.INT64),
        constant("half", [0.5]),
        constant("no", [0.0]),
        constant("box_row", [[2.0, 2.0, 2.0, 2.0]]),
        constant("points_row", [[-1.0, -1, 1, -1, 0, 0, -1, 1, 1, 1]]),
        constant("channel", [0], TensorProto.INT64),
    ]
    nodes.append(helper.make_node("Gather", ["data", "channel"], ["red"], axis=1))
    for stride in STRIDES:
        pool = {"kernel_shape": [stride, stride], "strides": [stride, stride]}
        names = {kind: f"{kind}_{stride}" for kind in outputs}
        factor = "half" if stride == 8 else "no"
        nodes += [
            helper.make_node("AveragePool", ["red"], [f"mean{stride}"], **pool),
            helper.make_node("Mul", [f"mean{stride}", factor], [f"a{stride}"]),
            helper.make_node("Add", [f"a{stride}", factor], [f"b{stride}"]),
            helper.make_node("Tile", [f"b{stride}", "two"], [f"c{stride}"]),
            helper.make_node("Transpose", [f"c{stride}"], [f"d{stride}"], perm=[0, 2, 3, 1]),
            helper.make_node("Reshape", [f"d{stride}", "column"], [names["score"]]),
            helper.make_node("Mul", [names["score"], "no"], [f"e{stride}"]),
            helper.make_node("Add", [f"e{stride}", "box_row"], [names["box"]]),
            helper.make_node("Add", [f"e{stride}", "points_row"], [names["points"]]),
        ]
        for kind, width in (("score", 1), ("box", 4), ("points", 10)):
            outputs[kind].append(value(names[kind], [None, width]))
    every = [one for kind in outputs.values() for one in kind]
    return save(
        helper.make_graph(nodes, "scrfd", [value("data", [1, 3, None, None])], every, values), path
    )


def arcface_file(path):
    """512 numbers: the mean of red, green and blue, over and over."""
    nodes = [
        helper.make_node("ReduceMean", ["data"], ["mean"], axes=[2, 3], keepdims=0),
        helper.make_node("Gather", ["mean", "channels"], ["embedding"], axis=1),
    ]
    channels = constant("channels", [k % 3 for k in range(512)], TensorProto.INT64)
    inputs, outputs = [value("data", [None, 3, 112, 112])], [value("embedding", [None, 512])]
    return save(helper.make_graph(nodes, "arcface", inputs, outputs, [channels]), path)


@pytest.fixture
def weights(tmp_path, monkeypatch):
    monkeypatch.setenv("VIDEOSWAP_WEIGHTS_DIR", str(tmp_path))
    return tmp_path


def test_scrfd_gives_boxes_and_points_in_the_pictures_pixels(tmp_path):
    detector = Scrfd(scrfd_file(tmp_path / "scrfd.onnx"))
    picture = np.zeros((90, 150, 3), np.uint8)  # no multiple of 32
    picture[24:32, 80:88, 0] = 255  # RGB: a cell of red
    picture[64:72, 16:24] = [178, 255, 255]
    picture[40:48, 120:128, 2] = 255
    first, second = detector.detect(picture, 0.6)
    np.testing.assert_allclose(first.box, [64, 8, 96, 40])
    np.testing.assert_allclose(first.points5, [[72, 16], [88, 16], [80, 24], [72, 32], [88, 32]])
    assert first.score == pytest.approx(1.0, abs=0.01)
    assert second.score == pytest.approx(0.7, abs=0.01)
    np.testing.assert_allclose(second.points5[2], [16, 64])
    assert len(detector.detect(picture, 0.8)) == 1
    assert detector.detect(np.zeros((64, 64, 3), np.uint8), 0.6) == []
    assert detector.providers == ("CPUExecutionProvider",)


def test_arcface_sees_the_aligned_face_in_rgb(tmp_path):
    recognizer = ArcFaceRecognizer(arcface_file(tmp_path / "arcface.onnx"))
    landmarks = np.zeros((68, 2), np.float32)
    five = TEMPLATES["arcface_112_v2"] * 50 + [30, 20]  # a face of 50 pixels
    landmarks[36:42], landmarks[42:48], landmarks[30] = five[:3]
    landmarks[48], landmarks[54] = five[3:]
    picture = np.full((100, 100, 3), 200, np.uint8)
    picture[20:70, 30:80] = [255, 128, 0]
    numbers = recognizer.embed(picture, landmarks)
    assert numbers.shape == (512,)
    assert np.linalg.norm(numbers) == pytest.approx(1.0, abs=1e-5)
    np.testing.assert_allclose(numbers[:3] / numbers[0], [1, 0, -1], atol=0.02)
    assert recognizer.distance(numbers, numbers) == pytest.approx(0.0, abs=1e-6)
    assert recognizer.distance(numbers, -numbers) == pytest.approx(2.0, abs=1e-6)


def test_they_are_used_when_asked_for(weights):
    scrfd_file(weights / "scrfd_10g_bnkps.onnx")
    arcface_file(weights / "glintr100.onnx")
    asked = AnalysisSettings(face_models="insightface")
    tools = FaceModels.load(("CPUExecutionProvider",), asked)
    assert tools.recognizer.name == "arcface"
    assert tools.detector.key.startswith("scrfd ")


def test_without_their_files_it_is_said_how_to_get_them(weights):
    with pytest.raises(InputError) as caught:
        FaceModels.load(("CPUExecutionProvider",), AnalysisSettings(face_models="insightface"))
    assert caught.value.code == "missing_weights"
    assert "videoswap models download scrfd" in caught.value.hint


def test_a_damaged_file_is_told(weights):
    (weights / "scrfd_10g_bnkps.onnx").write_bytes(b"no graph")
    with pytest.raises(InputError) as caught:
        Scrfd()
    assert caught.value.code == "damaged_weights"


def test_other_names_are_refused():
    with pytest.raises(UsageError):
        AnalysisSettings(face_models="centerface")
