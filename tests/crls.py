"""CRLs for tests: written out octet by octet and signed, or made by `cryptography`."""

from __future__ import annotations

import base64
import datetime
from collections.abc import Sequence
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding

from tests.certificates import DAY, NOW, Issued
from tests.octets import ECDSA_SHA256, bit_string, crl, crl_tbs, generalized_time

THIS_UPDATE: Final = NOW - 5 * DAY
NEXT_UPDATE: Final = NOW + 5 * DAY

REVOKED_AT: Final = 1_795_478_400
"""What `tests.octets.crl_entry` says by default: 2026-11-24."""


def time_of(seconds: int) -> bytes:
    """A GeneralizedTime."""
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return generalized_time(moment.strftime("%Y%m%d%H%M%SZ"))


def signed_crl(ca: Issued, *, outer: bytes = ECDSA_SHA256, **changes: Any) -> bytes:  # noqa: ANN401
    """A CRL signed with ECDSA and SHA-256; `changes` as `tests.octets.crl_tbs` has them."""
    fields: dict[str, Any] = {
        "issuer": ca.name.public_bytes(),
        "this_update": time_of(THIS_UPDATE),
        "next_update": time_of(NEXT_UPDATE),
        "entries": None,
        "extensions": None,
    }
    tbs = crl_tbs(**(fields | changes))
    assert isinstance(ca.key, ec.EllipticCurvePrivateKey)
    signature = ca.key.sign(tbs, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
    return crl(tbs, signature_algorithm=outer, signature_value=bit_string(signature))


def built_crl(
    ca: Issued,
    serials: Sequence[int] = (),
    *,
    digest: Any = None,  # noqa: ANN401
    pss_salt: int | None = None,
    key: Any = None,  # noqa: ANN401
) -> x509.CertificateRevocationList:
    """A CRL by the library's own builder, for each kind of key it signs with."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(ca.name)
        .last_update(datetime.datetime.fromtimestamp(THIS_UPDATE, datetime.UTC))
        .next_update(datetime.datetime.fromtimestamp(NEXT_UPDATE, datetime.UTC))
        .add_extension(x509.CRLNumber(7), False)
    )
    for serial in serials:
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder()
            .serial_number(serial)
            .revocation_date(datetime.datetime.fromtimestamp(REVOKED_AT, datetime.UTC))
            .add_extension(x509.CRLReason(x509.ReasonFlags.superseded), False)
            .build()
        )
    if pss_salt is not None:
        pss = padding.PSS(padding.MGF1(digest), pss_salt)
        return builder.sign(key or ca.key, digest, rsa_padding=pss)
    return builder.sign(key or ca.key, digest)


def pem_of(der: bytes, *, newline: bytes = b"\n", before: bytes = b"", width: int = 64) -> bytes:
    """A CRL as RFC 7468 section 6 writes it."""
    body = base64.b64encode(der)
    lines = [body[at : at + width] for at in range(0, len(body), width)]
    begin, end = b"-----BEGIN X509 CRL-----", b"-----END X509 CRL-----"
    return before + newline.join((begin, *lines, end, b""))
