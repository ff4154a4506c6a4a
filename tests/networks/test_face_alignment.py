"""No golden is known of this network; what its paper and keys say of it is held."""

import pytest

pytest.importorskip("torch")

import torch

from videoswap.networks.face_alignment import FaceAlignmentNetwork, _CoordinateConv


def test_a_convolution_sees_row_column_radius_and_boundary():
    layer = _CoordinateConv(1, 1, boundary=True)
    boundary = torch.zeros(1, 1, 3, 3)
    boundary[..., 2, 0], boundary[..., 1, 1] = 0.9, 0.04
    want = {
        1: [[-1, -1, -1], [0, 0, 0], [1, 1, 1]],
        2: [[-1, 0, 1]] * 3,
        3: [[1, 0.5**0.5, 1], [0.5**0.5, 0, 0.5**0.5], [1, 0.5**0.5, 1]],
        4: [[0, 0, 0], [0, 0, 0], [1, 0, 0]],
        5: [[0, 0, 0], [0, 0, 0], [-1, 0, 0]],
    }
    torch.nn.init.zeros_(layer.conv.bias)
    for channel, values in want.items():
        with torch.no_grad():
            layer.conv.weight.zero_()
            layer.conv.weight[:, channel] = 1
            found = layer(torch.zeros(1, 1, 3, 3), boundary)
        assert torch.allclose(found[0, 0], torch.tensor(values, dtype=torch.float32)), channel


def test_keys_of_the_published_layout():
    state = FaceAlignmentNetwork().state_dict()
    shapes = {
        "conv1.conv.weight": (64, 6, 7, 7),
        "conv2.downsample.2.weight": (128, 64, 1, 1),
        "m0.coordconv.conv.weight": (256, 259, 1, 1),
        "m3.coordconv.conv.weight": (256, 261, 1, 1),
        "m1.b1_4.conv1.weight": (128, 256, 3, 3),
        "m1.b2_plus_1.bn3.running_var": (64,),
        "m1.b3_1.conv3.weight": (64, 64, 3, 3),
        "top_m_2.conv2.weight": (64, 128, 3, 3),
        "bn_end3.bias": (256,),
        "l3.weight": (99, 256, 1, 1),
        "al2.weight": (256, 99, 1, 1),
        "bl0.bias": (256,),
    }
    assert {key: tuple(state[key].shape) for key in shapes} == shapes
    assert not any(key.startswith(("al3", "bl3", "m4", "m0.b2_plus_2")) for key in state)


def test_it_gives_a_map_for_each_landmark_and_gradients_to_the_picture():
    network = FaceAlignmentNetwork(stacks=2, landmarks=5, width=16, depth=2).eval()
    face = torch.rand(1, 3, 64, 64, requires_grad=True)
    maps = network(face)
    assert maps.shape == (1, 5, 16, 16) and (maps >= 0).all()
    maps.sum().backward()
    assert face.grad.abs().sum() > 0
