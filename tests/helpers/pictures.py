"""Pictures made for the tests: HEIC files and CMYK profiles, which nothing installed can write."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np


def _box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I", 8 + len(body)) + kind + body


def _full(kind: bytes, version: int, *parts: bytes) -> bytes:
    return _box(kind, struct.pack(">I", version << 24), *parts)


def write_heic(path: Path, rgb: np.ndarray, depth: int = 8, turns: int = 0) -> Path:
    """Write a HEIC picture: one HEVC frame in the boxes of ISO/IEC 23008-12.

    Args:
        path: The file.
        rgb: (H, W, 3) uint8, sides of whole eights.
        depth: Bits a sample.
        turns: Quarter turns to the left after which it is upright.
    """
    height, width = rgb.shape[:2]
    encoder = av.CodecContext.create("libx265", "w")
    encoder.width, encoder.height, encoder.time_base = width, height, Fraction(1, 25)
    encoder.pix_fmt = "yuv444p" if depth == 8 else "yuv444p10le"
    encoder.options = {"crf": "4", "x265-params": "log-level=none:keyint=1:info=0"}
    frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(
        format=encoder.pix_fmt, dst_colorspace="ITU601", dst_color_range="JPEG"
    )
    frame.pts = 0
    units = b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])
    nals = [nal for nal in units.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1") if nal]
    kinds = {kind: [nal for nal in nals if nal[0] >> 1 & 63 == kind] for kind in (32, 33, 34)}
    data = b"".join(
        struct.pack(">I", len(nal)) + nal
        for nal in nals
        if nal[0] >> 1 & 63 not in (32, 33, 34, 39)
    )
    arrays = b"".join(
        struct.pack(">BHH", 0x80 | kind, 1, len(nal)) + nal for kind, (nal,) in kinds.items()
    )
    low = (depth - 8) | 0xF8
    config = struct.pack(
        ">BBIIHBHBBBBHBB", 1, 4, 1 << 27, 0, 0, 90, 0xF000, 0xFC, 0xFF, low, low, 0, 0x0F, 3
    )
    color = _box(b"colr", b"nclx", struct.pack(">HHHB", 1, 13, 6, 0x80))
    properties = [
        _box(b"hvcC", config, arrays),
        _full(b"ispe", 0, struct.pack(">II", width, height)),
        _full(b"pixi", 0, bytes([3, depth, depth, depth])),
        color,
        _box(b"irot", bytes([turns])),
    ]
    used = b"".join(bytes([0x80 | n + 1 if n in (0, 4) else n + 1]) for n in range(5))
    ftyp = _box(b"ftyp", b"heic", struct.pack(">I", 0), b"mif1heic")

    def meta(offset: int) -> bytes:
        return _full(
            b"meta",
            0,
            _full(b"hdlr", 0, bytes(4), b"pict", bytes(13)),
            _full(b"pitm", 0, struct.pack(">H", 1)),
            _full(
                b"iinf",
                0,
                struct.pack(">H", 1),
                _full(b"infe", 2, struct.pack(">HH", 1, 0), b"hvc1\0"),
            ),
            _box(
                b"iprp",
                _box(b"ipco", *properties),
                _full(b"ipma", 0, struct.pack(">IHB", 1, 1, 5), used),
            ),
            _full(b"iloc", 0, struct.pack(">BBHHHHII", 0x44, 0, 1, 1, 0, 1, offset, len(data))),
        )

    start = len(ftyp) + len(meta(0)) + 8
    path.write_bytes(ftyp + meta(start) + _box(b"mdat", data))
    return path


def cmyk_profile() -> bytes:
    """Return a small ICC profile of CMYK inks that are mixed as the plain formula says.

    Cyan takes away red and so on, and black all of them. Both directions are tables in Lab.
    """
    to_lab = _table(
        4, 5, lambda c, m, y, k: _lab((1 - c) * (1 - k), (1 - m) * (1 - k), (1 - y) * (1 - k))
    )
    from_lab = _table(3, 25, _inks)
    white = b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061)
    text = b"text\0\0\0\0made for a test\0"
    tags = {b"A2B0": to_lab, b"B2A0": from_lab, b"wtpt": white, b"cprt": text}
    tags[b"desc"] = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"inks\0" + bytes(78)
    head_size, body, table = 128 + 4 + 12 * len(tags), b"", b""
    for name, data in tags.items():
        data += bytes(-len(data) % 4)
        table += name + struct.pack(">II", head_size + len(body), len(data))
        body += data
    head = struct.pack(
        ">I4sI4s4s4s", head_size + len(body), bytes(4), 0x02400000, b"prtr", b"CMYK", b"Lab "
    )
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28)
    head += struct.pack(">3i", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def _table(inputs: int, grid: int, mixed) -> bytes:
    """Return a lut8 or lut16 table of a function of values 0 to 1."""
    axes = np.meshgrid(*[np.linspace(0, 1, grid)] * inputs, indexing="ij")
    values = np.stack(mixed(*axes), axis=-1).reshape(grid**inputs, -1)
    outputs = values.shape[1]
    ramp = struct.pack(">2H", 0, 65535)
    head = b"mft2\0\0\0\0" + bytes([inputs, outputs, grid, 0])
    head += struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536) + struct.pack(">HH", 2, 2)
    cells = np.rint(np.clip(values, 0, 1) * 65535).astype(">u2").tobytes()
    return head + ramp * inputs + cells + ramp * outputs


_TO_XYZ = np.array([[0.4361, 0.3851, 0.1431], [0.2225, 0.7169, 0.0606], [0.0139, 0.0971, 0.7141]])
_WHITE = np.array([0.9642, 1.0, 0.8249])


def _lab(*rgb):
    """Return Lab as ICC's 16 bits have it, 0 to 1, of sRGB 0 to 1."""
    light = np.stack(rgb, axis=-1)
    light = np.where(light > 0.04045, ((light + 0.055) / 1.055) ** 2.4, light / 12.92)
    f = light @ _TO_XYZ.T / _WHITE
    f = np.where(f > 216 / 24389, np.cbrt(f), (24389 / 27 * f + 16) / 116)
    lab = (116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2]))
    return lab[0] / 100 * 65280 / 65535, *((part + 128) / 255 * 65280 / 65535 for part in lab[1:])


def _inks(lightness, a, b):
    """Return CMYK of Lab as `_lab` has it, without black."""
    scale = 65535 / 65280
    fy = (lightness * scale * 100 + 16) / 116
    f = np.stack(
        [fy + (a * scale * 255 - 128) / 500, fy, fy - (b * scale * 255 - 128) / 200], axis=-1
    )
    xyz = np.where(f**3 > 216 / 24389, f**3, (116 * f - 16) * 27 / 24389) * _WHITE
    light = np.clip(xyz @ np.linalg.inv(_TO_XYZ).T, 0, 1)
    rgb = np.where(light > 0.0031308, 1.055 * light ** (1 / 2.4) - 0.055, 12.92 * light)
    return (*np.moveaxis(1 - rgb, -1, 0), np.zeros_like(fy))
