import argparse
from fractions import Fraction
from pathlib import Path

import pytest

from videoswap import cli
from videoswap.errors import UsageError


def parse(words):
    parser = argparse.ArgumentParser(allow_abbrev=False)
    cli.add_swap_arguments(parser)
    return parser.parse_args(cli.shield_dashes(parser, words))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("12", Fraction(12)),
        ("0.1", Fraction(1, 10)),
        ("01:30", Fraction(90)),
        ("1:02:03.250", Fraction(14893, 4)),
    ],
)
def test_times_are_exact(text, seconds):
    assert cli.parse_time(text) == seconds


@pytest.mark.parametrize("text", ["", "abc", "1:2:3:4", "-5", "1:-2", "nan"])
def test_other_times_are_refused(text):
    with pytest.raises(argparse.ArgumentTypeError):
        cli.parse_time(text)


@pytest.mark.parametrize(
    ("text", "value"), [("True", True), ("false", False), ("False", False), ("1", True)]
)
def test_booleans_are_read_strictly(text, value):
    assert parse(["--source_paths", "a.png", "--image_to_image", text]).image_to_image is value


def test_a_word_that_is_no_boolean_is_refused(capsys):
    with pytest.raises(SystemExit):
        parse(["--source_paths", "a.png", "--image_to_image", "maybe"])
    assert "neither true nor false" in capsys.readouterr().err


def test_names_that_begin_with_a_dash(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("-a.png").touch()
    Path("--crf").touch()
    words = ["--source_paths", "-a.png", "b.png", "--target_video", "-v.mp4", "--crf", "20"]
    found = parse(words)
    assert found.source_paths == [Path("-a.png"), Path("b.png")]
    assert found.target_video == Path("-v.mp4")
    assert found.crf == 20.0


def test_ghosts_two_names_of_the_target_picture():
    for flag in ("--target_image", "--target_path"):
        assert parse(["--source_paths", "a", flag, "b"]).target_image == Path("b")


def test_settings_follow_the_flags():
    found = cli.settings_from(
        parse(
            [
                "--source_paths",
                "a",
                "--target_video",
                "v",
                "--min_face",
                "1/8",
                "--start",
                "1",
                "--end",
                "2.5",
                "--encoder",
                "ffv1",
                "--similarity_th",
                "0.4",
                "--batch_size",
                "3",
                "--no_cache",
                "--overwrite",
            ]
        )
    )
    assert found.analysis.min_face == Fraction(1, 8)
    assert (found.time_range.start, found.time_range.end) == (1, Fraction(5, 2))
    assert (found.encode.encoder, found.similarity_th, found.batch_size) == ("ffv1", 0.4, 3)
    assert found.cache_dir is None
    assert found.overwrite


def test_an_empty_range_is_a_usage_error():
    with pytest.raises(UsageError, match="--end"):
        cli.settings_from(parse(["--source_paths", "a", "--start", "3", "--end", "2"]))


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--source_paths", "a.png"],
        ["--source_paths", "a", "--target_video", "v", "--target_image", "i"],
        ["--source_paths", "a", "--target_video", "v", "--min_face", "3"],
        ["--source_paths", "a", "--target_video", "v", "--device", "tpu"],
        ["--source_paths", "a", "--target_video", "v", "--similarity_th", "nan"],
        ["--source_paths", "a", "--target_video", "v", "--similarity_th=-1"],
        ["--source_paths", "a", "--target_dir", "d"],
        ["--source_paths", "a", "--target_video", "v", "--image_to_image"],
    ],
)
def test_wrong_usage_exits_2_without_a_traceback(words, capsys):
    assert cli.swap_main(words) == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "boost", "restorer", "blend"),
    [
        ([], None, "none", 0.8),
        (["--pixel_boost", "auto"], None, "none", 0.8),
        (["--pixel_boost", "3"], 3, "none", 0.8),
        (["--restorer", "gpen512", "--restorer_blend", "0.5"], None, "gpen512", 0.5),
    ],
)
def test_what_is_done_for_large_faces(words, boost, restorer, blend):
    detail = cli.settings_from(parse(["--source_paths", "a.png", *words])).detail
    assert (detail.pixel_boost, detail.restorer, detail.restorer_blend) == (boost, restorer, blend)


@pytest.mark.parametrize("words", [["--pixel_boost", "much"], ["--restorer", "magic"]])
def test_unknown_words_for_large_faces_are_refused(words):
    with pytest.raises(SystemExit):
        parse(["--source_paths", "a.png", *words])


def test_five_sub_images_a_side_are_refused():
    with pytest.raises(UsageError, match="pixel_boost"):
        cli.settings_from(parse(["--source_paths", "a.png", "--pixel_boost", "5"]))
