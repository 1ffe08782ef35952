"""Ways of asking again: the first one with a set of changes, made the same way every time.

Whatever is not changed is as it was, the size too: what is left out is made up for with
padding (RFC 7685), unless it is the size that is asked about.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from fleetscan.causes.experiments import WINDOW_FROM, WINDOW_TO
from fleetscan.registry import cipher_suites as suite
from fleetscan.registry import extension_types as extension
from fleetscan.registry import groups as group
from fleetscan.registry import signature_schemes as scheme
from fleetscan.registry import versions as version
from fleetscan.tls.overrides import OF_TLS13, Overrides, override
from fleetscan.tls.profile import is_grease
from fleetscan.tls.profiles import BROAD, MINIMAL
from fleetscan.tls.suite_versions import exists_in

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fleetscan.experiment import Ask
    from fleetscan.tls.profile import HelloProfile


class Change(Enum):
    """One thing that may be changed in the first hello."""

    VERSIONS = "versions"
    NEWEST = "newest_version"
    CIPHER_SUITES = "cipher_suites"
    GROUPS = "groups"
    SIGNATURE_SCHEMES = "signature_schemes"
    EXTENSIONS = "extensions"
    SIZE = "size"
    ALPN = "alpn"
    NO_NAME = "no_name"
    OTHER_NAME = "other_name"

    @property
    def word(self) -> str:
        """What a result calls it: the thing that differs, not how."""
        return "server_name" if self in NAMES else self.value

    @property
    def says(self) -> str:
        """What is different, for people."""
        return _SAYS[self]


_SAYS: Final = {
    Change.VERSIONS: "every version from SSL 3.0 to TLS 1.3 is offered",
    Change.NEWEST: "TLS 1.3 is left out, with the extensions that only it uses",
    Change.CIPHER_SUITES: "every kind of suite is offered",
    Change.GROUPS: "every group is offered",
    Change.SIGNATURE_SCHEMES: "every signature scheme is offered",
    Change.EXTENSIONS: "only extensions and values that have long been known: no GREASE, no "
    "hybrid share",
    Change.SIZE: "at most 255 octets where the name allows it, with a few of each list",
    Change.ALPN: "no application protocol is named",
    Change.NO_NAME: "no name is sent",
    Change.OTHER_NAME: "another name is sent, or one where there was none",
}

NAMES: Final = frozenset({Change.NO_NAME, Change.OTHER_NAME})

EVERYTHING: Final = frozenset(
    {
        Change.VERSIONS,
        Change.CIPHER_SUITES,
        Change.GROUPS,
        Change.SIGNATURE_SCHEMES,
        Change.EXTENSIONS,
        Change.ALPN,
    }
)
"""What the broad hello changes at once."""

LONG_LISTS: Final = frozenset({Change.CIPHER_SUITES, Change.GROUPS, Change.SIGNATURE_SCHEMES})

ROOM: Final = 32
ROOM_FOR_LISTS: Final = 576
"""Octets that a hello grows by when versions, and when all lists, are offered in full."""

SMALL: Final = 240
"""Octets of the small hello: under 256, from which on some old devices fail (RFC 7685 section 4).
It is padded to that, so that a larger one differs in the length of its padding alone."""

PADDING_LEAST: Final = 5
"""Octets of the smallest padding extension that is sent: header and one octet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Which hello to make of a profile.

    Args:
        changes: of the hello itself.
        is_small: trimmed to what fits 255 octets.
        size: octets to pad it to.
    """

    changes: frozenset[Change]
    is_small: bool
    size: int


def with_changes(
    base: Ask, changes: Iterable[Change], *, size: int, name: str = "", padded: bool = False
) -> Ask:
    """The first way of asking with these changes; with all that widen it, the broad hello.

    Args:
        base: how the first probe asked.
        changes: what is to be different.
        size: octets to keep: of the first hello, or of a small one where that is to change.
        name: what is sent as server_name where that is to change; `""` for none.
        padded: the small hello, padded to the size of the first after all.
    """
    wanted = frozenset(changes)
    is_small = Change.SIZE in wanted or padded
    is_broad = wanted >= EVERYTHING and not is_small
    ways = NAMES | {Change.SIZE, Change.ALPN} | (EVERYTHING if is_broad else frozenset())
    shape = Shape(changes=wanted - ways, is_small=is_small, size=size)
    return replace(
        base,
        profile=_profile(BROAD if is_broad else base.profile, shape),
        alpn=() if Change.ALPN in wanted else base.alpn,
        server_name=name if wanted & NAMES else base.server_name,
    )


def held_size(size: int, changes: Iterable[Change]) -> int:
    """Octets that a hello with these changes is padded to, so that no change makes it smaller.

    A list that is offered in full adds to the size, and so a second change beside it would
    take something away again: all that have such a list get the same. A hello in the window
    of 256 to 511 octets stays as it is, since leaving that would be a second change.
    """
    if WINDOW_FROM <= size <= WINDOW_TO:
        return size
    return size + (ROOM_FOR_LISTS if LONG_LISTS & set(changes) else ROOM)


# Profiles are compared by identity, and a hello is encoded once for each: the same changes must
# give the same object. The bound keeps a fleet of many names, and so many sizes, from filling
# the memory.
@lru_cache(maxsize=256)
def _profile(profile: HelloProfile, shape: Shape) -> HelloProfile:
    made = _trimmed(profile) if shape.is_small else profile
    for change, apply in _APPLY.items():
        if change in shape.changes:
            made = apply(made, shape.is_small)
    if made is profile and not shape.size:
        return profile
    words = "-".join(sorted(each.value for each in shape.changes))
    name = "-".join(filter(None, (profile.name, "small" if shape.is_small else "", words)))
    return replace(made, name=name, size=shape.size)


# -- small ---------------------------------------------------------------------------

_SMALL_SUITES: Final = 16
_SMALL_GROUPS: Final = 3
_SMALL_SCHEMES: Final = 8

_SMALL_EXTENSIONS: Final = frozenset(
    {
        *MINIMAL.extensions,
        extension.APPLICATION_LAYER_PROTOCOL_NEGOTIATION,
        extension.EC_POINT_FORMATS,
        extension.RENEGOTIATION_INFO,
        extension.COMPRESS_CERTIFICATE,
    }
)


def _trimmed(profile: HelloProfile) -> HelloProfile:
    """The same hello with the best known of each list, and the bait that is in it."""
    groups = _first(profile.groups, MINIMAL.groups, _SMALL_GROUPS)
    shares = tuple(code for code in profile.key_share_groups if is_grease(code))
    usual = tuple(code for code in groups if not is_grease(code) and code not in _LARGE_SHARES)
    if extension.KEY_SHARE in profile.extensions:
        able = tuple(code for code in usual if code in profile.key_share_groups)
        shares += able[:1] or usual[:1]
    return replace(
        profile,
        cipher_suites=_first(profile.cipher_suites, MINIMAL.cipher_suites, _SMALL_SUITES),
        groups=tuple(code for code in groups if is_grease(code)) + usual,
        key_share_groups=shares,
        signature_schemes=_first(
            profile.signature_schemes, MINIMAL.signature_schemes, _SMALL_SCHEMES
        ),
        extensions=tuple(
            kind for kind in profile.extensions if kind in _SMALL_EXTENSIONS or is_grease(kind)
        ),
        session_id_octets=0,
    )


def _first(codes: tuple[int, ...], preferred: tuple[int, ...], most: int) -> tuple[int, ...]:
    """At most so many beside the bait, those preferred before others, in their own order."""
    known = [code for code in codes if not is_grease(code)]
    ranked = sorted(known, key=lambda code: code not in preferred)[:most]
    return tuple(code for code in codes if is_grease(code) or code in ranked)


# -- one change each -----------------------------------------------------------------

_LARGE_SHARES: Final = frozenset(code for code, name in group.NAMES.items() if "MLKEM" in name)
"""Groups that came in with the post-quantum exchange: a value that old servers do not know."""

_LONG_KNOWN: Final = frozenset(
    {
        *BROAD.extensions,
        extension.APPLICATION_LAYER_PROTOCOL_NEGOTIATION,
        extension.RENEGOTIATION_INFO,
    }
)
"""Extensions that no server in use is known to break on."""

_FEW_SUITES: Final = (
    suite.TLS_RSA_WITH_AES_128_CBC_SHA,
    suite.TLS_RSA_WITH_AES_256_CBC_SHA,
    suite.TLS_RSA_WITH_3DES_EDE_CBC_SHA,
    suite.TLS_RSA_WITH_RC4_128_SHA,
    suite.TLS_RSA_WITH_RC4_128_MD5,
    suite.TLS_DHE_RSA_WITH_AES_128_CBC_SHA,
)
_FEW_GROUPS: Final = (group.SECP521R1, group.X448, group.BRAINPOOLP256R1, group.FFDHE2048)
_FEW_SCHEMES: Final = (scheme.RSA_PKCS1_SHA1, scheme.ECDSA_SHA1, scheme.ED448, scheme.DSA_SHA1)


def _all_versions(profile: HelloProfile, is_small: bool) -> HelloProfile:
    of_old = (suite.TLS_RSA_WITH_AES_128_CBC_SHA, suite.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA)
    if not any(exists_in(code, version.TLSV1) for code in profile.cipher_suites):
        profile = replace(profile, cipher_suites=_joined(profile.cipher_suites, of_old))
    if version.TLSV1_3 not in profile.versions:
        # It brings what it cannot do without (RFC 8446 section 9.2).
        profile = override(profile, Overrides(tls_max=version.TLSV1_3))
    every = (version.TLSV1_3, version.TLSV1_2, version.TLSV1_1, version.TLSV1, version.SSLV3)
    return replace(profile, versions=_joined(profile.versions, every))


def _older_versions_only(profile: HelloProfile, is_small: bool) -> HelloProfile:
    # Its extensions go with it, and nothing else: bait and suites stay where they are.
    return replace(
        profile,
        versions=tuple(
            each for each in profile.versions if each != version.TLSV1_3 and not is_grease(each)
        ),
        key_share_groups=(),
        extensions=tuple(kind for kind in profile.extensions if kind not in OF_TLS13),
    )


def _all_suites(profile: HelloProfile, is_small: bool) -> HelloProfile:
    more = _FEW_SUITES if is_small else BROAD.cipher_suites
    return replace(profile, cipher_suites=_joined(profile.cipher_suites, more))


def _all_groups(profile: HelloProfile, is_small: bool) -> HelloProfile:
    more = _FEW_GROUPS if is_small else BROAD.groups
    return replace(profile, groups=_joined(profile.groups, more))


def _all_schemes(profile: HelloProfile, is_small: bool) -> HelloProfile:
    more = _FEW_SCHEMES if is_small else BROAD.signature_schemes
    return replace(profile, signature_schemes=_joined(profile.signature_schemes, more))


def _known_values_only(profile: HelloProfile, is_small: bool) -> HelloProfile:
    shares = _without_bait(profile.key_share_groups)
    if profile.key_share_groups and not shares:
        shares = _without_bait(profile.groups)[:1]
    return replace(
        profile,
        versions=_without_bait(profile.versions),
        cipher_suites=_without_bait(profile.cipher_suites),
        groups=_without_bait(profile.groups),
        key_share_groups=shares,
        extensions=tuple(kind for kind in profile.extensions if kind in _LONG_KNOWN),
    )


def _without_bait(codes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(code for code in codes if not is_grease(code) and code not in _LARGE_SHARES)


def _joined(first: tuple[int, ...], then: tuple[int, ...]) -> tuple[int, ...]:
    return (*first, *(each for each in then if each not in first))


# In the order in which they are made: what a version needs is there before it is left out.
_APPLY: Final = {
    Change.EXTENSIONS: _known_values_only,
    Change.VERSIONS: _all_versions,
    Change.NEWEST: _older_versions_only,
    Change.CIPHER_SUITES: _all_suites,
    Change.GROUPS: _all_groups,
    Change.SIGNATURE_SCHEMES: _all_schemes,
}
