"""Who signs: a certificate of this machine's own, made on first use, or the user's.

The key of the authority that issues the own certificate is forgotten at once: nothing else can be
signed in its name. Names of users and machines stand in neither.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from ..errors import InputError, reason_of
from ..packages import explain

if TYPE_CHECKING:
    from cryptography.x509 import Certificate, Name

ORGANIZATION = "videoswap, on the machine of whoever ran it"
YEARS_VALID = 10
CHAIN, KEY = "certificate.pem", "private_key.pem"
LARGEST_PEM = 1 << 20  # bytes


@dataclass(frozen=True, slots=True)
class Signer:
    """What signs.

    Attributes:
        chain: PEM: the certificate, then those of its issuers.
        key: PEM of its private key, not encrypted.
        algorithm: C2PA's word for how it signs: ed25519, es256, ps256, ...
        name: Whom the certificate names.
        own: Whether it is one of this machine's own.
    """

    chain: bytes
    key: bytes
    algorithm: str
    name: str
    own: bool

    def __repr__(self) -> str:
        """Return it without the key: nothing prints that."""
        return f"Signer({self.name!r}, {self.algorithm!r})"


def own_signer(folder: Path | None, keep: bool) -> Signer:
    """Return this machine's own signer; it is made if there is none.

    Args:
        folder: Where it lies or will lie; None for nowhere.
        keep: Whether a new one may be written there. Else it signs this run and is forgotten.

    Raises:
        InputError: ``bad_certificate`` if what lies there cannot be used; ``missing_package``.
        OSError: If it cannot be written.
    """
    if folder is not None:
        with contextlib.suppress(FileNotFoundError):
            _make_private(folder)
            found = given_signer(folder / CHAIN, folder / KEY, own=True)
            if not _has_ended(found.chain):
                return found
            shutil.rmtree(folder)
    chain, key = _new_pair()
    if folder is not None and keep:
        _store(folder, chain, key)
        return given_signer(folder / CHAIN, folder / KEY, own=True)
    return Signer(chain, key, "ed25519", _name_of(chain), True)


def given_signer(certificate: Path, private_key: Path, own: bool = False) -> Signer:
    """Read a certificate and its key.

    Args:
        certificate: PEM file with the certificate and its issuers.
        private_key: PEM file with the key.
        own: Whether they are this machine's own.

    Raises:
        InputError: ``bad_certificate``, ``bad_private_key`` or ``missing_package``.
        FileNotFoundError: If one of this machine's own is not there.
    """
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import serialization
    except ImportError as error:
        raise explain(error) from None
    chain = _read(certificate, "bad_certificate", own)
    key = _read(private_key, "bad_private_key", own)
    try:
        first = x509.load_pem_x509_certificates(chain)[0]
    except Exception as error:  # ValueError, and what its Rust code panics with
        message = f"{certificate} holds no certificate in PEM form."
        raise InputError("bad_certificate", message, f"It says: {error}.") from None
    try:
        secret = serialization.load_pem_private_key(key, None)
        algorithm = _algorithm(secret)
    except Exception as error:
        raise InputError(
            "bad_private_key",
            f"{private_key} holds no private key that can sign, in PEM form without a password.",
            f"It says: {str(error).rstrip('.')}.",
        ) from None
    if secret.public_key() != first.public_key():
        message = f"{private_key} is not the key of the certificate {certificate}."
        raise InputError("bad_private_key", message, "Give the two that belong together.")
    return Signer(chain, key, algorithm, _name_of(chain), own)


def _read(path: Path, code: str, own: bool) -> bytes:
    try:
        if path.stat().st_size > LARGEST_PEM:
            raise InputError(code, f"{path} is larger than any file in PEM form.")
        return path.read_bytes()
    except OSError as error:
        if own and isinstance(error, FileNotFoundError):
            raise
        raise InputError(code, f"{path} cannot be read: {reason_of(error)}.") from None


def _algorithm(key: Any) -> str:
    """Return C2PA's word for what a key signs with.

    Raises:
        ValueError: If C2PA has none.
    """
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "ed25519"
    if isinstance(key, ec.EllipticCurvePrivateKey):
        found = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
        if key.curve.name in found:
            return found[key.curve.name]
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= 2048:
        return "ps256"
    raise ValueError("C2PA signs with Ed25519, P-256, P-384, P-521, or RSA of 2048 bits or more")


def _name_of(chain: bytes) -> str:
    from cryptography import x509

    subject = x509.load_pem_x509_certificates(chain)[0].subject
    named = subject.get_attributes_for_oid(x509.NameOID.ORGANIZATION_NAME) or list(subject)
    return str(named[0].value) if named else "nobody"


def _has_ended(chain: bytes) -> bool:
    from cryptography import x509

    return x509.load_pem_x509_certificates(chain)[0].not_valid_after_utc < datetime.now(UTC)


def _make_private(folder: Path) -> None:
    """Take the rights of others to a folder with a key, should somebody have given them any."""
    for path, mode in ((folder, 0o700), (folder / KEY, 0o600)):
        if path.stat().st_mode & 0o077:
            path.chmod(mode)


def _store(folder: Path, chain: bytes, key: bytes) -> None:
    """Write a pair at once; one that another process stored meanwhile stays."""
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = folder.with_name(f".{folder.name}-{uuid4().hex[:12]}")
    new.mkdir(mode=0o700)
    try:
        for name, data, mode in ((CHAIN, chain, 0o644), (KEY, key, 0o600)):
            handle = os.open(new / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            with os.fdopen(handle, "wb") as file:
                file.write(data)
        try:
            new.rename(folder)
        except OSError:
            if not (folder / KEY).is_file():
                raise
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _new_pair() -> tuple[bytes, bytes]:
    """Make a certificate with the one of its authority, and its key, both as PEM."""
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError as error:
        raise explain(error) from None
    authority, key = ed25519.Ed25519PrivateKey.generate(), ed25519.Ed25519PrivateKey.generate()

    def named(role: str) -> Name:
        parts = {x509.NameOID.ORGANIZATION_NAME: ORGANIZATION, x509.NameOID.COMMON_NAME: role}
        return x509.Name([x509.NameAttribute(*one) for one in parts.items()])

    root = _certificate(named("authority"), named("authority"), authority, authority, True)
    leaf = _certificate(named("signer"), named("authority"), key, authority, False)
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    return leaf.public_bytes(pem) + root.public_bytes(pem), key.private_bytes(pem, *form)


def _certificate(
    subject: Name, issuer: Name, key: Any, issuing_key: Any, authority: bool
) -> Certificate:
    """Issue a certificate with the profile that C2PA asks for."""
    from cryptography import x509

    now = datetime.now(UTC)
    usage = x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )
    public, issuing = key.public_key(), issuing_key.public_key()
    limits = x509.BasicConstraints(ca=authority, path_length=0 if authority else None)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))  # clocks of readers may be slow
        .not_valid_after(now + timedelta(days=365 * YEARS_VALID))
        .add_extension(limits, critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuing), critical=False)
    )
    if not authority:
        purpose = x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.EMAIL_PROTECTION])
        builder = builder.add_extension(purpose, critical=False)
    return builder.sign(issuing_key, None)
