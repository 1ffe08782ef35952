"""`fleetscan scan`: its options, checked; `cli.run` does the work."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from fleetscan import limits
from fleetscan.cli.app import HELP_OPTIONS, ExamplesFirst
from fleetscan.cli.diagnosing import diagnosis_options
from fleetscan.cli.fetching import fetch_allow_from, fetching_options
from fleetscan.cli.hello import alpn_from, hello_from, hello_options, identity_from
from fleetscan.cli.proxy import proxy_from
from fleetscan.cli.revocation import revocation_from, revocation_option
from fleetscan.cli.terminal import harmless
from fleetscan.errors import UsageError
from fleetscan.vocabulary import STARTTLS_KINDS

if TYPE_CHECKING:
    from fleetscan.engine.config import ScanConfig
    from fleetscan.inventory.spec import Defaults

MAX_CONCURRENCY: Final = 1_000_000
MAX_RATE: Final = 1e6
LAB_TIMEOUT_S: Final = 1.2
"""Seconds for a target of the lab: it is on this machine, and those of its servers that say
nothing are asked six times."""
MAX_TIMEOUT_S: Final = 3_600.0
MAX_VANTAGE: Final = 253

EXAMPLES: Final = """\
Examples:
  fleetscan scan www.example.org mail.example.org:465
  fleetscan scan 10.4.0.0/16 10.9.0.5-10.9.0.40 -p 443,8443 -o night.jsonl
  fleetscan scan shop.example.org@192.0.2.7:443    that name at that address
  fleetscan scan 192.0.2.7 --sni shop.example.org  the same
  fleetscan scan -l targets.jsonl --trust corp-root.pem --trust system
  fleetscan scan 10.4.2.9 --hello broad            is there anything it takes?
  fleetscan scan www.example.org --proxy http://proxy.corp:3128
  zcat names.gz | fleetscan scan -l - -j --emit failed | jq .cause.id
  fleetscan scan --lab                             a broken fleet on loopback

"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanRequest:
    """What `scan` was asked to do, checked as far as that goes without touching the network."""

    targets: tuple[str, ...]
    lists: tuple[str, ...]
    defaults: Defaults
    starttls_kinds: frozenset[str]
    config: ScanConfig
    output: str | None
    emission: str
    json: bool
    envelope: bool
    quiet: bool
    strict: bool
    lab: bool
    configuration: str


class _ScanCommand(ExamplesFirst):
    examples = EXAMPLES


class _Amount(click.FloatRange):
    """A number above nought that is one: click lets `nan` and `inf` through."""

    def __init__(self, highest: float) -> None:
        super().__init__(0, highest, min_open=True)

    def convert(
        self,
        value: float,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> float:
        """The number, or a usage error."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a number above 0", param, ctx)
        return float(number)


_FILE: Final = click.Path(allow_dash=True)
"""Text, of which shells complete the names of files."""


def _starttls_completion(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
    return [each for each in sorted(_starttls_kinds()) if each.startswith(incomplete)]


def _policy_completion(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
    from fleetscan.pki.policy import POLICIES

    return [name for name in POLICIES if name.startswith(incomplete)]


@click.command(
    name="scan",
    cls=_ScanCommand,
    # A command remembers the words of its help from the first context it was asked in.
    context_settings=HELP_OPTIONS,
    short_help="Scan targets and say why TLS fails where it fails.",
    epilog=(
        "Exit codes: 0 completed (failures are data), 2 wrong usage or nothing to scan, "
        "3 incomplete, 130 interrupted, 141 nobody reads standard output any more."
    ),
)
@click.argument("targets", metavar="[TARGET]...", nargs=-1)
@click.option(
    "-l",
    "--list",
    "lists",
    metavar="FILE|-",
    multiple=True,
    type=_FILE,
    help="Read targets from FILE, or from standard input: one a line, text or JSON Lines.",
)
@click.option(
    "-p",
    "--ports",
    metavar="PORTS",
    default="443",
    show_default=True,
    help="Ports of targets that name none, as 443,8443 or 9000-9010.",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE|-",
    type=_FILE,
    help="Write the run to FILE as JSON Lines; standard output then shows readable lines.",
)
@click.option("--sni", metavar="NAME", help='Server name to send to every target; "" sends none.')
@click.option(
    "--starttls",
    metavar="KIND",
    default="auto",
    show_default=True,
    shell_complete=_starttls_completion,
    help="The dialogue to hold before TLS: auto (by the port), none, "
    f"{', '.join(STARTTLS_KINDS[:-1])} or {STARTTLS_KINDS[-1]}.",
)
@hello_options
@click.option(
    "--trust",
    metavar="system|mozilla|FILE|DIR",
    multiple=True,
    type=_FILE,
    help="Roots to trust: this machine's (the default), Mozilla's, a file's or a directory's. "
    "Repeatable: they are trusted together.",
)
@click.option(
    "--policy",
    metavar="NAME|FILE",
    default="browser",
    show_default=True,
    shell_complete=_policy_completion,
    help="Which clients decide what is a failure: browser, openssl, java, legacy, webpki, or "
    "your own in a TOML file (docs/policies.md).",
)
@click.option(
    "-c",
    "--concurrency",
    metavar="N",
    type=click.IntRange(1, MAX_CONCURRENCY),
    default=1000,
    show_default=True,
    help="Probes under way at once.",
)
@click.option(
    "--rate",
    metavar="N",
    type=_Amount(MAX_RATE),
    help="New connections a second, over the whole scan.",
)
@click.option(
    "--timeout",
    metavar="S",
    type=_Amount(MAX_TIMEOUT_S),
    help="Seconds after which a target is given up, whatever it is at. By default 20, of "
    "which 5 to connect and 5 to the first octet; a shorter S shortens those too. For the lab "
    "alone 1.2: what is silent there stays silent.",
)
@click.option(
    "--exclude",
    "excludes",
    metavar="CIDR",
    multiple=True,
    help="Never scan these addresses, whatever the targets say. Repeatable.",
)
@click.option(
    "--exclude-file",
    "exclude_files",
    metavar="F",
    multiple=True,
    type=_FILE,
    help="The same from a file, one a line.",
)
@click.option(
    "--emit",
    "emission",
    type=click.Choice(("all", "answered", "failed")),
    default="answered",
    show_default=True,
    help="Results to write; 'answered' leaves out dark addresses of ranges.",
)
@click.option("-j", "--json", "as_json", is_flag=True, help="JSON Lines on standard output.")
@click.option(
    "--envelope",
    is_flag=True,
    help="All lines of the run on standard output, not the results alone.",
)
@click.option(
    "-q",
    "--quiet",
    is_flag=True,
    help="No progress and no summary; with -o FILE no readable lines either.",
)
@click.option(
    "--addresses",
    type=click.Choice(("all", "first")),
    default="all",
    show_default=True,
    help="How many addresses of a name to scan.",
)
@click.option(
    "--state",
    metavar="DIR",
    default="",
    type=click.Path(),
    help="Keep the CA certificates that are seen in DIR, so that later runs can name the one "
    "that a server forgets to send.",
)
@click.option("--strict", is_flag=True, help="Exit with 2 when a line of a list was bad.")
@click.option("--lab", is_flag=True, help="Start the lab and scan it, trusting its root.")
@click.option("--vantage", metavar="NAME", default="", help="Where this scan is made from.")
@click.option(
    "--resolver",
    "resolvers",
    metavar="ADDRESS[:PORT]",
    multiple=True,
    help="Name server to ask instead of the system's. Repeatable.",
)
@click.option(
    "--proxy",
    metavar="URL",
    help="Connect through http://[user:password@]host[:80] (CONNECT) or socks5://...[:1080].",
)
@click.option(
    "--proxy-auth",
    metavar="FILE",
    type=click.Path(),
    help="File with user:password for the proxy, so that they are no arguments; or the "
    "environment has FLEETSCAN_PROXY_USER and FLEETSCAN_PROXY_PASSWORD.",
)
@click.option(
    "--proxy-names",
    is_flag=True,
    help="Leave names to the proxy to resolve; excludes, being addresses, cannot be held then.",
)
@click.option(
    "--proxy-connections",
    metavar="N",
    type=click.IntRange(1, MAX_CONCURRENCY),
    default=limits.PROXY_IN_FLIGHT,
    show_default=True,
    help="Connections to the proxy at once.",
)
@diagnosis_options
@fetching_options
@revocation_option
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> int:  # noqa: ANN401
    """Scan every TARGET and write one result for each.

    A TARGET is a name, host:port, an IPv4 or IPv6 address ([::1]:443), a network
    (10.0.0.0/8), a range (10.0.0.5-10.0.0.40), a URL, or name@address:port.
    """
    if not (options["targets"] or options["lists"] or options["lab"]):
        click.echo(ctx.get_help(), err=True)
        return 2
    request = request_from(options)
    from fleetscan.cli.loop import run_in_loop
    from fleetscan.cli.run import run_scan

    return run_in_loop(run_scan(request))


def request_from(options: dict[str, Any]) -> ScanRequest:
    """Check the options and put them together.

    Raises:
        UsageError: one of them cannot be used; one line that says which and why.
    """
    from fleetscan.engine.config import Deadlines, ScanConfig

    kinds = _starttls_kinds()
    defaults = _defaults(options, kinds)
    timeout = _timeout(options)
    proxy, credentials = proxy_from(options)
    config = ScanConfig(
        trust=options["trust"],
        policy=_policy(options["policy"]),
        concurrency=options["concurrency"],
        rate=options["rate"],
        deadlines=Deadlines() if timeout is None else Deadlines.from_timeout(timeout),
        addresses=options["addresses"],
        excludes=_excludes(options["excludes"], options["exclude_files"]),
        nameservers=tuple(_nameserver(each) for each in options["resolvers"]),
        hello=hello_from(options),
        handshake=options["handshake"],
        client_identity=identity_from(options),
        alpn=alpn_from(options),
        proxy=options["proxy"] or "",
        proxy_credentials=credentials,
        proxy_names=options["proxy_names"],
        proxy_in_flight=options["proxy_connections"],
        fetch=options["fetch"],
        fetch_allow=fetch_allow_from(options),
        revocation=revocation_from(options),
        diagnose=options["diagnose"],
        budget=options["budget"],
        vantage=_vantage(options["vantage"]),
        state=options["state"],
    )
    return ScanRequest(
        targets=options["targets"],
        lists=_lists(options["lists"]),
        defaults=defaults,
        starttls_kinds=kinds,
        config=config,
        output=_output(options),
        emission=options["emission"],
        json=options["as_json"],
        envelope=options["envelope"],
        quiet=options["quiet"],
        strict=options["strict"],
        lab=options["lab"],
        configuration=_configuration(options | {"proxy": proxy}),
    )


def _starttls_kinds() -> frozenset[str]:
    from fleetscan.inventory.target import STARTTLS_AUTO, STARTTLS_NONE

    return frozenset({STARTTLS_AUTO, STARTTLS_NONE, *STARTTLS_KINDS})


def _timeout(options: dict[str, Any]) -> float | None:
    """What `--timeout` says, or what is enough for the lab when nothing else is scanned."""
    timeout: float | None = options["timeout"]
    if timeout is None and options["lab"] and not (options["targets"] or options["lists"]):
        return LAB_TIMEOUT_S
    return timeout


def _defaults(options: dict[str, Any], kinds: frozenset[str]) -> Defaults:
    from fleetscan.inventory.names import canonical_name
    from fleetscan.inventory.parse import parse_ports
    from fleetscan.inventory.ranges import parse_address
    from fleetscan.inventory.spec import Defaults

    try:
        ports = parse_ports(options["ports"])
    except ValueError as refused:
        raise UsageError(f"--ports: {refused}") from None
    if options["starttls"] not in kinds:
        known = ", ".join(sorted(kinds))
        raise UsageError(f"--starttls: {options['starttls'][:40]!r} is none of {known}")
    sni = options["sni"]
    if options["no_sni"] and sni:
        raise UsageError("--sni and --no-sni: one of the two")
    if sni and parse_address(sni) is not None:
        raise UsageError("--sni: an address is never sent as a server name (RFC 6066 section 3)")
    try:
        server_name = canonical_name(sni) if sni else sni
    except ValueError as refused:
        raise UsageError(f"--sni: {refused}") from None
    return Defaults(
        ports=ports,
        server_name=server_name,
        starttls=options["starttls"],
        sends_names=not options["no_sni"],
    )


def _excludes(texts: tuple[str, ...], files: tuple[str, ...]) -> tuple[str, ...]:
    from fleetscan.inventory.excludes import Excludes, read_exclude_file

    Excludes(texts)  # refuses what it cannot read
    return (*texts, *(text for path in files for text in read_exclude_file(path)))


def _lists(paths: tuple[str, ...]) -> tuple[str, ...]:
    if paths.count("-") > 1:
        raise UsageError("--list: standard input can be read only once")
    return paths


def _output(options: dict[str, Any]) -> str | None:
    """The file to write; None for standard output. Never one that is an input too."""
    path: str | None = options["output"]
    if path in (None, "-"):
        return None
    reads = (*options["lists"], *options["trust"], options["policy"], *options["exclude_files"])
    secrets = ("proxy_auth", "client_cert", "client_key", "client_key_password")
    for read in (*reads, *filter(None, (options[name] for name in secrets))):
        if _is_same_file(path, read):
            raise UsageError(f"--output: {harmless(path)} is read by this scan; name another file")
    return path


def _is_same_file(one: str, other: str) -> bool:
    try:
        return os.path.isfile(one) and os.path.samefile(one, other)
    except OSError:  # one of them is not there, and is told about where it is opened
        return False


def _nameserver(text: str) -> str:
    from fleetscan.inventory.parse import parse_place

    try:
        place = parse_place(text)
    except ValueError as refused:
        raise UsageError(f"--resolver: {refused}") from None
    if place.span is None or place.span.count != 1:
        raise UsageError(f"--resolver: {text[:80]!r} is not an address")
    return text


def _policy(text: str) -> str:
    from fleetscan.pki.policy_file import load_policy

    try:
        load_policy(text)
    except UsageError as refused:
        raise UsageError(f"--policy: {refused}") from None
    return text


def _vantage(text: str) -> str:
    if len(text.encode("utf-8", "replace")) > MAX_VANTAGE or not text.isprintable():
        raise UsageError(f"--vantage: at most {MAX_VANTAGE} octets of printable text")
    return text


def _configuration(options: dict[str, Any]) -> str:
    """The options in effect, as one string with a fixed order; targets are not among them."""
    left_out = ("targets", "lists")
    shown = {key: value for key, value in sorted(options.items()) if key not in left_out}
    return " ".join(f"{key}={_shown(value)}" for key, value in shown.items())


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
