"""Numbered pictures in and out: names, rates, samples bit for bit, all of them or none."""

from __future__ import annotations

import os
import zlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import OpenEXR
import PIL.Image
import pytest

from tests.video import clips
from videoswap.errors import InputError, OutputError, UsageError
from videoswap.jobs.video_results import plan_results
from videoswap.settings import EncodeSettings, SwapSettings
from videoswap.video.encoder import SegmentEncoder
from videoswap.video.pixel_formats import samples
from videoswap.video.probe import media_kind, probe
from videoswap.video.reader import AnalysisScaler, VideoReader
from videoswap.video.sequences.exr import half_to_ordinal, ordinal_to_half
from videoswap.video.sequences.pattern import (
    files_of,
    is_numbered,
    numbered_files,
    numbered_name,
)
from videoswap.video.sequences.reading import read_frame
from videoswap.video.sequences.writing import plan_pictures, write_pictures

WIDTH, HEIGHT = 48, 32


@pytest.mark.parametrize(
    ("pattern", "names", "numbers"),
    [
        ("%04d.png", ["0001.png", "0002.png", "00003.png", "4.png", "0005.jpg"], [1, 2]),
        ("%04d.png", ["9999.png", "10000.png"], [9999, 10000]),
        ("%d.png", ["1.png", "02.png", "10.png"], [1, 10]),
        ("a.###.exr", ["a.001.exr", "a.002.exr", "b.003.exr"], [1, 2]),
        ("f_%03d_x.tif", ["f_007_x.tif", "f_x.tif"], [7]),
    ],
)
def test_names(pattern: str, names: list[str], numbers: list[int], tmp_path: Path) -> None:
    for name in names:
        (tmp_path / name).touch()
    path = tmp_path / pattern
    assert is_numbered(path)
    found = numbered_files(path)
    assert list(found) == numbers
    assert all(numbered_name(path, number) == file for number, file in found.items())
    assert files_of(path) == tuple(found.values())


@pytest.mark.parametrize("name", ["a.png", "%04d.mp4", "%s.png", "%04d_%04d.png", "100%.png"])
def test_other_names(name: str, tmp_path: Path) -> None:
    assert not is_numbered(tmp_path / name)
    assert files_of(tmp_path / name) == (tmp_path / name,)


def test_a_file_of_that_very_name_goes_first(tmp_path: Path) -> None:
    (tmp_path / "%04d.png").touch()
    assert not is_numbered(tmp_path / "%04d.png")


def _pixels(index: int, channels: int, dtype: Any) -> Any:
    shape = (HEIGHT, WIDTH, channels)[: 3 if channels > 1 else 2]
    return np.random.default_rng(index).integers(0, np.iinfo(dtype).max, shape, dtype, True)


def _exr(path: Path, index: int, dtype: Any = np.float16, alpha: bool = False) -> None:
    rng = np.random.default_rng(index)
    wild = np.array([0.0, -0.0, 1e-7, 65504, np.inf, -np.inf, np.nan, -3], dtype)
    channels = {}
    for name in "RGBA" if alpha else "RGB":
        channels[name] = rng.normal(0.3, 1, (HEIGHT, WIDTH)).astype(dtype)
        channels[name][0, :8] = wild
    channels["depth.Z"] = rng.normal(size=(HEIGHT, WIDTH)).astype(np.float32)
    header = {"compression": OpenEXR.PIZ_COMPRESSION, "shot": f"take {index}"}
    with OpenEXR.File(header, channels) as file:
        file.write(str(path))


KINDS = {
    "png": (".png", 3, np.uint8),
    "png16": (".png", 3, np.uint16),
    "png alpha": (".png", 4, np.uint8),
    "png16 alpha": (".png", 4, np.uint16),
    "png gray": (".png", 1, np.uint8),
    "png16 gray": (".png", 1, np.uint16),
    "tif": (".tif", 3, np.uint8),
    "tiff16": (".tiff", 3, np.uint16),
    "exr": (".exr", 3, np.float16),
    "exr alpha": (".exr", 4, np.float16),
}


def _sequence(folder: Path, name: str, first: int = 7, count: int = 4) -> Path:
    suffix, channels, dtype = KINDS[name]
    folder.mkdir(exist_ok=True)
    for number in range(first, first + count):
        path = folder / f"f{number:04d}{suffix}"
        if suffix == ".exr":
            _exr(path, number, alpha=channels == 4)
        else:
            assert cv2.imwrite(str(path), _pixels(number, channels, dtype))
    return folder / f"f%04d{suffix}"


def _decoded(pattern: Path) -> list[list[bytes]]:
    info = probe(pattern)
    depth = 8 if info.color.depth == 8 else 16
    with VideoReader(info) as reader:
        planes = [frame.image.planes for frame in reader.frames()]
    return [[samples(p, depth)[:, : info.width].tobytes() for p in frame] for frame in planes]


def _segments(info: Any, plan: Any, folder: Path) -> tuple[list[Path], list[int]]:
    segments, times = [], []
    with VideoReader(info) as reader:
        frames = list(reader.frames())
    for first in range(0, len(frames), 3):
        path = folder / f"{first}.segment"
        with SegmentEncoder(plan, info, path) as encoder:
            for frame in frames[first : first + 3]:
                times.append(frame.pts)
                encoder.encode(frame)
            encoder.finish()
        segments.append(path)
    return segments, times


@pytest.mark.parametrize("name", KINDS)
def test_samples_come_through(name: str, tmp_path: Path) -> None:
    source = _sequence(tmp_path / "in", name)
    info = probe(source, Fraction(24000, 1001))
    assert (info.time_base, info.frames_hint) == (Fraction(1001, 24000), 4)
    out = tmp_path / source.name.replace("f", "g", 1)
    plan = plan_pictures(info, EncodeSettings(), out)
    assert plan.repacked and not plan.notes
    segments, times = _segments(info, plan, tmp_path)
    made = write_pictures(segments, info, times, out)
    assert [path.name[:5] for path in made] == ["g0007", "g0008", "g0009", "g0010"]
    assert _decoded(out) == _decoded(source)
    assert not list(tmp_path.glob(".*"))


def test_everything_else_of_exr_is_kept(tmp_path: Path) -> None:
    source = _sequence(tmp_path / "in", "exr")
    info = probe(source)
    out = tmp_path / "g%04d.exr"
    segments, times = _segments(info, plan_pictures(info, EncodeSettings(), out), tmp_path)
    (made, *_) = write_pictures(segments, info, times, out)
    paths = (str(made), str(files_of(source)[0]))
    new, old = (OpenEXR.File(path, separate_channels=True) for path in paths)
    assert new.header()["shot"] == "take 7"
    assert new.header()["compression"] == old.header()["compression"]
    assert set(new.channels()) == set(old.channels()) == {"R", "G", "B", "depth.Z"}
    for name, channel in old.channels().items():
        assert new.channels()[name].pixels.tobytes() == channel.pixels.tobytes(), name


def test_floats_of_32_bits_are_told(tmp_path: Path) -> None:
    for number in (1, 2):
        _exr(tmp_path / f"{number}.exr", number, np.float32)
    plan = plan_pictures(probe(tmp_path / "%d.exr"), EncodeSettings(), tmp_path / "o%d.exr")
    assert [note.used for note in plan.notes] == ["half floats"]


def test_half_floats_are_numbered_in_order() -> None:
    numbers = np.arange(65536, dtype=np.uint16)
    values = ordinal_to_half(numbers)
    assert np.array_equal(half_to_ordinal(values), numbers)
    finite = values[np.isfinite(values)].astype(float)
    assert (np.diff(finite) >= 0).all()


def test_exr_is_seen_like_a_picture(tmp_path: Path) -> None:
    gray = np.full((HEIGHT, WIDTH), 0.5, np.float16)
    with OpenEXR.File({}, {"R": gray, "G": gray, "B": gray * 0}) as file:
        file.write(str(tmp_path / "1.exr"))
    info = probe(tmp_path / "%d.exr")
    with VideoReader(info) as reader:
        picture = AnalysisScaler(info, 16).picture(next(reader.frames()))
    assert picture.shape == (16, 24, 3)
    assert picture[5, 5].tolist() == [191, 191, 0]  # 255 * 0.5 ** (1 / 2.4)


def test_times_in_a_video_are_exact(tmp_path: Path) -> None:
    source = _sequence(tmp_path / "in", "png", count=6)
    info = probe(source, Fraction(24000, 1001))
    from videoswap.video.encoder_plan import plan_encoder
    from videoswap.video.mux import mux

    plan = plan_encoder(info, EncodeSettings(preset="ultrafast"), tmp_path / "o.mp4")
    segments, times = _segments(info, plan, tmp_path)
    mux(segments, info, plan, tmp_path / "o.mp4", times)
    assert clips.times(tmp_path / "o.mp4") == [Fraction(1001 * n, 24000) for n in range(6)]


def test_reading_from_the_middle(tmp_path: Path) -> None:
    info = probe(_sequence(tmp_path / "in", "tif"))
    with VideoReader(info) as reader:
        assert [frame.pts for frame in reader.frames(1, 2)] == [1, 2]


@pytest.mark.parametrize("name", ["mono.jpg", "color.jpg"])
def test_jpeg_is_read_with_its_own_colors(name: str, tmp_path: Path) -> None:
    picture = cv2.GaussianBlur(_pixels(1, 3, np.uint8), (0, 0), 5)
    picture = picture if name == "color.jpg" else picture[..., 0]
    cv2.imwrite(str(tmp_path / "1.jpg"), picture, [cv2.IMWRITE_JPEG_QUALITY, 100])
    info = probe(tmp_path / "%d.jpg")
    assert info.color.full_range
    plan = plan_pictures(info, EncodeSettings(quality="visually_lossless"), tmp_path / "o%d.jpg")
    segments, times = _segments(info, plan, tmp_path)
    (made,) = write_pictures(segments, info, times, tmp_path / "o%d.jpg")
    change = cv2.imread(str(made)).astype(int) - cv2.imread(str(tmp_path / "1.jpg"))
    assert np.abs(change).mean() < 3 and abs(change.mean()) < 1


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg"])
def test_a_video_becomes_pictures(suffix: str, tmp_path: Path) -> None:
    source = clips.make(tmp_path / "a.mp4", clips.Clip(frames=4))
    info, out = probe(source), tmp_path / f"%03d{suffix}"
    plan = plan_pictures(info, EncodeSettings(), out)
    assert plan.notes
    segments, times = _segments(info, plan, tmp_path)
    made = write_pictures(segments, info, times, out)
    assert [path.name for path in made] == [f"{n:03d}{suffix}" for n in (1, 2, 3, 4)]
    with av.open(str(source)) as container:
        for path, frame in zip(made, container.decode(video=0), strict=True):
            wanted = frame.to_ndarray(format="bgr24").astype(int)
            assert np.abs(wanted - cv2.imread(str(path))).mean() < (3 if suffix == ".jpg" else 2)


@pytest.mark.parametrize(
    ("pix_fmt", "space", "weights"),
    [
        ("yuv420p", 1, (0.2126, 0.0722)),
        ("yuv444p", 5, (0.299, 0.114)),
        ("yuv420p10le", 9, (0.2627, 0.0593)),
    ],
)
def test_colors_of_a_video_are_exact(
    pix_fmt: str, space: int, weights: tuple[float, float], tmp_path: Path
) -> None:
    deep = pix_fmt.endswith("10le")
    dtype: Any = np.uint16 if deep else np.uint8
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        stream: Any = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, pix_fmt
        stream.codec_context.colorspace, stream.codec_context.color_range = space, 1
        frame = av.VideoFrame(64, 48, pix_fmt)
        for plane, value in zip(frame.planes, (125, 100, 150), strict=True):
            np.frombuffer(plane, dtype)[:] = value * (4 if deep else 1)
        frame.pts, frame.time_base = 0, Fraction(1, 25)
        container.mux([*stream.encode(frame), *stream.encode(None)])
    info, out = probe(tmp_path / "a.mkv"), tmp_path / "%d.png"
    segments, times = _segments(info, plan_pictures(info, EncodeSettings(), out), tmp_path)
    (made,) = write_pictures(segments, info, times, out)
    luma, blue, red = (125 - 16) / 219, (100 - 128) / 224, (150 - 128) / 224
    of_red, of_blue = weights
    r, b = luma + 2 * (1 - of_red) * red, luma + 2 * (1 - of_blue) * blue
    g = (luma - of_red * r - of_blue * b) / (1 - of_red - of_blue)
    found = cv2.imread(str(made), cv2.IMREAD_UNCHANGED)[20, 20, ::-1] / np.iinfo(dtype).max
    assert np.abs(found - (r, g, b)).max() < 0.75 / 255


def test_gaps_are_refused_with_their_numbers(tmp_path: Path) -> None:
    pattern = _sequence(tmp_path / "in", "png", first=1, count=9)
    for number in (3, 5, 6):
        numbered_name(pattern, number).unlink()
    with pytest.raises(InputError) as caught:
        probe(pattern)
    assert caught.value.code == "missing_frames" and "3, 5 to 6." in caught.value.message
    with pytest.raises(InputError) as caught:
        probe(tmp_path / "%05d.png")
    assert caught.value.code == "missing_file"


def test_a_damaged_picture_is_named(tmp_path: Path) -> None:
    pattern = _sequence(tmp_path / "in", "png")
    bad = numbered_name(pattern, 8)
    bad.write_bytes(b"\x89PNG" + bytes(50))
    info = probe(pattern)
    with pytest.raises(InputError) as caught, VideoReader(info) as reader:
        list(reader.frames())
    assert caught.value.code == "not_a_picture" and str(bad) in caught.value.message


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg", ".exr"])
@pytest.mark.parametrize("harm", ["cut", "flip"])
def test_damage_is_no_picture(suffix: str, harm: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    if suffix == ".exr":
        _exr(path, 1)
    else:
        cv2.imwrite(str(path), _pixels(1, 3, np.uint8))
    assert read_frame(path).width == WIDTH
    data = bytearray(path.read_bytes())
    if harm == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif suffix == ".png":  # no other format has a checksum
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    else:
        path.write_bytes(data[:9])
    with pytest.raises(InputError) as caught:
        read_frame(path)
    assert caught.value.code == "not_a_picture"


def test_a_small_file_that_says_it_is_huge(tmp_path: Path) -> None:
    data = bytearray(cv2.imencode(".png", _pixels(1, 3, np.uint8))[1].tobytes())
    data[16:24] = (60_000).to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    (tmp_path / "1.png").write_bytes(data)
    with pytest.raises(InputError):
        probe(tmp_path / "%d.png")
    (tmp_path / "2.png").touch()
    os.truncate(tmp_path / "2.png", 1 << 33)
    with pytest.raises(InputError) as caught:
        read_frame(tmp_path / "2.png")
    assert caught.value.code == "picture_too_large"


def test_a_turned_picture_is_refused(tmp_path: Path) -> None:
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    PIL.Image.new("RGB", (40, 30)).save(tmp_path / "1.jpg", exif=exif)
    with pytest.raises(InputError) as caught:
        probe(tmp_path / "%d.jpg")
    assert caught.value.code == "turned_picture"
    exif[0x0112] = 1
    PIL.Image.new("RGB", (40, 30)).save(tmp_path / "1.jpg", exif=exif)
    assert probe(tmp_path / "%d.jpg").width == 40


def test_a_picture_that_changes_is_noticed(tmp_path: Path) -> None:
    pattern = _sequence(tmp_path / "in", "png")
    info = probe(pattern)
    with VideoReader(info) as reader:
        frames = reader.frames()
        next(frames)
        cv2.imwrite(str(numbered_name(pattern, 9)), _pixels(99, 3, np.uint8))
        with pytest.raises(InputError) as caught:
            list(frames)
    assert caught.value.code == "video_changed" and "f0009" in caught.value.message


def test_kind_and_rate(tmp_path: Path) -> None:
    assert media_kind(_sequence(tmp_path / "in", "png")) == "video"
    film = clips.make(tmp_path / "a.mp4", clips.Clip(frames=2))
    with pytest.raises(UsageError) as caught:
        probe(film, Fraction(24))
    assert caught.value.code == "fps_of_video"


def test_a_word_that_changes_nothing_is_told(tmp_path: Path) -> None:
    info = probe(_sequence(tmp_path / "in", "png"))
    plan = plan_pictures(info, EncodeSettings(quality="draft"), tmp_path / "o%d.png")
    assert [note.wanted for note in plan.notes] == ["--quality draft"]


def test_pictures_become_an_animation(tmp_path: Path) -> None:
    info = probe(_sequence(tmp_path / "in", "png"))
    targets = plan_results(info, tmp_path / "o.gif", None, SwapSettings())
    assert targets.encoder is None and targets.streams is not None and not targets.streams.dropped


@pytest.mark.parametrize(
    ("source", "name", "settings", "code"),
    [
        ("png", "o%d.exr", {}, "exr_from_exr"),
        ("exr", "o%d.png", {}, "exr_from_exr"),
        ("png", "o%d.bmp", {}, "unknown_picture_format"),
        ("png", "o%d.png", {"encoder": "ffv1"}, "no_encoder_for_pictures"),
        ("png", "o%d.png", {"crf": 3}, "no_crf"),
        ("png", "o%d.png", {"preset": "slow"}, "no_preset"),
        ("png", "o%d.jpg", {"quality": "lossless"}, "no_lossless"),
        ("png", "o%d.jpg", {"crf": 60}, "bad_crf"),
    ],
)
def test_refusals(source: str, name: str, settings: dict, code: str, tmp_path: Path) -> None:
    info = probe(_sequence(tmp_path / "in", source))
    with pytest.raises(UsageError) as caught:
        plan_pictures(info, EncodeSettings(**settings), tmp_path / name)
    assert caught.value.code == code


def test_a_name_that_is_taken_takes_all_back(tmp_path: Path) -> None:
    info = probe(_sequence(tmp_path / "in", "png"))
    out = tmp_path / "%04d.png"
    segments, times = _segments(info, plan_pictures(info, EncodeSettings(), out), tmp_path)
    (tmp_path / "0009.png").write_text("precious")
    with pytest.raises(OutputError) as caught:
        write_pictures(segments, info, times, out, overwrite=False)
    assert caught.value.code == "output_exists"
    assert [path.name for path in tmp_path.glob("*.png")] == ["0009.png"]
    assert (tmp_path / "0009.png").read_text() == "precious" and not list(tmp_path.glob(".*"))
    write_pictures(segments, info, times, out, overwrite=True)
    assert len(_decoded(out)) == 4
