"""Revocation answers on disk, so that the next run need not ask again.

Nothing here is believed: an entry is the octets as they came, and whoever takes one out verifies
it anew. A directory that cannot be used costs the saving and one warning, never a scan.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from fleetscan import limits

_SUFFIXES: Final = (".ocsp", ".crl")
_UNFINISHED: Final = ".unfinished"
_LEFT_OVER_S: Final = 86_400
"""After a day a file that was never finished is nobody's: no fetch takes as long."""


def default_directory(environ: Mapping[str, str], state: str = "") -> Path | None:
    """Where answers are kept: beside the rest of `--state`, else in the user's cache.

    Args:
        environ: XDG_CACHE_HOME counts where it is absolute, as its specification wants; else
            HOME.
        state: the directory of `--state`, `""` for none.

    Returns:
        None where the environment names no place.
    """
    if state:
        return Path(state) / "revocation"
    cache, home = environ.get("XDG_CACHE_HOME", ""), environ.get("HOME", "")
    if cache.startswith("/"):
        return Path(cache) / "fleetscan" / "revocation"
    return Path(home) / ".cache" / "fleetscan" / "revocation" if home.startswith("/") else None


class AnswerCache:
    """Files in one directory, the longest unused given up first. Blocks, and is safe in threads.

    Several runs may use the directory at once. Each counts for itself, so that together they
    may exceed the bounds by what the others added, until the next run opens it.

    Args:
        directory: made when it is missing; None keeps nothing.
        warn: told once when it cannot be used.
        max_count: entries kept.
        max_octets: octets kept.
    """

    def __init__(
        self,
        directory: Path | None,
        *,
        warn: Callable[[str], None],
        max_count: int = limits.MAX_KEPT_ANSWERS,
        max_octets: int = limits.MAX_KEPT_ANSWER_OCTETS,
    ) -> None:
        self._directory = directory
        self._warn = warn
        self._max_count = max_count
        self._max_octets = max_octets
        self._sizes: OrderedDict[str, int] = OrderedDict()
        self._octets = 0
        self._lock = threading.RLock()

    @property
    def usable(self) -> bool:
        """Whether anything can be kept."""
        return self._directory is not None

    def open(self, now: float) -> None:
        """Look at what is there; call before the rest. `now` is Unix seconds."""
        if self._directory is None:
            return
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = sorted(self._scan(now))
        except OSError as failed:
            self._give_up(failed)
            return
        with self._lock:
            for _, name, size in found:
                self._sizes[name] = size
                self._octets += size
            self._shrink()

    def _scan(self, now: float) -> Iterator[tuple[float, str, int]]:
        assert self._directory is not None
        with os.scandir(self._directory) as entries:
            for entry in entries:
                if not entry.is_file(follow_symlinks=False):
                    continue
                status = entry.stat(follow_symlinks=False)
                if entry.name.endswith(_SUFFIXES):
                    yield status.st_mtime, entry.name, status.st_size
                elif entry.name.endswith(_UNFINISHED) and status.st_mtime < now - _LEFT_OVER_S:
                    os.unlink(entry.path)

    def read(self, name: str, max_octets: int) -> bytes | None:
        """The octets of an entry; None where there is none of at most so many."""
        path = self.path_of(name)
        if path is None:
            return None
        try:
            with path.open("rb") as file:
                octets = file.read(max_octets + 1)
        except OSError:
            return None
        return octets if len(octets) <= max_octets else None

    def path_of(self, name: str) -> Path | None:
        """The file of an entry, which counts as used; None where there is none."""
        with self._lock:
            if self._directory is None or name not in self._sizes:
                return None
            path = self._directory / name
            self._sizes.move_to_end(name)
        # The order in which the next run gives up; a directory that is only read keeps its own.
        with suppress(OSError):
            os.utime(path)
        return path

    def write(self, name: str, octets: bytes) -> None:
        """Keep an entry in place of an older one, whole or not at all."""
        unfinished = self.unfinished()
        if unfinished is None:
            return
        try:
            unfinished.write_bytes(octets)
        except OSError as failed:
            self.drop_unfinished(unfinished)
            self._give_up(failed)
            return
        self.adopt(name, unfinished)

    def unfinished(self) -> Path | None:
        """A new empty file for what is to become an entry; None where nothing is kept."""
        if self._directory is None:
            return None
        try:
            number, path = tempfile.mkstemp(suffix=_UNFINISHED, dir=self._directory)
            os.close(number)
        except OSError as failed:
            self._give_up(failed)
            return None
        return Path(path)

    def drop_unfinished(self, path: Path) -> None:
        """Remove one that comes to nothing."""
        with suppress(OSError):
            path.unlink()

    def adopt(self, name: str, unfinished: Path) -> Path | None:
        """Make a finished file the entry of this name; None where it cannot be kept."""
        with self._lock:
            if self._directory is None:
                self.drop_unfinished(unfinished)
                return None
            target = self._directory / name
            try:
                size = unfinished.stat().st_size
                if size > self._max_octets:
                    self.drop_unfinished(unfinished)
                    return None
                unfinished.replace(target)
            except OSError as failed:
                self.drop_unfinished(unfinished)
                self._give_up(failed)
                return None
            self._forget(name)
            self._sizes[name] = size
            self._octets += size
            self._shrink()
            return target

    def drop(self, name: str) -> None:
        """Remove an entry that turned out to be worth nothing."""
        with self._lock:
            if self._directory is not None and name in self._sizes:
                self._forget(name)
                with suppress(OSError):
                    (self._directory / name).unlink()

    def _forget(self, name: str) -> None:
        self._octets -= self._sizes.pop(name, 0)

    def _shrink(self) -> None:
        # Ends: each round takes one entry out, and the last one in fits alone.
        while len(self._sizes) > self._max_count or self._octets > self._max_octets:
            self.drop(next(iter(self._sizes)))

    def _give_up(self, failed: OSError) -> None:
        directory, self._directory = self._directory, None
        if directory is not None:
            reason = failed.strerror or "input/output error"
            self._warn(f"revocation answers are not kept in {directory}: {reason}")
