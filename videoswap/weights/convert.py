"""Old files into plain weights: on explicit command only, and in a process of its own.

The child process reads the file with :mod:`videoswap.weights.safe_unpickle` and writes a
safetensors file. It is no sandbox: what it keeps out is the code that the file names, not an attack
on torch's own readers.
"""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

from ..errors import InputError, VideoswapError
from ..video.files import atomic_output, check_readable, output_errors

WARNING = (
    "Warning: {path} is in a format that can carry programs. Only its tensors are taken out, in a "
    "process of its own, and none of its code is run; still, convert only files from people you "
    "trust."
)
_ENVIRONMENT = ("PATH", "PYTHONPATH", "SYSTEMROOT", "LD_LIBRARY_PATH", "TEMP", "TMPDIR")
_ROOT = Path(__file__).resolve().parents[2]


#: Under this key of its metadata a copy names the SHA-256 of the file it was made of.
SOURCE = "source_sha256"


def converted_path(source: Path) -> Path:
    """Return where the converted copy of a file goes: beside it, as safetensors."""
    return source.with_suffix(".safetensors")


def metadata(path: Path) -> dict[str, str]:
    """Read the metadata of a safetensors file, without its tensors.

    Raises:
        InputError: ``damaged_weights``.
    """
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(min(length, 1 << 26)))
        return dict(header.get("__metadata__", {}))
    except (OSError, ValueError, AttributeError, struct.error):
        raise InputError(
            "damaged_weights", f"{path} is not a safetensors file.", "Delete it and try again."
        ) from None


def convert(source: Path, overwrite: bool = False) -> Path:
    """Write the tensors of an old file into a safetensors file beside it.

    Args:
        source: A file that :func:`videoswap.weights.load_state` refuses as ``unsafe_weights``.
        overwrite: Replace an earlier copy.

    Returns:
        The new file.

    Raises:
        InputError: ``not_convertible`` or what ``check_readable`` finds; ``copy_exists``.
        OutputError: If the copy cannot be written.
    """
    check_readable(source)
    out = converted_path(source)
    if out == source or (out.exists() and not overwrite):
        raise InputError("copy_exists", f"{out} exists already.", "Use it, or delete it first.")
    with atomic_output(out) as part:
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        environment["PYTHONPATH"] = os.pathsep.join(
            [str(_ROOT), *filter(None, [environment.get("PYTHONPATH")])]
        )
        with tempfile.TemporaryDirectory() as folder:
            child = subprocess.run(
                [sys.executable, "-m", __name__, str(source.resolve()), str(part.resolve())],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
        if child.returncode != 0:
            last = (child.stderr.strip().splitlines() or [f"exit code {child.returncode}"])[-1]
            raise InputError(
                "not_convertible", f"The tensors of {source} cannot be taken out: {last}"
            )
    return out


def extract(source: Path, out: Path) -> None:
    """Do the work of the child process: write the tensors of a file as safetensors.

    Args:
        source: The old file.
        out: The new file.

    Raises:
        InputError: ``no_weights`` or ``torchscript_weights``; whatever torch's own reader raises
            comes as it is.
        OutputError: If it cannot be written.
    """
    from safetensors.torch import save_file

    from ..fingerprint import file_digest
    from .loading import unwrap
    from .safe_unpickle import read

    states = unwrap(read(source))
    if not states:
        raise InputError("no_weights", "it holds no tensors by name")
    state = {key: value.detach().clone().contiguous() for key, value in states[0].items()}
    with output_errors(out):
        save_file(state, out, metadata={SOURCE: file_digest(source), "format": "pt"})


if __name__ == "__main__":
    try:
        extract(Path(sys.argv[1]), Path(sys.argv[2]))
    except VideoswapError as failure:
        sys.exit(str(failure))
