"""Name constraints, RFC 5280 section 4.2.1.10."""

from __future__ import annotations

from typing import Final

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID, ObjectIdentifier
from hypothesis import example, given
from hypothesis import strategies as st

from fleetscan.pki.constraints import WorkBudget, violated_constraint
from fleetscan.pki.path import PathAssessment, PathProblem, assess
from fleetscan.pki.subtrees import DnsSubtrees
from fleetscan.pki.trust import TrustStore
from fleetscan.vocabulary import Checked
from tests.certificates import NOW, Issued, general_name, intermediate, leaf, name, root

ROOT = root()


def constraints(
    permitted: list[str | x509.GeneralName] | None = None,
    excluded: list[str | x509.GeneralName] | None = None,
) -> x509.NameConstraints:
    """Make the extension from texts."""

    def subtrees(texts: list[str | x509.GeneralName] | None) -> list[x509.GeneralName] | None:
        if texts is None:
            return None
        return [general_name(one) if isinstance(one, str) else one for one in texts]

    return x509.NameConstraints(subtrees(permitted), subtrees(excluded))


def under(extension: x509.NameConstraints, *, critical: bool = True) -> Issued:
    """Make a CA with these constraints."""
    return intermediate(ROOT, constraints=extension, constraints_critical=critical)


def ask(*chain: Issued) -> PathAssessment:
    """Assess a chain without a name, so that only the path is judged."""
    return assess(
        [one.parsed for one in chain],
        reference_name=None,
        now=NOW,
        trust=TrustStore([ROOT.parsed]),
    )


def refused(assessment: PathAssessment) -> str | None:
    """The name that was refused, None for a sound path."""
    if not assessment.problems:
        return None
    (problem,) = assessment.problems
    assert problem.kind is PathProblem.NAME_CONSTRAINTS
    return problem.detail


@pytest.mark.parametrize(
    ("permitted", "names", "expected"),
    [
        (["example.com"], ["example.com"], None),
        (["example.com"], ["a.b.example.com"], None),
        (["EXAMPLE.com"], ["www.Example.COM"], None),
        (["example.com"], ["*.example.com"], None),
        (["example.com"], ["notexample.com"], "notexample.com"),
        (["example.com"], ["www.example.com", "evil.test"], "evil.test"),
        (["example.com", "evil.test"], ["www.example.com", "evil.test"], None),
        (["host.example.com"], ["*.example.com"], "*.example.com"),
        ([".example.com"], ["www.example.com"], None),
        ([".example.com"], ["example.com"], "example.com"),
        (["example.com"], ["10.0.0.1"], None),
        (["10.0.0.0/8"], ["10.1.2.3"], None),
        (["10.0.0.0/8"], ["11.1.2.3"], "iPAddress 0b010203"),
        (["10.0.0.0/8"], ["www.example.com"], None),
        (["2001:db8::/32"], ["2001:db8::1"], None),
        (["2001:db8::/32"], ["2001:db9::1"], "iPAddress 20010db9000000000000000000000001"),
        (["2001:db8::/32"], ["10.0.0.1"], "iPAddress 0a000001"),
    ],
)
def test_permitted_subtrees(
    permitted: list[str | x509.GeneralName], names: list[str], expected: str | None
) -> None:
    """Each name of a constrained kind lies in one of the permitted subtrees of its kind."""
    ca = under(constraints(permitted=permitted))

    assert refused(ask(leaf(ca, san=names), ca)) == expected


@pytest.mark.parametrize(
    ("excluded", "names", "expected"),
    [
        (["example.com"], ["example.com"], "example.com"),
        (["example.com"], ["a.b.EXAMPLE.com"], "a.b.EXAMPLE.com"),
        (["example.com"], ["example.org"], None),
        (["example.com"], ["*.example.com"], "*.example.com"),
        (["host.example.com"], ["*.example.com"], "*.example.com"),
        (["a.host.example.com"], ["*.example.com"], None),
        (["10.0.0.0/8"], ["10.1.2.3"], "iPAddress 0a010203"),
        (["10.0.0.0/8"], ["11.1.2.3"], None),
        (["0.0.0.0/0"], ["11.1.2.3"], "iPAddress 0b010203"),
        (["0.0.0.0/0"], ["2001:db8::1"], None),
    ],
)
def test_excluded_subtrees(
    excluded: list[str | x509.GeneralName], names: list[str], expected: str | None
) -> None:
    """A name in an excluded subtree is refused; a wildcard that could be one is too."""
    ca = under(constraints(excluded=excluded))

    assert refused(ask(leaf(ca, san=names), ca)) == expected


def test_exclusion_wins_over_permission() -> None:
    """RFC 5280 section 4.2.1.10: excluded is excluded whatever is permitted."""
    ca = under(constraints(permitted=["example.com"], excluded=["bad.example.com"]))

    assert refused(ask(leaf(ca, san=["bad.example.com"]), ca)) == "bad.example.com"
    assert refused(ask(leaf(ca, san=["www.example.com"]), ca)) is None


def directory(common_name: str, **attributes: str) -> x509.DirectoryName:
    """A directoryName from attributes."""
    return x509.DirectoryName(name(common_name, **attributes))


def test_directory_names_constrain_the_subject() -> None:
    """A permitted name is a prefix of the subject, compared without case and extra spaces."""
    corp = x509.DirectoryName(
        x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Corp  One")])
    )
    ca = under(constraints(permitted=[corp]))

    inside = leaf(ca, name("www", organization_name="corp one"))
    outside = leaf(ca, name("www", organization_name="Other"))
    assert refused(ask(inside, ca)) is None
    assert (refused(ask(outside, ca)) or "").startswith("directoryName ")


def test_directory_names_constrain_the_alternative_names_too() -> None:
    """The subject may be inside and a directoryName of the subjectAltName outside."""
    ca = under(constraints(permitted=[directory("Corp")]))
    both = leaf(ca, "Corp", san=["www.example.com", directory("Evil")])

    assert (refused(ask(both, ca)) or "").startswith("directoryName ")
    assert refused(ask(leaf(ca, "Corp", san=[directory("corp")]), ca)) is None


def test_excluded_directory_names() -> None:
    """An empty subject has no name to exclude."""
    ca = under(constraints(excluded=[directory("Evil")]))

    assert refused(ask(leaf(ca, "Evil"), ca)) is not None
    assert refused(ask(leaf(ca, "Good"), ca)) is None
    assert refused(ask(leaf(ca, name(None), label="none"), ca)) is None


def test_an_empty_subject_need_not_be_permitted() -> None:
    """Section 4.2.1.10: the subject is constrained when it is not empty."""
    ca = under(constraints(permitted=[directory("Corp")]))

    assert refused(ask(leaf(ca, name(None), label="none"), ca)) is None


def test_constraints_bind_every_certificate_below() -> None:
    """A CA two steps up still constrains the leaf."""
    top = under(constraints(permitted=["example.com"]))
    below = intermediate(top, "Below")

    found = ask(leaf(below, san=["evil.test"]), below, top)
    assert refused(found) == "evil.test"
    assert found.problems[0].certificate.sha256 == top.parsed.sha256
    assert found.trusted is Checked.NO


def test_self_issued_intermediates_are_let_pass() -> None:
    """RFC 5280 section 6.1.3 (b): unless it is the last one."""
    corp = constraints(permitted=[directory("Nobody")])
    ca = intermediate(ROOT, "CA", constraints=corp)
    rolled = intermediate(ca, "CA", label="rolled")
    child = leaf(rolled, "Nobody")

    assert refused(ask(child, rolled, ca)) is None
    assert refused(ask(leaf(rolled, "CA", label="x"), rolled, ca)) is not None


def test_the_roots_constraints_hold() -> None:
    """An anchor that was given with constraints keeps them."""
    narrow = root("Narrow", constraints=constraints(permitted=["example.org"]))
    found = assess(
        [leaf(narrow).parsed], reference_name=None, now=NOW, trust=TrustStore([narrow.parsed])
    )

    assert refused(found) == "www.example.com"


@pytest.mark.parametrize("critical", [True, False])
def test_constraints_bind_whether_or_not_critical(critical: bool) -> None:
    """Section 4.2.1.10 asks for critical; browsers apply both."""
    ca = under(constraints(permitted=["example.org"]), critical=critical)

    assert refused(ask(leaf(ca), ca)) == "www.example.com"


def test_an_other_name_that_cannot_be_read_is_refused_where_it_is_constrained() -> None:
    """Section 4.2.1.10: process a critical constraint on a name form that occurs, or reject.

    OpenSSL 3 (error 51) and Java 17 refuse it although the constraint is not critical.
    """
    oid = ObjectIdentifier("1.3.6.1.4.1.55555.7")
    other = x509.OtherName(oid, b"\x0c\x01a")
    foreign = x509.OtherName(ObjectIdentifier("1.3.6.1.4.1.55555.8"), b"\x0c\x01a")
    ca = under(constraints(excluded=[other]))
    lax = under(constraints(excluded=[other]), critical=False)

    assert refused(ask(leaf(ca, san=[other]), ca)) == "otherName"
    assert refused(ask(leaf(ca, san=[foreign]), ca)) is None
    assert refused(ask(leaf(ca), ca)) is None
    assert refused(ask(leaf(lax, san=[other]), lax)) == "otherName"
    assert refused(ask(leaf(lax, san=[foreign]), lax)) is None


def test_a_kind_of_name_that_is_left_alone_refuses_nothing() -> None:
    """A registeredID says nothing about a TLS server's name."""
    ca = under(constraints(permitted=[x509.RegisteredID(ObjectIdentifier("1.2.3"))]))

    assert refused(ask(leaf(ca), ca)) is None


class _Constraint:
    """A constraint whose octets no library would write."""

    def __init__(self, kind: int, value: str) -> None:
        self.kind = kind
        self.value = bytes.fromhex(value)


class _Ca:
    """A CA with constraints whose octets no library would write."""

    def __init__(self, *excluded: _Constraint) -> None:
        self.permitted_subtrees = ()
        self.excluded_subtrees = excluded
        self.name_constraints = self


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (2, "2a2e6578616d706c652e636f6d"),  # *.example.com: no wildcards in constraints
        (7, "0a000001"),  # an address without a mask
        (7, "0a000000ff00ff00"),  # a mask with a hole
        (7, "0a000000ff000000ff"),
        (4, "0500"),  # NULL for a Name
        (4, "3003310130"),  # a length that promises too much
    ],
)
def test_constraints_that_are_malformed_refuse_names_of_their_kind(kind: int, value: str) -> None:
    """What cannot be read cannot be kept, so it is broken."""
    ca = _Ca(_Constraint(kind, value))
    child = leaf(ROOT, san=["www.example.com", "192.0.2.1"]).parsed

    assert violated_constraint(ca, child, WorkBudget()) != ""  # type: ignore[arg-type]


def test_work_is_bounded_and_what_was_not_looked_at_is_not_broken() -> None:
    """Names times constraints over the budget: the answer stays open and says so."""
    ca = under(constraints(excluded=["10.0.0.0/8"] * 10))
    child = leaf(ca, san=["10.0.0.1"] * 10)
    work = WorkBudget(50)

    assert violated_constraint(ca.parsed, child.parsed, work) == ""
    assert work.exceeded
    assert violated_constraint(ca.parsed, child.parsed, WorkBudget(200)) == "iPAddress 0a000001"


def test_as_many_dns_names_below_constraints_as_clients_take_are_settled() -> None:
    """OpenSSL and Chrome take 2^20 pairs, subjects included, and refuse what has more."""
    bases: list[str | x509.GeneralName] = [f"x{index}.test" for index in range(1_024)]
    ca = under(constraints(bases, None))
    names = [f"www.x{index}.test" for index in range(1_022)]
    work = WorkBudget()
    above = WorkBudget()

    assert violated_constraint(ca.parsed, leaf(ca, san=names).parsed, work) == ""
    assert not work.exceeded
    outside = leaf(ca, san=[*names, "y.test"]).parsed
    assert violated_constraint(ca.parsed, outside, work) == "y.test"
    over = leaf(ca, san=[*names, "www.x0.test", "y.test"]).parsed
    assert violated_constraint(ca.parsed, over, above) == ""
    assert above.exceeded


def test_long_dns_names_cost_more() -> None:
    """A name of 10,000 labels has 50 million octets of endings: the budget is asked first."""
    ca = under(constraints(excluded=["example.com"]))
    long = x509.DNSName("a." * 10_000 + "test")
    work = WorkBudget()

    assert violated_constraint(ca.parsed, leaf(ca, san=[long]).parsed, work) == ""
    assert work.exceeded


_NETWORKS: Final[list[str | x509.GeneralName]] = [
    f"10.{index // 256}.{index % 256}.0/24" for index in range(300)
]
_ADDRESSES: Final = [f"11.{index // 256}.{index % 256}.1" for index in range(300)]


def test_too_many_names_times_constraints_is_a_limit_of_the_assessment() -> None:
    """The bound that ended the check is named, and the path is neither good nor bad."""
    ca = under(constraints(excluded=_NETWORKS))
    child = leaf(ca, san=_ADDRESSES)
    found = ask(child, ca)

    assert found.limit == "name_constraint_work"
    assert found.trusted is Checked.NOT_CHECKED
    assert found.problems == ()


def test_a_sound_path_beside_one_over_the_budget_is_trusted() -> None:
    """The work that one way costs does not make another way doubtful."""
    heavy = under(constraints(excluded=_NETWORKS))
    other = root("Other Root")
    light = intermediate(other, "Test CA", key=heavy.key)
    child = leaf(heavy, san=_ADDRESSES)
    for chain in ((child, heavy, light), (child, light, heavy)):
        found = assess(
            [one.parsed for one in chain],
            reference_name=None,
            now=NOW,
            trust=TrustStore([ROOT.parsed, other.parsed]),
        )
        assert found.trusted is Checked.YES
        assert found.limit == ""


MAIL: Final = x509.RFC822Name
LINK: Final = x509.UniformResourceIdentifier


@pytest.mark.parametrize(
    ("permitted", "name", "holds"),
    [
        # RFC 5280 section 4.2.1.10: a mailbox, a host, a domain.
        (MAIL("root@example.com"), MAIL("root@EXAMPLE.com"), True),
        (MAIL("root@example.com"), MAIL("Root@example.com"), False),
        (MAIL("example.com"), MAIL("anyone@example.com"), True),
        (MAIL("example.com"), MAIL("anyone@host.example.com"), False),
        (MAIL(".example.com"), MAIL("anyone@host.example.com"), True),
        (MAIL(".example.com"), MAIL("anyone@example.com"), False),
        (LINK("host.example.com"), LINK("http://host.example.com/path"), True),
        (LINK("host.example.com"), LINK("https://user@HOST.example.com:8443?x"), True),
        (LINK("host.example.com"), LINK("http://my.host.example.com/"), False),
        (LINK(".example.com"), LINK("http://my.host.example.com/"), True),
        (LINK(".example.com"), LINK("http://example.com/"), False),
        (LINK("host.example.com"), LINK("urn:host.example.com"), False),
        (LINK("192.0.2.1"), LINK("http://192.0.2.1/"), False),
        # Of another form nothing is said.
        (MAIL("example.com"), LINK("http://example.org/"), True),
    ],
)
def test_mailboxes_and_uris_are_held_to_constraints(
    permitted: x509.GeneralName, name: x509.GeneralName, holds: bool
) -> None:
    """What OpenSSL and browsers refuse although no TLS client asks for such a name."""
    ca = under(constraints([permitted], None))
    found = ask(leaf(ca, san=["www.example.com", name]), ca)

    assert (refused(found) is None) is holds


@pytest.mark.parametrize("critical", [True, False])
def test_a_form_that_nobody_can_compare_is_refused(critical: bool) -> None:
    """RFC 5280 section 4.2.1.10: process the form, or reject the certificate."""
    ca = under(constraints([x509.RegisteredID(ObjectIdentifier("1.2.3"))], None), critical=critical)
    named = leaf(ca, san=["a.example", x509.RegisteredID(ObjectIdentifier("1.2.3"))])

    assert refused(ask(named, ca)) == "registeredID"
    assert refused(ask(leaf(ca), ca)) is None


def test_a_mailbox_in_the_subject_counts_where_there_are_no_other_names() -> None:
    """RFC 5280 section 4.2.1.10 on the legacy attribute emailAddress."""
    ca = under(constraints([MAIL("example.com")], None))
    subject = name("www", email_address="root@example.org")

    assert refused(ask(leaf(ca, subject, san=None), ca)) == "root@example.org"
    assert refused(ask(leaf(ca, subject), ca)) is None


@pytest.mark.parametrize(
    ("excluded", "name"),
    [
        (x509.DNSName("example.com"), x509.DNSName("www.example.com.")),
        (x509.DNSName("example.com."), x509.DNSName("www.example.com")),
        (x509.DNSName("."), x509.DNSName("www.example.com")),
    ],
)
def test_a_final_dot_is_no_way_around_an_exclusion(
    excluded: x509.GeneralName, name: x509.GeneralName
) -> None:
    """mozilla::pkix calls such names malformed, Chrome strips the dot: both refuse."""
    ca = under(constraints(None, [excluded]))

    assert refused(ask(leaf(ca, san=[name]), ca)) is not None


MALFORMED_MAILBOXES: Final = (
    "@example.com",
    "a@.example.com",
    ".",
    "example.com.",
    "a@*.a.example",
)


def mailbox(text: str) -> x509.GeneralName:
    """An rfc822Name of this text, whatever it is."""
    return x509.RFC822Name._init_without_validation(text)


@pytest.mark.parametrize("subtree", MALFORMED_MAILBOXES)
def test_a_constraint_on_mailboxes_that_is_malformed_allows_none(subtree: str) -> None:
    """mozilla::pkix's ERROR_BAD_DER, Chrome's error_value: permitted or excluded, none passes."""
    one: list[str | x509.GeneralName] = ["www.example.com", mailbox("a@example.com")]
    permitting = under(constraints([mailbox(subtree)], None))
    excluding = under(constraints(None, [mailbox(subtree)]))

    assert refused(ask(leaf(permitting, san=one), permitting)) == "a@example.com"
    assert refused(ask(leaf(excluding, san=one), excluding)) == "a@example.com"


@pytest.mark.parametrize(
    "presented", ["@a.example.com", "a@*.example.com", "a@x.example.com.", "a", "a@"]
)
def test_a_mailbox_that_is_none_is_allowed_by_no_constraint(presented: str) -> None:
    """RFC 5321 section 4.1.2: a local part, `@`, a host; both browsers refuse the rest."""
    permitting = under(constraints([mailbox(".example.com")], None))
    excluding = under(constraints(None, [mailbox("example.org")]))
    names: list[str | x509.GeneralName] = ["www.example.com", mailbox(presented)]

    assert refused(ask(leaf(permitting, san=names), permitting)) == presented
    assert refused(ask(leaf(excluding, san=names), excluding)) == presented


@pytest.mark.parametrize(
    ("common_name", "constrained"),
    [
        ("host.example.org", True),
        ("under_score.example.org", True),
        ("Joe Bloggs", False),
        ("Joe", False),
        ("host.example.org.", False),
        ("-host.example.org", False),
        ("host..org", False),
        ("a@example.org", False),
    ],
)
def test_a_common_name_is_constrained_where_it_looks_like_a_host(
    common_name: str, constrained: bool
) -> None:
    """What `openssl verify` 3.0 answers to these; only where no dNSName is there."""
    ca = under(constraints(permitted=["example.com"]))
    one = leaf(ca, common_name, san=None).parsed
    found = violated_constraint(ca.parsed, one, WorkBudget(), common_name=True)

    assert found == (common_name if constrained else "")
    assert violated_constraint(ca.parsed, one, WorkBudget()) == ""


# -- DNS subtrees beside a slow reader ------------------------------------------------------


def lies_within(name: bytes, base: bytes, excluded: bool) -> bool:
    """RFC 5280 section 4.2.1.10 pair by pair: labels added on the left, or a dot and then some."""
    if excluded:
        name = name.removesuffix(b".")
    if not name or name[:1] == b"." or name[-1:] == b".":
        return False
    if not base:
        return True
    labels = name.split(b".")
    wanted = base.split(b".")
    if base[:1] == b".":
        if len(labels) >= len(wanted) and labels[-len(wanted) + 1 :] == wanted[1:]:
            return True
    else:
        own = labels[1:] if labels[0] == b"*" and len(labels) > 1 else labels
        if own[-len(wanted) :] == wanted:
            return True
    host = wanted[1:] if base[:1] == b"." else wanted
    return excluded and labels[0] == b"*" and len(labels) > 1 and host[1:] == labels[1:]


_LABELS: Final = st.sampled_from([b"a", b"b", b"com"])
_NAMES: Final = st.lists(_LABELS, max_size=4).map(b".".join)
_BASES: Final = st.lists(
    st.builds(bytes.__add__, st.sampled_from([b"", b"."]), _NAMES.filter(bool)) | st.just(b""),
    max_size=4,
)
_PRESENTED: Final = st.builds(
    lambda before, name, after: before + name + after,
    st.sampled_from([b"", b"*.", b".", b"*"]),
    _NAMES,
    st.sampled_from([b"", b"."]),
)


@given(_PRESENTED, _BASES, st.booleans())
@example(b"*.a.com", [b".a.com"], False)
@example(b"*.a.com", [b".b.a.com"], True)
@example(b"b.a.com", [b".a.com"], False)
def test_looking_up_endings_gives_what_comparing_pairs_gives(
    name: bytes, bases: list[bytes], excluded: bool
) -> None:
    """The same answer for wildcards, leading and final dots, in both kinds of subtrees."""
    found = DnsSubtrees(bases, excluded=excluded)

    assert found.hold(name) is any(lies_within(name, base, excluded) for base in bases)
    assert not found.malformed
