"""Pictures opened with Pillow: known formats only, bounded size, one error for any failure."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import PIL.Image

from ...errors import InputError, VideoswapError
from ...packages import explain
from ...records import Array
from ..files import check_readable

# Pillow's readers that may see a file. None of them starts another program, as the one of EPS
# does (Ghostscript), and all of them know their files by the first bytes.
READABLE_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP", "JPEG2000", "AVIF", "PPM", "ICO")
# Files with these suffixes are taken for pictures.
READABLE_SUFFIXES = frozenset(
    {
        *(".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".webp", ".gif"),
        *(".tif", ".tiff", ".bmp", ".jp2", ".j2k", ".jpx", ".avif", ".ppm", ".pgm", ".pnm"),
        *(".ico", ".heic", ".heif", ".hif"),
    }
)
ANIMATED_FORMATS = {"GIF": "gif", "WEBP": "webp", "PNG": "apng"}
MAX_PICTURE_PIXELS = 178_000_000  # Pillow's own limit is a little above it
MAX_FILE_BYTES = 2 << 30  # of a file
STRIP_ROWS = 512  # of a picture that are copied or compared at once
HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs")
HEIF_OR_AVIF_BRANDS = (b"mif1", b"msf1")
RAW_SUFFIXES = frozenset(
    [".arw", ".cr2", ".cr3", ".dng", ".nef", ".orf", ".pef", ".raf", ".rw2", ".srw"]
)
NOT_RAW_SIGNATURES = (
    b"\x89PNG",
    b"\xff\xd8\xff\xe0",
    b"\xff\xd8\xff\xe1",
)  # PNG, JPEG
# Files that are not read as pictures, by their first bytes.
OTHER_SIGNATURES = (
    (b"%!PS", "a PostScript file", "Export it as PNG."),
    (b"\xc5\xd0\xd3\xc6", "a PostScript file", "Export it as PNG."),
    (b"%PDF", "a PDF file", "Export the page as PNG."),
    (b"8BPS", "a Photoshop file", "Export it as PNG or TIFF."),
    (b"\x76\x2f\x31\x01", "an OpenEXR file", "Export it as PNG."),
    (b"<svg", "an SVG drawing", "Export it as PNG."),
    (b"<?xml", "an XML file", "Export it as PNG."),
)


@contextmanager
def decoding(path: Path) -> Iterator[None]:
    """Convert whatever Pillow raises on a damaged or hostile file to an InputError.

    Raises:
        InputError: ``not_a_picture`` or ``picture_too_large``.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of bombs, damaged EXIF and the like
            yield
    except VideoswapError:
        raise
    except PIL.Image.DecompressionBombError:
        raise InputError(
            "picture_too_large",
            f"{path} has too many pixels.",
            f"At most {MAX_PICTURE_PIXELS:,} are read; make it smaller.",
        ) from None
    except PIL.UnidentifiedImageError:
        raise _not_a_picture(path) from None
    # Its readers let struct.error, zlib.error, IndexError, MemoryError and many others through.
    except Exception as error:
        raise InputError(
            "not_a_picture",
            f"{path} is not a picture that can be read, or it is damaged.",
            f"Pillow says: {str(error).rstrip('.') or type(error).__name__}.",
        ) from None


@contextmanager
def open_picture(
    path: Path, formats: tuple[str, ...] = READABLE_FORMATS
) -> Iterator[PIL.Image.Image]:
    """Open a picture of one of some formats; its pixels are not decoded yet.

    Raises:
        InputError: ``missing_file``, ``is_directory``, ``unreadable_file``, ``empty_file``,
            ``not_a_picture``, ``picture_too_large``, or ``missing_package`` for HEIC.
    """
    check_readable(path)
    if path.stat().st_size > MAX_FILE_BYTES:  # some of Pillow's readers take all of it into memory
        raise InputError(
            "not_a_picture", f"{path} is larger than any picture that is read.", "Make it smaller."
        )
    if path.suffix.lower() in RAW_SUFFIXES and (error := other_kind(path)) is not None:
        raise error
    with decoding(path):
        file = _open_heif(path) if is_heif(path) else PIL.Image.open(path, formats=formats)
    try:
        if file.width * file.height > MAX_PICTURE_PIXELS:
            with decoding(path):
                raise PIL.Image.DecompressionBombError
        yield file
    finally:
        with suppress(Exception):
            file.close()


def is_heif(path: Path) -> bool:
    """Whether the first bytes say HEIC or HEIF, as iPhones write."""
    with path.open("rb") as file:
        head = file.read(64)
    if head[4:8] != b"ftyp":
        return False
    either = head[8:12] in HEIF_OR_AVIF_BRANDS and b"avif" not in head and b"avis" not in head
    return either or head[8:12] in HEIF_BRANDS


def _open_heif(path: Path) -> PIL.Image.Image:
    try:
        from pi_heif import HeifImageFile
    except ImportError as error:
        raise explain(error) from None
    image: PIL.Image.Image = HeifImageFile(path)
    return image


def size_of(path: Path) -> tuple[int, int]:
    """Return width and height that the header of a picture says; see `opened` for the errors."""
    with open_picture(path) as file:
        return file.width, file.height


def pixels_of(image: PIL.Image.Image) -> Array:
    """Return the samples of a loaded picture as a uint8 array that may be changed.

    Row by row: Pillow makes two more copies of what it is asked for at once.
    """
    strips = (
        image.crop((0, top, *_strip(image, top))) for top in range(0, image.height, STRIP_ROWS)
    )
    first = np.asarray(image.crop((0, 0, 1, 1)))
    pixels = np.empty((image.height, image.width, *first.shape[2:]), first.dtype)
    for index, strip in enumerate(strips):
        pixels[index * STRIP_ROWS : index * STRIP_ROWS + strip.height] = np.asarray(strip)
    return pixels


def same_pixels(one: PIL.Image.Image, other: PIL.Image.Image) -> bool:
    """Whether two pictures of one size and mode have the same samples."""
    return all(
        one.crop((0, top, *_strip(one, top))).tobytes()
        == other.crop((0, top, *_strip(one, top))).tobytes()
        for top in range(0, one.height, STRIP_ROWS)
    )


def same_pictures(one: Path, other: Path) -> bool:
    """Whether two files show the same pictures for the same time.

    Raises:
        InputError: If one cannot be read.
    """
    with open_picture(one) as first, open_picture(other) as second:
        count = getattr(first, "n_frames", 1)
        if count != getattr(second, "n_frames", 1):
            return False
        for number in range(count):
            with decoding(one):
                first.seek(number)
                first.load()
            with decoding(other):
                second.seek(number)
                second.load()
            if (first.size, first.mode) != (second.size, second.mode):
                return False
            if first.info.get("duration") != second.info.get("duration"):
                return False
            if not same_pixels(first, second):
                return False
    return True


def _strip(image: PIL.Image.Image, top: int) -> tuple[int, int]:
    return image.width, min(top + STRIP_ROWS, image.height)


def animation_format(path: Path) -> str | None:
    """Return ``gif``, ``webp`` or ``apng`` for a picture file with more than one frame."""
    try:
        with open_picture(path, tuple(ANIMATED_FORMATS)) as file, decoding(path):
            # A PNG may show something else where animations are not known.
            frames = getattr(file, "n_frames", 1) - bool(file.info.get("default_image"))
            return ANIMATED_FORMATS.get(file.format or "") if frames > 1 else None
    except InputError:
        return None


def other_kind(path: Path) -> InputError | None:
    """Return the error for a file that looks like a picture but is not read as one, else None."""
    with path.open("rb") as file:
        head = file.read(256).lstrip()
    if path.suffix.lower() in RAW_SUFFIXES and head[:4] not in NOT_RAW_SIGNATURES:
        # Many are TIFF files of which only a thumbnail would be read.
        kind, hint = "a raw file of a camera", "Develop it to TIFF or JPEG first."
        return InputError("not_a_picture", f"{path} is {kind}, which is not read.", hint)
    for magic, kind, hint in OTHER_SIGNATURES:
        if head.startswith(magic):
            return InputError("not_a_picture", f"{path} is {kind}, which is not read.", hint)
    return None


def _not_a_picture(path: Path) -> InputError:
    return other_kind(path) or InputError(
        "not_a_picture",
        f"{path} is not a picture that can be read, or it is damaged.",
        "Pictures are PNG, JPEG, WebP, HEIC, AVIF, TIFF, GIF, BMP or JPEG 2000.",
    )
