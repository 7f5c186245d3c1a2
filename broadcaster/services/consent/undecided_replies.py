"""Who may have asked to be messaged no more, and nobody has decided: counted when a campaign is submitted."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from broadcaster.db.statements import Statement, value, values
from broadcaster.domain.whatsapp_numbers import forms


def count_undecided(connection: Connection, statement: Statement, **parameters: Any) -> int:
    """How many recipients, whom `statement` counts by their `phones`, wrote something that nobody has decided.

    Under every form of their numbers. Such people are few, so that they are asked for first.
    """
    theirs = {form for phone in values(connection, "undecided_phones") for form in forms(phone)}
    return int(value(connection, statement, **parameters, phones=sorted(theirs))) if theirs else 0
