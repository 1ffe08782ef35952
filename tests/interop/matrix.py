"""The whole matrix: every row, by the server that it needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tests.interop import language_rows, library_rows, openssl_rows, starttls_rows, web_rows
from tests.interop.model import Row, Server

ROWS: Final[Sequence[Row]] = tuple(
    row
    for module in (openssl_rows, web_rows, starttls_rows, library_rows, language_rows)
    for row in module.rows()
)


def by_server(rows: Sequence[Row] = ROWS) -> Sequence[tuple[Server, Sequence[Row]]]:
    """Each server with its rows, in the matrix's order. A server is known by its name."""
    grouped: dict[str, list[Row]] = {}
    for row in rows:
        grouped.setdefault(row.server.name, []).append(row)
    return [(rows[0].server, rows) for rows in grouped.values()]
