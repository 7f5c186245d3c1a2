"""Windows, gaps and rules of schedules on pages: in the language, and in English as commands say them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

import pytest

from broadcaster.domain.gaps import Gaps, Rest, Span
from broadcaster.domain.opening_hours import OpeningHours
from broadcaster.domain.recurrence import recurrence
from broadcaster.pages.languages import LANGUAGES
from broadcaster.pages.told_times import told_gaps, told_hours, told_rule
from tests.support.sample_report import HOURS, LEGAL_HOURS, language

OTHERS = [each for each in LANGUAGES if each != "en"]
ANCHOR = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
ALL_HOURS = [
    HOURS,
    LEGAL_HOURS,
    OpeningHours(zone="Europe/Berlin", holidays=("DE",)),
    OpeningHours(zone="Europe/Berlin", is_legal=True, days_off=(date(2026, 12, 24),)),
    OpeningHours(zone="Europe/Berlin", windows=("Fri 22:00-02:00", "Sat,Sun 10:00-24:00", "09:00-10:00")),
]
_OWN = r"Europe/Berlin|Asia/Jakarta|\bDE\b|\bID\b"
"""Names, which are the same in every language."""


@pytest.mark.parametrize("hours", ALL_HOURS, ids=str)
def test_windows_are_told_in_the_language(hours: OpeningHours) -> None:
    assert told_hours(hours, language()) == str(hours)
    english = set(re.findall(r"[A-Za-z]{2,}", re.sub(_OWN, "", str(hours))))
    for code in OTHERS:
        told = set(re.findall(r"[^\W\d_]{2,}", re.sub(_OWN, "", told_hours(hours, language(code)))))
        # Two days are abbreviated alike in English and Indonesian or Portuguese.
        assert english & told <= {"legal", "Sab", "Sun"}, told


def test_windows_in_indonesian() -> None:
    assert told_hours(LEGAL_HOURS, language("id")) == (
        "Sen,Sel 08:00-21:00 dan Sab 10:00-14:00 menurut jam setiap penerima, jam yang sah di negara setiap penerima, "
        "tidak pada hari libur ID dan DE, tidak pada 2 hari yang didaftar"
    )


def test_gaps_and_rests_are_told_in_the_language() -> None:
    gaps = Gaps(Span(20, 60), Rest(Span(300, 300), 50))
    assert list(told_gaps(gaps, language())) == [
        ("Gap between two messages", "20 seconds to 60 seconds"),
        ("Rest", "5 minutes after 50 messages"),
    ]
    assert list(told_gaps(gaps, language("es"))) == [
        ("Pausa entre dos mensajes", "20 segundos a 60 segundos"),
        ("Descanso", "5 minutos tras 50 mensajes"),
    ]


@pytest.mark.parametrize(
    ("cron", "told"),
    [
        ("0 9 * * mon-fri", "Senin-Jumat pukul 09:00"),
        ("30 8,17 * * 0,6", "Sabtu,Minggu pukul 08:30 dan 17:30"),
        ("0 9 * * *", "setiap hari pukul 09:00"),
        ("0 9 * * 5-7", "Jumat-Minggu pukul 09:00"),
        ("15 7 1 * *", "tanggal 1 setiap bulan pukul 07:15"),
        ("*/5 9 * * *", "<code>*/5 9 * * *</code>"),
        ("0 9 L * *", "<code>0 9 L * *</code>"),
        ("0 9 * * mon#1", "<code>0 9 * * mon#1</code>"),
        ("0 9 * 6 *", "<code>0 9 * 6 *</code>"),
        ("0 9 1 * mon", "<code>0 9 1 * mon</code>"),
        ("0 0,1,2,3,4 * * *", "<code>0 0,1,2,3,4 * * *</code>"),
    ],
)
def test_a_rule_of_cron_is_told_or_shown_as_it_was_given(cron: str, told: str) -> None:
    rule = recurrence(cron, None, "Asia/Jakarta", ANCHOR)
    assert told_rule(rule, language("id")) == told
    assert told_rule(rule, language()) == rule.words


def test_an_interval_is_told_by_the_clocks_of_its_schedule() -> None:
    rule = recurrence(None, "2h", "Europe/Berlin", ANCHOR)
    assert told_rule(rule, language()) == "Every 2 hours, counted from Nov 23, 2026, 03:00"
    assert told_rule(rule, language("pt")) == "A cada 2 horas, contado desde 23 de nov. de 2026, 03:00"
    assert told_rule(recurrence(None, "1w", "Europe/Berlin", ANCHOR), language("es")).startswith("Cada 1 semana, ")
