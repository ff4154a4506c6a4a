"""Who signs: made once, private, kept; what users give is checked before any work."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x25519

from videoswap.errors import InputError
from videoswap.provenance import certificates
from videoswap.provenance.certificates import CHAIN, KEY, given_signer, own_signer
from videoswap.provenance.credentials import check_signer


def pem_of(key):
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, *form)


def test_an_own_certificate_is_made_once_and_only_its_user_reads_the_key(tmp_path):
    folder = tmp_path / "user" / "credentials"
    made = own_signer(folder, keep=True)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / KEY).stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in folder.iterdir()) == [CHAIN, KEY]
    assert list(folder.parent.iterdir()) == [folder]
    assert own_signer(folder, keep=True) == made and made.own
    assert made.key.decode() not in repr(made)
    check_signer(made)


def test_rights_that_somebody_gave_are_taken_back(tmp_path):
    made = own_signer(tmp_path / "a", keep=True)
    (tmp_path / "a").chmod(0o755)
    (tmp_path / "a" / KEY).chmod(0o644)
    assert own_signer(tmp_path / "a", keep=True) == made
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "a" / KEY).stat().st_mode & 0o777 == 0o600


def test_nothing_is_written_where_nothing_is_to_be_kept(tmp_path):
    made = own_signer(tmp_path / "a", keep=False)
    assert list(tmp_path.iterdir()) == []
    check_signer(made)
    kept = own_signer(tmp_path / "a", keep=True)
    assert own_signer(tmp_path / "a", keep=False) == kept != made


def test_a_certificate_that_has_ended_is_made_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(certificates, "YEARS_VALID", 0)
    old = own_signer(tmp_path / "a", keep=True)
    monkeypatch.setattr(certificates, "YEARS_VALID", 10)
    assert own_signer(tmp_path / "a", keep=True) != old


def test_the_certificate_names_neither_user_nor_machine(tmp_path, monkeypatch):
    import getpass
    import platform

    made = own_signer(None, keep=False)
    chain = x509.load_pem_x509_certificates(made.chain)
    text = " ".join(one.subject.rfc4514_string() for one in chain)
    for name in (getpass.getuser(), platform.node()):
        assert name not in text


def users(folder, key, *, purpose=x509.oid.ExtendedKeyUsageOID.EMAIL_PROTECTION, days=9):
    """Write a certificate of a user's, issued by an authority, and its key."""
    authority, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    named = [x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, one)]) for one in "BA"]
    made = []
    for subject, public, is_ca in ((named[0], key, False), (named[1], authority, True)):
        usage = x509.KeyUsage(not is_ca, *[False] * 4, is_ca, is_ca, False, False)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(named[1])
            .public_key(public.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=10))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.BasicConstraints(is_ca, None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), False
            )
        )
        if not is_ca:
            builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        made.append(builder.sign(authority, hashes.SHA256()))
    chain = b"".join(one.public_bytes(serialization.Encoding.PEM) for one in made)
    (folder / "c.pem").write_bytes(chain)
    (folder / "k.pem").write_bytes(pem_of(key))
    return folder / "c.pem", folder / "k.pem"


KEYS = {
    "es256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "es384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "ps256": lambda: rsa.generate_private_key(65537, 2048),
}


@pytest.mark.parametrize("algorithm", KEYS)
def test_certificates_of_users_sign(algorithm, tmp_path):
    signer = given_signer(*users(tmp_path, KEYS[algorithm]()))
    assert (signer.algorithm, signer.name, signer.own) == (algorithm, "B", False)
    check_signer(signer)


def test_a_certificate_for_something_else_or_out_of_date_is_refused(tmp_path):
    key = KEYS["es256"]()
    purpose = x509.oid.ExtendedKeyUsageOID.SERVER_AUTH
    for options in ({"purpose": purpose}, {"days": -1}):
        with pytest.raises(InputError) as raised:
            check_signer(given_signer(*users(tmp_path, key, **options)))
        assert raised.value.code == "bad_certificate"


def broken(folder, what):
    certificate, key = users(folder, KEYS["es256"]())
    if what == "no certificate":
        certificate.write_text("hello")
    elif what == "no key":
        key.write_text("hello")
    elif what == "another key":
        key.write_bytes(pem_of(KEYS["es256"]()))
    elif what == "a key that cannot sign":
        key.write_bytes(pem_of(x25519.X25519PrivateKey.generate()))
    elif what == "a missing file":
        certificate.unlink()
    elif what == "a large file":
        certificate.write_bytes(b"-" * (certificates.LARGEST_PEM + 1))
    return certificate, key


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ("no certificate", "bad_certificate"),
        ("a missing file", "bad_certificate"),
        ("a large file", "bad_certificate"),
        ("no key", "bad_private_key"),
        ("another key", "bad_private_key"),
        ("a key that cannot sign", "bad_private_key"),
    ],
)
def test_what_cannot_sign_is_told_before_the_work(what, code, tmp_path):
    with pytest.raises(InputError) as raised:
        given_signer(*broken(tmp_path, what))
    assert raised.value.code == code
