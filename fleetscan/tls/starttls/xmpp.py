"""XMPP: stream, features, starttls (RFC 6120 section 5).

The peer's XML is not parsed: it is cut at each `>`, and of a tag only the name and the
namespace of TLS are looked at. Nothing that a peer writes is expanded, nested or resolved.
"""

from __future__ import annotations

import re
from html import escape
from typing import ClassVar, Final

from fleetscan.tls.starttls.dialogue import Dialogue, OtherProtocolError
from fleetscan.vocabulary import Checked

NAMESPACE: Final = b"urn:ietf:params:xml:ns:xmpp-tls"

STARTTLS: Final = b"<starttls xmlns='" + NAMESPACE + b"'/>"

TAG: Final = re.compile(rb"<(/?)(?:[A-Za-z_][\w.-]{0,63}:)?([A-Za-z_][\w.-]{0,63})(?![\w.:-])")
"""Whether a tag closes, and its name without the prefix."""

WHITE: Final = b" \t\r\n"


class _Xmpp(Dialogue):
    __slots__ = ("_at", "_depth", "_server_name")

    content_namespace: ClassVar[str]

    def __init__(self, server_name: str = "") -> None:
        super().__init__(server_name)
        self._server_name = server_name
        # Where in the dialogue it is: one of the words below.
        self._at = "stream"
        # Of the tag inside the features; bounded as the tags are.
        self._depth = 0

    def start(self) -> bytes:
        """The head of our half of the stream; `to` is left out when nobody gave a name."""
        to = f" to='{escape(self._server_name)}'" if self._server_name else ""
        head = (
            "<?xml version='1.0'?>"
            f"<stream:stream{to} version='1.0' xmlns='{self.content_namespace}'"
            " xmlns:stream='http://etherx.jabber.org/streams'>"
        )
        return head.encode("utf-8", "xmlcharrefreplace")

    def _take(self) -> bytes | None:
        if self._at == "stream" and self._buffer.lstrip(WHITE)[:1] not in (b"", b"<"):
            raise OtherProtocolError
        before, bracket, rest = self._buffer.partition(b">")
        if not bracket:
            return None
        self._buffer = rest
        return before + bracket

    def _answer(self, message: bytes) -> bytes:
        start = message.find(b"<")
        tag = message[start:] if start >= 0 else b""
        found = TAG.match(tag)
        closes, name = (bool(found[1]), found[2]) if found else (False, b"")
        match self._at:
            case "stream":
                return self._receive_stream(tag, name, closes)
            case "features":
                return self._receive_features(tag, name, closes)
            case "error":
                return self._refuse(b"stream error: " + (name or tag))
        return self._receive_answer(tag, name)

    def _receive_stream(self, tag: bytes, name: bytes, closes: bool) -> bytes:
        if tag.startswith(b"<?xml") and not name:
            return b""
        if name != b"stream" or closes:
            raise OtherProtocolError
        self._at = "features"
        # RFC 6120 section 4.7.5: without a version there are no features, and no TLS. What may
        # still follow is an error.
        self.is_unsettled = b"version" not in tag
        return b""

    def settle(self) -> None:
        """A stream from before features existed: nothing follows its head."""
        self._lack_tls()

    def _receive_features(self, tag: bytes, name: bytes, closes: bool) -> bytes:
        self.is_unsettled = False
        if name == b"error" and not closes:
            self._at = "error"
            return b""
        if name == b"stream" and closes:
            return self._refuse(tag)
        if name == b"features" and (closes or tag.endswith(b"/>")):
            if self.offered is not Checked.YES:
                return self._lack_tls()
            self._at = "answer"
            return STARTTLS
        if name == b"starttls" and NAMESPACE in tag:
            self.offered = Checked.YES
        elif name and not closes and name != b"features" and self._depth == 0:
            self._note_offer(name)
        if name and name != b"features" and not tag.endswith(b"/>"):
            self._depth += -1 if closes else 1
        return b""

    def _receive_answer(self, tag: bytes, name: bytes) -> bytes:
        if name == b"proceed":
            return self._agree()
        if name == b"error":
            self._at = "error"
            return b""
        return self._refuse(tag)


class XmppClient(_Xmpp):
    """As a client asks a server."""

    __slots__ = ()

    content_namespace: ClassVar[str] = "jabber:client"


class XmppServer(_Xmpp):
    """As a server asks a server."""

    __slots__ = ()

    content_namespace: ClassVar[str] = "jabber:server"
