"""Metadata of picture files (EXIF, XMP, DPI, bit depth), and which of it a result keeps."""

from __future__ import annotations

import math
from pathlib import Path

import PIL.Image

from ..plain_marks import without

ORIENTATION = 0x0112
QUARTER_TURNS = (5, 6, 7, 8)  # by a quarter
# Tags of TIFF files that say where and how the pixels lie, or that are kept in another way.
LAYOUT_TAGS = {
    *(254, 255, 256, 257, 258, 259, 262, 266, 269, 273, 277, 278, 279, 282, 283, 284, 290, 291),
    *(292, 293, 296, 297, 317, 320, 322, 323, 324, 325, 330, 332, 338, 339, 340, 341, 347, 512),
    *(513, 514, 529, 530, 531, 532, 700, 33723, 34377, 34675, 37724),
}
X_RESOLUTION = 282
RESOLUTION_TAGS = {X_RESOLUTION, 283, 296}
XMP_KEY = "XML:com.adobe.xmp"  # of the text of a PNG file
HEADER_BYTES = 4096  # bytes of a file in which its headers lie


def clean_exif(file: PIL.Image.Image) -> bytes | None:
    """Return the EXIF data without orientation, thumbnail and layout; asked for before loading.

    The thumbnail shows the picture as it was.
    """
    exif = PIL.Image.Exif()
    exif.load(file.getexif().tobytes())  # a copy: the orientation is still needed
    layout = LAYOUT_TAGS if file.format == "TIFF" else LAYOUT_TAGS - RESOLUTION_TAGS
    for tag in {ORIENTATION, *layout} & set(exif):
        del exif[tag]
    return exif.tobytes() if len(exif) else None


def other_data(file: PIL.Image.Image) -> tuple[str, ...]:
    """Return what a loaded file holds besides that no result gets, in words."""
    found = {
        "further pictures": file.format in ("MPO", "HEIF") and getattr(file, "n_frames", 1) > 1,
        "IPTC data": "photoshop" in file.info or 33723 in file.getexif(),
        "comments": "comment" in file.info or bool(set(getattr(file, "text", ())) - {XMP_KEY}),
    }
    return tuple(words for words, there in found.items() if there)


def xmp_of(file: PIL.Image.Image) -> bytes | None:
    """Return the XMP packet, without orientation once the picture is turned upright.

    Where its content credentials lie is left out too: those are not the result's.
    """
    xmp = file.info.get("xmp")
    xmp = xmp.encode() if isinstance(xmp, str) else xmp
    return without(xmp, b"provenance") if xmp else None


def dpi_of(file: PIL.Image.Image) -> tuple[float, float] | None:
    """Return the pixels per inch of the upright picture, across and down, if that is sensible.

    Asked for before the picture is turned.
    """
    jpeg = file.format in ("JPEG", "MPO")
    if jpeg and not file.info.get("jfif_unit") and X_RESOLUTION not in file.getexif():
        return None  # Pillow makes 72 of it
    try:
        across, down = (float(value) for value in file.info["dpi"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    if not all(math.isfinite(value) and 1 < value <= 30_000 for value in (across, down)):
        return None
    return (down, across) if file.getexif().get(ORIENTATION, 1) in QUARTER_TURNS else (across, down)


def is_deep(file: PIL.Image.Image, path: Path) -> bool:
    """Whether a picture that is not loaded yet has more than 8 bits per sample."""
    if file.mode.startswith("I") or file.mode == "F":
        return True
    tiles = getattr(file, "tile", ())
    raw = str(tiles[0][3]) if tiles else ""
    if "16" in raw or file.info.get("bits") == 16 or file.info.get("bit_depth", 8) > 8:
        return True
    with path.open("rb") as data:
        head = data.read(HEADER_BYTES)
    if file.format == "AVIF" and (place := head.find(b"av1C")) > 0:
        return bool(head[place + 6 : place + 7] > b"\x3f" and head[place + 6] & 0x40)
    if file.format == "JPEG2000" and (place := head.find(b"\xff\x51")) >= 0:
        return head[place + 40 : place + 41] > b"\x07" and head[place + 40] & 0x7F > 7
    return False


def is_lossless_webp(path: Path) -> bool:
    """Whether a WebP file holds its picture without loss."""
    with path.open("rb") as file:
        head = file.read(12)
        while head[:4] in (b"RIFF", b"VP8X", b"ICCP", b"ALPH", b"ANIM"):
            size = int.from_bytes(head[4:8], "little")
            file.seek(0 if head[:4] == b"RIFF" else size + size % 2, 1)
            head = file.read(8)
    return head[:4] == b"VP8L"
