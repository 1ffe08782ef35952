"""CRLs that `openssl ca -gencrl` makes, and what OpenSSL and `cryptography` make of lists."""

from __future__ import annotations

import datetime
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest
from cryptography import x509

from fleetscan.pki._crl import CrlReader
from fleetscan.pki.crl import check_crl
from fleetscan.pki.revocation import Reason, RevocationAnswer, RevocationStatus
from tests.certificates import NOW, Issued, key_usage, leaf, root
from tests.crls import NEXT_UPDATE, THIS_UPDATE, pem_of, signed_crl
from tests.octets import certificate_extension, crl_entry, integer, reason_code

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl program")

CONFIGURATION: Final = """
[ca]
default_ca = here
[here]
database = {folder}/index.txt
crlnumber = {folder}/crlnumber
certificate = {folder}/ca.pem
private_key = {folder}/ca.key
default_md = sha256
unique_subject = no
{extensions}
[extensions]
authorityKeyIdentifier = keyid
"""

CA: Final = root("Real Root")
LEAF: Final = leaf(CA)
HELD: Final = leaf(CA, "held.example")
CLEAR: Final = leaf(CA, "clear.example")


def text_of(seconds: int) -> str:
    """YYYYMMDDHHMMSSZ, as `openssl ca` takes it."""
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y%m%d%H%M%SZ")


def row(certificate: Issued, reason: str) -> str:
    """One line of index.txt for a certificate that was revoked a day before NOW."""
    when = text_of(NOW - 86_400)[2:]
    until = text_of(certificate.parsed.not_after)[2:]
    serial = certificate.parsed.serial_octets.hex().upper()
    return f"R\t{until}\t{when},{reason}\t{serial}\tunknown\t/CN=x\n"


def generated(
    folder: Path, *, version: int = 2, next_update: int = NEXT_UPDATE, form: str = "PEM"
) -> bytes:
    """A CRL by `openssl ca -gencrl` that revokes LEAF and holds HELD."""
    extensions = "crl_extensions = extensions" if version == 2 else ""
    (folder / "ca.pem").write_bytes(CA.pem)
    (folder / "ca.key").write_bytes(CA.key_pem)
    rows = row(LEAF, "keyCompromise"), row(HELD, "holdInstruction,holdInstructionReject")
    if version == 1:
        # A reason is an extension, and makes the list a version 2.
        rows = row(LEAF, "").replace(",", ""), row(HELD, "").replace(",", "")
    (folder / "index.txt").write_text("".join(rows))
    if version == 2:
        (folder / "crlnumber").write_text("01\n")
    configuration = CONFIGURATION.format(folder=folder, extensions=extensions)
    if version == 1:
        configuration = configuration.replace(f"crlnumber = {folder}/crlnumber\n", "")
    (folder / "ca.cnf").write_text(configuration)
    run(
        folder,
        *("ca", "-gencrl", "-config", "ca.cnf", "-out", "list.pem"),
        *("-crl_lastupdate", text_of(THIS_UPDATE), "-crl_nextupdate", text_of(next_update)),
    )
    run(folder, "crl", "-in", "list.pem", "-outform", form, "-out", "list")
    return (folder / "list").read_bytes()


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The openssl program, which must succeed."""
    return subprocess.run(
        ["openssl", *arguments], cwd=folder, capture_output=True, text=True, check=True, timeout=60
    )


def ask(crl: bytes, *certificates: Issued, now: int = NOW) -> list[RevocationAnswer]:
    """The CRL about certificates of CA."""
    parsed = [one.parsed for one in certificates]
    return list(check_crl(crl, certificates=parsed, issuer=CA.parsed, now=now))


@pytest.mark.parametrize("form", ["PEM", "DER"])
def test_lists_of_openssl_are_read(tmp_path: Path, form: str) -> None:
    """Revoked with its reason and date, on hold, and good."""
    crl = generated(tmp_path, form=form)
    revoked, held, clear = ask(crl, LEAF, HELD, CLEAR)

    assert (revoked.status, revoked.revocation_reason) == (
        RevocationStatus.REVOKED,
        "keyCompromise",
    )
    assert revoked.revoked_at == NOW - 86_400
    assert (held.status, held.revocation_reason) == (RevocationStatus.REVOKED, "certificateHold")
    assert (clear.status, clear.next_update) == (RevocationStatus.GOOD, NEXT_UPDATE)


def test_lists_of_version_1_are_read(tmp_path: Path) -> None:
    """Without `crlnumber` and extensions `openssl ca` makes version 1."""
    crl = generated(tmp_path, version=1)

    assert "Version 1" in run(tmp_path, "crl", "-in", "list.pem", "-noout", "-text").stdout
    assert [one.status for one in ask(crl, LEAF, CLEAR)] == [
        RevocationStatus.REVOKED,
        RevocationStatus.GOOD,
    ]


def test_an_expired_list_is_unknown(tmp_path: Path) -> None:
    """Never good, and why is told."""
    answers = ask(generated(tmp_path, next_update=NOW - 1), LEAF, CLEAR)

    assert {(one.status, one.reason) for one in answers} == {
        (RevocationStatus.UNKNOWN, Reason.STALE)
    }


def test_what_openssl_prints_in_front_is_passed_over(tmp_path: Path) -> None:
    """`openssl crl -text` puts the whole list there, in words."""
    generated(tmp_path)
    shown = run(tmp_path, "crl", "-in", "list.pem", "-text").stdout.encode()

    assert shown.index(b"-----BEGIN") > 0
    assert ask(shown, LEAF)[0].status is RevocationStatus.REVOKED


UNKNOWN_CRITICAL: Final = certificate_extension("1.2.3.4", b"", critical=True)

SCENARIOS: Final = {
    "good": signed_crl(CA),
    "revoked": signed_crl(CA, entries=(crl_entry(LEAF.parsed.serial_number),)),
    "hold": signed_crl(CA, entries=(crl_entry(LEAF.parsed.serial_number, reason_code(6)),)),
    "removed": signed_crl(CA, entries=(crl_entry(LEAF.parsed.serial_number, reason_code(8)),)),
    "other number": signed_crl(CA, entries=(crl_entry(1),)),
    "stale": signed_crl(CA, next_update=signed_crl(CA)[:0] + b"\x17\x0d270114000000Z"),
    "not yet valid": signed_crl(CA, this_update=b"\x17\x0d270116000000Z"),
    "another issuer": signed_crl(root("Another")),
    "another key": signed_crl(root("Real Root", label="another")),
    "critical extension": signed_crl(CA, extensions=(UNKNOWN_CRITICAL,)),
    "critical CRLNumber": signed_crl(
        CA, extensions=(certificate_extension("2.5.29.20", integer(1), critical=True),)
    ),
    "critical entry extension": signed_crl(CA, entries=(crl_entry(1, UNKNOWN_CRITICAL),)),
    "version 1": signed_crl(CA, version=b""),
    "no CRLNumber": signed_crl(CA, extensions=()),
}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_openssl_agrees(tmp_path: Path, scenario: str) -> None:
    """`openssl verify -crl_check` takes the certificate exactly where we say good."""
    crl = SCENARIOS[scenario]
    (tmp_path / "ca.pem").write_bytes(CA.pem)
    (tmp_path / "leaf.pem").write_bytes(LEAF.pem)
    (tmp_path / "list.pem").write_bytes(pem_of(crl))
    verified = subprocess.run(
        [
            *("openssl", "verify", "-no-CApath", "-CAfile", "ca.pem", "-crl_check"),
            *("-CRLfile", "list.pem", "-attime", str(NOW), "leaf.pem"),
        ],
        cwd=tmp_path,
        capture_output=True,
        timeout=60,
    )
    answer = ask(crl, LEAF)[0]

    assert (verified.returncode == 0) is (answer.status is RevocationStatus.GOOD)


def test_openssl_asks_for_crl_sign_too(tmp_path: Path) -> None:
    """keyUsage without cRLSign, at both."""
    ca = root("No cRLSign", usages=key_usage("key_cert_sign"))
    child = leaf(ca)
    crl = signed_crl(ca)
    (tmp_path / "ca.pem").write_bytes(ca.pem)
    (tmp_path / "leaf.pem").write_bytes(child.pem)
    (tmp_path / "list.pem").write_bytes(pem_of(crl))
    verified = subprocess.run(
        [
            *("openssl", "verify", "-no-CApath", "-CAfile", "ca.pem", "-crl_check"),
            *("-CRLfile", "list.pem", "-attime", str(NOW), "leaf.pem"),
        ],
        cwd=tmp_path,
        capture_output=True,
        timeout=60,
    )
    answer = check_crl(crl, certificates=[child.parsed], issuer=ca.parsed, now=NOW)[0]

    assert verified.returncode != 0
    assert answer.reason == Reason.WRONG_RESPONDER


def test_the_library_reads_the_same(tmp_path: Path) -> None:
    """Every field of a list by `openssl ca` against `cryptography`'s reading of it."""
    der = generated(tmp_path, form="DER")
    expected = x509.load_der_x509_crl(der)
    reader = CrlReader([LEAF.parsed.serial_octets, HELD.parsed.serial_octets])
    reader.feed(der)
    reader.finish()

    assert der[reader.tbs_start : reader.tbs_end] == expected.tbs_certlist_bytes
    assert reader.issuer == expected.issuer.public_bytes()
    assert reader.signature_algorithm == expected.signature_algorithm_oid.dotted_string
    assert reader.signature_value == expected.signature
    assert reader.this_update == expected.last_update_utc.timestamp()
    assert reader.entry_count == len(expected)
    assert {int.from_bytes(one.user_certificate, "big") for one in reader.entries} == {
        one.serial_number for one in expected
    }
    assert [(oid, critical) for oid, critical, _ in reader.extensions] == [
        (one.oid.dotted_string, one.critical) for one in expected.extensions
    ]
