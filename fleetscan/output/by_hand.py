"""Commands with which a person can see the same by hand: OpenSSL's s_client, curl, and their like.

Pure functions of what was asked. Every word of a command is quoted for a POSIX shell, so that
nothing that came from an inventory or a peer can be more than a word of it.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from fleetscan.causes.experiments import ANSWERED, ending_of, works
from fleetscan.experiment import Cut, Speech
from fleetscan.inventory.ranges import parse_address
from fleetscan.registry import groups, signature_schemes, versions
from fleetscan.registry.openssl_names import openssl_name
from fleetscan.vocabulary import Stage

if TYPE_CHECKING:
    from fleetscan.experiment import Tried
    from fleetscan.facts import HandshakeFacts
    from fleetscan.inventory.target import Target
    from fleetscan.tls.events import Offer

_VERSION_FLAGS: Final = {
    versions.TLSV1: "-tls1",
    versions.TLSV1_1: "-tls1_1",
    versions.TLSV1_2: "-tls1_2",
    versions.TLSV1_3: "-tls1_3",
}
"""SSL 3.0 and SSL 2.0 have none: OpenSSL is built without them."""

_STARTTLS: Final = {
    "smtp": "smtp",
    "lmtp": "lmtp",
    "imap": "imap",
    "pop3": "pop3",
    "ftp": "ftp",
    "nntp": "nntp",
    "sieve": "sieve",
    "xmpp-client": "xmpp",
    "xmpp-server": "xmpp-server",
    "ldap": "ldap",
    "postgresql": "postgres",
    "mysql": "mysql",
    "irc": "irc",
}
"""Our words to those of openssl-s_client(1), which knows neither TDS nor RDP."""

_ANY_STRENGTH: Final = "@SECLEVEL=0"
"""OpenSSL 3 takes nothing below TLS 1.2, and no weak suite, unless it is told so
(SSL_CTX_set_security_level(3))."""

_NAMED: Final = frozenset({"xmpp-client", "xmpp-server"})
"""Dialogues in which the name is part of the first words (RFC 6120 section 4.7.2)."""

_HEARD: Final = frozenset({"protocol.other", "protocol.garbage", "protocol.starttls_needed"})
"""Causes that a person hears by listening."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A line for a POSIX shell, and what it shows."""

    line: str
    shows: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What the commands are made from.

    Args:
        target: what was asked for.
        address: the address asked; `""` where the name gave none.
        facts: of the first probe.
        tried: the experiments after it.
        cause_ids: what was found.
        ca_file: a file with the roots that are trusted; `""` for the system's.
        client_cert: the file with the user's client certificate; `""` for none.
        missing_url: where a certificate that the server does not send can be fetched.
    """

    target: Target
    address: str
    facts: HandshakeFacts
    tried: Sequence[Tried] = ()
    cause_ids: Sequence[str] = ()
    ca_file: str = ""
    client_cert: str = ""
    missing_url: str = ""


def commands(situation: Situation) -> tuple[Command, ...]:
    """The commands that show this case, each once, in the order to be run."""
    found = {each.line: each for each in reversed([*_commands(situation)])}
    return tuple(reversed(found.values()))


def _commands(situation: Situation) -> Iterator[Command]:
    facts = situation.facts
    if facts.stage is Stage.RESOLVE:
        yield from _about_the_name(situation)
    elif facts.stage is Stage.CONNECT and not facts.proxy:
        yield from _about_the_address(situation)
    elif facts.stage in (Stage.CONNECT, Stage.PROXY):
        yield _curl(situation, "what the proxy says")
    else:
        yield from _about_tls(situation)


def _about_the_name(situation: Situation) -> Iterator[Command]:
    host = situation.target.host
    yield _command("what this machine's resolver says", "getent", "ahosts", host)
    yield _command("what the name server says", "dig", host, "A", host, "AAAA")


def _about_the_address(situation: Situation) -> Iterator[Command]:
    port = str(situation.target.port)
    yield _command("whether the port is open", "nc", "-vz", "-w", "5", situation.address, port)
    if "connect.refused" not in situation.cause_ids:
        yield _command("how far it is", "tracepath", "-n", situation.address)


def _about_tls(situation: Situation) -> Iterator[Command]:
    facts, target = situation.facts, situation.target
    ended = ANSWERED if facts.confirmed_by is not None else ending_of(facts)
    first = _first_line(situation)
    if first is not None:
        shown = "the handshake as it was" if ended == ANSWERED else f"the failure: {ended}"
        yield Command(line=first, shows=shown)
    for each in situation.tried:
        shown = _shown(each, facts)
        command = _experiment(situation, each, shown) if shown else None
        if command is not None:
            yield command
    if facts.certificates and first is not None:
        yield from _about_certificates(situation)
    if situation.missing_url:
        line = _line("curl", "-gsS", situation.missing_url)
        yield Command(
            line=f"{line} | openssl x509 -noout -subject -issuer -dates",
            shows="the certificate that is missing",
        )
    if "protocol.plaintext_http" in situation.cause_ids:
        yield _plain_http(situation)
    if not _HEARD.isdisjoint(situation.cause_ids):
        yield _listening(situation)
    if target.starttls == "none" and facts.confirmed_by is not None:
        yield _curl(situation, "what curl says")


def _shown(tried: Tried, first: HandshakeFacts) -> str:
    """What an experiment shows; `""` for one that failed as the first probe did."""
    if tried.ask.speech is not Speech.TLS:
        return "" if not tried.facts.first_octets else "what is spoken there"
    if not works(tried.facts, first):
        asked = tried.ask.starttls if tried.name == "starttls" else ""
        return f"what {asked} says to STARTTLS" if asked else ""
    return f"answered: {tried.name.replace('_', ' ')}"


def _experiment(situation: Situation, tried: Tried, shown: str) -> Command | None:
    ask = tried.ask
    if ask.speech is Speech.HTTP:
        return _plain_http(situation)
    if ask.speech is Speech.LISTEN:
        return _listening(situation)
    if ask.cut is not Cut.WHOLE or ask.hops:
        return None
    line = _s_client(
        situation,
        address=ask.address,
        server_name=ask.server_name,
        alpn=ask.alpn,
        starttls=ask.starttls,
        proxied=ask.through_proxy,
        flags=_flags(situation.facts.offer, tried),
    )
    return None if line is None else Command(line=line, shows=shown)


def _flags(before: Offer | None, tried: Tried) -> tuple[str, ...] | None:
    """The options that make s_client offer what the first hello did not have.

    Returns:
        None where OpenSSL cannot offer it.
    """
    facts, after = tried.facts, tried.facts.offer
    if before is None or after is None or facts.version is None:
        return ()
    if facts.version not in _VERSION_FLAGS:
        return None
    flags: list[str] = []
    if facts.version not in before.versions:
        flags.append(_VERSION_FLAGS[facts.version])
    elif versions.TLSV1_3 in before.versions and versions.TLSV1_3 not in after.versions:
        flags.append("-no_tls1_3")
    old = facts.version < versions.TLSV1_2
    suite = _suite_flags(before, facts, old=old)
    if suite is None:
        return None
    flags += suite
    if facts.group is not None and facts.group not in before.groups:
        flags += ["-groups", groups.name_of(facts.group)]
    scheme = facts.signature_scheme
    if not old and scheme is not None and scheme not in before.signature_schemes:
        flags += ["-sigalgs", signature_schemes.name_of(scheme)]
    return tuple(flags)


def _suite_flags(before: Offer, facts: HandshakeFacts, *, old: bool) -> list[str] | None:
    code = facts.cipher_suite
    if code is None or code in before.cipher_suites:
        return ["-cipher", f"ALL:{_ANY_STRENGTH}"] if old else []
    name = openssl_name(code)
    if name is None:
        return None
    if facts.version == versions.TLSV1_3:
        return ["-ciphersuites", name]
    return ["-cipher", f"{name}:{_ANY_STRENGTH}"]


# -- certificates --------------------------------------------------------------------------


def _about_certificates(situation: Situation) -> Iterator[Command]:
    name = situation.target.reference_name
    wanted = ["-verify_return_error"]
    if name is not None:
        wanted += ["-verify_ip" if parse_address(name) is not None else "-verify_hostname", name]
    checked = _first_line(situation, extra=wanted)
    if checked is not None:
        yield Command(line=checked, shows="what OpenSSL says of the certificates")
    seen = _first_line(situation, extra=("-showcerts",), brief=False)
    if seen is not None:
        fields = "-noout -subject -issuer -dates -ext subjectAltName"
        line = f"{seen} 2>/dev/null | openssl x509 {fields}"
        yield Command(line=line, shows="the server's certificate")
    if "certificate.revoked" in situation.cause_ids:
        stapled = _first_line(situation, extra=("-status",), brief=False)
        if stapled is not None:
            yield Command(line=stapled, shows="the stapled OCSP response")


# -- the lines -----------------------------------------------------------------------------


def _first_line(
    situation: Situation, *, extra: Iterable[str] = (), brief: bool = True
) -> str | None:
    """The first hello as s_client can come close to it."""
    offer, target = situation.facts.offer, situation.target
    flags = list(extra)
    if offer is not None and len(offer.versions) == 1 and offer.versions[0] in _VERSION_FLAGS:
        flags.append(_VERSION_FLAGS[offer.versions[0]])
    return _s_client(
        situation,
        address=situation.address,
        server_name=target.server_name if offer is None else offer.server_name,
        alpn=() if offer is None else offer.alpn,
        starttls=target.starttls,
        flags=tuple(flags),
        brief=brief,
    )


def _s_client(
    situation: Situation,
    *,
    address: str,
    server_name: str,
    alpn: tuple[str, ...],
    starttls: str,
    flags: tuple[str, ...] | None,
    proxied: bool = True,
    brief: bool = True,
) -> str | None:
    """The line of s_client; None where it cannot do that."""
    if flags is None or (starttls != "none" and starttls not in _STARTTLS):
        return None
    words = ["openssl", "s_client", "-connect", _at(address or situation.target.host, situation)]
    if situation.facts.proxy and proxied:
        scheme, _, place = situation.facts.proxy.partition("://")
        if scheme != "http":
            return None
        words += ["-proxy", place.rstrip("/")]
    words += ["-servername", server_name] if server_name else ["-noservername"]
    if starttls != "none":
        words += ["-starttls", _STARTTLS[starttls]]
        if starttls in _NAMED and server_name:
            words += ["-xmpphost", server_name]
    if alpn:
        words += ["-alpn", ",".join(alpn)]
    if situation.ca_file:
        words += ["-CAfile", situation.ca_file]
    if situation.client_cert:
        words += ["-cert", situation.client_cert]
    if brief:
        words.append("-brief")
    return f"{_line(*words, *flags)} </dev/null"


def _curl(situation: Situation, shows: str) -> Command:
    target, proxy = situation.target, situation.facts.proxy
    host = target.server_name or target.host or situation.address
    words = ["curl", "-sSv", "-m", "10", "-o", "/dev/null"]
    if proxy:
        words += ["-x", proxy]
    elif host != situation.address:
        at = f"[{situation.address}]" if ":" in situation.address else situation.address
        words += ["--resolve", f"{host}:{target.port}:{at}"]
    if situation.ca_file:
        words += ["--cacert", situation.ca_file]
    return _command(shows, *words, f"https://{_at(host, situation)}/")


def _plain_http(situation: Situation) -> Command:
    place = _at(situation.address or situation.target.host, situation)
    return _command("what a plain request gets", "curl", "-sSi", "-m", "10", f"http://{place}/")


def _listening(situation: Situation) -> Command:
    place = situation.address or situation.target.host
    port = str(situation.target.port)
    return _command("what is spoken there", "nc", "-v", "-w", "5", place, port)


def _at(host: str, situation: Situation) -> str:
    return f"{f'[{host}]' if ':' in host else host}:{situation.target.port}"


def _command(shows: str, *words: str) -> Command:
    return Command(line=_line(*words), shows=shows)


def _line(*words: str) -> str:
    return shlex.join(words)
