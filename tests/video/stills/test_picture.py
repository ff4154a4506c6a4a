"""Still pictures: orientation, alpha, metadata, odd modes, errors."""

from __future__ import annotations

import io
import struct
import sys
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageCms
import pytest
from PIL.PngImagePlugin import PngInfo

from tests.helpers.pictures import write_heic
from videoswap.errors import InputError, OutputError, UsageError
from videoswap.video.probe import media_kind
from videoswap.video.stills import pillow
from videoswap.video.stills.picture import (
    Picture,
    losses,
    picture_suffix,
    read_picture,
    write_picture,
)
from videoswap.video.stills.pillow import READABLE_SUFFIXES
from videoswap.video.stills.still_formats import check_mask_name

SRGB = PIL.ImageCms.ImageCmsProfile(PIL.ImageCms.createProfile("sRGB")).tobytes()
XMP = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>made for a test</x:xmpmeta>"

UPRIGHT = np.zeros((20, 30, 3), np.uint8)
UPRIGHT[:8, :12] = (255, 0, 0)
UPRIGHT[:8, 20:] = (0, 255, 0)
UPRIGHT[14:, :12] = (0, 0, 255)
TURNS = {
    1: lambda p: p,
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.transpose(1, 0, 2),
    6: lambda p: np.rot90(p, 1),
    7: lambda p: p[::-1, ::-1].transpose(1, 0, 2),
    8: lambda p: np.rot90(p, -1),
}


@pytest.mark.parametrize("turn", sorted(TURNS))
def test_orientation_is_honoured_and_reset(turn: int, tmp_path: Path) -> None:
    exif = PIL.Image.Exif()
    exif[0x0112], exif[0x010F] = turn, "a camera"
    stored = PIL.Image.fromarray(np.ascontiguousarray(TURNS[turn](UPRIGHT)))
    stored.save(tmp_path / "in.png", exif=exif)
    picture = read_picture(tmp_path / "in.png")
    assert np.array_equal(picture.rgb, UPRIGHT)
    write_picture(tmp_path / "out.png", picture)
    with PIL.Image.open(tmp_path / "out.png") as made:
        assert np.array_equal(np.asarray(made), UPRIGHT)
        assert made.getexif().get(0x0112, 1) == 1
        assert made.getexif()[0x010F] == "a camera"


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif", ".jp2", ".avif"])
def test_alpha_is_kept(suffix: str, tmp_path: Path) -> None:
    rgba = np.random.default_rng(1).integers(0, 256, (16, 18, 4), np.uint8)
    PIL.Image.fromarray(rgba).save(tmp_path / "in.png")
    picture = read_picture(tmp_path / "in.png")
    assert np.array_equal(picture.rgb, rgba[..., :3])
    assert np.array_equal(picture.alpha, rgba[..., 3])
    assert losses(picture, tmp_path / f"out{suffix}") == ()
    write_picture(tmp_path / f"out{suffix}", picture)
    again = read_picture(tmp_path / f"out{suffix}")
    if suffix == ".avif":
        assert np.abs(again.alpha.astype(int) - rgba[..., 3]).mean() < 12
    else:
        assert np.array_equal(again.alpha, rgba[..., 3])
    if suffix in (".png", ".tif", ".jp2"):
        assert np.array_equal(again.rgb, rgba[..., :3])


@pytest.mark.parametrize("suffix", [".jpg", ".bmp", ".ppm", ".gif"])
def test_alpha_that_cannot_be_kept_is_told(suffix: str, tmp_path: Path) -> None:
    alpha = np.zeros((20, 30), np.uint8)
    alpha[:, 10:] = 200
    picture, out = Picture(UPRIGHT, alpha), tmp_path / f"o{suffix}"
    assert any("transparency" in str(note) for note in losses(picture, out))
    write_picture(out, picture)
    again = read_picture(out)
    if suffix == ".gif":
        assert np.array_equal(again.alpha, np.where(alpha < 128, 0, 255))
        assert np.array_equal(again.rgb[:, 10:], UPRIGHT[:, 10:])
    else:
        assert again.alpha is None


def test_jpeg_keeps_full_color_resolution(tmp_path: Path) -> None:
    rgb = np.zeros((32, 32, 3), np.uint8)
    rgb[:, ::2] = (255, 0, 0)
    rgb[:, 1::2] = (0, 0, 255)
    write_picture(tmp_path / "o.jpg", Picture(rgb))
    # with halved chroma the two colors would become one purple
    assert np.abs(read_picture(tmp_path / "o.jpg").rgb.astype(int) - rgb).mean() < 6


# What a result of each format keeps: color profile, EXIF, XMP, pixels per inch, every pixel.
KEEPS = {
    ".png": "icc exif xmp dpi exact",
    ".jpg": "icc exif xmp dpi",
    ".webp": "icc exif xmp",
    ".tif": "icc exif xmp dpi exact",
    ".avif": "icc exif xmp",
    ".jp2": "exact",
    ".j2k": "exact",
    ".bmp": "dpi exact",
    ".ppm": "exact",
    ".gif": "",
}
SOURCES = ("PNG", "JPEG", "WEBP", "TIFF", "AVIF", "BMP", "GIF", "JPEG2000", "PPM", "HEIC", "ICO")
NAMES = {
    "icc": "color profile",
    "exif": "EXIF",
    "xmp": "XMP",
    "dpi": "pixels per inch",
}


def _photo() -> np.ndarray:
    rows, columns = np.mgrid[:32, :48]
    return np.stack([5 * columns, 7 * rows, 128 + 2 * columns - rows], axis=2).astype(np.uint8)


def _source(form: str, path: Path) -> Path:
    """Write a picture with everything beside its pixels that Pillow can write in this format."""
    if form == "HEIC":
        return write_heic(path, _photo())
    exif = PIL.Image.Exif()
    exif[0x0112], exif[0x010F] = 1, "a camera"
    exif.get_ifd(0x8769)[0x829A] = 0.5
    exif.get_ifd(0x8825)[1] = "N"
    options = {"dpi": (300, 300), "icc_profile": SRGB, "exif": exif, "xmp": XMP}
    if form == "PNG":
        options["pnginfo"] = PngInfo()
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", XMP.decode())
    if form == "TIFF":
        exif[700] = XMP
        options["exif"] = exif.tobytes()
    PIL.Image.fromarray(_photo()).save(path, format=form, **options)
    return path


@pytest.mark.parametrize("form", SOURCES)
@pytest.mark.parametrize("suffix", KEEPS)
def test_every_format_becomes_every_other(form: str, suffix: str, tmp_path: Path) -> None:
    picture = read_picture(_source(form, tmp_path / "source"))
    out = tmp_path / f"out{suffix}"
    told = " | ".join(map(str, losses(picture, out)))
    write_picture(out, picture)
    made = read_picture(out)
    keeps = KEEPS[suffix].split()
    if "exact" in keeps:
        assert np.array_equal(made.rgb, picture.rgb)
    else:
        assert np.abs(made.rgb.astype(int) - picture.rgb).mean() < 5
    fields = {"icc": "icc_profile", "exif": "exif", "xmp": "xmp", "dpi": "dpi"}
    for name, attribute in fields.items():
        old, new = getattr(picture, attribute), getattr(made, attribute)
        if old is None and name == "dpi":
            continue  # BMP files always say something
        if old is None or name not in keeps:
            assert new is None
        elif name == "dpi":
            assert new == pytest.approx(old, abs=0.6)
        elif name != "exif":
            assert new == old
        else:
            exif = PIL.Image.open(out).getexif()
            assert exif[0x010F] == "a camera" and 0x0112 not in exif
            assert exif.get_ifd(0x8769)[0x829A] == 0.5 and exif.get_ifd(0x8825)[1] == "N"
        assert (NAMES[name] in told) == (old is not None and new is None), told


def test_sources_carry_what_the_table_is_about(tmp_path: Path) -> None:
    for form in ("PNG", "JPEG", "TIFF"):
        picture = read_picture(_source(form, tmp_path / "source"))
        assert picture.icc_profile == SRGB and picture.xmp == XMP and picture.exif
        assert picture.dpi == pytest.approx((300, 300), abs=0.1)


@pytest.mark.parametrize(
    ("form", "name", "suffix"),
    [
        ("PNG", "a.PNG", ".PNG"),
        ("PNG", "a.jpg", ".png"),
        ("JPEG", "a.jpeg", ".jpeg"),
        ("TIFF", "a.tif", ".tif"),
        ("AVIF", "a.avif", ".avif"),
        ("BMP", "a.bmp", ".bmp"),
        ("JPEG2000", "a.jp2", ".jp2"),
        ("GIF", "a.gif", ".gif"),
        ("WEBP", "a.webp", ".webp"),
        ("HEIC", "a.heic", ".png"),
        ("HEIC", "a.jpg", ".png"),
        ("ICO", "a.ico", ".png"),
    ],
)
def test_a_result_has_the_format_of_its_target(
    form: str, name: str, suffix: str, tmp_path: Path
) -> None:
    path = _source(form, tmp_path / name)
    assert picture_suffix(path) == suffix
    assert path.suffix.lower() in READABLE_SUFFIXES


def test_the_thumbnail_of_the_old_picture_goes(tmp_path: Path) -> None:
    thumbnail = io.BytesIO()
    PIL.Image.fromarray(UPRIGHT).save(thumbnail, format="JPEG")
    small = thumbnail.getvalue()
    # IFD0 with a maker, IFD1 with the thumbnail
    block = b"Exif\0\0MM\0*" + struct.pack(">IHHHI4sI", 8, 1, 0x010F, 2, 4, b"cam\0", 26)
    block += struct.pack(">HHHIIHHIII", 2, 0x0201, 4, 1, 56, 0x0202, 4, 1, len(small), 0) + small
    PIL.Image.fromarray(UPRIGHT).save(tmp_path / "in.jpg", exif=block)
    assert small in (tmp_path / "in.jpg").read_bytes()
    write_picture(tmp_path / "out.jpg", read_picture(tmp_path / "in.jpg"))
    assert small not in (tmp_path / "out.jpg").read_bytes()
    assert PIL.Image.open(tmp_path / "out.jpg").getexif()[0x010F] == "cam"


def test_pixels_an_inch_turn_with_the_picture(tmp_path: Path) -> None:
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    PIL.Image.fromarray(UPRIGHT).save(tmp_path / "in.png", exif=exif, dpi=(300, 150))
    picture = read_picture(tmp_path / "in.png")
    assert picture.rgb.shape[:2] == (30, 20)
    assert picture.dpi == pytest.approx((150, 300), abs=0.1)


def test_what_is_never_carried_over_is_told(tmp_path: Path) -> None:
    image, text = PIL.Image.fromarray(UPRIGHT), PngInfo()
    text.add_text("prompt", "a face")
    image.save(tmp_path / "a.png", pnginfo=text)
    image.save(tmp_path / "b.jpg", comment=b"hello")
    image.save(tmp_path / "c.jpg", format="MPO", save_all=True, append_images=[image])
    image.save(tmp_path / "d.png")
    block = b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x04\x1c\x02\x05\0"
    data = (tmp_path / "b.jpg").read_bytes()
    app13 = b"\xff\xed" + struct.pack(">H", len(block) + 2) + block
    (tmp_path / "e.jpg").write_bytes(data[:2] + app13 + data[2:])
    told = {
        path.name: " ".join(map(str, losses(read_picture(path), tmp_path / "o.png")))
        for path in sorted(tmp_path.iterdir())
    }
    assert "comments" in told["a.png"] and "comments" in told["b.jpg"]
    assert "further pictures" in told["c.jpg"] and told["d.png"] == ""
    assert "IPTC" in told["e.jpg"]


def test_xmp_forgets_the_orientation_of_a_turned_picture(tmp_path: Path) -> None:
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    xmp = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><r tiff:Orientation=\"6\"/></x:xmpmeta>"
    PIL.Image.fromarray(UPRIGHT).save(tmp_path / "in.jpg", exif=exif, xmp=xmp)
    assert b"Orientation" not in read_picture(tmp_path / "in.jpg").xmp


def test_damaged_exif_costs_the_exif_only(tmp_path: Path) -> None:
    PIL.Image.fromarray(UPRIGHT).save(tmp_path / "in.webp", lossless=True, exif=b"Exif\0\0MM")
    picture = read_picture(tmp_path / "in.webp")
    assert np.array_equal(picture.rgb, UPRIGHT) and picture.exif is None
    assert "EXIF" in str(losses(picture, tmp_path / "o.png")[0])


def test_what_is_too_large_for_jpeg_is_told_and_left_out(tmp_path: Path) -> None:
    exif = PIL.Image.Exif()
    exif[0x010F] = "a" * 70_000
    picture = Picture(UPRIGHT, exif=exif.tobytes(), xmp=b"<x/>" * 20_000)
    told = list(map(str, losses(picture, tmp_path / "o.jpg")))
    assert len(told) == 2 and all("too large" in note for note in told)
    write_picture(tmp_path / "o.jpg", picture)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".bmp", ".jp2", ".webp"])
def test_a_gray_picture_stays_gray(suffix: str, tmp_path: Path) -> None:
    gray = np.arange(192, dtype=np.uint8).reshape(12, 16)
    PIL.Image.fromarray(gray).save(tmp_path / "l.png")
    picture = read_picture(tmp_path / "l.png")
    assert np.array_equal(picture.rgb, np.dstack([gray] * 3))
    changed = picture.rgb.copy()
    changed[:6, :8] = (200, 30, 40)
    out = tmp_path / f"o{suffix}"
    assert any("gray" in str(note) for note in losses(picture, out))
    write_picture(out, picture.with_rgb(changed))
    with PIL.Image.open(out) as made:
        assert made.mode == ("RGB" if suffix == ".webp" else "L")
    again = read_picture(out).rgb.astype(int)
    assert np.ptp(again, axis=2).max() <= 2
    if suffix not in (".jpg", ".webp"):
        assert np.array_equal(again[6:], picture.rgb[6:])
        assert (again[:6, :8] == 82).all()


def test_modes(tmp_path: Path) -> None:
    gray = np.arange(64, dtype=np.uint8).reshape(8, 8) * 3
    PIL.Image.fromarray(gray.astype(np.uint16) * 257).save(tmp_path / "i.png")
    deep = read_picture(tmp_path / "i.png")
    assert np.array_equal(deep.rgb[..., 0], gray) and deep.gray
    assert "8 bits" in str(losses(deep, tmp_path / "o.png")[0])
    PIL.Image.fromarray(gray > 90).save(tmp_path / "b.png")
    assert np.array_equal(read_picture(tmp_path / "b.png").rgb[..., 0], (gray > 90) * 255)
    PIL.Image.fromarray(UPRIGHT).convert("P").save(tmp_path / "p.png", transparency=0)
    assert read_picture(tmp_path / "p.png").alpha is not None


def test_a_webp_without_loss_stays_without_loss(tmp_path: Path) -> None:
    noise = np.random.default_rng(2).integers(0, 256, (24, 32, 3), np.uint8)
    for lossless in (True, False):
        PIL.Image.fromarray(noise).save(tmp_path / "in.webp", lossless=lossless, icc_profile=SRGB)
        picture = read_picture(tmp_path / "in.webp")
        write_picture(tmp_path / "out.webp", picture)
        again = read_picture(tmp_path / "out.webp")
        assert np.array_equal(again.rgb, picture.rgb) == lossless


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG", "TIFF"])
def test_the_first_of_several_pictures_is_taken_and_it_is_told(form: str, tmp_path: Path) -> None:
    pictures = [PIL.Image.fromarray(UPRIGHT), PIL.Image.new("RGB", (30, 20))]
    pictures[0].save(
        tmp_path / "in", format=form, save_all=True, append_images=pictures[1:], lossless=True
    )
    picture = read_picture(tmp_path / "in")
    assert np.array_equal(picture.rgb, UPRIGHT)
    assert "2 pictures" in str(picture.notes[0])


@pytest.mark.parametrize("depth", [8, 10])
def test_heic_is_read(depth: int, tmp_path: Path) -> None:
    upright = _photo()
    stored = np.ascontiguousarray(np.rot90(upright, -1))
    path = write_heic(tmp_path / "photo.heic", stored, depth, turns=1)
    assert media_kind(path) == "image"
    picture = read_picture(path)
    assert picture.rgb.shape == upright.shape
    assert np.abs(picture.rgb.astype(int) - upright).mean() < 3
    assert (picture.lost != ()) == (depth > 8)
    path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(InputError) as caught:
        read_picture(path)
    assert caught.value.code == "not_a_picture"


def test_heic_without_its_package_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_heic(tmp_path / "photo.heic", _photo())
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    for read in (read_picture, media_kind):
        with pytest.raises(InputError, match="pi-heif") as caught:
            read(path)
        assert caught.value.code == "missing_package"


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp"])
def test_a_result_is_read_back_before_it_gets_its_name(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / f"o{suffix}"
    out.write_bytes(b"precious")
    save = PIL.Image.Image.save

    def spoiled(self: PIL.Image.Image, *args: object, **options: object) -> None:
        image = self.copy()
        image.putpixel((3, 3), (9, 9, 9))
        save(image, *args, **options)

    monkeypatch.setattr(PIL.Image.Image, "save", spoiled)
    with pytest.raises(OutputError) as caught:
        write_picture(out, Picture(UPRIGHT))
    assert caught.value.code == "verification_failed"
    assert out.read_bytes() == b"precious" and list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize(
    ("name", "code"), [("m.jpg", "lossy_masks"), ("m.webp", "lossy_masks"), ("m.mkv", "unknown")]
)
def test_masks_are_kept_without_loss(name: str, code: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_mask_name(Path(name))
    assert caught.value.code.startswith(code) and ".png" in caught.value.hint
    check_mask_name(Path("m.png"))


def test_sixteen_bit_color_is_said(tmp_path: Path) -> None:
    import cv2

    values = np.random.default_rng(3).integers(0, 65536, (8, 9, 3), np.uint16)
    cv2.imwrite(str(tmp_path / "deep.png"), values)
    picture = read_picture(tmp_path / "deep.png")
    assert picture.lost
    assert np.abs(picture.rgb[..., ::-1].astype(int) - values / 257).max() <= 1


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("missing", None, "missing_file"),
        ("empty", b"", "empty_file"),
        ("text", b"hello there", "not_a_picture"),
        ("cut", b"cut", "not_a_picture"),
    ],
)
def test_bad_pictures(name: str, data: bytes | None, code: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.png"
    if data is not None:
        path.write_bytes(data)
    if name == "cut":
        noise = np.random.default_rng(0).integers(0, 256, (50, 50, 3), np.uint8)
        PIL.Image.fromarray(noise).save(path)
        path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(InputError) as caught:
        read_picture(path)
    assert caught.value.code == code


def test_bombs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    PIL.Image.new("L", (100, 100)).save(tmp_path / "bomb.png")
    monkeypatch.setattr(pillow, "MAX_PICTURE_PIXELS", 9_999)
    with pytest.raises(InputError) as caught:
        read_picture(tmp_path / "bomb.png")
    assert caught.value.code == "picture_too_large"


def test_bad_results(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        write_picture(tmp_path / "o.xyz", Picture(UPRIGHT))
    with pytest.raises(OutputError):
        write_picture(tmp_path / "nowhere" / "o.png", Picture(UPRIGHT))
    with pytest.raises(OutputError) as caught:
        losses(Picture(np.zeros((2, 20_000, 3), np.uint8)), tmp_path / "o.webp")
    assert caught.value.code == "picture_too_large"
    assert list(tmp_path.iterdir()) == []
