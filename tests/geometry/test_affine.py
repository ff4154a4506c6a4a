import numpy as np
import pytest

from videoswap.geometry.affine import (
    TEMPLATES,
    compose,
    crop_matrix,
    five_points,
    invert,
    resize_matrix,
    scale_of,
    scales_of,
    shifted,
    similarity,
    transform,
)

POINTS = np.array([[10.0, 20.0], [40.0, 22.0], [25.0, 35.0], [14.0, 50.0], [37.0, 51.0]])


@pytest.mark.parametrize("angle", [0.0, 0.3, -1.2, np.pi])
@pytest.mark.parametrize("scale", [0.1, 1.0, 3.7])
def test_a_known_similarity_is_found(angle, scale):
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    wanted = np.hstack([linear, [[5.0], [-3.0]]])
    found = similarity(POINTS, transform(wanted, POINTS))
    np.testing.assert_allclose(found, wanted, atol=1e-9)
    assert scale_of(found) == pytest.approx(scale)


def test_mirrored_points_do_not_give_a_mirror():
    found = similarity(POINTS, POINTS * [-1.0, 1.0])
    assert np.linalg.det(found[:, :2]) > 0


def test_coinciding_points_are_refused():
    with pytest.raises(ValueError, match="coincide"):
        similarity(np.ones((5, 2)), POINTS)


def test_composition_inversion_and_shift_agree_with_points():
    first = similarity(POINTS, POINTS[::-1] * 2.0)
    second = np.array([[0.0, -1.0, 4.0], [1.0, 0.0, 2.0]])
    np.testing.assert_allclose(
        transform(compose(second, first), POINTS), transform(second, transform(first, POINTS))
    )
    np.testing.assert_allclose(transform(invert(first), transform(first, POINTS)), POINTS)
    np.testing.assert_allclose(
        transform(shifted(first, 10, 5), POINTS - [10, 5]), transform(first, POINTS)
    )


def test_a_resize_takes_corners_to_corners():
    """Pixel centres lie at whole numbers, so a picture reaches from -0.5 to its side less 0.5."""
    corners = np.array([[-0.5, -0.5], [99.5, 39.5]])
    np.testing.assert_allclose(
        transform(resize_matrix(0.25, 3.0), corners), [[-0.5, -0.5], [24.5, 119.5]]
    )


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_a_face_that_lies_on_the_template_is_only_scaled(name):
    template = TEMPLATES[name]
    np.testing.assert_allclose(
        crop_matrix(template * 64.0, template, 256), [[4, 0, 0], [0, 4, 0]], atol=1e-9
    )


def test_stacks_give_what_each_of_them_gives():
    faces = np.random.default_rng(3).random((4, 68, 2)).astype(np.float32) * 200.0
    template, sides, apart = TEMPLATES["ffhq_512"], [256, 512, 256, 300], np.arange(4.0)
    points = five_points(faces)
    made = crop_matrix(points, template, np.reshape(sides, (-1, 1, 1)))
    alone = [
        crop_matrix(five_points(one), template, side)
        for one, side in zip(faces, sides, strict=True)
    ]
    np.testing.assert_allclose(made, alone)
    np.testing.assert_allclose(scales_of(made), [scale_of(one) for one in alone])
    np.testing.assert_allclose(invert(made), [invert(one) for one in alone])
    moved = [shifted(one, 10.0 + at, at) for one, at in zip(alone, apart, strict=True)]
    np.testing.assert_allclose(shifted(made, 10.0 + apart, apart), moved)
    np.testing.assert_allclose(compose(made, alone[0]), [compose(one, alone[0]) for one in alone])
    moved = transform(made, faces)
    assert moved.dtype == np.float32
    wanted = [transform(one, face) for one, face in zip(alone, faces, strict=True)]
    np.testing.assert_allclose(moved, wanted, rtol=1e-5)
