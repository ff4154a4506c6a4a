"""Text subtitles from one container's kind to another's; styling is not kept."""

from __future__ import annotations

import re
import struct

# What text each container takes; any other text codec is converted to it.
TEXT_CODECS = {
    "mp4": ("mov_text",),
    "mov": ("mov_text",),
    "matroska": ("subrip", "ass", "webvtt"),
    "webm": ("webvtt",),
    "nut": ("subrip", "ass", "webvtt", "mov_text"),
}
READABLE = ("mov_text", "subrip", "srt", "ass", "ssa", "webvtt", "text")

# The muxers need a header of the ASS kind to open a text encoder.
ASS_HEADER = b"""[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColor, SecondaryColor, OutlineColor, BackColor, \
Bold, Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, \
Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""
_ASS_FIELDS = 8  # fields before the text in a packet of ASS
_TAGS = re.compile(r"<[^<>]{1,40}>|\{\\[^{}]*\}")


def target_codec(codec: str, container: str) -> str | None:
    """Return the text codec that a container takes for a source codec, None if there is none."""
    taken = TEXT_CODECS.get(container, ())
    if codec in taken:
        return codec
    return taken[0] if taken and codec in READABLE else None


def convert(data: bytes, codec: str, wanted: str) -> bytes:
    """Turn the payload of one subtitle packet into another codec's."""
    text = _plain(data, codec)
    if wanted == "mov_text":
        raw = text.encode()[:0xFFFF]
        return struct.pack(">H", len(raw)) + raw
    return text.encode()


def _plain(data: bytes, codec: str) -> str:
    if codec == "mov_text":
        (size,) = struct.unpack_from(">H", data) if len(data) >= 2 else (0,)
        data = data[2 : 2 + size]
    text = data.decode("utf-8", "replace").rstrip("\0\r\n")
    if codec in ("ass", "ssa"):
        text = text.split(",", _ASS_FIELDS)[-1].replace("\\N", "\n").replace("\\n", "\n")
    return _TAGS.sub("", text)
