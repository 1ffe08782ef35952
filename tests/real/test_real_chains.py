"""Chains as real servers send them, through the command: the planted cause and no other."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import orjson
import pytest
from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

from tests import certificates
from tests.certificates import DAY, Changes, Issued
from tests.hostile_chains import all_issue_each_other
from tests.integration.test_revocation_enquiry import openssl_responder
from tests.real.material import NAME, NOW, root
from tests.real.servers import Material, ServerKind, free_port, running
from tests.real.web_servers import haproxy, nginx

BOUND_S: Final = 60
SECONDS: Final = int(NOW.timestamp())

ROOT: Final = root()
LASTING: Final[Changes] = {"not_before": SECONDS - 300 * DAY, "not_after": SECONDS + 300 * DAY}
UPPER: Final = certificates.intermediate(ROOT, "Upper CA", **LASTING)
LOWER: Final = certificates.intermediate(UPPER, "Lower CA", **LASTING)
FORGOTTEN: Final = certificates.intermediate(ROOT, "Forgotten CA", **LASTING)


def s_server(material: Material, port: int) -> Sequence[str]:
    """`openssl s_server`, to which what comes behind the leaf is given by itself."""
    behind = material.chain.read_bytes().partition(b"-----END CERTIFICATE-----\n")[2]
    (material.folder / "behind.pem").write_bytes(behind)
    files = ["-cert", str(material.chain), "-key", str(material.key)]
    files += ["-cert_chain", str(material.folder / "behind.pem")] if behind else []
    return ("openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-quiet", "-www", *files)


KINDS: Final = (
    ServerKind(name="nginx", binary="nginx", prepare=nginx()),
    ServerKind(name="haproxy", binary="haproxy", prepare=haproxy()),
    ServerKind(name="s_server", binary="openssl", prepare=s_server),
)


def leaf(issuer: Issued, **changes: Any) -> Issued:  # noqa: ANN401
    """A server's certificate for this machine's present."""
    given = {"san": [NAME], "not_after": SECONDS + 60 * DAY, **changes}
    return certificates.leaf(issuer, NAME, not_before=SECONDS - 90 * DAY, **given)


LEAF: Final = leaf(LOWER)
OTHER: Final = leaf(FORGOTTEN)

CHAINS: Final[Mapping[str, tuple[tuple[Issued, ...], list[str], str]]] = {
    "whole": ((LEAF, LOWER, UPPER), [], ""),
    "incomplete": ((OTHER,), ["chain.incomplete"], ""),
    "shows-what-that-one-lacks": ((leaf(FORGOTTEN, san=[NAME, "b"]), FORGOTTEN), [], ""),
    "unordered": ((LEAF, UPPER, LOWER), [], "finding.chain_unordered"),
    "superfluous": ((LEAF, LOWER, UPPER, FORGOTTEN), [], "finding.chain_superfluous"),
    "root-sent": ((LEAF, LOWER, UPPER, ROOT), [], "finding.anchor_sent"),
    "wrong-name": (
        (leaf(LOWER, san=["a.test"]), LOWER, UPPER),
        ["certificate.name_mismatch"],
        "",
    ),
    "expired": (
        (leaf(LOWER, not_after=SECONDS - DAY), LOWER, UPPER),
        ["certificate.expired"],
        "",
    ),
    "expired-and-wrong-name": (
        (leaf(LOWER, not_after=SECONDS - DAY, san=["a.test"]), LOWER, UPPER),
        ["certificate.expired", "certificate.name_mismatch"],
        "",
    ),
}
"""By a word: the chain as sent, the causes planted, the one finding about its order."""

ABOUT_THE_CHAIN: Final = {
    "finding.chain_unordered",
    "finding.chain_superfluous",
    "finding.anchor_sent",
}


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> ServerKind:
    """One implementation, or a skip that names what is missing."""
    chosen: ServerKind = request.param
    if missing := chosen.missing():
        pytest.skip(f"{chosen.name} needs {missing}, which is not installed")
    return chosen


@contextlib.contextmanager
def serving(kind: ServerKind, folder: Path, *chain: Issued) -> Iterator[int]:
    """A server that sends this chain, and its port."""
    folder.mkdir()
    certificate = b"".join(one.pem for one in chain)
    key = chain[0].key_pem
    files = {"root": ROOT.pem, "chain": certificate, "key": key, "both": certificate + key}
    for name, octets in files.items():
        (folder / f"{name}.pem").write_bytes(octets)
    material = Material(folder=folder, **{name: folder / f"{name}.pem" for name in files})
    with running(kind, material) as port:
        yield port


def scanned(folder: Path, ports: Mapping[str, int], *options: str) -> dict[str, dict[str, Any]]:
    """What `fleetscan scan -j` prints of these servers, by their word."""
    trust = folder / "trust.pem"
    trust.write_bytes(ROOT.pem)
    command = [sys.executable, "-m", "fleetscan", "scan", "-j", "--trust", str(trust), *options]
    targets = [f"{NAME}@127.0.0.1:{port}" for port in ports.values()]
    printed = subprocess.run(
        [*command, *targets], capture_output=True, check=True, timeout=BOUND_S
    ).stdout
    records = [orjson.loads(line) for line in printed.splitlines()]
    words = {port: word for word, port in ports.items()}
    return {words[record["target"]["port"]]: record for record in records}


def test_each_server_has_its_planted_cause(kind: ServerKind, tmp_path: Path) -> None:
    """A fleet of one stack: one intermediate is completed from what another server sends."""
    with contextlib.ExitStack() as servers:
        ports = {
            word: servers.enter_context(serving(kind, tmp_path / word, *chain))
            for word, (chain, _, _) in CHAINS.items()
        }
        records = scanned(tmp_path, ports)

    assert set(records) == set(CHAINS)
    for word, (_, causes, finding) in CHAINS.items():
        record = records[word]
        assert record["cause_ids"] == record["proven_cause_ids"] == causes, word
        assert record["outcome"] == ("failed" if causes else "established"), word
        assert ABOUT_THE_CHAIN & set(record["finding_ids"]) == ({finding} - {""}), word
    (missing,) = records["incomplete"]["causes"]
    assert missing["evidence"]["found"] == "fleet"
    assert missing["evidence"]["missing_sha256"] == FORGOTTEN.parsed.sha256


def test_what_an_earlier_scan_saw_is_enough(kind: ServerKind, tmp_path: Path) -> None:
    """`--state`: tonight only the server that forgets is scanned."""
    state = ("--state", str(tmp_path / "state"))
    before, *_ = CHAINS["shows-what-that-one-lacks"]
    with serving(kind, tmp_path / "before", *before) as port:
        scanned(tmp_path, {"before": port}, *state)
    with serving(kind, tmp_path / "after", OTHER) as port:
        record = scanned(tmp_path, {"after": port}, *state)["after"]

    assert record["proven_cause_ids"] == ["chain.incomplete"]
    assert record["causes"][0]["evidence"]["found"] == "state"


def test_revoked_as_a_real_responder_says(kind: ServerKind, tmp_path: Path) -> None:
    """`openssl ocsp` is asked about two leaves of one authority; no staple is sent."""
    asked_at = free_port()
    place = x509.AccessDescription(
        AuthorityInformationAccessOID.OCSP,
        x509.UniformResourceIdentifier(f"http://127.0.0.1:{asked_at}/"),
    )
    extra = [(x509.AuthorityInformationAccess([place]), False)]
    good = leaf(LOWER, extra=extra)
    revoked = leaf(LOWER, extra=extra, not_after=SECONDS + 59 * DAY, san=["a.test"])
    entries = [(good, ""), (revoked, "261101120000Z,keyCompromise")]
    (tmp_path / "ocsp").mkdir()
    with (
        openssl_responder(tmp_path / "ocsp", entries, asked_at, signer=LOWER, authority=LOWER),
        serving(kind, tmp_path / "good", good, LOWER, UPPER) as good_port,
        serving(kind, tmp_path / "revoked", revoked, LOWER, UPPER) as revoked_port,
    ):
        ports = {"good": good_port, "revoked": revoked_port}
        records = scanned(
            tmp_path,
            ports,
            *("--revocation", "ocsp", "--fetch-allow", "127.0.0.0/8"),
            *("--state", str(tmp_path / "state")),
        )

    assert (records["good"]["cause_ids"], records["good"]["checks"]["revocation"]) == ([], "good")
    assert records["revoked"]["proven_cause_ids"] == [
        "certificate.revoked",
        "certificate.name_mismatch",
    ]
    assert records["revoked"]["causes"][0]["evidence"]["reason"] == "keyCompromise"


def test_a_policy_of_ones_own_decides(kind: ServerKind, tmp_path: Path) -> None:
    """RSA-2048 is what clients take and what this house does not; the result names those."""
    own = leaf(LOWER, kind="RSA-2048")
    policy = tmp_path / "house.toml"
    policy.write_text("[measures]\nmin_rsa_bits = 3072\n")
    with serving(kind, tmp_path / "server", own, LOWER, UPPER) as port:
        theirs = scanned(tmp_path, {"it": port})["it"]
        ours = scanned(tmp_path, {"it": port}, "--policy", str(policy))["it"]

    assert theirs["cause_ids"] == []
    assert ours["proven_cause_ids"] == ["certificate.weak_key"]
    assert ours["causes"][0]["accepted_by"] == ["browser", "openssl", "java", "legacy", "webpki"]


def test_a_hostile_chain_is_bounded_on_the_wire(kind: ServerKind, tmp_path: Path) -> None:
    """64 certificates that sign each other in circles: a verdict, and the bound that ended it."""
    web = all_issue_each_other(9)[:63]
    hostile = certificates.leaf(
        certificates.root("CA 0"),
        NAME,
        san=[NAME],
        not_before=SECONDS - 90 * DAY,
        not_after=SECONDS + 60 * DAY,
    )
    with (
        serving(kind, tmp_path / "hostile", hostile, *web) as port,
        serving(kind, tmp_path / "whole", LEAF, LOWER, UPPER) as healthy,
    ):
        records = scanned(tmp_path, {"hostile": port, "whole": healthy})

    record = records["hostile"]
    assert len(record["chain_sha256"]) == 64
    assert record["cause_ids"] == []
    assert record["checks"]["path"] == "not_checked"
    assert record["limit"] in ("path_steps", "paths", "signature_checks", "path_length")
    assert records["whole"]["outcome"] == "established"
