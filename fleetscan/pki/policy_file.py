"""Policies by name, and policies of the user's own: a TOML file over one of the shipped."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Final

from fleetscan import limits
from fleetscan.errors import UsageError
from fleetscan.pki.policy import (
    BROWSER,
    PATH_RULES,
    POLICIES,
    STRICT,
    WEBPKI_RULES,
    WILDCARDS,
    Policy,
    Rule,
)
from fleetscan.text import printable

DIGESTS: Final = ("md2", "md4", "md5", "sha1")
"""The hash functions that a policy may refuse."""

MEASURES: Final = tuple(
    field.name for field in fields(Policy) if field.name not in ("name", "path_rules", "rules")
)
_KEYS: Final = ("name", "base", "path_rules", "rules", "measures")
_MAX_NAME: Final = 40
_MAX_BITS: Final = 1 << 16
_OID: Final = re.compile(r"[0-2](?:\.(?:0|[1-9][0-9]*))+")


def load_policy(text: str) -> Policy:
    """Give a shipped policy by its name, or the one that a TOML file describes.

    Args:
        text: a name of `POLICIES`, or a path: with a `/` in it, ending in `.toml`, or that
            of a file which exists.

    Raises:
        UsageError: there is no such policy or file, or the file says something unknown;
            one line that says what, with the nearest known word.
    """
    known = POLICIES.get(text)
    if known is not None:
        return known
    if "/" in text or text.endswith(".toml") or (text and _is_file(text)):
        return _read(text)
    raise UsageError(_unknown("policy", text, (*POLICIES, "or the path of a TOML file")))


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):
        return False


def _read(name: str) -> Policy:
    place = f"policy file {printable(name)}"
    try:
        with Path(name).open("rb") as file:
            octets = file.read(limits.MAX_POLICY_FILE + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise UsageError(f"{place} cannot be read: {reason}") from error
    except ValueError as error:  # a path with a NUL in it
        raise UsageError(f"{place} cannot be read: not a file name") from error
    if len(octets) > limits.MAX_POLICY_FILE:
        raise UsageError(f"{place} is larger than {limits.MAX_POLICY_FILE} octets")
    try:
        table = tomllib.loads(octets.decode("utf-8"))
    except (ValueError, RecursionError) as error:  # TOML's and UTF-8's errors are ValueErrors
        raise UsageError(f"{place} is not TOML: {printable(str(error))}") from error
    try:
        return _policy(table, Path(name).stem)
    except UsageError as refused:
        raise UsageError(f"{place}: {refused}") from None


def _policy(table: Mapping[str, Any], stem: str) -> Policy:
    _only(table, "key", _KEYS)
    base = POLICIES.get(_text(table, "base", BROWSER.name))
    if base is None:
        raise UsageError(_unknown("base", table["base"], POLICIES))
    name = _text(table, "name", stem)
    if not name or len(name) > _MAX_NAME or not name.isprintable():
        raise UsageError(f"name: 1 to {_MAX_NAME} printable characters")
    if name in POLICIES:
        raise UsageError(f"name: {name!a} is a policy that comes with fleetscan; take another")
    path_rules = _choice("path_rules", _text(table, "path_rules", base.path_rules), PATH_RULES)
    rules = base.rules
    if path_rules != base.path_rules:
        rules = rules | STRICT if path_rules == WEBPKI_RULES else rules - STRICT
    changed = {key: _measure(key, value) for key, value in _measures(table)}
    return replace(base, name=name, path_rules=path_rules, rules=_rules(table, rules), **changed)


def _rules(table: Mapping[str, Any], rules: frozenset[Rule]) -> frozenset[Rule]:
    switches = _table(table, "rules")
    _only(switches, "rule", [rule.value for rule in Rule])
    for name, on in switches.items():
        if not isinstance(on, bool):
            raise UsageError(f"rules.{name} must be true or false")
        rules = rules | {Rule(name)} if on else rules - {Rule(name)}
    return rules


def _measures(table: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    measures = _table(table, "measures")
    _only(measures, "measure", MEASURES)
    return measures.items()


def _measure(name: str, value: Any) -> Any:  # noqa: ANN401
    """Check one measure against the kind of its default."""
    default = getattr(BROWSER, name)
    check = _oids if name == "processed_extensions" else _CHECKS[type(default)]
    return check(name, value)


def _bits(name: str, value: object) -> int:
    # True is an int to Python and no length to anybody.
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MAX_BITS:
        raise UsageError(f"measures.{name} must be a number of bits, {_MAX_BITS} at most")
    return value


def _switch(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise UsageError(f"measures.{name} must be true or false")
    return value


def _digests(name: str, value: object) -> frozenset[str]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise UsageError(f"measures.{name} must be a list of {', '.join(DIGESTS)}")
    return frozenset(_choice(f"measures.{name}", each, DIGESTS) for each in value)


def _oids(name: str, value: object) -> frozenset[str]:
    if not isinstance(value, list) or not all(
        isinstance(each, str) and _OID.fullmatch(each) for each in value
    ):
        raise UsageError(f"measures.{name} must be a list of OIDs, as 2.5.29.15")
    return frozenset(value)


def _wildcards(name: str, value: object) -> str:
    return _choice(f"measures.{name}", value if isinstance(value, str) else "", WILDCARDS)


_CHECKS: Final[Mapping[type, Callable[[str, object], Any]]] = {
    int: _bits,
    bool: _switch,
    frozenset: _digests,
    str: _wildcards,
}


def _text(table: Mapping[str, Any], key: str, default: str) -> str:
    value = table.get(key, default)
    if not isinstance(value, str):
        raise UsageError(f"{key} must be text")
    return value


def _table(table: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = table.get(key, {})
    if not isinstance(value, dict):
        raise UsageError(f"{key} must be a table, [{key}]")
    return value


def _only(table: Mapping[str, Any], what: str, known: Iterable[str]) -> None:
    names = list(known)
    for key in table:
        if key not in names:
            raise UsageError(_unknown(what, key, names))


def _choice(what: str, value: str, known: Iterable[str]) -> str:
    if value not in known:
        raise UsageError(_unknown(what, value, known))
    return value


def _unknown(what: str, word: str, known: Iterable[str]) -> str:
    names = list(known)
    near = difflib.get_close_matches(word, names, 1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(names)}"
    return f"{what}: there is no {printable(word, _MAX_NAME)!a}; {hint}"
