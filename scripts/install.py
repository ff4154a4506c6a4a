"""Make .venv and install everything into it, with the onnxruntime that fits this machine.

    python3 scripts/install.py [--dev]

Uses nothing but the standard library. A GPU is believed where NVIDIA's driver shows itself.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".venv"
PYTHON = HOME / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def pip(*arguments: str) -> None:
    """Run pip of the new environment."""
    subprocess.run(
        [str(PYTHON), "-m", "pip", "--disable-pip-version-check", *arguments], check=True
    )


def has_gpu() -> bool:
    """Tell whether an NVIDIA driver is installed."""
    return Path("/dev/nvidiactl").exists() or shutil.which("nvidia-smi") is not None


def wanted_requirements(gpu: bool) -> str:
    """Return requirements.txt with the one onnxruntime that is wanted."""
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    return text.replace("\nonnxruntime==", "\nonnxruntime-gpu==") if gpu else text


def fetch_landmarks() -> None:
    """Fetch the dense landmarks, 35 MB to download; without them the tool works, less well."""
    command = [str(PYTHON), "-m", "videoswap", "models", "download", "dense_landmarks"]
    if subprocess.run(command, cwd=ROOT, check=False).returncode != 0:
        print("Faces are found by dlib's landmarks until that command succeeds.")


def main() -> int:
    """Install; returns the exit code."""
    if sys.version_info < (3, 11):  # noqa: UP036 - runs before anything is checked
        print(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}.")
        return 2
    if not PYTHON.exists():
        print(f"Making {HOME}")
        venv.create(HOME, with_pip=True)
    gpu = has_gpu()
    unwanted = "onnxruntime" if gpu else "onnxruntime-gpu"
    pip("uninstall", "--quiet", "--yes", unwanted)
    with tempfile.TemporaryDirectory() as folder:
        listing = Path(folder) / "requirements.txt"
        listing.write_text(wanted_requirements(gpu), encoding="utf-8")
        extra = ["-r", str(ROOT / "requirements-dev.txt")] if "--dev" in sys.argv[1:] else []
        pip("install", "--quiet", "-r", str(listing), *extra)
    pip("install", "--quiet", "--no-deps", "-r", str(ROOT / "requirements-insightface.txt"))
    pip("install", "--quiet", "--no-deps", "--editable", str(ROOT))
    print(f"Installed for the {'GPU' if gpu else 'CPU'} into {HOME}")
    fetch_landmarks()
    return 0


if __name__ == "__main__":
    sys.exit(main())
