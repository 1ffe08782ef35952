"""`fleetscan verify` as users run it: exit codes, one-line errors, output, `--fix`."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from fleetscan.cli import app
from fleetscan.cli.verify import moment
from fleetscan.errors import UsageError
from fleetscan.fleet.state import State
from fleetscan.output.chain_text import Look, chain_lines, repair_text
from fleetscan.pem import certificate_block
from tests.certificates import DAY, NOW, Issued, intermediate, key_usage, leaf, name, root, spoiled
from tests.unit import test_pki_limbo as limbo
from tests.unit.test_chain_check import validator, verified

PROJECT = Path(__file__).resolve().parents[2]
BOUND_S = 60

ROOT = root()
CA = intermediate(ROOT)
LEAF = leaf(CA)
OTHER = root("Other Root")
NO_SIGN = intermediate(ROOT, "No Sign CA", usages=key_usage("digital_signature"))
CLIENT_AUTH = ExtendedKeyUsageOID.CLIENT_AUTH


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has a directory with a root, a good chain and the parts of it."""
    monkeypatch.chdir(tmp_path)
    write("root.pem", ROOT)
    write("chain.pem", LEAF, CA)
    write("leaf.pem", LEAF)
    write("ca.pem", CA)
    write("expired.pem", leaf(CA, not_after=NOW - DAY), CA)
    Path("key.pem").write_bytes(LEAF.key_pem)
    Path("empty.pem").touch()


def write(path: str, *chain: Issued) -> None:
    """A PEM file of these."""
    Path(path).write_bytes(b"".join(one.pem for one in chain))


ALWAYS = ("--trust", "root.pem", "--at", f"@{NOW}")


def process(
    *arguments: str, stdin: bytes = b"", closed: str = ""
) -> subprocess.CompletedProcess[bytes]:
    """The command in a process of its own."""
    line = [sys.executable, "-m", "fleetscan", "verify", *arguments]
    if closed:
        line = ["sh", "-c", f'exec "$@" {closed}', "sh", *line]
    return subprocess.run(
        line,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
        input=stdin,
        capture_output=True,
        timeout=BOUND_S,
        check=False,
    )


def run(*arguments: str) -> int:
    """The command in this process, at the tests' own time and trust."""
    return app.run(["verify", *ALWAYS, *arguments])


def record_of(capfd: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """What `--json` writes: one line, held to the schema."""
    run("--json", *arguments)
    out = capfd.readouterr().out
    assert out.count("\n") == 1
    record: dict[str, Any] = json.loads(out)
    validator().validate(record)
    return record


# -- exit codes ----------------------------------------------------------------------------


def test_exit_codes_and_streams_of_a_process() -> None:
    """0 valid, 1 not valid; the answer on standard output and nothing on standard error."""
    good = process(*ALWAYS, "chain.pem", "--name", "www.example.com")
    bad = process(*ALWAYS, "expired.pem", "--json")

    assert (good.returncode, good.stderr) == (0, b"")
    assert good.stdout.startswith(b"VALID  chain.pem for www.example.com")
    assert (bad.returncode, bad.stderr) == (1, b"")
    assert json.loads(bad.stdout)["cause_ids"] == ["certificate.expired"]


# Python tells an audit hook of every socket made, name resolved and address connected to.
WITHOUT_NETWORK = """
import sys
def refuse(event, arguments):
    if event.startswith("socket."):
        raise AssertionError(event)
sys.addaudithook(refuse)
from fleetscan.cli import app
sys.exit(app.run(["verify", *sys.argv[1:]]))
"""


def test_nobody_is_asked_over_the_network() -> None:
    """Not for the missing issuer, not for the status, though the leaf says where both are."""
    urls = [x509.UniformResourceIdentifier(f"http://127.0.0.1:1/{path}") for path in "abc"]
    access = x509.AuthorityInformationAccess(
        [
            x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, urls[0]),
            x509.AccessDescription(AuthorityInformationAccessOID.OCSP, urls[1]),
        ]
    )
    points = x509.CRLDistributionPoints([x509.DistributionPoint([urls[2]], None, None, None)])
    write("pointing.pem", leaf(CA, extra=[(access, False), (points, False)]))
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_NETWORK, *ALWAYS, "pointing.pem", "--json"],
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        timeout=BOUND_S,
        check=False,
    )

    assert (done.returncode, done.stderr) == (1, b"")
    assert json.loads(done.stdout)["cause_ids"] == ["chain.unknown_issuer"]


def test_standard_input_can_be_the_chain() -> None:
    """`-`, as everywhere."""
    done = process(*ALWAYS, "-", "--json", stdin=LEAF.pem + CA.pem)

    assert done.returncode == 0
    assert process(*ALWAYS, "-", closed="<&-").returncode == 2


def test_quiet_leaves_the_exit_code() -> None:
    """For `&&` in scripts, with or without a standard output."""
    assert process(*ALWAYS, "-q", "chain.pem").stdout == b""
    assert process(*ALWAYS, "-q", "chain.pem", closed=">&-").returncode == 0
    assert process(*ALWAYS, "-q", "expired.pem", closed=">&-").returncode == 1


def test_a_closed_standard_output_is_told() -> None:
    """One line and exit code 2; a reader that went away is 141."""
    done = process(*ALWAYS, "chain.pem", closed=">&-")

    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        b"fleetscan: standard output is closed; -q gives the exit code alone"
    ]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_is_told() -> None:
    """As for every command: exit code 3."""
    done = process(*ALWAYS, "chain.pem", closed=">/dev/full")

    assert done.returncode == 3
    assert done.stderr.startswith(b"fleetscan: cannot write standard output")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["/none.pem"], "/none.pem cannot be read: No such file or directory"),
        (["/"], "/ cannot be read: Is a directory"),
        (["empty.pem"], "empty.pem is empty"),
        (["key.pem"], "key.pem holds no certificate: only a private key"),
        (["chain.pem", "empty.pem"], "empty.pem is empty"),
        (["chain.pem", "--untrusted", "key.pem"], "key.pem holds no certificate"),
        (["chain.pem", "--untrusted", "/none"], "/none cannot be read"),
        (["-", "-"], "standard input can be read only once"),
        (["chain.pem", "--at", "yesterday"], "--at: 'yesterday' is no time"),
        (["chain.pem", "--at", "2027-02-30"], "--at: '2027-02-30' is no time"),
        (["chain.pem", "--at", "2027-01-01T08:00:00"], "is no time"),
        (["chain.pem", "--trust", "key.pem"], "trust file key.pem holds no certificate"),
        (["chain.pem", "--name", ""], "--name"),
        (["chain.pem", "--policy", "browzer"], "did you mean browser?"),
        (["chain.pem", "--trust", "/none"], "/none cannot be read"),
        (["chain.pem", "--fix", "chain.pem"], "--fix: chain.pem is read by this command"),
        (["chain.pem", "--fix", "./root.pem"], "--fix: ./root.pem is read by this command"),
        (["chain.pem", "--fix", "-"], "--fix takes the name of a file"),
        (["chain.pem", "--fix", "."], "--fix: . is not an ordinary file"),
        (["chain.pem", "--fix", "/none/out.pem"], "cannot write /none/out.pem"),
        (["chain.pem", "--crl", "/none"], "CRL file /none cannot be read"),
        (["chain.pem", "--crl", "chain.pem"], "holds no CRL"),
        (["chain.pem", "--state", "/none"], "--state: /none is no directory"),
        (["--frob"], "No such option '--frob'"),
    ],
)
def test_what_a_user_gets_wrong_is_one_clear_line(
    arguments: list[str], says: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, the program's name, the reason; nothing on standard output."""
    assert run(*arguments) == 2

    output = capfd.readouterr()
    assert output.out == ""
    assert len(output.err.splitlines()) == 1
    assert output.err.startswith("fleetscan: ")
    assert says in output.err
    assert output.err.rstrip("\n").isprintable()


def test_without_a_chain_there_is_help(capfd: pytest.CaptureFixture[str]) -> None:
    """On standard error; it begins with examples."""
    assert app.run(["verify"]) == 2
    assert capfd.readouterr().err.startswith("Examples:\n")


def test_a_file_over_the_bound_is_refused(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No more than the bound is ever read."""
    monkeypatch.setattr("fleetscan.limits.MAX_CERTIFICATE_FILE", 100)

    assert run("chain.pem") == 2
    assert "is larger than 100 octets" in capfd.readouterr().err


# -- arguments -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@1800000000", 1_800_000_000.0),
        ("@-1.5", -1.5),
        ("2027-01-15T08:00:00Z", 1_800_000_000.0),
        ("2027-01-15t08:00:00.5z", 1_800_000_000.5),
        ("2027-01-15 09:00:00+01:00", 1_800_000_000.0),
        ("2027-01-15", 1_799_971_200.0),
        ("20270115080000Z", 1_800_000_000.0),
        ("1800000000", 1_800_000_000.0),
        ("100000000", 100_000_000.0),
        ("1970-01-01T00:00:00+00:00", 0.0),
    ],
)
def test_moments(text: str, expected: float) -> None:
    """RFC 3339 section 5.6, a day's first moment, RFC 5280 section 4.1.2.5.2, Unix seconds."""
    assert moment(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", "@", "2027", "2027-01", "2027-01-15T08Z", "@1e9", "now", "-1800000000"),
        *("20270115", "270115080000Z", "20270115080000", "20271315080000Z", "1800000000.5"),
    ],
)
def test_what_is_no_moment(text: str) -> None:
    """A number that could be a date as well as seconds is neither."""
    with pytest.raises(UsageError, match="--at"):
        moment(text)


def test_several_files_are_one_chain(capfd: pytest.CaptureFixture[str]) -> None:
    """The first certificate of the first is the leaf."""
    record = record_of(capfd, "leaf.pem", "ca.pem")

    assert record["valid"]
    assert [one.get("position") for one in record["path"]] == [1, 2, None]


def test_a_policy_of_ones_own(capfd: pytest.CaptureFixture[str]) -> None:
    """What this house refuses and who takes it all the same."""
    Path("house.toml").write_text("[measures]\nmin_ec_bits = 384\n")
    theirs = record_of(capfd, "chain.pem")
    ours = record_of(capfd, "chain.pem", "--policy", "house.toml")

    assert (theirs["valid"], theirs["policy"]) == (True, "browser")
    assert (ours["valid"], ours["policy"]) == (False, "house")
    assert ours["proven_cause_ids"] == ["certificate.weak_key"]
    assert ours["causes"][0]["accepted_by"] == ["browser", "openssl", "java", "legacy", "webpki"]


def test_each_trust_store_is_named(capfd: pytest.CaptureFixture[str]) -> None:
    """Those of them that hold the root, as they were given."""
    write("both.pem", ROOT, OTHER)
    write("other.pem", OTHER)
    record = record_of(capfd, "chain.pem", "--trust", "other.pem", "--trust", "both.pem")

    assert record["trusted_by"] == ["root.pem", "both.pem"]


@pytest.mark.parametrize(
    ("octets", "remark"),
    [
        (b"", "trust file none.pem is empty"),
        (b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", "certificate 1: "),
        (b"-----BEGIN CERTIFICATE-----\nM\n-----END CERTIFICATE-----\n", "is not valid base64"),
        (ROOT.pem[:300], "certificate 1 has no END line"),
    ],
)
def test_a_trust_file_without_anchors_trusts_nothing(
    octets: bytes, remark: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """A verdict, with the reason beside it; a scan refuses to start with such a file."""
    Path("none.pem").write_bytes(octets)
    code = app.run(["verify", "--at", f"@{NOW}", "chain.pem", "--trust", "none.pem", "--json"])

    record = json.loads(capfd.readouterr().out)
    validator().validate(record)
    assert (code, record["cause_ids"]) == (1, ["chain.unknown_issuer"])
    assert remark in record["remarks"][0]
    assert "no certificate is trusted here" in record["remarks"][-1]


def test_a_trust_file_with_some_broken_certificates_is_used(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """The others are trusted, four of the broken ones named and the rest counted."""
    broken = b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"
    Path("some.pem").write_bytes(6 * broken + OTHER.pem)
    record = record_of(capfd, "chain.pem", "--trust", "some.pem")

    assert record["valid"]
    assert [each.split(": ")[1] for each in record["remarks"][:4]] == [
        f"certificate {n}" for n in range(1, 5)
    ]
    assert record["remarks"][4:] == ["2 more of the trust stores could not be read"]


def test_an_empty_trust_directory_trusts_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    """As an empty file."""
    Path("none").mkdir()
    code = app.run(["verify", "--at", f"@{NOW}", "chain.pem", "--trust", "none", "--json"])

    assert code == 1
    assert "holds no certificate" in json.loads(capfd.readouterr().out)["remarks"][0]


def test_what_scans_have_kept_names_the_missing_certificate(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """`--state`: proven without any traffic, and nothing is written there."""
    Path("state").mkdir()
    State("state", warn=print).save([CA.parsed], now=NOW)
    record = record_of(capfd, "leaf.pem", "--state", "state", "--fix", "out.pem")

    assert record["proven_cause_ids"] == ["chain.incomplete"]
    assert Path("out.pem").read_bytes() == LEAF.pem + CA.pem


LIMBO_CRLS = {
    "crl::revoked-certificate-with-crl": (1, "revoked", ""),
    "crl::certificate-not-on-crl": (0, "good", ""),
    "crl::certificate-serial-on-crl-different-issuer": (0, "good", ""),
    "crl::issuer-no-keyusage-extension": (0, "good", ""),
    "crl::issuer-valid-crlsign-and-keycertsign": (0, "good", ""),
    # The suite expects a failure of these three. A cRLNumber is what its issuer owes (RFC 5280
    # section 5.2.3); the validation of section 6.3.3 never asks for it, nor does OpenSSL.
    "crl::crlnumber-missing": (0, "good", ""),
    # What does not count says nothing of the certificate: a finding, as in browsers, no cause.
    "crl::crlnumber-critical": (0, "unknown", "critical_extension (2.5.29.20)"),
    "crl::issuer-missing-crlsign": (0, "unknown", "wrong_responder (keyUsage without cRLSign)"),
}


@pytest.mark.skipif(not limbo.VECTORS.is_file(), reason="needs x509-limbo's limbo.json")
def test_the_crls_of_another_suite(capfd: pytest.CaptureFixture[str]) -> None:
    """Of x509-limbo, every case about CRLs; where it wants another exit code, the reason."""
    cases = {each["id"]: each for each in limbo.cases() if each["crls"]}
    told = {}
    for case in cases.values():
        chain = [case["peer_certificate"], *case["untrusted_intermediates"]]
        Path("case.pem").write_text("\n".join(chain))
        Path("case-roots.pem").write_text("\n".join(case["trusted_certs"]))
        Path("case.crl").write_text("\n".join(case["crls"]))
        code = app.run(
            [
                "verify", "case.pem", "--trust", "case-roots.pem", "--at", case["validation_time"],
                "--name", case["expected_peer_name"]["value"], "--crl", "case.crl", "--json",
            ]
        )  # fmt: skip
        record = json.loads(capfd.readouterr().out)
        why = [each["evidence"].get("answers", "") for each in record["findings"]]
        told[case["id"]] = (code, record["checks"]["revocation"], "".join(why))

    assert told == LIMBO_CRLS
    assert {key for key, one in cases.items() if one["expected_result"] == "FAILURE"} == {
        "crl::revoked-certificate-with-crl",
        "crl::crlnumber-missing",
        "crl::crlnumber-critical",
        "crl::issuer-missing-crlsign",
    }


def test_pkcs7_has_no_order(capfd: pytest.CaptureFixture[str]) -> None:
    """The leaf is found in the set; that it is a set is no finding."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    write("mixed.pem", CA, LEAF)
    line = ["openssl", "crl2pkcs7", "-nocrl", "-certfile", "mixed.pem", "-out", "chain.p7b"]
    subprocess.run(line, check=True, timeout=BOUND_S)
    record = record_of(capfd, "chain.p7b", "--name", "www.example.com")

    assert (record["valid"], record["finding_ids"]) == (True, [])


# -- for people --------------------------------------------------------------------------------


def test_what_a_person_reads(capfd: pytest.CaptureFixture[str]) -> None:
    """The path with where each came from, the checks, the causes with what to do."""
    assert run("leaf.pem", "--untrusted", "ca.pem", "--name", "b.example") == 1
    out = capfd.readouterr().out

    for part in (
        "NOT VALID  leaf.pem for b.example at 2027-01-15T08:00:00Z, policy browser\n",
        "CN=www.example.com\n",
        "certificate 1 of the chain\n",
        "EC-P-256, ecdsa-with-SHA256, 2026-12-16 to 2027-03-16\n",
        "from --untrusted, not in the chain\n",
        "from the trust store root.pem\n",
        " a path that passes: yes\n",
        " the name: no\n",
        "certificate.name_mismatch  proven  high\n",
        "proof: valid under its own name www.example.com\n",
        "valid for www.example.com\n",
        "do: Issue the certificate again with b.example among its names",
        "note: CN=Test CA is not in the chain",
    ):
        assert part in out
    assert "\x1b" not in out


def test_a_missing_intermediate_is_drawn_and_is_the_proof() -> None:
    """`valid if CN=... were sent`, with the certificate in hand."""
    found = verified(LEAF, known=(CA,))
    lines = list(chain_lines(found.record, "leaf.pem", Look()))
    (cause,) = found.record["causes"]

    assert repair_text(cause) == "valid if CN=Test CA were sent"
    assert "    proof: valid if CN=Test CA were sent" in lines
    assert "  ✗ CN=Test CA" in lines
    assert "  ✓ CN=www.example.com" in lines
    assert "  │   MISSING from the chain" in lines


def test_an_untrusted_root_names_what_would_mend_it() -> None:
    """Proven by anchoring that very root."""
    (cause,) = verified(LEAF, CA, ROOT, trust=(OTHER,)).record["causes"]

    assert repair_text(cause) == "valid if CN=Test Root were trusted"


def test_a_date_names_the_time_at_which_it_passes() -> None:
    """`valid if the clock read ...`: a moment inside the validity."""
    (cause,) = verified(leaf(CA, not_after=NOW - DAY), CA).record["causes"]

    assert repair_text(cause) == "valid if the clock read 2027-01-14T08:00:00Z"


def test_a_rule_is_named() -> None:
    """What passes without a rule names it, and who does not ask it."""
    (cause,) = verified(leaf(CA, kind="RSA-1024"), CA).record["causes"]

    assert repair_text(cause) == (
        "valid if nobody asked that the leaf's key and those below the anchor are long enough "
        "(rule key_strength)"
    )
    lines = "\n".join(chain_lines(verified(leaf(CA, kind="RSA-1024"), CA).record, "f", Look()))
    assert "accepted by: " in lines


def test_two_causes_of_one_repair_point_to_each_other() -> None:
    """Neither alone makes it pass."""
    found = verified(leaf(CA, not_after=NOW - DAY), CA, name="b.example")
    text = "\n".join(chain_lines(found.record, "f", Look()))

    assert "2027-01-14T08:00:00Z, together with certificate.name_mismatch" in text
    assert "www.example.com, together with certificate.expired" in text


def test_what_a_repair_leaves_is_said() -> None:
    """No change of the path gives an issuer that nobody knows: the proof claims no more."""
    found = verified(leaf(CA, not_after=NOW - DAY))
    text = "\n".join(chain_lines(found.record, "f", Look()))

    assert found.record["cause_ids"] == ["chain.unknown_issuer", "certificate.expired"]
    assert "2027-01-14T08:00:00Z, apart from chain.unknown_issuer\n" in text


@pytest.mark.parametrize(
    ("chain", "fact"),
    [
        ((leaf(NO_SIGN), NO_SIGN), "CN=No Sign CA: keyUsage without keyCertSign"),
        ((leaf(CA, extended=[CLIENT_AUTH]), CA), "servers: extendedKeyUsage without serverAuth"),
        ((leaf(CA, san=None), CA), "no DNS name or address in it, subjectAltName absent"),
    ],
)
def test_what_breaks_a_rule_is_told_in_the_certificates_own_words(
    chain: tuple[Issued, ...], fact: str
) -> None:
    """RFC 5280's names of extensions and bits, which other programs show too."""
    lines = chain_lines(verified(*chain).record, "f", Look())

    assert fact in " ".join(" ".join(lines).split())


def test_a_common_name_that_is_the_wanted_one_is_explained() -> None:
    """Who sees the very name in the subject wonders; RFC 9525 section 2 left it out."""
    wrong = leaf(CA, san=["other.example"])
    told = "the common name www.example.com does not count"

    assert told in "\n".join(chain_lines(verified(wrong, CA).record, "f", Look()))
    other = verified(wrong, CA, name="b.example").record
    assert told not in "\n".join(chain_lines(other, "f", Look()))


@pytest.mark.parametrize(
    ("octets", "remark"),
    [
        (LEAF.pem[:200], "certificate 1: its PEM block has no END line: the file was cut short"),
        (LEAF.pem.replace(b"MII", b"M=I", 1), "something in its PEM block that is no base64"),
    ],
)
def test_a_leaf_in_broken_armour_says_what_is_broken(
    octets: bytes, remark: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """A verdict and no usage error: the place in the file counts from 1 as everywhere."""
    Path("cut.pem").write_bytes(octets)
    assert run("cut.pem") == 1
    out = capfd.readouterr().out

    assert "certificate.malformed  observed  high" in out
    assert remark in out
    Path("cut.pem").write_bytes(certificate_block(LEAF.der[:-5]))
    assert run("cut.pem") == 1
    assert "PEM block" not in capfd.readouterr().out
    assert "do: Get certificate 1 of the chain once more" in out


def test_what_was_not_proven_has_no_repair() -> None:
    """An observed cause promises nothing."""
    (cause,) = verified(LEAF).record["causes"]

    assert repair_text(cause) == ""


@pytest.mark.parametrize("look", [Look(signs=False), Look(signs=False, width=50)])
def test_plain_terminals_get_ascii_and_whole_lines(look: Look) -> None:
    """No sign that a terminal cannot show, no line over its width but names alone."""
    found = verified(leaf(CA, not_after=NOW - DAY), CA, ROOT, name="b.example")
    lines = list(chain_lines(found.record, "chain.pem", look))

    assert all(line.isascii() for line in lines)
    assert any(line.startswith("  NO CN=") for line in lines)
    for line in lines:
        if line.startswith("    ") and "EC-P-256" not in line:
            assert len(line) <= look.columns, line


def test_colour_is_only_added_where_asked_for() -> None:
    """SGR sequences around words, and nothing else differs."""
    record = verified(LEAF, CA, ROOT, name="b.example").record
    plain = "\n".join(chain_lines(record, "chain.pem", Look()))
    coloured = "\n".join(chain_lines(record, "chain.pem", Look(colour=True)))

    assert "\x1b[31m" in coloured
    assert "\x1b" not in plain


def test_names_of_strangers_never_act_on_a_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    """Escapes, newlines and direction marks in a subject are shown, not sent."""
    evil = leaf(CA, name("a\x1b[2J\r\nVALID \u202e", organization_name="x\u0085y"))
    write("evil\x1b[2J.pem", evil, CA)

    run("evil\x1b[2J.pem")
    out = capfd.readouterr().out
    assert "\x1b" not in out
    assert all(line.isprintable() for line in out.splitlines())
    assert not any(line.startswith("VALID \\") for line in out.splitlines())


# -- --fix ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "added", "removed", "reordered"),
    [
        ((LEAF, CA), 0, 0, False),
        ((LEAF, ROOT, CA), 0, 1, False),
        ((LEAF, OTHER, CA, CA), 0, 2, False),
        ((LEAF,), 1, 0, False),
        ((ROOT, CA, LEAF), 0, 1, True),
    ],
)
def test_a_fixed_chain_has_nothing_left_to_fix(
    given: tuple[Issued, ...],
    added: int,
    removed: int,
    reordered: bool,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """It says what it changed, and its own output has no finding about the chain."""
    write("given.pem", *given)
    fixed = record_of(capfd, "given.pem", "--untrusted", "ca.pem", "--fix", "out.pem")["fixed"]
    again = record_of(capfd, "out.pem", "--name", "www.example.com")

    assert Path("out.pem").read_bytes() == LEAF.pem + CA.pem
    assert fixed["chain_sha256"] == [LEAF.parsed.sha256, CA.parsed.sha256]
    assert (len(fixed["added"]), len(fixed["removed"]), fixed["reordered"]) == (
        added, removed, reordered,
    )  # fmt: skip
    assert (again["valid"], again["finding_ids"], again["remarks"]) == (True, [], [])


def test_openssl_takes_the_fixed_chain() -> None:
    """Another implementation, with the root alone as its trust."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    write("given.pem", LEAF, OTHER, ROOT, CA)
    assert run("given.pem", "--fix", "out.pem", "-q") == 0

    line = ["openssl", "verify", "-CAfile", "root.pem", "-untrusted", "out.pem",
            "-attime", str(NOW), "out.pem"]  # fmt: skip
    done = subprocess.run(line, capture_output=True, timeout=BOUND_S, check=False)
    assert done.returncode == 0, done.stderr


def test_without_a_path_nothing_is_written(capfd: pytest.CaptureFixture[str]) -> None:
    """Why is on standard error, the exit code is 1."""
    assert run("leaf.pem", "--fix", "out.pem") == 1

    output = capfd.readouterr()
    assert output.err == (
        "fleetscan: out.pem was not written: the certificate of CN=Test CA is not at hand\n"
    )
    assert "wrote" not in output.out
    assert not Path("out.pem").exists()


def test_what_could_not_be_fixed_is_never_a_success() -> None:
    """A root that is a server too stands first; what it issued below has a broken signature."""
    both = root("www.example.com", san=["www.example.com"], usages=None, not_after=NOW + 60 * DAY)
    below = intermediate(both)
    write("root.pem", both)
    write("given.pem", both, below, spoiled(leaf(below, "b.example")))

    assert run("given.pem") == 0
    assert run("given.pem", "--fix", "out.pem") == 1


def test_what_is_wrong_besides_keeps_its_exit_code(capfd: pytest.CaptureFixture[str]) -> None:
    """An expired leaf can be put in order and stays expired."""
    assert run("expired.pem", "--fix", "out.pem") == 1

    assert "wrote out.pem: 2 certificates, nothing changed" in capfd.readouterr().out


def test_keys_are_neither_copied_nor_shown(capfd: pytest.CaptureFixture[str]) -> None:
    """A combined file is checked and its key left alone, which is said."""
    Path("combined.pem").write_bytes(LEAF.key_pem + LEAF.pem + CA.pem)
    record = record_of(capfd, "combined.pem", "--fix", "out.pem")

    assert record["remarks"] == ["combined.pem: a private key in it was not looked at"]
    assert Path("out.pem").read_bytes() == LEAF.pem + CA.pem


def test_the_file_is_replaced_whole() -> None:
    """A link that leads to it and its mode stay; no other file is left behind."""
    Path("real.pem").write_text("old\n")
    Path("real.pem").chmod(0o640)
    Path("link.pem").symlink_to("real.pem")
    before = set(os.listdir())

    assert run("chain.pem", "--fix", "link.pem", "-q") == 0
    assert Path("link.pem").is_symlink()
    assert Path("real.pem").read_bytes() == LEAF.pem + CA.pem
    assert stat.S_IMODE(Path("real.pem").stat().st_mode) == 0o640
    assert set(os.listdir()) == before


def test_an_input_is_never_overwritten_by_another_name(capfd: pytest.CaptureFixture[str]) -> None:
    """A hard link, a symbolic link, a directory of trust."""
    os.link("chain.pem", "hard.pem")
    Path("soft.pem").symlink_to("chain.pem")
    Path("roots").mkdir()
    shutil.copy("root.pem", "roots/root.pem")

    for out in ("hard.pem", "soft.pem", "roots/out.pem"):
        assert run("chain.pem", "--trust", "roots", "--fix", out) == 2
        assert f"{out} is read by this command" in capfd.readouterr().err
    assert Path("chain.pem").read_bytes() == LEAF.pem + CA.pem


# -- another suite ---------------------------------------------------------------------------


@pytest.mark.skipif(not limbo.VECTORS.is_file(), reason="needs x509-limbo's limbo.json")
def test_the_command_agrees_with_the_path_check_on_every_limbo_case(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Exit code 0 for what `assess` accepts, 1 for the rest, each with its reason."""
    for each in limbo.cases():
        found, _ = limbo.run(each)
        accepted = found is not None and found.trusted.value == "yes" and found.name.value != "no"
        chain = [each["peer_certificate"], *each["untrusted_intermediates"]]
        Path("case.pem").write_text("\n".join(chain))
        Path("case-roots.pem").write_text("\n".join(each["trusted_certs"]))
        wanted = (each["expected_peer_name"] or {}).get("value")
        code = app.run(
            [
                "verify", "case.pem", "--json", "--trust", "case-roots.pem",
                "--at", each["validation_time"] or f"@{NOW}",
                *(("--name", wanted) if wanted else ()),
            ]
        )  # fmt: skip
        record = json.loads(capfd.readouterr().out)

        validator().validate(record)
        assert (code, record["valid"]) == (0 if accepted else 1, accepted), each["id"]
        assert accepted or record["causes"] or record.keys() & {"limit", "not_checked"}
