"""The choice of encoder and pixel format, from the settings or from the source."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..errors import UsageError
from ..records import Fallback
from ..settings import EncodeSettings
from .formats import (
    EDITING_CODECS,
    ENCODER_OF_CODEC,
    ENCODERS,
    EVEN_SIZE_ENCODERS,
    PREFERRED_ENCODERS,
    accepted_formats,
    can_hold,
    codec_of,
    encoder_name,
    encoders_for,
    nearest_format,
)
from .pixel_formats import layout, planar
from .probe import VideoInfo

HDR_ENCODERS = ("libx265", *PREFERRED_ENCODERS)  # what players show HDR of
RGB_ENCODERS = ("libx264rgb", "ffv1", "libx265", "libvpx-vp9")  # RGB without loss
RGB_REPLACEMENTS = ("yuv444p10le", "yuv444p")  # what stands for RGB where players are to show it
H264_PROFILES = {
    "Baseline": "baseline",
    "Constrained Baseline": "baseline",
    "Main": "main",
    "High": "high",
}
PRORES_PROFILES = {
    "Proxy": "proxy",
    "LT": "lt",
    "Standard": "standard",
    "HQ": "hq",
    "4444": "4444",
    "XQ": "4444xq",
}
PRORES_QUALITIES = {"draft": "proxy", "good": "standard", "high": "hq", "visually_lossless": "hq"}
DNXHR_PROFILES = {
    "yuv422p": "dnxhr_hq",
    "yuv422p10le": "dnxhr_hqx",
    "yuv444p10le": "dnxhr_444",
    "gbrp10le": "dnxhr_444",
}


def resolve_request(
    info: VideoInfo, settings: EncodeSettings, container: str
) -> tuple[EncodeSettings, list[Fallback]]:
    """Resolve ``--encoder same`` and avoid RGB video that was not asked for.

    Returns:
        Settings that name an encoder or leave it to ``choose``, and a pixel format where it is
        not the source's; and notes on deviations.

    Raises:
        UsageError: ``no_same_encoder``.
    """
    if settings.encoder == "same":
        return _same(info, settings)
    form = layout(info.pix_fmt)
    free = settings.encoder is None and settings.pix_fmt is None
    if not free or settings.quality == "lossless" or form is None:
        return settings, []
    if form.model == "rgb" and not form.alpha:
        for pix_fmt in RGB_REPLACEMENTS[form.depth == 8 :]:
            able = [name for name in encoders_for(pix_fmt, container) if name in PREFERRED_ENCODERS]
            if able:
                keeps = [n for n in encoders_for(info.pix_fmt, container) if n in RGB_ENCODERS[:2]]
                why = "few players show RGB" + (
                    f"; --encoder {' or '.join(keeps)} keeps it" if keeps else ""
                )
                note = Fallback(f"RGB ({info.pix_fmt})", f"video of the kind {pix_fmt}", why)
                return replace(settings, pix_fmt=pix_fmt), [note]
    return settings, []


def _same(info: VideoInfo, settings: EncodeSettings) -> tuple[EncodeSettings, list[Fallback]]:
    encoder = ENCODER_OF_CODEC.get(info.codec)
    if encoder is None:
        raise UsageError(
            "no_same_encoder",
            f"The video's own codec {info.codec} cannot be written.",
            f"--encoder same works for {', '.join(ENCODER_OF_CODEC)}.",
        )
    form = layout(info.pix_fmt)
    if encoder == "libx264" and form is not None and form.model == "rgb":
        encoder = "libx264rgb"
    chosen = replace(settings, encoder=encoder)
    if settings.pix_fmt is not None or info.pix_fmt in accepted_formats(encoder):
        return chosen, []
    near = nearest_format(encoder, info.pix_fmt)
    if near is None:
        return chosen, []  # the refusal names ways out
    note = Fallback(f"pixels of the kind {info.pix_fmt}", near, f"{encoder} writes no others")
    return replace(chosen, pix_fmt=near), [note]


def requested_format(info: VideoInfo, settings: EncodeSettings) -> str:
    """Return the requested planar pixel format, or the source's.

    Raises:
        UsageError: ``unknown_pix_fmt``.
    """
    if settings.pix_fmt is None:
        return info.pix_fmt
    wanted = planar(settings.pix_fmt)
    if wanted is None:
        raise UsageError(
            "unknown_pix_fmt",
            f"The pixel format {settings.pix_fmt!r} is not known or not supported.",
            "Use for example yuv420p, yuv444p or yuv420p10le.",
        )
    return wanted


def has_odd_size(info: VideoInfo, wanted: str) -> bool:
    """Whether the chroma planes do not divide the size."""
    form = layout(wanted)
    return form is not None and bool(info.width % form.sub_x or info.height % form.sub_y)


def choose_encoder(info: VideoInfo, wanted: str, settings: EncodeSettings, container: str) -> str:
    """Return FFmpeg's name of the encoder.

    Raises:
        UsageError: ``unknown_encoder``.
    """
    if settings.encoder is not None:
        return encoder_name(settings.encoder)
    odd = has_odd_size(info, wanted)
    order = _order(info, wanted)
    if settings.quality == "lossless":
        order = tuple(name for name in order if ENCODERS[name].lossless is not None)
    for name in order:
        if odd and name in EVEN_SIZE_ENCODERS:
            continue
        if wanted in accepted_formats(name) and can_hold(container, codec_of(name)):
            return name
    for name in order:
        if can_hold(container, codec_of(name)):
            return name
    return PREFERRED_ENCODERS[0]


def _order(info: VideoInfo, wanted: str) -> tuple[str, ...]:
    form = layout(wanted)
    if form is not None and form.model == "rgb":
        return (*RGB_ENCODERS, *PREFERRED_ENCODERS)
    return HDR_ENCODERS if is_hdr(info, wanted) else PREFERRED_ENCODERS


def is_hdr(info: VideoInfo, wanted: str) -> bool:
    """Whether a result in a pixel format is HDR."""
    form = layout(wanted)
    return info.color.transfer in ("pq", "hlg") and form is not None and form.depth > 8


def encoder_note(info: VideoInfo, encoder: str, wanted: str, container: str) -> Fallback | None:
    """Return why the first of ``PREFERRED_ENCODERS`` was not chosen, None if it was."""
    first = PREFERRED_ENCODERS[0]
    if encoder == first:
        return None
    lacks = codec_of(first)
    if not can_hold(container, lacks):
        why = f"{container} cannot hold {lacks}"
    elif wanted not in accepted_formats(first):
        why = f"{first} cannot hold {wanted}"
    elif has_odd_size(info, wanted):
        why = f"{first} refuses the odd size {info.width}x{info.height}"
    else:
        why = "players show HDR that is HEVC"
    return Fallback(first, encoder, why)


def editing_codec_note(info: VideoInfo, settings: EncodeSettings, encoder: str) -> Fallback | None:
    """Return a note if an editing codec becomes a delivery codec, else None."""
    codec = codec_of(encoder)
    if settings.encoder is not None or info.codec not in EDITING_CODECS or codec == info.codec:
        return None
    if ENCODERS[encoder].lossless == {}:
        return None
    way = " and --encoder same keeps it" if info.codec in ENCODER_OF_CODEC else ""
    return Fallback(info.codec, codec, f"results are for watching{way}")


def ignored_settings(settings: EncodeSettings, flags: Iterable[str]) -> tuple[Fallback, ...]:
    """Return notes on encoder settings that have no effect, because no video is written.

    Args:
        settings: The settings.
        flags: Names of those without effect.
    """
    given = {flag: getattr(settings, flag) for flag in flags}
    why = "only videos have that"
    return tuple(
        Fallback(f"--{flag} {value:g}" if flag == "crf" else f"--{flag} {value}", "", why)
        for flag, value in given.items()
        if value is not None
    )


def profile_options(
    info: VideoInfo, settings: EncodeSettings, encoder: str, wanted: str, same: bool
) -> dict[str, str]:
    """Return the profile that a codec must be given, or that the source has."""
    if encoder == "libx264" and same and wanted == "yuv420p" and settings.quality != "lossless":
        profile = H264_PROFILES.get(info.profile or "")
        return {"profile": profile} if profile else {}
    if encoder == "dnxhd":
        return {"profile": DNXHR_PROFILES[wanted]} if wanted in DNXHR_PROFILES else {}
    if encoder != "prores_ks":
        return {}
    if wanted != "yuv422p10le":
        xq = settings.quality == "visually_lossless" or (same and info.profile == "XQ")
        return {"profile": "4444xq" if xq else "4444"}
    if settings.quality in PRORES_QUALITIES:
        return {"profile": PRORES_QUALITIES[settings.quality]}
    found = PRORES_PROFILES.get(info.profile or "", "hq") if same else "hq"
    return {"profile": "hq" if found.startswith("4444") else found}
