"""One still picture from start to finish."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from ..compositing.composite import composite
from ..crops import PictureSurface, covered_pixels, crop_face
from ..detection.base import Recognizer
from ..detection.face_detector import FaceDetector
from ..marks import Provenance
from ..people.choosing import match_people
from ..people.matching import Matching
from ..people.places import PicturePlaces
from ..people.plan import FilmTime, match_by_plan
from ..records import Array, Face, Fallback, FrameSwap, Person, Track
from ..rendering.failed_swaps import FailedSwap, failure_notes, stretches, swap_checked
from ..report import Report
from ..video.encoder_choice import ignored_settings
from ..video.stills.picture import (
    Picture,
    losses,
    read_picture,
    still_quality,
    write_picture,
)
from ..video.stills.still_formats import check_mask_name, still_format
from .context import JobContext, Notes, say_if_large
from .people_report import describe, picture_reports


@dataclass(frozen=True, slots=True, eq=False)
class MatchedPicture:
    """A still picture and its people.

    Attributes:
        picture: The picture.
        faces: Its faces; tracks have their numbers.
        places: Where its people are.
        persons: Its people.
        matching: Who gets which source.
    """

    picture: Picture
    faces: Sequence[Face]
    places: PicturePlaces
    persons: tuple[Person, ...]
    matching: Matching


def swap_one_picture(
    context: JobContext, target: Path, out: Path, masks: Path | None, dry_run: bool
) -> Report:
    """Swap faces in one picture.

    Args:
        context: Models, photos and engine.
        target: The picture.
        out: The result, in the format of its suffix; `check_outputs` has passed it.
        masks: Where the mask goes as a grey picture, if anywhere; passed likewise.
        dry_run: Decide everything, write nothing.

    Raises:
        VideoswapError: Whatever stands in the way, by kind.
    """
    started = time.perf_counter()
    overwrite = context.settings.overwrite
    encode = context.settings.encode
    quality = still_quality(out, encode.quality)
    if masks is not None:
        check_mask_name(masks)
    found = read_and_match(context, target)
    picture, faces, matching = found.picture, found.faces, found.matching
    notes = (
        *picture.notes,
        *losses(picture, out),
        *ignored_settings(encode, ("encoder", "crf", "preset", "pix_fmt")),
        *context.marker.planned(still_format(out).name, target),
    )
    people = picture_reports(found.persons, matching, context.sources)
    everybody = found.places.everybody(found.persons)
    for line in describe(people, lambda report: everybody.in_words(report.person)):
        context.say(line)
    Notes(context.say).add((*matching.notes, *notes))
    spec = context.engine.spec
    sizes = {_size(context, faces[track]) for track in matching.sources}
    failed_swaps: tuple[FailedSwap, ...] = ()
    swapped, provenance = True, Provenance()
    if not dry_run:
        # The old pixels tell which inks are mixed anew; otherwise nobody needs them any more.
        pixels = picture.rgb if picture.inks is None else picture.rgb.copy()
        mask, failed = swap_in_place(context, pixels, faces, matching.sources)
        owners = {track: person.id for person in found.persons for track in person.track_ids}
        failed_swaps = failed_in_picture(failed, owners)
        lost = tuple(failure_notes(failed_swaps))
        Notes(context.say).add(lost)
        notes += lost
        swapped = bool(mask.any())
        put_label(context, pixels, mask)
        provenance, lost = write_marked(context, out, picture.with_rgb(pixels), target, quality)
        Notes(context.say).add(lost)
        notes += lost
        if masks is not None:
            grey = Picture(np.repeat(mask[..., None], 3, axis=2), gray=True)
            write_picture(masks, grey, overwrite=overwrite)
    late = context.engine.late_notes()
    Notes(context.say).add(late)
    return Report(
        input=str(target),
        output=None if dry_run else str(out),
        engine=context.engine.name,
        device=context.device.name,
        recognizer=context.tools.recognizer.name,
        threshold=context.threshold,
        frames=1,
        swapped_frames=int(swapped),
        segments=0,
        encoder=None,
        people=people,
        notes=(*context.notes, *matching.notes, *notes, *late),
        unmatched=tuple(context.references[index].label for index in matching.missing),
        seconds={"all": round(time.perf_counter() - started, 3)},
        crop_sizes=tuple(sorted(sizes)),
        pixel_boost=max(map(spec.boost_for, sizes)),
        restorer=context.restorer,
        masks=None if masks is None or dry_run else str(masks),
        dry_run=dry_run,
        photos=context.photos,
        failed_swaps=failed_swaps,
        failed_frames=int(bool(failed_swaps)),
        provenance=provenance,
    )


def write_marked(
    context: JobContext,
    out: Path,
    picture: Picture,
    parent: Path | None,
    quality: int | None = 95,
) -> tuple[Provenance, tuple[Fallback, ...]]:
    """Write a picture that says what it is.

    Args:
        context: Has what marks it.
        out: The result.
        picture: What to write.
        parent: The file that it was made of; None for numbered pictures.
        quality: As in `write_picture`.

    Returns:
        What it says about itself, and why that is not what was asked for.

    Raises:
        UsageError, OutputError: As `write_picture` does.
    """
    marker, kind = context.marker, still_format(out).name
    sealed: list[tuple[Provenance, tuple[Fallback, ...]]] = []
    write_picture(
        out,
        picture,
        quality,
        overwrite=context.settings.overwrite,
        mark=marker.text is not None,
        seal=lambda part: sealed.append(marker.seal(part, kind, parent)),
    )
    return sealed[0]


def read_and_match(context: JobContext, target: Path) -> MatchedPicture:
    """Read a picture and decide who is who in it and who gets which source.

    Raises:
        InputError: If it cannot be read.
        VideoswapError: See `match_people` and `match_by_plan`.
    """
    say_if_large(target, context.say)
    picture = read_picture(target)
    faces = FaceDetector(context.tools, context.settings.analysis).detect(picture.rgb)
    places = picture_places(target, picture.rgb, faces, context.tools.recognizer)
    if context.plan is not None:
        persons, matching = match_by_plan(context.plan, places.tracks, FilmTime.of_picture())
    else:
        persons, matching = match_people(
            places,
            context.references,
            context.threshold,
            context.tools.recognizer,
            "--similarity_th sets how strict to be.",
            context.settings.people,
            len(context.sources),
        )
    return MatchedPicture(picture, faces, places, persons, matching)


def picture_places(
    path: Path, pixels: Array, faces: Sequence[Face], recognizer: Recognizer
) -> PicturePlaces:
    """Return where the people of a picture are: every face is a track of one frame.

    Args:
        path: The picture.
        pixels: (H, W, 3) uint8 RGB, upright.
        faces: Its faces; the tracks have their numbers.
        recognizer: Who embeds them.
    """
    tracks = [
        Track(number, 0, 0, 0, 1, recognizer.embed(pixels, face.landmarks), 0, size=face.size)
        for number, face in enumerate(faces)
        if face.landmarks is not None
    ]
    return PicturePlaces(path, tracks, faces, (pixels.shape[0], pixels.shape[1]))


def swap_in_place(
    context: JobContext, pixels: Array, faces: Sequence[Face], sources: Mapping[int, int]
) -> tuple[Array, dict[int, str]]:
    """Swap faces of a picture.

    Args:
        context: Engine and identities.
        pixels: (H, W, 3) uint8 RGB, upright; is changed.
        faces: Its faces.
        sources: Index of a source by number of a face.

    Returns:
        The mask (H, W) uint8, and by number of a face what is wrong with swaps that failed.
    """
    surface = PictureSurface(pixels)
    mask = np.zeros(pixels.shape[:2], np.uint8)
    engine, finisher = context.engine, context.finisher()
    failed: dict[int, str] = {}
    for track, source in sorted(sources.items(), key=lambda pair: faces[pair[0]].size):
        face = faces[track]
        crop = crop_face(surface, face, engine.spec, track=track, source=source)
        if crop is None:
            continue
        crop = context.segmenter.segment(crop)
        (swapped,) = swap_checked(engine, [crop], context.identities)
        if isinstance(swapped, str):
            failed[track] = swapped
            continue
        made = finisher.finish([FrameSwap(crop, swapped)])
        grain = finisher.grain
        composite(surface, crop, made.pixels, mask=made.mask, grain=grain, frame_mask=mask)
    return mask, failed


def failed_in_picture(
    failed: Mapping[int, str], owners: Mapping[int, int]
) -> tuple[FailedSwap, ...]:
    """Return what failed in a picture as a report has it."""
    found = [(0, track, reason) for track, reason in failed.items()]
    return stretches(found, np.zeros(1, np.int64), owners, 0, Fraction(1))


def put_label(context: JobContext, pixels: Array, mask: Array | None = None) -> None:
    """Put the label that is asked for, if any, on a picture and into its mask.

    Raises:
        UsageError: ``bad_label`` if it does not fit.
    """
    label = context.label(pixels.shape[1], pixels.shape[0])
    if label is not None:
        label.draw(PictureSurface(pixels), mask)


def _size(context: JobContext, face: Face) -> int:
    """Return the side of the crop that a face is swapped in."""
    spec = context.engine.spec
    return spec.size_for(covered_pixels(face, spec))
