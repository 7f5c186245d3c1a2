"""Finds changes of the rules that may count more replies as accepted than before. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from broadcaster.domain.outcomes import Outcome
from broadcaster.gateway.rule_words import pattern_words
from broadcaster.gateway.rules import FieldRole, ReplyRules, TextRule

_FIELDS = dict(
    zip(
        FieldRole,
        (
            *("verdict_fields", "error_fields", "code_fields", "text_fields", "id_fields", "answer_fields"),
            "exists_fields",
        ),
        strict=True,
    )
)
_MAY_SAY_YES = (FieldRole.VERDICT, FieldRole.ERROR, FieldRole.CODE, FieldRole.ID)
"""Roles of fields that may hint at success. An error field does if it is false."""
_SPEAKS_AGAINST = tuple(role for role in FieldRole if role is not FieldRole.ID)
_SAYS_WORDS = (FieldRole.TEXT, FieldRole.ANSWER)


def widened_rules(before: ReplyRules, after: ReplyRules) -> tuple[str, ...]:
    """The changes, in words, by which more replies may count as accepted by `after`.

    Empty: every reply that counts as accepted by `after` also does by `before`.
    """
    return (
        *_roles(before, after),
        *_added("yes_words", before.yes_words, after.yes_words),
        *_left_out("no_words", before.no_words, after.no_words),
        *_left_out("no_prefixes", before.no_prefixes, after.no_prefixes),
        *_added("containers", before.containers, after.containers),
        *_left_out("containers", before.containers, after.containers),
        *_texts(before.texts, after.texts),
        *_statuses(before, after),
    )


def _added(field: str, before: tuple[str, ...], after: tuple[str, ...]) -> Iterator[str]:
    if more := [word for word in after if word not in before]:
        yield f"{field} with {', '.join(more)}"


def _left_out(field: str, before: tuple[str, ...], after: tuple[str, ...]) -> Iterator[str]:
    if fewer := [word for word in before if word not in after]:
        yield f"{field} without {', '.join(fewer)}"


def _roles(before: ReplyRules, after: ReplyRules) -> Iterator[str]:
    """Changes of the roles of fields. A field in two lists has the first role."""
    takes_words = any(rule.outcome is Outcome.ACCEPTED for rule in after.texts)
    wider = (*_MAY_SAY_YES, *(_SAYS_WORDS if takes_words else ()))
    for role, field in _FIELDS.items():
        had, has = ([name for name, read_as in rules.roles.items() if read_as is role] for rules in (before, after))
        yield from _added(field, tuple(had), tuple(has)) if role in wider else ()
        yield from _left_out(field, tuple(had), tuple(has)) if role in _SPEAKS_AGAINST else ()


def _texts(before: tuple[TextRule, ...], after: tuple[TextRule, ...]) -> Iterator[str]:
    for place, rule in enumerate(after):
        # The first matching rule counts: a removed earlier rule may have said no.
        known = rule in before and set(before[: before.index(rule)]) <= set(after[:place])
        if rule.outcome is Outcome.ACCEPTED and not known:
            yield f"texts with {pattern_words(rule.pattern)}, which is accepted"
    for rule in before:
        if rule.outcome is not Outcome.ACCEPTED and rule not in after:
            yield f"texts without {pattern_words(rule.pattern)}"


def _statuses(before: ReplyRules, after: ReplyRules) -> Iterator[str]:
    wider = [
        status
        for status in (*range(100, 200), *range(300, 600))
        if after.for_status(status).outcome is Outcome.ACCEPTED
        and after.for_status(status) != before.for_status(status)
    ]
    names = [name for name, rule in after.statuses.items() if rule.outcome is Outcome.ACCEPTED]
    if named := [name for name in names if any(f"{status}".startswith(name.rstrip("x")) for status in wider)]:
        yield f"statuses with {', '.join(named)}, which is accepted"
