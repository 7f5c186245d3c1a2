"""Why operators are not told what they want to be told, and what helps. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from shlex import quote
from typing import NamedTuple

from broadcaster.domain.standstill import Cause, Remedy, Standstill, What

NOT_ALLOWED = "private webhooks are not allowed where this was sent from"
"""With this begins the answer where a setting is missing that whoever added the receiver had."""


class TroubledReceiver(NamedTuple):
    """A receiver that takes no notices, or to which some were given up lately."""

    name: str
    failures: int
    """In a row, until now."""
    waiting: int
    undelivered: int
    """Given up lately."""
    answer: str | None
    """What it said to the latest try; None: it took that."""
    last_answer: str | None
    """What it said to the latest of those that were given up."""
    opted_out_from: str | None = None
    """The instance that sends to it, where its phone has opted out; None: it has not, or is told in another way."""


def troubled_receivers(found: Iterable[TroubledReceiver]) -> Iterator[Standstill]:
    """What each of them did not get."""
    for each in found:
        name = quote(each.name)
        if each.opted_out_from is not None:
            command = f"broadcaster notify set {name} --whatsapp PHONE --instance {quote(each.opted_out_from)}"
            remedy = Remedy("tell another phone with", command)
            yield Standstill(What.RECEIVER, each.name, Cause.AWAY, _opted_out(each.waiting), remedy)
        elif each.failures:
            remedy = Remedy(_advice(each.answer), f"broadcaster notify test {name}")
            yield Standstill(What.RECEIVER, each.name, Cause.AWAY, _waits(each.waiting), remedy, each.answer)
        if each.undelivered:
            remedy = Remedy("read them with", f"broadcaster notify log {name} --undelivered")
            says = (
                "did not get 1 notice of the last week"
                if each.undelivered == 1
                else f"did not get {each.undelivered:,} notices of the last week"
            )
            yield Standstill(What.RECEIVER, each.name, Cause.UNDELIVERED, says, remedy, each.last_answer)


def _waits(waiting: int) -> str:
    if waiting == 0:
        return "takes no notices"
    return "takes no notices, and 1 waits for it" if waiting == 1 else f"takes no notices, and {waiting:,} wait for it"


def _opted_out(waiting: int) -> str:
    match waiting:
        case 0:
            return "gets nothing: its phone has opted out"
        case 1:
            return "gets nothing: its phone has opted out, and 1 notice waits"
        case _:
            return f"gets nothing: its phone has opted out, and {waiting:,} notices wait"


def not_allowed(found: Standstill) -> bool:
    """Whether a worker that tried lately lacked the setting that allows private webhooks."""
    return found.cause is Cause.AWAY and found.detail is not None and found.detail.startswith(NOT_ALLOWED)


def _advice(answer: str | None) -> str:
    if answer is not None and answer.startswith(NOT_ALLOWED):
        return "set BROADCASTER_ALLOW_PRIVATE_WEBHOOKS=true for all workers, restart them, and try it with"
    return "mend that, and try it with"
