import os
import socket
from dataclasses import replace
from pathlib import Path

import PIL.Image
import pytest

from videoswap import (
    compare,
    evaluate,
    list_faces,
    swap_folder,
    swap_image,
    swap_video,
)
from videoswap.cli import entry
from videoswap.engines.ghost.options import GhostOptions
from videoswap.errors import NoFaceError, OutputError
from videoswap.jobs import outputs
from videoswap.jobs.outputs import (
    check_output_folder,
    check_outputs,
    default_output,
    default_video_output,
    fitted_name,
    ignores_case,
)


def refusal(*args, **kwargs):
    with pytest.raises(OutputError) as caught:
        check_outputs(*args, **kwargs)
    assert caught.value.message.count("\n") == 0
    assert caught.value.hint
    return caught.value.code


def small_picture(path: Path) -> Path:
    path.parent.mkdir(exist_ok=True)
    PIL.Image.new("RGB", (8, 8)).save(path)
    return path


def test_default_names(tmp_path, clip, clips):
    for name, out in {"b.JPG": "b.JPG", "b.tif": "b.tif", "b.ico": "b.png"}.items():
        made = default_output(small_picture(tmp_path / "a" / name))
        assert made == Path(out.replace("b.", "b_swapped."))
    assert default_video_output(clip) == Path("two people_swapped.mp4")
    assert default_video_output(clips["yuv444p"]) == Path("yuv444p_swapped.mkv")


def test_default_names_of_long_names_are_shortened(tmp_path, clip):
    long = tmp_path / ("映" * 83 + ".mp4")  # 253 bytes
    long.symlink_to(clip)
    out = default_video_output(long)
    assert len(os.fsencode(out.name)) <= 240
    assert out.name.startswith("映" * 70)
    assert out.name.endswith("映_swapped.mp4")
    picture = small_picture(tmp_path / ("x" * 250 + ".png"))
    assert default_output(picture).name == "x" * 227 + "_swapped.png"


@pytest.mark.parametrize(
    ("stem", "short"),
    [
        ("abcdef", "abcd"),
        ("äöü", "äö"),
        ("aée\u0301x", "aé"),  # the accent does not fit, so its letter goes too
        ("a\U0001f44d\U0001f3fd", "a"),  # nor does a skin tone
        ("ab. xyz", "ab"),
        ("\udcff\udcff\udcff\udcff\udcff", "\udcff\udcff\udcff\udcff"),
    ],
)
def test_names_are_shortened_between_characters(stem, short):
    assert fitted_name(stem, ".png", 8) == f"{short}.png"
    assert fitted_name(stem, ".png", 80) == f"{stem}.png"


def test_a_link_to_an_input_is_the_input(tmp_path):
    source = tmp_path / "a.mp4"
    source.write_text("video")
    link = tmp_path / "b.mp4"
    link.symlink_to(source)
    hard = tmp_path / "c.mp4"
    hard.hardlink_to(source)
    (tmp_path / "d").symlink_to(tmp_path)
    for out in (source, link, hard, tmp_path / "d" / "a.mp4"):
        assert refusal({"result": out}, [source], overwrite=True) == "output_is_input"


def test_two_outputs_of_one_name(tmp_path, monkeypatch):
    (tmp_path / "link").symlink_to(tmp_path)
    for other in (tmp_path / "a.mkv", tmp_path / "link" / "a.mkv"):
        wanted = {"result": tmp_path / "a.mkv", "masks": other}
        assert refusal(wanted, [], overwrite=True) == "output_is_input"
    other = {"result": tmp_path / "Ä.mkv", "masks": tmp_path / "a\u0308.mkv"}
    check_outputs(other, [], overwrite=True)
    monkeypatch.setattr(outputs, "ignores_case", lambda folder: True)
    assert refusal(other, [], overwrite=True) == "output_is_input"


def test_case_sensitive_folders_are_told_from_others(tmp_path, monkeypatch):
    (tmp_path / "File").touch()
    sensitive = not (tmp_path / "fILE").exists()
    assert ignores_case(tmp_path) is not sensitive
    assert ignores_case(tmp_path / "not" / "there") is not sensitive
    real = outputs.file_identity
    monkeypatch.setattr(
        outputs, "file_identity", lambda path: real(path.with_name("File")) or real(path)
    )
    assert ignores_case(tmp_path)


def test_only_files_are_replaced(tmp_path):
    fifo, sock = tmp_path / "fifo", tmp_path / "sock"
    os.mkfifo(fifo)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(sock))
    (tmp_path / "to_device").symlink_to("/dev/null")
    for out in (fifo, sock, Path("/dev/null"), tmp_path / "to_device"):
        assert refusal({"report": out}, [], overwrite=True) == "output_not_a_file"
    listener.close()
    assert refusal({"report": tmp_path}, [], overwrite=True) == "output_is_directory"


def test_a_link_that_leads_nowhere_is_there(tmp_path):
    link = tmp_path / "out.mp4"
    link.symlink_to(tmp_path / "nothing")
    assert refusal({"result": link}, [], overwrite=False) == "output_exists"
    check_outputs({"result": link}, [], overwrite=True)  # the link itself is replaced


def test_names_that_no_file_can_have(tmp_path):
    for out in (tmp_path / ("x" * 256), Path("d" * 200, *["e" * 200] * 21, "out.mp4")):
        assert refusal({"result": out}, [], overwrite=True) == "name_too_long"
    deep = tmp_path / "/".join(["d" * 100] * 39)
    deep = deep / ("e" * (4080 - len(str(deep))))
    # The name fits, those of the temporary files beside it do not.
    assert refusal({"result": deep / "o.mp4"}, [], overwrite=True) == "name_too_long"


def test_folders_for_results(tmp_path):
    check_output_folder(tmp_path / "new" / "deeper")
    (tmp_path / "file").touch()
    (tmp_path / "nowhere").symlink_to(tmp_path / "nothing")
    for name in ("file", "nowhere", "x" * 256):
        with pytest.raises(OutputError):
            check_output_folder(tmp_path / name)
    for below in ("file/new", "nowhere/new"):
        with pytest.raises(OutputError):
            check_output_folder(tmp_path / below)


@pytest.mark.parametrize("kind", ["video", "picture"])
@pytest.mark.parametrize("what", ["result", "masks", "report"])
@pytest.mark.parametrize("victim", ["source", "folder photo", "target face", "generator"])
def test_no_output_is_written_over_an_input(
    clip, photos, group_photo, settings, tmp_path, kind, what, victim
):
    """Whatever it is, and however much --overwrite asks for it."""
    person = tmp_path / "person"
    person.mkdir()
    files = {
        "source": tmp_path / "me.png",
        "folder photo": person / "b.png",
        "target face": tmp_path / "her.png",
        "generator": tmp_path / "G.pth",
    }
    for path in files.values():
        path.write_bytes(photos["source"].read_bytes())
    named = {"result": tmp_path / "out.mkv", "masks": None, "report": None}
    named[what] = files[victim]
    with pytest.raises(OutputError) as caught:
        (swap_video if kind == "video" else swap_image)(
            [files["source"], person],
            clip if kind == "video" else group_photo,
            named["result"],
            target_faces=[files["target face"], photos["right"]],
            settings=replace(
                settings, overwrite=True, engine_options=GhostOptions(g_path=files["generator"])
            ),
            save_masks=named["masks"],
            report_file=named["report"],
        )
    assert caught.value.code == "output_is_input"
    assert files[victim].read_bytes() == photos["source"].read_bytes()


def test_other_commands_spare_their_inputs_too(clip, photos, settings, tmp_path):
    gallery = tmp_path / "gallery"
    gallery.mkdir()
    photo = gallery / "a.png"
    photo.write_bytes(photos["left"].read_bytes())
    mine = replace(settings, overwrite=True)
    common = {"gallery": gallery, "settings": mine}
    calls = (
        lambda: evaluate(clip, clip, [photos["source"]], json_file=photo, **common),
        lambda: evaluate(clip, clip, [photos["source"]], html_file=photo, **common),
        lambda: evaluate(
            clip, clip, [photo], json_file=tmp_path / "e", html_file=tmp_path / "e", settings=mine
        ),
        lambda: compare(clip, [clip], photo, sources=[photos["source"]], **common),
        lambda: swap_folder(
            [photo], gallery, tmp_path / "o", target_faces=(), settings=mine, report_file=photo
        ),
    )
    for call in calls:
        with pytest.raises(OutputError) as caught:
            call()
        assert caught.value.code == "output_is_input"
    assert photo.read_bytes() == photos["left"].read_bytes()


@pytest.mark.parametrize(
    ("flag", "code"),
    [("-i", 3), ("-o", 6), ("--save_masks", 6), ("--report", 6), ("--out_dir", 6), ("-s", 3)],
)
def test_names_that_no_file_can_have_are_a_sentence(clip, photos, tmp_path, capsys, flag, code):
    words = {"-s": str(photos["source"]), "-i": str(clip), "-o": str(tmp_path / "o.mkv")}
    if flag == "--out_dir":
        del words["-o"]
    words[flag] = str(tmp_path / ("x" * 900 + ".mkv"))
    assert entry.main(["swap", *(word for pair in words.items() for word in pair)]) == code
    told = capsys.readouterr().err
    assert len(told.splitlines()) == 1
    assert len(told) < 400
    assert "Defect" not in told


@pytest.mark.parametrize("flag", ["--out_video_name", "--save_masks", "--report"])
def test_no_output_is_the_log(clip, photos, tmp_path, flag, capsys):
    log = tmp_path / "run.mkv"
    line = ["swap", "--source_paths", str(photos["source"]), "--target_video", str(clip)]
    line += ["--log_file", str(log), "--overwrite", flag, str(log)]
    assert entry.main(line) == 6
    assert f"{log} is also the log file." in capsys.readouterr().err
    assert "videoswap" in log.read_text()


def test_people_are_not_listed_over_what_is_there(
    clip, empty_clip, settings, tmp_path, monkeypatch
):
    with pytest.raises(NoFaceError):
        list_faces(empty_clip, tmp_path / "nobody", settings=settings)
    assert not (tmp_path / "nobody").exists()
    monkeypatch.setattr("videoswap.jobs.faces.analyze_with_progress", None)  # it does not get there
    (tmp_path / "people.json").write_text("precious")
    with pytest.raises(OutputError) as caught:
        list_faces(clip, tmp_path, settings=settings)
    assert caught.value.code == "output_exists"
