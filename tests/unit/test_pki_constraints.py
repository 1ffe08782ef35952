"""Name constraints, RFC 5280 section 4.2.1.10."""

from __future__ import annotations

from typing import Final

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID, ObjectIdentifier

from fleetscan.pki.constraints import WorkBudget, violated_constraint
from fleetscan.pki.path import PathAssessment, PathProblem, assess
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
    """Section 4.2.1.10: process a critical constraint on a name form that occurs, or reject."""
    oid = ObjectIdentifier("1.3.6.1.4.1.55555.7")
    other = x509.OtherName(oid, b"\x0c\x01a")
    foreign = x509.OtherName(ObjectIdentifier("1.3.6.1.4.1.55555.8"), b"\x0c\x01a")
    ca = under(constraints(excluded=[other]))
    lax = under(constraints(excluded=[other]), critical=False)

    assert refused(ask(leaf(ca, san=[other]), ca)) == "otherName"
    assert refused(ask(leaf(ca, san=[foreign]), ca)) is None
    assert refused(ask(leaf(ca), ca)) is None
    assert refused(ask(leaf(lax, san=[other]), lax)) is None


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
    ca = under(constraints(excluded=["www.example.com"] * 10))
    child = leaf(ca, san=["www.example.com"] * 10)
    work = WorkBudget(50)

    assert violated_constraint(ca.parsed, child.parsed, work) == ""
    assert work.exceeded
    assert violated_constraint(ca.parsed, child.parsed, WorkBudget(200)) == "www.example.com"


def test_too_many_names_times_constraints_is_a_limit_of_the_assessment() -> None:
    """The bound that ended the check is named, and the path is neither good nor bad."""
    ca = under(constraints(excluded=[f"x{index}.test" for index in range(300)]))
    child = leaf(ca, san=[f"y{index}.test" for index in range(300)])
    found = ask(child, ca)

    assert found.limit == "name_constraint_work"
    assert found.trusted is Checked.NOT_CHECKED
    assert found.problems == ()


def test_a_sound_path_beside_one_over_the_budget_is_trusted() -> None:
    """The work that one way costs does not make another way doubtful."""
    heavy = under(constraints(excluded=[f"x{index}.test" for index in range(300)]))
    other = root("Other Root")
    light = intermediate(other, "Test CA", key=heavy.key)
    child = leaf(heavy, san=[f"y{index}.test" for index in range(300)])
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
def test_a_form_that_nobody_can_compare_is_refused_where_it_is_critical(critical: bool) -> None:
    """RFC 5280 section 4.2.1.10: process the form, or reject the certificate."""
    ca = under(constraints([x509.RegisteredID(ObjectIdentifier("1.2.3"))], None), critical=critical)
    named = leaf(ca, san=["a.example", x509.RegisteredID(ObjectIdentifier("1.2.3"))])

    assert refused(ask(named, ca)) == ("registeredID" if critical else None)
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
