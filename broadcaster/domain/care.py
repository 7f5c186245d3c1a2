"""Care for the number that sends: at which figures sending pauses itself, whom it leaves out, how it begins. Pure.

Each is a share of the messages of one campaign, or of one instance: what people do who get messages that they do not
want. docs/decisions/0035-care-for-the-number.md has the reasons.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from broadcaster.domain.frequency import WhenRecent, parse_frequency_span
from broadcaster.domain.spans import said_span
from broadcaster.errors import UsageError, quoted

JUDGED_FROM = 50
"""So few messages say nothing: one in a dozen may be chance."""
ANSWERED_AFTER = 3600.0
"""Seconds that people have to answer before it counts that they have not."""
MOST_SLICES = 10
STOPPED = "stopped by its own limit: "
"""How the reason begins of what has paused itself."""

_SHARE = re.compile(r"\s*(?P<name>[a-z]+)\s*=\s*(?P<percent>\d{1,3}(?:\.\d{1,4})?)\s*%\s*", re.IGNORECASE)
_PERCENT = re.compile(r"\s*(?P<percent>\d{1,3}(?:\.\d{1,4})?)\s*%\s*")
_NONE = "none"
_ABOVE = ("optouts", "failures")
_BELOW = ("replies",)


class Stops(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """At which shares (0 to 1) sending pauses itself, as they are stored; None: it does not for that."""

    optouts: float | None = None
    """Above this share of its messages has opted out by a reply."""
    failures: float | None = None
    """Above this share of its messages has failed."""
    replies: float | None = None
    """Below this share of those who had time to answer has."""
    judged_from: int = JUDGED_FROM
    """So many messages are needed before a share of them counts."""

    @property
    def are_given(self) -> bool:
        """Whether there is any of them."""
        return self.needs_replies or self.failures is not None

    @property
    def needs_replies(self) -> bool:
        """Whether one of them can only be known where replies are read."""
        return self.optouts is not None or self.replies is not None

    def __str__(self) -> str:
        """For people: `optouts above 2%, replies below 1%, from 50 messages on`."""
        above = [("optouts", self.optouts), ("failures", self.failures)]
        said = [f"{name} above {percent(share)}" for name, share in above if share is not None]
        said += [] if self.replies is None else [f"replies below {percent(self.replies)}"]
        return ", ".join([*said, f"from {self.judged_from} messages on"])


NO_STOPS = Stops()


class Care(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How careful a campaign is, as it is stored and handed on to its clones, its rests and from its schedule."""

    stops: Stops = NO_STOPS
    canary: tuple[float, ...] = ()
    """Up to which share of its recipients (0 to 1, ascending) each slice reaches; one with all others follows."""
    after: float = ANSWERED_AFTER
    """Seconds: for how long the figures of a slice are waited for, and for how long nobody counts as unanswering."""
    max_unanswered: int | None = None
    """Skip whoever has not answered so many of our latest messages; None: nobody for that."""
    only_known: bool = False
    """Skip whoever is no contact of the instance's account, and has not written to it first."""
    cooldown: int | None = None
    """Seconds: nobody gets it whom any campaign has messaged within them; None: that plays no part."""
    skips_recent: bool = False
    """Whoever was messaged too lately, by this cooldown or a cap, is skipped instead of waiting."""
    beyond_caps: bool = False
    """Whoever has had as many messages as caps allow gets it all the same."""

    def __post_init__(self) -> None:
        # By identity msgspec knows what is left out of the document.
        if self.stops == NO_STOPS:
            msgspec.structs.force_setattr(self, "stops", NO_STOPS)

    def share_of(self, slices: int) -> float:
        """Up to which share of the recipients so many slices reach; 1 from the one on that follows the last."""
        return (0.0, *self.canary, 1.0)[min(slices, self.slices)]

    @property
    def slices(self) -> int:
        """How many there are, the last with everybody; 1: it has no canary."""
        return len(self.canary) + 1

    @property
    def waits_for_people(self) -> bool:
        """Whether any of it goes by what people do within `after`."""
        return bool(self.canary or self.max_unanswered or self.stops.replies is not None)

    def at_once(self) -> Care:
        """The same without a canary."""
        care = msgspec.structs.replace(self, canary=())
        return care if care.waits_for_people else msgspec.structs.replace(care, after=ANSWERED_AFTER)

    @property
    def needs_replies(self) -> bool:
        """Whether some of it can only be known where replies are read."""
        return bool(self.asks_replies)

    @property
    def asks_replies(self) -> Sequence[str]:
        """Which of it can only be known where replies are read, as options name them."""
        asked = {
            "--stop-above optouts": self.stops.optouts,
            "--stop-below replies": self.stops.replies,
            "--max-unanswered": self.max_unanswered,
        }
        return [option for option, value in asked.items() if value is not None]

    @property
    def leaves_out(self) -> bool:
        """Whether somebody may be skipped for it."""
        return self.max_unanswered is not None or self.only_known

    def __str__(self) -> str:
        """For people, in one line."""
        said = [f"stops itself at {self.stops}"] if self.stops.are_given else []
        if self.canary:
            shares = ", ".join(map(percent, self.canary))
            said.append(f"canary of {shares}, the next slice {said_span(self.after)} after one has left")
        if self.max_unanswered is not None:
            said.append(f"nobody who has not answered the last {self.max_unanswered}")
        if self.only_known:
            said.append("only contacts and who wrote first")
        if self.cooldown is not None:
            said.append(f"cooldown of {said_span(self.cooldown)}")
        if self.skips_recent:
            said.append("whoever was messaged too lately is skipped")
        if self.beyond_caps:
            said.append("beyond caps")
        return "; ".join(said)


def said_idle_rule(care: Care | None, *, are_caps: bool) -> str | None:
    """That nobody counts as messaged too lately; None: somebody may, or nobody is to be skipped for that.

    `are_caps`: whether any cap holds for all campaigns.
    """
    if care is None or not care.skips_recent or care.cooldown is not None or (are_caps and not care.beyond_caps):
        return None
    missing = (
        "this is beyond caps, and has no --cooldown" if care.beyond_caps else "there is neither --cooldown nor a cap"
    )
    return f"--when-recent skip plays no part: {missing}, so that nobody counts as messaged too lately"


def with_default(care: Care | None, default: Care | None) -> Care | None:
    """What `care` says, and what `default` does of which it says nothing."""
    if care is None or default is None:
        return care or default
    return msgspec.convert(msgspec.to_builtins(default) | msgspec.to_builtins(care), Care)


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What became of messages since a moment. Those through instances whose replies are read are counted apart."""

    sent: int = 0
    failed: int = 0
    read: int = 0
    """Sent, where replies are read."""
    opted_out: int = 0
    """Of these, whose recipient has opted out by a reply."""
    answerable: int | None = None
    """Of these, sent so long ago that there was time to answer; None: not counted."""
    answered: int = 0
    """Of these, to which there is a reply."""


def exceeded(stops: Stops, figures: Figures) -> Iterator[str]:
    """Which limits the figures have passed, in words with the figures: `opted out: 3 of 120 (2.5%), above 2%`."""
    above = (
        ("opted out", figures.opted_out, figures.read, stops.optouts),
        ("failed", figures.failed, figures.sent + figures.failed, stops.failures),
    )
    for what, count, among, limit in above:
        if limit is not None and among >= stops.judged_from and count > limit * among:
            yield f"{what}: {_share(count, among)}, above {percent(limit)}"
    among = figures.answerable or 0
    if stops.replies is not None and among >= stops.judged_from and figures.answered < stops.replies * among:
        yield f"answered: {_share(figures.answered, among)}, below {percent(stops.replies)}"


def stop_reason(told: Sequence[str]) -> str:
    """Why something has paused itself."""
    return STOPPED + "; ".join(told)


def stopped_figures(reason: str | None) -> str | None:
    """Of such a reason, the figures; None: it is another one."""
    return reason.removeprefix(STOPPED) if reason is not None and reason.startswith(STOPPED) else None


def percent(share: float) -> str:
    """`2%`, `0.25%`."""
    return f"{share * 100:.4g}%"


def _share(count: int, among: int) -> str:
    return f"{count:,} of {among:,} ({percent(count / among)})"


class StopChange(NamedTuple):
    """Other limits at which sending pauses itself; None: they stay."""

    above: Mapping[str, float] | None = None
    """The shares of opt-outs and failures by name, instead of all before,"""
    below: Mapping[str, float] | None = None
    """and that of replies."""
    judged_from: int | None = None

    def of(self, before: Stops) -> Stops:
        """What they make of those before. Raises UsageError for a number of messages that nothing needs."""
        values = msgspec.to_builtins(before)
        for names, given in ((_ABOVE, self.above), (_BELOW, self.below)):
            if given is not None:
                values = {name: value for name, value in values.items() if name not in names} | dict(given)
        if self.judged_from is not None:
            values["judged_from"] = self.judged_from
        stops = msgspec.convert(values, Stops)
        if self.judged_from is not None and not stops.are_given:
            raise UsageError("--stop-from says from how many messages on: it goes with --stop-above or --stop-below")
        return stops if stops.are_given else Stops()


class FrequencyChange(NamedTuple):
    """How often its people may have been messaged from now on; None: as before."""

    cooldown: int | None = None
    """Seconds; 0: none."""
    when_recent: WhenRecent | None = None
    beyond_caps: bool | None = None

    def of(self, before: Care) -> Care:
        """What they make of the care before."""
        return msgspec.structs.replace(
            before,
            cooldown=before.cooldown if self.cooldown is None else self.cooldown or None,
            skips_recent=before.skips_recent if self.when_recent is None else self.when_recent is WhenRecent.SKIP,
            beyond_caps=before.beyond_caps if self.beyond_caps is None else self.beyond_caps,
        )


def parse_cooldown(written: str | None) -> int | None:
    """`24h` in seconds, 0 for `none`; None: nothing is written. Raises UsageError."""
    if written is None:
        return None
    return 0 if written.strip().casefold() == _NONE else parse_frequency_span(written, "--cooldown")


def parse_stops(above: str | None, below: str | None, judged_from: int | None) -> StopChange | None:
    """What `--stop-above`, `--stop-below` and `--stop-from` say; None: nothing. Raises UsageError."""
    change = StopChange(_shares("--stop-above", above, _ABOVE), _shares("--stop-below", below, _BELOW), judged_from)
    return None if change == StopChange() else change


def parse_canary(written: str) -> tuple[float, ...]:
    """`2%,10%` as shares that grow, and none for `none`. Raises UsageError."""
    if written.strip().casefold() == _NONE:
        return ()
    found = [_PERCENT.fullmatch(each) for each in written.split(",")]
    shares = tuple(float(each["percent"]) / 100 for each in found if each is not None)
    grows = all(0 < one < other for one, other in zip((0.00001, *shares), (*shares, 1.0), strict=True))
    if None in found or not grows or len(shares) > MOST_SLICES:
        raise UsageError(
            f"--canary {quoted(written)} is not understood: write shares that grow, each below 100%, such as 2%,10%, "
            "or none"
        )
    return shares


def _shares(option: str, written: str | None, names: Sequence[str]) -> dict[str, float] | None:
    """The shares by name: none of them for `none`. None: nothing is written."""
    if written is None:
        return None
    if written.strip().casefold() == _NONE:
        return {}
    shares: dict[str, float] = {}
    for each in written.split(","):
        found = _SHARE.fullmatch(each)
        name = "" if found is None else found["name"].casefold()
        if found is None or name not in names or name in shares or not 0 <= float(found["percent"]) <= 100:
            example = ",".join(f"{name}={share}" for name, share in zip(names, ("2%", "10%"), strict=False))
            raise UsageError(f"{option} {quoted(written)} is not understood: write it like {example}, or none")
        shares[name] = float(found["percent"]) / 100
    return shares
