"""Which group each recipient of a file is in, and how many recipients each group has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Engine

from broadcaster.db.engine import transaction
from broadcaster.domain.opening_hours import RecipientGroup
from broadcaster.domain.recipient_groups import GROUP_BEGINNING, recipient_group
from broadcaster.services.openings import number_groups


class GroupNumbers:
    """The numbers of recipients' groups, and how many recipients of each there were."""

    def __init__(self, engine: Engine | None) -> None:
        """A new group gets its number in a transaction of its own: rows of it are being copied in another. Without an
        `engine` none is stored, and the numbers mean nothing.
        """
        self._engine = engine
        self._by_beginning: dict[str, int] = {}
        self._known: dict[RecipientGroup, int] = {}
        self._recipients: Counter[int] = Counter()

    @property
    def counts(self) -> Mapping[RecipientGroup, int]:
        """How many recipients of each group there were."""
        return {group: self._recipients[number] for group, number in self._known.items() if number in self._recipients}

    @property
    def numbers(self) -> Iterable[int]:
        """Of the groups of which there were any."""
        return self._recipients.keys()

    def of(self, phones: Sequence[str]) -> Sequence[int]:
        """The numbers of these phones' groups."""
        numbers = [self._number(phone[:GROUP_BEGINNING]) for phone in phones]
        self._recipients.update(numbers)
        return numbers

    def _number(self, beginning: str) -> int:
        number = self._by_beginning.get(beginning)
        if number is None:
            group = recipient_group(beginning)
            if group not in self._known:
                self._learn(group)
            number = self._by_beginning[beginning] = self._known[group]
        return number

    def _learn(self, group: RecipientGroup) -> None:
        if self._engine is None:
            self._known[group] = len(self._known) + 1
            return
        with transaction(self._engine) as connection:
            self._known |= number_groups(connection, [group])
