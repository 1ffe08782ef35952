"""The server, or something before it, ends or stalls; named by the stage it happened at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fleetscan.causes.conclusions import concluded
from fleetscan.causes.endings import ENDING_EVIDENCE, closed_on_accept, stalled, unanswered
from fleetscan.causes.model import CatalogueEntry, Match, Remedy, SeenAs, Severity
from fleetscan.vocabulary import EndedBy

if TYPE_CHECKING:
    from fleetscan.causes.model import Case


def _closed_after_hello(case: Case) -> Match | None:
    # A server that hangs up at once and one that hangs up on the hello look the same:
    # the hello is on its way before either FIN can arrive.
    return unanswered(case, EndedBy.FIN, ("server.closed_on_accept", "version.too_old"))


def _reset_after_hello(case: Case) -> Match | None:
    # Closing a socket with the hello still unread makes a kernel send RST, not FIN.
    return unanswered(
        case,
        EndedBy.RST,
        ("server.closed_on_accept", "version.too_old", "cipher.none_in_common"),
    )


def _silent_after_hello(case: Case) -> Match | None:
    return unanswered(case, EndedBy.TIMEOUT, ())


CLOSED_ON_ACCEPT: Final = CatalogueEntry(
    id="server.closed_on_accept",
    title="The server hangs up as soon as it has accepted the connection",
    why=(
        "The connection was closed before a hello could matter: an access list of the application "
        "(TCP wrappers, a proxy's rule for source addresses), a load balancer without a live "
        "member behind it, or a process that dies on every connection."
    ),
    not_this={
        "server.closed_after_hello": "the hello had gone out; whether it was read cannot be seen "
        "from the close alone",
        "connect.refused": "the connection never stood",
        "protocol.starttls_needed": "a greeting would have come first",
        "protocol.starttls_refused": "the client speaks first in that protocol, and its request "
        "for TLS was answered with the close",
    },
    proof="FIN or RST with no octet received and no hello sent.",
    severity=Severity.HIGH,
    remedy=Remedy(
        id="check_access_list",
        text="Look at the listener's own access rules and at the state of the members behind the "
        "load balancer.",
    ),
    references=("RFC 9293 section 3.6",),
    evidence=ENDING_EVIDENCE,
    seen_as=SeenAs(
        chrome="ERR_CONNECTION_CLOSED",
        firefox="PR_END_OF_FILE_ERROR",
        safari="Safari can't open the page because the server unexpectedly dropped the connection.",
        edge="ERR_CONNECTION_CLOSED",
        openssl="error:0A000126:SSL routines::unexpected eof while reading",
        go="EOF",
        java="javax.net.ssl.SSLHandshakeException: Remote host terminated the handshake",
        dotnet="Received an unexpected EOF or 0 bytes from the transport stream.",
        server_log="haproxy: backend has no server available!",
    ),
    match=concluded("server.closed_on_accept", closed_on_accept),
)

CLOSED_AFTER_HELLO: Final = CatalogueEntry(
    id="server.closed_after_hello",
    title="The connection was closed after the ClientHello, without a word",
    why=(
        "The hello went out and a FIN came back with no alert. Servers do this when they dislike "
        "the hello and were written without alerts, when the name, the version or the size is "
        "wrong for them, and when they are not TLS servers at all; proxies do it when nothing "
        "behind them answers."
    ),
    not_this={
        "server.reset_after_hello": "a RST came instead of a FIN",
        "server.closed_on_accept": "the close came before the hello was sent",
        "server.refused": "an alert said no",
        "server.stalled": "part of an answer came before the end",
        "interference.name_filter": "the end depends on the name, and the server is not who closes",
    },
    proof="FIN after the hello with no octet received. Which of the alternatives it is needs the "
    "hello to be sent again with one thing changed.",
    severity=Severity.HIGH,
    remedy=Remedy(
        id="read_server_log",
        text="Read the server's log at the time of the scan for the connection; other clients "
        "(`openssl s_client` with fewer versions and suites) tell what in the hello it dislikes.",
    ),
    references=("RFC 8446 section 6.1", "RFC 8446 section 6.2"),
    evidence=ENDING_EVIDENCE,
    seen_as=SeenAs(
        chrome="ERR_CONNECTION_CLOSED",
        firefox="PR_END_OF_FILE_ERROR",
        safari="Safari can't establish a secure connection to the server.",
        edge="ERR_CONNECTION_CLOSED",
        openssl="error:0A000126:SSL routines::unexpected eof while reading",
        go="EOF",
        java="javax.net.ssl.SSLHandshakeException: Remote host terminated the handshake",
        dotnet="Received an unexpected EOF or 0 bytes from the transport stream.",
    ),
    match=concluded("server.closed_after_hello", _closed_after_hello),
)

RESET_AFTER_HELLO: Final = CatalogueEntry(
    id="server.reset_after_hello",
    title="The connection was reset after the ClientHello",
    why=(
        "The hello went out and a RST came back. A server resets when it closes a socket that it "
        "has not read to the end, as Schannel and some load balancers do on a hello they cannot "
        "serve; a filter on the path resets what it does not let through. One probe cannot tell "
        "them apart."
    ),
    not_this={
        "server.closed_after_hello": "a FIN came instead of a RST",
        "connect.refused": "the RST answered the SYN; no connection stood",
        "interference.name_filter": "the RST depends on the name and comes from the path",
        "interference.hello_filter": "the RST comes from the path, whatever the name",
    },
    proof="RST after the hello with no octet received.",
    severity=Severity.HIGH,
    remedy=Remedy(
        id="read_server_log",
        text="Read the server's log for the connection: if the server never saw the hello, look "
        "for a filter on the path; if it did, its log names the reason.",
    ),
    references=("RFC 9293 section 3.5.2", "RFC 8446 section 6.2"),
    evidence=ENDING_EVIDENCE,
    seen_as=SeenAs(
        chrome="ERR_CONNECTION_RESET",
        firefox="PR_CONNECT_RESET_ERROR",
        safari="Safari can't establish a secure connection to the server.",
        edge="ERR_CONNECTION_RESET",
        openssl="read:errno=104",
        go="read: connection reset by peer",
        java="java.net.SocketException: Connection reset",
        dotnet="Connection reset by peer; on Windows: An existing connection was forcibly closed "
        "by the remote host",
    ),
    match=concluded("server.reset_after_hello", _reset_after_hello),
)

SILENT_AFTER_HELLO: Final = CatalogueEntry(
    id="server.silent_after_hello",
    title="The server accepts the connection and never answers the ClientHello",
    why=(
        "The connection stands and no octet came until the deadline. The process behind the "
        "listener hangs, a proxy waits for a member that is gone, a filter drops the packet with "
        "the hello, or the server waits for words of another protocol."
    ),
    not_this={
        "connect.timeout": "no connection came about",
        "server.stalled": "an answer began and stopped",
        "interference.hello_filter": "the hello is dropped on the path and never arrives",
        "protocol.starttls_needed": "the server waits for a plain dialogue first",
    },
    proof="The deadline from hello to first octet passed with nothing received.",
    severity=Severity.HIGH,
    remedy=Remedy(
        id="check_process",
        text="Check on the host that the process answers (a local connection), and on the path "
        "that packets with a hello arrive.",
    ),
    references=("RFC 8446 section 4.1.2",),
    evidence=ENDING_EVIDENCE,
    seen_as=SeenAs(
        chrome="ERR_TIMED_OUT",
        firefox="The connection has timed out (netTimeout)",
        edge="ERR_TIMED_OUT",
        openssl="none: s_client waits",
        go="net/http: TLS handshake timeout",
        java="java.net.SocketTimeoutException: Read timed out",
        dotnet="The request was canceled due to the configured HttpClient.Timeout",
    ),
    match=concluded("server.silent_after_hello", _silent_after_hello),
)

STALLED: Final = CatalogueEntry(
    id="server.stalled",
    title="The server stopped before it had finished its answer",
    why=(
        "Octets of an answer came, then nothing until the deadline, or only drops of it, or the "
        "connection ended in the middle of the flight. Where the server has to speak first "
        "(STARTTLS) its greeting did not come, or not to its end. Overload, a process killed on "
        "the way, a path that loses large packets (a broken path MTU shows just so: the small ones "
        "pass, the certificate does not), or a tarpit."
    ),
    not_this={
        "server.silent_after_hello": "a hello was sent and not one octet came",
        "server.closed_after_hello": "the end came before any answer",
        "server.protocol_violation": "what came was whole and wrong",
        "client_auth.required": "the end came after our empty Certificate, on a server that had "
        "asked for one",
        "protocol.other": "a greeting that never comes may mean that the port speaks TLS from the "
        "first octet, and waits for a hello",
    },
    proof="The stage, the octets received and the time that passed.",
    severity=Severity.HIGH,
    remedy=Remedy(
        id="check_path_and_load",
        text="Check the load of the server and the path MTU (a ping of 1,472 octets with "
        "fragmentation forbidden), then scan again.",
    ),
    references=("RFC 8446 section 2", "RFC 8446 section 6.1", "RFC 2923 section 2.1"),
    evidence=ENDING_EVIDENCE
    | {
        "starttls": "the dialogue before TLS, where there was one",
        "history": "messages as letters, ours in upper case",
    },
    seen_as=SeenAs(
        chrome="ERR_TIMED_OUT, ERR_CONNECTION_CLOSED",
        firefox="PR_END_OF_FILE_ERROR",
        edge="ERR_TIMED_OUT, ERR_CONNECTION_CLOSED",
        openssl="error:0A000126:SSL routines::unexpected eof while reading",
        go="net/http: TLS handshake timeout, unexpected EOF",
        java="java.net.SocketTimeoutException: Read timed out",
        dotnet="Received an unexpected EOF or 0 bytes from the transport stream.",
    ),
    match=concluded("server.stalled", stalled),
    hidden_by=(
        "client_auth.required",
        "protocol.plaintext_http",
        "protocol.other",
        "protocol.starttls_needed",
    ),
)

ENTRIES: Final = (
    CLOSED_ON_ACCEPT,
    CLOSED_AFTER_HELLO,
    RESET_AFTER_HELLO,
    SILENT_AFTER_HELLO,
    STALLED,
)
