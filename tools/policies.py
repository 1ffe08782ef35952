"""Writes docs/policies.md from the table; with --check only says whether it is fresh."""

from __future__ import annotations

import argparse
import sys
from dataclasses import fields
from pathlib import Path
from typing import Final

from fleetscan.pki.policy import (
    BROWSER,
    COMMON,
    EXTENSIONS,
    POLICIES,
    RULES,
    STRICT,
    Policy,
    Rule,
)

PAGE: Final = Path(__file__).resolve().parent.parent / "docs" / "policies.md"

HEAD: Final = """\
<!-- Printed by tools/policies.py from fleetscan/pki/policy.py: change those. -->
# Policies: which clients decide what is a failure

Clients disagree about certificates. A policy says whose judgement counts: it is a set of rules,
each a switch, with a few measures. `fleetscan scan --policy NAME` takes one of these, or a file.

| policy | stands for |
|---|---|
| `browser` | the default: what Chrome or Firefox refuses today, or OpenSSL 3 at level 2 |
| `openssl` | OpenSSL 3 at security level 2, the level of Debian's 3.0 and of upstream from 3.2 on |
| `java` | JSSE of Java 17 and 21, with a trust store of one's own |
| `legacy` | the widest: each rule as the most tolerant client in use has it |
| `webpki` | the profile that public authorities must keep; stricter than any client |

Whatever the policy, a cause names under `accepted_by` the shipped ones that would not hold it
against the path. A path that passes while the strict rules name something in it has the finding
`finding.path_profile_dependent`.
"""

OWN: Final = """\
## A policy of your own

A TOML file over a shipped policy; every key may be left out.

```toml
name = "corp"            # the file's name without .toml by default
base = "browser"         # what the rest is taken from
path_rules = "enterprise"  # or "webpki": the strict rules too

[rules]
anchor_key_strength = false
certificate_policies = false

[measures]
min_rsa_bits = 3072
weak_digests = ["md2", "md4", "md5", "sha1"]
wildcards = "whole"      # or "leftmost", "anywhere": where * may stand
processed_extensions = ["2.5.29.15", "2.5.29.17", "2.5.29.19", "2.5.29.30", "2.5.29.37"]
```

A word that is not known, or a value of the wrong kind, is refused when the scan starts:

    $ fleetscan scan --policy openssel www.example.org
    fleetscan: --policy: policy: there is no 'openssel'; did you mean openssl?

"""

SOURCES: Final = """\
## What this rests on

*Chrome*: BoringSSL `pki/simple_path_builder_delegate.cc`, `pki/verify_certificate_chain.cc`,
`pki/general_names.cc`, `pki/name_constraints.cc`, `pki/certificate_policies.cc`, Chromium
`net/cert/cert_verify_proc.cc`. *Firefox*: `security/nss/lib/mozpkix/lib/pkixcheck.cpp` and
`pkixcert.cpp`, `security/certverifier/CertVerifier.cpp`. *OpenSSL*: OpenSSL 3.0.19 asked by
`openssl verify -purpose sslserver -auth_level 2`, openssl-verification-options(1). *Java*:
OpenJDK 17.0.15 asked through `sun.security.validator.Validator` and
`sun.security.util.HostnameChecker`, its `java.security`. *Go*: `src/crypto/x509/verify.go`. The
tests ask OpenSSL and Java again wherever they are installed.

- **Keys.** Chrome and Firefox take RSA from 1,024 bits, P-256, P-384 and P-521 by name, no DSA.
  OpenSSL wants 112 bits of security, the anchor's key included: RSA and DSA of 2,048, curves of
  224. Java refuses RSA and DSA under 1,024 and curves under 224.
- **Hashes.** Chrome refuses SHA-1 everywhere below the anchor, Firefox and OpenSSL too. Java
  refuses MD5 always and SHA-1 below roots that came with it (`SHA1 jdkCA & usage TLSServer`).
- **Purposes.** All take a leaf without extKeyUsage. anyExtendedKeyUsage stands for servers with
  Chrome and Java, not with Firefox and OpenSSL (RFC 5280 section 4.2.1.12 allows both). An
  authority's extKeyUsage binds with Chrome, Firefox and OpenSSL; Java does not look at it. Firefox
  refuses a leaf that is for servers and for signing OCSP responses. The server gated cryptography
  of the 1990s still stands for servers with OpenSSL and Java.
- **Critical extensions.** Chrome (`IsHandledCriticalExtension`) and Java take those that RFC 5280
  section 6.1 processes, with subjectAltName and extKeyUsage. OpenSSL takes three more
  (`X509_supported_extension`); Firefox (`RememberExtension`) takes authorityInfoAccess, timestamps
  and TLS feature, which RFC 7633 leaves free to be critical, and not policyMappings. Java asks
  nothing of the anchor. A critical certificatePolicies with a qualifier of an unknown kind is
  refused by Chrome, and by Java in an authority.
- **Form.** Chrome gives up on a certificate with empty name constraints, with an iPAddress of
  neither 4 nor 16 octets in its subjectAltName, or with a certificate policy twice; Firefox refuses
  empty name constraints too. An empty issuer is refused by Firefox and Java. OpenSSL takes them
  all.
- **Name constraints.** OpenSSL, Java and Firefox refuse a name of a form that is constrained and
  that nobody compares, such as otherName, although the constraint is not critical. Chrome and
  Firefox allow no mailbox that cannot be read, and none under a constraint on mailboxes that cannot
  be.
- **Authorities.** All want basicConstraints below the anchor, and keyCertSign where keyUsage is
  there; none wants keyUsage to be there. A version 1 certificate is an authority only as an anchor.
- **Anchors.** OpenSSL and Firefox hold the anchor to its dates, purposes, path length and name
  constraints. Java asks that it may sign certificates and no more. OpenSSL takes no certificate for
  an anchor that did not sign itself, unless it is told to.
- **An authority as leaf** is an error with Firefox and a warning with Chrome; OpenSSL and Java
  take it. It is a finding, and a failure under `webpki`.
- **Names.** Browsers want a dNSName. OpenSSL and Java fall back to the common name where there is
  none; OpenSSL takes one wildcard at an end of the leftmost label, Java any number in any label.
- **Certificate policies.** Chrome, Java and Go (from 1.24 on) ask for one where a certificate on
  the path requires it; OpenSSL only with `-policy_check`, Firefox never.
- **The strict profile** is asked by no client. Its rules are RFC 5280 section 4.2 and the
  CA/Browser Forum's Baseline Requirements as the x509-limbo suite reads them.

## What no policy says

- The curves that browsers verify with. P-224, brainpool and secp256k1 are refused by both
  browsers and are no failure here but a breach of `key_form`: a server that has nothing else
  already fails in the handshake, where the hello offers no such scheme.
- The public suffix list: a wildcard right under a public suffix is refused by Chrome alone.
- Java's reading of keyUsage by key exchange, and its refusal of underscores in dNSNames.
- policyMappings that are critical, as RFC 5280 section 4.2.1.5 asks: Firefox does not know them,
  all others do.
- An authorityKeyIdentifier that is not the issuer's, where the signature is the issuer's: OpenSSL
  alone refuses it, with error 20 as though the issuer were not there. It is a rule of `openssl`
  and of `webpki`; elsewhere it is told as `finding.path_profile_dependent`. Java minds it
  of an anchor.
- OpenSSL builds one path, by issuer names and key identifiers alone, and does not go back when it
  turns out bad. Where an expired cross-certificate is sent beside a sound path, say, it refuses
  what `openssl` finds here, unless the certificate that it prefers is left out.
- OpenSSL takes a root without basicConstraints that has keyUsage with keyCertSign, and asks
  constraints on mailboxes of an emailAddress in the subject even beside a subjectAltName.
- RFC 7633 section 4.2.2: what is issued under an authority with a TLS feature has it too. Firefox
  and GnuTLS refuse what has not; Chrome, OpenSSL and Java take it.
- Firefox refuses whatever is below an authority that excludes any directoryName.
"""


def page() -> str:
    """The whole page."""
    return "\n".join((HEAD, _rules(COMMON, "Rules"), _rules(STRICT, "The strict rules"))) + (
        f"\n{_measures()}\n{_extensions()}\n{OWN}{SOURCES}"
    )


def _rules(rules: frozenset[Rule], title: str) -> str:
    rows = [
        _row((f"`{rule.value}`", RULES[rule].asks, *_stands(rule), RULES[rule].reference))
        for rule in Rule
        if rule in rules
    ]
    head = ("rule", "what it asks", *POLICIES, "where it is written")
    return "\n".join((f"## {title}\n", _row(head), _row(["---"] * len(head)), *rows, ""))


def _stands(rule: Rule) -> list[str]:
    return ["yes" if rule in policy.rules else "no" for policy in POLICIES.values()]


def _measures() -> str:
    elsewhere = ("name", "path_rules", "rules", "processed_extensions")
    names = [field.name for field in fields(BROWSER) if field.name not in elsewhere]
    rows = [
        _row((f"`{name}`", *(_shown(policy, name) for policy in POLICIES.values())))
        for name in ("path_rules", *names)
    ]
    head = ("measure", *POLICIES)
    return "\n".join(("## Measures\n", _row(head), _row(["---"] * len(head)), *rows, ""))


def _extensions() -> str:
    rows = [
        _row(
            (
                name,
                f"`{oid}`",
                *(
                    "yes" if oid in policy.processed_extensions else "no"
                    for policy in POLICIES.values()
                ),
            )
        )
        for oid, name in EXTENSIONS.items()
    ]
    head = ("extension", "OID", *POLICIES)
    intro = "The measure `processed_extensions`: which extensions may be critical.\n"
    return "\n".join(
        ("## Critical extensions\n", intro, _row(head), _row(["---"] * len(head)), *rows, "")
    )


def _shown(policy: Policy, name: str) -> str:
    value = getattr(policy, name)
    if isinstance(value, frozenset):
        return ", ".join(sorted(value)) or "none"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _row(cells: tuple[str, ...] | list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def main(arguments: list[str] | None = None) -> int:
    """Give 1 when --check finds that the page is not fresh, else 0."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 when stale")
    parser.add_argument("--page", type=Path, default=PAGE)
    options = parser.parse_args(arguments)
    if not options.check:
        options.page.write_text(page(), "utf-8")
        return 0
    if options.page.is_file() and options.page.read_text("utf-8") == page():
        return 0
    sys.stderr.write("docs/policies.md is not fresh: run python tools/policies.py\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
