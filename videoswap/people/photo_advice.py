"""What makes a photo a poor source, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ..crops import CropSpec, crop_face
from ..detection.face_detector import largest_face
from ..geometry.face_masks import BROWS, JAW, face_height, fill_hull, forehead_points, scale_points
from ..geometry.head_pose import head_angles
from ..occlusion.segmenter import OcclusionSegmenter
from ..records import Array, Crop, Face

MAX_YAW = 25.0  # degrees
MAX_MOUTH_GAP = 0.05  # between the lips, in distances of nose bridge and chin
MAX_SIDE_LIGHT = 0.5  # difference of the halves' mean log luma: one is 1.65 times as light
MAX_COVERED = 0.2  # share of a region that is hidden
MIN_SIZE = 100.0  # pixels of a face
MIN_SHARPNESS = 6.0  # standard deviation of the Laplacian of the face at 256 pixels, in levels
CROP_SIZE = 256
FOREHEAD_HEIGHT = 0.3  # over the brows, in distances of nose bridge and chin
EYES_GROWTH = 1.6  # of the hull of both eyes


@dataclass(frozen=True, slots=True)
class PhotoAdvice:
    """One thing about a photo that makes swaps worse.

    Attributes:
        code: ``turned``, ``open_mouth``, ``side_light``, ``eyes_covered``, ``fringe``, ``covered``,
            ``small``, ``blurred``, ``several_faces`` or ``no_face``; never changes its meaning.
        problem: What is wrong, a sentence without its full stop.
        remedy: What to do, a sentence without its full stop.
        value: The number that was measured, in the unit of the limit.
    """

    code: str
    problem: str
    remedy: str
    value: float


def advise(
    image: Array, faces: Sequence[Face], segmenter: OcclusionSegmenter
) -> tuple[PhotoAdvice, ...]:
    """Say what about a photo makes it a poor source.

    Args:
        image: (H, W, 3) uint8 RGB, upright.
        faces: Its faces, with landmarks, as `FaceDetector.detect` gives them.
        segmenter: Finds what is in front of the face.

    Returns:
        What was found, the most harmful first; nothing for a good photo.
    """
    face = largest_face(faces)
    if face is None or face.landmarks is None:
        remedy = "Use a sharp photo in which the face looks into the camera and is not cut off"
        return (PhotoAdvice("no_face", "No face was found", remedy, 0.0),)
    found = [_turned(image, face), _small(face)]
    crop = crop_face(image, face, CropSpec(), size=CROP_SIZE)
    if crop is not None:
        hidden = segmenter.segment(crop).occluder_mask
        found += [_side_light(crop), _open_mouth(crop), *_covered(crop, hidden), _blurred(crop)]
    if len(faces) > 1:
        problem = f"The photo shows {len(faces)} faces; the largest is used"
        remedy = "Cut out the one that is meant"
        found.append(PhotoAdvice("several_faces", problem, remedy, float(len(faces))))
    return tuple(one for one in found if one is not None)


def _turned(image: Array, face: Face) -> PhotoAdvice | None:
    assert face.landmarks is not None
    height, width = image.shape[:2]
    angles = head_angles(face.landmarks, width, height)
    yaw = 90.0 if angles is None else abs(float(angles[0]))
    if yaw <= MAX_YAW:
        return None
    problem = f"The head is turned by {yaw:.0f} degrees, so half of the face is not to be seen"
    return PhotoAdvice("turned", problem, "Use a photo taken from the front", yaw)


def _small(face: Face) -> PhotoAdvice | None:
    if face.size >= MIN_SIZE:
        return None
    problem = f"The face is only {face.size:.0f} pixels large"
    return PhotoAdvice("small", problem, "Use a larger photo, or one taken nearer", face.size)


def _blurred(crop: Crop) -> PhotoAdvice | None:
    luma = cv2.cvtColor(np.round(crop.pixels).astype(np.uint8), cv2.COLOR_RGB2GRAY)
    inside = fill_hull(crop.landmarks, CROP_SIZE) > 0.5
    sharpness = float(cv2.Laplacian(luma, cv2.CV_32F)[inside].std())
    if sharpness >= MIN_SHARPNESS:
        return None
    remedy = "Use a sharper photo; what it lacks, the result lacks too"
    return PhotoAdvice("blurred", "The face is blurred", remedy, sharpness)


def _side_light(crop: Crop) -> PhotoAdvice | None:
    luma = cv2.cvtColor(crop.pixels.astype(np.float32), cv2.COLOR_RGB2GRAY)
    points = crop.landmarks
    # From the cheek's outline to the nose, below the eyes and above the mouth.
    halves = [points[[1, 2, 3, 4, 48, 31, 28]], points[[15, 14, 13, 12, 54, 35, 28]]]
    one, other = (float(np.log(luma[fill_hull(p, CROP_SIZE) > 0.5] + 4.0).mean()) for p in halves)
    if abs(one - other) <= MAX_SIDE_LIGHT:
        return None
    times = np.exp(abs(one - other))
    problem = f"The light comes from one side: one cheek is {times:.1f} times as light as the other"
    return PhotoAdvice(
        "side_light",
        problem,
        "Use a photo in even light, such as outdoors in shade",
        abs(one - other),
    )


def _open_mouth(crop: Crop) -> PhotoAdvice | None:
    points = crop.landmarks
    unit = float(np.linalg.norm(face_height(points)))
    gap = float(np.linalg.norm(points[66] - points[62])) / max(unit, 1.0)
    if gap <= MAX_MOUTH_GAP:
        return None
    problem = "The mouth is open, and its folds stay in the result whatever the film's mouth does"
    return PhotoAdvice("open_mouth", problem, "Use a photo with the mouth closed", gap)


def _covered(crop: Crop, hidden: Array | None) -> list[PhotoAdvice | None]:
    """Look for what is in front of eyes, forehead and the rest of the face."""
    if hidden is None:
        return []
    points = crop.landmarks
    eyes = scale_points(points[36:48], EYES_GROWTH)
    forehead = np.vstack([points[BROWS], forehead_points(points, FOREHEAD_HEIGHT)])
    lower = np.vstack([points[JAW][2:15], points[29:30]])
    regions = [fill_hull(one, CROP_SIZE) > 0.5 for one in (eyes, forehead, lower)]
    shares = [float(hidden[one].mean()) for one in regions]
    words = (
        ("eyes_covered", "Something covers the eyes", "Use a photo with the eyes free"),
        ("fringe", "Hair or a hat covers the forehead", "Use a photo with the forehead bare"),
        ("covered", "Something covers cheeks, mouth or chin", "Use a photo with the face free"),
    )
    return [
        PhotoAdvice(*text, share)
        for text, share in zip(words, shares, strict=True)
        if share > MAX_COVERED
    ]
