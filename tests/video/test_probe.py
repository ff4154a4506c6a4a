"""What files are, how they lie, and what is said about files that cannot be used."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from tests.video import clips
from videoswap.errors import InputError
from videoswap.video.orientation import orientation
from videoswap.video.probe import media_kind, probe
from videoswap.video.reader import AnalysisScaler, VideoReader
from videoswap.video.verify import ffmpeg_program

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


@pytest.mark.parametrize("name", [*clips.ROTATED, "wide"])
def test_upright_is_what_ffmpeg_shows(name: str, tmp_path: Path) -> None:
    clip = clips.Clip(
        frames=1,
        audio=0,
        size=(96, 64),
        options={"crf": "4"},
        matrix=clips.ROTATED.get(name),
        sar=Fraction(4, 3) if name == "wide" else Fraction(1),
    )
    path = clips.make(tmp_path / "turned.mp4", clip)
    info = probe(path)
    shape = info.orientation
    size = f"{shape.upright_width}:{shape.upright_height}"
    command = [
        ffmpeg_program(),
        "-v",
        "error",
        "-i",
        f"file:{path}",
        "-vf",
        f"scale={size}",
        "-f",
        "rawvideo",
        "-pix_fmt",
        "rgb24",
        "-",
    ]
    shown = subprocess.run(command, capture_output=True, check=True).stdout
    expected = np.frombuffer(shown, np.uint8).reshape(shape.upright_height, shape.upright_width, 3)
    scaler = AnalysisScaler(info, 10_000)
    with VideoReader(info) as reader:
        made = scaler.picture(next(reader.frames()))
    assert made.shape == expected.shape
    assert np.abs(made.astype(int) - expected).mean() < 2.5
    turned_wrongly = np.abs(made[::-1].astype(int) - expected).mean()
    assert turned_wrongly > 10


@pytest.mark.parametrize("name", [None, *clips.ROTATED])
def test_matrix_points_at_the_same_pixel(name: str | None) -> None:
    shape = orientation(7, 5, clips.ROTATED[name] if name else None)
    coded = np.arange(35).reshape(5, 7).astype(np.uint8)
    upright = shape.apply(coded)
    assert upright.shape == (shape.upright_height, shape.upright_width)
    for y in range(5):
        for x in range(7):
            u, v = shape.matrix @ [x, y, 1]
            assert upright[round(v), round(u)] == coded[y, x]


def test_pixel_shape_moves_centres_right() -> None:
    shape = orientation(100, 50, None, Fraction(2))
    assert (shape.upright_width, shape.upright_height) == (200, 50)
    assert np.allclose(shape.matrix @ [0, 0, 1], [0.5, 0])
    tall = orientation(100, 50, clips.ROTATED["90"], Fraction(1, 2))
    assert (tall.upright_width, tall.upright_height) == (100, 100)


def test_color_tags(tmp_path: Path) -> None:
    clip = clips.Clip(frames=2, audio=0, color=(9, 2, 16, 9), pix_fmt="yuv420p10le")
    color = probe(clips.make(tmp_path / "hdr.mp4", clip)).color
    assert (color.space, color.full_range, color.transfer, color.depth) == (9, True, "pq", 10)
    low = probe(clips.make(tmp_path / "low.mp4", clips.Clip(frames=2, audio=0))).color
    assert (low.space, low.full_range, low.space_tag) == (6, False, 2)
