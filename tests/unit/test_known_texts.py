"""What other programs write is known: every captured line, with the cause that was planted."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from fleetscan.causes import CATALOGUE
from fleetscan.causes.alert_meanings import EITHER
from fleetscan.causes.known_texts import KnownText, known_texts, readings_of
from fleetscan.causes.lookup import Kind, look_up
from fleetscan.causes.model import CatalogueEntry, SeenAs
from fleetscan.causes.text_pattern import compiled, folded

VECTORS = Path(__file__).resolve().parents[1] / "vectors" / "texts"
CAPTURED: list[dict[str, Any]] = [
    row for file in sorted(VECTORS.glob("*.json")) for row in json.loads(file.read_text())
]
IDS = {entry.id for entry in CATALOGUE}

# The products that explain is to know. Those that can be installed were run.
RUN = {
    *("OpenSSL", "GnuTLS", "Go", "Java", ".NET", "curl", "Python", "Node.js"),
    *("nginx", "Apache", "HAProxy", "Postfix", "Dovecot"),
}
CITED = {"Chrome and other browsers of Chromium", "Firefox", "Safari", "Edge"}
AT_LEAST = 10

BY_PRODUCT: dict[str, list[KnownText]] = defaultdict(list)
for _text in known_texts():
    BY_PRODUCT[_text.product].append(_text)

each_text = pytest.mark.parametrize(
    "text", known_texts(), ids=lambda text: f"{text.product}-{text.patterns[0]}"
)


@pytest.mark.parametrize(
    "row", CAPTURED, ids=lambda row: f"{row['product']}-{row['version']}-{row['condition']}"
)
def test_a_captured_line_is_known_with_its_planted_cause(row: dict[str, Any]) -> None:
    """The planted cause is among the answers, and the answer where there is only one.

    Lines that only lead to another, which says why, name no cause at all.
    """
    answer = look_up(row["line"])

    assert answer.kind is Kind.TEXT
    if row["planted"] and answer.causes:
        assert set(row["planted"]) & set(answer.causes)


def test_captured_lines_have_their_provenance() -> None:
    """Which program, which version, run how, against what; and no path of the machine it was."""
    for row in CAPTURED:
        for key in ("product", "version", "condition", "run", "line"):
            assert row[key], row
        assert set(row["planted"]) <= IDS
        assert "/tmp" not in row["line"]


@pytest.mark.parametrize("product", sorted(RUN))
def test_ten_texts_of_each_program_that_can_be_run_were_captured(product: str) -> None:
    """Not the same text ten times: numbers, names and addresses do not make another one."""
    texts = {
        max(readings_of(row["line"]), key=lambda reading: reading.weight).words
        for row in CAPTURED
        if row["product"] == product
    }

    assert len(texts) >= AT_LEAST


@pytest.mark.parametrize("product", sorted(RUN | CITED))
def test_ten_texts_of_each_product_are_known(product: str) -> None:
    """Each with the run or the document that it is from."""
    assert len(BY_PRODUCT[product]) >= AT_LEAST
    for text in BY_PRODUCT[product]:
        assert len(text.source) > 8, text.patterns
    if product in CITED:
        assert not any(text.source.startswith("captured") for text in BY_PRODUCT[product])


@pytest.mark.parametrize("product", sorted(RUN))
def test_what_is_called_captured_was(product: str) -> None:
    """A text whose source is a run is found in a line of that run."""
    lines = [folded(row["line"]) for row in CAPTURED]
    for text in BY_PRODUCT[product]:
        if text.source.startswith("captured"):
            found = any(compiled(each).search(line) for each in text.patterns for line in lines)
            assert found, text.patterns


@each_text
def test_a_text_is_whole(text: KnownText) -> None:
    """Its causes exist, its words are printable, its pattern finds itself."""
    assert set(text.causes) <= IDS
    assert len(set(text.causes)) == len(text.causes)
    assert text.sent_by in {"server", "client", EITHER}
    assert text.means and not text.means.endswith(".")
    for words in (text.means, text.tell_apart, text.source, *text.patterns):
        assert words.isprintable() and "  " not in words
    for pattern in text.patterns:
        shown = pattern.replace("{alert}", "unknown ca").replace("{number}", "48")
        assert compiled(pattern).search(folded(shown)) is not None


@each_text
def test_nothing_hides_a_text(text: KnownText) -> None:
    """Its own words, alone, are read as that text, or as one that says the same causes."""
    for pattern in text.patterns:
        shown = pattern.replace("{alert}", "unknown ca").replace("{number}", "48")
        readings = readings_of(shown)

        same = [each for each in readings if each.text is text or each.causes == text.causes]
        assert same, (pattern, [each.text.patterns[0] for each in readings])


# What the catalogue says of others that is no text of theirs: nothing to be found.
NO_TEXT = re.compile(r"none\b|a limit of workers|Forbidden|\[TLS13, TLS12\]|.*\(Go offers no DHE\)")
WORD = re.compile(r"(?:NET::)?\b(?:ERR|SSL|SEC|PR|MOZILLA|DNS)_[A-Z_]+\b")


@pytest.mark.parametrize("entry", CATALOGUE, ids=lambda entry: entry.id)
def test_the_catalogue_and_the_texts_agree(entry: CatalogueEntry) -> None:
    """What the page of a cause says that others write leads back to that cause."""
    for field in fields(SeenAs):
        words = getattr(entry.seen_as, field.name)
        if not words or field.name == "alert" or NO_TEXT.match(words):
            continue
        pieces = WORD.findall(words) or [words]
        for piece in pieces:
            answer = look_up(piece)
            assert answer.kind is Kind.TEXT, (field.name, piece)
            assert entry.id in answer.causes or not answer.causes, (field.name, piece)


@pytest.mark.parametrize(
    ("line", "causes"),
    [
        # Hand-written after the formats of the programs, with what they put around the text.
        (
            "2026/11/25 02:00:01 [info] 12#12: *7 SSL_do_handshake() failed (SSL: error:0A000418:"
            "SSL routines::tlsv1 alert unknown ca:SSL alert number 48) while SSL handshaking, "
            "client: 192.0.2.7, server: 0.0.0.0:443",
            "chain.incomplete",
        ),
        ("curl: (60) SSL certificate problem: unable to get local issuer certificate",
         "chain.incomplete"),
        ("ERROR 02:00:01 [pool-3] c.e.Client - PKIX path validation failed: java.security.cert."
         "CertPathValidatorException: validity check failed", "certificate.expired"),
        ("net::err_cert_date_invalid", "certificate.expired"),
        ("SEC_ERROR_UNKNOWN_ISSUER", "chain.incomplete"),
        ("140735:error:1408F10B:SSL routines:ssl3_get_record:wrong version number:ssl/record/",
         "protocol.plaintext_http"),
        ("Safari can\u2019t establish a secure connection to the server \u201cb.corp\u201d.",
         "cipher.none_in_common"),
    ],
)  # fmt: skip
def test_what_stands_around_a_text_does_not_matter(line: str, causes: str) -> None:
    """Timestamps, addresses, other capitals, typographic quotation marks."""
    assert look_up(line).causes[0] == causes


def test_who_sent_an_alert_is_taken_from_the_line() -> None:
    """unknown_ca in a server's log is about the server's chain, in curl's about the client's."""
    in_nginx = look_up(
        "SSL_do_handshake() failed (SSL: error:0A000418:SSL routines::tlsv1 alert unknown ca:SSL "
        "alert number 48) while SSL handshaking, client: 192.0.2.7, server: 0.0.0.0:443"
    )
    in_go = look_up("remote error: tls: unknown certificate authority")

    assert {reading.sent_by for reading in in_nginx.readings} == {"client"}
    assert "client_auth.refused" not in in_nginx.causes
    assert in_go.causes[0] == "client_auth.refused"
    assert "chain.incomplete" not in in_go.causes


def test_a_servers_log_settles_who_sent_what_a_library_quotes() -> None:
    """OpenSSL's words do not say it, nginx's around them do; the alert is told once."""
    quoted = "error:0A00041B:SSL routines::tlsv1 alert decrypt error:SSL alert number 51"
    logged = f"SSL_do_handshake() failed (SSL: {quoted}) while SSL handshaking, client: 192.0.2.7"

    (alone,) = readings_of(quoted)
    named = [reading for reading in readings_of(logged) if reading.alert is not None]
    assert (alone.alert, alone.sent_by) == (51, EITHER)
    assert [(each.alert, each.sent_by) for each in named] == [(51, "client")]


def test_the_longest_text_comes_first() -> None:
    """The more of a line a text accounts for, the less can the line be about something else."""
    line = "Remote host terminated the handshake; certificate has expired; EOF"
    weights = [reading.weight for reading in readings_of(line)]

    assert len(weights) == 3
    assert weights == sorted(weights, reverse=True)


def test_the_more_specific_text_is_the_one_that_counts() -> None:
    """`EOF` within `unexpected EOF`, and OpenSSL's words within curl's, say nothing more."""
    (eof,) = readings_of("unexpected EOF")
    (alone,) = readings_of('Get "https://b.corp/": EOF')

    assert eof.text.patterns[0] == "unexpected EOF"
    assert alone.text.patterns[0] == "EOF"
    assert eof.causes != alone.causes


@pytest.mark.parametrize("line", ["GEOF", "EOFX", "EOF_", "2EOF", "theerrno=104", "errno=1044"])
def test_a_text_is_not_found_within_a_word(line: str) -> None:
    """Where a text begins or ends with a letter or digit, the line has none before or after."""
    assert readings_of(line) == ()


@pytest.mark.parametrize("text", ["", "...", " ... ", "{alert}", "{number} was sent"])
def test_a_pattern_without_literal_text_is_refused(text: str) -> None:
    """It would be found in every line."""
    with pytest.raises(ValueError, match="not a pattern"):
        compiled(text)


def test_pieces_of_a_pattern_are_found_in_their_order() -> None:
    """`a...b` is not `b a`."""
    pattern = compiled("certificate is valid for ..., not")

    assert pattern.search(folded("x509: certificate is valid for a.corp, not b.corp")) is not None
    assert pattern.search(folded(", not this: certificate is valid for a.corp")) is None


@pytest.mark.parametrize(
    ("line", "alert"),
    [
        ("SSL alert number 48)", 48),
        ("SSL alert number 255", 255),
        ("SSL alert number 256", None),
        ("SSL alert number 99999999999", None),
        ("SSL alert number x", None),
        ("Received fatal alert: bad_certificate_status_response", 113),
        ("Received fatal alert: bad certificate status response", 113),
        ("Received fatal alert: bad_certificate", 42),
        ("Received fatal alert: bad_certificates", None),
        ("sent a TLS alert: 'UnrecognizedName'.", None),
    ],
)
def test_the_alert_that_a_line_names_is_read(line: str, alert: int | None) -> None:
    """A number of one octet, the longest name that fits; else there is none."""
    found = [reading.alert for reading in readings_of(line)]

    assert found == ([] if alert is None else [alert])
