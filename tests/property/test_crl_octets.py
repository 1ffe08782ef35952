"""Any octets, cut in any way: the CRL reader reads the same or refuses the same."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fleetscan._parse import ParseFault
from fleetscan.errors import ParseError
from fleetscan.pki._crl import CrlReader
from fleetscan.pki.crl import check_crl
from fleetscan.pki.revocation import RevocationStatus
from tests.certificates import NOW, leaf, root
from tests.crls import signed_crl
from tests.octets import certificate_extension, crl, crl_entry, crl_tbs, reason_code, sequence

LIST = crl()
SERIALS = (b"\x07", b"\x12\x34")
EDITS = st.lists(
    st.tuples(st.integers(0, len(LIST)), st.integers(0, 3), st.binary(max_size=3)), max_size=4
)
"""Where, how many octets go, which come instead."""


def outcome(pieces: list[bytes]) -> object:
    """Everything that was read, or where and why it was refused."""
    reader = CrlReader(SERIALS)
    try:
        for piece in pieces:
            reader.feed(piece)
        reader.finish()
    except ParseError as refused:
        assert 0 <= refused.offset <= sum(map(len, pieces))
        assert refused.field
        return refused.fault, refused.field, refused.offset
    return (
        *(reader.version, reader.signature, reader.issuer, reader.this_update),
        *(reader.next_update, reader.entry_count, reader.extensions, reader.signature_value),
        *(reader.tbs_start, reader.tbs_end, reader.unknown_critical_entry_extension),
        [(one.user_certificate, one.reason_code, one.certificate_issuer) for one in reader.entries],
    )


def cut_up(octets: bytes, cuts: list[int]) -> list[bytes]:
    """The octets in pieces, some of them empty."""
    places = [0, *sorted(min(cut, len(octets)) for cut in cuts), len(octets)]
    return [octets[first:last] for first, last in pairwise(places)]


def edited(edits: list[tuple[int, int, bytes]], body: bytes = LIST) -> bytes:
    """The list with some octets replaced: nearly whole structures are where parsers slip."""
    for at, gone, come in edits:
        at = min(at, len(body))
        body = body[:at] + come + body[at + gone :]
    return body


@pytest.mark.parametrize("cut", range(len(LIST)))
def test_every_strict_prefix_is_truncated(cut: int) -> None:
    """No cut of a valid list is mistaken for a shorter valid one."""
    found = outcome([LIST[:cut]])

    assert found == (ParseFault.TRUNCATED, "certificate_list", cut)


def test_octet_by_octet_is_as_good_as_at_once() -> None:
    """And so is every cut in two."""
    whole = outcome([LIST])

    assert outcome([LIST[at : at + 1] for at in range(len(LIST))]) == whole
    for cut in range(len(LIST)):
        assert outcome([LIST[:cut], LIST[cut:]]) == whole


@settings(max_examples=300)
@given(octets=st.binary(max_size=256), cuts=st.lists(st.integers(0, 256), max_size=8))
@example(octets=b"", cuts=[])
@example(octets=b"\x30\x85\x01\x00\x00\x00\x00", cuts=[3])
def test_any_octets_are_read_alike_however_cut(octets: bytes, cuts: list[int]) -> None:
    """Whoever serves a CRL sends anything; only ParseError comes out, inside what was fed."""
    assert outcome(cut_up(octets, cuts)) == outcome([octets])


@settings(max_examples=500)
@given(edits=EDITS, cuts=st.lists(st.integers(0, len(LIST)), max_size=8))
def test_nearly_whole_lists_are_read_alike_however_cut(
    edits: list[tuple[int, int, bytes]], cuts: list[int]
) -> None:
    """Refusals name the same octet too."""
    octets = edited(edits)

    assert outcome(cut_up(octets, cuts)) == outcome([octets])


@settings(max_examples=100)
@given(
    serials=st.lists(st.integers(-(1 << 80), 1 << 80), max_size=40),
    cuts=st.lists(st.integers(0, 2_000), max_size=8),
)
def test_exactly_what_is_listed_is_found(serials: list[int], cuts: list[int]) -> None:
    """Against a set of Python integers: no number is missed, none is found that is not there."""
    octets = crl(crl_tbs(entries=tuple(crl_entry(one, reason_code(1)) for one in set(serials))))
    sought = {*serials[::2], 1, 2, 1 << 79}
    as_octets = {one.to_bytes(one.bit_length() // 8 + 1, "big", signed=True) for one in sought}
    reader = CrlReader({_shortest(one) for one in as_octets})
    for piece in cut_up(octets, cuts):
        reader.feed(piece)
    reader.finish()

    found = {int.from_bytes(one.user_certificate, "big", signed=True) for one in reader.entries}
    assert found == sought & set(serials)


CA = root("Any Root")
LEAF = leaf(CA)
LISTED = crl_entry(LEAF.parsed.serial_number)


@settings(max_examples=300)
@given(
    oid=st.sampled_from(("2.5.29.28", "2.5.29.35", "2.5.29.27", "2.5.29.20")),
    value=st.binary(max_size=40) | st.binary(max_size=40).map(sequence),
    critical=st.booleans(),
    listed=st.booleans(),
)
def test_a_signed_list_may_hold_anything_and_is_answered(
    oid: str, value: bytes, critical: bool, listed: bool
) -> None:
    """An issuer that signs nonsense gets an answer, and what it lists is never good."""
    extension = certificate_extension(oid, value, critical)
    crl = signed_crl(CA, extensions=(extension,), entries=(LISTED,) if listed else None)
    (answer,) = check_crl(crl, certificates=[LEAF.parsed], issuer=CA.parsed, now=NOW)

    assert answer.status is not (RevocationStatus.GOOD if listed else RevocationStatus.REVOKED)


@settings(max_examples=200)
@given(edits=EDITS)
def test_a_list_with_octets_changed_says_neither_good_nor_revoked(
    edits: list[tuple[int, int, bytes]],
) -> None:
    """Whoever stands between can make a list unknown, and nothing else."""
    crl = signed_crl(CA, entries=(LISTED,))
    changed = edited(edits, crl)
    (answer,) = check_crl(changed, certificates=[LEAF.parsed], issuer=CA.parsed, now=NOW)

    assert (answer.status is RevocationStatus.REVOKED) is (changed == crl)
    assert answer.status is not RevocationStatus.GOOD


def _shortest(octets: bytes) -> bytes:
    """DER's form of an INTEGER (X.690 section 8.3.2)."""
    while len(octets) > 1 and octets[0] in (0x00, 0xFF) and octets[0] >> 7 == octets[1] >> 7:
        octets = octets[1:]
    return octets
