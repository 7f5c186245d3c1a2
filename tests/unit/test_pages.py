"""Pages without a server: languages, charts, what is masked, and that nothing of them is loaded from elsewhere."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from babel.messages.pofile import read_po
from markupsafe import escape

from broadcaster.domain.care import Care, Figures, Stops, exceeded, stop_reason
from broadcaster.domain.course import (
    Course,
    IdleTime,
    LaneTrouble,
    PacedLane,
    RateChange,
    SlotFigures,
    StateChange,
    TimeSpan,
    course_of,
)
from broadcaster.domain.masking import HIDDEN, masked, with_masked_phones, without_numbers
from broadcaster.domain.opening_hours import OpeningHours
from broadcaster.domain.outcomes import Outcome, Resolution
from broadcaster.domain.sharing import MoveReason
from broadcaster.domain.states import CampaignState, LaneHealth, MessageState, OccurrenceState
from broadcaster.errors import UsageError
from broadcaster.pages.campaigns_page import campaigns_page
from broadcaster.pages.charts import course_chart
from broadcaster.pages.environment import stylesheet
from broadcaster.pages.languages import LANGUAGES, language_of
from broadcaster.pages.naming import EVENTS, NAMES
from broadcaster.pages.report_page import report_page
from broadcaster.services.campaigns.full_reports import CampaignReport
from broadcaster.services.inbox_reports import ReplyFigures
from broadcaster.settings import load
from tests.support.sample_report import (
    END,
    NAME,
    START,
    STATES,
    ZONE,
    counts,
    event,
    hostile_report,
    language,
    sample_campaigns,
    sample_report,
    summary,
)
from tests.support.translations import PACKAGES, lacking, path_of, stored, texts

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
OTHERS = [each for each in LANGUAGES if each != "en"]


@pytest.mark.parametrize("code", OTHERS)
def test_every_text_has_a_translation(code: str) -> None:
    assert list(lacking(code)) == []


@pytest.mark.parametrize("code", OTHERS)
def test_every_translation_is_of_a_text_and_has_its_placeholders(code: str) -> None:
    for package in PACKAGES:
        assert path_of(code, package).exists()
        wanted = {message.id for message in texts(package)}
        for message in stored(code, package):
            assert message.id in wanted
            if message.id:
                pairs = [message.id] if isinstance(message.id, str) else list(message.id)
                forms = [message.string] if isinstance(message.id, str) else list(message.string)
                for form in map(str, forms):
                    assert _placeholders(form) <= _placeholders(" ".join(pairs))
                    assert re.findall(r"%(?!\(\w+\)s)", form) == []


def _placeholders(text: str) -> set[str]:
    return set(re.findall(r"%\((\w+)\)s", text))


def test_every_state_has_a_name() -> None:
    enums: list[type[StrEnum]] = [CampaignState, MessageState, LaneHealth, OccurrenceState, Outcome]
    assert {str(each) for enum in enums for each in enum} <= NAMES.keys()
    assert {f"doubt_{each}" for each in (*Resolution, "open")} | {
        f"move_{each}" for each in MoveReason
    } <= NAMES.keys()


def test_a_language_is_chosen_or_set_or_that_of_the_locale() -> None:
    zone = ZoneInfo("UTC")

    def chosen(option: str | None = None, **variables: str) -> str:
        environ = {f"BROADCASTER_{name.upper()}": value for name, value in variables.items()}
        return language_of(load(environ, dotenv=None), zone, option).tag

    assert chosen() == "en"
    assert chosen(locale="id") == "id"
    assert chosen(locale="de_DE") == "en"
    assert chosen(locale="id", language="es") == "es"
    assert chosen("pt-BR", language="es") == "pt-BR"
    with pytest.raises(UsageError, match="--language 'de' is no language of pages: choose one of en, es, id, pt"):
        chosen("de")
    with pytest.raises(UsageError, match="BROADCASTER_LANGUAGE: 'klingon' is no language of pages"):
        chosen(language="klingon")


@pytest.mark.parametrize(
    ("code", "number", "share", "moment", "span"),
    [
        ("en", "1,234.5", "9.5%", "Nov 23, 2026, 19:00", "3 hours, 20 minutes"),
        ("id", "1.234,5", "9,5%", "23 Nov 2026, 19.00", "3 jam, 20 menit"),
        ("es", "1.234,5", "9,5\xa0%", "23 nov 2026, 19:00", "3 horas, 20 minutos"),
        ("pt", "1.234,5", "9,5%", "23 de nov. de 2026, 19:00", "3 horas, 20 minutos"),
    ],
)
def test_numbers_and_moments_are_the_languages_own(code: str, number: str, share: str, moment: str, span: str) -> None:
    told = language(code)
    assert told.number(1234.5) == number
    assert told.percent(0.095) == share
    assert told.moment(NOON) == moment
    assert told.duration(12_000) == span


@pytest.mark.parametrize(
    ("share", "shown"),
    [(0, "0%"), (1, "100%"), (0.5, "50%"), (0.000001, "0.01%"), (0.9999999, "99.99%"), (0.999, "99.9%")],
)
def test_hardly_anything_is_not_nothing_and_nearly_all_is_not_all(share: float, shown: str) -> None:
    assert language().percent(share) == shown


@pytest.mark.parametrize(
    ("phone", "shown"),
    [
        ("6281234567890", "6281•••••••90"),
        ("+62 812-3456-7890", "6281•••••••90"),
        ("12345678", "••••••••"),
        ("ask Ayu Lestari", "••••••••"),
        ("Ayu 0812345678", "••••••••"),
        ("", ""),
    ],
)
def test_a_masked_phone_tells_its_country_and_two_digits(phone: str, shown: str) -> None:
    assert masked(phone) == shown


@pytest.mark.parametrize(
    "written",
    ["0812_3456_7890", "62812x3456789", "628 12 / / / 345 6789", "+62 812-3456-789", "٦٢٨١٢٣٤٥٦٧٨٩", "1_2_3_4_5_6_7"],
)
def test_a_phone_in_a_text_is_masked_however_it_is_written(written: str) -> None:
    shown = with_masked_phones(f"call {written}, line 12")
    assert shown.startswith("call ")
    assert shown.endswith("•, line 12") or re.search(r"•\d\d, line 12$", shown)
    assert len(re.findall(r"\d", shown)) <= 8


def test_a_number_in_brackets_leaves_none_of_them() -> None:
    said = "number (+62 812-3456-789) of Ayu, or (0812) 345-6789 (home)"
    assert without_numbers(said) == "number … of Ayu, or … (home)"
    assert "number 6281••••••89 of Ayu" in with_masked_phones(said)


@pytest.mark.parametrize(
    "text",
    [
        "3 of 20 at 12:30",
        "HTTP 503",
        "code 12, a letter b, code 34567",
        "campaign news 2026-11-29T09:00:00+07:00 goes first",
        "is queued behind campaign news 2026-11-29T09:00:00+07:00, 12 wait",
        "since 2026-11-29 12:30:05 until 2026-12-01",
    ],
)
def test_what_is_no_phone_is_not_masked(text: str) -> None:
    assert with_masked_phones(text) == text


@pytest.mark.parametrize(("count", "among"), [(8, 399), (1_234_567, 12_345_678), (9, 1_234_567), (0, 7_654_321)])
def test_figures_at_which_something_has_paused_itself_are_not_masked(count: int, among: int) -> None:
    stops = Stops(optouts=0.0, failures=0.0, replies=0.9, judged_from=1)
    figures = Figures(failed=count, sent=among - count, read=among, opted_out=count, answerable=among, answered=count)
    reason = stop_reason(list(exceeded(stops, figures)))
    assert f"{count:,} of {among:,} (" in reason
    assert with_masked_phones(reason) == without_numbers(reason) == reason


@pytest.mark.parametrize(
    "text", ["2026-11-29-3456", "+2026-11-29", "62812345678 2026-11-29", "2026-11-29.345", "2026-13-45"]
)
def test_what_only_looks_like_a_day_is_masked(text: str) -> None:
    assert HIDDEN in with_masked_phones(text)
    assert "11-29" not in with_masked_phones(text).removesuffix(" 2026-11-29")


@pytest.mark.parametrize(
    "text",
    ["62812345678 of 399 (2%)", "+62 812-345-678 of 399 (2%)", "8 of 62812345678 (2%)", "1 of 2 (2%) 62812345678"],
)
def test_a_phone_beside_figures_is_masked(text: str) -> None:
    assert "345" not in with_masked_phones(text) + without_numbers(text)


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_page_adds_up_in_every_language(code: str) -> None:
    page = report_page(sample_report(), language(code))
    words = re.sub(r"<[^>]+>", " ", page.split('id="books"')[1].split("</section>")[0])
    numbers = [int(each) for each in re.findall(r"\d+", words.replace(",", "").replace(".", ""))]
    assert numbers[:4] == [12_345, 12_000, 212, 133]
    assert numbers[4:10] == [sum(STATES.values()), *STATES.values()]
    assert campaigns_page(sample_campaigns(), language(code)).count("<tr>") > 14
    heading = {"en": "What became of it", "es": "En qué resultó", "id": "Hasilnya", "pt": "Resultado"}[code]
    assert f'<h2 id="books">{heading}</h2>' in page


def test_a_page_is_one_file_without_script() -> None:
    for page in (report_page(sample_report(), language()), campaigns_page(sample_campaigns(), language())):
        assert "<script" not in page
        assert re.findall(r'(?:src|href)="(?!#content"|data:,")', page) == []
        assert "url(" not in stylesheet()
        assert "http" not in page.replace("http://www.w3.org/2000/svg", "")


def test_a_chart_shows_numbers_as_the_language_writes_them() -> None:
    course = sample_report().course
    assert course is not None
    drawn = course_chart(course, language("es"))
    assert {mark.kind for mark in drawn.marks} == {"closed", "paused", "trouble", "others", "sent", "permitted"}
    page = report_page(sample_report(), language("es"))
    assert ">4.000</text>" in page
    assert ">1.000</text>" in page


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7 * 7 }}", "%(x)s 100%"]
)
def test_what_others_have_written_is_text(text: str) -> None:
    page = report_page(hostile_report(text), language())
    assert f"<h1><bdi>{escape(text)}</bdi></h1>" in page
    assert "<script" not in page
    assert "<img" not in page


def slot(moment: datetime, accepted: int) -> SlotFigures:
    return SlotFigures(moment, accepted, 0, 0, 0, 0)


def lane(rate: float | None = 1.0, hours: OpeningHours | None = None, name: str = "a", burst: int = 0) -> PacedLane:
    return PacedLane(name, rate, burst, hours, [], reads_replies=True)


def course(*lanes: PacedLane, hours: float = 4, **given: Any) -> Course:
    asked: dict[str, Any] = {
        "sending": TimeSpan(NOON, NOON + hours * HOUR),
        "slots": [],
        "lanes": lanes,
        "rate_changes": [],
        "state_changes": [],
        "troubles": [],
        "idle_times": [],
        "hours": None,
        "zone": ZoneInfo("UTC"),
    }
    return course_of(**{**asked, **given})


def permitted(told: Course) -> int | None:
    each = [step.permitted for step in told.steps]
    return None if None in each else sum(filter(None, each))


def test_what_is_permitted_is_the_pace_of_all_lanes_while_it_may_send() -> None:
    assert permitted(course(lane(), lane(2.0))) == 4 * 3_600 * 3
    assert permitted(course(lane(burst=5))) == 4 * 3_600 + 5
    assert permitted(course(lane(), lane(None, name="b"))) is None
    assert permitted(course()) is None


def test_nothing_is_permitted_while_it_is_paused() -> None:
    pauses = [StateChange(NOON + HOUR, "paused"), StateChange(NOON + 2 * HOUR, "running")]
    told = course(lane(), state_changes=pauses)
    assert told.paused == [TimeSpan(NOON + HOUR, NOON + 2 * HOUR)]
    assert permitted(told) == 3 * 3_600
    still = course(lane(), state_changes=pauses[:1])
    assert still.paused == [TimeSpan(NOON + HOUR, NOON + 4 * HOUR)]


def test_nothing_is_permitted_outside_windows_and_all_instances_have_to_be_closed_for_a_band() -> None:
    until_two = OpeningHours(windows=("09:00-14:00",), zone="UTC")
    until_three = OpeningHours(windows=("09:00-15:00",), zone="UTC")
    told = course(lane(hours=until_two), lane(hours=until_three, name="b"))
    assert told.closed == [TimeSpan(NOON + 3 * HOUR, NOON + 4 * HOUR)]
    assert permitted(told) == 5 * 3_600


def test_nothing_is_permitted_while_an_instance_is_not_well_or_nothing_is_due() -> None:
    trouble = LaneTrouble("a", LaneHealth.DOWN, "connection refused", NOON - HOUR, NOON + HOUR)
    told = course(lane(), lane(name="b"), troubles=[trouble])
    assert [(each.span, each.instance, each.reason) for each in told.troubled] == [
        (TimeSpan(NOON, NOON + HOUR), "a", "connection refused")
    ]
    assert permitted(told) == 7 * 3_600
    lasts = LaneTrouble("a", LaneHealth.DOWN, None, NOON + 3 * HOUR, None)
    assert permitted(course(lane(), troubles=[trouble, lasts])) == 2 * 3_600
    idle = [IdleTime("a", NOON + HOUR, NOON + 2 * HOUR), IdleTime("a", NOON + 3 * HOUR, None)]
    assert permitted(course(lane(), idle_times=idle)) == 2 * 3_600
    assert permitted(course(lane(), troubles=[trouble], idle_times=idle)) == 3_600


def test_an_instance_that_had_nothing_to_send_was_in_no_trouble_of_the_campaign() -> None:
    trouble = LaneTrouble("a", LaneHealth.DOWN, "connection refused", NOON + HOUR, NOON + 2 * HOUR)
    waits_for_some = [IdleTime("a", NOON + 1.5 * HOUR, None), IdleTime("b", NOON, None)]
    [told] = course(lane(), lane(name="b"), troubles=[trouble], idle_times=waits_for_some).troubled
    assert told.span == TimeSpan(NOON + HOUR, NOON + 2 * HOUR)
    waits_for_none = [IdleTime("a", NOON + 0.5 * HOUR, None)]
    assert course(lane(), troubles=[trouble], idle_times=waits_for_none).troubled == []


def test_a_rate_counts_from_when_it_was_set() -> None:
    changes = [RateChange(NOON + HOUR, "a", 3.0), RateChange(NOON + 2 * HOUR, "a", 0.5), RateChange(NOON, "b", 9.0)]
    assert permitted(course(lane(), rate_changes=changes)) == 3_600 * (3 + 0.5 + 2)


def test_what_clocks_do_meanwhile_changes_nothing() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    night = TimeSpan(datetime(2026, 10, 24, 22, tzinfo=berlin), datetime(2026, 10, 25, 6, tzinfo=berlin))
    slots = [slot(datetime(2026, 10, 25, 2, 30, fold=fold, tzinfo=berlin), 5) for fold in (0, 1)]
    told = course(lane(), sending=night, slots=slots, zone=berlin)
    assert permitted(told) == 9 * 3_600
    assert [step.accepted for step in told.steps if step.accepted] == [5, 5]
    first, second = (datetime(2026, 10, 25, 2, 30, fold=fold, tzinfo=berlin) for fold in (0, 1))
    assert permitted(course(lane(), sending=TimeSpan(first, second))) == 3_600
    pause = [StateChange(first, "paused"), StateChange(second.replace(minute=15, fold=1), "running")]
    assert permitted(course(lane(), sending=night, state_changes=pause)) == 9 * 3_600 - 2_700


def test_steps_hold_all_that_was_sent_however_long_it_took() -> None:
    for hours in (0.01, 1, 30, 24 * 20, 24 * 400):
        slots = [slot(NOON + timedelta(minutes=5 * n), 7) for n in range(int(min(hours, 48) * 12) + 1)]
        told = course(lane(), hours=hours, sending=TimeSpan(NOON, NOON + hours * HOUR), slots=slots)
        assert told.accepted == 7 * len(slots)
        assert len(told.steps) <= 75


def test_a_catalog_has_the_plural_forms_that_its_header_says() -> None:
    for code in OTHERS:
        with path_of(code, "pages").open("rb") as file:
            catalog = read_po(file, locale=code)
        assert catalog.num_plurals == (1 if code == "id" else 2)
        ngettext = language(code).translations.ngettext
        assert (ngettext("message", "messages", 1) == ngettext("message", "messages", 5)) == (code == "id")
    assert ZONE.key == "Asia/Jakarta"


@pytest.mark.parametrize(
    ("code", "rows", "sent", "cancelled"),
    [
        ("en", ["1 rejected", "2 repeated"], "1 sent", "cancelled"),
        ("es", ["1 rechazada", "2 repetidas"], "1 enviado", "cancelada"),
        ("pt", ["1 rejeitada", "2 repetidas"], "1 enviada", "cancelada"),
        ("id", ["1 ditolak", "2 berulang"], "1 terkirim", "dibatalkan"),
    ],
)
def test_words_agree_with_what_they_count(code: str, rows: list[str], sent: str, cancelled: str) -> None:
    detail = sample_report().detail
    counted = summary(
        **counts(sent=1), total=1, recipients_read=4, recipients_rejected=1, recipients_repeated=2,
        state=CampaignState.CANCELLED,
    )  # fmt: skip
    page = report_page(sample_report(detail=replace(detail, summary=counted)), language(code))
    words = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    assert [each for each in (*rows, sent, cancelled) if each not in words] == []


@pytest.mark.parametrize("code", ["en", *OTHERS])
def test_events_are_told_in_the_language_and_not_as_commands(code: str) -> None:
    events = report_page(sample_report(), language(code)).split('id="events"')[1]
    assert [each for each in EVENTS if re.search(rf"{each}\b", events)] == []
    told = language(code).gettext(EVENTS["campaign submit"])
    assert told in events
    assert language(code).gettext("Submitted").lower() in told, "as beside its moment"


def events_of(report: CampaignReport) -> str:
    """What the events of a report say, without tags."""
    told = report_page(report, language()).split('id="events"')[1].split("</section>")[0]
    return " ".join(re.sub(r"<[^>]+>", " ", told).split())


def test_an_action_is_one_event_and_not_what_the_trail_writes_of_it() -> None:
    retired = [
        event(
            1, END, "instance retire", before={"health": "ok"}, after={"health": "paused", "health_reason": "retired"}
        ),
        event(2, END, "instance retire", before={"retired_at": None}, after={"retired_at": "2026-11-29T16:00:00Z"}),
    ]
    retired = [msgspec.structs.replace(each, object_kind="instance", object_name="third") for each in retired]
    cancelled = [
        event(3, END, "campaign cancel", before={"pending": 302}, after={"cancelled": 302}),
        event(4, END, "campaign cancel", before={"state": "running"}, after={"state": "cancelled"}),
    ]
    told = events_of(sample_report(events=[*retired, *cancelled], moves=[], failovers=[]))
    assert (told.count("instance retired (third)"), told.count("campaign cancelled")) == (1, 1)
    assert "campaign cancelled 302 cancelled" in told
    assert [each for each in ("paused", "health", "state", "→", "-") if f" {each} " in told] == []


def test_what_is_changed_twice_is_two_events() -> None:
    changes = [event(n, END, "campaign set", before={"priority": n}, after={"priority": n + 1}) for n in (1, 2)]
    told = events_of(sample_report(events=changes, moves=[], failovers=[]))
    assert told.count("campaign changed") == 2
    assert "priority 1 → 2" in told
    assert "priority 2 → 3" in told


def test_the_first_row_of_requests_begins_with_the_campaign() -> None:
    began = START + timedelta(minutes=2)
    report = sample_report()
    summary = msgspec.structs.replace(report.detail.summary, started_at=began)
    page = report_page(replace(report, detail=replace(report.detail, summary=summary)), language())
    rows = page.split("Requests as a table")[1].split("<tbody>")[1]
    assert rows.split('<th scope="row">')[1].startswith(language().moment(began))


def times_of(**changes: Any) -> str:
    """What a report says of its times, without tags."""
    return " ".join(re.sub(r"<[^>]+>", " ", report_page(sample_report(**changes), language())).split())


def test_a_report_of_a_cancelled_campaign_says_what_was_never_to_come() -> None:
    detail = sample_report().detail
    cancelled = replace(detail, summary=summary(state=CampaignState.CANCELLED))
    assert "(it was cancelled)" in times_of(detail=cancelled)
    assert "than planned" not in times_of(detail=cancelled)
    unstarted = replace(detail, summary=summary(state=CampaignState.CANCELLED, started_at=None))
    words = times_of(detail=unstarted, course=None, doubts=[])
    assert "Started never" in words
    assert "Doubts There were none: no request was made." in words
    assert "of every request it is known" in times_of(doubts=[])


def test_a_report_says_why_no_end_was_planned() -> None:
    for_nobody = {"planned": None, "events": []}
    assert "none was kept: nobody could tell when it would end" in times_of(**for_nobody)
    assert "none was kept: a schedule submitted it" in times_of(**for_nobody, is_of_schedule=True)
    submitted = event(1, START, "campaign submit", after={"name": NAME, "state": "draft"})
    assert "none was kept: it was submitted as a draft" in times_of(planned=None, events=[submitted])


def test_nobody_can_answer_where_replies_are_not_read() -> None:
    silent = ReplyFigures(0, 0, 0, 0, None)
    assert "Nobody has answered." in times_of(replies=silent)
    deaf = [msgspec.structs.replace(each, reads_replies=False) for each in sample_report().lanes]
    assert "Its instances do not read replies." in times_of(replies=silent, lanes=deaf)


def test_moments_of_a_short_campaign_have_their_seconds() -> None:
    detail = sample_report().detail
    short = summary(finished_at=START + timedelta(minutes=4, seconds=7))
    assert "09:04:07" in report_page(sample_report(detail=replace(detail, summary=short)), language())
    assert "11:25:00" not in report_page(sample_report(), language()).split('id="times"')[1].split("</section>")[0]


def test_a_page_says_at_which_figures_a_campaign_stops_itself_and_since_when_they_count() -> None:
    detail = sample_report().detail
    careful = summary(care=Care(stops=Stops(failures=0.02125)), judged_since=START + timedelta(hours=1))
    page = report_page(sample_report(detail=replace(detail, summary=careful)), language())
    assert "failures above 2.125%, from 50 messages on (counted since Nov 23, 2026, 10:00:00)" in page
    page = report_page(sample_report(detail=replace(detail, summary=careful)), language("es"))
    assert "2,125" in page
