"""Whom of an audience a campaign goes to: the members that meet its conditions and can be sent its content."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Engine

from broadcaster.db.engine import transaction
from broadcaster.db.statements import each, rows
from broadcaster.domain.conditions import Condition, check_conditions
from broadcaster.domain.contents import Content
from broadcaster.domain.templates import MAX_TEXT_LENGTH, PHONE_VARIABLE, Template
from broadcaster.errors import InputError
from broadcaster.services.audiences.audience import Audience, find_audience

if TYPE_CHECKING:
    from broadcaster.domain.phone_census import CountryCount


class Recipient(msgspec.Struct, frozen=True):
    """One recipient, and what the template's variables are for it. `fault` is why this member can be sent nothing."""

    phone: str
    variables: Mapping[str, str]
    fault: str | None = None


class _Member(NamedTuple):
    phone: str
    variables: Mapping[str, str]


class _Empty(NamedTuple):
    name: str
    messages: int


class _Counts(NamedTuple):
    beginning: str
    members: int
    faulty: int


class Counted(NamedTuple):
    """How many members there are, how many of them can be sent nothing, and of which countries the others are."""

    members: int
    faulty: int
    countries: Sequence[CountryCount]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """An audience's members as the recipients of one content, evaluated by Postgres (`audience_recipients`)."""

    audience: Audience
    conditions: Sequence[Condition] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    """Template variables that are the same for everybody, over the members' own."""
    content: Content | None = None
    """Nobody is sent a blank text, or one that is too long. A caption may be blank. None: it is open what they get."""

    def check(self) -> None:
        """Raise UsageError for a condition, TemplateError for a variable, that is about no column of the audience.

        InputError where the text is blank for everybody.
        """
        check_conditions(self.conditions, self.audience.variables)
        if self._template is not None:
            self._template.check((*self.audience.variables, *self.variables, PHONE_VARIABLE))
        text = self._text
        if text is not None and not (text.names or text.never_blank):
            raise InputError("the text is blank; nothing would be sent")

    def count(self, connection: Connection) -> Counted:
        """Count the members that meet the conditions now."""
        from broadcaster.domain.phone_census import count_countries  # noqa: PLC0415 - start-up time: phonenumbers

        counts = rows(connection, "count_audience_recipients", _Counts, **self.parameters())
        countries = count_countries((each.beginning, each.members - each.faulty) for each in counts)
        return Counted(sum(each.members for each in counts), sum(each.faulty for each in counts), countries)

    def count_empty(self, connection: Connection) -> dict[str, int]:
        """Of how many who can be sent to each variable of the content is empty."""
        names = list(self._template.names) if self._template else []
        found = rows(connection, "count_empty", _Empty, **self.parameters(), names=names) if names else ()
        empty = dict(found)
        return {name: empty[name] for name in names}

    def sample(
        self, connection: Connection, most: int, *, phone: str | None = None, faulty: bool = False
    ) -> list[Recipient]:
        """The first few in the order of phones that can be sent to, or not (`faulty`).

        With `phone` only that one, whether it can or not.
        """
        demands = {**self.parameters(), "phone": phone, "faulty": faulty, "most": most}
        return rows(connection, "sample_audience_recipients", Recipient, **demands)

    def parameters(self) -> dict[str, Any]:
        """What `audience_recipients` takes."""
        return {
            "audience_id": self.audience.id,
            "conditions": _json(self.conditions),
            "campaign_variables": _json(self.variables),
            "template": _json(self._demands()),
        }

    @property
    def _text(self) -> Template | None:
        return None if self.content is None else self.content.text

    @property
    def _template(self) -> Template | None:
        return None if self.content is None else self.content.template

    def _demands(self) -> Mapping[str, Any]:
        text, template = self._text, self._template
        variables = template.variables if template else ()
        names = template.names if template else ()
        return {
            "adds_phone": PHONE_VARIABLE in names,
            # Also those of the template: a later import may have dropped a column that has a default there.
            "blanks": dict.fromkeys((*self.audience.variables, *names), ""),
            "fallbacks": sum(len(variable.default) for variable in variables),
            "literals": template.literal_length if template else 0,
            "longest": MAX_TEXT_LENGTH,
            "never_blank": text is None or text.never_blank,
            "parts": [{"name": variable.name, "fallback": len(variable.default)} for variable in variables],
            "required": list(dict.fromkeys(variable.name for variable in variables if not variable.default)),
        }


def count_members(engine: Engine, name: str, conditions: Sequence[Condition] = ()) -> int:
    """How many of an audience meet the conditions. Raises NotFoundError, and UsageError for one about no column."""
    with transaction(engine) as connection:
        selection = Selection(audience=find_audience(connection, name), conditions=conditions)
        selection.check()
        return selection.count(connection).members


def export_members(engine: Engine, name: str, conditions: Sequence[Condition] = ()) -> Iterator[list[str]]:
    """A header and the members that meet the conditions, in the order of phones, with flat memory.

    Raises NotFoundError, and UsageError for a condition about no column.
    """
    with transaction(engine) as connection:
        selection = Selection(audience=find_audience(connection, name), conditions=conditions)
        selection.check()
        columns = selection.audience.variables
        yield ["phone", *(f"variable_{column}" if column == "phone" else column for column in columns)]
        for phone, variables in each(connection, "select_audience_recipients", _Member, **selection.parameters()):
            yield [phone, *(variables[column] for column in columns)]


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
