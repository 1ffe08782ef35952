"""Lines of at most `limits.MAX_LINE` octets, cut by whole fields and never in mid-JSON.

A line that is too long loses its least needed parts first, one step after the other
until it fits; every field that lost something is named in `truncated`, in the order of
the steps. Text that was shortened ends in `...`. The order of a result's steps:

    certificate.san, causes.evidence, findings.evidence, chain_sha256, trusted_by,
    certificate.subject, certificate.issuer, certificate.serial, causes.missing,
    causes.alternatives, causes.remedy, causes.basis, handshake.alpn, target.input,
    findings, causes, target.labels, finding_ids

Each field appears twice at most: first it is shortened, and when that was not enough
it is shortened to a minimum. `cause`, `cause_ids` and the ids, stage and outcome of a
result are never cut, so rules written on them hold for every line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import partial
from typing import Any, Final, TypeAlias

import orjson

from fleetscan.limits import MAX_LINE
from fleetscan.text import ELLIPSIS

Record: TypeAlias = dict[str, Any]
Cut: TypeAlias = Callable[[Record], bool]
"""Shortens one field in place and says whether there was anything to shorten."""


def encode_line(record: Record) -> bytes:
    """The record as one line: UTF-8 JSON of at most `limits.MAX_LINE` octets, and a newline."""
    octets = orjson.dumps(record)
    if len(octets) > MAX_LINE:
        octets = orjson.dumps(fit(record))
    return octets + b"\n"


def fit(record: Record) -> Record:
    """The record itself when its line fits, else a copy with fields cut as said above."""
    if _octets(record) <= MAX_LINE:
        return record
    cut = deepcopy(record)
    for name, shorten in STEPS[record["type"]]:
        if not shorten(cut):
            continue
        if name not in cut["truncated"]:
            cut["truncated"].append(name)
        if _octets(cut) <= MAX_LINE:
            break
    return cut


def _octets(value: Any) -> int:  # noqa: ANN401
    return len(orjson.dumps(value))


# -- what a step can do ------------------------------------------------------------


def _holders(record: Record, path: str) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) that a dotted path names; `*` is each member of a list."""
    head, _, rest = path.partition(".")
    if isinstance(record, list):
        keys: Any = range(len(record)) if head == "*" else ()
    else:
        keys = (tuple(record) if head == "*" else (head,)) if isinstance(record, dict) else ()
    for key in keys:
        if isinstance(record, dict) and key not in record:
            continue
        if rest:
            yield from _holders(record[key], rest)
        else:
            yield record, key


def _shorten_text(path: str, octets: int, record: Record) -> bool:
    changed = False
    for holder, key in list(_holders(record, path)):
        text = holder[key]
        if isinstance(text, str) and _octets(text) - 2 > octets:
            holder[key] = _cut_text(text, octets)
            changed = True
    return changed


def _cut_text(text: str, octets: int) -> str:
    """The start of `text` that takes at most `octets` in a JSON string, `...` included."""
    room = octets - len(ELLIPSIS)
    low, high = 0, min(len(text), max(room, 0))
    while low < high:  # halves the interval each time
        middle = (low + high + 1) // 2
        if _octets(text[:middle]) - 2 <= room:
            low = middle
        else:
            high = middle - 1
    return text[:low] + ELLIPSIS


def _shorten_list(path: str, entries: int, record: Record) -> bool:
    changed = False
    for holder, key in list(_holders(record, path)):
        if isinstance(holder[key], list) and len(holder[key]) > entries:
            del holder[key][entries:]
            changed = True
    return changed


def _shorten_mapping(path: str, octets: int, record: Record) -> bool:
    """Drop members from the end until what is left takes at most `octets`."""
    changed = False
    for holder, key in list(_holders(record, path)):
        while isinstance(holder[key], dict) and holder[key] and _octets(holder[key]) > octets:
            holder[key].popitem()
            changed = True
    return changed


def _text(name: str, path: str, octets: int) -> tuple[str, Cut]:
    return name, partial(_shorten_text, path, octets)


def _list(name: str, path: str, entries: int) -> tuple[str, Cut]:
    return name, partial(_shorten_list, path, entries)


def _mapping(name: str, path: str, octets: int) -> tuple[str, Cut]:
    return name, partial(_shorten_mapping, path, octets)


# -- the steps -----------------------------------------------------------------------

_RESULT_STEPS: Final = (
    _list("certificate.san", "certificate.san", 5),
    _text("causes.evidence", "causes.*.evidence.*", 200),
    _text("findings.evidence", "findings.*.evidence.*", 100),
    _list("chain_sha256", "chain_sha256", 8),
    _list("trusted_by", "trusted_by", 3),
    _text("trusted_by", "trusted_by.*", 200),
    _text("certificate.subject", "certificate.subject", 200),
    _text("certificate.issuer", "certificate.issuer", 200),
    _text("certificate.serial", "certificate.serial", 64),
    _list("certificate.san", "certificate.san", 0),
    _text("causes.missing", "causes.*.missing", 100),
    _list("causes.alternatives", "causes.*.alternatives", 3),
    _text("causes.remedy", "causes.*.remedy.values.*", 100),
    _list("causes.remedy", "causes.*.remedy.values", 3),
    _text("causes.basis", "causes.*.basis.*", 64),
    _text("causes.evidence", "causes.*.evidence.*", 64),
    _mapping("findings.evidence", "findings.*.evidence", 2),
    _list("chain_sha256", "chain_sha256", 2),
    _text("handshake.alpn", "handshake.alpn", 64),
    _text("target.input", "target.input", 300),
    _mapping("causes.evidence", "causes.*.evidence", 300),
    _list("findings", "findings", 3),
    _list("causes", "causes", 3),
    _mapping("target.labels", "target.labels", 2_000),
    _list("finding_ids", "finding_ids", 10),
    _list("findings", "findings", 0),
    _list("causes", "causes", 1),
    _mapping("target.labels", "target.labels", 500),
)

_CERTIFICATE_STEPS: Final = (
    *(_list("san", "san", entries) for entries in (100, 50, 20)),
    _list("name_constraints", "name_constraints.*", 20),
    _list("extensions", "extensions", 30),
    *(
        _list(name, name, 5)
        for name in (
            "unknown_critical_extensions",
            "certificate_policies",
            "extended_key_usage",
            "tls_feature",
            "crl_urls",
            "ocsp_urls",
            "ca_issuers_urls",
        )
    ),
    _list("name_constraints", "name_constraints.*", 3),
    _list("san", "san", 3),
    _text("subject", "subject", 200),
    _text("issuer", "issuer", 200),
    _text("san", "san.*", 200),
    _list("extensions", "extensions", 0),
    *(
        _text(name, f"{name}.*", 100)
        for name in (
            "unknown_critical_extensions",
            "certificate_policies",
            "extended_key_usage",
            "crl_urls",
            "ocsp_urls",
            "ca_issuers_urls",
        )
    ),
    _text("name_constraints", "name_constraints.*.*", 100),
    _text("key", "key", 100),
    _text("signature_algorithm", "signature_algorithm", 100),
)

_RUN_START_STEPS: Final = (_text("configuration", "configuration", 6_000),)

_RUN_END_STEPS: Final = (
    *(_list("not_emitted.prefixes", "not_emitted.prefixes", entries) for entries in (20, 5, 0)),
    _mapping("findings", "findings", 1_500),
    _mapping("causes", "causes", 3_000),
)

STEPS: Final = {
    "result": _RESULT_STEPS,
    "certificate": _CERTIFICATE_STEPS,
    "run_start": _RUN_START_STEPS,
    "run_end": _RUN_END_STEPS,
}
