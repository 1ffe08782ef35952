"""The registries: names of code points, and what a suite's name says."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from fleetscan.registry import (
    alerts,
    cipher_suites,
    content_types,
    extension_types,
    groups,
    handshake_types,
    signature_schemes,
    versions,
)

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("registry", "code", "name"),
    [
        # RFC 8446 sections B.4, 4.2.7, 4.2.3, 6, 4.2, 5.1 and 4.
        (cipher_suites, 0x1301, "TLS_AES_128_GCM_SHA256"),
        (cipher_suites, 0xC02F, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
        (groups, 0x001D, "x25519"),
        (groups, 0x0017, "secp256r1"),
        (groups, 0x0100, "ffdhe2048"),
        (groups, 0x11EC, "X25519MLKEM768"),
        (signature_schemes, 0x0804, "rsa_pss_rsae_sha256"),
        (signature_schemes, 0x0403, "ecdsa_secp256r1_sha256"),
        (alerts, 0, "close_notify"),
        (alerts, 40, "handshake_failure"),
        (alerts, 112, "unrecognized_name"),
        (alerts, 116, "certificate_required"),
        (extension_types, 0, "server_name"),
        (extension_types, 51, "key_share"),
        (extension_types, 0xFF01, "renegotiation_info"),
        (content_types, 22, "handshake"),
        (handshake_types, 2, "server_hello"),
        # result.md's own names.
        (versions, 0x0304, "TLSv1.3"),
        (versions, 0x0303, "TLSv1.2"),
        (versions, 0x0302, "TLSv1.1"),
        (versions, 0x0301, "TLSv1"),
        (versions, 0x0300, "SSLv3"),
        # Unknown code points are written in hexadecimal.
        (cipher_suites, 0x1234, "0x1234"),
        (groups, 0x0A0A, "0x0a0a"),
        (versions, 0x7F1C, "0x7f1c"),
        (alerts, 200, "0xc8"),
    ],
)
def test_names(registry: ModuleType, code: int, name: str) -> None:
    """IANA's name, or the number."""
    assert registry.name_of(code) == name


@pytest.mark.parametrize(
    ("code", "parts"),
    [
        # key exchange, authentication, encryption, hash, forward secrecy, weakness
        (0x1302, ("any", "any", "AES_256_GCM", "SHA384", True, "")),
        (0xC02B, ("ECDHE", "ECDSA", "AES_128_GCM", "SHA256", True, "")),
        (0xCCA8, ("ECDHE", "RSA", "CHACHA20_POLY1305", "SHA256", True, "")),
        (0x002F, ("RSA", "RSA", "AES_128_CBC", "SHA", False, "")),
        (0x0033, ("DHE", "RSA", "AES_128_CBC", "SHA", True, "")),
        (0x0031, ("DH", "RSA", "AES_128_CBC", "SHA", False, "")),
        (0xC004, ("ECDH", "ECDSA", "AES_128_CBC", "SHA", False, "")),
        (0x0001, ("RSA", "RSA", "NULL", "MD5", False, "null")),
        (0x0003, ("RSA", "RSA", "RC4_40", "MD5", False, "export")),
        (0x0004, ("RSA", "RSA", "RC4_128", "MD5", False, "rc4")),
        (0x0009, ("RSA", "RSA", "DES_CBC", "SHA", False, "des")),
        (0x000A, ("RSA", "RSA", "3DES_EDE_CBC", "SHA", False, "3des")),
        (0x0018, ("DHE", "anon", "RC4_128", "MD5", True, "anon")),
        (0xC018, ("ECDHE", "anon", "AES_128_CBC", "SHA", True, "anon")),
        (0x0022, ("KRB5", "KRB5", "DES_CBC", "MD5", False, "des")),
        (0x0025, ("KRB5", "KRB5", "IDEA_CBC", "MD5", False, "md5")),
        (0x00A8, ("PSK", "PSK", "AES_128_GCM", "SHA256", False, "")),
        (0x00AC, ("RSA", "RSA_PSK", "AES_128_GCM", "SHA256", False, "")),
        (0xC035, ("ECDHE", "PSK", "AES_128_CBC", "SHA", True, "")),
        (0xC09C, ("RSA", "RSA", "AES_128_CCM", "SHA256", False, "")),
        (0xC0B4, ("any", "any", "NULL", "SHA256", True, "null")),
    ],
)
def test_parts_of_a_suite(code: int, parts: tuple[str, str, str, str, bool, str]) -> None:
    """Read off the names of RFC 5246 appendix A.5, RFC 5288, RFC 8422 and their like."""
    described = cipher_suites.describe(code)
    assert described is not None
    assert tuple(described)[1:] == parts
    assert described.name == cipher_suites.name_of(code)


@pytest.mark.parametrize("code", [0x00FF, 0x5600, 0x1234])
def test_signals_and_unknown_suites_have_no_parts(code: int) -> None:
    """TLS_EMPTY_RENEGOTIATION_INFO_SCSV and TLS_FALLBACK_SCSV choose nothing."""
    assert cipher_suites.describe(code) is None


def test_every_weak_word_is_caught() -> None:
    """No suite with a broken part in its name goes without a weakness."""
    words = ("NULL", "EXPORT", "RC4", "3DES", "_DES_", "DES40", "anon", "MD5", "RC2")
    for code, name in cipher_suites.NAMES.items():
        described = cipher_suites.describe(code)
        if described is not None:
            weak = any(word in name for word in words) or described.encryption == "NULL"
            assert (described.weakness != "") is weak, name


def generate(*arguments: str, script: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the generator."""
    path = script or ROOT / "tools/registry/generate.py"
    return subprocess.run(
        [sys.executable, str(path), *arguments], capture_output=True, text=True, check=False
    )


def test_the_generated_modules_are_fresh() -> None:
    """What is checked in is what the CSV files give."""
    assert generate("--check").returncode == 0


def test_a_stale_module_is_told_with_what_to_run(tmp_path: Path) -> None:
    """--check ends with 1, names the module and the command, and writes nothing."""
    shutil.copytree(ROOT / "tools/registry", tmp_path / "tools/registry")
    shutil.copytree(
        ROOT / "fleetscan/registry",
        tmp_path / "fleetscan/registry",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    script = tmp_path / "tools/registry/generate.py"
    with (tmp_path / "tools/registry/alerts.csv").open("a") as source:
        source.write("0x00fa,made_up,nowhere\n")
    before = (tmp_path / "fleetscan/registry/alerts.py").read_text()

    told = generate("--check", script=script)
    assert told.returncode == 1
    assert "alerts.py" in told.stderr
    assert "python tools/registry/generate.py" in told.stderr
    assert (tmp_path / "fleetscan/registry/alerts.py").read_text() == before

    assert generate(script=script).returncode == 0
    assert "MADE_UP: Final = 250" in (tmp_path / "fleetscan/registry/alerts.py").read_text()
    assert generate("--check", script=script).returncode == 0


def test_importing_a_registry_imports_nothing_else_of_ours() -> None:
    """The lowest layer: a dict literal, cheap for `--version` and `explain`."""
    code = (
        "import sys; from fleetscan.registry import cipher_suites;"
        "print(sorted(m for m in sys.modules if m.startswith('fleetscan.')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == "['fleetscan.registry', 'fleetscan.registry.cipher_suites']"
