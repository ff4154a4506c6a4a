"""Values that flags must refuse, and commands that make no sense."""

from __future__ import annotations

from tests.hostile.broken import taken
from tests.hostile.case import Case, film_words, picture_words

# Lines that say where missing weights come from.
WHERE_FROM = 8
# Values that mean nothing, by flag.
BAD_VALUES: dict[str, tuple[str, ...]] = {
    "--swapper": ("nix", "", "../mesh"),
    "--device": ("tpu", "cuda:9", ""),
    "--similarity_th": ("nan", "-1", "0", "inf", "99", "much", ""),
    "--batch_size": ("0", "-3", "1.5", "many"),
    "--min_face": ("0", "-1", "2", "1/0", "nan", "inf", "small"),
    "--start": ("-1", "1e99", "nan", "inf", "1:2:3:4", "99:99:99:99", "soon", "1e400", ""),
    "--end": ("0", "-1", "nan", "soon"),
    "--mask": ("all", ""),
    "--feather": ("-0.1", "0.6", "nan", "soft"),
    "--strength": ("0", "-1", "1.01", "nan", "inf"),
    "--keep_eyes": ("maybe", "2"),
    "--steady": ("perhaps",),
    "--grain": ("None",),
    "--pixel_boost": ("0", "5", "-1", "1.5", "much"),
    "--restorer": ("magic",),
    "--restorer_blend": ("-0.1", "1.1", "nan"),
    "--encoder": ("nix", "", "libx264;rm", "aac", "png\n"),
    "--crf": ("99", "-1", "nan", "inf", "good"),
    "--preset": ("foo", "", "slow:crf=0"),
    "--pix_fmt": ("nix", "", "yuv420p;x"),
    "--backbone": ("resnet9000",),
    "--num_blocks": ("0", "4", "two"),
    "--crop_size": ("0", "63", "1025", "-224"),
    "--face_models": ("mine",),
    "--use_sr": ("no way",),
}
# What messages call a flag, where that is not its name.
WORDS = {"--swapper": "engine", "--pix_fmt": "pixel format", "--crf": "crf|quality"}

_WRONG_USAGE: dict[str, tuple[str, ...]] = {
    "no words at all": (),
    "no target": ("--source_paths", "me.png"),
    "two targets": (*film_words("film.mp4"), "--target_image", "left.png"),
    "a folder without its results' folder": ("--source_paths", "me.png", "--target_dir", "."),
    "a picture and a video at once": (*film_words("film.mp4"), "--image_to_image"),
    "a flag without its value": ("--source_paths", "me.png", "--target_video"),
    "a flag that does not exist": (*film_words("film.mp4"), "--make_it_good"),
    "a flag with a letter missing": ("--sorce_paths", "me.png", "--target_video", "film.mp4"),
    "a video without a name": ("--source_paths", "me.png", "--target_video", ""),
    "a photo without a name": ("--source_paths", "", "--target_video", "film.mp4"),
    "a result without a name": film_words("film.mp4", ""),
    "a report without a name": (*film_words("film.mp4"), "--report", ""),
    "an end before the start": (*film_words("film.mp4"), "--start", "2", "--end", "1"),
    "an end at the start": (*film_words("film.mp4"), "--start", "0.2", "--end", "0.2"),
    "an unknown command": ("nix",),
    "a model that does not exist": ("models", "path", "nix"),
    "an unknown action of cache": ("cache", "explode"),
    "a step of 0": ("evaluate", "film.mp4", "film.mp4", "--source", "me.png", "--step", "0"),
    "a step below 0": ("evaluate", "film.mp4", "film.mp4", "--source", "me.png", "--step", "-1"),
    "labels for other results": (
        "compare",
        "film.mp4",
        "film.mp4",
        "--labels",
        "a",
        "b",
        "--out",
        "g.mp4",
    ),
    "more target faces than sources": (
        *film_words("film.mp4"),
        "--target_faces_paths",
        "left.png",
        "left.png",
    ),
    "more sources than target faces": (
        "--source_paths",
        "me.png",
        "me.png",
        "--target_faces_paths",
        "left.png",
        "--target_video",
        "film.mp4",
    ),
}


def _bad_values() -> tuple[Case, ...]:
    rows = []
    for flag, values in BAD_VALUES.items():
        for value in values:
            # Joined by =, so that no value passes for a flag.
            words = (*film_words("film.mp4"), f"{flag}={value}")
            name = WORDS.get(flag, flag.lstrip("-").replace("_", "[_ -]"))
            rows.append(Case(f"{flag} {value!r}", words, 2, name))
    return tuple(rows)


ROWS = (
    *_bad_values(),
    *(
        Case(
            id,
            words,
            2,
        )
        for id, words in _WRONG_USAGE.items()
    ),
    Case(
        "a start after the end of the film",
        film_words("film.mp4", "out.mp4", "--start", "99"),
        (2, 3),
        "--start",
    ),
    Case(
        "a range between two frames",
        film_words("film.mp4", "out.mp4", "--start", "0.034", "--end", "0.035"),
        (2, 3),
        "--start",
    ),
    Case(
        "a range of the last frame alone",
        film_words("film.mp4", "out.mp4", "--start", "0.56"),
        (0, 3),
        leaves=("out.mp4",),
    ),
    Case(
        "an end after the end of the film",
        film_words("film.mp4", "out.mp4", "--end", "99:59:59"),
        0,
        leaves=("out.mp4",),
    ),
    Case(
        "times with far too many digits",
        film_words("film.mp4", "out.mp4", "--start", "0.1" + "0" * 5000 + "1"),
        (0, 2),
        leaves=("out.mp4",),
    ),
    Case(
        "a time of a million digits in an exponent",
        film_words("film.mp4", "out.mp4", "--end", "1e1000000000"),
        2,
        "--end",
        seconds=20,
    ),
    Case(
        "the same flag twice",
        (*film_words("film.mp4"), "--crf", "20", "--crf", "21"),
        0,
        leaves=("out.mp4",),
    ),
    Case(
        "the same source twice",
        (
            "--source_paths",
            "me.png",
            "me.png",
            "--target_faces_paths",
            "left.png",
            "right.png",
            "--target_video",
            "film.mp4",
            "--out_video_name",
            "out.mp4",
        ),
        0,
        make=taken("right.png"),
        leaves=("out.mp4",),
    ),
    Case(
        "the same target face twice",
        (
            "--source_paths",
            "me.png",
            "me.png",
            "--target_faces_paths",
            "left.png",
            "left.png",
            "--target_video",
            "film.mp4",
            "--out_video_name",
            "out.mp4",
        ),
        (0, 2, 4, 5),
        leaves=("out.mp4",),
    ),
    Case(
        "a target face that is not in the film",
        film_words("film.mp4", "out.mp4", "--target_faces_paths", "me.png"),
        4,
    ),
    Case(
        "a generator that is missing",
        film_words("film.mp4", "out.mp4", "--G_path", "no.pth"),
        (2, 3),
        "no.pth",
    ),
    Case(
        "a generator that is a photo",
        film_words("film.mp4", "out.mp4", "--swapper", "ghost", "--G_path", "me.png"),
        (2, 3),
        "ghost",
    ),
    Case(
        "an engine whose weights are missing",
        film_words("film.mp4", "out.mp4", "--swapper", "ghost"),
        (2, 3),
        "ghost",
    ),
    Case(
        "a mask network that is missing",
        film_words("film.mp4", "out.mp4", "--mask", "xseg"),
        (2, 3),
        "xseg",
        lines=WHERE_FROM,
    ),
    Case(
        "a restorer that is missing",
        film_words("film.mp4", "out.mp4", "--restorer", "gfpgan"),
        (2, 3),
        "gfpgan",
        lines=WHERE_FROM,
    ),
    Case(
        "face models that are missing",
        film_words("film.mp4", "out.mp4", "--face_models", "insightface"),
        (2, 3),
        lines=WHERE_FROM,
    ),
    Case(
        "an encoder that needs a GPU",
        film_words("film.mp4", "out.mp4", "--encoder", "h264_nvenc"),
        2,
        "h264_nvenc",
    ),
    Case(
        "a decoder that needs a GPU",
        film_words("film.mp4", "out.mp4", "--decoder", "nvdec"),
        2,
        "NVDEC",
    ),
    Case(
        "a pixel format that the encoder lacks",
        film_words("film.mp4", "out.mp4", "--pix_fmt", "gbrpf32le"),
        2,
        "gbrpf32le",
    ),
    Case("help of a picture that is none", picture_words("me.png", "film.txt"), (2, 3)),
)
