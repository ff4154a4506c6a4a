"""Tables of encoders and containers: what each can hold, and the default options.

Default qualities (the word "high") are close to the source to the eye; for x264 that is CRF 18,
preset medium.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import av

from ..errors import UsageError
from .pixel_formats import layout, planar

ENCODER_ALIASES = {
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
    """Options and limits of one encoder.

    Attributes:
        quality: Option that takes the quality (CRF, CQ or quantiser), None if it has none.
        quality_values: Value of that option for each of ``QUALITY_WORDS``.
        limits: Best and worst value it takes.
        scale: Units of that option per step of quality.
        preset: Option that takes the preset, None if it has none.
        default_preset: Preset where none is asked for.
        presets: The words or numbers that it takes.
        options: Options that are always given.
        refused: Pixel formats it lists but that do not come through it.
        lossless: Options for coding without loss, None if it cannot, empty if it always does.
        suggested: Whether messages suggest it to users.
        counts_frames: Whether its timestamps are frame numbers, not the source's pts.
    """

    quality: str | None = None
    quality_values: tuple[float, float, float, float] = (0, 0, 0, 0)
    limits: tuple[float, float] = (0, 0)
    scale: int = 1
    preset: str | None = None
    default_preset: str = ""
    presets: tuple[str, ...] = ()
    options: dict[str, str] = field(default_factory=dict)
    refused: frozenset[str] = frozenset()
    lossless: dict[str, str] | None = None
    suggested: bool = True
    counts_frames: bool = False


QUALITY_WORDS = (
    "draft",
    "good",
    "high",
    "visually_lossless",
)  # in the order of `EncoderSpec.quality_values`
MPEG_LAMBDA = 118  # FFmpeg's global_quality for one step of an MPEG quantiser
ALPHA_FORMATS = frozenset({"yuva420p", "yuva420p10le", "gbrap", "gbrap10le"})
_X26X = (
    *("ultrafast", "superfast", "veryfast", "faster", "fast"),
    *("medium", "slow", "slower", "veryslow", "placebo"),
)
_X264 = EncoderSpec(
    "crf", (28, 23, 18, 14), (0, 51), 1, "preset", "medium", _X26X, lossless={"qp": "0"}
)
# Its 0 means "as the GPU likes". It drops alpha, and all bits of a sample after the tenth.
_NVENC = EncoderSpec(
    "cq",
    (30, 24, 19, 14),
    (1, 51),
    preset="preset",
    default_preset="p5",
    presets=(*(f"p{number}" for number in range(1, 8)), "slow", "medium", "fast", "default"),
    options={"rc": "vbr", "b": "0"},
    refused=ALPHA_FORMATS | {"yuv420p16le", "yuv444p16le", "gbrp16le"},
)
_MPEG = EncoderSpec(
    "global_quality",
    (10, 5, 3, 2),
    (1, 31),
    MPEG_LAMBDA,
    options={"flags": "+qscale"},
    suggested=False,
)
_MPEG_VIDEO = replace(_MPEG, counts_frames=True)
_ALWAYS_LOSSLESS = EncoderSpec(lossless={}, suggested=False)
ENCODERS = {
    "libx264": _X264,
    "libx264rgb": _X264,
    "libx265": EncoderSpec(
        "crf",
        (30, 25, 20, 15),
        (0, 51),
        preset="preset",
        default_preset="medium",
        presets=_X26X,
        options={"x265-params": "log-level=none"},
        refused=ALPHA_FORMATS,
        lossless={"x265-params": "log-level=none:lossless=1"},
    ),
    "libsvtav1": EncoderSpec(
        "crf",
        (40, 32, 24, 16),
        (1, 63),
        preset="preset",
        default_preset="8",
        presets=tuple(str(number) for number in range(-2, 14)),
        lossless={"svtav1-params": "lossless=1"},
    ),
    # Its alpha travels as side data of packets, which segments do not keep.
    "libvpx-vp9": EncoderSpec(
        "crf",
        (38, 30, 22, 14),
        (0, 63),
        preset="cpu-used",
        default_preset="4",
        presets=tuple(str(number) for number in range(-8, 9)),
        options={"b": "0", "row-mt": "1"},
        refused=ALPHA_FORMATS,
        lossless={"lossless": "1"},
    ),
    # A fixed number of slices makes the headers of all segments equal on every machine.
    "ffv1": EncoderSpec(
        options={"level": "3", "slices": "4", "slicecrc": "1", "g": "1"}, lossless={}
    ),
    "prores_ks": EncoderSpec(options={"vendor": "apl0"}),
    "h264_nvenc": _NVENC,
    "hevc_nvenc": _NVENC,
    "av1_nvenc": replace(_NVENC, quality_values=(37, 30, 23, 17), limits=(1, 63)),
    # The following are there for --encoder same.
    "libvpx": EncoderSpec(
        "crf",
        (40, 25, 12, 6),
        (4, 63),
        preset="cpu-used",
        default_preset="2",
        presets=tuple(str(number) for number in range(-16, 17)),
        options={"b": "20M"},
        refused=ALPHA_FORMATS,
        suggested=False,
    ),
    "mpeg2video": _MPEG_VIDEO,
    "mpeg4": _MPEG_VIDEO,
    "mjpeg": _MPEG,
    "dnxhd": EncoderSpec(suggested=False),
    "huffyuv": _ALWAYS_LOSSLESS,
    "ffvhuff": _ALWAYS_LOSSLESS,
    "utvideo": _ALWAYS_LOSSLESS,
    "qtrle": _ALWAYS_LOSSLESS,
    "png": _ALWAYS_LOSSLESS,
}
# The encoder for the codec of a source, where --encoder same asks for it.
ENCODER_OF_CODEC = {
    "h264": "libx264",
    "hevc": "libx265",
    "av1": "libsvtav1",
    "vp9": "libvpx-vp9",
    "vp8": "libvpx",
    "prores": "prores_ks",
    "dnxhd": "dnxhd",
    "ffv1": "ffv1",
    "mjpeg": "mjpeg",
    "mpeg2video": "mpeg2video",
    "mpeg4": "mpeg4",
    "huffyuv": "huffyuv",
    "ffvhuff": "ffvhuff",
    "utvideo": "utvideo",
    "qtrle": "qtrle",
    "png": "png",
}
# Codecs for editing, which --encoder same keeps.
EDITING_CODECS = frozenset(
    {"prores", "dnxhd", "cfhd", "ffv1", "huffyuv", "ffvhuff", "utvideo", "qtrle"}
)
# Tried in this order when no encoder is asked for.
EVEN_SIZE_ENCODERS = ("libx264", "libx265")  # these refuse a size that its chroma does not divide
FFV1_SLICES = ("4", "9", "6", "12", "2", "1", "0")  # for FFV1, which refuses some with some sizes
PREFERRED_ENCODERS = ("libx264", "libx265", "libvpx-vp9", "libsvtav1", "ffv1")

# What names of videos end with.
VIDEO_SUFFIXES = frozenset(
    {
        *(".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts"),
        *(".mxf", ".nut", ".ts", ".webm", ".wmv"),
    }
)
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
CONTAINER_CODECS: dict[str, frozenset[str] | None] = {
    "mp4": frozenset({"h264", "hevc", "av1", "vp9", "mpeg4", "mpeg2video", "mjpeg"}),
    "mov": frozenset({"h264", "hevc", "prores", "mpeg4", "mjpeg", "dnxhd", "qtrle", "png"}),
    "matroska": None,
    "nut": None,
    "webm": frozenset({"vp8", "vp9", "av1"}),
    "avi": frozenset(
        {"h264", "ffv1", "mpeg4", "mpeg2video", "mjpeg", "huffyuv", "ffvhuff", "utvideo"}
    ),
    "mpegts": frozenset({"h264", "hevc", "mpeg2video"}),
}
EXACT_TIME_CONTAINERS = ("mp4", "mov", "nut")  # these keep every pts; the others round
TIME_ROUNDING = {
    "matroska": "1 ms",
    "webm": "1 ms",
    "avi": "1/600 s",
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
            f"Use one of {', '.join(CONTAINERS)}; .gif, .webp and .apng are for animations.",
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
        name in PREFERRED_ENCODERS for name in encoders_for(pix_fmt, CONTAINERS[suffix])
    )


def _family(container: str) -> set[str]:
    families = {"mp4": {"mp4"}, "mov": {"mov"}, "webm": {"webm"}, "matroska": {"matroska"}}
    return families.get(container, {container})


def encoder_name(name: str) -> str:
    """Return FFmpeg's name for an encoder or an alias.

    Raises:
        UsageError: ``unknown_encoder``.
    """
    name = ENCODER_ALIASES.get(name.lower(), name)
    try:
        if av.Codec(name, "w").type == "video":
            return name
    except ValueError:
        pass
    known = [encoder for encoder in suggested_encoders() if encoder in av.codecs_available]
    raise UsageError(
        "unknown_encoder", f"There is no video encoder {name!r}.", f"Try {', '.join(known)}."
    )


def counts_frames(encoder: str) -> bool:
    """Whether an encoder's timestamps are frame numbers."""
    return ENCODERS.get(encoder, EncoderSpec()).counts_frames


def suggested_encoders() -> list[str]:
    """Return the encoders that messages suggest."""
    return [name for name, spec in ENCODERS.items() if spec.suggested]


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


def can_hold(container: str, codec: str) -> bool:
    """Whether a container can hold a codec."""
    codecs = CONTAINER_CODECS[container]
    return codecs is None or codec in codecs


def codec_of(encoder: str) -> str:
    """Return FFmpeg's name of the codec that an encoder writes."""
    return av.Codec(encoder, "w").canonical_name


def nearest_format(encoder: str, pix_fmt: str) -> str | None:
    """Return the planar format of the same kind with most bits, up to the format's own.

    The kind is the color model, the size of the chroma planes and whether there is alpha; None
    if the encoder holds nothing of it.
    """
    form = layout(pix_fmt)
    if form is None:
        return None
    kind = replace(form, depth=0)
    found = {
        other.depth: name
        for name in accepted_formats(encoder)
        if (other := layout(name)) is not None and replace(other, depth=0) == kind
    }
    fitting = [depth for depth in found if depth <= form.depth] or list(found)[:1]
    return found[max(fitting)] if fitting else None


def encoders_for(pix_fmt: str, container: str | None = None) -> list[str]:
    """Return the known encoders that hold a pixel format (and fit a container)."""
    return [
        name
        for name in suggested_encoders()
        if name in av.codecs_available
        and pix_fmt in accepted_formats(name)
        and (container is None or can_hold(container, codec_of(name)))
    ]
