"""A worker must find the film that the run has, not just one of its name or size."""

import shutil

import pytest

from tests.helpers.clips import Clip, make
from videoswap.errors import InputError
from videoswap.executors.film import Film
from videoswap.fingerprint import file_digest
from videoswap.video.probe import probe


@pytest.fixture
def film(tmp_path):
    return make(tmp_path / "film.mp4", Clip())


def test_another_copy_of_the_same_film_is_good(film, tmp_path):
    info, digest = probe(film), file_digest(film)
    copy = shutil.copy(film, tmp_path / "copy.mp4")
    assert Film(lambda: copy, digest).info(info).path == copy
    assert Film(digest=digest).info(info).path == film


@pytest.mark.parametrize("change", ["other contents", "shorter", "gone"])
def test_another_film_in_its_place_is_refused(change, film):
    info, digest = probe(film), file_digest(film)
    contents = bytearray(film.read_bytes())
    if change == "gone":
        film.unlink()
    elif change == "shorter":
        film.write_bytes(contents[:-1])
    else:
        contents[-1] ^= 1
        film.write_bytes(contents)
    with pytest.raises(InputError) as error:
        Film(digest=digest).info(info)
    assert error.value.code == "film_not_shared"
