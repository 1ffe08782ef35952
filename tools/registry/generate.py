"""Generates fleetscan/registry/*.py from the CSV files beside this script.

Run it without arguments to write the modules, with --check to learn whether they
are fresh (exit 1 when one is stale).
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
TARGET: Final = HERE.parents[1] / "fleetscan" / "registry"
COMMAND: Final = "python tools/registry/generate.py"

LISTED_BY: Final = "tshark 4.0.17"
LISTED_ON: Final = "2026-11-23"
"""Debian's tshark prints the registries offline; README.md beside this file says how."""

LOOKUP: Final = '''

def name_of(code: int) -> str:
    """The registered name, or `0x{width}` in hexadecimal for a code point nobody registered."""
    return NAMES.get(code) or f"0x{{code:0{digits}x}}"
'''

SUITE_HEADER: Final = '''
class CipherSuite(NamedTuple):
    """What a suite's name says.

    `key_exchange` and `authentication` are `any` for TLS 1.3, which negotiates them
    elsewhere. `forward_secrecy` is whether every handshake has keys of its own.
    `weakness` is `null`, `export`, `anon`, `rc4`, `rc2`, `3des`, `des`, `md5` or ``""``: the
    gravest that applies.
    """

    name: str
    key_exchange: str
    authentication: str
    encryption: str
    hash: str
    forward_secrecy: bool
    weakness: str


# A handshake asks several times for the one suite that was chosen. The bound is above the number
# of those registered.
@lru_cache(maxsize=512)
def describe(code: int) -> CipherSuite | None:
    """The parts of a suite's name; None for signalling values and unknown code points."""
    parts = PARTS.get(code)
    return None if parts is None else CipherSuite(NAMES[code], *parts)


'''


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """One module to write: its file's stem, what it holds, the digits of an unknown code."""

    module: str
    title: str
    digits: int


REGISTRIES: Final = (
    Registry(module="versions", title="Protocol versions", digits=4),
    Registry(module="cipher_suites", title="Cipher suites", digits=4),
    Registry(module="groups", title="Supported groups (RFC 8446 section 4.2.7)", digits=4),
    Registry(
        module="signature_schemes", title="Signature schemes (RFC 8446 section 4.2.3)", digits=4
    ),
    Registry(module="alerts", title="Alert descriptions (RFC 8446 section 6)", digits=2),
    Registry(module="extension_types", title="Extension types (RFC 8446 section 4.2)", digits=4),
    Registry(
        module="certificate_compressions",
        title="Certificate compression algorithms (RFC 8879 section 3)",
        digits=4,
    ),
    Registry(module="content_types", title="Record content types", digits=2),
    Registry(module="handshake_types", title="Handshake message types", digits=2),
)

# (what the name contains, the word for it), gravest first: one word is enough to
# say why a suite must not be used, and this is the order in which it matters.
WEAKNESSES: Final = (
    ("_NULL", "null"),
    ("_EXPORT", "export"),
    ("_anon", "anon"),
    ("_RC4_", "rc4"),
    ("_RC2_", "rc2"),
    ("_3DES_", "3des"),
    ("_DES_", "des"),
    ("_DES40_", "des"),
    ("_MD5", "md5"),
)

AUTHENTICATIONS: Final = (
    ("anon", "anon"),
    ("ECDSA", "ECDSA"),
    ("DSS", "DSS"),
    ("RSA_PSK", "RSA_PSK"),
    ("PSK", "PSK"),
    ("RSA", "RSA"),
    ("KRB5", "KRB5"),
    ("GOSTR", "GOST"),
    ("SRP", "SRP"),
    ("ECCPWD", "ECCPWD"),
    ("ECJPAKE", "ECJPAKE"),
)

# Those whose keys live for one handshake only. Anonymous DH is among them.
EPHEMERAL: Final = frozenset({"DHE", "ECDHE", "SRP", "ECCPWD", "ECJPAKE", "any"})


def read(module: str) -> dict[int, str]:
    """Code point to name, in the order of the code points."""
    with (HERE / f"{module}.csv").open(newline="", encoding="ascii") as source:
        names = {int(row["code"], 16): row["name"] for row in csv.DictReader(source)}
    return dict(sorted(names.items()))


def key_exchange_of(prefix: str) -> str:
    """ECDHE, DHE, ECDH, DH, RSA, PSK ... from what stands before `_WITH_`."""
    if "anon" in prefix:
        return "ECDHE" if prefix.startswith("ECDH") else "DHE"
    if prefix.startswith("PSK_DHE"):
        return "DHE"
    first = prefix.removesuffix("_EXPORT").removesuffix("_EXPORT1024").split("_")[0]
    return "GOST" if first.startswith("GOSTR") else first


def parts_of(name: str) -> tuple[str, str, str, str, bool, str] | None:
    """What a suite's name says, in the order of `CipherSuite` after its name."""
    if name.endswith("_SCSV"):
        return None
    prefix, has_with, rest = name.removeprefix("TLS_").partition("_WITH_")
    if not has_with or "_MGM_" in name:  # RFC 9367 section 4: GOST suites of TLS 1.3
        key_exchange, authentication, rest = "any", "any", prefix
    else:
        key_exchange = key_exchange_of(prefix)
        authentication = next((word for part, word in AUTHENTICATIONS if part in prefix), prefix)
    # Suites that name no hash use TLS 1.2's default (RFC 5246 section 5).
    match = re.fullmatch(r"(.*?)_?(MD5|SHA|SHA256|SHA384|SM3|IMIT|GOSTR3411)", rest)
    encryption, hash_name = (match[1], match[2]) if match else (rest, "SHA256")
    if rest in ("SHA256_SHA256", "SHA384_SHA384"):  # RFC 9150: integrity only
        encryption = "NULL"
    weakness = next((word for part, word in WEAKNESSES if part in name), "")
    if encryption == "NULL":
        weakness = "null"
    return (
        key_exchange,
        authentication,
        encryption,
        hash_name,
        key_exchange in EPHEMERAL,
        weakness,
    )


def constant(name: str) -> str:
    """The name as a Python constant: suites keep theirs, the others go to upper case."""
    plain = re.sub(r"\W", "_", name)
    return plain if plain.startswith("TLS_") else plain.upper()


def shown(code: int, digits: int) -> str:
    """Two-octet code points in hexadecimal, one-octet ones in decimal, as the RFCs write them."""
    return f"0x{code:0{digits}X}" if digits == 4 else str(code)


def source_of(registry: Registry) -> str:
    """Where the names come from: the list that was taken, with its day, or documents."""
    with (HERE / f"{registry.module}.csv").open(newline="", encoding="ascii") as source:
        listed = any(row["source"] == LISTED_BY for row in csv.DictReader(source))
    place = f"tools/registry/{registry.module}.csv"
    if not listed:
        return f"From the documents that {place} names."
    return (
        f"IANA's registry as {LISTED_BY} lists it, taken {LISTED_ON}; what is newer is from the\n"
        f"documents that {place} names."
    )


def render(registry: Registry) -> str:
    """The module's text."""
    names = read(registry.module)
    is_suites = registry.module == "cipher_suites"
    imports = "from typing import Final"
    if is_suites:
        imports = "from functools import lru_cache\nfrom typing import Final, NamedTuple"
    lines = [
        f'"""{registry.title}: IANA names by code point.',
        "",
        f"{source_of(registry)}",
        f"Generated: {COMMAND}.",
        '"""',
        "",
        "from __future__ import annotations",
        "",
        imports,
        "",
    ]
    digits = registry.digits
    lines += [f"{constant(name)}: Final = {shown(code, digits)}" for code, name in names.items()]
    lines += ["", "NAMES: Final[dict[int, str]] = {"]
    lines += [f'    {shown(code, digits)}: "{name}",' for code, name in names.items()]
    lines += ["}"]
    text = "\n".join(lines) + "\n"
    text += LOOKUP.format(width="1234" if digits == 4 else "12", digits=digits)
    if is_suites:
        text += "\n" + SUITE_HEADER + render_parts(names)
    return text


def render_parts(names: dict[int, str]) -> str:
    """The table behind `describe`, as a literal of constants."""
    lines = ["PARTS: Final[dict[int, tuple[str, str, str, str, bool, str]]] = {"]
    for code, name in names.items():
        parts = parts_of(name)
        if parts is not None:
            values = (f'"{part}"' if isinstance(part, str) else str(part) for part in parts)
            lines.append(f"    0x{code:04X}: ({', '.join(values)}),")
    return "\n".join([*lines, "}"]) + "\n"


def main() -> int:
    """Write the modules, or with --check say whether they are fresh."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when stale")
    check = parser.parse_args().check
    stale = []
    for registry in REGISTRIES:
        path = TARGET / f"{registry.module}.py"
        text = render(registry)
        if path.exists() and path.read_text(encoding="ascii") == text:
            continue
        stale.append(path.name)
        if not check:
            path.write_text(text, encoding="ascii")
    if check and stale:
        sys.stderr.write(f"stale: {', '.join(stale)}; run: {COMMAND}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
