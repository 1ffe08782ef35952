"""Host names as users write them, made into what DNS and TLS carry."""

from __future__ import annotations

import encodings.idna
import re
from typing import Final

from fleetscan.inventory.ranges import parse_address
from fleetscan.limits import MAX_NAME

_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_-])?")
"""A label: letters, digits and hyphens (RFC 1123 section 2.1), and the underscore that
real zones contain. At most 63 octets (RFC 1035 section 2.3.4)."""

_DOTS: Final = re.compile("[.\u3002\uff0e\uff61]")
"""The full stops that separate labels of a U-label form."""

_DEVIATIONS: Final = re.compile("([\u00df\u03c2])")
"""Sharp s and final sigma, the deviations of Unicode's TR 46: IDNA 2003 folds them away,
IDNA 2008 (RFC 5891) and every current browser keep them, and the two are different names."""

_JOINERS: Final = frozenset("\u200c\u200d")


def canonical_name(text: str) -> str:
    """The name in lower-case A-labels, without the dot that ends an absolute name.

    RFC 6066 section 3 wants the host_name of a ClientHello in this form.

    Raises:
        ValueError: no host can have this name; the text of the exception is for the user.
    """
    shown = repr(text[:80])
    if len(text) > MAX_NAME + 1:
        raise ValueError(f"a name of {len(text)} characters; DNS allows {MAX_NAME}")
    bare = text.removesuffix(".")
    if not bare:
        raise ValueError(f"{shown} is not a name")
    if bare.startswith("*."):
        raise ValueError(f"{shown}: a wildcard names no host; list the names themselves")
    labels = [_a_label(label, shown) for label in _DOTS.split(bare)]
    name = ".".join(labels)
    if len(name) > MAX_NAME:
        raise ValueError(f"a name of {len(name)} octets; DNS allows {MAX_NAME}")
    if labels[-1].isdecimal():
        # The last label is alphabetic (RFC 1123 section 2.1), so this is a mistyped address.
        raise ValueError(f"{shown} is neither a name nor an IP address")
    return name


def canonical_reference(text: str) -> str:
    """What a certificate shall be valid for: a name as above, or an IP address.

    Raises:
        ValueError: it is neither.
    """
    address = parse_address(text.removeprefix("[").removesuffix("]"))
    return canonical_name(text) if address is None else str(address)


def _a_label(label: str, shown: str) -> str:
    if not label:
        raise ValueError(f"{shown} has an empty label (two dots in a row, or one in front)")
    folded = label.lower() if label.isascii() else _from_u_label(label, shown)
    if len(folded) > 63:
        raise ValueError(f"{shown} has a label of {len(folded)} octets; DNS allows 63")
    if not _LABEL.fullmatch(folded):
        odd = next((char for char in folded if not re.match(r"[a-z0-9_-]", char)), "-")
        raise ValueError(f"{shown} is not a name: {odd!r} cannot stand there")
    return folded


def _from_u_label(label: str, shown: str) -> str:
    if _JOINERS.intersection(label):
        raise ValueError(f"{shown} contains an invisible joiner; write its A-label (xn--...)")
    try:
        folded = "".join(
            piece if _DEVIATIONS.fullmatch(piece) else encodings.idna.nameprep(piece)
            for piece in _DEVIATIONS.split(label)
        )
        if folded.isascii():
            return folded
        return "xn--" + folded.encode("punycode").decode("ascii")
    except UnicodeError:
        raise ValueError(f"{shown} is not a name: IDNA forbids a character in it") from None
