"""CRLs that a user names: found in their files, asked by issuer, refused with one clear line."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from fleetscan import limits
from fleetscan.errors import UsageError
from fleetscan.pki.crl_files import answers_from, load_crls
from fleetscan.pki.crl_octets import BEGIN, PIECE
from fleetscan.pki.revocation import Reason, RevocationAnswer, RevocationStatus
from tests.certificates import NOW, Issued, leaf, root
from tests.crls import pem_of, signed_crl
from tests.octets import certificate_extension, crl_entry

CA: Final = root("Test Root")
OTHER: Final = root("Other Root")
LEAF: Final = leaf(CA)
LISTED: Final = signed_crl(CA, entries=(crl_entry(LEAF.parsed.serial_number),))
EMPTY: Final = signed_crl(OTHER)


def write(folder: Path, octets: bytes, name: str = "list.crl") -> str:
    """A file with these octets."""
    path = folder / name
    path.write_bytes(octets)
    return str(path)


def ask(*paths: str, certificate: Issued = LEAF, issuer: Issued = CA) -> list[RevocationAnswer]:
    """Every CRL in these files about one certificate."""
    files = load_crls(paths)
    return list(answers_from(files, certificate.parsed, issuer=issuer.parsed, now=NOW))


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(LISTED, id="DER"),
        pytest.param(pem_of(LISTED), id="PEM"),
        pytest.param(pem_of(EMPTY) + pem_of(LISTED), id="the second of two"),
        pytest.param(LEAF.pem + pem_of(LISTED) + LEAF.pem, id="among certificates"),
        *(
            pytest.param(pem_of(EMPTY) + b"x" * (PIECE - near) + pem_of(LISTED), id=f"over {near}")
            for near in (len(pem_of(EMPTY)) + 1, len(pem_of(EMPTY)) + 23, 12)
        ),
    ],
)
def test_a_crl_is_found_wherever_it_is_in_its_file(tmp_path: Path, octets: bytes) -> None:
    """DER alone, or PEM among other things."""
    assert [one.status for one in ask(write(tmp_path, octets))] == [RevocationStatus.REVOKED]


def test_der_that_holds_the_words_of_pem_is_der(tmp_path: Path) -> None:
    """A name or an extension may hold any octets."""
    odd = certificate_extension("1.2.3", BEGIN + b"\n")

    assert len(load_crls([write(tmp_path, signed_crl(CA, extensions=(odd,)))])) == 1


def test_only_the_issuers_own_lists_are_asked(tmp_path: Path) -> None:
    """Each file's answer, in their order; another issuer's list has the number for nothing."""
    clear = signed_crl(CA)
    theirs = signed_crl(OTHER, entries=(crl_entry(LEAF.parsed.serial_number),))
    paths = [
        write(tmp_path, octets, f"{number}.crl")
        for number, octets in enumerate((theirs, LISTED, pem_of(clear)))
    ]

    assert [one.status for one in ask(*paths)] == [RevocationStatus.REVOKED, RevocationStatus.GOOD]


def test_that_no_list_is_the_issuers_is_said(tmp_path: Path) -> None:
    """Who gave lists and forgot one shall not take the certificate for checked."""
    (answer,) = ask(write(tmp_path, EMPTY))

    assert answer.status is RevocationStatus.UNKNOWN
    assert answer.reason == Reason.OTHER_CERTIFICATE
    assert answer.detail == "no CRL of CN=Test Root was given"


def test_what_is_broken_behind_the_issuer_shows_when_it_is_asked(tmp_path: Path) -> None:
    """Loading reads the beginning only: a list may have 50 MB."""
    (answer,) = ask(write(tmp_path, LISTED[:-1]))

    assert answer.reason == Reason.MALFORMED


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (b"", "holds no CRL: give PEM (-----BEGIN X509 CRL-----) or DER"),
        (b"hello\n", "holds no CRL"),
        (LEAF.der, "holds no CRL"),
        (LEAF.pem, "holds no CRL"),
        (LISTED[:20], "holds no CRL"),
        (b"-----BEGIN X509 CRL-----\nhello\n", "holds no CRL"),
        (pem_of(LISTED) + pem_of(LEAF.der), "CRL 2 of CRL file"),
    ],
)
def test_what_is_no_crl_is_said_in_one_line(tmp_path: Path, octets: bytes, words: str) -> None:
    """A certificate given for a list is a mistake of the user's, found before anything is asked."""
    path = write(tmp_path, octets)
    with pytest.raises(UsageError) as caught:
        load_crls([path])

    assert words in str(caught.value)
    assert f"CRL file {path}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_cannot_be_read_is_said_in_one_line(tmp_path: Path) -> None:
    """Missing, a directory, no file name; and a file that goes away before it is asked."""
    missing = str(tmp_path / "missing.crl")
    with pytest.raises(UsageError, match=r"missing\.crl cannot be read: No such file"):
        load_crls([missing])
    with pytest.raises(UsageError, match="cannot be read: Is a directory"):
        load_crls([str(tmp_path)])
    with pytest.raises(UsageError, match="not a file name"):
        load_crls(["\0"])
    gone = write(tmp_path, LISTED)
    files = load_crls([gone])
    Path(gone).unlink()
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        answers_from(files, LEAF.parsed, issuer=CA.parsed, now=NOW)


def test_the_number_of_lists_in_a_file_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many as the bound, and no more."""
    monkeypatch.setattr(limits, "MAX_CRLS", 2)

    assert len(load_crls([write(tmp_path, pem_of(EMPTY) * 2)])) == 2
    with pytest.raises(UsageError, match="more than 2 CRLs"):
        load_crls([write(tmp_path, pem_of(EMPTY) * 3)])
