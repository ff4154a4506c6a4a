"""The pass on clips of known people: who is where in every frame is known, and must be said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
import pytest

from tests.helpers.people_clips import (
    HEIGHT,
    WIDTH,
    Cover,
    CutOut,
    Head,
    Truth,
    cut_out,
    everybody,
    picture,
    twin,
    wall,
)
from tests.helpers.squares import write_video
from videoswap.detection.face_models import FaceModels
from videoswap.people.clustering import cluster_tracks
from videoswap.records import Array
from videoswap.settings import AnalysisSettings
from videoswap.timerange import TimeRange
from videoswap.tracking.analysis import Analysis
from videoswap.tracking.analyze import analyze_video
from videoswap.video.probe import probe

NEAR = 0.35  # of a face's height: how far a face may be from the one it is meant to be
PLAIN = 0.97  # share of a face to be seen from which it must be found
TURNED = 30  # degrees up to which it must be found
GONE = 0.15  # share up to which there is nothing to put a face on

Frame = list[Head | Cover]
Clip = tuple[list[Array], list[list[Truth]]]


@pytest.fixture(scope="session")
def heads():
    return everybody()


@dataclass
class Verdict:
    """What an analysis says, held against the truth.

    Attributes:
        people: Number of people.
        tracks: Number of tracks by name.
        wrong: (frame, name given, name there) of faces that belong to somebody else.
        invented: (frame, name given) of faces where there is none to be seen.
        missing: (frame, name) of plain faces that were not found.
    """

    people: int
    tracks: dict[str, int]
    wrong: list[tuple[int, str, str]] = field(default_factory=list)
    invented: list[tuple[int, str]] = field(default_factory=list)
    missing: list[tuple[int, str]] = field(default_factory=list)


def near(box: Array, other: Array) -> bool:
    apart = (box[:2] + box[2:] - other[:2] - other[2:]) / 2
    return float(np.hypot(*apart)) < NEAR * float(other[3] - other[1])


def judge(analysis: Analysis, truth: Sequence[Sequence[Truth]], recognizer) -> Verdict:
    people = cluster_tracks(analysis.tracks, recognizer.cluster_threshold, recognizer.distances)
    person = {track: one.id for one in people for track in one.track_ids}
    faces = analysis.found_faces_between(-(10**12), 10**12)
    at = [faces.get(int(pts), []) for pts in analysis.frames.pts]
    votes: dict[int, Counter[str]] = {one.id: Counter() for one in people}
    for found, there in zip(at, truth, strict=True):
        for track, face in found:
            names = [one.who for one in there if one.seen > 0.5 and near(face.box, one.box)]
            votes[person[track]].update(names)
    names = {number: count.most_common(1)[0][0] for number, count in votes.items() if count}
    verdict = Verdict(len(people), dict(Counter(names[person[t.id]] for t in analysis.tracks)))
    for frame, (found, there) in enumerate(zip(at, truth, strict=True)):
        given = []
        for track, face in found:
            name = names[person[track]]
            around = {one.who: one.seen for one in there if near(face.box, one.box)}
            given.append(name)
            if around.get(name, 0.0) > GONE:
                continue
            others = [who for who, seen in around.items() if seen > GONE]
            if others:
                verdict.wrong.append((frame, name, others[0]))
            else:
                verdict.invented.append((frame, name))
        for one in there:
            if one.seen >= PLAIN and abs(one.turn) <= TURNED and one.who not in given:
                verdict.missing.append((frame, one.who))
    return verdict


@pytest.fixture
def watch(tmp_path, detector, landmarker, recognizer):
    """Return a function that analyses a clip and judges the result."""

    def look(clip: Clip) -> Verdict:
        pictures, truth = clip
        info = probe(write_video(tmp_path / "clip.mp4", pictures))
        models = FaceModels(detector, landmarker, recognizer)
        with analyze_video(
            info, AnalysisSettings(), TimeRange(), cache_dir=None, models=models
        ) as analysis:
            return judge(analysis, truth, recognizer)

    return look


def drawn(frames: Sequence[Frame], heads, tones: Sequence[int] | int = 0) -> Clip:
    """Draw frames before a wall, whose tone may change from frame to frame."""
    tones = [tones] * len(frames) if isinstance(tones, int) else tones
    pairs = [picture(things, wall(tone), heads) for things, tone in zip(frames, tones, strict=True)]
    return [one for one, _ in pairs], [truth for _, truth in pairs]


def bared(who: str) -> list[Frame]:
    """Something opaque is before somebody's eyes and forehead, and is gone from a frame on."""
    things = [[Head(who, 300, 180, 150), Cover(200, 100, 400, 165, (20, 20, 20))]] * 14
    return [*things, *[[Head(who, 300, 180, 150)]] * 18]


def crossing(front: str, back: str, speed: float = 8.0) -> list[Frame]:
    """One goes right, in front of one who goes left, a little lower."""
    half = (WIDTH - 160) / 2
    places = [speed * k - half for k in range(round(2 * half / speed) + 1)]
    return [[Head(back, 320 - x, 190), Head(front, 320 + x, 170, 100)] for x in places]


def out_and_in(away: int, second: str) -> list[Frame]:
    """Ann leaves to the right; after some frames somebody comes in there. Bob stays."""
    places = [400 + 16.0 * k for k in range(20)]
    frames: list[Frame] = [[Head("bob", 150, 180), Head("ann", x, 170)] for x in places]
    frames += [[Head("bob", 150, 180)]] * away
    return frames + [[Head("bob", 150, 180), Head(second, x, 170)] for x in places[::-1]]


def covered(width: float) -> list[Frame]:
    """Something opaque comes in from the right and passes before Ann."""
    lefts = [640 - 20.0 * k for k in range(40)]
    return [[Head("ann", 300, 180, 100), Cover(x, 0, x + width, HEIGHT)] for x in lefts]


def test_crossing(watch, heads):
    for front, back in (("ann", "bob"), ("cat", "ann")):
        verdict = watch(drawn(crossing(front, back), heads))
        assert verdict == Verdict(2, {front: 1, back: 1})


def test_twins_crossing(watch, heads):
    verdict = watch(drawn(crossing("bob", "bob's twin"), heads))
    assert verdict == Verdict(2, {"bob": 1, "bob's twin": 1})


def test_meeting_and_turning_back(watch, heads):
    frames = crossing("ann", "bob")
    verdict = watch(drawn(frames[:31] + frames[30::-1], heads))
    assert verdict == Verdict(2, {"ann": 1, "bob": 1})


def test_leaving_and_coming_back(watch, heads):
    verdict = watch(drawn(out_and_in(20, "ann"), heads))
    assert verdict == Verdict(2, {"bob": 1, "ann": 2})


@pytest.mark.parametrize("away", [0, 5, 20])
def test_somebody_else_comes_in_where_one_left(watch, heads, away):
    verdict = watch(drawn(out_and_in(away, "cat"), heads))
    assert verdict == Verdict(3, {"bob": 1, "ann": 1, "cat": 1})


@pytest.mark.parametrize("who", ["ann", "bob", "dan", "eve"])
def test_who_is_bared_is_nobody_else(watch, heads, who):
    verdict = watch(drawn(bared(who), heads))
    assert (verdict.people, verdict.wrong, verdict.invented, verdict.missing) == (1, [], [], [])


def test_turning_to_profile_and_back(watch, heads):
    angles = [85 * np.sin(np.pi * k / 40) ** 2 for k in range(41)]
    frames: list[Frame] = [
        [Head("ann", 300, 180, 110, turn)] for turn in [0] * 8 + angles + [0] * 8
    ]
    verdict = watch(drawn(frames, heads))
    assert (verdict.people, verdict.wrong, verdict.invented, verdict.missing) == (1, [], [], [])


CUTS = {
    "another place": ("ann", "bob", (0, 1)),
    "the same place": ("ann", "bob", (0, 0)),
    "similar people": ("ann", "cat", (0, 0)),
    "one turned away": ("eve", "dan", (0, 0)),
}


@pytest.mark.parametrize("name", CUTS)
def test_a_cut_between_two_people_at_one_spot(watch, heads, name):
    one, other, walls = CUTS[name]
    after = [k >= 21 for k in range(40)]
    frames: list[Frame] = [[Head(other if late else one, 320, 180, 150)] for late in after]
    verdict = watch(drawn(frames, heads, [walls[late] for late in after]))
    assert verdict == Verdict(2, {one: 1, other: 1})


@pytest.mark.parametrize("length", [6, 20])
def test_a_dissolve_between_two_people_at_one_spot(watch, heads, length):
    one, two = (
        [[Head(who, 320 + k, 180, 150)] for k in range(40 + length)] for who in ("ann", "bob")
    )
    pictures, truth = drawn(one, heads, 0)
    others, other_truth = drawn(two, heads, 1)
    for k, (other, more) in enumerate(zip(others, other_truth, strict=True)):
        share = np.clip((k - 19) / (length + 1), 0, 1)
        pictures[k] = np.rint(pictures[k] * (1 - share) + other * share).astype(np.uint8)
        truth[k] = [
            Truth(face.who, face.box, face.seen * part, face.turn)
            for part, faces in ((1 - share, truth[k]), (share, more))
            for face in faces
        ]
    verdict = watch((pictures, truth))
    assert (verdict.people, verdict.wrong, verdict.invented, verdict.missing) == (2, [], [], [])


@pytest.mark.parametrize("white", [1, 3])
def test_a_flash(watch, heads, white):
    frames: list[Frame] = [[Head("ann", 200 + 2 * k, 180)] for k in range(40)]
    pictures, truth = drawn(frames, heads)
    for k in range(20, 20 + white):
        pictures[k] = np.full_like(pictures[k], 255)
        truth[k] = []
    verdict = watch((pictures, truth))
    assert verdict == Verdict(1, {"ann": 1})


def test_a_face_behind_something_is_not_invented(watch, heads):
    verdict = watch(drawn(covered(140), heads))
    assert verdict == Verdict(1, {"ann": 1})


def test_a_face_behind_a_pole_is_there_all_the_time(watch, heads):
    pictures, truth = drawn(covered(45), heads)
    assert min(face.seen for there in truth for face in there) < 0.6
    shown = [[replace(face, seen=1.0) for face in there] for there in truth]
    assert watch((pictures, shown)) == Verdict(1, {"ann": 1})


def test_a_face_that_blurs_for_some_frames_is_there_all_the_time(watch, heads):
    pictures, truth = drawn([[Head("ann", 200 + 3 * k, 180)] for k in range(30)], heads)
    for k in range(12, 18):
        pictures[k] = cv2.GaussianBlur(pictures[k], (0, 0), 9)
    assert watch((pictures, truth)) == Verdict(1, {"ann": 1})


@pytest.mark.parametrize(
    ("first", "frames", "pan"), [(25, 3, 0), (28, 3, 0), (26, 5, 0), (25, 7, 4)]
)
def test_a_short_appearance(watch, heads, first, frames, pan):
    pictures, truth = [], []
    for k in range(36):
        visitor = [Head("cat", 470, 190, 75)] if first <= k < first + frames else []
        background = np.roll(wall(), -pan * k, axis=1)
        one, there = picture([Head("bob", 150, 180), *visitor], background, heads)
        pictures.append(one)
        truth.append(there)
    assert watch((pictures, truth)) == Verdict(2, {"bob": 1, "cat": 1})


@pytest.fixture
def famous(shared, detector) -> dict[str, CutOut]:
    """Return heads cut out of the shared photos."""
    heads = {}
    for name in ("beckham", "elon_musk"):
        photo = np.ascontiguousarray(cv2.imread(str(shared / "media" / f"{name}.jpg"))[:, :, ::-1])
        scale = 400 / photo.shape[0]
        face = detector.detect(cv2.resize(photo, None, fx=scale, fy=scale))[0]
        heads[name] = cut_out(photo, (face.box / scale).tolist())
    return heads | {"twin": twin(heads["beckham"])}


@pytest.mark.needs_shared
@pytest.mark.parametrize("other", ["elon_musk", "twin"])
def test_people_of_real_photos_cross(watch, famous, other):
    for front, back in (("beckham", other), (other, "beckham")):
        assert watch(drawn(crossing(front, back), famous)) == Verdict(2, {front: 1, back: 1})
