"""Strangers, duplicates and people among scanned faces, on made-up numbers."""

import numpy as np
import pytest

from videoswap.training.faces.selection import select
from videoswap.training.faces.settings import FacesSettings


class Euclid:
    """Compares made-up embeddings."""

    default_threshold = 0.6
    cluster_threshold = 0.5

    def distances(self, ones, others):
        return np.linalg.norm(ones[:, None] - others[None], axis=2)


def scanned(*faces):
    """Return columns of faces: (name, identity, person number, hash bits set, sharpness)."""
    random = np.random.default_rng(0)
    people = random.normal(size=(20, 16))
    people /= np.linalg.norm(people, axis=1, keepdims=True)
    hashes = random.integers(0, 2, (50, 64), np.uint8)
    rows = []
    for name, identity, person, picture, flips, sharp in faces:
        bits = hashes[picture].copy()
        bits[:flips] ^= 1
        rows.append(
            {
                "name": name, "identity": identity, "group": "", "reason": "",
                "embedding": people[person] + 0.02 * random.normal(size=16),
                "hash": np.packbits(bits), "sharpness": sharp, "face_size": 100.0,
            }
        )  # fmt: skip
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def chosen(columns, **settings):
    return select(columns, FacesSettings(**settings), Euclid())


@pytest.mark.parametrize("flips", [0, 6])
def test_the_better_of_two_same_pictures_is_kept(flips):
    columns = scanned(
        ("a", "", 0, 0, 0, 0.1), ("b", "", 0, 0, flips, 0.2), ("c", "", 0, 1, 0, 0.1)
    )  # fmt: skip
    found = chosen(columns)
    assert found.reasons.tolist() == ["duplicate", "", ""]
    assert found.originals.tolist() == [1, -1, -1]
    assert sorted(found.order.tolist()) == [1, 2]


@pytest.mark.parametrize(
    ("other", "flips"), [(0, 7), (1, 0)], ids=["another picture", "another person"]
)
def test_what_is_no_duplicate(other, flips):
    columns = scanned(("a", "", 0, 0, 0, 0.1), ("b", "", other, 0, flips, 0.2))
    assert chosen(columns).reasons.tolist() == ["", ""]


def test_a_chain_of_pictures_keeps_its_ends():
    columns = scanned(
        ("a", "", 0, 0, 0, 0.3), ("b", "", 0, 0, 5, 0.2), ("c", "", 0, 0, 10, 0.1)
    )  # fmt: skip
    assert chosen(columns).reasons.tolist() == ["", "duplicate", ""]


def test_a_stranger_in_a_folder_is_thrown_out():
    columns = scanned(*((f"{n}", "ann", int(n == 4), n, 0, 0.1) for n in range(5)))
    assert chosen(columns).reasons.tolist() == [""] * 4 + ["other_person"]


def test_two_pictures_do_not_say_who_is_meant():
    columns = scanned(("a", "ann", 0, 0, 0, 0.1), ("b", "ann", 1, 1, 0, 0.1))
    assert chosen(columns).reasons.tolist() == ["", ""]


def test_people_without_a_name_are_found_by_their_faces():
    columns = scanned(
        ("a", "ann", 0, 0, 0, 0.1), ("b", "", 1, 1, 0, 0.1), ("c", "", 2, 2, 0, 0.1),
        ("d", "", 1, 3, 0, 0.1), ("e", "ann", 0, 4, 0, 0.1),
    )  # fmt: skip
    assert chosen(columns).identities.tolist() == ["ann", "b", "c", "b", "ann"]
    assert chosen(columns, identities="none").identities.tolist() == ["ann", "", "", "", "ann"]
    assert chosen(columns, identities="faces").identities.tolist() == ["a", "b", "c", "b", "a"]


def test_faces_of_one_person_of_a_video_stay_together():
    columns = scanned(("a", "", 0, 0, 0, 0.1), ("b", "", 5, 1, 0, 0.1), ("c", "", 5, 2, 0, 0.1))
    columns["group"] = np.array(["film#person0", "film#person0", ""])
    found = chosen(columns).identities.tolist()
    assert found[0] == found[1] == "film#person0"


def test_people_with_too_few_pictures_are_left_out():
    columns = scanned(
        ("a", "ann", 0, 0, 0, 0.1), ("b", "ann", 0, 1, 0, 0.1), ("c", "bob", 1, 2, 0, 0.1)
    )  # fmt: skip
    assert chosen(columns, min_pictures=2).reasons.tolist() == ["", "", "few_pictures"]


def test_whole_people_are_held_out():
    faces = [(f"{n}/{k}", f"p{n}", n, 2 * n + k, 0, 0.1) for n in range(20) for k in range(2)]
    found = chosen(scanned(*faces), held=3)
    assert (found.held[::2] == found.held[1::2]).all() and 0 < found.held.sum() < 40


def test_the_order_is_a_function_of_the_seed():
    columns = scanned(*((f"{n}", "", n, n, 0, 0.1) for n in range(20)))
    order = chosen(columns).order.tolist()
    assert sorted(order) == list(range(20)) != order
    assert chosen(columns).order.tolist() == order != chosen(columns, seed=1).order.tolist()
