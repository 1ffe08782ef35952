"""Facts and cases for tests: a plain modern hello, and what one probe may have seen of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from fleetscan.causes import classify
from fleetscan.causes.model import Case, Cause
from fleetscan.facts import HandshakeFacts
from fleetscan.pki.assessment import PathAssessment
from fleetscan.tls.events import Offer
from fleetscan.vocabulary import (
    Alert,
    Checked,
    ConfirmedBy,
    EndedBy,
    Origin,
    Stage,
)

NAME: Final = "www.example.com"

OFFER: Final = Offer(
    profile="modern",
    server_name=NAME,
    versions=(0x0304, 0x0303),
    cipher_suites=(0x1301, 0x1303, 0x1302, 0xC02B, 0xC02F),
    groups=(0x001D, 0x0017, 0x0018),
    signature_schemes=(0x0403, 0x0804, 0x0401),
    extensions=(0, 5, 10, 11, 13, 16, 18, 23, 35, 43, 45, 51, 0xFF01),
    alpn=("h2", "http/1.1"),
    octets=517,
)
"""What the hello of these facts offered; 517 octets, as browsers padded theirs for years."""

NAMELESS: Final = replace(OFFER, server_name="")


def facts(**changes: Any) -> HandshakeFacts:  # noqa: ANN401
    """Facts of a hello that went out and was answered by nothing, with changes."""
    base: dict[str, Any] = {"stage": Stage.SERVER_HELLO, "offer": OFFER, "history": "C"}
    return HandshakeFacts(**(base | changes))


def ended(ended_by: EndedBy, **changes: Any) -> HandshakeFacts:  # noqa: ANN401
    """Facts of a hello after which the connection ended this way."""
    return facts(ended_by=ended_by, **changes)


def alerted(
    description: int,
    *,
    level: int = 2,
    origin: Origin = Origin.PEER,
    **changes: Any,  # noqa: ANN401
) -> HandshakeFacts:
    """Facts of a hello that was answered with one alert."""
    base: dict[str, Any] = {
        "ended_by": EndedBy.ALERT if origin is Origin.PEER else EndedBy.US,
        "alert": Alert(origin=origin, level=level, description=description),
        "is_tls": Checked.YES,
        "octets_received": 7,
        "history": "Cl" if origin is Origin.PEER else "CsL",
    }
    return facts(**(base | changes))


def confirmed(**changes: Any) -> HandshakeFacts:  # noqa: ANN401
    """Facts of a TLS 1.3 handshake that was completed and confirmed by a ticket."""
    base: dict[str, Any] = {
        "stage": Stage.CONFIRMED,
        "ended_by": EndedBy.US,
        "history": "CsoxyfFtL",
        "octets_received": 2_200,
        "is_tls": Checked.YES,
        "version": 0x0304,
        "cipher_suite": 0x1301,
        "group": 0x001D,
        "signature_scheme": 0x0403,
        "key_proof": Checked.YES,
        "completed": True,
        "confirmed_by": ConfirmedBy.TICKET,
    }
    return facts(**(base | changes))


def refused_certificate(ended_by: EndedBy, **changes: Any) -> HandshakeFacts:  # noqa: ANN401
    """Facts of a TLS 1.3 handshake that ended after our empty Certificate."""
    base: dict[str, Any] = {
        "stage": Stage.CLIENT_FINISHED,
        "ended_by": ended_by,
        "history": "CsorxyfXF",
        "confirmed_by": None,
        "client_certificate_requested": True,
    }
    return confirmed(**(base | changes))


def spoke(first_octets: bytes, **changes: Any) -> HandshakeFacts:  # noqa: ANN401
    """Facts of a hello that was answered with octets that are no TLS."""
    base: dict[str, Any] = {
        "ended_by": EndedBy.US,
        "is_tls": Checked.NO,
        "first_octets": first_octets,
        "octets_received": len(first_octets),
    }
    return facts(**(base | changes))


def case(seen: HandshakeFacts, **changes: Any) -> Case:  # noqa: ANN401
    """A case about a listed target at port 443."""
    base: dict[str, Any] = {
        "facts": seen,
        "path": None,
        "reference_name": NAME,
        "address": "127.0.0.1",
        "port": 443,
        "now": 1_800_000_000.0,
    }
    return Case(**(base | changes))


def assessed(path: PathAssessment, **changes: Any) -> Case:  # noqa: ANN401
    """A case about a handshake that was confirmed, with this path."""
    certificates = changes.pop("certificates", path.path)
    return case(confirmed(certificates=certificates), path=path, **changes)


def cause_ids(seen: Case | HandshakeFacts, **changes: Any) -> list[str]:  # noqa: ANN401
    """Ids of the causes of a verdict, in its order."""
    given = seen if isinstance(seen, Case) else case(seen, **changes)
    return [cause.entry.id for cause in classify(given).causes]


def finding_ids(seen: Case | HandshakeFacts, **changes: Any) -> list[str]:  # noqa: ANN401
    """Ids of the findings of a verdict, in its order."""
    given = seen if isinstance(seen, Case) else case(seen, **changes)
    return [cause.entry.id for cause in classify(given).findings]


def only_cause(seen: Case | HandshakeFacts, **changes: Any) -> Cause:  # noqa: ANN401
    """The one cause of a verdict."""
    given = seen if isinstance(seen, Case) else case(seen, **changes)
    (cause,) = classify(given).causes
    return cause
