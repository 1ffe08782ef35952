"""The table of policies, policies in files, and names under each policy."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from fleetscan import limits
from fleetscan.cli import app
from fleetscan.cli.scan import command, request_from
from fleetscan.errors import UsageError
from fleetscan.pki.acceptance import matches_under, weak_key
from fleetscan.pki.policy import (
    AT_ANCHOR,
    BROWSER,
    COMMON,
    JAVA,
    LEGACY,
    OPENSSL,
    POLICIES,
    PROCESSED,
    RULES,
    STRICT,
    WEBPKI,
    Policy,
    Rule,
)
from fleetscan.pki.policy_file import load_policy
from fleetscan.vocabulary import Checked
from tests.certificates import intermediate, leaf, root
from tools import policies

CA = intermediate(root())
PROJECT = Path(__file__).resolve().parents[2]
PAGE = (PROJECT / "docs" / "policies.md").read_text()


def written(directory: Path, text: str, name: str = "corp.toml") -> str:
    """A policy file's path."""
    (directory / name).write_text(text)
    return str(directory / name)


def test_every_rule_is_explained_and_asked_by_somebody() -> None:
    """docs/policies.md is printed from the table: nothing in it is without its words."""
    assert list(RULES) == list(Rule)
    assert frozenset().union(*(policy.rules for policy in POLICIES.values())) == frozenset(Rule)


def test_only_webpki_asks_the_strict_rules() -> None:
    """ADR 0021: a client that fails on the profile is not known."""
    for policy in POLICIES.values():
        strict = policy.path_rules == "webpki"
        assert policy.rules & STRICT == (STRICT if strict else frozenset()), policy.name
    assert WEBPKI.rules == COMMON | STRICT


def test_the_default_policy_is_that_of_the_causes() -> None:
    """RSA under 2048, curves under 224, DSA, SHA-1 and MD5 fail; so do the old ways with names."""
    assert (BROWSER.min_rsa_bits, BROWSER.min_ec_bits, BROWSER.min_dsa_bits) == (2_048, 224, 0)
    assert BROWSER.weak_digests >= {"md5", "sha1"}
    assert not BROWSER.common_name
    assert (BROWSER.wildcards, BROWSER.address_in_dns_name) == ("whole", False)
    assert Rule.CA_AS_LEAF not in BROWSER.rules
    assert BROWSER.processed_extensions == WEBPKI.processed_extensions == PROCESSED


def test_legacy_asks_no_more_than_the_others() -> None:
    """The widest of all, rule by rule and measure by measure."""
    for policy in (BROWSER, OPENSSL, JAVA, WEBPKI):
        assert LEGACY.rules <= policy.rules | {Rule.CERTIFICATE_POLICIES}
        assert LEGACY.min_rsa_bits <= policy.min_rsa_bits
        assert LEGACY.min_ec_bits <= policy.min_ec_bits
        assert LEGACY.weak_digests <= policy.weak_digests
        assert LEGACY.processed_extensions >= policy.processed_extensions


def test_what_stands_in_at_the_anchor_is_a_rule_of_its_own() -> None:
    """A rule that stands in for another is not one that has a stand-in."""
    assert not set(AT_ANCHOR) & set(AT_ANCHOR.values())


@pytest.mark.parametrize("policy", POLICIES.values(), ids=lambda policy: policy.name)
def test_what_rfc_9525_takes_everybody_takes(policy: Policy) -> None:
    """Its own names, a wildcard one label deep, an address; nothing without a reference name."""
    one = leaf(CA, san=["www.example.com", "*.example.org", "10.0.0.1"]).parsed

    for name in ("WWW.example.com", "www.example.com.", "a.example.org", "10.0.0.1"):
        assert matches_under(policy, one, name) is Checked.YES, name
    for name in ("example.org", "a.b.example.org", "10.0.0.2", "b\u00fccher.example", "a b"):
        assert matches_under(policy, one, name) is Checked.NO, name
    assert matches_under(policy, one, None) is Checked.NOT_CHECKED


def test_a_name_that_is_none_is_not_matched_by_its_own_text() -> None:
    """RFC 9525 section 6.3 compares names: two texts that are alike and no names are not enough."""
    one = leaf(CA, "a b", san=None).parsed

    assert matches_under(JAVA, one, "a b") is Checked.NO
    assert matches_under(JAVA, one, "a" * 300) is Checked.NO
    assert matches_under(JAVA, one, "\u00fc" * 70) is Checked.NO


def test_a_unicode_name_is_compared_by_its_a_labels() -> None:
    """RFC 9525 section 6.3, for the common name too."""
    one = leaf(CA, "xn--bcher-kva.example", san=None).parsed

    assert matches_under(JAVA, one, "b\u00fccher.example.") is Checked.YES
    assert matches_under(BROWSER, one, "b\u00fccher.example") is Checked.NO


def test_a_key_of_unknown_length_is_not_weak() -> None:
    """What nobody can measure is not held against the peer."""
    assert not weak_key(BROWSER, leaf(CA, kind="Ed25519").parsed)


# -- files --------------------------------------------------------------------------


@pytest.mark.parametrize("name", POLICIES)
def test_a_shipped_policy_is_given_by_its_name(name: str) -> None:
    """The name is enough."""
    assert load_policy(name) is POLICIES[name]


def test_the_example_of_the_page_is_a_policy(tmp_path: Path) -> None:
    """What docs/policies.md shows works as it stands, and does what it says."""
    (text,) = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)

    expected = replace(
        BROWSER,
        name="corp",
        rules=BROWSER.rules - {Rule.ANCHOR_KEY_STRENGTH, Rule.CERTIFICATE_POLICIES},
        min_rsa_bits=3_072,
        processed_extensions=frozenset({f"2.5.29.{arc}" for arc in (15, 17, 19, 30, 37)}),
    )
    assert load_policy(written(tmp_path, text)) == expected


def test_an_empty_file_is_its_base_under_its_own_name(tmp_path: Path) -> None:
    """Everything may be left out."""
    assert load_policy(written(tmp_path, "")) == replace(BROWSER, name="corp")


def test_path_rules_bring_the_strict_rules_and_take_them_away(tmp_path: Path) -> None:
    """A switch of one rule counts after that of the set."""
    strict = 'base = "java"\npath_rules = "webpki"\n[rules]\nca_as_leaf = false\n'
    loose = 'base = "webpki"\npath_rules = "enterprise"\n[rules]\nca_as_leaf = true\n'

    assert load_policy(written(tmp_path, strict)).rules == (
        (JAVA.rules | STRICT) - {Rule.CA_AS_LEAF}
    )
    assert load_policy(written(tmp_path, loose)).rules == COMMON | {Rule.CA_AS_LEAF}


def test_every_measure_can_be_set(tmp_path: Path) -> None:
    """The kinds of values: bits, switches, hash functions, a word."""
    text = (
        "[measures]\nmin_dsa_bits = 2048\ncommon_name = true\n"
        'weak_digests = ["md5"]\nwildcards = "anywhere"\n'
        'processed_extensions = ["2.5.29.15", "1.3.6.1.4.1.55555.1"]\n'
    )
    found = load_policy(written(tmp_path, text))

    assert (found.min_dsa_bits, found.common_name, found.wildcards) == (2_048, True, "anywhere")
    assert found.weak_digests == {"md5"}
    assert found.processed_extensions == {"2.5.29.15", "1.3.6.1.4.1.55555.1"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('bas = "java"', "key: there is no 'bas'; did you mean base?"),
        ('base = "jav"', "base: there is no 'jav'; did you mean java?"),
        ("base = 1", "base must be text"),
        ('path_rules = "webki"', "path_rules: there is no 'webki'; did you mean webpki?"),
        ('name = "browser"', "name: 'browser' is a policy that comes with fleetscan; take another"),
        ('name = ""', "name: 1 to 40 printable characters"),
        ('name = "a\\u0007"', "name: 1 to 40 printable characters"),
        ("rules = 1", "rules must be a table, [rules]"),
        ("[rules]\nvalidty = true", "rule: there is no 'validty'; did you mean validity?"),
        ("[rules]\nvalidity = 1", "rules.validity must be true or false"),
        ("[measures]\nmin_rsa = 1", "did you mean min_rsa_bits?"),
        ("[measures]\nmin_rsa_bits = true", "measures.min_rsa_bits must be a number of bits"),
        ("[measures]\nmin_rsa_bits = -1", "measures.min_rsa_bits must be a number of bits"),
        ("[measures]\nmin_rsa_bits = 65537", "measures.min_rsa_bits must be a number of bits"),
        ("[measures]\ncommon_name = 0", "measures.common_name must be true or false"),
        ('[measures]\nweak_digests = "md5"', "measures.weak_digests must be a list of md2"),
        ("[measures]\nweak_digests = [1]", "measures.weak_digests must be a list of md2"),
        ('[measures]\nweak_digests = ["sha256"]', "measures.weak_digests: there is no 'sha256'"),
        ("[measures]\nprocessed_extensions = 1", "must be a list of OIDs, as 2.5.29.15"),
        ("[measures]\nprocessed_extensions = [1]", "must be a list of OIDs"),
        ('[measures]\nprocessed_extensions = ["keyUsage"]', "must be a list of OIDs"),
        ('[measures]\nprocessed_extensions = ["2.05"]', "must be a list of OIDs"),
        ("[measures]\nwildcards = 1", "measures.wildcards: there is no ''"),
        ("[measures]\nzzz = 1", "known are min_rsa_bits, "),
        ("a = [", "is not TOML: "),
        ("a = " + "[" * 5_000, "is not TOML: "),
        ("#" * (limits.MAX_POLICY_FILE + 1), f"is larger than {limits.MAX_POLICY_FILE} octets"),
    ],
)
def test_what_a_file_must_not_say(text: str, told: str, tmp_path: Path) -> None:
    """One line that names the file, the word and the nearest known one."""
    path = written(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        load_policy(path)

    assert told in str(caught.value)
    assert str(caught.value).startswith(f"policy file {path}")
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """TOML is UTF-8 (TOML 1.0)."""
    (tmp_path / "corp.toml").write_bytes(b"\xff")
    with pytest.raises(UsageError, match="is not TOML"):
        load_policy(str(tmp_path / "corp.toml"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("brwser", "policy: there is no 'brwser'; did you mean browser?"),
        ("zzz", "known are browser, openssl, java, legacy, webpki, or the path of a TOML file"),
        ("", "policy: there is no ''"),
        ("./none.toml", "policy file ./none.toml cannot be read: No such file or directory"),
        ("none.toml", "policy file none.toml cannot be read: No such file or directory"),
        ("/", "policy file / cannot be read: Is a directory"),
        ("a/\0.toml", "cannot be read: not a file name"),
        ("a\0", "policy: there is no "),
    ],
)
def test_what_is_neither_a_policy_nor_a_file(text: str, told: str) -> None:
    """The nearest name, or why the file cannot be read."""
    with pytest.raises(UsageError) as caught:
        load_policy(text)

    assert told in str(caught.value)


def test_a_file_that_exists_needs_no_ending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plain word that is a file is one; a shipped name is never one."""
    monkeypatch.chdir(tmp_path)
    written(tmp_path, "", "strict")
    written(tmp_path, "base = 1", "java")

    assert load_policy("strict").name == "strict"
    assert load_policy("java") is JAVA


# -- the command line and the page ----------------------------------------------------


def test_scan_takes_a_policy_and_hands_it_on() -> None:
    """The default is `browser`; what cannot be loaded is refused before anything is sent."""
    asked = request_from(command.make_context("scan", ["x.example", "--policy", "java"]).params)
    silent = request_from(command.make_context("scan", ["x.example"]).params)

    assert (asked.config.policy, silent.config.policy) == ("java", "browser")


def test_the_refusal_that_the_page_shows_is_the_one_printed(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """What docs/policies.md prints is what is printed."""
    ((typed, printed),) = re.findall(r"^    \$ fleetscan (.*)\n    (.*)$", PAGE, re.MULTILINE)

    assert app.run(typed.split()) == 2
    assert capfd.readouterr().err == printed + "\n"


def test_the_output_never_overwrites_the_policy(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A file that is read is not one to write."""
    path = written(tmp_path, "")

    assert app.run(["scan", "x.example", "--policy", path, "-o", path]) == 2
    assert "is read by this scan" in capfd.readouterr().err


def test_the_page_is_fresh_and_its_check_notices(tmp_path: Path) -> None:
    """`make check` fails when the table and the page part."""
    page = tmp_path / "policies.md"
    assert policies.main(["--check", "--page", str(page)]) == 1
    assert policies.main(["--page", str(page)]) == 0
    assert policies.main(["--check", "--page", str(page)]) == 0
    assert page.read_text() == PAGE
    page.write_text(PAGE + "\n")
    assert policies.main(["--check", "--page", str(page)]) == 1
