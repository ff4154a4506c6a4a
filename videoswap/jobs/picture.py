"""One still picture from start to finish."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..blending.finish import Swap
from ..blending.paste import paste
from ..choosing import match_people
from ..cropping import PictureSurface, covered_pixels, cut
from ..finding.recognition import Recognizer
from ..media.still_formats import check_mask_name, still_format
from ..media.stills import Picture, losses, read_picture, write_picture
from ..places import PicturePlaces
from ..records import Array, Face, Track
from ..report import Report
from .context import Context, say_if_large
from .people import describe, picture_reports


def swap_one_picture(
    context: Context, target: Path, out: Path, masks: Path | None, dry_run: bool
) -> Report:
    """Swap faces in one picture.

    Args:
        context: Models, photos and engine.
        target: The picture.
        out: The result: PNG, JPEG or WebP by its suffix; `check_outputs` has passed it.
        masks: Where the mask goes as a grey picture, if anywhere; passed likewise.
        dry_run: Decide everything, write nothing.

    Raises:
        VideoswapError: Whatever stands in the way, by kind.
    """
    started = time.perf_counter()
    overwrite = context.settings.overwrite
    still_format(out)
    if masks is not None:
        check_mask_name(masks)
    say_if_large(target, context.say)
    picture = read_picture(target)
    notes = (*picture.notes, *losses(picture, out))
    faces = context.tools.photos(context.settings.analysis).analyze_picture(picture.rgb)
    recognizer = context.tools.recognizer
    places = picture_places(target, picture.rgb, faces, recognizer)
    persons, matching = match_people(
        places,
        context.references,
        context.threshold,
        recognizer,
        "--similarity_th sets how strict to be.",
        context.settings.people,
        len(context.sources),
    )
    people = picture_reports(persons, matching, context.sources)
    everybody = places.everybody(persons)
    for line in describe(people, lambda report: everybody.in_words(report.person)):
        context.say(line)
    for note in (*matching.notes, *map(str, notes)):
        context.say(f"Note: {note.rstrip('.')}.")
    spec = context.swapper.spec
    sizes = {track: spec.size_for(covered_pixels(faces[track], spec)) for track in matching.sources}
    if not dry_run:
        # The old pixels tell which inks are mixed anew; otherwise nobody needs them any more.
        pixels = picture.rgb if picture.inks is None else picture.rgb.copy()
        mask = _swap(context, pixels, faces, matching.sources, sizes)
        write_picture(out, picture.with_rgb(pixels), overwrite=overwrite)
        if masks is not None:
            grey = Picture(np.repeat(mask[..., None], 3, axis=2), grey=True)
            write_picture(masks, grey, overwrite=overwrite)
    return Report(
        input=str(target),
        output=None if dry_run else str(out),
        engine=context.swapper.name,
        device=context.device.name,
        recognizer=recognizer.name,
        threshold=context.threshold,
        frames=1,
        swapped_frames=1,
        segments=0,
        encoder=None,
        people=people,
        notes=(*map(str, context.notes), *matching.notes, *map(str, notes)),
        unmatched=tuple(context.references[index].label for index in matching.missing),
        seconds={"all": round(time.perf_counter() - started, 3)},
        crop_sizes=tuple(sorted(set(sizes.values()))),
        pixel_boost=max(map(spec.boost_for, sizes.values())),
        restorer=context.restorer,
        masks=None if masks is None or dry_run else str(masks),
        dry_run=dry_run,
    )


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


def _swap(
    context: Context,
    pixels: Array,
    faces: Sequence[Face],
    sources: dict[int, int],
    sizes: dict[int, int],
) -> Array:
    """Swap the faces of a picture in place, and return the mask (H, W) uint8."""
    surface = PictureSurface(pixels)
    mask = np.zeros(pixels.shape[:2], np.uint8)
    swapper, finish, finder = context.swapper, context.finisher(), context.finder(None)
    for track, source in sorted(sources.items(), key=lambda pair: faces[pair[0]].size):
        face = faces[track]
        crop = cut(surface, face, swapper.spec, sizes[track], track, source)
        if crop is None:
            continue
        crop = crop if finder is None else finder(crop)
        swapped = swapper.swap([crop], context.identities)[0]
        written = paste(surface, crop, finish([Swap(crop, swapped, 0)], 0), finish.grain)
        if written is not None:
            (x0, y0, x1, y1), part = written
            np.maximum(mask[y0:y1, x0:x1], part, out=mask[y0:y1, x0:x1])
    return mask
