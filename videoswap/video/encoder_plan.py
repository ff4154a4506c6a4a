"""`plan_encoder`: how a result is encoded, decided once for all segments."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av

from ..errors import UsageError
from ..records import Fallback
from ..settings import EncodeSettings
from ..threads import ENCODER_THREADS
from .audio import check_sound
from .color import (
    BT709,
    FULL,
    LIMITED,
    RGB,
    UNSPECIFIED,
    Color,
    HdrMetadata,
)
from .encoder_choice import (
    choose_encoder,
    editing_codec_note,
    encoder_note,
    has_odd_size,
    profile_options,
    requested_format,
    resolve_request,
)
from .encoder_context import EncoderPlan, try_encoder, with_fitting_slices
from .formats import (
    ENCODERS,
    EVEN_SIZE_ENCODERS,
    EXACT_TIME_CONTAINERS,
    QUALITY_WORDS,
    TIME_ROUNDING,
    EncoderSpec,
    accepted_formats,
    can_hold,
    codec_of,
    container_for,
    encoders_for,
    nearest_format,
    suggested_encoders,
)
from .pixel_formats import layout
from .probe import VideoInfo


def plan_encoder(info: VideoInfo, settings: EncodeSettings, out: Path) -> EncoderPlan:
    """Decide how a video is encoded, and check that the encoder accepts it.

    Args:
        info: The source.
        settings: What was asked for.
        out: The result; its suffix names the container.

    Raises:
        UsageError: ``unknown_container``, ``unknown_encoder``, ``container_codec``,
            ``lossy_pix_fmt``, ``unknown_pix_fmt``, ``no_same_encoder``, ``bad_crf``, ``no_crf``,
            ``no_preset``, ``no_lossless`` or ``encoder_refused``.
    """
    container = container_for(out)
    check_sound(settings.audio, container)
    asked = settings
    settings, notes = resolve_request(info, settings, container)
    wanted = requested_format(info, settings)
    encoder = choose_encoder(info, wanted, settings, container)
    codec = codec_of(encoder)
    if not can_hold(container, codec):
        fitting = encoders_for(wanted, container)
        raise UsageError(
            "container_codec",
            f"A {out.suffix} file cannot hold {codec} video.",
            f"Use .mkv, or --encoder {' or '.join(fitting)}." if fitting else "Use .mkv.",
        )
    pix_fmt = _accepted(encoder, wanted, container)
    notes += _notes(info, asked, encoder, wanted, container)
    if (
        settings.encoder is None
        and encoder not in EVEN_SIZE_ENCODERS
        and has_odd_size(info, wanted)
    ):
        settings = _without_preset(settings, encoder, notes)
    options = _options(encoder, settings, notes)
    options |= profile_options(info, settings, encoder, wanted, asked.encoder == "same")
    if container == "avi":
        options["bf"] = "0"  # AVI has no place for the order of B-frames
    color = _output_color(info.color, wanted)
    if color.hdr is not None and not _add_hdr_options(encoder, options, color.hdr):
        notes.append(Fallback("HDR mastering metadata", "", f"{encoder} takes none from here"))
    plan = EncoderPlan(
        encoder=encoder,
        codec=codec,
        pix_fmt=pix_fmt,
        options=tuple(options.items()),
        threads=settings.threads or ENCODER_THREADS,
        container=container,
        time_base=info.time_base,
        rate=info.average_rate,
        color=color,
        repacked=wanted == info.pix_fmt,
        notes=tuple(notes),
    )
    plan = with_fitting_slices(plan, info)
    try_encoder(plan, info)
    return plan


def plan_masks(info: VideoInfo, out: Path) -> EncoderPlan:
    """Plan a lossless 8-bit gray video of masks, with the pts and size of the source.

    FFV1 where the container takes it, else x264 without loss.

    Raises:
        UsageError: ``unknown_container``, or ``container_codec`` for WebM and MPEG-TS.
    """
    container = container_for(out)
    if container in ("webm", "mpegts"):
        raise UsageError(
            "container_codec",
            f"A {out.suffix} file cannot hold masks without loss.",
            "Use .mkv, .mp4 or .nut.",
        )
    encoder = "ffv1" if can_hold(container, "ffv1") else "libx264"
    options = dict(ENCODERS[encoder].options)
    if encoder == "libx264":
        options |= {"qp": "0", "preset": "veryfast"}
    notes = [] if container in EXACT_TIME_CONTAINERS else [_rounding(container)]
    plan = EncoderPlan(
        encoder=encoder,
        codec=codec_of(encoder),
        pix_fmt="gray",
        options=tuple(options.items()),
        threads=ENCODER_THREADS,
        container=container,
        time_base=info.time_base,
        rate=info.average_rate,
        color=replace(
            info.color,
            full_range=True,
            depth=8,
            transfer="sdr",
            space_tag=UNSPECIFIED,
            range_tag=FULL,
            transfer_tag=UNSPECIFIED,
            primaries_tag=UNSPECIFIED,
            hdr=None,
        ),
        repacked=True,
        notes=tuple(notes),
    )
    return with_fitting_slices(plan, info)


def _without_preset(
    settings: EncodeSettings, encoder: str, notes: list[Fallback]
) -> EncodeSettings:
    """Drop a preset meant for an encoder that cannot take the odd size."""
    if settings.preset is None:
        return settings
    notes.append(Fallback(f"--preset {settings.preset}", "", f"{encoder} has other words"))
    return replace(settings, preset=None)


def _accepted(encoder: str, wanted: str, container: str) -> str:
    accepted = accepted_formats(encoder)
    if wanted in accepted:
        return accepted[wanted]
    others = [name for name in encoders_for(wanted) if "nvenc" not in name]
    fitting = [name for name in others if can_hold(container, codec_of(name))]
    advice = f"use --encoder {' or '.join(fitting)}" if fitting else ""
    if not fitting:
        near = _near(wanted, container)
        advice = f"use --encoder {near[0]} --pix_fmt {near[1]}" if near else ""
    if others and not advice:
        advice = f"write .mkv with --encoder {others[0]}"
    example = "yuv420p" if "yuv420p" in accepted else next(iter(accepted), "yuv420p")
    raise UsageError(
        "lossy_pix_fmt",
        f"{encoder} cannot hold {wanted} pictures without loss.",
        f"Accept the loss with --pix_fmt {example}{', or ' if advice else ''}{advice}.",
    )


def _near(wanted: str, container: str) -> tuple[str, str] | None:
    """Return an encoder that keeps all but some bits of a sample, and its pixel format."""
    form = layout(wanted)
    if form is None or form.depth == 8:
        return None
    for name in suggested_encoders():
        if name in av.codecs_available and can_hold(container, codec_of(name)):
            near = nearest_format(name, wanted)
            if near is not None and "nvenc" not in name:
                return name, near
    return None


def _options(encoder: str, settings: EncodeSettings, notes: list[Fallback]) -> dict[str, str]:
    spec = ENCODERS.get(encoder, EncoderSpec())
    options = dict(spec.options)
    if settings.quality == "lossless":
        if spec.lossless is None:
            able = [name for name in suggested_encoders() if ENCODERS[name].lossless is not None]
            raise UsageError(
                "no_lossless",
                f"{encoder} cannot write without loss.",
                f"Use --encoder {' or '.join(able)}, or --quality visually_lossless.",
            )
        options |= spec.lossless
        if codec_of(encoder) == "h264":
            why = "--quality lossless asks for it"
            notes.append(Fallback("what every player shows", "H.264 without loss", why))
    elif spec.quality is not None:
        options[spec.quality] = f"{_quality(encoder, spec, settings) * spec.scale:g}"
    elif settings.crf is not None:
        raise UsageError("no_crf", f"{encoder} has no --crf.", "Leave --crf out.")
    elif settings.quality is not None and spec.lossless is not None:
        why = f"{encoder} knows nothing else"
        notes.append(Fallback(f"--quality {settings.quality}", "coding without loss", why))
    if spec.preset is not None:
        if settings.preset is not None and settings.preset not in spec.presets:
            raise UsageError(
                "encoder_refused",
                f"{encoder} has no preset {settings.preset!r}.",
                f"Use one of {', '.join(spec.presets)}.",
            )
        options[spec.preset] = settings.preset or spec.default_preset
    elif settings.preset is not None:
        raise UsageError("no_preset", f"{encoder} has no --preset.", "Leave --preset out.")
    return options


def _quality(encoder: str, spec: EncoderSpec, settings: EncodeSettings) -> float:
    if settings.crf is None:
        return spec.quality_values[QUALITY_WORDS.index(settings.quality or "high")]
    best, worst = spec.limits
    if not best <= settings.crf <= worst:
        raise UsageError(
            "bad_crf",
            f"{encoder} takes a --crf from {best:g} (best) to {worst:g} (worst), "
            f"not {settings.crf:g}.",
            "Or say it in words with --quality.",
        )
    return settings.crf


def _rounding(container: str) -> Fallback:
    return Fallback(
        "exact ones", "rounded times", f"{container} files round them to {TIME_ROUNDING[container]}"
    )


def _notes(
    info: VideoInfo, settings: EncodeSettings, encoder: str, wanted: str, container: str
) -> list[Fallback]:
    found = [editing_codec_note(info, settings, encoder)]
    if settings.encoder is None and settings.quality != "lossless":
        found.insert(0, encoder_note(info, encoder, wanted, container))
    notes = [note for note in found if note is not None]
    if settings.pix_fmt is not None and wanted != info.pix_fmt:
        notes.append(Fallback(info.pix_fmt, f"pixel format {wanted}", "--pix_fmt asks for it"))
    if container not in EXACT_TIME_CONTAINERS:
        notes.append(_rounding(container))
    if info.interlaced:
        notes.append(Fallback("interlaced video", "progressive video", "whole frames are encoded"))
    form = layout(wanted)
    deep = form is not None and form.depth > 8
    if info.color.transfer != "sdr" and deep and codec_of(encoder) == "h264":
        notes.append(
            Fallback("HEVC", "HDR in H.264", "libx264 was taken; --encoder h265 plays on more")
        )
    if info.dolby_vision:
        notes.append(Fallback("Dolby Vision metadata", "", "no encoder here writes it"))
    return notes


def _output_color(color: Color, wanted: str) -> Color:
    """Return the tags after a change of the pixel format."""
    form = layout(wanted)
    if form is None or (form.model == "rgb") == (color.space == RGB):
        return color if form is None else replace(color, depth=form.depth)
    if form.model == "rgb":
        return replace(
            color, space=RGB, space_tag=RGB, full_range=True, range_tag=FULL, depth=form.depth
        )
    gray = form.model == "gray"
    return replace(
        color,
        space=BT709,
        space_tag=UNSPECIFIED if gray else BT709,
        full_range=gray,
        range_tag=FULL if gray else LIMITED,
        depth=form.depth,
    )


def _add_hdr_options(encoder: str, options: dict[str, str], hdr: HdrMetadata) -> bool:
    """Add the mastering metadata in the encoder's own words; False if it has none."""
    names = {
        "libx264": ("x264-params", "mastering-display", "cll", True),
        "libx265": ("x265-params", "master-display", "max-cll", True),
        "libsvtav1": ("svtav1-params", "mastering-display", "content-light", False),
    }
    if encoder not in names:
        return False
    option, display, level, whole = names[encoder]
    parts = [options[option]] if option in options else []
    if hdr.primaries is not None and hdr.luminance is not None:
        parts.append(f"{display}={_display(hdr, whole)}")
    if hdr.max_cll or hdr.max_fall:
        parts.append(f"{level}={hdr.max_cll},{hdr.max_fall}")
    options[option] = ":".join(parts)
    return True


def _display(hdr: HdrMetadata, whole: bool) -> str:
    """Write a mastering display in x265's units, or in plain numbers."""
    assert hdr.primaries is not None and hdr.luminance is not None

    def write(value: Fraction, unit: int) -> str:
        return str(round(value * unit)) if whole else f"{value.numerator / value.denominator:.4f}"

    pairs = [
        ",".join(write(value, 50_000) for value in hdr.primaries[i : i + 2]) for i in range(0, 8, 2)
    ]
    red, green, blue, white = pairs
    least, greatest = (write(value, 10_000) for value in hdr.luminance)
    return f"G({green})B({blue})R({red})WP({white})L({greatest},{least})"
