"""OpenSSL's names of cipher suites, and the versions in which suites exist, against OpenSSL."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache

import pytest
from OpenSSL import SSL

from fleetscan.registry import cipher_suites
from fleetscan.registry.openssl_names import code_points, openssl_name
from fleetscan.tls.suite_versions import exists_in

EVERYTHING = "ALL:COMPLEMENTOFALL:@SECLEVEL=0"
TLS10, TLS11, TLS12, TLS13 = 0x0301, 0x0302, 0x0303, 0x0304

# From the tables of openssl-ciphers(1): suites that current builds leave out.
LEFT_OUT = {
    0x0003: "EXP-RC4-MD5",
    0x0004: "RC4-MD5",
    0x0005: "RC4-SHA",
    0x0006: "EXP-RC2-CBC-MD5",
    0x0007: "IDEA-CBC-SHA",
    0x0009: "DES-CBC-SHA",
    0x000A: "DES-CBC3-SHA",
    0x0013: "DHE-DSS-DES-CBC3-SHA",
    0x0016: "DHE-RSA-DES-CBC3-SHA",
    0x0018: "ADH-RC4-MD5",
    0x001B: "ADH-DES-CBC3-SHA",
    0x0031: "DH-RSA-AES128-SHA",
    0x0036: "DH-DSS-AES256-SHA",
    0x008A: "PSK-RC4-SHA",
    0x008B: "PSK-3DES-EDE-CBC-SHA",
    0x0096: "SEED-SHA",
    0x009A: "DHE-RSA-SEED-SHA",
    0xC004: "ECDH-ECDSA-AES128-SHA",
    0xC007: "ECDHE-ECDSA-RC4-SHA",
    0xC011: "ECDHE-RSA-RC4-SHA",
    0xC012: "ECDHE-RSA-DES-CBC3-SHA",
    0xC016: "AECDH-RC4-SHA",
    0xC01A: "SRP-3DES-EDE-CBC-SHA",
    0xC034: "ECDHE-PSK-3DES-EDE-CBC-SHA",
}


@cache
def printed() -> dict[int, tuple[str, str]]:
    """What `openssl ciphers -V` prints: code point to name and first version."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    done = subprocess.run(
        ["openssl", "ciphers", "-V", EVERYTHING], capture_output=True, text=True, check=True
    )
    found = {}
    for line in done.stdout.splitlines():
        octets, _, name, version = line.split()[:4]
        first, second = octets.split(",")
        found[int(first, 16) << 8 | int(second, 16)] = (name, version)
    return found


def test_openssl_prints_enough_to_compare() -> None:
    """A control: the list below is not empty by accident."""
    assert len(printed()) > 100
    assert set(printed()) <= set(cipher_suites.NAMES)


def test_every_name_that_openssl_prints() -> None:
    """The same code point has the same name here."""
    names = {code: name for code, (name, _) in printed().items()}

    assert {code: openssl_name(code) for code in names} == names


def test_the_newer_openssl_knows_no_other_names() -> None:
    """The library of the test dependencies is built with other suites than the program."""
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_cipher_list(EVERYTHING.encode())
    listed = SSL.Connection(context).get_cipher_list()

    assert len(listed) > 100
    assert set(listed) <= set(code_points())


def test_names_of_suites_that_are_left_out_of_builds() -> None:
    """Old configurations are full of them."""
    assert {code: openssl_name(code) for code in LEFT_OUT} == LEFT_OUT


def test_a_name_has_one_code_point() -> None:
    """No two suites share a name, and the older spelling of DHE is understood."""
    named = [name for name in map(openssl_name, cipher_suites.NAMES) if name is not None]

    assert len(set(named)) == len(named)
    assert code_points()["EDH-RSA-DES-CBC3-SHA"] == 0x0016
    assert code_points()["EDH-DSS-DES-CBC-SHA"] == 0x0012
    assert not [name for name in code_points() if "ECEDH" in name]


@pytest.mark.parametrize("code", [0x00FF, 0x5600, 0x1234, 0x001E, 0xC0B0, 0x0081])
def test_what_openssl_never_had(code: int) -> None:
    """Signals, unknown numbers, Kerberos, passwords, GOST: no name is made up."""
    assert openssl_name(code) is None


def test_the_first_version_of_a_suite_is_openssls() -> None:
    """`-V` prints it: SSLv3 and TLSv1 for what TLS 1.0 has, TLSv1.2, TLSv1.3."""
    for code, (name, version) in printed().items():
        if version == "TLSv1.3":
            expected = [TLS13]
        else:
            expected = [TLS12] if version == "TLSv1.2" else [TLS10, TLS11, TLS12]
        found = [each for each in (TLS10, TLS11, TLS12, TLS13) if exists_in(code, each)]
        assert found == expected, name


@pytest.mark.parametrize("code", [0x00FF, 0x5600, 0x3A3A, 0x1234])
def test_what_is_no_suite_exists_in_no_version(code: int) -> None:
    """Signals, bait and numbers that nobody registered."""
    assert not any(exists_in(code, version) for version in (TLS10, TLS11, TLS12, TLS13))


def test_gost_with_mgm_is_of_tls13() -> None:
    """RFC 9367 section 4; the others of RFC 9189 are of TLS 1.2."""
    for code in range(0xC103, 0xC107):
        assert exists_in(code, TLS13)
        assert not exists_in(code, TLS12)
    for code in (0xC100, 0xC101):
        assert not exists_in(code, TLS13)
        assert exists_in(code, TLS12)
        assert not exists_in(code, TLS11)
