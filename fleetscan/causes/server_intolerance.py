"""The server breaks on something in the hello that it ought to pass over."""

from __future__ import annotations

from typing import Final

from fleetscan.causes.conclusions import concluded
from fleetscan.causes.model import CatalogueEntry, Remedy, SeenAs, Severity

_EVIDENCE: Final = {
    "before": "how the failing hello ended",
    "after": "how the changed hello was answered",
    "repeats": "how often both were seen",
}

_SEEN_AS: Final = SeenAs(
    chrome="ERR_CONNECTION_RESET, ERR_CONNECTION_CLOSED, ERR_TIMED_OUT",
    firefox="PR_CONNECT_RESET_ERROR, PR_END_OF_FILE_ERROR",
    edge="ERR_CONNECTION_RESET, ERR_CONNECTION_CLOSED, ERR_TIMED_OUT",
)

LARGE_HELLO: Final = CatalogueEntry(
    id="server.large_hello_intolerant",
    title="The server breaks when the ClientHello is large",
    why=(
        "A small hello is answered and the same hello made larger is not. Old load balancers fail "
        "between 256 and 511 octets, others over 512 or over one packet; since browsers send a "
        "post-quantum key share a usual hello is over 1,400 octets and comes in two packets."
    ),
    not_this={
        "server.segmented_hello_intolerant": "a small hello fails as well when it is split",
        "version.intolerant": "it is TLS 1.3 in the hello that breaks it, at any size",
        "server.extension_intolerant": "it is an extension that breaks it, at any size",
        "interference.hello_filter": "a device on the path drops the hello, large or small",
    },
    proof="A small hello is answered; the same with nothing but padding added is not.",
    severity=Severity.HIGH,
    remedy=Remedy(
        id="update_stack",
        text="Update the server or the device in front of it; until then clients must leave the "
        "post-quantum key share out.",
    ),
    references=("RFC 7685 section 1", "RFC 8446 section 4.2.8"),
    evidence=_EVIDENCE
    | {
        "works_up_to": "octets of the largest hello answered",
        "fails_from": "octets of the smallest hello not answered",
    },
    seen_as=_SEEN_AS,
    match=concluded("server.large_hello_intolerant"),
)

SEGMENTED_HELLO: Final = CatalogueEntry(
    id="server.segmented_hello_intolerant",
    title="The server breaks when the ClientHello comes in pieces",
    why=(
        "The server, or a device before it, reads once and takes what it got for the whole hello. "
        "A hello that spans two TCP segments or two TLS records then looks cut. TCP promises no "
        "borders and TLS lets a message span records, so the fault is the reader's."
    ),
    not_this={
        "server.large_hello_intolerant": "a large hello in one piece fails as well",
        "server.stalled": "the server answers in part",
    },
    proof="A small hello is answered whole, and is not when it is split with a 50 ms gap.",
    severity=Severity.HIGH,
    remedy=Remedy(
        id="update_stack",
        text="Update the server or the middlebox: it must read until the whole message is there.",
    ),
    references=("RFC 8446 section 5.1", "RFC 9293 section 3.7"),
    evidence=_EVIDENCE | {"split": "into segments or records"},
    seen_as=_SEEN_AS,
    match=concluded("server.segmented_hello_intolerant"),
)

EXTENSION: Final = CatalogueEntry(
    id="server.extension_intolerant",
    title="The server breaks on an extension or value that it does not know",
    why=(
        "A server must pass over extensions, suites, groups and versions that it does not know. "
        "This one fails on them, so that every new extension breaks it; GREASE exists to find such "
        "servers."
    ),
    not_this={
        "server.large_hello_intolerant": "it is the size that breaks it",
        "version.intolerant": "it is an offered version that breaks it",
        "server.refused": "it understood and refused",
    },
    proof="Answered without them at the same size, and not with them.",
    severity=Severity.HIGH,
    remedy=Remedy(
        id="update_stack",
        text="Update the server: unknown extensions and values are to be ignored.",
    ),
    references=("RFC 8446 section 4.1.2", "RFC 8446 section 9.3", "RFC 8701 section 3"),
    evidence=_EVIDENCE | {"extension": "the extension or value that broke it"},
    seen_as=SeenAs(
        alert="decode_error(50), illegal_parameter(47), unsupported_extension(110)",
        chrome="ERR_SSL_PROTOCOL_ERROR",
        edge="ERR_SSL_PROTOCOL_ERROR",
    ),
    match=concluded("server.extension_intolerant"),
)

ENTRIES: Final = (LARGE_HELLO, SEGMENTED_HELLO, EXTENSION)
