"""`fleetscan explain`: what a word, an error message or a line of a log means."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

import click

from fleetscan import limits
from fleetscan.cli import EXIT_OK
from fleetscan.cli.app import ExamplesFirst

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fleetscan.causes.lookup import Answer

EXIT_NOT_KNOWN: Final = 1
_STANDARD_INPUT: Final = "-"

EXAMPLES: Final = """\
Examples:
  fleetscan explain certificate.expired        what a cause means, what to do
  fleetscan explain 48                         an alert; also: unknown_ca
  fleetscan explain SEC_ERROR_UNKNOWN_ISSUER   a browser's code
  fleetscan explain 'error:0A00010B:SSL routines::wrong version number'
  grep -h SSL /var/log/nginx/error.log | fleetscan explain -
  fleetscan explain 48 --json | jq -r '.causes[].id'

"""


class Explain(ExamplesFirst):
    """The command with its examples."""

    examples = EXAMPLES


def _complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
    from fleetscan.cli.catalogue import entries_by_id
    from fleetscan.registry import alerts

    words = (*entries_by_id(), *alerts.NAMES.values())
    return [each for each in words if each.startswith(incomplete)]


@click.command(
    name="explain",
    cls=Explain,
    short_help="Say what a cause, an alert or an error message means.",
    epilog="Exit codes: 0 all of it is known, 1 something is not.",
)
@click.argument("words", metavar="[WORD]...", nargs=-1, shell_complete=_complete)
@click.option(
    "-j", "--json", "as_json", is_flag=True, help="One JSON object for each word or line."
)
def command(words: tuple[str, ...], as_json: bool) -> int:
    """Say what WORD means, which causes it can be, and what tells them apart.

    WORD is the id of a cause or finding; an alert by number or name; the code
    that a browser shows; an error message of OpenSSL, GnuTLS, Go, Java, .NET,
    curl, Python or Node; a line of the log of nginx, Apache, HAProxy, Postfix
    or Dovecot. Several words are one message; - reads lines from standard
    input. Without WORD all ids are listed.
    """
    if not words:
        _list_all(as_json)
        return EXIT_OK
    lines = _standard_input() if words == (_STANDARD_INPUT,) else iter((" ".join(words),))
    return _explain(lines, as_json)


def _list_all(as_json: bool) -> None:
    from fleetscan.cli.catalogue import entries_by_id

    entries = entries_by_id()
    if as_json:
        for entry in entries.values():
            _write_json({"id": entry.id, "severity": entry.severity.value, "title": entry.title})
        return
    width = max(map(len, entries))
    for entry in entries.values():
        click.echo(f"{entry.id:<{width}}  {entry.severity.value:<8}  {entry.title}")


def _explain(lines: Iterator[str], as_json: bool) -> int:
    from fleetscan.causes.answers import answer_record
    from fleetscan.causes.lookup import Kind, look_up

    code = EXIT_OK
    writer = _Writer()
    for line in lines:
        answer = look_up(line)
        if answer.kind is Kind.NOT_KNOWN:
            code = EXIT_NOT_KNOWN
        if as_json:
            _write_json(answer_record(answer))
        else:
            writer.write(answer)
    return code


class _Writer:
    """Writes answers for people; what was explained before is not explained again."""

    def __init__(self) -> None:
        self._number = 0
        self._told: dict[str, int] = {}

    def write(self, answer: Answer) -> None:
        """One answer, with a rule between it and the one before."""
        from fleetscan.causes.answers import answer_text, shown

        self._number += 1
        text = answer_text(answer)
        heading, _, explained = text.partition("\n\n")
        before = self._told.get(explained)
        if before is not None:
            click.echo(f"\n{shown(answer.word)}\n  as line {before}")
            return
        if len(self._told) < limits.MAX_SAME_LINES:
            self._told[explained] = self._number
        click.echo(text if self._number == 1 else f"\n{'-' * 40}\n\n{heading}\n\n{explained}")


def _write_json(record: dict[str, Any]) -> None:
    import json

    click.echo(json.dumps(record, ensure_ascii=False, separators=(",", ":")))


def _standard_input() -> Iterator[str]:
    """The lines of standard input that are not empty, each cut at the bound for one."""
    stream = sys.stdin.buffer
    # Ends with the input; what is kept of one line is bounded.
    while chunk := stream.readline(limits.MAX_EXPLAINED_LINE + 1):
        _skip_rest(chunk)
        text = chunk.decode("utf-8", "replace").strip()
        if text:
            yield text


def _skip_rest(chunk: bytes) -> None:
    # Ends: each turn reads on, up to the end of the line or of the input.
    while chunk and not chunk.endswith(b"\n"):
        chunk = sys.stdin.buffer.readline(1 << 16)
