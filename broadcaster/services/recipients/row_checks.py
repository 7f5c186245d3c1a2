"""Why rows of a recipients file are not sent to, though their phones are right."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from broadcaster.domain.states import MessageState
from broadcaster.domain.templates import variable_name
from broadcaster.domain.written_values import ValueFault
from broadcaster.errors import InputError, UsageError, listed, quoted
from broadcaster.services.recipients.formula_errors import formula_error_fault, is_formula_error, may_have_errors
from broadcaster.services.recipients.headers import PHONE_KEY, folded
from broadcaster.services.recipients.rows import Rows

_STATE = "state"
_OURS = frozenset({"changed_at", "gateway_id", "last_outcome", "last_http_status", "last_reply"})
"""Columns of `campaign export` that no list of somebody's own has by chance."""
_EXPORTED = _OURS | {"instance", "attempts", "reason"}
"""All of them, beside the phone and the state. People remove columns that they do not need."""
_GOT_NOTHING = frozenset(
    {MessageState.FAILED, MessageState.SKIPPED, MessageState.CANCELLED, MessageState.EXPIRED, "rejected"}
)
_MAY_GET = frozenset(MessageState) - _GOT_NOTHING
"""Who is pending gets the message yet, if the campaign lives."""


class SentAlreadyError(InputError):
    """A row of a campaign's export says that this person got the message, may have got it, or is to get it yet."""


def required_keys(names: Sequence[str], columns: Sequence[str], keys: Sequence[str], where: str) -> Sequence[str]:
    """The variables that are meant by names of columns or of variables. Raises UsageError for one that is neither."""
    known = {folded(column): key for column, key in zip(columns, keys, strict=True)}
    found = []
    for name in names:
        key = known.get(folded(name)) or (variable_name(name) if variable_name(name) in keys else "")
        if not key:
            if known.get(folded(name)) == PHONE_KEY:
                continue
            raise UsageError(f"--require {quoted(name)}: {where} has no such column; columns are: {listed(columns)}")
        found.append(key)
    return list(dict.fromkeys(found))


def unfit_rows(
    columns: Mapping[str, Sequence[str]],
    required: Sequence[str],
    used: Collection[str],
    column_name: Callable[[str], str],
) -> dict[int, ValueFault]:
    """What is wrong with rows, by index: nothing where something is `required`, a spreadsheet's error where `used`.

    `columns` are the values by variable, and `column_name` is what people call the column of one.
    """
    unfit: dict[int, ValueFault] = {}
    for name in required:
        fault = ValueFault(f"There is nothing in column {column_name(name)}, which is required.")
        for row, value in enumerate(columns[name]):
            if not value or value.isspace():
                unfit.setdefault(row, fault)
    for name in dict.fromkeys((*required, *used)):
        values = columns[name]
        if not may_have_errors(values):
            continue
        for row, value in enumerate(values):
            if is_formula_error(value):
                unfit.setdefault(row, formula_error_fault(value, column_name(name)))
    return unfit


def is_campaign_export(keys: Collection[str]) -> bool:
    """Whether columns of these variables are of `campaign export` for certain: its phones have their country code."""
    return _STATE in keys and not _OURS.isdisjoint(keys)


class SentRows:
    """Watches over a file that is an export of a campaign: nobody gets a message twice by sending to it."""

    def __init__(self, name: str, keys: Sequence[str], *, again: bool) -> None:
        self._name = name
        self._again = again
        self._state = keys.index(_STATE) if _STATE in keys and not _EXPORTED.isdisjoint(keys) else None
        self._count = 0

    @property
    def notice(self) -> str | None:
        """For people, after the rows were read."""
        if not self._count:
            return None
        return f"this is an export of a campaign, and {self._count:,} of its rows were sent already, or may be"

    def check(self, rows: Rows) -> None:
        """Raise SentAlreadyError for the first row that was sent, unless that is wanted."""
        if self._state is None:
            return
        for line, row in zip(rows.lines, rows.rows, strict=True):
            if row[self._state].strip().casefold() in _MAY_GET:
                if not self._again:
                    raise SentAlreadyError(
                        f"{self._name}, line {line}: this is an export of a campaign, and this row is "
                        f"{quoted(row[self._state])}: --again takes such rows all the same; "
                        "`campaign export --state failed` has those that got nothing"
                    )
                self._count += 1
