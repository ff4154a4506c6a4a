"""Photos of every odd kind, made with Pillow from a sound one, and bombs made of bytes."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from PIL import Image, ImageCms, PngImagePlugin

from tests.hostile.case import Maker
from tests.hostile.scene import Scene

ORIENTATION = 0x0112  # EXIF tag
TURNED = 6  # its value for a picture that must be turned by 90 degrees
_PNG = b"\x89PNG\r\n\x1a\n"

Change = Callable[[Image.Image], Image.Image]


def saved(name: str, change: Change | None = None, of: str = "me.png", **options: Any) -> Maker:
    """Save a photo under a name, changed and with these options of Pillow."""

    def make(scene: Scene) -> None:
        with Image.open(scene.stock / of) as photo:
            picture = photo.convert("RGB")
        picture = picture if change is None else change(picture)
        picture.save(scene.work / name, **options)

    return make


def sixteen_bits(picture: Image.Image) -> Image.Image:
    """Return grey with 16 bits."""
    grey = np.asarray(picture.convert("L")).astype(np.uint16) * 257
    return Image.fromarray(grey)


def only_alpha(picture: Image.Image) -> Image.Image:
    """Return a picture whose face is in the alpha plane and nowhere else."""
    black = Image.new("RGBA", picture.size)
    black.putalpha(picture.convert("L"))
    return black


def exif(tags: dict[int, Any]) -> Image.Exif:
    """Return these EXIF tags."""
    made = Image.Exif()
    for tag, value in tags.items():
        made[tag] = value
    return made


@cache
def profile() -> bytes:
    """Return a color profile; always the same, though the time of its making is in it."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def wide(size: tuple[int, int]) -> Change:
    """Return a change that makes the photo small in a picture of this size."""

    def change(picture: Image.Image) -> Image.Image:
        whole = Image.new("RGB", size, (90, 90, 90))
        whole.paste(picture)
        return whole

    return change


def squeezed(size: tuple[int, int]) -> Change:
    """Return a change to exactly this size."""
    return lambda picture: picture.resize(size)


def png_header(name: str, width: int, height: int) -> Maker:
    """Write a PNG that says it is this large and holds a row of it."""

    def make(scene: Scene) -> None:
        head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
        rows = zlib.compress(bytes(1 << 16))
        chunks = _chunk(b"IHDR", head) + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")
        (scene.work / name).write_bytes(_PNG + chunks)

    return make


def text_bomb(name: str, megabytes: int) -> Maker:
    """Write a photo with a compressed comment that becomes this large."""

    def make(scene: Scene) -> None:
        content = (scene.stock / "me.png").read_bytes()
        squeezed = zlib.compress(bytes(megabytes << 20), 9)
        bomb = _chunk(b"zTXt", b"Comment\0\0" + squeezed)
        after_header = len(_PNG) + 25
        (scene.work / name).write_bytes(content[:after_header] + bomb + content[after_header:])

    return make


def counted_apng(name: str, pictures: int) -> Maker:
    """Write a photo that says it is one of so many pictures."""

    def make(scene: Scene) -> None:
        content = (scene.stock / "me.png").read_bytes()
        count = _chunk(b"acTL", struct.pack(">II", pictures, 0))
        after_header = len(_PNG) + 25
        (scene.work / name).write_bytes(content[:after_header] + count + content[after_header:])

    return make


def encapsulated(name: str) -> Maker:
    """Write an EPS file, whose reader starts Ghostscript."""

    def make(scene: Scene) -> None:
        with Image.open(scene.stock / "me.png") as photo:
            photo.convert("RGB").save(scene.work / name, format="EPS")

    return make


def cut(name: str, share: float) -> Maker:
    """Write a JPEG that ends too early."""

    def make(scene: Scene) -> None:
        buffer = io.BytesIO()
        with Image.open(scene.stock / "me.png") as photo:
            photo.convert("RGB").save(buffer, "JPEG")
        content = buffer.getvalue()
        (scene.work / name).write_bytes(content[: int(len(content) * share)])

    return make


def commented(name: str, comment: str) -> Maker:
    """Write a photo with a text chunk."""
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", comment)
    return saved(name, pnginfo=info)


def _chunk(kind: bytes, content: bytes) -> bytes:
    checked = kind + content
    return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))
