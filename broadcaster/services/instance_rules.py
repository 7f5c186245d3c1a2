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
"""The latest ones in which a text that is learned is looked for."""
_STATUS = re.compile(r"\s*HTTP (\d{3})\b(\W*$)?", re.IGNORECASE)
"""How reasons begin that are told of a reply outside 2xx, and all there is of them where it has no words."""
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
    """Keep these differences in the place of those before; none: the defaults. Workers follow with their next lease.

    Returns by which of them more may count as accepted than before. Raises NotFoundError, and InputError where they
    are no rules; then nothing is written.
    """
    with _changing(engine, name) as change:
        before = read_rules(_read(change.connection, name))
        change(overrides)
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
        change(after)


def learn_text(engine: Engine, name: str, text: str, about: About) -> bool:
    """From now on a reply that holds `text` is read as being about this; False: it was read so already.

    A `text` such as `HTTP 499` is the status of replies without words.

    Raises NotFoundError, UsageError for a text that is in too many others, and ConflictError for one that may come
    with a message that was taken: to read that as refused could send it twice. ConflictError too where no reply would
    be read otherwise, by the latest ones that hold the text.
    """
    if (status := _STATUS.match(text)) and status[2] is not None:
        return _learn_status(engine, name, int(status[1]), about)
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
        _refuse_taken(text, plain, rules)
        known = rules.for_text(plain)
        if known and (known.outcome, known.health) == (outcome, health):
            return False
        others = [rule for rule in current.get("texts", ()) if rule["pattern"] != learned["pattern"]]
        changed = {**current, "texts": [learned, *others]}
        found = read_rules(changed).for_text(text)
        if found is None or found.pattern != learned["pattern"]:
            raise UsageError(f"{quoted(text)} is not found again in a reply: give fewer and plainer words of it")
        _refuse_idle(change, name, text, rules, read_rules(changed))
        change(changed)
    return True


def _learn_status(engine: Engine, name: str, status: int, about: About) -> bool:
    """The same for replies with a status whose words, if any, say nothing.

    Raises ConflictError for one that may come with a message that was taken, or that is known already.
    """
    outcome, health = _LEARNED[about]
    row, rules_of = f"{status}", f"`broadcaster instance rules {quote(name)}"
    with _changing(engine, name) as change:
        current = _read(change.connection, name)
        rules, own = read_rules(current), current.get("statuses", {})
        rule = rules.for_status(status)
        if rule.outcome in (Outcome.ACCEPTED, Outcome.UNKNOWN):
            raise ConflictError(
                f"HTTP {status} may come with a message that was taken, and read as refused that could be sent twice: "
                f"if you know that nothing was, give it a rule in `statuses`, see {rules_of} set --help`"
            )
        if rules.knows_status(status) and row not in own:
            raise ConflictError(
                f"that changes nothing: HTTP {status} has a rule already, see {rules_of} show --all`; another one in "
                f"`statuses` takes its place, see {rules_of} set --help`"
            )
        learned = msgspec.to_builtins(msgspec.structs.replace(rule, outcome=outcome, health=health))
        if own.get(row) == learned:
            return False
        change({**current, "statuses": {**own, row: learned}})
    return True


def explain(rules: ReplyRules, status: int, body: bytes) -> Reading:
    """How a reply to a send is read, and why: which parts of the rules it would be read otherwise without."""

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
    """The first rule that matches decides: the last one that the table cannot be cut short before."""
    for last in reversed(range(len(rules.texts))):
        if is_decisive(texts=rules.texts[:last]):
            rule = rules.texts[last]
            yield f"texts: {rule.pattern}"
            return


def _deciding_words(rules: ReplyRules, body: bytes, is_decisive: _Decisive) -> Iterator[str]:
    """The names of fields, and the words in them."""
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
    """The row of the status; it is named in any case where nothing else decides."""
    rows = [row for row in (f"{status}", f"{status // 10}x", f"{status // 100}xx") if row in rules.statuses]
    for row in rows[:1]:
        rest = {name: rule for name, rule in rules.statuses.items() if name != row}
        if is_needed or is_decisive(statuses=rest):
            yield f"statuses: {row}"


class _Change:
    """Writes an instance's rules, whose row nobody else changes until the transaction ends."""

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

    def __call__(self, overrides: Overrides) -> None:
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


def _refuse_idle(change: _Change, name: str, text: str, before: ReplyRules, after: ReplyRules) -> None:
    """Raise ConflictError where the text decides nothing: it is a status, or comes with one that decides alone."""
    rules = f"`broadcaster instance rules {quote(name)}"
    if found := _STATUS.match(text):
        raise ConflictError(
            f"that changes nothing: {quoted(found[0])} is the status of a reply and none of its words; give the words "
            f"alone or, where only the status tells, give that a rule in `statuses`, see {rules} set --help`"
        )
    held = [reply for reply in change.latest_replies() if after.for_text(_words_of(reply, after)) is after.texts[0]]
    if not held or any(_reads(before, reply) != _reads(after, reply) for reply in held):
        return
    statuses = ", ".join(sorted({f"HTTP {status}" for status, _ in held}))
    raise ConflictError(
        f"that changes nothing: the latest replies with these words ({statuses}) are read alike with and without "
        f"them, by their status or another field: see {rules} test REPLY --status CODE`; where only the status tells, "
        f"and you know that nothing was taken, give that a rule in `statuses`, see {rules} set --help`"
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


def _refuse_taken(text: str, plain: str, rules: ReplyRules) -> None:
    """Raise ConflictError for a text that may be said of a message that was taken."""
    as_word = msgspec.json.encode({"status": plain})
    known = rules.for_text(text)
    taken = explain(rules, 200, as_word).verdict.outcome is Outcome.ACCEPTED
    if taken or (known is not None and known.outcome in (Outcome.ACCEPTED, Outcome.UNKNOWN)):
        raise ConflictError(
            f"{quoted(text)} may be said of a message that was taken, and read as refused that could be sent twice: "
            "give words that only a refusal has"
        )


def _unknown(name: str) -> NotFoundError:
    return NotFoundError(f"no instance is called {name!r}: see `broadcaster instance list`")
