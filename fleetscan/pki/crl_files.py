"""CRLs in files: those that a user names, and one that was fetched. Reads files, nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING

from fleetscan import limits
from fleetscan.errors import ParseError, UsageError
from fleetscan.pki.crl import check_crl, crl_issuer, same_name
from fleetscan.pki.crl_octets import NotPem, begin_lines
from fleetscan.pki.names import distinguished_name
from fleetscan.pki.revocation import Reason, RevocationAnswer, RevocationStatus
from fleetscan.text import printable

if TYPE_CHECKING:
    from fleetscan._parse import Certificate


@dataclass(frozen=True, slots=True, kw_only=True)
class CrlFile:
    """Where one CRL is; it is read when it is asked.

    Args:
        path: the file.
        offset: octets in front of it; more than 0 in a file with several in PEM.
        issuer: its issuer's Name, DER.
    """

    path: str
    offset: int
    issuer: bytes


def load_crls(paths: Sequence[str]) -> tuple[CrlFile, ...]:
    """Find the CRLs in files, PEM with one or many or DER with one.

    Only the beginning of each is read: that the rest is in order shows when it is asked.

    Raises:
        UsageError: a file is missing, unreadable, or is no CRL.
    """
    return tuple(found for path in paths for found in _crls_in(path))


def answers_from(
    files: Sequence[CrlFile], certificate: Certificate, *, issuer: Certificate, now: float
) -> tuple[RevocationAnswer, ...]:
    """Ask every CRL of a certificate's issuer about it.

    Args:
        files: of any issuers.
        certificate: whose revocation is asked.
        issuer: of the certificate.
        now: Unix seconds.

    Returns:
        An answer of each CRL in the issuer's name. Where there is none, one that says so: who
        gave CRLs wants to know.

    Raises:
        UsageError: a file cannot be read any more.
    """
    own = [file for file in files if same_name(file.issuer, issuer.subject.der)]
    if not own:
        return (
            RevocationAnswer(
                status=RevocationStatus.UNKNOWN,
                source="crl",
                reason=Reason.OTHER_CERTIFICATE,
                detail=f"no CRL of {distinguished_name(issuer.subject)} was given",
            ),
        )
    return tuple(_ask(file, certificate, issuer, now) for file in own)


def _ask(
    file: CrlFile, certificate: Certificate, issuer: Certificate, now: float
) -> RevocationAnswer:
    try:
        with Path(file.path).open("rb") as opened:
            opened.seek(file.offset)
            return check_crl(opened, certificates=[certificate], issuer=issuer, now=now)[0]
    except OSError as error:
        raise _unreadable(file.path, error) from error


def _crls_in(path: str) -> list[CrlFile]:
    try:
        with Path(path).open("rb") as opened:
            return _crls(path, opened)
    except OSError as error:
        raise _unreadable(path, error) from error
    except ValueError as error:
        # A path with a NUL in it.
        raise UsageError(f"{_place(path)} cannot be read: not a file name") from error


def _crls(path: str, opened: BufferedReader) -> list[CrlFile]:
    found: list[CrlFile] = []
    try:
        for offset in begin_lines(opened):
            if len(found) == limits.MAX_CRLS:
                raise UsageError(f"{_place(path)} holds more than {limits.MAX_CRLS} CRLs")
            opened.seek(offset)
            found.append(CrlFile(path=path, offset=offset, issuer=crl_issuer(opened)))
        if not found:
            opened.seek(0)
            found.append(CrlFile(path=path, offset=0, issuer=crl_issuer(opened)))
    except (ParseError, NotPem) as error:
        if found:
            broken = f"CRL {len(found) + 1} of {_place(path)} cannot be read: {error}"
            raise UsageError(broken) from error
        raise UsageError(
            f"{_place(path)} holds no CRL: give PEM (-----BEGIN X509 CRL-----) or DER"
        ) from error
    return found


def _place(path: str) -> str:
    return f"CRL file {printable(path)}"


def _unreadable(path: str, error: OSError) -> UsageError:
    reason = error.strerror or type(error).__name__
    return UsageError(f"{_place(path)} cannot be read: {reason}")
