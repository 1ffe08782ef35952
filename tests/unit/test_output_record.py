"""One finished target as a result line."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from fleetscan._parse import ParseFault
from fleetscan.causes.model import Basis, Confidence
from fleetscan.errors import ParseError
from fleetscan.facts import MalformedCertificate, Timings
from fleetscan.inventory.target import Target
from fleetscan.output.record import encode_line, to_record
from fleetscan.pki.assessment import PathAssessment
from fleetscan.vocabulary import Alert, Checked, ConfirmedBy, EndedBy, Origin, Stage
from tests.unit.output_examples import (
    RUN,
    cause,
    facts,
    issued,
    outcome,
    record,
    target,
    validated,
    verdict,
)


def netstrings(*parts: str) -> bytes:
    """The encoding that the ids are made over, written out."""
    return b"".join(f"{len(part.encode())}:{part},".encode() for part in parts)


def test_a_failing_result_has_the_keys_and_the_order_of_the_schema() -> None:
    """The order is that of the schema's example; sinks cut and humans read from the left."""
    line = record(verdict(cause("certificate.expired", evidence={"not_after": "2026-11-20"})))

    assert list(validated(encode_line(line))) == [
        "schema", "type", "id", "run_id", "time", "vantage", "target", "outcome", "stage",
        "history", "severity", "cause", "cause_ids", "proven_cause_ids", "finding_ids", "causes",
        "findings", "checks", "trusted_by", "handshake", "certificate", "chain_sha256",
        "timings_ms", "probes", "truncated",
    ]  # fmt: skip


def assessed(trusted: Checked, *stores: str) -> dict[str, Any]:
    """The result of a path like this, as its line says it."""
    path = PathAssessment(
        path=(), trusted=trusted, name=Checked.YES, problems=(), trusted_by=stores
    )
    line = to_record(outcome=outcome(), verdict=verdict(), path=path, run=RUN)
    return validated(encode_line(line))


def test_the_result_says_which_stores_trust_the_path() -> None:
    """In the order of `--trust`; a path that is not trusted is trusted by none of them."""
    assert assessed(Checked.YES, "system", "a\x1b.pem")["trusted_by"] == ["system", "a\\x1b.pem"]
    assert assessed(Checked.NO, "system")["trusted_by"] == []
    assert assessed(Checked.NOT_CHECKED, "system")["trusted_by"] == []
    assert validated(encode_line(record()))["trusted_by"] == []


def test_a_path_that_was_not_settled_says_what_kept_it() -> None:
    """A bound by its name, a primitive as the certificate has it; neither where all was settled."""
    path = PathAssessment(
        path=(),
        trusted=Checked.NOT_CHECKED,
        name=Checked.YES,
        problems=(),
        limit="signature_checks",
        not_checked="1.2.3\x1b" + "4" * 9_000,
    )
    line = validated(
        encode_line(to_record(outcome=outcome(), verdict=verdict(), path=path, run=RUN))
    )

    assert line["limit"] == "signature_checks"
    assert line["not_checked"].startswith("1.2.3\\x1b444")
    assert len(line["not_checked"]) <= 200
    assert {"limit", "not_checked"}.isdisjoint(assessed(Checked.YES, "system"))


def test_many_trust_stores_leave_room_for_the_rest() -> None:
    """The first three are named, and the line says that it was cut."""
    line = assessed(Checked.YES, *(f"{number:04}" + "x" * 600 for number in range(500)))

    assert [name[:4] for name in line["trusted_by"]] == ["0000", "0001", "0002"]
    assert line["truncated"] == ["trusted_by"]


def test_a_result_says_what_was_seen() -> None:
    """Values are the registries' names and the numbers of the facts."""
    line = validated(encode_line(record()))

    assert line["time"] == "2026-11-23T02:14:07.412Z"
    assert line["handshake"] == {
        "completed": "yes",
        "confirmed_by": "ticket",
        "version": "TLSv1.3",
        "cipher_suite": "TLS_AES_128_GCM_SHA256",
        "group": "x25519",
        "signature_scheme": "ecdsa_secp256r1_sha256",
        "alpn": "h2",
        "client_auth": "none",
        "ended_by": "us",
        "hello": "modern",
    }
    assert line["timings_ms"] == {
        "connect": 0.4, "first_octet": 1.2, "handshake": 2.9, "total": 3.4,
    }  # fmt: skip
    assert line["target"]["reference_name"] == "b.corp"
    assert line["target"]["labels"] == {"owner": "payments"}
    assert line["outcome"] == "established"
    assert "cause" not in line


def test_the_certificate_is_the_leaf_and_the_chain_is_as_sent() -> None:
    """Hashes by hashlib, names and dates by `cryptography`."""
    leaf, ca = issued()
    line = validated(encode_line(record()))

    assert line["chain_sha256"] == [hashlib.sha256(each.der).hexdigest() for each in (leaf, ca)]
    shown = line["certificate"]
    assert shown["sha256"] == hashlib.sha256(leaf.der).hexdigest()
    assert shown["subject"] == leaf.x509.subject.rfc4514_string()
    assert shown["issuer"] == "CN=Corp CA"
    assert int(shown["serial"], 16) == leaf.x509.serial_number
    assert shown["not_after"] == f"{leaf.x509.not_valid_after_utc:%Y-%m-%dT%H:%M:%SZ}"
    assert (shown["san"], shown["san_count"]) == (["a.corp"], 1)
    assert (shown["key"], shown["signature_algorithm"]) == ("EC-P-256", "ecdsa-with-SHA256")


def test_causes_carry_their_proof() -> None:
    """Two causes of one repair: first as scalars, both in full, those proven by id."""
    line = validated(
        encode_line(
            record(
                verdict(
                    cause("certificate.expired", evidence={"not_after": "2026-11-20T00:00:00Z"}),
                    cause(
                        "certificate.name_mismatch",
                        evidence={"names": "a.corp"},
                        confidence=Confidence.SUSPECTED,
                        basis=Basis(kind="peer"),
                        alternatives=("name.default_certificate",),
                        missing="another name's answer",
                        remedy_values=("b.corp",),
                    ),
                )
            )
        )
    )

    assert line["cause"]["id"] == line["cause_ids"][0] == "certificate.expired"
    assert line["cause"]["family"] == "certificate"
    assert line["proven_cause_ids"] == ["certificate.expired"]
    first, second = line["causes"]
    assert first["basis"] == {"kind": "repair", "changed": "time", "set": 1}
    assert first["accepted_by"] == []
    assert "alternatives" not in first
    assert second["alternatives"] == ["name.default_certificate"]
    assert second["missing"] == "another name's answer"
    assert second["remedy"]["values"] == ["b.corp"]
    assert line["severity"] == "high"


def test_ids_are_hashes_over_netstrings() -> None:
    """sha256 over length-prefixed parts, by hashlib: no two lists of parts look alike."""
    line = record(verdict(cause("certificate.expired")))
    target_id = hashlib.sha256(netstrings("b.corp", "443", "b.corp", "none", "fra-core"))
    expected = target_id.hexdigest()

    assert line["target"]["id"] == expected
    run = "20261123T0200Z-a1b2c3"
    assert line["id"] == hashlib.sha256(netstrings(run, expected, "10.4.2.17")).hexdigest()
    uid = hashlib.sha256(netstrings(expected, "certificate.expired")).hexdigest()
    assert line["causes"][0]["uid"] == uid


def test_ids_tell_apart_what_is_not_the_same() -> None:
    """Port, server name, dialogue and address each make another id; labels and input do not."""
    changed = [
        record(target=target(**change))["target"]["id"]
        for change in (
            {},
            {"port": 8443},
            {"server_name": ""},
            {"starttls": "smtp"},
            {"host": "c.corp"},
            {"host": "", "address": "10.4.2.17"},
        )
    ]
    same = record(target=target(labels={}, input="https://b.corp"))["target"]["id"]

    assert len(set(changed)) == len(changed)
    assert same == changed[0]
    assert record()["id"] != record(address="10.4.2.18")["id"]


@pytest.mark.parametrize(
    ("given", "address", "stage"),
    [(target(), "", "resolve"), (target(host="", address="10.4.2.17"), "", "connect")],
)
def test_a_skipped_target_says_why_and_claims_nothing(
    given: Target,
    address: str,
    stage: str,
) -> None:
    """Nothing was begun, so nothing was checked: never a pass, never null."""
    line = validated(
        encode_line(record(target=given, address=address, facts=None, skipped="excluded", probes=0))
    )

    assert (line["outcome"], line["skip_reason"], line["stage"]) == ("skipped", "excluded", stage)
    assert set(line["checks"].values()) == {"not_checked"}
    assert line["handshake"] == {"completed": "no"}
    assert line["severity"] == "info"
    assert "certificate" not in line


def test_what_was_not_reached_is_absent_and_not_null() -> None:
    """A refused connection has no version, no suite, no certificate, no client_auth."""
    seen = facts(
        stage=Stage.CONNECT, ended_by=EndedBy.RST, offer=None, history="", version=None,
        cipher_suite=None, group=None, signature_scheme=None, alpn="", certificates=(),
        certificates_sent=0, key_proof=Checked.NOT_CHECKED, completed=False, confirmed_by=None,
        is_tls=Checked.NOT_CHECKED, timings=Timings(connect=0.1, total=0.1),
    )  # fmt: skip
    line = validated(encode_line(record(verdict(cause("connect.refused")), facts=seen)))

    assert line["handshake"] == {"completed": "no", "ended_by": "rst"}
    assert line["timings_ms"] == {"connect": 0.1, "total": 0.1}
    assert line["chain_sha256"] == []


def test_an_alert_keeps_its_number_whatever_the_registry_knows() -> None:
    """Unknown code points are written in hexadecimal, known ones by IANA's name."""

    def shown(level: int, description: int) -> dict[str, Any]:
        alert = Alert(origin=Origin.PEER, level=level, description=description)
        fields: dict[str, Any] = record(facts=facts(alert=alert))["handshake"]["alert"]
        return fields

    assert shown(2, 40) == {
        "origin": "peer", "level": "fatal", "code": 40, "name": "handshake_failure",
    }  # fmt: skip
    assert shown(3, 255)["level"] == "0x03"
    assert shown(1, 255)["name"].startswith("0x")
    assert int(shown(1, 255)["name"], 16) == 255


def test_unknown_code_points_are_hexadecimal() -> None:
    """A suite that no registry knows keeps its number as `0x1234`."""
    shown = record(facts=facts(cipher_suite=0xFEED, group=0xFEED))["handshake"]

    assert (shown["cipher_suite"], shown["group"]) == ("0xfeed", "0xfeed")


@pytest.mark.parametrize(
    ("changes", "causes", "expected"),
    [
        ({}, (), "none"),
        ({"client_certificate_requested": True}, (), "requested"),
        ({"client_certificate_requested": True}, ("client_auth.required",), "required"),
        ({"certificates_sent": 0, "certificates": ()}, (), None),
        ({"version": 0x0303, "stage": Stage.CERTIFICATE}, (), None),
        ({"version": 0x0303, "stage": Stage.CLIENT_FINISHED}, (), "none"),
        ({"version": None}, (), None),
    ],
)
def test_client_auth_is_said_once_it_can_be_known(
    changes: dict[str, Any], causes: tuple[str, ...], expected: str | None
) -> None:
    """CertificateRequest stands before Certificate in TLS 1.3 and before ServerHelloDone in 1.2."""
    line = record(verdict(*(cause(each) for each in causes)), facts=facts(**changes))

    assert line["handshake"].get("client_auth") == expected


def test_first_octets_are_shown_when_it_was_not_tls() -> None:
    """At most 64 octets, in hexadecimal; nothing of them when TLS was recognised."""
    banner = b"SSH-2.0-OpenSSH_9.9\r\n" + b"\x00" * 100

    plain = record(facts=facts(is_tls=Checked.NO, first_octets=banner))
    assert plain["handshake"]["first_octets"] == banner[:64].hex()
    assert "first_octets" not in record(facts=facts(first_octets=b"\x16\x03"))["handshake"]


def test_a_certificate_that_cannot_be_parsed_is_known_by_its_hash() -> None:
    """Nothing is claimed of it but what hashing gives."""
    error = ParseError(ParseFault.TRUNCATED, "tbs_certificate", 4)
    broken = MalformedCertificate(sha256="ab" * 32, octets=12, error=error)
    line = validated(encode_line(record(facts=facts(certificates=(broken,)))))

    assert line["certificate"] == {"sha256": "ab" * 32}


def test_what_peers_and_inventories_wrote_never_acts_on_a_terminal() -> None:
    """Control characters and bidirectional overrides come out escaped, whoever let them in."""
    hostile = "\x1b]0;owned\x07\u202egnp.exe\r\n"
    line = record(
        verdict(
            cause("protocol.other", evidence={"banner": hostile}, remedy_values=(hostile,)),
            findings=(cause("finding.wildcard", evidence={"name": hostile}),),
        ),
        facts=facts(alpn=hostile),
        target=target(input=hostile),
    )
    octets = encode_line(line)

    assert validated(octets)
    for raw in ("\x1b", "\x07", "\u202e"):
        assert raw.encode() not in octets
    assert "\\x1b" in line["causes"][0]["evidence"]["banner"]


def test_escaped_evidence_is_not_escaped_twice() -> None:
    """Whoever made the evidence escaped it already; a second time would double backslashes."""
    line = record(verdict(cause("protocol.other", evidence={"banner": "a\\x00b"})))

    assert line["causes"][0]["evidence"]["banner"] == "a\\x00b"


def test_a_completed_handshake_that_silence_confirmed_says_so() -> None:
    """`confirmed_by` is the fact's own word."""
    line = record(facts=facts(confirmed_by=ConfirmedBy.SILENCE))

    assert line["handshake"]["confirmed_by"] == "silence"


def test_no_module_of_the_mappings_does_io() -> None:
    """`output` without its sinks is pure: no loop, socket, clock or operating system."""
    import fleetscan.output as package

    folder = Path(package.__file__).parent
    for path in folder.glob("*.py"):
        for word in ("asyncio", "socket", "ssl", "time", "os", "logging"):
            assert f"import {word}\n" not in path.read_text(), path.name
