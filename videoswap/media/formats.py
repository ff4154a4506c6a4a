"""Tables: what each encoder and each container can hold, and how encoders are set by default.

Default qualities are close to the source to the eye; for x264 that is CRF 18, preset medium.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import av

from ..errors import UsageError
from .pixels import planar

ALIASES = {
    "h264": "libx264",
    "x264": "libx264",
    "avc": "libx264",
    "h265": "libx265",
    "x265": "libx265",
    "hevc": "libx265",
    "av1": "libsvtav1",
    "svtav1": "libsvtav1",
    "vp9": "libvpx-vp9",
    "libvpx_vp9": "libvpx-vp9",
    "nvenc": "h264_nvenc",
    "nvenc_h264": "h264_nvenc",
    "nvenc_hevc": "hevc_nvenc",
    "nvenc_av1": "av1_nvenc",
}


@dataclass(frozen=True, slots=True)
class EncoderSpec:
    """How to speak to an encoder.

    Attributes:
        quality: Option that takes the CRF, None if it has none.
        crf: Default quality.
        preset: Option that takes the preset, None if it has none.
        speed: Default preset.
        options: Options that are always given.
        refused: Pixel formats it lists but that do not come through it.
    """

    quality: str | None = None
    crf: float = 0
    preset: str | None = None
    speed: str = ""
    options: dict[str, str] = field(default_factory=dict)
    refused: frozenset[str] = frozenset()


ALPHA = frozenset({"yuva420p", "yuva420p10le", "gbrap", "gbrap10le"})
_NVENC = EncoderSpec("cq", 19, "preset", "p5", {"rc": "vbr", "b": "0"})
ENCODERS = {
    "libx264": EncoderSpec("crf", 18, "preset", "medium"),
    "libx264rgb": EncoderSpec("crf", 18, "preset", "medium"),
    "libx265": EncoderSpec("crf", 20, "preset", "medium", {"x265-params": "log-level=none"}, ALPHA),
    "libsvtav1": EncoderSpec("crf", 24, "preset", "8"),
    # Its alpha travels as side data of packets, which segments do not keep.
    "libvpx-vp9": EncoderSpec("crf", 22, "cpu-used", "4", {"b": "0", "row-mt": "1"}, ALPHA),
    # A fixed number of slices makes the headers of all segments equal on every machine.
    "ffv1": EncoderSpec(options={"level": "3", "slices": "4", "slicecrc": "1", "g": "1"}),
    "h264_nvenc": _NVENC,
    "hevc_nvenc": _NVENC,
    "av1_nvenc": _NVENC,
}
# Tried in this order when no encoder is asked for.
EVEN_ONLY = ("libx264", "libx265")  # these refuse a size that its chroma does not divide
SLICES = ("4", "9", "6", "12", "2", "1", "0")  # for FFV1, which refuses some with some sizes
PREFERRED = ("libx264", "libx265", "libvpx-vp9", "libsvtav1", "ffv1")

CONTAINERS = {
    ".mp4": "mp4",
    ".m4v": "mp4",
    ".mov": "mov",
    ".qt": "mov",
    ".mkv": "matroska",
    ".webm": "webm",
    ".nut": "nut",
    ".avi": "avi",
    ".ts": "mpegts",
    ".m2ts": "mpegts",
    ".mts": "mpegts",
}
# None: whatever the encoder makes.
HOLDS: dict[str, frozenset[str] | None] = {
    "mp4": frozenset({"h264", "hevc", "av1", "vp9", "mpeg4", "mpeg2video", "mjpeg"}),
    "mov": frozenset({"h264", "hevc", "prores", "mpeg4", "mjpeg", "dnxhd", "qtrle", "png"}),
    "matroska": None,
    "nut": None,
    "webm": frozenset({"vp8", "vp9", "av1"}),
    "avi": frozenset({"h264", "ffv1", "mpeg4", "mjpeg", "huffyuv", "utvideo"}),
    "mpegts": frozenset({"h264", "hevc", "mpeg2video", "mpeg4"}),
}
EXACT_TIMES = ("mp4", "mov", "nut")  # these keep every pts; the others round
ROUNDING = {
    "matroska": "1 ms",
    "webm": "1 ms",
    "avi": "whole frames of the mean rate",
    "mpegts": "1/90000 s and shift the start",
}


def container_for(out: Path) -> str:
    """Return FFmpeg's name of the container that the name of a result asks for.

    Raises:
        UsageError: ``unknown_container``.
    """
    suffix = out.suffix.lower()
    if suffix not in CONTAINERS:
        raise UsageError(
            "unknown_container",
            f"{out.name} does not end in the name of a container that can be written.",
            f"Use one of {', '.join(CONTAINERS)}; .gif and .webp are for animations.",
        )
    return CONTAINERS[suffix]


def default_suffix(formats: tuple[str, ...], path: Path, pix_fmt: str | None = None) -> str:
    """Return the suffix for a result: the source's own if it can be written, else .mp4 or .mkv.

    Args:
        formats: FFmpeg's names of the source's container.
        path: The source.
        pix_fmt: Its pixel format; a container without an encoder for it is passed over.
    """
    own = path.suffix.lower()
    written = [own] if own in CONTAINERS else []
    for suffix in (*written, ".mp4", ".mkv", ".nut", ".avi", ".ts"):
        if _family(CONTAINERS[suffix]) & set(formats) and _encodes(suffix, pix_fmt):
            return suffix
    return ".mp4" if _encodes(".mp4", pix_fmt) else ".mkv"


def _encodes(suffix: str, pix_fmt: str | None) -> bool:
    """Whether one of the encoders that are chosen by themselves fits both."""
    return pix_fmt is None or any(
        name in PREFERRED for name in encoders_for(pix_fmt, CONTAINERS[suffix])
    )


def _family(container: str) -> set[str]:
    families = {"mp4": {"mp4"}, "mov": {"mov"}, "webm": {"webm"}, "matroska": {"matroska"}}
    return families.get(container, {container})


def encoder_name(name: str) -> str:
    """Return FFmpeg's name for an encoder or an alias.

    Raises:
        UsageError: ``unknown_encoder``.
    """
    name = ALIASES.get(name.lower(), name)
    try:
        if av.Codec(name, "w").type == "video":
            return name
    except ValueError:
        pass
    known = [encoder for encoder in ENCODERS if encoder in av.codecs_available]
    raise UsageError(
        "unknown_encoder", f"There is no video encoder {name!r}.", f"Try {', '.join(known)}."
    )


@lru_cache(maxsize=32)
def accepted_formats(encoder: str) -> dict[str, str]:
    """Return planar formats an encoder holds without loss, each with the format it is given."""
    refused = ENCODERS.get(encoder, EncoderSpec()).refused
    table: dict[str, str] = {}
    for form in av.Codec(encoder, "w").video_formats or ():
        name = planar(form.name)
        # yuvj is yuv with full range, which is said by a tag.
        native = name if name and form.name.startswith("yuvj") else form.name
        if name and native and name not in refused and (name not in table or native == name):
            table[name] = native
    return table


def holds(container: str, codec: str) -> bool:
    """Whether a container can hold a codec."""
    codecs = HOLDS[container]
    return codecs is None or codec in codecs


def codec_of(encoder: str) -> str:
    """Return FFmpeg's name of the codec that an encoder writes."""
    return av.Codec(encoder, "w").canonical_name


def encoders_for(pix_fmt: str, container: str | None = None) -> list[str]:
    """Return the known encoders that hold a pixel format (and fit a container)."""
    return [
        name
        for name in ENCODERS
        if name in av.codecs_available
        and pix_fmt in accepted_formats(name)
        and (container is None or holds(container, codec_of(name)))
    ]
