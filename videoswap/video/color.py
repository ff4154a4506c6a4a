"""The color of a stream: matrix, range, transfer function, and the tags that name them."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
from av.sidedata.sidedata import Type
from av.video.reformatter import Colorspace

from ..errors import InputError
from .pixel_formats import layout

# Values of ITU-T H.273, as FFmpeg numbers them.
RGB, BT709, UNSPECIFIED, FCC, BT470BG, SMPTE170M, SMPTE240M = 0, 1, 2, 4, 5, 6, 7
BT2020_NCL = 9
LIMITED, FULL = 1, 2
PQ, HLG = 16, 18

# Luma weights of red and blue.
LUMA_WEIGHTS = {
    BT709: (0.2126, 0.0722),
    FCC: (0.30, 0.11),
    BT470BG: (0.299, 0.114),
    SMPTE170M: (0.299, 0.114),
    SMPTE240M: (0.212, 0.087),
    BT2020_NCL: (0.2627, 0.0593),
}
HD_MIN_HEIGHT = 720  # untagged pictures lower than this are taken for BT.601, others for BT.709


@dataclass(frozen=True, slots=True)
class HdrMetadata:
    """HDR mastering metadata (SMPTE ST 2086 and CTA-861.3).

    Attributes:
        primaries: Chromaticities x, y of red, green, blue and white; None if unknown.
        luminance: Least and greatest luminance in cd/m2; None if unknown.
        max_cll: Greatest light level of a pixel in cd/m2; 0 if unknown.
        max_fall: Greatest mean light level of a frame in cd/m2; 0 if unknown.
    """

    primaries: tuple[Fraction, ...] | None = None
    luminance: tuple[Fraction, Fraction] | None = None
    max_cll: int = 0
    max_fall: int = 0


@dataclass(frozen=True, slots=True)
class Color:
    """Color description of the samples of a stream.

    Attributes:
        space: Matrix used for conversion (H.273 number; 0 for RGB), never unspecified.
        full_range: Whether samples use their whole range.
        depth: Bits per sample.
        transfer: ``sdr``, ``pq``, ``hlg``, or ``half`` for the numbered half floats of EXR.
        space_tag: Matrix as the stream says it, for the output.
        range_tag: Range as the stream says it (0 unspecified, 1 limited, 2 full).
        transfer_tag: Transfer characteristic as the stream says it.
        primaries_tag: Primaries as the stream says them.
        hdr: HDR mastering metadata, if any.
    """

    space: int
    full_range: bool
    depth: int
    transfer: str
    space_tag: int = UNSPECIFIED
    range_tag: int = 0
    transfer_tag: int = UNSPECIFIED
    primaries_tag: int = UNSPECIFIED
    hdr: HdrMetadata | None = None


def color_of(frame: av.VideoFrame) -> Color:
    """Return the color of a planar frame.

    An unspecified matrix means BT.601 under 720 rows and BT.709 from there on; an unspecified
    range means limited for YUV and full for gray and RGB.

    Raises:
        InputError: ``unsupported_color`` for matrices that ``LUMA_WEIGHTS`` lacks, such as YCgCo.
    """
    form = layout(frame.format.name)
    if form is None:
        raise ValueError(f"{frame.format.name} is not planar")
    space = int(frame.colorspace)
    if form.model == "rgb":
        used = RGB
    elif space == UNSPECIFIED or form.model == "gray":
        used = SMPTE170M if frame.height < HD_MIN_HEIGHT else BT709
    else:
        used = space
    if used != RGB and used not in LUMA_WEIGHTS:
        raise InputError(
            "unsupported_color",
            f"The color matrix of the video (H.273 number {used}) is not supported.",
            "Convert it to BT.709 or BT.2020 first.",
        )
    tag = int(frame.color_range)
    full = form.model == "rgb" or tag == FULL or (form.model == "gray" and tag != LIMITED)
    curve = {PQ: "pq", HLG: "hlg"}.get(int(frame.color_trc), "sdr")
    return Color(
        space=used,
        full_range=full,
        depth=form.depth,
        transfer=curve,
        space_tag=space,
        range_tag=FULL if full else tag,
        transfer_tag=int(frame.color_trc),
        primaries_tag=int(frame.color_primaries),
        hdr=_hdr_metadata(frame),
    )


def side_data(frame: av.VideoFrame) -> dict[Type, bytes]:
    """Return the side data of a frame by type."""
    try:
        entries: Iterable[Any] = frame.side_data  # PyAV iterates over the values
    except ValueError:  # it knows no EXIF, which pictures and motion JPEG may have
        return {}
    return {entry.type: bytes(entry) for entry in entries}


def _hdr_metadata(frame: av.VideoFrame) -> HdrMetadata | None:
    found = side_data(frame)
    mastering = found.get(Type.MASTERING_DISPLAY_METADATA)
    level = found.get(Type.CONTENT_LIGHT_LEVEL)
    if mastering is None and level is None:
        return None
    primaries, luminance = _mastering(mastering) if mastering else (None, None)
    cll, fall = struct.unpack_from("=II", level) if level else (0, 0)
    return HdrMetadata(primaries, luminance, cll, fall)


def _mastering(
    data: bytes,
) -> tuple[tuple[Fraction, ...] | None, tuple[Fraction, Fraction] | None]:
    """Read FFmpeg's AVMasteringDisplayMetadata: ten fractions and two flags."""
    raw = struct.unpack_from("=22i", data)
    values = [Fraction(raw[i], raw[i + 1] or 1) for i in range(0, 20, 2)]
    has_primaries, has_luminance = raw[20], raw[21]
    return (
        tuple(values[:8]) if has_primaries else None,
        (values[8], values[9]) if has_luminance else None,
    )


def swscale_space(color: Color) -> int:
    """Return swscale's number of the matrix that turns these samples into RGB."""
    known = {
        BT709: Colorspace.ITU709,
        FCC: Colorspace.FCC,
        SMPTE240M: Colorspace.SMPTE240M,
        BT2020_NCL: Colorspace.BT2020,
    }
    return int(known.get(color.space, Colorspace.ITU601))
