"""What a file says about itself, and whether that holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._version import __version__
from ..errors import InputError
from ..jsonfile import JsonDocument, plain_fields
from ..marks import default_credentials_dir, mark_in
from ..video.files import check_readable, open_input
from ..video.stills.metadata import xmp_of
from ..video.stills.pillow import decoding, open_picture
from .certificates import CHAIN
from .credentials import Reading, read_credentials

KIND = "videoswap inspection"
SCHEMA = 1
#: Digital source types of media that no camera saw, by their last word.
SYNTHETIC = (
    "compositeWithTrainedAlgorithmicMedia",
    "trainedAlgorithmicMedia",
    "algorithmicallyEnhanced",
    "compositeSynthetic",
    "algorithmicMedia",
)
END_BYTES = 4096
MOST_METADATA = 1 << 20  # letters that are looked through


@dataclass(frozen=True, slots=True)
class Inspection(JsonDocument):
    """What a file says about itself.

    Attributes:
        file: The file.
        mark: The comment that videoswap writes; None if there is none.
        source_type: IPTC's digital source type in its XMP, the last word; None if there is none.
        credentials: Its content credentials; None if there are none.
        synthetic: Whether any of these says that it is, at least in part.
        videoswap: Whether any of these says that videoswap made it.
    """

    file: str
    mark: str | None
    source_type: str | None
    credentials: Reading | None
    synthetic: bool
    videoswap: bool

    @property
    def holds(self) -> bool:
        """Whether nothing that it says is broken."""
        return self.credentials is None or self.credentials.valid

    def as_data(self) -> dict[str, Any]:
        """Return it as plain data."""
        own = plain_fields(self)
        by_videoswap = own.pop("videoswap")
        head = {"kind": KIND, "schema": SCHEMA, "videoswap": __version__}
        return {**head, **own, "made_by_videoswap": by_videoswap, "holds": self.holds}

    def lines(self) -> list[str]:
        """Return it in sentences."""
        yes = "yes" if self.synthetic else "it does not say so"
        lines = [f"{self.file}", f"  synthetic: {yes}"]
        lines.append(f"  comment: {self.mark or 'none of videoswap'}")
        if self.source_type is not None:
            lines.append(f"  digital source type: {self.source_type}")
        found = self.credentials
        if found is None:
            return [*lines, "  content credentials: none"]
        if not found.valid:
            why = ", ".join(found.problems) or "they cannot be read"
            lines.append(f"  content credentials: BROKEN ({why})")
            lines.append("  The file or its credentials were changed after they were signed.")
            return lines
        known = "this machine's own" if found.trusted else "nobody that this machine knows"
        lines.append(f"  content credentials: valid, signed by {found.signer} ({known})")
        lines.append(f"    made with {found.generator or 'an unnamed program'}")
        for action, kind in found.actions:
            lines.append(f"    {action}{f' ({_last_word(kind)})' if kind else ''}")
        made_of = ", ".join(one or "an unnamed file" for one in found.ingredients)
        return [*lines, *([f"    made of {made_of}"] if made_of else [])]


def inspect(path: Path) -> Inspection:
    """Read what a file says about itself, and verify it. Nothing is fetched.

    Raises:
        InputError: If it cannot be read, or is neither a picture nor a video; ``missing_package``.
    """
    check_readable(path)
    try:
        found = read_credentials(path, _own_chain())
    except OSError as error:
        raise InputError("unreadable_file", f"{path} cannot be read: {error.strerror}.") from None
    try:
        comments, xmp = _metadata(path)
    except InputError:
        if found is None:
            raise
        comments, xmp = [], b""  # so damaged that only the credentials are left, and broken
    # What neither library reads: comments of PPM, after a GIF's frames, who sends MPEG-TS.
    comments.append(_ends(path))
    mark = next(filter(None, map(mark_in, comments)), None)
    kind = next((word for word in SYNTHETIC if word.encode() in xmp), None)
    signed = [] if found is None else [_last_word(one) for _, one in found.actions]
    generator = "" if found is None else found.generator
    return Inspection(
        str(path),
        mark,
        kind,
        found,
        synthetic=mark is not None or kind is not None or any(one in SYNTHETIC for one in signed),
        videoswap=mark is not None or generator.startswith("videoswap"),
    )


def _metadata(path: Path) -> tuple[list[str], bytes]:
    """Return the comments of a picture or video, and its XMP.

    Raises:
        InputError: If it is neither.
    """
    try:
        with open_picture(path) as file, decoding(path):
            texts = [str(one) for one in file.getexif().values()]
            for one in file.info.values():
                if isinstance(one, str | bytes):
                    texts.append(one if isinstance(one, str) else one.decode("utf-8", "replace"))
            return [one[:MOST_METADATA] for one in texts], (xmp_of(file) or b"")[:MOST_METADATA]
    except InputError as error:
        if error.code != "not_a_picture":
            raise
    with open_input(path) as container:
        found = [*container.metadata.values()]
        for stream in container.streams:
            found += stream.metadata.values()
        return [one[:MOST_METADATA] for one in found], b""


def _ends(path: Path) -> str:
    """Return the first and last bytes of a file as text.

    Raises:
        InputError: ``unreadable_file``.
    """
    try:
        with path.open("rb") as file:
            head = file.read(END_BYTES)
            file.seek(max(0, path.stat().st_size - END_BYTES))
            return (head + b"\n" + file.read(END_BYTES)).decode("latin-1")
    except OSError as error:
        raise InputError("unreadable_file", f"{path} cannot be read: {error.strerror}.") from None


def _own_chain() -> bytes | None:
    folder = default_credentials_dir()
    try:
        return None if folder is None else (folder / CHAIN).read_bytes()
    except OSError:
        return None


def _last_word(kind: str) -> str:
    return kind.rpartition("/")[2]
