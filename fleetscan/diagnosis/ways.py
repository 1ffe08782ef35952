"""Experiments that change something else than the hello: the dialogue, the path, the client."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from fleetscan.causes.protocol import spoken
from fleetscan.diagnosis.hellos import Change
from fleetscan.experiment import Speech
from fleetscan.tls.profiles import SSL2, SSL3
from fleetscan.vocabulary import STARTTLS_PORTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from fleetscan.diagnosis.context import Context
    from fleetscan.experiment import Ask
    from fleetscan.facts import HandshakeFacts


def other_way(
    name: str, base: Ask, first: HandshakeFacts, context: Context
) -> tuple[str, str, Ask] | None:
    """The experiment of that name, None where what it takes is not there."""
    made = _WAYS[name](base, first, context)
    return None if made is None else (name, *made)


def _starttls(base: Ask, first: HandshakeFacts, context: Context) -> tuple[str, Ask] | None:
    signature = spoken(first)
    kind = signature.starttls if signature is not None else STARTTLS_PORTS.get(context.port, "")
    # A greeting that SMTP and FTP share names neither: the port does.
    kind = kind or STARTTLS_PORTS.get(context.port, "")
    return ("starttls", replace(base, starttls=kind)) if kind else None


def _no_dialogue(base: Ask, first: HandshakeFacts, context: Context) -> tuple[str, Ask]:
    return "starttls", replace(base, starttls="none")


def _http(base: Ask, first: HandshakeFacts, context: Context) -> tuple[str, Ask]:
    return "speech", replace(base, speech=Speech.HTTP)


def _listen(base: Ask, first: HandshakeFacts, context: Context) -> tuple[str, Ask]:
    return "speech", replace(base, speech=Speech.LISTEN)


def _direct(base: Ask, first: HandshakeFacts, context: Context) -> tuple[str, Ask] | None:
    return ("proxy", replace(base, through_proxy=False)) if context.proxied else None


def _with_identity(base: Ask, first: HandshakeFacts, context: Context) -> tuple[str, Ask] | None:
    if not context.identity or base.with_identity:
        return None
    return "client_certificate", replace(base, with_identity=True)


def _made_up_name(base: Ask, first: HandshakeFacts, context: Context) -> tuple[str, Ask] | None:
    if not context.made_up_name or not base.server_name:
        return None
    return Change.OTHER_NAME.word, replace(base, server_name=context.made_up_name)


def _elsewhere(base: Ask, first: HandshakeFacts, context: Context) -> tuple[str, Ask] | None:
    if not context.addresses or not base.server_name:
        return None
    return "address", replace(base, address=context.addresses[0])


def _ssl3(base: Ask, first: HandshakeFacts, context: Context) -> tuple[str, Ask]:
    return "older_protocol", replace(base, profile=SSL3, alpn=(), server_name="")


def _ssl2(base: Ask, first: HandshakeFacts, context: Context) -> tuple[str, Ask]:
    return "older_protocol", replace(base, profile=SSL2, alpn=(), server_name="")


_WAYS: Final[dict[str, Callable[[Ask, HandshakeFacts, Context], tuple[str, Ask] | None]]] = {
    "starttls": _starttls,
    "no_dialogue": _no_dialogue,
    "http": _http,
    "listen": _listen,
    "direct": _direct,
    "with_identity": _with_identity,
    "made_up_name": _made_up_name,
    "same_name_elsewhere": _elsewhere,
    "ssl3": _ssl3,
    "ssl2": _ssl2,
}
