"""Revocation asked for: responders and lists that certificates name, off the way of the scan.

What comes is checked by `pki.ocsp` and the check of lists, whether it was fetched or kept from
an earlier run. Whatever goes wrong on the way is an answer with a reason, never good.
"""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from fleetscan import limits
from fleetscan.fleet.answer_cache import AnswerCache
from fleetscan.pki.crl import check_crl
from fleetscan.pki.fetched import Fetched, FetchFailure, FetchReason
from fleetscan.pki.ocsp import build_request, check_response, request_to
from fleetscan.pki.revocation import Reason, RevocationAnswer, RevocationStatus, Source
from fleetscan.text import printable

if TYPE_CHECKING:
    from fleetscan._parse import Certificate
    from fleetscan.pki.fetch import Fetcher
    from fleetscan.pki.fetched import FetchOutcome
    from fleetscan.pki.signatures import SignatureCache

SOURCES: Final[dict[str, tuple[Source, ...]]] = {
    "ocsp": ("ocsp",),
    "crl": ("crl",),
    "all": ("ocsp", "crl"),
}
"""What `--revocation` asks. `all` asks both, since each may know what the other does not yet."""

_OCSP_REQUEST: Final = "application/ocsp-request"
_OCSP_RESPONSE: Final = "application/ocsp-response"
_CRL: Final = "application/pkix-crl, */*"
"""Media types of RFC 6960 appendix A and RFC 5280 section 4.2.1.13."""

_REASONS: Final = {
    FetchReason.URL: Reason.REFUSED,
    FetchReason.SCHEME: Reason.REFUSED,
    FetchReason.ADDRESS_REFUSED: Reason.REFUSED,
    FetchReason.EXCLUDED: Reason.REFUSED,
    FetchReason.PORT: Reason.REFUSED,
    FetchReason.REDIRECT_REFUSED: Reason.REFUSED,
    FetchReason.NAME_NOT_FOUND: Reason.UNREACHABLE,
    FetchReason.REFUSED: Reason.UNREACHABLE,
    FetchReason.UNREACHABLE: Reason.UNREACHABLE,
    FetchReason.RESET: Reason.UNREACHABLE,
    FetchReason.TIMEOUT: Reason.TIMEOUT,
    FetchReason.ORIGIN_GIVEN_UP: Reason.TIMEOUT,
    FetchReason.STATUS: Reason.HTTP_STATUS,
    FetchReason.BAD_ANSWER: Reason.MALFORMED,
    FetchReason.TOO_LARGE: Reason.TOO_LARGE,
    FetchReason.BUDGET: Reason.BUDGET,
    FetchReason.CLOSED: Reason.BUDGET,
    FetchReason.LOCAL: Reason.LOCAL,
}

_COUNTS: Final = frozenset({RevocationStatus.GOOD, RevocationStatus.REVOKED})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sought:
    """One who waits for what a list says."""

    leaf: Certificate
    issuer: Certificate
    answer: asyncio.Future[RevocationAnswer]


class RevocationEnquiry:
    """Asks about leaves for one run. Made and closed inside a running loop (`async with`).

    The same certificate is asked about once at a time, whoever asks; a list is read once for
    all who wait for it. How many connections there are at once, and that each URL is fetched
    once per run, is the fetcher's.

    Args:
        mode: `ocsp`, `crl` or `all`.
        fetcher: of the run.
        directory: where answers are kept between runs; None for a place of this run alone.
        clock: Unix seconds, UTC: what the clock says when an answer is there.
        warn: told once when answers cannot be kept.
        signatures: checked signatures and loaded keys of the run.
    """

    def __init__(
        self,
        *,
        mode: str,
        fetcher: Fetcher,
        directory: Path | None,
        clock: Callable[[], float],
        warn: Callable[[str], None],
        signatures: SignatureCache | None = None,
    ) -> None:
        self._sources = SOURCES[mode]
        self._fetcher = fetcher
        self._clock = clock
        self._warn = warn
        self._signatures = signatures
        self._cache = AnswerCache(directory, warn=warn)
        self._own_place: tempfile.TemporaryDirectory[str] | None = None
        self._asking: dict[str, asyncio.Task[RevocationAnswer]] = {}
        self._waiting: dict[str, list[_Sought]] = {}
        self._reading: dict[str, asyncio.Task[None]] = {}
        self._closed = False

    async def __aenter__(self) -> Self:
        """Itself, with its directory looked through."""
        await asyncio.to_thread(self._open)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Drop what is under way."""
        await self.aclose()

    async def ask(
        self, leaf: Certificate, issuer: Certificate | None
    ) -> tuple[RevocationAnswer, ...]:
        """What each source of the mode says of a leaf; one answer a source, in that order.

        Args:
            leaf: whose revocation is in question.
            issuer: who issued it, as `pki.ocsp.issuer_on` gives it.
        """
        if issuer is None:
            return self.unanswered(Reason.NO_ISSUER)
        ways: dict[Source, Callable[[Certificate, Certificate], Awaitable[RevocationAnswer]]] = {
            "ocsp": self._ocsp,
            "crl": self._crl,
        }
        return tuple(
            await asyncio.gather(*(ways[source](leaf, issuer) for source in self._sources))
        )

    def unanswered(self, reason: str) -> tuple[RevocationAnswer, ...]:
        """What stands in for the answers of one who cannot wait for them."""
        return tuple(_unanswered(source, reason) for source in self._sources)

    async def aclose(self) -> None:
        """Drop what is under way; whoever waits for it is told so. Safe to call again."""
        self._closed = True
        tasks = (*self._asking.values(), *self._reading.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        # A task that was cancelled before its first step has told nobody.
        for sought in self._waiting.values():
            for one in sought:
                _tell(one, _unanswered("crl", Reason.BUDGET))
        self._waiting.clear()
        place, self._own_place = self._own_place, None
        if place is not None:
            await asyncio.to_thread(place.cleanup)

    def _open(self) -> None:
        self._cache.open(self._clock())
        if self._cache.usable:
            return
        try:
            self._own_place = tempfile.TemporaryDirectory(prefix="fleetscan-")
        except OSError as failed:
            self._warn(f"no place for revocation lists: {failed.strerror}")
            return
        self._cache = AnswerCache(Path(self._own_place.name), warn=self._warn)
        self._cache.open(self._clock())

    # -- responders ----------------------------------------------------------------------

    async def _ocsp(self, leaf: Certificate, issuer: Certificate) -> RevocationAnswer:
        name = _name_of(leaf, issuer)
        task = self._asking.get(name)
        if task is None:
            if self._closed:
                return _unanswered("ocsp", Reason.BUDGET)
            # A task of its own: a caller that goes away takes no answer from the others.
            task = self._asking[name] = asyncio.create_task(self._ocsp_once(name, leaf, issuer))
            task.add_done_callback(lambda _: self._asking.pop(name, None))
        await asyncio.wait((task,))
        return _unanswered("ocsp", Reason.BUDGET) if task.cancelled() else task.result()

    async def _ocsp_once(
        self, name: str, leaf: Certificate, issuer: Certificate
    ) -> RevocationAnswer:
        kept = await asyncio.to_thread(self._cache.read, name, limits.MAX_OCSP_RESPONSE)
        if kept is not None:
            answer = self._checked(kept, leaf, issuer, "")
            if answer.status in _COUNTS:
                return answer
            await asyncio.to_thread(self._cache.drop, name)
        answer = _unanswered("ocsp", Reason.NO_URL)
        request = build_request(leaf, issuer)
        for url in leaf.ocsp_urls[: limits.MAX_REVOCATION_URLS]:
            outcome = await self._responder(url, request)
            if isinstance(outcome, FetchFailure):
                answer = _failed("ocsp", outcome, url)
                continue
            answer = self._checked(outcome.octets, leaf, issuer, url)
            if answer.status in _COUNTS:
                # Without nextUpdate there is newer information at any time: nothing to keep.
                if answer.next_update is not None:
                    await asyncio.to_thread(self._cache.write, name, outcome.octets)
                break
        return answer

    async def _responder(self, url: str, request: bytes) -> FetchOutcome:
        """Ask one, by GET where that is the rule; some do not know it and are asked again."""
        target, body = request_to(url, request)
        if body is None:
            outcome = await self._fetcher.fetch(
                target, max_octets=limits.MAX_OCSP_RESPONSE, accept=_OCSP_RESPONSE
            )
            if isinstance(outcome, Fetched) or outcome.reason is not FetchReason.STATUS:
                return outcome
        return await self._fetcher.fetch(
            url,
            max_octets=limits.MAX_OCSP_RESPONSE,
            accept=_OCSP_RESPONSE,
            body=request,
            content_type=_OCSP_REQUEST,
        )

    def _checked(
        self, octets: bytes, leaf: Certificate, issuer: Certificate, url: str
    ) -> RevocationAnswer:
        return check_response(
            octets,
            leaf=leaf,
            issuer=issuer,
            now=self._clock(),
            source="ocsp",
            url=_shown(url),
            cache=self._signatures,
        )

    # -- lists ---------------------------------------------------------------------------

    async def _crl(self, leaf: Certificate, issuer: Certificate) -> RevocationAnswer:
        answer = _unanswered("crl", Reason.NO_URL)
        for url in leaf.crl_urls[: limits.MAX_REVOCATION_URLS]:
            answer = await self._in_list(url, leaf, issuer)
            if answer.status in _COUNTS:
                break
        return answer

    async def _in_list(self, url: str, leaf: Certificate, issuer: Certificate) -> RevocationAnswer:
        if self._closed:
            return _unanswered("crl", Reason.BUDGET, url)
        future: asyncio.Future[RevocationAnswer] = asyncio.get_running_loop().create_future()
        sought = _Sought(leaf=leaf, issuer=issuer, answer=future)
        self._waiting.setdefault(url, []).append(sought)
        if url not in self._reading:
            task = self._reading[url] = asyncio.create_task(self._read_list(url))
            task.add_done_callback(lambda _: self._reading.pop(url, None))
        return await future

    async def _read_list(self, url: str) -> None:
        """Read a list for all who wait for it, and again for those who came meanwhile."""
        # Ends: each round answers whoever waits, and without anyone there is no round.
        while sought := self._waiting.pop(url, None):
            try:
                answers = await self._answers_in(url, sought)
            except asyncio.CancelledError:
                for one in (*sought, *self._waiting.pop(url, ())):
                    _tell(one, _unanswered("crl", Reason.BUDGET, url))
                raise
            except Exception as broken:  # noqa: BLE001  our own bug: each of their results says so
                for one in sought:
                    if not one.answer.done():
                        one.answer.set_exception(broken)
                continue
            for one, answer in zip(sought, answers, strict=True):
                _tell(one, answer)

    async def _answers_in(self, url: str, sought: Sequence[_Sought]) -> Sequence[RevocationAnswer]:
        """From the list kept on disk where it still counts, else from a fetched one."""
        name = hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest() + ".crl"
        path = await asyncio.to_thread(self._cache.path_of, name)
        if path is not None:
            answers = await self._read(path, url, sought)
            if all(answer.status in _COUNTS for answer in answers):
                return answers
        fetched = await self._fetched_list(url, name)
        if isinstance(fetched, FetchFailure):
            return [_failed("crl", fetched, url)] * len(sought)
        return await self._read(fetched, url, sought)

    async def _fetched_list(self, url: str, name: str) -> Path | FetchFailure:
        unfinished = await asyncio.to_thread(self._cache.unfinished)
        if unfinished is None:
            return FetchFailure(reason=FetchReason.LOCAL, detail="no place for a list")
        outcome = await self._fetcher.fetch_to(
            unfinished, url, max_octets=limits.MAX_CRL, accept=_CRL
        )
        if isinstance(outcome, FetchFailure):
            await asyncio.to_thread(self._cache.drop_unfinished, unfinished)
            return outcome
        if outcome.path == unfinished:
            path = await asyncio.to_thread(self._cache.adopt, name, unfinished)
        else:  # fetched before in this run: then it is what is kept
            await asyncio.to_thread(self._cache.drop_unfinished, unfinished)
            path = await asyncio.to_thread(self._cache.path_of, name)
        if path is None:
            return FetchFailure(reason=FetchReason.LOCAL, detail="the list could not be kept")
        return path

    async def _read(
        self, path: Path, url: str, sought: Sequence[_Sought]
    ) -> Sequence[RevocationAnswer]:
        return await asyncio.to_thread(_read_for, path, _shown(url), sought, self._clock())


def _read_for(
    path: Path, url: str, sought: Sequence[_Sought], now: float
) -> Sequence[RevocationAnswer]:
    """Read a list once for each issuer among those who wait: nearly always one."""
    found: dict[int, RevocationAnswer] = {}
    issuers = {one.issuer.sha256: one.issuer for one in sought}
    for digest, issuer in issuers.items():
        places = [at for at, one in enumerate(sought) if one.issuer.sha256 == digest]
        leaves = [sought[at].leaf for at in places]
        try:
            with path.open("rb") as file:
                answers = check_crl(file, certificates=leaves, issuer=issuer, now=now, url=url)
        except OSError as failed:
            detail = failed.strerror or "the list cannot be read"
            answers = (_unanswered("crl", Reason.LOCAL, url, detail),) * len(leaves)
        found.update(zip(places, answers, strict=True))
    return [found[at] for at in range(len(sought))]


def _name_of(leaf: Certificate, issuer: Certificate) -> str:
    """The file of the answer about one serial number of one issuer, by its key and name."""
    digest = hashlib.sha256()
    for part in (issuer.public_key, issuer.subject.der, leaf.serial_octets):
        digest.update(len(part).to_bytes(4, "big") + part)
    return digest.hexdigest() + ".ocsp"


def _tell(one: _Sought, answer: RevocationAnswer) -> None:
    if not one.answer.done():
        one.answer.set_result(answer)


def _failed(source: Source, failure: FetchFailure, url: str) -> RevocationAnswer:
    return _unanswered(source, _REASONS[failure.reason], url, str(failure))


def _unanswered(source: Source, reason: str, url: str = "", detail: str = "") -> RevocationAnswer:
    ours = reason in (Reason.NO_ISSUER, Reason.LOCAL)
    return RevocationAnswer(
        status=RevocationStatus.NOT_CHECKED if ours else RevocationStatus.UNKNOWN,
        source=source,
        reason=reason,
        detail=detail,
        url=_shown(url),
    )


def _shown(url: str) -> str:
    """A stranger's URL, safe to print."""
    return printable(url, limits.MAX_NAME_SHOWN)
