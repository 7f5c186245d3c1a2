"""How a person came to be opted out, or not to be any more. Pure."""

from __future__ import annotations

from enum import StrEnum

EVERYWHERE = 0
"""In place of a lane's id: the opt-out is from the messages of every instance."""
OPTED_OUT = "opted_out"
"""The reason of a message that is skipped because its phone has opted out."""


class OptOutWay(StrEnum):
    """By what an opt-out began, or ended. Part of its evidence."""

    COMMAND = "command"
    FILE = "file"
    REPLY = "reply"
    IMPORT = "import"
    READMISSION = "readmission"
    """The number was forgotten and is taken in again: the opt-out goes on in a row that has the number."""
