"""CA certificates kept from run to run, in a directory that the user names.

The file is PEM with a line of our own before each certificate (RFC 7468 section 5.2 allows
such text), so that every tool can read it. Nothing in it is trusted or believed: every
certificate is parsed anew, and none becomes an anchor.
"""

from __future__ import annotations

import fcntl
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fleetscan import limits
from fleetscan._parse import parse_certificate
from fleetscan.errors import OutputError, ParseError, UsageError
from fleetscan.pem import PemBlock, certificate_block, decoded, pem_blocks
from fleetscan.pki.authorities import is_authority
from fleetscan.text import printable

if TYPE_CHECKING:
    from fleetscan._parse import Certificate

AUTHORITIES: Final = "authorities.pem"
LOCK: Final = "lock"
HEADER: Final = b"fleetscan CA certificates, format "
VERSION: Final = b"1"

LOCK_WAIT_S: Final = 5.0
"""How long another run may take to save; it takes a part of a second."""

_LOCK_PAUSE_S: Final = 0.05
_DIRECTORY_MODE: Final = 0o700
_FILE_MODE: Final = 0o600
_LAST_MOMENT: Final = 253_402_300_799

_LAST_SEEN: Final = re.compile(rb"^last seen ([0-9]{1,12})\n\Z", re.MULTILINE)
"""The line before a certificate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAuthority:
    """A CA certificate and when the last run that saw it ended, Unix seconds."""

    certificate: Certificate
    last_seen: int


class State:
    """The directory of `--state`. Two runs may have it at once: what both saw is kept.

    Args:
        directory: made if it is missing, for the user alone.
        warn: told what of the file cannot be used.

    Raises:
        UsageError: it cannot be made, read or written, or holds a file that is not ours.
    """

    def __init__(self, directory: str, *, warn: Callable[[str], None]) -> None:
        self._directory = Path(directory)
        self._place = f"state directory {printable(directory)}"
        self._warn = warn
        try:
            self._directory.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
            # Whether it can be written is known before the scan, not after a night of it.
            with self._locked():
                self._kept = self._read(warn)
                self._probe()
        except OSError as failed:
            raise UsageError(f"{self._place}: {_reason(failed)}") from None
        except ValueError:  # a NUL in it
            raise UsageError(f"{self._place}: not a file name") from None

    @property
    def certificates(self) -> tuple[Certificate, ...]:
        """What earlier runs left."""
        return tuple(one.certificate for one in self._kept.values())

    def save(self, seen: Iterable[Certificate], *, now: float) -> None:
        """Keep what this run has seen beside what is there by now.

        Args:
            seen: CA certificates.
            now: Unix seconds, UTC.

        Raises:
            OutputError: one line. What the file had stays as it was.
        """
        moment = int(now)
        fresh = {
            one.sha256: KeptAuthority(certificate=one, last_seen=moment)
            for one in seen
            if is_authority(one)
        }
        try:
            with self._locked():
                kept = _merged(self._read(None), fresh)
                self._replace(_encoded(kept))
        except (OSError, UsageError) as failed:
            raise OutputError(
                f"{self._place}: what this run has seen is not kept: {_reason(failed)}"
            ) from None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Nobody else reads or writes meanwhile. The lock goes with the process."""
        descriptor = os.open(
            self._directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _FILE_MODE
        )
        try:
            _lock(descriptor)
            yield
        finally:
            os.close(descriptor)

    def _probe(self) -> None:
        path = self._directory / f"{AUTHORITIES}.new"
        with path.open("wb"):
            pass
        path.unlink()

    def _read(self, warn: Callable[[str], None] | None) -> dict[str, KeptAuthority]:
        path = self._directory / AUTHORITIES
        try:
            with path.open("rb") as file:
                octets = file.read(limits.MAX_STATE_OCTETS + 1)
        except FileNotFoundError:
            return {}
        header, _, body = octets.partition(b"\n")
        if not header.startswith(HEADER) or len(octets) > limits.MAX_STATE_OCTETS:
            raise UsageError(
                f"{self._place}: {AUTHORITIES} is not a file of fleetscan's: move it away"
            )
        if header != HEADER + VERSION:
            raise UsageError(
                f"{self._place}: {AUTHORITIES} has a format that this version does not know: "
                "move it away or name another directory"
            )
        kept, bad = _decoded(body)
        if bad and warn is not None:
            plural = "s" if bad > 1 else ""
            warn(f"{self._place}: {bad:,} damaged certificate{plural} in {AUTHORITIES} left out")
        return kept

    def _replace(self, octets: bytes) -> None:
        """All of it or nothing, whenever the machine stops."""
        path = self._directory / f"{AUTHORITIES}.new"
        try:
            with path.open("wb") as file:
                os.fchmod(file.fileno(), _FILE_MODE)
                file.write(octets)
                file.flush()
                os.fsync(file.fileno())
            path.replace(self._directory / AUTHORITIES)
        except OSError:
            with suppress(OSError):
                path.unlink(missing_ok=True)
            raise


def _lock(descriptor: int) -> None:
    give_up = time.monotonic() + LOCK_WAIT_S
    # Ends: at the latest when LOCK_WAIT_S are over.
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= give_up:
                raise
            time.sleep(_LOCK_PAUSE_S)
        else:
            return


def _reason(failed: Exception) -> str:
    if isinstance(failed, BlockingIOError):
        return f"another run has held it for {LOCK_WAIT_S:.0f} s"
    if isinstance(failed, FileExistsError):
        return "not a directory"
    if isinstance(failed, OSError):
        return failed.strerror or type(failed).__name__
    return str(failed)


def _merged(
    there: dict[str, KeptAuthority], fresh: dict[str, KeptAuthority]
) -> list[KeptAuthority]:
    """Both, each as of when it was seen last; past the bound those longest unseen go."""
    merged = dict(there)
    for sha256, one in fresh.items():
        known = merged.get(sha256)
        if known is None or known.last_seen < one.last_seen:
            merged[sha256] = one
    latest = sorted(merged.items(), key=lambda each: (-each[1].last_seen, each[0]))
    return [one for _, one in latest[: limits.MAX_STATE_AUTHORITIES]]


def _encoded(kept: Iterable[KeptAuthority]) -> bytes:
    parts = [HEADER + VERSION + b"\n"]
    for one in kept:
        parts.append(b"last seen %d\n" % one.last_seen)
        parts.append(certificate_block(one.certificate.der))
    return b"".join(parts)


def _decoded(body: bytes) -> tuple[dict[str, KeptAuthority], int]:
    """What can be read, and how many entries cannot."""
    kept: dict[str, KeptAuthority] = {}
    entries = behind = 0
    # Ends: the file has MAX_STATE_OCTETS at most.
    for block in pem_blocks(body):
        entries += 1
        seen = _LAST_SEEN.search(body, behind, block.start)
        behind = block.end
        one = None if seen is None else _kept_authority(int(seen[1]), block)
        if one is not None:
            kept[one.certificate.sha256] = one
    return kept, entries - len(kept)


def _kept_authority(last_seen: int, block: PemBlock) -> KeptAuthority | None:
    der = decoded(block.text) if block.is_closed else None
    if der is None or last_seen > _LAST_MOMENT:
        return None
    try:
        certificate = parse_certificate(der)
    except ParseError:
        return None
    if not is_authority(certificate):
        return None
    return KeptAuthority(certificate=certificate, last_seen=last_seen)
