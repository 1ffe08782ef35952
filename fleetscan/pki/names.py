"""Whether a certificate is for a name, and how its names are written down.

Matching follows RFC 9525 section 6. Where clients differ, this module takes what current
browsers do, because a failure is what a browser refuses. "Firefox" below is mozilla::pkix
(lib/mozpkix/lib/pkixnames.cpp, `IsValidDNSID`), "Go" crypto/x509 (`validHostname`), "Chrome"
`X509Certificate::VerifyHostname`:

- a wildcard needs two labels to its right. RFC 9525 leaves that open; Chrome, Firefox
  and OpenSSL refuse `*.com`, Go takes it. Chrome alone goes on to refuse a wildcard right
  under any public suffix (`*.co.uk`); that takes the public suffix list and is not done.
- it covers an A-label as any other label; in a label, of either kind, it is no wildcard.
- underscores are taken in both names (RFC 5280 section 4.2.1.6 has none; all three do).
- a label neither begins nor ends with a hyphen: Firefox takes neither, Go not the first,
  Chrome both; DNS has none such for hosts (RFC 1123 section 2.1).
- a reference name may end in one dot, a presented name may not: Firefox and Go refuse it,
  Chrome takes it.
- a reference name in Unicode becomes A-labels as browsers do it: UTS 46, nontransitional,
  with its checks of joiners and of the bidi rule, without those of STD 3 and of hyphens.
- an address is looked for among iPAddress names alone, a name among dNSName names alone.
- the common name is not looked at (RFC 9525 section 2), unless a policy says so.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Final, TypeAlias

from fleetscan import limits
from fleetscan.text import printable
from fleetscan.vocabulary import Checked

if TYPE_CHECKING:
    from fleetscan._parse import Certificate, GeneralName, Name

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

DNS_NAME: Final = 2
DIRECTORY_NAME: Final = 4
IP_ADDRESS: Final = 7
"""Context tags of GeneralName, RFC 5280 section 4.2.1.6."""

# The last label of a DNS name is no number, decimal or hexadecimal: such a text is an address
# or a typing error of one (RFC 1123 section 2.1), and a browser reads it as an address
# (WHATWG URL section 3.5, "ends in a number").
_LABEL: Final = rb"(?!-)[a-z0-9_-]{1,63}(?<!-)"
_LABELS: Final = rb"(?:" + _LABEL + rb"\.)*(?!(?:[0-9]+|0x[0-9a-f]*)\Z)" + _LABEL
_REFERENCE: Final = re.compile(_LABELS)
_WILDCARD: Final = re.compile(rb"\*\.(?=[^.]+\.)" + _LABELS)
_JOINERS: Final = re.compile("[\u200c\u200d]")
_COMMON_NAME: Final = "2.5.4.3"

_ATTRIBUTES: Final = {
    "2.5.4.3": "CN",
    "2.5.4.4": "SN",
    "2.5.4.5": "serialNumber",
    "2.5.4.6": "C",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.9": "STREET",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "2.5.4.12": "title",
    "2.5.4.15": "businessCategory",
    "2.5.4.17": "postalCode",
    "2.5.4.42": "GN",
    "2.5.4.46": "dnQualifier",
    "2.5.4.97": "organizationIdentifier",
    "0.9.2342.19200300.100.1.1": "UID",
    "0.9.2342.19200300.100.1.25": "DC",
    "1.2.840.113549.1.9.1": "emailAddress",
    "1.3.6.1.4.1.311.60.2.1.1": "jurisdictionL",
    "1.3.6.1.4.1.311.60.2.1.2": "jurisdictionST",
    "1.3.6.1.4.1.311.60.2.1.3": "jurisdictionC",
}
"""Short names: those of RFC 4514 section 3, then what OpenSSL prints for the others."""

_PLAIN: Final = re.compile(r"(?![ #])[A-Za-z0-9 '()\-./:=?@_*&!|~^%$]*(?<! )")
_SPECIAL: Final = frozenset('"+,;<>\\')
_CUT: Final = "..."


def match_dns_name(pattern: str, reference: str) -> bool:
    """Say whether a presented dNSName covers a reference name, RFC 9525 section 6.3.

    A wildcard counts only as the whole leftmost label and stands for exactly one label.
    Letters compare without case. A reference in Unicode is first turned into A-labels;
    a pattern in Unicode never matches.
    """
    wanted = reference_octets(reference)
    if wanted is None or not pattern.isascii():
        return False
    return _covers(pattern.encode("ascii"), wanted)


def match_ip_address(octets: bytes, reference: Address) -> bool:
    """Say whether an iPAddress is the reference address, RFC 9525 section 6.4.

    The octets must be equal: an IPv4 address never matches its IPv4-mapped IPv6 form,
    and there are no wildcards and no prefixes.
    """
    return octets == reference.packed


def certificate_matches(
    certificate: Certificate, reference_name: str | None, *, common_name: bool = False
) -> Checked:
    """Say whether the certificate is for this DNS name or IP address.

    Args:
        certificate: the leaf.
        reference_name: a DNS name in A-labels or Unicode, or an IP address as text;
            None or `""` when nobody gave one.
        common_name: whether the common name stands in, for DNS names, where there is no
            dNSName, as OpenSSL's X509_check_host(3) and Java have it (RFC 6125 section 6.4.4,
            which RFC 9525 replaced).

    Returns:
        NOT_CHECKED without a reference name. An IP address is looked for among the
        iPAddress names alone, never in a dNSName; a certificate without
        subjectAltName matches nothing.
    """
    if not reference_name:
        return Checked.NOT_CHECKED
    names = certificate.subject_alt_name or ()
    address = as_address(reference_name)
    if address is not None:
        return _found(address.packed, IP_ADDRESS, names)
    wanted = reference_octets(reference_name)
    if wanted is None:
        return Checked.NO
    presented = [name.value for name in names if name.kind == DNS_NAME]
    if common_name and not presented:
        presented = common_names(certificate.subject)
    return Checked.YES if any(_covers(name, wanted) for name in presented) else Checked.NO


def as_address(text: str) -> Address | None:
    """Read an IPv4 or IPv6 address; None for any other text.

    A zone identifier (RFC 4007 section 11) says nothing of the address and is left out; the
    brackets that an IPv6 address has in a URL (RFC 3986 section 3.2.2) are too.
    """
    if text.startswith("[") and text.endswith("]") and ":" in text:
        text = text[1:-1]
    # A look at two characters spares DNS names, the usual case, a costly exception.
    if ":" not in text and not text[-1:].isdigit():
        return None
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def names_of(certificate: Certificate, limit: int | None = None) -> tuple[str, ...]:
    """List the DNS names and IP addresses of a certificate as text that is safe to print.

    Args:
        certificate: any certificate.
        limit: how many to give at most; None for all.
    """
    shown: list[str] = []
    for name in certificate.subject_alt_name or ():
        if limit is not None and len(shown) >= limit:
            break
        if name.kind in (DNS_NAME, IP_ADDRESS):
            shown.append(printable(name.text, limits.MAX_NAME))
    return tuple(shown)


def distinguished_name(name: Name) -> str:
    r"""Write a Name as RFC 4514 does, safe to print.

    The most specific part comes first. Control and format characters and lone surrogates
    are written as the `\XX` pairs of their UTF-8 octets, which RFC 4514 section 2.4
    allows anywhere. Two things are for readers and not for parsers:
    an attribute without a short name keeps its text beside its OID, and a name over
    `limits.MAX_NAME_SHOWN` characters is cut and ends in `...`.
    """
    shown: list[str] = []
    length = 0
    for rdn in reversed(name.rdns):
        text = "+".join(_attribute(part.oid, part.value) for part in rdn)
        shown.append(text)
        length += len(text) + 1
        if length > limits.MAX_NAME_SHOWN:
            return ",".join(shown)[: limits.MAX_NAME_SHOWN - len(_CUT)] + _CUT
    return ",".join(shown)


def reference_octets(reference: str) -> bytes | None:
    """The name of a host as it is compared, in A-labels; None for what is no such name."""
    # The length is bounded before IDNA runs: it is slow on long labels.
    if len(reference) > limits.MAX_NAME + 1:
        return None
    try:
        text = reference if reference.isascii() else _a_labels(reference)
        octets = text.encode("ascii").lower()
    except UnicodeError:
        return None
    octets = octets.removesuffix(b".")
    if len(octets) > limits.MAX_NAME or _REFERENCE.fullmatch(octets) is None:
        return None
    return octets


def _a_labels(reference: str) -> str:
    """Turn a name in Unicode into A-labels: UTS 46 section 4, as the module says.

    Raises:
        UnicodeError: no host can have this name.
    """
    import idna

    mapped = idna.uts46_remap(reference, std3_rules=False, transitional=False)
    return ".".join(label if label.isascii() else _a_label(label) for label in mapped.split("."))


def _a_label(label: str) -> str:
    import idna

    # Both raise IDNAError, which is a UnicodeError.
    idna.check_initial_combiner(label)
    idna.check_bidi(label)
    if label.startswith("xn--"):
        raise UnicodeError("an A-label is ASCII")
    for joiner in _JOINERS.finditer(label):
        if not idna.valid_contextj(label, joiner.start()):
            raise UnicodeError("a joiner where none can stand")
    return "xn--" + label.encode("punycode").decode("ascii")


def common_names(subject: Name) -> list[bytes]:
    """The common names of a subject that are ASCII, in lower case."""
    return [
        part.value.lower().encode("ascii")
        for rdn in subject.rdns
        for part in rdn
        if part.oid == _COMMON_NAME and part.value.isascii()
    ]


def _covers(pattern: bytes, wanted: bytes) -> bool:
    presented = pattern.lower()
    if presented == wanted:
        return True
    if not presented.startswith(b"*."):
        return False
    # The suffix with its dot must be all but the first label; only then is it worth
    # asking whether the pattern is well formed.
    return wanted.partition(b".")[2] == presented[2:] and bool(_WILDCARD.fullmatch(presented))


def _found(octets: bytes, kind: int, names: tuple[GeneralName, ...]) -> Checked:
    for name in names:
        if name.kind == kind and name.value == octets:
            return Checked.YES
    return Checked.NO


def _attribute(oid: str, value: str) -> str:
    key = _ATTRIBUTES.get(oid, oid)
    value = value[: limits.MAX_NAME_SHOWN]
    if _PLAIN.fullmatch(value):
        return f"{key}={value}"
    last = len(value) - 1
    return f"{key}=" + "".join(
        _escaped(character, edge=index == 0 or index == last, first=index == 0)
        for index, character in enumerate(value)
    )


def _escaped(character: str, *, edge: bool, first: bool) -> str:
    if character in _SPECIAL or (edge and character == " ") or (first and character == "#"):
        return "\\" + character
    if character.isprintable():
        return character
    octets = character.encode("utf-8", "surrogatepass")
    return "".join(f"\\{octet:02X}" for octet in octets)
