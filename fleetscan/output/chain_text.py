"""A verified chain for people: the path drawn, each check, each cause with what mends it.

Pure functions of the record. What certificates say was escaped when the record was made,
so nothing here can act on a terminal; colour is only added when asked for.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fleetscan.causes import entry_of
from fleetscan.output.phrases import deciding_fact
from fleetscan.output.readable import painted
from fleetscan.pki.policy import RULES

WIDTH: Final = 100
"""Columns where there is no terminal, and at most."""

_LEAST: Final = 40

_HEADS: Final = {"valid": "VALID", "refused": "NOT VALID", "undecided": "UNDECIDED"}
_PAINT: Final = {"valid": "established", "refused": "high", "undecided": "medium"}

_SOURCES: Final = {
    "untrusted": "from --untrusted, not in the chain",
    "missing": "MISSING from the chain",
}

_CHECKS: Final = (
    ("path", "a path that passes"),
    ("name", "the name"),
    ("revocation", "revocation"),
)
_STATES: Final = {
    "yes": "ok",
    "no": "no",
    "good": "ok",
    "revoked": "no",
    "unknown": "unknown",
    "not_checked": "unknown",
}

_REPAIRS: Final[Mapping[str, tuple[str, ...]]] = {
    "time": ("valid if the clock read {moment}",),
    "name": ("valid under its own name {name}",),
    "root": ("valid if {root} were trusted", "valid if {subject} were trusted"),
    "intermediate": ("valid if {missing} were sent",),
    "revocation": ("valid if {subject} had not been revoked",),
}
"""By what a repair changes: the first phrase of which all values are known."""

_ASKED: Final[Mapping[str, str]] = {
    rule.value: f"{about.asks[0].lower()}{about.asks[1:]}".removesuffix(".")
    for rule, about in RULES.items()
}
"""What each rule asks, to be put into a sentence."""

_PASSED: Final = re.compile(r"passed (?:at (?P<moment>\S+)|as (?P<name>.+))")
"""What a repair's `after` says of the time or the name that was put in place of the other."""

_ABOUT_ISSUERS: Final = frozenset({"chain.unknown_issuer", "chain.incomplete"})
"""Causes whose evidence names the certificate below the one that is not there."""

_VALUE: Final = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How it is to be shown.

    Args:
        colour: whether to add SGR sequences (ECMA-48).
        signs: whether signs beyond ASCII can be shown.
        width: columns of the terminal; None: there is none.
    """

    colour: bool = False
    signs: bool = True
    width: int | None = None

    @property
    def columns(self) -> int:
        """How many columns lines have."""
        return WIDTH if self.width is None else min(max(self.width, _LEAST), WIDTH)

    def mark(self, state: str) -> str:
        """A tick, a cross, or a sign that nobody knows."""
        signs = ("✓", "✗", "?") if self.signs else ("ok", "NO", "--")
        sign = signs[("ok", "no", "unknown").index(state)]
        return painted(sign, {"ok": "established", "no": "high"}.get(state, "medium"), self.colour)


def chain_lines(record: Mapping[str, Any], file: str, look: Look) -> Iterator[str]:
    """The record as lines without their ends.

    Args:
        record: as `chain_record` makes it.
        file: what was verified, safe to print.
        look: how to show it.
    """
    head = painted(_HEADS[record["outcome"]], _PAINT[record["outcome"]], look.colour)
    name = f" for {record['name']}" if record["name"] else ""
    yield f"{head}  {file}{name} at {record['at']}, policy {record['policy']}"
    yield ""
    yield from path_lines(record, look)
    yield from check_lines(record, look)
    for cause in record["causes"]:
        yield from _cause(cause, record, look)
    for finding in record["findings"]:
        yield from finding_lines(finding, look)
    if record["remarks"]:
        yield ""
    for remark in record["remarks"]:
        yield from wrapped(f"note: {remark}", look, "  ")
    if "fixed" in record:
        yield ""
        yield from wrapped(fixed_text(record), look, "  ")


def fixed_text(record: Mapping[str, Any]) -> str:
    """What `--fix` wrote and what that changed, in one sentence."""
    fixed = record["fixed"]
    changes = [
        f"{len(fixed[key])} {word}" for key, word in (("added", "added"), ("removed", "left out"))
        if fixed[key]
    ]  # fmt: skip
    if fixed["reordered"]:
        changes.append("put in order")
    count = len(fixed["chain_sha256"])
    certificates = f"{count} certificate{'s' if count > 1 else ''}"
    return f"wrote {fixed['file']}: {certificates}, {', '.join(changes) or 'nothing changed'}"


# -- the path ------------------------------------------------------------------------------


def path_lines(record: Mapping[str, Any], look: Look) -> Iterator[str]:
    """The path drawn from the leaf upwards, with an empty line behind it."""
    blamed = {
        cause["evidence"].get("sha256")
        for cause in record["causes"]
        if cause["id"] not in _ABOUT_ISSUERS
    }
    path = record["path"]
    line = painted("│" if look.signs else "|", "dim", look.colour)
    for at, one in enumerate(path):
        last = at + 1 == len(path)
        state = "no" if one["sha256"] in blamed or one["source"] == "missing" else "ok"
        yield f"  {look.mark(state)} {one['subject']}"
        below = " " if last and not _open(record) else line
        yield f"  {below}   {_where(one)}"
        validity = f"{one['not_before'][:10]} to {one['not_after'][:10]}"
        yield f"  {below}   {one['key']}, {one['signature_algorithm']}, {validity}"
    if _open(record):
        issuer = _unknown_issuer(record) or "nobody knows what is above"
        yield f"  {look.mark('unknown')} {issuer}"
    if path:
        yield ""


def _where(one: Mapping[str, Any]) -> str:
    held = ", ".join(one.get("trusted_by", ()))
    if one["source"] == "trust":
        return f"from the trust store {held}"
    place = f"certificate {one.get('position')} of the chain"
    source = _SOURCES.get(one["source"], place)
    return f"{source}, trusted by {held}" if held else source


def _open(record: Mapping[str, Any]) -> bool:
    """Whether the path was not followed to its end."""
    return "chain.unknown_issuer" in record["cause_ids"] or record["outcome"] == "undecided"


def _unknown_issuer(record: Mapping[str, Any]) -> str:
    for cause in record["causes"]:
        if cause["id"] == "chain.unknown_issuer":
            return f"{cause['evidence'].get('issuer', '')}  not in the chain, known nowhere"
    return ""


def check_lines(record: Mapping[str, Any], look: Look) -> Iterator[str]:
    """What was checked of the certificates, and what could not be."""
    for key, what in _CHECKS:
        found = record["checks"][key]
        said = "not checked" if found == "not_checked" else found
        yield f"  {look.mark(_STATES[found])} {what}: {said}"
    for key, why in (("limit", "ended by the bound"), ("not_checked", "cannot be checked here:")):
        if key in record:
            yield f"    {why} {record[key]}"


# -- causes and findings -----------------------------------------------------------------------


def repair_text(cause: Mapping[str, Any]) -> str:
    """What would make it pass, in words; `""` where that was not shown.

    Args:
        cause: as a record has it.
    """
    basis = cause["basis"]
    if basis["kind"] != "repair":
        return ""
    passed = _PASSED.fullmatch(basis["after"])
    values = cause["evidence"] | ({} if passed is None else passed.groupdict())
    for phrase in _REPAIRS.get(basis["changed"], ()):
        if all(values.get(key) for key in _VALUE.findall(phrase)):
            # In one pass, so that braces in a certificate's text are never looked at.
            return _VALUE.sub(lambda found: str(values[found[1]]), phrase)
    rules = basis["changed"].split(", ")
    if not all(rule in _ASKED for rule in rules):
        return f"valid without the rule {basis['changed']}"
    asked = " and that ".join(_ASKED[rule] for rule in rules)
    return f"valid if nobody asked that {asked} (rule {' and '.join(rules)})"


def proof_of_repair(cause: Mapping[str, Any], causes: Sequence[Mapping[str, Any]]) -> str:
    """The same, with what has to be mended along with it; `causes` are all of the verdict."""
    repair = repair_text(cause)
    return f"{repair}{_together(cause, causes)}{_besides(cause, causes)}" if repair else ""


def _together(cause: Mapping[str, Any], causes: Sequence[Mapping[str, Any]]) -> str:
    """The causes that have to be mended along with this one."""
    wanted = cause["basis"].get("set")
    others = [
        each["id"] for each in causes if each is not cause and each["basis"].get("set") == wanted
    ]
    return f", together with {' and '.join(others)}" if wanted and others else ""


def _besides(cause: Mapping[str, Any], causes: Sequence[Mapping[str, Any]]) -> str:
    """The causes that no change of the path mends: they stay, whatever else is mended."""
    others = [
        each["id"]
        for each in causes
        if each is not cause
        and (each["basis"]["kind"] != "repair" or each["basis"]["changed"] == "revocation")
    ]
    return f", apart from {' and '.join(others)}" if others else ""


def common_name_text(cause: Mapping[str, Any], record: Mapping[str, Any]) -> str:
    """A word for those who see the very name in the subject and wonder."""
    subject = record["certificate"].get("subject", "").lower().split(",")
    if cause["id"] != "certificate.name_mismatch" or f"cn={record['name']}" not in subject:
        return ""
    return f"the common name {record['name']} does not count, only those of the subjectAltName do"


def _cause(cause: Mapping[str, Any], record: Mapping[str, Any], look: Look) -> Iterator[str]:
    entry = entry_of(cause["id"])
    told = painted(cause["id"], "cause", look.colour)
    severity = painted(cause["severity"], cause["severity"], look.colour)
    yield ""
    yield f"  {look.mark('no')} {told}  {cause['confidence']}  {severity}"
    fact = deciding_fact(cause)
    yield from wrapped(f"{entry.title}{f': {fact}' if fact else ''}", look)
    if common_name := common_name_text(cause, record):
        yield from wrapped(common_name, look)
    if repair := proof_of_repair(cause, record["causes"]):
        yield from wrapped(f"proof: {repair}", look)
    if cause.get("alternatives"):
        yield from wrapped(f"or: {', '.join(cause['alternatives'])}", look)
    if cause["accepted_by"]:
        yield from wrapped(f"accepted by: {', '.join(cause['accepted_by'])}", look)
    values = ", ".join(cause["remedy"]["values"]) or "it"
    yield from wrapped(f"do: {entry.remedy.text.replace('{values}', values)}", look)


def finding_lines(finding: Mapping[str, Any], look: Look) -> Iterator[str]:
    """A finding and its evidence, with an empty line before it."""
    told = painted(finding["id"], "cause", look.colour)
    severity = painted(finding["severity"], finding["severity"], look.colour)
    yield ""
    yield f"  - {told}  {severity}"
    yield from wrapped(entry_of(finding["id"]).title, look)
    for key, value in finding["evidence"].items():
        yield from wrapped(f"{key.replace('_', ' ')}: {value}", look)


def wrapped(text: str, look: Look, indent: str = "    ") -> Iterator[str]:
    """The text in lines, what follows the first indented by two columns more."""
    yield from textwrap.wrap(
        text,
        look.columns,
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
