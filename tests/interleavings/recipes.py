"""How each statement that writes the books is run: its parameters, and what the code runs in the same transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from broadcaster.db.statements import query
from tests.interleavings.transactions import (
    LANES,
    Books,
    Campaign,
    Recipe,
    Side,
    Step,
    claim_token,
    lease_of_claim,
    take_token,
)

HOUR, MINUTE, NOTHING = timedelta(hours=1), timedelta(minutes=1), timedelta(0)
STALE = UUID(int=0xDEAD)
_POLLING: dict[str, Any] = {"first": timedelta(seconds=5), "longest": MINUTE}
_KIND = {"reading": "so it is", "number_class": "plain", "content_kind": "text", "entries": 0}
_BARE = {Campaign.DUE, Campaign.LAST_PENDING, Campaign.BALANCED_PAUSE, Campaign.LAST_DOUBT, Campaign.STRAY}
"""Campaigns that are steered by the statement alone: with the lock before it, others show the same."""
_SENT_AGAIN = (Campaign.EVERYTHING, Campaign.BALANCED, Campaign.FINISHED, Campaign.LAST_DOUBT, Campaign.OLD)
FORGOTTEN = "628777000000"
"""Whose messages are in several campaigns, in different states; a member of the audience, too."""
READMITTED = "628777000002"
"""Who had opted out, and was forgotten, and is known again."""
DIGEST = b"d" * 32
SINCE = datetime(2026, 1, 1, tzinfo=UTC)
"""Since when the careful campaign and the instances are judged."""
STOPPED = "628777000001"
"""Who has opted out, and is still to get messages of several campaigns."""
LOCK_CAMPAIGN = "SELECT id, state FROM campaigns WHERE id = %(campaign_id)s FOR NO KEY UPDATE"
"""What services/campaigns/lifecycle.py does before each of its statements."""
_INSERT_CAMPAIGN = """
WITH campaign AS (
    INSERT INTO campaigns (id, name, state, max_attempts, segment, rest_of)
    SELECT %(campaign_id)s, 'new ' || %(campaign_id)s::text, 'scheduled', 3, %(segment)s, %(rest_of)s RETURNING id
), content AS (
    INSERT INTO content_versions (campaign_id, version, content_id) SELECT id, 1, 1 FROM campaign
)
INSERT INTO campaign_lanes (campaign_id, lane_id) SELECT campaign.id, lanes.id FROM campaign CROSS JOIN lanes
"""
_STAGE = """
INSERT INTO staged_messages (phone, seq, lane_id) SELECT '6299' || n, n, 1 + n % 4 FROM generate_series(1000, 1007) n
"""
_READ = "SELECT FROM campaign_lanes"
"""Held in place of a function, or of limits, which functions take as they are: those find the tables themselves."""
_FILL_SEGMENT = """
INSERT INTO messages_{segment} (seq, lane_id, phone) SELECT n, 1 + n % 4, '6299' || n
FROM generate_series(1000, 1007) n
"""


def _step(
    name: str,
    parameters: Callable[[Books, Side], Mapping[str, Any]] | None = None,
    *,
    decides: bool = False,
    **fixed: Any,
) -> Step:
    """The statement of the file `name`. Its parameters are `fixed`, unless they depend on the books or on the side."""
    return Step(lambda _: query(name), parameters or (lambda _books, _side: fixed), name, decides=decides)


def _sql(text: str, **fixed: Any) -> Step:
    return Step(lambda _: text, lambda _books, _side: fixed)


HOLD_OFF = _step("hold_off_forgetting")
"""Whoever stores recipients has it, before their first row."""


def _leases(side: Side) -> list[UUID]:
    return [lease_of_claim(side, lane) for lane in LANES]


def _outcomes(books: Books, state: str, outcome: str, *, claim: UUID | None = None, attempt: int = 0) -> str:
    """Of all that is being sent, and of all that the first claim of the test may have taken."""
    claimed = [(campaign, seq, 1, claim_token(1)) for campaign, seq in books.pending]
    return _json(
        [
            {
                "segment": 0,
                "campaign_id": campaign,
                "seq": seq,
                "attempt": number + attempt,
                "claim": claim or token,
                "state": state,
                "delay": 0.0,
                "spent": 1,
                "outcome": outcome,
                "reason": "said so",
            }
            for campaign, seq, number, token in [*books.sending, *claimed]
        ]
    )


def _readings(books: Books, sight: str) -> str:
    return _json(
        [
            {"segment": 0, "campaign_id": campaign, "seq": seq, "attempt": attempt, "polls": polls, "sight": sight}
            | _KIND
            for campaign, seq, attempt, polls in books.doubts
        ]
    )


def _worker(label: str, step: Step) -> Recipe:
    return Recipe(label, (step,), worker=True)


def _turn_over(about: str, lanes: Sequence[int], outcomes: Callable[[Books], str] = lambda _: "[]") -> Recipe:
    """A worker's one statement: it writes outcomes, and claims for those lanes."""

    def parameters(books: Books, side: Side) -> dict[str, Any]:
        return {
            "outcomes": outcomes(books),
            "lanes": list(lanes),
            "tokens": [lease_of_claim(side, lane) for lane in lanes],
            "wants": [2] * len(lanes),
            "claim": claim_token(side),
            "lease": HOUR,
            "hold": NOTHING,
            "lead": 0.05,
            "reserve": NOTHING,
        }

    return _worker(f"turn_over that {about}", _step("turn_over", parameters))


def _recording(about: str, state: str, outcome: str, **changes: Any) -> list[Recipe]:
    """By itself, and with a claim for the same lanes in the same statement."""

    def outcomes(books: Books) -> str:
        return _outcomes(books, state, outcome, **changes)

    return [
        _turn_over(f"records {about}", (), outcomes),
        _turn_over(f"records {about} and claims", LANES, outcomes),
    ]


def _sending() -> list[Recipe]:
    lanes = list(LANES)
    taking = {"lanes": lanes, "holder": "new", "lease": HOUR}
    returning = {
        "lanes": lanes,
        "debts": [0.0] * len(lanes),
        "again": [False] * len(lanes),
        "runs": [None] * len(lanes),
    }
    ill: dict[str, Any] = {"health": "down", "reason": "no", "failures": 1, "rest": 9.0, "run": "{}"}
    by_side: dict[str, Callable[[Side], dict[str, Any]]] = {
        "take_lanes": lambda side: {**taking, "token": take_token(side)},
        "release_lanes": lambda side: {**returning, "tokens": _leases(side)},
    }

    def hold(name: str, parameters: Callable[[Side], dict[str, Any]]) -> Recipe:
        return _worker(name, _step(name, lambda _, side: parameters(side)))

    return [
        _turn_over("claims", lanes),
        *(_turn_over(f"claims for lane {lane} alone", [lane]) for lane in (1, 4)),
        *(hold(name, parameters) for name, parameters in by_side.items()),
        *_recording("sent", "sent", "accepted"),
        *_recording("pending", "pending", "throttled"),
        *_recording("in_doubt", "in_doubt", "unknown"),
        *_recording("sent of a stale claim", "sent", "accepted", claim=STALE),
        *_recording("failed of a stale attempt", "failed", "rejected", attempt=-1),
        _worker("end_leases", _step("end_leases", holders=["worker 1", "worker 4"])),
        _worker("recover_leases", _step("recover_leases", request_timeout=MINUTE, ended=["worker 3"])),
        _worker("change_lane_health", _step("change_lane_health", lane=1, token=lease_of_claim(1, 1), **ill)),
        _worker("finish_campaigns", _step("finish_campaigns")),
    ]


def _reconciling() -> list[Recipe]:
    def readings(name: str, sight: str, **fixed: Any) -> Step:
        return _step(name, lambda books, _: {"rows": _readings(books, sight), "read_at": books.read_at, **fixed})

    def note_reads(about: str, *, answered: int, failed: int) -> Recipe:
        counts = {"answered": answered, "failed": failed, "most": 64}
        fixed = {"account": 1, "pace": NOTHING, "rest": MINUTE, **counts}
        return _worker(about, _step("note_reads", lambda books, _: {"read_at": books.read_at, **fixed}))

    return [
        _worker("pick_chats", _step("pick_chats", most=10, pace=NOTHING, **_POLLING)),
        _worker("note_readings", readings("note_readings", "absent", settle=NOTHING, first=MINUTE, polls=1)),
        _worker(
            "note_readings of none", readings("note_readings", "unreadable", settle=NOTHING, first=MINUTE, polls=1)
        ),
        _worker("resolve_doubts found", readings("resolve_doubts", "found", proof=HOUR, hidden=MINUTE)),
        _worker("resolve_doubts absent", readings("resolve_doubts", "absent", proof=HOUR, hidden=MINUTE)),
        _worker("resolve_doubts silent", readings("resolve_doubts", "silent", proof=HOUR, hidden=MINUTE)),
        note_reads("note_reads", answered=1, failed=0),
        note_reads("note_reads of none", answered=0, failed=1),
        _worker("pick_truths", _step("pick_truths", most=10, every=MINUTE, since=NOTHING, until=3 * HOUR)),
        _worker("note_truth", _step("note_truth", account=1, message="1/1/1", kept=200, shown=False, most=40)),
        _worker("stop_sending_through", _step("stop_sending_through", account=2, reason="it lies")),
    ]


def _ticking() -> list[Recipe]:
    mending = (
        _step("mend_lanes", lease=HOUR, lead=0.05),
        _step("mend_limits", grace=76.0),
        _step("mend_frequency", grace=76.0),
        _step("mend_messages", back=1.0),
        _step("mend_turns"),
        _step("mend_accounts", back=1.0, longest_rest=HOUR),
        _step("mend_doubts", back=1.0, gap=0.0, slack=1.0, longest_request=MINUTE, **_POLLING),
    )
    recover, refresh = (
        _step("recover_leases", request_timeout=MINUTE, ended=["worker 3"]),
        _step("refresh_next_due", reserve=NOTHING),
    )
    close, finish = _step("close_cancelled"), _step("finish_campaigns")
    return [
        Recipe("wake_lanes", (_step("wake_lanes", again_after=NOTHING, within=MINUTE, reserve=NOTHING),)),
        Recipe("start_due_campaigns", (_step("start_due_campaigns"),)),
        Recipe("expire_messages", (_step("expire_messages", most=1000),)),
        Recipe("sweep_cancelled", (_step("sweep_cancelled"),)),
        Recipe("close_cancelled", (close,)),
        Recipe("close_cancelled, finish_campaigns", (close, finish)),
        Recipe("refresh_next_due", (refresh,)),
        Recipe("recover_leases, refresh_next_due", (recover, refresh), held=0),
        Recipe("erase_unused_keys", (_step("lock_unused_accounts"), _step("erase_unused_keys", accounts=[5])), held=1),
        Recipe("give_up_doubts", (_step("give_up_doubts", deadline=HOUR, most=1000),)),
        Recipe("mend_limits, mend_frequency", (_sql(_READ), mending[1], mending[2]), held=0),
        Recipe("mend_messages", (mending[3],)),
        Recipe("mend everything", mending, held=0),
    ]


def _limiting() -> list[Recipe]:
    lock = _sql("SELECT FROM lanes WHERE id = 1 FOR NO KEY UPDATE")
    own: dict[str, Any] = {"lane": 1, "most": 20, "span": 3600, "bucket": 75.0, "grace": 75.0, "ramp": []}
    refresh = _step("refresh_limit", limit=1)
    # Who gives a limit to a campaign has paused it: a claim that began before that still takes of it.
    begun = _sql("SELECT FROM lanes WHERE id IN (1, 2, 3, 4) ORDER BY id FOR NO KEY UPDATE")
    joining = _step("limit_campaign", campaign_id=Campaign.LAST_PENDING, limit=5), _step("refresh_limit", limit=5)
    counted = _sql("SELECT FROM limits WHERE id = 5 FOR NO KEY UPDATE")
    # What an account has sent may be more than its new lane's limits allow: here it is not.
    roomy = _sql("DELETE FROM lane_limits WHERE lane_id = 1"), _sql("INSERT INTO lane_limits VALUES (1, 3)")
    return [
        Recipe("limit_campaign", (begun, counted, *joining), held=0),
        Recipe("set_own_limit", (lock, _step("set_own_limit", **own), refresh), held=0),
        Recipe("count_account", (lock, *roomy, _step("count_account", lane=1, account=1)), held=0),
        Recipe("share_limit", (lock, _step("share_limit", lane=1, limit=3)), held=0),
        Recipe("climb_ramps", (_sql(_READ), _step("climb_ramps")), held=0),
        Recipe("refresh_limit", (_sql(_READ), refresh), held=0),
    ]


def _spacing() -> list[Recipe]:
    """As services/frequency.py does it: some of it with claims locked out."""
    lock, read, extend = _step("lock_claims"), _sql(_READ), _step("extend_frequency")
    day = {"span": 86_400, "grace": 75.0}
    at_once: dict[str, Any] = {"open_lanes": [], "open_groups": [], "opens_at": []}
    begin = (read, lock, _sql("DELETE FROM frequency_records"), _step("begin_frequency", **day))
    forget = (read, lock, _sql("DELETE FROM caps"), _step("forget_frequency"))
    return [
        Recipe("begin_frequency", begin, held=0),
        Recipe("lengthen_frequency", (read, lock, _step("lengthen_frequency", span=2 * 86_400)), held=0),
        Recipe("extend_frequency", (read, _sql("UPDATE frequency_records SET since = now()"), extend), held=0),
        Recipe("forget_frequency", forget, held=0),
        Recipe("purge_messaged_phones", (read, _step("purge_messaged_phones", most=10)), held=0),
        Recipe("put_off_recent", (_step("put_off_recent", campaign_id=Campaign.EVERYTHING, **at_once),)),
        Recipe("free_put_off", (_step("free_put_off", campaign_id=None),)),
    ]


def _steering() -> list[Recipe]:
    def steer(name: str, campaign: Campaign, about: str = "", **fixed: Any) -> list[Recipe]:
        step = _step(name, campaign_id=campaign, **fixed)
        label = f"{name}{about} of {campaign.name}"
        bare = Recipe(label, (step,))
        if campaign in _BARE:
            return [bare]
        return [bare, Recipe(f"lock_campaign, {label}", (_sql(LOCK_CAMPAIGN, campaign_id=campaign), step))]

    def settle(campaign: Campaign, target: str) -> list[Recipe]:
        fixed: dict[str, Any] = {
            "settle": NOTHING,
            "phones": None,
            "target": target,
            "settled_by": "me",
            "reason": None,
        }
        return steer("settle_messages", campaign, f" as {target}", **fixed)

    cancelled = [Campaign.EVERYTHING, Campaign.LAST_PENDING, Campaign.BALANCED, Campaign.DRAFT, Campaign.DUE]
    steered = {
        "start_campaign": [Campaign.DRAFT],
        "hasten_campaign": [Campaign.LATER],
        "pause_campaign": [Campaign.EVERYTHING, Campaign.LAST_PENDING],
        "resume_campaign": [Campaign.PAUSED, Campaign.BALANCED_PAUSE],
        "cancel_campaign": cancelled,
    }
    moves = [steer(name, campaign) for name, campaigns in steered.items() for campaign in campaigns]
    retried = (Campaign.EVERYTHING, Campaign.BALANCED, Campaign.FINISHED, Campaign.OLD)
    moves += [steer("retry_campaign", campaign, reasons=None) for campaign in retried]
    moves += [steer("retry_campaign", Campaign.FINISHED, " for a reason", reasons=["because"])]
    moves += [settle(campaign, "pending") for campaign in _SENT_AGAIN]
    moves += [settle(Campaign.LAST_DOUBT, "failed"), settle(Campaign.STRAY, "sent"), settle(Campaign.OLD, "sent")]
    return [*(recipe for move in moves for recipe in move), *_changing()]


def _changing() -> list[Recipe]:
    """As services/campaigns/changing.py does it, which takes messages before counters; and as the tick does."""

    def locked(campaign: Campaign, *steps: Step) -> Recipe:
        label = f"{', '.join(filter(None, (step.name for step in steps)))} of {campaign.name}"
        return Recipe(label, (_sql(LOCK_CAMPAIGN, campaign_id=campaign), *steps))

    def content(campaign: Campaign) -> Step:
        columns = {"content_id": 1, "caption": None, "filename": None, "locale": "en"}
        return _step("change_content", campaign_id=campaign, **columns)

    def lanes(campaign: Campaign, *kept: int) -> Step:
        return _step("change_lanes", campaign_id=campaign, lanes=list(kept), weights=[2.0 for _ in kept])

    queued = Recipe("start_queued_campaign", (_step("start_queued_campaign", campaign_id=Campaign.DRAFT),))
    changed = [
        locked(Campaign.PAUSED, content(Campaign.PAUSED), lanes(Campaign.PAUSED, 2, 3)),
        locked(Campaign.DRAFT, content(Campaign.DRAFT)),
        locked(Campaign.PAUSED, _step("change_hours", campaign_id=Campaign.PAUSED, hours_id=1)),
        # Whoever resumes a campaign may do so between its two transactions: the second is for running ones, too.
        *(locked(campaign, _share(campaign)) for campaign in (Campaign.PAUSED, Campaign.AWAKE)),
        locked(Campaign.PAUSED, _share(Campaign.PAUSED, shares='{"1": 0, "2": 3, "3": 1}')),
    ]
    remove = _step("remove_campaign", campaign_id=Campaign.DRAFT)
    clone = (_step("snapshot_clone", campaign_id=Campaign.PAUSED), _new_campaign(Campaign.NEW), _deal_to_new())
    return [
        queued,
        *changed,
        Recipe("share_pending", (_share(Campaign.DEPRIVED, evenly=False),)),
        Recipe(
            "share_pending by shares", (_share(Campaign.DEPRIVED, evenly=False, shares='{"1": 1, "2": 0, "3": 2}'),)
        ),
        Recipe("remove_campaign", (_sql(_READ), remove), held=0),
        Recipe("a clone of PAUSED", (HOLD_OFF, *clone), held=1),
    ]


def _share(campaign: Campaign, *, evenly: bool = True, to: int | None = None, shares: str | None = None) -> Step:
    fixed: dict[str, Any] = {"campaign_id": campaign, "evenly": evenly, "to": to, "most": None, "reason": "reshared"}
    fixed["shares"] = shares
    return _step("share_pending", **fixed)


def _failing_over() -> list[Recipe]:
    """As the tick does it, and as services/retirement.py does."""
    lock = _sql("SELECT FROM lanes WHERE id = 4 FOR UPDATE")
    return [
        Recipe("begin_failovers", (_step("begin_failovers"),)),
        Recipe("end_failovers, share_pending", (_step("end_failovers"), _share(Campaign.DEPRIVED)), held=0),
        Recipe("stand_in_for_lane", (_step("stand_in_for_lane", lane=2, to=4),)),
        Recipe("retire_instance", (lock, _step("retire_instance", lane=4)), held=1),
        Recipe("share_pending to one", (_share(Campaign.DEPRIVED, evenly=False, to=2),)),
    ]


def _purging() -> list[Recipe]:
    purge = _step("purge_campaign", campaign_id=Campaign.OLD, older_than=24 * HOUR)
    return [Recipe("purge_campaign", (_sql(_READ), purge), held=0)]


def _submitting() -> list[Recipe]:
    into = Step(
        lambda _: query("insert_messages").format(messages="messages"),
        lambda _books, side: {"campaign_id": Campaign.NEW + side, "segment": 0},
        "insert_messages",
    )
    filling = "open_segment", "", "delete_repeated_of_segment", "number_repeated_of_segment", "index_segment"
    shown = _sql(_READ), _segment("attach_segment")
    shared = _new_campaign(Campaign.NEW), _step("stage_messages"), _sql(_STAGE), HOLD_OFF, into
    return [
        Recipe("insert_messages", shared),
        *_over_an_audience(),
        Recipe("a segment", (_new_campaign(Campaign.SEGMENT), *map(_segment, filling), HOLD_OFF, *shown), held=7),
    ]


def _new_campaign(first: Campaign) -> Step:
    """A campaign that only this side knows, over all lanes."""

    def parameters(_books: Books, side: Side) -> dict[str, Any]:
        segment = first + side if first is Campaign.SEGMENT else 0
        return {"campaign_id": first + side, "segment": segment, "rest_of": None}

    return Step(lambda _: _INSERT_CAMPAIGN, parameters, plain=True)


def _deal(campaign: Callable[[Side], int]) -> Step:
    """Whoever is in the snapshot becomes a message of the campaign."""
    return Step(
        lambda _: query("deal_snapshot").format(messages="messages"),
        lambda _books, side: {
            "campaign_id": campaign(side),
            "segment": 0,
            "groups": "{}",
            "digits": 8,
            "shares": None,
        },
        "deal_snapshot",
    )


def _deal_to_new() -> Step:
    return _deal(lambda side: Campaign.NEW + side)


def _segment(name: str) -> Step:
    """A statement on the segment of this side's campaign; without a name one that fills it as `copy_segment` does."""

    def statement(side: Side) -> str:
        return query(name) if name else _FILL_SEGMENT.format(segment=Campaign.SEGMENT + side)

    def parameters(_books: Books, side: Side) -> dict[str, Any]:
        return {"campaign_id": Campaign.SEGMENT + side, "most": 50, "holds": False} if name else {}

    return Step(statement, parameters, name or "copy_segment", plain=True)


def _over_an_audience() -> list[Recipe]:
    campaign: dict[str, Any] = {"campaign_id": Campaign.AUDIENCE}
    template = {
        "required": [],
        "never_blank": True,
        "parts": [],
        "literals": 2,
        "fallbacks": 0,
        "longest": 99,
        "blanks": {},
    }
    selection: dict[str, Any] = {
        "audience_id": 1,
        "wanted": None,
        "campaign_variables": "{}",
        "template": _json(template),
    }
    lock = _step("lock_due_audience_campaign", decides=True, **campaign)
    deal = _deal(lambda _: campaign["campaign_id"])
    run = _step("run_audience_campaign", source="people", nobody="nobody", all_rejected="none", **campaign)
    snapshot = Step(
        lambda _: query("snapshot_audience").format(members="true"),
        lambda _books, _side: selection,
        "snapshot_audience",
    )
    return [
        Recipe("a campaign over an audience", (HOLD_OFF, lock, snapshot, deal, run), held=1),
        Recipe("run_audience_campaign", (run,)),
        Recipe("hold_audience_campaign", (lock, _step("hold_audience_campaign", reason="unclear", **campaign))),
    ]


def _taking_rests() -> list[Recipe]:
    of = {Campaign.FINISHED: 1, Campaign.BALANCED: 3, Campaign.STRAY: 3, Campaign.CLEARED: 3}
    return [_rest(campaign, held=held) for campaign, held in of.items()]


def _rest(of: Campaign, *, held: int) -> Recipe:
    """Of a first campaign. Nothing is refused before: whom it leaves is what the statements say."""

    def latest(_books: Books, side: Side) -> dict[str, Any]:
        return {"first": of, "latest": Campaign.NEW + side}

    def new(_books: Books, side: Side) -> dict[str, Any]:
        return {"campaign_id": Campaign.NEW + side, "segment": 0, "rest_of": of}

    steps = (
        HOLD_OFF,
        _step("lock_first_of_rests", lambda _books, _side: {"name": f"campaign {of:d}"}),
        _step("lock_rests", first=of),
        _step("snapshot_rest", campaign_id=of, first=of, adds_phone=False),
        _step("leave_out_of_rest"),
        _step("read_snapshot", most=1, decides=True),
        Step(lambda _: _INSERT_CAMPAIGN, new, plain=True),
        _deal_to_new(),
        _step("take_rest", latest),
    )
    return Recipe(f"a rest of {of.name}", steps, held=held)


def _forgetting() -> list[Recipe]:
    forget = Step(
        lambda _: query("forget_phone"),
        lambda _books, _side: {"phones": [FORGOTTEN], "digests": [DIGEST], "ending": DIGEST},
        "forget_phone",
        plain=True,
    )
    return [Recipe("forget_phone", (_sql(_READ), forget), held=0)]


def _consenting() -> list[Recipe]:
    """Whoever is forgotten meanwhile is not stopped: the command refuses then."""
    known = replace(_sql("SELECT 1 WHERE NOT EXISTS (SELECT FROM forgotten_phones)"), decides=True)
    evidence: dict[str, Any] = {"lane_id": 0, "way": "command", "words": "asked"}

    def stop(phone: str) -> Step:
        return _step("stop_phone", phone=phone, forms=[phone], inbound_id=None, **evidence)

    def end(phone: str) -> Step:
        fixed: dict[str, Any] = {"phone": phone, "lane_id": None, "ways": None, "way": "command", "words": None}
        return _step("end_opt_outs", inbound_id=None, said_at=None, **fixed)

    numbers = ", ".join(f"('{phone}', '{{{phone}}}')" for phone in (STOPPED, FORGOTTEN))
    staged = _sql(f"INSERT INTO staged_opt_outs VALUES {numbers}")
    stage = replace(_step("stage_opt_outs"), plain=True), replace(staged, plain=True)
    confirm = _step("note_confirmation", lane_id=1, forms=[FORGOTTEN], opt_out_id=1)
    end_staged = _step("end_staged_opt_outs", lane_id=None, way="file", words=None)
    readmit = _step("readmit_opt_outs", digest=b"e" * 32, phone=READMITTED, forms=[READMITTED])
    return [
        Recipe("stop_phone", (HOLD_OFF, known, stop(FORGOTTEN))),
        Recipe("stop_phone of who is stopped", (HOLD_OFF, known, stop(STOPPED))),
        Recipe("stop_staged", (HOLD_OFF, known, *stage, _step("stop_staged", **evidence))),
        Recipe("end_opt_outs", (_sql(_READ), end(STOPPED)), held=0),
        Recipe("end_staged_opt_outs", (_sql(_READ), *stage, end_staged), held=0),
        Recipe("stop_phone, end_opt_outs", (HOLD_OFF, known, stop(FORGOTTEN), end(FORGOTTEN)), held=2),
        Recipe("skip_opted_out of EVERYTHING", (_step("skip_opted_out", campaign_id=Campaign.EVERYTHING),)),
        Recipe("readmit_opt_outs", (_sql(_READ), readmit), held=0),
        Recipe("note_confirmation", (HOLD_OFF, known, stop(FORGOTTEN), confirm), held=3),
        *_requiring_consent(known),
    ]


def _requiring_consent(known: Step) -> list[Recipe]:
    """Whoever is forgotten meanwhile agrees to nothing: the command refuses then."""
    campaign = {"campaign_id": Campaign.CONSENTING}
    lock = _step("lock_due_careful_campaign", decides=True, **campaign)
    skip, run = (_step(name, **campaign) for name in ("skip_without_consent", "run_careful_campaign"))
    numbers = ", ".join(f"('{phone}', '{{{phone}}}')" for phone in (STOPPED, FORGOTTEN))
    staged = _sql(f"INSERT INTO staged_consents VALUES {numbers}")
    stage = replace(_step("stage_consents"), plain=True), replace(staged, plain=True)
    return [
        Recipe("a campaign that requires consent", (lock, skip, run), held=0),
        Recipe("skip_without_consent", (lock, skip), held=1),
        Recipe("run_careful_campaign", (lock, skip, run), held=2),
        Recipe(
            "keep_staged_consents",
            (HOLD_OFF, known, *stage, _step("keep_staged_consents", source="form", came_with="list")),
        ),
    ]


def _careful() -> list[Recipe]:
    """Campaigns and instances that pause themselves, canaries, and who is left out at the start."""
    careful: dict[str, Any] = {"campaign_id": Campaign.CAREFUL}
    row = _step("lock_campaign_row", decides=True, **careful)
    since = {"since": SINCE}
    stop = _step("stop_campaign", reason="too many", **careful, **since)
    opens = _step("open_slice", open=1, **careful, **since)
    of_segment: dict[str, Any] = {"segment": 0, "beyond": 0, "most": 10, **careful}
    release_first = _step("release_slice", share=0.25, open=1, **of_segment)
    release = _step("release_slice", share=1.0, open=2, **of_segment)
    released_first, released = (_step("note_slice_released", open=number, **careful) for number in (1, 2))
    anew = _step("judge_anew", **careful)
    at_once = _sql("UPDATE campaigns SET care = care - 'canary' WHERE id = %(campaign_id)s", **careful)
    drop = _step("drop_canary", **careful)
    instance = _step("lock_instance_row", instance_id=1), _step("stop_instance", instance_id=1, reason="so", **since)
    consenting = {"campaign_id": Campaign.CONSENTING}
    start = _step("lock_due_careful_campaign", decides=True, **consenting)
    candidates = replace(_step("candidates_of_messages", segment=0, require_consent=True, **consenting), plain=True)
    mark = _sql("UPDATE candidates SET reason = 'not_known'")
    skip = _step("skip_marked", segment=0, **consenting)
    return [
        Recipe("stop_campaign", (row, stop)),
        Recipe("open_slice, release_slice", (row, opens, release, released), held=2),
        Recipe("release_slice", (row, release_first)),
        Recipe("release_slice, note_slice_released", (row, release_first, released_first), held=1),
        Recipe("judge_anew", (row, anew)),
        Recipe("drop_canary", (row, at_once, drop), held=1),
        Recipe("drop_canary, release_slice", (row, at_once, drop, release, released), held=3),
        Recipe("stop_instance", instance, held=1),
        Recipe("skip_marked", (start, candidates, mark, skip), held=3),
    ]


def _reading_replies() -> list[Recipe]:
    """Whoever is forgotten meanwhile is not taken in."""
    account: dict[str, Any] = {"account": 4}
    known = replace(_sql("SELECT 1 WHERE NOT EXISTS (SELECT FROM forgotten_phones)"), decides=True)
    moment = "2026-02-01T00:00:00Z"
    chats = [{"chat": chat, "changed_at": "2026-02-02T00:00:00Z", "is_ours": False} for chat in (FORGOTTEN, STOPPED)]
    said = {"chat": FORGOTTEN, "phone": FORGOTTEN, "forms": [FORGOTTEN], "body": "STOP", "said_at": moment}
    reading = {"chat": FORGOTTEN, "changed_at": moment, "answered": True, "is_whole": True, "read_until": moment}
    listed: dict[str, Any] = {"latest": moment, "complete_since": moment, "first_watermark": None, "trouble": None}
    take_in = (
        HOLD_OFF,
        known,
        _step(
            "note_inbound",
            lane_id=4,
            messages=_json([{"identity": "02", "meaning": "stop", **said}]),
            tolerance=MINUTE,
            **account,
        ),
        _step(
            "note_chat_readings",
            readings=_json([{"reads": 1, **reading}]),
            tries=5,
            next=MINUTE,
            trouble=None,
            **account,
        ),
    )
    return [
        Recipe("pick_inboxes", (_step("pick_inboxes", most=10, pace=NOTHING),)),
        Recipe(
            "note_chat_list",
            (_sql(_READ), _step("note_chat_list", polls=1, chats=_json(chats), **listed, **account)),
            held=0,
        ),
        Recipe("pick_inbox_chats", (_sql(_READ), _step("pick_inbox_chats", most=10, again=MINUTE, **account)), held=0),
        Recipe("note_inbound, note_chat_readings", take_in, held=2),
        Recipe("purge_inbound", (_sql(_READ), _step("purge_inbound", older_than=HOUR, most=10)), held=0),
    ]


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


RECIPES = [
    *_sending(),
    *_reconciling(),
    *_ticking(),
    *_limiting(),
    *_spacing(),
    *_steering(),
    *_failing_over(),
    *_purging(),
    *_submitting(),
    *_taking_rests(),
    *_forgetting(),
    *_consenting(),
    *_careful(),
    *_reading_replies(),
]
"""Every transaction that writes the books."""

PAUSED_BEFORE = Recipe("resume_campaign of EVERYTHING", (_step("resume_campaign", campaign_id=Campaign.EVERYTHING),))
"""Does something only where that campaign has been paused before."""
