"""What a campaign is and how long it takes: the same, wherever its recipients come from."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from broadcaster.services.audiences.imports import import_file
from broadcaster.services.campaigns.audience_submission import submit_over_audience
from broadcaster.services.campaigns.lifecycle import cancel_campaign
from broadcaster.services.campaigns.new_content import file_url_content, text_content
from broadcaster.services.campaigns.planning import open_work
from broadcaster.services.campaigns.submission import Submission
from broadcaster.services.campaigns.submitting import submit_campaign
from broadcaster.services.instance_health import pause_instance
from broadcaster.services.recipients.list_options import RecipientOptions
from broadcaster.services.recipients.reader import RecipientReader, read_recipients
from tests.support.shop import Shop


def _reader(people: int) -> RecipientReader:
    rows = "".join(f"62812{number:07d}\n" for number in range(people))
    return read_recipients(io.BytesIO(f"phone\n{rows}".encode()), RecipientOptions())


@pytest.mark.parametrize(
    ("rates", "people", "seconds"),
    [
        (("2/s", "1/s"), 30, 9.25),
        (("1/h", "1/h"), 5, 3600.25),
        # The one with a limit gets three of them, and those without one take no time that can be told.
        (("20/min", "unlimited"), 1000, 3.25),
        (("unlimited", "unlimited"), 30, None),
    ],
)
def test_a_file_and_an_audience_of_the_same_people_take_the_same_time(
    shop: Shop, rates: tuple[str, str], people: int, seconds: float | None
) -> None:
    for name, rate in zip("ab", rates, strict=True):
        shop.add(name, rate=rate)
    submission = Submission(name="promo", instances=["a", "b"], content=text_content("Hi"), max_attempts=3)
    with _reader(people) as recipients:
        from_file = submit_campaign(shop.engine, submission, recipients, dry_run=True)
    with _reader(people) as recipients:
        import_file(shop.engine, "people", recipients)
    from_audience = submit_over_audience(shop.engine, submission, "people", dry_run=True)
    assert from_file.total == from_audience.total == people
    assert from_file.seconds_to_send == from_audience.seconds_to_send == (seconds and pytest.approx(seconds))


@pytest.mark.parametrize("draft", [False, True])
def test_what_was_asked_for_is_stored_whatever_the_recipients_come_from(shop: Shop, draft: bool) -> None:
    shop.add("a")
    shop.add("b")
    asked = Submission(
        name="file",
        instances=["b", "a"],
        content=file_url_content("https://example.com/a.pdf", caption="Hi"),
        max_attempts=7,
        starts_at=datetime(2126, 11, 23, 9, tzinfo=UTC),
        priority=-5,
        draft=draft,
    )
    with _reader(3) as recipients:
        submit_campaign(shop.engine, asked, recipients)
    with _reader(3) as recipients:
        import_file(shop.engine, "people", recipients)
    submit_over_audience(shop.engine, replace(asked, name="audience"), "people")
    columns = (
        "state::text, caption, filename, priority, max_attempts, starts_at, segment,"
        " num_nulls(variables, audience_filter, test_of)"
    )
    same = ("draft" if draft else "scheduled", "Hi", None, -5, 7, asked.starts_at, 0, 3)
    stored = "campaigns c JOIN content_versions v ON v.campaign_id = c.id AND v.version = c.content_version"
    assert shop.sql(f"SELECT name, recipients_read, {columns} FROM {stored} ORDER BY name DESC") == [
        ("file", 3, *same),
        ("audience", 0, *same),
    ]
    assert shop.sql("SELECT count(*), count(DISTINCT campaign_id) FROM campaign_lanes") == [(4, 2)]
    assert shop.sql("SELECT count(*) FROM contents") == [(1,)]


def test_what_is_left_is_told_by_instance_with_what_holds_it_back(shop: Shop) -> None:
    for name, rate in zip("abc", ("20/min", "20/min", "unlimited"), strict=True):
        shop.add(name, rate=rate)
    for name in "abc":
        shop.submit(f"by {name}", 2, name)

    def ends_in(name: str) -> float | None:
        plan = open_work(shop.engine, name).plan()
        return plan and plan.seconds

    assert ends_in("by a") == pytest.approx(0.25, abs=0.1)
    assert ends_in("by c") is None
    shop.sql("UPDATE lanes SET not_before = now() + interval '1 hour' WHERE id = (SELECT min(id) FROM lanes)")
    assert ends_in("by a") == pytest.approx(3600, abs=60)
    shop.sql("UPDATE campaign_lanes SET next_due_at = now() + interval '2 hours'")
    assert ends_in("by a") == pytest.approx(7200, abs=60)
    pause_instance(shop.engine, "b")
    assert ends_in("by b") is None
    cancel_campaign(shop.engine, "by a")
    assert open_work(shop.engine, "by a").parts == []
