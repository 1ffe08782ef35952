"""Where trust is read from: directories, each system's layout, OpenSSL's settings, keychains."""

from __future__ import annotations

import hashlib
import os
import plistlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from fleetscan import limits
from fleetscan.errors import UsageError
from fleetscan.pki.keychain import keychain_certificates
from fleetscan.pki.trust import (
    SYSTEM_BUNDLES,
    TrustStore,
    load_directory,
    load_file,
    load_system,
    load_trust,
)
from tests.certificates import Issued, intermediate, root, tlv

ROOT: Final = root()
OTHER: Final = root("Other Root")
THIRD: Final = root("Third Root")
CA: Final = intermediate(ROOT)
OPENSSL: Final = shutil.which("openssl")
needs_openssl = pytest.mark.skipif(OPENSSL is None, reason="needs openssl")


def hashes(*certificates: Issued) -> set[str]:
    """Their hashes."""
    return {one.parsed.sha256 for one in certificates}


def hashes_of(store: TrustStore) -> set[str]:
    """The anchors' hashes."""
    return {one.sha256 for one in store.anchors}


def openssl(*arguments: str | Path) -> None:
    """Run openssl."""
    assert OPENSSL is not None
    subprocess.run([OPENSSL, *map(str, arguments)], check=True, capture_output=True)


# -- directories -----------------------------------------------------------------


def test_a_directory_of_certificates(tmp_path: Path) -> None:
    """Its certificate files, PEM and DER, by their endings in any case; nothing else."""
    (tmp_path / "a.pem").write_bytes(ROOT.pem)
    (tmp_path / "b.CRT").write_bytes(OTHER.der)
    (tmp_path / "c.der").write_bytes(THIRD.der)
    (tmp_path / "copy.cer").write_bytes(ROOT.pem)
    (tmp_path / "README").write_bytes(CA.pem)
    (tmp_path / "old.pem.bak").write_bytes(CA.pem)
    (tmp_path / "key.pem").write_bytes(ROOT.key_pem)
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "d.pem").write_bytes(CA.pem)
    store = load_trust([str(tmp_path)])

    assert hashes_of(store) == hashes(ROOT, OTHER, THIRD)
    assert store.refused == ()
    assert store.sources_of(ROOT.parsed) == (str(tmp_path),)


@needs_openssl
def test_a_directory_hashed_by_openssl(tmp_path: Path) -> None:
    """`openssl rehash` makes links `xxxxxxxx.0`; here they are all that is left of the names."""
    (tmp_path / "real").mkdir()
    hashed = tmp_path / "hashed"
    hashed.mkdir()
    for number, one in enumerate((ROOT, OTHER)):
        (hashed / f"{number}.pem").write_bytes(one.pem)
    openssl("rehash", hashed)
    links = [path for path in hashed.iterdir() if path.is_symlink()]
    for number in (0, 1):
        (hashed / f"{number}.pem").rename(tmp_path / "real" / f"{number}.txt")
    for link in links:
        target = tmp_path / "real" / link.readlink().with_suffix(".txt").name
        link.unlink()
        link.symlink_to(target)

    assert len(links) == 2
    assert hashes_of(load_directory(str(hashed))) == hashes(ROOT, OTHER)


def test_links_in_circles_and_to_nowhere_are_skipped(tmp_path: Path) -> None:
    """And a file with many links is read once: a broken one is told once."""
    (tmp_path / "a.pem").write_bytes(ROOT.pem)
    (tmp_path / "broken.pem").write_bytes(Issued(der=b"\x30\x00", key=ROOT.key, name=ROOT.name).pem)
    (tmp_path / "0123abcd.0").symlink_to("broken.pem")
    (tmp_path / "circle.pem").symlink_to("circle.crt")
    (tmp_path / "circle.crt").symlink_to("circle.pem")
    (tmp_path / "nowhere.pem").symlink_to("none.pem")
    (tmp_path / "self").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe.pem")
    store = load_directory(str(tmp_path))

    assert hashes_of(store) == hashes(ROOT)
    assert len(store.refused) == 1


@pytest.mark.parametrize("names", [(), ("README", "x.txt"), ("key.pem",)])
def test_a_directory_without_certificates_is_one_clear_line(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    """Which directory, and what would count."""
    for name in names:
        (tmp_path / name).write_bytes(ROOT.key_pem)

    with pytest.raises(UsageError) as caught:
        load_trust([str(tmp_path)])
    assert f"{tmp_path} holds no certificate" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_directory_is_bounded_in_entries_and_octets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--trust /usr/share` ends, whatever is there."""
    for number in range(3):
        (tmp_path / f"{number}.pem").write_bytes(ROOT.pem)
    monkeypatch.setattr(limits, "MAX_TRUST_FILE", 2 * len(ROOT.pem))
    with pytest.raises(UsageError, match="holds more than"):
        load_directory(str(tmp_path))

    monkeypatch.setattr(limits, "MAX_TRUST_DIRECTORY", 2)
    with pytest.raises(UsageError, match="more than 2 entries"):
        load_directory(str(tmp_path))


# -- OpenSSL's trust settings ------------------------------------------------------


@needs_openssl
@pytest.mark.parametrize(
    ("options", "anchor", "explicit"),
    [
        pytest.param([], True, False, id="none"),
        pytest.param(["-setalias", "My CA"], True, False, id="alias-only"),
        pytest.param(["-addtrust", "serverAuth"], True, True, id="trusted"),
        pytest.param(["-addtrust", "anyExtendedKeyUsage"], True, True, id="for-anything"),
        pytest.param(["-addtrust", "emailProtection"], False, False, id="for-mail-only"),
        pytest.param(["-addreject", "serverAuth"], False, False, id="rejected"),
        pytest.param(["-addreject", "anyExtendedKeyUsage"], False, False, id="for-nothing"),
        pytest.param(["-addreject", "emailProtection"], True, False, id="mail-rejected"),
        pytest.param(
            ["-addtrust", "serverAuth", "-addreject", "serverAuth"], False, False, id="both"
        ),
    ],
)
def test_trust_settings_as_openssl_writes_and_reads_them(
    tmp_path: Path, options: list[str], anchor: bool, explicit: bool
) -> None:
    """`openssl x509 -trustout`: the certificate is taken, and its settings are obeyed.

    openssl-x509(1), "Trust Settings"; `explicit` is an anchor that did not sign itself and
    is one all the same.
    """
    (tmp_path / "plain.pem").write_bytes(CA.pem)
    bundle = tmp_path / "trusted.pem"
    openssl("x509", "-in", tmp_path / "plain.pem", "-trustout", *options, "-out", bundle)
    assert b"BEGIN TRUSTED CERTIFICATE" in bundle.read_bytes()
    bundle.write_bytes(bundle.read_bytes() + ROOT.pem)
    store = load_file(str(bundle))

    assert hashes_of(store) == (hashes(CA, ROOT) if anchor else hashes(ROOT))
    assert store.with_self_signed_only().is_anchor(CA.parsed) is explicit
    assert store.refused == ()


def test_settings_that_cannot_be_read_are_told_and_not_taken_for_trust(tmp_path: Path) -> None:
    """Whether it was rejected is then not known."""
    block = CA.der + tlv(0x04, b"no settings")
    (tmp_path / "x.pem").write_bytes(pem(block))
    with pytest.raises(UsageError, match="trust settings that cannot be read"):
        load_file(str(tmp_path / "x.pem"))


def test_a_file_of_rejected_certificates_says_so(tmp_path: Path) -> None:
    """Red Hat's ca-bundle.trust.crt has such ones among its others."""
    reject = tlv(0xA0, tlv(0x06, bytes.fromhex("2b06010505070301")))
    (tmp_path / "x.pem").write_bytes(pem(ROOT.der + tlv(0x30, reject)))

    with pytest.raises(UsageError, match="no certificate that is trusted for servers"):
        load_file(str(tmp_path / "x.pem"))


def pem(block: bytes) -> bytes:
    """A block under OpenSSL's label."""
    made = Issued(der=block, key=ROOT.key, name=ROOT.name).pem
    return made.replace(b"CERTIFICATE", b"TRUSTED CERTIFICATE")


# -- this machine's roots ----------------------------------------------------------


# Files, links and directories as the systems' packages install them: Debian's and Alpine's
# ca-certificates (Alpine's -bundle has the link /etc/ssl/cert.pem), Fedora's update-ca-trust(8),
# openSUSE's ca-certificates, Arch's ca-certificates-utils, FreeBSD's certctl(8) and
# ca_root_nss, OpenBSD's and NetBSD's base.
LAYOUTS: Final[dict[str, tuple[str, ...]]] = {
    "debian": ("/etc/ssl/certs/ca-certificates.crt",),
    "fedora": (
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
        "/etc/pki/tls/certs/ca-bundle.crt -> /etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    ),
    "red-hat-6": ("/etc/pki/tls/certs/ca-bundle.crt",),
    "alpine": (
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/ssl/cert.pem -> /etc/ssl/certs/ca-certificates.crt",
    ),
    "suse": (
        "/var/lib/ca-certificates/ca-bundle.pem",
        "/etc/ssl/ca-bundle.pem -> /var/lib/ca-certificates/ca-bundle.pem",
    ),
    "arch": (
        "/etc/ca-certificates/extracted/tls-ca-bundle.pem",
        "/etc/ssl/certs/ca-certificates.crt -> /etc/ca-certificates/extracted/tls-ca-bundle.pem",
    ),
    "freebsd-certctl": (
        "/usr/share/certs/trusted/Root.pem",
        "/etc/ssl/certs/01234567.0 -> /usr/share/certs/trusted/Root.pem",
    ),
    "freebsd-ca-root-nss": ("/usr/local/share/certs/ca-root-nss.crt",),
    "openbsd": ("/etc/ssl/cert.pem",),
    "netbsd": (
        "/usr/share/certs/mozilla/Root.pem",
        "/etc/openssl/certs/01234567.0 -> /usr/share/certs/mozilla/Root.pem",
    ),
    "macos-homebrew": ("/opt/homebrew/etc/openssl@3/cert.pem",),
}


@pytest.mark.parametrize("system", LAYOUTS)
def test_the_roots_of_each_system_are_found(tmp_path: Path, system: str) -> None:
    """In a tree of the system's own layout; directories that are empty do not count."""
    for directory in ("/etc/ssl/certs", "/etc/pki/tls/certs"):
        (tmp_path / directory[1:]).mkdir(parents=True)
    for entry in LAYOUTS[system]:
        name, _, target = entry.partition(" -> ")
        path = tmp_path / name[1:]
        path.parent.mkdir(parents=True, exist_ok=True)
        if target:
            path.symlink_to(tmp_path / target[1:])
        else:
            path.write_bytes(ROOT.pem)
    bundles = [str(tmp_path / bundle[1:]) for bundle in SYSTEM_BUNDLES]
    store = load_system({}, bundles, str(tmp_path / "security"))

    assert hashes_of(store) == hashes(ROOT)
    assert store.sources == ("system",)


def test_the_environment_stands_in_the_place_of_everything_else(tmp_path: Path) -> None:
    """SSL_CERT_FILE and SSL_CERT_DIR (openssl-env(7)), together where both are set."""
    (tmp_path / "file.pem").write_bytes(ROOT.pem)
    (tmp_path / "usual.pem").write_bytes(THIRD.pem)
    (tmp_path / "dir").mkdir()
    (tmp_path / "dir" / "a.pem").write_bytes(OTHER.pem)
    file = {"SSL_CERT_FILE": str(tmp_path / "file.pem")}
    directory = {"SSL_CERT_DIR": f"/nowhere:{tmp_path / 'dir'}:"}
    usual = [str(tmp_path / "usual.pem")]

    assert hashes_of(load_system(file, usual)) == hashes(ROOT)
    assert hashes_of(load_system(directory, usual)) == hashes(OTHER)
    both = load_system(file | directory, usual)
    assert hashes_of(both) == hashes(ROOT, OTHER)
    assert both.sources == ("system",)
    assert hashes_of(load_system({"SSL_CERT_DIR": ""}, usual)) == hashes(THIRD)


def test_an_environment_that_names_nothing_is_one_clear_line(tmp_path: Path) -> None:
    """A scan that trusts other roots than it was told to would tell wrong causes."""
    (tmp_path / "usual.pem").write_bytes(THIRD.pem)

    with pytest.raises(UsageError, match="SSL_CERT_DIR names no directory"):
        load_system({"SSL_CERT_DIR": str(tmp_path / "none")}, [str(tmp_path / "usual.pem")])


# -- macOS ---------------------------------------------------------------------------

SECURITY: Final = """\
#!{python}
import pathlib, sys

here = pathlib.Path(__file__).parent
verb, *rest = sys.argv[1:]
if verb == "find-certificate":
    name = rest[-1].rpartition("/")[2] if rest[-1] != "-p" else "login"
else:
    name = "admin.plist" if "-d" in rest else "user.plist"
found = here / name
if not found.exists():
    sys.exit(1)
if verb == "find-certificate":
    sys.stdout.buffer.write(found.read_bytes())
else:
    pathlib.Path(rest[-1]).write_bytes(found.read_bytes())
"""
"""Answers as security(1): find-certificate -a -p [KEYCHAIN], trust-settings-export [-d] FILE."""

# Apple's policies 1.2.840.113635.100.1.3 and .8, under the names of SecPolicy.h.
FOR_SERVERS: Final = {
    "kSecTrustSettingsPolicy": bytes.fromhex("2a864886f763640103"),
    "kSecTrustSettingsPolicyName": "sslServer",
}
FOR_MAIL: Final = {
    "kSecTrustSettingsPolicy": bytes.fromhex("2a864886f763640108"),
    "kSecTrustSettingsPolicyName": "SMIME",
}


def mac(
    directory: Path,
    *,
    roots: tuple[Issued, ...] = (),
    added: tuple[Issued, ...] = (),
    login: tuple[Issued, ...] = (),
    admin: dict[Issued, list[dict[str, Any]]] | None = None,
    user: dict[Issued, list[dict[str, Any]]] | None = None,
) -> str:
    """A program like `security` with these keychains and settings."""
    program = directory / "security"
    program.write_text(SECURITY.format(python=sys.executable))
    program.chmod(0o755)
    keychains = {
        "SystemRootCertificates.keychain": roots,
        "System.keychain": added,
        "login": login,
    }
    for name, certificates in keychains.items():
        (directory / name).write_bytes(b"".join(one.pem for one in certificates))
    for name, settings in (("admin", admin), ("user", user)):
        if settings is not None:
            listed = {
                hashlib.sha1(one.der).hexdigest().upper(): {"trustSettings": rows}
                for one, rows in settings.items()
            }
            exported = {"trustVersion": 1, "trustList": listed}
            (directory / f"{name}.plist").write_bytes(plistlib.dumps(exported))
    return str(program)


def trusted(program: str) -> set[str]:
    """The hashes of what it trusts."""
    return {one.sha256 for one in keychain_certificates(program)}


def test_a_mac_trusts_apples_roots_and_what_settings_trust(tmp_path: Path) -> None:
    """A certificate that only lies in a keychain is not trusted."""
    program = mac(tmp_path, roots=(ROOT,), added=(OTHER, THIRD), admin={OTHER: [FOR_SERVERS]})

    assert trusted(program) == hashes(ROOT, OTHER)
    store = load_system({}, [], program)
    assert hashes_of(store) == hashes(ROOT, OTHER)
    assert store.sources == ("system",)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param([], True, id="always"),
        pytest.param([{}], True, id="no-conditions"),
        pytest.param([FOR_SERVERS], True, id="servers"),
        pytest.param([FOR_MAIL], False, id="mail"),
        pytest.param([FOR_MAIL, FOR_SERVERS], True, id="mail-and-servers"),
        pytest.param([FOR_SERVERS | {"kSecTrustSettingsResult": 1}], True, id="trust-root"),
        pytest.param([FOR_SERVERS | {"kSecTrustSettingsResult": 2}], False, id="as-root"),
        pytest.param([FOR_SERVERS | {"kSecTrustSettingsResult": 3}], False, id="deny"),
        pytest.param([FOR_SERVERS | {"kSecTrustSettingsResult": 4}], False, id="unspecified"),
        pytest.param(
            [FOR_SERVERS | {"kSecTrustSettingsPolicyString": "a.example"}], False, id="one-name"
        ),
        pytest.param(
            [FOR_SERVERS | {"kSecTrustSettingsApplication": b"x"}], False, id="one-program"
        ),
    ],
)
def test_which_settings_trust_a_root(
    tmp_path: Path, rows: list[dict[str, Any]], expected: bool
) -> None:
    """Apple's SecTrustSettings.h, "Trust Settings": the array and the keys of a constraint."""
    program = mac(tmp_path, login=(OTHER,), user={OTHER: rows})

    assert (trusted(program) == hashes(OTHER)) is expected


def test_an_intermediate_is_trusted_as_root_only(tmp_path: Path) -> None:
    """TrustRoot is for what signed itself, TrustAsRoot for any other (SecTrustSettings.h)."""
    as_root = [FOR_SERVERS | {"kSecTrustSettingsResult": 2}]

    assert trusted(mac(tmp_path, added=(CA,), admin={CA: as_root})) == hashes(CA)
    assert trusted(mac(tmp_path, added=(CA,), admin={CA: []})) == set()


def test_a_denied_root_is_left_out_and_the_user_decides_before_the_administrator(
    tmp_path: Path,
) -> None:
    """Domains are asked in this order (SecTrustSettings.h)."""
    deny = [FOR_SERVERS | {"kSecTrustSettingsResult": 3}]

    assert trusted(mac(tmp_path, roots=(ROOT, OTHER), admin={ROOT: deny})) == hashes(OTHER)
    again = mac(tmp_path, roots=(ROOT, OTHER), admin={ROOT: deny}, user={ROOT: []})
    assert trusted(again) == hashes(ROOT, OTHER)


@pytest.mark.parametrize("broken", [b"", b"no plist", b"<plist><array/></plist>", b"bplist00x"])
def test_settings_that_cannot_be_read_trust_nothing_more(tmp_path: Path, broken: bytes) -> None:
    """Apple's own roots are still trusted."""
    program = mac(tmp_path, roots=(ROOT,), added=(OTHER,))
    (tmp_path / "admin.plist").write_bytes(broken)

    assert trusted(program) == hashes(ROOT)


def test_a_program_that_fails_or_hangs_leaves_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`system` then is the bundle of whatever is installed."""
    monkeypatch.setattr(limits, "KEYCHAIN_DEADLINE_S", 0.05)
    program = tmp_path / "security"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    (tmp_path / "cert.pem").write_bytes(OTHER.pem)

    bundles = [str(tmp_path / "cert.pem")]

    assert hashes_of(load_system({}, bundles, str(program))) == hashes(OTHER)
    program.write_text("#!/bin/sh\nexit 1\n")
    store = load_system({}, bundles, str(program))
    assert hashes_of(store) == hashes(OTHER)
    assert "keychains" in store.refused[0]
