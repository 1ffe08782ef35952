"""`fleetscan diagnose`: why one target fails, as a person reads it."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from fleetscan.cli import EXIT_INCOMPLETE, EXIT_INTERRUPTED, EXIT_OK
from fleetscan.cli import scan as scanning
from fleetscan.cli.app import HELP_OPTIONS, ExamplesFirst
from fleetscan.cli.files import check_target, write_whole
from fleetscan.cli.terminal import (
    can_redraw,
    harmless,
    is_terminal,
    say,
    terminal_width,
    wants_colour,
)
from fleetscan.errors import InventoryError, OutputError, UsageError

if TYPE_CHECKING:
    from fleetscan.api import Result, Scan
    from fleetscan.cli.scan import ScanRequest
    from fleetscan.inventory.spec import TargetSpec

EXIT_CAUSE: Final = 1

WIDTH: Final = 80
"""Columns where there is no terminal."""

EXAMPLES: Final = """\
Examples:
  fleetscan diagnose www.example.org            why does it fail?
  fleetscan diagnose mail.example.org:25        STARTTLS, by the port
  fleetscan diagnose shop.example.org@192.0.2.7 that name at that address
  fleetscan diagnose www.example.org --write-chain fullchain.pem
                                                the chain that it should send
  fleetscan diagnose 10.4.2.9 --trust corp-root.pem --json | jq .diagnoses

"""

SHARED: Final = frozenset(
    {
        *("ports", "sni", "starttls", "trust", "policy", "timeout", "addresses", "state"),
        *("excludes", "exclude_files", "resolvers", "budget", "fetch", "fetch_allow"),
        *("revocation", "proxy", "proxy_auth", "proxy_names", "hello", "tls_min", "tls_max"),
        *("ciphers", "groups", "alpn", "hello_size", "no_sni", "client_cert", "client_key"),
        *("client_key_password", "vantage"),
    }
)
"""Options of `scan`, by the name of their value, that mean the same for one target."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnoseRequest:
    """What `diagnose` was asked to do, checked as far as that goes without the network."""

    target: str
    spec: TargetSpec
    scan: ScanRequest
    ca_file: str
    client_cert: str
    json: bool
    write_chain: str | None


class _DiagnoseCommand(ExamplesFirst):
    examples = EXAMPLES


@click.command(
    name="diagnose",
    cls=_DiagnoseCommand,
    context_settings=HELP_OPTIONS,
    short_help="Say why one target fails, with proof and what would mend it.",
    epilog=(
        "Exit codes: 0 established at every address, 1 a cause was found, 2 wrong usage, 3 this "
        "machine's own trouble or nothing probed, 130 interrupted, 141 nobody reads standard "
        "output any more."
    ),
)
@click.argument("target", metavar="TARGET", required=False)
@click.option("-j", "--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@click.option(
    "--write-chain",
    metavar="FILE",
    type=click.Path(),
    help="Write the chain that the server should send to FILE as PEM: in order, complete, "
    "without what does not belong.",
)
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> int:  # noqa: ANN401
    """Connect to TARGET and say what happened, why, and what would make it work.

    A TARGET that fails is asked again, with one thing changed at a time. It is written as
    for `fleetscan scan`: a name, host:port, an address ([::1]:443), a URL, or
    name@address:port; a name stands for all its addresses.
    """
    if options["target"] is None:
        click.echo(ctx.get_help(), err=True)
        return 2
    request = request_from(options)
    from fleetscan.cli.loop import run_in_loop

    return run_in_loop(run_diagnose(request))


command.params += [each for each in scanning.command.params if each.name in SHARED]


def request_from(options: dict[str, Any]) -> DiagnoseRequest:
    """Check the options and put them together.

    Raises:
        UsageError: one of them cannot be used; one line that says which and why.
    """
    from fleetscan.inventory.parse import parse_target

    target: str = options["target"]
    if sys.stdout is None:
        # A process may be started with its standard output closed.
        raise UsageError("standard output is closed")
    shared = {name: value for name, value in options.items() if name in SHARED}
    given = scanning.command.make_context("diagnose", ["--", target]).params
    scan = scanning.request_from(given | shared)
    try:
        spec = parse_target(target, scan.defaults)
    except InventoryError as refused:
        raise UsageError(refused.reason) from None
    if spec.count != 1:
        raise UsageError(
            f"{harmless(target[:80])!r} stands for {spec.count} targets: use 'fleetscan scan'"
        )
    if options["write_chain"] is not None:
        secrets = ("client_cert", "client_key", "client_key_password", "proxy_auth")
        reads = (*options["trust"], *filter(None, (options[name] for name in secrets)))
        check_target(options["write_chain"], reads, "--write-chain")
    return DiagnoseRequest(
        target=target,
        spec=spec,
        scan=scan,
        ca_file=next((each for each in options["trust"] if os.path.isfile(each)), ""),
        client_cert=options["client_cert"] or "",
        json=options["as_json"],
        write_chain=options["write_chain"],
    )


async def run_diagnose(request: DiagnoseRequest) -> int:
    """Diagnose, write what was asked for, and give the exit code.

    Raises:
        UsageError: the request cannot be carried out.
    """
    import asyncio

    from fleetscan import api
    from fleetscan.cli.interrupts import Interrupts

    try:
        with Interrupts(say).caught():
            scan = api.scan([request.spec], request.scan.config, warn=_warn)
            async with scan, _waiting(request.target):
                results = [result async for result in scan]
    except asyncio.CancelledError:
        return EXIT_INTERRUPTED
    results.sort(key=_place)
    record = _record(request, scan, results)
    try:
        refusal = "" if request.write_chain is None else _write_chain(request, results, record)
    except OutputError as failed:
        say(harmless(str(failed)))
        return EXIT_INCOMPLETE
    _show(record, request)
    if refusal:
        say(refusal)
    return exit_code(record["outcome"], refusal=refusal, state_error=scan.state_error)


@contextlib.asynccontextmanager
async def _waiting(target: str) -> AsyncIterator[None]:
    """Show meanwhile, where a person watches, that it is not stuck: silence takes its time."""
    import asyncio
    from time import monotonic

    from fleetscan.cli.progress import REFRESH_S, Progress

    started, shown = monotonic(), harmless(target)
    progress = Progress(
        lambda: f"asking {shown}: {monotonic() - started:.0f} s", enabled=can_redraw(sys.stderr)
    )

    async def refresh() -> None:
        while True:  # ends: it is cancelled below
            await asyncio.sleep(REFRESH_S)
            progress.refresh()

    progress.start()
    refresher = asyncio.create_task(refresh())
    try:
        yield
    finally:
        refresher.cancel()
        progress.stop()


def exit_code(outcome: str, *, refusal: str, state_error: str) -> int:
    """What the process says of it.

    Args:
        outcome: of all addresses.
        refusal: why the chain that was asked for is not written; `""` when it is.
        state_error: why what was seen is not kept; `""` when it is.
    """
    if outcome in ("error", "skipped") or state_error:
        return EXIT_INCOMPLETE
    return EXIT_OK if outcome == "established" and not refusal else EXIT_CAUSE


def _warn(text: str) -> None:
    say("\n".join(harmless(line) for line in text.splitlines()))


def _place(result: Result) -> tuple[int, bytes]:
    """Addresses in the order of their numbers, IPv4 first: whatever answered first."""
    from ipaddress import ip_address

    if not result.address:
        return 0, b""
    address = ip_address(result.address)
    return address.version, address.packed


def _record(request: DiagnoseRequest, scan: Scan, results: list[Result]) -> dict[str, Any]:
    from fleetscan.output.diagnosis_record import Finished, Terms, diagnosis_record
    from fleetscan.pki.policy_file import load_policy

    found = [
        Finished(
            target=each.target,
            address=each.address,
            record=each.record,
            facts=each.facts,
            tried=each.tried,
            path=each.path,
        )
        for each in results
    ]
    terms = Terms(
        policy=load_policy(request.scan.config.policy).name,
        trust=scan.trust,
        ca_file=request.ca_file,
        client_cert=request.client_cert,
    )
    return diagnosis_record(request.target, found, terms)


def _write_chain(request: DiagnoseRequest, results: list[Result], record: dict[str, Any]) -> str:
    """Write the repaired chain and note it in the record; why not, where none can be made.

    Of several addresses the first counts whose chain can be repaired.

    Raises:
        OutputError: it cannot be written.
    """
    from fleetscan._parse import Certificate
    from fleetscan.output.chain_record import fixed_fields
    from fleetscan.pem import certificate_block
    from fleetscan.pki.fixing import fixed_chain, why_not_fixed

    assert request.write_chain is not None
    shown, reason = harmless(request.write_chain), "no certificate was seen"
    for result in results:
        if result.path is None or result.facts is None:
            continue
        sent = [one for one in result.facts.certificates if isinstance(one, Certificate)]
        fixed = fixed_chain(sent, result.path)
        if fixed is None:
            reason = why_not_fixed(result.path)
            continue
        write_whole(
            request.write_chain, b"".join(certificate_block(one.der) for one in fixed.certificates)
        )
        record["fixed"] = fixed_fields(fixed, shown, result.record["chain_sha256"])
        return ""
    return f"{shown} was not written: {reason}"


def _show(record: dict[str, Any], request: DiagnoseRequest) -> None:
    if request.json:
        import orjson

        option = orjson.OPT_INDENT_2 if is_terminal(sys.stdout) else 0
        octets = orjson.dumps(record, option=option | orjson.OPT_APPEND_NEWLINE)
    else:
        from fleetscan.output.chain_text import Look
        from fleetscan.output.diagnosis_text import diagnosis_lines

        encoding = (sys.stdout.encoding or "").lower().replace("-", "")
        look = Look(
            colour=wants_colour(sys.stdout),
            signs=encoding == "utf8",
            width=terminal_width(sys.stdout) or WIDTH,
        )
        octets = "".join(f"{line}\n" for line in diagnosis_lines(record, look)).encode(
            "utf-8", "replace"
        )
    sys.stdout.buffer.write(octets)
    sys.stdout.buffer.flush()
