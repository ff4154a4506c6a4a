"""Hands of a mesh, here of a palm and five fingers that are made of boxes."""

import json
import struct

import numpy as np
import pytest

from videoswap.errors import InputError
from videoswap.training.occlusion.hands import ARM, BONES, FINGERS, load_model, model_hand

PALM = np.array([[-0.03, 0.03], [-0.01, 0.01], [-0.06, 0.02]])  # x, y, z from the wrist
LENGTH = 0.02  # of a bone


def box(ranges):
    """Return the corners (8, 3) and triangles (12, 3), facing outwards, of a box."""
    corners = np.array([[x, y, z] for x in ranges[0] for y in ranges[1] for z in ranges[2]])
    squares = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    triangles = [[a, b, c] for a, b, c, _ in squares] + [[a, c, d] for a, _, c, d in squares]
    return corners, np.array(triangles)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Return a hand whose fingers are rows of boxes, one a bone, written and read again."""
    joints, frames, points, triangles, owner = ["wrist"], [np.zeros(3)], [], [], []

    def add(ranges, joint):
        corners, faces = box(ranges)
        triangles.append(faces + sum(map(len, points)))
        points.append(corners)
        owner.extend([joint] * 8)

    add(PALM, 0)
    for number, finger in enumerate(FINGERS):
        x = 0.012 * (number - 2)
        for place, bone in enumerate(BONES):
            if (finger, bone) == ("thumb", "phalanx-intermediate"):
                continue
            joints.append(f"{finger}-{bone}")
            z = -LENGTH * (place + 1)
            frames.append(np.array([x, 0, z]))
            add([[x - 0.004, x + 0.004], [-0.004, 0.004], [z - LENGTH, z]], len(joints) - 1)
    inverse = np.stack([np.eye(4) for _ in frames])
    inverse[:, :3, 3] = -np.array(frames)
    owners = np.zeros((len(owner), 4), np.uint8)
    owners[:, 0] = owner
    weights = np.float32([[1, 0, 0, 0]] * len(owner))
    given = [
        (np.concatenate(points).astype(np.float32), "VEC3", 5126),
        (owners, "VEC4", 5121),
        (weights, "VEC4", 5126),
        (np.concatenate(triangles).astype(np.uint16).reshape(-1, 1), "SCALAR", 5123),
        (inverse.transpose(0, 2, 1).astype(np.float32), "MAT4", 5126),
    ]
    views, accessors, body = [], [], b""
    for number, (values, shape, kind) in enumerate(given):
        views.append({"byteOffset": len(body)})
        body += values.tobytes()
        accessors.append(
            {"bufferView": number, "componentType": kind, "count": len(values), "type": shape}
        )
    attributes = {"POSITION": 0, "JOINTS_0": 1, "WEIGHTS_0": 2}
    tree = {
        "accessors": accessors,
        "bufferViews": views,
        "meshes": [{"primitives": [{"attributes": attributes, "indices": 3}]}],
        "skins": [{"joints": list(range(len(joints))), "inverseBindMatrices": 4}],
        "nodes": [{"name": name} for name in joints],
    }
    text = json.dumps(tree).encode()
    text += b" " * (-len(text) % 4)
    head = struct.pack("<4sII", b"glTF", 2, 28 + len(text) + len(body))
    head += struct.pack("<I4s", len(text), b"JSON")
    path = tmp_path_factory.mktemp("hand") / "hand.glb"
    path.write_bytes(head + text + struct.pack("<I4s", len(body), b"BIN\0") + body)
    return load_model(path)


def test_a_mesh_is_read_and_gets_an_arm(model):
    assert model.chain("thumb") == [
        model.joints[f"thumb-{bone}"] for bone in BONES if "med" not in bone
    ]
    np.testing.assert_allclose(
        model.frames[model.joints["index-finger-tip"]][:3, 3], [-0.012, 0, -0.1]
    )
    np.testing.assert_allclose(model.weights.sum(axis=1), 1)
    np.testing.assert_allclose(model.points[:8].min(axis=0), PALM[:, 0], atol=1e-7)
    assert model.points[:, 2].max() == pytest.approx(PALM[2, 1] - 0.014 + ARM)
    assert model.triangles.max() == len(model.points) - 1


def test_hands_are_drawn_whole_and_in_many_poses(model):
    rng = np.random.default_rng(2)
    hands = [model_hand(rng, model) for _ in range(6)]
    for hand in hands:
        assert hand.shade.shape == hand.tint.shape == hand.alpha.shape
        assert 0.05 < hand.alpha.mean() < 0.7
        inside = hand.alpha > 0
        assert inside[-1].any()  # the arm leaves at the bottom
        assert 0.1 < np.median(hand.shade[inside]) < 2.5
        assert np.isfinite(hand.shade).all() and np.isfinite(hand.tint).all()
    shapes = np.stack([hand.alpha for hand in hands])
    assert (shapes.max(axis=0) - shapes.min(axis=0)).mean() > 0.1


@pytest.mark.parametrize("data", [b"", b"glTF" + bytes(40)])
def test_a_file_that_is_no_hand(tmp_path, data):
    (tmp_path / "hand.glb").write_bytes(data)
    with pytest.raises(InputError, match="no skinned hand"):
        load_model(tmp_path / "hand.glb")
