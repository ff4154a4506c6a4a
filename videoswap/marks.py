"""How a result says that it is synthetic: settings, words, and the record for the report.

Every file gets plain metadata, and where its format and this machine allow it, signed content
credentials (``provenance/``). `docs/provenance.md` describes both.
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from ._version import __version__
from .errors import UsageError
from .fieldtypes import conform

MARKS = ("signed", "plain", "none")
#: What the result is, in IPTC's words: https://cv.iptc.org/newscodes/digitalsourcetype/
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
_SENTENCE = "Synthetic: faces were swapped with videoswap"
MARK_TEXT = f"{_SENTENCE} {__version__}."
_MARK = re.compile(re.escape(_SENTENCE) + r" [0-9][0-9A-Za-z.+]{0,30}")
MOST_LABEL_LETTERS = 200


@dataclass(frozen=True, slots=True)
class MarkSettings:
    """How results say that they are synthetic.

    Attributes:
        mark: signed writes plain metadata and content credentials, plain the metadata alone (the
            same run then gives the same file, bit for bit), none nothing.
        label: Text that every frame shows; None for none.
        certificate: PEM file with the certificate that signs, its issuers after it; None takes one
            of this machine's own.
        private_key: PEM file with the key of that certificate.

    Raises:
        UsageError: ``wrong_type``, ``bad_mark``, ``bad_label`` or ``half_a_certificate``.
    """

    mark: str = "signed"
    label: str | None = None
    certificate: Path | None = None
    private_key: Path | None = None

    def __post_init__(self) -> None:
        """Check words, and that certificate and key come together."""
        conform(self)
        if self.mark not in MARKS:
            hint = f"Use one of {', '.join(MARKS)}."
            raise UsageError("bad_mark", f"Unknown mark {self.mark!r}.", hint)
        if self.label is not None:
            if not self.label.strip() or not self.label.isprintable():
                raise UsageError("bad_label", "--label needs a text of printable letters.")
            if len(self.label) > MOST_LABEL_LETTERS:
                message = f"--label takes at most {MOST_LABEL_LETTERS} letters."
                raise UsageError("bad_label", message, "Say it shorter.")
        if (self.certificate is None) != (self.private_key is None):
            raise UsageError(
                "half_a_certificate",
                "--certificate and --private_key belong together.",
                "Give both, or neither to sign with a certificate of this machine's own.",
            )


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a result says about itself.

    Attributes:
        mark: signed, plain or none, as it came out.
        text: The plain metadata; None for none.
        label: The text that every frame shows; None for none.
        manifest: Name of its C2PA manifest; None for none.
        signer: Whose certificate signed it; None for nobody's.
        own_certificate: Whether that is one of this machine's own, which nobody else trusts.
        parent: What the credentials say of the input: ``none`` for an input without any of its
            own, else ``valid`` or ``invalid``; None where nothing is signed.
    """

    mark: str = "none"
    text: str | None = None
    label: str | None = None
    manifest: str | None = None
    signer: str | None = None
    own_certificate: bool | None = None
    parent: str | None = None


def with_mark(text: str | None) -> str:
    """Return a comment of the source with the mark after it, once however often it is swapped."""
    kept = (text or "").partition(_SENTENCE)[0].rstrip(" \n;")
    return f"{kept}; {MARK_TEXT}" if kept else MARK_TEXT


def mark_in(text: str) -> str | None:
    """Return the mark that a text holds, or None."""
    found = _MARK.search(text)
    return None if found is None else found[0]


def default_credentials_dir() -> Path | None:
    """Return where this machine's own certificate and key lie.

    It is ``$VIDEOSWAP_CREDENTIALS_DIR``, else ``videoswap/credentials`` in the user's data folder
    (``$XDG_DATA_HOME``, ``~/.local/share``), else None: a user without a home keeps none.
    """
    named = os.environ.get("VIDEOSWAP_CREDENTIALS_DIR")
    if named:
        return Path(named)
    data = os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_DATA_HOME")
    try:
        return Path(data or Path.home() / ".local" / "share") / "videoswap" / "credentials"
    except RuntimeError:
        return None
