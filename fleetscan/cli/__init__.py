"""The command line: `fleetscan COMMAND`. One module a command, imported when it is run."""

from __future__ import annotations

import sys

EXIT_OK = 0
EXIT_USAGE = 2
EXIT_INCOMPLETE = 3
EXIT_INTERRUPTED = 130
EXIT_READER_GONE = 141


def version() -> str:
    """The version of the fleetscan that is installed."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("fleetscan")
    except PackageNotFoundError:  # run from a checkout that was never installed
        return "unknown"


def main() -> int:
    """Run the command line and give the exit code."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        # Answered here, because scripts ask it often: without asyncio, cryptography or click.
        try:
            sys.stdout.write(f"fleetscan {version()}\n")
            sys.stdout.flush()
        except (OSError, AttributeError):  # full, gone or closed: below it becomes an exit code
            pass
        else:
            return EXIT_OK
    from fleetscan.cli.app import run

    return run(sys.argv[1:])
