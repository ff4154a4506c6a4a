"""What all jobs of a run share."""

from types import SimpleNamespace

import cv2
import pytest

from videoswap import SwapSettings, swap_image
from videoswap.engines.mesh.engine import MeshEngine
from videoswap.jobs.context import load_context, unheeded
from videoswap.settings import BlendSettings

EXACT = SimpleNamespace(
    name="ghost",
    as_is="--ghost_exact does as GHOST does",
    batch_size=4,
    keeps=frozenset(),
    keeps_without_dense=frozenset(),
)


@pytest.mark.parametrize(
    ("settings", "engine", "told"),
    [
        ({}, MeshEngine(), []),
        ({"blend": BlendSettings(keep_eyes=True)}, MeshEngine(), []),
        ({"blend": BlendSettings(keep_eyes=False)}, MeshEngine(), []),
        (
            {"batch_size": 8},
            MeshEngine(),
            ["without --batch_size 8, because the engine mesh takes one face after the other"],
        ),
        (
            {"blend": BlendSettings(keep_mouth=False)},
            MeshEngine(),
            [
                "the target's mouth instead of the photo's mouth, "
                "because the engine mesh paints none"
            ],
        ),
        ({}, EXACT, []),
        (
            {"blend": BlendSettings(mask="outline", feather=0.1)},
            EXACT,
            ["without --mask and --feather, because --ghost_exact does as GHOST does"],
        ),
    ],
)
def test_wishes_that_an_engine_does_not_heed_are_told(settings, engine, told):
    assert [str(note) for note in unheeded(SwapSettings(**settings), engine)] == told


@pytest.fixture
def of_me(photos, tmp_path):
    """Return a folder of two photos of one person: the larger laughs, the smaller is small too."""
    folder = tmp_path / "me"
    folder.mkdir()
    large = cv2.imread(str(photos["source"]))
    cv2.imwrite(str(folder / "a.png"), cv2.resize(large, None, fx=0.6, fy=0.6))
    cv2.imwrite(str(folder / "b.png"), large)
    return folder


def test_photos_are_judged_before_the_work(of_me, settings):
    said = []
    context = load_context([of_me], (), settings, said.append)
    small, large = context.photos
    assert [(one.path, one.person, one.leads) for one in (small, large)] == [
        (str(of_me / "a.png"), str(of_me), False),
        (str(of_me / "b.png"), str(of_me), True),
    ]
    assert [one.code for one in small.advice] == ["small", "open_mouth", "fringe"]
    assert [one.code for one in large.advice] == ["open_mouth", "fringe"]
    lines = [line for line in said if line.startswith(str(of_me))]
    assert lines == [
        *small.lines,
        *large.lines,
        f"{of_me}: {large.path} leads, for its face is the largest.",
    ]


@pytest.mark.parametrize("dry_run", [False, True])
def test_advice_is_in_the_report_and_changes_nothing(photos, settings, tmp_path, dry_run):
    said = []
    report = swap_image(
        photos["source"],
        photos["left"],
        tmp_path / "o.png",
        settings=settings,
        dry_run=dry_run,
        say=said.append,
    )
    (photo,) = report.photos
    assert [one.code for one in photo.advice] == ["open_mouth", "fringe"]
    assert said.count(photo.lines[0]) == 1
    assert report.complete and report.swapped_frames == 1


@pytest.mark.parametrize(("dense", "told"), [(True, 0), (False, 1)])
def test_eyes_that_cannot_be_painted_without_dense_landmarks_are_told(dense, told):
    wanted = SwapSettings(blend=BlendSettings(keep_eyes=False))
    notes = unheeded(wanted, MeshEngine(), dense)
    assert len(notes) == told
    assert all("without dense landmarks" in str(note) for note in notes)
