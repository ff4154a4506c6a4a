"""Plain metadata that say that a picture is synthetic, where no library writes them.

XMP holds IPTC's digital source type, which picture programs and search engines read; everything
else is a comment.
"""

from __future__ import annotations

import re
import struct
import zlib
from pathlib import Path

import PIL.Image

from ..marks import MARK_TEXT, SOURCE_TYPE
from .stills.pillow import STRIP_ROWS

_END = b"</rdf:RDF>"
# A property as an attribute and as an element.
_ATTRIBUTE = rb"\s[\w-]+:%s\s*=\s*(?:\"[^\"]*\"|'[^']*')"
_ELEMENT = rb"<([\w-]+:%s)\b(?:[^<>]*/>|[^<>]*>[^<>]*</\1\s*>)"
_MARK = (
    '<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
    f'Iptc4xmpExt:DigitalSourceType="{SOURCE_TYPE}"/>'
).encode()
_PACKET = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    + _MARK
    + _END
    + b"</x:xmpmeta>"
)
_IMAGE_DESCRIPTION, _ASCII = 270, 2  # tag and type of TIFF files
_ENTRY = 12  # bytes of an entry of a TIFF file's directory
_WEBP_XMP_FLAG = 0x04
_TEXT = MARK_TEXT.encode("ascii")


def marked_xmp(xmp: bytes | None) -> bytes:
    """Return an XMP packet with the mark; one in a form that is not known stays as it is."""
    if xmp is None:
        return _PACKET
    if _END not in xmp:
        return xmp
    xmp = without(xmp.replace(_MARK, b""), b"DigitalSourceType")
    return xmp.replace(_END, _MARK + _END, 1)


def without(xmp: bytes, name: bytes) -> bytes:
    """Return an XMP packet without a property, whatever prefix its namespace has there."""
    return re.sub(_ELEMENT % name, b"", re.sub(_ATTRIBUTE % name, b"", xmp))


def png_comment() -> bytes:
    """Return the chunk of a PNG file that holds the mark; it stands after the header."""
    data = b"tEXtComment\0" + _TEXT
    return struct.pack(">I", len(data) - 4) + data + struct.pack(">I", zlib.crc32(data))


def mark_animation(path: Path, container: str) -> None:
    """Mark a finished GIF or animated WebP, in place; APNG is marked while it is written.

    Raises:
        OSError: If it cannot be written.
    """
    with path.open("r+b") as file:
        if container == "gif":
            file.seek(-1, 2)
            if file.read(1) == b";":  # the end of the file
                file.seek(-1, 2)
                file.write(b"!\xfe" + bytes([len(_TEXT)]) + _TEXT + b"\0;")
        elif container == "webp":
            head = file.read(21)
            if head[12:16] != b"VP8X":
                return
            packet = marked_xmp(None)
            packet += b"\0" * (len(packet) % 2)
            end = file.seek(0, 2)
            file.write(b"XMP " + struct.pack("<I", len(packet)) + packet)
            file.seek(4)
            file.write(struct.pack("<I", end + len(packet)))
            file.seek(20)
            file.write(bytes([head[20] | _WEBP_XMP_FLAG]))


def marked_picture(data: bytes) -> bytes:
    """Return a whole PNG, JPEG or TIFF file with the mark as a comment."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        after = 8 + 25  # the header is the first chunk
        return data[:after] + png_comment() + data[after:]
    if data.startswith(b"\xff\xd8"):
        return data[:2] + b"\xff\xfe" + struct.pack(">H", len(_TEXT) + 2) + _TEXT + data[2:]
    if data[:4] in (b"II*\0", b"MM\0*"):
        return _marked_tiff(data)
    return data


def _marked_tiff(data: bytes) -> bytes:
    """Write the directory anew at the end of the file, with a description."""
    order = "<" if data[:2] == b"II" else ">"
    (place,) = struct.unpack_from(order + "I", data, 4)
    (count,) = struct.unpack_from(order + "H", data, place)
    start = place + 2
    entries = [data[start + i * _ENTRY : start + (i + 1) * _ENTRY] for i in range(count)]
    following = data[start + count * _ENTRY : start + count * _ENTRY + 4]
    text = _TEXT + b"\0"
    data += b"\0" * (len(data) % 2)
    head = struct.pack(order + "HHI", _IMAGE_DESCRIPTION, _ASCII, len(text))
    entries = [one for one in entries if one[:2] != head[:2]]
    entries.append(head + struct.pack(order + "I", len(data)))
    entries.sort(key=lambda one: struct.unpack(order + "H", one[:2]))
    text += b"\0" * (len(text) % 2)
    moved = struct.pack(order + "I", len(data) + len(text))
    directory = struct.pack(order + "H", len(entries)) + b"".join(entries) + following
    return data[:4] + moved + data[8:] + text + directory


def write_marked_pnm(path: Path, image: PIL.Image.Image) -> None:
    """Write a gray or RGB picture as PGM or PPM with the mark as a comment.

    Raises:
        OSError: If it cannot be written.
    """
    magic = b"P5" if image.mode == "L" else b"P6"
    with path.open("wb") as file:
        file.write(magic + b"\n# " + _TEXT + b"\n%d %d\n255\n" % image.size)
        for top in range(0, image.height, STRIP_ROWS):
            bottom = min(top + STRIP_ROWS, image.height)
            file.write(image.crop((0, top, image.width, bottom)).tobytes())
