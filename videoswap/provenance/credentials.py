"""Content credentials of a file (C2PA 2): signing it, and reading what it carries.

Nothing is fetched: neither manifests that lie elsewhere nor the state of certificates, and no
time is stamped. No thumbnails are made: that of the input would show the faces that are gone.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._version import __version__
from ..errors import InputError
from ..marks import SOURCE_TYPE
from ..packages import explain
from .certificates import Signer

#: Formats that can carry credentials, by the name of FFmpeg's muxer or Pillow's.
CARRIERS = {
    **{"mp4": "video/mp4", "mov": "video/quicktime", "avi": "video/avi", "gif": "image/gif"},
    **{"webp": "image/webp", "apng": "image/png", "PNG": "image/png", "JPEG": "image/jpeg"},
    **{"WEBP": "image/webp", "GIF": "image/gif", "TIFF": "image/tiff", "AVIF": "image/avif"},
}
SEARCHED_BYTES = 4 << 20
VIDEO_CARRIERS = ("mp4", "mov", "avi")
_SETTINGS: dict[str, Any] = {
    "verify": {
        "verify_after_sign": False,  # the result is read back by whoever asked for it
        "remote_manifest_fetch": False,
        "ocsp_fetch": False,
    },
    "builder": {"thumbnail": {"enabled": False}, "actions": {"auto_opened_action": {}}},
}
_SETTINGS["builder"]["actions"]["auto_opened_action"]["enabled"] = False
_PARENT = "parent"  # how the action of opening names the input
_OPENED = {"action": "c2pa.opened", "parameters": {"ingredientIds": [_PARENT]}}


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file's credentials say.

    Attributes:
        valid: Whether file and credentials are as they were signed.
        problems: C2PA's codes of what does not hold; ``signingCredential.untrusted``, which is
            none, not among them.
        manifest: Name of the active manifest.
        signer: Whom the certificate names.
        generator: The program that wrote it.
        actions: Its actions as C2PA names them, with their digital source types.
        ingredients: Titles of what it was made of.
        trusted: Whether one of the certificates whose word counts stands behind it.
    """

    valid: bool
    problems: tuple[str, ...]
    manifest: str
    signer: str
    generator: str
    actions: tuple[tuple[str, str], ...]
    ingredients: tuple[str, ...]
    trusted: bool


def check_signer(signer: Signer) -> None:
    """Sign a picture of one pixel, so that a certificate that cannot sign is known at once.

    Raises:
        InputError: ``bad_certificate`` or ``missing_package``.
    """
    import io

    import PIL.Image

    picture, signed = io.BytesIO(), io.BytesIO()
    PIL.Image.new("RGB", (1, 1)).save(picture, "PNG")
    with _errors("bad_certificate", f"The certificate of {signer.name} cannot sign."):
        created = {"action": "c2pa.created", "digitalSourceType": SOURCE_TYPE}
        builder = _builder(created, [])
        builder.sign(_c2pa_signer(signer), "image/png", picture, signed)
        reader = _library().Reader("image/png", signed, context=_context(signer.chain))
        state = str(reader.get_validation_state())
    if state not in ("Valid", "Trusted"):
        (first, *_) = _failures(json.loads(reader.json())) or [state]
        raise InputError(
            "bad_certificate",
            f"C2PA does not accept the certificate of {signer.name}: {first}.",
            "It must be for signing (digital signature, e-mail protection) and in date.",
        )


def sign(path: Path, out: Path, kind: str, parent: Path | None, signer: Signer) -> tuple[str, str]:
    """Write a copy of a file with credentials.

    Args:
        path: The file without.
        out: Where the copy goes; it exists, and is written over.
        kind: A key of ``CARRIERS``.
        parent: The file that it was made of, whose own credentials are kept; None for none.
        signer: Who signs.

    Returns:
        The name of the manifest, and what the credentials of the parent are: none, valid or
        invalid.

    Raises:
        InputError: ``cannot_sign`` or ``missing_package``.
        OSError: If a file cannot be read or written.
    """
    reading = None if parent is None else read_credentials(parent)
    state = "none" if reading is None else "valid" if reading.valid else "invalid"
    with _errors("cannot_sign", "The result cannot be signed."):
        ingredient = {
            "title": "original",  # its name may tell what is nobody's business
            "relationship": "parentOf",
            "label": _PARENT,
        }
        builder = _builder(_OPENED, [] if reading is not None else [ingredient])
        if reading is not None and parent is not None:
            with parent.open("rb") as file:
                builder.add_ingredient(json.dumps(ingredient), media_type(parent), file)
        with path.open("rb") as source, out.open("w+b") as target:
            builder.sign(_c2pa_signer(signer), CARRIERS[kind], source, target)
    made = read_credentials(out)
    if made is None or not made.valid:
        why = "nothing can be read" if made is None else ", ".join(made.problems)
        raise InputError("cannot_sign", f"The credentials do not hold: {why}.")
    return made.manifest, state


def read_credentials(path: Path, trusted: bytes | None = None) -> Reading | None:
    """Read and verify the credentials that a file carries; None if it carries none.

    Args:
        path: The file.
        trusted: PEM of certificates whose word counts; None for none.

    Raises:
        InputError: ``missing_package``.
        OSError: If it cannot be read.
    """
    library = _library()
    kind = media_type(path)
    if kind is None:
        return None
    try:
        with path.open("rb") as file:
            reader = library.Reader(kind, file, context=_context(trusted))
            found = json.loads(reader.json())
    except library.C2paError as error:
        if type(error).__name__.endswith("ManifestNotFound") or _is_remote(error):
            return None
        if not _has_store(path):
            return None  # a damaged file, and not damaged credentials
        problem = str(error).partition(":")[0] or "unreadable"
        return Reading(False, (problem,), "", "", "", (), (), False)
    return _reading(found)


def _has_store(path: Path) -> bool:
    """Whether the box that every store of credentials begins with is near either end of a file."""
    with path.open("rb") as file:
        head = file.read(SEARCHED_BYTES)
        file.seek(max(len(head), path.stat().st_size - SEARCHED_BYTES))
        return any(b"jumdc2pa" in part for part in (head, file.read(SEARCHED_BYTES)))


def media_type(path: Path) -> str | None:
    """Return the media type that a file's first bytes say, if it can carry credentials."""
    with path.open("rb") as file:
        head = file.read(16)
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"uuid"):
        brand = head[8:12] if head[4:8] == b"ftyp" else b"qt  "
        known = {b"qt  ": "video/quicktime", b"avif": "image/avif", b"avis": "image/avif"}
        known |= dict.fromkeys((b"heic", b"heix", b"mif1", b"msf1"), "image/heic")
        return known.get(brand, "video/mp4")
    starts = {
        b"\x89PNG\r\n\x1a\n": "image/png",
        b"\xff\xd8\xff": "image/jpeg",
        b"GIF8": "image/gif",
        b"II*\0": "image/tiff",
        b"MM\0*": "image/tiff",
    }
    found = next((kind for start, kind in starts.items() if head.startswith(start)), None)
    riff = {b"WEBP": "image/webp", b"AVI ": "video/avi"}
    return riff.get(head[8:12]) if head[:4] == b"RIFF" else found


def _reading(found: dict[str, Any]) -> Reading:
    name = str(found.get("active_manifest", ""))
    manifest = found.get("manifests", {}).get(name, {})
    problems = _failures(found)
    acts = [
        (str(act.get("action", "")), str(act.get("digitalSourceType", "")))
        for one in manifest.get("assertions", ())
        if str(one.get("label", "")).startswith("c2pa.actions")
        for act in one.get("data", {}).get("actions", ())
    ]
    generator = (manifest.get("claim_generator_info") or [{}])[0]
    return Reading(
        valid=found.get("validation_state") in ("Valid", "Trusted"),
        problems=tuple(problems),
        manifest=name,
        signer=str((manifest.get("signature_info") or {}).get("issuer", "")),
        generator=f"{generator.get('name', '')} {generator.get('version', '')}".strip(),
        actions=tuple(acts),
        ingredients=tuple(str(one.get("title", "")) for one in manifest.get("ingredients", ())),
        trusted=found.get("validation_state") == "Trusted",
    )


def _failures(found: dict[str, Any]) -> list[str]:
    results = (found.get("validation_results") or {}).get("activeManifest") or {}
    codes = [str(one.get("code")) for one in results.get("failure", ())]
    return [code for code in codes if code != "signingCredential.untrusted"]


def _is_remote(error: Exception) -> bool:
    return "RemoteManifest" in type(error).__name__ or "Remote" in str(error)[:40]


def _library() -> Any:
    try:
        import c2pa
    except (ImportError, OSError) as error:  # OSError: its library does not load
        if isinstance(error, OSError):
            error = ImportError(str(error), name="c2pa")
        raise explain(error) from None
    return c2pa


def _context(trusted: bytes | None) -> Any:
    settings = dict(_SETTINGS)
    if trusted is not None:
        settings["trust"] = {"user_anchors": trusted.decode("ascii", "replace")}
    library = _library()
    return library.Context(library.Settings.from_dict(settings))


def _builder(first: dict[str, Any], ingredients: list[dict[str, str]]) -> Any:
    program = {"name": "videoswap", "version": __version__}
    edited = {
        "action": "c2pa.edited",
        "digitalSourceType": SOURCE_TYPE,
        "description": "Faces were swapped.",
        "softwareAgent": program,
    }
    manifest = {
        "claim_generator_info": [program],
        "ingredients": ingredients,
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [first, edited]}}],
    }
    return _library().Builder.from_json(json.dumps(manifest), _context(None))


def _c2pa_signer(signer: Signer) -> Any:
    library = _library()
    info = library.C2paSignerInfo(signer.algorithm.encode(), signer.chain, signer.key, None)
    return library.Signer.from_info(info)


@contextmanager
def _errors(code: str, message: str) -> Iterator[None]:
    """Turn what the library raises into an InputError.

    Raises:
        InputError: With this code.
    """
    library = _library()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except library.C2paError as error:
        raise InputError(code, message, f"C2PA says: {str(error).rstrip('.')}.") from None
