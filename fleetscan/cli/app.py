"""The command group, and the one place where an error becomes a line and an exit code."""

from __future__ import annotations

import errno
import importlib
import os
import sys
import threading
from collections.abc import Sequence
from typing import Any, Final

import click

from fleetscan.cli import (
    EXIT_INCOMPLETE,
    EXIT_INTERRUPTED,
    EXIT_READER_GONE,
    EXIT_USAGE,
    version,
)
from fleetscan.cli.terminal import say
from fleetscan.errors import FleetscanError

PROGRAM: Final = "fleetscan"
COMPLETE_VARIABLE: Final = "_FLEETSCAN_COMPLETE"

COMMANDS: Final = ("scan", "diagnose", "verify", "lab", "explain", "schema", "completion")
"""Each is `command` in the module of `fleetscan.cli` that has its name."""

EXAMPLES: Final = """\
Examples:
  fleetscan scan www.example.org           one name, all its addresses
  fleetscan scan 10.4.0.0/16 -p 443,8443 -o night.jsonl
                                           a network, results to a file
  fleetscan scan -l targets.txt --exclude 10.4.9.0/24 --emit failed -j
                                           a list, only failures, JSON Lines
  fleetscan scan --lab                     a broken fleet on this machine
  fleetscan diagnose www.example.org       why one target fails, and what helps
  fleetscan verify fullchain.pem --name www.example.org
                                           a chain, before it is deployed
  fleetscan explain certificate.expired    what a cause means, what to do

"""

HELP_OPTIONS: Final = {"help_option_names": ["-h", "--help"]}

_GRACE_S: Final = 0.2

_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
"""What a write says when it is the disk's fault; commands write to standard output alone."""


class ExamplesFirst(click.Command):
    """A command whose help begins with examples, which is what most people look for."""

    examples: str = ""

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, then what click writes."""
        formatter.write(self.examples)
        super().format_help(ctx, formatter)


class LazyGroup(click.Group):
    """Imports a command's module when the command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All of them, in the order that help shows."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"fleetscan.cli.{cmd_name}")
        command: click.Command = module.command
        return command

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, then what click writes."""
        formatter.write(EXAMPLES)
        super().format_help(ctx, formatter)


def _show_version(ctx: click.Context, _option: click.Parameter, asked: bool) -> None:
    # Not click's version_option: reading what is installed costs every command 15 ms.
    if asked and not ctx.resilient_parsing:
        click.echo(f"{PROGRAM} {version()}")
        ctx.exit()


@click.group(
    cls=LazyGroup,
    name=PROGRAM,
    help="Scans the TLS endpoints of a whole fleet and says, for every handshake that fails, why.",
    context_settings={**HELP_OPTIONS, "max_content_width": 100},
)
@click.option(
    "-V",
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_show_version,
    help="Show the version and exit.",
)
def application() -> None:
    """See `help` above: click prints that one."""


def run(arguments: Sequence[str]) -> int:
    """Run one command; give its exit code. No exception of a user's making leaves here."""
    _open_missing_descriptors()
    try:
        code = _invoke(arguments)
        _flush()
    except BrokenPipeError:
        # Python flushes again when it ends, and would complain then.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = EXIT_READER_GONE
    except OSError as failed:
        if failed.errno not in _NO_ROOM:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        say(f"cannot write standard output: {failed.strerror}")
        code = EXIT_INCOMPLETE
    _leave_stuck_threads(code)
    return code


def _open_missing_descriptors() -> None:
    """Put /dev/null where standard input, output or error are closed.

    Else the next file or socket would get their number, and take what is meant for them.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one


def _invoke(arguments: Sequence[str]) -> int:
    streams = sys.stdout, sys.stderr
    try:
        answer: Any = application.main(
            list(arguments),
            prog_name=PROGRAM,
            complete_var=COMPLETE_VARIABLE,
            standalone_mode=False,
        )
    except click.exceptions.NoArgsIsHelpError as asked:
        click.echo(asked.ctx.get_help() if asked.ctx is not None else EXAMPLES, err=True)
        return EXIT_USAGE
    except click.UsageError as wrong:
        command = wrong.ctx.command_path if wrong.ctx is not None else _asked_for(arguments)
        say(f"{_one_line(wrong.format_message())} ('{command} --help' shows how)")
        return EXIT_USAGE
    except click.ClickException as wrong:
        say(_one_line(wrong.format_message()))
        return EXIT_USAGE
    except FleetscanError as wrong:
        say(_one_line(str(wrong)))
        return EXIT_USAGE
    except (click.Abort, KeyboardInterrupt):
        return EXIT_INTERRUPTED
    except SystemExit:
        if sys.stdout is streams[0]:
            raise
        # The reader is gone (EPIPE): click has covered both streams and leaves with 1.
        sys.stdout, sys.stderr = streams
        raise BrokenPipeError from None
    return answer if isinstance(answer, int) else 0


def _asked_for(arguments: Sequence[str]) -> str:
    """The command whose help fits, when click does not say it."""
    return f"{PROGRAM} {arguments[0]}" if arguments[:1] and arguments[0] in COMMANDS else PROGRAM


def _one_line(text: str) -> str:
    return " ".join(text.split()).rstrip(".")


def _leave_stuck_threads(code: int) -> None:
    """End the process when a thread of ours waits for a pipe that may never move.

    Python would join such threads for ever. Only after an orderly end, and only when
    one of them is really left.
    """
    ours = [each for each in threading.enumerate() if each.name.startswith("fleetscan-")]
    for thread in ours:
        thread.join(_GRACE_S)
    if any(thread.is_alive() for thread in ours):
        _flush()
        os._exit(code)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # a process may be started without them
            stream.flush()
