"""Trust stores: what a file of roots means, and what is said of one that is none."""

from __future__ import annotations

from pathlib import Path

import certifi
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from fleetscan import limits
from fleetscan.errors import UsageError
from fleetscan.pki.trust import TrustStore, load_file, load_system, load_trust, public_roots
from tests.certificates import Issued, intermediate, leaf, resigned, root

ROOT = root()
OTHER = root("Other Root")
CA = intermediate(ROOT)


def write(path: Path, *certificates: Issued, before: bytes = b"") -> str:
    """Write certificates as one PEM file."""
    path.write_bytes(before + b"".join(one.pem for one in certificates))
    return str(path)


def hashes_of(store: TrustStore) -> set[str]:
    """The anchors' hashes."""
    return {one.sha256 for one in store.anchors}


def test_a_pem_file_with_one_root(tmp_path: Path) -> None:
    """The usual `--trust corp-root.pem`."""
    store = load_file(write(tmp_path / "root.pem", ROOT))

    assert hashes_of(store) == {ROOT.parsed.sha256}
    assert len(store) == 1
    assert store.is_anchor(ROOT.parsed)
    assert store.issuers_of(CA.parsed)[0].sha256 == ROOT.parsed.sha256
    assert store.issuers_of(leaf(CA).parsed) == ()


def test_text_around_and_between_the_certificates_is_skipped(tmp_path: Path) -> None:
    """Bundles carry comments, and keys that are nobody's business."""
    text = b"# Corp roots\r\n-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
    store = load_file(write(tmp_path / "roots.pem", ROOT, OTHER, before=text))

    assert len(store) == 2


@pytest.mark.parametrize("label", [b"TRUSTED CERTIFICATE", b"X509 CERTIFICATE"])
def test_old_labels_are_read(tmp_path: Path, label: bytes) -> None:
    """RFC 7468's predecessors wrote these; OpenSSL still does the first."""
    path = tmp_path / "old.pem"
    path.write_bytes(ROOT.pem.replace(b"CERTIFICATE", label))

    assert len(load_file(str(path))) == 1


def test_a_der_file(tmp_path: Path) -> None:
    """What Windows exports by default."""
    path = tmp_path / "root.cer"
    path.write_bytes(ROOT.der)

    assert hashes_of(load_file(str(path))) == {ROOT.parsed.sha256}


def test_a_collection_of_roots(tmp_path: Path) -> None:
    """PKCS #7, as Windows exports several at once; by `cryptography`."""
    path = tmp_path / "roots.p7b"
    path.write_bytes(pkcs7.serialize_certificates([ROOT.x509, OTHER.x509], Encoding.DER))

    assert {one.sha256 for one in load_file(str(path)).anchors} == {
        one.parsed.sha256 for one in (ROOT, OTHER)
    }


def test_every_certificate_of_a_file_is_an_anchor(tmp_path: Path) -> None:
    """As for browsers, Go, Java and X509_V_FLAG_PARTIAL_CHAIN; x509-limbo expects it too."""
    store = load_file(write(tmp_path / "chain.pem", CA, ROOT, leaf(CA)))

    assert hashes_of(store) == {one.parsed.sha256 for one in (CA, ROOT, leaf(CA))}
    assert store.intermediates == ()
    assert [one.sha256 for one in store.issuers_of(leaf(CA).parsed)] == [CA.parsed.sha256]
    assert store.holds(CA.parsed)
    assert not store.holds(OTHER.parsed)


def test_with_self_signed_only_the_others_are_intermediates(tmp_path: Path) -> None:
    """How OpenSSL reads a file without -partial_chain; the store itself stays as it was."""
    store = load_file(write(tmp_path / "chain.pem", CA, ROOT, leaf(CA)))
    strict = store.with_self_signed_only()

    assert hashes_of(strict) == {ROOT.parsed.sha256}
    assert {one.sha256 for one in strict.intermediates} == {
        CA.parsed.sha256,
        leaf(CA).parsed.sha256,
    }
    assert [one.sha256 for one in strict.intermediates_of(leaf(CA).parsed)] == [CA.parsed.sha256]
    assert strict.issuers_of(leaf(CA).parsed) == ()
    assert strict.holds(CA.parsed)
    assert len(store) == 3
    assert store.with_self_signed_only() is strict
    assert strict.with_self_signed_only() is strict


def test_a_self_issued_rollover_certificate_did_not_sign_itself() -> None:
    """Same names, another key: the key identifiers say so."""
    rolled = intermediate(ROOT, "Test Root", label="rolled")

    assert len(TrustStore([rolled.parsed])) == 1
    assert len(TrustStore([rolled.parsed]).with_self_signed_only()) == 0


def test_what_is_anchored_for_asking_is_an_anchor_under_both_readings() -> None:
    """A repair that anchors an intermediate asks the same of every policy."""
    asked = TrustStore([ROOT.parsed]).with_anchor(CA.parsed)

    assert asked.is_anchor(CA.parsed)
    assert asked.with_self_signed_only().is_anchor(CA.parsed)
    assert (
        TrustStore([CA.parsed]).with_self_signed_only().with_anchor(CA.parsed).is_anchor(CA.parsed)
    )


def test_a_version_1_root_is_an_anchor() -> None:
    """It has no extension to say so, and trust needs none."""
    old = resigned(ROOT, ROOT, version1=True)

    assert TrustStore([old.parsed]).is_anchor(old.parsed)


def test_duplicates_count_once(tmp_path: Path) -> None:
    """Bundles that are pasted together repeat themselves."""
    assert len(load_file(write(tmp_path / "twice.pem", ROOT, ROOT))) == 1


def test_the_union_of_stores(tmp_path: Path) -> None:
    """Several `--trust` are trusted together, and each anchor names those that hold it."""
    first = write(tmp_path / "a.pem", ROOT, CA)
    second = write(tmp_path / "b.pem", OTHER, ROOT)
    store = load_trust([first, second, first])

    assert hashes_of(store) == {one.parsed.sha256 for one in (ROOT, CA, OTHER)}
    assert store.sources == (first, second)
    assert store.sources_of(ROOT.parsed) == (first, second)
    assert store.sources_of(CA.parsed) == (first,)
    assert store.sources_of(OTHER.parsed) == (second,)
    assert store.sources_of(leaf(CA).parsed) == ()


def test_no_source_holds_what_is_no_anchor_or_was_anchored_for_asking(tmp_path: Path) -> None:
    """The result names stores that trust the path, and those alone."""
    store = load_file(write(tmp_path / "a.pem", ROOT, CA))

    assert store.with_self_signed_only().sources_of(ROOT.parsed) == store.sources
    assert store.with_self_signed_only().sources_of(CA.parsed) == ()
    assert store.with_anchor(OTHER.parsed).sources_of(OTHER.parsed) == ()
    assert store.with_anchor(ROOT.parsed).sources_of(ROOT.parsed) == store.sources


def test_two_anchors_of_one_name_are_both_found() -> None:
    """A CA renewed its root under the same name: both keys are candidates."""
    renewed = root(label="renewed")
    store = TrustStore([ROOT.parsed, renewed.parsed])
    reverse = TrustStore([renewed.parsed, ROOT.parsed])

    assert len(store.issuers_of(CA.parsed)) == 2
    assert store.issuers_of(CA.parsed) == reverse.issuers_of(CA.parsed)


def test_a_certificate_that_cannot_be_read_is_noted_and_the_rest_is_taken(tmp_path: Path) -> None:
    """One broken root among a hundred must not stop a scan, nor go unsaid."""
    broken = Issued(der=ROOT.der[:-5], key=ROOT.key, name=ROOT.name)
    store = load_file(write(tmp_path / "roots.pem", OTHER, broken))

    assert len(store) == 1
    assert len(store.refused) == 1
    assert "certificate 2" in store.refused[0]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(b"", "is empty", id="empty"),
        pytest.param(b" \n\n", "is empty", id="blank"),
        pytest.param(b"hello\n", "holds no certificate", id="text"),
        pytest.param(b"\x00\xff\x80" * 100, "holds no certificate", id="garbage"),
        pytest.param(b"0garbage", "no certificate can be read", id="like-der"),
        pytest.param(
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "no certificate can be read",
            id="pem-of-nothing",
        ),
        pytest.param(
            b"-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----\n",
            "no certificate can be read",
            id="broken-base64",
        ),
        pytest.param(b"-----BEGIN CERTIFICATE-----\nMIIB", "no certificate can be read", id="cut"),
    ],
)
def test_a_file_without_certificates_is_one_clear_line(
    tmp_path: Path, content: bytes, words: str
) -> None:
    """The person reads which file, what is wrong and what would do."""
    path = tmp_path / "trust.pem"
    path.write_bytes(content)

    with pytest.raises(UsageError) as caught:
        load_file(str(path))

    assert words in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["missing.pem", ".", "nul\0.pem", "esc\x1b[2J.pem"])
def test_a_file_that_cannot_be_read_is_one_clear_line(tmp_path: Path, name: str) -> None:
    """Missing, a directory, no file name at all: never a traceback, never a raw escape."""
    with pytest.raises(UsageError) as caught:
        load_file(str(tmp_path / name))

    assert "cannot be read" in str(caught.value)
    assert str(caught.value).isprintable()


def test_a_file_that_is_too_large_is_not_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--trust /dev/zero` ends."""
    monkeypatch.setattr(limits, "MAX_TRUST_FILE", 100)

    with pytest.raises(UsageError, match="larger than 100 octets"):
        load_file(write(tmp_path / "root.pem", ROOT))


def test_the_system_bundle_is_the_first_that_exists(tmp_path: Path) -> None:
    """Debian, Red Hat, SUSE, Alpine and macOS keep it in different places."""
    there = write(tmp_path / "bundle.pem", ROOT)
    later = write(tmp_path / "later.pem", OTHER)
    store = load_system({}, [str(tmp_path / "none.pem"), there, later])

    assert hashes_of(store) == {ROOT.parsed.sha256}


def test_ssl_cert_file_names_the_system_bundle(tmp_path: Path) -> None:
    """What users of OpenSSL expect; an empty value means nothing."""
    named = write(tmp_path / "named.pem", OTHER)
    usual = write(tmp_path / "usual.pem", ROOT)

    assert hashes_of(load_system({"SSL_CERT_FILE": named}, [usual])) == {OTHER.parsed.sha256}
    assert hashes_of(load_system({"SSL_CERT_FILE": ""}, [usual])) == {ROOT.parsed.sha256}
    with pytest.raises(UsageError, match="SSL_CERT_FILE"):
        load_system({"SSL_CERT_FILE": str(tmp_path / "none.pem")}, [usual])


def test_no_system_bundle_says_what_to_do() -> None:
    """A container without ca-certificates is common."""
    with pytest.raises(UsageError, match="ca-certificates"):
        load_system({}, [])


def test_system_is_added_by_its_word_and_is_the_default(tmp_path: Path) -> None:
    """`--trust FILE` replaces the system's roots, `--trust system` adds them."""
    usual = [write(tmp_path / "usual.pem", ROOT)]
    extra = write(tmp_path / "extra.pem", OTHER)

    assert len(load_trust([], bundles=usual)) == 1
    assert len(load_trust([extra], bundles=usual)) == 1
    assert len(load_trust([extra, "system"], bundles=usual)) == 2


def test_mozillas_roots_load_whole() -> None:
    """Every one of certifi's is read, and signed itself; the issue's word names them."""
    store = load_trust(["mozilla"], bundles=[])

    assert store.refused == ()
    assert len(store) == Path(certifi.where()).read_text().count("BEGIN CERTIFICATE") > 100
    assert len(store.with_self_signed_only()) == len(store)
    assert store.sources_of(store.anchors[0]) == ("mozilla",)
    assert public_roots() == hashes_of(store)
