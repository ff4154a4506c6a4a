"""An independent check of results: the ffmpeg program, run through ffmpeg-python, decodes them."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import av
import ffmpeg
import imageio_ffmpeg
import numpy as np

from ..errors import InputError
from .files import (
    INPUT_FORMATS,
    check_readable,
    locked_scratch,
    open_input,
    scratch_path,
    url,
)
from .probe import find_video

MAX_COMPLAINTS = 20
INPUT_PLACEHOLDER = (
    "file:input"  # stands for the file, since ffmpeg-python takes no name that is not UTF-8
)
# Formats that results may have besides those of inputs.
RESULT_FORMATS = f"{INPUT_FORMATS},webp_anim,webp_pipe,png_pipe,jpeg_pipe,image2"
# What a program says of a file that it was not built for; it tells nothing about the file.
MISSING_DECODER_MESSAGES = ("no decoder found for", "Decoder (codec ", "Unknown decoder")

_ADDRESS = re.compile(r" @ 0x[0-9a-f]+")  # of whoever complains
FrameCallback = Callable[[int], None]


def ffmpeg_program() -> str:
    """Return the path of ffmpeg: the system's, else the one of imageio-ffmpeg.

    Raises:
        InputError: ``no_ffmpeg``.
    """
    return _programs()[0]


def verify(
    path: Path, progress: FrameCallback | None = None, source: Path | None = None
) -> list[str]:
    """Decode the video of a file in full with the ffmpeg program.

    The system's ffmpeg may be old or confined to some folders. What it complains about counts
    only if it reads a small file, made for that, in the same place, and if the one of
    imageio-ffmpeg complains too, and neither says the same of the source: damaged sound that was
    copied is complained about wherever a file is opened.

    Args:
        path: The file; its name says nothing about the format.
        progress: Called with the number of frames decoded so far.
        source: What it was made of; None for nothing.

    Returns:
        What it complained about, empty if all is well.

    Raises:
        InputError: If there is no such file; ``no_ffmpeg`` if no ffmpeg works here.
    """
    check_readable(path)
    video, _ = _streams(path)
    found = _agreed_complaints(path, ("-xerror", "-map", f"0:{video}"), progress)
    if not found or source is None:
        return found
    video, _ = _streams(source)
    known = {
        _ADDRESS.sub("", line)
        for program in _programs()
        for line in _complaints(program, source, ("-map", f"0:{video}"), None)
    }
    return [line for line in found if _ADDRESS.sub("", line) not in known]


def verify_copied(path: Path, progress: FrameCallback | None = None) -> list[str]:
    """Decode the other videos and the sound of a file, which are copies, with the ffmpeg program.

    What is wrong with them was wrong in the source: it is worth a note, not an error.

    Args:
        path: The file.
        progress: Called with the number of frames decoded so far.

    Returns:
        What it complained about, empty if all is well or nothing was copied.

    Raises:
        InputError: If there is no such file; ``no_ffmpeg`` if no ffmpeg works here.
    """
    check_readable(path)
    _, copied = _streams(path)
    if not copied:
        return []
    return _agreed_complaints(
        path, [word for index in copied for word in ("-map", f"0:{index}")], progress
    )


def same_packets(one: Path, other: Path) -> bool:
    """Whether two videos hold the same packets, byte for byte, with the same times."""
    with open_input(one) as first, open_input(other) as second:
        try:
            return all(
                _facts(packet) == _facts(its)
                for packet, its in zip(first.demux(), second.demux(), strict=True)
            )
        except ValueError:  # one of them has more
            return False


def _facts(packet: Any) -> tuple[Any, ...]:
    base = packet.time_base
    times = packet.pts, packet.dts, packet.duration, base, packet.is_keyframe
    return packet.stream.index, times, bytes(packet)


def _programs() -> list[str]:
    found = [shutil.which("ffmpeg")]
    hint = "Install ffmpeg, or the package imageio-ffmpeg."
    try:
        named = str(imageio_ffmpeg.get_ffmpeg_exe())
        found.append(shutil.which(named))  # $IMAGEIO_FFMPEG_EXE may name anything
        if found[-1] is None:
            hint = f"{named} is no program; unset IMAGEIO_FFMPEG_EXE or name another."
    except RuntimeError:
        pass
    programs = list(dict.fromkeys(program for program in found if program is not None))
    if not programs:
        raise InputError("no_ffmpeg", "There is no ffmpeg program for the final check.", hint)
    return programs


def _streams(path: Path) -> tuple[str, list[int]]:
    """Return ffmpeg's word for the video that was worked on, and the streams that were copied."""
    try:
        with open_input(path) as container:
            video = find_video(container, path).index
            known = [*container.streams.video, *container.streams.audio]
            copied = [s.index for s in known if s.index != video and s.codec_context is not None]
            return str(video), sorted(copied)
    except InputError:
        return "V:0", []  # a picture, or so broken that ffmpeg has more to say


def _agreed_complaints(
    path: Path, options: Sequence[str], progress: FrameCallback | None
) -> list[str]:
    """Return the complaints that all working ffmpeg programs share."""
    agreed: list[str] | None = None
    for program in _programs():
        complaints = _complaints(program, path, options, progress)
        if not complaints:
            return []
        if _is_reliable(program, path, complaints):
            agreed = complaints
    if agreed is None:
        raise InputError(
            "no_ffmpeg",
            f"The ffmpeg program does not work here ({complaints[0].rstrip('.')}).",
            "Install a newer ffmpeg, or the package imageio-ffmpeg.",
        )
    return agreed


def _is_reliable(program: str, path: Path, complaints: Sequence[str]) -> bool:
    """Whether a program decodes a small good file in the same folder without complaints."""
    if any(word in line for line in complaints for word in MISSING_DECODER_MESSAGES):
        return False
    sound = scratch_path(path.parent, "part")
    try:
        sound.touch(exist_ok=False)
        with locked_scratch(sound):
            _write_sound_file(sound)
            return not _complaints(program, sound, ("-xerror", "-map", "0:V:0"), None)
    except OSError:
        return True
    finally:
        sound.unlink(missing_ok=True)


def _write_sound_file(path: Path) -> None:
    with av.open(url(path), "w", format="matroska") as out:
        stream = out.add_stream("ffv1", rate=25)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        for _ in range(3):
            frame = av.VideoFrame.from_ndarray(np.full((48, 32), 128, np.uint8), format="yuv420p")
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def _complaints(
    program: str, path: Path, options: Sequence[str], progress: FrameCallback | None
) -> list[str]:
    """Return what a program says; one that was killed, for want of memory say, runs once more."""
    status, lines = _run(program, path, options, progress)
    if status < 0:
        status, lines = _run(program, path, options, progress)
    if status and not lines:
        lines = [f"ffmpeg ended with status {status}"]
    return lines


def _run(
    program: str, path: Path, options: Sequence[str], progress: FrameCallback | None
) -> tuple[int, list[str]]:
    """Return the exit code of a program, below 0 where a signal ended it, and what it says."""
    # "repeat": else lines that are said again become one without the name of who said them.
    source = ffmpeg.input(
        INPUT_PLACEHOLDER,
        protocol_whitelist="file",
        format_whitelist=RESULT_FORMATS,
        v="repeat+error",
    )
    # Options before the output apply to it; ffmpeg-python itself maps nothing of a single input.
    command = source.output("-", format="null").compile(cmd=program)
    command[-1:-1] = [*options, "-nostdin", "-hide_banner", "-nostats", "-progress", "pipe:1"]
    command[command.index(INPUT_PLACEHOLDER)] = url(path)
    with tempfile.TemporaryFile() as said:
        try:
            running = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said
            )
        except OSError as error:
            return 1, [f"{program} cannot be started: {error.strerror}"]
        with running:
            assert running.stdout is not None  # a pipe was asked for
            try:
                for word in running.stdout:
                    name, _, value = word.partition(b"=")
                    if progress is not None and name == b"frame" and value.strip().isdigit():
                        progress(int(value))
            except BaseException:
                running.kill()
                raise
        said.seek(0)
        lines: list[str] = []
        for raw in said:
            line = raw.decode("utf-8", "replace").strip()
            # The null muxer grumbles about times it rounded itself, on every variable frame rate.
            if line and not line.startswith("[null @") and len(lines) < MAX_COMPLAINTS:
                lines.append(line)
    return running.returncode, lines
