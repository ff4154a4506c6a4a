"""Words after a flag, and words that mean nothing there."""

import argparse
from fractions import Fraction

import pytest

from videoswap.cli import values


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("12", Fraction(12)),
        ("0.1", Fraction(1, 10)),
        ("01:30", Fraction(90)),
        ("1:02:03.250", Fraction(14893, 4)),
    ],
)
def test_times_are_exact(text, seconds):
    assert values.time(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "abc", "1:2:3:4", "-5", "1:-2", "nan", "1e99", "1e1000000000", "9" * 99, "9999999999"],
)
def test_other_times_are_refused(text):
    with pytest.raises(argparse.ArgumentTypeError):
        values.time(text)


@pytest.mark.parametrize(("text", "share"), [("1/20", Fraction(1, 20)), ("0.05", Fraction(1, 20))])
def test_shares_are_exact(text, share):
    assert values.share(text) == share


@pytest.mark.parametrize(("text", "sides"), [("auto", None), ("3", 3)])
def test_sub_images_a_side(text, sides):
    assert values.pixel_boost(text) == sides


@pytest.mark.parametrize(
    ("text", "value"), [("True", True), ("false", False), ("False", False), ("1", True)]
)
def test_booleans_are_read_strictly(text, value):
    assert values.strict_bool(text) is value


@pytest.mark.parametrize(
    ("read", "text", "words"),
    [
        (values.strict_bool, "maybe", "neither true nor false"),
        (values.share, "1/0", "not a number"),
        (values.share, "much", "not a number"),
        (values.share, "1e-1000000000", "not a number"),
        (values.pixel_boost, "much", "neither auto nor"),
    ],
)
def test_other_words_are_refused(read, text, words):
    with pytest.raises(argparse.ArgumentTypeError, match=words):
        read(text)
