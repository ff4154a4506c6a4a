"""Photos and pictures: the zoo of formats, strips, bombs and what is none."""

from __future__ import annotations

import os

from PIL import Image, features

from tests.hostile.broken import both, data, noise, taken, text, with_hole
from tests.hostile.case import Case, Check, Maker, Outcome, picture_words
from tests.hostile.pictures import (
    ORIENTATION,
    TURNED,
    Change,
    commented,
    counted_apng,
    cut,
    encapsulated,
    exif,
    only_alpha,
    png_header,
    profile,
    saved,
    sixteen_bits,
    squeezed,
    text_bomb,
    wide,
)
from tests.hostile.scene import Scene


def _read(id: str, name: str, make: Maker) -> Case:
    """A source photo that is unusual and can be used."""
    return Case(id, picture_words(name), 0, make=make, leaves=("out.png",))


def _refused(id: str, name: str, make: Maker, code: int | tuple[int, ...] = 3) -> Case:
    leaves = ("out.png",) if not isinstance(code, int) and 0 in code else ()
    says = "" if leaves else name
    return Case(id, picture_words(name), code, says, make=make, leaves=leaves)


def _target(
    id: str,
    name: str,
    make: Maker,
    out: str,
    code: int = 0,
    check: Check | None = None,
    says: str = "",
) -> Case:
    leaves = (out,) if code == 0 else ()
    words = picture_words("me.png", name, out)
    return Case(id, words, code, says, make=make, leaves=leaves, check=check)


def _mode(change: str) -> Change:
    return lambda picture: picture.convert(change)


def _has(name: str, **wanted: object) -> Check:
    """Demand attributes of a picture: mode, size, or a key of its info."""

    def check(scene: Scene, outcome: Outcome) -> str:
        with Image.open(scene.work / name) as picture:
            found = {key: getattr(picture, key, None) or picture.info.get(key) for key in wanted}
        return "" if found == wanted else f"{name} has {found} instead of {wanted}"

    return check


def _has_profile(name: str) -> Check:
    def check(scene: Scene, outcome: Outcome) -> str:
        with Image.open(scene.work / name) as picture:
            return "" if picture.info.get("icc_profile") == profile() else "the profile is lost"

    return check


def _lacks(feature: str) -> str:
    return "" if features.check(feature) else f"this Pillow has no {feature}"


def _fifo(scene: Scene) -> None:
    os.mkfifo(scene.work / "pipe.png")


def _folder_of_two(scene: Scene) -> None:
    scene.take("left.png", "two/a.png")
    scene.take("right.png", "two/b.png")
    scene.take("me.png", "two/c.png")


READ = (
    _read("a photo of six people", "group.png", taken("group.png")),
    _read(
        "a folder with rubbish beside the photo",
        "people",
        both(
            taken("me.png", "people/me.png"),
            data("people/.DS_Store", b"\0\0\0\1Bud1"),
            data("people/Thumbs.db", b"\xd0\xcf\x11\xe0"),
            text("people/notes.txt", "me, 2019"),
        ),
    ),
    _read("a JPEG named .png", "x.png", saved("x.png", format="JPEG")),
    _read("CMYK", "x.jpg", saved("x.jpg", _mode("CMYK"))),
    _read("a grey photo", "x.png", saved("x.png", _mode("L"))),
    _read("grey with alpha", "x.png", saved("x.png", _mode("LA"))),
    _read("a palette", "x.png", saved("x.png", _mode("P"))),
    _read("black and white", "x.png", saved("x.png", _mode("1"))),
    _read("sixteen bits", "x.png", saved("x.png", sixteen_bits)),
    _read(
        "lying on its side (EXIF)",
        "x.jpg",
        saved(
            "x.jpg",
            lambda picture: picture.transpose(Image.Transpose.ROTATE_90),
            exif=exif({ORIENTATION: TURNED}),
        ),
    ),
    _read("EXIF of 60 KB", "x.jpg", saved("x.jpg", exif=exif({0x9286: "x" * 60_000}))),
    _read("EXIF of nonsense", "x.jpg", saved("x.jpg", exif=b"Exif\0\0" + b"\xff" * 400)),
    _read("a broken color profile", "x.png", saved("x.png", icc_profile=b"\xee" * 400)),
    _read("a comment with escape codes", "x.png", commented("x.png", "\x1b[31mred\x1b]0;x\x07")),
    _read("BMP", "x.bmp", saved("x.bmp")),
    _read("TIFF", "x.tif", saved("x.tif")),
    _read("TIFF with LZW", "x.tif", saved("x.tif", compression="tiff_lzw")),
    _read("JPEG 2000", "x.jp2", saved("x.jp2")),
    _read("ICO", "x.ico", saved("x.ico", sizes=[(256, 256)])),
    _read("PPM", "x.ppm", saved("x.ppm")),
    _read("WebP", "x.webp", saved("x.webp")),
    _read(
        "a moving WebP as photo",
        "x.webp",
        saved("x.webp", save_all=True, append_images=[Image.new("RGB", (280, 280))]),
    ),
    _read("AVIF", "x.avif", saved("x.avif")),
    _read("a link to a photo", "x.png", lambda scene: (scene.work / "x.png").symlink_to("me.png")),
    _read("the target itself as source", "left.png", taken("left.png")),
)

REFUSED = (
    _refused("photo of no bytes", "x.png", data("x.png", b"")),
    _refused("photo of a terabyte of nothing", "x.png", with_hole("x.png", 1 << 40)),
    _refused(
        "photo and then a hole of a terabyte",
        "x.png",
        with_hole("x.png", 1 << 40, "me.png"),
        (0, 3),
    ),
    _refused(
        "APNG that says it has 2^31 pictures", "x.png", counted_apng("x.png", 2**31 - 1), (0, 3)
    ),
    _refused("photo of text", "x.jpg", text("x.jpg", "a face, believe me\n")),
    _refused("photo of noise", "x.jpg", noise("x.jpg", 5000, b"\xff\xd8\xff\xe0")),
    _refused("photo cut at 30 %", "x.jpg", cut("x.jpg", 0.3), (3, 4)),
    _refused("photo of one pixel", "x.png", saved("x.png", squeezed((1, 1))), 4),
    _refused("photo with nobody", "nobody.png", taken("nobody.png"), 4),
    _refused("photo with a face in its alpha plane only", "x.png", saved("x.png", only_alpha), 4),
    _refused("TGA", "x.tga", saved("x.tga")),
    _refused("SVG", "x.svg", text("x.svg", '<svg xmlns="http://www.w3.org/2000/svg"/>')),
    _refused(
        "SVG named .png that reads a file",
        "x.png",
        text("x.png", '<svg xmlns="http://www.w3.org/2000/svg"><image href="/etc/passwd"/></svg>'),
    ),
    _refused("PDF", "x.pdf", text("x.pdf", "%PDF-1.4\n1 0 obj\n<<>>\nendobj\n%%EOF\n")),
    _refused("EPS", "x.eps", encapsulated("x.eps")),
    _refused("EPS named .jpg", "x.jpg", encapsulated("x.jpg")),
    _refused(
        "WMF named .png",
        "x.png",
        data("x.png", b"\xd7\xcd\xc6\x9a" + bytes(18) + b"\x01\x00\x09\x00" + bytes(60)),
    ),
    _refused("a video as photo", "film.mp4", taken("film.mp4")),
    _refused("a folder without photos", "empty", lambda scene: (scene.work / "empty").mkdir()),
    _refused("a folder with several people as one source", "two", _folder_of_two),
    _refused("a pipe as photo", "pipe.png", _fifo),
    _refused("a device as photo", "/dev/zero", taken("me.png")),
    Case("an address as photo", picture_words("http://127.0.0.1:9/me.png"), 3, "address"),
    _refused("a photo that is missing", "nothing.png", taken("me.png")),
    _refused("PNG that says 50000 x 50000", "x.png", png_header("x.png", 50_000, 50_000)),
    _refused(
        "PNG that says 2^31 - 1 both ways", "x.png", png_header("x.png", 2**31 - 1, 2**31 - 1)
    ),
    _refused("comment that unpacks to 200 MB", "x.png", text_bomb("x.png", 200), (0, 3)),
    _refused("strip of 8 x 2000", "x.png", saved("x.png", squeezed((8, 2000))), 4),
    _refused("strip of 4000 x 30", "x.png", saved("x.png", squeezed((4000, 30))), 4),
    _refused("strip of 1 x 60000", "x.png", saved("x.png", squeezed((1, 60_000))), (3, 4)),
    _refused(
        "grey photo of 144 megapixels",
        "x.png",
        saved("x.png", lambda picture: Image.new("L", (12_000, 12_000))),
        (3, 4),
    ),
)

TARGETS = (
    _target("strip as target", "x.png", saved("x.png", squeezed((8, 2000))), "out.png", 4),
    _target("EPS as target", "x.png", encapsulated("x.png"), "out.png", 3),
    _target("target with nobody", "nobody.png", taken("nobody.png"), "out.png", 4),
    _target("target cut at 30 %", "x.jpg", cut("x.jpg", 0.3), "out.png", 3),
    _target(
        "CMYK target is told or kept",
        "x.jpg",
        saved("x.jpg", _mode("CMYK"), "left.png"),
        "out.jpg",
        says="CMYK",
    ),
    _target(
        "resolution is kept",
        "x.jpg",
        saved("x.jpg", of="left.png", dpi=(300, 300)),
        "out.jpg",
        check=_has("out.jpg", dpi=(300, 300)),
    ),
    _target(
        "color profile is kept",
        "x.png",
        saved("x.png", of="left.png", icc_profile=profile()),
        "out.png",
        check=_has_profile("out.png"),
    ),
    _target(
        "a face at the edge of a wide picture",
        "x.png",
        saved("x.png", wide((3000, 320)), "left.png"),
        "out.png",
    ),
    Case(
        "a video as target picture",
        picture_words("me.png", "film.mp4", "out.mp4"),
        (0, 2, 3),
        "film.mp4|out.mp4",
    ),
)

ROWS = (*READ, *REFUSED, *TARGETS)
