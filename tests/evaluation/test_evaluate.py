"""A whole evaluation, and defects planted into a result that it must find."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.helpers import clips
from tests.helpers.report_keys import documented, keys_of
from videoswap import EncodeSettings, SwapSettings, analyze, evaluate, swap_video
from videoswap.detection.face_models import FaceModels
from videoswap.errors import InputError, NoFaceError, UsageError
from videoswap.evaluation.expected import find_people
from videoswap.people.places import VideoPlaces
from videoswap.settings import PeopleSettings
from videoswap.video.pixel_formats import samples
from videoswap.video.probe import probe
from videoswap.video.reader import VideoReader

LOSSLESS = EncodeSettings(encoder="ffv1")
FRAMES = 16


@pytest.fixture(scope="module")
def clean(swapped, cache):
    return run(swapped, cache, step=2)


def run(swapped, cache, result=None, **options):
    settings = SwapSettings(cache_dir=cache, device="cpu")
    return evaluate(
        swapped.original,
        result or swapped.result,
        [swapped.source],
        masks=options.pop("masks", swapped.masks),
        settings=settings,
        **options,
    )


def planted(swapped, out, change):
    """Write the result again without loss, after ``change(number, frame, masks)``."""
    with VideoReader(probe(swapped.masks)) as reader:
        masks = [np.array(samples(one.image.planes[0])[:, :480]) for one in reader.frames()]
    numbers = iter(range(FRAMES))

    def altered(item, info):
        number = next(numbers)
        item.image.make_writable()
        change(number, item.image, masks[number])

    clips.swap_nothing(swapped.result, out, LOSSLESS, change=altered)
    return out


def planes(frame):
    return [samples(plane)[:, : plane.width] for plane in frame.planes]


def test_a_clean_swap_has_no_defect(swapped, cache, clean):
    assert clean.frames == FRAMES
    assert clean.recognizer == "dlib" == clean.encoder
    for key in ("fallback_frames", "wrong_source_frames", "outside_changed", "outside_places"):
        assert clean.number(key) == 0, key
    unswapped = run(swapped, cache, result=swapped.original, step=4).number("distance_to_source")
    assert 0.3 < clean.number("distance_to_source") < unswapped
    assert clean.number("distance_to_original") > 0.6  # dlib's limit of the same person
    assert clean.number("mask_overlap") > 0.9
    assert clean.number("pose") < 8
    assert [str(note) for note in clean.notes] == ["the only person is taken"]
    assert [group.name for group in clean.groups.people] == ["person 1"]
    assert clean.groups.people[0].rows == FRAMES


def test_the_original_as_its_own_result_is_the_zero_of_every_scale(swapped, cache):
    found = run(swapped, cache, result=swapped.original, step=4)
    for key in ("warp_ratio", "jitter_ratio", "sharpness", "grain", "seam_luma_share"):
        assert found.number(key) in (1.0, None), key
    for key in ("pose", "expression", "mouth_opening", "eye_opening", "outside_changed"):
        assert found.number(key) == 0.0, key
    assert found.number("fallback_frames") == FRAMES
    assert found.number("retrieval") == 0.0


def test_frames_that_show_the_original_are_found(swapped, cache, tmp_path):
    with VideoReader(probe(swapped.original)) as reader:
        originals = [[plane.copy() for plane in planes(one.image)] for one in reader.frames()]

    def fall_back(number, frame, mask):
        if number in (5, 6, 11):
            for plane, old in zip(planes(frame), originals[number], strict=True):
                plane[...] = old

    found = run(swapped, cache, planted(swapped, tmp_path / "fallback.mkv", fall_back), step=100)
    assert found.number("fallback_frames") == 3
    assert found.number("fallback_runs") == 2
    rows = found.groups.people[0].columns["fallback"]
    assert np.nonzero(rows)[0].tolist() == [5, 6, 11]


def test_a_trembling_face_is_found(swapped, cache, clean, tmp_path):
    def shake(number, frame, mask):
        for plane in planes(frame):
            cover = cv2.resize(mask, plane.shape[::-1], interpolation=cv2.INTER_AREA) > 128
            step = 3 * (-1) ** number * plane.shape[0] // mask.shape[0]
            plane[cover] = np.roll(plane, step, axis=1)[cover]

    found = run(swapped, cache, planted(swapped, tmp_path / "shaken.mkv", shake), step=100)
    assert found.number("still_frames") > 3
    assert found.number("jitter_ratio") > 1.5 * clean.number("jitter_ratio")
    assert found.number("warp_ratio") > 1.5 * clean.number("warp_ratio")


def test_a_hard_edge_is_found(swapped, cache, clean, tmp_path):
    def brighter(number, frame, mask):
        luma = planes(frame)[0]
        inside = mask > 128
        luma[inside] = np.clip(luma[inside].astype(int) + 30, 16, 235)

    found = run(swapped, cache, planted(swapped, tmp_path / "edge.mkv", brighter), step=4)
    assert found.number("seam_luma_share") == 0.0
    assert found.number("seam_luma") > 1.3 * clean.number("seam_luma")
    assert found.number("seam_change") > clean.number("seam_change") + 1.0
    assert found.number("seam_color") == pytest.approx(clean.number("seam_color"), rel=0.3)


def test_samples_changed_outside_are_counted(swapped, cache, tmp_path):
    def spot(number, frame, mask):
        if number == 4:
            luma = planes(frame)[0]
            corner = luma[-16:, -16:]
            assert not mask[-16:, -16:].any()
            corner[...] = corner ^ 64

    found = run(swapped, cache, planted(swapped, tmp_path / "spot.mkv", spot), step=4)
    assert found.number("outside_changed") == 256
    assert found.number("outside_largest") == 64
    rows = found.groups.whole.columns["outside_places"]
    assert np.nonzero(rows > 0)[0].tolist() == [4]


@pytest.fixture(scope="module")
def exchanged(clip, photos, cache, tmp_path_factory):
    """Two people, each with the other's source."""
    out = tmp_path_factory.mktemp("exchanged") / "wrong.mkv"
    settings = SwapSettings(cache_dir=cache, device="cpu", swapper="mesh", encode=LOSSLESS)
    swap_video(
        [photos["other"], photos["source"]],
        clip,
        out,
        target_faces=[photos["right"], photos["left"]],
        settings=settings,
    )
    return out


def test_wrong_faces_are_found(clip, photos, settings, exchanged):
    found = evaluate(
        clip,
        exchanged,
        [photos["other"], photos["source"]],
        target_faces=[photos["left"], photos["right"]],
        step=4,
        settings=settings,
    )
    looked = sum(np.isfinite(one.columns["to_source"]).sum() for one in found.groups.people)
    assert looked == 2 * 6  # every fourth of 24 frames, two people
    assert found.number("wrong_source_frames") >= 0.8 * looked
    assert found.number("retrieval") <= 0.2


def test_somebody_changed_without_being_asked_for_is_found(clip, photos, settings, exchanged):
    found = evaluate(
        clip,
        exchanged,
        [photos["source"]],
        target_faces=[photos["left"]],
        step=100,
        settings=settings,
    )
    frames = found.groups.bystanders.rows
    assert frames >= 20
    assert found.number("changed_bystander_frames") >= 0.9 * frames


def test_without_masks_the_rows_that_need_them_say_so(swapped, cache):
    found = run(swapped, cache, masks=None, step=8)
    why = {one.metric.key: str(one) for group in found.groups.all for one in group.values}
    for key in ("seam_luma_share", "mask_overlap", "outside_changed"):
        assert why[key] == "not measurable: needs --masks"
    assert found.number("fallback_frames") == 0


def test_outputs_hold_numbers_or_pictures_as_promised(swapped, cache, tmp_path):
    json_file, html_file = tmp_path / "e.json", tmp_path / "e.html"
    run(swapped, cache, step=8, json_file=json_file, html_file=html_file)
    data = json.loads(json_file.read_text())
    assert data["schema"] == 3 and data["frames"] == FRAMES
    unseen = {"verdict.bad[].group", "verdict.bad[].metric", "verdict.bad[].value"}
    assert keys_of(data) | unseen == documented("Evaluation")
    people = data["groups"][1]
    assert people["metrics"]["wrong_source_frames"] == {
        "label": "wrong-person frames",
        "plot": [],
        "value": 0.0,
        "unit": "frames",
        "why": "",
        "good": True,
        "range": "0",
    }
    judged = [one["good"] for group in data["groups"][1:] for one in group["metrics"].values()]
    told = [verdict for verdict in judged if verdict is not None]
    assert data["verdict"]["judged"] == len(told) > 20
    assert len(data["verdict"]["bad"]) == told.count(False)
    assert data["verdict"]["good"] == all(told)
    assert len(people["over_time"]["warp_result"]) == FRAMES
    assert people["over_time"]["to_source"][1] is None  # not looked at
    text = json_file.read_text()
    assert "embedding" not in text and "base64" not in text and len(text) < 100_000
    page = html_file.read_text()
    assert "data:image/jpeg;base64," in page and "pictures of faces" in page


@pytest.mark.parametrize(
    ("change", "kind", "code"),
    [
        ({"step": 0}, UsageError, "bad_step"),
        ({"sources": []}, UsageError, "no_source"),
        ({"sources": ["other", "source"]}, UsageError, "sources_and_targets"),
        ({"sources": ["nobody"]}, NoFaceError, "no_face_in_photo"),
        ({"target_faces": ["left"]}, NoFaceError, "no_match"),
        ({"gallery": "gone"}, InputError, "no_gallery"),
    ],
)
def test_what_makes_no_sense_is_refused(swapped, photos, settings, change, kind, code):
    options = {"sources": ["other"], "target_faces": [], **change}
    sources = [photos[name] for name in options.pop("sources")]
    targets = [photos[name] for name in options.pop("target_faces")]
    if "gallery" in options:
        options["gallery"] = Path(options["gallery"])
    with pytest.raises(kind) as error:
        evaluate(
            swapped.original,
            swapped.result,
            sources,
            target_faces=targets,
            settings=settings,
            **options,
        )
    assert error.value.code == code


def test_a_clip_without_faces_is_refused(empty_clip, photos, settings):
    with pytest.raises(NoFaceError) as error:
        evaluate(empty_clip, empty_clip, [photos["other"]], settings=settings)
    assert error.value.code == "no_face_in_video"


def test_the_gallery_holds_sources_then_people_then_further_faces(clip, photos, settings, tmp_path):
    for name in ("other", "left"):
        (tmp_path / f"{name}.png").write_bytes(photos[name].read_bytes())
    tools = FaceModels.load(("CPUExecutionProvider",))
    with analyze(clip, settings=settings) as analysis:
        people = find_people(
            VideoPlaces(probe(clip), analysis),
            [photos["source"]],
            [photos["right"]],
            tmp_path,
            0.6,
            tools,
            PeopleSettings(),
        )
    kinds = [(one.kind, one.number) for one in people.known]
    persons = [("original", person.id) for person in people.persons]
    assert kinds == [("source", 0), *persons, ("gallery", -1), ("gallery", -1)]
    names = [one.label for one in people.known]
    assert names[0].endswith("source.png") and names[-2].endswith("left.png")
    (match,) = people.matching.matches
    assert match.distance is not None and match.distance < 0.4
