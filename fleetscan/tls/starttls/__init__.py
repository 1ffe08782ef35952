"""The plain dialogues that lead to TLS: one small machine a protocol, none with I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fleetscan.tls.starttls.irc import Irc
from fleetscan.tls.starttls.ldap import Ldap
from fleetscan.tls.starttls.mail import Imap, Pop3, Sieve
from fleetscan.tls.starttls.mssql import Mssql
from fleetscan.tls.starttls.mysql import Mysql
from fleetscan.tls.starttls.postgresql import Postgresql
from fleetscan.tls.starttls.rdp import Rdp
from fleetscan.tls.starttls.replies import Ftp, Lmtp, Nntp, Smtp
from fleetscan.tls.starttls.xmpp import XmppClient, XmppServer
from fleetscan.vocabulary import STARTTLS_KINDS

if TYPE_CHECKING:
    from fleetscan.tls.starttls.dialogue import Dialogue

__all__ = ["DIALOGUES", "STARTTLS_KINDS", "begin"]

DIALOGUES: Final[dict[str, type[Dialogue]]] = {
    "smtp": Smtp,
    "lmtp": Lmtp,
    "imap": Imap,
    "pop3": Pop3,
    "ftp": Ftp,
    "nntp": Nntp,
    "sieve": Sieve,
    "xmpp-client": XmppClient,
    "xmpp-server": XmppServer,
    "ldap": Ldap,
    "postgresql": Postgresql,
    "mysql": Mysql,
    "mssql": Mssql,
    "rdp": Rdp,
    "irc": Irc,
}
"""One for each of `STARTTLS_KINDS`."""


def begin(kind: str, server_name: str) -> Dialogue:
    """A new dialogue.

    Args:
        kind: one of `STARTTLS_KINDS`.
        server_name: whom to ask for, where the protocol has words for that; may be empty.
    """
    return DIALOGUES[kind](server_name)
