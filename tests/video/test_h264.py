"""Parameter sets of H.264, as real encoders write them."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
import pytest
from av.codec.context import Flags

from videoswap.video import h264

# (profile, size, further options) and what is to be read from it
STREAMS: dict[str, tuple[dict[str, Any], tuple[int, ...], bool, bool]] = {
    "high": ({}, (1, 0, 0, 0, 7, 5, 1, 0, 0, 0, 0), True, True),
    "baseline": ({"profile": "baseline"}, (1, 0, 0, 0, 7, 5, 1, 0, 0, 0, 0), True, True),
    "10 bits": ({"pix_fmt": "yuv420p10le"}, (1, 2, 2, 0, 7, 5, 1, 0, 0, 0, 0), True, True),
    "444": ({"pix_fmt": "yuv444p"}, (3, 0, 0, 0, 7, 5, 1, 0, 0, 0, 0), True, True),
    "no loss": ({"qp": "0"}, (1, 0, 0, 1, 7, 5, 1, 0, 0, 0, 0), True, True),
    "fields": ({"flags": "+ildct"}, (1, 0, 0, 0, 7, 2, 0, 0, 0, 0, 0), False, True),
    "rates": (
        {"maxrate": "1M", "bufsize": "1M", "x264-params": "nal-hrd=vbr:overscan=show"},
        (1, 0, 0, 0, 7, 5, 1, 0, 0, 0, 0),
        True,
        True,
    ),
    "matrices": ({"x264-params": "cqm=jvt"}, (1, 0, 0, 0, 7, 5, 1, 0, 0, 0, 0), True, True),
    "odd": ({"size": (122, 90)}, (1, 0, 0, 0, 7, 5, 1, 0, 3, 0, 3), True, True),
}


def extradata(**options):
    context = av.CodecContext.create("libx264", "w")
    context.width, context.height = options.pop("size", (128, 96))
    context.pix_fmt = options.pop("pix_fmt", "yuv420p")
    context.time_base, context.framerate = Fraction(1, 25), Fraction(25)
    context.sample_aspect_ratio = Fraction(7, 11)
    context.flags |= Flags.global_header
    context.options = options
    context.open()
    return context.extradata


@pytest.mark.parametrize("name", STREAMS)
def test_what_a_parameter_set_says(name):
    options, picture, frames_only, known = STREAMS[name]
    headers = h264.Headers.read(extradata(**options))
    (sps,) = headers.sps
    assert (sps.picture, sps.frames_only, sps.reordering_known) == (picture, frames_only, known)
    assert (sps.number, headers.numbers, headers.length_size) == (0, {0}, 0)
    assert len(headers.all) == 2


def test_headers_of_two_encoders_become_one_record():
    low = h264.Headers.read(extradata(profile="baseline", level="4.1"))
    high = h264.Headers.read(extradata(**{"level": "3.0", "x264-params": "sps-id=5"}))
    assert (low.numbers, high.numbers) == ({0}, {5})
    record = h264.record([low, high])
    assert record[1] == 100  # High, which holds the other one
    assert record[3] == 41  # the higher level
    assert record[2] == low.sps[0].unit[2] & high.sps[0].unit[2]
    again = h264.Headers.read(record)
    assert again.sps == (*low.sps, *high.sps)
    assert again.pps == (*low.pps, *high.pps)
    assert (again.length_size, again.numbers) == (4, {0, 5})
    assert h264.record([again]) == record


def test_packets_get_lengths_of_four_bytes():
    wanted = b"\x00\x00\x00\x03\x65\x01\x02" + b"\x00\x00\x00\x01\x06"
    assert h264.with_lengths(b"\x00\x00\x00\x01\x65\x01\x02\x00\x00\x01\x06", 0) == wanted
    assert h264.with_lengths(b"\x03\x65\x01\x02\x01\x06", 1) == wanted
    assert h264.with_lengths(wanted, 4) == wanted
    assert list(h264.units(wanted, 4)) == [b"\x65\x01\x02", b"\x06"]


@pytest.mark.parametrize(
    "data",
    [b"", b"\x01", b"\x01" * 7, b"\x01\x64\x00\x0a\xff\xe1\x00\x20\x67", b"\x00\x00\x01\x67\x64"],
)
def test_what_is_no_header(data):
    with pytest.raises(ValueError):
        h264.Headers.read(data)


@pytest.mark.parametrize("data", [b"\x00\x00\x00\x05\x65", b"\x00\x00\x00\x00\x65"])
def test_a_packet_with_wrong_lengths(data):
    with pytest.raises(ValueError, match="longer"):
        list(h264.units(data, 4))


def test_headers_cut_short_anywhere_are_no_crash():
    whole = h264.record([h264.Headers.read(extradata())])
    for end in range(len(whole)):
        try:
            h264.Headers.read(whole[:end])
        except ValueError:
            continue
        assert end >= len(whole) - 4  # what follows the parameter sets is not read
