import numpy as np
import pytest

from videoswap.geometry.affine import (
    TEMPLATES,
    compose,
    crop_matrix,
    invert,
    resize_matrix,
    scale_of,
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
