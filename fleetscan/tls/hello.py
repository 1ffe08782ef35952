"""The ClientHello, from a profile (RFC 8446 section 4.1.2), and the framing of records.

What does not change from probe to probe is encoded once, in a `HelloTemplate`.
"""

from __future__ import annotations

import ipaddress
import struct
from typing import TYPE_CHECKING, Final

from fleetscan import limits
from fleetscan.errors import UsageError
from fleetscan.registry import cipher_suites, handshake_types, versions
from fleetscan.registry import extension_types as extension
from fleetscan.tls.profile import is_grease

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fleetscan.tls.key_shares import KeyShares
    from fleetscan.tls.profile import HelloProfile

# Of a ClientHello, without session id, suites, compression methods and extensions:
# message header 4, version 2, random 32, length of the session id 1, of the extensions 2.
OVERHEAD: Final = 41

EXTENSION_HEADER: Final = 4

# extension_type, its length, server_name_list's, name_type host_name(0), HostName's length.
SERVER_NAME_HEAD: Final = struct.Struct(">HHHBH")

LEGACY_VERSION: Final = versions.TLSV1_2.to_bytes(2, "big")

# What a server may answer with renegotiation_info although the hello has no such extension
# (RFC 5746 section 3.3).
SCSV: Final = cipher_suites.TLS_EMPTY_RENEGOTIATION_INFO_SCSV

# For those whose content no profile changes, RFC and section beside each.
FIXED: Final[dict[int, bytes]] = {
    extension.STATUS_REQUEST: bytes.fromhex("0100000000"),  # RFC 6066 section 8: ocsp, no ids
    extension.EC_POINT_FORMATS: bytes.fromhex("0100"),  # RFC 8422 section 5.1.2: uncompressed
    extension.SIGNED_CERTIFICATE_TIMESTAMP: b"",  # RFC 6962 section 3.3.1
    extension.EXTENDED_MASTER_SECRET: b"",  # RFC 7627 section 5.1
    extension.ENCRYPT_THEN_MAC: b"",  # RFC 7366 section 2
    extension.SESSION_TICKET: b"",  # RFC 5077 section 3.2
    extension.PSK_KEY_EXCHANGE_MODES: bytes.fromhex("0101"),  # RFC 8446 section 4.2.9: psk_dhe_ke
    extension.RENEGOTIATION_INFO: bytes.fromhex("00"),  # RFC 5746 section 3.2
}


def vector(content: bytes, length_octets: int) -> bytes:
    """A variable-length vector: its length, then its content (RFC 8446 section 3.4)."""
    return len(content).to_bytes(length_octets, "big") + content


def handshake_message(msg_type: int, body: bytes) -> bytes:
    """A handshake message with its header (RFC 8446 section 4)."""
    return msg_type.to_bytes(1, "big") + vector(body, 3)


def plaintext_records(content_type: int, octets: bytes, version: bytes = LEGACY_VERSION) -> bytes:
    """TLSPlaintext records of at most 2^14 octets each (RFC 8446 section 5.1)."""
    head = content_type.to_bytes(1, "big") + version
    size = limits.MAX_PLAINTEXT
    if len(octets) <= size:
        return head + vector(octets, 2)
    return b"".join(
        head + vector(octets[start : start + size], 2) for start in range(0, len(octets), size)
    )


def wire_server_name(server_name: str) -> bytes:
    """What the server_name extension says: empty for no name and for an IP literal.

    RFC 6066 section 3: ASCII, A-labels, no trailing dot, no literal addresses.

    Raises:
        UsageError: the name cannot be written in ASCII, or not in the length of a DNS name.
    """
    name = server_name.rstrip(".")
    if not name or is_ip_literal(name):
        return b""
    # The length is bounded before the codec runs: it is slow on long labels.
    if len(name) > limits.MAX_NAME:
        raise UsageError(f"not a DNS name: it has {len(name)} characters")
    try:
        wire_name = name.encode("ascii") if name.isascii() else name.encode("idna")
    except UnicodeError as refused:
        raise UsageError(f"not a DNS name: {server_name!a}") from refused
    if len(wire_name) > limits.MAX_NAME:
        raise UsageError(f"not a DNS name: it has {len(wire_name)} octets")
    return wire_name


def is_ip_literal(name: str) -> bool:
    """Whether a name is an IPv4 or IPv6 address in text form."""
    # No top-level domain ends in a digit: most names never reach the parser.
    if not (name[-1:].isdigit() or ":" in name):
        return False
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def code_points(codes: Iterable[int]) -> bytes:
    """Two octets each."""
    return b"".join(code.to_bytes(2, "big") for code in codes)


def share_entries(profile: HelloProfile, shares: KeyShares, only: int | None) -> bytes:
    """KeyShareEntry client_shares<0..2^16-1> (RFC 8446 section 4.2.8).

    Args:
        profile: says which groups have one.
        shares: where ours come from.
        only: the group that a HelloRetryRequest asked for; None for the profile's.
    """
    entries = b"".join(
        group.to_bytes(2, "big")
        # RFC 8701 section 3.1: the share of a reserved group is of no matter, and not empty.
        + vector(b"\x00" if is_grease(group) else shares.public(group), 2)
        for group in (profile.key_share_groups if only is None else (only,))
    )
    return vector(entries, 2)


def _protocol_names(alpn: tuple[str, ...]) -> bytes:
    return vector(b"".join(vector(name.encode(), 1) for name in alpn), 2) if alpn else b""


def _server_name_extension(name: bytes) -> bytes:
    """The whole extension: type, length, list, one HostName (RFC 6066 section 3)."""
    size = len(name)
    return SERVER_NAME_HEAD.pack(extension.SERVER_NAME, size + 5, size + 3, 0, size) + name


def padding_to(size: int, length: int) -> bytes:
    """The padding extension that brings a message of `length` octets to `size` (RFC 7685).

    Where fewer octets are missing than the smallest extension has, that one comes.
    """
    if length >= size:
        return b""
    # The extension has at least one octet of data: servers were seen to choke on none.
    data = bytes(max(1, size - length - EXTENSION_HEADER))
    return extension.PADDING.to_bytes(2, "big") + vector(data, 2)


def padding(length: int) -> bytes:
    """The padding extension for a message of so many octets, empty when it needs none.

    Some old middleboxes hang on a ClientHello of 256 to 511 octets (RFC 7685 section 4).
    """
    return padding_to(512, length) if 255 < length < 512 else b""


def offered_versions(profile: HelloProfile) -> bytes:
    """supported_versions (RFC 8446 section 4.2.1), which knows nothing before TLS 1.0."""
    return vector(code_points(each for each in profile.versions if each > versions.SSLV3), 1)


class HelloTemplate:
    """A ClientHello without its random, session id and server name.

    Args:
        profile: what to offer.
        shares: where our key shares come from.
        alpn: protocol names in the order offered; none leaves the extension out.
        share_group: the one group to send a share for, as a HelloRetryRequest asked;
            None sends those of the profile.
        cookie: as a HelloRetryRequest gave it; empty leaves the extension out.
    """

    __slots__ = (
        "_after",
        "_before",
        "_has_extensions",
        "_middle",
        "_pads",
        "_server_name",
        "_size",
        "legacy_version",
        "offered",
        "offered_with_name",
        "record_version",
        "types",
        "types_with_name",
    )

    def __init__(
        self,
        profile: HelloProfile,
        shares: KeyShares,
        alpn: tuple[str, ...],
        share_group: int | None = None,
        cookie: bytes = b"",
    ) -> None:
        build: dict[int, Callable[[], bytes]] = {
            extension.SUPPORTED_VERSIONS: lambda: offered_versions(profile),
            extension.SUPPORTED_GROUPS: lambda: vector(code_points(profile.groups), 2),
            extension.SIGNATURE_ALGORITHMS: lambda: vector(
                code_points(profile.signature_schemes), 2
            ),
            extension.COMPRESS_CERTIFICATE: lambda: vector(
                code_points(profile.certificate_compressions), 1
            ),
            extension.KEY_SHARE: lambda: share_entries(profile, shares, share_group),
            extension.APPLICATION_LAYER_PROTOCOL_NEGOTIATION: lambda: _protocol_names(alpn),
            extension.COOKIE: lambda: vector(cookie, 2) if cookie else b"",
        }
        # Those that are left out when there is nothing to say.
        optional = (extension.APPLICATION_LAYER_PROTOCOL_NEGOTIATION, extension.COOKIE)
        written: list[list[bytes]] = [[], []]
        offered: set[int] = set()
        self._server_name = extension.SERVER_NAME in profile.extensions
        self._pads = extension.PADDING in profile.extensions
        self._size = profile.size
        side = written[0]
        for kind in profile.extensions:
            if kind == extension.SERVER_NAME:
                side = written[1]
                continue
            if kind == extension.PADDING:
                continue
            raw = profile.raw.get(kind)
            data = raw if raw is not None else build[kind]() if kind in build else FIXED[kind]
            if not data and kind in optional:
                continue
            side.append(kind.to_bytes(2, "big") + vector(data, 2))
            offered.add(kind)
        if SCSV in profile.cipher_suites:
            offered.add(extension.RENEGOTIATION_INFO)
        self._before = b"".join(written[0])
        self._after = b"".join(written[1])
        self._has_extensions = bool(profile.extensions) or self._size > 0
        self.legacy_version = profile.legacy_version.to_bytes(2, "big")
        # The record of the first one says an older version (RFC 8446 section 5.1).
        self.record_version = profile.record_version.to_bytes(2, "big")
        self._middle = vector(code_points(profile.cipher_suites), 2) + b"\x01\x00"
        self.offered = frozenset(offered)
        self.offered_with_name = self.offered | {extension.SERVER_NAME}
        self.types = tuple(sorted(self.offered))
        self.types_with_name = tuple(sorted(self.offered_with_name))

    def encode(self, random: bytes, session_id: bytes, server_name: bytes) -> bytes:
        """The handshake message.

        Args:
            random: 32 octets.
            session_id: legacy_session_id, at most 32 octets.
            server_name: from `wire_server_name`; empty leaves the extension out.
        """
        extensions = self._before
        if server_name and self._server_name:
            extensions += _server_name_extension(server_name)
        extensions += self._after
        length = OVERHEAD + len(session_id) + len(self._middle) + len(extensions)
        if self._size:
            extensions += padding_to(self._size, length)
        elif self._pads:
            extensions += padding(length)
        body = b"".join(
            (
                self.legacy_version,
                random,
                len(session_id).to_bytes(1, "big"),
                session_id,
                self._middle,
                # SSL 3.0 knows no extensions, not even an empty list of them.
                vector(extensions, 2) if self._has_extensions else b"",
            )
        )
        return handshake_message(handshake_types.CLIENT_HELLO, body)
