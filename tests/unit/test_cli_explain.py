"""`fleetscan explain`: ids, alerts, texts, what is not known, and hostile input."""

from __future__ import annotations

import io
import json
import re
import shlex
import sys
from types import SimpleNamespace

import pytest

from fleetscan import limits
from fleetscan.causes import CATALOGUE
from fleetscan.causes.alert_meanings import (
    CLIENT,
    MEANINGS,
    NO_CAUSES,
    SENDERS,
    SERVER,
    causes_of_alert,
)
from fleetscan.causes.answers import answer_record, answer_text
from fleetscan.causes.explain import WIDTH
from fleetscan.causes.lookup import Kind, look_up
from fleetscan.causes.settling import commands_for
from fleetscan.cli import app
from fleetscan.registry import alerts as registry

IDS = {entry.id for entry in CATALOGUE}
Capture = pytest.CaptureFixture[str]


def given(text: str | bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put text on standard input."""
    octets = text if isinstance(text, bytes) else text.encode()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(octets)))


# -- alerts --------------------------------------------------------------------


@pytest.mark.parametrize("code", sorted(registry.NAMES))
def test_every_registered_alert_is_explained(code: int, capsys: Capture) -> None:
    """By number, by name, by name in the spelling of others: one and the same answer."""
    name = registry.NAMES[code]
    camel = "".join(part.capitalize() for part in name.split("_"))
    spellings = (str(code), name, name.upper(), name.replace("_", " "), camel, f"{name}({code})",
                 f"alert {code}")  # fmt: skip

    answers = {spelling: look_up(spelling) for spelling in spellings}
    assert {each.alert for each in answers.values()} == {code}
    assert app.run(["explain", name]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"{name}({code})\n")
    assert MEANINGS[code].split()[-1] in shown


@pytest.mark.parametrize("sender", SENDERS)
@pytest.mark.parametrize("code", range(256))
def test_every_octet_is_an_alert_with_causes_that_exist(code: int, sender: str) -> None:
    """Those that no registry names too; only what is no failure has none."""
    causes = causes_of_alert(code, sender)

    assert set(causes) <= IDS
    assert (not causes) == (code in NO_CAUSES)


def test_the_sender_of_an_alert_makes_the_difference() -> None:
    """RFC 8446 section 6.2: certificate alerts are about the certificate of the other side."""
    for code in (42, 43, 44, 45, 46, 48):
        assert causes_of_alert(code, SERVER)[0] == "client_auth.refused"
        assert not {"client_auth.refused", "server.refused"} & set(causes_of_alert(code, CLIENT))


@pytest.mark.parametrize("word", ["256", "-1", "999", "00048x", "4 8", "\u0664\u0668"])
def test_what_is_no_octet_is_no_alert(word: str) -> None:
    """An alert's description is one octet (RFC 8446 section 6)."""
    assert look_up(word).alert is None


# -- ids -----------------------------------------------------------------------


@pytest.mark.parametrize("entry", CATALOGUE, ids=lambda entry: entry.id)
def test_every_id_is_explained_as_text_and_as_json(entry: object, capsys: Capture) -> None:
    """Capitals do not matter; the record has the whole page."""
    cause_id = entry.id  # type: ignore[attr-defined]
    assert app.run(["explain", cause_id.upper(), "--json"]) == 0
    record = json.loads(capsys.readouterr().out)

    assert record["kind"] == ("finding" if cause_id.startswith("finding.") else "cause")
    (told,) = record["causes"]
    assert told["id"] == cause_id
    for key in ("why", "proof", "remedy", "references", "evidence", "seen_as"):
        assert key in told


def test_without_a_word_every_id_is_listed_as_json_too(capsys: Capture) -> None:
    """One object a line, for those who build rules on the ids."""
    assert app.run(["explain", "--json"]) == 0
    listed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    assert [each["id"] for each in listed] == [entry.id for entry in CATALOGUE]


# -- what is not known ---------------------------------------------------------


@pytest.mark.parametrize(
    "word", ["certificate.expird", "expired", "it does not work", "\x1b[2J", "", "  ", "\0"]
)
def test_what_is_not_known_is_said_to_be(word: str, capsys: Capture) -> None:
    """Exit code 1, no guess, and a pointer to what could be tried."""
    assert app.run(["explain", word]) == 1
    shown = capsys.readouterr().out

    assert "Not known." in shown
    assert "'fleetscan explain' lists every cause" in " ".join(shown.split())
    assert shown.replace("\n", "").isprintable()


def test_a_misspelt_id_has_its_likes_named(capsys: Capture) -> None:
    """The last part of an id alone counts as misspelt."""
    app.run(["explain", "certificate.expird"])
    assert "Did you mean certificate.expired" in capsys.readouterr().out
    app.run(["explain", "expired"])
    assert "certificate.expired" in capsys.readouterr().out


# -- texts ---------------------------------------------------------------------

AMBIGUOUS = "x509: certificate signed by unknown authority"


def test_ambiguity_is_said(capsys: Capture) -> None:
    """How many things it can be, each with what proves it and which of the others it is not."""
    assert app.run(["explain", AMBIGUOUS]) == 0
    shown = capsys.readouterr().out
    causes = look_up(AMBIGUOUS).causes

    assert len(causes) > 1
    assert f"It can be {len(causes)} things" in shown
    for each in causes:
        assert f"  {each}: " in shown
    others = set(re.findall(r"^ +not ([a-z_.]+):", shown, re.MULTILINE))
    assert "chain.untrusted_root" in others
    assert others <= set(causes)
    assert "What settles it\n  fleetscan scan HOST:PORT\n" in shown


def test_one_cause_has_its_proof_and_remedy(capsys: Capture) -> None:
    """There is nothing to tell apart, but something to do."""
    assert app.run(["explain", "SEC_ERROR_REVOKED_CERTIFICATE"]) == 0
    shown = capsys.readouterr().out

    assert "It can be" not in shown
    assert "What proves it" in shown and "What to do" in shown


def test_words_that_a_shell_split_are_one_message(capsys: Capture) -> None:
    """Quoting is easily forgotten."""
    assert app.run(["explain", *AMBIGUOUS.split()]) == 0
    assert capsys.readouterr().out.startswith(AMBIGUOUS + "\n")


def test_a_record_has_every_key_whatever_it_is() -> None:
    """Programs need not ask first what they got."""
    words = ("48", "certificate.expired", AMBIGUOUS, "it does not work")
    records = [answer_record(look_up(word)) for word in words]

    assert len({frozenset(record) for record in records}) == 1
    assert [record["kind"] for record in records] == ["alert", "cause", "text", "not_known"]
    assert [record["ambiguous"] for record in records] == [True, False, True, False]
    assert records[2]["readings"][0]["product"] == "Go"
    assert records[2]["commands"][0] == "fleetscan scan HOST:PORT"


@pytest.mark.parametrize("cause", sorted(IDS))
def test_the_commands_that_settle_a_cause_exist(cause: str) -> None:
    """Their options are ones that the command has: nothing else than its help is asked for."""
    for line, says in commands_for((cause,)):
        program, name, *rest = shlex.split(line)
        command = app.application.get_command(None, name)  # type: ignore[arg-type]
        assert program == "fleetscan" and command is not None and says
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in rest if word.startswith("--")} <= known


# -- standard input ------------------------------------------------------------


def test_lines_of_a_log_are_explained_one_by_one(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """What was explained is not explained again; one line that is not known makes the code 1."""
    given(f"{AMBIGUOUS}\n\n   \nunexpected EOF\r\n{AMBIGUOUS}: again\nwhat?\n", monkeypatch)
    assert app.run(["explain", "-"]) == 1
    shown = capsys.readouterr().out

    assert shown.count("What settles it") == 2
    assert f"{AMBIGUOUS}: again\n  as line 1\n" in shown
    assert "Not known." in shown


def test_lines_of_a_log_as_json(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """An object for each line, repeated ones too."""
    given(f"48\n{AMBIGUOUS}\n48", monkeypatch)
    assert app.run(["explain", "-j", "-"]) == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    assert [record["kind"] for record in records] == ["alert", "text", "alert"]


def test_an_empty_standard_input_is_no_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """Nothing was asked."""
    given("", monkeypatch)
    assert app.run(["explain", "-"]) == 0
    assert capsys.readouterr().out == ""


# -- hostile input -------------------------------------------------------------

MEGABYTE = 1 << 20


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("A" * MEGABYTE, id="one word"),
        pytest.param("alert " * (MEGABYTE // 6), id="the start of many texts"),
        pytest.param("SSL_do_handshake() failed " * (MEGABYTE // 26), id="the first piece"),
        pytest.param("\x1b[31m\0\u202e\n" * (MEGABYTE // 8), id="what acts on a terminal"),
        pytest.param(" " * MEGABYTE, id="blanks"),
    ],
)
def test_a_line_of_a_megabyte_is_bounded(line: str) -> None:
    """So many characters are looked at, so many shown, and nothing shown acts on a terminal."""
    text = answer_text(look_up(line))

    assert text.replace("\n", "").isprintable()
    assert len(text.split("\n\n")[0]) <= limits.MAX_EXPLAINED_SHOWN + 20


def test_what_comes_after_the_bound_is_not_looked_at() -> None:
    """The bound is one of characters of the line, before blanks are taken together."""
    text = "unexpected EOF"
    room = limits.MAX_EXPLAINED_LINE - len(text)

    assert look_up("-" + " " * (room - 1) + text).kind is Kind.TEXT
    assert look_up("-" + " " * room + text).kind is Kind.NOT_KNOWN


def test_a_long_line_of_standard_input_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """Its rest is skipped, never taken for lines of its own; octets that are no text are borne."""
    given(b"\xff\x00" * MEGABYTE + b" 48\n" + b"unknown_ca\n", monkeypatch)
    assert app.run(["explain", "-j", "-"]) == 1
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    assert [record["kind"] for record in records] == ["not_known", "alert"]


def test_a_line_with_every_text_in_it_has_a_bounded_answer() -> None:
    """Whoever writes the line does not decide how long the answer gets."""
    from fleetscan.causes.known_texts import known_texts

    everything = " ".join(pattern for text in known_texts() for pattern in text.patterns)

    assert len(look_up(everything).readings) == limits.MAX_READINGS


@pytest.mark.parametrize(
    "word", ["48", AMBIGUOUS, "EOF", "ERR_SSL_PROTOCOL_ERROR", "x " * 300 + "EOF"]
)
def test_answers_fit_a_terminal(word: str) -> None:
    """At most 79 columns, whatever was asked."""
    longest = max(answer_text(look_up(word)).splitlines(), key=len)

    assert len(longest) <= WIDTH, longest
    assert not re.search(r"\s$", longest)
