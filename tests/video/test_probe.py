"""What files are, how they lie, and what is said about files that cannot be used."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import PIL.Image
import pytest

from tests.helpers import clips
from videoswap.errors import InputError
from videoswap.video.probe import media_kind, probe

NAMES = [
    "with space.mp4",
    'it\'s "quoted".mp4',
    "http:x: 1.mp4",
    "-dash.mp4",
    "größe 猫 🎬.mp4",
    "pipe|%03d#x?.mp4",
    "wrong_ending.jpg",
]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clips.make(tmp_path_factory.mktemp("probe") / "plain.mp4", clips.Clip(frames=10))


@pytest.mark.parametrize("name", NAMES)
def test_strange_names(name: str, plain: Path, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / name).write_bytes(plain.read_bytes())
    monkeypatch.chdir(tmp_path)
    info = probe(Path(name))
    assert (info.width, info.height) == (128, 96)
    assert media_kind(Path(name)) == "video"


def _sound_only(folder: Path) -> Path:
    import av

    path = folder / "sound.mp4"
    with av.open(str(path), "w") as out:
        stream = clips._audio(out, 0)
        clips._tone(out, stream, Fraction(0), Fraction(1, 2), 440)
    return path


def _bad(name: str, folder: Path, plain: Path) -> Path:
    path = folder / f"{name}.mp4"
    if name == "directory":
        path.mkdir()
    elif name == "empty":
        path.write_bytes(b"")
    elif name == "text":
        path.write_text("not a video at all\n" * 50)
    elif name == "playlist":
        path.write_text(f"ffconcat version 1.0\nfile '{plain}'\n")
    elif name == "cut":
        path.write_bytes(plain.read_bytes()[:300])
    elif name == "zeros":
        data = plain.read_bytes()
        start = data.index(b"mdat") + 4
        path.write_bytes(
            data[:start] + bytes(data.index(b"moov") - 4 - start) + data[data.index(b"moov") - 4 :]
        )
    elif name == "sound":
        return _sound_only(folder)
    return path


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("missing", "missing_file"),
        ("directory", "is_directory"),
        ("empty", "empty_file"),
        ("text", "not_media"),
        ("playlist", "not_media"),
        ("cut", "not_media"),
        ("zeros", "no_frames"),
        ("sound", "no_video_stream"),
    ],
)
def test_bad_inputs(name: str, code: str, plain: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        probe(_bad(name, tmp_path, plain))
    assert caught.value.code == code
    assert caught.value.message.endswith(".")


def test_kinds(plain: Path, tmp_path: Path) -> None:
    frames = [PIL.Image.new("RGB", (8, 8), (i * 40, 0, 0)) for i in range(3)]
    for name, form, more, expected in [
        ("a.mp4", "GIF", True, "animation"),
        ("b.png", "WEBP", True, "animation"),
        ("c.gif", "PNG", True, "animation"),
        ("d.webp", "GIF", False, "image"),
        ("e.mp4", "JPEG", False, "image"),
    ]:
        options = {"save_all": True, "append_images": frames[1:]} if more else {}
        frames[0].save(tmp_path / name, format=form, **options)
        assert media_kind(tmp_path / name) == expected, name
    assert media_kind(plain) == "video"
