"""Two transactions in two sessions, the second run while the first is held, and what both come to."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from broadcaster.db.statements import query
from tests.interleavings.footprints import Footprint, begin_footprint, read_footprint
from tests.interleavings.invariants import Outcome, Ran, broken
from tests.interleavings.transactions import Books, Recipe, Side

FIRST, SECOND = 1, 2
_HERE = Path(__file__).parent
_PATIENCE = 20.0
"""Seconds after which a session that neither ends nor waits is given up."""
_POLL = 0.001
_MOSTLY = 0.005
"""Seconds in which a transaction that waits for nobody has mostly ended."""
_ALLOWED = (psycopg.errors.DeadlockDetected, psycopg.errors.LockNotAvailable)
"""What the code answers by trying again."""
_KEPT = psycopg.errors.ObjectNotInPrerequisiteState
"""What these are answered where the campaign has moved on: it is not final any more, or not before its start."""
_REFUSING = {"purge_campaign", "remove_campaign"}
_WAITING = """
SELECT wait_event_type = 'Lock', wait_event = 'advisory', backend_xmin IS NOT NULL, backend_xid IS NOT NULL
FROM pg_stat_get_activity(%s)
"""


class Effect(NamedTuple):
    """The tables in which something shows that a transaction has run."""

    changed: set[str]
    left_behind: set[str]
    """Still, when the books have been put back."""


class Meeting(Enum):
    """Where the first transaction is while the second one runs to its end, or until it waits for the first one."""

    BEFORE_LOCKS = "between its snapshot and its locks"
    BEFORE_COMMIT = "between its statement and its commit"


class NotHeldError(AssertionError):
    """A statement was not held where it was to be."""


class Arena:
    """A database with the books, and two sessions of each kind on it."""

    def __init__(self, url: str) -> None:
        self._admin = psycopg.connect(url, autocommit=True)
        for name in ("gate", "books", "restore"):
            self._admin.execute((_HERE / f"{name}.sql").read_text(encoding="utf-8"))
        self._admin.execute("ANALYZE")
        # Whoever sets this role forgets the plans of all statements: it has a session of its own.
        self._restorer = psycopg.connect(url, autocommit=True)
        self._restorer.execute("SET session_replication_role = replica")
        self._url = url
        self.books = self._read_books()
        self._sessions = {
            (side, worker, gated): self._open_session(side, worker, gated)
            for side, worker, gated in itertools.product((FIRST, SECOND), (False, True), (False, True))
        }
        self._threads = ThreadPoolExecutor(max_workers=2)
        self._footprints: dict[tuple[Recipe, Side], Footprint] = {}
        self.deadlocks = 0

    def close(self) -> None:
        self._threads.shutdown()
        for connection in (*self._sessions.values(), self._admin, self._restorer):
            connection.close()

    def _read_books(self) -> Books:
        return Books(
            self.sql(
                "SELECT campaign_id, seq, attempt, claim_token FROM messages WHERE state = 'sending' ORDER BY 1, 2"
            ),
            self.sql("SELECT campaign_id, seq FROM messages WHERE state = 'pending' AND attempt = 0 ORDER BY 1, 2"),
            self.sql("SELECT campaign_id, seq, attempt, polls FROM doubts WHERE resolved_as IS NULL ORDER BY 1, 2"),
            self.sql("SELECT now()")[0][0],
        )

    def sql(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """What another session sees or does."""
        cursor = self._admin.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []

    def restore(self) -> None:
        """The books as they were."""
        self._restorer.execute("SELECT saved.restore()")

    def tidy(self) -> None:
        """Remove what so many pairs have left dead."""
        self._admin.execute("VACUUM")

    def meet(self, first: Recipe, second: Recipe, meeting: Meeting, given: str = "") -> list[str]:
        """What is wrong after both have run. Before them the books are changed as `given` says."""
        self.restore()
        if given:
            self.sql(given)
        if meeting is Meeting.BEFORE_LOCKS:
            outcomes = self._meet_before_locks(first, second)
        else:
            outcomes = self._meet_before_commit(first, second)
        ran = [
            Ran(side, recipe, outcome)
            for side, recipe, outcome in zip((FIRST, SECOND), (first, second), outcomes, strict=True)
        ]
        return self._problems(ran)

    def may_disturb(self, first: Recipe, second: Recipe) -> bool:
        """Whether either can see or wait for anything of the other: if not, nothing comes of their meeting."""
        return not self.footprint(first, FIRST).is_apart_from(self.footprint(second, SECOND))

    def footprint(self, recipe: Recipe, side: Side = FIRST) -> Footprint:
        """What a transaction touches that meets nobody."""
        if (recipe, side) not in self._footprints:
            self.restore()
            session = self._sessions[side, recipe.worker, False]
            begin_footprint(session)
            outcome = self._steps(session, recipe, side, held=False)
            if outcome.error:
                raise outcome.error
            self._footprints[recipe, side] = read_footprint(session)
            session.execute("ROLLBACK")
        return self._footprints[recipe, side]

    def follow(self, recipes: Sequence[Recipe]) -> list[str]:
        """What is wrong after all of them have run, one after the other."""
        self.restore()
        return self._problems(
            [Ran(side, recipe, self._run(recipe, side, held=False)) for side, recipe in enumerate(recipes, FIRST)]
        )

    def _problems(self, ran: list[Ran]) -> list[str]:
        problems = []
        for each in ran:
            if isinstance(each.outcome.error, _ALLOWED):
                self.deadlocks += 1
            elif each.recipe.names & _REFUSING and isinstance(each.outcome.error, _KEPT):
                continue
            elif each.outcome.error is not None:
                problems.append(f"{each.recipe} failed: {type(each.outcome.error).__name__}: {each.outcome.error}")
        return problems + broken(self._admin, ran, self.books)

    def effect(self, recipe: Recipe) -> Effect:
        """What a transaction does that meets nobody."""
        self.restore()
        before = self._digests()
        outcome = self._run(recipe, FIRST, held=False)
        if outcome.error:
            raise outcome.error
        after = self._digests()
        self.restore()
        restored = self._digests()
        return Effect(*({name for name in before if each[name] != before[name]} for each in (after, restored)))

    def _digests(self) -> dict[str, str | None]:
        tables = self.sql(
            "SELECT relname FROM pg_class"
            " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition"
        )
        digest = " UNION ALL ".join(
            f"SELECT '{table}', md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM public.{table} t"
            for (table,) in tables
        )
        return dict(self.sql(digest))  # type: ignore[arg-type]

    def sees_the_past(self) -> bool:
        """Whether a held statement does not see what is committed meanwhile."""
        self.restore()
        session = self._sessions[FIRST, False, True]
        count = "SELECT count(*) FROM campaigns WHERE state = 'paused'"
        with self._gate_shut():
            session.execute("SET gate.hold = 'on'")
            run = self._threads.submit(lambda: session.execute(count).fetchall())
            _wait(lambda: bool(self.sql(_WAITING, session.info.backend_pid)[0][1]), "the count is held")
            self.sql("UPDATE campaigns SET state = 'paused' WHERE state = 'running'")
        return run.result(_PATIENCE) != self.sql(count)

    def _meet_before_locks(self, first: Recipe, second: Recipe) -> tuple[Outcome, Outcome]:
        with self._gate_shut():
            one = self._threads.submit(self._run, first, FIRST, held=True)
            self._wait_until_held(first, one)
            other = self._threads.submit(self._run, second, SECOND, held=False)
            self._wait_until_blocked(second, other)
        return one.result(_PATIENCE), other.result(_PATIENCE)

    def _meet_before_commit(self, first: Recipe, second: Recipe) -> tuple[Outcome, Outcome]:
        session = self._sessions[FIRST, first.worker, False]
        session.execute(f"SET gate.side = '{FIRST:d}'")
        session.execute("BEGIN")
        one = self._steps(session, first, FIRST, held=False)
        other = self._threads.submit(self._run, second, SECOND, held=False)
        self._wait_until_blocked(second, other)
        session.execute("ROLLBACK" if one.error else "COMMIT")
        return one, other.result(_PATIENCE)

    def _run(self, recipe: Recipe, side: Side, held: bool) -> Outcome:
        session = self._sessions[FIRST if side == FIRST or side > SECOND else SECOND, recipe.worker, held]
        session.execute(f"SET gate.side = '{side:d}'")
        if len(recipe.steps) == 1:
            return self._steps(session, recipe, side, held)
        session.execute("BEGIN")
        outcome = self._steps(session, recipe, side, held)
        session.execute("ROLLBACK" if outcome.error else "COMMIT")
        return outcome

    def _steps(self, session: psycopg.Connection[Any], recipe: Recipe, side: Side, held: bool) -> Outcome:
        rows: list[list[Any]] = []
        try:
            for step in recipe.steps:
                if held and step is recipe.steps[recipe.held]:
                    session.execute("SET gate.hold = 'on'")
                elif held and step.plain:
                    session.execute("SET search_path = public")
                parameters = step.parameters(self.books, side)
                cursor = session.execute(step.statement(side), parameters or None, prepare=recipe.worker)
                rows.append(cursor.fetchall() if cursor.description else [])
                if held and step.plain:
                    session.execute("SET search_path = gate, public")
                if step.decides and not rows[-1]:
                    break
        except psycopg.Error as error:
            return Outcome(rows, error)
        return Outcome(rows, None)

    def _open_session(self, side: Side, worker: bool, gated: bool) -> psycopg.Connection[Any]:
        path = "gate, public" if gated else "public"
        session = psycopg.connect(self._url, autocommit=True)
        for setting in (f"search_path = {path}", "deadlock_timeout = 20"):
            session.execute(f"SET {setting}")
        if worker:
            session.execute(query("plan_by_key"))
        return session

    @contextmanager
    def _gate_shut(self) -> Iterator[None]:
        self._admin.execute("SELECT pg_advisory_lock(1)")
        try:
            yield
        finally:
            self._admin.execute("SELECT pg_advisory_unlock(1)")

    def _wait_until_held(self, recipe: Recipe, run: Future[Outcome]) -> None:
        pid = self._sessions[FIRST, recipe.worker, True].info.backend_pid

        def held() -> bool:
            if run.done():
                raise NotHeldError(f"{recipe} ended without being held: {run.result()}")
            return bool(self.sql(_WAITING, pid)[0][1])

        _wait(held, f"{recipe} is held")
        _, _, has_snapshot, has_written = self.sql(_WAITING, pid)[0]
        # To lock a row takes a transaction id, so that one without has locked nothing.
        if not has_snapshot or (has_written and len(recipe.steps) == 1):
            raise NotHeldError(f"{recipe} is held without a snapshot, or with locks")

    def _wait_until_blocked(self, recipe: Recipe, run: Future[Outcome]) -> None:
        pid = self._sessions[SECOND, recipe.worker, False].info.backend_pid
        wait([run], timeout=_MOSTLY)
        _wait(lambda: run.done() or bool(self.sql(_WAITING, pid)[0][0]), f"{recipe} ends or waits")


def _wait(condition: Callable[[], bool], what: str) -> None:
    ends = time.monotonic() + _PATIENCE
    while not condition():
        if time.monotonic() > ends:
            raise NotHeldError(f"gave up waiting until {what}")
        time.sleep(_POLL)  # locks of other sessions tell nobody
