"""Numbered pictures read as a video: one picture per frame, at a given rate."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import cast

import av
from av.video.codeccontext import VideoCodecContext

from ...errors import InputError
from ..files import FileStamp, check_readable
from ..stills.metadata import ORIENTATION
from ..stills.pillow import decoding, open_picture
from .exr import read_exr
from .pattern import numbered_files

DEFAULT_RATE = Fraction(25)
MAX_NAMED_GAPS = 10  # missing numbers that a sentence names
MAX_FRAME_PIXELS = 150_000_000  # several frames are in memory at once
MAX_FILE_BYTES = (1 << 31) - 4096  # of a file: FFmpeg counts them in 32 bits
# Damage is an error; without it half a JPEG would pass for a picture with a gray lower half.
STRICT_DECODING = {
    name: {"err_detect": "crccheck+bitstream+buffer+explode"} for name in ("mjpeg", "png")
}
# The beginnings of the files that are decoded, with FFmpeg's decoder of each.
DECODERS = {
    b"\x89PNG": "png",
    b"II*\0": "tiff",
    b"MM\0*": "tiff",
    b"\xff\xd8\xff": "mjpeg",
    b"BM": "bmp",
    b"SDPX": "dpx",
    b"XPDS": "dpx",
    b"\x76\x2f\x31\x01": "exr",
}


@dataclass(frozen=True, slots=True)
class PictureSequence:
    """Numbered pictures without a gap.

    Attributes:
        files: The pictures in the order of their numbers.
        first: Number of the first one.
        rate: Frames per second.
        rate_given: Whether the user gave that rate.
        stamps: What tells each file from itself after a change.
    """

    files: tuple[Path, ...]
    first: int
    rate: Fraction
    rate_given: bool
    stamps: tuple[FileStamp, ...]

    def check_unchanged(self, index: int) -> None:
        """Make sure that a picture is still the one that was found.

        Raises:
            InputError: ``video_changed``, or ``missing_file`` if it is gone.
        """
        if FileStamp.of(self.files[index]) != self.stamps[index]:
            raise InputError(
                "video_changed",
                f"{self.files[index]} changed while it was being read.",
                "Run it again once nothing writes to it any more.",
            )


def find_sequence(pattern: Path, rate: Fraction | None = None) -> PictureSequence:
    """Find the pictures that a pattern stands for.

    Args:
        pattern: For example frames/%04d.png.
        rate: Frames per second; None takes 25.

    Raises:
        InputError: ``missing_file`` if there is none, ``missing_frames`` if there are gaps.
    """
    found = numbered_files(pattern)
    if not found:
        raise InputError(
            "missing_file",
            f"No picture has a name like {pattern}.",
            "Check the name and the folder.",
        )
    numbers = list(found)
    gaps = [(a + 1, b - 1) for a, b in pairwise(numbers) if b - a > 1]
    if gaps:
        named = [f"{a}" if a == b else f"{a} to {b}" for a, b in gaps[:MAX_NAMED_GAPS]]
        more = f" and {len(gaps) - MAX_NAMED_GAPS} more gaps" if len(gaps) > MAX_NAMED_GAPS else ""
        raise InputError(
            "missing_frames",
            f"Pictures are missing among {pattern}: {', '.join(named)}{more}.",
            "Add them, or number the pictures anew: a frame left out would move all later ones.",
        )
    files = tuple(found.values())
    stamps = tuple(map(FileStamp.of, files))
    return PictureSequence(files, numbers[0], rate or DEFAULT_RATE, rate is not None, stamps)


def read_frame(path: Path) -> av.VideoFrame:
    """Decode one picture in whatever pixel format it has; of EXR see ``exr``.

    Raises:
        InputError: As ``check_readable``; ``not_a_picture`` if it is damaged or of another kind,
            ``turned_picture`` if it is not stored upright, ``picture_too_large``.
    """
    check_readable(path)
    if path.stat().st_size > MAX_FILE_BYTES:
        raise InputError("picture_too_large", f"{path} is larger than 2 GB.", "Make it smaller.")
    data = path.read_bytes()
    name = next((name for start, name in DECODERS.items() if data.startswith(start)), None)
    if name == "exr":
        return read_exr(path).frame()
    if name is not None:
        with av.logging.Capture():
            try:
                context = cast(VideoCodecContext, av.CodecContext.create(name, "r"))
                context.options = {
                    "max_pixels": str(MAX_FRAME_PIXELS),
                    **STRICT_DECODING.get(name, {}),
                }
                frames = [*context.decode(av.Packet(data)), *context.decode(None)]
            except (av.FFmpegError, ValueError):
                frames = []
        if frames:
            _refuse_turned(path, data)
            return frames[0]
    raise InputError(
        "not_a_picture",
        f"{path} is not a picture that can be read, or it is damaged.",
        "Numbered pictures may be PNG, TIFF, JPEG, EXR, BMP or DPX.",
    )


def _refuse_turned(path: Path, data: bytes) -> None:
    if not data.startswith((b"\xff\xd8", b"II", b"MM")):
        return
    upright = True
    with suppress(InputError), open_picture(path, ("JPEG", "TIFF")) as picture, decoding(path):
        upright = picture.getexif().get(ORIENTATION, 1) == 1
    if not upright:
        raise InputError(
            "turned_picture",
            f"{path} is stored turned or mirrored (EXIF orientation).",
            "Turn all pictures upright first, for example with exiftran or mogrify.",
        )


def picture_frames(sequence: PictureSequence, first: int = 0) -> Iterator[av.VideoFrame]:
    """Yield the pictures from an index on, each with its index as pts.

    Raises:
        InputError: As ``read_frame``; ``video_changed``.
    """
    base = 1 / sequence.rate
    for index in range(max(0, first), len(sequence.files)):
        frame = read_frame(sequence.files[index])
        sequence.check_unchanged(index)
        frame.pts, frame.time_base, frame.duration = index, base, 1
        yield frame
