"""Hellos made of others: versions, suites, groups, sizes, and the words for them."""

from __future__ import annotations

import pytest

from fleetscan.errors import UsageError
from fleetscan.registry import cipher_suites, groups, openssl_names, versions
from fleetscan.tls.overrides import Overrides, override, parse_names, parse_version
from fleetscan.tls.profile import HelloProfile, is_grease
from fleetscan.tls.profiles import BROAD, BROWSER, LEGACY, MINIMAL, SSL2, SSL3
from tests.hello_reader import HelloRead, read_hello
from tests.tls_peers import SHARES, conversation

SSLV2, SSLV3, TLS10, TLS11, TLS12, TLS13 = 0x0002, 0x0300, 0x0301, 0x0302, 0x0303, 0x0304


def made(profile: HelloProfile, **changes: object) -> HelloProfile:
    """The profile with these changes."""
    return override(profile, Overrides(**changes))  # type: ignore[arg-type]


def hello(profile: HelloProfile, **changes: object) -> HelloRead:
    """The same, read back from its octets."""
    client = conversation(profile=made(profile, **changes), alpn=("h2",))
    return read_hello(client.start(0.0))


def refusal(profile: HelloProfile, **changes: object) -> str:
    """The one line that says what does not go."""
    with pytest.raises(UsageError) as caught:
        made(profile, **changes)
    line = str(caught.value)
    assert line
    assert "\n" not in line
    return line


def test_no_change_is_no_other_profile() -> None:
    """Templates are kept by identity, and the result shows the profile's own name."""
    assert made(BROWSER) is BROWSER
    assert made(BROWSER, size=600).name == "browser-custom"


# -- versions -------------------------------------------------------------------------------

RANGES = [
    # profile, oldest, newest, what is then offered, as the command line's --help promises
    (BROWSER, TLS13, None, (TLS13,)),
    (BROWSER, TLS12, TLS12, (TLS12,)),
    (BROWSER, None, TLS12, (TLS12,)),
    (BROWSER, TLS10, None, (TLS13, TLS12, TLS11, TLS10)),
    (BROWSER, None, TLS10, (TLS10,)),
    (LEGACY, None, TLS13, (TLS13, TLS12, TLS11, TLS10)),
    (LEGACY, TLS13, None, (TLS13,)),
    (LEGACY, TLS11, TLS11, (TLS11,)),
    (BROAD, None, TLS11, (TLS11, TLS10, SSLV3)),
    (BROAD, SSLV3, SSLV3, (SSLV3,)),
    (BROWSER, SSLV3, TLS12, (TLS12, TLS11, TLS10, SSLV3)),
    (SSL3, None, TLS12, (TLS12, TLS11, TLS10, SSLV3)),
    (SSL3, TLS10, None, (TLS10,)),
    (SSL3, None, TLS13, (TLS13, TLS12, TLS11, TLS10, SSLV3)),
    (SSL2, TLS13, None, (TLS13,)),
    (MINIMAL, None, TLS10, (TLS10,)),
]


@pytest.mark.parametrize(("profile", "oldest", "newest", "offered"), RANGES)
def test_a_range_of_versions(
    profile: HelloProfile, oldest: int | None, newest: int | None, offered: tuple[int, ...]
) -> None:
    """What the wire says: supported_versions where TLS 1.3 is in it, legacy_version always."""
    made_profile = made(profile, tls_min=oldest, tls_max=newest)
    read = hello(profile, tls_min=oldest, tls_max=newest)

    assert tuple(code for code in made_profile.versions if not is_grease(code)) == offered
    assert read.legacy_version == min(max(offered), TLS12)
    listed = tuple(code for code in read.versions if not is_grease(code))
    assert listed == (tuple(code for code in offered if code > SSLV3) if TLS13 in offered else ())


@pytest.mark.parametrize(("profile", "oldest", "newest", "offered"), RANGES)
def test_a_hello_holds_what_its_versions_need_and_no_more(
    profile: HelloProfile, oldest: int | None, newest: int | None, offered: tuple[int, ...]
) -> None:
    """RFC 8446 section 9.2; RFC 5246 section 7.4.1.4.1; RFC 6101 section 5.6.1.2."""
    read = hello(profile, tls_min=oldest, tls_max=newest)
    kinds = set(read.kinds)

    only_tls13 = {27, 43, 44, 45, 51, 0xFE0D}
    if TLS13 in offered:
        assert {10, 13, 43, 45, 51} <= kinds
        assert read.shares
    else:
        assert not kinds & only_tls13
        assert not read.session_id
    # "Clients MUST NOT offer it if they are offering TLS versions prior to 1.2."
    assert (13 in kinds) is (max(offered) >= TLS12)
    assert (read.extensions is None) is (max(offered) == SSLV3)
    # IANA's names say the version of a suite where its first word is missing.
    of_tls13 = [code for code in read.cipher_suites if code in range(0x1301, 0x1306)]
    others = [code for code in read.cipher_suites if code in cipher_suites.PARTS]
    assert bool(of_tls13) is (TLS13 in offered)
    assert bool(set(others) - set(of_tls13)) is (min(offered) < TLS13)
    if max(offered) < TLS12:
        assert not [c for c in others if "GCM" in cipher_suites.NAMES[c]]
        assert not [c for c in others if cipher_suites.NAMES[c].endswith("POLY1305_SHA256")]


def test_legacy_with_tls13_is_a_whole_client_of_tls13() -> None:
    """Suites, a share, the browser's schemes and middlebox compatibility come with it."""
    read = hello(LEGACY, tls_max=TLS13)

    assert read.cipher_suites[:3] == (0x1301, 0x1302, 0x1303)
    assert read.groups == (0x001D, 0x0017, 0x0018, 0x0019)
    assert read.shares == ((0x001D, SHARES.public(0x001D)),)
    assert {0x0804, 0x0403, 0x0401} <= set(read.schemes)
    assert 0x0201 in read.schemes
    # RFC 8446 appendix D.4: not empty where a change_cipher_spec will follow.
    assert len(read.session_id) == 32


def test_bait_goes_with_tls13_alone() -> None:
    """A reserved version needs the list to stand in."""
    assert hello(BROWSER, tls_min=TLS13).versions[0] == 0x5A5A
    assert hello(BROWSER, tls_max=TLS12).cipher_suites[0] == 0x3A3A
    assert made(BROWSER, tls_max=TLS12).versions == (TLS12,)


@pytest.mark.parametrize("newest", [None, SSLV2])
def test_ssl2_stands_alone(newest: int | None) -> None:
    """It has a hello of its own, whatever the profile was."""
    profile = made(SSL2 if newest is None else BROWSER, tls_max=newest)

    assert profile.versions == (SSLV2,)
    assert conversation(profile=profile).start(0.0)[2] == 1


@pytest.mark.parametrize(
    ("profile", "changes", "word"),
    [
        (BROWSER, {"tls_min": TLS13, "tls_max": TLS12}, "TLSv1.3 or newer"),
        (BROWSER, {"tls_min": SSLV2}, "a hello of its own"),
        (SSL2, {"tls_max": TLS12}, "a hello of its own"),
        # SSL 2.0's profile has no suite of any other version.
        (SSL2, {"tls_min": TLS12}, "no cipher suite for TLSv1.2"),
        (SSL2, {"tls_min": TLS10, "tls_max": TLS13}, "no cipher suite for TLSv1"),
        (SSL2, {"size": 512}, "SSL 2.0"),
        (SSL2, {"cipher_suites": (0x002F,)}, "SSL 2.0"),
        (SSL2, {"groups": (0x001D,)}, "SSL 2.0"),
        (BROWSER, {"tls_max": SSLV2, "alpn": True}, "SSL 2.0"),
        (SSL3, {"groups": (0x0017,)}, "SSL 3.0"),
        (SSL3, {"alpn": True}, "SSL 3.0"),
        (BROWSER, {"tls_max": TLS12, "cipher_suites": (0x1301,)}, "none of these cipher suites"),
        (BROWSER, {"tls_min": TLS13, "cipher_suites": (0xC02B,)}, "none of these cipher suites"),
        (BROWSER, {"tls_max": TLS11, "cipher_suites": (0xC02B,)}, "none of these cipher suites"),
        # ARIA with GCM, which this client does not finish, begins with TLS 1.2 all the same.
        (BROWSER, {"tls_max": TLS11, "cipher_suites": (0xC05C,)}, "none of these cipher suites"),
        (BROWSER, {"cipher_suites": (0x3A3A,)}, "none of these cipher suites"),
        (BROWSER, {"cipher_suites": ()}, "one cipher suite at least"),
        (BROWSER, {"groups": ()}, "one group at least"),
        (BROWSER, {"size": 63}, "64 to 16000"),
        (BROWSER, {"size": 16_001}, "64 to 16000"),
    ],
)
def test_what_does_not_go_together(
    profile: HelloProfile, changes: dict[str, object], word: str
) -> None:
    """One clear line, before anything is sent."""
    assert word in refusal(profile, **changes)


# -- suites ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("suites", "offered"),
    [
        ((0x1301, 0xC02B), (TLS13, TLS12)),
        ((0x1301,), (TLS13,)),
        ((0xC02B,), (TLS12,)),
        ((0xC009,), (TLS12,)),
        # Integrity alone (RFC 9150) and SM4 (RFC 8998) are suites of TLS 1.3 too.
        ((0xC0B4,), (TLS13,)),
        ((0x00C6,), (TLS13,)),
        # And GOST's with MGM (RFC 9367 section 4).
        ((0xC103,), (TLS13,)),
    ],
)
def test_versions_without_a_suite_are_left_out(
    suites: tuple[int, ...], offered: tuple[int, ...]
) -> None:
    """A server that chose such a version could choose no suite."""
    profile = made(BROWSER, cipher_suites=suites)

    assert tuple(code for code in profile.versions if not is_grease(code)) == offered
    assert hello(BROWSER, cipher_suites=suites).cipher_suites == suites


def test_the_signalling_suite_stays() -> None:
    """RFC 5746 section 3.4: one of the two ways to say it must be in every hello."""
    assert hello(LEGACY, cipher_suites=(0x002F,)).cipher_suites == (0x002F, 0x00FF)
    assert 0x00FF not in hello(LEGACY, tls_min=TLS13).cipher_suites


def test_suites_of_no_version_offered_are_left_out() -> None:
    """RFC 5288 section 4: GCM is not to be offered where TLS 1.2 is not."""
    read = hello(BROWSER, cipher_suites=(0x1301, 0xC02B, 0xC009, 0x0A0A), tls_max=TLS10)

    assert read.cipher_suites == (0xC009, 0x0A0A)


# -- groups ---------------------------------------------------------------------------------


def test_groups_keep_the_shares_that_the_profile_had() -> None:
    """In the order asked for, a share where the profile sends one."""
    read = hello(BROWSER, groups=(0x0018, 0x001D, 0x11EC))

    assert read.groups == (0x0018, 0x001D, 0x11EC)
    assert [group for group, _ in read.shares] == [0x001D, 0x11EC]


def test_the_first_group_gets_a_share_where_none_had_one() -> None:
    """Without any share every handshake would cost a round trip more."""
    read = hello(BROWSER, groups=(0x000E, 0x0018, 0x0019))

    assert read.groups == (0x000E, 0x0018, 0x0019)
    assert [group for group, _ in read.shares] == [0x0018]


def test_groups_that_nobody_can_use_have_no_share() -> None:
    """RFC 8446 section 4.2.8: an empty list asks for a HelloRetryRequest."""
    read = hello(BROWSER, groups=(0x000E,))

    assert read.data(51) == b"\x00\x00"


def test_groups_of_tls12_alone_have_no_share() -> None:
    """key_share is not there to hold one."""
    read = hello(BROWSER, groups=(0x0017,), tls_max=TLS12)

    assert (read.groups, read.data(51)) == ((0x0017,), None)


# -- the rest -------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", [MINIMAL, LEGACY, BROAD], ids=lambda profile: profile.name)
def test_alpn_is_added_where_it_was_not(profile: HelloProfile) -> None:
    """RFC 7301 section 3.1: the extension, at the end, and then it is told too."""
    assert 16 not in hello(profile, size=600).kinds
    read = hello(profile, alpn=True)

    assert read.data(16) == bytes.fromhex("0003 026832")
    assert read.kinds[-1] == 16


def test_size_goes_with_everything() -> None:
    """Padding makes up for what another range left out: two hellos of one size."""
    sizes = {len(hello(BROWSER, tls_max=newest, size=2_500).message) for newest in (TLS12, TLS13)}

    assert sizes == {2_500}


def test_what_was_not_asked_for_stays() -> None:
    """A profile of the user's own may lack what real clients have: that may be the question."""
    bare = HelloProfile(name="mine", versions=(TLS12,), cipher_suites=(0xC02B,), extensions=(10,))
    profile = made(bare, size=300)

    assert (profile.versions, profile.extensions) == ((TLS12,), (10,))
    assert (profile.name, profile.size) == ("mine-custom", 300)


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("1.3", TLS13),
        ("1.2", TLS12),
        (" 1.1 ", TLS11),
        ("1.0", TLS10),
        ("1", TLS10),
        ("TLSv1", TLS10),
        ("tls1.2", TLS12),
        ("TLSv1.3", TLS13),
        ("ssl3", SSLV3),
        ("SSLv3", SSLV3),
        ("sslv2", SSLV2),
    ],
)
def test_words_for_versions(word: str, code: int) -> None:
    """The command line's, and the registry's own."""
    assert parse_version(word) == code


@pytest.mark.parametrize("word", ["", "1.4", "tls", "ssl", "3", "0x0303", "1.2.3"])
def test_words_for_no_version(word: str) -> None:
    """The line lists what there is."""
    with pytest.raises(UsageError, match=r"none of ssl2, ssl3, 1\.0, 1\.1, 1\.2, 1\.3"):
        parse_version(word)


def test_every_version_has_a_word() -> None:
    """What the registry names can be asked for."""
    assert {parse_version(name) for name in versions.NAMES.values()} == set(versions.NAMES)


SUITES = (cipher_suites.NAMES, "cipher suite", openssl_names.code_points())


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("TLS_AES_128_GCM_SHA256", (0x1301,)),
        ("tls_aes_128_gcm_sha256, 0xC02B", (0x1301, 0xC02B)),
        ("ECDHE-RSA-AES128-GCM-SHA256:AES128-SHA", (0xC02F, 0x002F)),
        ("des-cbc3-sha,0x13fe", (0x000A, 0x13FE)),
    ],
)
def test_names_of_suites(text: str, codes: tuple[int, ...]) -> None:
    """IANA's, OpenSSL's or numbers, with commas or colons, in the order given."""
    assert parse_names(text, *SUITES) == codes


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "'' is no cipher suite"),
        ("AES128-SHA,", "'' is no cipher suite"),
        ("0x12345", "'0x12345' is no cipher suite"),
        ("4865", "'4865' is no cipher suite"),
        ("AES128-SHA256:AES128-SHA256", "'AES128-SHA256' is named twice"),
        ("AES128-SHA,TLS_RSA_WITH_AES_128_CBC_SHA", "is named twice"),
        ("TLS_AES_129_GCM_SHA256", "is it TLS_AES_128_GCM_SHA256?"),
        ("ECDHE-RSA-AES128-GCM-SHA255", "is it ECDHE-RSA-AES128-GCM-SHA256?"),
        ("\x1b[31m", r"'\x1b[31m' is no cipher suite"),
    ],
)
def test_names_of_no_suite(text: str, line: str) -> None:
    """What was wrong, and what may have been meant."""
    with pytest.raises(UsageError) as caught:
        parse_names(text, *SUITES)

    assert line in str(caught.value)


def test_names_of_groups() -> None:
    """In any case; the registry's hybrids among them."""
    text = "x25519mlkem768,X25519,SECP256R1,0x0018"

    assert parse_names(text, groups.NAMES, "group") == (0x11EC, 0x001D, 0x0017, 0x0018)
    with pytest.raises(UsageError, match=r"no group that has a name here; is it x25519\?"):
        parse_names("x25159", groups.NAMES, "group")
