"""Numbered pictures in place of a video, and as a result."""

from __future__ import annotations

from collections.abc import Callable

from tests.hostile.broken import taken
from tests.hostile.case import Case, Maker, film_words
from tests.hostile.scene import Scene
from tests.hostile.stock import ffmpeg

COUNT = 5
RESULTS = tuple(f"out_{number:02d}.png" for number in range(1, COUNT + 1))


def _pictures(*harms: Callable[[Scene], None]) -> Maker:
    """Write f_01.png to f_05.png, and do something to them."""

    def make(scene: Scene) -> None:
        ffmpeg(scene.work, f"-i film.mp4 -frames:v {COUNT} f_%02d.png")
        for harm in harms:
            harm(scene)

    return make


def _gone(scene: Scene) -> None:
    (scene.work / "f_03.png").unlink()


def _cut(scene: Scene) -> None:
    path = scene.work / "f_03.png"
    path.write_bytes(path.read_bytes()[:5000])


def _smaller(scene: Scene) -> None:
    ffmpeg(scene.work, "-i film.mp4 -frames:v 1 -vf scale=64:48 -update 1 f_03.png")


def _other_kind(scene: Scene) -> None:
    ffmpeg(scene.work, "-i film.mp4 -frames:v 1 -pix_fmt gray -update 1 f_03.png")


def _playlist(scene: Scene) -> None:
    (scene.work / "f_03.png").write_text("#EXTM3U\n#EXTINF:1,\n/etc/passwd\n#EXT-X-ENDLIST\n")


def _taken(scene: Scene) -> None:
    (scene.work / "out_04.png").write_text("precious")


def _row(id: str, make: Maker, code: int, says: str, *more: str, out: str = "out_%02d.png") -> Case:
    return Case(id, film_words("f_%02d.png", out, *more), code, says, make=make)


ROWS = (
    Case(
        "numbered pictures",
        film_words("f_%02d.png", "out_%02d.png", "--fps", "24000/1001"),
        make=_pictures(),
        leaves=RESULTS,
    ),
    Case("a film into numbered pictures", film_words("film.mp4", "new/%04d.exr"), 2, "EXR"),
    _row("numbered pictures that are not there", taken("film.mp4"), 3, "f_%02d.png"),
    _row("numbered pictures with a gap", _pictures(_gone), 3, "missing.*3"),
    _row("a numbered picture cut short", _pictures(_cut), 3, "f_03.png"),
    _row("a numbered picture of another size", _pictures(_smaller), 3, "f_03.png is 64x48"),
    _row(
        "a numbered picture of another kind", _pictures(_other_kind), 3, "f_03.png is 480x320 gray"
    ),
    _row("a playlist among numbered pictures", _pictures(_playlist), 3, "f_03.png"),
    _row("a numbered result that is there", _pictures(_taken), 6, "out_04.png exists"),
    _row(
        "numbered results that are the input",
        _pictures(),
        6,
        "also an input",
        "--overwrite",
        out="f_%02d.png",
    ),
    _row("a frame rate of nothing", _pictures(), 2, "frame rate", "--fps", "24/0"),
    Case("a frame rate for a film", film_words("film.mp4", "out.mp4", "--fps", "24"), 2, "--fps"),
)
