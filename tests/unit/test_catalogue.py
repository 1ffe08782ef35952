"""The catalogue holds every id of the product's vocabulary, each entry whole."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from fleetscan.causes import CATALOGUE, FAMILY_ORDER, entry_of
from fleetscan.causes.explain import WIDTH, explain_text, remedy_text
from fleetscan.causes.model import CatalogueEntry, SeenAs, Severity
from fleetscan.causes.render import FAMILY_TITLES, pages
from tools import catalogue as tool

# Written out by hand from the vocabulary. SIEM rules are built on these words: one that is
# here is never renamed and never taken out, only retired.
VOCABULARY_TEXT = """
resolve.not_found resolve.timeout resolve.failed
connect.refused connect.timeout connect.unreachable
protocol.plaintext_http protocol.other protocol.starttls_needed protocol.starttls_refused
protocol.garbage
version.too_old version.too_new version.intolerant version.fallback_refused
cipher.none_in_common cipher.insecure_only cipher.insufficient_security
key_exchange.no_common_group key_exchange.weak_dh
signature.no_common_scheme
name.required name.unrecognized name.default_certificate
alpn.none_in_common
certificate.expired certificate.not_yet_valid certificate.name_mismatch certificate.self_signed
certificate.revoked certificate.must_staple_missing certificate.wrong_purpose
certificate.weak_key certificate.weak_signature certificate.key_mismatch
certificate.unknown_critical_extension certificate.malformed
chain.incomplete chain.untrusted_root chain.unknown_issuer chain.ca_expired
chain.ca_not_yet_valid chain.invalid_ca chain.name_constraints chain.bad_signature
client_auth.required client_auth.refused
interference.name_filter interference.hello_filter interference.interception
interference.block_page interference.proxy_refused
server.closed_on_accept server.closed_after_hello server.reset_after_hello
server.silent_after_hello server.stalled server.large_hello_intolerant
server.segmented_hello_intolerant server.extension_intolerant server.internal_error
server.access_denied server.refused server.protocol_violation server.intermittent
unknown internal.error local.exhausted local.denied
finding.expires_soon finding.long_validity finding.wildcard finding.key_reuse
finding.chain_unordered finding.chain_superfluous finding.anchor_sent finding.ca_as_leaf
finding.path_profile_dependent finding.staple_stale finding.revocation_unknown finding.no_sct
finding.old_version finding.weak_cipher finding.no_forward_secrecy
finding.no_post_quantum_group finding.compression finding.no_secure_renegotiation
finding.client_certificate_optional
"""
VOCABULARY = VOCABULARY_TEXT.split()

FAMILIES_TEXT = (
    "resolve connect interference protocol server version cipher key_exchange signature "
    "alpn name client_auth chain certificate"
)

CRITICAL = {"certificate.revoked", "certificate.key_mismatch", "interference.interception"}
MEDIUM = {
    "server.intermittent",
    "finding.expires_soon",
    "finding.weak_cipher",
    "local.exhausted",
    "local.denied",
}
MEDIUM_FAMILIES = {"connect", "resolve", "client_auth"}

# `unknown` is what is left.
WITHOUT_MATCHER = {"unknown"}

RFC_CITATION = re.compile(r"RFC [1-9][0-9]{0,3} (?:section [0-9]+|appendix [A-Z])(?:\.[0-9]+)*")
OTHER_SOURCES = re.compile(
    r"X\.690 section 10|FIPS 203 section 1|POSIX\.1-2017 connect\(\)"
    r"|CA/Browser Forum Baseline Requirements section 6\.3\.2|Apple HT210176"
    r"|docs/(?:diagnosis|interception|policies)\.md|CONTRIBUTING\.md|SECURITY\.md"
)

each_entry = pytest.mark.parametrize("entry", CATALOGUE, ids=lambda entry: entry.id)


def expected_severity(entry: CatalogueEntry) -> Severity:
    """The default that causes.md names."""
    if entry.id in CRITICAL:
        return Severity.CRITICAL
    if entry.id in MEDIUM or entry.family in MEDIUM_FAMILIES:
        return Severity.MEDIUM
    return Severity.LOW if entry.family == "finding" else Severity.HIGH


def test_every_id_of_the_vocabulary_is_there_and_no_other() -> None:
    """Stable from the first release: nothing missing, nothing renamed, nothing twice."""
    assert sorted(entry.id for entry in CATALOGUE) == sorted(VOCABULARY)


def test_the_catalogue_follows_the_order_of_families() -> None:
    """The tuple reads in the order in which a verdict is printed."""
    families = [entry.family for entry in CATALOGUE]

    assert list(dict.fromkeys(families)) == list(FAMILY_ORDER)
    assert families == sorted(families, key=FAMILY_ORDER.index)
    assert set(FAMILY_TITLES) == set(FAMILY_ORDER)


def test_families_that_hide_others_come_first() -> None:
    """The order of causes.md, as written there."""
    written = FAMILIES_TEXT.split()

    assert [family for family in FAMILY_ORDER if family in written] == written


def test_an_entry_is_found_by_its_id() -> None:
    """A wrong id is an error, never another entry."""
    assert (
        entry_of("chain.incomplete").title == "The server does not send an intermediate certificate"
    )
    with pytest.raises(KeyError):
        entry_of("chain.incomplet")


@each_entry
def test_an_entry_is_whole(entry: CatalogueEntry) -> None:
    """Engineers read these at three in the morning: no part may be missing."""
    assert entry.title and not entry.title.endswith(".")
    assert len(entry.title) <= 90
    for text in (entry.why, entry.proof, entry.remedy.text):
        assert text.endswith(".") and len(text) > 10, text
    assert len(entry.why) > 80
    assert entry.not_this
    assert entry.references
    assert entry.evidence
    assert re.fullmatch(r"[a-z0-9_]+", entry.remedy.id)


@each_entry
def test_look_alikes_exist_and_are_others(entry: CatalogueEntry) -> None:
    """A look-alike is another id of the vocabulary, with the difference said."""
    for other, difference in entry.not_this.items():
        assert other in VOCABULARY
        assert other != entry.id
        assert len(difference) > 10 and not difference.endswith(".")
    for other in entry.hidden_by:
        assert other in VOCABULARY and other != entry.id


@each_entry
def test_severities_are_the_defaults_of_the_vocabulary(entry: CatalogueEntry) -> None:
    """causes.md: critical, medium and low are named there, everything else is high."""
    assert entry.severity is expected_severity(entry)


@each_entry
def test_what_one_target_settles_has_a_matcher(entry: CatalogueEntry) -> None:
    """What takes the whole fleet has none yet, and is named here by hand."""
    assert (entry.match is None) == (entry.id in WITHOUT_MATCHER)


@each_entry
def test_references_name_document_and_section(entry: CatalogueEntry) -> None:
    """One greppable form: `RFC 8446 section 4.1.3`."""
    for reference in entry.references:
        assert RFC_CITATION.fullmatch(reference) or OTHER_SOURCES.fullmatch(reference), reference


@each_entry
def test_evidence_keys_are_words_with_a_meaning(entry: CatalogueEntry) -> None:
    """Dashboards are built on the keys."""
    for key, meaning in entry.evidence.items():
        assert re.fullmatch(r"[a-z][a-z0-9_]*", key)
        assert len(meaning) > 5


@each_entry
def test_words_are_printable_and_whole(entry: CatalogueEntry) -> None:
    """Two string literals that were joined without a blank between them show up here."""
    prose = [entry.title, entry.why, entry.proof, entry.remedy.text, *entry.not_this.values()]
    words = [getattr(entry.seen_as, field.name) for field in fields(SeenAs)]
    for text in prose + words:
        assert text.isprintable()
        assert "  " not in text
    for text in prose:
        assert not re.search(r"[a-z][.;:,][A-Za-z]{2,} [a-z]", text), text


def test_one_remedy_id_is_one_kind_of_remedy() -> None:
    """Reports group by the remedy's id, so the same id may not stand for unlike things."""
    families: dict[str, set[str]] = {}
    for entry in CATALOGUE:
        families.setdefault(entry.remedy.id, set()).add(entry.remedy.text.split()[0])

    shared = {remedy: words for remedy, words in families.items() if len(words) > 1}

    assert shared == {}


@each_entry
def test_an_explanation_fits_a_terminal(entry: CatalogueEntry) -> None:
    """Plain text of at most 79 columns that has the id, the reason and the references."""
    text = explain_text(entry)

    assert text.startswith(entry.id + "\n")
    assert max(len(line) for line in text.splitlines()) <= WIDTH
    assert "References" in text and "Why it happens" in text
    for key in entry.evidence:
        assert key in text


def test_the_values_of_a_remedy_are_filled_in() -> None:
    """The concrete value is what makes a remedy one."""
    entry = entry_of("certificate.name_mismatch")

    assert "with b.corp among" in remedy_text(entry, ("b.corp",))
    assert "<value>" in remedy_text(entry)


def test_the_pages_are_fresh() -> None:
    """docs/causes is printed from the catalogue and checked in."""
    assert tool.stale(tool.DIRECTORY) == []


def test_check_tells_a_stale_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Missing, changed and left-over pages each make --check fail; writing repairs all."""
    assert tool.main(["--directory", str(tmp_path)]) == 0
    assert tool.main(["--check", "--directory", str(tmp_path)]) == 0
    (tmp_path / "unknown.md").write_text("changed", "utf-8")
    (tmp_path / "chain.incomplete.md").unlink()
    (tmp_path / "chain.retired.md").write_text("left over", "utf-8")

    assert tool.main(["--check", "--directory", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert [name in said for name in ("unknown.md", "chain.incomplete.md", "chain.retired.md")] == [
        True,
        True,
        True,
    ]
    tool.main(["--directory", str(tmp_path)])
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(pages())
