"""One JSON object of an inventory -> what to scan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from fleetscan.errors import InventoryError
from fleetscan.inventory.names import canonical_name, canonical_reference
from fleetscan.inventory.parse import Place, parse_place, parse_port
from fleetscan.inventory.ranges import parse_address
from fleetscan.inventory.spec import Defaults, TargetSpec
from fleetscan.limits import MAX_LABEL_KEY, MAX_LABEL_VALUE, MAX_LABELS

KEYS: Final = (
    "host",
    "name",
    "address",
    "port",
    "server_name",
    "reference_name",
    "starttls",
    "labels",
)
"""Every key an object may have; `name` is another word for `host`."""


def parse_object(
    text: str | bytes,
    defaults: Defaults | None = None,
    *,
    starttls_kinds: frozenset[str] | None = None,
    source: str = "argument",
    line: int | None = None,
) -> TargetSpec:
    """Read one target from a JSON object.

    `host` is a name to resolve, `address` an IP address, network or range; both together
    mean that name at that address. `server_name` absent takes the default, `""` sends none.
    `reference_name` absent takes the server name, or the name, as for a text line; null
    makes no name check. A key that is not known is an error: a misspelt one would be
    a target that is scanned otherwise than was meant.

    Args:
        text: the object.
        defaults: for what the object leaves open.
        starttls_kinds: the words that `starttls` may be; None accepts any.
        source: where it was written, for the error.
        line: its line there, counted from 1.

    Raises:
        InventoryError: it is no JSON object, or one of its values cannot be used.
    """
    try:
        return _read(_load(text), defaults or Defaults(), starttls_kinds)
    except ValueError as refused:
        raise InventoryError(str(refused), source=source, line=line) from None


def _load(text: str | bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as refused:
        raise ValueError(f"not JSON: column {refused.colno}: {refused.msg}") from None
    if not isinstance(found, dict):
        raise ValueError("not a JSON object")
    return found


def _read(
    found: dict[str, Any], defaults: Defaults, starttls_kinds: frozenset[str] | None
) -> TargetSpec:
    for key in found:
        if key not in KEYS:
            raise ValueError(f"unknown key {key[:40]!r}; known are {', '.join(KEYS)}")
    host, place = _place(found)
    server_name = _server_name(found, host, defaults)
    starttls = _text(found, "starttls")
    if starttls and starttls_kinds is not None and starttls not in starttls_kinds:
        known = ", ".join(sorted(starttls_kinds))
        raise ValueError(f"unknown starttls {starttls[:40]!r}; known are {known}")
    ports = defaults.ports if place.port is None else (place.port,)
    return TargetSpec(
        input=_shown(host, place, found),
        ports=(_port(found["port"]),) if found.get("port") is not None else ports,
        host=place.host,
        span=place.span,
        server_name=server_name if defaults.sends_names else "",
        reference_name=_reference(found, host, server_name),
        starttls=starttls or defaults.starttls,
        labels=_labels(found.get("labels")),
    )


def _place(found: dict[str, Any]) -> tuple[str, Place]:
    """The name that was given (`""` when none was), and where to connect."""
    if "host" in found and "name" in found:
        raise ValueError("both host and name: they mean the same, give one")
    name = _text(found, "host") or _text(found, "name") or ""
    where = _text(found, "address") or ""
    if not name and not where:
        raise ValueError("neither host nor address")
    if not where:
        place = parse_place(name)
        return place.host, place
    place = parse_place(where)
    if not name:
        return place.host, place
    return canonical_reference(name), place


def _server_name(found: dict[str, Any], host: str, defaults: Defaults) -> str:
    given = _text(found, "server_name")
    if given is not None:
        return _server_name_text(given)
    if defaults.server_name is not None:
        return defaults.server_name
    return "" if parse_address(host) else host


def _server_name_text(given: str) -> str:
    if not given:
        return ""
    if parse_address(given):
        raise ValueError(
            f"server_name {given!r} is an address, which RFC 6066 section 3 forbids there;"
            " reference_name may be one"
        )
    return canonical_name(given)


def _reference(found: dict[str, Any], host: str, server_name: str) -> str | None:
    if "reference_name" in found:
        given = _text(found, "reference_name")
        return canonical_reference(given) if given else None
    return server_name or host or None


def _text(found: dict[str, Any], key: str) -> str | None:
    value = found.get(key)
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError(f"{key} is not a string")
    if not value.isprintable():
        raise ValueError(f"{key} contains control or invisible characters")
    return value.strip()


def _port(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError("port is not a number")
    return parse_port(str(value))


def _labels(found: object) -> Mapping[str, str]:
    """Labels as the result schema has them: values that are no strings become JSON text."""
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ValueError("labels is not an object")
    if len(found) > MAX_LABELS:
        raise ValueError(f"{len(found)} labels; {MAX_LABELS} are allowed")
    return {_label_key(key): _label_value(key, value) for key, value in found.items()}


def _label_key(key: str) -> str:
    octets = len(key.encode())
    if not 1 <= octets <= MAX_LABEL_KEY:
        raise ValueError(f"a label's key of {octets} octets; 1 to {MAX_LABEL_KEY} are allowed")
    return key


def _label_value(key: str, value: object) -> str:
    try:
        text = value if isinstance(value, str) else orjson.dumps(value).decode()
    except TypeError:  # orjson.JSONEncodeError: nested deeper than it writes
        raise ValueError(f"label {key!r} is nested too deeply") from None
    octets = len(text.encode())
    if octets > MAX_LABEL_VALUE:
        raise ValueError(f"label {key!r} has {octets} octets; {MAX_LABEL_VALUE} are allowed")
    return text


def _shown(host: str, place: Place, found: dict[str, Any]) -> str:
    """What stands for the object as a result's `input`: its target in the text form."""
    where = place.host or _text(found, "address") or _text(found, "host") or host
    name = "" if host == where else host
    port = found.get("port")
    if port is not None and ":" in where and not where.startswith("["):
        where = f"[{where}]"
    return f"{name}{'@' if name else ''}{where}{'' if port is None else f':{port}'}"
