"""The rules by which an instance's replies are read, where they differ from the defaults: kept, tried, learned."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from shlex import quote
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, null, select, update

from broadcaster.db import tables
from broadcaster.db.engine import transaction
from broadcaster.domain.outcomes import Outcome, Verdict
from broadcaster.domain.states import LaneHealth
from broadcaster.domain.trial import Flag, only_narrows, yes_flags
from broadcaster.errors import ConflictError, NotFoundError, UsageError, quoted
from broadcaster.gateway import ReplyRules, classify_response, read_rules
from broadcaster.gateway.redaction import Redactor
from broadcaster.gateway.reply_signals import fold, read_signals
from broadcaster.gateway.rules_file import LONGEST_RULES
from broadcaster.gateway.texts import REPLY_BYTES, parse_json
from broadcaster.gateway.widening import widened_rules

Overrides = Mapping[str, Any]
"""Differences from the default rules, as decoded JSON."""

_SHORTEST_TEXT = 4
"""Letters and digits of a text that is learned: a shorter one is found in too many others."""
_MOST_REPLIES = 200
"""A text that is to be learned is looked for in so many replies, the latest."""
_STATUS = re.compile(r"\s*HTTP (\d{3})\b(\W*$)?", re.IGNORECASE)
"""How the reason of a reply outside 2xx begins: with its status. Of a reply without words that is the whole reason."""
_PLACEHOLDERS = ("WORDS", "TEXT")
"""What stands in instructions for the words of a reply."""


class About(StrEnum):
    """Whom a gateway's text is about."""

    RECIPIENT = "recipient"
    ACCOUNT = "account"
    GATEWAY = "gateway"


_LEARNED = {
    About.RECIPIENT: (Outcome.REJECTED, LaneHealth.OK),
    About.ACCOUNT: (Outcome.NOT_SENT, LaneHealth.REFUSED),
    About.GATEWAY: (Outcome.NOT_SENT, LaneHealth.DOWN),
}


@dataclass(frozen=True, slots=True)
class Reading:
    """How a reply is read, and by which parts of the rules, such as `yes_words: queued`."""

    verdict: Verdict
    parts: tuple[str, ...]


def stored_rules(engine: Engine, name: str) -> dict[str, Any]:
    """What is kept of the instance's rules: its differences from the defaults. Raises NotFoundError."""
    with transaction(engine) as connection:
        return _read(connection, name)


def store_rules(engine: Engine, name: str, overrides: Overrides) -> tuple[str, ...]:
    """Keep these differences from the defaults, and no others. Workers follow with their next lease.

    Returns the changes, in words, by which more replies may count as accepted than before. Raises NotFoundError, and
    InputError where the differences are no rules; then nothing is written.
    """
    with _changing(engine, name) as change:
        before = read_rules(_read(change.connection, name))
        change.write(overrides)
    return widened_rules(before, read_rules(overrides))


def narrow_rules(engine: Engine, name: str, before: Overrides, after: Overrides) -> None:
    """Keep `after`, which was proposed when `before` was kept.

    Raises ConflictError where the rules have changed since, or where `after` could count more as accepted.
    """
    with _changing(engine, name, before=before) as change:
        if not only_narrows(before, after, read_rules(before).yes_words):
            raise ConflictError(
                "a proposal may only narrow what counts as accepted, and this one does not: kept as is"
            )
        change.write(after)


def learn(engine: Engine, name: str, said: str, about: About) -> bool:
    """From now on a reply that says this is read as being about that; False: it was read so already.

    `said` are words of the reply, or a status such as `HTTP 499` for replies without words.

    Raises NotFoundError, and UsageError for words that are in too many other replies. Raises ConflictError for what
    the gateway may send for a message that it took: read as a refusal, that message could be sent twice. Raises
    ConflictError too if the latest replies with these words would all be read as before.
    """
    if (status := _STATUS.match(said)) and status[2] is not None:
        return _learn_status(engine, name, int(status[1]), about)
    return _learn_words(engine, name, said, about)


def _learn_words(engine: Engine, name: str, text: str, about: About) -> bool:
    if text.strip() in _PLACEHOLDERS:
        raise UsageError(f"{quoted(text)} stands for the words of the reply: give those")
    plain = " ".join(text.lower().replace("_", " ").split())
    if sum(map(str.isalnum, plain)) < _SHORTEST_TEXT or not plain.isprintable():
        raise UsageError(f"{quoted(text)} is too short or holds control characters: give a few words of the reply")
    outcome, health = _LEARNED[about]
    learned = {"pattern": re.escape(plain).replace("\\ ", " "), "outcome": outcome.value, "health": health.value}
    with _changing(engine, name) as change:
        current = _read(change.connection, name)
        rules = read_rules(current)
        _check_never_taken(text, plain, rules)
        known = rules.for_text(plain)
        if known and (known.outcome, known.health) == (outcome, health):
            return False
        others = [rule for rule in current.get("texts", ()) if rule["pattern"] != learned["pattern"]]
        changed = {**current, "texts": [learned, *others]}
        found = read_rules(changed).for_text(text)
        if found is None or found.pattern != learned["pattern"]:
            raise UsageError(f"{quoted(text)} is not found again in a reply: give fewer and plainer words of it")
        _check_has_effect(change, name, text, rules, read_rules(changed))
        change.write(changed)
    return True


def _learn_status(engine: Engine, name: str, status: int, about: About) -> bool:
    """From now on the status says so, where a reply with it has no words that say more.

    Raises ConflictError for a status that the gateway may send for a message that it took, and for one that has a rule
    already.
    """
    outcome, health = _LEARNED[about]
    row, rules_of = f"{status}", f"`broadcaster instance rules {quote(name)}"
    with _changing(engine, name) as change:
        current = _read(change.connection, name)
        rules, own = read_rules(current), current.get("statuses", {})
        rule = rules.for_status(status)
        if rule.outcome in (Outcome.ACCEPTED, Outcome.UNKNOWN):
            raise ConflictError(
                f"{_may_be_taken(f'HTTP {status}')}: if you know that it took none, give HTTP {status} a rule in "
                f"`statuses`, see {rules_of} set --help`"
            )
        if rules.knows_status(status) and row not in own:
            raise ConflictError(
                f"that changes nothing: HTTP {status} has a rule already, see {rules_of} show --all`; another one in "
                f"`statuses` takes its place, see {rules_of} set --help`"
            )
        learned = msgspec.to_builtins(msgspec.structs.replace(rule, outcome=outcome, health=health))
        if own.get(row) == learned:
            return False
        change.write({**current, "statuses": {**own, row: learned}})
    return True


def explain(rules: ReplyRules, status: int, body: bytes) -> Reading:
    """How a reply to a send is read, and which parts of the rules decide: without one of them it is read otherwise."""

    def read(changed: ReplyRules) -> Verdict:
        return classify_response(status, {}, body, Redactor(""), changed)

    verdict = read(rules)

    def is_decisive(**changed: object) -> bool:
        other = read(msgspec.structs.replace(rules, **changed))
        return (other.outcome, other.health, other.is_recognised) != (
            verdict.outcome,
            verdict.health,
            verdict.is_recognised,
        )

    parts = [*_deciding_text(rules, is_decisive), *_deciding_words(rules, body, is_decisive)]
    parts += _deciding_status(rules, status, is_decisive, is_needed=not parts)
    if not parts and verdict.outcome is Outcome.ACCEPTED:
        # It would count as accepted without any one of them, too.
        parts += [f"verdict_fields: {flag.path}" for flag in _yes_flags(body, rules)]
    return Reading(verdict, tuple(parts))


def _yes_flags(body: bytes, rules: ReplyRules) -> tuple[Flag, ...]:
    try:
        return yes_flags(parse_json(body), rules)
    except ValueError:
        return ()


_Decisive = Callable[..., bool]


def _deciding_text(rules: ReplyRules, is_decisive: _Decisive) -> Iterator[str]:
    """The text rule that decides, if one does: without it and those after it, the reply is read otherwise."""
    for last in reversed(range(len(rules.texts))):
        if is_decisive(texts=rules.texts[:last]):
            rule = rules.texts[last]
            yield f"texts: {rule.pattern}"
            return


def _deciding_words(rules: ReplyRules, body: bytes, is_decisive: _Decisive) -> Iterator[str]:
    """The words that decide, each after the name of its field."""
    written = fold(body.decode("utf-8", "replace"))
    for field in msgspec.structs.fields(rules):
        words = getattr(rules, field.name)
        if field.name == "texts" or not isinstance(words, tuple):
            continue
        for word in words:
            rest = tuple(other for other in words if other != word)
            if fold(word) in written and is_decisive(**{field.name: rest}):
                yield f"{field.name}: {word}"


def _deciding_status(rules: ReplyRules, status: int, is_decisive: _Decisive, *, is_needed: bool) -> Iterator[str]:
    """The row of the status, if it decides. If nothing else does (`is_needed`), it is named in any case."""
    rows = [row for row in (f"{status}", f"{status // 10}x", f"{status // 100}xx") if row in rules.statuses]
    for row in rows[:1]:
        rest = {name: rule for name, rule in rules.statuses.items() if name != row}
        if is_needed or is_decisive(statuses=rest):
            yield f"statuses: {row}"


class _Change:
    """A change of an instance's rules, whose row nobody else changes until the transaction ends."""

    def __init__(self, connection: Connection, instance_id: int) -> None:
        self.connection = connection
        self._id = instance_id

    def latest_replies(self) -> list[_Received]:
        """The latest replies of the instance's account that were not accepted and are kept whole."""
        attempts, instances = tables.attempts, tables.instances
        account = select(instances.c.account_id).where(instances.c.id == self._id).scalar_subquery()
        latest = select(attempts.c.http_status, attempts.c.reply, attempts.c.outcome)
        latest = latest.where(attempts.c.account_id == account).order_by(attempts.c.finished_at.desc())
        rows = self.connection.execute(latest.limit(_MOST_REPLIES)).all()
        return [
            (row.http_status, row.reply)
            for row in rows
            if row.http_status is not None
            and row.reply is not None
            and row.outcome != Outcome.ACCEPTED
            and len(row.reply.encode()) < REPLY_BYTES - 4
        ]

    def write(self, overrides: Overrides) -> None:
        """Keep these differences. Raises InputError where they are no rules, ConflictError where they are too many."""
        read_rules(overrides)
        if len(msgspec.json.encode(overrides)) > LONGEST_RULES:
            raise ConflictError(
                f"the rules would have more than {LONGEST_RULES:,} bytes: leave some out, see "
                "`broadcaster instance rules NAME show --json`"
            )
        table = tables.instances
        values = {"reply_rules": dict(overrides) if overrides else null()}
        self.connection.execute(update(table).where(table.c.id == self._id).values(values))


@contextmanager
def _changing(engine: Engine, name: str, *, before: Overrides | None = None) -> Iterator[_Change]:
    """One change of the instance's rules. With `before`, raises ConflictError where others are kept by now."""
    table = tables.instances
    with transaction(engine) as connection:
        found = select(table.c.id).where(table.c.name == name).with_for_update()
        instance_id = connection.scalar(found)
        if instance_id is None:
            raise _unknown(name)
        if before is not None and _read(connection, name) != dict(before):
            raise ConflictError(f"the rules of instance {name!r} have been changed meanwhile: check it again")
        yield _Change(connection, instance_id)


def _read(connection: Connection, name: str) -> dict[str, Any]:
    table = tables.instances
    row = connection.execute(select(table.c.reply_rules).where(table.c.name == name)).first()
    if row is None:
        raise _unknown(name)
    return dict(row.reply_rules or {})


def _check_has_effect(change: _Change, name: str, text: str, before: ReplyRules, after: ReplyRules) -> None:
    """Raise ConflictError where the text decides nothing: it is a status, or comes with one that decides alone."""
    rules = f"`broadcaster instance rules {quote(name)}"
    if found := _STATUS.match(text):
        raise ConflictError(
            f"that changes nothing: {quoted(found[0])} is the status of a reply and none of its words; give the words "
            f"alone, or give the status a rule in `statuses`, see {rules} set --help`"
        )
    held = [reply for reply in change.latest_replies() if after.for_text(_words_of(reply, after)) is after.texts[0]]
    if not held or any(_reads(before, reply) != _reads(after, reply) for reply in held):
        return
    statuses = ", ".join(sorted({f"HTTP {status}" for status, _ in held}))
    raise ConflictError(
        f"that changes nothing: what decides in the latest replies with these words ({statuses}) is their status or "
        f"another field, see {rules} test REPLY --status CODE`; if you know that the gateway took no message that it "
        f"answered so, give the status a rule in `statuses`, see {rules} set --help`"
    )


_Received = tuple[int, str]
"""The HTTP status and the body of a reply."""


def _words_of(reply: _Received, rules: ReplyRules) -> str:
    _, body = reply
    return read_signals(body.encode(), rules).words or body


def _reads(rules: ReplyRules, reply: _Received) -> tuple[Outcome, LaneHealth | None, bool]:
    status, body = reply
    verdict = classify_response(status, {}, body.encode(), Redactor(""), rules)
    return verdict.outcome, verdict.health, verdict.is_recognised


def _check_never_taken(text: str, plain: str, rules: ReplyRules) -> None:
    """Raise ConflictError for a text that the gateway may send for a message that it took."""
    as_word = msgspec.json.encode({"status": plain})
    known = rules.for_text(text)
    taken = explain(rules, 200, as_word).verdict.outcome is Outcome.ACCEPTED
    if taken or (known is not None and known.outcome in (Outcome.ACCEPTED, Outcome.UNKNOWN)):
        raise ConflictError(f"{_may_be_taken(quoted(text))}: give words that only a refusal has")


def _may_be_taken(said: str) -> str:
    return (
        f"the gateway may send {said} for a message that it took; read as a refusal, that message could be sent twice"
    )


def _unknown(name: str) -> NotFoundError:
    return NotFoundError(f"no instance is called {name!r}: see `broadcaster instance list`")
