"""Plain marks: readers see them, and what else a file holds stays."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from videoswap.marks import MARK_TEXT, SOURCE_TYPE
from videoswap.video.plain_marks import mark_animation, marked_picture, marked_xmp, without
from videoswap.video.stills.picture import Picture, read_picture, write_picture

PIXELS = np.random.default_rng(0).integers(0, 255, (24, 32, 3), dtype=np.uint8)
OLD = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="r"><rdf:Description rdf:about="" '
    b'Iptc4xmpExt:DigitalSourceType="http://x/digitalCapture" dc:title="A &amp; B" '
    b"dcterms:provenance='https://x/m.c2pa'><a:DigitalSourceType>http://x/print"
    b"</a:DigitalSourceType></rdf:Description></rdf:RDF></x:xmpmeta>"
)


def test_xmp_gets_one_source_type_and_keeps_the_rest():
    marked = marked_xmp(OLD)
    assert marked.count(b"DigitalSourceType") == 1 and SOURCE_TYPE.encode() in marked
    assert b'dc:title="A &amp; B"' in marked
    assert marked_xmp(marked) == marked
    assert b"provenance" not in without(marked, b"provenance")
    assert SOURCE_TYPE.encode() in marked_xmp(None)
    assert marked_xmp(b"something else") == b"something else"


def saved(kind, **options):
    file = io.BytesIO()
    Image.fromarray(PIXELS).save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("JPEG", {"quality": 90}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw", "description": "an older one"}),
    ],
)
def test_bytes_of_pictures_are_marked(kind, options):
    data = saved(kind, **options)
    with Image.open(io.BytesIO(marked_picture(data))) as found, Image.open(io.BytesIO(data)) as old:
        assert np.array_equal(np.asarray(found), np.asarray(old))
        said = found.tag_v2[270] if kind == "TIFF" else found.info.get("Comment")
        assert (said or found.info["comment"].decode()) == MARK_TEXT
    assert marked_picture(b"something else") == b"something else"


@pytest.mark.parametrize("kind", ["gif", "webp"])
def test_animations_are_marked_after_they_are_written(kind, tmp_path):
    path = tmp_path / f"a.{kind}"
    frames = [Image.fromarray(np.roll(PIXELS, n, axis=1)) for n in range(3)]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=[40, 50, 60])
    with Image.open(path) as before:
        wanted = [np.asarray(before.convert("RGB")) for n in range(3) if not before.seek(n)]
    mark_animation(path, kind)
    with Image.open(path) as after:
        found = [np.asarray(after.convert("RGB")) for n in range(3) if not after.seek(n)]
        assert np.array_equal(wanted, found)
        if kind == "webp":
            assert SOURCE_TYPE.encode() in after.info["xmp"]
    if kind == "gif":
        assert MARK_TEXT.encode() in path.read_bytes()


@pytest.mark.parametrize(
    "name", ["o.png", "o.jpg", "o.webp", "o.tif", "o.avif", "o.gif", "o.ppm", "o.jp2"]
)
def test_stills_are_marked_and_read_back_alike(name, tmp_path):
    write_picture(tmp_path / f"plain{name}", Picture(PIXELS))
    write_picture(tmp_path / name, Picture(PIXELS, xmp=OLD), mark=True)
    plain, marked = read_picture(tmp_path / f"plain{name}"), read_picture(tmp_path / name)
    assert np.array_equal(plain.rgb, marked.rgb)
    data = (tmp_path / name).read_bytes()
    assert MARK_TEXT.encode() in data or SOURCE_TYPE.encode() in data
    if marked.xmp is not None:
        assert SOURCE_TYPE.encode() in marked.xmp and b"A &amp; B" in marked.xmp
        assert b"provenance" not in marked.xmp
