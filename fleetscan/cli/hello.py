"""The options of `scan` that say what the hello offers and who the client is."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from fleetscan.cli.terminal import harmless
from fleetscan.errors import UsageError

if TYPE_CHECKING:
    from fleetscan.tls.client_identity import ClientIdentity
    from fleetscan.tls.profile import HelloProfile

PASSWORD_VARIABLE: Final = "FLEETSCAN_CLIENT_KEY_PASSWORD"
MAX_PEM: Final = 1 << 20
MAX_PASSWORD: Final = 4_096

_FILE: Final = click.Path()
_Command = TypeVar("_Command", bound=Callable[..., Any])


def _complete_profile(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    from fleetscan.tls.profiles import PROFILES

    return [name for name in PROFILES if name.startswith(incomplete)]


def _complete_version(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    from fleetscan.tls.overrides import VERSION_WORDS

    return [word for word in VERSION_WORDS if word.startswith(incomplete)]


def _complete_suites(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    from fleetscan.registry import cipher_suites, openssl_names

    return _last_of(incomplete, (*cipher_suites.NAMES.values(), *openssl_names.code_points()))


def _complete_groups(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    from fleetscan.registry import groups

    return _last_of(incomplete, groups.NAMES.values())


def _last_of(incomplete: str, names: Iterable[str]) -> list[str]:
    """What the last name of a list may become, with the list before it."""
    before, comma, last = incomplete.rpartition(",")
    fit = (name for name in names if name.lower().startswith(last.lower()))
    return [before + comma + name for name in dict.fromkeys(fit)]


OPTIONS: Final = (
    click.option(
        "--hello",
        metavar="PROFILE",
        default="browser",
        show_default=True,
        shell_complete=_complete_profile,
        help="What to offer: browser, openssl3, legacy (TLS 1.0 to 1.2), broad (everything), "
        "minimal, ssl3 or ssl2.",
    ),
    click.option(
        "--handshake",
        type=click.Choice(("complete", "first-flight")),
        default="complete",
        show_default=True,
        help="'first-flight' ends when the server's first flight is over: cheaper, and nothing "
        "signed is checked.",
    ),
    click.option(
        "--tls-min",
        metavar="VERSION",
        shell_complete=_complete_version,
        help="Oldest version to offer: 1.0, 1.1, 1.2, 1.3, ssl3.",
    ),
    click.option(
        "--tls-max",
        metavar="VERSION",
        shell_complete=_complete_version,
        help="Newest version to offer.",
    ),
    click.option(
        "--ciphers",
        metavar="SUITES",
        shell_complete=_complete_suites,
        help="Cipher suites to offer, in order: IANA's names, OpenSSL's, or 0x1301; with commas.",
    ),
    click.option(
        "--groups",
        metavar="GROUPS",
        shell_complete=_complete_groups,
        help="Groups to offer, in order: x25519,secp256r1,X25519MLKEM768.",
    ),
    click.option(
        "--alpn",
        metavar="PROTOCOLS",
        help="Application protocols to offer, in order: h2,http/1.1 unless a STARTTLS dialogue "
        'comes before; "" offers none.',
    ),
    click.option(
        "--hello-size",
        metavar="OCTETS",
        type=int,
        help="Pad the hello to this size, as 517 or 1500.",
    ),
    click.option("--no-sni", is_flag=True, help="Send no server name to any target."),
    click.option(
        "--client-cert",
        metavar="FILE",
        type=_FILE,
        help="Certificate to show to servers that ask for one: PEM, its chain behind it.",
    ),
    click.option(
        "--client-key",
        metavar="FILE",
        type=_FILE,
        help="Its private key, PEM; by default in the same file. The password of an encrypted one "
        f"is read from --client-key-password, or {PASSWORD_VARIABLE}.",
    ),
    click.option(
        "--client-key-password",
        metavar="FILE",
        type=_FILE,
        help="File whose first line is the password of the key.",
    ),
)


def hello_options(command: _Command) -> _Command:
    """Give a command all of them, in the order in which help shows them."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def hello_from(options: dict[str, Any]) -> str | HelloProfile:
    """The profile that the options stand for: a name, or one made for this scan.

    Raises:
        UsageError: one of them cannot be used; one line that says which and why.
    """
    from fleetscan.registry import cipher_suites, groups, openssl_names
    from fleetscan.tls import overrides
    from fleetscan.tls.profiles import PROFILES

    name = options["hello"]
    if name not in PROFILES:
        raise UsageError(f"--hello: {name[:40]!r} is none of {', '.join(PROFILES)}")
    version = overrides.parse_version
    changes = overrides.Overrides(
        tls_min=_option(options, "tls_min", version),
        tls_max=_option(options, "tls_max", version),
        cipher_suites=_option(
            options,
            "ciphers",
            lambda text: overrides.parse_names(
                text, cipher_suites.NAMES, "cipher suite", openssl_names.code_points()
            ),
        ),
        groups=_option(
            options, "groups", lambda text: overrides.parse_names(text, groups.NAMES, "group")
        ),
        alpn=bool(options["alpn"]),
        size=options["hello_size"],
    )
    made = overrides.override(PROFILES[name], changes)
    return name if made is PROFILES[name] else made


def _option(options: dict[str, Any], name: str, parse: Callable[[str], Any]) -> Any:  # noqa: ANN401
    if options[name] is None:
        return None
    try:
        return parse(options[name])
    except UsageError as refused:
        raise UsageError(f"--{name.replace('_', '-')}: {refused}") from None


def alpn_from(options: dict[str, Any]) -> tuple[str, ...] | None:
    """The protocols, or None where the scan is to decide."""
    text = options["alpn"]
    if text is None:
        return None
    return tuple(name for name in text.split(",") if name)


def identity_from(options: dict[str, Any]) -> ClientIdentity | None:
    """The certificate and key that the options name.

    Raises:
        UsageError: a file cannot be read, or does not hold what it should.
    """
    path = options["client_cert"]
    if path is None:
        for name in ("client_key", "client_key_password"):
            if options[name] is not None:
                raise UsageError(f"--{name.replace('_', '-')} goes with --client-cert")
        return None
    from fleetscan.tls.client_identity import ClientIdentity

    certificates = _read("--client-cert", path, MAX_PEM)
    key = options["client_key"]
    key_octets = None if key is None else _read("--client-key", key, MAX_PEM)
    try:
        return ClientIdentity.from_pem(certificates, key_octets, _password(options))
    except UsageError as refused:
        raise UsageError(f"--client-cert: {harmless(path)}: {refused}") from None


def _password(options: dict[str, Any]) -> bytes | None:
    path = options["client_key_password"]
    if path is None:
        text = os.environb.get(PASSWORD_VARIABLE.encode())
        return text or None
    return _read("--client-key-password", path, MAX_PASSWORD).split(b"\n")[0].rstrip(b"\r")


def _read(option: str, path: str, most: int) -> bytes:
    try:
        with Path(path).open("rb") as file:
            octets = file.read(most + 1)
    except OSError as failed:
        reason = failed.strerror or "input/output error"
        raise UsageError(f"{option}: {harmless(path)} cannot be read: {reason}") from None
    if len(octets) > most:
        raise UsageError(f"{option}: {harmless(path)} is larger than {most} octets")
    return octets
