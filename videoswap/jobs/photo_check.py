"""Looks at photos before they are used as sources."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..detection.face_detector import FaceDetector, largest_face
from ..detection.face_models import FaceModels
from ..detection.face_parser import FaceParser
from ..devices import choose_device
from ..errors import InputError, VideoswapError
from ..geometry.resample import crop_box
from ..occlusion.load import load_occlusion_segmenter
from ..occlusion.segmenter import OcclusionSegmenter
from ..paths import AnyPath, AnyPaths, path_or_none, paths_of
from ..people.photo_advice import CheckedPhoto, advise
from ..records import Array, Face
from ..settings import SwapSettings
from ..video.files import check_readable
from ..video.stills.picture import Picture, read_picture, write_picture
from .portraits import SheetEntry, contact_sheet
from .request import check_results

FACE_MARGIN = 0.8  # of the face's size, shown around it on the sheet


class PhotoChecker:
    """Says of photos what would make swaps from them worse.

    Args:
        tools: Finds faces.
        segmenter: Finds what is in front of them.
    """

    def __init__(self, tools: FaceModels, segmenter: OcclusionSegmenter) -> None:
        self._detector = FaceDetector(tools)
        self._segmenter = segmenter
        self._parser = FaceParser()

    def check(self, path: Path, image: Array) -> tuple[CheckedPhoto, Face | None]:
        """Look at a photo.

        Args:
            path: Where it lies.
            image: (H, W, 3) uint8 RGB.

        Returns:
            What was found, and the largest face.
        """
        faces = self._detector.detect(image)
        face = largest_face(faces)
        advice = advise(image, face, self._segmenter, parser=self._parser, faces=len(faces))
        return CheckedPhoto(str(path), len(faces), advice, str(path)), face


def check_photos(
    photos: AnyPaths,
    *,
    sheet: AnyPath | None = None,
    settings: SwapSettings | None = None,
    unreadable: Callable[[VideoswapError], None] | None = None,
) -> tuple[CheckedPhoto, ...]:
    """Say of each photo what would make swaps from it worse, and what to do about it.

    Args:
        photos: One photo or several.
        sheet: Where a picture of them all goes, each with what is wrong with it.
        settings: Its ``analysis``, ``device``, ``blend.mask`` and ``overwrite`` are used.
        unreadable: Told of each photo that cannot be read, and the others are checked; None raises
            the first.

    Returns:
        One answer for each photo that can be read, in their order.

    Raises:
        UsageError: If an argument or the settings make no sense.
        InputError: If a photo cannot be read and ``unreadable`` is None.
        OutputError: If the sheet cannot be written.
    """
    paths, out = paths_of("photos", photos), path_or_none("sheet", sheet)
    settings = settings or SwapSettings()
    if unreadable is None:  # before networks are loaded
        for path in paths:
            check_readable(path)
    check_results(paths, [], {"sheet": out}, settings)
    device = choose_device(settings.device)
    checker = PhotoChecker(
        FaceModels.load(device.providers, settings.analysis),
        load_occlusion_segmenter(settings.blend.mask, device),
    )
    checked, entries = [], []
    for path in paths:
        try:
            image = read_picture(path).rgb
        except InputError as error:
            if unreadable is None:
                raise
            unreadable(error)
            continue
        found, face = checker.check(path, image)
        checked.append(found)
        lines = tuple(one.code.replace("_", " ") for one in found.advice) or ("good",)
        entries.append(SheetEntry(path.name, lines, _face_of(image, face)))
    if out is not None and entries:
        picture = contact_sheet(entries, "Photos as sources")
        write_picture(out, Picture(picture), overwrite=settings.overwrite)
    return tuple(checked)


def _face_of(image: Array, face: Face | None) -> Array:
    """Return a square (S, S, 3) uint8 RGB around a face, or around the middle of the picture."""
    height, width = image.shape[:2]
    if face is None:
        middle, half = np.array([width, height]) / 2, min(height, width) / 2
    else:
        middle, half = (face.box[:2] + face.box[2:]) / 2, face.size * (0.5 + FACE_MARGIN)
    (left, top), (right, bottom) = (np.round(middle + sign * half).astype(int) for sign in (-1, 1))
    return crop_box(image, (int(left), int(top), int(right), int(bottom)))
