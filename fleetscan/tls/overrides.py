"""Other hellos made of the shipped ones: versions, suites, groups, ALPN, size.

What a version cannot do without comes with it, and what it has no use for goes, so that
every hello made here is one that a real client could send.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from fleetscan.errors import UsageError
from fleetscan.registry import cipher_suites, groups, versions
from fleetscan.registry import extension_types as extension
from fleetscan.tls.key_shares import SUPPORTED_GROUPS
from fleetscan.tls.profile import HelloProfile, is_grease
from fleetscan.tls.profiles import BROWSER, SSL2
from fleetscan.tls.suite_versions import exists_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Oldest first; the words of the command line.
VERSION_WORDS: Final[dict[str, int]] = {
    "ssl2": versions.SSLV2,
    "ssl3": versions.SSLV3,
    "1.0": versions.TLSV1,
    "1.1": versions.TLSV1_1,
    "1.2": versions.TLSV1_2,
    "1.3": versions.TLSV1_3,
}

# Extensions that only TLS 1.3 has a use for (RFC 8446 section 4.2).
OF_TLS13: Final = (
    extension.KEY_SHARE,
    extension.PSK_KEY_EXCHANGE_MODES,
    extension.SUPPORTED_VERSIONS,
    extension.COOKIE,
)
ONLY_TLS13: Final = frozenset(
    {*OF_TLS13, extension.COMPRESS_CERTIFICATE, extension.ENCRYPTED_CLIENT_HELLO}
)

MIN_SIZE: Final = 64
MAX_SIZE: Final = 16_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """What to change in a profile; None leaves it as it is.

    Args:
        tls_min: oldest version offered, a code point.
        tls_max: newest version offered.
        cipher_suites: instead of the profile's, in this order.
        groups: instead of the profile's, in this order.
        alpn: True where the extension has to be there; its names are the scan's.
        size: octets that the handshake message is padded to.
    """

    tls_min: int | None = None
    tls_max: int | None = None
    cipher_suites: tuple[int, ...] | None = None
    groups: tuple[int, ...] | None = None
    alpn: bool = False
    size: int | None = None


def override(profile: HelloProfile, changes: Overrides) -> HelloProfile:
    """The profile with these changes, or itself when there are none.

    Raises:
        UsageError: nothing is left to offer, or the parts do not go together.
    """
    if changes == Overrides():
        return profile
    made = replace(profile, name=f"{profile.name}-custom")
    made = _with_suites(made, changes)
    offered = _versions_of(made, changes)
    _refuse_what_is_newer(max(offered), changes)
    if (changes.tls_min, changes.tls_max, changes.cipher_suites) != (None, None, None):
        made = _with_versions(made, offered)
    if changes.groups is not None:
        made = _with_groups(made, changes.groups)
    alpn = extension.APPLICATION_LAYER_PROTOCOL_NEGOTIATION
    if changes.alpn and alpn not in made.extensions:
        made = replace(made, extensions=(*made.extensions, alpn))
    return replace(made, size=_size(changes.size, made.size))


def _refuse_what_is_newer(newest: int, changes: Overrides) -> None:
    """Say so where a hello has no place for something, instead of leaving it out silently."""
    if newest == versions.SSLV2:
        asked = (changes.cipher_suites, changes.groups, changes.size)
        if changes.alpn or any(each is not None for each in asked):
            raise UsageError("SSL 2.0 has cipher kinds of its own, no groups, no ALPN, no padding")
    if newest == versions.SSLV3 and (changes.alpn or changes.groups is not None):
        raise UsageError("SSL 3.0 has no extensions, and so neither groups nor ALPN")


def _size(wanted: int | None, size: int) -> int:
    if wanted is None:
        return size
    if not MIN_SIZE <= wanted <= MAX_SIZE:
        raise UsageError(f"a hello has {MIN_SIZE} to {MAX_SIZE} octets, not {wanted}")
    return wanted


# -- versions ----------------------------------------------------------------------


def _versions_of(profile: HelloProfile, changes: Overrides) -> tuple[int, ...]:
    """The range asked for, newest first; without a suite for it a version is not offered.

    TLS 1.3 brings its own where the profile, and not the caller, is without.
    """
    known = [each for each in profile.versions if not is_grease(each)]
    oldest = min(known) if changes.tls_min is None else changes.tls_min
    newest = max(known) if changes.tls_max is None else changes.tls_max
    if changes.tls_min is None:
        oldest = min(oldest, newest)
    if changes.tls_max is None:
        newest = max(oldest, newest)
    if oldest > newest:
        raise UsageError(
            f"no version is both {versions.name_of(oldest)} or newer and "
            f"{versions.name_of(newest)} or older"
        )
    if oldest == versions.SSLV2:
        if newest != versions.SSLV2:
            raise UsageError("SSL 2.0 has a hello of its own: ask for it alone, as --hello ssl2")
        return (versions.SSLV2,)
    wanted = [each for each in reversed(VERSION_WORDS.values()) if oldest <= each <= newest]
    lacking = [each for each in wanted if not _has_suite(profile.cipher_suites, each)]
    if changes.cipher_suites is not None:
        wanted = [each for each in wanted if each not in lacking]
        if not wanted:
            raise UsageError("none of these cipher suites exists in the versions offered")
    elif lacking not in ([], [versions.TLSV1_3]):
        raise UsageError(
            f"the profile has no cipher suite for {versions.name_of(lacking[-1])}; "
            "name some, or take another profile"
        )
    return tuple(wanted)


def _has_suite(suites: Iterable[int], version: int) -> bool:
    return any(exists_in(code, version) for code in suites)


def _with_versions(profile: HelloProfile, offered: tuple[int, ...]) -> HelloProfile:
    if offered == SSL2.versions:
        return replace(SSL2, name=profile.name)
    bait: tuple[int, ...] = ()
    if versions.TLSV1_3 in offered:
        bait = tuple(each for each in profile.versions if is_grease(each))
        profile = _with_tls13(profile)
    else:
        profile = replace(
            profile,
            extensions=tuple(kind for kind in profile.extensions if kind not in ONLY_TLS13),
            session_id_octets=0,
        )
    if max(offered) == versions.SSLV3:
        # SSL 3.0 has none (RFC 6101 section 5.6.1.2).
        profile = replace(profile, extensions=(), raw={})
    else:
        profile = _negotiating(profile, max(offered))
    suites = tuple(code for code in profile.cipher_suites if _has_use(code, offered))
    return replace(profile, versions=bait + offered, cipher_suites=suites)


def _has_use(code: int, offered: tuple[int, ...]) -> bool:
    """Whether one of the versions has the suite; bait goes with all, signals before TLS 1.3."""
    if cipher_suites.describe(code) is None:
        return is_grease(code) or offered != (versions.TLSV1_3,)
    return any(exists_in(code, each) for each in offered)


def _with_tls13(profile: HelloProfile) -> HelloProfile:
    """What RFC 8446 section 9.2 wants of a hello that offers TLS 1.3."""
    kinds = (*profile.extensions, *(kind for kind in OF_TLS13 if kind not in profile.extensions))
    has_suite = _has_suite(profile.cipher_suites, versions.TLSV1_3)
    of_tls13 = tuple(code for code in BROWSER.cipher_suites if exists_in(code, versions.TLSV1_3))
    had = extension.KEY_SHARE in profile.extensions
    return replace(
        profile,
        extensions=kinds,
        cipher_suites=profile.cipher_suites if has_suite else of_tls13 + profile.cipher_suites,
        groups=profile.groups if had else _joined((groups.X25519,), profile.groups),
        key_share_groups=profile.key_share_groups if had else (groups.X25519,),
        # The other half of middlebox compatibility (RFC 8446 appendix D.4).
        session_id_octets=profile.session_id_octets if had else 32,
        signature_schemes=profile.signature_schemes
        if had
        else _joined(BROWSER.signature_schemes, profile.signature_schemes),
    )


def _negotiating(profile: HelloProfile, newest: int) -> HelloProfile:
    """Groups and schemes, for profiles that had none because of their version."""
    kinds, schemes = profile.extensions, profile.signature_schemes or BROWSER.signature_schemes
    if newest < versions.TLSV1_2:
        # RFC 5246 section 7.4.1.4.1: not to be offered to older ones.
        kinds = tuple(kind for kind in kinds if kind != extension.SIGNATURE_ALGORITHMS)
        schemes = ()
    elif extension.SIGNATURE_ALGORITHMS not in kinds:
        kinds = (*kinds, extension.SIGNATURE_ALGORITHMS)
    if extension.SUPPORTED_GROUPS not in kinds:
        kinds = (*kinds, extension.SUPPORTED_GROUPS)
    return replace(
        profile,
        extensions=kinds,
        groups=profile.groups or (groups.X25519, groups.SECP256R1, groups.SECP384R1),
        signature_schemes=schemes,
    )


def _joined(first: tuple[int, ...], then: tuple[int, ...]) -> tuple[int, ...]:
    return (*first, *(each for each in then if each not in first))


# -- suites and groups ---------------------------------------------------------------


def _with_suites(profile: HelloProfile, changes: Overrides) -> HelloProfile:
    if changes.cipher_suites is None:
        return profile
    if not changes.cipher_suites:
        raise UsageError("a hello offers one cipher suite at least")
    signalling = tuple(
        code
        for code in profile.cipher_suites
        if code == cipher_suites.TLS_EMPTY_RENEGOTIATION_INFO_SCSV
    )
    return replace(profile, cipher_suites=_joined(changes.cipher_suites, signalling))


def _with_groups(profile: HelloProfile, wanted: tuple[int, ...]) -> HelloProfile:
    if not wanted:
        raise UsageError("a hello offers one group at least")
    shares: tuple[int, ...] = ()
    if extension.KEY_SHARE in profile.extensions:
        able = tuple(code for code in wanted if code in SUPPORTED_GROUPS)
        # As the profile does it where that leaves any; else the one preferred most.
        shares = tuple(code for code in able if code in profile.key_share_groups) or able[:1]
    return replace(profile, groups=wanted, key_share_groups=shares)


# -- words ---------------------------------------------------------------------------


def parse_version(word: str) -> int:
    """A version as the command line says it: `1.2`, `ssl3`, or the registry's `TLSv1.2`.

    Raises:
        UsageError: there is no such version; the line lists them.
    """
    plain = word.strip().lower().replace("tlsv", "").replace("tls", "").replace("sslv", "ssl")
    found = VERSION_WORDS.get("1.0" if plain == "1" else plain)
    if found is None:
        raise UsageError(f"{word[:40]!r} is none of {', '.join(VERSION_WORDS)}")
    return found


def parse_names(
    text: str, registry: Mapping[int, str], what: str, others: Mapping[str, int] | None = None
) -> tuple[int, ...]:
    """Code points of a list of names or numbers, separated by commas or colons.

    Args:
        text: IANA's names in any case, or numbers as 0x1301.
        registry: from code point to name.
        others: other names for the same, with their code points.
        what: for the error: `cipher suite`, `group`.

    Raises:
        UsageError: a name that the registry does not have, or the same one twice.
    """
    codes = dict(others or {}) | {name: code for code, name in registry.items()}
    known = {name.lower(): code for name, code in codes.items()}
    found: list[int] = []
    for word in text.replace(":", ",").split(","):
        name = word.strip().lower()
        code = known.get(name)
        if code is None and name.startswith("0x"):
            code = _number(name)
        if code is None:
            near = _suggestion(name, codes)
            raise UsageError(f"{word.strip()[:60]!r} is no {what} that has a name here{near}")
        if code in found:
            raise UsageError(f"{word.strip()[:60]!r} is named twice")
        found.append(code)
    return tuple(found)


def _number(text: str) -> int | None:
    try:
        code = int(text, 16)
    except ValueError:
        return None
    return code if code <= 0xFFFF else None


def _suggestion(name: str, known: Iterable[str]) -> str:
    import difflib

    near = difflib.get_close_matches(name.upper(), known, 1)
    near = near or difflib.get_close_matches(name, known, 1)
    return f"; is it {near[0]}?" if near else ""
