"""Results written as numbered pictures, such as out/%04d.png: all of them or none."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import av

from ...errors import InputError, OutputError, UsageError
from ...records import Array, Fallback
from ...settings import EncodeSettings
from ...threads import ENCODER_THREADS
from ..color import (
    BT470BG,
    FULL,
    RGB,
    SMPTE170M,
    UNSPECIFIED,
    Color,
)
from ..encoder_context import EncoderPlan, try_encoder
from ..files import locked_scratch, output_errors, scratch_path
from ..formats import ENCODERS, QUALITY_WORDS
from ..pixel_formats import layout, samples
from ..plain_marks import marked_picture
from ..probe import VideoInfo
from ..segment import EncodedSegment
from .exr import HALF_TRANSFER, read_exr, write_exr
from .pattern import WRITABLE_SUFFIXES, numbered_name
from .reading import read_frame

SEQUENCE_CONTAINER = "numbered pictures"
PICTURE_ENCODERS = {
    ".png": "png",
    ".tif": "tiff",
    ".tiff": "tiff",
    ".jpg": "mjpeg",
    ".jpeg": "mjpeg",
}
# For each encoder the pixel format by model, more than 8 bits, and alpha.
PICTURE_FORMATS = {
    ("png", "rgb", False, False): ("gbrp", "rgb24"),
    ("png", "rgb", False, True): ("gbrap", "rgba"),
    ("png", "rgb", True, False): ("gbrp16le", "rgb48be"),
    ("png", "rgb", True, True): ("gbrap16le", "rgba64be"),
    ("png", "gray", False, False): ("gray", "gray"),
    ("png", "gray", True, False): ("gray16le", "gray16be"),
    ("tiff", "rgb", False, False): ("gbrp", "rgb24"),
    ("tiff", "rgb", False, True): ("gbrap", "rgba"),
    ("tiff", "rgb", True, False): ("gbrp16le", "rgb48le"),
    ("tiff", "rgb", True, True): ("gbrap16le", "rgba64le"),
    ("tiff", "gray", False, False): ("gray", "gray"),
    ("tiff", "gray", True, False): ("gray16le", "gray16le"),
}
PICTURE_OPTIONS = {"png": {"pred": "mixed"}, "tiff": {"compression_algo": "deflate"}}


def plan_pictures(info: VideoInfo, settings: EncodeSettings, out: Path) -> EncoderPlan:
    """Decide how numbered pictures are written.

    PNG and TIFF hold the source's samples bit for bit if these are RGB or gray of 8 or 16 bits;
    YUV becomes RGB. EXR is written from EXR alone, with everything else that is in its files.

    Args:
        info: The source.
        settings: What was asked for.
        out: The pattern; its suffix names the format.

    Raises:
        UsageError: ``no_encoder_for_pictures``, ``exr_from_exr``, ``no_crf``, ``no_preset`` or
            ``encoder_refused``.
    """
    suffix = out.suffix.lower()
    if suffix not in WRITABLE_SUFFIXES:
        raise UsageError(
            "unknown_picture_format",
            f"Numbered pictures cannot be written as {suffix}.",
            f"Use one of {', '.join(WRITABLE_SUFFIXES)}.",
        )
    for flag, value in {"encoder": settings.encoder, "pix_fmt": settings.pix_fmt}.items():
        if value is not None:
            raise UsageError(
                "no_encoder_for_pictures",
                f"Pictures have no --{flag}.",
                "Their suffix says all; leave it out.",
            )
    if settings.preset is not None:
        raise UsageError("no_preset", "Pictures have no --preset.", "Leave it out.")
    if (suffix == ".exr") != (info.color.transfer == HALF_TRANSFER):
        raise UsageError(
            "exr_from_exr",
            "EXR pictures are made from EXR pictures alone, and become nothing else.",
            "Write .exr." if info.color.transfer == HALF_TRANSFER else "Write .png or .tif.",
        )
    encoder = PICTURE_ENCODERS.get(suffix, "png")
    plan = _jpeg(info, settings) if encoder == "mjpeg" else _lossless(info, settings, encoder)
    try_encoder(plan, info)
    return plan


def _lossless(info: VideoInfo, settings: EncodeSettings, encoder: str) -> EncoderPlan:
    if settings.crf is not None:
        raise UsageError("no_crf", f"{encoder} has no --crf.", "Leave --crf out.")
    form = layout(info.pix_fmt)
    assert form is not None
    model = "gray" if form.model == "gray" and not form.alpha else "rgb"
    same, pix_fmt = PICTURE_FORMATS[encoder, model, form.depth > 8, form.alpha]
    notes = []
    if same != info.pix_fmt:
        note = Fallback(f"pixels of the kind {info.pix_fmt}", pix_fmt, "pictures hold no others")
        notes.append(note)
    if settings.quality not in (None, "lossless"):
        wish, why = f"--quality {settings.quality}", f"{encoder} knows nothing else"
        notes.append(Fallback(wish, "coding without loss", why))
    if info.color.transfer == HALF_TRANSFER and info.sequence is not None:
        notes += read_exr(info.sequence.files[0]).notes
    color = info.color
    if model == "rgb" and color.space != RGB:
        depth = 16 if form.depth > 8 else 8
        color = replace(
            color, space=RGB, space_tag=RGB, full_range=True, range_tag=FULL, depth=depth
        )
    return _plan(
        info, encoder, pix_fmt, PICTURE_OPTIONS[encoder], color, same == info.pix_fmt, notes
    )


def _jpeg(info: VideoInfo, settings: EncodeSettings) -> EncoderPlan:
    spec = ENCODERS["mjpeg"]
    if settings.quality == "lossless":
        raise UsageError("no_lossless", "JPEG cannot be without loss.", "Write .png or .tif.")
    step = spec.quality_values[QUALITY_WORDS.index(settings.quality or "high")]
    if settings.crf is not None:
        best, worst = spec.limits
        if not best <= settings.crf <= worst:
            said = f"JPEG takes a --crf from {best:g} (best) to {worst:g} (worst)."
            raise UsageError("bad_crf", said, "Or say it in words with --quality.")
        step = settings.crf
    form = layout(info.pix_fmt)
    assert form is not None
    shape = {(2, 2): "yuv420p", (2, 1): "yuv422p"}.get((form.sub_x, form.sub_y), "yuv444p")
    kept = info.pix_fmt == shape and info.color.full_range
    kept = kept and info.color.space in (SMPTE170M, BT470BG)
    notes = [Fallback("unchanged surroundings", "JPEG", "its name says so")]
    if form.alpha:
        notes.append(Fallback("alpha", "", "JPEG has no transparency"))
    color = info.color
    if not kept:
        color = replace(
            color, space=SMPTE170M, space_tag=SMPTE170M, full_range=True, range_tag=FULL, depth=8
        )
    options = {**spec.options, "global_quality": f"{step * spec.scale:g}"}
    return _plan(info, "mjpeg", shape.replace("yuv", "yuvj"), options, color, kept, notes)


def _plan(
    info: VideoInfo,
    encoder: str,
    pix_fmt: str,
    options: dict[str, str],
    color: Color,
    kept: bool,
    notes: list[Fallback],
) -> EncoderPlan:
    if info.color.hdr is not None:
        notes.append(Fallback("HDR mastering metadata", "", "pictures have no place for it"))
    return EncoderPlan(
        encoder=encoder,
        codec=av.Codec(encoder, "w").canonical_name,
        pix_fmt=pix_fmt,
        options=tuple(options.items()),
        threads=ENCODER_THREADS,
        container=SEQUENCE_CONTAINER,
        time_base=info.time_base,
        rate=info.average_rate,
        color=replace(color, hdr=None, transfer_tag=_transfer_tag(color)),
        repacked=kept,
        notes=tuple(notes),
    )


def _transfer_tag(color: Color) -> int:
    return UNSPECIFIED if color.transfer == HALF_TRANSFER else color.transfer_tag


def picture_numbers(info: VideoInfo, pts: Sequence[int] | Array) -> list[int]:
    """Return the number of each frame: the source's own, or from 1 on if that is a video."""
    if info.sequence is not None:
        return [info.sequence.first + int(time) for time in pts]
    return list(range(1, len(pts) + 1))


def write_pictures(
    segments: Sequence[Path],
    info: VideoInfo,
    pts: Sequence[int] | Array,
    out: Path,
    overwrite: bool = True,
    progress: Callable[[int], None] | None = None,
    mark: bool = False,
) -> list[Path]:
    """Write the pictures of all segments; they get their names only once all are read back.

    Args:
        segments: The segments in order of time.
        info: The source.
        pts: The times of all frames, ascending.
        out: The pattern.
        overwrite: Whether files that appeared under these names meanwhile are replaced.
        progress: Called with the number of pictures written so far.
        mark: Whether the metadata of each say that it is synthetic.

    Returns:
        The pictures.

    Raises:
        OutputError: ``unwritable_output``, ``disk_full``, ``output_exists``,
            ``verification_failed`` or ``pieces_do_not_fit``.
        InputError: ``damaged_segment``.
    """
    names = dict(zip(map(int, pts), picture_numbers(info, pts), strict=True))
    folder = scratch_path(out.parent, "pictures")
    moved: list[Path] = []
    with output_errors(out):
        folder.mkdir()
    try:
        made: list[tuple[Path, Path]] = []
        with output_errors(out), locked_scratch(folder):
            for time, data in _pictures(segments):
                if time not in names:
                    raise OutputError("pieces_do_not_fit", "The segments are of other frames.")
                name = numbered_name(out, names[time])
                part = folder / name.name
                _write(part, data, info, time, mark)
                _check(part, name, info)
                made.append((part, name))
                if progress is not None:
                    progress(len(made))
            if len(made) != len(names):
                raise OutputError("pieces_do_not_fit", "The segments are of other frames.")
            for part, name in sorted(made):
                _give_name(part, name, overwrite)
                moved.append(name)
    except BaseException:
        if not overwrite:  # what was replaced cannot come back, but may be complete
            for name in moved:
                name.unlink(missing_ok=True)
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return moved


def _pictures(segments: Sequence[Path]) -> Iterator[tuple[int, bytes]]:
    for path in segments:
        segment = EncodedSegment.load(path)
        for time, data in zip(segment.pts, segment.packets(), strict=True):
            yield int(time), data


def _write(path: Path, data: bytes, info: VideoInfo, time: int, mark: bool) -> None:
    if info.color.transfer != HALF_TRANSFER or info.sequence is None:
        path.write_bytes(marked_picture(data) if mark else data)
        return
    context = av.CodecContext.create("png", "r")
    (frame,) = [*context.decode(av.Packet(data)), *context.decode(None)]
    frame = frame.reformat(format=info.pix_fmt)
    planes = [samples(plane, 16)[:, : frame.width] for plane in frame.planes]
    write_exr(path, planes, read_exr(info.sequence.files[time]), mark)
    info.sequence.check_unchanged(time)


def _check(part: Path, name: Path, info: VideoInfo) -> None:
    """Read a picture back."""
    try:
        frame = read_frame(part)
    except InputError as error:
        raise OutputError(
            "verification_failed",
            f"{name} cannot be read back.",
            f"{error.message} Please report this.",
        ) from None
    if (frame.width, frame.height) != (info.width, info.height):
        raise OutputError("verification_failed", f"{name} came out in another size.")


def _give_name(part: Path, name: Path, overwrite: bool) -> None:
    if overwrite:
        part.replace(name)
        return
    try:
        name.hardlink_to(part)
    except FileExistsError:
        raise OutputError(
            "output_exists", f"{name} exists already.", "Use --overwrite or another name."
        ) from None
    except OSError:  # no links here
        part.replace(name)
