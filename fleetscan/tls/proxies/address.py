"""A proxy as the user names it: a URL, and credentials that are never shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote_to_bytes, urlsplit

from fleetscan import limits
from fleetscan.errors import UsageError
from fleetscan.inventory.names import canonical_name
from fleetscan.inventory.ranges import parse_address

HTTP: Final = "http"
SOCKS5: Final = "socks5"

DEFAULT_PORTS: Final = {HTTP: 80, SOCKS5: 1080}
"""RFC 9110 section 4.2.1; RFC 1928 section 3."""

_REFUSED_SCHEMES: Final = {
    "https": "TLS to the proxy itself is not supported; name its plain port with http://",
    "socks": "write socks5:// (SOCKS4 is not supported)",
    "socks4": "SOCKS4 is not supported; most such proxies speak socks5:// too",
    "socks4a": "SOCKS4 is not supported; most such proxies speak socks5:// too",
    "socks5h": "write socks5://, and --proxy-names to have the proxy resolve names",
}

_FORMS: Final = "http://host:port or socks5://host:port"
_ENCODED: Final = "in a password / ? # [ ] are written as %2F %3F %23 %5B %5D"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A user name and a password, as UTF-8 (RFC 7617 section 2.1)."""

    user: bytes = field(repr=False)
    password: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """Where a proxy is and what it speaks.

    Args:
        kind: `http` or `socks5`.
        host: an IP address as text, or a name in A-labels.
        port: TCP port.
        credentials: what it is told about us; None for nothing.
    """

    kind: str
    host: str
    port: int
    credentials: Credentials | None = None

    @property
    def shown(self) -> str:
        """Its URL without credentials: what results, logs and errors may say."""
        return f"{self.kind}://{bracketed(self.host)}:{self.port}"


def bracketed(host: str) -> str:
    """A host as it stands before a port (RFC 3986 section 3.2.2)."""
    return f"[{host}]" if ":" in host else host


def parse_proxy(url: str, given: tuple[str, str] | None = None) -> Proxy:
    """Read the URL of a proxy.

    Args:
        url: `http://` or `socks5://`, host, and port; credentials before an `@`, with
            percent-encoding where they have reserved characters (RFC 3986 section 2.1).
        given: user name and password that do not stand in the URL.

    Raises:
        UsageError: it is none, or the credentials cannot be carried. The text never
            repeats the URL, which may hold a password.
    """
    scheme, separator, rest = url.partition("://")
    scheme = scheme.lower()
    if not separator or not (url.isprintable() and rest):
        raise UsageError(f"not the URL of a proxy: write {_FORMS}")
    if scheme in _REFUSED_SCHEMES:
        raise UsageError(f"{scheme}:// is no proxy for this: {_REFUSED_SCHEMES[scheme]}")
    if scheme not in DEFAULT_PORTS:
        raise UsageError(f"not the URL of a proxy: write {_FORMS}")
    userinfo, host, port = _parts(url)
    if userinfo is not None and given is not None:
        raise UsageError("the proxy's credentials are given twice: in its URL and beside it")
    credentials = _from_url(userinfo) if userinfo is not None else _from_pair(given)
    if credentials is not None:
        _check_credentials(credentials, scheme)
    return Proxy(
        kind=scheme,
        host=_host(host),
        port=DEFAULT_PORTS[scheme] if port is None else port,
        credentials=credentials,
    )


def _parts(url: str) -> tuple[str | None, str, int | None]:
    """User information, host and port."""
    try:
        split = urlsplit(url)
        host, port = split.hostname or "", split.port
    except ValueError:
        raise UsageError(
            f"the proxy's host or port cannot be read: write {_FORMS}; {_ENCODED}"
        ) from None
    if split.path not in ("", "/") or split.query or split.fragment:
        raise UsageError(f"a proxy's URL has nothing behind the port; {_ENCODED}")
    if not host or port == 0:
        raise UsageError(f"the proxy's host or port is missing: write {_FORMS}")
    userinfo, separator, _ = split.netloc.rpartition("@")
    return (userinfo if separator else None), host, port


def _host(text: str) -> str:
    address = parse_address(text)
    if address is not None:
        return str(address)
    if ":" in text:
        raise UsageError("the proxy's host is no IPv6 address in plain form")
    try:
        return canonical_name(text)
    except ValueError as refused:
        raise UsageError(f"the proxy's host: {refused}") from None


def _from_url(userinfo: str) -> Credentials:
    user, _, password = userinfo.partition(":")
    return Credentials(user=unquote_to_bytes(user), password=unquote_to_bytes(password))


def _from_pair(given: tuple[str, str] | None) -> Credentials | None:
    if given is None:
        return None
    user, password = given
    return Credentials(
        user=user.encode("utf-8", "surrogateescape"),
        password=password.encode("utf-8", "surrogateescape"),
    )


def _check_credentials(credentials: Credentials, kind: str) -> None:
    for part in (credentials.user, credentials.password):
        # RFC 7617 section 2 forbids control characters; nobody's SOCKS password has one.
        if any(octet < 0x20 or octet == 0x7F for octet in part):
            raise UsageError("the proxy's user name or password has a control character")
        if len(part) > limits.MAX_PROXY_CREDENTIAL:
            raise UsageError(
                "the proxy's user name and password have "
                f"{limits.MAX_PROXY_CREDENTIAL} octets each at most"
            )
    if not credentials.user:
        raise UsageError("the proxy's user name is missing")
    if kind == HTTP and b":" in credentials.user:
        raise UsageError("a user name for an http:// proxy has no colon (RFC 7617 section 2)")
    if kind == SOCKS5 and not credentials.password:
        raise UsageError("a socks5:// proxy wants a password of one octet at least (RFC 1929)")
