"""`fleetscan verify`: a chain in files, checked before it is deployed."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import click

from fleetscan import limits
from fleetscan.cli import EXIT_OK
from fleetscan.cli.app import HELP_OPTIONS, ExamplesFirst
from fleetscan.cli.files import STANDARD_INPUT, check_target, read_file, write_whole
from fleetscan.cli.terminal import harmless, is_terminal, say, terminal_width, wants_colour
from fleetscan.errors import UsageError

if TYPE_CHECKING:
    from fleetscan.chain_check import Verification
    from fleetscan.fleet.known import KnownAuthorities
    from fleetscan.pki.crl_files import CrlFile

EXIT_NOT_VALID: Final = 1

EXAMPLES: Final = """\
Examples:
  fleetscan verify fullchain.pem --name www.example.org
  fleetscan verify fullchain.pem --name www.example.org --at 2027-01-01
                              will it still be good then?
  fleetscan verify leaf.pem --untrusted intermediates.pem --fix fullchain.pem
                              write the chain that a server should send
  fleetscan verify chain.p7b --trust corp-root.pem --trust system --json
  fleetscan verify -q chain.pem --name www.example.org && systemctl reload nginx

"""

_UNIX_SECONDS: Final = re.compile(r"@(-?[0-9]{1,12}(?:\.[0-9]{1,9})?)|([0-9]{9,11})")
"""Without the `@`, as `openssl verify -attime` has them, from 1973 on: fewer digits, or more,
could be a date."""

_GENERALIZED: Final = re.compile(r"([0-9]{8})([0-9]{6}Z)")
"""GeneralizedTime as certificates have it (RFC 5280 section 4.1.2.5.2)."""

_ONE_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?"
    r"(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
)
"""RFC 3339 section 5.6, where a space may stand for the T."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyRequest:
    """What `verify` was asked to do, checked as far as that goes without reading a file."""

    files: tuple[str, ...]
    untrusted: tuple[str, ...]
    trust: tuple[str, ...]
    name: str | None
    at: float | None
    policy: str
    crls: tuple[str, ...]
    state: str | None
    json: bool
    quiet: bool
    fix: str | None


class _VerifyCommand(ExamplesFirst):
    examples = EXAMPLES


_FILE: Final = click.Path(allow_dash=True)


@click.command(
    name="verify",
    cls=_VerifyCommand,
    context_settings=HELP_OPTIONS,
    short_help="Check a chain in files, before it is deployed.",
    epilog=(
        "Exit codes: 0 valid, 1 not valid or not settled, 2 wrong usage or no certificate in a "
        "file, 141 nobody reads standard output any more."
    ),
)
@click.argument("files", metavar="CHAIN...", nargs=-1, type=_FILE)
@click.option("--name", metavar="NAME", help="DNS name or IP address that it must be for.")
@click.option(
    "--at",
    metavar="TIME",
    help="Check it for then: 2027-01-01T08:00:00Z, 2027-01-01, 20270101080000Z or @1800000000; "
    "now by default.",
)
@click.option(
    "--trust",
    metavar="system|mozilla|FILE|DIR",
    multiple=True,
    type=_FILE,
    help="Roots to trust: this machine's (the default), Mozilla's, a file's or a directory's. "
    "Repeatable: they are trusted together.",
)
@click.option(
    "--untrusted",
    metavar="FILE",
    multiple=True,
    type=_FILE,
    help="Further intermediates; they count as though the server sent them. Repeatable.",
)
@click.option(
    "--policy",
    metavar="NAME|FILE",
    default="browser",
    show_default=True,
    help="Which clients decide what is a failure: browser, openssl, java, legacy, webpki, or "
    "your own in a TOML file (docs/policies.md).",
)
@click.option(
    "--crl",
    "crls",
    metavar="FILE",
    multiple=True,
    type=click.Path(),
    help="CRLs to check the certificates of the path against, PEM or DER. Repeatable.",
)
@click.option(
    "--state",
    metavar="DIR",
    type=click.Path(),
    help="Where scans keep the CA certificates they see: names the one that is missing.",
)
@click.option("-j", "--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing; the exit code says it.")
@click.option(
    "--fix",
    metavar="OUT",
    type=click.Path(),
    help="Write the chain to OUT as PEM: in order, complete, without what does not belong.",
)
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> int:  # noqa: ANN401
    """Check the certificate chain in CHAIN as a client would, without any network.

    CHAIN is PEM, DER or PKCS #7; - is standard input. The first certificate is the leaf;
    further files add to the chain. Without --name the name is not checked.
    """
    if not options["files"]:
        click.echo(ctx.get_help(), err=True)
        return 2
    return run_verify(request_from(options))


def request_from(options: dict[str, Any]) -> VerifyRequest:
    """Check the options and put them together.

    Raises:
        UsageError: one of them cannot be used; one line that says which and why.
    """
    reads = (*options["files"], *options["untrusted"])
    if reads.count(STANDARD_INPUT) > 1:
        raise UsageError("standard input can be read only once")
    if options["fix"] is not None:
        check_target(options["fix"], (*reads, *options["trust"], *options["crls"]), "--fix")
    if sys.stdout is None and not options["quiet"]:
        # A process may be started with its standard output closed.
        raise UsageError("standard output is closed; -q gives the exit code alone")
    return VerifyRequest(
        files=options["files"],
        untrusted=options["untrusted"],
        trust=options["trust"],
        name=options["name"],
        at=None if options["at"] is None else moment(options["at"]),
        policy=options["policy"],
        crls=options["crls"],
        state=options["state"],
        json=options["as_json"],
        quiet=options["quiet"],
        fix=options["fix"],
    )


def moment(text: str) -> float:
    """Read RFC 3339, a day (its first moment, UTC), GeneralizedTime or Unix seconds.

    Raises:
        UsageError: it is none of these.
    """
    seconds = _UNIX_SECONDS.fullmatch(text)
    if seconds is not None:
        return float(seconds[1] or seconds[2])
    generalized = _GENERALIZED.fullmatch(text)
    if generalized is not None:
        text = f"{generalized[1]}T{generalized[2]}"
    elif not _ONE_DAY.fullmatch(text) and not _MOMENT.fullmatch(text):
        raise UsageError(
            f"--at: {text[:40]!r} is no time: give 2027-01-01T08:00:00Z, a day or @seconds"
        )
    try:
        found = datetime.fromisoformat(text.upper())
    except ValueError as refused:
        raise UsageError(f"--at: {text!r} is no time: {refused}") from None
    return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp()


def run_verify(request: VerifyRequest) -> int:
    """Verify, write what was asked for, and give the exit code.

    Raises:
        UsageError: a file cannot be used.
        OutputError: the fixed chain cannot be written.
    """
    verification = _verified(request)
    refusal = _fix(verification, request) if request.fix is not None else ""
    if not request.quiet:
        _show(verification, request)
    if refusal:
        say(refusal)
    return EXIT_OK if verification.valid and not refusal else EXIT_NOT_VALID


def _verified(request: VerifyRequest) -> Verification:
    import time

    from fleetscan.chain_check import (
        GivenChain,
        Terms,
        examine,
        read_chain,
        reference_name,
    )
    from fleetscan.pki.policy_file import load_policy
    from fleetscan.pki.trust import load_trust

    terms = Terms(
        name=None if request.name is None else reference_name(request.name),
        at=time.time() if request.at is None else request.at,
        policy=load_policy(request.policy),
        trust=load_trust(request.trust, environ=os.environ, may_be_empty=True),
        crls=_crls(request.crls),
    )
    chain = read_chain(_read(request.files), cut=True)
    untrusted = GivenChain(certificates=())
    if request.untrusted:
        untrusted = read_chain(_read(request.untrusted))
    known = None if request.state is None else _known(request.state)
    return examine(chain, terms, untrusted=untrusted, known=known)


def _crls(paths: tuple[str, ...]) -> tuple[CrlFile, ...]:
    if not paths:
        return ()
    from fleetscan.pki.crl_files import load_crls

    return load_crls(paths)


def _known(directory: str) -> KnownAuthorities:
    """What earlier scans left there; a directory that is not there is not made."""
    from fleetscan.fleet.known import KnownAuthorities
    from fleetscan.fleet.state import State

    if not os.path.isdir(directory):
        raise UsageError(f"--state: {harmless(directory)} is no directory that a scan has left")
    return KnownAuthorities(State(directory, warn=say).certificates)


def _read(paths: tuple[str, ...]) -> list[tuple[str, bytes]]:
    return [(_shown(path), read_file(path, limits.MAX_CERTIFICATE_FILE)) for path in paths]


def _shown(path: str) -> str:
    return "standard input" if path == STANDARD_INPUT else path


def _fix(verification: Verification, request: VerifyRequest) -> str:
    """Write the fixed chain and note it in the record; why not, where it cannot be made."""
    from fleetscan.output.chain_record import fixed_fields
    from fleetscan.pem import certificate_block

    assert request.fix is not None
    shown = harmless(request.fix)
    if verification.fixed is None:
        return f"{shown} was not written: {verification.why_not_fixed}"
    chain = verification.fixed.certificates
    write_whole(request.fix, b"".join(certificate_block(one.der) for one in chain))
    record = verification.record
    record["fixed"] = fixed_fields(verification.fixed, shown, record["chain_sha256"])
    return ""


def _show(verification: Verification, request: VerifyRequest) -> None:
    terminal = is_terminal(sys.stdout)
    if request.json:
        import orjson

        option = orjson.OPT_INDENT_2 if terminal else 0
        octets = orjson.dumps(verification.record, option=option | orjson.OPT_APPEND_NEWLINE)
    else:
        from fleetscan.output.chain_text import Look, chain_lines

        encoding = (sys.stdout.encoding or "").lower().replace("-", "")
        look = Look(
            colour=wants_colour(sys.stdout),
            signs=encoding == "utf8",
            width=terminal_width(sys.stdout),
        )
        file = ", ".join(harmless(_shown(path)) for path in request.files)
        lines = chain_lines(verification.record, file, look)
        octets = "".join(f"{line}\n" for line in lines).encode("utf-8", "replace")
    sys.stdout.buffer.write(octets)
    sys.stdout.buffer.flush()
