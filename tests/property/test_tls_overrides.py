"""Whatever is changed in a hello, what goes out is one that a server can answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetscan.errors import UsageError
from fleetscan.registry import cipher_suites, groups, openssl_names, versions
from fleetscan.tls.overrides import Overrides, override, parse_names
from fleetscan.tls.profile import is_grease
from fleetscan.tls.profiles import PROFILES, SSL2
from tests.hello_reader import read_hello
from tests.tls_peers import conversation

VERSIONS = sorted(versions.NAMES)
TLS12, TLS13 = 0x0303, 0x0304

# Named here by what IANA's registry marks and RFC 8446 appendix B.4 lists.
OF_TLS13 = {code for code, name in cipher_suites.NAMES.items() if "_WITH_" not in name} | set(
    range(0xC103, 0xC107)
)
SIGNALS = {0x00FF, 0x5600}

maybe_version = st.none() | st.sampled_from(VERSIONS)
suites = st.lists(
    st.sampled_from([*sorted(cipher_suites.NAMES), 0x3A3A, 0x13FE]), unique=True, max_size=6
).map(tuple)
some_groups = st.lists(
    st.sampled_from([*sorted(groups.NAMES), 0x4A4A, 0x7777]), unique=True, max_size=6
).map(tuple)


def has_suite(offered: tuple[int, ...], version: int) -> bool:
    """Whether there is one to choose: IANA's names say which begin with TLS 1.2 or are 1.3's."""
    plain = [code for code in offered if code in cipher_suites.NAMES and code not in SIGNALS]
    if version == TLS13:
        return bool(OF_TLS13 & set(plain))
    old = [code for code in plain if code not in OF_TLS13]
    if version == TLS12:
        return bool(old)
    newer = ("GCM", "CCM", "CHACHA20", "OMAC")
    names = [cipher_suites.NAMES[code] for code in old]
    names = [name for name in names if not any(word in name for word in newer)]
    return any("PSK" in name or not name.endswith(("SHA256", "SHA384")) for name in names)


@given(
    profile=st.sampled_from(sorted(PROFILES)),
    tls_min=maybe_version,
    tls_max=maybe_version,
    chosen=st.none() | suites,
    wanted=st.none() | some_groups,
    alpn=st.booleans(),
    size=st.none() | st.integers(0, 17_000),
    name=st.sampled_from(["", "server.test"]),
)
def test_any_override_gives_a_whole_hello_or_a_usage_error(
    profile: str,
    tls_min: int | None,
    tls_max: int | None,
    chosen: tuple[int, ...] | None,
    wanted: tuple[int, ...] | None,
    alpn: bool,
    size: int | None,
    name: str,
) -> None:
    """It reads by RFC 8446 section 4.1.2, and for every version offered there is a suite."""
    changes = Overrides(
        tls_min=tls_min,
        tls_max=tls_max,
        cipher_suites=chosen,
        groups=wanted,
        alpn=alpn,
        size=size,
    )
    try:
        made = override(PROFILES[profile], changes)
    except UsageError as refused:
        assert "\n" not in str(refused)
        return
    octets = conversation(profile=made, server_name=name, alpn=("h2",)).start(0.0)
    if made.versions == SSL2.versions:
        assert octets[2] == 1
        return
    read = read_hello(octets)

    offered = [code for code in made.versions if not is_grease(code)]
    assert all(tls_min is None or code >= tls_min for code in offered)
    assert all(tls_max is None or code <= tls_max for code in offered)
    assert all(has_suite(read.cipher_suites, code) for code in offered)
    assert len(set(read.cipher_suites)) == len(read.cipher_suites)
    assert size is None or len(read.message) >= size
    if TLS13 in offered:
        assert {10, 13, 43, 51} <= set(read.kinds)
        assert [c for c in read.versions if not is_grease(c)] == [c for c in offered if c > 0x0300]
        # RFC 8446 section 4.2.8: a share only of a group that is offered.
        assert {group for group, _ in read.shares} <= set(read.groups)
    else:
        assert 43 not in read.kinds
        assert read.legacy_version == max(offered)
    if wanted is not None:
        assert read.groups == wanted


@pytest.mark.parametrize("separator", [",", ":", ", "])
@given(codes=suites.filter(bool), openssl=st.booleans())
def test_names_come_back_as_their_code_points(
    codes: tuple[int, ...], openssl: bool, separator: str
) -> None:
    """Every name of the registry, OpenSSL's where it has one, and numbers for the rest."""
    others = openssl_names.code_points()
    names = [
        (openssl and openssl_names.openssl_name(code)) or cipher_suites.name_of(code)
        for code in codes
    ]

    text = separator.join(names)
    assert parse_names(text, cipher_suites.NAMES, "cipher suite", others) == codes


@given(st.text(max_size=80))
def test_any_text_is_names_or_a_usage_error(text: str) -> None:
    """What people type into an option; one line comes back, and it prints."""
    try:
        parse_names(text, groups.NAMES, "group")
    except UsageError as refused:
        assert str(refused).isprintable()
