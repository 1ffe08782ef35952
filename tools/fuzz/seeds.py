"""What fuzzing starts from: the tests' own structures, and real certificates."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Final

from tests import ocsp_answers, octets
from tools.fuzz.million import input_of
from tools.fuzz.servers import SCRIPTS

ROOT: Final = Path(__file__).resolve().parents[2]
MAX_SEED: Final = 4_096
"""Octets of a seed: long ones make every run slow."""

CLIENT_SEEDS: Final = 500
"""Inputs of `million` to start from, so that every kind of change is among them."""

SEEDS: Final[dict[str, bytes]] = {
    "client": bytes(8),
    "record_reader": b"\x04" + octets.record(22, b"abc") + octets.record(21, octets.ALERT),
    "message_reader": b"\x03" + octets.message(2, octets.SERVER_HELLO) + octets.message(14, b""),
    "server_hello": octets.SERVER_HELLO,
    "encrypted_extensions": octets.ENCRYPTED_EXTENSIONS,
    "certificate_tls12": octets.CERTIFICATE_TLS12,
    "certificate_tls13": octets.CERTIFICATE_TLS13,
    "certificate_request_tls12": b"\x01" + octets.CERTIFICATE_REQUEST_TLS12,
    "certificate_request_tls13": octets.CERTIFICATE_REQUEST_TLS13,
    "certificate_verify": octets.CERTIFICATE_VERIFY,
    "certificate_status": octets.CERTIFICATE_STATUS,
    "compressed_certificate": octets.COMPRESSED_CERTIFICATE,
    "server_key_exchange_ecdhe": b"\x03" + octets.SERVER_KEY_EXCHANGE_ECDHE,
    "server_key_exchange_dhe": b"\x03" + octets.SERVER_KEY_EXCHANGE_DHE,
    "new_session_ticket_tls13": octets.NEW_SESSION_TICKET_TLS13,
    "server_hello_ssl2": octets.SERVER_HELLO_SSL2,
    "alert": octets.ALERT,
    "key_share_server_hello": octets.KEY_SHARE,
    "selected_group": octets.CODE_POINT,
    "selected_version": octets.CODE_POINT,
    "cookie": octets.COOKIE,
    "alpn": octets.ALPN,
    "certificate": octets.certificate(),
    "name": octets.common_name("Example CA"),
    "crl": b"\x03" + octets.crl(),
    "ocsp_response": ocsp_answers.everyday(),
}


def seeds_of(entry: str) -> list[bytes]:
    """The seeds of one target: its structure, the vectors kept for it, real certificates."""
    found = [SEEDS[entry]]
    found += [path.read_bytes() for path in sorted(ROOT.glob(f"tests/vectors/parse/{entry}-*.bin"))]
    if entry == "certificate":
        found += _real_certificates()
    if entry == "client":
        found += [bytes([script]) for script in range(len(SCRIPTS))]
        found += [input_of(0, number) for number in range(CLIENT_SEEDS)]
    return [seed for seed in found if len(seed) <= MAX_SEED]


def _real_certificates() -> list[bytes]:
    try:
        import cryptography_vectors

        from tests.certificate_oracle import certificates_in
    except ImportError:
        return []
    root = Path(cryptography_vectors.__file__).parent / "x509"
    return [
        der
        for path in sorted(root.rglob("*"))
        if path.suffix in {".pem", ".der", ".crt"}
        for der in certificates_in(path)
    ]


def write_seeds(entry: str, folder: Path) -> None:
    """Put the seeds of one target where the fuzzer looks for them."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed in seeds_of(entry):
        (folder / sha256(seed).hexdigest()[:16]).write_bytes(seed)
