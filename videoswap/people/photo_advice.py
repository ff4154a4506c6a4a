"""What makes a photo a poor source, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from ..crops import CropSpec, crop_face
from ..detection.face_parser import FaceParser, FacePart, FaceParts
from ..geometry.face_masks import BROWS, JAW, face_height, fill_hull, forehead_points, scale_points
from ..geometry.head_pose import head_angles
from ..jsonfile import plain_fields
from ..occlusion.segmenter import OcclusionSegmenter
from ..records import Array, Crop, Face
from .sources import Source

MAX_YAW = 25.0  # degrees
MAX_MOUTH_GAP = 0.05  # between the lips, in distances of nose bridge and chin
MAX_SIDE_LIGHT = 0.65  # difference of the cheeks' mean log luma: one is 1.9 times as bright
MIN_EYE_OPENING = 0.08  # height of an eye in its width
MIN_COLOR = 0.03  # mean span of the channels in their mean
MAX_COVERED = 0.2  # share of the eyes or the lower face that is hidden
MAX_FRINGE = 0.35  # share of the forehead that is hair or hidden
MAX_GLASSES = 0.12  # share of the eyes and what is around them that shows glasses
MIN_SIZE = 100.0  # pixels of a face
MIN_SHARPNESS = 0.04  # standard deviation of the Laplacian at 256 pixels, in mean lumas
CROP_SIZE = 256
FOREHEAD_HEIGHT = 0.3  # over the brows, in distances of nose bridge and chin
EYES_GROWTH = 1.6  # of the hull of both eyes


@dataclass(frozen=True, slots=True)
class PhotoAdvice:
    """One thing about a photo that makes swaps worse.

    Attributes:
        code: ``turned``, ``open_mouth``, ``side_light``, ``glasses``, ``eyes_covered``,
            ``eyes_shut``, ``fringe``, ``covered``, ``grey``, ``small``, ``blurred``,
            ``several_faces`` or ``no_face``; never changes its meaning.
        problem: What is wrong, such as "the head is turned by 34 degrees".
        remedy: What to do, such as "take a photo that looks into the camera".
        value: The number that was measured, in the unit of the limit.
    """

    code: str
    problem: str
    remedy: str
    value: float

    def __str__(self) -> str:
        """Return what is wrong and what to do."""
        return f"{self.problem}; {self.remedy}"

    def as_data(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {**plain_fields(self), "text": str(self)}


@dataclass(frozen=True, slots=True)
class CheckedPhoto:
    """What was found in a photo.

    Attributes:
        path: The photo.
        faces: How many faces it shows.
        advice: What makes swaps from it worse, the most harmful first; nothing for a good photo.
        person: The person it is a photo of, as it was given: the photo or its folder.
        leads: Whether the result takes most from this one of the person's photos; None where all
            count alike, or where nothing is swapped.
    """

    path: str
    faces: int
    advice: tuple[PhotoAdvice, ...]
    person: str
    leads: bool | None = None

    @property
    def lines(self) -> tuple[str, ...]:
        """One sentence for each thing that is wrong and what to do about it."""
        return tuple(f"{self.path}: {one}." for one in self.advice)


def check_sources(
    sources: Sequence[Source],
    leading: Sequence[str | None],
    segmenter: OcclusionSegmenter,
    *,
    parser: FaceParser,
) -> tuple[CheckedPhoto, ...]:
    """Say of the photos of source people what makes swaps from them worse.

    Args:
        sources: The people.
        leading: For each of them the label of the photo that leads; None where all count alike.
        segmenter: Finds what is in front of a face.
        parser: Finds hair and glasses.
    """
    return tuple(
        CheckedPhoto(
            photo.label,
            photo.faces,
            advise(photo.pixels, photo.face, segmenter, parser=parser, faces=photo.faces),
            person.label,
            None if lead is None else photo.label == lead,
        )
        for person, lead in zip(sources, leading, strict=True)
        for photo in person.photos
    )


def advice_lines(photos: Sequence[CheckedPhoto]) -> Iterator[str]:
    """Yield sentences about photos: a line for each fault, and which of several photos leads."""
    for photo in photos:
        yield from photo.lines
    for lead in photos:
        others = [one for one in photos if one.person == lead.person and one.leads is False]
        if not lead.leads or not others:
            continue
        line = f"{lead.person}: {lead.path} leads, for its face is the largest"
        best = min(others, key=lambda one: len(one.advice))
        if len(best.advice) < len(lead.advice):
            line += f"; {best.path} is the better photo, so leave {lead.path} out"
        yield f"{line}."


def advise(
    image: Array,
    face: Face | None,
    segmenter: OcclusionSegmenter,
    *,
    parser: FaceParser,
    faces: int = 1,
) -> tuple[PhotoAdvice, ...]:
    """Say what about a photo makes it a poor source.

    Args:
        image: (H, W, 3) uint8 RGB, upright.
        face: The face that is meant, with landmarks; None if it shows none.
        segmenter: Finds what is in front of the face.
        parser: Finds hair and glasses.
        faces: How many faces it shows.

    Returns:
        What was found, the most harmful first; nothing for a good photo.
    """
    if face is None or face.landmarks is None:
        remedy = "take a sharp photo in which the face looks into the camera and is not cut off"
        return (PhotoAdvice("no_face", "no face was found", remedy, 0.0),)
    small = _small(face)
    found = [_turned(image, face), small]
    crop = crop_face(image, face, CropSpec(), size=CROP_SIZE)
    if crop is not None:
        hidden = segmenter.segment(crop).occluder_mask
        (parts,) = parser.parse_crops([crop])
        found += [_eyes_shut(crop), _side_light(crop), _open_mouth(crop), _grey(crop)]
        found += _covered(crop, hidden, parts)
        if small is None:  # which says the same
            found.append(_blurred(crop))
    if faces > 1:
        problem = f"the photo shows {faces} faces, of which the largest is used"
        remedy = "cut out the one that is meant"
        found.append(PhotoAdvice("several_faces", problem, remedy, float(faces)))
    return tuple(one for one in found if one is not None)


def _turned(image: Array, face: Face) -> PhotoAdvice | None:
    assert face.landmarks is not None
    height, width = image.shape[:2]
    angles = head_angles(face.landmarks, width, height)
    yaw = 90.0 if angles is None else abs(float(angles[0]))
    if yaw <= MAX_YAW:
        return None
    problem = f"the head is turned by {yaw:.0f} degrees"
    return PhotoAdvice("turned", problem, "take a photo that looks into the camera", yaw)


def _small(face: Face) -> PhotoAdvice | None:
    if face.size >= MIN_SIZE:
        return None
    problem = f"the face is only {face.size:.0f} pixels large"
    return PhotoAdvice("small", problem, "take a larger photo, or one from nearer", face.size)


def _blurred(crop: Crop) -> PhotoAdvice | None:
    luma = cv2.cvtColor(np.round(crop.pixels).astype(np.uint8), cv2.COLOR_RGB2GRAY)
    inside = fill_hull(crop.landmarks, CROP_SIZE) > 0.5
    # Of the mean, so that a dark face does not count as blurred.
    sharpness = float(cv2.Laplacian(luma, cv2.CV_32F)[inside].std() / (luma[inside].mean() + 1))
    if sharpness >= MIN_SHARPNESS:
        return None
    return PhotoAdvice("blurred", "the face is blurred", "take a sharper photo", sharpness)


def _eyes_shut(crop: Crop) -> PhotoAdvice | None:
    if crop.dense_landmarks is None:
        return None
    marks = crop.dense_landmarks[:, :2]
    openings = [
        float(
            np.linalg.norm(marks[low] - marks[high]) / np.linalg.norm(marks[inner] - marks[outer])
        )
        for high, low, inner, outer in ((159, 145, 33, 133), (386, 374, 362, 263))
    ]
    if max(openings) >= MIN_EYE_OPENING:
        return None
    problem = "the eyes are shut, so the film's eyes are kept"
    return PhotoAdvice("eyes_shut", problem, "take a photo with the eyes open", max(openings))


def _grey(crop: Crop) -> PhotoAdvice | None:
    inside = crop.pixels[fill_hull(crop.landmarks, CROP_SIZE) > 0.5]
    colored = float((np.ptp(inside, axis=1) / (inside.mean(axis=1) + 4.0)).mean())
    if colored >= MIN_COLOR:
        return None
    problem = "the photo is black and white, so the film's skin color is used and eyes stay grey"
    return PhotoAdvice("grey", problem, "take a photo in color", colored)


def _side_light(crop: Crop) -> PhotoAdvice | None:
    luma = cv2.cvtColor(crop.pixels.astype(np.float32), cv2.COLOR_RGB2GRAY)
    points = crop.landmarks
    # From the cheek's outline to the nose, below the eyes and above the mouth.
    halves = [points[[1, 2, 3, 4, 48, 31, 28]], points[[15, 14, 13, 12, 54, 35, 28]]]
    one, other = (float(np.log(luma[fill_hull(p, CROP_SIZE) > 0.5] + 4.0).mean()) for p in halves)
    if abs(one - other) <= MAX_SIDE_LIGHT:
        return None
    times = np.exp(abs(one - other))
    problem = f"light from one side: one cheek is {times:.1f} times as bright as the other"
    remedy = "take a photo in even light, such as outdoors in shade"
    return PhotoAdvice("side_light", problem, remedy, abs(one - other))


def _open_mouth(crop: Crop) -> PhotoAdvice | None:
    points = crop.landmarks
    unit = float(np.linalg.norm(face_height(points)))
    gap = float(np.linalg.norm(points[66] - points[62])) / max(unit, 1.0)
    if gap <= MAX_MOUTH_GAP:
        return None
    problem = "the mouth is open, and its folds stay whatever the film's mouth does"
    return PhotoAdvice("open_mouth", problem, "take a photo with the mouth closed", gap)


def _covered(crop: Crop, hidden: Array | None, parts: FaceParts) -> Iterator[PhotoAdvice]:
    """Look for what is in front of eyes, forehead and the rest of the face."""
    points = crop.landmarks
    if hidden is None:
        hidden = np.zeros((CROP_SIZE, CROP_SIZE), np.float32)
    hair, glasses = (
        parts.mask(part, width=CROP_SIZE, height=CROP_SIZE)
        for part in (FacePart.HAIR, FacePart.GLASSES)
    )
    eyes = scale_points(points[36:48], EYES_GROWTH)
    forehead = np.vstack([points[BROWS], forehead_points(points, FOREHEAD_HEIGHT)])
    lower = np.vstack([points[JAW][2:15], points[29:30]])
    if (share := _share(glasses, eyes)) > MAX_GLASSES:
        problem, remedy = "the person wears glasses", "take a photo without them"
        yield PhotoAdvice("glasses", problem, remedy, share)
    elif (share := _share(hidden, eyes)) > MAX_COVERED:
        problem, remedy = "something covers the eyes", "take a photo with the eyes free"
        yield PhotoAdvice("eyes_covered", problem, remedy, share)
    if (share := _share(np.maximum(hair, hidden), forehead)) > MAX_FRINGE:
        problem, remedy = "hair or a hat covers the forehead", "take a photo with the forehead bare"
        yield PhotoAdvice("fringe", problem, remedy, share)
    if (share := _share(hidden, lower)) > MAX_COVERED:
        problem = "something covers cheeks, mouth or chin"
        yield PhotoAdvice("covered", problem, "take a photo with the face free", share)


def _share(mask: Array, outline: Array) -> float:
    """Return the mean of a mask (S, S) inside the hull of points (N, 2)."""
    return float(mask[fill_hull(outline, CROP_SIZE) > 0.5].mean())
