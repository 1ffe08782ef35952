"""A page in place of TLS that a filter, a proxy or a captive portal wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fleetscan import limits
from fleetscan.causes import banners
from fleetscan.causes.evidence import evidence, peer_text
from fleetscan.causes.model import Basis, Confidence, Match
from fleetscan.causes.protocol import is_block_page, spoken

if TYPE_CHECKING:
    from fleetscan.causes.model import Case


def block_page(case: Case) -> Match | None:
    """Match a page that says so itself, or that unrelated networks send alike.

    Either alone is suspected: a server may write what it likes, and one owner's servers may
    all redirect to one place.
    """
    signature = spoken(case.facts)
    if signature is None or signature.cause != banners.PLAINTEXT_HTTP:
        return None
    page = case.facts.first_octets
    agreed = case.same_page >= limits.UNRELATED_NETWORKS
    if not agreed and not banners.says_blocked(page):
        return None
    settled = is_block_page(case)
    return Match(
        evidence=evidence(
            status=banners.http_status(page),
            banner=peer_text(banners.first_line(page)),
            addresses=case.same_page if agreed else None,
        ),
        confidence=Confidence.OBSERVED if settled else Confidence.SUSPECTED,
        basis=Basis(kind="fleet" if agreed else "peer"),
        alternatives=() if settled else (banners.PLAINTEXT_HTTP,),
        missing="" if settled else _missing(agreed),
    )


def _missing(agreed: bool) -> str:
    if agreed:
        return "who writes the page: it does not say that it blocks"
    return "whether unrelated addresses answer with the same page"
