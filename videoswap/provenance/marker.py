"""Marks a run's results: chosen before the work, given to every file before it gets its name."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from ..errors import InputError, reason_of
from ..marks import MARK_TEXT, MarkSettings, Provenance, default_credentials_dir
from ..records import Fallback
from ..video.files import locked_scratch, scratch_path
from ..video.stills.pillow import same_pictures
from ..video.verify import same_packets
from .certificates import Signer, given_signer, own_signer
from .credentials import CARRIERS, VIDEO_CARRIERS, check_signer, read_credentials, sign

WANTED = "signed content credentials"
WITHOUT_METADATA = ("BMP",)
PLAIN = "plain metadata alone"
NO_MARK = "a mark of synthetic media"


@dataclass(frozen=True, slots=True)
class Marker:
    """What marks the results of a run.

    Attributes:
        settings: What was asked for.
        signer: Who signs; None for nobody.
        notes: What is done otherwise than asked.
    """

    settings: MarkSettings
    signer: Signer | None = None
    notes: tuple[Fallback, ...] = ()

    @classmethod
    def load(cls, settings: MarkSettings, keep: bool) -> Marker:
        """Find or make what signs.

        Args:
            settings: What is asked for.
            keep: Whether a certificate of this machine's own may be written to disk.

        Raises:
            InputError: ``bad_certificate``, ``bad_private_key``, or ``missing_package`` if a given
                certificate cannot be used without it.
        """
        if settings.mark != "signed":
            notes = []
            if settings.mark == "none":
                notes.append(Fallback(NO_MARK, "", "--no_mark asks for none"))
            if settings.certificate is not None:
                why = f"--mark {settings.mark} signs nothing"
                notes.append(Fallback("the given certificate", "", why))
            return cls(settings, notes=tuple(notes))
        if settings.certificate is not None and settings.private_key is not None:
            signer = given_signer(settings.certificate, settings.private_key)
            check_signer(signer)
            return cls(settings, signer)
        if find_spec("c2pa") is None:
            why = "the package c2pa-python is not installed"
            return cls(settings, notes=(Fallback(WANTED, PLAIN, why),))
        try:
            return cls(settings, own_signer(default_credentials_dir(), keep))
        except (InputError, OSError) as error:
            why = reason_of(error)
            if isinstance(error, OSError):
                why = f"{error.filename or default_credentials_dir()} cannot be used: {why}"
            note = Fallback("this machine's own certificate", "one for this run alone", why)
            try:
                return cls(settings, own_signer(None, False), (note,))
            except InputError as error:
                return cls(settings, notes=(Fallback(WANTED, PLAIN, reason_of(error)),))

    @property
    def text(self) -> str | None:
        """The plain metadata; None for none."""
        return None if self.settings.mark == "none" else MARK_TEXT

    def planned(self, kind: str, parent: Path | None) -> tuple[Fallback, ...]:
        """Say before the work what a result of a format will lack.

        Args:
            kind: FFmpeg's name of the container, or Pillow's of the format.
            parent: The input; None for numbered pictures.
        """
        if self.settings.mark == "none" or kind in CARRIERS:
            return ()
        notes = []
        if kind in WITHOUT_METADATA:
            why = f"{kind} has no place for it"
            notes.append(Fallback(NO_MARK, "", why))
        if self.signer is not None and self.settings.certificate is not None:
            notes.append(Fallback(WANTED, PLAIN, f"{kind} has no place for them"))
        if self._credentials_of(parent) is not None:
            why = f"{kind} has no place for content credentials"
            notes.append(Fallback("the input's content credentials", "", why))
        return tuple(notes)

    def unsigned(self, kind: str) -> Provenance:
        """Return what a result of a format says about itself without a signature."""
        text = None if kind in WITHOUT_METADATA else self.text
        return Provenance("none" if text is None else "plain", text, self.settings.label)

    def seal(
        self, path: Path, kind: str, parent: Path | None
    ) -> tuple[Provenance, tuple[Fallback, ...]]:
        """Sign a finished file, in place.

        Args:
            path: The file, which has its plain metadata already and no final name yet.
            kind: As in ``planned``.
            parent: The input; None for numbered pictures.

        Returns:
            What the file says about itself now, and why it is not what was asked for.
        """
        plain = self.unsigned(kind)
        if self.signer is None or kind not in CARRIERS:
            return plain, ()
        signed = scratch_path(path.parent, "signed")
        try:
            signed.touch(mode=0o600, exist_ok=False)
            with locked_scratch(signed):
                manifest, state = sign(path, signed, kind, parent, self.signer)
                same = same_packets if kind in VIDEO_CARRIERS else same_pictures
                if not same(path, signed):
                    raise InputError("cannot_sign", "The signed copy shows something else.")
                signed.chmod(path.stat().st_mode & 0o777)
                os.replace(signed, path)  # noqa: PTH105 - says that it replaces
        except (InputError, OSError) as error:
            return plain, (Fallback(WANTED, PLAIN, reason_of(error)),)
        finally:
            signed.unlink(missing_ok=True)
        signer = self.signer
        made = replace(
            plain,
            mark="signed",
            manifest=manifest,
            signer=signer.name,
            own_certificate=signer.own,
            parent=state,
        )
        return made, ()

    def _credentials_of(self, parent: Path | None) -> object | None:
        if parent is None or find_spec("c2pa") is None:
            return None
        try:
            return read_credentials(parent)
        except (InputError, OSError):
            return None
