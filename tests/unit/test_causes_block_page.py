"""interference.block_page: what a page says, and whether the whole run shows it."""

from __future__ import annotations

import pytest

from fleetscan import limits
from fleetscan.causes import classify
from fleetscan.causes.banners import page_fingerprint
from fleetscan.causes.model import Confidence
from tests.facts_builder import case, cause_ids, spoke

BLOCK_PAGE = "interference.block_page"
HTTP = "protocol.plaintext_http"


@pytest.mark.parametrize(
    "page",
    [
        b"HTTP/1.1 403 Forbidden\r\n\r\n<title>Web Page Blocked</title>",
        b"HTTP/1.1 200 OK\r\n\r\nThis site is blocked by policy",
        b"HTTP/1.1 200 OK\r\n\r\n<title>FortiGuard Intrusion Prevention</title>",
        b"HTTP/1.1 302 Found\r\nLocation: http://captiveportal.example/\r\n\r\n",
        b"HTTP/1.1 451 Unavailable For Legal Reasons\r\n\r\n",
        b"HTTP/1.1 511 Network Authentication Required\r\n\r\n",
    ],
)
def test_a_page_that_says_that_it_blocks_is_suspected(page: bytes) -> None:
    """One page alone: a server may write what it likes, so both are named."""
    causes = classify(case(spoke(page))).causes

    assert [cause.entry.id for cause in causes] == [BLOCK_PAGE, HTTP]
    assert causes[0].match.confidence is Confidence.SUSPECTED
    assert causes[0].match.alternatives == (HTTP,)
    assert causes[0].match.missing == "whether unrelated addresses answer with the same page"


@pytest.mark.parametrize(
    "page",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\nThe plain HTTP request was sent to HTTPS port",
        b"HTTP/1.1 403 Forbidden\r\nServer: squid/5.7\r\n\r\nAccess denied",
        b"HTTP/1.1 401 Unauthorized\r\n\r\nAcceptable use of this system",
        b"HTTP/1.1 302 Found\r\nLocation: https://www.example.com/\r\n\r\n",
        b"HTTP/1.1 400 Bad Request\r\nX-XSS-Protection: 1; mode=block\r\n",
    ],
)
def test_what_servers_say_of_themselves_is_no_block_page(page: bytes) -> None:
    """An honest server refuses, redirects and asks for passwords as well."""
    assert cause_ids(spoke(page)) == [HTTP]


def test_another_protocol_is_no_page() -> None:
    """However many speak it alike."""
    many = case(spoke(b"SSH-2.0-webfilter\r\n"), same_page=9)

    assert cause_ids(many) == ["protocol.other"]


def test_what_is_settled_has_no_alternative() -> None:
    """It says so, and unrelated networks agree: the server never saw the hello."""
    page = spoke(b"HTTP/1.1 403 Forbidden\r\n\r\n<title>Web Page Blocked</title>")
    (cause,) = classify(case(page, same_page=limits.UNRELATED_NETWORKS)).causes

    assert cause.entry.id == BLOCK_PAGE
    assert cause.match.confidence is Confidence.OBSERVED
    assert (cause.match.alternatives, cause.match.missing) == ((), "")
    assert cause.match.evidence["status"] == "403"


def test_a_page_is_known_by_what_it_says_to_everybody() -> None:
    """Dates, addresses and the asked URL change; server, place and title do not."""
    page = (
        b"HTTP/1.1 302 Found\r\nDate: %s\r\nServer: gate/2\r\n"
        b"Location: http://portal.example/b/%d?url=%s\r\n\r\n<title> Blocked </title>%s"
    )
    one = page_fingerprint(page % (b"Mon", 1, b"a", b"10.0.0.1"))

    assert page_fingerprint(page % (b"Tue", 22, b"b", b"10.0.0.2")) == one
    assert page_fingerprint(page.replace(b"gate", b"wall") % (b"Mon", 1, b"a", b"")) != one
    assert page_fingerprint(page.replace(b"302", b"403") % (b"Mon", 1, b"a", b"")) != one
    assert page_fingerprint(page.replace(b"portal", b"login") % (b"Mon", 1, b"a", b"")) != one
    assert page_fingerprint(page.replace(b"Blocked", b"Hello") % (b"Mon", 1, b"a", b"")) != one
