import cv2
import numpy as np
import pytest

from videoswap.compositing.finisher import Finisher, FrameSwap
from videoswap.crops import CropSpec
from videoswap.engines.mesh.engine import MeshEngine, MeshSettings
from videoswap.engines.mesh.texture import (
    LARGE_SIDE,
    MIRRORED,
    SIDE,
    bare_forehead,
    make_texture,
)
from videoswap.engines.mesh.warp import ThinPlateSpline, dense_map
from videoswap.geometry import face_masks as masks
from videoswap.geometry.affine import crop_matrix, five_points, transform
from videoswap.geometry.head_pose import HEAD
from videoswap.records import Crop, Face, Photo
from videoswap.settings import BlendSettings

# A plain frontal face in the unit square, iBUG-68 order, drawn by hand.
JAW = [(0.5 - 0.34 * np.cos(t), 0.42 + 0.48 * np.sin(t)) for t in np.linspace(0, np.pi, 17)]
BROWS = [(x, 0.30 - 0.02 * (i % 3)) for i, x in enumerate(np.linspace(0.22, 0.42, 5))] + [
    (x, 0.30 - 0.02 * (i % 3)) for i, x in enumerate(np.linspace(0.58, 0.78, 5))
]
NOSE = [(0.5, y) for y in np.linspace(0.38, 0.55, 4)] + [
    (x, 0.60) for x in np.linspace(0.43, 0.57, 5)
]


def eye(x):
    return [
        (x + dx, 0.38 + dy)
        for dx, dy in (
            (-0.06, 0),
            (-0.02, -0.02),
            (0.02, -0.02),
            (0.06, 0),
            (0.02, 0.02),
            (-0.02, 0.02),
        )
    ]


def mouth(opening):
    outer = [
        (0.5 - 0.12 * np.cos(t), 0.73 - (0.04 + opening) * np.sin(t))
        for t in np.linspace(0, 2 * np.pi, 13)[:12]
    ]
    inner = [
        (0.5 - 0.09 * np.cos(t), 0.73 - (0.003 + opening) * np.sin(t))
        for t in np.linspace(0, 2 * np.pi, 9)[:8]
    ]
    return outer + inner


def landmarks(opening=0.03):
    return np.array(JAW + BROWS + NOSE + eye(0.32) + eye(0.68) + mouth(opening), np.float32)


def picture(size, skin, seed):
    random = np.random.default_rng(seed)
    return np.clip(skin + random.normal(0, 6, (size, size, 1)), 0, 255).astype(np.uint8)


def photo(skin=(200, 150, 120), size=300, seed=1, opening=0.0):
    points = landmarks(opening) * size
    face = Face(
        np.array([30, 30, 270, 290], np.float32), five_points(points), 0.9, landmarks=points
    )
    return Photo(f"photo {seed}", picture(size, skin, seed), face)


def crop(swapper, size=256, skin=(120, 110, 90), opening=0.03, points=None):
    points = landmarks(opening) * size if points is None else points
    matrix = crop_matrix(five_points(points), swapper.spec.template, size)
    pixels = picture(size, skin, 7).astype(np.float32)
    return Crop(pixels, matrix, transform(matrix, points), 0, 0, 0)


@pytest.fixture(scope="module")
def swapper():
    return MeshEngine()


@pytest.mark.parametrize("size", [128, 192, 256, 384, 512])
def test_the_face_is_changed_and_the_border_is_not(swapper, size):
    made = swapper.swap([crop(swapper, size)], [swapper.identity([photo()])])[0]
    assert made.mask.shape == (size, size)
    assert made.mask[size // 2, size // 2] == pytest.approx(1.0)
    for edge in (made.mask[0], made.mask[-1], made.mask[:, 0], made.mask[:, -1]):
        assert not edge.any()
    assert 0.15 < (made.mask > 0.5).mean() < 0.7
    assert np.isfinite(made.pixels).all()


def test_the_skin_takes_the_targets_tone(swapper):
    target = crop(swapper, skin=(60, 90, 140))
    made = swapper.swap([target], [swapper.identity([photo((220, 160, 130))])])[0]
    inside = made.mask > 0.9
    np.testing.assert_allclose(
        made.pixels[inside].mean(axis=0), target.pixels[inside].mean(axis=0), atol=6
    )


def test_eyes_and_inner_mouth_stay_the_targets(swapper):
    target = crop(swapper, opening=0.05)
    left_eye = target.landmarks[36:42].mean(axis=0).astype(int)
    inside_mouth = target.landmarks[60:68].mean(axis=0).astype(int)
    for x, y in (left_eye, inside_mouth):
        target.pixels[y - 3 : y + 4, x - 3 : x + 4] = (10, 250, 10)
    made = swapper.swap([target], [swapper.identity([photo()])])[0]
    finished = Finisher(BlendSettings(), swapper.keeps).finish([FrameSwap(target, made, 0)], 0)
    for x, y in (left_eye, inside_mouth):
        np.testing.assert_allclose(finished.pixels[y, x], (10, 250, 10), atol=12)


@pytest.mark.parametrize(
    ("source_opening", "target_opening"), [(0.0, 0.06), (0.06, 0.0), (0.0, 0.0)]
)
def test_open_and_closed_mouths_go_onto_each_other(swapper, source_opening, target_opening):
    identity = swapper.identity([photo(opening=source_opening)])
    made = swapper.swap([crop(swapper, opening=target_opening)], [identity])[0]
    assert np.isfinite(made.pixels).all()
    assert made.mask[128, 128] == pytest.approx(1.0)


def test_a_profile_degrades_without_tearing(swapper):
    points = landmarks() * 256
    middle = points[30, 0]
    far = points[:, 0] > middle
    points[far, 0] = middle + (points[far, 0] - middle) * 0.08  # the far half is turned away
    made = swapper.swap([crop(swapper, points=points)], [swapper.identity([photo()])])[0]
    steps = np.abs(np.diff(made.mask, axis=1))
    assert np.isfinite(made.pixels).all()
    assert steps.max() < 0.5
    assert made.mask.max() == pytest.approx(1.0)


def test_people_in_one_batch_keep_their_own_source(swapper):
    identities = [swapper.identity([photo((200, 150, 120), seed=seed)]) for seed in (1, 2)]
    first = crop(swapper)
    second = Crop(first.pixels, first.matrix, first.landmarks, 0, 1, 1)
    both = swapper.swap([first, second], identities)
    alone = [swapper.swap([one], identities)[0] for one in (first, second)]
    for together, single in zip(both, alone, strict=True):
        np.testing.assert_array_equal(together.pixels, single.pixels)
    assert np.abs(both[0].pixels - both[1].pixels).max() > 5


def test_several_photos_of_one_person_are_averaged(swapper):
    one, two = photo((200, 150, 120), seed=1), photo((100, 150, 120), seed=2)
    texture = swapper.identity([one, two]).data.levels[0]
    red = texture[200:300, 200:300, 0].mean()
    assert 135 < red < 165


def lit_from(side, light=1.4):
    """A photo with a bright half and a mole under one eye."""
    one = photo()
    pixels = one.pixels.astype(np.float32)
    half = np.s_[:, :150] if side == "left" else np.s_[:, 150:]
    pixels[half] *= light
    pixels[148:152, 92:96] *= 0.4
    return Photo(one.label, np.clip(pixels, 0, 255).astype(np.uint8), one.face)


@pytest.mark.parametrize("side", ["left", "right"])
def test_light_from_one_side_is_taken_out_of_a_photo_and_a_mole_stays(swapper, side):
    texture = swapper.identity([lit_from(side)]).data
    marks = texture.controls * texture.levels[0].shape[0]
    cheeks = [marks[[jaw, 30]].mean(axis=0).astype(int) for jaw in (3, 13)]
    left, right = (texture.levels[0][y - 9 : y + 10, x - 9 : x + 10].mean() for x, y in cheeks)
    assert left == pytest.approx(right, rel=0.04)  # a tenth of what it was
    plain = swapper.identity([photo()]).data
    fine = [
        one - cv2.GaussianBlur(one, (0, 0), 0.02 * SIDE)
        for one in (tex.levels[0].astype(np.float32) for tex in (texture, plain))
    ]
    assert (fine[0] - fine[1]).min() < -50  # the mole
    assert abs(float(np.median(fine[0] - fine[1]))) < 2


def test_the_controls_of_a_mirror_image_are_in_the_order_of_the_face():
    head = HEAD[:, :2]  # symmetric about x = 0
    controls = np.vstack([head, masks.forehead_points(head, 0.26)])
    np.testing.assert_allclose(controls[MIRRORED] * [-1, 1], controls, atol=1e-6)


@pytest.mark.parametrize("temple", [(0, 36, 17), (16, 45, 26)])
def test_hair_before_a_temple_stays_in_front(swapper, temple):
    target = crop(swapper)
    jaw, eye, brow = target.landmarks[list(temple)]
    x, y = (0.4 * jaw + 0.3 * eye + 0.3 * brow).astype(int)
    middle = np.s_[y - 2 : y + 3, x - 2 : x + 3]
    bare = swapper.swap([target], [swapper.identity([photo()])])[0].mask[middle].mean()
    target.pixels[y - 12 : y + 13, x - 12 : x + 13] = (15, 12, 10)
    hair = swapper.swap([target], [swapper.identity([photo()])])[0].mask[middle].mean()
    assert bare > 0.8
    assert hair < 0.5  # more of the target than of the swap


@pytest.mark.parametrize("brow", [slice(17, 22), slice(22, 27)])
def test_dark_brows_are_no_hair(swapper, brow):
    target = crop(swapper)
    line = target.landmarks[brow].round().astype(int)
    cv2.polylines(target.pixels, [line], isClosed=False, color=(15, 12, 10), thickness=9)
    made = swapper.swap([target], [swapper.identity([photo()])])[0]
    inner = line[2:] if brow.start == 17 else line[:3]  # their ends lie on the temples
    x, y = inner.T
    assert made.mask[y, x].min() > 0.85


def test_a_dark_cheek_is_no_hair(swapper):
    target = crop(swapper)
    x, y = target.landmarks[[3, 30]].mean(axis=0).astype(int)
    around = np.s_[y - 8 : y + 9, x - 8 : x + 9]
    target.pixels[around] = (15, 12, 10)
    made = swapper.swap([target], [swapper.identity([photo()])])[0]
    assert made.mask[around].min() > 0.99


def test_sizes_are_chosen_without_losing_detail():
    spec = CropSpec(np.zeros((5, 2)), (128, 256, 512))
    assert [spec.size_for(side) for side in (50, 128, 129, 512, 2000)] == [128, 128, 256, 512, 512]


def test_spline_hits_its_points_and_an_affine_map_does_not_fold():
    random = np.random.default_rng(0)
    points = random.random((20, 2))
    values = points @ [[0.9, 0.1], [-0.2, 1.1]] + [0.05, 0.02]
    spline = ThinPlateSpline(points, values, 0.0)
    np.testing.assert_allclose(spline(points), values, atol=1e-6)
    dense, area = dense_map(spline, 64, 17)
    np.testing.assert_allclose(area, 0.9 * 1.1 + 0.1 * 0.2, atol=1e-4)
    centre = spline(np.array([[32.5 / 64, 32.5 / 64]]))[0]
    np.testing.assert_allclose(dense[32, 32], centre, atol=1e-3)


@pytest.mark.parametrize("hair", [(40, 30, 20), None])
def test_a_fringe_of_the_source_is_left_out_and_a_bare_forehead_is_taken(hair):
    skin = picture(SIDE, (200, 150, 120), 3).astype(np.float32)
    points = landmarks()
    if hair is not None:
        lowest = int((points[17:27, 1].min() - 0.07) * SIDE)  # hangs down to just over the brows
        skin[:lowest] = hair
    heights = bare_forehead(skin, points, 0.26)
    if hair is None:
        np.testing.assert_allclose(heights, 0.26)
    else:
        assert (masks.forehead_points(points, heights)[:, 1] * SIDE > lowest).all()


@pytest.mark.parametrize(("size", "finest"), [(300, SIDE), (1500, LARGE_SIDE)])
def test_a_photo_with_more_pixels_gives_a_finer_texture(swapper, size, finest):
    outline = MeshSettings().outline
    texture = make_texture([photo(size=size)], swapper.spec.template, outline)
    sides = [level.shape[0] for level in texture.levels]
    assert sides[0] == finest
    assert sides[-3:] == [512, 256, 128]
    assert texture.at_least(256).shape[0] == 256
    assert texture.at_least(768).shape[0] == finest


def test_large_faces_are_swapped_at_their_own_size(swapper):
    assert [swapper.spec.size_for(covered) for covered in (256, 500, 600, 700, 900)] == [
        256,
        512,
        640,
        768,
        768,
    ]
