"""interference.interception and name.default_certificate: what was shown, and how it was asked."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fleetscan import limits
from fleetscan.causes import classify
from fleetscan.causes.inspection import ATTRIBUTES, known_issuers
from fleetscan.causes.interception import product_of
from fleetscan.causes.model import Case, Confidence, Match
from fleetscan.experiment import Ask, Speech, Tried
from fleetscan.pki.path import assess
from fleetscan.pki.trust import TrustStore
from fleetscan.tls.events import Offer
from fleetscan.tls.profiles import PROFILES
from fleetscan.vocabulary import Checked
from tests.certificates import NOW, Issued, intermediate, leaf, name, root
from tests.facts_builder import NAME, OFFER, case, confirmed

PROXY = "http://proxy.example:3128"
INTERCEPTION = "interference.interception"
DEFAULT = "name.default_certificate"

PUBLIC = root("Public Root")
PUBLIC_CA = intermediate(PUBLIC, "Public CA")
PRODUCT = root(name("mitmproxy", organization_name="mitmproxy"))
DEVICE = root("Gateway 7")


def shown(
    *chain: Issued,
    reference_name: str | None = NAME,
    offer: Offer = OFFER,
    tried: Sequence[Tried] = (),
    trust: tuple[Issued, ...] = (PUBLIC,),
    proxy: str = "",
    **changes: Any,  # noqa: ANN401
) -> Case:
    """A handshake that worked and showed this chain."""
    certificates = tuple(one.parsed for one in chain)
    path = assess(
        certificates,
        reference_name=reference_name,
        now=NOW,
        trust=TrustStore([one.parsed for one in trust]),
    )
    facts = confirmed(
        certificates=certificates, certificates_sent=len(chain), offer=offer, proxy=proxy
    )
    return case(
        facts, path=path, reference_name=reference_name, now=NOW, tried=tuple(tried), **changes
    )


def match_of(given: Case, cause_id: str = INTERCEPTION) -> Match | None:
    """What the verdict says of this id."""
    causes = classify(given).causes
    return next((cause.match for cause in causes if cause.entry.id == cause_id), None)


# -- by the issuer's name ------------------------------------------------------------------


def test_an_issuer_known_as_an_inspection_product_is_suspected() -> None:
    """The name of the product is evidence; a company may serve its own names with it."""
    match = match_of(shown(leaf(PRODUCT), PRODUCT))

    assert match is not None
    assert match.confidence is Confidence.SUSPECTED
    assert match.evidence["product"] == "mitmproxy"
    assert match.evidence["issuer"] == "CN=mitmproxy,O=mitmproxy"
    assert match.alternatives == ("chain.untrusted_root",)
    assert match.missing
    assert match.remedy_values == (NAME,)


def test_the_missing_issuer_of_a_chain_is_read_in_its_last_certificate() -> None:
    """A proxy that sends the leaf alone names itself in it."""
    match = match_of(shown(leaf(PRODUCT)))

    assert match is not None
    assert match.alternatives == ("chain.unknown_issuer",)


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(shown(leaf(PRODUCT), PRODUCT, trust=(PRODUCT,)), id="trusted-here"),
        pytest.param(shown(leaf(PRODUCT, san=["fw.example"]), PRODUCT), id="for-another-name"),
        pytest.param(shown(leaf(PRODUCT), PRODUCT, reference_name=None), id="nobody-gave-a-name"),
        pytest.param(shown(leaf(DEVICE), DEVICE), id="an-unknown-authority"),
        pytest.param(shown(PRODUCT), id="its-own-self-signed-page"),
        pytest.param(
            shown(leaf(root(name("mitmproxy", organization_name="Acme")))), id="half-the-name"
        ),
        pytest.param(
            shown(leaf(root(name("my mitmproxy", organization_name="mitmproxy")))),
            id="more-than-the-name",
        ),
    ],
)
def test_who_is_not_suspected_by_name(given: Case) -> None:
    """What the user trusts, what a device shows of itself, and who is only named alike."""
    assert match_of(given) is None


@pytest.mark.parametrize(
    ("parts", "product"),
    [
        ({"organization_name": "Zscaler Inc.", "common_name": "Zscaler Root CA"}, "Zscaler"),
        ({"organization_name": "Fortinet", "common_name": "FGT60F0000000000"}, "FortiGate"),
        (
            {"organization_name": "DO_NOT_TRUST", "common_name": "DO_NOT_TRUST_FiddlerRoot"},
            "Fiddler",
        ),
        ({"common_name": "Sophos_CA_C01001ABCDEF123"}, "Sophos"),
        ({"common_name": "Kaspersky Anti-Virus Personal Root Certificate"}, "Kaspersky"),
        ({"organization_name": "Acme", "common_name": "Acme Root"}, ""),
    ],
)
def test_products_are_known_by_their_default_authorities(
    parts: dict[str, str], product: str
) -> None:
    """Names as the sources of the table show them."""
    common_name = parts.pop("common_name")

    assert product_of([root(name(common_name, **parts)).parsed.subject]) == product


def test_every_entry_of_the_table_has_a_source_with_its_date() -> None:
    """An issuer is named for what somebody wrote down, never for a guess."""
    path = Path(__file__).parents[2] / "fleetscan/causes/inspection_issuers.toml"
    document = tomllib.loads(path.read_text("utf-8"))

    names = [entry["name"] for kind in ("product", "shared") for entry in document[kind]]
    assert len(names) == len(set(names)) > 20
    for entry in (*document["product"], *document["shared"]):
        assert set(entry) == {"name", "issuers", "sources"}
        assert all(issuer and set(issuer) <= set(ATTRIBUTES) for issuer in entry["issuers"])
        assert entry["sources"]
        for source in entry["sources"]:
            assert source.startswith("https://")
            assert source.endswith("(2026-11-25)")
    assert len(known_issuers().products) >= len(document["product"])


# -- directly and through the proxy --------------------------------------------------------

BEHIND = leaf(DEVICE)
DIRECT = leaf(PUBLIC_CA, label="the server's own key")
GREASED = replace(OFFER, versions=(0x0304, 0x0303, 0x2A2A), octets=600)


def asked(
    certificate: Issued,
    *,
    through_proxy: bool,
    ask: dict[str, Any] | None = None,
    **facts: Any,  # noqa: ANN401
) -> Tried:
    """The same question, one way or the other."""
    given: dict[str, Any] = {
        "profile": PROFILES["browser"],
        "server_name": NAME,
        "alpn": (),
        "starttls": "none",
        "address": "127.0.0.1",
        "through_proxy": through_proxy,
    }
    seen: dict[str, Any] = {
        "certificates": (certificate.parsed,),
        "proxy": PROXY if through_proxy else "",
        "offer": GREASED,
    }
    return Tried(
        name="direct",
        changed="proxy",
        ask=Ask(**(given | (ask or {}))),
        facts=confirmed(**(seen | facts)),
    )


PROXIED = asked(BEHIND, through_proxy=True)
STRAIGHT = asked(DIRECT, through_proxy=False)
REPEATED = (STRAIGHT, STRAIGHT, PROXIED, PROXIED)
TWO = ("amber.com", "birch.org")


def both_ways(*tried: Tried, chain: tuple[Issued, ...] = (BEHIND, DEVICE), **changes: Any) -> Case:  # noqa: ANN401
    """A scan through the proxy, and what else was asked."""
    return shown(*chain, tried=tried, proxy=PROXY, **changes)


@pytest.mark.parametrize(
    ("chain", "domains"),
    [
        pytest.param((BEHIND, DEVICE), TWO, id="it-signs-for-another-domain"),
        pytest.param((leaf(PRODUCT), PRODUCT), (), id="it-is-a-known-product"),
    ],
)
def test_each_way_its_own_issuer_again_and_again_is_proof(
    chain: tuple[Issued, ...], domains: tuple[str, ...]
) -> None:
    """Private behind the proxy, another one directly, and nothing else explains it."""
    proxied = asked(chain[0], through_proxy=True)
    match = match_of(
        both_ways(STRAIGHT, STRAIGHT, proxied, proxied, chain=chain, signed_domains=domains)
    )

    assert match is not None
    assert match.confidence is Confidence.PROVEN
    assert match.alternatives == ()
    assert match.missing == ""
    assert match.evidence["sha256_proxy"] == chain[0].parsed.sha256
    assert match.evidence["sha256_direct"] == DIRECT.parsed.sha256
    assert match.basis.kind == "experiment"
    assert match.basis.changed == "proxy"
    assert match.basis.repeats == "2"


@pytest.mark.parametrize(
    ("tried", "domains"),
    [
        pytest.param((STRAIGHT,), TWO, id="one-look"),
        pytest.param((STRAIGHT, STRAIGHT), TWO, id="the-proxy-was-asked-once"),
        pytest.param((STRAIGHT, PROXIED, PROXIED, PROXIED), TWO, id="directly-once"),
        pytest.param((STRAIGHT, PROXIED, STRAIGHT, PROXIED), TWO, id="two-servers-in-turn"),
        pytest.param((STRAIGHT, STRAIGHT, PROXIED), TWO, id="three-servers-in-turn"),
        pytest.param(REPEATED, (), id="servers-that-choose-by-the-clients-address"),
    ],
)
def test_what_servers_behind_one_address_could_show_is_suspected(
    tried: tuple[Tried, ...], domains: tuple[str, ...]
) -> None:
    """causes.md: a wrong proof is worse than none."""
    match = match_of(both_ways(*tried, signed_domains=domains))

    assert match is not None
    assert match.confidence is Confidence.SUSPECTED
    assert match.alternatives == ("chain.untrusted_root",)
    assert match.missing


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(both_ways(), id="nothing-was-tried"),
        pytest.param(both_ways(PROXIED, PROXIED), id="never-directly"),
        pytest.param(
            both_ways(*[asked(BEHIND, through_proxy=False)] * 2, PROXIED, PROXIED),
            id="the-same-both-ways",
        ),
        pytest.param(
            both_ways(*[asked(leaf(DEVICE, label="other"), through_proxy=False)] * 2, PROXIED),
            id="two-certificates-of-one-authority",
        ),
        pytest.param(
            both_ways(STRAIGHT, STRAIGHT, PROXIED, asked(DIRECT, through_proxy=True)),
            id="the-proxy-shows-both",
        ),
        pytest.param(
            both_ways(STRAIGHT, asked(BEHIND, through_proxy=False), PROXIED, PROXIED),
            id="the-server-shows-both",
        ),
        pytest.param(
            both_ways(asked(DIRECT, through_proxy=False, key_proof=Checked.NO), PROXIED, PROXIED),
            id="a-key-that-was-not-shown",
        ),
        pytest.param(
            both_ways(
                *[asked(DIRECT, through_proxy=False, ask={"address": "127.0.0.9"})] * 2, PROXIED
            ),
            id="another-address",
        ),
        pytest.param(
            both_ways(
                *[asked(DIRECT, through_proxy=False, offer=replace(OFFER, server_name=""))] * 2,
                PROXIED,
            ),
            id="another-name",
        ),
        pytest.param(
            both_ways(
                *[
                    asked(
                        DIRECT,
                        through_proxy=False,
                        offer=replace(OFFER, signature_schemes=(0x0401,)),
                    )
                ]
                * 2,
                PROXIED,
            ),
            id="a-hello-that-asks-for-another-key",
        ),
        pytest.param(
            both_ways(STRAIGHT, STRAIGHT, PROXIED, chain=(leaf(PUBLIC_CA), PUBLIC_CA)),
            id="trusted-behind-the-proxy",
        ),
        pytest.param(shown(BEHIND, DEVICE, tried=REPEATED), id="a-scan-without-a-proxy"),
        pytest.param(
            both_ways(*REPEATED, chain=(leaf(DEVICE, san=["a.example"]), DEVICE)),
            id="for-another-name",
        ),
        pytest.param(
            both_ways(STRAIGHT, STRAIGHT, asked(leaf(root("Gateway 8")), through_proxy=True)),
            id="the-proxy-shows-two-authorities",
        ),
        pytest.param(
            both_ways(*[asked(leaf(PUBLIC_CA), through_proxy=False)] * 2, PROXIED),
            id="one-key-with-two-certificates",
        ),
        pytest.param(
            both_ways(*[asked(DIRECT, through_proxy=False, ask={"starttls": "smtp"})] * 2),
            id="another-dialogue",
        ),
        pytest.param(
            both_ways(*[asked(DIRECT, through_proxy=False, ask={"speech": Speech.LISTEN})] * 2),
            id="no-hello",
        ),
        pytest.param(
            both_ways(*[asked(DIRECT, through_proxy=False, proxy=PROXY)] * 2),
            id="it-went-through-the-proxy-all-the-same",
        ),
    ],
)
def test_what_says_nothing_of_a_proxy(given: Case) -> None:
    """Change one thing and it is no sign of interception."""
    assert match_of(given) is None


def test_of_many_domains_some_are_shown() -> None:
    """The evidence stays one short value."""
    domains = tuple(f"d{number:02}.com" for number in range(limits.MAX_SIGNED_DOMAINS))
    match = match_of(shown(BEHIND, DEVICE, signed_domains=domains))

    assert match is not None
    assert match.evidence["domains"].startswith("64 or more: d00.com, d01.com")


# -- the default certificate ----------------------------------------------------------------

OTHERS = leaf(PUBLIC_CA, san=["a.example"])
CONTROL = {"server_name": "control.invalid"}


def control(certificate: Issued, **ask: Any) -> Tried:  # noqa: ANN401
    """A control name, asked in the same way."""
    tried = asked(certificate, through_proxy=False, ask={**CONTROL, **ask})
    return replace(tried, name="control_name", changed="server_name")


def test_one_certificate_for_two_names_that_it_is_not_for_is_the_default() -> None:
    """It stands beside what the client sees: a certificate for another name."""
    given = shown(OTHERS, PUBLIC_CA, tried=[control(OTHERS)])
    match = match_of(given, DEFAULT)

    assert match is not None
    assert match.confidence is Confidence.PROVEN
    assert match.evidence == {
        "server_name": NAME,
        "control_name": "control.invalid",
        "sha256": OTHERS.parsed.sha256,
    }
    assert match.basis.kind == "experiment"
    assert match.basis.changed == "server_name"
    assert match_of(given, "certificate.name_mismatch") is not None


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(shown(OTHERS, PUBLIC_CA), id="nothing-was-tried"),
        pytest.param(shown(DIRECT, PUBLIC_CA, tried=[control(DIRECT)]), id="the-name-is-right"),
        pytest.param(shown(OTHERS, PUBLIC_CA, tried=[control(DIRECT)]), id="another-certificate"),
        pytest.param(
            shown(OTHERS, PUBLIC_CA, tried=[control(OTHERS, server_name="a.example")]),
            id="it-is-for-the-control-name",
        ),
        pytest.param(
            shown(OTHERS, PUBLIC_CA, tried=[control(OTHERS, server_name=NAME.upper())]),
            id="the-same-name",
        ),
        pytest.param(
            shown(OTHERS, PUBLIC_CA, tried=[control(OTHERS, server_name="")]), id="no-name"
        ),
        pytest.param(
            shown(OTHERS, PUBLIC_CA, tried=[control(OTHERS, address="127.0.0.9")]),
            id="another-address",
        ),
        pytest.param(
            shown(OTHERS, PUBLIC_CA, tried=[control(OTHERS, speech=Speech.HTTP)]), id="no-tls"
        ),
        pytest.param(
            shown(
                OTHERS,
                PUBLIC_CA,
                offer=replace(OFFER, server_name=""),
                tried=[control(OTHERS)],
            ),
            id="no-name-was-sent",
        ),
        pytest.param(
            shown(OTHERS, PUBLIC_CA, proxy=PROXY, tried=[control(OTHERS)]), id="another-way"
        ),
    ],
)
def test_what_does_not_make_it_the_default(given: Case) -> None:
    """Change one thing and the server may have minded the name."""
    assert match_of(given, DEFAULT) is None
