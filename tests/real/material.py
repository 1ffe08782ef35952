"""Keys and certificates of every kind a server may have, as the files that servers read."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final, cast

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, mldsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import ocsp

from tests import certificates
from tests.certificates import DAY, Issued, split, tlv
from tests.real.servers import Material

NAME: Final = "real.test"
# These servers read the machine's own clock (wolfSSL will not serve what ran out by it),
# so here the certificates, and the scan, are made for the present.
NOW: Final = datetime.datetime.now(tz=datetime.UTC)

KINDS_OF_KEY: Final = (
    "RSA-2048", "RSA-PSS-2048", "P-256", "P-384", "P-521", "Ed25519", "Ed448", "DSA-2048",
    "ML-DSA-44", "ML-DSA-65", "ML-DSA-87",
)  # fmt: skip

_GENERATE: Final[Mapping[str, Callable[[], object]]] = {
    "Ed448": ed448.Ed448PrivateKey.generate,
    "ML-DSA-44": mldsa.MLDSA44PrivateKey.generate,
    "ML-DSA-65": mldsa.MLDSA65PrivateKey.generate,
    "ML-DSA-87": mldsa.MLDSA87PrivateKey.generate,
}
# id-RSASSA-PSS without parameters: the key is for RSASSA-PSS with any hash (RFC 4055
# section 3.1).
_RSASSA_PSS: Final = tlv(0x30, bytes.fromhex("06092a864886f70d01010a"))


@lru_cache(maxsize=1)
def root() -> Issued:
    """The one root of all these servers."""
    return certificates.root(
        "Test Root", not_before=_seconds() - 400 * DAY, not_after=_seconds() + 900 * DAY
    )


def identity(
    kind: str, *, subject: str = NAME, not_after: int | None = None, client: bool = False
) -> Issued:
    """A certificate under the root with a key of one of `KINDS_OF_KEY`.

    Args:
        kind: of the key.
        subject: common name and, for a server, its one dNSName.
        not_after: Unix seconds; None: 90 days from now.
        client: for client authentication in place of servers'.
    """
    usages = ["digital_signature"]
    if kind.startswith("RSA") and not client:
        usages.append("key_encipherment")
    issued = certificates.leaf(
        root(),
        subject,
        key=_key(kind, client=client),
        san=[subject],
        usages=certificates.key_usage(*usages),
        extended=[certificates.CLIENT_AUTH if client else certificates.SERVER_AUTH],
        not_before=_seconds() - 400 * DAY,
        not_after=_seconds() + 90 * DAY if not_after is None else not_after,
    )
    return _for_pss_alone(issued) if kind == "RSA-PSS-2048" else issued


def key_pem(issued: Issued, kind: str) -> bytes:
    """The private key as PKCS #8; one for RSASSA-PSS alone says so (RFC 8017 appendix A.1)."""
    if kind != "RSA-PSS-2048":
        return issued.key_pem
    der = issued.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    version, _, octets = split(split(der)[0], whole=True)
    return _pem(tlv(0x30, version, _RSASSA_PSS, octets), b"PRIVATE KEY")


def material(folder: Path, *, kind: str = "P-256", not_after: int | None = None) -> Material:
    """Write what one server needs into a folder."""
    issued = identity(kind, not_after=not_after)
    secret = key_pem(issued, kind)
    files = {
        "root.pem": root().pem,
        "chain.pem": issued.pem,
        "key.pem": secret,
        "both.pem": issued.pem + secret,
        "staple.der": _staple(issued),
    }
    for name, octets in files.items():
        (folder / name).write_bytes(octets)
    return Material(
        root=folder / "root.pem",
        chain=folder / "chain.pem",
        key=folder / "key.pem",
        both=folder / "both.pem",
        folder=folder,
    )


def _seconds() -> int:
    return int(NOW.timestamp())


@lru_cache(maxsize=32)
def _key(kind: str, *, client: bool) -> certificates.PrivateKey:
    # The helper's signature names the kinds that its own tests use.
    if kind in _GENERATE:
        return cast(certificates.PrivateKey, _GENERATE[kind]())
    return certificates.make_key(f"client={client}", kind.replace("RSA-PSS", "RSA"))


def _for_pss_alone(issued: Issued) -> Issued:
    """The same certificate for an id-RSASSA-PSS key, which the library's builder cannot write."""
    tbs = list(split(split(split(issued.der)[0])[0], whole=True))
    _, subject_public_key = split(split(tbs[6])[0], whole=True)
    tbs[6] = tlv(0x30, _RSASSA_PSS, subject_public_key)
    signed = tlv(0x30, *tbs)
    issuer = root().key
    assert isinstance(issuer, ec.EllipticCurvePrivateKey)
    signature = issuer.sign(signed, ec.ECDSA(hashes.SHA256()))
    der = tlv(0x30, signed, tbs[2], tlv(0x03, b"\x00" + signature))
    return Issued(der=der, key=issued.key, name=issued.name)


def _pem(der: bytes, label: bytes) -> bytes:
    return certificates.x509_pem(der).replace(b"CERTIFICATE", label)


def _staple(issued: Issued) -> bytes:
    """Good, signed by the root itself (RFC 6960 section 4.2.2.2)."""
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=issued.x509,
        issuer=root().x509,
        algorithm=hashes.SHA1(),
        cert_status=ocsp.OCSPCertStatus.GOOD,
        this_update=NOW - datetime.timedelta(hours=1),
        next_update=NOW + datetime.timedelta(days=7),
        revocation_time=None,
        revocation_reason=None,
    )
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, root().x509)
    signer = cast(ec.EllipticCurvePrivateKey, root().key)
    return builder.sign(signer, hashes.SHA256()).public_bytes(Encoding.DER)
