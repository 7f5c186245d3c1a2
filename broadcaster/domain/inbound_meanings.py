"""What an inbound message asks for. Pure."""

from __future__ import annotations

from enum import StrEnum


class InboundMeaning(StrEnum):
    """What the words of a reply ask for, where they ask for something that is known."""

    STOP = "stop"
    """To be messaged no more."""
    START = "start"
    """To be messaged again."""
    NEAR_MISS = "near_miss"
    """It has a word of the first kind among others: a person has to read it."""
