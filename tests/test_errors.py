"""Why something failed, in words."""

import sqlite3

import pytest

from videoswap.errors import reason_of


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (NotADirectoryError(20, "Not a directory", "/a/b"), "Not a directory"),
        (sqlite3.OperationalError("disk I/O error."), "disk I/O error"),
        (KeyError(), "KeyError"),
    ],
)
def test_a_reason_has_no_number_and_no_path(error, words):
    assert reason_of(error) == words
