"""Files that FFmpeg did not write: refused, and not a byte of them changed."""

from fractions import Fraction

import pytest

from scripts.fuzz_targets import matroska_file
from videoswap.errors import OutputError
from videoswap.video import matroska

TRACKS = b"\x16\x54\xae\x6b"
WHOLE = matroska_file()


def test_the_display_size_takes_the_room_of_the_placeholder(tmp_path):
    path = tmp_path / "whole.mkv"
    path.write_bytes(WHOLE)
    matroska.write_pixel_shape(path, Fraction(16, 15))
    made = path.read_bytes()
    assert len(made) == len(WHOLE) and matroska.TITLE_PLACEHOLDER.encode() not in made
    # 320 x 240 with pixels of 16:15 is 64:45: a ratio, since 320 * 16 / 15 is no whole number.
    assert b"\x54\xb0\x81\x40\x54\xba\x81\x2d" in made and b"\x54\xb2\x81\x03" in made


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(WHOLE[:60], id="cut short in the tracks"),
        pytest.param(WHOLE[:4], id="cut short in the first head"),
        pytest.param(WHOLE.replace(TRACKS, b"\x01\x54\xae\x6b"), id="no element"),
        pytest.param(WHOLE.replace(b"\xb0\x82", b"\xb0\x89"), id="an element beyond its parent"),
        pytest.param(WHOLE.replace(b"\xba\x81\xf0", b"\xbb\x81\xf0"), id="no height"),
        pytest.param(WHOLE.replace(b"\xba\x81\xf0", b"\xba\x81\x00"), id="a height of 0"),
        pytest.param(TRACKS + b"\x01" + b"\xff" * 6 + b"\x00", id="tracks of 72 petabytes"),
        pytest.param(b"\x1a\x45\xdf\xa3\x00" + bytes(20), id="a size below 0"),
        pytest.param(TRACKS + b"\x80", id="empty tracks"),
    ],
)
def test_what_ffmpeg_does_not_write_is_refused(data, tmp_path):
    path = tmp_path / "strange.mkv"
    path.write_bytes(data)
    with pytest.raises(OutputError) as caught:
        matroska.write_pixel_shape(path, Fraction(16, 15))
    assert caught.value.code == "damaged_result" and str(path) in caught.value.message
    assert path.read_bytes() == data
