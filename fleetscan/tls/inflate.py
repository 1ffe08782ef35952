"""Compressed certificates, opened under a bound (RFC 8879).

The libraries are imported when a server first uses one: most never do.
"""

from __future__ import annotations

import zlib
from importlib import import_module
from typing import TYPE_CHECKING, Final

from fleetscan import limits
from fleetscan.registry import certificate_compressions as compression

if TYPE_CHECKING:
    from collections.abc import Callable


class InflateError(Exception):
    """It cannot be opened, or not to the length that was promised.

    Args:
        rule: one of `violations.VIOLATIONS`.
    """

    def __init__(self, rule: str) -> None:
        self.rule = rule
        super().__init__(rule)


def inflate(algorithm: int, octets: bytes, uncompressed_length: int) -> bytes:
    """The octets that were compressed, never more of them than promised (RFC 8879 section 4).

    Args:
        algorithm: CertificateCompressionAlgorithm, one that was offered.
        octets: compressed.
        uncompressed_length: as the peer promised, octets.

    Raises:
        InflateError: `inflated_too_large` when the promise is over our bound,
            `bad_compressed_certificate` when the octets do not keep it.
    """
    if uncompressed_length > limits.MAX_INFLATED:
        raise InflateError("inflated_too_large")
    try:
        opened = OPENERS[algorithm](octets, uncompressed_length)
    except Exception as refused:  # each library has errors of its own
        raise InflateError("bad_compressed_certificate") from refused
    if len(opened) != uncompressed_length:
        raise InflateError("bad_compressed_certificate")
    return opened


# Each stops soon after `length` octets: what is longer is seen as such, and not kept. Brotli's
# window, 16 MB at most (RFC 7932 section 9.1), the library takes and gives back meanwhile.


def _zlib(octets: bytes, length: int) -> bytes:
    opener = zlib.decompressobj()
    opened = opener.decompress(octets, length + 1)
    if not opener.eof or opener.unused_data:
        raise ValueError("not one whole stream")
    return opened


def _brotli(octets: bytes, length: int) -> bytes:
    brotli = import_module("brotli")  # which has no types
    opener = brotli.Decompressor()
    opened = b""
    part = opener.process(octets, output_buffer_limit=length + 1)
    # Ends: each turn adds an octet at least, and over the length it stops.
    while part and len(opened) <= length:
        opened += part
        part = opener.process(b"", output_buffer_limit=length + 1)
    if not opener.is_finished():
        raise ValueError("not one whole stream")
    return opened


def _zstd(octets: bytes, length: int) -> bytes:
    import zstandard

    # The library makes room for what the frame says that it holds, and where it does not say,
    # for the window that it wants.
    said = zstandard.get_frame_parameters(octets).content_size
    if said not in (length, zstandard.CONTENTSIZE_UNKNOWN):
        raise ValueError("the frame has another length")
    opener = zstandard.ZstdDecompressor(max_window_size=limits.MAX_ZSTD_WINDOW)
    return opener.decompress(octets, max_output_size=length, allow_extra_data=False)


OPENERS: Final[dict[int, Callable[[bytes, int], bytes]]] = {
    compression.ZLIB: _zlib,
    compression.BROTLI: _brotli,
    compression.ZSTD: _zstd,
}
