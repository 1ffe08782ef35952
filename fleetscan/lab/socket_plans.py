"""Conditions below TLS or instead of it: other protocols, closed ports, broken sockets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from fleetscan.lab.conditions import Factory, Material, Plan, serve_script, serve_tls
from fleetscan.lab.flights import HANDSHAKE, TLS_1_2, honest_tls12_flight
from fleetscan.lab.servers import RECORD_HEADER, Dialogue, DialogueServer, Ending, Script

HTTP_REFUSAL: Final = (
    b"HTTP/1.1 400 Bad Request\r\nServer: lab\r\nContent-Type: text/plain\r\n"
    b"Content-Length: 12\r\nConnection: close\r\n\r\nBad Request\n"
)
SSH_BANNER: Final = b"SSH-2.0-OpenSSH_9.2p1 Lab\r\n"
SMTP_BANNER: Final = b"220 mail.lab.test ESMTP lab\r\n"

# No record begins with it, no protocol greets with it, and it is not text.
GARBAGE: Final = bytes.fromhex("8f1fa37e00c4e95b02d99f6611f0ab34") * 4

# A record header may announce at most 2^14 + 2048 octets (RFC 5246 section 6.2.3).
OVERSIZED_RECORD: Final = bytes((HANDSHAKE,)) + TLS_1_2 + b"\xff\xff" + bytes(0xFFFF)

DRIP_S: Final = 0.2
"""Seconds between two octets: a flight of some 900 takes three minutes."""


def _follow(script: Script) -> Factory:
    return serve_script(script)


def _answering(octets: bytes, ending: Ending) -> Factory:
    return serve_script(Script(answer=lambda _received: octets, ending=ending))


def _truncated(material: Material, name: str) -> Factory:
    """A valid ServerHello, half of the Certificate message, and no more."""
    chain = material.chain(name)

    def answer(hello: bytes) -> bytes:
        flight = honest_tls12_flight(hello, chain)
        server_hello_ends = RECORD_HEADER + int.from_bytes(flight[3:RECORD_HEADER], "big")
        return flight[: server_hello_ends + len(chain[0].der) // 2]

    return serve_script(Script(answer=answer, ending=Ending.FIN))


def _drip(material: Material, name: str) -> Factory:
    chain = material.chain(name)
    return serve_script(
        Script(answer=lambda hello: honest_tls12_flight(hello, chain), drip_s=DRIP_S)
    )


def _smtp(*extensions: bytes, starttls: bytes) -> Callable[[Material, str], Factory]:
    """An SMTP server that offers these extensions and says this to STARTTLS."""

    def build(material: Material, name: str) -> Factory:
        lines = (b"mail.lab.test", *extensions, b"8BITMIME")
        hello = b"".join(b"250-" + line + b"\r\n" for line in lines) + b"250 HELP\r\n"
        dialogue = Dialogue(
            banner=SMTP_BANNER,
            answers={b"EHLO": hello, b"STARTTLS": starttls},
            otherwise=b"500 5.5.1 what\r\n",
            upgrade=b"STARTTLS" if starttls.startswith(b"220") else b"",
        )
        context = material.context(material.chain(name))
        return lambda live: DialogueServer(live, context, dialogue)

    return build


_READY: Final = b"220 2.0.0 go ahead\r\n"
_NOT_NOW: Final = b"454 4.7.0 TLS not available\r\n"  # RFC 3207 section 4

DIALOGUE_PLANS: Final = (
    Plan(
        name="starttls",
        title="In good order, SMTP with STARTTLS",
        build=_smtp(b"STARTTLS", starttls=_READY),
        starttls="smtp",
    ),
    Plan(
        name="starttls-not-asked-for",
        title="In good order, SMTP with STARTTLS that nobody asked for",
        build=_smtp(b"STARTTLS", starttls=_READY),
        expected=("protocol.starttls_needed",),
        expected_now=("protocol.starttls_needed",),
    ),
    Plan(
        name="starttls-not-offered",
        title="SMTP without STARTTLS",
        build=_smtp(starttls=b"502 5.5.1 unknown\r\n"),
        starttls="smtp",
        expected=("protocol.starttls_refused",),
        expected_now=("protocol.starttls_refused",),
    ),
    Plan(
        name="starttls-refused",
        title="SMTP that offers STARTTLS and cannot do it",
        build=_smtp(b"STARTTLS", starttls=_NOT_NOW),
        starttls="smtp",
        expected=("protocol.starttls_refused",),
        expected_now=("protocol.starttls_refused",),
    ),
    Plan(
        name="dialogue-at-tls",
        title="Speaks TLS from the first octet, where SMTP was asked for",
        build=lambda material, name: serve_tls(material.context(material.chain(name))),
        starttls="smtp",
        expected=("protocol.other",),
        expected_now=("server.stalled",),
    ),
)

SOCKET_PLANS: Final = (
    *DIALOGUE_PLANS,
    Plan(
        name="plain-http",
        title="Speaks HTTP without TLS",
        build=lambda _material, _name: _answering(HTTP_REFUSAL, Ending.FIN),
        expected=("protocol.plaintext_http",),
        expected_now=("protocol.plaintext_http",),
    ),
    Plan(
        name="ssh",
        title="Speaks SSH",
        build=lambda _material, _name: _follow(Script(banner=SSH_BANNER)),
        expected=("protocol.other",),
        expected_now=("protocol.other",),
    ),
    Plan(
        name="smtp",
        title="Speaks SMTP, where TLS must be asked for",
        build=lambda _material, _name: _follow(Script(banner=SMTP_BANNER)),
        expected=("protocol.starttls_needed",),
        expected_now=("protocol.starttls_needed",),
    ),
    Plan(
        name="closed-port",
        title="Nothing listens",
        build=None,
        expected=("connect.refused",),
        expected_now=("connect.refused",),
    ),
    Plan(
        name="close-on-accept",
        title="Closes as soon as it has accepted",
        build=lambda _material, _name: _follow(Script(at_accept=True, ending=Ending.FIN)),
        expected=("server.closed_after_hello",),
        # The hello leaves with the packet that completes the connection: whether the server
        # closed because of it takes a second connection, without a hello, to tell.
        expected_now=("server.closed_after_hello",),
    ),
    Plan(
        name="close-after-hello",
        title="Closes after the hello",
        build=lambda _material, _name: _follow(Script(ending=Ending.FIN)),
        expected=("server.closed_after_hello",),
        expected_now=("server.closed_after_hello",),
    ),
    Plan(
        name="reset-after-hello",
        title="Resets the connection after the hello",
        build=lambda _material, _name: _follow(Script(ending=Ending.RST)),
        expected=("server.reset_after_hello",),
        expected_now=("server.reset_after_hello",),
    ),
    Plan(
        name="silent-after-hello",
        title="Says nothing after the hello",
        build=lambda _material, _name: _follow(Script()),
        expected=("server.silent_after_hello",),
        expected_now=("server.silent_after_hello",),
    ),
    Plan(
        name="drip",
        title="Sends its flight one octet at a time",
        build=_drip,
        expected=("server.stalled",),
        expected_now=("server.stalled",),
    ),
    Plan(
        name="truncated-flight",
        title="Closes in the middle of its flight",
        build=_truncated,
        expected=("server.stalled",),
        expected_now=("server.stalled",),
    ),
    Plan(
        name="garbage",
        title="Answers with octets of no protocol",
        build=lambda _material, _name: _answering(GARBAGE, Ending.HOLD),
        expected=("protocol.garbage",),
        expected_now=("protocol.garbage",),
    ),
    Plan(
        name="oversized-record",
        title="Announces a record larger than TLS allows",
        build=lambda _material, _name: _answering(OVERSIZED_RECORD, Ending.FIN),
        expected=("server.protocol_violation",),
        expected_now=("server.protocol_violation",),
    ),
)
