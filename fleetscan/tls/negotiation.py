"""ServerHello and HelloRetryRequest: which version, which suite, which group.

RFC 8446 section 4.1.3 and 4.1.4, RFC 5246 section 7.4.1.3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fleetscan import _parse
from fleetscan.registry import cipher_suites, versions
from fleetscan.registry import extension_types as extension
from fleetscan.tls import events as seen
from fleetscan.tls import tls12, tls13
from fleetscan.tls.key_shares import SUPPORTED_GROUPS
from fleetscan.tls.profile import is_grease
from fleetscan.tls.protection import SUITES_TLS13
from fleetscan.tls.suite_versions import exists_in
from fleetscan.tls.violations import ViolationError
from fleetscan.vocabulary import FirstFlight, Stage

if TYPE_CHECKING:
    from fleetscan._parse import Message, ServerHello
    from fleetscan.tls.session import Session

# The last eight octets of a random that was written by a server that knows a newer
# version (RFC 8446 section 4.1.3).
SENTINEL_TLS11: Final = b"DOWNGRD\x00"
SENTINELS: Final = (b"DOWNGRD\x01", SENTINEL_TLS11)

# Offered as suites to say something else: no server may choose them (RFC 5746 section 3.3,
# RFC 7507 section 2).
SIGNALLING: Final = frozenset(
    {cipher_suites.TLS_EMPTY_RENEGOTIATION_INFO_SCSV, cipher_suites.TLS_FALLBACK_SCSV}
)

HELLO_TLS13: Final = frozenset(
    {extension.SUPPORTED_VERSIONS, extension.KEY_SHARE, extension.PRE_SHARED_KEY}
)
HELLO_RETRY: Final = frozenset(
    {extension.SUPPORTED_VERSIONS, extension.KEY_SHARE, extension.COOKIE}
)


def receive_server_hello(session: Session, message: Message) -> None:
    """The server's choice, or its wish for another hello."""
    hello = _parse.parse_server_hello(message.body)
    session.note("j" if hello.is_hello_retry_request else "s")
    # Kept whole, and once more in its extensions.
    session.retain(2 * len(message.body))
    version = chosen_version(hello)
    group = chosen_group(hello, version)
    if hello.is_hello_retry_request:
        session.events.append(seen.HelloRetryRequestSeen(session.now, hello, group))
    else:
        session.events.append(seen.ServerHelloSeen(session.now, hello, version, group))
    check_choice(session, hello, version)
    if version != versions.TLSV1_3:
        session.transcript.add(message.octets)
        tls12.begin(session, hello, version)
    elif hello.is_hello_retry_request:
        retry(session, hello, message)
    else:
        session.transcript.add(message.octets)
        begin_tls13(session, hello)


def chosen_version(hello: ServerHello) -> int:
    """supported_versions where it is, else legacy_version (RFC 8446 section 4.1.3)."""
    selected = hello.extension(extension.SUPPORTED_VERSIONS)
    if selected is None:
        return hello.legacy_version
    return _parse.parse_selected_version(selected)


def chosen_group(hello: ServerHello, version: int) -> int | None:
    """The group of the key share, None where there is none."""
    share = hello.extension(extension.KEY_SHARE)
    if share is None or version != versions.TLSV1_3:
        return None
    if hello.is_hello_retry_request:
        return _parse.parse_selected_group(share)
    return _parse.parse_key_share_server_hello(share)[0]


def check_choice(session: Session, hello: ServerHello, version: int) -> None:
    """What must hold whatever the version; raises ViolationError."""
    is_tls13 = version == versions.TLSV1_3
    check_version(session, hello, version)
    check_sentinel(session, hello, version)
    if hello.legacy_compression_method != 0:
        raise ViolationError("compression_not_offered")
    check_suite(session, hello.cipher_suite, version)
    # Up to TLS 1.2 an echo means resumption, and there is no session to resume.
    echoed = hello.legacy_session_id_echo == session.session_id
    if echoed != is_tls13 and (is_tls13 or session.session_id):
        raise ViolationError("session_id_mismatch")


def check_suite(session: Session, code: int, version: int) -> None:
    """Offered, no bait of ours, and of the version; raises ViolationError."""
    if code not in session.profile.cipher_suites or is_grease(code) or code in SIGNALLING:
        raise ViolationError("cipher_suite_not_offered")
    # Of one that was offered by its number alone nothing is known.
    if code in cipher_suites.NAMES and not exists_in(code, version):
        raise ViolationError("cipher_suite_version_mismatch")


def is_within_reach(hello: ServerHello, group: int | None) -> bool:
    """Whether this client can finish what the server chose; a profile may offer more."""
    return hello.cipher_suite in SUITES_TLS13 and (group is None or group in SUPPORTED_GROUPS)


def check_version(session: Session, hello: ServerHello, version: int) -> None:
    """Offered, said in the right place, and the same as before; raises ViolationError."""
    is_tls13 = version == versions.TLSV1_3
    if version not in session.profile.versions or is_grease(version):
        raise ViolationError("version_not_offered")
    if is_tls13 and hello.extension(extension.SUPPORTED_VERSIONS) is None:
        # legacy_version stops at TLS 1.2 (RFC 8446 section 4.1.3).
        raise ViolationError("version_not_offered")
    if is_tls13 and hello.legacy_version != versions.TLSV1_2:
        raise ViolationError("bad_legacy_version")
    if is_tls13:
        return
    if hello.is_hello_retry_request or session.hello_retry is not None:
        raise ViolationError("version_changed")
    if hello.extension(extension.SUPPORTED_VERSIONS) is not None:
        # A server that uses the extension must choose TLS 1.3 with it.
        raise ViolationError("forbidden_extension")


def check_sentinel(session: Session, hello: ServerHello, version: int) -> None:
    """Somebody between took the newer version out of our hello (RFC 8446 section 4.1.3)."""
    offered = session.profile.versions
    mark = hello.random[-8:]
    if (versions.TLSV1_3 in offered and version < versions.TLSV1_3 and mark in SENTINELS) or (
        versions.TLSV1_2 in offered and version < versions.TLSV1_2 and mark == SENTINEL_TLS11
    ):
        raise ViolationError("downgrade_sentinel")


def retry(session: Session, hello: ServerHello, message: Message) -> None:
    """Answer a HelloRetryRequest (RFC 8446 section 4.1.4)."""
    if session.hello_retry is not None:
        raise ViolationError("second_hello_retry_request")
    # A cookie is the one thing that a server may send unasked.
    session.check_extensions(
        [item for item in hello.extensions if item[0] != extension.COOKIE], HELLO_RETRY
    )
    cookie_data = hello.extension(extension.COOKIE)
    cookie = b"" if cookie_data is None else _parse.parse_cookie(cookie_data)
    group = chosen_group(hello, versions.TLSV1_3)
    if group is not None and (group not in session.profile.groups or is_grease(group)):
        raise ViolationError("group_not_offered")
    if group in session.profile.key_share_groups or (group is None and not cookie):
        raise ViolationError("useless_hello_retry_request")
    session.hello_retry = hello
    if not is_within_reach(hello, group):
        end_beyond_reach(session, hello)
        return
    session.transcript.retry(SUITES_TLS13[hello.cipher_suite].hash_name)
    session.transcript.add(message.octets)
    if session.profile.change_cipher_spec:
        session.send_change_cipher_spec()
    session.send_hello(group, cookie)


def begin_tls13(session: Session, hello: ServerHello) -> None:
    """Take the key share and go on to the encrypted part."""
    session.check_extensions(hello.extensions, HELLO_TLS13)
    retried = session.hello_retry
    if retried is not None and retried.cipher_suite != hello.cipher_suite:
        raise ViolationError("cipher_suite_changed")
    share = hello.extension(extension.KEY_SHARE)
    if share is None:
        raise ViolationError("missing_extension")
    group, public = _parse.parse_key_share_server_hello(share)
    wanted = None if retried is None else chosen_group(retried, versions.TLSV1_3)
    allowed = session.profile.key_share_groups if wanted is None else (wanted,)
    if group not in allowed or is_grease(group):
        raise ViolationError("group_not_offered")
    session.version = versions.TLSV1_3
    session.is_tls13 = True
    session.cipher_suite = hello.cipher_suite
    session.group = group
    session.stage = Stage.KEY_EXCHANGE
    if is_within_reach(hello, group):
        tls13.exchange_keys(session, public)
    else:
        end_beyond_reach(session, hello)


def end_beyond_reach(session: Session, hello: ServerHello) -> None:
    """Everything else of the flight is encrypted under what this client cannot do."""
    suite_known = hello.cipher_suite in SUITES_TLS13
    session.end_after_flight(FirstFlight.KEY_EXCHANGE if suite_known else FirstFlight.CIPHER_SUITE)
