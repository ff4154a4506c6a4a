"""Still pictures: read as upright RGB, written with the metadata that the format holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import PIL.ImageOps
from PIL.PngImagePlugin import PngInfo

from ...errors import InputError, OutputError, UsageError
from ...marks import MARK_TEXT
from ...paths import AnyPath, path_of
from ...records import Array, Fallback
from ..files import atomic_output, open_input
from ..plain_marks import marked_xmp, write_marked_pnm
from ..probe import find_video
from .cmyk import Inks, read_inks
from .metadata import (
    XMP_KEY,
    clean_exif,
    dpi_of,
    is_deep,
    is_lossless_webp,
    other_data,
    xmp_of,
)
from .pillow import (
    decoding,
    open_picture,
    pixels_of,
    same_pixels,
)
from .still_formats import STILL_FORMATS, StillFormat, still_format

WEBP_LOSSLESS_EFFORT = 60  # of WebP's encoder, 0 to 100; more takes long and saves little
XMP_TAG = 700  # of TIFF files
PROFILE_SPACES = {"L": b"GRAY", "LA": b"GRAY", "CMYK": b"CMYK"}  # in the profile's header
QUALITY_WORDS = {"draft": 75, "good": 85, "high": 95, "visually_lossless": 98}
MAX_JPEG_EXIF, MAX_JPEG_XMP = 65_533, 65_504  # bytes that fit a segment of a JPEG file
_GRAYS = {"1", "L", "LA", "La"}
_MODES = _GRAYS | {"P", "PA", "RGB", "RGBA", "RGBX", "RGBa", "CMYK", "YCbCr"}


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A still picture, upright.

    Attributes:
        rgb: (H, W, 3) uint8 RGB.
        alpha: (H, W) uint8, or None for an opaque picture.
        icc_profile: Color profile of the file, of gray or ink where the picture is, if any.
        exif: EXIF block without orientation and thumbnail, if any.
        xmp: XMP packet, if any.
        dpi: Pixels per inch, across and down, if known.
        gray: Whether the picture has no colors, and keeps none.
        inks: The picture's own CMYK values, if a result can have them.
        lossless: Whether its file, a WebP, held it without loss.
        lost: What is lost of it whatever the result's format is.
        notes: Fallbacks on reading.
    """

    rgb: Array
    alpha: Array | None = None
    icc_profile: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    dpi: tuple[float, float] | None = None
    gray: bool = False
    inks: Inks | None = None
    lossless: bool = False
    lost: tuple[Fallback, ...] = ()
    notes: tuple[Fallback, ...] = ()

    def with_rgb(self, rgb: Array) -> Picture:
        """Return a picture with other pixels and the same alpha and metadata.

        A gray picture stays gray. Of a CMYK picture the pixels that differ get new inks.
        """
        if self.gray:
            rgb = np.asarray(PIL.Image.fromarray(rgb).convert("L"))[..., None].repeat(3, axis=2)
        inks = self.inks
        if inks is not None:
            inks = inks.repainted((rgb != self.rgb).any(axis=2), rgb)
        return replace(self, rgb=rgb, inks=inks)


def read_picture(path: AnyPath) -> Picture:
    """Read a picture, turned upright as its EXIF orientation says.

    Deeper than 8-bit pictures are reduced to 8 bits; CMYK becomes sRGB through its profile; of
    an animation or a file of several pages the first one is read.

    Raises:
        InputError: ``missing_file``, ``is_directory``, ``empty_file``, ``not_a_picture``,
            ``picture_too_large`` or ``unsupported_picture``.
    """
    path = path_of("path", path)
    try:
        with open_picture(path) as file, decoding(path):
            notes = _several(file, path)
            # Loading forgets both.
            deep, (exif, damage) = is_deep(file, path), _exif(file)
            file.load()
            picture = _picture(file, path, deep)
            return replace(picture, exif=exif, lost=damage + picture.lost, notes=notes)
    except InputError as error:
        video = _is_video(path) if error.code == "not_a_picture" else None
        raise video or error from None


def picture_suffix(path: Path) -> str:
    """Return the suffix for a result: of the picture's own format if that can be written.

    The file's own suffix if it names its format, and .png for formats that can only be read.

    Raises:
        InputError: As ``read_picture`` does.
    """
    with open_picture(path) as file:
        name = "JPEG" if file.format == "MPO" else file.format
    for form in STILL_FORMATS:
        if form.name == name:
            own = path.suffix.lower() in form.suffixes
            return path.suffix if own else form.suffixes[0]
    return ".png"


def _several(file: PIL.Image.Image, path: Path) -> tuple[Fallback, ...]:
    count = int(getattr(file, "n_frames", 1))
    if count < 2 or file.format in ("MPO", "ICO", "HEIF"):  # these hold one picture in other sizes
        return ()
    return (
        Fallback(f"all {count} pictures in {path.name}", "the first one", "one picture is needed"),
    )


def _is_video(path: Path) -> InputError | None:
    """Return what to say if the file is a video; None if it is not."""
    try:
        with open_input(path) as container:
            find_video(container, path)
    except InputError:
        return None
    return InputError(
        "not_a_picture",
        f"{path} is a video, not a picture.",
        "Give it as the input (-i), or take one picture out of it.",
    )


def _exif(file: PIL.Image.Image) -> tuple[bytes | None, tuple[Fallback, ...]]:
    """Return the EXIF data to keep; damaged ones are forgotten altogether."""
    try:
        return clean_exif(file), ()
    except Exception:  # whatever is wrong with them, there is a picture
        file.info.pop("exif", None)
        return None, (Fallback("the original's EXIF data", "none", "they are damaged"),)


def _picture(file: PIL.Image.Image, path: Path, deep: bool) -> Picture:
    dpi = dpi_of(file)
    PIL.ImageOps.exif_transpose(file, in_place=True)
    if not deep and file.mode not in _MODES:
        raise InputError(
            "unsupported_picture",
            f"Pictures of mode {file.mode} are not supported ({path}).",
            "Save it as 8-bit RGB.",
        )
    upright = _eight_bits(file) if deep else file
    icc, gray = file.info.get("icc_profile"), upright.mode in _GRAYS
    lost = []
    if deep:
        why = "pictures are worked on in 8 bits"
        lost.append(Fallback("more than 8 bits per sample", "8 bits", why))
    if gray:
        lost.append(Fallback("a swapped face in color", "a gray one", "the picture is gray"))
    if file.mode == "1":
        lost.append(Fallback("black and white alone", "shades of gray", "a face needs them"))
    for words in other_data(file):
        lost.append(Fallback(f"the original's {words}", "none", "they are not carried over"))
    alpha, inks = None, None
    if upright.mode == "CMYK":
        rgb, inks = read_inks(upright, icc)
    elif upright.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in file.info:
        pixels = pixels_of(upright if upright.mode == "RGBA" else upright.convert("RGBA"))
        rgb, alpha = np.ascontiguousarray(pixels[..., :3]), pixels[..., 3].copy()
    else:
        rgb = pixels_of(upright if upright.mode == "RGB" else upright.convert("RGB"))
    if upright.mode == "CMYK" and inks is None:
        why = "it has no color profile" if icc is None else "its color profile has no way back"
        lost.append(Fallback("CMYK", "sRGB", why))
    return Picture(
        rgb,
        alpha,
        icc,
        xmp=xmp_of(file),
        dpi=dpi,
        gray=gray,
        inks=inks,
        lossless=file.format == "WEBP" and is_lossless_webp(path),
        lost=tuple(lost),
    )


def _eight_bits(picture: PIL.Image.Image) -> PIL.Image.Image:
    if picture.mode in ("RGB", "RGBA", "LA", "L"):
        return picture  # Pillow already took the upper eight bits
    values = np.asarray(picture)
    if picture.mode == "F" or values.min() < 0 or values.max() > 65535:
        raise ValueError("its samples are neither 8 nor 16 bits")
    return PIL.Image.fromarray(np.rint(np.arange(65536) / 257).astype(np.uint8)[values])


def losses(picture: Picture, path: Path) -> tuple[Fallback, ...]:
    """Return what a result cannot keep of a picture, before any work is spent on it.

    Args:
        picture: The picture.
        path: The result; its suffix names the format.

    Raises:
        UsageError: ``unknown_picture_format``.
        OutputError: ``picture_too_large``.
    """
    form = still_format(path)
    if max(picture.rgb.shape[:2]) > form.most_side:
        raise OutputError(
            "picture_too_large",
            f"{form.name} pictures have at most {form.most_side} pixels a side.",
            "Write .png or .tif.",
        )
    mode, kept = _mode(picture, form), _kept(picture, form)
    why = f"{form.name} has no place for that"
    notes = list(picture.lost)
    if form.name == "GIF":
        notes.append(Fallback("all colors", "256 of them", "GIF holds no more"))
    if picture.inks is not None and mode != "CMYK":
        notes.append(Fallback("CMYK", "sRGB", why))
    if picture.alpha is not None and not form.alpha:
        used = "pixels of full or no opacity" if form.name == "GIF" else "an opaque picture"
        notes.append(Fallback("the original's transparency", used, why))
    if picture.icc_profile is not None and "icc_profile" not in kept:
        reason = f"it is not one of {mode} pictures" if form.icc else why
        notes.append(Fallback("the original's color profile", "none", reason))
    for name, held in (("exif", form.exif), ("xmp", form.xmp)):
        if getattr(picture, name) is not None and name not in kept:
            reason = f"they are too large for {form.name}" if held else why
            notes.append(Fallback(f"the original's {name.upper()} data", "none", reason))
    if picture.dpi is not None and not form.dpi:
        notes.append(Fallback(f"{picture.dpi[0]:.0f} pixels per inch", "none said", why))
    return tuple(notes)


def _mode(picture: Picture, form: StillFormat) -> str:
    """Return Pillow's name for the samples that a result has."""
    if form.name == "GIF":
        return "P"
    if picture.inks is not None and "CMYK" in form.modes:
        return "CMYK"
    if picture.gray and "L" in form.modes:
        alpha = picture.alpha is not None and form.alpha
        if not alpha or "LA" in form.modes:
            return "LA" if alpha else "L"
    return "RGBA" if picture.alpha is not None and form.alpha else "RGB"


def _kept(picture: Picture, form: StillFormat) -> dict[str, Any]:
    """Return what is written besides the pixels, by Pillow's names."""
    kept: dict[str, Any] = {}
    space = PROFILE_SPACES.get(_mode(picture, form), b"RGB ")
    if picture.icc_profile is not None and form.icc and picture.icc_profile[16:20] == space:
        kept["icc_profile"] = picture.icc_profile
    jpeg = form.name == "JPEG"
    if picture.exif and form.exif and not (jpeg and len(picture.exif) > MAX_JPEG_EXIF):
        kept["exif"] = picture.exif
    if picture.xmp and form.xmp and not (jpeg and len(picture.xmp) > MAX_JPEG_XMP):
        kept["xmp"] = picture.xmp
    if picture.dpi is not None and form.dpi:
        kept["dpi"] = picture.dpi
    return kept


def still_quality(path: Path, word: str | None) -> int | None:
    """Return the quality, 1 to 100, that a word stands for; None for no loss at all.

    Args:
        path: The result.
        word: As in ``EncodeSettings.quality``.

    Raises:
        UsageError: ``unknown_picture_format``, or ``no_lossless`` for JPEG and AVIF.
    """
    form = still_format(path)
    if word == "lossless" and form.name in ("JPEG", "AVIF"):
        raise UsageError(
            "no_lossless", f"{form.name} cannot be written without loss.", "Write .png or .webp."
        )
    return QUALITY_WORDS.get(word or "high")


def write_picture(
    path: AnyPath,
    picture: Picture,
    quality: int | None = 95,
    *,
    overwrite: bool = True,
    mark: bool = False,
    seal: Callable[..., None] | None = None,
) -> None:
    """Write a picture as its name says; it appears only when complete and read back.

    PNG, TIFF, BMP, PPM and JPEG 2000 are lossless; JPEG and AVIF keep full color resolution
    (4:4:4); WebP is lossy unless the picture came without loss. `losses` says what is not kept.

    Args:
        path: The result.
        picture: What to write.
        quality: 1 to 100, for JPEG, AVIF and WebP; None for WebP without loss.
        overwrite: Whether a file that appeared under its name meanwhile is replaced.
        mark: Whether the metadata say that it is synthetic.
        seal: Called with the written file before it is read back; may write it anew.

    Raises:
        UsageError: ``unknown_picture_format``.
        OutputError: ``unwritable_output``, ``disk_full``, ``picture_too_large`` or
            ``verification_failed``.
    """
    path = path_of("path", path)
    form = still_format(path)
    image = _image(picture, form)
    lossless = picture.lossless or quality is None
    options = _options(replace(picture, lossless=lossless), form, quality or 95, mark)
    try:
        with atomic_output(path, overwrite) as part:
            if mark and form.name == "PPM":
                write_marked_pnm(part, image)
            else:
                image.save(part, format=form.name, **options)
            if seal is not None:
                seal(part)
            _read_back(part, path, image, form.lossless or options.get("lossless", False))
    except (ValueError, RuntimeError) as error:
        raise OutputError(
            "picture_too_large", f"{path} cannot be written as {form.name}: {error}.", "Use .png."
        ) from error


def _image(picture: Picture, form: StillFormat) -> PIL.Image.Image:
    mode = _mode(picture, form)
    if mode == "P":
        return _of_256_colors(picture)
    if mode == "CMYK" and picture.inks is not None:
        return PIL.Image.fromarray(np.ascontiguousarray(picture.inks.values), mode="CMYK")
    pixels = picture.rgb[..., 0] if mode in ("L", "LA") else picture.rgb
    if picture.alpha is not None and mode in ("LA", "RGBA"):
        pixels = np.dstack([pixels, picture.alpha])
    return PIL.Image.fromarray(np.ascontiguousarray(pixels))


def _of_256_colors(picture: Picture) -> PIL.Image.Image:
    """Return a picture of at most 256 colors, one of which is transparent if it has alpha."""
    colors = 256 if picture.alpha is None else 255
    image = PIL.Image.fromarray(np.ascontiguousarray(picture.rgb))
    image = image.quantize(colors, PIL.Image.Quantize.MEDIANCUT, dither=PIL.Image.Dither.NONE)
    if picture.alpha is None:
        return image
    indices = np.where(picture.alpha < 128, np.uint8(colors), np.asarray(image))
    clear = PIL.Image.fromarray(indices.astype(np.uint8), mode="P")
    clear.putpalette([*(image.getpalette() or ()), *[0] * 768][:768])
    clear.info["transparency"] = colors
    return clear


def _options(picture: Picture, form: StillFormat, quality: int, mark: bool) -> dict[str, Any]:
    """Return Pillow's options for a format."""
    options = _kept(_marked(picture, form) if mark else picture, form)
    if mark and form.name in ("JPEG", "JPEG2000", "GIF"):
        options["comment"] = MARK_TEXT.encode()
    if form.name == "JPEG":
        options |= {"quality": quality, "subsampling": "4:4:4", "optimize": True}
    elif form.name == "WEBP":
        lossless = picture.lossless
        options |= {"quality": WEBP_LOSSLESS_EFFORT if lossless else quality, "lossless": lossless}
        options |= {"method": 4, "exact": True}
    elif form.name == "AVIF":
        options |= {"quality": quality, "subsampling": "4:4:4"}
    elif form.name == "PNG" and "xmp" in options:
        text = PngInfo()
        if mark:
            text.add_text("Comment", MARK_TEXT)
        text.add_itxt(XMP_KEY, options.pop("xmp").decode("utf-8", "replace"))
        options["pnginfo"] = text
    elif form.name == "TIFF":
        exif = PIL.Image.Exif()
        exif.load(options.pop("exif", b""))
        # libtiff, which compresses, writes no tables within tables.
        nested = PIL.ExifTags.IFD.Exif in exif or PIL.ExifTags.IFD.GPSInfo in exif
        if "xmp" in options:
            exif[XMP_TAG] = options.pop("xmp")
        options |= {"exif": exif, "compression": "raw" if nested else "tiff_lzw"}
    return options


def _marked(picture: Picture, form: StillFormat) -> Picture:
    xmp = marked_xmp(picture.xmp)
    fits = form.name != "JPEG" or len(xmp) <= MAX_JPEG_XMP
    return replace(picture, xmp=xmp) if fits else picture


def _read_back(part: Path, path: Path, image: PIL.Image.Image, lossless: bool) -> None:
    """Compare a written file with what was to be written, before it gets its name.

    Raises:
        OutputError: ``verification_failed``.
    """
    try:
        with open_picture(part) as file, decoding(part):
            file.load()
            same = file.size == image.size
            if same and image.mode == "P":  # its colors may be numbered anew
                same = same_pixels(file.convert("RGBA"), image.convert("RGBA"))
            elif same and lossless:
                made = file if file.mode == image.mode else file.convert(image.mode)
                same = same_pixels(made, image)
    except InputError:
        same = False
    if not same:
        raise OutputError(
            "verification_failed",
            f"{path} could not be read back as it was written.",
            "Nothing was kept of it; try another format, for example .png.",
        )
