"""Types of the Cython CRL reader. Its docstrings are in `_crl.pyx`."""

from collections.abc import Iterable
from typing import Final

class CrlEntry:
    user_certificate: Final[bytes]
    revocation_date: Final[int]  # Unix seconds, UTC
    reason_code: Final[int]  # -1 when absent
    certificate_issuer: Final[bytes | None]  # GeneralNames without the outer tag

class CrlReader:
    tbs_start: Final[int]  # octets of the whole stream in front of the signed ones
    tbs_end: Final[int]  # 0 until known
    version: Final[int]  # 1, 2; 0 until known
    signature: Final[bytes]  # DER of the signed AlgorithmIdentifier
    signature_algorithm: Final[str]  # its OID
    signature_parameters: Final[bytes]  # DER, b"" when absent
    issuer: Final[bytes]  # DER
    this_update: Final[int]  # Unix seconds, UTC
    next_update: Final[int | None]
    entry_count: Final[int]
    entries: Final[list[CrlEntry]]  # those that were sought
    unknown_critical_entry_extension: Final[str]  # OID
    extensions: Final[tuple[tuple[str, bool, bytes], ...]]  # OID, critical, value
    outer_signature_algorithm: Final[bytes]  # DER
    signature_value: Final[bytes]  # b"" when it is not of whole octets
    def __init__(self, sought: Iterable[bytes]) -> None: ...
    def feed(self, octets: bytes) -> None: ...  # ParseError, then always that one
    def finish(self) -> None: ...  # ParseError
