"""What strangers write into certificates and answers: never acted on, never a path, no header."""

from __future__ import annotations

import asyncio
import datetime
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID

from tests import servers
from tests.certificates import Issued, intermediate, leaf, name, root
from tests.integration.test_missing_issuers import tls_server
from tests.servers import run

BOUND_S: Final = 60

ROOT: Final = root()
CA: Final = intermediate(ROOT)

ACTS: Final = "\x1b[2J\x1b]0;owned\x07"
SPLIT: Final = "\r\nX-Injected: yes\r\n\r\nGET /second HTTP/1.1\r\nHost: x\r\n"
CLIMBS: Final = "/../../../../../../tmp/climbed"

PATHS: Final = [f"/{ACTS}", f"/{SPLIT}", CLIMBS, "/%2e%2e/%2e%2e/climbed", "/" + "a" * 300]
"""Ends of URLs: that act on a terminal, that would be a request of their own, that climb."""

PRINTABLE_LINES: Final = re.compile(r"[\n\x20-\x7e\u00a1-\u2027\u2030-\uffff]*")
KEPT: Final = re.compile(r"revocation|authorities\.pem|lock|[0-9a-f]{64}\.crl")


def hostile_leaf(place: str, issuer: Issued) -> Issued:
    """A leaf with every one of these words in each field that is shown or followed."""
    urls = [x509.UniformResourceIdentifier(f"{place}{path}") for path in PATHS]
    access = [
        x509.AccessDescription(method, url)
        for url in urls
        for method in (AuthorityInformationAccessOID.CA_ISSUERS, AuthorityInformationAccessOID.OCSP)
    ]
    points = [x509.DistributionPoint([url], None, None, None) for url in urls]
    return leaf(
        issuer,
        name(f"a{ACTS}\r\nX: y\u202egnp", organization_name=f"{CLIMBS}\u0085{ACTS}"),
        san=[f"{ACTS}.example", f"x{SPLIT}", "www.example.com"],
        extra=[
            (x509.AuthorityInformationAccess(access), False),
            (x509.CRLDistributionPoints(points), False),
        ],
    )


def good_list(issuer: Issued) -> bytes:
    """A CRL without entries, which is kept."""
    lasting = (datetime.datetime(year, 1, 1, tzinfo=datetime.UTC) for year in (2020, 2049))
    built = x509.CertificateRevocationListBuilder().issuer_name(issuer.name)
    built = built.last_update(next(lasting)).next_update(next(lasting))
    return built.sign(issuer.key, hashes.SHA256()).public_bytes(Encoding.DER)


async def answered(asked: list[bytes], reader: asyncio.StreamReader) -> bytes:
    """Keep a whole request; a list where the URL climbs, else the words go on in the answer."""
    request = await reader.readuntil(b"\r\n\r\n")
    asked.append(request)
    words = ACTS.encode()
    if request.startswith(f"GET {CLIMBS} ".encode()):
        body = good_list(CA)
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    if len(asked) % 2:
        return b"HTTP/1.1 302 " + words + b"\r\nLocation: http://" + words + b"/\r\n\r\n"
    return b"HTTP/1.1 404 " + words + b"\r\nContent-Type: " + words + b"\r\n\r\n" + words


def scan(port: int, folder: Path, *options: str) -> str:
    """What the command prints for a person and for a machine, of a leaf whose issuer is missing."""
    command = [sys.executable, "-m", "fleetscan", "scan", "--trust", str(folder / "root.pem")]
    command += ["--state", str(folder / "state"), "--fetch", "aia", "--revocation", "all"]
    command += ["--fetch-allow", "127.0.0.0/8", *options, f"www.example.com@127.0.0.1:{port}"]
    done = subprocess.run(
        command,
        capture_output=True,
        timeout=BOUND_S,
        check=True,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "HOME": str(folder)},
    )
    return (done.stdout + done.stderr).decode()


@pytest.mark.parametrize("sends_issuer", [False, True], ids=["issuer-missing", "issuer-sent"])
def test_words_of_strangers_stay_words(sends_issuer: bool, tmp_path: Path) -> None:
    """Through a whole scan that follows every URL of a certificate, and keeps what it finds."""
    asked: list[bytes] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await answered(asked, reader))
        await writer.drain()
        writer.close()

    async def work() -> list[str]:
        async with servers.serving(handler) as http_port:
            own = hostile_leaf(f"http://127.0.0.1:{http_port}", CA)
            chain = [own, CA] if sends_issuer else [own]
            async with tls_server(chain, tmp_path) as port:
                return [
                    await asyncio.to_thread(scan, port, tmp_path, *options)
                    for options in (("-j",), ("-o", "out.jsonl"), ())
                ]

    (tmp_path / "root.pem").write_bytes(ROOT.pem)
    printed = run("uvloop", work())
    printed.append((tmp_path / "out.jsonl").read_text())

    for text in printed:
        assert PRINTABLE_LINES.fullmatch(text), text
    assert asked
    for request in asked:
        assert request.startswith((b"GET /", b"POST /"))
        assert b"X-Injected" not in request.partition(b"\r\n")[2]
        assert re.fullmatch(rb"[\x21-\x7e]+ [\x21-\x7e]+ HTTP/1\.1", request.split(b"\r\n")[0])
    kept = {path.name for path in (tmp_path / "state").rglob("*")}
    assert all(KEPT.fullmatch(each) for each in kept), kept
    assert any(each.endswith(".crl") for each in kept) is sends_issuer
    assert not any("climbed" in path.name for path in tmp_path.rglob("*"))
    assert not Path("/tmp/climbed").exists()
