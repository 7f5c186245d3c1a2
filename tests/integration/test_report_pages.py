"""Reports as pages: what they say equals the tables, whatever happened to a campaign."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest
from sqlalchemy import text

from broadcaster.crypto import open_vault
from broadcaster.db.reading import as_of_now
from broadcaster.domain.proof_format import MessageRecord
from broadcaster.domain.standstill import Scene
from broadcaster.domain.states import MessageState
from broadcaster.pages.campaigns_page import campaigns_page
from broadcaster.pages.report_page import report_page
from broadcaster.services.campaigns.campaign_reports import SentFigures
from broadcaster.services.campaigns.full_reports import (
    CampaignReport,
    read_campaign_report,
    read_campaigns_report,
)
from broadcaster.services.campaigns.lifecycle import cancel_campaign
from broadcaster.services.campaigns.purging import purge_campaign
from broadcaster.services.campaigns.settling import Settlement, settle_messages
from broadcaster.services.consent.block_list import block_phones
from broadcaster.services.figures import exposition
from broadcaster.services.proofs.proof_writer import write_proof
from broadcaster.web.campaign_pages import look_closely
from tests.support.database import as_owner
from tests.support.reading_back import read_back
from tests.support.sample_report import ZONE, language
from tests.support.shop import Shop, drain

NAME = "spring"


@pytest.fixture
def shop(shop: Shop) -> Shop:
    for name in ("a", "b"):
        shop.add(name, "600/min")
    return shop


class Words(HTMLParser):
    """The words of a page, by the section that they stand in."""

    def __init__(self) -> None:
        super().__init__()
        self.section = ""
        self.words: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "section":
            self.section = str(dict(attrs)["aria-labelledby"])

    def handle_endtag(self, tag: str) -> None:
        if tag == "section":
            self.section = ""

    def handle_data(self, data: str) -> None:
        said = " ".join([self.words.get(self.section, ""), *data.split()])
        self.words[self.section] = said.strip()


def read_words(page: str) -> dict[str, str]:
    reader = Words()
    reader.feed(page)
    return reader.words


def words_of(report: CampaignReport) -> dict[str, str]:
    return read_words(report_page(report, language()))


def read(shop: Shop, name: str = NAME) -> CampaignReport:
    return read_campaign_report(shop.engine, name, ZONE)


def sent(shop: Shop) -> None:
    shop.submit(NAME, 40, "a", "b")
    shop.fault(
        "kind=invalid_number,phone=628120000003",
        "kind=invalid_number,phone=628120000005",
        "kind=http_503,nth=3,count=1",
        "kind=drop_before_accept,phone=628120000007,count=1",
    )
    drain(shop)


def test_what_a_page_says_equals_the_tables(shop: Shop) -> None:
    sent(shop)
    shop.sql(
        "INSERT INTO rejected_recipients SELECT id, 90 + n, 'call 0812345678' || n, 'too short: 0812345678' || n"
        " FROM campaigns, generate_series(1, 3) n"
    )
    shop.sql("UPDATE campaigns SET recipients_read = 45, recipients_rejected = 3")
    report = read(shop)
    words = words_of(report)
    states = dict(shop.sql("SELECT state::text, count(*) FROM messages GROUP BY state"))
    assert states["failed"] == 2
    shown = [(state, str(state).replace("_", " ")) for state in ("sent", "failed", "in_doubt") if states.get(state)]
    terms = " + ".join(f"{states[state]} {name}" for state, name in shown)
    assert "45 rows read = 40 messages + 3 rejected + 2 repeated" in words["books"]
    assert f"40 messages = {terms}" in words["books"]
    assert "too short: … 3 line 91" in words["reasons"]
    [(accepted,)] = shop.sql("SELECT count(*) FROM attempts WHERE outcome = 'accepted'")
    assert report.course is not None
    assert report.course.accepted == accepted
    assert f"{accepted} requests were accepted" in words["course"]
    [(others,)] = shop.sql("SELECT count(*) FROM attempts WHERE outcome <> 'accepted'")
    assert sum(step.others for step in report.course.steps) == others
    [(doubts,)] = shop.sql("SELECT count(*) FROM doubts")
    assert sum(each.doubts for each in report.doubts) == doubts > 0
    for instance, total in shop.sql(
        "SELECT i.name, count(*) FROM messages m JOIN instances i ON i.id = m.lane_id GROUP BY i.name"
    ):
        assert f"{instance} ok {total} " in words["instances"]


@pytest.mark.usefixtures("quick_rounds")
def test_why_messages_count_as_sent_adds_up_and_is_the_same_wherever_it_is_told(shop: Shop) -> None:
    phones = [f"62812000000{number}" for number in range(10)]
    shop.submit(NAME, 10, "a", "b")
    shop.fault(
        f"kind=invalid_number,phone={phones[1]}",
        f"kind=drop_before_accept,phone={phones[2]},count=1",
        *(f"kind=drop_after_accept,phone={phones[number]}" for number in (3, 4, 5, 6)),
        f"kind=drop_before_accept,phone={phones[7]}",
    )
    block_phones(shop.engine, [phones[9]])
    drain(shop)
    shop.sql("UPDATE doubts SET ended_at = now()")
    settle: dict[str, Any] = {"settle_seconds": 0.0, "settled_by": "ayu"}
    settle_messages(shop.engine, NAME, Settlement.SENT, phones=phones[3:4], **settle)
    settle_messages(shop.engine, NAME, Settlement.RESEND, phones=phones[2:3], **settle)
    settle_messages(shop.engine, NAME, Settlement.FAILED, phones=phones[7:8], **settle)
    read_back(shop)
    # So many doubts in a row are the account's trouble.
    shop.sql("UPDATE lanes SET health = 'ok', health_reason = NULL, not_before = NULL, failures = 0")
    shop.sql("UPDATE messages SET next_attempt_at = now() WHERE state = 'pending'")
    drain(shop)
    sent = SentFigures(accepted=3, found=3, settled=1)
    [(messages,)] = shop.sql("SELECT count(*) FROM messages WHERE state = 'sent'")
    assert messages == sent.accepted + sent.found + sent.settled, shop.sql(
        "SELECT seq, state, reason, attempt FROM messages"
    )
    assert shop.sql("SELECT sent, accepted, found, settled FROM sent_report") == [(7, 3, 3, 1)]
    assert shop.sql("SELECT accepted FROM speed_report") == [(sent.accepted,)]
    [(accepted,)] = shop.sql("SELECT sum(attempts)::integer FROM attempt_report WHERE outcome = 'accepted'")
    assert accepted == sent.accepted

    report = read(shop)
    assert report.detail.sent == sent
    assert report.course is not None
    assert report.course.accepted == sent.accepted
    assert {each.resolved: each.doubts for each in report.doubts}["found"] == sent.found
    words = words_of(report)
    terms = "3 accepted by the gateway + 3 in doubt, and found in their chats + 1 settled as sent by an operator"
    assert f"7 sent = {terms}" in words["books"]

    lines: list[bytes] = []
    write_proof(shop.engine, open_vault(shop.settings), NAME, None, lines.append)
    proved = [msgspec.json.decode(line, type=MessageRecord) for line in b"".join(lines).splitlines()[1:-1]]
    tried = [each for record in proved for each in record.attempts]
    assert sum(each.outcome == "accepted" for each in tried) == sent.accepted
    assert sum(each.doubt == "found" for each in tried) == sent.found
    assert sum(each.after == "sent" for record in proved for each in record.settlements) == sent.settled
    figures = exposition(shop.engine, shop.settings).decode()
    taken = re.findall(r"^broadcaster_sent_total\{.*\} (.+)$", figures, re.MULTILINE)
    assert sum(map(float, taken)) == sent.accepted, "what an operator settles has not left"
    shop.old.update(shop.accepted())
    with as_owner(shop.engine).begin() as connection:  # whom nothing keeps from setting it back
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("UPDATE campaigns SET finished_at = now() - interval '40 d'"))
    assert purge_campaign(shop.engine, 1, timedelta(days=30)) is not None
    assert read(shop).detail.sent == sent


def test_a_campaign_that_has_sent_nothing_has_a_page_too(shop: Shop) -> None:
    shop.submit(NAME, 3, "a")
    shop.sql("UPDATE campaigns SET state = 'draft', started_at = NULL")
    report = read(shop)
    assert report.course is None
    words = words_of(report)
    assert "3 messages = 0 sent + 0 failed + 3 pending" in words["books"]
    assert "Started not yet" in words["times"]


def test_whoever_did_not_get_it_since_it_was_cancelled_is_told_with_the_others(shop: Shop) -> None:
    shop.submit(NAME, 40, "a", "b")
    cancel_campaign(shop.engine, NAME)
    detail = read(shop).detail
    assert [(each.instance, each.reason) for each in detail.failures] == [
        (name, "the campaign was cancelled") for name in "ab"
    ]
    assert sum(each.messages for each in detail.failures) == detail.summary.cancelled == 40
    told = read_campaigns_report(shop.engine, ids=[detail.summary.id])
    assert [(each.state, each.messages, each.campaigns) for each in told.failures] == [("cancelled", 40, 1)]


def test_the_plan_of_a_submission_is_kept_beside_what_happened(shop: Shop) -> None:
    shop.submit(NAME, 40, "a", "b")
    assert "Will end" in words_of(read(shop))["times"]
    drain(shop)
    report = read(shop)
    assert report.planned is not None
    assert report.detail.summary.finished_at is not None
    assert timedelta(seconds=1) < report.planned.ends_at - report.planned.made_at < timedelta(seconds=4)
    assert "as planned" in words_of(report)["times"]


def test_pauses_and_other_rates_come_from_the_trail(shop: Shop) -> None:
    sent(shop)
    shop.sql("UPDATE campaigns SET started_at = date_bin('1 h', now(), 'epoch') - interval '3 h'")
    shop.sql(
        "INSERT INTO audit_log (at, operator, host, command, db_role, object_kind, object_name, action, before, after)"
        " SELECT started_at + n * interval '1 h', 'ayu', 'office', 'x', 'y', kind, name, 'changed', before::jsonb,"
        " after::jsonb FROM campaigns, (VALUES"
        ' (1.0, \'campaign\', \'{"state": "running"}\', \'{"state": "paused"}\'),'
        ' (1.5, \'campaign\', \'{"state": "paused"}\', \'{"state": "running"}\')) t (n, kind, before, after)'
    )
    shop.sql(
        "INSERT INTO audit_log (at, operator, host, command, db_role, object_kind, object_name, action, before, after)"
        " SELECT started_at + interval '2 h', 'ayu', 'office', 'instance set', 'y', 'instance', 'a', 'changed',"
        " '{\"rate_per_second\": 1}', '{\"rate_per_second\": 10}' FROM campaigns"
    )
    shop.sql(
        "INSERT INTO audit_log (at, operator, host, command, db_role, object_kind, object_name, action, before, after)"
        " SELECT started_at + interval '2 h', 'ayu', 'office', 'instance resume', 'y', 'instance', 'a', 'changed',"
        ' \'{"truth_shown": 15, "truth_missing": 2}\', \'{"truth_shown": 0, "truth_missing": 0}\' FROM campaigns'
    )
    shop.sql("UPDATE campaigns SET created_at = started_at - interval '1 h'")
    course = read(shop).course
    assert course is not None
    assert [span.seconds for span in course.paused] == [1_800]
    hour = 3_600
    permitted = sum(step.permitted or 0 for step in course.steps[: int(3 * hour / course.width.total_seconds())])
    # Instance b at 10 a second but for the pause; a at 1 until the third hour, and at 10 in it. Bursts of ten each.
    assert permitted == pytest.approx(2.5 * hour * 10 + 1.5 * hour * 1 + hour * 10 + 20, abs=4)
    events = words_of(read(shop))["events"]
    assert "ayu instance changed (a)" in events
    assert "resumed" not in events, "that it counts anew what it found is no event of a campaign"


def test_several_campaigns_add_up(shop: Shop) -> None:
    for number in range(3):
        shop.submit(f"c{number}", 10, "a", "b", first=100 * number)
    shop.fault("kind=invalid_number,phone=628120000003")
    drain(shop)
    [(since,)] = shop.sql("SELECT min(started_at) FROM campaigns")
    assert isinstance(since, datetime)
    told = read_campaigns_report(shop.engine, since=since)
    assert [campaign.name for campaign in told.campaigns] == ["c2", "c1", "c0"]
    assert (told.total, told.count(MessageState.SENT), told.count(MessageState.FAILED)) == (30, 29, 1)
    assert [(each.state, each.messages, each.campaigns) for each in told.failures] == [("failed", 1, 1)]
    assert read_campaigns_report(shop.engine, since=since + timedelta(hours=1)).campaigns == []
    one = read_campaigns_report(shop.engine, ids=[told.campaigns[1].id])
    assert [campaign.name for campaign in one.campaigns] == ["c1"]
    assert "30 messages = 29 sent + 1 failed" in read_words(campaigns_page(told, language()))["books"]


def test_phones_are_masked_unless_they_are_asked_for(shop: Shop) -> None:
    sent(shop)
    masked, full = (report_page(read(shop), language(), with_phones=each) for each in (False, True))
    assert "6281200000" not in masked
    assert re.search("6281•+0[35]", masked)
    assert re.search("62812000000[35]", full)


def test_an_outage_is_a_band_with_its_reason_and_permits_nothing(shop: Shop) -> None:
    shop.submit(NAME, 40, "a")
    shop.sql(
        "UPDATE lanes SET health = 'down', health_reason = 'device 6281234567890 is disconnected'"
        " WHERE id = (SELECT id FROM instances WHERE name = 'a')"
    )
    shop.sql("UPDATE campaigns SET started_at = started_at - interval '1 h'")
    shop.sql("UPDATE lane_troubles SET began_at = began_at - interval '40 min'")
    shop.sql("UPDATE lanes SET health = 'ok', health_reason = NULL")
    drain(shop)
    report = read(shop)
    assert report.course is not None
    [trouble] = report.course.troubled
    assert (trouble.instance, trouble.health, trouble.reason) == ("a", "down", "device … is disconnected")
    assert trouble.span.seconds == pytest.approx(2_400, abs=5)
    permitted = sum(step.permitted or 0 for step in report.course.steps)
    assert permitted == pytest.approx(20 * 60 * 10 + 10, abs=100)
    page = report_page(report, language())
    assert 'class="mark-trouble"' in page
    assert "a : down ( device … is disconnected )" in read_words(page)["course"]


def test_time_in_which_nothing_is_due_is_not_permitted(shop: Shop) -> None:
    shop.submit(NAME, 40, "a")
    drain(shop)
    shop.sql("UPDATE idle_times SET began_at = began_at - interval '50 min'")
    shop.sql("UPDATE campaigns SET started_at = started_at - interval '1 h'")
    course = read(shop).course
    assert course is not None
    assert sum(step.permitted or 0 for step in course.steps) == pytest.approx(10 * 60 * 10 + 10, abs=100)


def test_idle_times_are_those_in_which_nothing_of_a_lane_is_due(shop: Shop) -> None:
    shop.submit(NAME, 3, "a")
    idle = "SELECT ended_at = 'infinity', ended_at - began_at FROM idle_times"
    assert shop.sql(idle) == []
    shop.sql("UPDATE campaign_lanes SET next_due_at = now() + interval '1 h'")
    assert shop.sql(idle) == [(False, timedelta(hours=1))]
    shop.sql("UPDATE campaign_lanes SET next_due_at = now() + interval '2 h'")
    [(_, lasts)] = shop.sql(idle)
    assert lasts > timedelta(hours=2)
    shop.sql("UPDATE campaign_lanes SET next_due_at = '-infinity'")
    assert shop.sql(idle) == []
    drain(shop)
    assert shop.sql("SELECT count(*) FROM idle_times WHERE ended_at = 'infinity'") == [(1,)]


def test_trouble_that_passes_at_once_is_not_kept(shop: Shop) -> None:
    shop.sql("UPDATE lanes SET health = 'throttled', health_reason = 'too many'")
    shop.sql("UPDATE lanes SET health = 'down'")
    shop.sql("UPDATE lane_troubles SET began_at = began_at - interval '1 min' WHERE lane_id = 1")
    shop.sql("UPDATE lanes SET health = 'ok'")
    assert shop.sql("SELECT lane_id, health, reason FROM lane_troubles") == [(1, "down", "too many")]


def test_what_a_page_says_is_as_of_one_moment(shop: Shop) -> None:
    shop.submit(NAME, 10, "a")

    def meanwhile(scene: Scene) -> Scene:
        shop.sql("UPDATE messages SET state = 'cancelled' WHERE seq = 1")
        shop.sql("INSERT INTO failovers (campaign_id, lane_id) SELECT campaign_id, lane_id FROM campaign_lanes")
        return scene

    found = look_closely(shop.engine, shop.settings, meanwhile, NAME)
    assert found.detail.summary.cancelled == 0
    assert found.failovers == []
    after = look_closely(shop.engine, shop.settings, lambda scene: scene, NAME)
    assert after.detail.summary.cancelled == 1
    assert len(after.failovers) == 1


def test_the_parts_of_a_report_are_as_of_one_moment(shop: Shop) -> None:
    shop.submit(NAME, 10, "a")
    with as_of_now(shop.engine) as moment:
        before = read_campaign_report(moment, NAME, ZONE)
        shop.sql("UPDATE messages SET state = 'cancelled' WHERE seq = 1")
        report = read_campaign_report(moment, NAME, ZONE)
    assert report.detail.summary == before.detail.summary
    assert report.detail.summary.cancelled == sum(lane.cancelled for lane in report.detail.lanes) == 0
