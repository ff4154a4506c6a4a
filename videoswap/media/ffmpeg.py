"""The ffmpeg program, driven through ffmpeg-python, as an independent judge of results."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import ffmpeg
import imageio_ffmpeg

from ..errors import InputError
from .files import INPUT_FORMATS, check_readable, url

MOST_LINES = 20
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
    """Decode all streams of a file in full with the ffmpeg program.

    Args:
        path: The file.
        timeout: Seconds after which the check is given up; None for no limit.

    Returns:
        What it complained about, empty if all is well.

    Raises:
        InputError: If there is no such file, or no ffmpeg.
    """
    check_readable(path)
    source = ffmpeg.input(
        url(path), protocol_whitelist="file", format_whitelist=RESULT_FORMATS, v="error"
    )
    command = (
        source.output("-", format="null")
        .global_args("-xerror", "-nostdin", "-hide_banner")
        .compile(cmd=ffmpeg_program())
    )
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
