"""Certificates with octets changed: whatever still parses is assessed without an exception."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from fleetscan._parse import Certificate, parse_certificate
from fleetscan.errors import ParseError
from fleetscan.pki.authorities import AuthorityStore
from fleetscan.pki.chain import anchor_sent, chain_is_unordered, superfluous_certificates
from fleetscan.pki.names import distinguished_name, names_of
from fleetscan.pki.path import PathAssessment, assess
from fleetscan.pki.trust import TrustStore
from fleetscan.vocabulary import Checked
from tests.certificates import NOW, intermediate, issue, leaf, root

ROOT = root()
CA = intermediate(ROOT)
MADE = (
    leaf(CA),
    CA,
    ROOT,
    leaf(ROOT, kind="RSA-2048", label="rsa"),
    leaf(root("PSS", kind="RSA-2048"), pss_salt=32),
    issue("own", kind="Ed25519"),
)
TRUST = TrustStore([ROOT.parsed])


@st.composite
def mutated(draw: st.DrawFn) -> Certificate | None:
    """Change up to three octets of a sound certificate; None when the parser refuses it."""
    der = bytearray(draw(st.sampled_from(MADE)).der)
    for _ in range(draw(st.integers(0, 3))):
        der[draw(st.integers(0, len(der) - 1))] = draw(st.integers(0, 255))
    try:
        return parse_certificate(bytes(der))
    except ParseError:
        return None


def judge(chain: list[Certificate], name: str | None, now: float) -> PathAssessment:
    """Ask everything there is to ask."""
    seen = AuthorityStore(max_certificates=3, max_per_subject=2)
    seen.add(chain)
    chain_is_unordered(chain)
    superfluous_certificates(chain)
    anchor_sent(chain)
    return assess(chain, reference_name=name, now=now, trust=TRUST, authorities=seen)


@settings(max_examples=300)
@given(
    st.lists(mutated(), max_size=6),
    st.sampled_from([None, "www.example.com", "10.0.0.1"]),
    st.integers(-(1 << 40), 1 << 40),
)
def test_no_chain_makes_it_raise(
    drawn: list[Certificate | None], name: str | None, offset: int
) -> None:
    """Any certificates in any order, at any time, under any name."""
    chain = [one for one in drawn if one is not None]
    found = judge(chain, name, NOW + offset)

    why = bool(found.problems or found.limit or found.not_checked)
    good = found.trusted is Checked.YES and found.name is not Checked.NO
    assert why is not good or not chain
    for problem in found.problems:
        assert problem.detail.isprintable()
        assert distinguished_name(problem.certificate.subject).isprintable()
        assert all(text.isprintable() for text in names_of(problem.certificate))


@settings(max_examples=200)
@given(mutated())
def test_a_changed_certificate_is_trusted_only_unchanged(changed: Certificate | None) -> None:
    """A signature stands for every octet that it covers: what was changed is not trusted."""
    if changed is None:
        return
    found = judge([changed, CA.parsed], None, NOW)
    sound = {one.parsed.sha256 for one in MADE}

    assert found.trusted is not Checked.YES or changed.sha256 in sound
