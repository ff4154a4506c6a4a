"""Table of the picture formats that can be written, and what each of them holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...errors import UsageError


@dataclass(frozen=True, slots=True)
class StillFormat:
    """A format of still pictures.

    Attributes:
        name: Pillow's name.
        suffixes: Endings of its files; the first is the usual one.
        modes: Pillow's modes that come back as they were written.
        lossless: Whether every pixel comes back; WebP can do both.
        icc: Whether it holds a color profile.
        exif: Whether it holds EXIF data.
        xmp: Whether it holds XMP data.
        dpi: Whether it holds the pixels per inch.
        most_side: Longest side in pixels.
    """

    name: str
    suffixes: tuple[str, ...]
    modes: frozenset[str]
    lossless: bool
    icc: bool = False
    exif: bool = False
    xmp: bool = False
    dpi: bool = False
    most_side: int = 1 << 30

    @property
    def alpha(self) -> bool:
        """Whether it holds transparency; GIF, which has only on and off, not."""
        return "RGBA" in self.modes


_COLOR = frozenset({"RGB", "RGBA"})
_ALL = _COLOR | {"L", "LA"}
STILL_FORMATS = (
    StillFormat("PNG", (".png", ".apng"), _ALL, True, icc=True, exif=True, xmp=True, dpi=True),
    StillFormat(
        "JPEG",
        (".jpg", ".jpeg", ".jpe", ".jfif"),
        frozenset({"L", "RGB", "CMYK"}),
        False,
        icc=True,
        exif=True,
        xmp=True,
        dpi=True,
        most_side=65_500,
    ),
    StillFormat("WEBP", (".webp",), _COLOR, False, icc=True, exif=True, xmp=True, most_side=16_383),
    StillFormat(
        "TIFF", (".tif", ".tiff"), _ALL | {"CMYK"}, True, icc=True, exif=True, xmp=True, dpi=True
    ),
    StillFormat(
        "AVIF", (".avif",), _COLOR | {"L"}, False, icc=True, exif=True, xmp=True, most_side=65_535
    ),
    StillFormat("BMP", (".bmp",), frozenset({"L", "RGB"}), True, dpi=True),
    StillFormat("JPEG2000", (".jp2", ".jpx", ".j2k", ".j2c"), _ALL, True),
    StillFormat("GIF", (".gif",), frozenset({"P"}), False, most_side=65_535),
    StillFormat("PPM", (".ppm", ".pgm", ".pnm"), frozenset({"L", "RGB"}), True),
)
WRITABLE_SUFFIXES = tuple(suffix for form in STILL_FORMATS for suffix in form.suffixes)


def still_format(path: Path) -> StillFormat:
    """Return the format that a file name asks for.

    Raises:
        UsageError: ``unknown_picture_format``.
    """
    for form in STILL_FORMATS:
        if path.suffix.lower() in form.suffixes:
            return form
    raise UsageError(
        "unknown_picture_format",
        f"{path.name} does not end in the name of a picture format that can be written.",
        f"Use one of {', '.join(WRITABLE_SUFFIXES)}.",
    )


def check_mask_name(path: Path) -> None:
    """Refuse a name for a mask under which it could not be kept as it is.

    Raises:
        UsageError: ``unknown_picture_format`` or ``lossy_masks``.
    """
    if not still_format(path).lossless:
        raise UsageError(
            "lossy_masks",
            f"A {path.suffix} file cannot hold masks without loss.",
            "Use .png.",
        )
