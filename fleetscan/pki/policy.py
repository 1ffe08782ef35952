"""What counts as a failure: rules, each a switch, and the policies that are sets of them.

Nothing here looks at a certificate. `rules` and `profile` find what a path breaks, rule by
rule, whoever asks; a policy says which of these are asked and how strict those with a
measure are. `docs/policies.md` is printed from this table and says what it rests on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final, NamedTuple


class Rule(Enum):
    """One thing a path check may ask; `RULES` says what. The value is its name in results."""

    # Every client asks these in one way or another.
    VALIDITY = "validity"
    NAME = "name"
    EXTENDED_KEY_USAGE = "extended_key_usage"
    KEY_USAGE = "key_usage"
    TRUST = "trust"
    SIGNATURE = "signature"
    CA_VALIDITY = "ca_validity"
    BASIC_CONSTRAINTS = "basic_constraints"
    PATH_LEN_CONSTRAINT = "path_len_constraint"
    CA_KEY_USAGE = "ca_key_usage"
    CA_EXTENDED_KEY_USAGE = "ca_extended_key_usage"
    NAME_CONSTRAINTS = "name_constraints"
    CRITICAL_EXTENSIONS = "critical_extensions"
    KEY_STRENGTH = "key_strength"
    SIGNATURE_STRENGTH = "signature_strength"
    # Clients differ on these.
    CERTIFICATE_POLICIES = "certificate_policies"
    ANCHOR_VALIDITY = "anchor_validity"
    ANCHOR_CONSTRAINTS = "anchor_constraints"
    ANCHOR_KEY_STRENGTH = "anchor_key_strength"
    ANCHOR_CRITICAL_EXTENSIONS = "anchor_critical_extensions"
    DISTINGUISHED_NAMES = "distinguished_names"
    EXTENSION_FORM = "extension_form"
    AUTHORITY_KEY_MATCH = "authority_key_match"
    # The profile that public authorities keep and that clients do not fail on.
    CA_AS_LEAF = "ca_as_leaf"
    LEAF_KEY_CERT_SIGN = "leaf_key_cert_sign"
    LEAF_EXTENDED_KEY_USAGE = "leaf_extended_key_usage"
    SUBJECT_ALT_NAME = "subject_alt_name"
    DNS_NAME_SYNTAX = "dns_name_syntax"
    COMMON_NAME_IN_SAN = "common_name_in_san"
    SERIAL_NUMBER = "serial_number"
    AUTHORITY_KEY_IDENTIFIER = "authority_key_identifier"
    SUBJECT_KEY_IDENTIFIER = "subject_key_identifier"
    AUTHORITY_INFORMATION_ACCESS = "authority_information_access"
    BASIC_CONSTRAINTS_FORM = "basic_constraints_form"
    CA_KEY_USAGE_PRESENT = "ca_key_usage_present"
    NAME_CONSTRAINTS_FORM = "name_constraints_form"
    POLICY_CONSTRAINTS_FORM = "policy_constraints_form"
    ROOT_EXTENDED_KEY_USAGE = "root_extended_key_usage"
    KEY_FORM = "key_form"


class About(NamedTuple):
    """What a rule asks, in words, and where that is written."""

    asks: str
    reference: str


RULES: Final[Mapping[Rule, About]] = MappingProxyType(
    {
        Rule.VALIDITY: About(
            "The leaf is valid at the time of the check.", "RFC 5280 section 6.1.3 (a) (2)"
        ),
        Rule.NAME: About("The leaf is for the reference name.", "RFC 9525 section 6"),
        Rule.EXTENDED_KEY_USAGE: About(
            "A leaf that limits its purposes has servers among them.", "RFC 5280 section 4.2.1.12"
        ),
        Rule.KEY_USAGE: About(
            "A leaf that limits its key lets it do what TLS needs.", "RFC 5280 section 4.2.1.3"
        ),
        Rule.TRUST: About("The path ends at an anchor.", "RFC 5280 section 6.1"),
        Rule.SIGNATURE: About(
            "Each certificate is signed by the key above it.", "RFC 5280 section 6.1.3 (a) (1)"
        ),
        Rule.CA_VALIDITY: About(
            "Every authority below the anchor is valid at the time of the check.",
            "RFC 5280 section 6.1.3 (a) (2)",
        ),
        Rule.BASIC_CONSTRAINTS: About(
            "What issued is a certificate authority.", "RFC 5280 section 6.1.4 (k)"
        ),
        Rule.PATH_LEN_CONSTRAINT: About(
            "No more authorities stand below one than it allows.", "RFC 5280 section 6.1.4 (m)"
        ),
        Rule.CA_KEY_USAGE: About(
            "An authority that limits its key lets it sign certificates.",
            "RFC 5280 section 6.1.4 (n)",
        ),
        Rule.CA_EXTENDED_KEY_USAGE: About(
            "An authority that limits its purposes has servers among them.",
            "RFC 5280 section 4.2.1.12",
        ),
        Rule.NAME_CONSTRAINTS: About(
            "The names below an authority lie where it may issue.",
            "RFC 5280 section 6.1.3 (b), (c)",
        ),
        Rule.CRITICAL_EXTENSIONS: About(
            "Every critical extension is one that clients process.",
            "RFC 5280 section 6.1.4 (o), 6.1.5 (f)",
        ),
        Rule.KEY_STRENGTH: About(
            "The leaf's key and those below the anchor are long enough.",
            "CA/Browser Forum BR section 6.1.5",
        ),
        Rule.SIGNATURE_STRENGTH: About(
            "Signatures below the anchor rest on a sound hash.",
            "CA/Browser Forum BR section 7.1.3.2",
        ),
        Rule.CERTIFICATE_POLICIES: About(
            "Where an authority requires an explicit certificate policy, one holds for the path.",
            "RFC 5280 section 6.1.3 (d) to (f), RFC 9618 section 5",
        ),
        Rule.ANCHOR_VALIDITY: About(
            "The anchor is valid at the time of the check.", "RFC 5280 section 6.1.1 (d)"
        ),
        Rule.ANCHOR_CONSTRAINTS: About(
            "The anchor's own purposes, path length and name constraints bind.",
            "RFC 5937 section 3.2",
        ),
        Rule.ANCHOR_KEY_STRENGTH: About(
            "The anchor's key is as long as the others must be.",
            "CA/Browser Forum BR section 6.1.5",
        ),
        Rule.ANCHOR_CRITICAL_EXTENSIONS: About(
            "Every critical extension of the anchor is one that clients process.",
            "RFC 5280 section 4.2",
        ),
        Rule.DISTINGUISHED_NAMES: About(
            "Issuers, and the subjects of authorities, are not empty.",
            "RFC 5280 section 4.1.2.4, 4.1.2.6",
        ),
        Rule.EXTENSION_FORM: About(
            "Name constraints and the lists in them are not empty, iPAddresses have 4 or 16 "
            "octets, no certificate policy stands twice.",
            "RFC 5280 section 4.2.1.4, 4.2.1.6, 4.2.1.10",
        ),
        Rule.AUTHORITY_KEY_MATCH: About(
            "An authorityKeyIdentifier is that of the key, or the certificate, above it.",
            "RFC 5280 section 4.2.1.1",
        ),
        Rule.CA_AS_LEAF: About(
            "The leaf is no certificate authority.", "CA/Browser Forum BR section 7.1.2.7.8"
        ),
        Rule.LEAF_KEY_CERT_SIGN: About(
            "A certificate of no authority does not let its key sign certificates.",
            "RFC 5280 section 4.2.1.9",
        ),
        Rule.LEAF_EXTENDED_KEY_USAGE: About(
            "The leaf says that it is for servers, not critical, and not for any purpose.",
            "CA/Browser Forum BR section 7.1.2.7.10",
        ),
        Rule.SUBJECT_ALT_NAME: About(
            "The leaf's subjectAltName is there, critical when and only when it has no subject.",
            "RFC 5280 section 4.2.1.6, CA/Browser Forum BR section 7.1.2.7.12",
        ),
        Rule.DNS_NAME_SYNTAX: About(
            "The leaf's dNSNames are in the preferred name syntax.", "RFC 5280 section 4.2.1.6"
        ),
        Rule.COMMON_NAME_IN_SAN: About(
            "The leaf's common name repeats a name of its subjectAltName to the letter.",
            "CA/Browser Forum BR section 7.1.4.3",
        ),
        Rule.SERIAL_NUMBER: About(
            "Serial numbers below the anchor are above nought and of 20 octets at most.",
            "RFC 5280 section 4.1.2.2",
        ),
        Rule.AUTHORITY_KEY_IDENTIFIER: About(
            "The issuer's key is identified, not critical; in a root by its identifier alone.",
            "RFC 5280 section 4.2.1.1, CA/Browser Forum BR section 7.1.2.1.3",
        ),
        Rule.SUBJECT_KEY_IDENTIFIER: About(
            "Authorities identify their key, and nobody marks that critical.",
            "RFC 5280 section 4.2.1.2",
        ),
        Rule.AUTHORITY_INFORMATION_ACCESS: About(
            "Where the issuer is found is not critical.", "RFC 5280 section 4.2.2.1"
        ),
        Rule.BASIC_CONSTRAINTS_FORM: About(
            "An authority's basicConstraints are critical; no other has a path length.",
            "RFC 5280 section 4.2.1.9",
        ),
        Rule.CA_KEY_USAGE_PRESENT: About(
            "Authorities say what their key may do.", "RFC 5280 section 4.2.1.3"
        ),
        Rule.NAME_CONSTRAINTS_FORM: About(
            "Name constraints stand in authorities only, without wildcards and leading dots.",
            "RFC 5280 section 4.2.1.10, CA/Browser Forum BR section 7.1.2.5.2",
        ),
        Rule.POLICY_CONSTRAINTS_FORM: About(
            "policyConstraints and inhibitAnyPolicy are critical, and the first is not empty.",
            "RFC 5280 section 4.2.1.11, 4.2.1.14",
        ),
        Rule.ROOT_EXTENDED_KEY_USAGE: About(
            "A root does not limit its purposes.", "CA/Browser Forum BR section 7.1.2.1.2"
        ),
        Rule.KEY_FORM: About(
            "Keys are RSA of whole octets, 2,048 bits at least, or EC on P-256, P-384 or P-521 by "
            "name; the anchor's too.",
            "CA/Browser Forum BR section 6.1.5, 7.1.3.1.2",
        ),
    }
)

STRICT: Final = frozenset(
    {
        Rule.CA_AS_LEAF,
        Rule.LEAF_KEY_CERT_SIGN,
        Rule.LEAF_EXTENDED_KEY_USAGE,
        Rule.SUBJECT_ALT_NAME,
        Rule.DNS_NAME_SYNTAX,
        Rule.COMMON_NAME_IN_SAN,
        Rule.SERIAL_NUMBER,
        Rule.AUTHORITY_KEY_IDENTIFIER,
        Rule.SUBJECT_KEY_IDENTIFIER,
        Rule.AUTHORITY_INFORMATION_ACCESS,
        Rule.BASIC_CONSTRAINTS_FORM,
        Rule.CA_KEY_USAGE_PRESENT,
        Rule.NAME_CONSTRAINTS_FORM,
        Rule.POLICY_CONSTRAINTS_FORM,
        Rule.ROOT_EXTENDED_KEY_USAGE,
        Rule.KEY_FORM,
    }
)
"""What `webpki` path rules ask beyond `enterprise` ones; `profile` finds what breaks them."""

COMMON: Final = frozenset(Rule) - STRICT
"""What `enterprise` path rules may ask."""

AT_ANCHOR: Final[Mapping[Rule, Rule]] = MappingProxyType(
    {
        Rule.CA_VALIDITY: Rule.ANCHOR_VALIDITY,
        Rule.CA_EXTENDED_KEY_USAGE: Rule.ANCHOR_CONSTRAINTS,
        Rule.PATH_LEN_CONSTRAINT: Rule.ANCHOR_CONSTRAINTS,
        Rule.NAME_CONSTRAINTS: Rule.ANCHOR_CONSTRAINTS,
        Rule.KEY_STRENGTH: Rule.ANCHOR_KEY_STRENGTH,
        Rule.CRITICAL_EXTENSIONS: Rule.ANCHOR_CRITICAL_EXTENSIONS,
    }
)
"""The rule that stands in for another where the certificate concerned is the anchor."""

EXTENSIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "2.5.29.15": "keyUsage",
        "2.5.29.17": "subjectAltName",
        "2.5.29.19": "basicConstraints",
        "2.5.29.30": "nameConstraints",
        "2.5.29.32": "certificatePolicies",
        "2.5.29.33": "policyMappings",
        "2.5.29.36": "policyConstraints",
        "2.5.29.37": "extKeyUsage",
        "2.5.29.54": "inhibitAnyPolicy",
        "2.5.29.31": "cRLDistributionPoints",
        "1.3.6.1.5.5.7.48.1.5": "id-pkix-ocsp-nocheck",
        "2.16.840.1.113730.1.1": "netscape-cert-type",
        "2.5.29.14": "subjectKeyIdentifier",
        "2.5.29.35": "authorityKeyIdentifier",
        "1.3.6.1.5.5.7.1.1": "authorityInfoAccess",
        "1.3.6.1.5.5.7.1.24": "TLS feature",
        "1.3.6.1.4.1.11129.2.4.2": "SignedCertificateTimestampList",
        "1.3.6.1.4.1.311.21.10": "szOID_APPLICATION_CERT_POLICIES",
    }
)
"""Extensions that a client in use takes when they are critical, by OID."""

PROCESSED: Final = frozenset(
    {
        "2.5.29.15",
        "2.5.29.17",
        "2.5.29.19",
        "2.5.29.30",
        "2.5.29.32",
        "2.5.29.33",
        "2.5.29.36",
        "2.5.29.37",
        "2.5.29.54",
    }
)
"""Those that Chrome, OpenSSL and Java all take: what RFC 5280 section 6.1 processes, with
subjectAltName and extKeyUsage."""

WHOLE: Final = "whole"
LEFTMOST: Final = "leftmost"
ANYWHERE: Final = "anywhere"
WILDCARDS: Final = (WHOLE, LEFTMOST, ANYWHERE)
"""Where `*` may stand: alone in the leftmost label, in a part of that, in any label."""

ENTERPRISE_RULES: Final = "enterprise"
WEBPKI_RULES: Final = "webpki"
PATH_RULES: Final = (ENTERPRISE_RULES, WEBPKI_RULES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A client's, or a user's, idea of what a path must satisfy.

    Args:
        name: as `--policy` and `accepted_by` have it.
        path_rules: which profile of rules it is made from, `enterprise` or `webpki`.
        rules: those that are asked.
        min_rsa_bits: shortest modulus for KEY_STRENGTH.
        min_ec_bits: smallest field for KEY_STRENGTH.
        explicit_curves: whether a curve may be spelt out instead of named.
        min_dsa_bits: shortest prime for KEY_STRENGTH; 0 takes no DSA key at all.
        weak_digests: hash functions that SIGNATURE_STRENGTH refuses, as `md5`, `sha1`.
        processed_extensions: those that CRITICAL_EXTENSIONS lets be critical, by OID.
        policy_qualifiers: whether a critical certificatePolicies may have qualifiers of an
            unknown kind.
        any_extended_key_usage: whether anyExtendedKeyUsage stands for servers too.
        server_gated_crypto: whether the purposes of Netscape's and Microsoft's server gated
            cryptography stand for servers too.
        ocsp_signing: whether a leaf for servers may be for signing OCSP responses too.
        common_name: whether the common name stands in where no dNSName is present.
        wildcards: where `*` may stand in a presented name, one of `WILDCARDS`.
        address_in_dns_name: whether a dNSName that spells an address is for that address.
        anchor_self_signed: whether only a certificate that signed itself is an anchor.
    """

    name: str
    path_rules: str = ENTERPRISE_RULES
    rules: frozenset[Rule] = COMMON
    min_rsa_bits: int = 2_048
    min_ec_bits: int = 224
    explicit_curves: bool = False
    min_dsa_bits: int = 0
    weak_digests: frozenset[str] = frozenset({"md2", "md4", "md5", "sha1"})
    processed_extensions: frozenset[str] = PROCESSED
    policy_qualifiers: bool = False
    any_extended_key_usage: bool = False
    server_gated_crypto: bool = False
    ocsp_signing: bool = False
    common_name: bool = False
    wildcards: str = WHOLE
    address_in_dns_name: bool = False
    anchor_self_signed: bool = False


BROWSER: Final = Policy(name="browser", rules=COMMON - {Rule.AUTHORITY_KEY_MATCH})
"""What Chrome or Firefox refuses, or OpenSSL 3 at level 2 (ADR 0021 has the exceptions)."""

OPENSSL: Final = Policy(
    name="openssl",
    rules=COMMON - {Rule.CERTIFICATE_POLICIES, Rule.DISTINGUISHED_NAMES, Rule.EXTENSION_FORM},
    min_dsa_bits=2_048,
    processed_extensions=PROCESSED | {"2.5.29.31", "1.3.6.1.5.5.7.48.1.5", "2.16.840.1.113730.1.1"},
    policy_qualifiers=True,
    server_gated_crypto=True,
    ocsp_signing=True,
    common_name=True,
    wildcards=LEFTMOST,
    anchor_self_signed=True,
)
"""`openssl verify` and `SSL_connect` of OpenSSL 3 at security level 2."""

JAVA: Final = Policy(
    name="java",
    rules=COMMON
    - {
        Rule.CA_EXTENDED_KEY_USAGE,
        Rule.ANCHOR_VALIDITY,
        Rule.ANCHOR_CONSTRAINTS,
        Rule.ANCHOR_CRITICAL_EXTENSIONS,
        Rule.EXTENSION_FORM,
        Rule.AUTHORITY_KEY_MATCH,
    },
    min_rsa_bits=1_024,
    min_dsa_bits=1_024,
    weak_digests=frozenset({"md2", "md4", "md5"}),
    any_extended_key_usage=True,
    server_gated_crypto=True,
    ocsp_signing=True,
    common_name=True,
    wildcards=ANYWHERE,
)
"""JSSE of Java 17 and 21 with a trust store of one's own: SHA-1 is refused below roots that
came with the JDK alone (`SHA1 jdkCA`)."""

LEGACY: Final = Policy(
    name="legacy",
    rules=COMMON
    - {
        Rule.KEY_USAGE,
        Rule.CA_EXTENDED_KEY_USAGE,
        Rule.CERTIFICATE_POLICIES,
        Rule.ANCHOR_VALIDITY,
        Rule.ANCHOR_CONSTRAINTS,
        Rule.ANCHOR_KEY_STRENGTH,
        Rule.ANCHOR_CRITICAL_EXTENSIONS,
        Rule.DISTINGUISHED_NAMES,
        Rule.EXTENSION_FORM,
        Rule.AUTHORITY_KEY_MATCH,
    },
    min_rsa_bits=512,
    min_ec_bits=112,
    explicit_curves=True,
    min_dsa_bits=512,
    weak_digests=frozenset(),
    processed_extensions=frozenset(EXTENSIONS),
    policy_qualifiers=True,
    any_extended_key_usage=True,
    server_gated_crypto=True,
    ocsp_signing=True,
    common_name=True,
    wildcards=ANYWHERE,
    address_in_dns_name=True,
)
"""The widest that any client in use takes, each rule by itself."""

WEBPKI: Final = Policy(name="webpki", path_rules=WEBPKI_RULES, rules=COMMON | STRICT)
"""The profile that authorities of the web keep: stricter than any client."""

POLICIES: Final[Mapping[str, Policy]] = MappingProxyType(
    {policy.name: policy for policy in (BROWSER, OPENSSL, JAVA, LEGACY, WEBPKI)}
)
