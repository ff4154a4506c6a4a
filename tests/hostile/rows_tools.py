"""The other commands: ``faces``, ``evaluate``, ``compare``, ``models``, ``doctor``."""

from __future__ import annotations

from tests.hostile.broken import both, cut_short, made, noise, taken, text
from tests.hostile.case import Case, Maker, Outcome
from tests.hostile.scene import Scene

_EVALUATE = ("evaluate", "film.mp4", "result.mp4", "--source", "me.png")
_RESULT = taken("film.mp4", "result.mp4")


def _evaluate(
    id: str,
    make: Maker,
    code: int | tuple[int, ...] = (2, 3),
    *more: str,
    says: str = "",
    leaves: tuple[str, ...] = (),
) -> Case:
    return Case(id, (*_EVALUATE, *more), code, says, make=make, leaves=leaves)


def _page_is_closed(scene: Scene, outcome: Outcome) -> str:
    page = (scene.work / "page.html").read_text(encoding="utf-8")
    if "<script>alert" in page:
        return "a name became part of the page's code"
    return "the page reads from elsewhere" if 'src="http' in page else ""


_EVIL = "<script>alert(1)<-script>.mp4"

ROWS = (
    Case(
        "faces: nobody in the film",
        ("faces", "nobody.mp4", "--out_dir", "people"),
        4,
        "nobody.mp4",
        make=taken("nobody.mp4"),
    ),
    Case("faces: the folder is a file", ("faces", "film.mp4", "--out_dir", "me.png"), 6, "me.png"),
    Case(
        "faces: the folder has other files",
        ("faces", "film.mp4", "--out_dir", "people"),
        (0, 6),
        make=lambda scene: _other_files(scene),
        leaves=("people/*",),
    ),
    Case(
        "faces: a folder that exists with the same names",
        ("faces", "film.mp4", "--out_dir", "people"),
        6,
        "people",
        make=taken("me.png", "people/person_01.png"),
    ),
    Case("faces: an address", ("faces", "http://127.0.0.1:9/x.mp4", "--out_dir", "people"), 3),
    Case(
        "faces: text",
        ("faces", "text.mp4", "--out_dir", "people"),
        3,
        "text.mp4",
        make=text("text.mp4", "no film\n" * 50),
    ),
    Case(
        "faces: a cut film",
        ("faces", "cut.mp4", "--out_dir", "people"),
        (0, 5),
        make=cut_short("cut.mp4", 0.6, "-movflags +faststart"),
        leaves=("people/*",),
    ),
    Case(
        "what faces found, as one target face",
        (
            "--source_paths",
            "me.png",
            "--target_faces_paths",
            "people",
            "--target_video",
            "film.mp4",
            "--out_video_name",
            "out.mp4",
        ),
        (2, 3, 4),
        "people",
        make=both(
            taken("left.png", "people/person_01.png"),
            taken("right.png", "people/person_02.png"),
            taken("me.png", "people/person_03.png"),
        ),
    ),
    Case(
        "a source folder with two men",
        ("--source_paths", "people", "--target_video", "film.mp4", "--out_video_name", "out.mp4"),
        (0, 2, 3, 4),
        "people",
        make=both(taken("left.png", "people/a.png"), taken("me.png", "people/b.png")),
        leaves=("out.mp4",),
    ),
    _evaluate("evaluate: the result is missing", taken("me.png"), 3, says="result.mp4"),
    _evaluate("evaluate: the result is noise", noise("result.mp4", 5000), 3, says="result.mp4"),
    _evaluate("evaluate: another film", taken("nobody.mp4", "result.mp4")),
    _evaluate("evaluate: another size", made("-i film.mp4 -vf scale=320:240 result.mp4")),
    _evaluate(
        "evaluate: a cut result", cut_short("result.mp4", 0.6, "-movflags +faststart"), (0, 2, 3, 5)
    ),
    _evaluate(
        "evaluate: masks of another film",
        both(_RESULT, taken("nobody.mp4")),
        (2, 3),
        "--masks",
        "nobody.mp4",
    ),
    _evaluate("evaluate: masks are a photo", _RESULT, (2, 3), "--masks", "me.png"),
    _evaluate("evaluate: JSON over the result", _RESULT, 6, "--json", "result.mp4"),
    _evaluate("evaluate: page over the original", _RESULT, 6, "--html", "film.mp4"),
    _evaluate("evaluate: JSON over the source", _RESULT, 6, "--json", "me.png"),
    _evaluate("evaluate: JSON where no folder is", _RESULT, 6, "--json", "no/x.json"),
    _evaluate("evaluate: page and JSON in one file", _RESULT, (2, 6), "--json", "x", "--html", "x"),
    _evaluate(
        "evaluate: a source without a face",
        both(_RESULT, taken("nobody.png")),
        4,
        "--source",
        "nobody.png",
    ),
    _evaluate("evaluate: a gallery that is a file", _RESULT, (2, 3), "--gallery", "me.png"),
    _evaluate("evaluate: a range with no frame", _RESULT, (2, 3, 4), "--start", "99"),
    Case(
        "evaluate: a page of evil names",
        ("evaluate", "film.mp4", _EVIL, "--source", "me.png", "--html", "page.html"),
        0,
        make=taken("film.mp4", _EVIL),
        leaves=("page.html",),
        check=_page_is_closed,
    ),
    Case(
        "compare: grid over the original",
        ("compare", "film.mp4", "result.mp4", "--out", "film.mp4"),
        6,
        make=_RESULT,
    ),
    Case(
        "compare: grid over a result",
        ("compare", "film.mp4", "result.mp4", "--out", "result.mp4"),
        6,
        make=_RESULT,
    ),
    Case(
        "compare: another size",
        ("compare", "film.mp4", "small.mp4", "--out", "grid.mp4"),
        (0, 2, 3),
        make=made("-i film.mp4 -vf scale=320:240 small.mp4"),
        leaves=("grid.mp4",),
    ),
    Case(
        "compare: noise",
        ("compare", "film.mp4", "x.mp4", "--out", "grid.mp4"),
        3,
        "x.mp4",
        make=noise("x.mp4", 5000),
    ),
    Case(
        "compare: a grid named .txt",
        ("compare", "film.mp4", "result.mp4", "--out", "g.txt"),
        (2, 6),
        make=_RESULT,
    ),
    Case(
        "models: download without a network",
        ("models", "download", "glintr100"),
        (2, 3),
        environment={"HTTPS_PROXY": "http://127.0.0.1:9"},
    ),
    Case("models: licence nobody can be asked about", ("models", "download", "ghost"), (2, 3)),
    Case("models: path of what is missing", ("models", "path", "xseg"), (2, 3), lines=8),
    Case("doctor on a healthy machine", ("doctor",), 0),
)


def _other_files(scene: Scene) -> None:
    (scene.work / "people").mkdir()
    (scene.work / "people" / "x.txt").write_text("mine")
