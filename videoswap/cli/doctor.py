"""What is installed here, what can be used, and why something cannot."""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import importlib.util
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from .._version import __version__
from ..errors import VideoswapError
from ..packages import (
    NEEDED,
    OPTIONAL,
    Package,
    explain,
)
from .parser import Parser

if TYPE_CHECKING:
    from ..plugins import Plugin

#: A render keeps its segments on disk; with less than this it may not come to its end.
LITTLE_DISK = 2 * 10**9  # bytes


@dataclass(frozen=True, slots=True)
class Check:
    """One finding.

    Attributes:
        name: What was looked at.
        fine: Whether it is as it should be.
        finding: What was found.
        advice: What to do about it.
        needed: Whether videoswap is of no use without it.
    """

    name: str
    fine: bool
    finding: str
    advice: str = ""
    needed: bool = True

    def __str__(self) -> str:
        """Return one line: ``ok``, ``FAIL`` where it is needed, ``--`` where it is not."""
        mark = "ok  " if self.fine else "FAIL" if self.needed else "--  "
        text = f"{mark}  {self.name}: {self.finding}"
        return f"{text}. {self.advice}" if self.advice else text


def examine() -> tuple[Check, ...]:
    """Look at everything; nothing raises."""
    checks = [Check("videoswap", True, f"{__version__} in {Path(__file__).parents[1]}"), _python()]
    checks += [_package(package) for package in NEEDED]
    checks += [_optional(package) for package in OPTIONAL]
    steps: tuple[tuple[str, Callable[[], list[Check]]], ...] = (
        ("onnxruntime packages", _onnxruntime_packages),
        ("face models", _models),
        ("ffmpeg program", _ffmpeg),
        ("cores", _cores),
        ("device", _device),
        ("cache", _cache),
        ("weights", _weights),
        ("engines", _engines),
        ("restorers", _restorers),
        ("encoders", _encoders),
        ("decoders", _decoders),
    )
    for name, step in steps:
        try:
            checks += step()
        except ImportError as error:
            checks.append(Check(name, False, explain(error).message.rstrip(".")))
        except VideoswapError as error:
            checks.append(Check(name, False, error.message.rstrip("."), error.hint))
        except Exception as error:
            checks.append(Check(name, False, f"{type(error).__name__}: {error}"))
    said: set[str] = set()
    return tuple(_said_once(check, said) for check in checks)


def _said_once(check: Check, said: set[str]) -> Check:
    """Leave out advice that was given already: often one thing mends all."""
    if check.advice in said:
        return replace(check, advice="")
    said.add(check.advice)
    return check


def _python() -> Check:
    version = sys.version.split()[0]
    fine = sys.version_info >= (3, 11)
    return Check("python", fine, version, "" if fine else "Python 3.11 or newer is needed.")


def _package(package: Package) -> Check:
    """Import a package, since OpenCV may be there without what it links against."""
    try:
        if package.loaded:
            importlib.import_module(package.module)
        elif importlib.util.find_spec(package.module) is None:
            raise ModuleNotFoundError(package.module, name=package.module)
    except ImportError as error:
        trouble = explain(error)
        return Check(
            package.name, False, f"{trouble.message} It {package.use}", trouble.hint.rstrip(".")
        )
    except Exception as error:  # a broken one may raise anything
        return Check(package.name, False, f"cannot be loaded ({error})", "Install it anew.")
    return Check(package.name, True, _version(package.name))


def _optional(package: Package) -> Check:
    """Look without importing: these are large."""
    if importlib.util.find_spec(package.module) is None:
        return Check(package.name, False, f"not installed; it {package.use}", needed=False)
    return Check(package.name, True, _version(package.name))


def _version(name: str) -> str:
    for candidate in (name, f"{name}-gpu", f"{name}-headless"):
        try:
            return importlib.metadata.version(candidate)
        except importlib.metadata.PackageNotFoundError:
            continue
    return "installed"


def _onnxruntime_packages() -> list[Check]:
    found = {
        name
        for distribution in importlib.metadata.distributions()
        if (name := (distribution.metadata["Name"] or "").lower().replace("_", "-")).startswith(
            "onnxruntime"
        )
    }
    names = " and ".join(sorted(found))
    if len(found) > 1:
        return [
            Check(
                "onnxruntime packages",
                False,
                f"{names} are both installed and overwrite each other",
                f"Keep one: pip uninstall {' '.join(sorted(found))}, then pip install "
                "onnxruntime-gpu with an NVIDIA GPU, else onnxruntime",
            )
        ]
    return [Check("onnxruntime packages", bool(found), names or "none")]


def _models() -> list[Check]:
    from ..detection import packaged_files as packaged
    from ..detection.dense_landmarks import DENSE_LANDMARKS
    from ..engines.mesh.correction import MESH_CORRECTION
    from ..weights import find
    from ..weights.store import missing_files

    dense, correction = find(DENSE_LANDMARKS), find(MESH_CORRECTION)
    absent = missing_files([MESH_CORRECTION], MESH_CORRECTION)
    told = "not there; dlib's 68 are used, and swaps are worse" if dense is None else str(dense)
    advice = "" if dense else f"videoswap models download {DENSE_LANDMARKS}"
    packages = (
        ("CenterFace", packaged.centerface_path),
        ("68 landmarks", packaged.landmarks_path),
        ("face embedding", packaged.recognition_path),
    )
    return [
        *(Check(name, True, str(locate())) for name, locate in packages),
        Check("478 landmarks", dense is not None, told, advice, needed=False),
        Check(
            "correction of swaps",
            absent is None,
            f"{absent}, so swaps by mesh are worse" if absent else str(correction),
            needed=False,
        ),
    ]


def _ffmpeg() -> list[Check]:
    from ..video.verify import ffmpeg_program

    return [Check("ffmpeg program", True, ffmpeg_program())]


def _cores() -> list[Check]:
    from ..threads import plan_threads, usable_cores

    return [Check("cores", True, f"{usable_cores()}; threads: {plan_threads()}")]


def _device() -> list[Check]:
    from ..devices import choose_device, gpu_present

    if not gpu_present():
        return [Check("device", True, "cpu; no NVIDIA driver is here")]
    device = choose_device("auto")
    if device.notes:
        return [Check("device", False, str(note), needed=False) for note in device.notes]
    return [Check("device", True, f"cuda; torch and onnxruntime computed on the {device.gpu}")]


def _cache() -> list[Check]:
    from ..settings import default_cache_dir

    folder = default_cache_dir()
    if folder is None:
        advice = "Set VIDEOSWAP_CACHE_DIR to a folder to keep analyses"
        return [Check("cache", False, "none, since this user has no home", advice, needed=False)]
    free, writable = _room(folder)
    told = f"{folder}, {free / 1e9:.1f} GB free"
    if not writable:
        advice = "Set VIDEOSWAP_CACHE_DIR to another folder, or use --no_cache"
        return [Check("cache", False, f"{told}, cannot be written", advice, needed=False)]
    advice = "" if free > LITTLE_DISK else "That is little for a long video"
    return [Check("cache", not advice, told, advice, needed=False)]


def _weights() -> list[Check]:
    from ..weights.manifest import load_manifest, weights_dir

    folder, models = weights_dir(), load_manifest().models
    here = sum((folder / model.file).is_file() for model in models)
    told = f"{here} of {len(models)} files in {folder}"
    if not _room(folder)[1]:
        advice = "Set VIDEOSWAP_WEIGHTS_DIR to another folder to download files"
        return [Check("weights", False, f"{told}, cannot be written", advice, needed=False)]
    return [Check("weights", True, told, needed=False)]


def _room(folder: Path) -> tuple[int, bool]:
    """Return the free bytes where a folder is or would be made, and whether that can be written."""
    folder = folder.absolute()
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    writable = nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)
    return shutil.disk_usage(nearest).free, writable


def _engines() -> list[Check]:
    from ..plugins import broken_plugins, find_plugins

    checks = [_engine(plugin) for plugin in find_plugins()]
    checks += [
        Check(
            f"engine {broken.name}",
            False,
            f"its plug-in is broken: {broken.reason}",
            "Update or uninstall its package",
            needed=False,
        )
        for broken in broken_plugins()
    ]
    return checks


def _engine(plugin: Plugin) -> Check:
    from ..engines.registry import missing_of
    from ..plugins import options_of

    missing = missing_of(plugin, plugin.options())
    if missing is None:
        flags = ", ".join(one.flag for one in options_of(plugin))
        text = f"usable: {plugin.summary}"
        if flags:
            text += f"; options: {flags}"
    else:
        text = missing if plugin.published else "its weights are not published yet"
    return Check(f"engine {plugin.name}", missing is None, text, needed=False)


def _restorers() -> list[Check]:
    from ..engines.restorer import KINDS
    from ..weights.store import missing_files

    missing = {name: missing_files([name], name) for name in KINDS}
    return [
        Check(f"restorer {name}", why is None, why or "usable", needed=False)
        for name, why in missing.items()
    ]


def _encoders() -> list[Check]:
    from ..devices import gpu_present
    from ..video.encoder_context import NO_NVENC, hardware_refusal
    from ..video.formats import encoders_for

    every = encoders_for("yuv420p")
    names = [name for name in every if "nvenc" not in name]
    checks = []
    for name in (one for one in every if "nvenc" in one and gpu_present()):
        refused = hardware_refusal(name)
        if refused is None:
            names.append(name)
        else:
            checks.append(Check(f"encoder {name}", False, refused, NO_NVENC, needed=False))
    return [Check("encoders", "libx264" in names, ", ".join(names)), *checks]


def _decoders() -> list[Check]:
    from ..devices import gpu_present
    from ..video.nvdec import NO_NVDEC, NVDEC_FORMATS, nvdec_trouble

    troubles = {codec: nvdec_trouble(codec) for codec in NVDEC_FORMATS if gpu_present()}
    able = [codec for codec, why in troubles.items() if not why]
    words = ["cpu", *([f"nvdec ({', '.join(able)})"] if able else [])]
    checks = [
        Check(f"decoder nvdec of {codec}", False, why, NO_NVDEC, needed=False)
        for codec, why in troubles.items()
        if why
    ]
    return [Check("decoders", True, ", ".join(words)), *checks]


def add_arguments(parser: Parser) -> None:
    """Add nothing: it looks at everything."""


def run(arguments: argparse.Namespace) -> int:
    """Print what was found; 1 if anything that is needed is missing or broken."""
    checks = examine()
    for check in checks:
        arguments.console.show(str(check))
    return 0 if all(check.fine or not check.needed for check in checks) else 1
