import numpy as np
import pytest

pytest.importorskip("torch")

import cv2

from tests.helpers.swapper_runs import STILL, pack_people, small_settings
from videoswap.errors import InputError, UsageError
from videoswap.training.faces.dataset import UNKNOWN
from videoswap.training.swapper.pairs import FacePairs, jittered, people_of
from videoswap.training.swapper.settings import ColorJitter, SwapperSettings


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("swapper")


def pairs_of(folder, **changed):
    return FacePairs(small_settings(SwapperSettings, folder, **changed), 0, 4)


def drawn_partners(pairs, row=0, count=400):
    return [pairs.partner(row, np.random.default_rng(n)) for n in range(count)]


def test_unknown_people_are_people_of_their_own():
    numbers = people_of(np.array([UNKNOWN, 1, 0, 1, UNKNOWN]))
    assert numbers[1] == numbers[3]
    assert len(set(numbers.tolist())) == 4
    assert len(set(people_of(np.array([0, 0, 1]), counts=False).tolist())) == 3


def test_a_fifth_of_the_pairs_shows_one_person_in_two_photos(folder):
    found = drawn_partners(pairs_of(folder))
    same = [row for row, alike in found if alike]
    assert set(same) == {1}  # the other photo of the same person
    assert 0.12 < len(same) / len(found) < 0.28
    assert {row for row, alike in found if not alike} == set(range(2, 8))  # nobody held out


@pytest.mark.parametrize(
    ("changed", "same", "other"),
    [
        ({"same_identity": False}, {0}, set(range(2, 8))),
        ({"identities": False, "same_identity": False}, {0}, set(range(1, 8))),
        ({"same_person": 1.0}, {1}, set()),
        ({"same_person": 0.0}, set(), set(range(2, 8))),
    ],
)
def test_who_is_paired_with_whom(folder, changed, same, other):
    found = drawn_partners(pairs_of(folder, **changed))
    assert {row for row, alike in found if alike} == same
    assert {row for row, alike in found if not alike} == other


def test_held_out_pairs_show_two_people_and_every_target_once(folder):
    held = pairs_of(folder).held
    assert sorted(target for _, target in held) == [8, 9, 10]
    assert all(source != target and source >= 8 for source, target in held)


def test_one_person_alone_is_refused(folder, tmp_path):
    data = pack_people(tmp_path / "one", people=1)
    with pytest.raises(InputError, match="fewer than two people"):
        pairs_of(folder, data=data)


def test_without_jitter_colors_stay():
    level = np.random.default_rng(0).random((8, 8, 3), np.float32)
    random = np.random.default_rng(1)
    np.testing.assert_allclose(jittered(level, STILL, random), level, atol=1e-6)


def test_every_change_of_color_does_what_it_is_called():
    level = np.random.default_rng(0).uniform(0.35, 0.65, (8, 8, 3)).astype(np.float32)

    def changed(**one):
        return jittered(level, ColorJitter(**{**dict.fromkeys(ColorJitter.__slots__, 0), **one}),
                        np.random.default_rng(3))  # fmt: skip

    ratio = changed(brightness=0.2) / level
    assert np.ptp(ratio) < 1e-5 and abs(ratio.mean() - 1) > 0.01
    assert abs(np.std(changed(contrast=0.2)) / np.std(level) - 1) > 0.01
    grey = np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(changed(saturation=0.2) @ grey, level @ grey, atol=1e-5)
    assert np.abs(changed(saturation=0.2) - level).max() > 0.01
    tones = [cv2.cvtColor(one, cv2.COLOR_RGB2HSV) for one in (level, changed(hue=0.1))]
    turns = (tones[1] - tones[0] + 180)[..., 0] % 360 - 180
    assert np.ptp(turns) < 0.1 and abs(turns.mean()) > 0.5
    np.testing.assert_allclose(tones[0][..., 1:], tones[1][..., 1:], atol=1e-4)


@pytest.mark.parametrize(
    "wrong",
    [{"brightness": 1.5}, {"hue": 0.6}, {"contrast": -0.1}],
)
def test_wrong_jitter_is_refused(wrong):
    with pytest.raises(UsageError, match="jitter"):
        ColorJitter(**wrong)
