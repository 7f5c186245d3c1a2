"""Resolves messages in doubt by reading their chats: a found one is sent, an absent one is sent again.

    pick chats → read them → match → keep what they said → resolve, once reading back has proved itself

`chat_reader.py` reads, `domain/readback.py` matches, `doubts.py` holds the statements. The reasons are in
docs/decisions/0008-reading-back.md.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from random import sample
from time import monotonic

import structlog
from msgspec.structs import replace

from broadcaster.domain.content_kinds import ContentKind
from broadcaster.domain.readback import ChatReading, Page, Sight
from broadcaster.domain.whatsapp_numbers import number_class
from broadcaster.gateway import GatewayError, WAChatPro
from broadcaster.services.reconcile.chat_reader import ChatReader
from broadcaster.services.reconcile.doubt_rows import Accepted, Attempt, ReadAccount, ReadingRow
from broadcaster.services.reconcile.doubts import ROUND_SECONDS, DoubtStore
from broadcaster.services.reconcile.truth_check import check_truth
from broadcaster.settings import Settings

log = structlog.get_logger()

READ_REST = 10.0
"""Pause in seconds before an account is read again that answered no read, unless it asks for a longer one."""
RUN_SECONDS = 10.0
"""One run picks chats for this many seconds: until the next tick has started another run."""
LOOK_AGAIN_SECONDS = 0.5
"""A run that finds nothing due looks again after this many seconds."""
LOOKED_FOR = 10
"""This many accepted messages of a kind are looked for together."""
_MOST_ACCOUNTS = 100
_UNREADABLE = "unreadable"
_DECIDED: Mapping[str, str] = {
    Sight.ABSENT: "not in its chat, and others sent since were found in theirs: it was not sent",
    Sight.SILENT: "its chat does not show it, and others like it were found in chats: it was not sent",
}
"""What a reading says that has decided; until then, `_WORDS`."""
_WORDS = {
    Sight.FOUND: "found in its chat",
    Sight.ABSENT: "not in its chat, but too few sent since were found in theirs to be sure that it was not sent",
    Sight.SILENT: "its chat does not show it, but too few like it were found in chats to be sure that it was not sent",
}


class Reconciler:
    """One run over the due chats. Any number of runs may go on at once, here and elsewhere."""

    def __init__(
        self,
        store: DoubtStore,
        open_gateway: Callable[[ReadAccount], WAChatPro],
        settings: Settings,
        is_stopping: Callable[[], bool],
    ) -> None:
        """`open_gateway` makes the client of an account. Once `is_stopping` says so, no further chat is picked."""
        self._store = store
        self._open_gateway = open_gateway
        self._settings = settings
        self._is_stopping = is_stopping
        self._counts: dict[str, Counter[str]] = {}

    async def run(self) -> dict[str, dict[str, int]]:
        """Read back what is due. Returns counts per instance name: chats read, and messages by their new state."""
        ends = monotonic() + RUN_SECONDS
        rounds: set[asyncio.Task[None]] = {asyncio.create_task(self._check_truth())}
        while not self._is_stopping() and monotonic() < ends:
            picked = await self._store.pick_chats(_MOST_ACCOUNTS)
            rounds |= {asyncio.create_task(self._guarded(account)) for account in picked}
            _, rounds = await asyncio.wait(rounds, timeout=LOOK_AGAIN_SECONDS) if rounds else (None, rounds)
            if not picked and not rounds:
                await asyncio.sleep(LOOK_AGAIN_SECONDS)
        if rounds:
            await asyncio.wait(rounds)
        return {name: dict(counts) for name, counts in self._counts.items()}

    async def _check_truth(self) -> None:
        try:
            await check_truth(self._store, self._open_gateway, self._settings)
        except Exception as error:  # noqa: BLE001 - the next run checks again
            log.warning("cannot check what was accepted", error=type(error).__name__)

    async def _guarded(self, account: ReadAccount) -> None:
        try:
            counts = self._counts.setdefault(account.name, Counter())
            await _Round(self._store, self._open_gateway(account), account, self._settings, counts).run()
        except Exception as error:  # noqa: BLE001 - its doubts stay until the next poll; other accounts go on
            log.warning("cannot read back", instance=account.name, error=type(error).__name__)


class _Round:
    """The due chats of one account, read once."""

    def __init__(
        self,
        store: DoubtStore,
        gateway: WAChatPro,
        account: ReadAccount,
        settings: Settings,
        counts: Counter[str],
    ) -> None:
        self._store = store
        self._account = account
        self._reader = ChatReader(store, gateway, account.account_id, settings)
        self._counts = counts
        self._answered = 0

    async def run(self) -> None:
        """Read the chats, store what they show, and resolve the doubts that can be."""
        pages = dict(zip(self._account.phones, await self._read_all(self._account.phones), strict=True))
        rows = await self._rows(pages)
        ripe = await self._store.note_readings(rows, self._account.read_at)
        missing = [row for row in rows if row.sight in (Sight.ABSENT, Sight.SILENT)]
        if missing:
            await self._look(missing)
        if ripe:
            decided = [replace(row, reading=_DECIDED.get(row.sight, row.reading)) for row in ripe]
            self._counts.update(await self._store.resolve(decided, self._account.read_at))
        await self._note_reads()

    async def _read_all(self, phones: Sequence[str]) -> list[list[Page] | GatewayError]:
        self._counts["read"] += len(phones)
        return await asyncio.gather(*map(self._read, phones))

    async def _read(self, phone: str) -> list[Page] | GatewayError:
        try:
            pages = await self._reader.pages(phone)
        except GatewayError as error:
            return error
        self._answered += 1
        return pages

    async def _rows(self, pages: Mapping[str, list[Page] | GatewayError]) -> list[ReadingRow]:
        """What the chats show of the attempts in doubt."""
        rows: list[ReadingRow] = []
        for phone, attempts in (await self._reader.attempts(list(pages))).items():
            seen = pages[phone]
            said: Sequence[ChatReading | GatewayError]
            if isinstance(seen, GatewayError):
                said = [seen] * len(attempts)
            else:
                said = await self._reader.match(attempts, seen)
            for attempt, each in zip(attempts, said, strict=True):
                if attempt.polls is not None:
                    rows.append(_row(attempt, await self._reader.content_kind(attempt), each))
        return rows

    async def _look(self, missing: Sequence[ReadingRow]) -> None:
        """Look for messages of the same kinds that the gateway has certainly accepted since."""
        of_kind: dict[tuple[str, str], list[Accepted]] = {}
        for each in await self._store.accepted_since(self._account.account_id, missing):
            of_kind.setdefault((number_class(each.phone), each.content_kind), []).append(each)
        for kind in {(row.number_class, row.content_kind) for row in missing} & of_kind.keys():
            if await self._store.wants_look(missing, of_kind[kind][-1]):
                chosen = _sample(of_kind[kind])
                read = await asyncio.gather(*(self._read(accepted.phone) for accepted in chosen))
                await self._reader.look_for(
                    [
                        (accepted, pages)
                        for accepted, pages in zip(chosen, read, strict=True)
                        if isinstance(pages, list)
                    ]
                )

    async def _note_reads(self) -> None:
        failures = self._reader.failures
        asked = max((error.verdict.retry_after or 0.0 for error in failures), default=0.0)
        rest = asked or (ROUND_SECONDS if self._answered else READ_REST)
        await self._store.note_reads(
            self._account.account_id,
            self._account.read_at,
            answered=self._answered,
            failed=len(failures),
            rest=rest,
        )


def _sample(accepted: Sequence[Accepted]) -> list[Accepted]:
    """The latest message, which proves most; those that were missing; some nearest to the doubts; and any others.

    Lists may be late for some chats only, or only for messages accepted in certain seconds.
    """
    chosen = {accepted[-1].key: accepted[-1]}
    missing = [each for each in accepted if each.is_missing]
    nearest = sorted(accepted, key=lambda each: each.apart)[: 2 * LOOKED_FOR]
    for group, most in ((missing, LOOKED_FOR // 2), (nearest, LOOKED_FOR // 2), (accepted, LOOKED_FOR)):
        others = [each for each in group if each.key not in chosen]
        for each in sample(others, min(len(others), most, LOOKED_FOR - len(chosen))):
            chosen[each.key] = each
    return list(chosen.values())


def _row(attempt: Attempt, kind: ContentKind, said: ChatReading | GatewayError) -> ReadingRow:
    if isinstance(said, GatewayError):
        sight, reading, gateway_id, entries = _UNREADABLE, f"not readable: {said}", None, 0
    else:
        reading = _WORDS.get(said.sight, f"its chat does not tell: {said.why}")
        sight, gateway_id, entries = said.sight.value, said.gateway_id, said.entries
    return ReadingRow(
        *attempt.key,
        polls=attempt.polls or 0,
        sight=sight,
        reading=reading,
        gateway_id=gateway_id,
        number_class=number_class(attempt.phone),
        content_kind=kind.value,
        entries=entries,
    )
