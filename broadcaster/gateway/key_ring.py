"""Removes the keys of other accounts from a gateway's replies: one gateway may serve several, and confuse them."""

from __future__ import annotations

from broadcaster.gateway.key_forms import SHORTEST_FORM
from broadcaster.gateway.redaction import Redactor


class KeyRing:
    """The keys of all accounts whose replies a process reads.

    A text is searched for the other keys as they are written, in any case, which costs almost nothing each; whatever
    form a key comes back in is searched for its own account's replies.
    """

    def __init__(self) -> None:
        self._known: dict[str, Redactor] = {}

    def redactor(self, key: str) -> Redactor:
        """Removes this key, and those of the others that are known when it is used."""
        redactor = _OfRing(key, self)
        # A shorter one may be ordinary text.
        if len(key) >= SHORTEST_FORM:
            self._known[key.lower()] = Redactor(key)
        return redactor

    def without_others(self, own: str, text: str) -> str:
        """The text without the keys that are known, but for one's own, which is lower case."""
        lower = text.lower()
        for key, redactor in self._known.items():
            if key in lower and key != own:
                text = redactor.whole(text)
        return text


class _OfRing(Redactor):
    __slots__ = ("_own", "_ring")

    def __init__(self, key: str, ring: KeyRing) -> None:
        super().__init__(key)
        self._own, self._ring = key.lower(), ring

    def _blanked(self, text: str, longest: int) -> str:
        return super()._blanked(self._ring.without_others(self._own, text), longest)
