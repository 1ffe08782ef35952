"""Half a million entries: found, bounded in memory, and read once for all that is sought."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Final

import pytest
from cryptography import x509

from fleetscan.pki.crl import check_crl
from fleetscan.pki.revocation import RevocationStatus
from tests.certificates import NOW, leaf, root, tlv
from tests.crls import signed_crl
from tests.octets import reason_code, sequence, utc_time

ENTRIES: Final = 500_000
CA: Final = root("Large Root")
LISTED: Final = [leaf(CA, f"listed{number}.example") for number in range(50)]
CLEAR: Final = [leaf(CA, f"clear{number}.example") for number in range(50)]

# A process that asks, and says how much more memory it had at its worst than before.
ASKING: Final = r"""
import re, sys
from fleetscan._parse import parse_certificate
from fleetscan.pki.crl import check_crl
child, issuer = (parse_certificate(open(name, "rb").read()) for name in sys.argv[2:4])
def most():
    return int(re.search(r"VmHWM:\s+(\d+) kB", open("/proc/self/status").read())[1])
before = most()
with open(sys.argv[1], "rb") as file:
    (answer,) = check_crl(file, certificates=[child], issuer=issuer, now=float(sys.argv[4]))
print(answer.status.value, before, most())
"""


def entries(count: int) -> bytes:
    """So many entries of 49 octets, with serial numbers of 16; the LISTED among them, evenly."""
    tail = utc_time("261124000000Z") + sequence(reason_code(5))
    row = bytearray()
    serials = [one.parsed.serial_octets for one in LISTED]
    for number in range(count):
        at, rest = divmod(number, count // len(serials))
        octets = serials[at] if not rest and at < len(serials) else _serial(number)
        row += tlv(0x30, tlv(0x02, octets) + tail)
    return bytes(row)


def _serial(number: int) -> bytes:
    # Spread like random numbers, and never the serial number of a test certificate.
    return b"\x7f" + (number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % (1 << 120)).to_bytes(15, "big")


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A signed CRL of half a million entries, DER."""
    path = tmp_path_factory.mktemp("crl") / "large.crl"
    path.write_bytes(signed_crl(CA, entries=(entries(ENTRIES),)))
    return path


def test_the_list_is_what_it_says(large: Path) -> None:
    """`cryptography` counts the entries and finds one."""
    crl = x509.load_der_x509_crl(large.read_bytes())
    found = crl.get_revoked_certificate_by_serial_number(LISTED[7].parsed.serial_number)

    assert len(crl) == ENTRIES
    assert found is not None


def test_one_pass_finds_all_that_is_sought_and_holds_none_of_the_rest(large: Path) -> None:
    """A hundred certificates in one pass, in less memory than a hundredth of the list."""
    certificates = [one.parsed for one in (*LISTED, *CLEAR)]
    with large.open("rb") as file:
        tracemalloc.start()
        answers = check_crl(file, certificates=certificates, issuer=CA.parsed, now=NOW)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    expected = [RevocationStatus.REVOKED] * len(LISTED) + [RevocationStatus.GOOD] * len(CLEAR)
    assert [one.status for one in answers] == expected
    assert peak < large.stat().st_size // 25


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux's /proc")
def test_fifty_megabytes_take_less_than_a_hundred(tmp_path: Path) -> None:
    """The whole process, interpreter and libraries too; the list adds next to nothing."""
    crl, child, issuer = tmp_path / "list.crl", tmp_path / "child.der", tmp_path / "issuer.der"
    crl.write_bytes(signed_crl(CA, entries=(entries(1 << 14) * 64,)))
    child.write_bytes(CLEAR[0].der)
    issuer.write_bytes(CA.der)
    asked = subprocess.run(
        [sys.executable, "-c", ASKING, *map(str, (crl, child, issuer, NOW))],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    status, before, after = asked.stdout.split()

    assert crl.stat().st_size > 50_000_000
    assert status == "good"
    assert int(after) < 100_000
    assert int(after) - int(before) < 16_000
