"""The ffmpeg program, driven through ffmpeg-python, as an independent judge of results."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import ffmpeg
import imageio_ffmpeg

from ..errors import InputError
from .files import INPUT_FORMATS, check_readable, open_input, url
from .probe import find_video

MOST_LINES = 20
INPUT = "file:input"  # stands for the file, since ffmpeg-python takes no name that is not UTF-8
# Formats that results may have besides those of inputs.
RESULT_FORMATS = f"{INPUT_FORMATS},webp_anim,webp_pipe,png_pipe,jpeg_pipe,image2"


def ffmpeg_program() -> str:
    """Return the path of ffmpeg: the system's, else the one of imageio-ffmpeg.

    Raises:
        InputError: ``no_ffmpeg``.
    """
    system = shutil.which("ffmpeg")
    if system is not None:
        return system
    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise InputError(
            "no_ffmpeg",
            "There is no ffmpeg program for the final check.",
            "Install ffmpeg, or the package imageio-ffmpeg.",
        ) from error


def verify(path: Path, timeout: float | None = None) -> list[str]:
    """Decode the video of a file in full with the ffmpeg program.

    Args:
        path: The file.
        timeout: Seconds after which the check is given up; None for no limit.

    Returns:
        What it complained about, empty if all is well.

    Raises:
        InputError: If there is no such file, or no ffmpeg.
    """
    check_readable(path)
    video, _ = _streams(path)
    return _complaints(path, ("-xerror", "-map", f"0:{video}"), timeout)


def verify_copied(path: Path, timeout: float | None = None) -> list[str]:
    """Decode the other videos and the sound of a file, which are copies, with the ffmpeg program.

    What is wrong with them was wrong in the source: it is worth a note, not an error.

    Args:
        path: The file.
        timeout: Seconds after which the check is given up; None for no limit.

    Returns:
        What it complained about, empty if all is well or nothing was copied.

    Raises:
        InputError: If there is no such file, or no ffmpeg.
    """
    check_readable(path)
    _, copied = _streams(path)
    if not copied:
        return []
    return _complaints(path, [word for index in copied for word in ("-map", f"0:{index}")], timeout)


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


def _complaints(path: Path, options: Sequence[str], timeout: float | None) -> list[str]:
    source = ffmpeg.input(
        INPUT, protocol_whitelist="file", format_whitelist=RESULT_FORMATS, v="error"
    )
    # Options before the output apply to it; ffmpeg-python itself maps nothing of a single input.
    command = source.output("-", format="null").compile(cmd=ffmpeg_program())
    command[-1:-1] = [*options, "-nostdin", "-hide_banner"]
    command[command.index(INPUT)] = url(path)
    try:
        done = subprocess.run(command, capture_output=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        return [f"ffmpeg did not finish within {timeout:g} seconds"]
    said = done.stderr.decode("utf-8", "replace").splitlines()
    # The null muxer grumbles about times it rounded itself, on every variable frame rate.
    lines = [line for line in said if line.strip() and not line.startswith("[null @")]
    if done.returncode and not lines:
        lines = [f"ffmpeg ended with status {done.returncode}"]
    return lines[:MOST_LINES]
