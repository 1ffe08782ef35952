"""The state machine as a table: what each state takes, and the function that takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from fleetscan.registry import handshake_types
from fleetscan.tls import negotiation, tls12, tls13
from fleetscan.tls.session import Session, State

if TYPE_CHECKING:
    from collections.abc import Callable

    from fleetscan._parse import Message

Handler: TypeAlias = "Callable[[Session, Message], None]"

# What each state takes. Whatever is not here is an unexpected_message.
HANDLERS: Final[dict[State, dict[int, Handler]]] = {
    State.SERVER_HELLO: {handshake_types.SERVER_HELLO: negotiation.receive_server_hello},
    State.ENCRYPTED_EXTENSIONS: {
        handshake_types.ENCRYPTED_EXTENSIONS: tls13.receive_encrypted_extensions
    },
    State.CERTIFICATE_OR_REQUEST: {
        handshake_types.CERTIFICATE_REQUEST: tls13.receive_certificate_request,
        handshake_types.CERTIFICATE: tls13.receive_certificate,
        handshake_types.COMPRESSED_CERTIFICATE: tls13.receive_compressed_certificate,
    },
    State.CERTIFICATE: {
        handshake_types.CERTIFICATE: tls13.receive_certificate,
        handshake_types.COMPRESSED_CERTIFICATE: tls13.receive_compressed_certificate,
    },
    State.CERTIFICATE_VERIFY: {
        handshake_types.CERTIFICATE_VERIFY: tls13.receive_certificate_verify
    },
    State.FINISHED: {handshake_types.FINISHED: tls13.receive_finished},
    State.CONFIRMATION: {
        handshake_types.NEW_SESSION_TICKET: tls13.receive_new_session_ticket,
        handshake_types.KEY_UPDATE: tls13.receive_key_update,
    },
    State.TLS12_CERTIFICATE: {handshake_types.CERTIFICATE: tls12.receive_certificate},
    State.TLS12_STATUS: {handshake_types.CERTIFICATE_STATUS: tls12.receive_certificate_status},
    State.TLS12_KEY_EXCHANGE: {
        handshake_types.SERVER_KEY_EXCHANGE: tls12.receive_server_key_exchange
    },
    State.TLS12_REQUEST_OR_DONE: {
        handshake_types.CERTIFICATE_REQUEST: tls12.receive_certificate_request,
        handshake_types.SERVER_HELLO_DONE: tls12.receive_server_hello_done,
    },
    State.TLS12_DONE: {handshake_types.SERVER_HELLO_DONE: tls12.receive_server_hello_done},
    State.TLS12_TICKET: {handshake_types.NEW_SESSION_TICKET: tls12.receive_new_session_ticket},
    State.TLS12_FINISHED: {handshake_types.FINISHED: tls12.receive_finished},
    State.UNFINISHABLE: dict.fromkeys(tls12.FLIGHT, tls12.receive_unfinishable),
    # No handshake message is expected at all.
    State.TLS12_CHANGE_CIPHER_SPEC: {},
    State.ENDED: {},
}

# A CertificateStatus may be left out, even when it was promised (RFC 6066 section 8):
# there, what may follow Certificate may come too.
OPTIONAL: Final = {State.TLS12_STATUS: tls12.after_certificate}

# Zeek's letters of the server's messages; ServerHello's depends on what it is.
LETTERS: Final = {
    handshake_types.HELLO_REQUEST: "h",
    handshake_types.CLIENT_HELLO: "c",
    handshake_types.HELLO_VERIFY_REQUEST: "v",
    handshake_types.NEW_SESSION_TICKET: "t",
    handshake_types.END_OF_EARLY_DATA: "e",
    handshake_types.ENCRYPTED_EXTENSIONS: "o",
    handshake_types.CERTIFICATE: "x",
    handshake_types.SERVER_KEY_EXCHANGE: "k",
    handshake_types.CERTIFICATE_REQUEST: "r",
    handshake_types.SERVER_HELLO_DONE: "n",
    handshake_types.CERTIFICATE_VERIFY: "y",
    handshake_types.CLIENT_KEY_EXCHANGE: "g",
    handshake_types.FINISHED: "f",
    handshake_types.CERTIFICATE_URL: "w",
    handshake_types.CERTIFICATE_STATUS: "u",
    handshake_types.SUPPLEMENTAL_DATA: "a",
    handshake_types.KEY_UPDATE: "p",
    # Zeek has no letter of its own for it: what it holds is a Certificate.
    handshake_types.COMPRESSED_CERTIFICATE: "x",
    handshake_types.MESSAGE_HASH: "m",
}


def optional_handler(session: Session, msg_type: int) -> Handler | None:
    """The function for a message that comes when another was left out, None for all others."""
    after = OPTIONAL.get(session.state)
    return None if after is None else HANDLERS[after(session)].get(msg_type)
