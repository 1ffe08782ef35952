"""What macOS trusts, asked of its own program `security`: keychains and trust settings.

`/etc/ssl/cert.pem` is Apple's list for LibreSSL and knows nothing of what an administrator
added or took away. A certificate in a keychain is not trusted for being there: the trust
settings decide, and only those that hold for TLS servers, for every name and every program
are taken here, as Chrome does.
"""

from __future__ import annotations

import hashlib
import plistlib
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from xml.parsers.expat import ExpatError

from fleetscan import limits
from fleetscan._parse import Certificate, parse_certificate
from fleetscan.errors import ParseError
from fleetscan.pki.certificate_files import read_certificates
from fleetscan.pki.self_issued import is_self_issued

_ROOTS: Final = "/System/Library/Keychains/SystemRootCertificates.keychain"
_ADDED: Final = ((), ("/Library/Keychains/System.keychain",))
"""The user's search list, and the keychain that administrators add to."""

_DOMAINS: Final = ((), ("-d",))
"""The user's own settings, then the administrator's; the first that has one decides
(SecTrustSettings.h, "Trust Settings Domains")."""

_TLS_SERVER: Final = bytes.fromhex("2a864886f763640103")
"""1.2.840.113635.100.1.3, Apple's policy for TLS servers."""

_TRUST_ROOT: Final = 1
_TRUST_AS_ROOT: Final = 2
_DENY: Final = 3
"""kSecTrustSettingsResult: the first for what signed itself, the second for any other."""


def keychain_certificates(program: str) -> list[Certificate]:
    """Give what this Mac trusts for TLS servers; [] where it cannot be found out.

    Args:
        program: `security`, run at most five times with a deadline each.
    """
    domains = [_settings(program, flags) for flags in _DOMAINS]
    found = [one for one in _certificates(program, _ROOTS) if _verdict(one, domains) is not False]
    for keychain in _ADDED:
        found += [
            one for one in _certificates(program, *keychain) if _verdict(one, domains) is True
        ]
    return found


def _certificates(program: str, *keychain: str) -> list[Certificate]:
    """Those of a keychain that can be parsed: macOS shows others without complaint."""
    found = []
    shown = _run(program, "find-certificate", "-a", "-p", *keychain)
    for encoded in read_certificates(shown).certificates:
        try:
            found.append(parse_certificate(encoded.octets))
        except ParseError:
            continue
    return found


def _run(program: str, *arguments: str) -> bytes:
    try:
        ended = subprocess.run(
            (program, *arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=limits.KEYCHAIN_DEADLINE_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return b""
    return ended.stdout[: limits.MAX_TRUST_FILE]


def _settings(program: str, flags: Sequence[str]) -> Mapping[str, Any]:
    """One domain's settings by SHA-1; a domain without any makes the program fail."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "settings.plist")
        _run(program, "trust-settings-export", *flags, str(path))
        try:
            exported = plistlib.loads(path.read_bytes())
        except (OSError, ValueError, ExpatError, plistlib.InvalidFileException):
            return {}
    listed = exported.get("trustList") if isinstance(exported, dict) else None
    return listed if isinstance(listed, dict) else {}


def _verdict(certificate: Certificate, domains: Sequence[Mapping[str, Any]]) -> bool | None:
    """Whether the settings trust it; None where they say nothing of it."""
    sha1 = hashlib.sha1(certificate.der, usedforsecurity=False).hexdigest().upper()
    for settings in domains:
        entry = settings.get(sha1)
        if isinstance(entry, dict):
            said = _said(entry.get("trustSettings") or [{}], is_self_issued(certificate))
            if said is not None:
                return said
    return None


def _said(constraints: Sequence[Any], self_signed: bool) -> bool | None:
    """Read one certificate's settings; none at all mean that it is always trusted."""
    said = None
    for constraint in constraints:
        if not isinstance(constraint, dict) or not _is_general(constraint):
            continue
        result = constraint.get("kSecTrustSettingsResult", _TRUST_ROOT)
        if result == _DENY:
            return False
        if result == (_TRUST_ROOT if self_signed else _TRUST_AS_ROOT):
            said = True
    return said


def _is_general(constraint: Mapping[str, Any]) -> bool:
    """Whether it holds for TLS servers, whatever their name and whichever program asks."""
    if "kSecTrustSettingsApplication" in constraint:
        return False
    if "kSecTrustSettingsPolicyString" in constraint:
        return False
    return bool(constraint.get("kSecTrustSettingsPolicy", _TLS_SERVER) == _TLS_SERVER)
