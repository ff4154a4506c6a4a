"""The records that flow between the rooms."""

import ast

import pytest

from tests.helpers.locations import ROOT
from videoswap.records import Fallback, counted


@pytest.mark.parametrize(
    ("note", "sentence"),
    [
        (
            Fallback("libx264", "libvpx-vp9", "webm cannot hold h264"),
            "libvpx-vp9 instead of libx264, because webm cannot hold h264",
        ),
        (
            Fallback("transparency", "", "JPEG files cannot hold it"),
            "without transparency, because JPEG files cannot hold it",
        ),
    ],
)
def test_a_note_says_what_was_done_instead_of_what_and_why(note, sentence):
    assert str(note) == sentence


@pytest.mark.parametrize(
    ("number", "noun", "words"),
    [
        (1, "frame", "1 frame"),
        (0, "frame", "0 frames"),
        (1, "person", "1 person"),
        (2, "more person", "2 more people"),
    ],
)
def test_a_number_has_its_noun_in_the_right_form(number, noun, words):
    assert counted(number, noun) == words


def test_every_note_of_the_package_names_things_so_that_its_sentence_reads():
    """Nouns stand on both sides of "instead of": "the largest is taken" would not read."""
    told = 0
    for path in (ROOT / "videoswap").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Fallback":
                words = [word for part in node.args[:2] for word in ast.unparse(part).split()]
                told += 1
                assert not {"is", "are", "was", "not", "dropped'"} & set(words), ast.unparse(node)
    assert told > 20
