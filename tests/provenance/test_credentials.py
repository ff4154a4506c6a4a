"""Signed files: every format, whatever the input carries; and two readers that are not ours."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from tests.helpers.jumbf import assertions_hold, manifest_store
from tests.helpers.locations import ROOT
from videoswap.errors import InputError
from videoswap.marks import SOURCE_TYPE, MarkSettings
from videoswap.provenance import credentials
from videoswap.provenance.certificates import own_signer
from videoswap.provenance.credentials import CARRIERS, media_type, read_credentials, sign
from videoswap.provenance.marker import Marker
from videoswap.video.stills.pillow import same_pictures
from videoswap.video.verify import same_packets, verify

PICTURES = {
    "PNG": "png",
    "JPEG": "jpg",
    "WEBP": "webp",
    "GIF": "gif",
    "TIFF": "tif",
    "AVIF": "avif",
}
VIDEOS = {"mp4": "libx264", "mov": "libx264", "avi": "mpeg4"}
ANIMATIONS = {"gif": "gif", "webp": "webp", "apng": "png"}


def write_film(path, container, codec, frames=6):
    with av.open(str(path), "w", format=container) as out:
        stream = out.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 25)
        random = np.random.default_rng(1)
        for number in range(frames):
            picture = random.integers(0, 255, (72, 64), dtype=np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
            frame.pts = number
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """One file of every format that carries credentials, by the name of the format."""
    folder = tmp_path_factory.mktemp("carriers")
    picture = Image.effect_noise((80, 64), 50).convert("RGB")
    made = {}
    for kind, suffix in PICTURES.items():
        made[kind] = folder / f"picture.{suffix}"
        picture.save(made[kind])
    more = [Image.effect_noise((80, 64), 50).convert("RGB") for _ in range(2)]
    for kind, suffix in ANIMATIONS.items():
        made[kind] = folder / f"animation_{kind}.{suffix}"
        picture.save(made[kind], save_all=True, append_images=more, duration=[40, 60, 80])
    for kind, codec in VIDEOS.items():
        made[kind] = folder / f"film.{kind}"
        write_film(made[kind], kind, codec)
    return made


@pytest.fixture(scope="module")
def marker():
    return Marker(MarkSettings(), own_signer(None, keep=False))


def sealed(marker, files, kind, folder, parent=None):
    path = folder / files[kind].name
    shutil.copy(files[kind], path)
    path.chmod(0o640)
    provenance, notes = marker.seal(path, kind, parent or files[kind])
    assert notes == ()
    return path, provenance


def test_every_carrier_is_tried():
    assert set(CARRIERS) == {*PICTURES, *ANIMATIONS, *VIDEOS}


@pytest.mark.parametrize("kind", CARRIERS)
def test_a_signed_file_says_what_it_is_and_shows_the_same(kind, files, marker, tmp_path):
    path, made = sealed(marker, files, kind, tmp_path)
    assert (made.mark, made.parent, made.own_certificate) == ("signed", "none", True)
    assert list(tmp_path.iterdir()) == [path] and path.stat().st_mode & 0o777 == 0o640
    found = read_credentials(path)
    assert found is not None and found.valid and found.manifest == made.manifest
    assert found.actions == (("c2pa.opened", ""), ("c2pa.edited", SOURCE_TYPE))
    assert found.ingredients == ("original",)
    assert not found.trusted and read_credentials(path, marker.signer.chain).trusted
    same = same_packets if kind in VIDEOS else same_pictures
    assert same(files[kind], path)
    assert path.read_bytes() != files[kind].read_bytes()
    if kind in VIDEOS:
        assert verify(path) == []


@pytest.mark.parametrize("kind", CARRIERS)
def test_a_byte_that_is_changed_is_found(kind, files, marker, tmp_path):
    path, _ = sealed(marker, files, kind, tmp_path)
    data = bytearray(path.read_bytes())
    place = data.rfind(files[kind].read_bytes()[-400:-380])  # something of the picture itself
    data[place + 10] ^= 1
    path.write_bytes(data)
    found = read_credentials(path)
    assert found is not None and not found.valid and found.problems


def test_the_credentials_of_the_input_are_kept(files, marker, tmp_path):
    first, _ = sealed(marker, files, "mp4", tmp_path)
    (tmp_path / "again").mkdir()
    second, made = sealed(marker, files, "mp4", tmp_path / "again", parent=first)
    assert made.parent == "valid"
    store = manifest_store(second.read_bytes())
    before = read_credentials(first).manifest
    assert [box.label for box in store.inner] == [before, made.manifest]
    assert read_credentials(second).valid


def test_an_input_whose_credentials_are_broken_breaks_nothing(files, marker, tmp_path):
    first, _ = sealed(marker, files, "PNG", tmp_path)
    data = bytearray(first.read_bytes())
    data[-40] ^= 1
    first.write_bytes(data)
    (tmp_path / "again").mkdir()
    second, made = sealed(marker, files, "PNG", tmp_path / "again", parent=first)
    assert made.parent == "invalid" and read_credentials(second).valid


@pytest.mark.parametrize("kind", [kind for kind in CARRIERS if kind not in ("JPEG",)])
def test_a_walk_of_our_own_finds_every_assertion_and_its_hash(kind, files, marker, tmp_path):
    path, made = sealed(marker, files, kind, tmp_path)
    data = path.read_bytes()
    if kind in ("GIF", "gif"):  # in blocks of at most 255 bytes
        data = gif_blocks(data)
    store = manifest_store(data)
    assert [box.label for box in store.inner] == [made.manifest]
    labels = assertions_hold(store)
    assert {"c2pa.actions.v2", "c2pa.ingredient.v3"} <= set(labels)
    assert any(one.startswith("c2pa.hash.") for one in labels)
    assert not any("thumbnail" in one for one in labels)


def gif_blocks(data):
    place = data.index(b"C2PA_GIF") + 11
    found = b""
    while data[place]:
        found += data[place + 1 : place + 1 + data[place]]
        place += 1 + data[place]
    return found


def test_names_of_files_stand_nowhere(files, marker, tmp_path):
    secret = tmp_path / "Alice at home.png"
    shutil.copy(files["PNG"], secret)
    (tmp_path / "out").mkdir()
    path, _ = sealed(marker, files, "PNG", tmp_path / "out", parent=secret)
    assert (
        b"Alice" not in path.read_bytes()
        and b"out" not in manifest_store(path.read_bytes()).content
    )


def test_nothing_is_fetched(files, marker, tmp_path, monkeypatch):
    import socket

    def refuse(*given):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    path, _ = sealed(marker, files, "JPEG", tmp_path)
    assert read_credentials(path).valid
    settings = credentials._SETTINGS["verify"]
    assert not settings["remote_manifest_fetch"] and not settings["ocsp_fetch"]


@pytest.mark.parametrize("kind", CARRIERS)
def test_first_bytes_tell_the_format(kind, files):
    assert media_type(files[kind]) == CARRIERS[kind]


def test_other_files_carry_none(tmp_path):
    write_film(tmp_path / "a.mkv", "matroska", "libx264")
    (tmp_path / "text").write_text("hello")
    (tmp_path / "empty").touch()
    for name in ("a.mkv", "text", "empty"):
        assert media_type(tmp_path / name) is None and read_credentials(tmp_path / name) is None


@pytest.mark.parametrize("seed", range(20))
def test_damaged_files_are_read_without_a_fall(seed, files, marker, tmp_path):
    kind = list(CARRIERS)[seed % len(CARRIERS)]
    path, _ = sealed(marker, files, kind, tmp_path)
    random = np.random.default_rng(seed)
    data = bytearray(path.read_bytes())
    for place in random.integers(0, min(len(data), 6000), 30):
        data[place] = int(random.integers(0, 256))
    path.write_bytes(data[: random.integers(20, len(data))])
    found = read_credentials(path)
    assert found is None or not found.valid


def test_a_file_that_cannot_be_signed_is_an_error(files, tmp_path):
    (tmp_path / "out").touch()
    with pytest.raises(InputError) as raised:
        sign(files["PNG"], tmp_path / "out", "mp4", None, own_signer(None, False))
    assert raised.value.code == "cannot_sign"


READER = ROOT / "tests" / "provenance" / "read_with_c2pa_ts.mjs"


def node_modules() -> Path | None:
    named = os.environ.get("VIDEOSWAP_NODE_MODULES")
    folder = Path(named) if named else ROOT / "node_modules"
    there = (folder / "@trustnxt" / "c2pa-ts").is_dir() and shutil.which("node")
    return folder if there else None


def test_an_independent_reader_finds_it_valid(files, marker, tmp_path):
    """c2pa-ts shares no code with c2pa-rs; see CONTRIBUTING.md for how to install it."""
    modules = node_modules()
    if modules is None:
        pytest.skip("no node with @trustnxt/c2pa-ts")
    shutil.copy(READER, tmp_path)
    (tmp_path / "node_modules").symlink_to(modules)
    wanted = {}
    for kind in ("mp4", "mov", "PNG", "JPEG", "apng", "AVIF"):
        path, _ = sealed(marker, files, kind, tmp_path)
        wanted[path.name] = True
        again, _ = sealed(marker, files, kind, tmp_path, parent=path)
        broken = tmp_path / f"broken_{again.name}"
        data = bytearray(again.read_bytes())
        data[data.rfind(files[kind].read_bytes()[-400:-380]) + 10] ^= 1
        broken.write_bytes(data)
        wanted[broken.name] = False
    done = subprocess.run(
        ["node", READER.name, *wanted], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    found = {one["file"]: one["valid"] for one in map(json.loads, done.stdout.splitlines())}
    assert found == wanted, done.stdout
