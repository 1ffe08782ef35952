"""Writes docs/causes from the catalogue; with --check only says whether it is fresh."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

from fleetscan.causes.render import pages

DIRECTORY: Final = Path(__file__).resolve().parent.parent / "docs" / "causes"


def stale(directory: Path) -> list[str]:
    """Names of pages that are missing, differ from the catalogue, or belong to no entry."""
    wanted = pages()
    present = {path.name: path.read_text("utf-8") for path in directory.glob("*.md")}
    names = wanted.keys() | present.keys()
    return sorted(name for name in names if wanted.get(name) != present.get(name))


def write(directory: Path) -> None:
    """Write every page, and remove those of entries that are gone."""
    wanted = pages()
    directory.mkdir(parents=True, exist_ok=True)
    for path in directory.glob("*.md"):
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (directory / name).write_text(text, "utf-8")


def main(arguments: list[str] | None = None) -> int:
    """Give 1 when --check finds a page that is not fresh, else 0."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 when stale")
    parser.add_argument("--directory", type=Path, default=DIRECTORY)
    options = parser.parse_args(arguments)
    if not options.check:
        write(options.directory)
        return 0
    names = stale(options.directory)
    for name in names:
        sys.stderr.write(f"docs/causes/{name} is not fresh: run python tools/catalogue.py\n")
    return 1 if names else 0


if __name__ == "__main__":
    sys.exit(main())
