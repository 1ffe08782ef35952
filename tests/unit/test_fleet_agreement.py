"""Who signs for many, and which page comes from everywhere, whatever the order of targets."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.x509.oid import ObjectIdentifier

from fleetscan import limits
from fleetscan.causes.model import Cause, Confidence
from fleetscan.engine.outcome import ProbeOutcome
from fleetscan.facts import HandshakeFacts
from fleetscan.fleet.agreement import registrable_domain
from fleetscan.fleet.judging import Judge, Judged
from fleetscan.fleet.tally import Tally
from fleetscan.inventory.target import Target
from fleetscan.pki.trust import TrustStore
from tests.certificates import NOW, Issued, intermediate, issue, leaf, name, root
from tests.facts_builder import confirmed, spoke

INTERCEPTION = "interference.interception"
BLOCK_PAGE = "interference.block_page"

UNRELATED = tuple(
    f"www.{word}.{suffix}"
    for word, suffix in zip(
        (
            *("amber", "birch", "cobalt", "delta", "ember", "fjord", "grove", "harbor", "iris"),
            *("juniper", "kelp", "lotus", "maple", "nectar", "opal", "pine", "quartz", "raven"),
            *("sable", "thistle", "umber", "violet", "willow", "xenon", "yarrow", "zephyr"),
            *("anchor", "bramble", "cedar", "dune", "elm", "fern", "garnet", "hazel", "ivory"),
            *("jade", "kestrel", "larch", "meadow", "nimbus"),
        ),
        ("com", "org", "net", "de", "co.uk", "fr", "io", "com.br") * 5,
        strict=True,
    )
)
"""Forty names of forty domains; the suffixes are the public suffix list's, by hand."""

TRUSTED = root("Public Root")
DEVICE = root(name("Gateway 7", organization_name="Perimeter Works"))
DEVICE_CA = intermediate(DEVICE, name("Gateway 7 Issuing", organization_name="Perimeter Works"))


def outcome(
    reference_name: str | None, chain: Sequence[Issued], address: str = "198.51.100.1"
) -> ProbeOutcome:
    """A handshake that worked and showed this chain, leaf first."""
    facts = confirmed(certificates=tuple(one.parsed for one in chain), certificates_sent=len(chain))
    return seen(reference_name, facts, address)


def seen(reference_name: str | None, facts: HandshakeFacts, address: str) -> ProbeOutcome:
    """What one listed target showed."""
    target = Target(
        input=f"{reference_name}@{address}",
        origin="listed",
        address=address,
        port=443,
        server_name=reference_name or "",
        reference_name=reference_name,
    )
    return ProbeOutcome(target=target, address=address, facts=facts, probes=1, ended_at=float(NOW))


def signed(names: Iterable[str], *above: Issued) -> list[ProbeOutcome]:
    """One target for each name, with a certificate for it under the first of these."""
    return [outcome(each, (leaf(above[0], each, san=[each]), *above)) for each in names]


def judged(outcomes: Iterable[ProbeOutcome], *trusted: Issued) -> list[Judged]:
    """All of them, in the order of their names."""
    judge = Judge(TrustStore([one.parsed for one in (TRUSTED, *trusted)]), warn=pytest.fail)
    at_once = [one for each in outcomes if (one := judge.judge(each)) is not None]
    told = [*at_once, *judge.release()]
    return sorted(told, key=lambda one: one.outcome.target.input)


def cause_of(one: Judged, cause_id: str) -> Cause | None:
    """The cause with this id, if the verdict has it."""
    assert one.verdict is not None
    return next((cause for cause in one.verdict.causes if cause.entry.id == cause_id), None)


def accused(told: Iterable[Judged]) -> set[str | None]:
    """The names of those whose verdict says interception."""
    return {one.outcome.target.reference_name for one in told if cause_of(one, INTERCEPTION)}


# -- one authority for many domains -------------------------------------------------------


@pytest.mark.parametrize(
    "above",
    [
        pytest.param((DEVICE,), id="the-root-is-sent"),
        pytest.param((DEVICE_CA, DEVICE), id="with-an-intermediate"),
        pytest.param((DEVICE_CA,), id="the-root-is-not-sent"),
    ],
)
def test_forty_unrelated_domains_behind_one_private_issuer_are_interception(
    above: tuple[Issued, ...],
) -> None:
    """Suspected, first in each verdict, with how many there are and what else it can be."""
    told = judged(signed(UNRELATED, *above))

    assert accused(told) == set(UNRELATED)
    for one in told:
        assert one.verdict is not None
        cause = one.verdict.causes[0]
        assert cause.entry.id == INTERCEPTION
        assert cause.match.confidence is Confidence.SUSPECTED
        assert cause.match.evidence["domains"].startswith("40: amber.com, anchor.")
        assert cause.match.basis.kind == "fleet"
        assert set(cause.match.alternatives) <= {"chain.untrusted_root", "chain.unknown_issuer"}
        assert cause.match.alternatives
        assert cause.match.missing


def test_an_intermediate_that_only_some_send_is_counted_for_all() -> None:
    """The authority is the same one, whoever sends its certificate."""
    half = len(UNRELATED) // 2
    some = signed(UNRELATED[:half], DEVICE_CA)
    others = [replace(each, facts=_cut(each)) for each in signed(UNRELATED[half:], DEVICE_CA)]

    told = [cause_of(one, INTERCEPTION) for one in judged([*some, *others])]

    assert [one.match.evidence["domains"][:3] if one else "" for one in told] == ["40:"] * 40


def _cut(each: ProbeOutcome) -> HandshakeFacts:
    assert each.facts is not None
    return replace(each.facts, certificates=each.facts.certificates[:1], certificates_sent=1)


def test_forty_names_of_one_company_behind_its_own_authority_are_not() -> None:
    """One registrable domain, however many hosts; and the company's domains in other countries."""
    hosts = [f"host{number}.corp.acme.com" for number in range(40)]
    abroad = [
        f"www.acme.{suffix}" for suffix in ("de", "fr", "co.uk", "com.br", "net", "org", "io")
    ]

    assert accused(judged(signed((*hosts, *abroad), DEVICE))) == set()


@pytest.mark.parametrize(
    "authority",
    [
        pytest.param(root(name("Root 1", organization_name="Acme Holdings")), id="organisation"),
        pytest.param(root("AcmeHoldings CA"), id="written-in-one"),
        pytest.param(root(name("CA 7", domain_component="acme")), id="domain-component"),
    ],
)
def test_domains_that_the_authority_is_named_after_are_its_own(authority: Issued) -> None:
    """A company's many brands carry its name, and its authority too."""
    names = [f"www.{brand}.com" for brand in ("acme", "acme-bank", "acmeshop", "my-acme")]
    others = [*names, *(f"www.acme{number}.net" for number in range(20))]

    assert accused(judged(signed(others, authority))) == set()


@pytest.mark.parametrize(
    ("authority", "own"),
    [
        pytest.param(root(name("R", organization_name="IBM Corp")), "www.ibm.com", id="short"),
        pytest.param(root("Sun Air CA"), "www.sunair.com", id="two-words"),
        pytest.param(root("Blue Widgets CA"), "www.widgets-shop.com", id="one-of-its-words"),
    ],
)
def test_its_own_domain_makes_no_eighth(authority: Issued, own: str) -> None:
    """A domain that the authority is named after is neither counted nor accused."""
    few = UNRELATED[: limits.UNRELATED_DOMAINS - 1]

    assert accused(judged(signed((*few, own), authority))) == set()


def test_letters_inside_a_domain_are_not_its_name() -> None:
    """Short words stand in long ones by chance."""
    enough = UNRELATED[: limits.UNRELATED_DOMAINS]

    assert accused(judged(signed(enough, root("A R E CA")))) == set(enough)


def test_fewer_domains_than_one_owner_may_have_are_not() -> None:
    """The threshold is where `limits` has it."""
    few = UNRELATED[: limits.UNRELATED_DOMAINS - 1]

    assert accused(judged(signed(few, DEVICE))) == set()
    enough = UNRELATED[: limits.UNRELATED_DOMAINS]
    assert accused(judged(signed(enough, DEVICE))) == set(enough)


def test_an_authority_that_the_user_trusts_is_the_users() -> None:
    """--trust says so; such results do not even wait."""
    judge = Judge(TrustStore([DEVICE.parsed]), warn=pytest.fail)
    told = [judge.judge(each) for each in signed(UNRELATED, DEVICE)]

    assert None not in told
    assert accused(one for one in told if one is not None) == set()


def test_two_authorities_of_one_name_are_two() -> None:
    """Many are called `CA`: it is the key that makes them one."""
    half = len(UNRELATED) // 8
    one, other = root("CA", label="one"), root("CA", label="other")
    told = judged([*signed(UNRELATED[:half], one), *signed(UNRELATED[half : 2 * half], other)])

    assert accused(told) == set()


BY_NAME = x509.AuthorityKeyIdentifier(None, [x509.DirectoryName(DEVICE.name)], 7)


@pytest.mark.parametrize("extra", [(), ((BY_NAME, False),)], ids=["none", "by-name"])
@pytest.mark.parametrize("one_key", [True, False])
def test_issuers_that_are_not_sent_nor_told_by_a_key_are_one_where_the_leaves_have_one_key(
    one_key: bool, extra: tuple[tuple[x509.ExtensionType, bool], ...]
) -> None:
    """Without a key identifier (RFC 5280 section 4.2.1.1) a name alone says nothing."""
    bare = []
    for each in UNRELATED:
        label = "the proxy's" if one_key else each
        shown = leaf(DEVICE_CA, each, san=[each], identifiers=False, extra=extra, label=label)
        bare.append(outcome(each, (shown,)))

    assert accused(judged(bare)) == (set(UNRELATED) if one_key else set())


RESERVED = x509.CertificatePolicies(
    [x509.PolicyInformation(ObjectIdentifier("2.23.140.1.2.1"), None)]
)
TIMESTAMPS = x509.UnrecognizedExtension(
    ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2"),
    bytes.fromhex("0435 0033 0031 00")
    + bytes(32)
    + bytes(8)
    + bytes.fromhex("0000 0403 0002 0000"),
)


@pytest.mark.parametrize(
    "extension",
    [
        pytest.param(RESERVED, id="a-policy-reserved-for-public-authorities"),
        pytest.param(TIMESTAMPS, id="logged"),
    ],
)
def test_a_public_authoritys_missing_intermediate_is_no_interception(
    extension: x509.ExtensionType,
) -> None:
    """Forty servers that forget the same intermediate are forty servers that forget it."""
    public = [
        outcome(each, (leaf(DEVICE_CA, each, san=[each], extra=[(extension, False)]),))
        for each in UNRELATED
    ]

    assert accused(judged(public)) == set()


def test_certificates_for_other_names_are_not_counted() -> None:
    """A farm's one default certificate is shown for everything and signed for nothing."""
    default = (leaf(DEVICE, "default.invalid", san=["default.invalid"]), DEVICE)
    few = limits.UNRELATED_DOMAINS - 1
    outcomes = [outcome(each, default) for each in UNRELATED[few:]]

    assert accused(judged([*outcomes, *signed(UNRELATED[:few], DEVICE)])) == set()


def test_what_leads_to_a_trusted_root_does_not_wait() -> None:
    """Whatever else is wrong with it, its authority is not private."""
    judge = Judge(TrustStore([TRUSTED.parsed]), warn=pytest.fail)
    late = leaf(TRUSTED, "www.amber.com", san=["www.amber.com"], not_after=NOW - 1)

    assert judge.judge(outcome("www.amber.com", (late,))) is not None


@pytest.mark.parametrize(
    "reference_name", [None, "192.0.2.7", "wiki.corp", "printer", "intranet.internal"]
)
def test_names_that_are_nobodys_in_public_are_not_accused(reference_name: str | None) -> None:
    """Addresses and private names belong to whoever runs the network, and so does its authority."""
    san = [reference_name or "any.invalid"]
    own = outcome(reference_name, (leaf(DEVICE, "own", san=san), DEVICE), "198.51.100.9")

    assert accused(judged([*signed(UNRELATED, DEVICE), own])) == set(UNRELATED)


def test_an_authority_known_to_sign_for_anyone_is_not_accused() -> None:
    """Origins behind Cloudflare show certificates of its Origin CA, whosever they are."""
    shared = root(
        x509.Name(
            [
                *name(None, organization_name="CloudFlare, Inc."),
                *name(None, organizational_unit_name="CloudFlare Origin SSL Certificate Authority"),
            ]
        )
    )

    assert accused(judged(signed(UNRELATED, shared))) == set()


def test_certificates_that_signed_themselves_have_no_common_authority() -> None:
    """Forty self-signed leaves are forty issuers."""
    alone = [outcome(each, (issue(each, san=[each]),)) for each in UNRELATED]

    assert accused(judged(alone)) == set()


def test_the_order_of_targets_changes_nothing() -> None:
    """Verdicts and evidence are the same, whoever comes first."""
    outcomes = [
        *signed(UNRELATED, DEVICE),
        *signed([f"h{number}.acme.com" for number in range(5)], root("Acme CA")),
    ]
    shuffle = random.Random(7)
    told = set()
    for _ in range(4):
        shuffle.shuffle(outcomes)
        told.add(repr([_said(one) for one in judged(outcomes)]))

    assert len(told) == 1


def _said(one: Judged) -> list[object]:
    assert one.verdict is not None
    return [
        (cause.entry.id, cause.match.evidence, cause.match.confidence, cause.match.basis)
        for cause in one.verdict.causes
    ]


def test_a_missing_intermediate_in_hand_is_that_and_no_interception() -> None:
    """What the fleet completes to a trusted root was never private."""
    public_ca = intermediate(TRUSTED, "Issuing 9")
    outcomes = [
        *signed(UNRELATED[:20], public_ca),
        *(replace(each, facts=_cut(each)) for each in signed(UNRELATED[20:], public_ca)),
    ]
    told = judged(outcomes)

    assert accused(told) == set()
    assert sum(cause_of(one, "chain.incomplete") is not None for one in told) == 20


# -- one page from everywhere --------------------------------------------------------------

BLOCKED = b"HTTP/1.1 403 Forbidden\r\nServer: gate\r\n\r\n<title>Web Page Blocked</title>"
MOVED = b"HTTP/1.1 302 Found\r\nLocation: http://portal.example/login/%d?for=me\r\n\r\n"


def pages(*sent: tuple[str, bytes]) -> list[Judged]:
    """One target for each address, and the page that it sent in place of TLS."""
    return judged(seen("www.example.com", spoke(page), address) for address, page in sent)


def test_one_page_that_says_so_from_unrelated_networks_is_a_block_page() -> None:
    """Observed, and then it is no server that speaks plain HTTP."""
    told = pages(*((f"198.51.{number}.1", BLOCKED) for number in range(3)))

    for one in told:
        assert one.verdict is not None
        assert [cause.entry.id for cause in one.verdict.causes] == [BLOCK_PAGE]
        match = one.verdict.causes[0].match
        assert match.confidence is Confidence.OBSERVED
        assert match.evidence["addresses"] == "3"
        assert match.basis.kind == "fleet"


def test_one_page_that_does_not_say_so_is_suspected_from_unrelated_networks() -> None:
    """A company's servers may all redirect to one place."""
    told = pages(*((f"198.51.{number}.1", MOVED % number) for number in range(3)))

    for one in told:
        cause = cause_of(one, BLOCK_PAGE)
        assert cause is not None
        assert cause.match.confidence is Confidence.SUSPECTED
        assert cause.match.alternatives == ("protocol.plaintext_http",)
        assert cause_of(one, "protocol.plaintext_http") is not None


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(
            [(f"198.51.100.{number}", MOVED % 1) for number in range(9)], id="one-network"
        ),
        pytest.param([(f"198.51.{number}.1", MOVED % 1) for number in range(2)], id="two-networks"),
        pytest.param(
            [
                (f"198.51.{number}.1", MOVED.replace(b"portal", b"portal-%s" % word) % 1)
                for number, word in enumerate((b"a", b"b", b"c", b"d"))
            ],
            id="different-pages",
        ),
        pytest.param(
            [(f"198.51.{number}.1", b"HTTP/1.1 400 Bad Request\r\n\r\n") for number in range(9)],
            id="what-every-server-says",
        ),
    ],
)
def test_pages_that_their_own_servers_may_send(sent: list[tuple[str, bytes]]) -> None:
    """A page from one network is that network's; a plain 400 is every server's."""
    assert [one for one in pages(*sent) if cause_of(one, BLOCK_PAGE)] == []


def test_pages_are_counted_in_any_order() -> None:
    """The first sender is told the same as the last."""
    sent = [(f"198.51.{number}.1", BLOCKED) for number in range(5)]

    assert [_said(one) for one in pages(*sent)] == [_said(one) for one in pages(*reversed(sent))]


# -- counting ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reference_name", "domain"),
    [
        ("www.example.com", "example.com"),
        ("WWW.Example.COM.", "example.com"),
        ("a.b.example.co.uk", "example.co.uk"),
        ("co.uk", ""),
        ("city.kawasaki.jp", "city.kawasaki.jp"),
        ("alice.github.io", "github.io"),
        ("xn--bcher-kva.de", "xn--bcher-kva.de"),
        ("shop.brand.example", "brand.example"),
        ("example", ""),
        ("wiki.corp", ""),
        ("db.internal", ""),
        ("host.test", ""),
        ("localhost", ""),
        ("192.0.2.1", ""),
        ("2001:db8::1", ""),
    ],
)
def test_a_registrable_domain_is_one_label_below_a_public_suffix(
    reference_name: str, domain: str
) -> None:
    """Expected values by hand, from the rules and exceptions of publicsuffix.org/list."""
    assert registrable_domain(reference_name) == domain


def test_a_tally_is_bounded_and_the_same_in_any_order() -> None:
    """Of too many keys and values the smallest are whole, whatever came first."""
    rows = [(bytes([key]) * 8, f"v{value}") for key in range(20) for value in range(9)]
    kept = []
    for seed in range(5):
        random.Random(seed).shuffle(rows)
        tally = Tally(4, 3)
        for key, value in rows:
            tally.add(key, value)
        kept.append([tally.values(bytes([key]) * 8) for key in range(20)])

    assert all(each == kept[0] for each in kept)
    assert kept[0] == [("v0", "v1", "v2")] * 4 + [()] * 16


def test_a_value_is_counted_once_and_shown_as_the_smallest() -> None:
    """acme.com and acme.de are one owner's."""
    tally = Tally(4, 3)
    for domain in ("acme.net", "acme.com", "acme.de"):
        tally.add(b"key", "acme", domain)

    assert tally.values(b"key") == ("acme.com",)
