"""Who is signed in. Kept in this process alone: nothing on a disk opens anything, and signing out ends it for good."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

LONGEST_SECONDS = 12 * 3600.0
"""After so long one has to sign in again."""
MOST_SIGN_INS = 1_000
"""The most that are kept; the oldest end first."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """One browser that gave the password."""

    token: str = field(repr=False)
    """What its cookie holds."""
    operator: str
    """Who that is, as they said, for the trail."""
    form_token: str = field(repr=False)
    """What its forms hold, which another site cannot know."""
    ends: float
    """By the clock of SignIns."""


class SignIns:
    """Begins, finds and ends them."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._by_token: OrderedDict[str, SignIn] = OrderedDict()

    def begin(self, operator: str) -> SignIn:
        """A new one, whose token nobody can guess."""
        begun = SignIn(secrets.token_urlsafe(32), operator, secrets.token_urlsafe(32), self._clock() + LONGEST_SECONDS)
        self._by_token[begun.token] = begun
        while len(self._by_token) > MOST_SIGN_INS:
            self._by_token.popitem(last=False)
        return begun

    def find(self, token: str | None) -> SignIn | None:
        """The one with this token, if it has not ended."""
        found = self._by_token.get(token or "")
        if found is not None and found.ends <= self._clock():
            self.end(found)
            return None
        return found

    def end(self, sign_in: SignIn) -> None:
        """It opens nothing from here on."""
        self._by_token.pop(sign_in.token, None)
