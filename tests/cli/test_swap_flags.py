"""The flags of a swap and the settings they become."""

import argparse
from fractions import Fraction
from pathlib import Path

import pytest

from videoswap.cli import evaluate, swap
from videoswap.cli.entry import swap_main
from videoswap.cli.parser import Parser
from videoswap.cli.swap_flags import settings_from
from videoswap.engines.ghost.options import GhostOptions
from videoswap.errors import UsageError
from videoswap.settings import FacePlace, PeopleSettings, SwapSettings


def parse(words):
    parser = argparse.ArgumentParser(allow_abbrev=False)
    swap.add_arguments(parser)
    return parser.parse_args(words)


def ghost(*words):
    return settings_from(parse(["--source_paths", "a.png", *words])).engine_options


@pytest.mark.parametrize(
    ("words", "value"),
    [([], None), (["--image_to_image"], True), (["--image_to_image", "no"], False)],
)
def test_a_switch_is_true_alone_and_takes_a_word(words, value):
    assert parse(["--source_paths", "a.png", *words]).image_to_image is value


def test_a_word_that_is_no_boolean_is_refused(capsys):
    with pytest.raises(SystemExit):
        parse(["--source_paths", "a.png", "--image_to_image", "maybe"])
    assert "neither true nor false" in capsys.readouterr().err


def test_ghosts_two_names_of_the_target_picture():
    for flag in ("--target_image", "--target_path"):
        assert parse(["--source_paths", "a", flag, "b"]).target_image == Path("b")


def test_settings_follow_the_flags():
    found = settings_from(
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


@pytest.mark.parametrize("words", ["--mark plain --no_mark", "--no_mark --mark signed"])
def test_a_mark_and_none_exclude_each_other(words, capsys):
    assert swap_main(["-s", "a.png", "-i", "v.mp4", *words.split()]) == 2
    assert "mark exclude each other." in capsys.readouterr().err


def test_an_empty_range_is_a_usage_error():
    with pytest.raises(UsageError, match="--end"):
        settings_from(parse(["--source_paths", "a", "--start", "3", "--end", "2"]))


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
    detail = settings_from(parse(["--source_paths", "a.png", *words])).detail
    assert (detail.pixel_boost, detail.restorer, detail.restorer_blend) == (boost, restorer, blend)


@pytest.mark.parametrize("words", [["--pixel_boost", "much"], ["--restorer", "magic"]])
def test_unknown_words_for_large_faces_are_refused(words):
    with pytest.raises(SystemExit):
        parse(["--source_paths", "a.png", *words])


def test_five_sub_images_a_side_are_refused():
    with pytest.raises(UsageError, match="pixel_boost"):
        settings_from(parse(["--source_paths", "a.png", "--pixel_boost", "5"]))


def test_without_its_flags_no_engine_is_asked_for():
    assert ghost() is None


def test_every_flag_arrives():
    words = "--G_path g.pth --backbone linknet --num_blocks 3 --crop_size 256 --use_sr true"
    assert ghost(*words.split(), "--ghost_exact") == GhostOptions(
        Path("g.pth"), "linknet", 3, 256, use_sr=True, exact=True
    )


@pytest.mark.parametrize(
    ("words", "wanted"),
    [("--use_sr", True), ("--num_blocks 2 --use_sr False", False), ("--use_sr 1", True)],
)
def test_false_means_false(words, wanted):
    assert ghost(*words.split()).use_sr is wanted


@pytest.mark.parametrize("words", ["--use_sr maybe", "--num_blocks two"])
def test_nonsense_is_refused(words):
    with pytest.raises(SystemExit):
        ghost(*words.split())


@pytest.mark.parametrize("words", ["--backbone vgg", "--num_blocks 4", "--crop_size 1"])
def test_what_ghost_does_not_know_is_refused(words):
    with pytest.raises(UsageError):
        ghost(*words.split())


@pytest.mark.parametrize(
    ("words", "people"),
    [
        ("", PeopleSettings()),
        ("--all_faces", PeopleSettings(all_faces=True)),
        ("--person 3 1", PeopleSettings(persons=(2, 0))),
        ("--face_at 00:12", PeopleSettings(places=(FacePlace(Fraction(12)),))),
        ("--face_at 1:02.5:left", PeopleSettings(places=(FacePlace(Fraction("62.5"), "left"),))),
        ("--face_at 7:0.5,0.25", PeopleSettings(places=(FacePlace(Fraction(7), (0.5, 0.25)),))),
        (
            "--face_at left 0.1,1",
            PeopleSettings(places=(FacePlace(None, "left"), FacePlace(None, (0.1, 1.0)))),
        ),
    ],
)
def test_ways_to_choose_people(words, people):
    assert settings_from(parse(["--source_paths", "a", *words.split()])).people == people


@pytest.mark.parametrize("words", ["--all_faces --person 1", "--person 1 --face_at left"])
def test_one_way_to_choose_people_is_enough(words):
    with pytest.raises(UsageError) as caught:
        settings_from(parse(["--source_paths", "a", *words.split()]))
    assert caught.value.code == "which_people"


@pytest.mark.parametrize("place", ["behind", "00:12:behind", "1,2,3", "2,0.5", "a,b", ":left", ""])
def test_places_that_are_none_are_refused(place, capsys):
    with pytest.raises(SystemExit):
        parse(["--source_paths", "a", "--face_at", place])
    assert "--face_at" in capsys.readouterr().err


@pytest.mark.parametrize("value", ["99", "inf", "nan", "0", "-1", "2.01"])
@pytest.mark.parametrize("models", ["packaged", "insightface"])
def test_a_threshold_outside_of_the_unit_is_refused(value, models):
    words = ["--source_paths", "a", f"--similarity_th={value}", "--face_models", models]
    with pytest.raises(UsageError) as caught:
        settings_from(parse(words))
    assert caught.value.code == "bad_threshold" and "at most be 2" in caught.value.message


def test_a_threshold_that_is_no_number_is_refused():
    with pytest.raises(UsageError, match="similarity_th"):
        SwapSettings(similarity_th="0.5")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("1 2 out.png", "a time and a file"),
        ("soon out.png", "'soon' is not a time"),
        ("1 out.png --dry_run", "exclude each other"),
        ("1 out.png --save_masks m.png", "exclude each other"),
    ],
)
def test_a_preview_is_asked_for_with_a_time_and_a_file(photos, words, told, capsys):
    source = str(photos["source"])
    assert swap_main(["-s", source, "-i", source, "--preview", *words.split()]) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "engine"),
    [
        ("", "auto"),
        ("--use_sr false", "auto"),
        ("--G_path g.pth", "ghost"),
        ("--use_sr", "ghost"),
        ("--ghost_exact", "ghost"),
        ("--backbone unet", "ghost"),
        ("--crop_size 224", "ghost"),
        ("--num_blocks 2 --swapper ghost", "ghost"),
        ("--use_sr false --swapper mesh", "mesh"),
    ],
)
def test_a_flag_that_one_engine_has_asks_for_that_engine(words, engine):
    assert settings_from(parse(["--source_paths", "a.png", *words.split()])).engine == engine


@pytest.mark.parametrize("words", ["--use_sr", "--backbone unet", "--G_path g", "--ghost_exact"])
def test_and_does_not_go_with_another_one(words):
    with pytest.raises(UsageError, match=words.split()[0]):
        settings_from(parse(["--source_paths", "a.png", "--swapper", "mesh", *words.split()]))


def test_evaluate_is_told_who_was_swapped_in_the_same_way():
    parser = Parser()
    evaluate.add_common(parser)
    words = ["--source", "a.png", "--person", "1", "2", "--no_cache"]
    options = evaluate.common_options(parser.parse_args(words))
    assert options["settings"].people == PeopleSettings(persons=(0, 1))
