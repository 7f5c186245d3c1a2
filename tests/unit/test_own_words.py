"""Every sentence of ours that a page may show is known to it, and told in its language; what others say is quoted."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

import broadcaster
from broadcaster.domain.care import Care, Stops
from broadcaster.domain.changed_settings import shown_settings
from broadcaster.domain.frequency import PersonRule, WaitingPeople, they_were
from broadcaster.domain.gaps import Gaps, Rest, Span
from broadcaster.domain.phones import PhoneFault
from broadcaster.domain.sharing import Sharing
from broadcaster.domain.skips import SkipReason
from broadcaster.domain.standstill import Cause, Remedy, Standstill, What
from broadcaster.domain.states import MessageState
from broadcaster.pages.languages import LANGUAGES
from broadcaster.pages.naming import SETTINGS
from broadcaster.pages.own_texts import OWN_TEXTS
from broadcaster.pages.own_words import in_own_words, own_words, reason_shown, told_standstill
from broadcaster.services.campaigns.campaign_reports import what_cancelling_does
from tests.support.sample_report import language, summary

ROOT = Path(broadcaster.__file__).parent
RECONCILER = ROOT / "services/reconcile/reconciler.py"
OTHERS = [each for each in LANGUAGES if each != "en"]
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
WORDED = {
    "domain/campaign_causes.py": r"broadcaster | and 7 more$|[ ,;:]+$",
    "domain/instance_causes.py": r"broadcaster |key\||, retry those| with its former| ",
    "domain/inbox_causes.py": r"broadcaster | --instance|7 X$",
    "domain/receiver_causes.py": r"broadcaster |private webhooks are not allowed",
    "domain/schedule_causes.py": r"broadcaster | --occurrence",
    "domain/unsettled_causes.py": r"broadcaster ",
    "services/reconcile/reconciler.py": r"cannot |not readable: X$",
    "domain/readback.py": r"_X$",
    "domain/holds.py": r"X: X$|XX: | and 7 more$|X at X$|X now$",
    "domain/schedules.py": r"$.",
    "services/campaigns/over_audience.py": r"X, | where |audience X$|$.",
    "domain/truth.py": r"7 to 7$|\.0%",
}
"""Files whose texts pages show, each with the beginnings of those that are no sentences."""
SAMPLES = {
    "what_it_does(part.lane)": "is down",
    "what_it_does(lane)": "is down",
    "waits": "may send 20/min",
    "lane.rest": "5m..10m after 50",
    "lane.gap": "20s..1m",
    "', next message' if slot else ''": ", next message",
    "counted(standing.in_doubt)": "3 messages",
    "counted(each.unknown)": "3 messages",
    "'it was' if each.unknown == 1 else 'they were'": "they were",
    "said.why": "the list does not reach back",
    "people": "3 people",
    "they_were(part.person_rule)": "were messaged within its cooldown",
    "' or '.join((they_were(rule) for rule in PersonRule if rule in rules))": "have had as many as caps allow",
    "former": "",
    "source": "audience customers where city=Bandung",
    "again": ", retry those who failed with `broadcaster campaign retry spring`",
    "noticed": "missed: noticed 0:05:00 after it was due",
    "', next try' if tried else ''": ", next try",
}
"""What stands for a part of a text; a number for what is counted, and X for a name."""


def literals(path: Path) -> Iterator[str]:
    """The texts of a module with a blank in them: no documentation, with samples for what is put into them."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inside, told = set(), []
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            inside.add(node.value)
        elif isinstance(node, ast.JoinedStr):
            inside |= {each for each in ast.walk(node) if isinstance(each, ast.Constant | ast.JoinedStr)} - {node}
            told.append(node)
    for joined in told:
        if joined not in inside:
            yield "".join(
                str(each.value) if isinstance(each, ast.Constant) else sample(each)
                for each in joined.values
                if isinstance(each, ast.Constant | ast.FormattedValue)
            )
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in inside and " " in node.value:
            yield node.value


def sample(part: ast.FormattedValue) -> str:
    written = ast.unparse(part.value)
    is_number = part.format_spec is not None or re.search(r"\b(count|number|missing|shown)\b", written)
    return SAMPLES.get(written, "7" if is_number else "X")


@pytest.mark.parametrize("name", WORDED)
@pytest.mark.parametrize("code", OTHERS)
def test_every_sentence_of_ours_is_told_in_the_language(name: str, code: str) -> None:
    texts = [each for each in literals(ROOT / name) if not re.match(WORDED[name], each)]
    assert texts
    told = language(code)
    assert [each for each in texts if own_words(each, told) in (None, each)] == []


@pytest.mark.parametrize("code", OTHERS)
def test_what_cancelling_does_is_told_of_every_message_in_the_language(code: str) -> None:
    counts = dict(zip(map(str, MessageState), range(1001, 1010), strict=True))
    said = what_cancelling_does(summary(audience=None, **counts))
    numbers = [int(number.replace(",", "")) for number in re.findall(r"[\d,]*\d", said)]
    assert sorted(numbers) == sorted(counts.values())
    told = language(code)
    assert [each for each in said.split(", ") if own_words(each, told) in (None, each)] == []
    assert own_words(said, told) is not None
    assert own_words("nobody has got it, and nobody will", told) is not None


@pytest.mark.parametrize("code", OTHERS)
def test_every_reason_that_statements_write_is_told_in_the_language(code: str) -> None:
    written = set()
    for path in (ROOT / "db").rglob("*.sql"):
        statement = path.read_text(encoding="utf-8")
        chosen = " ".join(re.findall(r"\breason = CASE(.*?)\bEND\b", statement, re.DOTALL))
        written |= set(re.findall(r"\breason = '([^']+)'", statement)) | set(
            re.findall(r"(?:THEN|ELSE) '([^']+)'", chosen)
        )
    assert {"the campaign was cancelled", "read back: not in the chat", "opted_out"} <= written
    others = {"failover", "in_doubt", "retired"}
    assert [each for each in sorted(written - others) if own_words(each, language(code)) is None] == []


@pytest.mark.parametrize("code", OTHERS)
def test_reasons_of_phones_and_of_stops_are_told_in_the_language(code: str) -> None:
    told = language(code)
    assert [each for each in PhoneFault if own_words(each.sentence, told) in (None, each.sentence)] == []
    stop = "stopped by its own limit: opted out: 3 of 120 (2.5%), above 2%; failed: 9 of 20 (45%), above 20%"
    assert own_words(stop, told) not in (None, stop)
    assert re.search("opted| of ", str(own_words(stop, told))) is None


@pytest.mark.parametrize("code", LANGUAGES)
def test_why_somebody_is_skipped_is_told_in_words(code: str) -> None:
    said = [own_words(reason.value, language(code)) for reason in SkipReason]
    assert [each for each in said if each is None or "_" in each] == []
    assert code != "en" or said[0] == "opted out"


def test_what_a_chat_tells_is_ours_after_words_that_are_not() -> None:
    ours = "its chat does not show it, but too few like it were found in chats to be sure that it was not sent"
    told = own_words(ours, language("es"))
    assert told not in (None, ours)
    shown = f"<q><bdi>operation timed out</bdi></q>; <bdi>{told}</bdi>"
    assert reason_shown(f"operation timed out; {ours}", language("es")) == shown
    assert reason_shown("wait; then try", language("es")) == "<q><bdi>wait; then try</bdi></q>"


@pytest.mark.parametrize("code", OTHERS)
@pytest.mark.parametrize(
    "reading",
    [
        *(each for each in literals(RECONCILER) if not re.match("cannot |not readable", each)),
        "not readable: HTTP 503; try later",
        "its chat was never read back",
    ],
)
def test_what_a_chat_tells_is_told_apart_from_what_was_said_before(reading: str, code: str) -> None:
    told = language(code)
    ours = own_words(reading, told)
    assert ours not in (None, reading)
    for theirs in ("HTTP 504", "HTTP 502: bad; gateway", "timed out; at 12:00, or later"):
        assert own_words(f"{theirs}; {reading}", told) is None
        assert reason_shown(f"{theirs}; {reading}", told) == f"<q><bdi>{theirs}</bdi></q>; <bdi>{ours}</bdi>"
    for said in ("the reply is not JSON", "the reply says neither accepted nor refused: so; be it"):
        assert own_words(f"{said}; {reading}", told) == f"{own_words(said, told)}; {ours}"


def test_a_limit_ends_where_its_name_does() -> None:
    told = language("id")
    assert own_words("limit 5/d, again at 09:00", told) == "batas 5/d, lagi pada 09:00"
    assert own_words("limit tiny, 10/h, again", told) == "batas tiny, 10/h, lagi"
    assert own_words("limit tiny, 10/h, again now", told) == "batas tiny, 10/h, lagi sekarang"
    assert own_words("is down, next try now", told) == "tidak dapat dihubungi, percobaan berikutnya sekarang"
    said = own_words("has sent all that limit tiny, 10/h, allows", told)
    assert said == "sudah mengirim semua yang diizinkan batas tiny, 10/h"


@pytest.mark.parametrize("code", OTHERS)
def test_how_many_wait_for_people_is_told_in_the_language(code: str) -> None:
    told = language(code)
    said = [WaitingPeople(rule, count, NOON).says("{:%H:%M}".format) for rule in PersonRule for count in (1, 1_200)]
    assert [
        each for each in said if own_words(each, told) in (None, each) or "12:00" not in str(own_words(each, told))
    ] == []
    both = f"they {' or '.join(map(they_were, PersonRule))}"
    assert own_words(both, told) not in (None, both)


def test_a_standstill_is_told_with_all_its_parts() -> None:
    found = Standstill(
        What.CAMPAIGN,
        "spring",
        Cause.INSTANCES,
        "stands still",
        Remedy("go on with", "broadcaster instance resume a"),
        detail="instance a is down, instance b is stopped and 3 more",
        since=NOON,
        next_try=NOON,
        waiting=1_200,
    )
    told = language()
    assert told_standstill(found, told) == found.sentence(told.moment).partition(": go on")[0]
    assert told_standstill(found, language("id")) == (
        "kampanye spring tidak bergerak sejak 23 Nov 2026, 19.00: nomor pengirim a tidak dapat dihubungi, nomor "
        "pengirim b dihentikan dan 3 lagi; percobaan berikutnya 23 Nov 2026, 19.00; 1.200 pesan menunggu"
    )


CARE = Care(
    stops=Stops(optouts=0.02, failures=0.1, replies=0.01, judged_from=80),
    canary=(0.02, 0.1),
    after=1_800,
    max_unanswered=3,
    only_known=True,
    cooldown=86_400,
    skips_recent=True,
    beyond_caps=True,
)


@pytest.mark.parametrize("code", OTHERS)
@pytest.mark.parametrize(
    "setting",
    [
        CARE,
        CARE.stops,
        Gaps(Span(20, 60), Rest(Span(300, 600), 50)),
        Gaps(rest=Rest(Span(300, 300), 1)),
        Sharing(failover_after=900, sticky=True, failover_sticky=True),
    ],
    ids=lambda each: type(each).__name__,
)
def test_a_setting_that_an_event_shows_is_told_with_all_its_parts(setting: object, code: str) -> None:
    told = own_words(str(setting), language(code))
    assert told is not None
    parts = [part for part in re.split("[,;] ", str(setting)) if re.search("[a-z]", part)]
    assert [part for part in parts if part in re.split("[,;] ", told)] == []


def test_every_setting_that_the_trail_names_on_a_report_has_a_name_there() -> None:
    """Of instances, limits and campaigns; what triggers keep is listed in their arguments."""
    statement = (ROOT / "db/schema/functions/audit_change.sql").read_text(encoding="utf-8")
    kept = re.findall(r"audit_change\(\s*'(?:instance|limit|campaign)',(.+?)\);", statement, re.DOTALL)
    columns = {name for columns in kept for name in re.findall(r"'\*?(\w+)'", columns)}
    assert {"gaps", "ramp", "care"} <= columns
    for name in ("content_for_audit", "account_for_audit"):
        columns |= set(
            re.findall(r"'(\w+)', ", (ROOT / f"db/schema/functions/{name}.sql").read_text(encoding="utf-8"))
        )
    shown = shown_settings(dict.fromkeys(columns, 1), {1: "always"}, str)
    assert sorted(shown.keys() - SETTINGS.keys()) == []


def test_a_moment_that_never_was_is_told_as_nothing() -> None:
    values = {"read_since": "-infinity", "ends_at": "infinity", "name": "infinity"}
    assert shown_settings(values, {}, str) == {"read_since": "-", "ends_at": "-", "name": "infinity"}


def test_what_others_say_is_quoted_and_stays_as_it_is() -> None:
    told = language("es")
    words = "number blocked and <b>refused</b> at 12:00"
    assert own_words(words, told) is None
    assert in_own_words(words, told) == words
    assert reason_shown(words, told) == "<q><bdi>number blocked and &lt;b&gt;refused&lt;/b&gt; at 12:00</bdi></q>"
    assert reason_shown("read back", told) == "<bdi>encontrado al releer</bdi>"
    assert own_words("HTTP 402: the account has no credit or no subscription", told) == (
        "HTTP 402: la cuenta no tiene saldo o suscripción"
    )
    assert own_words("HTTP 402: pay first", told) is None
    # Ours, with words of theirs in it.
    mixed = "refused 5 attempts in a row with “go away”, which no rule knows"
    assert own_words(mixed, told) == "rechazó 5 intentos seguidos con “go away”, que ninguna regla conoce"


@pytest.mark.parametrize(
    "words", [", messages wait", ",,, people", "%(count)s messages", "its start and " * 300, "; , ; "]
)
def test_whatever_others_say_can_be_shown(words: str) -> None:
    assert reason_shown(words, language("pt")).striptags() == " ".join(words.split())


def test_no_two_texts_are_alike_and_english_stays_as_it_is() -> None:
    assert len(set(OWN_TEXTS)) == len(OWN_TEXTS)
    for text in OWN_TEXTS:
        if "%(" not in text:
            assert own_words(text, language()) == text
