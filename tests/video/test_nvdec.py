"""NVDEC's frames are the CPU's, or the CPU decodes and it is said why."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.sidedata.sidedata import Type

from tests.helpers import clips
from videoswap import devices
from videoswap.errors import UsageError
from videoswap.video import nvdec
from videoswap.video.damage import Damage
from videoswap.video.nvdec import NvdecReader, check_nvdec, choose_decoder, nvdec_trouble
from videoswap.video.probe import probe
from videoswap.video.reader import VideoReader

HEVC = {"preset": "ultrafast", "x265-params": "log-level=none:bframes=3:keyint=12"}
HDR = {"x265-params": f"{HEVC['x265-params']}:master-display=G(1,2)B(3,4)R(5,6)WP(7,8)L(9,1)"}
FILMS = {
    **{name: clips.CLIPS[name] for name in clips.CLIPS if name not in ("late_audio", "two_audio")},
    "full range": clips.Clip(pix_fmt="yuvj420p", color=(1, 2, 1, 1)),
    "no range": clips.Clip(color=(2, 0, 2, 2)),
    "tagged": clips.Clip(color=(6, 1, 6, 6), sar=Fraction(4, 3)),
    "hevc": clips.Clip(encoder="libx265", options=HEVC),
    "hevc 10 bit": clips.Clip(pix_fmt="yuv420p10le", encoder="libx265", options=HEVC),
    "hdr": clips.Clip(
        ".mkv", "yuv420p10le", encoder="libx265", options=HEVC | HDR, color=(9, 1, 16, 9)
    ),
}


def film(folder: Path, clip: clips.Clip = clips.CLIPS["b_frames"]) -> Path:
    return clips.make(folder / f"film{clip.suffix}", clip)


def assert_equal(found, wanted):
    found, wanted = list(found), list(wanted)
    assert [one.pts for one in found] == [one.pts for one in wanted]
    assert all(map(nvdec._same, found, wanted))


@pytest.mark.parametrize("name", FILMS)
def test_every_frame_is_the_same_wherever_reading_begins(name, card, tmp_path):
    info = probe(film(tmp_path, FILMS[name]))
    notes = []
    with VideoReader(info, 1) as reader, NvdecReader(info, 1, notes.append) as other:
        pts = [frame.pts for frame in reader.frames()]
        assert_equal(other.frames(), reader.frames())
        assert card.decoded >= len(pts) >= 36
        for first, last in ((0, 0), (5, 9), (13, None), (23, 30), (len(pts) - 1, None)):
            part = pts[first], None if last is None else pts[last]
            assert_equal(other.frames(*part), reader.frames(*part))
        assert not other.problems.any
    assert notes == []
    assert choose_decoder("nvdec", info) == ("nvdec", ())


def refusing(number, image):
    if number == 20:
        raise av.error.ExternalError(1, "no surfaces left")
    return image


def losing(number, image):
    return None if number in (20, 21) else image


def cropped(number, image):
    return image if number < 20 else image.reformat(width=image.width // 2)


def dead(number, image):
    raise av.error.ExternalError(1, "the card is gone")


BREAKS = {
    "refuses a part of the film (no surfaces left)": refusing,
    "damaged there, or its times are": losing,
    "pictures of 64x96": cropped,
    "the card is gone": dead,
    "the GPU gives no frame": lambda number, image: None,
}


@pytest.mark.parametrize("why", BREAKS)
@pytest.mark.parametrize("first", [0, 15])
@pytest.mark.parametrize("threads", [1, 4])
def test_where_the_card_fails_the_cpu_gives_what_is_left(why, first, threads, card, tmp_path):
    info = probe(film(tmp_path))
    card.change = BREAKS[why]
    notes = []
    with VideoReader(info, 1) as reader, NvdecReader(info, threads, notes.append) as other:
        pts = [frame.pts for frame in reader.frames()]
        assert_equal(other.frames(pts[first]), reader.frames(pts[first]))
        assert not other.problems.any  # the film has none
    assert [why in note.reason for note in notes] == [True]
    assert notes[0].used == "decoding by the CPU"


def test_grain_is_for_the_cpu(card, tmp_path, monkeypatch):
    info = probe(film(tmp_path))
    found = nvdec.side_data
    grain = {Type.FILM_GRAIN_PARAMS: b""}
    monkeypatch.setattr(
        nvdec, "side_data", lambda image: found(image) | (grain if image.pts > 9000 else {})
    )
    notes = []
    with VideoReader(info, 1) as reader, NvdecReader(info, 1, notes.append) as other:
        assert_equal(other, reader)
    assert ["grain" in note.reason for note in notes] == [True]


def test_a_damaged_film_is_read_as_by_the_cpu(card, tmp_path):
    source = film(tmp_path, replace(clips.CLIPS["b_frames"], frames=90, size=(320, 240)))
    path = tmp_path / "cut.mp4"
    clips.swap_nothing(source, path)
    data = bytearray(path.read_bytes())
    data = data[: int(len(data) * 0.8)]
    middle = len(data) * 3 // 4
    data[middle : middle + 200] = bytes(200)
    path.write_bytes(data)
    info = probe(path)
    notes = []
    with VideoReader(info, 1) as reader, NvdecReader(info, 1, notes.append) as other:
        wanted, found = list(reader), list(other)
        sound = [one for one in wanted if one.pts < reader.problems.damage[0].pts]
        assert_equal(found[: len(sound)], sound)  # threads fill in the rest as it comes
        assert [one.pts for one in found] == [one.pts for one in wanted]
        assert other.problems.any
    assert len(sound) > 20 and ["damaged" in note.reason for note in notes] == [True]


def flipped(place):
    def change(number, image):
        if number == place:
            image.make_writable()
            np.frombuffer(image.planes[1], np.uint8)[7] ^= 1
        return image

    return change


@pytest.mark.parametrize(
    ("changes", "asked", "why"),
    [
        ({"encoder": "libvpx-vp9", "options": {}}, {}, "of vp9 a GPU is not sure"),
        ({"encoder": "ffv1", "options": {}, "suffix": ".mkv"}, {}, "of ffv1"),
        ({"pix_fmt": "yuv444p"}, {}, "of h264 a GPU decodes yuv420p alone"),
        ({"pix_fmt": "yuv420p10le"}, {}, "of h264 a GPU decodes yuv420p alone"),
        ({}, {"damage": [Damage("gap", 0, 1, 1)]}, "the film is damaged"),
        ({}, {"change": flipped(3)}, "decodes the frame at 0.12 s otherwise than the CPU"),
        ({}, {"change": dead}, "refuses a part of the film (the card is gone)"),
    ],
)
def test_what_is_not_for_the_card_goes_to_the_cpu_with_a_note(changes, asked, why, card, tmp_path):
    info = probe(film(tmp_path, replace(clips.CLIPS["constant"], **changes)))
    card.change = asked.get("change", card.change)
    decoder, notes = choose_decoder("nvdec", info, asked.get("damage", ()))
    assert decoder == "cpu"
    assert [why in str(note) for note in notes] == [True], notes
    assert str(notes[0]).startswith("decoding by the CPU instead of decoding by NVDEC, because ")


def test_the_middle_of_a_film_is_compared_too(card, tmp_path):
    clip = replace(clips.CLIPS["constant"], frames=120, options={"preset": "ultrafast", "g": "20"})
    info = probe(film(tmp_path, clip))
    card.change = lambda number, image: flipped(0)(0, image) if image.pts > 31000 else image
    decoder, (note,) = choose_decoder("nvdec", info)
    assert decoder == "cpu" and "at 2.4" in note.reason


@pytest.mark.parametrize("wanted", ["auto", "cpu"])
def test_the_card_is_left_alone_unless_it_is_asked_for(wanted, card, tmp_path):
    info = probe(film(tmp_path))
    check_nvdec(wanted)
    assert choose_decoder(wanted, info) == ("cpu", ())
    with nvdec.open_reader("cpu", info, 1) as reader:
        assert len(list(reader)) == 40
    assert card.opened == 0


def test_a_card_is_believed_once_it_has_decoded(card):
    assert [nvdec_trouble(codec) for codec in nvdec.NVDEC_FORMATS] == ["", ""]
    check_nvdec("nvdec")
    card.change = flipped(5)
    assert "otherwise than the CPU" in nvdec_trouble()
    with pytest.raises(UsageError, match="otherwise than the CPU"):
        check_nvdec("nvdec")


@pytest.mark.skipif(devices.gpu_present(), reason="here may be a card")
def test_without_a_card_it_is_said_at_once(tmp_path):
    with pytest.raises(UsageError) as caught:
        check_nvdec("nvdec")
    assert caught.value.code == "no_nvdec"
    assert "cannot be opened (Operation not permitted): Cannot load libcuda" in str(caught.value)
    notes = []
    info = probe(film(tmp_path))
    with VideoReader(info, 1) as reader, NvdecReader(info, 1, notes.append) as other:
        assert_equal(other, reader)
    assert len(notes) == 1


def test_a_codec_without_a_decoder_on_the_card_is_refused(tmp_path, monkeypatch):
    """A card is there, but FFmpeg has nothing on it for the film."""
    info = probe(film(tmp_path))
    monkeypatch.setattr(nvdec, "open_input", lambda path, hardware: av.open(str(path)))
    assert nvdec.nvdec_differs(info) == "the GPU has no decoder of h264"


@pytest.mark.needs_cuda
@pytest.mark.parametrize("name", ["b_frames", "open_gop", "full range", "hevc 10 bit", "90"])
def test_a_real_card_gives_the_same_frames(name, tmp_path):
    clip = replace(FILMS[name], size=(640, 360), frames=200)
    info = probe(film(tmp_path, clip))
    assert choose_decoder("nvdec", info) == ("nvdec", ())
    notes = []
    with VideoReader(info, 1) as reader, NvdecReader(info, 1, notes.append) as other:
        assert_equal(other, reader)
        pts = [frame.pts for frame in reader]
        assert_equal(other.frames(pts[77], pts[120]), reader.frames(pts[77], pts[120]))
    assert notes == []


@pytest.mark.needs_cuda
def test_a_real_card_holds_no_more_frames_in_a_longer_film(tmp_path):
    import torch

    used = []
    for frames in (60, 600):
        info = probe(film(tmp_path, replace(FILMS["b_frames"], size=(640, 360), frames=frames)))
        least = torch.cuda.mem_get_info()[0]
        with NvdecReader(info) as reader:
            least = min(torch.cuda.mem_get_info()[0] for _ in reader)
        used.append(torch.cuda.mem_get_info()[1] - least)
    assert used[1] < used[0] + 64e6
